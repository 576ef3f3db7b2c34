"""A job shop in which things happen: operations end, jobs arrive, machines break down and are repaired.

Row r of a batch plays shop ``which[r]`` (see ``envs/dynamic_arena.py``) with the random numbers of ``seed[r]``, in
``state[r]`` (see ``dynamic_layout``). The clock runs from event to event. At each one, the lowest machine that is up,
empty and waited for has to take one of the jobs that wait for it: the first ``count[r]`` entries of ``job[r]``, by
number; ``WAIT`` stands for leaving it empty until the next event. At one instant a machine's operation ends first, then
it is repaired, then it fails; after that jobs arrive, closed circles move, and decisions are made.

In a blocking shop a job stays on its machine until it moves to the next one. Jobs that wait for each other in a closed
circle, all of whose machines are up, move at once; where no swaps are allowed they stay for ever.

A row without candidates is over: all jobs are done, nothing can happen any more, or the episode was cut off.
"""

from __future__ import annotations

from makespan.solvers.kernels import inlined, kernel, step
from makespan.solvers.kernels.dynamic_begin import NO_DUE, draw_jobs, lay_out, set_up_machines
from makespan.solvers.kernels.dynamic_circles import find_circle
from makespan.solvers.kernels.dynamic_draws import breaks_down, repair_time, up_time, work_before_breakdown
from makespan.solvers.kernels.dynamic_layout import (
    ARRIVAL,
    ARRIVED,
    CLOCK,
    DECIDING,
    DECISIONS,
    DONE,
    DUE,
    END,
    FAILS,
    FAILURES,
    FLOW,
    HELD,
    HOLDER,
    IN_SHOP,
    INSTANT,
    LAST_END,
    LENGTH,
    MOST_REPAIR,
    NEXT_REPAIR,
    NOBODY,
    NUM_JOBS,
    NUM_MACHINES,
    ON,
    OP_ACTUAL,
    OP_END,
    OP_PLANNED,
    OP_START,
    ORDER,
    PAUSED,
    QUEUES,
    READY,
    REPAIRED,
    REST,
    ROOM,
    RUNNING,
    SET_BLOCKING,
    SET_BREAKDOWN,
    SET_FORCED,
    SET_HORIZON,
    SET_INTERRUPT,
    SET_SWAP,
    SET_UP_TIME,
    SET_WAIT,
    SLOT,
    SLOTS,
    STEP,
    TARDINESS,
    TARDY,
    TRUNCATED,
    WAITED,
    WAITING,
    WEIGHT,
    job_at,
    machine_at,
    operation_at,
    wanted,
)
from makespan.solvers.kernels.tournament import NEVER

WAIT = -1


# -- queues and places -----------------------------------------------------------------------------


@step
def join_queue(state, j):
    """Job ``j`` waits for the machine of its next operation. O(queue)."""
    k = wanted(state, j)
    size = machine_at(state, k) + WAITING
    queue = state[QUEUES] + state[ROOM] * k
    place = state[size]
    while place > 0 and state[queue + place - 1] > j:
        state[queue + place] = state[queue + place - 1]
        place -= 1
    state[queue + place] = j
    state[size] += 1
    state[job_at(state, j) + READY] = state[CLOCK]


@step
def leave_queue(state, j, k):
    """Job ``j`` no longer waits for machine ``k``. O(queue)."""
    size = machine_at(state, k) + WAITING
    queue = state[QUEUES] + state[ROOM] * k
    place = 0
    while state[queue + place] != j:
        place += 1
    state[size] -= 1
    for i in range(queue + place, queue + state[size]):
        state[i] = state[i + 1]


@step
def arrive(state, j):
    """Job ``j`` enters the shop, or cuts the episode off where there is no place for it. O(places)."""
    state[ARRIVED] += 1
    if state[IN_SHOP] >= state[ROOM]:
        state[TRUNCATED] = 1
        return
    slot = 0
    while state[state[SLOTS] + slot] != NOBODY:
        slot += 1
    state[state[SLOTS] + slot] = j
    state[job_at(state, j) + SLOT] = slot
    state[IN_SHOP] += 1
    join_queue(state, j)


@step
def leave_shop(state, j):
    """Job ``j`` is done."""
    job, clock = job_at(state, j), state[CLOCK]
    state[state[SLOTS] + state[job + SLOT]] = NOBODY
    state[job + SLOT] = NOBODY
    state[job + DONE] = clock
    state[IN_SHOP] -= 1
    late = clock - state[job + DUE]
    if state[job + DUE] < NO_DUE and late > 0:
        state[TARDINESS] += late * state[job + WEIGHT]
        state[TARDY] += 1


# -- operations and machines ------------------------------------------------------------------------


