"""Many shops in the making, one per row: who competes for the next decision, and one decision in every row.

Row r builds a schedule of shop ``which[r]`` of the arena (see ``ShopArena`` in ``envs/shop_arena.py``) in ``state[r]``
(see ``shop_layout``). Its candidates are the first ``count[r]`` entries of ``job[r]`` and ``mode[r]``, by job and mode;
``WAIT`` in both stands for letting the clock run on to the next start. A row without candidates is over: all operations
are placed, or what is left can never start. ``setting``: see the names below.
"""

from __future__ import annotations

from makespan.solvers.kernels import inlined, kernel, step
from makespan.solvers.kernels.dispatch import (
    advance,
    arrival,
    begin,
    conflict,
    refresh,
    refresh_plain,
)
from makespan.solvers.kernels.machine_line import earliest
from makespan.solvers.kernels.priority import STATIC
from makespan.solvers.kernels.shop_layout import (
    CHOICE,
    CHOICE_START,
    FREE,
    HALF,
    INSERTION,
    JOB_PTR,
    JOB_SIZE,
    JOBS,
    LINE_PTR,
    MACHINE,
    MACHINE_SIZE,
    MACHINES,
    MODE_PTR,
    NUM_JOBS,
    NUM_MACHINES,
    NUM_MODES,
    NUM_OPERATIONS,
    OP,
    PLAIN,
    QUEUES,
    SCHEME,
    TREE,
    UNFINISHED,
    WAITING,
)
from makespan.solvers.kernels.tournament import NEVER

WAIT = -1

# Scheme and delta of ``dispatch``; whether all jobs that can start at the clock compete and the clock may run on
# without a start; which modes are candidates, see below; whether a decision between one candidate and nothing else is
# taken at once.
SET_SCHEME, SET_DELTA, SET_WAIT, SET_MODES, SET_FORCED, SETTINGS = range(6)

# Of a competing job the preferred mode alone, or every mode; or of any job those on the machine in conflict.
PREFERRED, EVERY, IN_CONFLICT = 0, 1, 2


@step
def list_candidates(shop, state, setting, job, mode):
    """Fill ``job`` and ``mode`` with the candidates of one row; returns their number.

    O(jobs) in the schemes in which all jobs compete, else O(queue^2) for the queue of the machine at its shortest form,
    an insertion sort.
    """
    if state[UNFINISHED] == 0:
        return 0
    modes = setting[SET_MODES] if shop[NUM_MODES] > shop[NUM_OPERATIONS] else PREFERRED
    if state[SCHEME] <= INSERTION:
        return _list_all(shop, state, modes == EVERY, job, mode)
    latest = state[state[TREE] + 1]
    if setting[SET_WAIT]:
        count = _list_due(shop, state, latest, job)
    else:
        k, latest = conflict(shop, state)
        if modes == IN_CONFLICT:
            return _list_conflict(shop, state, k, latest, job, mode)
        count = _list_queue(shop, state, k, latest, job)
    if modes == EVERY:
        count = _expand(shop, state, latest, count, job, mode)
    else:
        for i in range(count):
            mode[i] = state[state[JOBS] + JOB_SIZE * job[i] + CHOICE]
    if setting[SET_WAIT] and count > 0 and next_start(shop, state) < NEVER:
        job[count], mode[count] = WAIT, WAIT
        count += 1
    return count


@inlined
def _list_all(shop, state, every_mode, job, mode):
    """The next operation of every job, in its preferred mode or in all."""
    count = 0
    for j in range(shop[NUM_JOBS]):
        at = state[JOBS] + JOB_SIZE * j
        op = state[at + OP]
        if op >= shop[shop[JOB_PTR] + j + 1]:
            continue
        if every_mode:
            for m in range(shop[shop[MODE_PTR] + op], shop[shop[MODE_PTR] + op + 1]):
                _, end, _ = earliest(shop, state, op, m, arrival(shop, state, j, m))
                if end < NEVER:
                    job[count], mode[count] = j, m
                    count += 1
        elif state[at + CHOICE_START] < NEVER:
            job[count], mode[count] = j, state[at + CHOICE]
            count += 1
    return count


@inlined
def _list_due(shop, state, latest, job):
    """All jobs that can start at ``latest``, the least start there is."""
    count = 0
    if latest >= NEVER:
        return count
    for j in range(shop[NUM_JOBS]):
        at = state[JOBS] + JOB_SIZE * j
        if state[at + OP] < shop[shop[JOB_PTR] + j + 1] and state[at + CHOICE_START] <= latest:
            job[count] = j
            count += 1
    return count


