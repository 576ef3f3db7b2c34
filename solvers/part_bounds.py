"""What the rest of a schedule leaves to a part of it: releases, deadlines and tails.

Of two ways to treat what is kept, the instance decides:

* *shifting*, where moving a task in time breaks nothing but arcs and capacities: kept tasks of the part keep their
  partial order; what follows the part stands as late as the partial order allows without a worse objective. For the
  makespan it moves to the left, by as much as the makespan falls, and what is minimised is the longest chain through
  the part, also when the makespan of the whole does not fall with it: that makes room for later windows.
* *still*, for everything else: only the free tasks move, between what stands before and after them.

Setups between the part and what surrounds it count in full. Where they obey the triangle inequality the incumbent's
share keeps to all bounds; else it may not, and the part has better solutions only or none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from makespan.instances.dates import deadlines, first_starts
from makespan.instances.instance import ES, SE, Instance, IntArray
from makespan.instances.project_view import project_view
from makespan.instances.schedule import makespan
from makespan.solvers.cp_sat.tasks import Kept
from makespan.solvers.neighbourhoods import csr, layout, rows, spread
from makespan.solvers.partial_order import Mask, Order, bridged, setup_between
from makespan.solvers.time_shift import Frame, can_shift


class Window(NamedTuple):
    """The tasks around some free ones.

    Parameters
    ----------
    free, inside
        Shape (num_tasks,): free tasks, and all tasks of the part.
    shared
        Renewable resources that a free task may use, in rising number.
    low, high
        The least start and the latest leave among the free tasks.
    """

    instance: Instance
    frame: Frame
    free: Mask
    inside: Mask
    shared: IntArray
    low: int
    high: int


class Bounds(NamedTuple):
    """What holds for the tasks of a part, in the numbering of the whole.

    Parameters
    ----------
    release, deadline
        Shape (num_tasks,): for the tasks inside that do not stand still.
    fixed
        Shape (num_tasks,): tasks inside that stand still.
    later
        Shape (num_tasks,): tasks outside that move with the makespan.
    tail
        Shape (num_tasks,): from the end of a task inside to the makespan; empty if the makespan does not move.
    floor
        The makespan is at least that, whatever the part does.
    kept
        The order that kept tasks inside keep.
    """

    release: IntArray
    deadline: IntArray
    fixed: Mask
    later: Mask
    tail: IntArray
    floor: int
    kept: Kept


def shifting_bounds(window: Window) -> Bounds | None:
    """Where kept tasks may move; None if setups without the triangle inequality forbid to take free tasks away."""
    instance, whole, free, inside, _, low, _ = window
    start, span = whole.schedule.start, makespan(instance, whole.end)
    fixed = inside & ~free & (whole.end <= low)
    order = bridged(instance, whole.schedule, whole.end, whole.order, free)
    # Among kept tasks, arcs of the instance hold by themselves; to and from the outside they act like the order.
    pred = np.concatenate((order.pred, instance.arc_pred)).astype(np.int64)
    succ = np.concatenate((order.succ, instance.arc_succ)).astype(np.int64)
    lag = np.concatenate((order.lag, whole.lag))
    later = ~inside & (start >= low) & ~_leads_inside(window, pred, succ)
    after = np.concatenate((order.lag - instance.duration[whole.mode[order.pred]], _after_ends(window)))

    still = ~inside & ~later
    rigid = still | fixed
    if (rigid[pred] & rigid[succ] & ~(inside[pred] & inside[succ]) & (start[pred] + lag > start[succ])).any():
        return None
    release = np.where(free, first_starts(instance), np.maximum(first_starts(instance), whole.first_setup))
    enters = ~inside[pred] & inside[succ]
    np.maximum.at(release, succ[enters], (start[pred] + lag)[enters])
    deadline, tail = deadlines(instance), np.zeros(instance.num_tasks, np.int64)
    to_still, to_later = inside[pred] & still[succ], inside[pred] & later[succ]
    np.minimum.at(deadline, pred[to_still], (start[succ] - after)[to_still])
    np.maximum.at(tail, pred[to_later], (whole.tail[succ] + after)[to_later])
    _bound_free_tasks(window, later, release, deadline, tail)
    passes = rigid[pred] & later[succ]
    floor = max(
        int((start[pred] + lag + whole.tail[succ])[passes].max(initial=0)),
        int((release + whole.tail)[later].max(initial=0)),
        int(whole.end[still].max(initial=0)),
    )
    if floor > span:
        return None
    kept = _kept(window, order)
    if can_shift(instance):
        return Bounds(release, deadline, fixed, later, tail, floor, kept)
    return Bounds(release, np.minimum(deadline, span - tail), fixed, later, np.zeros(0, np.int64), span, kept)


def still_bounds(window: Window) -> Bounds:
    """Where kept tasks stand still."""
    instance, whole, free, inside = window[:4]
    release, deadline = first_starts(instance), deadlines(instance)
    later = np.zeros(instance.num_tasks, np.bool_)
    _bound_free_tasks(window, later, release, deadline, np.zeros(0, np.int64))
    none = np.zeros(0, np.int64)
    floor = int(whole.end[~free].max(initial=0))
    return Bounds(release, deadline, inside & ~free, later, none, floor, Kept(~free, none, none, none))


def has_setups(instance: Instance, resource: int) -> bool:
    """Whether tasks on a resource may wait for setups."""
    return instance.setup is not None and bool(instance.capacity[resource] == 1)


def _kept(window: Window, order: Order) -> Kept:
    """The order inside. The model itself knows setups between direct neighbours; on a bridge may stand a free task."""
    start = window.frame.schedule.start
    within = window.inside[order.pred] & window.inside[order.succ]
    pred, succ = order.pred[within], order.succ[within]
    return Kept(~window.free, pred, succ, np.minimum(order.lag[within], start[succ] - start[pred]))


def _after_ends(window: Window) -> IntArray:
    """Shape (num_arcs,): from the end of the first task to the start of the second, whatever mode a free first task
    takes."""
    instance, mode = window.instance, window.frame.mode
    pred, kind = instance.arc_pred, instance.arc_kind
    lag = instance.arc_lag - np.where(kind % 2 == SE, instance.duration[mode[instance.arc_succ]], 0)
    if instance.transport is not None:
        target = instance.machine[mode[instance.arc_succ]]
        travels = project_view(instance).arc_travels & (target >= 0)
        lag = lag + np.where(travels, instance.transport.max(axis=0)[target], 0)
    shortest = np.minimum.reduceat(instance.duration, instance.mode_ptr[:-1])[pred]
    robust: IntArray = lag - np.where(kind >= ES, 0, shortest)
    kept: IntArray = window.frame.lag - instance.duration[mode[pred]]
    return np.where(window.free[pred], robust, kept)


def _leads_inside(window: Window, pred: IntArray, succ: IntArray) -> Mask:
    """Tasks since the start of the window from which arcs lead into the part: they cannot move with what follows it."""
    since = (window.frame.end > window.low) | (window.frame.schedule.start >= window.low)
    inner = since[pred] & since[succ]
    ptr, source = csr(succ[inner], pred[inner], window.instance.num_tasks)
    return spread(ptr, source, window.inside, since)


def _bound_free_tasks(window: Window, later: Mask, release: IntArray, deadline: IntArray, tail: IntArray) -> None:
    """Free tasks stay on each resource between what stands before the window and what stands or moves after it.

    With setups also between kept tasks inside: who comes before one of them would follow a task outside.
    """
    instance, whole, known = window.instance, window.frame, layout(window.instance)
    start = whole.schedule.start
    for k in window.shared.tolist():
        mine = known.user[known.user_ptr[k] : known.user_ptr[k + 1]]
        mine = mine[window.free[mine]]
        users = whole.occupiers(k)
        users = users[~window.free[users]]
        outside = users[~window.inside[users]]
        around = users if has_setups(instance, k) else outside
        before, after = around[whole.leave[around] <= window.low], outside[start[outside] >= window.high]
        still, moving = after[~later[after]], after[later[after]]
        if before.size:
            np.maximum.at(release, mine, whole.leave[before].max())
        if still.size:
            first = still[np.argmin(start[still])]
            np.minimum.at(deadline, mine, start[first] - _longest_setup(window, k, mine, first))
        if moving.size:
            first = moving[np.argmax(whole.tail[moving])]
            np.maximum.at(tail, mine, whole.tail[first] + _longest_setup(window, k, mine, first))


def _longest_setup(window: Window, resource: int, task: IntArray, follower: int) -> IntArray:
    """Shape (task.size,): from any mode of each task to a kept one on the resource."""
    mode_ptr = window.instance.mode_ptr
    on = np.full(1, resource)
    time = setup_between(window.instance, on, rows(mode_ptr, task), window.frame.mode[follower])
    count = np.diff(mode_ptr)[task]
    longest: IntArray = np.maximum.reduceat(time, np.cumsum(count) - count)
    return longest
