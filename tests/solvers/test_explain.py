"""Conflicts that follow by hand, and minimality on random instances."""

from __future__ import annotations

import time

import numpy as np

from makespan.instances.check import check
from makespan.instances.instance import SS, Instance, Metadata
from makespan.solvers.constraint_groups import Group, Groups
from makespan.solvers.cp_sat.search import Report, Request, Search
from makespan.solvers.explain import explain
from makespan.solvers.stage import Budget
from tests.oracles.random_instances import tiny


def is_feasible(instance: Instance) -> bool:
    """By CP-SAT in this process."""

    def ignore(_: object) -> None: ...

    search = Search(Request(instance, minimise=False), Report(ignore, ignore, ignore))
    outcome = search.run()
    assert (search.best is None) == (outcome.proof == "infeasible")
    return search.best is not None


def test_two_deadlines_and_one_machine_contradict_each_other() -> None:
    """Press is needed for 3 + 4 before 6; the deadline of the third part is far away and not part of it."""
    instance = Instance.from_lists(
        [[(3, {0: 1})], [(4, {0: 1})], [(1, {0: 1})]],
        [1],
        deadline=np.array([6, 6, 50]),
        meta=Metadata(task_names=("door", "roof", "lamp"), resource_names=("press",)),
    )
    found = explain(instance)
    assert found.status == "infeasible"
    assert found.minimal
    assert set(found.sentences) == {
        "door ends by its deadline at 6",
        "roof ends by its deadline at 6",
        "press has a capacity of 1",
    }
    assert "press has a capacity of 1" in str(found)


def test_circle_of_lags_is_named_arc_by_arc() -> None:
    """b at least 5 after a, at most 3 after a; c has no part in it."""
    instance = Instance.from_lists(
        [[(1, {})]] * 3, [1], [(0, 1, SS, 5), (1, 0, SS, -3), (0, 2, SS, 1)], meta=Metadata(task_names=("a", "b", "c"))
    )
    found = explain(instance)
    assert set(found.sentences) == {
        "b starts at least 5 after the start of a",
        "b starts at most 3 after the start of a",
    }


def test_no_wait_is_blamed_on_the_job_that_may_not_wait() -> None:
    """The second operation is fixed later than the first one ends; only job 0 has such a gap."""
    shop = Instance.job_shop([[0, 1], [1, 0]], [[2, 2], [2, 2]], no_wait=True, fixed_start=np.array([0, 5, -1, -1]))
    found = explain(shop)
    assert found.minimal
    assert {group.kind for group in found.conflict} == {"fixed_start", "no_wait"}
    assert Group("no_wait", 0) in found.conflict
    assert "job 0 may not wait once started" in found.sentences


def test_feasible_instance_comes_with_its_schedule() -> None:
    """Nothing to explain: the schedule passes the checker."""
    shop = Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [2, 4]])
    found = explain(shop)
    assert found.status == "feasible"
    assert found.schedule is not None
    assert check(shop, found.schedule) == []
    assert found.conflict == ()


def test_without_time_nothing_is_claimed() -> None:
    """A limit that is over at once: unknown, not infeasible."""
    rng = np.random.default_rng(1)
    shop = Instance.job_shop([rng.permutation(10) for _ in range(10)], [rng.integers(1, 99, 10) for _ in range(10)])
    tight = shop.replace(job_deadline=np.full(10, int(shop.duration.sum()) // 7))
    began = time.monotonic()
    found = explain(tight, Budget(seconds=1e-9))
    assert found.status == "unknown"
    assert time.monotonic() - began < 30.0


def test_conflicts_of_random_instances_are_minimal() -> None:
    """The conflict allows no schedule; without any one of its members it does."""
    explained = 0
    for seed in range(120):
        instance = tiny(seed, max_tasks=4)
        if is_feasible(instance):
            continue
        found, groups = explain(instance), Groups(instance)
        explained += 1
        assert found.status == "infeasible"
        assert found.minimal
        assert not is_feasible(groups.restricted(found.conflict)), seed
        for group in found.conflict:
            assert is_feasible(groups.restricted([other for other in found.conflict if other != group])), seed
        if explained == 10:
            break
    assert explained == 10


def test_all_groups_together_are_the_instance_itself() -> None:
    """Keeping every group keeps the feasibility."""
    for seed in range(40):
        instance = tiny(seed, max_tasks=4)
        groups = Groups(instance)
        assert is_feasible(groups.restricted(groups.all)) == is_feasible(instance), seed
