"""Priority rules in a simulated shop: which candidate goes first."""

from __future__ import annotations

from makespan.solvers.kernels import kernel, step
from makespan.solvers.kernels.dynamic_draws import CHANCE_BITS, CHOICE, chance
from makespan.solvers.kernels.dynamic_layout import (
    CLOCK,
    DECISIONS,
    DUE,
    LENGTH,
    OP_PLANNED,
    READY,
    REST,
    STEP,
    WEIGHT,
    job_at,
    operation_at,
)
from makespan.solvers.kernels.fixed_point import FRACTION_BITS, LOG2_E, log2, ratio
from makespan.solvers.kernels.priority import (
    ATC_LOOK_AHEAD,
    COVERT_LOOK_AHEAD,
    FAR,
    NO_URGENCY,
    WAIT_PER_WORK,
    WEIGHTLESS,
)
from makespan.solvers.kernels.tournament import NEVER

FIFO, LIFO, SPT, LPT, MWKR, LWKR, MOPNR, LOPNR, EDD, SLACK, RANDOM, ATC, COVERT = range(13)


@step
def rule_priority(state, j, kind, mean):
    """Priority of job ``j``, of which the least goes first; ``mean`` (>= 1): of planned durations, for ATC."""
    job = job_at(state, j)
    if kind >= ATC:
        return _cost_over_time(state, j, kind, mean)
    if kind == FIFO:
        return state[job + READY]
    if kind == LIFO:
        return -state[job + READY]
    if kind == SPT:
        return state[operation_at(state, j, state[job + STEP]) + OP_PLANNED]
    if kind == LPT:
        return -state[operation_at(state, j, state[job + STEP]) + OP_PLANNED]
    if kind == MWKR:
        return -state[job + REST]
    if kind == LWKR:
        return state[job + REST]
    left = state[job + LENGTH] - state[job + STEP]
    if kind == MOPNR:
        return -left
    if kind == LOPNR:
        return left
    if kind == EDD:
        return state[job + DUE]
    return state[job + DUE] - state[CLOCK] - state[job + REST]


@step
def _cost_over_time(state, j, kind, mean):
    """ATC and COVERT as in ``priority.py``: the logarithm of what they divide by, in units of 2**-20."""
    job = job_at(state, j)
    duration, weight = state[operation_at(state, j, state[job + STEP]) + OP_PLANNED], state[job + WEIGHT]
    key = log2(max(1, duration)) - log2(weight) if weight > 0 else WEIGHTLESS
    slack = state[job + DUE] - state[CLOCK] - state[job + REST]
    if kind == ATC:
        spare = max(0, slack - WAIT_PER_WORK * (state[job + REST] - duration))
        delay = min(ratio(spare, ATC_LOOK_AHEAD * mean), FAR)
        return key + ((delay * LOG2_E) >> FRACTION_BITS)
    worst = COVERT_LOOK_AHEAD * WAIT_PER_WORK * max(1, state[job + REST])
    urgent = worst - max(0, slack)
    if urgent <= 0:
        return NO_URGENCY
    return key + log2(worst) - log2(urgent)


@kernel
def first_by_rule_rows(shops, rows, first, last, kind, noise, mean, seed, state, job, count, action):
    """``action[i]`` becomes the candidate of row ``rows[i]`` that the rule takes, the first of several; 0 if none.

    ``mean`` (rows,): mean planned duration of the shop, at least 1. RANDOM draws from (noise, seed of the row,
    decision). A wait is no rule's choice.
    """
    for i in range(first, last):
        r = rows[i]
        best, least = 0, NEVER
        jobs = count[r]
        if jobs > 0 and job[r, jobs - 1] < 0:
            jobs -= 1
        if kind == RANDOM:
            best = (chance(noise, CHOICE, seed[r], state[r, DECISIONS]) * jobs) >> CHANCE_BITS
        else:
            for c in range(jobs):
                value = rule_priority(state[r], job[r, c], kind, mean[r])
                if value < least:
                    best, least = c, value
        action[i] = best
