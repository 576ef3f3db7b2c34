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
from makespan.solvers.kernels.critical_blocks import N7, scratch
from makespan.solvers.kernels.keyed_dispatch import KeyedShop
from makespan.solvers.kernels.machine_orders import Orders, blank_nodes, find_sinks
from makespan.solvers.kernels.random import seed_stream
from makespan.solvers.kernels.tabu import (
    LEAST_TAIL,
    LONGEST,
    NEIGHBOURHOOD,
    REACH,
    SETTINGS,
    SHORTEST,
    TABU,
    TABU_SLOTS,
    Search,
)

FURTHEST = 24
"""Places that a move takes an operation at most: long blocks would cost the square of their length."""

TENURE = 12
"""Moves for which a reversed pair is tabu, at least; at random up to twice as many."""


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


class Window(NamedTuple):
    """A search for the operations ``op`` (n,) of the shop, numbered in the topological order in which they were cut.

    The rest of the schedule enters as a release and a tail per operation: the longest paths to it and from its end that
    pass operations outside. The value of the search is thus the longest path of the whole schedule through the window.
    """

    op: IntArray
    search: Search


def new_window(capacity: int) -> Window:
    """Room for a window. About 270 bytes per operation."""
    setting = np.zeros(SETTINGS, np.int64)
    setting[SHORTEST], setting[LONGEST] = TENURE, 2 * TENURE - 1
    setting[NEIGHBOURHOOD], setting[REACH] = N7, FURTHEST
    orders = Orders(
        node=blank_nodes(capacity),
        order=np.zeros(capacity, np.uint32),
        line=np.zeros(capacity, np.uint32),
        line_ptr=np.zeros(capacity + 2, np.int64),
        machine=np.zeros(capacity, np.int64),
        sink=np.zeros(capacity, np.int64),
        moved=np.zeros(capacity + 2, np.int64),
    )
    best, tabu = np.zeros(capacity, np.uint32), np.zeros(TABU_SLOTS, TABU)
    search = Search(orders, best, *scratch(capacity), tabu, setting, np.zeros(1, np.uint64))
    return Window(np.zeros(capacity, np.int64), search)


def part_of(window: Window, size: int) -> Window:
    """A window of ``size`` operations in the memory of one that has room for them. O(1)."""
    orders = window.search.orders
    orders = orders._replace(
        node=orders.node[: size + 1],
        order=orders.order[:size],
        line=orders.line[:size],
        line_ptr=orders.line_ptr[: size + 2],
        machine=orders.machine[:size],
        sink=orders.sink[:size],
    )
    return Window(window.op[:size], window.search._replace(orders=orders, best=window.search.best[:size]))


def with_sinks(search: Search, sinks: int) -> Search:
    """The search whose value the first ``sinks`` of its sinks decide. O(1)."""
    return search._replace(orders=search.orders._replace(sink=search.orders.sink[:sinks]))


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
def set_heads(shop, plan, first, stop):
    """Set the heads of the places ``first`` to ``stop - 1``, exact where those that they depend on are."""
    for at in range(first, stop):
        plan.head[plan.order[at]] = earliest_start(shop, plan, plan.order[at])


@step
def set_rests(shop, plan, first, stop):
    """Set the rests of the places ``first`` to ``stop - 1``, likewise; returns the longest path through them."""
    value = np.int64(0)
    for at in range(stop - 1, first - 1, -1):
        op = plan.order[at]
        plan.rest[op] = longest_rest(shop, plan, op)
        value = max(value, plan.head[op] + plan.rest[op])
    return value


@kernel
def time_plan(shop, plan, first, stop, forward):
    """``set_heads`` or, not ``forward``, ``set_rests``; returns the longest path if it was that. O(stop - first)."""
    if forward:
        set_heads(shop, plan, first, stop)
        return np.int64(0)
    return set_rests(shop, plan, first, stop)


