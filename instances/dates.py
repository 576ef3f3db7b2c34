"""The dates of a task and of its job taken together."""

from __future__ import annotations

import numpy as np

from makespan.instances.instance import HORIZON_LIMIT, Instance, IntArray


def tightest(instance: Instance, per_task: IntArray | None, per_job: IntArray | None) -> IntArray:
    """Shape (num_tasks,): the earlier of a task's own due date or deadline and that of its job."""
    limit = np.full(instance.num_tasks, HORIZON_LIMIT, np.int64) if per_task is None else per_task.copy()
    if per_job is not None and instance.job is not None:
        in_job = instance.job >= 0
        limit[in_job] = np.minimum(limit[in_job], per_job[instance.job[in_job]])
    return limit


def deadlines(instance: Instance) -> IntArray:
    """Shape (num_tasks,): the deadline of each task or, if earlier, of its job; HORIZON_LIMIT for none."""
    return tightest(instance, instance.deadline, instance.job_deadline)


def releases(instance: Instance) -> IntArray:
    """Shape (num_tasks,): the release date of each task or, if later, of its job; 0 for none."""
    release = np.zeros(instance.num_tasks, np.int64) if instance.release is None else instance.release.copy()
    if instance.job_release is not None and instance.job is not None:
        in_job = instance.job >= 0
        release[in_job] = np.maximum(release[in_job], instance.job_release[instance.job[in_job]])
    return release


def first_starts(instance: Instance) -> IntArray:
    """Shape (num_tasks,): the earliest start by dates alone: fixed start, otherwise ``now``, and release dates."""
    start = np.full(instance.num_tasks, instance.now, np.int64)
    if instance.fixed_start is not None:
        start = np.where(instance.fixed_start >= 0, instance.fixed_start, start)
    return np.maximum(start, releases(instance))
