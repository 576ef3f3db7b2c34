"""Branch and bound on the orders of pairs: exact whatever the rule, and children that are what they should be."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from makespan.instances.check import check
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.instances.sets import load
from makespan.solvers import branching
from makespan.solvers.api import Budget, Status, solve
from makespan.solvers.branching import (
    Branching,
    at_random,
    first_schedule,
    most_constrained,
    strong,
    strong_scores,
)
from makespan.solvers.disjunctive_tree import Choose, Search, machine_pairs
from makespan.solvers.kernels.branching import take_order
from makespan.solvers.kernels.narrowing import QUICK, narrow
from makespan.solvers.kernels.windows import CONTRADICTION, VALUE
from makespan.solvers.narrow_windows import make_trials
from tests.oracles.brute_force import brute_force
from tests.oracles.small_shops import shop

CHOICES: dict[str, Choose] = {
    "constrained": most_constrained,
    "strong": strong,
    "random": at_random(np.random.default_rng(5)),
}


@cache
def cp_sat(seed: int, size: int) -> int:
    """The optimum of a square shop, proved by CP-SAT."""
    result = solve(shop(seed, size, size), "cpsat", Budget(seconds=60))
    assert result.status is Status.OPTIMAL and result.objective is not None
    return result.objective


def searched(instance: Instance, upper: int, choose: Choose) -> Search:
    """A search to its end; every schedule on the way is feasible and better than the last."""
    search = Search(instance, upper, choose)
    while search.stack:
        before = search.upper
        if search.step():
            schedule = Schedule(search.start)
            assert check(instance, schedule) == []
            assert search.upper == int((search.start + instance.duration).max()) < before
    return search


@pytest.mark.parametrize("rule", CHOICES)
@pytest.mark.parametrize("size", [3, 4, 5])
def test_every_rule_finds_the_optimum_of_cp_sat(rule: str, size: int) -> None:
    """Branching rules only choose the way through the tree: from far above, one above and at the optimum."""
    for seed in range(3):
        instance, best = shop(seed, size, size), cp_sat(seed, size)
        for upper in (int(instance.duration.sum()) + 1, best + 1):
            assert searched(instance, upper, CHOICES[rule]).upper == best
        nothing = searched(instance, best, CHOICES[rule])
        assert nothing.upper == best and nothing.start.size == 0 and nothing.nodes >= 1


@pytest.mark.parametrize(("zeros", "again"), [(True, False), (False, True), (True, True)])
def test_operations_without_time_and_repeated_visits(zeros: bool, again: bool) -> None:
    """Neither makes a pair: what takes no time never waits for a machine, and a job is in order already."""
    for seed in range(6):
        instance = shop(seed, 3, 2, zeros, again)
        best = brute_force(instance)
        assert best is not None
        pairs = machine_pairs(instance)
        assert (instance.duration[pairs] > 0).all()
        assert instance.job is not None and (instance.job[pairs[:, 0]] != instance.job[pairs[:, 1]]).all()
        for choose in CHOICES.values():
            assert searched(instance, int(instance.duration.sum()) + 1, choose).upper == best[0]


def test_releases_and_now_are_kept() -> None:
    """They are part of the windows from the start."""
    for seed in range(4):
        instance = shop(seed, 3, 2).replace(job_release=np.array([4, 0, 9]), now=2)
        best = brute_force(instance)
        result = solve(instance, Branching())
        assert best is not None and (result.status, result.objective) == (Status.OPTIMAL, best[0])


def test_a_child_has_the_windows_of_an_instance_with_one_more_arc() -> None:
    """The arcs that are turned on and off do what an arc of the instance does, and leave nothing behind."""
    instance = shop(11, 4, 4)
    upper = first_schedule(instance)[1] + 3
    search = Search(instance, upper, strong)
    node, w = search.stack[-1], search.trials.windows
    modes = [[(int(p), [(int(k), 1)])] for p, k in zip(instance.duration, instance.machine, strict=True)]
    arcs = [(task, task + 1) for task in range(15) if task % 4 < 3]
    refuted = 0
    for number, (one, other) in enumerate(machine_pairs(instance)):
        for order, (before, after) in enumerate(((one, other), (other, one))):
            status = take_order(w, search.trials.saved, search.pair, number, order, QUICK, 1, 2**60)
            trials = make_trials(Instance.from_lists(modes, [1] * 4, [*arcs, (int(before), int(after))]))
            assert (status == CONTRADICTION) == (trials is None or not _narrowed(trials, upper))
            if status != CONTRADICTION:
                assert trials is not None
                assert np.array_equal(w.point[:, :, VALUE], trials.windows.point[:, :, VALUE])
            else:
                refuted += 1
            search._set(node)
            assert np.array_equal(w.point[:, :, VALUE], node.value)
    assert 0 < refuted < 2 * len(search.pair)


def _narrowed(trials: object, upper: int) -> bool:
    assert hasattr(trials, "set") and hasattr(trials, "windows") and hasattr(trials, "saved")
    return bool(trials.set(upper - 1)) and narrow(trials.windows, trials.saved, QUICK, 1, 2**60) != CONTRADICTION


def test_gains_are_what_the_children_lose() -> None:
    """Strong branching looks ahead by one step: its numbers are those of the children themselves."""
    instance = shop(3, 5, 4)
    search = Search(instance, first_schedule(instance)[1] + 2, strong)
    node = search.stack[-1]
    n, bound = instance.num_tasks, search.bound()
    room = int((search.latest - search.earliest).sum())
    open_pairs = np.flatnonzero((search.slack() >= 0).all(axis=1))
    gain = search.gains(node, open_pairs)
    assert np.array_equal(search.trials.windows.point[:, :, VALUE], node.value)
    kinds = set()
    for number, row in zip(open_pairs.tolist(), gain, strict=True):
        for order in range(2):
            w, scratch = search.trials.windows, search.trials.saved
            if take_order(w, scratch, search.pair, number, order, QUICK, 1, 2**60) == CONTRADICTION:
                expected = 1 + n * (search.upper - bound) + room
                kinds.add("refuted")
            else:
                lost = room - int((search.latest - search.earliest).sum())
                expected = 1 + n * max(0, search.bound() - bound) + lost
                kinds.add("open")
            assert row[order] == expected
            search._set(node)
    assert kinds == {"refuted", "open"}
    assert strong_scores(np.array([[2**40, 2**39], [2**41, 1]])).argmax() == 0


def test_a_bound_of_a_node_holds() -> None:
    """At the root, for any incumbent above the optimum, it is no larger than the optimum."""
    for seed in range(3):
        best = cp_sat(seed, 4)
        for upper in (best + 1, best + 10):
            assert Search(shop(seed, 4, 4), upper, strong).bound() <= best


@pytest.mark.parametrize("rule", CHOICES)
def test_the_solver_proves_small_shops(rule: str) -> None:
    """Known optima, alone and after another stage, whose schedule it begins with."""
    for spec in (f"branch,rule={rule}", f"tabu,iterations=500+branch,rule={rule}"):
        result = solve(load("ft06"), spec)
        assert (result.status, result.objective, result.lower_bound) == (Status.OPTIMAL, 55, 55)


def test_a_stopped_run_claims_nothing() -> None:
    """Nodes are iterations: the same number of them gives the same schedule, and no proof."""
    instance = load("la16")
    first, second = (solve(instance, "branch,rule=random", Budget(iterations=200), seed=4) for _ in range(2))
    assert first.status is Status.FEASIBLE and first.schedule == second.schedule
    assert 200 <= first.iterations <= 202


def test_without_tasks_there_is_nothing_to_prove() -> None:
    """The empty schedule is optimal."""
    assert solve(Instance.job_shop([], []), "branch").status is Status.OPTIMAL


def test_a_shop_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path of the tree would not fit in memory."""
    monkeypatch.setattr(branching, "MOST_PAIRS", 10)
    result = solve(load("ft06"), "branch")
    assert result.schedule is None and "found 90 pairs" in str(result.message)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("branch,rule=best", "found 'best', expected one of constrained, strong, random, learned"),
        ("branch:strong", "found argument 'strong'"),
        ("branch,model=x", "unknown parameter 'model'"),
    ],
)
def test_what_it_does_not_know_is_refused(spec: str, words: str) -> None:
    """One sentence that says what can be typed."""
    with pytest.raises(ValueError, match=words):
        solve(load("ft06"), spec)


def test_every_kernel_has_one_signature() -> None:
    """A second one would double compile times."""
    stage = Branching()
    stage.warm()
    assert [len(each.signatures) for each in stage.kernels] == [1] * len(stage.kernels)
