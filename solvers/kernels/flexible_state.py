"""State of a flexible job shop search: modes, machine orders, heads, tails and a topological order, moved together.

A solution is a mode for each operation and an order of the operations on each machine. Only operations that take time
stand in a machine's order: one of duration 0 uses nothing, and its ``machine`` is -1 here. So along a machine's order
heads rise and tails fall strictly, and a path between two of its operations shows in both.

*Head*: the earliest start. *Tail*: the longest way from an operation's end to the objective. Head + duration + tail is
the longest path through an operation; the longest of all is the value of the solution.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import IntArray
from makespan.solvers.kernels import inlined, kernel, step

FAR = 2**60


class FlexibleProblem(NamedTuple):
    """What the search reads of an instance; arrays of int64, read-only.

    Parameters
    ----------
    mode_ptr
        Shape (num_operations + 1,): modes of operation i are ``mode_ptr[i]`` to ``mode_ptr[i + 1] - 1``.
    duration, machine, site
        Shape (num_modes,): processing time; the machine it keeps busy, -1 if none; the machine it is at, for travel.
    job_pred_ptr, job_pred, job_succ_ptr, job_succ
        Precedence in both directions, CSR over operations.
    release, tail
        Shape (num_operations,): earliest start, and what follows the end of the operation itself: 0 for the makespan,
        some constant less the due date for the largest lateness, -FAR / 4 where there is none.
    line_ptr
        Shape (num_machines + 1,): room for each machine's order, running.
    rank
        Shape (num_operations,): place in a topological order of the precedence.
    job, travel
        Shape (num_operations,) and square by site; (0, 0) if nothing travels.
    """

    mode_ptr: IntArray
    duration: IntArray
    machine: IntArray
    site: IntArray
    job_pred_ptr: IntArray
    job_pred: IntArray
    job_succ_ptr: IntArray
    job_succ: IntArray
    release: IntArray
    tail: IntArray
    line_ptr: IntArray
    rank: IntArray
    job: IntArray
    travel: IntArray


class FlexibleState(NamedTuple):
    """One solution and what follows from it; writable arrays of int64, O(operations + modes).

    ``order`` is topological for precedence and machine orders together, ``position`` its inverse. ``line`` holds the
    machine orders, ``length`` how many stand on each machine, ``place`` where an operation stands in its machine's
    order; ``machine_pred`` and ``machine_succ`` are its neighbours there, -1 for none. ``mark`` and ``buffer`` are
    scratch; ``mark`` is 0 between calls.
    """

    order: IntArray
    position: IntArray
    mode: IntArray
    machine: IntArray
    duration: IntArray
    head: IntArray
    tail: IntArray
    machine_pred: IntArray
    machine_succ: IntArray
    line: IntArray
    length: IntArray
    place: IntArray
    mark: IntArray
    buffer: IntArray


def new_state(problem: FlexibleProblem) -> FlexibleState:
    """Room for a solution, to be filled by ``load``."""
    n, machines = problem.release.size, problem.line_ptr.size - 1
    sizes = {"line": int(problem.line_ptr[-1]), "length": machines}
    arrays: list[NDArray[np.int64]] = [np.zeros(sizes.get(name, n), np.int64) for name in FlexibleState._fields]
    return FlexibleState(*arrays)


@inlined
def travel_time(problem, a, mode_a, b, mode_b):
    """From the machine of operation a to that of operation b, which follows it, in these modes."""
    if problem.travel.shape[0] == 0 or problem.job[a] != problem.job[b] or problem.job[a] < 0:
        return 0
    if problem.site[mode_a] < 0 or problem.site[mode_b] < 0:
        return 0
    return problem.travel[problem.site[mode_a], problem.site[mode_b]]


@inlined
def head_by_precedence(problem, state, op, mode):
    """The earliest start of ``op`` in ``mode`` by release and precedence alone."""
    head = problem.release[op]
    for i in range(problem.job_pred_ptr[op], problem.job_pred_ptr[op + 1]):
        pred = problem.job_pred[i]
        ready = state.head[pred] + state.duration[pred] + travel_time(problem, pred, state.mode[pred], op, mode)
        head = max(head, ready)
    return head


@inlined
def tail_by_precedence(problem, state, op, mode):
    """The tail of ``op`` in ``mode`` by precedence alone."""
    tail = problem.tail[op]
    for i in range(problem.job_succ_ptr[op], problem.job_succ_ptr[op + 1]):
        succ = problem.job_succ[i]
        rest = travel_time(problem, op, mode, succ, state.mode[succ]) + state.duration[succ] + state.tail[succ]
        tail = max(tail, rest)
    return tail


@inlined
def full_head(problem, state, op):
    head = head_by_precedence(problem, state, op, state.mode[op])
    pred = state.machine_pred[op]
    return head if pred < 0 else max(head, state.head[pred] + state.duration[pred])


@inlined
def full_tail(problem, state, op):
    tail = tail_by_precedence(problem, state, op, state.mode[op])
    succ = state.machine_succ[op]
    return tail if succ < 0 else max(tail, state.duration[succ] + state.tail[succ])


@step
def value_of(problem, state):
    """The longest path; 0 without operations."""
    value = -FAR if state.head.size else 0
    for op in range(state.head.size):
        value = max(value, state.head[op] + state.duration[op] + problem.tail[op])
    return value


@kernel
def load(problem, order, mode, state):
    """Make ``state`` the solution with these modes whose machines follow ``order``, and return its value.

    ``order`` (num_operations,) is a topological order of the precedence, ``mode`` (num_operations,) counts in all
    modes; neither is checked. O(operations + arcs).
    """
    state.length[:] = 0
    for i in range(order.size):
        op = order[i]
        machine = problem.machine[mode[op]]
        state.order[i], state.position[op] = op, i
        state.mode[op], state.machine[op] = mode[op], machine
        state.duration[op] = problem.duration[mode[op]]
        state.machine_pred[op], state.machine_succ[op], state.place[op] = -1, -1, -1
        if machine >= 0:
            place = state.length[machine]
            at = problem.line_ptr[machine] + place
            state.line[at], state.place[op], state.length[machine] = op, place, place + 1
            if place > 0:
                state.machine_pred[op] = state.line[at - 1]
                state.machine_succ[state.line[at - 1]] = op
    for i in range(order.size):
        state.head[order[i]] = full_head(problem, state, order[i])
    for i in range(order.size - 1, -1, -1):
        state.tail[order[i]] = full_tail(problem, state, order[i])
    return value_of(problem, state)


@step
def move(problem, state, op, mode, place):
    """Take ``op`` out of its machine's order and put it in ``mode`` at ``place`` of that machine's order without it.

    The new order must close no circle with the precedence. Order, heads and tails are brought up to date; the cost is
    that of the operations between old and new position and of those whose head or tail changes.
    """
    old_pred, old_succ = state.machine_pred[op], state.machine_succ[op]
    _take_out(problem, state, op)
    _put_in(problem, state, op, mode, place)
    pred, succ = state.machine_pred[op], state.machine_succ[op]
    if pred >= 0 and state.position[pred] > state.position[op]:
        _shift_behind(problem, state, op, pred)
    elif succ >= 0 and state.position[succ] < state.position[op]:
        _shift_before(problem, state, op, succ)
    _update_heads(problem, state, op, old_succ, succ)
    _update_tails(problem, state, op, old_pred, pred)


@step
def _take_out(problem, state, op):
    machine = state.machine[op]
    if machine < 0:
        return
    base, last = problem.line_ptr[machine], state.length[machine] - 1
    for at in range(state.place[op], last):
        moved = state.line[base + at + 1]
        state.line[base + at] = moved
        state.place[moved] = at
    state.length[machine] = last
    pred, succ = state.machine_pred[op], state.machine_succ[op]
    if pred >= 0:
        state.machine_succ[pred] = succ
    if succ >= 0:
        state.machine_pred[succ] = pred


@step
def _put_in(problem, state, op, mode, place):
    machine = problem.machine[mode]
    state.mode[op], state.machine[op], state.duration[op] = mode, machine, problem.duration[mode]
    state.machine_pred[op], state.machine_succ[op], state.place[op] = -1, -1, -1
    if machine < 0:
        return
    base, length = problem.line_ptr[machine], state.length[machine]
    for at in range(length, place, -1):
        moved = state.line[base + at - 1]
        state.line[base + at] = moved
        state.place[moved] = at
    state.line[base + place], state.place[op], state.length[machine] = op, place, length + 1
    if place > 0:
        pred = state.line[base + place - 1]
        state.machine_pred[op], state.machine_succ[pred] = pred, op
    if place < length:
        succ = state.line[base + place + 1]
        state.machine_succ[op], state.machine_pred[succ] = succ, op


@step
def _shift_behind(problem, state, op, last):
    """Put ``op`` and all that follows it behind ``last`` in the topological order. O(operations between)."""
    begin, end = state.position[op], state.position[last]
    state.mark[op] = 1
    write, kept = begin, 0
    for i in range(begin, end + 1):
        each = state.order[i]
        follows = state.mark[each] == 1 or (state.machine_pred[each] >= 0 and state.mark[state.machine_pred[each]] == 1)
        for k in range(problem.job_pred_ptr[each], problem.job_pred_ptr[each + 1]):
            follows = follows or state.mark[problem.job_pred[k]] == 1
        if follows:
            state.mark[each] = 1
            state.buffer[kept] = each
            kept += 1
        else:
            state.order[write], state.position[each] = each, write
            write += 1
    for i in range(kept):
        each = state.buffer[i]
        state.order[write + i], state.position[each], state.mark[each] = each, write + i, 0


@step
def _shift_before(problem, state, op, first):
    """Put ``op`` and all that it follows before ``first`` in the topological order. O(operations between)."""
    begin, end = state.position[first], state.position[op]
    state.mark[op] = 1
    write, kept = end, 0
    for i in range(end, begin - 1, -1):
        each = state.order[i]
        leads = state.mark[each] == 1 or (state.machine_succ[each] >= 0 and state.mark[state.machine_succ[each]] == 1)
        for k in range(problem.job_succ_ptr[each], problem.job_succ_ptr[each + 1]):
            leads = leads or state.mark[problem.job_succ[k]] == 1
        if leads:
            state.mark[each] = 1
            state.buffer[kept] = each
            kept += 1
        else:
            state.order[write], state.position[each] = each, write
            write -= 1
    for i in range(kept):
        each = state.buffer[i]
        state.order[write - i], state.position[each], state.mark[each] = each, write - i, 0


@inlined
def _flag(state, op):
    """Ask for a new value of ``op``, and return its position; without an operation, -1."""
    if op < 0:
        return -1
    state.mark[op] = 1
    return state.position[op]


@step
def _update_heads(problem, state, op, old_succ, succ):
    first = _flag(state, op)
    last = max(_flag(state, old_succ), _flag(state, succ))
    if old_succ >= 0:
        first = min(first, state.position[old_succ])
    i, last = first, max(last, state.position[op])
    while i <= last:
        each = state.order[i]
        i += 1
        if state.mark[each] == 0:
            continue
        state.mark[each] = 0
        head = full_head(problem, state, each)
        if head != state.head[each] or each == op:
            state.head[each] = head
            last = max(last, _flag(state, state.machine_succ[each]))
            for k in range(problem.job_succ_ptr[each], problem.job_succ_ptr[each + 1]):
                last = max(last, _flag(state, problem.job_succ[k]))


@step
def _update_tails(problem, state, op, old_pred, pred):
    last = _flag(state, op)
    first = last
    if old_pred >= 0:
        position = _flag(state, old_pred)
        first, last = min(first, position), max(last, position)
    if pred >= 0:
        first = min(first, _flag(state, pred))
    i = last
    while i >= first:
        each = state.order[i]
        i -= 1
        if state.mark[each] == 0:
            continue
        state.mark[each] = 0
        tail = full_tail(problem, state, each)
        if tail != state.tail[each] or each == op:
            state.tail[each] = tail
            if state.machine_pred[each] >= 0:
                first = min(first, _flag(state, state.machine_pred[each]))
            for k in range(problem.job_pred_ptr[each], problem.job_pred_ptr[each + 1]):
                first = min(first, _flag(state, problem.job_pred[k]))
