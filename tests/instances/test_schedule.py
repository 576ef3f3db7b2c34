"""Schedule and objectives: values by hand, and against the oracle's own formulas."""

from __future__ import annotations

import numpy as np
import pytest

from makespan.instances.instance import HORIZON_LIMIT, OBJECTIVES, PAUSE_HOLDS, Calendar, Instance
from makespan.instances.schedule import Schedule, job_end, makespan, objective_values
from tests.oracles.brute_force import objective
from tests.oracles.grid_checker import running_ticks
from tests.oracles.random_instances import tiny


@pytest.fixture
def dated() -> Instance:
    """Jobs (0, 1) and (2,), task 3 on its own; ends 3, 5, 4, 9 when started at 0, 3, 0, 2."""
    return Instance.from_lists(
        [[(3, {})], [(2, {})], [(4, {})], [(7, {})]],
        [],
        [(0, 1)],
        job=[0, 0, 1, -1],
        num_jobs=3,
        release=[0, 0, 0, 1],
        job_release=[0, 2, 50],
        due=[1, HORIZON_LIMIT, HORIZON_LIMIT, 12],
        job_due=[4, 9, HORIZON_LIMIT],
        weight=[5, 1, 1, 1],
        job_weight=[3, 1, 1],
        objective=OBJECTIVES,
    )


def test_objectives_by_hand(dated: Instance) -> None:
    """Late: task 0 by 2 (weight 5), job 0 by 1 (weight 3); early: job 1 by 5, task 3 by 3.
    Flow: 5 - 0 for job 0, 4 - 2 for job 1, 9 - 1 for task 3; job 2 has no task."""
    schedule = Schedule([0, 3, 0, 2])
    assert schedule.end(dated).tolist() == [3, 5, 4, 9]
    assert job_end(dated, schedule.end(dated)).tolist() == [5, 4, 0]
    values = dict(zip(OBJECTIVES, objective_values(dated, schedule), strict=True))
    assert values == {
        "makespan": 9,
        "total_tardiness": 3,
        "weighted_tardiness": 13,
        "max_lateness": 2,
        "flow_time": 15,
    }


def test_objectives_agree_with_the_oracle() -> None:
    """All five on random schedules of tiny instances that have due dates."""
    for seed in range(60):
        instance = tiny(seed, {"due", "weight", "release", "multi_mode", "network"}).replace(objective=OBJECTIVES)
        rng = np.random.default_rng(seed)
        mode = rng.integers(0, np.diff(instance.mode_ptr))
        schedule = Schedule(rng.integers(0, 12, instance.num_tasks), mode)
        assert objective_values(instance, schedule) == objective(instance, schedule)


def test_ends_with_pauses_agree_with_the_oracle() -> None:
    """End = last running step + 1, wherever the walk through time finds one."""
    compared = 0
    for seed in range(60):
        instance = tiny(seed, {"calendar", "pause", "multi_resource"})
        mode = instance.mode_ptr[:-1].tolist()
        for start in range(6):
            ticks = [running_ticks(instance, i, mode[i], start) for i in range(instance.num_tasks)]
            if all(run is not None for run in ticks):
                expected = [run[-1] + 1 if run else start for run in ticks]
                assert Schedule(np.full(instance.num_tasks, start)).end(instance).tolist() == expected
                compared += 1
    assert compared > 50


def test_a_task_that_never_ends_is_refused() -> None:
    """Its machine closes for good at 2."""
    closed = Calendar(np.array([0, 2]), np.array([0, 2]), np.array([1, 0]), np.array([0]))
    instance = Instance.from_lists([[(5, {0: 1})]], [1], calendar=closed, pause=[PAUSE_HOLDS])
    with pytest.raises(ValueError, match="task 0 started at 0 never ends"):
        Schedule([0]).end(instance)


def test_schedules_compare_by_value_and_are_locked() -> None:
    """Modes default to the first; no array can be changed."""
    schedule = Schedule([1, 2])
    assert schedule == Schedule(np.array([1, 2]), [0, 0]) != Schedule([1, 2], [0, 1])
    with pytest.raises(ValueError, match="read-only"):
        schedule.start[0] = 5
    with pytest.raises(ValueError, match="start: found float64 values"):
        Schedule([0.5])


def test_no_tasks_no_makespan() -> None:
    """Zero, not an error."""
    assert makespan(Instance.from_lists([], []), np.zeros(0, np.int64)) == 0
