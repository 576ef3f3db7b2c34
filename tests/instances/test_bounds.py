"""Best known bounds: values from the shipped tables, dates, and the gap."""

from __future__ import annotations

import pytest

from makespan.instances.bounds import Bound, best_known, gap
from makespan.instances.sets import bound_rows, collections, load


def test_bounds_have_source_and_date() -> None:
    """ft10 was open for 26 years; its optimum is 930."""
    bound = best_known("ft10")
    assert bound is not None
    assert (bound.lower_bound, bound.upper_bound, bound.status) == (930, 930, "optimal")
    assert "OptalCP" in bound.source and bound.date == "2026-06-01"


@pytest.mark.parametrize("name", ["ft06", "edata/la01", "j1201_1", "tfs001", "tai04x04_01", "j10/psp1"])
def test_an_instance_has_the_bound_of_its_name(name: str) -> None:
    """Looked up by content under its own name."""
    assert best_known(load(name)) == best_known(name) is not None


def test_a_changed_copy_has_no_bound() -> None:
    """The name stays, the problem is another."""
    ft06 = load("ft06")
    assert best_known(ft06.replace(duration=ft06.duration + 1)) is None
    assert best_known(load("la01").named("anything")) is None


def test_a_file_called_as_in_another_set_gets_its_own_bound() -> None:
    """A file la01.fjs is found among all sets that have an la01."""
    edata = load("edata/la01")
    assert best_known(edata.named("la01")) == best_known("edata/la01") != best_known("la01")


def test_infeasible_and_unknown_have_no_upper_bound() -> None:
    """psp2 of j10 has no schedule; for rg30 only lower bounds are shipped; the example plant has none."""
    infeasible, unknown = best_known("j10/psp2"), best_known("set1_pat1")
    assert infeasible == Bound(None, None, "infeasible", "kobe optimum file", "2025-02-25")
    assert unknown is not None and (unknown.lower_bound, unknown.upper_bound, unknown.status) == (58, None, "unknown")
    assert best_known("small_plant") is None and best_known("no such name") is None
    assert gap(10, infeasible) is None and gap(10, None) is None


def test_the_gap_is_relative_to_the_upper_bound() -> None:
    """(1100 - 1000) / 1000; a new best is negative."""
    bound = Bound(900, 1000, "open", "", None)
    assert gap(1100, bound) == 0.1 and gap(990, bound) == -0.01


def test_no_lower_bound_exceeds_its_upper_bound() -> None:
    """Over all rows of all tables; equal exactly where the status says optimal."""
    for collection in collections():
        for row in bound_rows(collection):
            if row["lower_bound"] and row["upper_bound"]:
                lower, upper = int(row["lower_bound"]), int(row["upper_bound"])
                assert lower <= upper and (lower == upper) == (row["status"] == "optimal"), row
