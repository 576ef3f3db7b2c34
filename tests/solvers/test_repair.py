"""A hint that the instance no longer allows: followed as far as it can be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.check import check
from makespan.instances.instance import Calendar, Instance
from makespan.instances.replan import replan
from makespan.instances.schedule import Schedule
from makespan.solvers.dispatching import DispatchingRule
from makespan.solvers.repair import repair, repairer
from makespan.solvers.sgs import Sgs
from makespan.solvers.stage import Budget, Context
from tests.oracles.random_instances import tiny


def repaired(instance: Instance, hint: Schedule) -> Schedule | None:
    return repair(instance, hint, Context(instance, Budget(), 0, 1))


@pytest.fixture
def shop() -> Instance:
    """Job 0 visits machines 0, 1 (3, 2), job 1 visits 1, 0 (4, 4)."""
    return Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [4, 4]])


def test_a_shop_keeps_the_order_on_its_machines(shop: Instance) -> None:
    """Task 0 takes 6 now: 3 waits for it on machine 0; with the other order, 3 goes first though it comes late."""
    late = shop.replace(duration=np.array([6, 2, 4, 4]))
    assert isinstance(repairer(late), DispatchingRule)
    assert repaired(late, Schedule([0, 4, 0, 4])) == Schedule([0, 6, 0, 6])
    assert repaired(late, Schedule([8, 11, 0, 4])) == Schedule([8, 14, 0, 4])


def test_a_project_keeps_the_order_of_its_starts_and_fills_gaps() -> None:
    """Capacity 2: tasks 0 (amount 1, now 5 long), 1 (amount 2), 2 (amount 1) in this order; the last fits beside 0."""
    project = Instance.from_lists([[(5, {0: 1})], [(2, {0: 2})], [(3, {0: 1})]], [2])
    assert isinstance(repairer(project), Sgs)
    assert repaired(project, Schedule([0, 3, 5])) == Schedule([0, 5, 0])
    assert repaired(project, Schedule([5, 0, 2])) == Schedule([2, 0, 2])


def test_modes_of_the_hint_are_kept() -> None:
    """Machine 0 (3) for both, in turn, though machine 1 (5) is free."""
    flexible = Instance.flexible_job_shop([[[(0, 3), (1, 5)]], [[(0, 3), (1, 5)]]])
    assert repaired(flexible, Schedule([1, 0], [0, 0])) == Schedule([3, 0], [0, 0])
    assert repaired(flexible, Schedule([0, 0], [1, 0])) == Schedule([0, 0], [1, 0])


def test_a_breakdown_is_waited_for(shop: Instance) -> None:
    """Machine 0 is down from 4 to 6: of the running plan only task 3 moves, from 4 to 6."""
    down = shop.replace(
        calendar=Calendar(np.array([0, 3, 3]), np.array([0, 4, 6]), np.array([1, 0, 1]), np.array([0, 0]))
    )
    plan = Schedule([0, 4, 0, 4])
    assert repaired(replan(down, plan, 3), plan) == Schedule([0, 4, 0, 6])


def test_what_cannot_be_followed_is_left_alone(shop: Instance) -> None:
    """Another number of tasks, a mode that is none, a field that no construction handles."""
    assert repaired(shop, Schedule([0])) is None
    assert repaired(shop, Schedule([0, 3, 5, 9], [0, 0, 0, 2])) is None
    assert repairer(shop.replace(no_wait=True)) is None
    assert repaired(shop.replace(no_wait=True), Schedule([0, 3, 5, 9])) is None
    assert repaired(Instance.job_shop([], []), Schedule([])) is None


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6))
def test_what_is_repaired_is_feasible_and_in_the_modes_of_the_hint(seed: int) -> None:
    """Any starts and modes, in tiny instances with any fields but those that may contradict each other."""
    instance, rng = tiny(seed), np.random.default_rng(seed)
    if repairer(instance) is None or instance.features & {"fixed", "deadline", "nonrenewable", "max_lag"}:
        return
    mode = [int(rng.integers(0, size)) for size in np.diff(instance.mode_ptr)]
    found = repaired(instance, Schedule(rng.integers(0, 9, instance.num_tasks), mode))
    if found is not None:
        assert check(instance, found) == [] and found.mode.tolist() == mode
