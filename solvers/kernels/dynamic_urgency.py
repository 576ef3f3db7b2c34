"""Features of candidates in a simulated shop that say what priority rules think of them."""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import inlined, kernel
from makespan.solvers.kernels.dynamic_begin import NO_DUE
from makespan.solvers.kernels.dynamic_features import MEAN_DURATION
from makespan.solvers.kernels.dynamic_layout import CLOCK, DUE, OP_PLANNED, REST, STEP, job_at, operation_at
from makespan.solvers.kernels.dynamic_rules import ATC, COVERT, rule_priority
from makespan.solvers.kernels.fixed_point import FRACTION_BITS
from makespan.solvers.kernels.tournament import NEVER

RULES, RULE_COLUMNS = (ATC, COVERT), 2
MOST_DOUBLINGS, MOST_RATIO = 8.0, 4.0


@inlined
def signed_log(value):
    """log2(1 + |value|) with the sign of ``value``."""
    return np.float32(np.sign(value) * np.log2(1 + abs(value)))


@kernel
def urgency_features_rows(shops, rows, first, last, which, state, job, count, column, out):
    """Candidate c of row r = ``rows[i]`` fills ``out[i, c]`` from ``column`` on; a wait leaves zeros.

    O(candidates x rules).
    """
    for i in range(first, last):
        r = rows[i]
        own, scale = state[r], shops.scale[which[r]]
        mean = max(np.int64(1), np.int64(scale[MEAN_DURATION]))
        jobs = count[r]
        if jobs > 0 and job[r, jobs - 1] < 0:
            jobs -= 1
            out[i, jobs, column:] = 0
        shortest = NEVER
        for c in range(jobs):
            op = operation_at(own, job[r, c], own[job_at(own, job[r, c]) + STEP])
            shortest = min(shortest, own[op + OP_PLANNED])
        for rule in range(RULE_COLUMNS):
            least = NEVER
            for c in range(jobs):
                least = min(least, rule_priority(own, job[r, c], RULES[rule], mean))
            for c in range(jobs):
                behind = (rule_priority(own, job[r, c], RULES[rule], mean) - least) / (1 << FRACTION_BITS)
                out[i, c, column + rule] = min(MOST_DOUBLINGS, behind)
        for c in range(jobs):
            place = job_at(own, job[r, c])
            op = operation_at(own, job[r, c], own[place + STEP])
            row = out[i, c, column + RULE_COLUMNS :]
            row[0] = np.log2((1 + own[op + OP_PLANNED]) / (1 + shortest))
            row[1], row[2] = MOST_RATIO, signed_log(np.float64(own[place + REST]) / mean)
            row[3] = MOST_DOUBLINGS
            if own[place + DUE] < NO_DUE:
                slack = own[place + DUE] - own[CLOCK] - own[place + REST]
                row[1] = max(-MOST_RATIO, min(MOST_RATIO, slack / max(1, own[place + REST])))
                row[3] = signed_log(slack / mean)
