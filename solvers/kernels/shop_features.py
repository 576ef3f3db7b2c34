"""Features of candidates, operations and machines of shops in the making; the tables stand in ``envs/features.py``."""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import inlined, kernel, step
from makespan.solvers.kernels.dispatch import arrival
from makespan.solvers.kernels.machine_line import earliest
from makespan.solvers.kernels.priority import priority
from makespan.solvers.kernels.shop_layout import (
    CHOICE,
    DURATION,
    END,
    JOB_DUE,
    JOB_PTR,
    JOB_SIZE,
    JOB_WEIGHT,
    JOBS,
    MACHINE,
    MODE_PTR,
    NUM_JOBS,
    NUM_MACHINES,
    NUM_OPERATIONS,
    OP,
    PLAIN,
    READY,
    START,
)
from makespan.solvers.kernels.shop_measures import HORIZON_LIMIT, done_from, free_from, lower_bound, next_from
from makespan.solvers.kernels.tournament import NEVER

BOUND, MEAN_DURATION, LONGEST_JOB, MEAN_WEIGHT = range(4)
"""Columns of ``ShopArena.scale``."""

OTHER_END, OTHERS = 27, 28
"""Columns of features of version 3."""


@inlined
def run_of(shop, state, j, m):
    """When job ``j`` can be at the machine of mode ``m`` of its next operation, and start and end there."""
    arrived = arrival(shop, state, j, m)
    if state[PLAIN]:
        start = max(arrived, free_from(shop, state, shop[shop[MACHINE] + m]))
        return arrived, start, start + shop[shop[DURATION] + m]
    start, end, _ = earliest(shop, state, state[state[JOBS] + JOB_SIZE * j + OP], m, arrived)
    return arrived, start, end


@step
def shortest_mode(shop, op):
    """The mode of an operation with the least duration, the first of several."""
    best = shop[shop[MODE_PTR] + op]
    for m in range(best + 1, shop[shop[MODE_PTR] + op + 1]):
        if shop[shop[DURATION] + m] < shop[shop[DURATION] + best]:
            best = m
    return best


@inlined
def times(value, factor):
    return np.float32(value * factor)


@step
def count_placed(shop, state):
    """Operations that are placed. O(jobs)."""
    placed = 0
    for j in range(shop[NUM_JOBS]):
        placed += state[state[JOBS] + JOB_SIZE * j + OP] - shop[shop[JOB_PTR] + j]
    return placed


@step
def find_clock(shop, state, count, job, mode):
    """The least start of the candidates; the largest end of a job if there is none."""
    clock = NEVER
    for i in range(count):
        if job[i] >= 0:
            _, start, _ = run_of(shop, state, job[i], mode[i])
            clock = min(clock, start)
    if clock == NEVER:
        clock = 0
        for j in range(shop[NUM_JOBS]):
            clock = max(clock, state[state[JOBS] + JOB_SIZE * j + READY])
    return clock


@step
def candidate_features(shop, rest, scale, state, left, queue, run, count, job, mode, place, out):
    """Candidate i fills ``out[place[i]]``, a row of float32 features.

    ``queue`` (machines,) and ``run`` (3 x width,) are scratch. O(candidates + jobs + machines), and in INSERTION the
    search for gaps.
    """
    by_bound = 1.0 / max(1, lower_bound(shop, rest, state, left))
    by_largest, by_mean, by_jobs = 1.0 / scale[BOUND], 1.0 / scale[MEAN_DURATION], 1.0 / shop[NUM_JOBS]
    placed = times(count_placed(shop, state), 1.0 / shop[NUM_OPERATIONS])
    clock, first_end = NEVER, NEVER
    queue[:] = 0
    for i in range(count):
        if job[i] >= 0:
            queue[shop[shop[MACHINE] + mode[i]]] += 1
            arrived, start, end = run_of(shop, state, job[i], mode[i])
            run[3 * i], run[3 * i + 1], run[3 * i + 2] = arrived, start, end
            clock, first_end = min(clock, start), min(first_end, end)
    for i in range(count):
        row, j, m = out[place[i]], job[i], mode[i]
        row[:] = 0
        row[15] = placed
        if j < 0:
            row[18] = 1
            continue
        op = state[state[JOBS] + JOB_SIZE * j + OP]
        stop = shop[shop[JOB_PTR] + j + 1]
        k = shop[shop[MACHINE] + m]
        duration = shop[shop[DURATION] + m]
        arrived, start, end = run[3 * i], run[3 * i + 1], run[3 * i + 2]
        free = free_from(shop, state, k)
        tail = rest[op + 1] if op + 1 < stop else 0
        row[0] = times(duration, by_mean)
        row[1] = times(start - clock, by_mean)
        row[2] = times(end - first_end, by_mean)
        row[3] = times(start - arrived, by_mean)
        row[4] = times(start - free, by_mean)
        row[5] = times(tail, by_largest)
        row[6] = times(stop - op - 1, 1.0 / scale[LONGEST_JOB])
        row[7] = times(end + tail, by_bound)
        row[8] = times(left[k], by_largest)
        row[9] = times(free + left[k], by_bound)
        row[10] = times(queue[k], by_jobs)
        if op + 1 < stop:
            following = shortest_mode(shop, op + 1)
            to = shop[shop[MACHINE] + following]
            row[11] = times(shop[shop[DURATION] + following], by_mean)
            if to >= 0:
                row[12] = times(free_from(shop, state, to) - end, by_mean)
                row[13] = times(left[to], by_largest)
        shortest = shop[shop[DURATION] + shortest_mode(shop, op)]
        row[14] = times(shortest, 1.0 / duration) if duration > 0 else 1
        due = shop[shop[JOB_DUE] + j]
        slack = 1.0
        if due < HORIZON_LIMIT:
            slack = min(1.0, max(-1.0, (due - end - tail) * by_largest))
        row[16] = slack
        row[17] = times(shop[shop[JOB_WEIGHT] + j], 1.0 / scale[MEAN_WEIGHT])


