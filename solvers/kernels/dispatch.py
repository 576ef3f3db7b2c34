"""Building a job shop schedule one decision at a time: what can start when, which candidates compete, one step.

The schedule grows job by job: the next operation of every unfinished job waits for a machine. Flexible operations wait
for the machine of their *preferred* mode, the one that ends first (in the non-delay scheme: that starts first, then
ends first; then the lowest machine). Four schemes say which of the waiting operations compete and where one goes:

* APPEND: all of them; at the end of the machine (semi-active).
* INSERTION: all of them; into the first gap that holds it, no other operation moves.
* GIFFLER_THOMPSON: on the machine of the least possible end C, those that can start before C; at the end of the machine
  (active). ``delta`` per cent of the way from the least start s there to C narrows this: 100 takes all that start
  before C, 0 only those that start at s (then the schedule is non-delay). Giffler and Thompson (1960), Storer, Wu and
  Vaccari (1992), Bierwirth and Mattfeld (1999).
* NON_DELAY: at the least possible start t, on the lowest machine where something can start at t, those that can start
  at t; at the end of the machine.

Ends of machines are looked for between the operations with fixed starts. Operations with a fixed start, and those that
need no machine, take no decision: they are placed as soon as their job reaches them. An operation of duration 0 in a
shop with setups holds no machine.

``choose`` picks among the competing candidates by a priority rule; ``advance`` places one operation of any job, chosen
by whomever. Shop and state are int64 arrays, see ``shop_layout``.
"""

from __future__ import annotations

from makespan.solvers.kernels import inlined, step
from makespan.solvers.kernels.machine_line import earliest, put_on_line, travel
from makespan.solvers.kernels.priority import EXPRESSION, LIFO, RANDOM, priority
from makespan.solvers.kernels.shop_layout import (
    ALWAYS_OPEN,
    BY_JOB,
    CHOICE,
    CHOICE_END,
    CHOICE_START,
    CURSOR,
    DEADLINE,
    DELTA,
    DURATION,
    END,
    FIXED_END,
    FIXED_ORDER,
    FIXED_START,
    FREE,
    HALF,
    INSERTION,
    JOB_PTR,
    JOB_SIZE,
    JOBS,
    KEY,
    LATE,
    LAZY,
    LINE_PTR,
    MACHINE,
    MACHINE_SIZE,
    MACHINES,
    MODE,
    MODE_PTR,
    NON_DELAY,
    NUM_FIXED,
    NUM_JOBS,
    NUM_MACHINES,
    NUM_MODES,
    NUM_OPERATIONS,
    OP,
    ORIGIN,
    PLAIN,
    QUEUES,
    READY,
    RELEASE,
    RULE_KIND,
    SCHEME,
    SETUP_TIME,
    SIZE,
    SLOT,
    START,
    TREE,
    UNFINISHED,
    WAITING,
)
from makespan.solvers.kernels.tournament import NEVER, first_least, set_leaf


@inlined
def arrival(shop, state, j, mode):
    """When job ``j`` can be at the machine of a mode of its next operation."""
    job = state[JOBS] + JOB_SIZE * j
    there = state[job + READY] + travel(shop, state[job + ORIGIN], shop[shop[MACHINE] + mode])
    return max(there, shop[shop[RELEASE] + state[job + OP]])


@inlined
def evaluate(shop, rule, key, state, j):
    """Find the preferred mode of a job's next operation, when it runs and its priority; returns its machine."""
    job = state[JOBS] + JOB_SIZE * j
    op = state[job + OP]
    choice = shop[shop[MODE_PTR] + op]
    arrived = arrival(shop, state, j, choice)
    if state[LAZY]:
        start, end = arrived, arrived
    elif state[PLAIN]:
        start = max(arrived, state[state[MACHINES] + MACHINE_SIZE * shop[shop[MACHINE] + choice] + FREE])
        end = start + shop[shop[DURATION] + choice]
    else:
        choice, arrived, start, end = preferred(shop, state, j, op, choice, arrived)
    state[job + CHOICE] = choice
    state[job + CHOICE_START] = start
    state[job + CHOICE_END] = end
    if state[RULE_KIND] <= RANDOM:
        state[job + KEY] = key[choice]
    else:
        duration = shop[shop[DURATION] + choice]
        state[job + KEY] = priority(rule, key, state[RULE_KIND], op, choice, duration, arrived, start)
    if state[BY_JOB]:
        set_leaf(state, state[TREE], state[HALF], j, state[job + KEY])
    return shop[shop[MACHINE] + choice]


