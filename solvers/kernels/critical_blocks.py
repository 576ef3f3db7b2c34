"""One critical path of given machine orders, its blocks, and the value after moving an operation within a block.

A block is a maximal run of operations that follow each other on one machine along the critical path. Blocks and moves
are given by places in ``Orders.line``: operation line[source] goes to place target.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from makespan.solvers.kernels import inlined, step
from makespan.solvers.kernels.machine_orders import job_head, job_tail
from makespan.solvers.kernels.random import below, next_bits

N1, N5, N6, N7 = 1, 5, 6, 7

REFUSED = -(2**62)
"""In place of an estimate: the move may close a circle."""

BLOCK = np.dtype([("first", np.int64), ("last", np.int64), ("opens", np.int64), ("closes", np.int64)])
"""From place ``first`` to ``last``; ``opens`` and ``closes`` are 1 where the path begins or ends with the block and no
operation could begin earlier or end with a smaller tail in its stead: then only moves at its other end can help."""


MOVE = np.dtype([("source", np.int64), ("target", np.int64), ("estimate", np.int64)])
"""A candidate; ``estimate`` may be cut off once it is known to be too large."""

STOP = np.dtype([("duration", np.int64), ("job_head", np.int64), ("job_tail", np.int64), ("head", np.int64)])
"""An operation of the block at hand: what the estimates read, side by side; ``head`` is scratch."""


@step
def critical_blocks(node, sink, value, least_tail, shuffle, random, block):
    """The blocks of two and more operations on one critical path, from its end to its start; returns their number.

    Where several paths reach ``value``, one is chosen at random with ``shuffle``; else the one of the first sink that
    prefers machines to jobs, and no random number is drawn. ``least_tail`` is the least own tail of any sink. O(sinks +
    length of the path).
    """
    ties, v = 0, np.uint32(0)
    for s in sink:
        if node[s].head + node[s].duration + node[s].own_tail == value:
            ties += 1
            if ties == 1 or (shuffle and below(random, ties) == 0):
                v = np.uint32(s)
    count = np.int64(0)
    end, last = np.int64(node[v].place), np.int64(node[v].place)
    closes = node[v].own_tail <= least_tail
    while node[v].head > node[v].release:
        head, job_pred, machine_pred = node[v].head, node[v].job_pred, node[v].machine_pred
        by_job = node[job_pred].head + node[job_pred].duration == head
        by_machine = node[machine_pred].head + node[machine_pred].duration == head
        if by_job and (not by_machine or job_pred == machine_pred or (shuffle and next_bits(random) >> np.uint64(63))):
            count = _add_block(block, count, node[v].place, last, closes and last == end, False)
            v = job_pred
            last = np.int64(node[v].place)
        else:
            v = machine_pred
    return _add_block(block, count, node[v].place, last, closes and last == end, node[v].head == 0)


@inlined
def _add_block(block, count, first, last, closes, opens):
    if last > first:
        block[count].first = first
        block[count].last = last
        block[count].closes = closes
        block[count].opens = opens
        count += 1
    return count


@step
def read_block(node, line, first, last, stop):
    """Copy what the estimates need of the block into ``stop``."""
    for place in range(first, last + 1):
        at, v = place - first, line[place]
        stop[at].duration = node[v].duration
        stop[at].job_head = job_head(node, v)
        stop[at].job_tail = job_tail(node, v)


@step
def estimate_later(stop, source, target, start, tail_behind, limit):
    """About the longest path through the stops from ``source`` to ``target`` once the first goes behind the last.

    ``start`` is the end of what precedes them on the machine, ``tail_behind`` the tail (with duration) of what follows.
    Heads before and tails behind are taken as they are: exact for neighbours if the path is the longest. Returns a
    smaller value, yet above ``limit``, as soon as the answer must be above. O(stops).
    """
    end = start
    for at in range(source + 1, target + 1):
        head = max(stop[at].job_head, end)
        stop[at].head = head
        end = head + stop[at].duration
    head = max(stop[source].job_head, end)
    tail = max(stop[source].job_tail, tail_behind) + stop[source].duration
    longest = head + tail
    at = target
    while at > source and longest <= limit:
        tail = max(stop[at].job_tail, tail) + stop[at].duration
        longest = max(longest, stop[at].head + tail)
        at -= 1
    return longest


@step
def estimate_earlier(stop, source, target, start, tail_behind, limit):
    """As ``estimate_later``, for the stop ``source`` that goes before ``target`` < source."""
    head = max(stop[source].job_head, start)
    end = head + stop[source].duration
    for at in range(target, source):
        stop[at].head = max(stop[at].job_head, end)
        end = stop[at].head + stop[at].duration
    tail, longest = tail_behind, np.int64(0)
    at = source - 1
    while at >= target and longest <= limit:
        tail = max(stop[at].job_tail, tail) + stop[at].duration
        longest = max(longest, stop[at].head + tail)
        at -= 1
    if longest <= limit:
        longest = max(longest, head + max(stop[source].job_tail, tail) + stop[source].duration)
    return longest


@inlined
def estimate_move(node, line, stop, first, source, target, limit):
    """About the value after the move, see ``estimate_later``; REFUSED where it may close a circle.

    One operation goes behind another only if no longer path to the end leaves from its successor in the job than from
    the other one, and the mirror image of this; neighbours may always be swapped. ``stop``: the block, from place
    ``first`` on.
    """
    u, v, a, z = line[source], line[target], source - first, target - first
    if source < target:
        if a + 1 < z and node[v].tail + node[v].duration < stop[a].job_tail:
            return REFUSED
        pred, succ = node[u].machine_pred, node[v].machine_succ
        start, behind = node[pred].head + node[pred].duration, node[succ].tail + node[succ].duration
        return estimate_later(stop, a, z, start, behind, limit)
    if z + 1 < a and node[v].head + node[v].duration < stop[a].job_head:
        return REFUSED
    pred, succ = node[v].machine_pred, node[u].machine_succ
    start, behind = node[pred].head + node[pred].duration, node[succ].tail + node[succ].duration
    return estimate_earlier(stop, a, z, start, behind, limit)


@step
def list_block(block, b, neighbourhood, reach, move, count):
    """Append the moves within block ``b``; returns the new count.

    N1 swaps any two neighbours; N5 the first two and the last two operations; N6 moves any one to either end; N7 also
    moves the first and the last one to the inside, none over more than ``reach`` places. At an end of the critical path
    itself only the other side counts, but in N1.
    """
    first, last = block[b].first, block[b].last
    front, back = block[b].opens == 0, block[b].closes == 0
    if neighbourhood == N1:
        for place in range(first, last):
            count = _append(move, count, place, place + 1)
        return count
    if neighbourhood == N5:
        if front:
            count = _append(move, count, first + 1, first)
        if back and (last > first + 1 or not front):
            count = _append(move, count, last - 1, last)
        return count
    if back:
        begin = max(first, last - reach)
        for place in range(begin, last):
            count = _append(move, count, place, last)
        if neighbourhood == N7:
            for place in range(max(begin, first + front), last - 1):
                count = _append(move, count, last, place)
    if front:
        end = first + reach + 1
        for place in range(first + 1, min(end, last + (last > first + 1 or not back))):
            count = _append(move, count, place, first)
        if neighbourhood == N7:
            for place in range(first + 2, min(end, last + (not back))):
                count = _append(move, count, first, place)
    return count


@inlined
def _append(move, count, source, target):
    move[count].source = source
    move[count].target = target
    return count + 1


def scratch(size: int) -> tuple[NDArray, NDArray, NDArray]:
    """Room for the blocks, stops and moves of ``size`` operations."""
    return np.zeros(size, BLOCK), np.zeros(size, STOP), np.zeros(4 * size, MOVE)
