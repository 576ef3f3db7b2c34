"""Reasons why there is no schedule: one instance for each, and what is none."""

from __future__ import annotations

import numpy as np
import pytest

from makespan.instances.instance import SS, Calendar, Instance
from makespan.solvers.infeasibility import infeasibility
from tests.oracles.brute_force import brute_force


def tasks(*durations: int, **optional: object) -> Instance:
    """Tasks on one machine of capacity 2, demand 1 each."""
    return Instance.from_lists([[(d, {0: 1})] for d in durations], [2], **optional)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("instance", "sentence"),
    [
        (
            Instance.from_lists([[(2, {0: 3}), (1, {0: 4})]], [2]),
            "task 0 needs 3 of resource 0, which has 2 at most, and no other mode fits",
        ),
        (
            tasks(3, calendar=Calendar(np.array([0, 1]), np.array([0]), np.array([0]), np.array([0]))),
            "task 0 needs 1 of resource 0, which has 0 at most",
        ),
        (
            tasks(3, 4, 1, arcs=[(0, 1), (1, 0)]),
            "precedence and lags form a circle that no start times can meet: task 1 -> task 0 -> task 1",
        ),
        (
            tasks(3, 4, arcs=[(0, 1, SS, 5), (1, 0, SS, -4)]),
            "precedence and lags form a circle that no start times can meet: task 1 -> task 0 -> task 1",
        ),
        (tasks(3, 4, arcs=[(0, 1)], deadline=[9, 6]), "task 1 cannot end before 7, after its deadline 6"),
        (
            tasks(3, 4, arcs=[(0, 1)], job=[0, 0], job_deadline=[6]),
            "task 1 cannot end before 7, after the deadline 6 of job 0",
        ),
        (
            Instance.from_lists([[(1, {0: 4}), (1, {0: 2})], [(1, {0: 3})]], [4], renewable=[False]),
            "even the modes that need least of resource 0 need 5 together, above its capacity 4",
        ),
        (
            tasks(3, 4, arcs=[(0, 1)], fixed_start=[-1, 2]),
            "task 1 is fixed to start at 2 but cannot start before 3",
        ),
        (
            tasks(3, 4, 2, fixed_start=[0, 1, 2]),
            "fixed starts contradict the instance: task 2 raises the use of resource 0 at 2 to 3, above its capacity 2",
        ),
    ],
)
def test_reasons_are_told_in_names_and_amounts(instance: Instance, sentence: str) -> None:
    """One instance for each reason; exhaustive search agrees that there is no schedule."""
    assert infeasibility(instance) == sentence
    assert brute_force(instance, horizon=20) is None


def test_circle_without_length_is_fine() -> None:
    """Two tasks of duration 0 that wait for each other start together; a task that overlaps its own lag too."""
    assert infeasibility(tasks(0, 0, arcs=[(0, 1), (1, 0)])) is None
    assert infeasibility(tasks(3, 4, arcs=[(0, 1, SS, 4), (1, 0, SS, -4)])) is None


def test_demand_of_a_task_without_duration_is_no_reason() -> None:
    """It uses nothing."""
    assert infeasibility(Instance.from_lists([[(0, {0: 3})]], [2])) is None
