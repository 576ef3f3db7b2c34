"""Time windows of tasks: the state that edge finding and its relatives narrow.

A task has two points, its start (point i) and its end (point n + i). Side 0 looks forward: ``point[0, p, VALUE]`` is
the earliest time of point p. Side 1 looks backward in mirrored time: the value is minus its latest time. Every rule
thus only ever raises values, is written once and run on both sides; a point has no time left when its two values add up
to more than 0.
"""

from __future__ import annotations

from typing import NamedTuple

from makespan.instances.instance import IntArray
from makespan.solvers.kernels import step

VALUE, ARCS, ARCS_END, QUEUE, QUEUED = range(5)
"""Of a point on a side: value, its arcs, a slot of the side's queue, and whether the point waits in it."""

REACHES, WEIGHT = range(2)
"""Of an arc: value of this point >= value of the point it belongs to + weight."""

GROUPS, GROUPS_END, LONGEST = range(3)
"""Of a task: its part of ``member_of``, and the longest time from start to end (-1: not known)."""

ROWS, ROWS_END, CAPACITY, STALE, ENERGY_STALE = range(5)
"""Of a group of tasks that share a resource: its rows, the capacity (0 where no two tasks may overlap), and whether a
task of it changed since its quick and its energetic rules looked."""

BODY, AMOUNT, TASK, FIRST_ORDER = range(4)
"""Of a row: least time and amount, and the task; then the orders of its group, positions nearly sorted."""

BY_START, BY_END, BY_EARLIEST_END, BY_LATEST_START, BY_SUM = range(5)
"""The orders: by earliest start, latest end, earliest start + body, latest end - body, earliest + latest."""

ROW_FIELDS = FIRST_ORDER + 5

HEAD, COUNT, WORK, PROBE, QUIET, GROUP = 0, 2, 4, 5, 6, 7
"""Entries of ``cursor``: first of each side's queue, points in each queue, work left, probe in turn, probes in a row
that gained nothing, group in turn."""

CURSORS = 8

START, END, TIME, NEED, ORDER, NEW_START, NEW_END, LEAF, TREE = 0, 1, 2, 3, 4, 9, 10, 11, 12
"""Rows of ``local`` once a group is loaded: windows, body and amount, five orders, the windows that the rules find, and
scratch of the rules."""

LOCAL_ROWS = TREE + 6

FIXED_POINT, CONTRADICTION, OUT_OF_WORK = range(3)
"""How a round of narrowing ends."""


class Windows(NamedTuple):
    """All int64, few arrays since each one costs time in every call: ``point`` (2, 2n, 5), ``arc`` (2, arcs, 2),
    ``task`` (n, 3), ``member_of`` (rows,), ``group`` (groups, 5), ``row`` (rows, 8), ``cursor`` (8,) and ``local`` (18,
    twice a power of two that is at least the largest group)."""

    point: IntArray
    arc: IntArray
    task: IntArray
    member_of: IntArray
    group: IntArray
    row: IntArray
    cursor: IntArray
    local: IntArray