@kernel
def lay_out(shop, order, plan, last, first, stop):
    """Set the places ``first`` to ``stop - 1`` of a plan that is not split from a topological order, but for the rests.

    From the first place to the last, in as many calls as you like; ``last`` (num_machines,), -1 at first, goes from one
    to the next. ``time_plan`` sets the rests afterwards. O(stop - first).
    """
    for at in range(first, stop):
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
    set_heads(shop, plan, first, stop)


@kernel
def split(shop, plan, place, makespan, bound):
    """Make the places before ``place`` and those from it on independent, as the module describes.

    Heads and rests must be those of the plan before any split; ``time_plan`` sets those of the sides afterwards.
    ``bound`` (num_machines,) is scratch. O(n).
    """
    n = plan.order.size
    for k in range(bound.size):
        bound[k] = -1
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
    """Make ``w``, of size ``stop - first``, the window of the places from ``first`` on, for ``tabu.load`` with
    ``search.best``, and begin random stream ``stream`` of ``seed``; returns how many sinks there are. O(stop - first).
    """
    search, n = w.search, stop - first
    node, machine, line_ptr, setting = search.orders.node, search.orders.machine, search.orders.line_ptr, search.setting
    seed_stream(search.random, seed, stream)
    for i in range(n):
        w.op[i] = plan.order[first + i]
        plan.local[w.op[i]] = i
        search.best[i] = i
    # Whatever comes before the first operation on a machine comes before all of them; head and tail carry that along.
    line_ptr[:] = 0
    machines = 0
    for i in range(n):
        op = w.op[i]
        before, other = plan.job_before[op], plan.machine_before[op]
        pred = plan.local[before] if before >= 0 else -1
        ahead = plan.local[other] if other >= 0 else -1
        if ahead >= 0:
            machine[i] = machine[ahead]
            node[i].head = node[ahead].head
        else:
            machine[i] = machines
            machines += 1
            node[i].head = plan.head[other] + shop.duration[other] if other >= 0 else 0
        line_ptr[machine[i] + 2] += 1
        node[i].duration = shop.duration[op]
        node[i].release = max(plan.release[op], node[i].head)
        if before >= 0 and pred < 0:
            node[i].release = max(node[i].release, plan.head[before] + shop.duration[before])
        node[i].job_pred = pred if pred >= 0 else n
    for k in range(2, line_ptr.size):
        line_ptr[k] += line_ptr[k - 1]
    for i in range(n - 1, -1, -1):
        op = w.op[i]
        after, other = plan.job_after[op], plan.machine_after[op]
        succ = plan.local[after] if after >= 0 else -1
        behind = plan.local[other] if other >= 0 else -1
        if behind >= 0:
            node[i].tail = node[behind].tail
        else:
            node[i].tail = plan.rest[other] if other >= 0 else 0
        node[i].own_tail = max(plan.tail[op], node[i].tail)
        if after >= 0 and succ < 0:
            node[i].own_tail = max(node[i].own_tail, plan.rest[after])
        node[i].job_succ = succ if succ >= 0 else n
    for i in range(n):
        plan.local[w.op[i]] = -1
    node[n].duration = 0
    sinks = find_sinks(node, search.best, search.orders.sink)
    setting[LEAST_TAIL] = node[search.orders.sink[0]].own_tail
    for s in range(1, sinks):
        setting[LEAST_TAIL] = min(setting[LEAST_TAIL], node[search.orders.sink[s]].own_tail)
    return sinks


@kernel
def put_back(shop, plan, first, operation, best, last, following):
    """Give the places from ``first`` on the order ``best`` (n,) of the operations of a window, and heads and rests.

    ``operation`` (n,) are those of the shop; ``last`` and ``following`` (num_machines,) are scratch. Returns the
    longest path through the window. O(n).
    """
    size = operation.size
    for i in range(size):
        last[shop.machine[operation[i]]] = -2
    for i in range(size):
        op = operation[i]
        k = shop.machine[op]
        if last[k] == -2:
            last[k] = plan.machine_before[op]
        following[k] = plan.machine_after[op]
    for i in range(size):
        op = operation[best[i]]
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
    set_heads(shop, plan, first, first + size)
    return set_rests(shop, plan, first, first + size)
