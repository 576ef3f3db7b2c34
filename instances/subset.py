"""Some tasks of an instance as an instance of their own: what a schedule in the making has placed so far."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from makespan.instances.instance import Instance


def subset(instance: Instance, tasks: ArrayLike) -> Instance:
    """These tasks in their old order, with the arcs between them, and all jobs and resources. O(size).

    ``tasks``: a mask of shape (num_tasks,). Raises ValueError if it has another shape.
    """
    keep = np.asarray(tasks, np.bool_)
    if keep.shape != (instance.num_tasks,):
        raise ValueError(f"tasks: found shape {keep.shape}, expected ({instance.num_tasks},)")
    mode = np.repeat(keep, np.diff(instance.mode_ptr))
    demand = np.repeat(mode, np.diff(instance.demand_ptr))
    arc = keep[instance.arc_pred] & keep[instance.arc_succ]
    number = np.cumsum(keep) - 1
    names = instance.meta.task_names
    kept_names = None if names is None else tuple(names[task] for task in np.flatnonzero(keep))

    def some(values: NDArray | None) -> NDArray | None:
        return None if values is None else values[keep]

    return replace(
        instance,
        mode_ptr=_ptr(np.diff(instance.mode_ptr)[keep]),
        duration=instance.duration[mode],
        demand_ptr=_ptr(np.diff(instance.demand_ptr)[mode]),
        demand_resource=instance.demand_resource[demand],
        demand_amount=instance.demand_amount[demand],
        arc_ptr=_ptr(np.bincount(number[instance.arc_pred[arc]], minlength=int(keep.sum()))),
        arc_succ=number[instance.arc_succ[arc]],
        arc_kind=instance.arc_kind[arc],
        arc_lag=instance.arc_lag[arc],
        job=some(instance.job),
        release=some(instance.release),
        due=some(instance.due),
        deadline=some(instance.deadline),
        weight=some(instance.weight),
        setup=None if instance.setup is None else replace(instance.setup, family=instance.setup.family[mode]),
        pause=some(instance.pause),
        fixed_start=some(instance.fixed_start),
        fixed_mode=some(instance.fixed_mode),
        meta=replace(instance.meta, task_names=kept_names),
    )


def _ptr(counts: NDArray) -> NDArray:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