@step
def graph_features(shop, rest, scale, load, state, left, count, job, mode, operation, machine):
    """Fill ``operation`` (num_operations, features) and ``machine`` (num_machines, features), float32.

    O(modes + jobs + machines).
    """
    clock = find_clock(shop, state, count, job, mode)
    by_bound = 1.0 / max(1, lower_bound(shop, rest, state, left))
    by_largest, by_mean = 1.0 / scale[BOUND], 1.0 / scale[MEAN_DURATION]
    by_jobs, by_machines = 1.0 / shop[NUM_JOBS], 1.0 / shop[NUM_MACHINES]
    for k in range(shop[NUM_MACHINES]):
        free = free_from(shop, state, k)
        machine[k, 0] = times(free - clock, by_mean)
        machine[k, 1] = times(left[k], by_largest)
        machine[k, 2] = times(load[k], by_largest)
        machine[k, 3] = times(free + left[k], by_bound)
        machine[k, 4] = 0
    for j in range(shop[NUM_JOBS]):
        at = state[JOBS] + JOB_SIZE * j
        first, following, stop = shop[shop[JOB_PTR] + j], state[at + OP], shop[shop[JOB_PTR] + j + 1]
        whole = times(done_from(shop, rest, state, j), by_bound)
        for op in range(first, following):
            row = operation[op]
            duration = times(state[state[END] + op] - state[state[START] + op], by_mean)
            row[0] = 1
            row[1] = 0
            row[2] = duration
            row[3] = duration
            row[4] = times(state[state[START] + op] - clock, by_largest)
            row[5] = times(rest[op + 1] if op + 1 < stop else 0, by_largest)
            row[6] = whole
            row[7] = times(1, by_machines)
        start = np.int64(0)
        if following < stop:
            start = next_from(shop, state, j)
            k = shop[shop[MACHINE] + state[at + CHOICE]]
            machine[k, 4] += times(1, by_jobs)
        for op in range(following, stop):
            row = operation[op]
            low, high = shop[shop[MODE_PTR] + op], shop[shop[MODE_PTR] + op + 1]
            shortest, total = shop[shop[DURATION] + low], np.int64(0)
            for m in range(low, high):
                shortest = min(shortest, shop[shop[DURATION] + m])
                total += shop[shop[DURATION] + m]
            row[0] = 0
            row[1] = 1 if op == following else 0
            row[2] = times(shortest, by_mean)
            row[3] = times(total / (high - low), by_mean)
            row[4] = times(start - clock, by_largest)
            row[5] = times(rest[op] - shortest, by_largest)
            row[6] = whole
            row[7] = times(high - low, by_machines)
            start += shortest


