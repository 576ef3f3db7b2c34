"""Features of candidates, operations and machines of simulated shops; the tables stand in ``envs/dynamic_features.py``.

They use what a policy may know: planned durations, never actual ones before their end, no breakdown before it happens.
"""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import inlined, kernel, step
from makespan.solvers.kernels.dynamic_begin import NO_DUE
from makespan.solvers.kernels.dynamic_layout import (
    CLOCK,
    DECIDING,
    DUE,
    END,
    HOLDER,
    IN_SHOP,
    LENGTH,
    NOBODY,
    NUM_MACHINES,
    ON,
    OP_MACHINE,
    OP_PLANNED,
    OP_START,
    PAUSED,
    QUEUES,
    READY,
    REPAIRED,
    REST,
    ROOM,
    SET_KNOWN,
    SLOTS,
    STEP,
    STEPS,
    WAITING,
    WEIGHT,
    WORK,
    job_at,
    machine_at,
    operation_at,
)
from makespan.solvers.kernels.tournament import NEVER

MEAN_DURATION, MEAN_WORK, LONGEST_JOB, MEAN_WEIGHT = range(4)


@inlined
def ratio(value, scale):
    return np.float32(value / scale)


@inlined
def down_for(setting, state, k, mean):
    """Time until machine ``k`` is repaired over the mean duration; 0 if it is up, -1 if it is not known."""
    repaired = state[machine_at(state, k) + REPAIRED]
    if repaired == NEVER:
        return np.float32(0)
    if not setting[SET_KNOWN]:
        return np.float32(-1)
    return ratio(repaired - state[CLOCK], mean)


@inlined
def is_down(state, k):
    return np.float32(1) if state[machine_at(state, k) + REPAIRED] < NEVER else np.float32(0)


@inlined
def expected_left(setting, state, k):
    """How long the operation on machine ``k`` still takes if it keeps to its plan; 0 if none is being processed."""
    machine = machine_at(state, k)
    if state[machine + END] == NEVER:
        return np.int64(0)
    j = state[machine + HOLDER]
    op = operation_at(state, j, state[job_at(state, j) + STEP])
    left = state[op + OP_START] + state[op + OP_PLANNED] + state[machine + PAUSED] - state[CLOCK]
    if not setting[SET_KNOWN] and state[machine + REPAIRED] < NEVER:
        left -= state[machine + REPAIRED] - state[CLOCK]
    return max(np.int64(0), left)


@step
def queued_work(state, k):
    """Planned durations of the operations that wait for machine ``k``. O(queue)."""
    total = 0
    queue = state[QUEUES] + state[ROOM] * k
    for i in range(queue, queue + state[machine_at(state, k) + WAITING]):
        j = state[i]
        total += state[operation_at(state, j, state[job_at(state, j) + STEP]) + OP_PLANNED]
    return total


@inlined
def slack_of(state, j, scale):
    """Time to the due date of a job beyond its planned work, within -1 to 1; 1 without a due date."""
    job = job_at(state, j)
    if state[job + DUE] >= NO_DUE:
        return np.float32(1)
    slack = (state[job + DUE] - state[CLOCK] - state[job + REST]) / scale[MEAN_WORK]
    return np.float32(min(1.0, max(-1.0, slack)))


@step
def candidate_features(setting, scale, state, count, candidate, place, out):
    """Candidate i fills ``out[place[i]]``. O(candidates x (1 + queue of the next machine))."""
    k, mean, clock = state[DECIDING], scale[MEAN_DURATION], state[CLOCK]
    room = state[ROOM]
    for i in range(count):
        row, j = out[place[i]], candidate[i]
        row[:] = 0
        row[18] = ratio(state[IN_SHOP], room)
        if j < 0:
            row[19] = 1
            continue
        job = job_at(state, j)
        s, length, on = state[job + STEP], state[job + LENGTH], state[job + ON]
        op = operation_at(state, j, s)
        planned = state[op + OP_PLANNED]
        behind = state[job + REST] - planned
        row[0] = ratio(planned, mean)
        row[1] = ratio(state[job + WORK] - behind, max(1, state[job + WORK]))
        row[2] = ratio(length - s - 1, scale[LONGEST_JOB])
        row[3] = ratio(clock - state[job + READY], mean)
        row[4] = ratio(behind, scale[MEAN_WORK])
        if on >= 0:
            row[5] = 1
            row[6] = row[3]
            row[7] = is_down(state, on)
            row[8] = ratio(state[machine_at(state, on) + WAITING], room)
        row[9] = ratio(state[machine_at(state, k) + WAITING], room)
        if s + 1 < length:
            following = operation_at(state, j, s + 1)
            to = state[following + OP_MACHINE]
            row[10] = ratio(state[following + OP_PLANNED], mean)
            row[11] = ratio(state[machine_at(state, to) + WAITING], room)
            row[12] = ratio(queued_work(state, to), mean)
            row[13] = ratio(expected_left(setting, state, to), mean)
            row[14] = is_down(state, to)
            row[15] = down_for(setting, state, to, mean)
        row[16] = slack_of(state, j, scale)
        row[17] = ratio(state[job + WEIGHT], scale[MEAN_WEIGHT])