@step
def start(setting, fact, seed, state, j, k):
    """Begin the next operation of job ``j`` on machine ``k``, for which it waits; its former machine becomes empty."""
    job, machine, clock = job_at(state, j), machine_at(state, k), state[CLOCK]
    s = state[job + STEP]
    op = operation_at(state, j, s)
    leave_queue(state, j, k)
    before = state[job + ON]
    if before >= 0 and state[machine_at(state, before) + HOLDER] == j:  # another one may be there, in a closed circle
        state[machine_at(state, before) + HOLDER] = NOBODY
    state[job + ON], state[machine + HOLDER] = k, j
    state[op + OP_START] = clock
    duration = state[op + OP_ACTUAL]
    state[machine + END] = clock + duration
    state[machine + PAUSED] = 0
    state[RUNNING] += 1
    if duration == 0:
        state[INSTANT] = 1
    if setting[SET_BREAKDOWN] > 0 and breaks_down(seed, j, s, setting[SET_BREAKDOWN]):
        part = work_before_breakdown(seed, j, s, duration) if setting[SET_INTERRUPT] else duration
        state[machine + FAILS] = clock + part
        state[machine + NEXT_REPAIR] = repair_time(seed, j, s, fact[MOST_REPAIR])


@step
def finish(setting, state, k):
    """The operation on machine ``k`` ends now."""
    machine, clock = machine_at(state, k), state[CLOCK]
    j = state[machine + HOLDER]
    job = job_at(state, j)
    op = operation_at(state, j, state[job + STEP])
    state[op + OP_END] = state[LAST_END] = clock
    state[job + REST] -= state[op + OP_PLANNED]
    state[job + STEP] += 1
    state[machine + END] = NEVER
    state[RUNNING] -= 1
    done = state[job + STEP] == state[job + LENGTH]
    if done or not setting[SET_BLOCKING]:
        state[machine + HOLDER] = state[job + ON] = NOBODY
    if done:
        leave_shop(state, j)
    else:
        join_queue(state, j)


@inlined
def fail(setting, state, k):
    """Machine ``k`` goes down now; if it may not interrupt the operation on it, as soon as that one ends."""
    machine = machine_at(state, k)
    if state[machine + END] < NEVER:
        if not setting[SET_INTERRUPT]:
            state[machine + FAILS] = state[machine + END]
            return
        state[machine + END] += state[machine + NEXT_REPAIR]
        state[machine + PAUSED] += state[machine + NEXT_REPAIR]
    state[machine + REPAIRED] = state[CLOCK] + state[machine + NEXT_REPAIR]
    state[machine + FAILS] = NEVER


@inlined
def repair(setting, fact, seed, state, k):
    """Machine ``k`` is up again."""
    machine = machine_at(state, k)
    state[machine + REPAIRED] = NEVER
    if setting[SET_UP_TIME] > 0:
        state[machine + FAILURES] += 1
        count = state[machine + FAILURES]
        state[machine + FAILS] = state[CLOCK] + up_time(seed, k, count, setting[SET_UP_TIME])
        state[machine + NEXT_REPAIR] = repair_time(seed, k, count, fact[MOST_REPAIR])


# -- events and decisions ----------------------------------------------------------------------------


@step
def rotate(setting, fact, seed, state):
    """Move the jobs of every closed circle whose machines are up. O(machines x circles)."""
    first = find_circle(state, setting[SET_SWAP], True)
    while first >= 0:
        j, to = state[machine_at(state, first) + HOLDER], NOBODY
        while to != first:
            to = wanted(state, j)
            following = state[machine_at(state, to) + HOLDER]
            start(setting, fact, seed, state, j, to)
            j = following
        first = find_circle(state, setting[SET_SWAP], True)


@step
def happen(setting, fact, seed, state):
    """All that happens at the clock. O(machines) and what the arrivals cost."""
    clock = state[CLOCK]
    state[INSTANT] = 1
    while state[INSTANT]:
        state[INSTANT] = 0
        for k in range(state[NUM_MACHINES]):
            machine = machine_at(state, k)
            state[machine + HELD] = 0
            if state[machine + END] == clock:
                finish(setting, state, k)
            if state[machine + REPAIRED] == clock:
                repair(setting, fact, seed, state, k)
            if state[machine + FAILS] == clock:
                fail(setting, state, k)
        while state[ARRIVED] < state[NUM_JOBS] and not state[TRUNCATED]:
            j = state[state[ORDER] + state[ARRIVED]]
            if state[job_at(state, j) + ARRIVAL] > clock:
                break
            arrive(state, j)
        if setting[SET_BLOCKING]:
            rotate(setting, fact, seed, state)