@kernel
def candidate_features_rows(
    shops, rows, first, last, which, state, left, queue, run, job, mode, count, place, out
):  # fmt: skip
    """Candidate c of row r = ``rows[i]`` fills ``out[i, place[r, c]]``; the rest of ``out`` is left alone."""
    for i in range(first, last):
        r, s = rows[i], which[rows[i]]
        shop = shops.shop[shops.shop_ptr[s] : shops.shop_ptr[s + 1]]
        rest = shops.rest[shops.operation_ptr[s] : shops.operation_ptr[s + 1]]
        candidate_features(
            shop, rest, shops.scale[s], state[r], left[r], queue[r], run[r], count[r], job[r], mode[r], place[r],
            out[i],
        )  # fmt: skip


@kernel
def graph_features_rows(shops, rows, first, last, which, state, left, job, mode, count, operation, machine):
    """``operation[i]`` and ``machine[i]`` become the nodes of row ``rows[i]``; the rest of them is left alone."""
    for i in range(first, last):
        r, s = rows[i], which[rows[i]]
        shop = shops.shop[shops.shop_ptr[s] : shops.shop_ptr[s + 1]]
        rest = shops.rest[shops.operation_ptr[s] : shops.operation_ptr[s + 1]]
        load = shops.load[shops.machine_ptr[s] : shops.machine_ptr[s + 1]]
        graph_features(
            shop, rest, shops.scale[s], load, state[r], left[r], count[r], job[r], mode[r], operation[i], machine[i]
        )  # fmt: skip


@kernel
def first_by_rule_rows(shops, rows, first, last, rule, rule_ptr, keys, kind, which, state, job, mode, count, action):
    """``action[i]`` becomes the candidate of row ``rows[i]`` with the least priority, the first of several; 0 if none.

    ``keys``: ``key`` of ``priority`` for all modes of the arena; ``rule[rule_ptr[s]:rule_ptr[s + 1]]``: its ``rule``
    for shop s. A wait is no rule's choice.
    """
    for i in range(first, last):
        r, s = rows[i], which[rows[i]]
        shop = shops.shop[shops.shop_ptr[s] : shops.shop_ptr[s + 1]]
        key = keys[shops.mode_ptr[s] : shops.mode_ptr[s + 1]]
        own = rule[rule_ptr[s] : rule_ptr[s + 1]]
        action[i] = first_by_rule(shop, own, key, kind, state[r], count[r], job[r], mode[r])


@step
def first_by_rule(shop, rule, key, kind, state, count, job, mode):
    """The candidate of a row with the least priority."""
    best, least = 0, NEVER
    for c in range(count):
        j, m = job[c], mode[c]
        if j < 0:
            continue
        arrived, start, _ = run_of(shop, state, j, m)
        op = state[state[JOBS] + JOB_SIZE * j + OP]
        value = priority(rule, key, kind, op, m, shop[shop[DURATION] + m], arrived, start)
        if value < least:
            best, least = c, value
    return best


@kernel
def starts_rows(shops, rows, first, last, which, state, job, mode, count, start):
    """``start[i, c]`` becomes the start of candidate c of row ``rows[i]``; a wait and the rest are left alone."""
    for i in range(first, last):
        r, s = rows[i], which[rows[i]]
        shop = shops.shop[shops.shop_ptr[s] : shops.shop_ptr[s + 1]]
        for c in range(count[r]):
            if job[r, c] >= 0:
                _, start[i, c], _ = run_of(shop, state[r], job[r, c], mode[r, c])


@kernel
def other_modes_rows(shops, rows, first, last, which, state, job, mode, count, out):
    """Candidate c of row ``rows[i]`` fills columns OTHER_END and OTHERS of ``out[i, c]``. O(candidates x modes)."""
    for i in range(first, last):
        r, s = rows[i], which[rows[i]]
        shop = shops.shop[shops.shop_ptr[s] : shops.shop_ptr[s + 1]]
        by_mean, by_machines = 1.0 / shops.scale[s, MEAN_DURATION], 1.0 / max(1, shop[NUM_MACHINES])
        for c in range(count[r]):
            out[i, c, OTHER_END], out[i, c, OTHERS] = 0, 0
            j = job[r, c]
            if j < 0:
                continue
            op = state[r, state[r, JOBS] + JOB_SIZE * j + OP]
            low, high = shop[shop[MODE_PTR] + op], shop[shop[MODE_PTR] + op + 1]
            least = NEVER
            for m in range(low, high):
                if m != mode[r, c]:
                    _, _, end = run_of(shop, state[r], j, m)
                    least = min(least, end)
            if least < NEVER:
                _, _, end = run_of(shop, state[r], j, mode[r, c])
                out[i, c, OTHER_END] = times(least - end, by_mean)
                out[i, c, OTHERS] = times(high - low - 1, by_machines)
