"""What can be said of a simulated shop: its measures so far, who is called what, when its machines were down."""

from __future__ import annotations

from makespan.solvers.kernels import kernel, step
from makespan.solvers.kernels.dynamic_begin import NO_DUE
from makespan.solvers.kernels.dynamic_draws import breaks_down, repair_time, up_time, work_before_breakdown
from makespan.solvers.kernels.dynamic_layout import (
    CLOCK,
    DUE,
    FLOW,
    LAST_END,
    MOST_REPAIR,
    NOBODY,
    OP_ACTUAL,
    OP_END,
    OP_START,
    ROOM,
    SET_BREAKDOWN,
    SET_INTERRUPT,
    SET_UP_TIME,
    SLOT,
    SLOTS,
    TARDINESS,
    TARDY,
    WAITED,
    WEIGHT,
    job_at,
    operation_at,
)

MAKESPAN, FLOW_TIME, WAITING_TIME, WEIGHTED_TARDINESS, TARDY_JOBS = range(5)


@step
def measure(state, name):
    """One measure of a row at its clock. O(1), tardiness O(places)."""
    if name == MAKESPAN:
        return state[LAST_END]
    if name == FLOW_TIME:
        return state[FLOW]
    if name == WAITING_TIME:
        return state[WAITED]
    value = state[TARDINESS] if name == WEIGHTED_TARDINESS else state[TARDY]
    for i in range(state[SLOTS], state[SLOTS] + state[ROOM]):
        if state[i] != NOBODY:
            job = job_at(state, state[i])
            late = state[CLOCK] - state[job + DUE]
            if state[job + DUE] < NO_DUE and late > 0:
                value += late * state[job + WEIGHT] if name == WEIGHTED_TARDINESS else 1
    return value


@kernel
def measure_rows(shops, rows, first, last, state, name, value):
    """``value[i]`` becomes measure ``name`` of row ``rows[i]``."""
    for i in range(first, last):
        value[i] = measure(state[rows[i]], name)


@kernel
def name_rows(shops, rows, first, last, state, job, count, name, position, mask):
    """A job is called by its place in the shop as long as it is there, a wait by the last number.

    ``name[r, c]`` becomes the name of candidate c of row r = ``rows[i]``, ``position[r, name]`` that c or -1, and
    ``mask[r, name]`` 1 or 0.
    """
    for i in range(first, last):
        r = rows[i]
        position[r, :] = -1
        mask[r, :] = 0
        for c in range(count[r]):
            own = mask.shape[1] - 1
            if job[r, c] >= 0:
                own = state[r, job_at(state[r], job[r, c]) + SLOT]
            name[r, c] = own
            position[r, own] = c
            mask[r, own] = 1


@kernel
def list_breaks(setting, fact, seed, state, k, job, step, begin, end):
    """When machine ``k`` was down up to the clock, drawn again from the seed: fill ``begin`` and ``end``.

    ``job`` and ``step`` name the operations that were started on it, by start. Returns the number of breaks, also where
    ``begin`` has no room for all of them. The last one may end after the clock.
    """
    number, clock = 0, state[CLOCK]
    if setting[SET_BREAKDOWN] > 0:
        for i in range(job.size):
            if breaks_down(seed, job[i], step[i], setting[SET_BREAKDOWN]):
                op = operation_at(state, job[i], step[i])
                fails = state[op + OP_END] if state[op + OP_END] >= 0 else clock + 1
                if setting[SET_INTERRUPT]:
                    fails = state[op + OP_START] + work_before_breakdown(seed, job[i], step[i], state[op + OP_ACTUAL])
                if fails <= clock:
                    if number < begin.size:
                        begin[number] = fails
                        end[number] = fails + repair_time(seed, job[i], step[i], fact[MOST_REPAIR])
                    number += 1
    elif setting[SET_UP_TIME] > 0:
        i, fails = 0, up_time(seed, k, 0, setting[SET_UP_TIME])
        while fails <= clock:
            if not setting[SET_INTERRUPT]:
                fails, i = _end_of_running(state, job, step, i, fails)
                if fails > clock:
                    break
            repaired = fails + repair_time(seed, k, number, fact[MOST_REPAIR])
            if number < begin.size:
                begin[number], end[number] = fails, repaired
            number += 1
            fails = repaired + up_time(seed, k, number, setting[SET_UP_TIME])
    return number


@step
def _end_of_running(state, job, step, i, time):
    """When what runs at ``time``, among operations from the i-th on, ends, ``time`` if nothing does; and where that is.

    What begins at ``time`` itself does not run yet. What has no end ends after the clock.
    """
    while i < job.size:
        op = operation_at(state, job[i], step[i])
        end = state[op + OP_END] if state[op + OP_END] >= 0 else state[CLOCK] + 1
        if state[op + OP_START] >= time:
            break
        if end > time:
            return end, i
        i += 1
    return time, i
