"""Schedule: start and mode of every task; ends and objectives are recomputed from it, never stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from makespan.instances.calendars import end_with_pauses
from makespan.instances.instance import HORIZON_LIMIT, IndexArray, Instance, IntArray
from makespan.instances.validate import locked


@dataclass(frozen=True, eq=False)
class Schedule:
    """What a solver claims; ``check`` decides whether it holds.

    Parameters
    ----------
    start
        Shape (num_tasks,): start times.
    mode
        Shape (num_tasks,): the chosen mode, counted within each task from 0.
    """

    start: IntArray
    mode: IndexArray

    def __init__(self, start: ArrayLike, mode: ArrayLike | None = None) -> None:
        begin = locked(start, np.int64, "start")
        chosen = np.zeros(begin.size, np.int32) if mode is None else mode
        object.__setattr__(self, "start", begin)
        object.__setattr__(self, "mode", locked(chosen, np.int32, "mode"))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schedule):
            return NotImplemented
        return np.array_equal(self.start, other.start) and np.array_equal(self.mode, other.mode)

    def mode_index(self, instance: Instance) -> IntArray:
        """Shape (num_tasks,): the chosen mode as an index into ``instance.duration``."""
        return instance.mode_ptr[:-1].astype(np.int64) + self.mode

    def end(self, instance: Instance) -> IntArray:
        """Shape (num_tasks,): end times, pauses included. Raises ValueError if a pausable task never ends."""
        mode = self.mode_index(instance)
        end = self.start + instance.duration[mode]
        return end if instance.pause is None else end_with_pauses(instance, self.start, mode, end)


def objective_values(instance: Instance, schedule: Schedule) -> tuple[int, ...]:
    """The values of ``instance.objective``, in its order."""
    end = schedule.end(instance)
    return tuple(_OBJECTIVE[name](instance, end) for name in instance.objective)


def makespan(instance: Instance, end: IntArray) -> int:
    """The largest end; 0 without tasks."""
    return int(end.max(initial=0))


def job_end(instance: Instance, end: IntArray) -> IntArray:
    """Shape (num_jobs,): when each job is done; 0 for a job without tasks."""
    done = np.zeros(instance.num_jobs, np.int64)
    if instance.job is not None:
        in_job = instance.job >= 0
        np.maximum.at(done, instance.job[in_job], end[in_job])
    return done


def _lateness(instance: Instance, end: IntArray) -> tuple[IntArray, IntArray]:
    """Lateness and weight of everything that has a due date: tasks, then jobs."""
    late, weights = [], []
    for done, due, weight in (
        (end, instance.due, instance.weight),
        (job_end(instance, end), instance.job_due, instance.job_weight),
    ):
        if due is not None:
            has_due = due < HORIZON_LIMIT
            late.append((done - due)[has_due])
            weights.append((np.ones(due.size, np.int64) if weight is None else weight)[has_due])
    return np.concatenate(late), np.concatenate(weights)


def total_tardiness(instance: Instance, end: IntArray) -> int:
    """Sum of max(0, end - due) over jobs and tasks with a due date."""
    return int(np.maximum(_lateness(instance, end)[0], 0).sum())


def weighted_tardiness(instance: Instance, end: IntArray) -> int:
    """Sum of weight * max(0, end - due) over jobs and tasks with a due date."""
    late, weight = _lateness(instance, end)
    return int((np.maximum(late, 0) * weight).sum())


def max_lateness(instance: Instance, end: IntArray) -> int:
    """Largest end - due over jobs and tasks with a due date; may be negative."""
    return int(_lateness(instance, end)[0].max())


def flow_time(instance: Instance, end: IntArray) -> int:
    """Sum of end - release over the jobs that have tasks, and over the tasks that belong to no job."""
    if instance.job is None:
        alone, total = np.ones(instance.num_tasks, np.bool_), 0
    else:
        alone = instance.job < 0
        used = np.bincount(instance.job[~alone], minlength=instance.num_jobs) > 0
        release = np.zeros(instance.num_jobs, np.int64) if instance.job_release is None else instance.job_release
        total = int((job_end(instance, end) - release)[used].sum())
    task_release = np.zeros(instance.num_tasks, np.int64) if instance.release is None else instance.release
    return total + int((end - task_release)[alone].sum())


_OBJECTIVE: dict[str, Callable[[Instance, IntArray], int]] = {
    "makespan": makespan,
    "total_tardiness": total_tardiness,
    "weighted_tardiness": weighted_tardiness,
    "max_lateness": max_lateness,
    "flow_time": flow_time,
}
