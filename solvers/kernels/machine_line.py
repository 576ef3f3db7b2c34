"""The line of operations on one machine: when the next one can start, with setups and calendars, and where it goes."""

from __future__ import annotations

from makespan.solvers.kernels import inlined, step
from makespan.solvers.kernels.machine_calendar import run_unbroken, run_with_pauses
from makespan.solvers.kernels.shop_layout import (
    ALWAYS_OPEN,
    BLOCK_END,
    BLOCK_MODE,
    BLOCK_SIZE,
    BLOCK_START,
    CURSOR,
    DURATION,
    FAMILY,
    FIRST_FAMILY,
    FREE,
    INSERTION,
    LINE_PTR,
    LINES,
    MACHINE,
    MACHINE_SIZE,
    MACHINES,
    NUM_FAMILIES,
    NUM_MACHINES,
    PAUSABLE,
    PERIOD,
    SCHEME,
    SETUP_TIME,
    SIZE,
    TRANSPORT,
    WINDOW_BEGIN,
    WINDOW_END,
    WINDOW_PTR,
)
from makespan.solvers.kernels.tournament import NEVER


@inlined
def setup_before(shop, last, mode):
    """Setup from mode ``last``, or from the first family of the machine if it is -1."""
    if last < 0:
        before = shop[shop[FIRST_FAMILY] + shop[shop[MACHINE] + mode]]
    else:
        before = shop[shop[FAMILY] + last]
    family = shop[shop[FAMILY] + mode]
    if before < 0 or family < 0:
        return 0
    return shop[shop[SETUP_TIME] + before * shop[NUM_FAMILIES] + family]


@inlined
def travel(shop, origin, k):
    """Transport time between two machines, 0 where one of them is -1."""
    if shop[TRANSPORT] == 0 or origin < 0 or k < 0:
        return 0
    return shop[shop[TRANSPORT] + origin * shop[NUM_MACHINES] + k]


@step
def run_on(shop, k, op, start, duration):
    """Start and end on machine ``k`` from ``start`` on as its calendar allows, NEVER if it stays closed."""
    if shop[ALWAYS_OPEN] == 0 or duration == 0 or shop[shop[ALWAYS_OPEN] + k]:
        return start, start + duration
    first, stop = shop[shop[WINDOW_PTR] + k], shop[shop[WINDOW_PTR] + k + 1]
    if first == stop:
        return NEVER, NEVER
    begin = shop[shop[WINDOW_BEGIN] + first : shop[WINDOW_BEGIN] + stop]
    until = shop[shop[WINDOW_END] + first : shop[WINDOW_END] + stop]
    period = shop[shop[PERIOD] + k]
    if shop[PAUSABLE] and shop[shop[PAUSABLE] + op]:
        return run_with_pauses(begin, until, period, start, duration)
    return run_unbroken(begin, until, period, start, duration)


@step
def first_place(state, line, size, ready):
    """The first place on a line whose block starts at ``ready`` or later. O(log size)."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if state[line + BLOCK_SIZE * middle + BLOCK_START] < ready:
            low = middle + 1
        else:
            high = middle
    return low


@step
def earliest(shop, state, op, mode, ready):
    """Where a mode fits first from ``ready`` on: start, end and place on its machine's line.

    In INSERTION in any gap, otherwise behind the cursor. Start and end are NEVER if the machine stays closed.
    """
    k = shop[shop[MACHINE] + mode]
    duration = shop[shop[DURATION] + mode]
    machine = state[MACHINES] + MACHINE_SIZE * k
    line = state[LINES] + BLOCK_SIZE * shop[shop[LINE_PTR] + k]
    size, place = state[machine + SIZE], state[machine + CURSOR]
    ready = max(ready, state[machine + FREE])
    setups = shop[SETUP_TIME] > 0
    if setups and duration == 0:
        return ready, ready, place
    if state[SCHEME] == INSERTION:
        place = first_place(state, line, size, ready)
    while True:
        before = line + BLOCK_SIZE * (place - 1)
        free = state[before + BLOCK_END] if place > 0 else 0
        if setups:
            free += setup_before(shop, state[before + BLOCK_MODE] if place > 0 else -1, mode)
        start, end = run_on(shop, k, op, max(ready, free), duration)
        if place == size or start == NEVER:
            return start, end, place
        after = before + BLOCK_SIZE
        gap = setup_before(shop, mode, state[after + BLOCK_MODE]) if setups else 0
        if end + gap <= state[after + BLOCK_START]:
            return start, end, place
        place += 1


@inlined
def put_on_line(shop, state, k, place, mode, start, end):
    """Insert a block into the line of machine ``k``; those behind it move up by one place."""
    size = state[MACHINES] + MACHINE_SIZE * k + SIZE
    line = state[LINES] + BLOCK_SIZE * shop[shop[LINE_PTR] + k]
    block = line + BLOCK_SIZE * place
    for i in range(line + BLOCK_SIZE * state[size] - 1, block - 1, -1):
        state[i + BLOCK_SIZE] = state[i]
    state[block + BLOCK_START] = start
    state[block + BLOCK_END] = end
    state[block + BLOCK_MODE] = mode
    state[size] += 1
