"""Parallel schedule generation: a clock, and at each time the tasks that can start now.

The schedules are non-delay: no task that could start waits. They may exclude every optimum. Source: Brooks and White
(1965); Kolisch (1996), European Journal of Operational Research 90, 320-333.
"""

from __future__ import annotations

from makespan.solvers.kernels import inlined, step
from makespan.solvers.kernels.project_state import CLOCK, ELIGIBLE, NEVER, POSITION
from makespan.solvers.kernels.resource_profile import earliest_fit, find_time
from makespan.solvers.kernels.serial_sgs import DRAW, draw, place_task


@step
def startable(direction, state):
    """Advance the clock until a task can start; returns how many can, the first entries of ``eligible``.

    Every eligible task keeps as its start a time before which it does not fit; placing more only moves it later, so a
    task is looked at again when the clock reaches that time. 0 means that nothing can ever start.
    """
    place, resource, demand, piece = direction.place, direction.resource, direction.demand, direction.piece
    activity, eligible, progress = state.activity, state.eligible, state.progress
    point, point_count, cursor = state.point, state.point_count, state.cursor
    while True:
        ready, following, now = 0, NEVER, progress[CLOCK]
        for i in range(progress[ELIGIBLE]):
            task = eligible[i]
            starts = place[task].fixed_start >= 0
            if not starts:
                earliest = activity[task].start
                if earliest <= now:
                    first, last, duration = activity[task].demand, activity[task].demand_end, activity[task].duration
                    earliest = earliest_fit(
                        demand, first, last, resource, piece, point, point_count, cursor, now, duration
                    )
                    activity[task].start = earliest
                    starts = earliest == now
                if not starts:
                    following = min(following, earliest)
            if starts:
                eligible[i] = eligible[ready]
                eligible[ready] = task
                ready += 1
        if ready > 0 or following == NEVER:
            return ready
        progress[CLOCK] = following


@step
def parallel_slice(direction, state, pick, key, worst_case, rng, steps):
    """Place up to ``steps`` more tasks; returns how many were placed, fewer if nothing can ever start.

    ``pick`` is BEST or DRAW. With ``worst_case`` the keys are latest starts and the priority is the worst-case slack.
    """
    place, before, after = direction.place, direction.before, direction.after
    resource, demand, piece = direction.resource, direction.demand, direction.piece
    activity, eligible, progress = state.activity, state.eligible, state.progress
    point, point_count, cursor = state.point, state.point_count, state.cursor
    placed = 0
    score = state.score if worst_case else key
    while placed < steps and progress[POSITION] < activity.size:
        ready = startable(direction, state)
        if ready == 0:
            break
        if worst_case:
            _worst_case_slack(
                demand, resource, activity, eligible, point, point_count, progress[CLOCK], ready, key, score
            )
        at = draw(eligible, ready, score, rng) if pick == DRAW else _best(eligible, ready, score)
        task = eligible[at]
        progress[ELIGIBLE] -= 1
        eligible[at] = eligible[progress[ELIGIBLE]]
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
        placed += 1
    return placed


@inlined
def _best(task, number, key):
    """Position of the smallest key, then the smallest number."""
    at = 0
    for i in range(1, number):
        if key[task[i]] < key[task[at]] or (key[task[i]] == key[task[at]] and task[i] < task[at]):
            at = i
    return at


@step
def _worst_case_slack(demand, resource, activity, eligible, point, point_count, now, ready, latest, score):
    """``score`` of the startable tasks: latest start less the latest time that any other one, started now, pushes them
    to. O(ready^2 x demands). Source: Kolisch (1996), Journal of Operations Management 14, 179-192."""
    for i in range(ready):
        task = eligible[i]
        pushed = now
        for j in range(ready):
            if j != i:
                other = eligible[j]
                pushed = max(pushed, _earliest_beside(demand, resource, activity, point, point_count, now, task, other))
        score[task] = latest[task] - pushed


@step
def _earliest_beside(demand, resource, activity, point, point_count, now, task, other):
    """When ``task`` could start if ``other`` started now; both could start now alone."""
    end = now + activity[other].duration
    pushed = now
    i, j = activity[task].demand, activity[other].demand
    while i < activity[task].demand_end and j < activity[other].demand_end:
        k = demand[i].resource
        if k < demand[j].resource:
            i += 1
        elif k > demand[j].resource:
            j += 1
        else:
            limit = resource[k].capacity - demand[i].amount - demand[j].amount
            p = find_time(point, resource[k].point, point_count[k], now)
            while point[p].used > limit and point[p].time < end:
                p += 1
            pushed = max(pushed, min(end, point[p].time))
            i += 1
            j += 1
    return pushed
