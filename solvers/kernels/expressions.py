"""Priorities by an expression: a small program in postfix form, run for each candidate at each decision.

Values are integers in units of 2**-30, held within +-2**60; products and quotients are rounded towards zero, and what
is divided by zero is the largest value. Times of 2**30 and more are counted in a larger unit first, ``rule[UNIT]``.
"""

from __future__ import annotations

from makespan.solvers.kernels import inlined, step
from makespan.solvers.kernels.dispatch import arrival, conflict
from makespan.solvers.kernels.priority import (
    BEFORE,
    DUE,
    LATEST_END,
    MEAN_DURATION,
    OPERATIONS_LEFT,
    REST,
    UNIT,
    WEIGHT,
)
from makespan.solvers.kernels.shop_layout import (
    BY_JOB,
    CHOICE,
    CHOICE_START,
    DURATION,
    HALF,
    JOB_PTR,
    JOB_SIZE,
    JOBS,
    KEY,
    LINE_PTR,
    MACHINE,
    MACHINE_SIZE,
    MACHINES,
    MODE_PTR,
    NUM_JOBS,
    OP,
    QUEUES,
    TREE,
    WAITING,
)
from makespan.solvers.kernels.tournament import set_leaf

VALUE_BITS = 30
LIMIT = 1 << 60
MOST_TOKENS, MOST_DEPTH = 64, 32
"""Of a program, and of its stack."""

(
    OWN_TIME,  # p
    TIME_AFTER,  # R
    TIME_BEFORE,  # D
    NUM_LEFT,  # n
    NEXT_TIME,  # x
    ARRIVED,  # a
    EARLIEST,  # t
    DUE_DATE,  # d
    SPARE,  # s
    JOB_WEIGHT,  # w
    MEAN_TIME,  # P
    QUEUE,  # Q
    NEXT_QUEUE,  # W
    CONSTANT,  # its value takes the place after it
    ADD,
    SUBTRACT,
    MULTIPLY,
    DIVIDE,
    LEAST,
    LARGEST,
    NEGATE,
) = range(21)
"""Codes of tokens; what each stands for is in ``rule_expressions``."""

PLACES, PROGRAM, STACK = 0, 1, 1 + 2 * MOST_TOKENS
EXPRESSION_SIZE = STACK + MOST_DEPTH
"""The array ``key`` of an expression: how many places its program takes, the program, and its stack."""

_FRACTION = (1 << VALUE_BITS) - 1
_WHOLE_LIMIT = 1 << 30
_SHORT = 1 << 32


@step
def rate_candidates(shop, rule, key, state):
    """Give those that compete for the next decision the value of the expression as their priority.

    O(program x queue), in APPEND and INSERTION O(program x jobs); Q and W cost a look at a queue each time.
    """
    if state[BY_JOB]:
        for j in range(shop[NUM_JOBS]):
            job = state[JOBS] + JOB_SIZE * j
            if state[job + OP] < shop[shop[JOB_PTR] + j + 1]:
                state[job + KEY] = value_of(shop, rule, key, state, j)
                set_leaf(state, state[TREE], state[HALF], j, state[job + KEY])
        return
    k, latest = conflict(shop, state)
    if k < 0:
        return
    first = state[QUEUES] + shop[shop[LINE_PTR] + k]
    for i in range(first, first + state[state[MACHINES] + MACHINE_SIZE * k + WAITING]):
        job = state[JOBS] + JOB_SIZE * state[i]
        if state[job + CHOICE_START] <= latest:
            state[job + KEY] = value_of(shop, rule, key, state, state[i])


@step
def value_of(shop, rule, key, state, j):
    """The value of the program in ``key`` for the next operation of job ``j``."""
    top = STACK
    at, stop = PROGRAM, PROGRAM + key[PLACES]
    while at < stop:
        code = key[at]
        at += 1
        if code == NEGATE:
            key[top - 1] = -key[top - 1]
        elif code >= ADD:
            top -= 1
            key[top - 1] = combined(code, key[top - 1], key[top])
        else:
            if code == CONSTANT:
                key[top] = key[at]
                at += 1
            else:
                key[top] = quantity(shop, rule, state, code, j)
            top += 1
    return key[STACK]


