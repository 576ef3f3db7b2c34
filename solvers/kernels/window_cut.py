"""Cutting a window out of the schedule of a job shop, and putting it back.

A schedule lies in the arrays of a ``Plan``. A window is a run of places in its topological order: all it depends on
lies before it, what depends on it behind it, and on each machine and in each job it is a run too. So

    makespan = max(value of the window, longest path that avoids it),

and whatever order the window is given, it closes no circle with the rest. Heads of all before the window and rests of
all behind it must be exact, the others need not be: a sweep from left to right leaves exact heads behind, one from
right to left exact rests, and no sweep ever goes through the whole schedule for one window.

``split`` makes the two sides of a place independent, so that threads can work on them at once: each arc from u to v
across it gets a time t between the end of u and the latest start of v. The left side then counts makespan - t as the
tail behind u, the right side t as the release of v. If no side's value rises above the makespan, neither does the
whole: a path across takes at most t and makespan - t. If both sides fall, what crosses falls by the sum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from makespan.instances.instance import IndexArray, IntArray
from makespan.solvers.kernels import inlined, kernel, step
from makespan.solvers.kernels.keyed_dispatch import KeyedShop
from makespan.solvers.kernels.random import seed_stream
from makespan.solvers.kernels.window_search import BEST, SIZE, VALUE, evaluate_window


class Plan(NamedTuple):
    """A schedule, (num_operations,) each: ``order``, topological; ``head``, the start, and ``rest``, the longest path
    from there on; ``release`` and ``tail``; neighbours in job and on machine, -1 for none or across a split; ``local``
    is scratch, -1 throughout between calls."""

    order: IntArray
    head: IntArray
    rest: IntArray
    release: IntArray
    tail: IntArray
    job_before: IndexArray
    job_after: IndexArray
    machine_before: IndexArray
    machine_after: IndexArray
    local: IndexArray


def new_plan(shop: KeyedShop) -> Plan:
    """Room for a schedule: 60 bytes per operation."""
    times = np.zeros((5, shop.machine.size), np.int64)
    links = np.full((5, shop.machine.size), -1, np.int32)
    return Plan(
        order=times[0],
        head=times[1],
        rest=times[2],
        release=times[3],
        tail=times[4],
        job_before=links[0],
        job_after=links[1],
        machine_before=links[2],
        machine_after=links[3],
        local=links[4],
    )


@inlined
def earliest_start(shop, plan, op):
    """The head of an operation, given those of the two before it."""
    head = plan.release[op]
    for before in (plan.job_before[op], plan.machine_before[op]):
        if before >= 0:
            head = max(head, plan.head[before] + shop.duration[before])
    return head


@inlined
def longest_rest(shop, plan, op):
    """The longest path from the start of an operation, given those of the two behind it."""
    rest = plan.tail[op]
    for after in (plan.job_after[op], plan.machine_after[op]):
        if after >= 0:
            rest = max(rest, plan.rest[after])
    return shop.duration[op] + rest


@step
def set_times(shop, plan, first, stop):
    """Set heads and rests of the places ``first`` to ``stop - 1``; returns the longest path through them.

    Exact where those outside that they depend on are. O(stop - first).
    """
    for at in range(first, stop):
        plan.head[plan.order[at]] = earliest_start(shop, plan, plan.order[at])
    value = np.int64(0)
    for at in range(stop - 1, first - 1, -1):
        op = plan.order[at]
        plan.rest[op] = longest_rest(shop, plan, op)
        value = max(value, plan.head[op] + plan.rest[op])
    return value


@kernel
def time_plan(shop, plan, first, stop):
    """``set_times`` for Python."""
    return set_times(shop, plan, first, stop)


@kernel
def lay_out(shop, order, plan):
    """Set the whole plan, not split, from a topological order; returns the makespan. O(num_operations)."""
    last = np.full(shop.line_ptr.size - 1, -1, np.int32)
    for at in range(order.size):
        op = order[at]
        j, k = shop.job[op], shop.machine[op]
        plan.order[at] = op
        plan.release[op] = shop.release[op]
        plan.tail[op] = 0
        plan.job_before[op] = op - 1 if op > shop.job_ptr[j] else -1
        plan.job_after[op] = op + 1 if op + 1 < shop.job_ptr[j + 1] else -1
        plan.machine_before[op], plan.machine_after[op] = last[k], -1
        if last[k] >= 0:
            plan.machine_after[last[k]] = op
        last[k] = op
    return set_times(shop, plan, np.int64(0), order.size)


@kernel
def split(shop, plan, place, makespan):
    """Make the places before ``place`` and those from it on independent, as the module describes.

    Heads and rests must be those of the plan before any split; ``time_plan`` sets those of the sides afterwards. O(n).
    """
    n = plan.order.size
    bound = np.full(shop.line_ptr.size - 1, -1, np.int64)
    for at in range(place):
        plan.local[plan.order[at]] = 0
    for at in range(place, n):
        v = plan.order[at]
        k = shop.machine[v]
        u = plan.machine_before[v]
        if u >= 0 and plan.local[u] == 0:
            bound[k] = (plan.head[u] + shop.duration[u] + makespan - plan.rest[v]) // 2
            plan.machine_after[u] = plan.machine_before[v] = -1
        plan.release[v] = max(plan.release[v], bound[k])
        u = plan.job_before[v]
        if u >= 0 and plan.local[u] == 0:
            between = (plan.head[u] + shop.duration[u] + makespan - plan.rest[v]) // 2
            plan.job_after[u] = plan.job_before[v] = -1
            plan.release[v] = max(plan.release[v], between)
            plan.tail[u] = max(plan.tail[u], makespan - between)
    for at in range(place):
        op = plan.order[at]
        plan.local[op] = -1
        if bound[shop.machine[op]] >= 0:
            plan.tail[op] = max(plan.tail[op], makespan - bound[shop.machine[op]])


@kernel
def cut_window(shop, plan, first, stop, seed, stream, w):
    """Make ``w`` the window of the places ``first`` to ``stop - 1`` and begin a search with random stream ``stream`` of
    ``seed``; returns its value. O(stop - first)."""
    size = stop - first
    w.info[:] = 0
    w.info[SIZE] = size
    w.forbidden[:] = 0
    seed_stream(w.random, seed, stream)
    for i in range(size):
        op = plan.order[first + i]
        w.op[i] = op
        plan.local[op] = i
        w.order[i] = w.place[i] = w.best_order[i] = i
    # Whatever comes before the first operation on a machine comes before all of them; head and rest carry that along.
    for i in range(size):
        op = w.op[i]
        w.duration[i] = shop.duration[op]
        before, other = plan.job_before[op], plan.machine_before[op]
        w.job_before[i] = plan.local[before] if before >= 0 else -1
        w.machine_before[i] = plan.local[other] if other >= 0 else -1
        w.release[i] = plan.release[op]
        if before >= 0 and w.job_before[i] < 0:
            w.release[i] = max(w.release[i], plan.head[before] + shop.duration[before])
        if w.machine_before[i] >= 0:
            w.head[i] = w.head[w.machine_before[i]]
        else:
            w.head[i] = plan.head[other] + shop.duration[other] if other >= 0 else 0
        w.release[i] = max(w.release[i], w.head[i])
    for i in range(size - 1, -1, -1):
        op = w.op[i]
        after, other = plan.job_after[op], plan.machine_after[op]
        w.job_after[i] = plan.local[after] if after >= 0 else -1
        w.machine_after[i] = plan.local[other] if other >= 0 else -1
        w.tail[i] = plan.tail[op]
        if after >= 0 and w.job_after[i] < 0:
            w.tail[i] = max(w.tail[i], plan.rest[after])
        if w.machine_after[i] >= 0:
            w.rest[i] = w.rest[w.machine_after[i]]
        else:
            w.rest[i] = plan.rest[other] if other >= 0 else 0
        w.tail[i] = max(w.tail[i], w.rest[i])
    for i in range(size):
        plan.local[w.op[i]] = -1
    evaluate_window(w)
    w.info[BEST] = w.info[VALUE]
    return w.info[VALUE]


@kernel
def put_back(shop, plan, first, w, last, following):
    """Give the places from ``first`` on the best order of the window, and its operations their heads and rests.

    ``last`` and ``following`` (num_machines,) are scratch. O(size).
    """
    size = w.info[SIZE]
    for i in range(size):
        last[shop.machine[w.op[i]]] = -2
    for i in range(size):
        op = w.op[i]
        k = shop.machine[op]
        if last[k] == -2:
            last[k] = plan.machine_before[op]
        following[k] = plan.machine_after[op]
    for i in range(size):
        op = w.op[w.best_order[i]]
        k = shop.machine[op]
        plan.order[first + i] = op
        plan.machine_before[op], plan.machine_after[op] = last[k], following[k]
        if last[k] >= 0:
            plan.machine_after[last[k]] = op
        last[k] = op
    for i in range(size):
        op = plan.order[first + i]
        if plan.machine_after[op] >= 0:
            plan.machine_before[plan.machine_after[op]] = op
    return set_times(shop, plan, first, first + size)
