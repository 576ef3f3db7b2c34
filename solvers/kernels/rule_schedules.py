"""Whole schedules by priority rules: many plays in one call, in slices that stop and resume anywhere."""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import inlined, kernel, step
from makespan.solvers.kernels.dispatch import advance, begin, choose
from makespan.solvers.kernels.expressions import rate_candidates
from makespan.solvers.kernels.priority import EXPRESSION, RANDOM
from makespan.solvers.kernels.random import below, next_bits, seed_stream
from makespan.solvers.kernels.shop_layout import (
    CHOICE,
    END,
    JOB_DUE,
    JOB_PTR,
    JOB_RELEASE,
    JOB_SIZE,
    JOB_WEIGHT,
    JOBS,
    LATE,
    MODE,
    NUM_JOBS,
    NUM_OBJECTIVES,
    OBJECTIVE,
    READY,
    REAL_JOBS,
    START,
    TASK_DUE,
    TASK_RELEASE,
    TASK_WEIGHT,
    UNFINISHED,
)
from makespan.solvers.kernels.tournament import NEVER

PLAY_KIND, PLAY_ROW, PLAY_SCHEME, PLAY_DELTA, PLAY_GREED = range(5)
"""Columns of the table of plays: kind of rule, row of ``keys``, scheme, delta and greed in per cent."""

NEXT, BEGUN, BEST, FIRST = range(4)
"""Places in ``progress``: the schedule to make, whether it is begun, which one is the best so far (-1: none), and the
number of the first sample."""

HORIZON_LIMIT = 2**53
MAKESPAN = np.int64(0)
KEY_SHIFT = np.uint64(2)


@step
def objective_value(shop, state, name):
    """One objective, a position in ``instance.OBJECTIVES``, of a finished schedule. O(operations)."""
    makespan, tardiness, weighted, flow = 0, 0, 0, 0
    lateness = -NEVER
    for j in range(shop[NUM_JOBS]):
        first, stop = shop[shop[JOB_PTR] + j], shop[shop[JOB_PTR] + j + 1]
        done = state[state[JOBS] + JOB_SIZE * j + READY]
        makespan = max(makespan, done)
        if name == 0:
            continue
        if shop[shop[JOB_DUE] + j] < HORIZON_LIMIT:
            late = done - shop[shop[JOB_DUE] + j]
            tardiness += max(0, late)
            weighted += max(0, late) * shop[shop[JOB_WEIGHT] + j]
            lateness = max(lateness, late)
        if j < shop[REAL_JOBS] and stop > first:
            flow += done - shop[shop[JOB_RELEASE] + j]
        for op in range(first, stop):
            end = state[state[END] + op]
            if shop[shop[TASK_DUE] + op] < HORIZON_LIMIT:
                late = end - shop[shop[TASK_DUE] + op]
                tardiness += max(0, late)
                weighted += max(0, late) * shop[shop[TASK_WEIGHT] + op]
                lateness = max(lateness, late)
            if j >= shop[REAL_JOBS]:
                flow += end - shop[shop[TASK_RELEASE] + op]
    if name == 0:
        return makespan
    if name == 1:
        return tardiness
    if name == 2:
        return weighted
    return lateness if name == 3 else flow


@step
def keep_if_better(shop, state, best_value, best_start, best_mode):
    """Copy the schedule if it comes before the best in the lexicographic order of the objectives; returns whether."""
    better = False
    for i in range(shop[NUM_OBJECTIVES]):
        value = objective_value(shop, state, shop[shop[OBJECTIVE] + i])
        if not better and value > best_value[i]:
            return False
        better = better or value < best_value[i]
        best_value[i] = value if better else best_value[i]
    if better:
        for op in range(best_start.size):
            best_start[op] = state[state[START] + op]
            best_mode[op] = state[state[MODE] + op]
    return better


@inlined
def draw_rank(random, greed):
    """0 with a chance of ``greed`` per cent, else 1 with that chance, else 2, …"""
    rank = 0
    while greed < 100 and below(random, 100) >= greed:
        rank += 1
    return rank


@kernel
def play_rules(
    shop, rule, keys, state, plays, seed, random, progress, value, best_value, best_start, best_mode, decisions, until
):
    """Make schedules until number ``until`` is reached or ``decisions`` are taken; returns whether it is reached.

    Schedule i is sample FIRST + ``i // num_plays`` of play ``i % num_plays``. ``value`` (num_samples, num_plays)
    receives its first objective, NEVER if it cannot be completed or misses a deadline or a fixed start. Sample 0
    follows the rule, later ones take a later candidate now and then; the random numbers of a sample depend on ``seed``
    and its number alone. ``state``, ``random`` (1,) uint64 and ``progress`` (4,) carry a schedule over from call to
    call; the best one lies in ``best_value`` (num_objectives,), ``best_start`` and ``best_mode`` (num_operations,).
    """
    num_plays = value.shape[1]
    while progress[NEXT] < until:
        if decisions <= 0:
            return False
        row, number = progress[NEXT] // num_plays, progress[NEXT] % num_plays
        sample = progress[FIRST] + row
        play, key = plays[number], keys[plays[number, PLAY_ROW]]
        greed = play[PLAY_GREED] if sample > 0 else 100
        if progress[BEGUN] == 0:
            seed_stream(random, seed, sample)
            if play[PLAY_KIND] == RANDOM:
                for mode in range(key.size):
                    key[mode] = np.int64(next_bits(random) >> KEY_SHIFT)
            begin(shop, rule, key, state, play[PLAY_SCHEME], play[PLAY_DELTA], play[PLAY_KIND])
            progress[BEGUN] = 1
        stuck = False
        while state[UNFINISHED] > 0 and decisions > 0 and not stuck:
            if play[PLAY_KIND] == EXPRESSION:
                rate_candidates(shop, rule, key, state)
            j = choose(shop, state, draw_rank(random, greed))
            stuck = j < 0 or advance(shop, rule, key, state, j, state[state[JOBS] + JOB_SIZE * j + CHOICE]) == NEVER
            decisions -= 1
        if state[UNFINISHED] > 0 and not stuck:
            return False
        if stuck or state[LATE] > 0 or objective_value(shop, state, MAKESPAN) > HORIZON_LIMIT:
            value[row, number] = NEVER
        else:
            value[row, number] = objective_value(shop, state, shop[shop[OBJECTIVE]])
            if keep_if_better(shop, state, best_value, best_start, best_mode):
                progress[BEST] = progress[NEXT]
        progress[BEGUN] = 0
        progress[NEXT] += 1
    return True