@step
def graph_features(setting, scale, state, operation, machine, arc, on, slot_machine):
    """Nodes and edges of the jobs in the shop; see ``DynamicObserver``. O(places x operations + machines)."""
    mean, clock, room, steps = scale[MEAN_DURATION], state[CLOCK], state[ROOM], state[STEPS]
    for k in range(state[NUM_MACHINES]):
        at = machine_at(state, k)
        processing = state[at + END] < NEVER
        machine[k, 0] = is_down(state, k)
        machine[k, 1] = down_for(setting, state, k, mean)
        machine[k, 2] = 1 if processing else 0
        machine[k, 3] = ratio(expected_left(setting, state, k), mean)
        machine[k, 4] = 1 if state[at + HOLDER] >= 0 and not processing else 0
        machine[k, 5] = ratio(state[at + WAITING], room)
        machine[k, 6] = ratio(queued_work(state, k), mean)
        machine[k, 7] = 0
        machine[k, 8] = 1 if k == state[DECIDING] else 0
    arcs = 0
    for slot in range(room):
        j = state[state[SLOTS] + slot]
        if j == NOBODY:
            continue
        job = job_at(state, j)
        following, length = state[job + STEP], state[job + LENGTH]
        slot_machine[slot] = state[job + ON]
        running = state[job + ON] >= 0 and state[operation_at(state, j, following) + OP_START] >= 0
        done = state[job + WORK] - state[job + REST]
        for s in range(following, length):
            op, row = operation_at(state, j, s), operation[slot * steps + s]
            planned, k = state[op + OP_PLANNED], state[op + OP_MACHINE]
            done += planned
            on[slot * steps + s] = k
            machine[k, 7] += ratio(planned, scale[MEAN_WORK])
            row[0] = 1 if s > following or not running else 0
            row[1] = 1 if s == following and running else 0
            row[2] = 1 if s == following and not running else 0
            row[3] = ratio(planned, mean)
            row[4] = ratio(done, max(1, state[job + WORK]))
            row[5] = ratio(length - s - 1, scale[LONGEST_JOB])
            row[6] = 0
            row[7] = -1
            row[8] = 0
            if s == following and running:
                row[7] = ratio(expected_left(setting, state, k), mean)
            elif s == following:
                row[6] = ratio(clock - state[job + READY], mean)
                row[8] = 1 if state[job + ON] >= 0 else 0
            row[9] = is_down(state, k)
            row[10] = down_for(setting, state, k, mean)
            row[11] = slack_of(state, j, scale)
            row[12] = ratio(state[job + WEIGHT], scale[MEAN_WEIGHT])
            if s + 1 < length:
                arc[0, arcs], arc[1, arcs] = slot * steps + s, slot * steps + s + 1
                arcs += 1


@kernel
def candidate_features_rows(shops, rows, first, last, setting, which, state, job, count, place, out):
    """Candidate c of row r = ``rows[i]`` fills ``out[i, place[r, c]]``; the rest of ``out`` is left alone."""
    for i in range(first, last):
        r = rows[i]
        candidate_features(setting, shops.scale[which[r]], state[r], count[r], job[r], place[r], out[i])


@kernel
def graph_features_rows(
    shops, rows, first, last, setting, which, state, operation, machine, arc, on, slot_machine
):  # fmt: skip
    """Entry i of the five outputs becomes the graph of row ``rows[i]``; what it does not use is left alone."""
    for i in range(first, last):
        r = rows[i]
        graph_features(
            setting, shops.scale[which[r]], state[r], operation[i], machine[i], arc[i], on[i], slot_machine[i]
        )  # fmt: skip
