"""What can be said of a shop in the making, row by row: bounds on its final value that grow with every decision.

Each measure is a number that starts at a bound for the empty schedule, never falls while the schedule grows, and ends
at the value of the finished one. Rewards are the differences.
"""

from __future__ import annotations

from makespan.solvers.kernels import inlined, kernel, step
from makespan.solvers.kernels.shop_layout import (
    BLOCK_END,
    BLOCK_SIZE,
    CHOICE,
    CHOICE_START,
    CURSOR,
    END,
    FREE,
    GIFFLER_THOMPSON,
    JOB_DUE,
    JOB_PTR,
    JOB_RELEASE,
    JOB_SIZE,
    JOB_WEIGHT,
    JOBS,
    LAZY,
    LINE_PTR,
    LINES,
    MACHINE,
    MACHINE_SIZE,
    MACHINES,
    MODE_PTR,
    NUM_FIXED,
    NUM_JOBS,
    NUM_MACHINES,
    NUM_MODES,
    NUM_OPERATIONS,
    OP,
    PLAIN,
    READY,
    REAL_JOBS,
    RELEASE,
    SCHEME,
    START,
    TASK_DUE,
    TASK_RELEASE,
    TASK_WEIGHT,
)
from makespan.solvers.kernels.tournament import NEVER

LOWER_BOUND, MAKESPAN, WAITING_TIME, TARDINESS, FLOW_TIME = range(5)

HORIZON_LIMIT = 2**53


@inlined
def free_from(shop, state, k):
    """When machine ``k`` is free behind all that was appended to it."""
    at = state[MACHINES] + MACHINE_SIZE * k
    free = state[at + FREE]
    if not state[PLAIN] and state[at + CURSOR] > 0:
        line = state[LINES] + BLOCK_SIZE * shop[shop[LINE_PTR] + k]
        free = max(free, state[line + BLOCK_SIZE * (state[at + CURSOR] - 1) + BLOCK_END])
    return free


@inlined
def next_from(shop, state, j):
    """A time before which the next operation of job ``j`` cannot start, whatever is decided."""
    at = state[JOBS] + JOB_SIZE * j
    op = state[at + OP]
    if shop[shop[MODE_PTR] + op + 1] - shop[shop[MODE_PTR] + op] > 1:
        return max(state[at + READY], shop[shop[RELEASE] + op])
    start = state[at + CHOICE_START]
    if state[LAZY] and state[PLAIN]:
        start = max(start, state[state[MACHINES] + MACHINE_SIZE * shop[shop[MACHINE] + state[at + CHOICE]] + FREE])
    return start


@inlined
def done_from(shop, rest, state, j):
    """A time before which job ``j`` cannot be done; its end if all its operations are placed."""
    at = state[JOBS] + JOB_SIZE * j
    op = state[at + OP]
    if op >= shop[shop[JOB_PTR] + j + 1]:
        return state[at + READY]
    start = next_from(shop, state, j)
    return start if start >= NEVER else start + rest[op]


@step
def lower_bound(shop, rest, state, left):
    """No completion of the row ends before this. O(jobs + machines).

    The jobs, each with what is left of it; and the machines, where nothing can come before what is placed.
    """
    bound = 0
    for j in range(shop[NUM_JOBS]):
        bound = max(bound, done_from(shop, rest, state, j))
    appended = state[SCHEME] >= GIFFLER_THOMPSON or (state[SCHEME] == 0)
    if appended and shop[NUM_MODES] == shop[NUM_OPERATIONS] and shop[NUM_FIXED] == 0:
        for k in range(shop[NUM_MACHINES]):
            if left[k] > 0:
                bound = max(bound, free_from(shop, state, k) + left[k])
    return bound


@step
def measure(shop, rest, state, left, name):
    """One measure of a row. O(jobs + machines), WAITING_TIME and dues of tasks O(operations)."""
    if name == LOWER_BOUND:
        return lower_bound(shop, rest, state, left)
    value = 0
    for j in range(shop[NUM_JOBS]):
        at = state[JOBS] + JOB_SIZE * j
        first, following = shop[shop[JOB_PTR] + j], state[at + OP]
        if name == MAKESPAN:
            value = max(value, state[at + READY])
        elif name == WAITING_TIME:
            before = 0
            for op in range(first, following):
                value += state[state[START] + op] - max(before, shop[shop[RELEASE] + op])
                before = state[state[END] + op]
        elif name == TARDINESS:
            due = shop[shop[JOB_DUE] + j]
            if due < HORIZON_LIMIT:
                value += shop[shop[JOB_WEIGHT] + j] * max(0, done_from(shop, rest, state, j) - due)
            for op in range(first, following):
                if shop[shop[TASK_DUE] + op] < HORIZON_LIMIT:
                    late = state[state[END] + op] - shop[shop[TASK_DUE] + op]
                    value += shop[shop[TASK_WEIGHT] + op] * max(0, late)
        elif j < shop[REAL_JOBS]:
            if shop[shop[JOB_PTR] + j + 1] > first:
                value += done_from(shop, rest, state, j) - shop[shop[JOB_RELEASE] + j]
        else:
            for op in range(first, following):
                value += state[state[END] + op] - shop[shop[TASK_RELEASE] + op]
    return value


@kernel
def measure_rows(shops, rows, first, last, which, state, left, name, value):
    """``value[i]`` becomes measure ``name`` of row ``rows[i]``, for i from ``first`` to ``last`` - 1."""
    for i in range(first, last):
        r, s = rows[i], which[rows[i]]
        shop = shops.shop[shops.shop_ptr[s] : shops.shop_ptr[s + 1]]
        rest = shops.rest[shops.operation_ptr[s] : shops.operation_ptr[s + 1]]
        value[i] = measure(shop, rest, state[r], left[r], name)