@step
def preferred(shop, state, j, op, choice, arrived):
    """The preferred mode of an operation, when its job can be there, start and end; ``choice`` is its first mode."""
    start, end, _ = earliest(shop, state, op, choice, arrived)
    for mode in range(choice + 1, shop[shop[MODE_PTR] + op + 1]):
        ready = arrival(shop, state, j, mode)
        mode_start, mode_end, _ = earliest(shop, state, op, mode, ready)
        if state[SCHEME] == NON_DELAY:
            gain, tie = start - mode_start, end - mode_end
        else:
            gain, tie = end - mode_end, start - mode_start
        lower = shop[shop[MACHINE] + mode] < shop[shop[MACHINE] + choice]
        if gain > 0 or (gain == 0 and (tie > 0 or (tie == 0 and lower))):
            choice, arrived, start, end = mode, ready, mode_start, mode_end
    return choice, arrived, start, end


@inlined
def enqueue(shop, state, j, k):
    """Let job ``j`` wait for machine ``k``, whose place in the tournament it may better."""
    job = state[JOBS] + JOB_SIZE * j
    waiting = state[MACHINES] + MACHINE_SIZE * k + WAITING
    state[state[QUEUES] + shop[shop[LINE_PTR] + k] + state[waiting]] = j
    state[job + SLOT] = state[waiting]
    state[waiting] += 1
    if not state[BY_JOB]:
        value = state[job + (CHOICE_START if state[SCHEME] == NON_DELAY else CHOICE_END)]
        if value < state[state[TREE] + state[HALF] + k]:
            set_leaf(state, state[TREE], state[HALF], k, value)


@inlined
def unqueue(shop, state, j, k):
    """Take job ``j`` out of the queue of machine ``k``; the last in it takes its place."""
    waiting = state[MACHINES] + MACHINE_SIZE * k + WAITING
    queue = state[QUEUES] + shop[shop[LINE_PTR] + k]
    slot = state[state[JOBS] + JOB_SIZE * j + SLOT]
    state[waiting] -= 1
    moved = state[queue + state[waiting]]
    state[queue + slot] = moved
    state[state[JOBS] + JOB_SIZE * moved + SLOT] = slot


@step
def update_machine(shop, state, k):
    """Put the least start (NON_DELAY) or end (GIFFLER_THOMPSON) in machine ``k``'s queue into the tournament."""
    if state[BY_JOB]:
        return
    first = state[QUEUES] + shop[shop[LINE_PTR] + k]
    field = state[JOBS] + (CHOICE_START if state[SCHEME] == NON_DELAY else CHOICE_END)
    least = NEVER
    for i in range(first, first + state[state[MACHINES] + MACHINE_SIZE * k + WAITING]):
        least = min(least, state[field + JOB_SIZE * state[i]])
    set_leaf(state, state[TREE], state[HALF], k, least)


@step
def refresh(shop, rule, key, state, k):
    """Evaluate again all jobs that wait for machine ``k``, whose line has changed."""
    machine = state[MACHINES] + MACHINE_SIZE * k
    queue = state[QUEUES] + shop[shop[LINE_PTR] + k]
    slot = 0
    while slot < state[machine + WAITING]:
        j = state[queue + slot]
        to = evaluate(shop, rule, key, state, j)
        if to == k:
            slot += 1
        else:
            unqueue(shop, state, j, k)
            enqueue(shop, state, j, to)
    update_machine(shop, state, k)


@step
def reconsider(shop, rule, key, state, placed):
    """Evaluate all jobs but ``placed`` again: with setups, what is put on a machine can make it better for jobs that
    wait for another one. O(jobs x modes)."""
    for j in range(shop[NUM_JOBS]):
        job = state[JOBS] + JOB_SIZE * j
        if j == placed or state[job + OP] >= shop[shop[JOB_PTR] + j + 1]:
            continue
        was = shop[shop[MACHINE] + state[job + CHOICE]]
        to = evaluate(shop, rule, key, state, j)
        if to != was:
            unqueue(shop, state, j, was)
            enqueue(shop, state, j, to)
            update_machine(shop, state, was)