@step
def raise_value(w, side, p, value):
    """Raise the value of point p; returns False if the point then has no time left."""
    point, cursor = w.point, w.cursor
    if value <= point[side, p, VALUE]:
        return True
    point[side, p, VALUE] = value
    if value + point[1 - side, p, VALUE] > 0:
        return False
    size = point.shape[1]
    if point[side, p, QUEUED] == 0:
        point[side, p, QUEUED] = 1
        point[side, (cursor[HEAD + side] + cursor[COUNT + side]) % size, QUEUE] = p
        cursor[COUNT + side] += 1
    task = p % (size // 2)
    for i in range(w.task[task, GROUPS], w.task[task, GROUPS_END]):
        group = w.member_of[i]
        w.group[group, STALE] = 1
        w.group[group, ENERGY_STALE] = 1
    return True


@step
def follow_arcs(w):
    """Empty both queues, or stop without work left; False if a point has no time left. O(arcs) for each raise."""
    point, cursor = w.point, w.cursor
    for side in range(2):
        while cursor[COUNT + side] > 0 and cursor[WORK] > 0:
            p = point[side, cursor[HEAD + side], QUEUE]
            cursor[HEAD + side] = (cursor[HEAD + side] + 1) % point.shape[1]
            cursor[COUNT + side] -= 1
            point[side, p, QUEUED] = 0
            cursor[WORK] -= 1 + point[side, p, ARCS_END] - point[side, p, ARCS]
            for i in range(point[side, p, ARCS], point[side, p, ARCS_END]):
                value = point[side, p, VALUE] + w.arc[side, i, WEIGHT]
                if not raise_value(w, side, w.arc[side, i, REACHES], value):
                    return False
    return True


@step
def restore(w, saved):
    """Back to the values of ``saved`` (2, 2n), a fixed point: nothing waits and nothing is stale."""
    for side in range(2):
        for p in range(saved.shape[1]):
            w.point[side, p, VALUE] = saved[side, p]
            w.point[side, p, QUEUED] = 0
        w.cursor[COUNT + side] = 0
    for group in range(w.group.shape[0]):
        w.group[group, STALE] = w.group[group, ENERGY_STALE] = 0


@step
def load_group(w, group):
    """Copy the windows of a group into ``local`` and sort its orders. O(rows) where little changed, else O(rows^2)."""
    first, n, local, row = w.group[group, ROWS], w.task.shape[0], w.local, w.row
    size = w.group[group, ROWS_END] - first
    for i in range(size):
        task = row[first + i, TASK]
        local[START, i], local[END, i] = w.point[0, task, VALUE], -w.point[1, n + task, VALUE]
        local[TIME, i], local[NEED, i] = row[first + i, BODY], row[first + i, AMOUNT]
    for kind in range(5):
        if kind == BY_SUM and w.group[group, CAPACITY] == 0:
            continue
        for i in range(size):
            if kind == BY_START:
                key = local[START, i]
            elif kind == BY_END:
                key = local[END, i]
            elif kind == BY_EARLIEST_END:
                key = local[START, i] + local[TIME, i]
            elif kind == BY_LATEST_START:
                key = local[END, i] - local[TIME, i]
            else:
                key = local[START, i] + local[END, i]
            local[LEAF, i] = key
        for i in range(size):
            moved = row[first + i, FIRST_ORDER + kind]
            j = i - 1
            while j >= 0 and local[LEAF, local[ORDER + kind, j]] > local[LEAF, moved]:
                local[ORDER + kind, j + 1] = local[ORDER + kind, j]
                j -= 1
            local[ORDER + kind, j + 1] = moved
        for i in range(size):
            row[first + i, FIRST_ORDER + kind] = local[ORDER + kind, i]
    for i in range(size):
        local[NEW_START, i], local[NEW_END, i] = local[START, i], local[END, i]
    return size


@step
def mirror(local, size):
    """Turn a loaded group round: what was late is early. O(rows)."""
    for i in range(size):
        local[START, i], local[END, i] = -local[END, i], -local[START, i]
        local[NEW_START, i], local[NEW_END, i] = -local[NEW_END, i], -local[NEW_START, i]
    for kind in range(2):
        early, late = ORDER + 2 * kind, ORDER + 2 * kind + 1
        for i in range(size):
            j = size - 1 - i
            if i <= j:
                local[early, i], local[late, j] = local[late, j], local[early, i]
                if i < j:
                    local[early, j], local[late, i] = local[late, i], local[early, j]
    for i in range(size // 2):
        j = size - 1 - i
        local[ORDER + BY_SUM, i], local[ORDER + BY_SUM, j] = local[ORDER + BY_SUM, j], local[ORDER + BY_SUM, i]


@step
def take_over(w, group, size):
    """Raise values to what the rules found on a group; False if a window is empty. O(rows)."""
    first, n, local = w.group[group, ROWS], w.task.shape[0], w.local
    for i in range(size):
        task = w.row[first + i, TASK]
        if local[NEW_START, i] > local[START, i] and not raise_value(w, 0, task, local[NEW_START, i]):
            return False
        if local[NEW_END, i] < local[END, i] and not raise_value(w, 1, n + task, -local[NEW_END, i]):
            return False
    return True
