"""The order of operations on each machine, with heads, tails and a topological order kept up to date under moves.

An operation has one machine and at most one predecessor and one successor in its job. Its *head* is its earliest start,
its *tail* what the objective adds after its end at least; the value of the orders is the largest head + duration +
tail. Everything about an operation lies in one record of 64 bytes, one cache line. Record n, behind the last operation,
stands for every missing neighbour, so that no step asks whether there is one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.solvers.kernels import inlined, kernel, step

UNCOUNTED = -(2**60)
"""Own tail of an operation whose end does not enter the objective."""

NODE = np.dtype(
    [
        ("duration", np.int64),
        ("head", np.int64),
        ("tail", np.int64),
        ("release", np.int64),
        ("own_tail", np.int64),
        ("job_pred", np.uint32),
        ("job_succ", np.uint32),
        ("machine_pred", np.uint32),
        ("machine_succ", np.uint32),
        ("position", np.int32),
        ("place", np.int32),
    ]
)
"""An operation: ``position`` in the topological order, ``place`` in ``line``. Unsigned links spare Numba the question
whether an index is negative."""


class Orders(NamedTuple):
    """The orders of all machines.

    ``node`` (n + 1,) of NODE. ``order`` (n,) uint32: the operations in a topological order of job and machine arcs.
    ``line`` (n,) uint32: the operations machine by machine in their order, first those without a machine.
    ``line_ptr`` (machines + 2,): where machine k begins in ``line`` at k + 1. ``machine`` (n,): -1 for none.
    ``sink`` (sinks,): the operations whose end alone decides the value. ``moved`` (n,) is scratch.
    """

    node: NDArray
    order: NDArray
    line: NDArray
    line_ptr: NDArray
    machine: NDArray
    sink: NDArray
    moved: NDArray


def blank_nodes(n: int) -> NDArray:
    """Room for ``n`` operations and the record behind them, at addresses that make each one cache line."""
    room = np.zeros((n + 2) * NODE.itemsize, np.uint8)
    shift = -room.ctypes.data % NODE.itemsize
    return room[shift : shift + (n + 1) * NODE.itemsize].view(NODE)


@kernel
def find_sinks(node, by_job, sink):
    """Write the operations after whose end their job adds nothing larger into ``sink`` (n,); returns how many.

    ``by_job`` (n,): the operations, each job in its order. Uses the tails as scratch. O(n).
    """
    count = 0
    node[by_job.size].tail = UNCOUNTED
    for at in range(by_job.size - 1, -1, -1):
        v = by_job[at]
        behind = node[node[v].job_succ].duration + node[node[v].job_succ].tail
        node[v].tail = max(node[v].own_tail, behind)
        if node[v].job_succ == by_job.size or node[v].own_tail > behind:
            sink[count] = v
            count += 1
    return count


@step
def set_orders(orders, sequence):
    """Order every machine as ``sequence`` (n,) uint32 does, which lists each operation once, jobs in their order.

    Returns whether it does so; otherwise the orders are unusable. O(n).
    """
    node, order, line, line_ptr, machine = orders.node, orders.order, orders.line, orders.line_ptr, orders.machine
    n = order.size
    filled = orders.moved
    for k in range(line_ptr.size):
        filled[k] = line_ptr[k]
    for v in range(n):
        node[v].position = n
    node[n].position = -1
    for at in range(n):
        v = sequence[at]
        if v >= n or node[v].position < n or node[node[v].job_pred].position >= at:
            return False
        k = machine[v] + 1
        order[at] = v
        node[v].position = at
        node[v].place = filled[k]
        line[filled[k]] = v
        if k > 0 and filled[k] > line_ptr[k]:
            node[v].machine_pred = line[filled[k] - 1]
            node[line[filled[k] - 1]].machine_succ = v
        else:
            node[v].machine_pred = n
        node[v].machine_succ = n
        filled[k] += 1
    recompute(orders)
    return True


@kernel
def earliest_starts(node, machine, order, free, start):
    """Start every operation as early as the machine orders of the sequence ``order`` (n,) uint32 allow.

    ``start`` (n,) is overwritten; ``free`` (machines + 1,) is scratch. O(n).
    """
    free[:] = 0
    for v in order:
        k, pred = machine[v] + 1, node[v].job_pred
        begin = node[v].release if k == 0 else max(node[v].release, free[k])
        if pred < order.size:
            begin = max(begin, start[pred] + node[pred].duration)
        start[v] = begin
        free[k] = begin + node[v].duration


@step
def recompute(orders):
    """All heads and tails, O(n)."""
    node, order = orders.node, orders.order
    n = order.size
    node[n].duration = 0
    node[n].head = 0
    node[n].tail = UNCOUNTED
    for at in range(n):
        node[order[at]].head = head_of(node, order[at])
    for at in range(n - 1, -1, -1):
        node[order[at]].tail = tail_of(node, order[at])


@inlined
def job_head(node, v):
    """Earliest start by release and job alone."""
    return max(node[v].release, node[node[v].job_pred].head + node[node[v].job_pred].duration)


@inlined
def job_tail(node, v):
    """Tail by the job alone."""
    return max(node[v].own_tail, node[node[v].job_succ].tail + node[node[v].job_succ].duration)


@inlined
def head_of(node, v):
    return max(job_head(node, v), node[node[v].machine_pred].head + node[node[v].machine_pred].duration)


@inlined
def tail_of(node, v):
    return max(job_tail(node, v), node[node[v].machine_succ].tail + node[node[v].machine_succ].duration)


@step
def value_of(node, sink):
    """The largest end plus own tail. O(sinks)."""
    value = np.int64(2 * UNCOUNTED)
    for v in sink:
        value = max(value, node[v].head + node[v].duration + node[v].own_tail)
    return value


@step
def reaches(orders, u, v):
    """Whether a path leads from operation ``u`` to ``v``; True if they are one. O(stretch of the topological order)."""
    node, order, marked = orders.node, orders.order, orders.moved
    begin, end = np.int64(node[u].position), np.int64(node[v].position)
    if begin >= end:
        return begin == end
    node[order.size].position = -1
    marked[0] = 1
    for at in range(begin + 1, end + 1):
        by_job = np.int64(node[node[order[at]].job_pred].position) - begin
        by_machine = np.int64(node[node[order[at]].machine_pred].position) - begin
        marked[at - begin] = (by_job >= 0 and marked[by_job]) or (by_machine >= 0 and marked[by_machine])
    return marked[end - begin] != 0


@step
def move_later(orders, source, target):
    """Move the operation at place ``source`` of ``line`` right behind the one at ``target`` > source.

    Returns whether the orders stay free of cycles; if not, nothing has changed but the topological order, which is
    still one. Only the stretch of that order between the two operations is repaired: what the moved operation reaches
    through its job goes behind it, and reaching the other one is exactly a cycle. Heads and tails follow. O(n) at
    worst, the stretch plus what changes as a rule.
    """
    node, order, line, moved = orders.node, orders.order, orders.line, orders.moved
    n = order.size
    u, v = line[source], line[target]
    before, follower, after = node[u].machine_pred, line[source + 1], node[v].machine_succ
    node[n].position = -1
    node[follower].machine_pred = before
    begin, end = np.int64(node[u].position), np.int64(node[v].position)
    node[u].position = n
    kept, reached = begin, 0
    for at in range(begin + 1, end + 1):
        x = order[at]
        if max(node[node[x].job_pred].position, node[node[x].machine_pred].position) >= n:
            node[x].position = n
            moved[reached] = x
            reached += 1
        else:
            order[kept] = x
            node[x].position = kept
            kept += 1
    acyclic = node[v].position < n
    if acyclic:
        node[before].machine_succ = follower
        node[v].machine_succ = u
        node[u].machine_pred = v
        node[u].machine_succ = after
        node[after].machine_pred = u
        order[kept] = u
        node[u].position = kept
        for at in range(source, target):
            line[at] = line[at + 1]
            node[line[at]].place = at
        line[target] = u
        node[u].place = target
    else:
        node[follower].machine_pred = u
        for at in range(kept, begin, -1):
            order[at] = order[at - 1]
            node[order[at]].position = at
        order[begin] = u
        node[u].position = begin
    for r in range(reached):
        order[kept + 1 + r] = moved[r]
        node[moved[r]].position = kept + 1 + r
    if acyclic:
        _update(node, order, begin, end, before, after)
    return acyclic


@step
def move_earlier(orders, source, target):
    """Move the operation at place ``source`` right before the one at ``target`` < source; else as ``move_later``."""
    node, order, line, moved = orders.node, orders.order, orders.line, orders.moved
    n = order.size
    v, u = line[source], line[target]
    before, leader, after = node[u].machine_pred, line[source - 1], node[v].machine_succ
    node[n].position = n
    node[leader].machine_succ = after
    begin, end = np.int64(node[u].position), np.int64(node[v].position)
    node[v].position = -1
    kept, reached = end, 0
    for at in range(end - 1, begin - 1, -1):
        x = order[at]
        if min(node[node[x].job_succ].position, node[node[x].machine_succ].position) < 0:
            node[x].position = -1
            moved[reached] = x
            reached += 1
        else:
            order[kept] = x
            node[x].position = kept
            kept -= 1
    acyclic = node[u].position >= 0
    if acyclic:
        node[after].machine_pred = leader
        node[u].machine_pred = v
        node[v].machine_succ = u
        node[v].machine_pred = before
        node[before].machine_succ = v
        order[kept] = v
        node[v].position = kept
        for at in range(source, target, -1):
            line[at] = line[at - 1]
            node[line[at]].place = at
        line[target] = v
        node[v].place = target
    else:
        node[leader].machine_succ = v
        for at in range(kept, end):
            order[at] = order[at + 1]
            node[order[at]].position = at
        order[end] = v
        node[v].position = end
    for r in range(reached):
        order[kept - 1 - r] = moved[r]
        node[moved[r]].position = kept - 1 - r
    if acyclic:
        _update(node, order, begin, end, before, after)
    return acyclic


@inlined
def _update(node, order, begin, end, before, after):
    """Heads from ``begin`` on and tails from ``end`` back, as far as something changes.

    ``before`` and ``after`` are the machine neighbours of the moved stretch: their other neighbour is new.
    """
    n = order.size
    node[n].position = -1
    at, last = begin, max(end, np.int64(node[after].position))
    while at <= last:
        v = order[at]
        head = head_of(node, v)
        if head != node[v].head:
            node[v].head = head
            last = max(last, node[node[v].job_succ].position, node[node[v].machine_succ].position)
        at += 1
    node[n].position = n
    at, last = end, min(begin, np.int64(node[before].position))
    while at >= last:
        v = order[at]
        tail = tail_of(node, v)
        if tail != node[v].tail:
            node[v].tail = tail
            last = min(last, node[node[v].job_pred].position, node[node[v].machine_pred].position)
        at -= 1
