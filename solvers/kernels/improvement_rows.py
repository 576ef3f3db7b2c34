"""Many schedules of job shops under improvement, one per row: the moves of each, and one move in every row.

Row r improves a schedule of the shop ``which[r]`` of the arena (see ``envs/improvement_arena.py``). The first
``count[r]`` entries of ``candidate[r]`` are its moves; a row without one is over. ``setting``: see the names below.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.solvers.kernels import inlined, kernel, step
from makespan.solvers.kernels.critical_blocks import (
    BLOCK,
    MOVE,
    REFUSED,
    STOP,
    critical_blocks,
    estimate_move,
    list_block,
    read_block,
)
from makespan.solvers.kernels.machine_orders import (
    NODE,
    Orders,
    move_earlier,
    move_later,
    reaches,
    set_orders,
    value_of,
)
from makespan.solvers.kernels.random import below, seed_stream

# N1, N5, N6 or N7; moves of an episode at most; whether the critical path is drawn at random where there are several;
# whether an episode begins with random orders.
SET_NEIGHBOURHOOD, SET_STEPS, SET_RANDOM_PATH, SET_RANDOM_START, SETTINGS = range(5)

# Makespan now, the least so far, moves made, and 1 once these are all that an episode may make.
VALUE, BEST, MOVES, TRUNCATED, NUMBERS = range(5)

_NO_LIMIT = 2**62

CANDIDATE = np.dtype(
    [
        ("estimate", np.int64),
        ("source", np.int32),
        ("target", np.int32),
        ("first", np.int32),
        ("last", np.int32),
    ]
)
"""A move: the operation at place ``source`` goes to place ``target`` of ``line``; about the makespan after it; the
block, from place ``first`` to ``last``."""


class ImprovementRows(NamedTuple):
    """All rows of a batch, each of R rows with room for N operations and W moves.

    ``node`` (R, N + 1) of NODE, ``order`` and ``line`` (R, N): see ``Orders``. ``best`` (R, N) int64: the starts of the
    best schedule. ``candidate`` (R, W) of CANDIDATE. ``tabu`` (R, memory, 2) int32: pairs of operations whose order may
    not be turned round, -1 for none. ``number`` (R, NUMBERS) int64. ``random`` (R, 1) uint64, and ``seed`` (R,) int64
    with which it begins an episode.
    """

    node: NDArray
    order: NDArray
    line: NDArray
    best: NDArray
    candidate: NDArray
    tabu: NDArray
    number: NDArray
    random: NDArray
    seed: NDArray


class Scratch(NamedTuple):
    """Room that a call needs for one row at a time."""

    block: NDArray
    stop: NDArray
    move: NDArray
    moved: NDArray


@kernel
def new_scratch(arena, state):
    """Scratch of its own for each call, so that threads do not share it."""
    size = state.order.shape[1]
    moved = np.empty(max(size, arena.longest_line_ptr), np.int64)
    return Scratch(np.empty(size, BLOCK), np.empty(size, STOP), np.empty(4 * size, MOVE), moved)


@kernel
def orders_of(arena, state, r, s, moved):
    """The orders of row ``r``, which plays shop ``s``."""
    low, high = arena.task_ptr[s], arena.task_ptr[s + 1]
    n = high - low
    return Orders(
        state.node[r, : n + 1],
        state.order[r, :n],
        state.line[r, :n],
        arena.line_ptr[arena.line_at[s] : arena.line_at[s + 1]],
        arena.machine[low:high],
        arena.sink[arena.sink_ptr[s] : arena.sink_ptr[s + 1]],
        moved,
    )


@kernel
def begin_improvement_rows(arena, rows, first, last, setting, state, which, count):
    """Begin the episodes of ``rows[first:last]`` anew: with the first order of their shop, or a random one."""
    scratch = new_scratch(arena, state)
    sequence = np.empty(state.order.shape[1], np.uint32)
    for i in range(first, last):
        r, s = rows[i], which[rows[i]]
        low, n = arena.task_ptr[s], arena.task_ptr[s + 1] - arena.task_ptr[s]
        _clear(state, r)
        for v in range(state.node.shape[1]):
            state.node[r, v] = arena.node[low + s + min(v, n)]
        orders = orders_of(arena, state, r, s, scratch.moved)
        seed_stream(state.random[r], state.seed[r], 0)
        if setting[SET_RANDOM_START]:
            draw_sequence(orders.node, n, state.random[r], scratch.moved, sequence)
        else:
            for at in range(n):
                sequence[at] = arena.order[low + at]
        set_orders(orders, sequence)
        number = state.number[r]
        number[VALUE] = number[BEST] = value_of(orders.node, orders.sink)
        keep_starts(orders.node, n, state.best[r])
        count[r] = list_candidates(
            orders, scratch, setting, number, state.tabu[r], state.random[r], state.candidate[r]
        )  # fmt: skip


@step
def _clear(state, r):
    """Leave nothing of the last episode, so that equal episodes are equal in every bit."""
    for at in range(state.order.shape[1]):
        state.order[r, at] = 0
        state.line[r, at] = 0
        state.best[r, at] = 0
    for c in range(state.candidate.shape[1]):
        state.candidate[r, c].estimate = 0
        state.candidate[r, c].source = 0
        state.candidate[r, c].target = 0
        state.candidate[r, c].first = 0
        state.candidate[r, c].last = 0
    for k in range(state.tabu.shape[1]):
        state.tabu[r, k, 0] = -1
        state.tabu[r, k, 1] = -1
    for k in range(NUMBERS):
        state.number[r, k] = 0


@step
def draw_sequence(node, n, random, ready, sequence):
    """Fill ``sequence`` with all operations, each next one of a job drawn among those that have one left. O(n)."""
    count = 0
    for v in range(n):
        if node[v].job_pred == n:
            ready[count] = v
            count += 1
    for at in range(n):
        chosen = below(random, count)
        v = ready[chosen]
        sequence[at] = v
        if node[v].job_succ < n:
            ready[chosen] = node[v].job_succ
        else:
            count -= 1
            ready[chosen] = ready[count]


@step
def keep_starts(node, n, best):
    for v in range(n):
        best[v] = node[v].head


@step
def list_candidates(orders, scratch, setting, number, tabu, random, candidate):
    """Write the moves of a row into ``candidate``, from the beginning of the critical path on; returns their number.

    Left out are those that close a circle, may do so by the sufficient conditions of N6, or are tabu. If there are more
    than there is room for, those with the least estimates stay. O(operations on the path x length of a block).
    """
    node, line, stop, move = orders.node, orders.line, scratch.stop, scratch.move
    shuffle = setting[SET_RANDOM_PATH] != 0
    blocks = critical_blocks(node, orders.sink, number[VALUE], 0, shuffle, random, scratch.block)
    count = 0
    for b in range(blocks - 1, -1, -1):
        first, last = scratch.block[b].first, scratch.block[b].last
        read_block(node, line, first, last, stop)
        for m in range(list_block(scratch.block, b, setting[SET_NEIGHBOURHOOD], line.size, move, 0)):
            source, target = move[m].source, move[m].target
            estimate = estimate_move(node, line, stop, first, source, target, _NO_LIMIT)
            if estimate == REFUSED or closes_circle(orders, source, target) or is_tabu(tabu, node, source, target):
                continue
            place = count
            if count == candidate.size:
                place = _largest(candidate)
                if candidate[place].estimate <= estimate:
                    continue
            else:
                count += 1
            candidate[place].estimate = estimate
            candidate[place].source = source
            candidate[place].target = target
            candidate[place].first = first
            candidate[place].last = last
    return count


@step
def _largest(candidate):
    """The last candidate with the largest estimate."""
    found = 0
    for c in range(candidate.size):
        if candidate[c].estimate >= candidate[found].estimate:
            found = c
    return found


@step
def closes_circle(orders, source, target):
    """Whether a listed move closes a circle, which needs operations of no duration or two visits to a machine.

    Whatever leads on to another operation has at least its end and at least its way to the end of the schedule, and the
    conditions of the moves leave no more than that; so a path is searched for only where these are equal.
    """
    node, line = orders.node, orders.line
    u, v = line[source], line[target]
    if source < target:
        after = node[u].job_succ
        if after == line.size or node[after].duration + node[after].tail < node[v].duration + node[v].tail:
            return False
        return reaches(orders, after, v)
    before = node[u].job_pred
    if before == line.size or node[before].head + node[before].duration < node[v].head + node[v].duration:
        return False
    return reaches(orders, v, before)


@step
def is_tabu(tabu, node, source, target):
    """Whether the move turns a remembered pair round. O(memory)."""
    for k in range(tabu.shape[0]):
        if tabu[k, 0] >= 0:
            earlier, later = node[tabu[k, 0]].place, node[tabu[k, 1]].place
            if earlier < later and ((source == earlier and target >= later) or (source == later and target <= earlier)):
                return True
    return False


@inlined
def make_move(orders, source, target):
    """Returns whether it could be made, which it can be if it closes no circle."""
    return move_later(orders, source, target) if source < target else move_earlier(orders, source, target)


@step
def step_row(orders, scratch, setting, number, tabu, random, best, candidate, action):
    """Make a move, keep a better schedule, and list the moves; returns their number, 0 when the steps are used up."""
    node, line = orders.node, orders.line
    source, target = np.int64(candidate[action].source), np.int64(candidate[action].target)
    if tabu.shape[0] > 0:
        # The pair of the operation and the last one that it passes: moving it back, however far, turns that round.
        slot = number[MOVES] % tabu.shape[0]
        tabu[slot, 0] = line[max(source, target)]
        tabu[slot, 1] = line[min(source, target)]
    make_move(orders, source, target)
    number[MOVES] += 1
    number[VALUE] = value_of(node, orders.sink)
    if number[VALUE] < number[BEST]:
        number[BEST] = number[VALUE]
        keep_starts(node, line.size, best)
    count = list_candidates(orders, scratch, setting, number, tabu, random, candidate)
    if count > 0 and number[MOVES] >= setting[SET_STEPS]:
        number[TRUNCATED] = 1
        count = 0
    return count


@kernel
def step_improvement_rows(arena, rows, first, last, setting, state, which, count, action):
    """Make move ``action[i]`` in row ``rows[i]`` for i from ``first`` to ``last`` - 1; rows that are over stay so.

    The actions are not checked.
    """
    scratch = new_scratch(arena, state)
    for i in range(first, last):
        r = rows[i]
        if count[r] > 0:
            orders = orders_of(arena, state, r, which[r], scratch.moved)
            number, tabu, random = state.number[r], state.tabu[r], state.random[r]
            best, candidate = state.best[r], state.candidate[r]
            count[r] = step_row(orders, scratch, setting, number, tabu, random, best, candidate, action[i])


@kernel
def replay_improvement_rows(arena, rows, first, last, setting, state, which, count, action, length):
    """Make the moves ``action[i, :length[i]]`` in row ``rows[i]``; returns -1, or the i of one that is no candidate.

    Such a row is left as it was before that move.
    """
    scratch = new_scratch(arena, state)
    for i in range(first, last):
        r = rows[i]
        orders = orders_of(arena, state, r, which[r], scratch.moved)
        number, tabu, random = state.number[r], state.tabu[r], state.random[r]
        best, candidate = state.best[r], state.candidate[r]
        for t in range(length[i]):
            if action[i, t] < 0 or action[i, t] >= count[r]:
                return i
            count[r] = step_row(orders, scratch, setting, number, tabu, random, best, candidate, action[i, t])
    return -1


@kernel
def makespans_after_rows(arena, rows, first, last, state, which, count, value):
    """``value[i, c]`` becomes the makespan after candidate c of row ``rows[i]``, which stays as it is.

    Each move is made and taken back in a copy of the row.
    """
    moved = new_scratch(arena, state).moved
    size = state.order.shape[1]
    node, order, line = np.empty(size + 1, NODE), np.empty(size, np.uint32), np.empty(size, np.uint32)
    for i in range(first, last):
        r, s = rows[i], which[rows[i]]
        own = orders_of(arena, state, r, s, moved)
        n = own.order.size
        for v in range(n + 1):
            node[v] = own.node[v]
        for at in range(n):
            order[at], line[at] = own.order[at], own.line[at]
        orders = Orders(node[: n + 1], order[:n], line[:n], own.line_ptr, own.machine, own.sink, moved)
        for c in range(count[r]):
            source, target = np.int64(state.candidate[r, c].source), np.int64(state.candidate[r, c].target)
            make_move(orders, source, target)
            value[i, c] = value_of(orders.node, orders.sink)
            make_move(orders, target, source)


@kernel
def ends_rows(arena, rows, first, last, state, which, count, operation):
    """``operation[i, :, c]`` becomes the operation that candidate c of row ``rows[i]`` moves and the one it goes to."""
    for i in range(first, last):
        r = rows[i]
        for c in range(count[r]):
            operation[i, 0, c] = state.line[r, state.candidate[r, c].source]
            operation[i, 1, c] = state.line[r, state.candidate[r, c].target]
