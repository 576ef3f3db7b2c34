"""Tabu search on machine orders: moves N5, N6, N7 within critical blocks, in slices.

Sources: Nowicki and Smutnicki 1996 (N5, Management Science 42, 797-813); Balas and Vazacopoulos 1998 (N6, Management
Science 44, 262-275); Zhang, Li, Guan and Rao 2007 (N7, Computers & OR 34, 3229-3242). Tabu are the pairs that a move
has turned round: turning one back is forbidden for a while.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.solvers.kernels import inlined, kernel, step
from makespan.solvers.kernels.critical_blocks import REFUSED, critical_blocks, estimate_move, list_block, read_block
from makespan.solvers.kernels.machine_orders import Orders, move_earlier, move_later, set_orders, value_of
from makespan.solvers.kernels.random import below

VALUE, BEST, CLOCK, IMPROVED, SHORTEST, LONGEST, NEIGHBOURHOOD, REACH, LEAST_TAIL, STUCK, SETTINGS = range(11)
"""Entries of ``Search.setting``: value of the orders now and of the best since they were loaded; moves made since the
search exists, and up to that best; tabu tenure from SHORTEST to LONGEST moves; N5, N6 or N7; over how many
places a move may go; the least own tail of a sink; 1 if no move is left."""

TABU_SLOTS = 1024
TABU = np.dtype([("key", np.int64), ("until", np.int64)])
"""A pair of operations and until when the first may not come before the second again. A new pair overwrites one of the
same hash, which shortens a tenure now and then and keeps the look-up at one step."""

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(54)  # leaves a number below TABU_SLOTS


class Search(NamedTuple):
    """A tabu search: the orders it moves, the best ones as a topological order, and its memory.

    ``best`` (n,) uint32; ``block``, ``stop``, ``move`` as made by ``critical_blocks.scratch``; ``tabu`` (TABU_SLOTS,)
    of TABU; ``setting`` (SETTINGS,); ``random`` (1,) uint64.
    """

    orders: Orders
    best: NDArray
    block: NDArray
    stop: NDArray
    move: NDArray
    tabu: NDArray
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
    keep_best(search)
    return True


@kernel
def tabu_slice(search, moves, patience, cutoff):
    """Make at most ``moves`` moves; returns how many.

    Stops early at a best value <= ``cutoff``, after ``patience`` moves without a better one, and where no move is left
    (then STUCK is set). A move costs the length of the critical path, its candidates and what heads and tails change.
    """
    orders, setting, move = search.orders, search.setting, search.move
    made = 0
    while made < moves and setting[BEST] > cutoff and setting[CLOCK] - setting[IMPROVED] < patience:
        count, chosen = list_moves(search)
        while count > 0:
            if chosen < 0:
                chosen = below(search.random, count)
            if _make(search, move[chosen].source, move[chosen].target):
                break
            # The move would close a circle, which only operations of no duration or two visits to a machine allow.
            count -= 1
            move[chosen].source = move[count].source
            move[chosen].target = move[count].target
            move[chosen].estimate = move[count].estimate
            chosen = _least(search, count)
        if count == 0:
            setting[STUCK] = 1
            break
        made += 1
        setting[CLOCK] += 1
        setting[VALUE] = value_of(orders.node, orders.sink)
        if setting[VALUE] < setting[BEST]:
            setting[BEST] = setting[VALUE]
            setting[IMPROVED] = setting[CLOCK]
            keep_best(search)
    return made


@step
def keep_best(search):
    """The orders are the best ones. A loop, since an assignment of arrays takes a second to compile. O(n)."""
    for at in range(search.best.size):
        search.best[at] = search.orders.order[at]


@step
def list_moves(search):
    """Write the moves of the neighbourhood into ``move``; returns their number and the one to make, -1 if all are tabu.

    Chosen is the least estimate among those that are not tabu or promise a new best value; ties at random. Left out are
    moves that may close a circle, see ``estimate_move``.
    """
    node, line, stop, move = search.orders.node, search.orders.line, search.stop, search.move
    setting = search.setting
    value, least_tail = setting[VALUE], setting[LEAST_TAIL]
    blocks = critical_blocks(node, search.orders.sink, value, least_tail, True, search.random, search.block)
    count, chosen, least, ties = np.int64(0), np.int64(-1), np.int64(2**62), 0
    for b in range(blocks):
        first = search.block[b].first
        read_block(node, line, first, search.block[b].last, stop)
        listed = list_block(search.block, b, setting[NEIGHBOURHOOD], setting[REACH], move, count)
        for m in range(count, listed):
            source, target = move[m].source, move[m].target
            estimate = estimate_move(node, line, stop, first, source, target, least)
            if estimate == REFUSED:
                continue
            move[count].source = source
            move[count].target = target
            move[count].estimate = estimate
            if estimate <= least and (
                estimate < setting[BEST] or not _is_tabu(search.tabu, line, source, target, setting[CLOCK])
            ):
                ties = ties + 1 if estimate == least else 1
                least = estimate
                if ties == 1 or below(search.random, ties) == 0:
                    chosen = np.int64(count)
            count += 1
    return count, chosen


@step
def _least(search, count):
    """The candidate with the least estimate that is not tabu, -1 for none."""
    chosen, move, setting = -1, search.move, search.setting
    for c in range(count):
        if (chosen < 0 or move[c].estimate < move[chosen].estimate) and (
            move[c].estimate < setting[BEST]
            or not _is_tabu(search.tabu, search.orders.line, move[c].source, move[c].target, setting[CLOCK])
        ):
            chosen = c
    return chosen


@inlined
def _key(line, earlier, later):
    """A number for the pair; places in ``line`` go up to 2**31."""
    return (np.int64(line[earlier]) << 32) | np.int64(line[later])


@inlined
def _slot(key):
    return np.int64((np.uint64(key) * _SPREAD) >> _SHIFT)


@step
def _is_tabu(tabu, line, source, target, clock):
    """Whether the move turns a pair back whose tenure is not over. O(distance of the move)."""
    for place in range(min(source, target), max(source, target) + 1):
        if place != source:
            key = _key(line, place, source) if source < target else _key(line, source, place)
            slot = _slot(key)
            if tabu[slot].key == key and tabu[slot].until > clock:
                return True
    return False


@step
def _make(search, source, target):
    """Move, and make the pairs tabu that it turns round; returns False if the move would close a circle."""
    line, setting, tabu = search.orders.line, search.setting, search.tabu
    made = move_later(search.orders, source, target) if source < target else move_earlier(search.orders, source, target)
    if made:
        until = setting[CLOCK] + setting[SHORTEST] + below(search.random, setting[LONGEST] - setting[SHORTEST] + 1)
        for place in range(min(source, target), max(source, target) + 1):
            if place != target:
                key = _key(line, target, place) if source < target else _key(line, place, target)
                slot = _slot(key)
                tabu[slot].key = key
                tabu[slot].until = until
    return made