@step
def quantity(shop, rule, state, code, j):
    """What the token ``code`` stands for at the next operation of job ``j``."""
    job = state[JOBS] + JOB_SIZE * j
    op, mode = state[job + OP], state[job + CHOICE]
    if code == NUM_LEFT:
        return held(rule[rule[OPERATIONS_LEFT] + op])
    if code == JOB_WEIGHT:
        return held(rule[rule[WEIGHT] + op])
    last = op + 1 == shop[shop[JOB_PTR] + j + 1]
    duration = shop[shop[DURATION] + mode]
    time = 0
    if code == OWN_TIME:
        time = duration
    elif code == TIME_AFTER:
        time = rule[rule[REST] + op]
    elif code == TIME_BEFORE:
        time = rule[rule[BEFORE] + op]
    elif code == NEXT_TIME:
        time = 0 if last else rule[rule[REST] + op] - rule[rule[REST] + op + 1]
    elif code == ARRIVED:
        time = arrival(shop, state, j, mode)
    elif code == EARLIEST:
        time = state[job + CHOICE_START]
    elif code == DUE_DATE:
        time = rule[rule[DUE] + op]
    elif code == SPARE:
        time = rule[rule[LATEST_END] + op] - state[job + CHOICE_START] - duration
    elif code == MEAN_TIME:
        time = rule[MEAN_DURATION]
    elif code == QUEUE:
        time = work_waiting(shop, state, shop[shop[MACHINE] + mode])
    elif not last:
        time = work_waiting(shop, state, shop[shop[MACHINE] + shop[shop[MODE_PTR] + op + 1]])
    return held(time >> rule[UNIT])


@step
def work_waiting(shop, state, k):
    """Durations of all operations in the queue of machine ``k``, 0 for -1."""
    if k < 0:
        return 0
    work = 0
    first = state[QUEUES] + shop[shop[LINE_PTR] + k]
    for i in range(first, first + state[state[MACHINES] + MACHINE_SIZE * k + WAITING]):
        work += shop[shop[DURATION] + state[state[JOBS] + JOB_SIZE * state[i] + CHOICE]]
    return work


@inlined
def held(amount):
    """A whole number as a value."""
    return max(-_WHOLE_LIMIT, min(_WHOLE_LIMIT, amount)) << VALUE_BITS


@step
def combined(code, a, b):
    """The value of an operator with two operands."""
    if code == ADD:
        return max(-LIMIT, min(LIMIT, a + b))
    if code == SUBTRACT:
        return max(-LIMIT, min(LIMIT, a - b))
    if code == LEAST:
        return min(a, b)
    if code == LARGEST:
        return max(a, b)
    size = product(abs(a), abs(b)) if code == MULTIPLY else quotient(abs(a), abs(b))
    return -size if (a < 0) != (b < 0) else size


@step
def product(a, b):
    """Of values >= 0, in parts, since the whole would not fit."""
    whole_a, whole_b, part_a, part_b = a >> VALUE_BITS, b >> VALUE_BITS, a & _FRACTION, b & _FRACTION
    if whole_a * whole_b >= _WHOLE_LIMIT:
        return LIMIT
    size = ((whole_a * whole_b) << VALUE_BITS) + whole_a * part_b + part_a * whole_b
    return min(LIMIT, size + ((part_a * part_b) >> VALUE_BITS))


@step
def quotient(a, b):
    """Of values >= 0; exact to the last bit. Whole numbers and small divisors take two divisions, others 30 steps."""
    if b == 0:
        return LIMIT
    whole = a // b
    if whole >= _WHOLE_LIMIT:
        return LIMIT
    rest = a - whole * b
    if (rest | b) & _FRACTION == 0:
        rest, b = rest >> VALUE_BITS, b >> VALUE_BITS
    if b < _SHORT:
        return (whole << VALUE_BITS) + (rest << VALUE_BITS) // b
    for _ in range(VALUE_BITS):
        rest <<= 1
        whole <<= 1
        if rest >= b:
            rest -= b
            whole += 1
    return whole
