"""The horizon keeps an optimal schedule, and is no larger than need be where that follows by hand."""

from __future__ import annotations

import numpy as np
import pytest

from makespan.instances.horizon import horizon
from makespan.instances.instance import Calendar, Instance, Setup
from tests.oracles.brute_force import brute_force
from tests.oracles.random_instances import tiny

FIELDS = (
    ("calendar", "pause", "time_lag", "max_lag"),
    ("calendar", "blocking", "setup"),
    ("calendar", "no_wait", "transport"),
    ("setup", "blocking", "transport"),
    ("max_lag", "network", "release", "deadline"),
    ("permutation", "now", "fixed", "objective", "due"),
)


@pytest.mark.parametrize("fields", FIELDS, ids="+".join)
def test_an_optimal_schedule_ends_by_the_horizon(fields: tuple[str, ...]) -> None:
    """Exhaustive search up to this horizon and up to its own agree."""
    for seed in range(12):
        instance = tiny(seed, fields, max_tasks=4)
        assert brute_force(instance, horizon(instance)) == brute_force(instance), seed


def test_plain_project_is_done_after_the_sum_of_durations() -> None:
    """At every moment before the end some task runs."""
    project = Instance.rcpsp([3, 4, 5], [[1], [1], [1]], [1], [[1], [2], []])
    assert horizon(project) == 12
    assert horizon(project.replace(release=np.array([10, 0, 0]))) == 22


def test_each_task_waits_at_most_once_for_an_open_window() -> None:
    """Open 8 of 24, two tasks of 6: the longest wait for a start is from 3 to 24, so 2 * (6 + 21) + 24 suffice."""
    calendar = Calendar([0, 2], [0, 8], [1, 0], [24])  # type: ignore[arg-type]
    shop = Instance.from_lists([[(6, {0: 1})]] * 2, [1], calendar=calendar)
    assert 24 + 6 <= horizon(shop) <= 2 * (6 + 22)


def test_last_deadline_and_emptiness_bound_it() -> None:
    """No schedule goes beyond the last of everybody's deadlines; without tasks nothing ends after 0."""
    two = Instance.from_lists([[(6, {0: 1})]] * 2, [1], deadline=np.array([7, 11]))
    assert horizon(two) == 11
    assert horizon(Instance.from_lists([], [1])) == 0


def test_setups_are_part_of_it() -> None:
    """Two tasks of 1 with a setup of 5 between them, 4 before the first: they need 11, or 10 from family 0."""
    setup = Setup(np.array([0, 1]), np.array([[4, 5], [5, 4]]), np.array([0]))
    instance = Instance.from_lists([[(1, {0: 1})]] * 2, [1], setup=setup)
    assert horizon(instance) >= 4 + 1 + 5 + 1