@inlined
def _list_queue(shop, state, k, latest, job):
    """The jobs that wait for machine ``k`` and can start by ``latest``, by number."""
    count = 0
    if k < 0:
        return count
    first = state[QUEUES] + shop[shop[LINE_PTR] + k]
    for i in range(first, first + state[state[MACHINES] + MACHINE_SIZE * k + WAITING]):
        j = state[i]
        if state[state[JOBS] + JOB_SIZE * j + CHOICE_START] <= latest:
            place = count
            while place > 0 and job[place - 1] > j:
                job[place] = job[place - 1]
                place -= 1
            job[place] = j
            count += 1
    return count


@step
def _list_conflict(shop, state, k, latest, job, mode):
    """All modes on machine ``k`` in which a job can start by ``latest``, whichever it prefers. O(jobs x modes)."""
    count = 0
    for j in range(shop[NUM_JOBS]):
        op = state[state[JOBS] + JOB_SIZE * j + OP]
        if k < 0 or op >= shop[shop[JOB_PTR] + j + 1]:
            continue
        for m in range(shop[shop[MODE_PTR] + op], shop[shop[MODE_PTR] + op + 1]):
            if shop[shop[MACHINE] + m] == k:
                start, _, _ = earliest(shop, state, op, m, arrival(shop, state, j, m))
                if start <= latest:
                    job[count], mode[count] = j, m
                    count += 1
    return count


@step
def _expand(shop, state, latest, count, job, mode):
    """Put all modes in which the first ``count`` jobs can start by ``latest`` in their places; returns the number."""
    for i in range(count):
        mode[i] = job[i]
    total = 0
    for i in range(count):
        total += _modes_by(shop, state, mode[i], latest, job, mode, -1)
    at = total
    for i in range(count - 1, -1, -1):  # from the back: an entry is read before it is written over
        at -= _modes_by(shop, state, mode[i], latest, job, mode, -1)
        _modes_by(shop, state, mode[i], latest, job, mode, at)
    return total


@step
def _modes_by(shop, state, j, latest, job, mode, at):
    """How many modes of job ``j`` can start by ``latest``; written down from place ``at`` on, if it is no -1."""
    op = state[state[JOBS] + JOB_SIZE * j + OP]
    number = 0
    for m in range(shop[shop[MODE_PTR] + op], shop[shop[MODE_PTR] + op + 1]):
        start, _, _ = earliest(shop, state, op, m, arrival(shop, state, j, m))
        if start <= latest:
            if at >= 0:
                job[at + number], mode[at + number] = j, m
            number += 1
    return number


@step
def next_start(shop, state):
    """The least start of a waiting job after the very least, NEVER if there is none. O(jobs)."""
    least, following = state[state[TREE] + 1], NEVER
    for j in range(shop[NUM_JOBS]):
        at = state[JOBS] + JOB_SIZE * j
        if state[at + OP] < shop[shop[JOB_PTR] + j + 1] and state[at + CHOICE_START] > least:
            following = min(following, state[at + CHOICE_START])
    return following


@step
def let_pass(shop, rule, key, state):
    """Let the clock run on: nothing starts before the next start any more. O(jobs + machines x log machines)."""
    until = next_start(shop, state)
    for k in range(shop[NUM_MACHINES]):
        at = state[MACHINES] + MACHINE_SIZE * k + FREE
        state[at] = max(state[at], until)
    for k in range(shop[NUM_MACHINES]):
        if state[state[TREE] + state[HALF] + k] < until:
            if state[PLAIN]:
                refresh_plain(shop, state, k, until)
            else:
                refresh(shop, rule, key, state, k)


@step
def subtract_work(shop, share, left, first, stop):
    """Take the operations ``first`` to ``stop`` - 1, now placed, off what is left for the machines of their modes."""
    for m in range(shop[shop[MODE_PTR] + first], shop[shop[MODE_PTR] + stop]):
        k = shop[shop[MACHINE] + m]
        if k >= 0:
            left[k] -= share[m]


@step
def decide(shop, rule, key, share, state, left, j, m):
    """Place the next operation of job ``j`` in mode ``m``, or wait; returns whether that could be done."""
    if j == WAIT:
        let_pass(shop, rule, key, state)
        return True
    at = state[JOBS] + JOB_SIZE * j + OP
    before = state[at]
    done = advance(shop, rule, key, state, j, m) < NEVER
    if done:
        subtract_work(shop, share, left, before, state[at])
    return done


@step
def take_forced(shop, rule, key, share, setting, state, left, job, mode, count):
    """While there is one candidate alone and such are to be taken at once, take it; returns how many there are then."""
    while count == 1 and setting[SET_FORCED]:
        if not decide(shop, rule, key, share, state, left, job[0], mode[0]):
            return 0
        count = list_candidates(shop, state, setting, job, mode)
    return count


