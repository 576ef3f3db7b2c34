"""Job shop schedules from one fixed priority per operation, forwards or backwards in time, and their longest paths.

Leaner than ``dispatch``, which knows every field of a shop: one mode per operation, release dates, nothing else. A pass
over a million operations takes about a third of a second, so that hundreds of passes fit into minutes.

The scheme is that of Giffler and Thompson with ``delta``: the machine with the least possible end C is decided on, and
the operations compete that can start there within ``delta`` per cent of the way from the least start to C.
Backwards, each job is taken from its last operation to its first and release dates are left out; ``pass_along``
then starts the same machine orders forwards, with them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from makespan.instances.instance import IntArray
from makespan.instances.shop_view import ShopView
from makespan.solvers.kernels import kernel, step
from makespan.solvers.kernels.tournament import NEVER, first_least, set_leaf, tree_size

_SCANNED_PER_DECISION = 16
"""Entries of a queue that cost as much as everything else in a decision."""


class KeyedShop(NamedTuple):
    """Read-only arrays of a shop with one machine per operation; operations numbered job by job, times int64.

    ``job_ptr`` (num_jobs + 1,), ``job``, ``machine``, ``duration``, ``release`` (num_operations,); ``line_ptr``
    (num_machines + 1,): the sum of how many operations each machine has, running. An operation
    without a machine, or of duration 0, which uses none, has one of its own behind the real ones.
    """

    job_ptr: IntArray
    job: IntArray
    machine: IntArray
    duration: IntArray
    release: IntArray
    line_ptr: IntArray


class Passage(NamedTuple):
    """A pass in the making. ``job_*`` (num_jobs,), ``machine_*`` (num_machines,), ``queue`` (num_operations,) jobs that
    wait for each machine, ``tree`` the tournament over machines, ``order`` (num_operations,) the operations as
    decided, ``time`` (num_operations,) their starts in the direction of the pass, ``done`` (1,) how many, -1 before."""

    job_next: IntArray
    job_ready: IntArray
    machine_free: IntArray
    machine_waiting: IntArray
    queue: IntArray
    tree: IntArray
    order: IntArray
    time: IntArray
    done: IntArray


def keyed_shop(view: ShopView) -> KeyedShop:
    """The arrays of a shop view whose operations have one mode each; take it as ``view.derived(keyed_shop)``."""
    machine = view.machine.copy()
    bare = (machine < 0) | (view.duration == 0)
    machine[bare] = view.num_machines + np.arange(np.count_nonzero(bare))
    counts = np.bincount(machine, minlength=view.num_machines)
    shop = KeyedShop(
        view.job_ptr,
        np.repeat(np.arange(view.num_jobs), np.diff(view.job_ptr)),
        machine,
        view.duration,
        view.release,
        np.concatenate((np.zeros(1, np.int64), np.cumsum(counts))),
    )
    for array in shop:
        array.setflags(write=False)
    return shop


def new_passage(shop: KeyedShop) -> Passage:
    """Room for one pass. 24 bytes per operation and some per job and machine."""
    jobs, machines, operations = shop.job_ptr.size - 1, shop.line_ptr.size - 1, shop.machine.size
    sizes = (jobs, jobs, machines, machines, operations, tree_size(max(1, machines)), operations, operations, 1)
    return Passage(*(np.zeros(size, np.int64) for size in sizes))


def begin_pass(passage: Passage) -> None:
    """Let the next ``run_pass`` begin with the empty schedule."""
    passage.done[0] = -1


@step
def _empty(shop, forward, passage):
    """Reset ``passage`` to the empty schedule. O(jobs + machines)."""
    half = passage.tree.size // 2
    for leaf in range(passage.tree.size):
        passage.tree[leaf] = NEVER
    for k in range(passage.machine_free.size):
        passage.machine_free[k] = passage.machine_waiting[k] = 0
    passage.done[0] = 0
    for j in range(shop.job_ptr.size - 1):
        if shop.job_ptr[j] == shop.job_ptr[j + 1]:
            continue
        op = shop.job_ptr[j] if forward else shop.job_ptr[j + 1] - 1
        k = shop.machine[op]
        passage.job_next[j] = op
        passage.job_ready[j] = shop.release[op] if forward else 0
        passage.queue[shop.line_ptr[k] + passage.machine_waiting[k]] = j
        passage.machine_waiting[k] += 1
        end = passage.job_ready[j] + shop.duration[op]
        if end < passage.tree[half + k]:
            set_leaf(passage.tree, 0, half, k, end)


@kernel
def run_pass(shop, key, forward, delta, passage, work):
    """Place operations, those with the least ``key`` (num_operations,) first, until all are placed or ``work`` units
    are done; returns whether all are placed. Ties go to the lower job number.

    A unit is a decision or 16 waiting jobs looked at. O(log machines + queue) per operation.
    """
    if passage.done[0] < 0:
        _empty(shop, forward, passage)
    half = passage.tree.size // 2
    tree, queue, ready, following = passage.tree, passage.queue, passage.job_ready, passage.job_next
    units = work * _SCANNED_PER_DECISION
    done = passage.done[0]
    while tree[1] < NEVER and units > 0:
        k, least_end = first_least(tree, 0, half), tree[1]
        first, free = shop.line_ptr[k], passage.machine_free[k]
        stop = first + passage.machine_waiting[k]
        units -= _SCANNED_PER_DECISION + stop - first
        start = NEVER
        for slot in range(first, stop):
            start = min(start, ready[queue[slot]])
        start = max(start, free)
        span = (least_end - start) * delta
        latest = start + ((span - 1) // 100 if span > 0 else 0)
        j, slot_of_j, least = -1, -1, NEVER
        for slot in range(first, stop):
            other = queue[slot]
            if ready[other] <= latest:
                value = key[following[other]]
                if j < 0 or value < least or (value == least and other < j):
                    j, slot_of_j, least = other, slot, value
        op = following[j]
        begin = max(ready[j], free)
        end = begin + shop.duration[op]
        passage.time[op] = begin
        passage.order[done] = op
        done += 1
        passage.machine_free[k] = end
        passage.machine_waiting[k] -= 1
        queue[slot_of_j] = queue[stop - 1]
        least = NEVER
        for slot in range(first, stop - 1):
            other = queue[slot]
            least = min(least, max(ready[other], end) + shop.duration[following[other]])
        set_leaf(tree, 0, half, k, least)
        op = op + 1 if forward else op - 1
        if shop.job_ptr[j] <= op < shop.job_ptr[j + 1]:
            following[j] = op
            ready[j] = max(end, shop.release[op]) if forward else end
            k = shop.machine[op]
            queue[shop.line_ptr[k] + passage.machine_waiting[k]] = j
            passage.machine_waiting[k] += 1
            end = max(ready[j], passage.machine_free[k]) + shop.duration[op]
            if end < tree[half + k]:
                set_leaf(tree, 0, half, k, end)
    passage.done[0] = done
    return tree[1] == NEVER


@kernel
def pass_along(shop, order, forward, time):
    """Earliest starts in the machine orders of ``order`` (num_operations,), a topological order in forward time.

    Forwards ``time`` receives the starts, with release dates; backwards it receives the tails: the longest path from
    the start of each operation to the end of the schedule. Returns the makespan. O(num_operations).
    """
    n = order.size
    job_free = np.zeros(shop.job_ptr.size - 1, np.int64)
    machine_free = np.zeros(shop.line_ptr.size - 1, np.int64)
    makespan = np.int64(0)
    for i in range(n):
        op = order[i] if forward else order[n - 1 - i]
        j, k = shop.job[op], shop.machine[op]
        begin = max(job_free[j], machine_free[k])
        if forward:
            begin = max(begin, shop.release[op])
        end = begin + shop.duration[op]
        job_free[j] = machine_free[k] = end
        time[op] = begin if forward else end
        makespan = max(makespan, end if forward else end + shop.release[op])
    return makespan
