"""Priorities of waiting operations, as integers of which the least goes first.

``STATIC`` rules are known before the schedule is built; the others depend on when the operation could start, and an
``EXPRESSION`` may also depend on who else waits: it is rated at each decision (``expressions``). Fractions and
logarithms are integers in units of 2**-20 (``fixed_point``).
"""

from __future__ import annotations

from makespan.solvers.kernels import step
from makespan.solvers.kernels.fixed_point import FRACTION_BITS, LOG2_E, log2, ratio

STATIC, RANDOM, FIFO, LIFO, SLACK, SLACK_PER_OPERATION, ATC, COVERT, EXPRESSION = range(9)

ATC_LOOK_AHEAD, COVERT_LOOK_AHEAD, WAIT_PER_WORK = 3, 2, 2
"""Scaling of the slack, and expected waiting as a multiple of processing: Vepsalainen and Morton (1987)."""

FAR, WEIGHTLESS, NO_URGENCY = 1 << 40, 1 << 45, 1 << 50
"""Delays are cut there; what jobs of weight 0 are divided by; what jobs are that would be in time anyway."""


# The array ``rule``: a header with the mean duration (>= 1) and where fields per operation lie: the latest end that
# meets all due dates from it on, the work after it, the number of operations from it on; for expressions also the work
# before it, due date and weight, and by how many bits times are shifted.
MEAN_DURATION, LATEST_END, REST, OPERATIONS_LEFT, BEFORE, DUE, WEIGHT, UNIT, RULE_HEADER = range(9)


@step
def priority(rule, key, kind, op, mode, duration, arrived, start):
    """Priority of an operation that can be at its machine at ``arrived`` and can start at ``start``.

    ``key`` (num_modes,): the priority of STATIC and RANDOM rules, log2(duration / weight) for ATC and COVERT. ``rule``
    is read by SLACK to COVERT. 0 for an EXPRESSION.
    """
    if kind <= RANDOM:
        return key[mode]
    if kind == EXPRESSION:
        return 0
    if kind == FIFO:
        return arrived
    if kind == LIFO:
        return -arrived
    slack = rule[rule[LATEST_END] + op] - start - duration
    if kind == SLACK:
        return slack
    if kind == SLACK_PER_OPERATION:
        return ratio(slack, rule[rule[OPERATIONS_LEFT] + op])
    if kind == ATC:
        spare = max(0, slack - WAIT_PER_WORK * rule[rule[REST] + op])
        delay = min(ratio(spare, ATC_LOOK_AHEAD * rule[MEAN_DURATION]), FAR)
        return key[mode] + ((delay * LOG2_E) >> FRACTION_BITS)
    worst = COVERT_LOOK_AHEAD * WAIT_PER_WORK * max(1, duration + rule[rule[REST] + op])
    urgent = worst - max(0, slack)
    if urgent <= 0:
        return NO_URGENCY
    return key[mode] + log2(worst) - log2(urgent)
