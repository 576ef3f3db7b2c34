"""Tabu search on machine orders: moves N5, N6, N7 within critical blocks, in slices.

Sources: Nowicki and Smutnicki 1996 (N5, Management Science 42, 797-813); Balas and Vazacopoulos 1998 (N6, Management
Science 44, 262-275); Zhang, Li, Guan and Rao 2007 (N7, tabu by stored sequences; Computers & OR 34, 3229-3242).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.solvers.kernels import inlined, kernel, step
from makespan.solvers.kernels.critical_blocks import (
    N5,
    N7,
    critical_blocks,
    estimate_earlier,
    estimate_later,
    read_block,
)
from makespan.solvers.kernels.machine_orders import (
    Orders,
    move_earlier,
    move_later,
    set_orders,
    value_of,
)
from makespan.solvers.kernels.random import below

VALUE, BEST, CLOCK, IMPROVED, SHORTEST, LONGEST, NEIGHBOURHOOD, STUCK, KIND, SETTINGS = range(10)
"""Entries of ``Search.setting``: value of the orders now and of the best since they were loaded; moves made since the
search exists, and up to that best; tabu tenure from SHORTEST to LONGEST moves; N5, N6 or N7; 1 if no move is left."""

ARCS = 1024
ARC = np.dtype([("key", np.int64), ("until", np.int64)])
SEGMENTS = 256
SEGMENT = np.dtype(
    [("first", np.int64), ("last", np.int64), ("lead", np.int64), ("key", np.uint64), ("until", np.int64)]
)


class Search(NamedTuple):
    """A tabu search: the orders it moves, the best ones as a topological order, and its memory.

    ``best`` (n,) uint32; ``block``, ``stop``, ``move`` as made by ``critical_blocks.scratch``; ``tabu`` (TABU_SLOTS,) of
    TABU; ``setting`` (SETTINGS,); ``random`` (1,) uint64.
    """

    orders: Orders
    best: NDArray
    block: NDArray
    stop: NDArray
    move: NDArray
    arc: NDArray
    segment: NDArray
    setting: NDArray
    random: NDArray


@kernel
def load(search, sequence):
    """Begin from the machine orders of ``sequence``, see ``set_orders``; returns whether it is legal. O(n)."""
    setting = search.setting
    if not set_orders(search.orders, sequence):
        return False
    setting[VALUE] = setting[BEST] = value_of(search.orders.node, search.orders.sink)
    setting[CLOCK] += setting[LONGEST] + 1  # what was tabu is so no longer
    setting[IMPROVED] = setting[CLOCK]
    setting[STUCK] = 0
    search.best[:] = search.orders.order
    return True


@kernel
def tabu_slice(search, moves, patience, cutoff):
    """Make at most ``moves`` moves; returns how many.

    Stops early at a best value <= ``cutoff``, after ``patience`` moves without a better one, and where no move is left
    (then STUCK is set). A move costs the length of the critical path, its candidates and what heads and tails change.
    """
    orders, setting = search.orders, search.setting
    made = 0
    while made < moves and setting[BEST] > cutoff and setting[CLOCK] - setting[IMPROVED] < patience:
        count, chosen = _candidates(search)
        while count > 0:
            if chosen < 0:
                chosen = below(search.random, count)
            move = search.move[chosen]
            if _make(search, move.source, move.target):
                break
            # The move would close a circle, which only operations of no duration or two visits to a machine allow.
            count -= 1
            last = search.move[count]
            move.source, move.target, move.estimate = last.source, last.target, last.estimate
            chosen = _least(search, count)
        if count == 0:
            setting[STUCK] = 1
            break
        made += 1
        setting[CLOCK] += 1
        value = value_of(orders.node, orders.sink)
        setting[VALUE] = value
        if value < setting[BEST]:
            setting[BEST] = value
            setting[IMPROVED] = setting[CLOCK]
            search.best[:] = orders.order
    return made


@step
def _candidates(search):
    """List the moves of the neighbourhood; returns their number and the one to make, -1 if all are tabu."""
    node, line, setting = search.orders.node, search.orders.line, search.setting
    blocks = critical_blocks(node, search.orders.sink, setting[VALUE], search.random, search.block)
    count = 0
    # chosen, its estimate, ties
    pick = np.int64(-1), np.int64(2**62), 0
    for b in range(blocks):
        first, last = search.block[b].first, search.block[b].last
        read_block(node, line, first, last, search.stop)
        if setting[NEIGHBOURHOOD] == N5:
            if last == first + 1:
                count, pick = _consider(search, first, last, first, count, pick)
            else:
                count, pick = _consider(search, first, first + 1, first, count, pick)
                count, pick = _consider(search, last - 1, last, first, count, pick)
            continue
        for place in range(first, last):
            count, pick = _consider(search, place, last, first, count, pick)
        for place in range(first + 1 + (last == first + 1), last + 1):
            count, pick = _consider(search, place, first, first, count, pick)
        if setting[NEIGHBOURHOOD] >= N7:
            for place in range(first + 2, last):
                count, pick = _consider(search, first, place, first, count, pick)
            for place in range(first + 1, last - 1):
                count, pick = _consider(search, last, place, first, count, pick)
    return count, pick[0]


@step
def _consider(search, source, target, first, count, pick):
    """Add a move to the candidates unless it may close a circle, and choose it if it is the best."""
    node, line, stop, setting = search.orders.node, search.orders.line, search.stop, search.setting
    chosen, least, ties = pick
    u, v = line[source], line[target]
    a, b = source - first, target - first
    if source < target:
        safe = a + 1 == b or node[v].tail + node[v].duration >= stop[a].job_tail
    else:
        safe = b + 1 == a or node[v].head + node[v].duration >= stop[a].job_head
    if safe:
        if source < target:
            pred, succ = node[u].machine_pred, node[v].machine_succ
            start, behind = node[pred].head + node[pred].duration, node[succ].tail + node[succ].duration
            estimate = estimate_later(stop, a, b, start, behind, least)
        else:
            pred, succ = node[v].machine_pred, node[u].machine_succ
            start, behind = node[pred].head + node[pred].duration, node[succ].tail + node[succ].duration
            estimate = estimate_earlier(stop, a, b, start, behind, least)
        move = search.move[count]
        move.source = source
        move.target = target
        move.estimate = estimate
        if estimate <= least and (estimate < setting[BEST] or not _is_tabu(search, source, target)):
            if estimate < least:
                least, ties, chosen = estimate, 1, np.int64(count)
            else:
                ties += 1
                if below(search.random, ties) == 0:
                    chosen = np.int64(count)
        count += 1
    return count, (chosen, least, ties)


@step
def _least(search, count):
    """The candidate with the least estimate that is not tabu, -1 for none."""
    chosen, move = -1, search.move
    for c in range(count):
        if (chosen < 0 or move[c].estimate < move[chosen].estimate) and (
            move[c].estimate < search.setting[BEST] or not _is_tabu(search, move[c].source, move[c].target)
        ):
            chosen = c
    return chosen


_MIX_OPERATION = np.uint64(0x9E3779B97F4A7C15)
_MIX_PLACE = np.uint64(0xC2B2AE3D27D4EB4F)
_MIX_ROUND = np.uint64(0xFF51AFD7ED558CCD)
_SHIFT = np.uint64(32)


@inlined
def hash_of(operation, place):
    """A hash of this operation at this place of ``line``."""
    z = np.uint64(operation + 1) * _MIX_OPERATION + np.uint64(place) * _MIX_PLACE
    z = (z ^ (z >> _SHIFT)) * _MIX_ROUND
    return z ^ (z >> _SHIFT)


@inlined
def _arc_slot(search, earlier, later):
    key = np.int64(earlier) * search.best.size + np.int64(later)
    z = np.uint64(key) * _MIX_OPERATION
    return key, np.int64(z >> np.uint64(54))


@inlined
def _after_move(line, source, target, place):
    """The operation at ``place`` once the one at source is at target."""
    if place == target:
        return line[source]
    if source < target:
        return line[place + 1] if source <= place < target else line[place]
    return line[place - 1] if target < place <= source else line[place]


@step
def _is_tabu(search, source, target):
    line, clock = search.orders.line, search.setting[CLOCK]
    if search.setting[KIND] == 0:
        u = line[source]
        if source < target:
            for place in range(source + 1, target + 1):
                key, slot = _arc_slot(search, line[place], u)
                if search.arc[slot].key == key and search.arc[slot].until > clock:
                    return True
        else:
            for place in range(target, source):
                key, slot = _arc_slot(search, u, line[place])
                if search.arc[slot].key == key and search.arc[slot].until > clock:
                    return True
        return False
    low, high = min(source, target), max(source, target)
    for at in range(SEGMENTS):
        segment = search.segment[at]
        if segment.until > clock and segment.first <= high and segment.last >= low:
            if _after_move(line, source, target, segment.first) == segment.lead:
                key = np.uint64(0)
                for place in range(segment.first, segment.last + 1):
                    key += hash_of(_after_move(line, source, target, place), place)
                if key == segment.key:
                    return True
    return False


@step
def _make(search, source, target):
    """Move, and forbid the sequence that was there; returns False if the move would close a circle."""
    line, setting = search.orders.line, search.setting
    low, high = min(source, target), max(source, target)
    key, lead, u = np.uint64(0), np.int64(line[low]), line[source]
    for place in range(low, high + 1):
        key += hash_of(line[place], place)
    made = move_later(search.orders, source, target) if source < target else move_earlier(search.orders, source, target)
    if made:
        until = setting[CLOCK] + setting[SHORTEST] + below(search.random, setting[LONGEST] - setting[SHORTEST] + 1)
        if setting[KIND] == 0:
            if source < target:
                for place in range(source, target):
                    key_, slot = _arc_slot(search, u, line[place])
                    search.arc[slot].key = key_
                    search.arc[slot].until = until
            else:
                for place in range(target + 1, source + 1):
                    key_, slot = _arc_slot(search, line[place], u)
                    search.arc[slot].key = key_
                    search.arc[slot].until = until
        else:
            segment = search.segment[setting[CLOCK] % SEGMENTS]
            segment.first = low
            segment.last = high
            segment.lead = lead
            segment.key = key
            segment.until = until
    return made
