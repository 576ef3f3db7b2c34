"""Instances seen with time running backwards, and their schedules there and back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.instances.shop_view import ShopView, shop_view

MIRRORED_FEATURES = frozenset(
    {"recirculation", "multi_mode", "network", "cumulative", "multi_resource", "nonrenewable", "no_machine"}
)
"""Of instances whose mirror image is one of the same problem: dates, lags, setups, calendars and the like have none."""


class Mirror(NamedTuple):
    """A mirror image: its task i is task ``task[i]`` of the original."""

    instance: Instance
    task: IntArray

    def seen(self, original: Instance, schedule: Schedule) -> Schedule:
        """What a schedule of the original looks like backwards."""
        end = schedule.end(original)
        return Schedule((end.max(initial=0) - end)[self.task], schedule.mode[self.task])

    def back(self, schedule: Schedule) -> Schedule:
        """The schedule of the original that looks like this one."""
        end = schedule.end(self.instance)
        start, mode = np.empty_like(schedule.start), np.empty_like(schedule.mode)
        start[self.task], mode[self.task] = end.max(initial=0) - end, schedule.mode
        return Schedule(start, mode)


def mirrored_shop(instance: Instance) -> Mirror:
    """The same shop, every job in the opposite order; tasks of the mirror image are numbered job by job."""
    view = instance.derived(shop_view)
    order = _reversed_operations(view)
    if view.machine.size == view.num_operations:
        arrays = view.job_ptr, view.machine[order], view.duration[order]
        backwards = Instance.job_shop_arrays(*arrays, view.num_machines)
    else:
        modes = list(zip(view.machine.tolist(), view.duration.tolist(), strict=True))
        first, last = view.mode_ptr[:-1][order], view.mode_ptr[1:][order]
        operations = [modes[low:high] for low, high in zip(first.tolist(), last.tolist(), strict=True)]
        jobs = [operations[low:high] for low, high in zip(view.job_ptr[:-1], view.job_ptr[1:], strict=True)]
        backwards = Instance.flexible_job_shop(jobs, view.num_machines)
    task = np.empty_like(view.task)
    task[backwards.derived(shop_view).task] = view.task[order]
    return Mirror(backwards, task)


def mirrored_project(instance: Instance) -> Mirror:
    """The same project, every arc in the opposite direction."""
    order = np.argsort(instance.arc_succ, kind="stable")
    arcs_into = np.bincount(instance.arc_succ, minlength=instance.num_tasks)
    backwards = instance.replace(arc_ptr=np.concatenate(([0], np.cumsum(arcs_into))), arc_succ=instance.arc_pred[order])
    return Mirror(backwards, np.arange(instance.num_tasks))


def _reversed_operations(view: ShopView) -> IntArray:
    """Operation i of the mirror image is operation ``order[i]``; its own inverse."""
    ptr = view.job_ptr
    job = np.repeat(np.arange(ptr.size - 1), np.diff(ptr))
    order: IntArray = ptr[job] + ptr[job + 1] - 1 - np.arange(ptr[-1])
    return order
