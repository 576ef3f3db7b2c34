"""The instance that a part of a schedule makes: its tasks, arcs, dates, jobs and what is left of its resources."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import EE, HORIZON_LIMIT, Instance, IntArray, Setup
from makespan.instances.schedule import job_end
from makespan.solvers.neighbourhoods import rows
from makespan.solvers.part_bounds import Bounds, Window


def part_instance(window: Window, bounds: Bounds) -> tuple[Instance, IntArray]:
    """The tasks inside a window as an instance, in their old order, and for each of its modes the mode it stands for in
    the whole, counted within its task: shape (num_modes of the part,).

    Kept tasks have their one mode only. With the makespan among the objectives a last task of no duration follows, at
    least the tail of ``bounds`` after the end of each; where there are no tails, after the floor. O(n + arcs) with
    small constants, and the size of the part.
    """
    instance, whole, task, tail = window.instance, window.frame, np.flatnonzero(window.inside), bounds.tail
    floor = 0 if tail.size else bounds.floor
    free, fixed = window.free[task], bounds.fixed[task]
    first = np.where(free, instance.mode_ptr[task], whole.mode[task])
    count = np.where(free, np.diff(instance.mode_ptr)[task], 1)
    mode_ptr = np.concatenate(([0], np.cumsum(count)))
    mode = np.repeat(first - mode_ptr[:-1], count) + np.arange(mode_ptr[-1])
    choice = mode - np.repeat(instance.mode_ptr[task], count)
    demand = rows(instance.demand_ptr, mode)
    demand_ptr = np.concatenate(([0], np.cumsum(np.diff(instance.demand_ptr)[mode])))
    last = int("makespan" in instance.objective)
    position = np.cumsum(window.inside) - 1
    arc = np.flatnonzero(window.inside[instance.arc_pred] & window.inside[instance.arc_succ])
    if not _chains(instance):  # between two tasks that stand still an arc says nothing
        arc = arc[~(bounds.fixed[instance.arc_pred[arc]] & bounds.fixed[instance.arc_succ[arc]])]
    ends = np.flatnonzero(~fixed & (last > 0)) if tail.size else np.zeros(0, np.int64)
    pred = np.concatenate((position[instance.arc_pred[arc]], ends))
    succ = np.concatenate((position[instance.arc_succ[arc]], np.full(ends.size, task.size)))
    kind = np.concatenate((instance.arc_kind[arc], np.full(ends.size, EE)))
    lag = np.concatenate((instance.arc_lag[arc], tail[task[ends]])) if ends.size else instance.arc_lag[arc]
    by_pred = np.argsort(pred, kind="stable")

    def per_task(values: NDArray[Any] | None, absent: int) -> NDArray[Any] | None:
        return None if values is None else _append(values[task], absent, last)

    fixed_start = np.where(fixed, whole.schedule.start[task], -1)
    if instance.fixed_start is not None:
        fixed_start = np.where(free, instance.fixed_start[task], fixed_start)
    fixed_mode = None if instance.fixed_mode is None else np.where(free, instance.fixed_mode[task], -1)
    small = Instance(
        mode_ptr=_append(mode_ptr, mode_ptr[-1] + 1, last),
        duration=_append(instance.duration[mode], 0, last),
        demand_ptr=_append(demand_ptr, demand_ptr[-1], last),
        demand_resource=instance.demand_resource[demand],
        demand_amount=instance.demand_amount[demand],
        capacity=_capacity(window),
        renewable=instance.renewable,
        arc_ptr=np.concatenate(([0], np.cumsum(np.bincount(pred, minlength=task.size + last)))),
        arc_succ=succ[by_pred],
        arc_kind=kind[by_pred],
        arc_lag=lag[by_pred],
        release=_append(bounds.release[task], floor, last),
        deadline=_append(bounds.deadline[task], HORIZON_LIMIT, last),
        due=per_task(instance.due, HORIZON_LIMIT),
        weight=per_task(instance.weight, 1),
        pause=per_task(instance.pause, 0),
        fixed_start=_append(fixed_start, -1, last),
        fixed_mode=None if fixed_mode is None else _append(fixed_mode, -1, last),
        transport=instance.transport,
        setup=_setup(window, mode, last),
        calendar=instance.calendar,
        blocking=instance.blocking,
        no_wait=instance.no_wait,
        swap_allowed=instance.swap_allowed,
        objective=instance.objective,
        **_jobs(window, last),
    )
    return small, choice


def _append(values: NDArray[Any], value: int, count: int) -> NDArray[Any]:
    return np.concatenate((values, np.full(count, value, values.dtype)))


def _chains(instance: Instance) -> bool:
    return instance.blocking or instance.no_wait


def _capacity(window: Window) -> IntArray:
    """Of what is used up, the part has what the tasks outside leave."""
    instance = window.instance
    capacity = instance.capacity.copy()
    if not instance.renewable.all():
        outside = window.frame.mode[~window.inside]
        demand = rows(instance.demand_ptr, outside)
        np.subtract.at(capacity, instance.demand_resource[demand], instance.demand_amount[demand])
        capacity[instance.renewable] = instance.capacity[instance.renewable]
    return capacity


def _setup(window: Window, mode: IntArray, last: int) -> Setup | None:
    """A resource that somebody outside uses before the window has no first setup any more."""
    setup, whole = window.instance.setup, window.frame
    if setup is None:
        return None
    resource = np.repeat(np.arange(window.instance.num_resources), np.diff(whole.user_ptr))
    used = resource[~window.inside[whole.user] & (whole.schedule.start[whole.user] < window.high)]
    initial = setup.initial.copy()
    initial[used] = -1
    return Setup(_append(setup.family[mode], -1, last), setup.time, initial)


def _jobs(window: Window, last: int) -> dict[str, Any]:
    """Jobs of the part. Where jobs must be chains, each connected piece of one is a job; a job that ends outside is due
    by as much earlier as it now ends later outside than in the part."""
    instance, task = window.instance, np.flatnonzero(window.inside)
    if instance.job is None:
        return {}
    job = instance.job[task].astype(np.int64)
    ends, part_ends = job_end(instance, window.frame.end), np.zeros(instance.num_jobs, np.int64)
    in_job = job >= 0
    np.maximum.at(part_ends, job[in_job], window.frame.end[task][in_job])
    if _chains(instance):
        follows = np.zeros(instance.num_tasks, np.bool_)
        both = window.inside[instance.arc_pred] & window.inside[instance.arc_succ]
        follows[instance.arc_succ[both]] = True
        label = np.full(instance.num_tasks, -1)
        heads = task[~follows[task] & in_job]
        label[heads] = np.arange(heads.size)
        following = np.full(instance.num_tasks, -1)
        following[instance.arc_pred[both]] = instance.arc_succ[both]
        reached = heads
        while reached.size:
            onward = reached[following[reached] >= 0]
            label[following[onward]] = label[onward]
            reached = following[onward]
        new, origin = label[task], job[np.searchsorted(task, heads)]
        last_piece = np.zeros(heads.size, np.bool_)
        at_end = in_job & (window.frame.end[task] == part_ends[np.maximum(job, 0)])
        last_piece[new[at_end]] = True
    else:
        origin = np.unique(job[in_job])
        new = np.where(in_job, np.searchsorted(origin, job), -1)
        last_piece = np.ones(origin.size, np.bool_)
    found: dict[str, Any] = {"job": _append(new, -1, last), "num_jobs": origin.size}
    if instance.job_due is not None:
        due = instance.job_due[origin] - (ends - part_ends)[origin]
        has_due = last_piece & (instance.job_due[origin] < HORIZON_LIMIT)
        found["job_due"] = np.where(has_due, np.maximum(due, 0), HORIZON_LIMIT)
        if instance.job_weight is not None:
            found["job_weight"] = instance.job_weight[origin]
    return found
