"""The beginning of an episode in a simulated shop: all its jobs, which no decision can change."""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import inlined, step
from makespan.solvers.kernels.dynamic_draws import (
    ACTUAL,
    GAP,
    PLANNED,
    ROUTE,
    TEMPLATE,
    TIME_BITS,
    exponential,
    keyed_below,
    repair_time,
    up_time,
)
from makespan.solvers.kernels.dynamic_layout import (
    ARRIVAL,
    DECIDING,
    DONE,
    DUE,
    END,
    EPISODE_JOBS,
    FAILS,
    FIRST,
    FIRST_JOB,
    HOLDER,
    INSTANCE,
    JOB_SIZE,
    JOBS,
    LENGTH,
    MACHINE_SIZE,
    MACHINES,
    MACHINES_THERE,
    MEAN_GAP,
    MOST_REPAIR,
    NEXT_REPAIR,
    NOBODY,
    NUM_JOBS,
    NUM_MACHINES,
    NUM_TEMPLATES,
    ON,
    OP_ACTUAL,
    OP_END,
    OP_MACHINE,
    OP_PLANNED,
    OP_START,
    OPERATION_SIZE,
    OPERATIONS,
    ORDER,
    QUEUES,
    REPAIRED,
    REST,
    ROOM,
    SET_INITIAL,
    SET_JOBS,
    SET_MACHINES,
    SET_ROOM,
    SET_SOURCE,
    SET_SPREAD,
    SET_STEPS,
    SET_TIGHTNESS,
    SET_UP_TIME,
    SLOT,
    SLOTS,
    STATE_HEADER,
    STEPS,
    UNIFORM,
    WEIGHT,
    WORK,
    job_at,
    machine_at,
    operation_at,
)
from makespan.solvers.kernels.fixed_point import FRACTION_BITS
from makespan.solvers.kernels.tournament import NEVER

NO_DUE = np.int64(1 << 53)
"""The due date of a job without one, as in an Instance."""

LONGEST_RANDOM = 99
"""Durations of random jobs are uniform on 1..99, as those of Taillard (1993)."""


@step
def lay_out(setting, fact, state):
    """Sizes and places of the parts; everything else 0."""
    state[:] = 0
    jobs, machines, room = setting[SET_JOBS], setting[SET_MACHINES], setting[SET_ROOM]
    state[NUM_JOBS], state[NUM_MACHINES] = fact[EPISODE_JOBS], fact[MACHINES_THERE]
    state[STEPS], state[ROOM] = setting[SET_STEPS], room
    state[JOBS] = STATE_HEADER
    state[MACHINES] = state[JOBS] + JOB_SIZE * jobs
    state[OPERATIONS] = state[MACHINES] + MACHINE_SIZE * machines
    state[QUEUES] = state[OPERATIONS] + OPERATION_SIZE * setting[SET_STEPS] * jobs
    state[SLOTS] = state[QUEUES] + room * machines
    state[ORDER] = state[SLOTS] + room
    state[DECIDING] = NOBODY
    for i in range(room):
        state[state[SLOTS] + i] = NOBODY


@step
def _draw_random_job(seed, state, j):
    """A route through all machines in random order, durations uniform on 1..LONGEST_RANDOM; returns its length."""
    length = state[NUM_MACHINES]
    for s in range(length):
        state[operation_at(state, j, s) + OP_MACHINE] = s
        state[operation_at(state, j, s) + OP_PLANNED] = 1 + keyed_below(seed, PLANNED, j, s, LONGEST_RANDOM)
    for s in range(length - 1, 0, -1):
        a = operation_at(state, j, s) + OP_MACHINE
        b = operation_at(state, j, keyed_below(seed, ROUTE, j, s, s + 1)) + OP_MACHINE
        state[a], state[b] = state[b], state[a]
    return length


@inlined
def _copy_job(job_ptr, machine, planned, state, j, template):
    """The route and durations of a job of the arena; returns its length."""
    first, length = job_ptr[template], job_ptr[template + 1] - job_ptr[template]
    for s in range(length):
        op = operation_at(state, j, s)
        state[op + OP_MACHINE] = machine[first + s]
        state[op + OP_PLANNED] = planned[first + s]
    return length


@inlined
def _fill_operations(setting, seed, state, j, length):
    """Actual durations; returns the planned work of the job."""
    work = 0
    for s in range(length):
        op = operation_at(state, j, s)
        duration = state[op + OP_PLANNED]
        work += duration
        spread = (duration * setting[SET_SPREAD] + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS
        if spread > 0:
            duration += keyed_below(seed, ACTUAL, j, s, 2 * spread + 1) - spread
        state[op + OP_ACTUAL] = duration
        state[op + OP_START] = state[op + OP_END] = -1
    return work


@step
def draw_jobs(job_ptr, machine, planned, release, due, weight, setting, fact, seed, state):
    """All jobs of the episode, and their order of arrival."""
    time, first = np.int64(0), 0
    for j in range(state[NUM_JOBS]):
        template = np.int64(j)
        if setting[SET_SOURCE] != INSTANCE:
            template = keyed_below(seed, TEMPLATE, j, 0, fact[NUM_TEMPLATES])
        template += fact[FIRST_JOB]
        own_release, own_due, own_weight = release[template], due[template], weight[template]
        if setting[SET_SOURCE] == UNIFORM:
            length = _draw_random_job(seed, state, j)
            own_release, own_due, own_weight = np.int64(0), NO_DUE, np.int64(1)
        else:
            length = _copy_job(job_ptr, machine, planned, state, j, template)
        work = _fill_operations(setting, seed, state, j, length)
        arrival = own_release
        if fact[MEAN_GAP] >= 0:
            if j >= setting[SET_INITIAL]:
                time += exponential(seed, GAP, j, 0, fact[MEAN_GAP])
            arrival = time >> TIME_BITS
        if setting[SET_TIGHTNESS] >= 0:
            own_due = arrival + ((work * setting[SET_TIGHTNESS] + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS)
        elif own_due < NO_DUE:
            own_due += arrival - own_release
        job = job_at(state, j)
        state[job + LENGTH], state[job + ARRIVAL], state[job + DUE] = length, arrival, own_due
        state[job + WEIGHT], state[job + REST], state[job + WORK] = own_weight, work, work
        state[job + ON] = state[job + SLOT] = NOBODY
        state[job + DONE] = NEVER
        state[job + FIRST] = first
        first += length
        place = j  # an insertion sort, stable; mostly in order already
        while place > 0 and state[job_at(state, state[state[ORDER] + place - 1]) + ARRIVAL] > arrival:
            state[state[ORDER] + place] = state[state[ORDER] + place - 1]
            place -= 1
        state[state[ORDER] + place] = j


@step
def set_up_machines(setting, fact, seed, state):
    """All machines empty and up."""
    for k in range(state[NUM_MACHINES]):
        machine = machine_at(state, k)
        state[machine + HOLDER] = NOBODY
        state[machine + END] = state[machine + REPAIRED] = state[machine + FAILS] = NEVER
        if setting[SET_UP_TIME] > 0:
            state[machine + FAILS] = up_time(seed, k, 0, setting[SET_UP_TIME])
            state[machine + NEXT_REPAIR] = repair_time(seed, k, 0, fact[MOST_REPAIR])