@inlined
def refresh_plain(shop, state, k, free):
    """``refresh`` where it comes down to this: nobody starts before ``free``, and no priority changes."""
    first = state[QUEUES] + shop[shop[LINE_PTR] + k]
    jobs, by_start = state[JOBS], state[SCHEME] == NON_DELAY
    least = NEVER
    for i in range(first, first + state[state[MACHINES] + MACHINE_SIZE * k + WAITING]):
        job = jobs + JOB_SIZE * state[i]
        delay = free - state[job + CHOICE_START]
        if delay > 0:
            state[job + CHOICE_START] += delay
            state[job + CHOICE_END] += delay
        least = min(least, state[job + CHOICE_START] if by_start else state[job + CHOICE_END])
    set_leaf(state, state[TREE], state[HALF], k, least)


@inlined
def record(shop, state, j, mode, start, end):
    """Write down the next operation of job ``j`` and turn to the one after it."""
    job = state[JOBS] + JOB_SIZE * j
    op = state[job + OP]
    state[state[START] + op] = start
    state[state[END] + op] = end
    state[state[MODE] + op] = mode
    if shop[DEADLINE] and end > shop[shop[DEADLINE] + op]:
        state[LATE] += 1
    state[job + READY] = end
    state[job + ORIGIN] = shop[shop[MACHINE] + mode]
    state[job + OP] = op + 1


@step
def wait(shop, rule, key, state, j):
    """Bring job ``j`` to its next decision: place what needs none, then evaluate and queue; or it is done."""
    job = state[JOBS] + JOB_SIZE * j
    while state[job + OP] < shop[shop[JOB_PTR] + j + 1]:
        op = state[job + OP]
        mode = shop[shop[MODE_PTR] + op]
        k = shop[shop[MACHINE] + mode]
        if shop[FIXED_START] and shop[shop[FIXED_START] + op] >= 0:
            start, end = shop[shop[FIXED_START] + op], shop[shop[FIXED_END] + op]
            if start < state[job + READY] + travel(shop, state[job + ORIGIN], k):
                state[LATE] += 1
        elif k < 0:
            start = max(state[job + READY], shop[shop[RELEASE] + op])
            end = start
        else:
            k = evaluate(shop, rule, key, state, j)
            if not state[LAZY]:
                enqueue(shop, state, j, k)
            return
        record(shop, state, j, mode, start, end)
    state[UNFINISHED] -= 1
    if state[BY_JOB]:
        set_leaf(state, state[TREE], state[HALF], j, NEVER)


@step
def begin(shop, rule, key, state, scheme, delta, kind):
    """Reset ``state`` to the empty schedule with its fixed operations.

    ``scheme``: APPEND to NON_DELAY; ``delta`` in per cent; ``kind`` and ``key``: the rule, see ``priority``. O(jobs +
    machines).
    """
    by_job = scheme <= INSERTION
    state[SCHEME] = scheme
    state[DELTA] = delta
    state[RULE_KIND] = kind
    state[BY_JOB] = by_job
    timeless = (kind <= LIFO or (kind == EXPRESSION and not by_job)) and shop[NUM_MODES] == shop[NUM_OPERATIONS]
    bare = shop[SETUP_TIME] == 0 and shop[ALWAYS_OPEN] == 0 and shop[NUM_FIXED] == 0
    state[LAZY] = timeless and by_job
    state[PLAIN] = timeless and bare and scheme != INSERTION
    state[LATE] = 0
    state[UNFINISHED] = shop[NUM_JOBS]
    state[state[TREE] : state[TREE] + 2 * state[HALF]] = NEVER
    state[state[MACHINES] : state[MACHINES] + MACHINE_SIZE * shop[NUM_MACHINES]] = 0
    for i in range(shop[NUM_FIXED]):
        op = shop[shop[FIXED_ORDER] + i]
        mode = shop[shop[MODE_PTR] + op]
        k = shop[shop[MACHINE] + mode]
        size = state[state[MACHINES] + MACHINE_SIZE * k + SIZE]
        put_on_line(shop, state, k, size, mode, shop[shop[FIXED_START] + op], shop[shop[FIXED_END] + op])
    for j in range(shop[NUM_JOBS]):
        job = state[JOBS] + JOB_SIZE * j
        state[job + OP] = shop[shop[JOB_PTR] + j]
        state[job + READY] = 0
        state[job + ORIGIN] = -1
        wait(shop, rule, key, state, j)


