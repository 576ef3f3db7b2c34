"""Serial schedule generation: one task after the other, each as early as precedence and resources allow.

With a regular objective the schedules are active, and some order gives an optimum. Source: Kelley (1963); Kolisch
(1996), European Journal of Operational Research 90, 320-333.
"""

from __future__ import annotations

from makespan.solvers.kernels import inlined, step
from makespan.solvers.kernels.project_state import BROKEN, CLOCK, ELIGIBLE, MAKESPAN, NEVER, POSITION
from makespan.solvers.kernels.random import below
from makespan.solvers.kernels.resource_profile import add_usage, clear_profiles, earliest_fit

GIVEN, BEST, DRAW = range(3)
"""How the next task is picked: ``key`` is the list itself; smallest key first; drawn, with a chance that grows by how
much better than the worst eligible one its key is."""


_DRAW_LIMIT = 2**31


@step
def begin(direction, state):
    """Empty schedule: fixed tasks use their resources, tasks without predecessors are eligible.

    O(num_tasks + num_resources).
    """
    demand, resource, piece, place = direction.demand, direction.resource, direction.piece, direction.place
    activity, eligible, progress = state.activity, state.eligible, state.progress
    point, point_count, cursor = state.point, state.point_count, state.cursor
    clear_profiles(resource, point, point_count)
    progress[:] = 0
    for task in range(activity.size):
        activity[task].waiting = place[task].before_end - place[task].before
        activity[task].start = place[task].release
        if activity[task].waiting == 0:
            eligible[progress[ELIGIBLE]] = task
            progress[ELIGIBLE] += 1
        fixed = place[task].fixed_start
        if fixed >= 0:
            first, last, duration = activity[task].demand, activity[task].demand_end, activity[task].duration
            fit = earliest_fit(demand, first, last, resource, piece, point, point_count, cursor, fixed, duration)
            if fit == fixed:
                add_usage(demand, first, last, resource, point, point_count, cursor, fixed, duration)
            else:
                progress[BROKEN] += 1


@step
def place_task(
    task, place, before, after, resource, demand, piece, activity, eligible, point, point_count, cursor, progress
):  # fmt: skip
    """Start an eligible task as early as it fits, not before the clock, and release the tasks that wait for it.

    What both schemes share (the serial one leaves the clock at 0); arguments are the fields of a Direction, then those
    of a State. A task that cannot be placed, misses its deadline or contradicts its fixed start adds to
    ``progress[BROKEN]``: the finished schedule is then none. Tasks that become eligible are appended to ``eligible``,
    with the earliest start their predecessors allow; taking ``task`` out is the caller's part.
    """
    first, last, duration = activity[task].demand, activity[task].demand_end, activity[task].duration
    earliest, fixed = max(activity[task].start, progress[CLOCK]), place[task].fixed_start
    start = earliest
    if fixed >= 0:
        progress[BROKEN] += activity[task].start > fixed
        start = fixed
    else:
        fit = earliest_fit(demand, first, last, resource, piece, point, point_count, cursor, earliest, duration)
        if fit == NEVER:
            progress[BROKEN] += 1
        else:
            start = fit
            add_usage(demand, first, last, resource, point, point_count, cursor, start, duration)
    activity[task].start = start
    progress[BROKEN] += start + duration > place[task].deadline
    progress[MAKESPAN] = max(progress[MAKESPAN], start + duration)
    progress[POSITION] += 1
    for i in range(place[task].after, place[task].after_end):
        following = after[i]
        activity[following].waiting -= 1
        if activity[following].waiting == 0:
            earliest = activity[following].start
            for j in range(place[following].before, place[following].before_end):
                earliest = max(earliest, activity[before[j].task].start + before[j].offset)
            activity[following].start = earliest
            eligible[progress[ELIGIBLE]] = following
            progress[ELIGIBLE] += 1


@step
def serial_slice(direction, state, pick, key, rng, steps):
    """Place up to ``steps`` more tasks; returns how many were placed.

    The schedule is complete when ``progress[POSITION]`` is num_tasks. ``key`` (num_tasks,) is read as ``pick`` says. A
    list (GIVEN) must put every task behind its predecessors. O(log num_tasks) a step for BEST, O(eligible) for DRAW,
    plus the search for the start.
    """
    place, before, after = direction.place, direction.before, direction.after
    resource, demand, piece = direction.resource, direction.demand, direction.piece
    activity, eligible, progress = state.activity, state.eligible, state.progress
    point, point_count, cursor = state.point, state.point_count, state.cursor
    if pick == BEST and progress[POSITION] == 0:
        for filled in range(1, progress[ELIGIBLE]):
            _sift_up(eligible, filled, key)
    placed = 0
    while placed < steps and progress[POSITION] < activity.size:
        if pick == GIVEN:
            task = key[progress[POSITION]]
            progress[ELIGIBLE] = 0
        elif pick == BEST:
            task = _pop(eligible, progress, key)
        else:
            at = draw(eligible, progress[ELIGIBLE], key, rng)
            task = eligible[at]
            progress[ELIGIBLE] -= 1
            eligible[at] = eligible[progress[ELIGIBLE]]
        filled = progress[ELIGIBLE]
        place_task(
            task,
            place,
            before,
            after,
            resource,
            demand,
            piece,
            activity,
            eligible,
            point,
            point_count,
            cursor,
            progress,
        )
        if pick == BEST:
            for i in range(filled, progress[ELIGIBLE]):
                _sift_up(eligible, i, key)
        placed += 1
    return placed


@step
def draw(task, number, key, rng):
    """Position of one of the first ``number`` tasks, drawn by regret.

    A task's weight is the distance of its key from the largest, plus one (regret-based biased random sampling with
    exponent 1: Drexl 1991, Management Science 37, 1590-1602). Distances so large that the weights could add up to more
    than 2**31 are halved until they do not.
    """
    worst = best = key[task[0]]
    for i in range(1, number):
        worst = max(worst, key[task[i]])
        best = min(best, key[task[i]])
    shift = 0
    while number * (((worst - best) >> shift) + 1) > _DRAW_LIMIT:
        shift += 1
    total = number
    for i in range(number):
        total += (worst - key[task[i]]) >> shift
    left = below(rng, total)
    for i in range(number):
        left -= ((worst - key[task[i]]) >> shift) + 1
        if left < 0:
            return i
    return number - 1


@step
def _pop(heap, progress, key):
    """Take the task with the smallest key (then number) from a heap of ``progress[ELIGIBLE]``."""
    top = heap[0]
    progress[ELIGIBLE] -= 1
    size = progress[ELIGIBLE]
    moved, i = heap[size], 0
    while 2 * i + 1 < size:
        child = 2 * i + 1
        if child + 1 < size and _is_before(heap[child + 1], heap[child], key):
            child += 1
        if not _is_before(heap[child], moved, key):
            break
        heap[i] = heap[child]
        i = child
    heap[i] = moved
    return top


@step
def _sift_up(heap, i, key):
    task = heap[i]
    while i > 0 and _is_before(task, heap[(i - 1) >> 1], key):
        heap[i] = heap[(i - 1) >> 1]
        i = (i - 1) >> 1
    heap[i] = task


@inlined
def _is_before(task, other, key):
    return key[task] < key[other] or (key[task] == key[other] and task < other)