@step
def advance(setting, state):
    """Let the clock run to the next event, or to the end of the horizon if that comes first. O(machines)."""
    time = NEVER
    if state[ARRIVED] < state[NUM_JOBS]:
        time = state[job_at(state, state[state[ORDER] + state[ARRIVED]]) + ARRIVAL]
    for k in range(state[NUM_MACHINES]):
        machine = machine_at(state, k)
        time = min(time, state[machine + END], state[machine + REPAIRED], state[machine + FAILS])
    if time > setting[SET_HORIZON]:
        time = max(state[CLOCK], setting[SET_HORIZON])
        state[TRUNCATED] = 1
    passed = time - state[CLOCK]
    state[FLOW] += passed * state[IN_SHOP]
    state[WAITED] += passed * (state[IN_SHOP] - state[RUNNING])
    state[CLOCK] = time


@inlined
def idle_machine(state, first):
    """The lowest machine from ``first`` on that could start something now, -1 if there is none. O(machines)."""
    for k in range(first, state[NUM_MACHINES]):
        machine = machine_at(state, k)
        empty = state[machine + HOLDER] == NOBODY and state[machine + REPAIRED] == NEVER
        if state[machine + WAITING] > 0 and empty and not state[machine + HELD]:
            return k
    return -1


@inlined
def more_to_come(state):
    """Whether an operation will end or a job arrive."""
    return state[RUNNING] > 0 or state[ARRIVED] < state[NUM_JOBS]


@step
def is_stuck(setting, state):
    """Whether nothing can start any more, whatever is repaired; so also if all jobs are done. O(machines)."""
    if more_to_come(state):
        return False
    for k in range(state[NUM_MACHINES]):
        machine = machine_at(state, k)
        if state[machine + HOLDER] == NOBODY and state[machine + WAITING] > 0:
            return False
    return not setting[SET_BLOCKING] or find_circle(state, setting[SET_SWAP], False) < 0


@step
def settle(setting, fact, seed, state, job):
    """Go on to the next decision and list its candidates; returns their number, 0 if the row is over."""
    while not state[TRUNCATED]:
        if state[INSTANT]:
            happen(setting, fact, seed, state)
            continue
        k = idle_machine(state, 0)
        if k < 0:
            if is_stuck(setting, state):
                break
            advance(setting, state)
            if not state[TRUNCATED]:
                happen(setting, fact, seed, state)
            continue
        queue, count = state[QUEUES] + state[ROOM] * k, state[machine_at(state, k) + WAITING]
        may_wait = setting[SET_WAIT] != 0 and (more_to_come(state) or idle_machine(state, k + 1) >= 0)
        if count == 1 and setting[SET_FORCED] and not may_wait:
            start(setting, fact, seed, state, state[queue], k)
            continue
        state[DECIDING] = k
        for i in range(count):
            job[i] = state[queue + i]
        if may_wait:
            job[count] = WAIT
            count += 1
        return count
    state[DECIDING] = NOBODY
    return 0


@step
def decide(setting, fact, seed, state, job, action):
    """Take a candidate and go on to the next decision; returns the number of its candidates."""
    k = state[DECIDING]
    state[DECISIONS] += 1
    if job[action] == WAIT:
        state[machine_at(state, k) + HELD] = 1
    else:
        start(setting, fact, seed, state, job[action], k)
    return settle(setting, fact, seed, state, job)


# -- rows --------------------------------------------------------------------------------------------


@kernel
def begin_rows(shops, rows, first, last, setting, which, seed, state, job, count):
    """Begin the episodes of ``rows[first:last]`` anew. O(size of a row)."""
    for i in range(first, last):
        r, fact = rows[i], shops.fact[which[rows[i]]]
        lay_out(setting, fact, state[r])
        draw_jobs(
            shops.job_ptr, shops.machine, shops.duration, shops.release, shops.due, shops.weight,
            setting, fact, seed[r], state[r],
        )  # fmt: skip
        set_up_machines(setting, fact, seed[r], state[r])
        happen(setting, fact, seed[r], state[r])
        count[r] = settle(setting, fact, seed[r], state[r], job[r])


@kernel
def step_rows(shops, rows, first, last, setting, which, seed, state, job, count, action):
    """Take candidate ``action[i]`` in row ``rows[i]``; rows that are over stay so. The actions are not checked."""
    for i in range(first, last):
        r = rows[i]
        if count[r] > 0:
            count[r] = decide(setting, shops.fact[which[r]], seed[r], state[r], job[r], action[i])


@kernel
def replay_rows(shops, rows, first, last, setting, which, seed, state, job, count, action, length):
    """Take the actions ``action[i, :length[i]]`` in row ``rows[i]``; returns -1, or the i of one that is no candidate.

    Such a row is left as it was before that action.
    """
    for i in range(first, last):
        r = rows[i]
        for t in range(length[i]):
            if action[i, t] < 0 or action[i, t] >= count[r]:
                return i
            count[r] = decide(setting, shops.fact[which[r]], seed[r], state[r], job[r], action[i, t])
    return -1