@inlined
def conflict(shop, state):
    """In NON_DELAY and GIFFLER_THOMPSON: the machine to decide on, and the latest start that competes for it.

    The machine is -1 if nothing can be placed any more.
    """
    least = state[state[TREE] + 1]
    if least >= NEVER:
        return -1, NEVER
    k = first_least(state, state[TREE], state[HALF])
    if state[SCHEME] == NON_DELAY:
        return k, least
    start, starts = NEVER, state[JOBS] + CHOICE_START
    first = state[QUEUES] + shop[shop[LINE_PTR] + k]
    for i in range(first, first + state[state[MACHINES] + MACHINE_SIZE * k + WAITING]):
        start = min(start, state[starts + JOB_SIZE * state[i]])
    span = (least - start) * state[DELTA]
    return k, start + ((span - 1) // 100 if span > 0 else 0)


@inlined
def choose(shop, state, rank):
    """The job that comes at ``rank`` (0: first) among the competing candidates by (priority, job number).

    A rank beyond the last candidate counts from the first again. -1 if nothing can be placed any more. O(queue x rank),
    in APPEND and INSERTION O(log jobs + jobs x rank).
    """
    if state[BY_JOB]:
        return choose_of_all(shop, state, rank)
    k, latest = conflict(shop, state)
    if k < 0:
        return k
    jobs = state[JOBS]
    first = state[QUEUES] + shop[shop[LINE_PTR] + k]
    stop = first + state[state[MACHINES] + MACHINE_SIZE * k + WAITING]
    if rank > 0:
        count = 0
        for i in range(first, stop):
            count += state[jobs + JOB_SIZE * state[i] + CHOICE_START] <= latest
        rank %= count
    best, last, last_key = -1, -1, -NEVER
    while True:
        best, best_key = -1, NEVER
        for i in range(first, stop):
            j = state[i]
            value = state[jobs + JOB_SIZE * j + KEY]
            if state[jobs + JOB_SIZE * j + CHOICE_START] > latest:
                continue
            if value < last_key or (value == last_key and j <= last):
                continue
            if best < 0 or value < best_key or (value == best_key and j < best):
                best, best_key = j, value
        if rank == 0:
            return best
        rank -= 1
        last, last_key = best, best_key


@step
def choose_of_all(shop, state, rank):
    """``choose`` among the next operations of all unfinished jobs."""
    leaves = state[TREE] + state[HALF]
    if state[state[TREE] + 1] >= NEVER:
        return -1
    j = first_least(state, state[TREE], state[HALF])
    for _ in range(rank % state[UNFINISHED]):
        last, last_key = j, state[leaves + j]
        j, key = -1, NEVER
        for other in range(shop[NUM_JOBS]):
            value = state[leaves + other]
            if value < key and (value > last_key or (value == last_key and other > last)):
                j, key = other, value
    return j


@step
def advance(shop, rule, key, state, j, mode):
    """One decision: place the next operation of job ``j`` in ``mode`` and bring all candidates up to date.

    Returns its end, or NEVER if its machine stays closed (then nothing changes). O(log machines + log jobs + queue of
    the machine), in INSERTION what stands behind the gap, and in flexible shops with setups all jobs.
    """
    job = state[JOBS] + JOB_SIZE * j
    k = shop[shop[MACHINE] + mode]
    machine = state[MACHINES] + MACHINE_SIZE * k
    waited_for = shop[shop[MACHINE] + state[job + CHOICE]]
    if state[PLAIN]:
        start = max(state[job + CHOICE_START], state[machine + FREE])
        end = start + shop[shop[DURATION] + mode]
        state[machine + FREE] = end
    else:
        start, end, place = earliest(shop, state, state[job + OP], mode, arrival(shop, state, j, mode))
        if start == NEVER:
            return NEVER
        if shop[shop[DURATION] + mode] > 0 or shop[SETUP_TIME] == 0:
            put_on_line(shop, state, k, place, mode, start, end)
            state[machine + CURSOR] = place + 1
    record(shop, state, j, mode, start, end)
    if not state[LAZY]:
        unqueue(shop, state, j, waited_for)
        if state[PLAIN]:
            refresh_plain(shop, state, k, end)
        else:
            refresh(shop, rule, key, state, k)
            if waited_for != k:
                update_machine(shop, state, waited_for)
            if shop[SETUP_TIME] and shop[NUM_MODES] > shop[NUM_OPERATIONS]:
                reconsider(shop, rule, key, state, j)
    wait(shop, rule, key, state, j)
    return end
