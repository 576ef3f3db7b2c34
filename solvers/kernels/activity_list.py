"""Activity lists: drawn at random, sorted, crossed and mutated; always every task behind those before it.

Time runs in two directions, forwards (side 0) and mirrored (side 1). Entries ``side * num_tasks + task`` of ``link``
hold the arcs that a task waits for in that direction.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import IntArray
from makespan.instances.project_view import ProjectView
from makespan.solvers.kernels import inlined, step
from makespan.solvers.kernels.random import below
from makespan.solvers.kernels.serial_sgs import draw

PER_TEN_THOUSAND = 10_000

SWEEPS = 3
"""Of neighbours that change places, over a stretch of a list that is put in disorder."""

_MIX, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)

LINK = np.dtype([("release", np.int64), ("before", np.int32), ("before_end", np.int32)])
WAIT = np.dtype([("task", np.int64), ("lag", np.int64)])
"""An arc: the task that must end first, and how long before."""

ENTRY = np.dtype([("task", np.int32), ("mode", np.int32), ("time", np.int64)])
"""A row of lists has ``task`` by position, and mode and time by task."""

SLOT = np.dtype(
    [
        ("task", np.int32),
        ("turned", np.int32),
        ("listed", np.int64),
        ("waiting", np.int64),
        ("time", np.int64),
        ("start", np.int64),
        ("release", np.int64),
    ]
)
"""The list in the making: ``task`` by position, the rest by task; ``turned``, ``listed``, ``waiting`` are scratch."""


class Arcs(NamedTuple):
    """Arcs in both directions, tables of LINK (2 x num_tasks,) and WAIT; ``load`` (num_modes,): the demands of each
    mode as parts of the capacities, in 1024ths."""

    link: NDArray
    arc: NDArray
    load: IntArray


def new_arcs(view: ProjectView) -> Arcs:
    """Tables of a project whose arcs close no cycle. O(tasks + arcs + modes)."""
    n, arcs = view.num_tasks, view.succ_task.size
    link, arc = np.zeros(2 * n, LINK), np.zeros(2 * arcs, WAIT)
    link["release"][:n] = view.release
    for side, ptr in ((0, view.pred_ptr), (1, view.succ_ptr)):
        here = slice(side * n, side * n + n)
        link["before"][here], link["before_end"][here] = ptr[:-1] + side * arcs, ptr[1:] + side * arcs
    arc["task"][:arcs], arc["lag"][:arcs] = view.pred_task, view.arc_lag[view.pred_arc]
    arc["task"][arcs:], arc["lag"][arcs:] = view.succ_task, view.arc_lag
    load = np.zeros(view.duration.size, np.int64)
    share = 1024 * np.minimum(view.demand_amount / np.maximum(view.capacity[view.demand_resource], 1), 1)
    np.add.at(load, np.repeat(np.arange(load.size), np.diff(view.demand_ptr)), share.astype(np.int64))
    for table in (link, arc, load):
        table.setflags(write=False)
    return Arcs(link, arc, load)


@step
def draw_list(link, arc, key, rng, eligible, child):
    """Fill the list in forward time with tasks drawn one by one, those of small ``key`` more often (see ``draw``).

    ``key``, ``eligible`` (num_tasks,). O(tasks x eligible).
    """
    n, number = child.size, 0
    for task in range(n):
        child[task].waiting = link[task].before_end - link[task].before
        if child[task].waiting == 0:
            eligible[number] = task
            number += 1
    for position in range(n):
        at = draw(eligible, number, key, rng)
        task = eligible[at]
        number -= 1
        eligible[at] = eligible[number]
        child[position].task = task
        for i in range(link[n + task].before, link[n + task].before_end):
            following = arc[i].task
            child[following].waiting -= 1
            if child[following].waiting == 0:
                eligible[number] = following
                number += 1


@step
def sort_list(child, turn, last, bucket):
    """Sort the list, turned round first if ``turn``, by rising ``time``; tasks of equal time keep their order.

    Times lie in 0..``last``. Up to 4 buckets per task, ``bucket`` (4 x num_tasks + 2,), then insertion: O(tasks)
    unless most times crowd into few buckets.
    """
    n, shift = child.size, 0
    while (last >> shift) >= bucket.size - 1:
        shift += 1
    for b in range((last >> shift) + 2):
        bucket[b] = 0
    for task in range(n):
        bucket[(child[task].time >> shift) + 1] += 1
    for b in range(last >> shift):
        bucket[b + 1] += bucket[b]
    for i in range(n):
        task = child[n - 1 - i].task if turn else child[i].task
        b = child[task].time >> shift
        child[bucket[b]].turned = task
        bucket[b] += 1
    for i in range(n):
        task, p = child[i].turned, i
        if shift > 0:
            while p > 0 and child[child[p - 1].task].time > child[task].time:
                child[p].task = child[p - 1].task
                p -= 1
        child[p].task = task


@step
def pull_predecessors(link, arc, side, stack, child):
    """Repair the list: where a task stands before one it waits for, that one moves in front of it. O(tasks + arcs).

    ``stack`` (num_tasks,) is scratch.
    """
    n, filled = child.size, 0
    for task in range(n):
        child[task].listed = 0
        child[task].turned = child[task].task
    for i in range(n):
        if child[child[i].turned].listed:
            continue
        stack[0] = child[i].turned
        depth = 1
        while depth > 0:
            task, missing = stack[depth - 1], -1
            for j in range(link[side * n + task].before, link[side * n + task].before_end):
                if not child[arc[j].task].listed:
                    missing = arc[j].task
                    break
            if missing >= 0:
                stack[depth] = missing
                depth += 1
            else:
                depth -= 1
                child[task].listed = 1
                child[filled].task = task
                filled += 1


@step
def cross_lists(father, mother, first, until, child):
    """Two-point crossover: ``first`` tasks as in ``mother``, to position ``until`` as in ``father``, then ``mother``.

    Every part takes the tasks not listed yet in the order of its parent, so that the child puts tasks behind those
    before them if both parents do. ``listed`` is left 1 for tasks from ``mother``, 2 for those from ``father``.
    O(tasks). Source: Hartmann (1998), Naval Research Logistics 45, 733-750.
    """
    n = child.size
    for task in range(n):
        child[task].listed = 0
    for i in range(first):
        child[i].task = mother[i].task
        child[mother[i].task].listed = 1
    filled, i = first, 0
    while filled < until:
        task = father[i].task
        i += 1
        if child[task].listed == 0:
            child[task].listed = 2
            child[filled].task = task
            filled += 1
    i = first
    while filled < n:
        task = mother[i].task
        i += 1
        if child[task].listed == 0:
            child[task].listed = 1
            child[filled].task = task
            filled += 1


@step
def swap_neighbours(link, arc, side, chance, rng, child):
    """Swap neighbours in the list, each pair with ``chance`` per 10,000 unless an arc joins them. O(tasks + arcs)."""
    n = child.size
    for i in range(n - 1):
        if below(rng, PER_TEN_THOUSAND) >= chance:
            continue
        if _is_free(link, arc, side * n + child[i + 1].task, child[i].task):
            child[i].task, child[i + 1].task = child[i + 1].task, child[i].task


@step
def shuffle_stretch(link, arc, side, first, until, rng, child):
    """Disorder the list from position ``first`` to ``until`` - 1: in each of SWEEPS passes every pair of neighbours
    changes places with an even chance, unless an arc joins them. O(stretch x arcs of a task)."""
    n = child.size
    for _ in range(SWEEPS):
        for i in range(first, until - 1):
            if below(rng, 2) and _is_free(link, arc, side * n + child[i + 1].task, child[i].task):
                child[i].task, child[i + 1].task = child[i + 1].task, child[i].task


@step
def mark_of(child, mode):
    """A number of 64 bits that tells lists with their times and modes apart, equal for equal ones. O(tasks)."""
    mark = np.uint64(0)
    for task in range(mode.size):
        mark = (mark ^ np.uint64(child[task].time)) * _MIX
        mark = (mark ^ (mark >> _HALF) ^ np.uint64(mode[task])) * _MIX
    return mark


@inlined
def _is_free(link, arc, following, task):
    """Whether no arc leads from ``task`` to the task of entry ``following``."""
    is_free = True
    for j in range(link[following].before, link[following].before_end):
        is_free = is_free and arc[j].task != task
    return is_free


@step
def busiest_positions(row, duration, load, share, bucket):
    """Positions of the tasks that start in the stretch of ``share`` per cent of the time that does most work.

    ``row`` (num_tasks,) of ENTRY; ``load`` (num_modes,) is the part of the capacities that a mode uses while it runs.
    Returns the first position and the one behind the last. Time is cut into at most 4 pieces per task; O(tasks).
    Source of the choice by work: Debels and Vanhoucke (2007), Operations Research 55, 457-469.
    """
    n, last, shift = row.size, 0, 0
    for task in range(n):
        last = max(last, row[task].time + duration[row[task].mode])
    while (last >> shift) >= bucket.size - 1:
        shift += 1
    buckets = (last >> shift) + 1
    for b in range(buckets + 1):
        bucket[b] = 0
    for task in range(n):
        m, time = row[task].mode, row[task].time
        bucket[time >> shift] += load[m]
        bucket[(time + duration[m]) >> shift] -= load[m]
    for b in range(buckets - 1):
        bucket[b + 1] += bucket[b]
    width = max(1, buckets * share // 100)
    total = 0
    for b in range(width):
        total += bucket[b]
    most, begin = total, 0
    for b in range(width, buckets):
        total += bucket[b] - bucket[b - width]
        if total > most:
            most, begin = total, b - width + 1
    first = 0
    while first < n and (row[row[first].task].time >> shift) < begin:
        first += 1
    until = first
    while until < n and (row[row[until].task].time >> shift) < begin + width:
        until += 1
    return first, until