@step
def begin_row(shops, s, setting, rule, key, state, left, job, mode):
    """Empty schedule of a row and its first candidates; returns their number. O(size of the state)."""
    shop = shops.shop[shops.shop_ptr[s] : shops.shop_ptr[s + 1]]
    share = shops.share[shops.mode_ptr[s] : shops.mode_ptr[s + 1]]
    state[:] = 0
    for i in range(shops.header.shape[1]):
        state[i] = shops.header[s, i]
    begin(shop, rule, key, state, setting[SET_SCHEME], setting[SET_DELTA], STATIC)
    left[:] = 0
    for k in range(shop[NUM_MACHINES]):
        left[k] = shops.load[shops.machine_ptr[s] + k]
    for j in range(shop[NUM_JOBS]):  # what takes no decision stands already
        subtract_work(shop, share, left, shop[shop[JOB_PTR] + j], state[state[JOBS] + JOB_SIZE * j + OP])
    count = list_candidates(shop, state, setting, job, mode)
    return take_forced(shop, rule, key, share, setting, state, left, job, mode, count)


@step
def step_row(shops, s, setting, rule, key, state, left, job, mode, count, action):
    """Take one candidate of a row; returns how many there are then, 0 if it could not be taken."""
    shop = shops.shop[shops.shop_ptr[s] : shops.shop_ptr[s + 1]]
    share = shops.share[shops.mode_ptr[s] : shops.mode_ptr[s + 1]]
    j = job[action]
    if not decide(shop, rule, key, share, state, left, j, mode[action]):
        return 0
    if state[PLAIN] and state[SCHEME] <= INSERTION:
        count = replace_candidate(shop, state, j, action, count, job, mode)
    else:
        count = list_candidates(shop, state, setting, job, mode)
    return take_forced(shop, rule, key, share, setting, state, left, job, mode, count)


@inlined
def replace_candidate(shop, state, j, action, count, job, mode):
    """List the candidates again where a decision changes that of its own job alone."""
    at = state[JOBS] + JOB_SIZE * j
    if state[at + OP] < shop[shop[JOB_PTR] + j + 1]:
        mode[action] = state[at + CHOICE]
        return count
    for i in range(action, count - 1):
        job[i], mode[i] = job[i + 1], mode[i + 1]
    return count - 1


@kernel
def begin_rows(shops, rows, first, last, setting, rule, key, which, state, left, job, mode, count):
    """Begin the episodes of ``rows[first:last]`` anew. ``shops``: see ``ShopArena`` in ``envs/shop_arena.py``."""
    for i in range(first, last):
        r = rows[i]
        count[r] = begin_row(shops, which[r], setting, rule, key, state[r], left[r], job[r], mode[r])


@kernel
def step_rows(shops, rows, first, last, setting, rule, key, which, state, left, job, mode, count, action):
    """Take candidate ``action[i]`` in row ``rows[i]`` for i from ``first`` to ``last`` - 1; rows that are over stay so.

    The actions are not checked.
    """
    for i in range(first, last):
        r = rows[i]
        if count[r] > 0:
            count[r] = step_row(
                shops, which[r], setting, rule, key, state[r], left[r], job[r], mode[r], count[r], action[i]
            )  # fmt: skip


@kernel
def replay_rows(shops, rows, first, last, setting, rule, key, which, state, left, job, mode, count, action, length):
    """Take the actions ``action[i, :length[i]]`` in row ``rows[i]``; returns -1, or the i of one that is no candidate.

    Such a row is left as it was before that action.
    """
    for i in range(first, last):
        r = rows[i]
        for t in range(length[i]):
            if action[i, t] < 0 or action[i, t] >= count[r]:
                return i
            count[r] = step_row(
                shops, which[r], setting, rule, key, state[r], left[r], job[r], mode[r], count[r], action[i, t]
            )  # fmt: skip
    return -1


@kernel
def name_rows(shops, rows, first, last, which, job, mode, count, most_modes, identity, position, mask):
    """Names of the candidates that stay the same while a schedule grows.

    Job j in mode m of its next operation is ``j * most_modes + m``, a wait the last number. ``identity[r, c]`` becomes
    the name of candidate c of row r = ``rows[i]``, ``position[r, name]`` that c or -1, and ``mask[r, name]`` 1 or 0.
    """
    for i in range(first, last):
        r, s = rows[i], which[rows[i]]
        mode_in_task = shops.mode_in_task[shops.mode_ptr[s] : shops.mode_ptr[s + 1]]
        position[r, :] = -1
        mask[r, :] = 0
        for c in range(count[r]):
            name = mask.shape[1] - 1
            if job[r, c] >= 0:
                name = job[r, c] * most_modes + mode_in_task[mode[r, c]]
            identity[r, c] = name
            position[r, name] = c
            mask[r, name] = 1
