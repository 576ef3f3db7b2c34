"""Serial schedule generation from activity lists on a time grid, for projects with few units of time.

What every unit of time has left of all renewable resources lies in the lanes of a few 64-bit words, each lane with a
guard bit above it that stays set: after a subtraction a cleared guard bit tells that a demand does not fit. One
subtraction so checks a unit of time for all resources of a word, and a search for a start looks at each unit once.
Lanes in one word: Warren (2012), Hacker's Delight, 2nd edition, section 2-18.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import IndexArray, IntArray
from makespan.instances.project_view import ProjectView
from makespan.solvers.kernels import inlined, step
from makespan.solvers.kernels.mode_assignment import change_overdraft

FULL, GUARD = 0, 1
"""Rows of ``Grid.lane``: an empty unit of time with its guard bits, and those bits alone."""


class Grid(NamedTuple):
    """``lane`` (2, words), ``need`` (num_modes, words): the demands of each mode; ``free`` (units, words): what each
    unit of time has left. All uint64."""

    lane: NDArray[np.uint64]
    need: NDArray[np.uint64]
    free: NDArray[np.uint64]


class Modes(NamedTuple):
    """Modes of the tasks and what they spend of nonrenewable resources, as in ``ProjectView``."""

    ptr: IndexArray
    usable: NDArray[np.bool_]
    duration: IntArray
    spend_ptr: IndexArray
    spend_resource: IndexArray
    spend_amount: IntArray
    capacity: IntArray


def new_grid(view: ProjectView, units: int) -> Grid:
    """An empty grid; capacities below 2**62. O(modes x words + units x words)."""
    word, shift = np.zeros(view.capacity.size, np.int64), np.zeros(view.capacity.size, np.uint64)
    full, guard, filled = [0], [0], 0
    for k in np.unique(view.demand_resource).tolist():
        bits = int(view.capacity[k]).bit_length()
        if filled + bits + 1 > 64:
            full.append(0)
            guard.append(0)
            filled = 0
        word[k], shift[k] = len(full) - 1, filled
        full[-1] |= int(view.capacity[k]) << filled | 1 << (filled + bits)
        guard[-1] |= 1 << (filled + bits)
        filled += bits + 1
    need = np.zeros((view.duration.size, len(full)), np.uint64)
    mode = np.repeat(np.arange(view.duration.size), np.diff(view.demand_ptr))
    fits = view.usable[mode]
    k = view.demand_resource[fits]
    np.add.at(need, (mode[fits], word[k]), view.demand_amount[fits].astype(np.uint64) << shift[k])
    lane = np.array([full, guard], np.uint64)
    for table in (lane, need):
        table.setflags(write=False)
    return Grid(lane, need, np.tile(lane[FULL], (max(1, units), 1)))


@step
def schedule_on_grid(grid, link, arc, side, modes, chooses, mode, spent, child):
    """Start the tasks of the list, one after the other, as early as they fit; returns the largest end.

    In direction ``side``, not before ``release``; fills ``start``. With ``chooses`` every task takes the mode in which
    it ends first, if nonrenewable resources allow; equal ends keep the old one, and ``mode`` and ``spent``
    (num_resources,) follow. The grid must be empty and long enough for all tasks in a row; it is left empty.
    O(arcs + units of time passed x words), with a choice O(modes / tasks) times as long. Source of the choice: Lova,
    Tormos, Cervantes and Barber (2009), International Journal of Production Economics 117, 302-316.
    """
    lane, need, free, duration = grid.lane, grid.need, grid.free, modes.duration
    n, last = child.size, 0
    for position in range(n):
        task = child[position].task
        m, time = mode[task], child[task].release
        for i in range(link[side * n + task].before, link[side * n + task].before_end):
            pred = arc[i].task
            time = max(time, child[pred].start + duration[mode[pred]] + arc[i].lag)
        begin = _earliest(lane, need, free, m, time, duration[m])
        if chooses:
            old = m
            for other in range(modes.ptr[task], modes.ptr[task + 1]):
                if modes.usable[other] and time + duration[other] < begin + duration[m]:
                    found = _earliest(lane, need, free, other, time, duration[other])
                    if found + duration[other] < begin + duration[m] and _change(modes, spent, old, other, False) <= 0:
                        m, begin = other, found
            if m != old:
                _change(modes, spent, old, m, True)
                mode[task] = m
        for t in range(begin, begin + duration[m]):
            for w in range(need.shape[1]):
                free[t, w] -= need[m, w]
        child[task].start = begin
        last = max(last, begin + duration[m])
    for t in range(last):
        for w in range(lane.shape[1]):
            free[t, w] = lane[FULL, w]
    return last


@inlined
def _earliest(lane, need, free, m, time, length):
    """The first start >= ``time`` at which mode ``m`` fits for ``length`` units; no unit is looked at twice."""
    checked, t = time, time + length - 1
    if lane.shape[1] == 1:
        guard, demand = lane[GUARD, 0], need[m, 0]
        while t >= checked:
            if (free[t, 0] - demand) & guard == guard:
                t -= 1
            else:
                checked, time = time + length, t + 1
                t = time + length - 1
        return time
    while t >= checked:
        fits = True
        for w in range(lane.shape[1]):
            fits = fits and (free[t, w] - need[m, w]) & lane[GUARD, w] == lane[GUARD, w]
        if fits:
            t -= 1
        else:
            checked, time = time + length, t + 1
            t = time + length - 1
    return time


@step
def _change(modes, spent, old, new, keep):
    return change_overdraft(
        modes.spend_ptr, modes.spend_resource, modes.spend_amount, modes.capacity, spent, old, new, keep
    )
