"""Moves of a critical operation to another place or mode, and what they cost, for the flexible job shop.

Every move takes an operation v out of its machine's order and puts it elsewhere. The value of the result is the larger
of two path lengths: the longest path of the solution without v, and the longest one through v at its new place.

* Without v: such a path passes over v along an arc that begins before and ends behind v in the topological order (or
  along the new arc that joins the machine neighbours of v). The head of its beginning does not depend on v, nor does
  the tail of its end, so the maximum over these arcs is exact; one pass over all arcs yields it for every v.
* Through v: head and tail from the neighbours at the new place, in the heads and tails of before, which are exact for
  operations that neither follow v (heads) nor lead to it (tails).

Sources: Mastrolilli and Gambardella (2000), J. Scheduling 3, 3-20, for the interval of places that holds a best one;
Balas and Vazacopoulos (1998), Management Science 44, 262-275, and Zhang et al. (2007), Computers & OR 34, 3229-3242,
for the moves inside a block.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from makespan.instances.instance import IntArray
from makespan.solvers.kernels import inlined, step
from makespan.solvers.kernels.flexible_state import (
    FAR,
    FlexibleProblem,
    head_by_precedence,
    tail_by_precedence,
    travel_time,
)
from makespan.solvers.kernels.random import below

ARCS = 1 << 14
"""Entries of the table of forbidden arcs; two arcs that share one only make a few moves forbidden in vain."""

OP, MODE, PLACE, ESTIMATE, THROUGH, TIES, ANY_OP, ANY_MODE, ANY_PLACE, SEEN, CHOICE = range(11)
"""Fields of ``Memory.choice``: the best allowed move, its estimated value and longest path through the operation, and
how many tie with it; any move, and how many were seen. And the number of fields."""


class Memory(NamedTuple):
    """Scratch and memory of a search; writable arrays of int64.

    ``path`` (num_operations,) holds a critical path, ``rank`` (num_operations + 1,) how many of its operations stand
    before each position, ``without`` (num_operations + 2,) the value without each of them. ``tabu_mode`` (num_modes,)
    and ``tabu_arc`` (ARCS,) hold the iteration until which a mode may not be taken again, an arc not made again.
    """

    path: IntArray
    rank: IntArray
    without: IntArray
    tabu_mode: IntArray
    tabu_arc: IntArray
    choice: IntArray


def new_memory(problem: FlexibleProblem) -> Memory:
    n = problem.release.size
    sizes = (n, n + 1, n + 2, problem.duration.size, ARCS, CHOICE)
    return Memory(*(np.zeros(size, np.int64) for size in sizes))


@inlined
def arc_slot(a, b):
    """Where the arc from a to b lies in the table of forbidden arcs."""
    return ((a * 0x9E3779B1 + b * 0x85EBCA77) >> 7) & (ARCS - 1)


@step
def critical_path(problem, state, memory, value, random):
    """Write one critical path into ``memory.path``, first operation first, drawn at random; returns its length."""
    n = state.head.size
    op, seen = -1, 0
    for each in range(n):
        if state.head[each] + state.duration[each] + problem.tail[each] == value:
            seen += 1
            if seen == 1 or below(random, seen) == 0:
                op = each
    count = 0
    while op >= 0:
        memory.path[count] = op
        count += 1
        head, before, seen = state.head[op], -1, 0
        pred = state.machine_pred[op]
        if pred >= 0 and state.head[pred] + state.duration[pred] == head:
            before, seen = pred, 1
        for i in range(problem.job_pred_ptr[op], problem.job_pred_ptr[op + 1]):
            pred = problem.job_pred[i]
            travel = travel_time(problem, pred, state.mode[pred], op, state.mode[op])
            if state.head[pred] + state.duration[pred] + travel == head:
                seen += 1
                if seen == 1 or below(random, seen) == 0:
                    before = pred
        op = before
    for i in range(count // 2):
        memory.path[i], memory.path[count - 1 - i] = memory.path[count - 1 - i], memory.path[i]
    return count


@inlined
def _over(memory, first, last, length):
    for i in range(first, last):
        memory.without[i] = max(memory.without[i], length)


@step
def values_without(problem, state, memory, count):
    """The value of the solution without each operation of the critical path, into ``memory.without``.

    O(operations + arcs + operations of the path under each arc).
    """
    n = state.head.size
    rank, path, without = memory.rank, memory.path, memory.without
    at = 0
    for i in range(n):
        rank[i] = at
        if at < count and path[at] == state.order[i]:
            at += 1
    rank[n] = count
    for i in range(count):
        pred, succ = state.machine_pred[path[i]], state.machine_succ[path[i]]
        without[i] = -FAR
        if pred >= 0 and succ >= 0:
            without[i] = state.head[pred] + state.duration[pred] + state.duration[succ] + state.tail[succ]
    to_end, from_begin = -FAR, -FAR
    for i in range(n):
        op = state.order[i]
        first = rank[i + 1]
        if first > rank[i]:
            without[first - 1] = max(without[first - 1], to_end)
        end = state.head[op] + state.duration[op]
        to_end = max(to_end, end + problem.tail[op])
        succ = state.machine_succ[op]
        if succ >= 0 and rank[state.position[succ]] > first:
            _over(memory, first, rank[state.position[succ]], end + state.duration[succ] + state.tail[succ])
        for k in range(problem.job_succ_ptr[op], problem.job_succ_ptr[op + 1]):
            succ = problem.job_succ[k]
            if rank[state.position[succ]] > first:
                travel = travel_time(problem, op, state.mode[op], succ, state.mode[succ])
                length = end + travel + state.duration[succ] + state.tail[succ]
                _over(memory, first, rank[state.position[succ]], length)
    at = count - 1
    for i in range(n - 1, -1, -1):
        op = state.order[i]
        if at >= 0 and path[at] == op:
            without[at] = max(without[at], from_begin)
            at -= 1
        from_begin = max(from_begin, problem.release[op] + state.duration[op] + state.tail[op])


@inlined
def _may_follow(problem, state, op, pred):
    """Whether ``op`` may stand behind ``pred``: no path leads from the job successors of ``op`` to ``pred``.

    True is always right; sometimes False is too careful. A path from s to another operation x on which time passes
    makes head[x] >= head[s] + duration[s] and tail[s] >= duration[x] + tail[x].
    """
    for i in range(problem.job_succ_ptr[op], problem.job_succ_ptr[op + 1]):
        succ = problem.job_succ[i]
        if succ == pred:
            return False
        if (
            state.head[pred] >= state.head[succ] + state.duration[succ]
            and state.tail[succ] >= state.duration[pred] + state.tail[pred]
        ):
            return False
    return True


@inlined
def _may_lead(problem, state, op, succ):
    """Whether ``op`` may stand before ``succ``: the mirror image of ``_may_follow``."""
    for i in range(problem.job_pred_ptr[op], problem.job_pred_ptr[op + 1]):
        pred = problem.job_pred[i]
        if succ == pred:
            return False
        if (
            state.head[pred] >= state.head[succ] + state.duration[succ]
            and state.tail[succ] >= state.duration[pred] + state.tail[pred]
        ):
            return False
    return True


@step
def best_place(problem, state, op, mode, head, tail, random):
    """The best place for ``op`` in another mode: (longest path through it, place), or (FAR, -1) without a safe one.

    ``head`` and ``tail`` are those by precedence in that mode. On its own machine the operation keeps its place.
    O(log of the machine's operations + places worth trying).
    """
    machine, duration = problem.machine[mode], problem.duration[mode]
    if machine < 0:
        return head + duration + tail, np.int64(0)
    if machine == state.machine[op]:
        pred, succ = state.machine_pred[op], state.machine_succ[op]
        if pred >= 0:
            head = max(head, state.head[pred] + state.duration[pred])
        if succ >= 0:
            tail = max(tail, state.duration[succ] + state.tail[succ])
        return head + duration + tail, state.place[op]
    base, length = problem.line_ptr[machine], state.length[machine]
    # Up to place ``high`` the machine is free when op comes; from ``low`` on, what follows needs no more than its tail.
    high, top = np.int64(0), length
    while high < top:
        middle = (high + top) >> 1
        each = state.line[base + middle]
        if state.head[each] + state.duration[each] <= head:
            high = middle + 1
        else:
            top = middle
    low, top = np.int64(0), length
    while low < top:
        middle = (low + top) >> 1
        each = state.line[base + middle]
        if state.duration[each] + state.tail[each] > tail:
            low = middle + 1
        else:
            top = middle
    # Without travel these places are safe, and so are the outer sides of the others: head and tail would contradict.
    surely = problem.travel.shape[0] == 0
    if low <= high and surely:
        return head + duration + tail, low + below(random, high - low + 1)
    low, high = max(low, high), min(low, high)
    best, place, ties = FAR, np.int64(-1), 0
    for at in range(high, low + 1):
        begin, rest = head, tail
        if at > 0 and (at > high or not surely):
            pred = state.line[base + at - 1]
            if not _may_follow(problem, state, op, pred):
                break
            begin = max(begin, state.head[pred] + state.duration[pred])
        if at < length and (at < low or not surely):
            succ = state.line[base + at]
            if not _may_lead(problem, state, op, succ):
                continue
            rest = max(rest, state.duration[succ] + state.tail[succ])
        length_here = begin + duration + rest
        if length_here < best:
            best, place, ties = length_here, np.int64(at), 1
        elif length_here == best:
            ties += 1
            if below(random, ties) == 0:
                place = np.int64(at)
    return best, place


@inlined
def _consider(memory, op, mode, place, through, without, is_free, best, random):
    """Keep a move if it is the best allowed one so far, ties at random, and any move for want of an allowed one.

    Its value is the larger of the longest path ``through`` the operation and the one ``without``; of equal values that
    with the shorter path through is better.
    """
    choice, estimate = memory.choice, max(through, without)
    choice[SEEN] += 1
    if choice[SEEN] == 1 or below(random, choice[SEEN]) == 0:
        choice[ANY_OP], choice[ANY_MODE], choice[ANY_PLACE] = op, mode, place
    if not (is_free or estimate < best) or estimate > choice[ESTIMATE]:
        return
    if estimate == choice[ESTIMATE] and through > choice[THROUGH]:
        return
    if estimate < choice[ESTIMATE] or through < choice[THROUGH]:
        choice[TIES] = 0
    choice[TIES] += 1
    if choice[TIES] == 1 or below(random, choice[TIES]) == 0:
        choice[OP], choice[MODE], choice[PLACE] = op, mode, place
        choice[ESTIMATE], choice[THROUGH] = estimate, through


@step
def choose_move(problem, state, memory, count, iteration, best, random):
    """Put a move of an operation of the critical path into ``memory.choice``; returns whether there is any.

    The best of those allowed: not forbidden, or with a value estimated below ``best``. If all are forbidden, any.
    """
    choice = memory.choice
    choice[OP], choice[ESTIMATE], choice[THROUGH], choice[TIES], choice[SEEN] = -1, FAR, FAR, 0, 0
    for i in range(count):
        op = memory.path[i]
        for mode in range(problem.mode_ptr[op], problem.mode_ptr[op + 1]):
            if mode == state.mode[op]:
                continue
            head = head_by_precedence(problem, state, op, mode)
            tail = tail_by_precedence(problem, state, op, mode)
            least = max(head + problem.duration[mode] + tail, memory.without[i])
            # A move that can be no better than an allowed one is not looked at.
            if least > choice[ESTIMATE] or (choice[OP] >= 0 and memory.tabu_mode[mode] > iteration and least >= best):
                continue
            length, place = best_place(problem, state, op, mode, head, tail, random)
            if place >= 0:
                is_free = memory.tabu_mode[mode] <= iteration
                _consider(memory, op, mode, place, length, memory.without[i], is_free, best, random)
    first = 0
    while first < count:
        last = first
        while last + 1 < count and state.machine_succ[memory.path[last]] == memory.path[last + 1]:
            last += 1
        for i in range(first, last):
            if memory.without[i] <= choice[ESTIMATE]:
                _moves_right(problem, state, memory, i, last, i == first, iteration, best, random)
        for i in range(first + 2, last + 1):
            if memory.without[i] <= choice[ESTIMATE]:
                _moves_left(problem, state, memory, i, first, i == last, iteration, best, random)
        first = last + 1
    if choice[OP] < 0 and choice[SEEN] > 0:
        choice[OP], choice[MODE], choice[PLACE] = choice[ANY_OP], choice[ANY_MODE], choice[ANY_PLACE]
    return choice[SEEN] > 0


@step
def _moves_right(problem, state, memory, i, last, everywhere, iteration, best, random):
    """Moves of operation i of the path behind operation ``last``, or ``everywhere`` behind each one between."""
    op = memory.path[i]
    mode, duration = state.mode[op], state.duration[op]
    head = head_by_precedence(problem, state, op, mode)
    tail = tail_by_precedence(problem, state, op, mode)
    pred, free, is_free = state.machine_pred[op], -FAR, True
    if pred >= 0:
        free = state.head[pred] + state.duration[pred]
    for k in range(i + 1, last + 1):
        each = memory.path[k]
        if not _may_follow(problem, state, op, each):
            return
        free = max(free, head_by_precedence(problem, state, each, state.mode[each])) + state.duration[each]
        is_free = is_free and memory.tabu_arc[arc_slot(each, op)] <= iteration
        if everywhere or k == last:
            rest, succ = tail, state.machine_succ[each]
            if succ >= 0:
                rest = max(rest, state.duration[succ] + state.tail[succ])
            through = max(head, free) + duration + rest
            _consider(memory, op, mode, state.place[each], through, memory.without[i], is_free, best, random)


@step
def _moves_left(problem, state, memory, i, first, everywhere, iteration, best, random):
    """Moves of operation i of the path before operation ``first``, or ``everywhere`` before each one between.

    Not before its neighbour: that is the neighbour's move to the right.
    """
    op = memory.path[i]
    mode, duration = state.mode[op], state.duration[op]
    head = head_by_precedence(problem, state, op, mode)
    tail = tail_by_precedence(problem, state, op, mode)
    succ, rest, is_free = state.machine_succ[op], -FAR, True
    if succ >= 0:
        rest = state.duration[succ] + state.tail[succ]
    for k in range(i - 1, first - 1, -1):
        each = memory.path[k]
        if not _may_lead(problem, state, op, each):
            return
        rest = max(rest, tail_by_precedence(problem, state, each, state.mode[each])) + state.duration[each]
        is_free = is_free and memory.tabu_arc[arc_slot(op, each)] <= iteration
        if (everywhere or k == first) and k < i - 1:
            free, pred = head, state.machine_pred[each]
            if pred >= 0:
                free = max(free, state.head[pred] + state.duration[pred])
            through = free + duration + max(tail, rest)
            _consider(memory, op, mode, state.place[each], through, memory.without[i], is_free, best, random)
