"""Where things lie in the int64 array of a simulated shop, one row of a batch; all batches of one size lie alike."""

from __future__ import annotations

from makespan.solvers.kernels import inlined

# What can happen, and how large the rows are: the same for all rows of a batch. Jobs of an episode, operations of a
# job, machines and jobs in the shop at most; where jobs come from; the end of the episode; jobs that are there from the
# beginning; chance of a breakdown (2**-32) or mean time between failures (2**-8), 0 for none; whether breakdowns
# interrupt; spread of durations and tightness of due dates (2**-20; -1: the due dates of the instance); blocking and
# swaps; whether waiting is a candidate, whether a single candidate is taken at once, and whether repair times are
# known.
(
    SET_JOBS,
    SET_STEPS,
    SET_MACHINES,
    SET_ROOM,
    SET_SOURCE,
    SET_HORIZON,
    SET_INITIAL,
    SET_BREAKDOWN,
    SET_UP_TIME,
    SET_INTERRUPT,
    SET_SPREAD,
    SET_TIGHTNESS,
    SET_BLOCKING,
    SET_SWAP,
    SET_WAIT,
    SET_FORCED,
    SET_KNOWN,
    SETTINGS,
) = range(18)

INSTANCE, TEMPLATES, UNIFORM = range(3)
"""Where jobs come from: each job of the instance once; drawn from them; random routes."""

# Of each instance: its first job in the arena, how many it has, its machines, jobs of an episode, mean gap between
# arrivals (2**-8; -1: jobs come at their releases), longest repair.
FIRST_JOB, NUM_TEMPLATES, MACHINES_THERE, EPISODE_JOBS, MEAN_GAP, MOST_REPAIR, FACTS = range(7)

# The header of a row. Sizes; where its parts lie; the clock; jobs that have arrived, are in the shop, are being
# processed; the last end; sums over time of the jobs in the shop and of those not processed; weighted tardiness and
# number of late jobs among those done; whether an operation without duration has just started; whether the episode was
# cut off; the machine that decides, -1 if none; decisions so far.
(
    NUM_JOBS,
    NUM_MACHINES,
    STEPS,
    ROOM,
    JOBS,  # JOB_SIZE values per job of the episode, by number
    MACHINES,  # MACHINE_SIZE values per machine
    OPERATIONS,  # OPERATION_SIZE values per operation, STEPS operations per job
    QUEUES,  # ROOM jobs per machine: those that wait for it, by number
    SLOTS,  # ROOM jobs: who has this place in the shop, -1 for nobody
    ORDER,  # the jobs by arrival
    CLOCK,
    ARRIVED,
    IN_SHOP,
    RUNNING,
    LAST_END,
    FLOW,
    WAITED,
    TARDINESS,
    TARDY,
    INSTANT,
    TRUNCATED,
    DECIDING,
    DECISIONS,
    STATE_HEADER,
) = range(24)

# A job: its next step, number of steps, arrival, due date, weight; since when it waits for its next machine; the
# machine that it is on, -1 if none; its place in the shop, -1 if it is not there; its end, NEVER before; planned work
# from the next step on, and in all; operations of the jobs of lower number.
(
    STEP,
    LENGTH,
    ARRIVAL,
    DUE,
    WEIGHT,
    READY,
    ON,
    SLOT,
    DONE,
    REST,
    WORK,
    FIRST,
    JOB_SIZE,
) = range(13)

# A machine: the job on it, -1 if none (in a blocking shop also one that is done there); when that one ends, NEVER if it
# is not being processed; when it is repaired, NEVER if it is up; when it will fail, NEVER if nothing is drawn; how long
# the repair will take then; failures so far; how long the operation on it was interrupted; jobs that wait for it;
# whether it was told to wait; scratch.
HOLDER, END, REPAIRED, FAILS, NEXT_REPAIR, FAILURES, PAUSED, WAITING, HELD, MARK, MACHINE_SIZE = range(11)

# An operation: its machine; planned and actual duration; start, end: -1 before.
OP_MACHINE, OP_PLANNED, OP_ACTUAL, OP_START, OP_END, OPERATION_SIZE = range(6)

NOBODY = -1


def state_size(jobs: int, steps: int, machines: int, room: int) -> int:
    """int64 values of a row."""
    return (
        STATE_HEADER
        + jobs * (JOB_SIZE + 1 + steps * OPERATION_SIZE)
        + machines * (MACHINE_SIZE + room)
        + room
    )  # fmt: skip


@inlined
def job_at(state, j):
    return state[JOBS] + JOB_SIZE * j


@inlined
def machine_at(state, k):
    return state[MACHINES] + MACHINE_SIZE * k


@inlined
def operation_at(state, j, s):
    return state[OPERATIONS] + OPERATION_SIZE * (state[STEPS] * j + s)


@inlined
def wanted(state, j):
    """The machine of the next operation of a job that is not done."""
    return state[operation_at(state, j, state[job_at(state, j) + STEP]) + OP_MACHINE]
