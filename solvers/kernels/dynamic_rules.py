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
    job_at,
    operation_at,
)
from makespan.solvers.kernels.tournament import NEVER

FIFO, LIFO, SPT, LPT, MWKR, LWKR, MOPNR, LOPNR, EDD, SLACK, RANDOM = range(11)


@step
def rule_priority(state, j, kind):
    """Priority of job ``j``, of which the least goes first."""
    job = job_at(state, j)
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


@kernel
def first_by_rule_rows(shops, rows, first, last, kind, noise, seed, state, job, count, action):
    """``action[i]`` becomes the candidate of row ``rows[i]`` that the rule takes, the first of several; 0 if none.

    RANDOM draws from (noise, seed of the row, decision). A wait is no rule's choice.
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
                value = rule_priority(state[r], job[r, c], kind)
                if value < least:
                    best, least = c, value
        action[i] = best
