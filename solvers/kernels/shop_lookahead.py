"""What every candidate of a shop in the making would lead to, as bounds on the machines and jobs one step ahead.

If a candidate is taken, what else is left for its machine starts no earlier than its end, and so does all that follows
there in the same jobs. Each machine then has a bound: over the operations with the longest tails, for any number of
them, the least head, their durations and the least tail. Every operation counts in its shortest mode.
"""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import inlined, kernel, step
from makespan.solvers.kernels.shop_features import BOUND, MEAN_DURATION, run_of, shortest_mode, times
from makespan.solvers.kernels.shop_layout import (
    JOB_PTR,
    JOB_SIZE,
    JOBS,
    MACHINE,
    NUM_JOBS,
    NUM_MACHINES,
    OP,
)
from makespan.solvers.kernels.shop_measures import lower_bound, next_from
from makespan.solvers.kernels.tournament import NEVER

OWN, WORST, TOTAL, PUSHED, LATER, QUEUE, OUTLOOKS = range(7)
"""What is known of a candidate one step ahead: the bound of its machine, the largest of all machines and jobs, the sum
over the machines, the sum of the delays of other jobs, the bound of the machine that its job needs next, and how many
operations could be there by its end."""

FIRST_COLUMN = 19
"""Behind the columns of ``shop_features.candidate_features``."""


@inlined
def next_operation(state, j):
    return state[state[JOBS] + JOB_SIZE * j + OP]


@step
def find_heads(shop, rest, state, head):
    """``head[op]`` becomes the start of each operation that is not placed if its job never waits again."""
    for j in range(shop[NUM_JOBS]):
        op, stop = next_operation(state, j), shop[shop[JOB_PTR] + j + 1]
        if op < stop:
            start = next_from(shop, state, j)
            for o in range(op, stop):
                head[o] = start + rest[op] - rest[o]


@step
def look_ahead(shop, rest, state, line, line_job, line_ptr, head, delay, since, j, m, outlook):
    """Fill ``outlook`` for mode ``m`` of the next operation of job ``j``. O(operations that are not placed).

    ``line[line_ptr[k]:line_ptr[k + 1]]``: the operations whose shortest mode is on machine k, by falling tail, and
    ``line_job`` their jobs. ``delay`` and ``since`` (jobs,) are scratch.
    """
    own, stop = next_operation(state, j), shop[shop[JOB_PTR] + j + 1]
    _, _, end = run_of(shop, state, j, m)
    k, following = shop[shop[MACHINE] + m], np.int64(-1)
    if own + 1 < stop:
        following = shop[shop[MACHINE] + shortest_mode(shop, own + 1)]
    delay[:] = 0
    outlook[:] = 0
    after = rest[own + 1] if own + 1 < stop else 0
    delay[j], since[j] = end - head[own] - (rest[own] - after), own + 1
    if k >= 0:
        for i in range(line_ptr[k], line_ptr[k + 1]):
            o, job = line[i], line_job[i]
            if job != j and o >= next_operation(state, job) and end - head[o] > delay[job]:
                delay[job], since[job] = end - head[o], o
    for job in range(shop[NUM_JOBS]):
        if job != j:
            outlook[PUSHED] += delay[job]
    outlook[WORST] = end + after
    for q in range(shop[NUM_MACHINES]):
        least, work, bound, last = NEVER, np.int64(0), np.int64(0), np.int64(0)
        for i in range(line_ptr[q], line_ptr[q + 1]):
            o, job = line[i], line_job[i]
            if o < next_operation(state, job) or o == own:
                continue
            tail = rest[o + 1] if o + 1 < shop[shop[JOB_PTR] + job + 1] else 0
            start = head[o]
            if o >= since[job]:
                start += delay[job]
            if q == following and start <= end:
                outlook[QUEUE] += 1
            if tail < last:  # operations of equal tails count together, in whatever order they lie
                bound = max(bound, least + work + last)
            least, last = min(least, start), tail
            work += rest[o] - tail
            bound = max(bound, start + rest[o])
        if least < NEVER:
            bound = max(bound, least + work + last)
        outlook[WORST] = max(outlook[WORST], bound)
        outlook[TOTAL] += bound
        if q == k:
            outlook[OWN] = max(bound, end)
        if q == following:
            outlook[LATER] = bound


@step
def lookahead_features(shop, rest, scale, state, left, line, line_job, line_ptr, scratch, count, job, mode, out):
    """Candidate i fills ``out[i, FIRST_COLUMN:]``. O(candidates x operations that are not placed).

    ``scratch``: heads (operations,), delays and since when (jobs,), and (width, OUTLOOKS).
    """
    head, delay, since, outlook = scratch
    find_heads(shop, rest, state, head)
    least_own, least_worst, least_total = NEVER, NEVER, NEVER
    for i in range(count):
        if job[i] >= 0:
            look_ahead(shop, rest, state, line, line_job, line_ptr, head, delay, since, job[i], mode[i], outlook[i])
            least_own = min(least_own, outlook[i, OWN])
            least_worst = min(least_worst, outlook[i, WORST])
            least_total = min(least_total, outlook[i, TOTAL])
    by_bound = 1.0 / max(1, lower_bound(shop, rest, state, left))
    by_mean, by_largest = 1.0 / scale[MEAN_DURATION], 1.0 / scale[BOUND]
    by_jobs, by_machines = 1.0 / shop[NUM_JOBS], 1.0 / max(1, shop[NUM_MACHINES])
    for i in range(count):
        row = out[i]
        row[FIRST_COLUMN:] = 0
        if job[i] < 0:
            continue
        row[FIRST_COLUMN] = times(outlook[i, OWN], by_bound)
        row[FIRST_COLUMN + 1] = times(outlook[i, OWN] - least_own, by_mean)
        row[FIRST_COLUMN + 2] = times(outlook[i, WORST], by_bound)
        row[FIRST_COLUMN + 3] = times(outlook[i, WORST] - least_worst, by_mean)
        row[FIRST_COLUMN + 4] = times(outlook[i, TOTAL] - least_total, by_mean * by_machines)
        row[FIRST_COLUMN + 5] = times(outlook[i, PUSHED], by_largest * by_jobs)
        row[FIRST_COLUMN + 6] = times(outlook[i, LATER], by_bound)
        row[FIRST_COLUMN + 7] = times(outlook[i, QUEUE], by_jobs)


@kernel
def lookahead_rows(
    shops, rows, first, last, which, state, left, job, mode, count, line, line_job, line_ptr, line_shop, head, delay,
    since, outlook, out,
):  # fmt: skip
    """Candidate c of row ``rows[i]`` fills ``out[i, c, FIRST_COLUMN:]``; the rest of ``out`` is left alone.

    The line pointers of shop s begin at ``line_shop[s]``. ``head``, ``delay``, ``since`` and ``outlook`` are scratch
    with a row for each row of the batch.
    """
    for i in range(first, last):
        r, s = rows[i], which[rows[i]]
        shop = shops.shop[shops.shop_ptr[s] : shops.shop_ptr[s + 1]]
        rest = shops.rest[shops.operation_ptr[s] : shops.operation_ptr[s + 1]]
        scratch = head[r], delay[r], since[r], outlook[r]
        lookahead_features(
            shop, rest, shops.scale[s], state[r], left[r], line, line_job, line_ptr[line_shop[s] :], scratch,
            count[r], job[r], mode[r], out[i],
        )  # fmt: skip
