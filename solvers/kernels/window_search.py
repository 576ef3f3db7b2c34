"""Tabu search on a window: operations of a job shop whose schedule before and after them stands.

A window knows the rest of the schedule by a release and a tail per operation: the longest paths to it and from its end
that pass operations outside. Its value, the longest path through it, is that of the whole schedule. The moves are
those of N7 on one random critical path (Balas and Vazacopoulos 1998; Zhang et al. 2007): an operation goes behind the
last or before the first of its block, and the first or last goes inside; values are estimated along the block, and
what is forbidden is to restore an order of two operations that a recent move reversed. Heads and rests are brought up
to date along a topological order that each move mends, only where they change.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import IndexArray, IntArray
from makespan.solvers.kernels import inlined, kernel, step
from makespan.solvers.kernels.random import below
from makespan.solvers.kernels.tournament import NEVER

SIZE, VALUE, BEST, ITERATION, IDLE, SAVED, WORK, INFO_SIZE = range(8)
"""Places in ``info``: operations, value now, best value, iterations made, those since the best, whether the best order
is stored, work done (operations touched)."""

FURTHEST = 24
"""Places that a move takes an operation at most: long blocks would cost the square of their length."""

TENURE = 12
"""Iterations for which a reversed pair stays, at least; at random up to twice as many."""

_TABU_SIZE = 1 << 14
_SPREAD = 0x9E3779B1


class Window(NamedTuple):
    """A window of up to ``op.size`` operations, numbered in the topological order in which it was cut.

    ``op``: the operation in the shop; ``duration``, ``release``, ``tail``; ``head`` the start and ``rest`` the longest
    path from there on; ``job_before`` to ``machine_after``: neighbours within the window, -1 for none; ``order`` and
    ``place`` a topological order and its inverse, ``best_order`` that of the best value; ``mark``, ``path``,
    ``block`` and ``trial`` are scratch; ``forbidden`` the iterations until which reversed pairs stay; ``random`` (1,)
    the state of the generator; ``info`` see above.
    """

    op: IntArray
    duration: IntArray
    release: IntArray
    tail: IntArray
    head: IntArray
    rest: IntArray
    job_before: IndexArray
    job_after: IndexArray
    machine_before: IndexArray
    machine_after: IndexArray
    order: IndexArray
    place: IndexArray
    best_order: IndexArray
    mark: NDArray[np.uint8]
    path: IndexArray
    block: IndexArray
    trial: IntArray
    forbidden: IntArray
    random: NDArray[np.uint64]
    info: IntArray


def new_window(capacity: int) -> Window:
    """Room for a window. About 90 bytes per operation and 128 KiB."""
    times = np.zeros((6, capacity), np.int64)
    links = np.zeros((8, capacity), np.int32)
    return Window(
        op=times[0],
        duration=times[1],
        release=times[2],
        tail=times[3],
        head=times[4],
        rest=times[5],
        job_before=links[0],
        job_after=links[1],
        machine_before=links[2],
        machine_after=links[3],
        order=links[4],
        place=links[5],
        best_order=links[6],
        mark=np.zeros(capacity + 1, np.uint8),
        path=links[7],
        block=np.zeros(FURTHEST + 3, np.int32),
        trial=np.zeros(FURTHEST + 1, np.int64),
        forbidden=np.zeros(_TABU_SIZE, np.int64),
        random=np.ones(1, np.uint64),
        info=np.zeros(INFO_SIZE, np.int64),
    )


@inlined
def job_head(w, i):
    """Earliest start by release and job."""
    before = w.job_before[i]
    return max(w.release[i], w.head[before] + w.duration[before]) if before >= 0 else w.release[i]


@inlined
def job_rest(w, i):
    """Longest path from the end by tail and job."""
    after = w.job_after[i]
    return max(w.tail[i], w.rest[after]) if after >= 0 else w.tail[i]


@inlined
def head_of(w, i):
    before = w.machine_before[i]
    head = job_head(w, i)
    return max(head, w.head[before] + w.duration[before]) if before >= 0 else head


@inlined
def rest_of(w, i):
    after = w.machine_after[i]
    rest = job_rest(w, i)
    return w.duration[i] + (max(rest, w.rest[after]) if after >= 0 else rest)


@step
def evaluate_window(w):
    """Set all heads, rests and the value. O(size)."""
    size = w.info[SIZE]
    for at in range(size):
        i = w.order[at]
        w.head[i] = head_of(w, i)
    for at in range(size - 1, -1, -1):
        i = w.order[at]
        w.rest[i] = rest_of(w, i)
    set_value(w)


@inlined
def set_value(w):
    value = np.int64(0)
    for i in range(w.info[SIZE]):
        value = max(value, w.head[i] + w.rest[i])
    w.info[VALUE] = value


@step
def critical_path(w):
    """Write a random longest path into ``path``; returns its length."""
    size, value = w.info[SIZE], w.info[VALUE]
    i = below(w.random, size)
    while w.head[i] + w.rest[i] != value or w.head[i] != w.release[i]:
        i = i + 1 if i + 1 < size else 0
    length = 0
    while i >= 0:
        w.path[length] = i
        length += 1
        end = w.head[i] + w.duration[i]
        by_job, by_machine = w.job_after[i], w.machine_after[i]
        if by_job >= 0 and (w.head[by_job] != end or end + w.rest[by_job] != value):
            by_job = -1
        if by_machine >= 0 and (w.head[by_machine] != end or end + w.rest[by_machine] != value):
            by_machine = -1
        if by_job >= 0 and by_machine >= 0:
            i = by_job if below(w.random, 2) == 0 else by_machine
        else:
            i = max(by_job, by_machine)
    return length


@step
def estimate(w, first, last, forward):
    """Longest path through ``path[first]`` to ``path[last]``, one block, if its first goes behind its last (or its last
    before its first); a lower bound of the new value, NEVER if the move might close a circle."""
    u, v = w.path[first], w.path[last]
    count = last - first
    if forward:
        after = w.job_after[u]
        if after >= 0 and w.rest[after] > w.rest[v]:
            return NEVER
    else:
        before = w.job_before[v]
        if before >= 0 and w.head[before] + w.duration[before] > w.head[u] + w.duration[u]:
            return NEVER
    before, after = w.machine_before[u], w.machine_after[v]
    end = w.head[before] + w.duration[before] if before >= 0 else 0
    for n in range(count + 1):
        i = w.path[first + 1 + n if n < count else first] if forward else w.path[first + n - 1 if n > 0 else last]
        w.trial[n] = max(end, job_head(w, i))
        end = w.trial[n] + w.duration[i]
    rest = w.rest[after] if after >= 0 else 0
    longest = np.int64(0)
    for n in range(count, -1, -1):
        i = w.path[first + 1 + n if n < count else first] if forward else w.path[first + n - 1 if n > 0 else last]
        rest = w.duration[i] + max(rest, job_rest(w, i))
        longest = max(longest, w.trial[n] + rest)
    return longest


@inlined
def pair(before, after):
    """Where an ordered pair of operations lies in ``forbidden``; pairs may share a place."""
    return ((before * 65599 + after) * _SPREAD >> 12) & (_TABU_SIZE - 1)


@step
def is_forbidden(w, first, last, forward):
    now = w.info[ITERATION]
    moved = np.int64(w.path[first] if forward else w.path[last])
    for at in range(first, last + 1):
        i = np.int64(w.path[at])
        if i != moved and w.forbidden[pair(i, moved) if forward else pair(moved, i)] > now:
            return True
    return False


@step
def forbid(w, first, last, forward):
    until = w.info[ITERATION] + TENURE + below(w.random, TENURE)
    moved = np.int64(w.path[first] if forward else w.path[last])
    for at in range(first, last + 1):
        i = np.int64(w.path[at])
        if i != moved:
            w.forbidden[pair(moved, i) if forward else pair(i, moved)] = until


@inlined
def link(w, i, j):
    if i >= 0:
        w.machine_after[i] = j
    if j >= 0:
        w.machine_before[j] = i


@inlined
def relink(w, count, first):
    """Chain ``block``, begun at place ``first`` and round, on its machine between the neighbours kept at its end."""
    before = w.block[count]
    for n in range(count):
        i = w.block[(first + n) % count]
        link(w, before, i)
        before = i
    link(w, before, w.block[count + 1])


@step
def mend_order(w, u, v, forward):
    """Make ``order`` topological again after ``u`` went behind ``v`` (forward), or ``v`` before ``u``.

    Forward, what depends on u moves behind v; else what v depends on moves before u. Returns False, and leaves the
    order as it was, if the move closes a circle. O(places between u and v).
    """
    low, high = w.place[u], w.place[v]
    w.info[WORK] += high - low
    if forward:
        for at in range(low, high + 1):
            before, other = w.job_before[w.order[at]], w.machine_before[w.order[at]]
            is_behind = before >= 0 and w.mark[w.place[before]] == 1
            w.mark[at] = at == low or is_behind or (other >= 0 and w.mark[w.place[other]] == 1)
    else:
        for at in range(high, low - 1, -1):
            after, other = w.job_after[w.order[at]], w.machine_after[w.order[at]]
            is_ahead = after >= 0 and w.mark[w.place[after]] == 1
            w.mark[at] = at == high or is_ahead or (other >= 0 and w.mark[w.place[other]] == 1)
    is_circle = w.mark[high if forward else low] == 1
    if is_circle:
        w.mark[low : high + 1] = 0
        return False
    # Those that stand first keep their order and so do the others; path has room for the second group.
    front, back = low, 0
    for at in range(low, high + 1):
        i = w.order[at]
        if (w.mark[at] == 1) == forward:
            w.path[back] = i
            back += 1
        else:
            w.order[front] = i
            w.place[i] = front
            front += 1
        w.mark[at] = 0
    for at in range(back):
        w.order[front + at] = w.path[at]
        w.place[w.path[at]] = front + at
    return True


@inlined
def set_mark(w, i):
    """Mark the place of ``i``; returns 1 if it was not marked."""
    at = w.place[i]
    if w.mark[at]:
        return 0
    w.mark[at] = 1
    return 1


@step
def update_heads(w, at, waiting):
    """Bring heads up to date from place ``at`` on, where ``waiting`` places are marked."""
    begin = at
    while waiting > 0:
        if w.mark[at]:
            w.mark[at] = 0
            waiting -= 1
            i = w.order[at]
            head = head_of(w, i)
            if head != w.head[i]:
                w.head[i] = head
                w.info[WORK] += 4
                if w.job_after[i] >= 0:
                    waiting += set_mark(w, w.job_after[i])
                if w.machine_after[i] >= 0:
                    waiting += set_mark(w, w.machine_after[i])
        at += 1
    w.info[WORK] += (at - begin) // 4


@step
def update_rests(w, at, waiting):
    """Bring rests up to date from place ``at`` downwards, where ``waiting`` places are marked."""
    begin = at
    while waiting > 0:
        if w.mark[at]:
            w.mark[at] = 0
            waiting -= 1
            i = w.order[at]
            rest = rest_of(w, i)
            if rest != w.rest[i]:
                w.rest[i] = rest
                w.info[WORK] += 4
                if w.job_before[i] >= 0:
                    waiting += set_mark(w, w.job_before[i])
                if w.machine_before[i] >= 0:
                    waiting += set_mark(w, w.machine_before[i])
        at -= 1
    w.info[WORK] += (begin - at) // 4


@step
def apply_move(w, first, last, forward):
    """Move the first of the block ``path[first]`` to ``path[last]`` behind its last, or its last before its first.

    Returns False, and changes nothing but ``path``, if that closes a circle.
    """
    count = last - first + 1
    for n in range(count):
        w.block[n] = w.path[first + n]
    u, v = w.block[0], w.block[count - 1]
    w.block[count], w.block[count + 1] = w.machine_before[u], w.machine_after[v]
    relink(w, count, 1 if forward else count - 1)
    if not mend_order(w, u, v, forward):
        relink(w, count, 0)
        return False
    for is_head in (True, False):
        waiting = 0
        edge = w.info[SIZE] if is_head else -1
        neighbour = w.block[count + 1] if is_head else w.block[count]
        for n in range(count + 1):
            i = w.block[n] if n < count else neighbour
            if i >= 0:
                waiting += set_mark(w, i)
                edge = min(edge, w.place[i]) if is_head else max(edge, w.place[i])
        if is_head:
            update_heads(w, edge, waiting)
        else:
            update_rests(w, edge, waiting)
    return True


@step
def best_move(w, length):
    """The move of least estimate on ``path`` that is not forbidden, or leads below the best value; ties and, if all are
    forbidden, the choice among all are random. Returns first, last, forward; first is -1 if there is none."""
    least, ties, others = NEVER, 0, 0
    first, last, forward = -1, -1, True
    other_first, other_last, other_forward = -1, -1, True
    begin = 0
    while begin < length:
        stop = begin + 1
        while stop < length and w.machine_after[w.path[stop - 1]] == w.path[stop]:
            stop += 1
        size = stop - begin
        for number in range(4 * size):
            kind, n = number // size, number % size
            ahead = kind < 2
            # 0: the first goes in; 1: one goes behind the last; 2: one goes before the first; 3: the last goes in.
            low, high = (begin, begin + n) if kind % 2 == 0 else (begin + n, stop - 1)
            is_repeated = kind % 2 == 1 and low == begin
            if low == high or high - low > FURTHEST or is_repeated or (not ahead and high - low == 1):
                continue
            value = estimate(w, low, high, ahead)
            if value == NEVER:
                continue
            if is_forbidden(w, low, high, ahead) and value >= w.info[BEST]:
                others += 1
                if below(w.random, others) == 0:
                    other_first, other_last, other_forward = low, high, ahead
                continue
            if value < least:
                least, ties = value, 0
            if value == least:
                ties += 1
                if below(w.random, ties) == 0:
                    first, last, forward = low, high, ahead
        begin = stop
    if first >= 0:
        return first, last, forward
    return other_first, other_last, other_forward


@inlined
def save_best(w):
    if w.info[SAVED] == 0:
        for at in range(w.info[SIZE]):
            w.best_order[at] = w.order[at]
        w.info[SAVED] = 1


@kernel
def search_window(w, iterations, patience, work):
    """Search until ``iterations`` moves are made, the last ``patience`` found nothing better, or the value is proved
    least because no longest path has a block; at most about ``work`` operations are touched.

    Returns whether the search is over; call again to go on. ``best_order`` holds the best order then, ``info[BEST]``
    its value. A move costs the length of the path, the places between what it swaps and the heads and tails it changes.
    """
    info = w.info
    until = info[WORK] + work
    while info[WORK] < until:
        if info[ITERATION] >= iterations or info[IDLE] >= patience:
            save_best(w)
            return True
        length = critical_path(w)
        first, last, forward = best_move(w, length)
        if first < 0:
            save_best(w)
            return True
        if info[VALUE] == info[BEST]:
            save_best(w)
        info[ITERATION] += 1
        info[IDLE] += 1
        info[WORK] += 50 + 8 * length + info[SIZE] // 8
        forbid(w, first, last, forward)
        if apply_move(w, first, last, forward):
            set_value(w)
            if info[VALUE] < info[BEST]:
                info[BEST], info[IDLE], info[SAVED] = info[VALUE], 0, 0
    return False
