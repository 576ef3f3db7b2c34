"""Runs as columns: who is compared, and what the gaps are taken against."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from makespan.eval.results import read_results
from makespan.instances.instance import Instance
from makespan.instances.sets import load
from tests.eval.runs import make_run, make_store, objectives_store

MINE = Instance.job_shop([[0, 1], [1, 0]], [[4, 2], [3, 3]], name="mine")


def test_a_gap_is_taken_against_the_table_that_comes_along(tmp_path: Path) -> None:
    """Also where an older value was stored with the run; the source and its date are known."""
    store = make_store(tmp_path / "r.sqlite", [make_run("ft06", "a", 60, best_known=58, gap=2 / 58)])
    results = read_results([store])
    assert results.gap.tolist() == [5 / 55]
    reference = results.instances[0].reference
    assert (reference.value, reference.lower_bound, reference.date) == (55, 55, "2026-06-01")


def test_an_instance_of_ones_own_is_judged_by_the_stored_value_or_the_best_run(tmp_path: Path) -> None:
    """And says so; without any schedule there is no gap at all."""
    other = Instance.job_shop([[0]], [[5]], name="other")
    nothing = Instance.job_shop([[0]], [[6]], name="nothing")
    runs = [make_run(MINE, "a", 9, best_known=6, gap=0.5), make_run(MINE, "b", 6, best_known=6, gap=0.0)]
    runs += [make_run(other, "a", 8), make_run(other, "b", 5), make_run(nothing, "a", None)]
    results = read_results([make_store(tmp_path / "r.sqlite", runs)])
    assert [round(value, 9) for value in results.gap[:4]] == [0.5, 0.0, 0.6, 0.0] and np.isnan(results.gap[4])
    sources = {each.name: each.reference.source for each in results.instances}
    assert sources == {"mine": "stored with the runs", "other": "best of these runs", "nothing": ""}


def test_a_reference_of_zero_gives_no_gap(tmp_path: Path) -> None:
    """Tardiness may be 0; nothing lies some per cent above that."""
    results = read_results([make_store(tmp_path / "r.sqlite", [make_run(MINE, "a", 0), make_run(MINE, "b", 4)])])
    assert np.isnan(results.gap).all()


def test_labels_say_only_what_differs(tmp_path: Path) -> None:
    """One budget goes without saying, two do not."""
    runs = [make_run("ft06", "a", 60), make_run("ft06", "b", 60)]
    store = make_store(tmp_path / "r.sqlite", runs)
    assert read_results([store]).labels == ("a", "b")
    more = [*runs, make_run("ft06", "a", 58, budget="iterations=1000,seconds=60")]
    store = make_store(tmp_path / "more.sqlite", more)
    assert read_results([store]).labels == ("a · 10 s", "b · 10 s", "a · 1000 iterations, 60 s")


def test_suites_are_pooled_unless_they_hold_the_same_run(tmp_path: Path) -> None:
    """The same solver on other instances goes on; the same run again is another state of it."""
    first, second = make_run("ft06", "a", 60), make_run("la01", "a", 700, suite="more")
    pooled = read_results([make_store(tmp_path / "p.sqlite", [first, second])])
    assert pooled.labels == ("a",) and len(pooled.instances) == 2
    again = replace(first, key=replace(first.key, suite="again"), objective=55)
    apart = read_results([make_store(tmp_path / "q.sqlite", [first, again])])
    assert apart.labels == ("a · test", "a · again")
    assert read_results([tmp_path / "q.sqlite"], ["again"]).objective.tolist() == [55]


def test_stores_are_told_apart_by_name_where_they_hold_the_same_run(tmp_path: Path) -> None:
    """As two nightly stores do; by folder where the names are equal too."""
    (tmp_path / "x").mkdir()
    paths = [tmp_path / "old.sqlite", tmp_path / "new.sqlite", tmp_path / "x" / "new.sqlite"]
    for path in paths:
        objectives_store(path, {"a": {"ft06": 60}})
    assert read_results(paths[:2]).labels == ("a · old", "a · new")
    assert read_results(paths[1:]).labels == tuple(f"a · {path}" for path in paths[1:])


def test_means_are_over_the_seeds_of_a_pair(tmp_path: Path) -> None:
    """Instances in natural order; what was not played is unknown."""
    runs = [make_run("la02", "a", 655), make_run("la01", "a", 666), make_run("la01", "b", 666)]
    runs.append(make_run("la01", "b", 667, seed=1))
    results = read_results([make_store(tmp_path / "r.sqlite", runs)])
    assert [each.name for each in results.instances] == ["la01", "la02"]
    mean = results.by_pair(results.objective)
    assert mean[0].tolist() == [666, 666.5] and mean[1, 0] == 655 and np.isnan(mean[1, 1])


def test_classes_are_all_the_sets_and_their_sizes(tmp_path: Path) -> None:
    """Sizes are named where they hold two instances or more on average."""
    names = ["la01", "la02", "la06", "la07", "ft06", "ft10"]
    results = read_results([objectives_store(tmp_path / "r.sqlite", {"a": dict.fromkeys(names, 1000)})])
    found = {group.name: [results.instances[i].name for i in group.members] for group in results.groups()}
    assert found == {
        "all": ["ft06", "ft10", "la01", "la02", "la06", "la07"],
        "jsp/ft": ["ft06", "ft10"],
        "jsp/la": ["la01", "la02", "la06", "la07"],
        "jsp/la 10x5": ["la01", "la02"],
        "jsp/la 15x5": ["la06", "la07"],
    }


def test_the_horizon_is_the_limit_or_the_longest_run(tmp_path: Path) -> None:
    """A run that was stopped by iterations was given the time that the slowest one took."""
    runs = [make_run("ft06", "a", 55, seconds=2.0), make_run("ft06", "b", 55, budget="iterations=9", seconds=3.0)]
    runs.append(make_run("ft06", "c", 55, budget="iterations=9", seconds=1.0))
    assert read_results([make_store(tmp_path / "r.sqlite", runs)]).horizon.tolist() == [10.0, 3.0, 3.0]


def test_columns_are_read_by_row(tmp_path: Path) -> None:
    """In whatever order, from whichever store."""
    paths = [objectives_store(tmp_path / f"{s}.sqlite", {s: {"ft06": 60, "la01": 700}}) for s in "ab"]
    results = read_results(paths)
    traces = list(results.values("trace", [3, 0, 1]))
    assert [trace[0][1] for trace in traces] == [700, 60, 700]
    assert load("la01").digest == results.instances[1].digest


def test_what_is_no_store_with_runs_is_refused(tmp_path: Path) -> None:
    """And a missing file is not made."""
    with pytest.raises(FileNotFoundError):
        read_results([tmp_path / "none.sqlite"])
    assert not (tmp_path / "none.sqlite").exists()
    empty = make_store(tmp_path / "empty.sqlite", [])
    with pytest.raises(ValueError, match="without runs"):
        read_results([empty])
