"""The tasks whose starts are fixed, as an instance of their own: what contradicts itself there no solver can mend."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from makespan.instances.calendars import work_pieces
from makespan.instances.check import check
from makespan.instances.instance import Instance, IntArray, Setup
from makespan.instances.schedule import Schedule


def fixed_conflict(instance: Instance) -> str | None:
    """A sentence on two fixed tasks, or one and its dates, calendars or resources, that no schedule can keep; or None.

    Looks at the tasks whose start is fixed and whose mode is certain, with the arcs between them. Blocking, no-wait and
    permutation are left out, and setups after ``now``, since others may still come in between. O(n log n).
    """
    if instance.fixed_start is None:
        return None
    task = _certain(instance)
    part = _part(instance, task)
    if task.size < np.count_nonzero(instance.fixed_start >= 0):  # one whose mode is open may stand between two others
        part = part.replace(setup=None)
    start = instance.fixed_start[task]
    for broken in check(part, Schedule(start)):
        if broken.kind != "setup" or (broken.task is not None and start[broken.task] <= instance.now):
            return f"fixed starts contradict the instance: {broken.message}"
    return None


def fixed_ends(instance: Instance) -> IntArray:
    """Shape (num_tasks,): when the tasks that are fixed in start and mode end, pauses included; 0 for the others, and
    for one that never ends. O(fixed tasks x pauses)."""
    end = np.zeros(instance.num_tasks, np.int64)
    if instance.fixed_start is None:
        return end
    for task in _certain(instance).tolist():
        mode, start = int(_mode(instance, task)), int(instance.fixed_start[task])
        try:
            pieces = work_pieces(instance, task, mode, start)
        except ValueError:
            continue
        end[task] = pieces[-1][1] if pieces else start
    return end


def _certain(instance: Instance) -> IntArray:
    """The tasks whose start is fixed and that have one mode left."""
    assert instance.fixed_start is not None
    one_mode = np.diff(instance.mode_ptr) == 1
    if instance.fixed_mode is not None:
        one_mode |= instance.fixed_mode >= 0
    return np.flatnonzero((instance.fixed_start >= 0) & one_mode)


def _mode(instance: Instance, task: Any) -> Any:
    """The mode of tasks that have one left, as an index into ``instance.duration``."""
    fixed = 0 if instance.fixed_mode is None else np.maximum(instance.fixed_mode[task], 0)
    return instance.mode_ptr[task] + fixed


def _part(instance: Instance, task: IntArray) -> Instance:
    """These tasks alone, each with its one mode, its dates and resources, and the arcs between them."""
    mode = _mode(instance, task)
    demands = np.diff(instance.demand_ptr)[mode]
    demand_ptr = np.concatenate(([0], np.cumsum(demands)))
    row = np.arange(demand_ptr[-1]) + np.repeat(instance.demand_ptr[mode] - demand_ptr[:-1], demands)
    number = np.full(instance.num_tasks, -1)
    number[task] = np.arange(task.size)
    inner = (number[instance.arc_pred] >= 0) & (number[instance.arc_succ] >= 0)
    leaving = np.bincount(number[instance.arc_pred[inner]], minlength=task.size)
    setup = instance.setup
    return instance.replace(
        mode_ptr=np.arange(task.size + 1),
        duration=instance.duration[mode],
        demand_ptr=demand_ptr,
        demand_resource=instance.demand_resource[row],
        demand_amount=instance.demand_amount[row],
        arc_ptr=np.concatenate(([0], np.cumsum(leaving))),
        arc_succ=number[instance.arc_succ[inner]],
        arc_kind=instance.arc_kind[inner],
        arc_lag=instance.arc_lag[inner],
        setup=None if setup is None else Setup(setup.family[mode], setup.time, setup.initial),
        meta=replace(instance.meta, task_names=tuple(instance.task_name(int(i)) for i in task)),
        objective=("makespan",),
        fixed_start=None,
        fixed_mode=None,
        now=0,
        blocking=False,
        no_wait=False,
        permutation=False,
        **{
            name: None if getattr(instance, name) is None else getattr(instance, name)[task]
            for name in ("job", "release", "due", "deadline", "weight", "pause")
        },
    )
