"""A part of a schedule as an instance of its own: what a window leaves free and what surrounds it, nothing else.

Around the free tasks lie those that run at the same time on their resources, and those from which an arc leads to them.
Of everything farther away only bounds remain (``part_bounds``): releases, deadlines, and *tails* that lead to a last
task of no duration, whose end is the makespan of the whole. Where tasks may shift in time, every solution of the part
is a schedule of the whole by construction; elsewhere the checker decides.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from makespan.instances.instance import HORIZON_LIMIT, Instance, IntArray
from makespan.instances.project_view import project_view
from makespan.instances.schedule import Schedule, makespan
from makespan.solvers.cp_sat.tasks import Kept
from makespan.solvers.neighbourhoods import layout, rows
from makespan.solvers.part_bounds import Bounds, Window, has_setups, shifting_bounds, still_bounds
from makespan.solvers.part_instance import part_instance
from makespan.solvers.time_shift import Frame, can_shift


class Part(NamedTuple):
    """A part of an instance.

    Parameters
    ----------
    instance
        Its tasks in their old order; where the makespan counts, then a last one of no duration.
    task
        Shape (n,): the tasks of the whole that it holds, in rising number.
    kept
        What must stay of ``schedule``, in the numbering of the part.
    schedule
        The incumbent's share. It may break bounds of the part where setups obey no triangle inequality or a free task
        has several modes.
    later
        Tasks of the whole that move with its makespan.
    choice
        Shape (num_modes of the part,): the mode in the whole, counted within its task.
    floor
        The makespan of the whole is at least that, whatever the part does.
    """

    instance: Instance
    task: IntArray
    kept: Kept
    schedule: Schedule
    later: IntArray
    choice: IntArray
    floor: int


def cut_out(instance: Instance, whole: Frame, free: IntArray, most: int) -> Part | None:
    """The part around the tasks ``free``; None if it would hold more than ``most`` tasks, or can improve nothing.

    O(n + arcs) with small constants, and the size of the part.
    """
    window = _window(instance, whole, free)
    if window.inside.sum() > most:
        return None
    bounds = shifting_bounds(window) if whole.tail.size else still_bounds(window)
    return None if bounds is None else _part(window, bounds)


def put_back(instance: Instance, whole: Frame, part: Part, found: Schedule) -> Schedule:
    """The whole with a solution of the part in it. O(n)."""
    start, mode = whole.schedule.start.copy(), whole.schedule.mode.copy()
    count = part.task.size
    start[part.task] = found.start[:count]
    mode[part.task] = part.choice[part.instance.mode_ptr[:count] + found.mode[:count]]
    if whole.tail.size:
        span = part.floor
        if can_shift(instance):
            span = max(span, makespan(part.instance, found.end(part.instance)))
        start[part.later] = span - whole.tail[part.later]
    return Schedule(start, mode)


def _window(instance: Instance, whole: Frame, free: IntArray) -> Window:
    start, leave, known = whole.schedule.start, whole.leave, layout(instance)
    low, high = int(start[free].min()), int(leave[free].max())
    shared = np.unique(known.resource[rows(known.resource_ptr, free)])
    users = np.unique(whole.user[rows(whole.user_ptr, shared)])
    is_free = np.zeros(instance.num_tasks, np.bool_)
    is_free[free] = True
    inside = is_free.copy()
    inside[users[(start[users] < high) & (leave[users] > low)]] = True
    view = project_view(instance)
    inside[view.pred_task[rows(view.pred_ptr, free)]] = True
    if not whole.tail.size:
        inside[instance.arc_succ[rows(instance.arc_ptr, free)]] = True
    window = Window(instance, whole, is_free, inside, shared, low, high)
    inside[_neighbours(window)] = True
    if instance.blocking:  # when a task leaves depends on the next one of its job
        inside[instance.arc_succ[inside[instance.arc_pred]]] = True
    return window


def _neighbours(window: Window) -> IntArray:
    """On each shared resource with setups the last task before the window and, where all stands still, the first after
    it."""
    whole, start, found = window.frame, window.frame.schedule.start, []
    for k in window.shared.tolist():
        if not has_setups(window.instance, k):
            continue
        users = whole.occupiers(k)
        users = users[~window.free[users]]
        before, after = users[whole.leave[users] <= window.low], users[start[users] >= window.high]
        found += [before[np.argmax(start[before])]] if before.size else []
        found += [after[np.argmin(start[after])]] if after.size and not whole.tail.size else []
    return np.array(found, np.int64)


def _part(window: Window, bounds: Bounds) -> Part | None:
    instance, whole, inside, task = window.instance, window.frame, window.inside, np.flatnonzero(window.inside)
    last = makespan(instance, whole.end)
    if bounds.tail.size:
        moving = task[~bounds.fixed[task]]
        last = min(last, int((whole.end + bounds.tail)[moving].max(initial=0)))
    elif instance.objective[0] == "makespan" and bounds.floor >= last:
        return None
    if _needs_due(instance) and not _has_due(instance, task):
        return None
    if (bounds.deadline[task] < 0).any():
        return None
    bounds.release[bounds.fixed], bounds.deadline[bounds.fixed] = 0, HORIZON_LIMIT
    small, choice = part_instance(window, bounds)
    extra = small.num_tasks - task.size
    start = np.append(whole.schedule.start[task], np.full(extra, last))
    mode = np.append(np.where(window.free, whole.schedule.mode, 0)[task], np.zeros(extra, np.int32))
    position = np.cumsum(inside) - 1
    kept = Kept(
        np.append(bounds.kept.task[task], np.ones(extra, np.bool_)),
        position[bounds.kept.pred],
        position[bounds.kept.succ],
        bounds.kept.lag,
    )
    return Part(small, task, kept, Schedule(start, mode), np.flatnonzero(bounds.later), choice, bounds.floor)


def _needs_due(instance: Instance) -> bool:
    return bool({"total_tardiness", "weighted_tardiness", "max_lateness"} & set(instance.objective))


def _has_due(instance: Instance, task: IntArray) -> bool:
    if instance.due is not None and (instance.due[task] < HORIZON_LIMIT).any():
        return True
    if instance.job_due is None or instance.job is None:
        return False
    job = instance.job[task]
    return bool((instance.job_due[job[job >= 0]] < HORIZON_LIMIT).any())
