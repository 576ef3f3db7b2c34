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

N5, N6, N7 = 5, 6, 7

BLOCK = np.dtype([("first", np.int64), ("last", np.int64), ("opens", np.int64), ("closes", np.int64)])
"""From place ``first`` to ``last``; ``opens`` and ``closes`` are 1 where the path begins or ends with the block and no
operation could begin earlier or end with a smaller tail in its stead: then only moves at its other end can help."""


MOVE = np.dtype([("source", np.int64), ("target", np.int64), ("estimate", np.int64)])
"""A candidate; ``estimate`` may be cut off once it is known to be too large."""

STOP = np.dtype([("duration", np.int64), ("job_head", np.int64), ("job_tail", np.int64), ("head", np.int64)])
"""An operation of the block at hand: what the estimates read, side by side; ``head`` is scratch."""


@step
def critical_blocks(node, sink, value, least_tail, random, block):
    """The blocks of two and more operations on one critical path, from its end to its start; returns their number.

    The path is chosen at random where several reach ``value``. ``least_tail`` is the least own tail of any sink.
    O(sinks + length of the path).
    """
    ties, v = 0, np.uint32(0)
    for s in sink:
        if node[s].head + node[s].duration + node[s].own_tail == value:
            ties += 1
            if ties == 1 or below(random, ties) == 0:
                v = np.uint32(s)
    count = np.int64(0)
    end, last = np.int64(node[v].place), np.int64(node[v].place)
    closes = node[v].own_tail <= least_tail
    while node[v].head > node[v].release:
        head, job_pred, machine_pred = node[v].head, node[v].job_pred, node[v].machine_pred
        by_job = node[job_pred].head + node[job_pred].duration == head
        by_machine = node[machine_pred].head + node[machine_pred].duration == head
        if by_job and (not by_machine or job_pred == machine_pred or next_bits(random) >> np.uint64(63)):
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


def scratch(size: int) -> tuple[NDArray, NDArray, NDArray]:
    """Room for the blocks, stops and moves of ``size`` operations."""
    return np.zeros(size, BLOCK), np.zeros(size, STOP), np.zeros(4 * size, MOVE)
