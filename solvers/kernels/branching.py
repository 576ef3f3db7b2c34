"""Children in branch and bound over disjunctions: put one of two tasks first, and see what follows.

The arcs that a choice turns on lie in the windows from the start, turned off by a weight that lets them say nothing.
Strong branching (Applegate, Bixby, Chvatal, Cook 1995, DIMACS TR 95-05) makes every child of a node to see which pair
changes most whichever task goes first.
"""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import kernel, step
from makespan.solvers.kernels.narrowing import narrow
from makespan.solvers.kernels.one_machine import jackson_preemptive
from makespan.solvers.kernels.windows import (
    BODY,
    CAPACITY,
    CONTRADICTION,
    ROWS,
    ROWS_END,
    TASK,
    VALUE,
    WEIGHT,
    raise_value,
    restore,
)

OFF = -(2**60)
"""Weight of an arc that is turned off."""

FIRST, SECOND, FORWARD, BACKWARD, SWAPPED = 0, 1, 2, 3, 2
"""Columns of ``pair``: two tasks; where the arc for the first one to go first lies in ``arc[0]`` and ``arc[1]``; then,
SWAPPED columns on, the same for the other order."""

PAIR_SIZE = 6


@kernel
def take_order(w, scratch, pair, number, order, effort, unit, work):
    """Let the first (``order`` 0) or second (1) task of a pair go first in windows at a fixed point, and narrow them.

    ``pair`` (pairs, 6); the other arguments are those of ``narrow``, and so is what it returns. The arc stays on.
    """
    n = w.task.shape[0]
    before, after = pair[number, FIRST + order], pair[number, SECOND - order]
    turn(w, pair, number, order, 0)
    if not raise_value(w, 0, after, w.point[0, n + before, VALUE]):
        return CONTRADICTION
    if not raise_value(w, 1, n + before, w.point[1, after, VALUE]):
        return CONTRADICTION
    return narrow(w, scratch, effort, unit, work)


@step
def turn(w, pair, number, order, weight):
    """Turn the arc of a choice on (weight 0) or OFF."""
    w.arc[0, pair[number, FORWARD + SWAPPED * order], WEIGHT] = weight
    w.arc[1, pair[number, BACKWARD + SWAPPED * order], WEIGHT] = weight


@kernel
def measure_orders(w, scratch, values, pair, open_pair, upper, effort, unit, work, gain):
    """Write into ``gain`` (open pairs, 2) what either order of each pair would change at this node.

    That is 1 + n times the rise of the bound + what all windows of the n tasks lose; an order that contradicts itself
    raises the bound to ``upper`` and takes all the windows. ``values`` (2, 2n): the windows, which are ``w`` at a fixed
    point and stay. O(pairs x narrowing).
    """
    n = w.task.shape[0]
    bound, room = node_bound(w, upper), _room(w)
    for i in range(open_pair.size):
        for order in range(2):
            status = take_order(w, scratch, pair, open_pair[i], order, effort, unit, work)
            if status == CONTRADICTION:
                gain[i, order] = 1 + n * (upper - bound) + room
            else:
                gain[i, order] = 1 + n * max(0, node_bound(w, upper) - bound) + room - _room(w)
            turn(w, pair, open_pair[i], order, OFF)
            restore(w, values)


@step
def _room(w):
    """Length of all windows together."""
    room, n = 0, w.task.shape[0]
    for task in range(n):
        room -= w.point[1, n + task, VALUE] + w.point[0, task, VALUE]
    return room


@kernel
def node_bound(w, upper):
    """Jackson's preemptive bound on the machines, for schedules better than ``upper``. O(rows log rows), and where
    starts have changed much O(rows of a machine^2)."""
    n, groups, rows = w.task.shape[0], w.group.shape[0], w.row.shape[0]
    ptr = np.zeros(groups + 1, np.int64)
    head, body, tail = np.empty(rows, np.int64), np.empty(rows, np.int64), np.empty(rows, np.int64)
    filled = 0
    for group in range(groups):
        if w.group[group, CAPACITY] == 0:
            first = filled
            for i in range(w.group[group, ROWS], w.group[group, ROWS_END]):
                task = w.row[i, TASK]
                start = w.point[0, task, VALUE]
                j = filled
                while j > first and head[j - 1] > start:
                    head[j], body[j], tail[j] = head[j - 1], body[j - 1], tail[j - 1]
                    j -= 1
                head[j], body[j] = start, w.row[i, BODY]
                tail[j] = upper - 1 + w.point[1, n + task, VALUE]
                filled += 1
        ptr[group + 1] = filled
    return jackson_preemptive(ptr, head, body, tail)
