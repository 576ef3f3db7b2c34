"""Two sides on the same instances: differences by hand, and when the answer is no."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from makespan.eval.compare import Side, compare, parse_side
from makespan.instances.bounds import best_known
from makespan.instances.sets import instance_names
from tests.eval.runs import make_run, make_store, objectives_store

Call = Callable[..., Any]


def at_gap(name: str, gap: float) -> int:
    """The objective that lies this far above the best known one."""
    bound = best_known(name)
    assert bound is not None and bound.upper_bound is not None
    return round(bound.upper_bound * (1 + gap))


def test_sides_are_stores_and_solvers(tmp_path: Path) -> None:
    """Specs hold colons, and so may paths: the shortest beginning that is a file is the store."""
    plain, odd = tmp_path / "runs.sqlite", tmp_path / "a:b.sqlite"
    for path in (plain, odd):
        path.touch()
    assert parse_side(str(plain)) == Side(plain, None)
    assert parse_side(f"{plain}:rule:mwkr") == Side(plain, "rule:mwkr")
    assert parse_side(f"{odd}:cpsat") == Side(odd, "cpsat")
    assert parse_side(":tabu", plain) == Side(plain, "tabu")
    with pytest.raises(ValueError, match="found no such file"):
        parse_side("nowhere.sqlite:auto")
    with pytest.raises(ValueError, match="found no such file"):
        parse_side(":tabu")


def test_differences_are_paired_by_instance(tmp_path: Path) -> None:
    """ft06 (55) at 66 and 55, la01 (666) at 666 and 999: differences of -20 and +50 points."""
    store = objectives_store(tmp_path / "r.sqlite", {"a": {"ft06": 66, "la01": 666}, "b": {"ft06": 55, "la01": 999}})
    (found,) = compare(Side(store, "a"), Side(store, "b"))
    assert [(each.instance, round(each.difference, 9)) for each in found.pairs] == [("ft06", -0.2), ("la01", 0.5)]
    whole = found.classes[0]
    assert (whole.group, whole.instances, whole.wins, whole.ties, whole.losses) == ("all", 2, 1, 0, 1)
    assert (whole.gap_a, whole.gap_b, whole.difference) == pytest.approx((0.1, 0.25, 0.15))
    assert whole.regression and [each.group for each in found.classes] == ["all", "jsp/ft", "jsp/la"]


def test_the_other_way_round_every_sign_turns(tmp_path: Path) -> None:
    """Nothing but the order of the sides decides what is a win."""
    names = instance_names("jsp/la")[:9]
    objectives = {s: {n: at_gap(n, 0.01 * ((3 * k + j) % 5)) for k, n in enumerate(names)} for j, s in enumerate("ab")}
    store = objectives_store(tmp_path / "r.sqlite", objectives)
    (there,), (back,) = (compare(Side(store, p), Side(store, q)) for p, q in ("ab", "ba"))
    for one, other in zip(there.classes, back.classes, strict=True):
        assert one.difference == pytest.approx(-other.difference) and one.p_value == pytest.approx(other.p_value)
        assert (one.wins, one.ties, one.losses) == (other.losses, other.ties, other.wins)


def test_seeds_are_averaged_before_they_are_paired(tmp_path: Path) -> None:
    """Gaps of 0 and 20 % on one instance are one pair of 10 %."""
    runs = [make_run("ft06", "a", 55), make_run("ft06", "b", 55, seed=0), make_run("ft06", "b", 66, seed=1)]
    store = make_store(tmp_path / "r.sqlite", runs)
    (found,) = compare(Side(store, "a"), Side(store, "b"))
    assert [each.difference for each in found.pairs] == [pytest.approx(0.1)]


def test_a_run_without_a_schedule_counts_as_twice_the_best(tmp_path: Path) -> None:
    """So that whoever fails on the hard instances does not look better for it."""
    store = objectives_store(tmp_path / "r.sqlite", {"a": {"ft06": 55}, "b": {"ft06": None}})
    (found,) = compare(Side(store, "a"), Side(store, "b"))
    assert found.classes[0].difference == 1.0 and found.regression


def test_an_instance_that_one_side_cannot_play_is_left_out_and_counted(tmp_path: Path) -> None:
    """Unsupported is no bad result; an instance that was not played is none either."""
    runs = [
        make_run("ft06", "a", 60),
        make_run("ft06", "b", 60),
        make_run("la01", "a", 700),
        make_run("la02", "a", 700),
    ]
    runs.append(make_run("la01", "b", None, status="unsupported"))
    store = make_store(tmp_path / "r.sqlite", runs)
    (found,) = compare(Side(store, "a"), Side(store, "b"))
    assert len(found.pairs) == 1 and (found.only_a, found.only_b) == (2, 0)


def test_without_solvers_each_is_compared_with_itself(tmp_path: Path) -> None:
    """Old against new; a solver that one store lacks is not in the answer."""
    old = objectives_store(tmp_path / "old.sqlite", {"a": {"ft06": 60}, "b": {"ft06": 58}, "gone": {"ft06": 55}})
    new = objectives_store(tmp_path / "new.sqlite", {"a": {"ft06": 60}, "b": {"ft06": 57}})
    found = compare(Side(old, None), Side(new, None))
    assert [(each.label_a, each.label_b) for each in found] == [
        ("a · 10 s · old", "a · 10 s · new"),
        ("b · 10 s · old", "b · 10 s · new"),
    ]
    assert [each.classes[0].wins for each in found] == [0, 1]
    (crossed,) = compare(Side(old, "gone"), Side(new, "b"))
    assert crossed.classes[0].difference == pytest.approx(2 / 55)


def test_budgets_are_not_mixed(tmp_path: Path) -> None:
    """Ten seconds meet ten seconds; without a common budget there is nothing to say."""
    runs = [make_run("ft06", "a", 60, budget="seconds=10"), make_run("ft06", "a", 55, budget="seconds=60")]
    runs.append(make_run("ft06", "b", 60, budget="seconds=10"))
    store = make_store(tmp_path / "r.sqlite", runs)
    (found,) = compare(Side(store, "a"), Side(store, "b"))
    assert found.label_a == "a · 10 s" and found.pairs[0].difference == 0
    other = objectives_store(tmp_path / "o.sqlite", {"c": {"ft06": 60}}, budget="seconds=5")
    with pytest.raises(ValueError, match="no common budget"):
        compare(Side(store, "a"), Side(other, "c"))


def test_a_class_cannot_hide_in_the_mean(tmp_path: Path) -> None:
    """Ten instances of la get 1 point worse, ten of ta 5 points better: better on the whole, worse in la for sure."""
    worse, better = instance_names("jsp/la")[20:30], instance_names("jsp/ta")[:10]
    before = {n: at_gap(n, 0.10) for n in [*worse, *better]}
    after = {n: at_gap(n, 0.11) for n in worse} | {n: at_gap(n, 0.05) for n in better}
    store = objectives_store(tmp_path / "r.sqlite", {"a": before, "b": after})
    (found,) = compare(Side(store, "a"), Side(store, "b"))
    assert {each.group for each in found.classes if each.regression} == {"jsp/la"}
    (found,) = compare(Side(store, "a"), Side(store, "b"), margin=0.02)
    assert not found.regression


def test_a_few_worse_instances_are_no_regression_of_a_class(tmp_path: Path) -> None:
    """Two worse instances may be chance, which the test of the class says; the mean over all decides alone."""
    objectives = {n: at_gap(n, 0.1) for n in ("ft06", "ft10", "la01", "la02", "la03")}
    changed = objectives | {"ft06": at_gap("ft06", 0.14), "la01": at_gap("la01", 0.02)}
    store = objectives_store(tmp_path / "r.sqlite", {"a": objectives, "b": changed})
    (found,) = compare(Side(store, "a"), Side(store, "b"))
    assert found.classes[1].difference > 0.01 and not found.regression


# -- the command ----------------------------------------------------------------------------------


def test_the_command_answers_no_beyond_the_margin(call: Call, tmp_path: Path) -> None:
    """Half a point on average: 1 with a margin of 0.4, 0 with 0.6."""
    names = instance_names("jsp/ta")[70:75]  # makespans above 5000: half a point is exact enough
    runs = {s: {n: at_gap(n, gap) for n in names} for s, gap in (("a", 0.0), ("b", 0.005))}
    store = objectives_store(tmp_path / "r.sqlite", runs)
    code, out, err = call("bench", "compare", f"{store}:a", ":b", "--margin", "0.4", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 1 and "regression: b · 10 s against a · 10 s on all: +0.50 points" in err
    assert float(rows[0]["difference"]) == pytest.approx(0.005, abs=1e-4)
    assert call("bench", "compare", f"{store}:a", ":b", "--margin", "0.6").code == 0
    assert call("bench", "compare", f"{store}:b", ":a").code == 0
    code, out, _ = call("bench", "compare", f"{store}:a", ":b", "--by", "instance", "--margin", "9")
    assert code == 0 and [line.split()[1] for line in out.splitlines()[1:]] == names


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("none.sqlite", "r.sqlite"), "found no such file"),
        (("r.sqlite", "r.sqlite"), "found the same runs twice"),
        (("r.sqlite:a", ":c"), "found no runs of c, expected a, b"),
        (("r.sqlite:a", ":b", "--margin", "-1"), "expected percentage points"),
        (("r.sqlite:a", ":b", "--suite", "other"), "expected one of test"),
        (("text.txt", ":a"), "expected a benchmark store"),
    ],
)
def test_what_cannot_be_compared_is_refused(call: Call, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    """With exit code 2 and one line that says what would do."""
    objectives_store(tmp_path / "r.sqlite", {"a": {"ft06": 60}, "b": {"ft06": 58}})
    (tmp_path / "text.txt").write_text("no store\n" * 100)
    code, out, err = call("bench", "compare", *arguments)
    assert (code, out) == (2, "") and words in err and len(err.splitlines()) == 1
