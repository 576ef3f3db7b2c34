"""Cutting a window out of the schedule of a job shop, and putting it back.

A schedule lies in arrays over operations: ``order`` (topological), ``head`` (start), ``rest`` (longest path from the start
on), ``machine_before`` and ``machine_after`` (neighbours, -1 for none). A window is a run of places in the order: all it
depends on lies before it, what depends on it behind it, and on each machine and in each job it is a run too. So

    makespan = max(value of the window, longest path that avoids it),

and whatever order the window is given, it closes no circle with the rest. Heads of all before the window and rests of
all behind it must be exact, the others need not be: a sweep from left to right leaves exact heads behind, one from right
to left exact rests, and the two alternate without ever going through the whole schedule.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import IndexArray, IntArray
from makespan.solvers.kernels import inlined, kernel
from makespan.solvers.kernels.keyed_dispatch import KeyedShop
from makespan.solvers.kernels.random import seed_stream
from makespan.solvers.kernels.window_search import BEST, SIZE, VALUE, evaluate_window


class Plan(NamedTuple):
    """A schedule as the module describes it, (num_operations,) each. Scratch: ``local`` (num_operations,) and ``last``
    (num_machines,), -1 throughout between calls, and ``following`` (num_machines,)."""

    order: IntArray
    head: IntArray
    rest: IntArray
    machine_before: IndexArray
    machine_after: IndexArray
    local: IndexArray
    last: IndexArray
    following: IndexArray


def new_plan(shop: KeyedShop) -> Plan:
    """Room for a schedule: 36 bytes per operation."""
    n, machines = shop.machine.size, shop.line_ptr.size - 1
    times = [np.zeros(n, np.int64) for _ in range(3)]
    return Plan(
        *times, *(np.full(n, -1, np.int32) for _ in range(3)), *(np.full(machines, -1, np.int32) for _ in range(2))
    )


@inlined
def earliest_start(shop, plan, op):
    """The head of an operation, given those of the two before it."""
    head, before = shop.release[op], plan.machine_before[op]
    if before >= 0:
        head = max(head, plan.head[before] + shop.duration[before])
    if op > shop.job_ptr[shop.job[op]]:
        head = max(head, plan.head[op - 1] + shop.duration[op - 1])
    return head


@inlined
def longest_rest(shop, plan, op):
    """The longest path from the start of an operation, given those of the two behind it."""
    after = plan.machine_after[op]
    rest = plan.rest[after] if after >= 0 else 0
    if op + 1 < shop.job_ptr[shop.job[op] + 1]:
        rest = max(rest, plan.rest[op + 1])
    return shop.duration[op] + rest


@kernel
def lay_out(shop, order, plan):
    """Set the whole plan from a topological order; returns the makespan. O(num_operations)."""
    n = order.size
    last = plan.last
    makespan = np.int64(0)
    for at in range(n):
        op = order[at]
        plan.order[at] = op
        k = shop.machine[op]
        plan.machine_before[op], plan.machine_after[op] = last[k], -1
        if last[k] >= 0:
            plan.machine_after[last[k]] = op
        last[k] = op
        plan.head[op] = earliest_start(shop, plan, op)
        makespan = max(makespan, plan.head[op] + shop.duration[op])
    last[:] = -1
    for at in range(n - 1, -1, -1):
        plan.rest[order[at]] = longest_rest(shop, plan, order[at])
    return makespan


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
        w.op[i] = plan.order[first + i]
        plan.local[w.op[i]] = i
        w.order[i] = w.place[i] = i
    # Whatever comes before the first operation on a machine comes before all of them; head and rest carry that along.
    for i in range(size):
        op = w.op[i]
        w.duration[i] = shop.duration[op]
        w.release[i] = shop.release[op]
        w.job_before[i] = -1
        if op > shop.job_ptr[shop.job[op]]:
            w.job_before[i] = plan.local[op - 1]
            if w.job_before[i] < 0:
                w.release[i] = max(w.release[i], plan.head[op - 1] + shop.duration[op - 1])
        before = plan.machine_before[op]
        w.machine_before[i] = -1 if before < 0 else plan.local[before]
        if w.machine_before[i] >= 0:
            w.head[i] = w.head[w.machine_before[i]]
        else:
            w.head[i] = 0 if before < 0 else plan.head[before] + shop.duration[before]
        w.release[i] = max(w.release[i], w.head[i])
    for i in range(size - 1, -1, -1):
        op = w.op[i]
        w.tail[i] = 0
        w.job_after[i] = -1
        if op + 1 < shop.job_ptr[shop.job[op] + 1]:
            w.job_after[i] = plan.local[op + 1]
            if w.job_after[i] < 0:
                w.tail[i] = plan.rest[op + 1]
        after = plan.machine_after[op]
        w.machine_after[i] = -1 if after < 0 else plan.local[after]
        if w.machine_after[i] >= 0:
            w.rest[i] = w.rest[w.machine_after[i]]
        else:
            w.rest[i] = 0 if after < 0 else plan.rest[after]
        w.tail[i] = max(w.tail[i], w.rest[i])
    for i in range(size):
        plan.local[w.op[i]] = -1
    evaluate_window(w)
    w.info[BEST] = w.info[VALUE]
    return w.info[VALUE]


@kernel
def put_back(shop, plan, first, w):
    """Give the places from ``first`` on the best order of the window, and its operations their heads and rests; exact
    where those outside that they depend on are. O(size)."""
    size, last, following = w.info[SIZE], plan.last, plan.following
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
        plan.machine_before[op] = last[k]
        plan.machine_after[op] = following[k]
        if last[k] >= 0:
            plan.machine_after[last[k]] = op
        last[k] = op
    for i in range(size):
        op = plan.order[first + i]
        last[shop.machine[op]] = -1
        if plan.machine_after[op] >= 0:
            plan.machine_before[plan.machine_after[op]] = op
        plan.head[op] = earliest_start(shop, plan, op)
    for i in range(size - 1, -1, -1):
        op = plan.order[first + i]
        plan.rest[op] = longest_rest(shop, plan, op)
