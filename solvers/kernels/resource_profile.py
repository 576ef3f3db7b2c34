"""Usage of each resource over time, as a sorted list of breakpoints.

Resource k owns a slice of the pool ``point`` that begins at ``resource[k].point``: from ``point[i].time`` to
``point[i + 1].time`` it uses ``point[i].used``. ``point_count[k]`` breakpoints are in use, the first at time 0, and one
more at NEVER ends the list. A placed task adds at most two, so the cost depends on the number of tasks, never on the
length of the horizon.
"""

from __future__ import annotations

from makespan.instances.instance import HORIZON_LIMIT
from makespan.solvers.kernels import inlined, step
from makespan.solvers.kernels.project_state import NEVER

PATIENCE = 1_000_000
"""Pieces of calendars that a search for one start walks through before it gives up."""


@step
def clear_profiles(resource, point, point_count):
    """Nothing is used. O(num_resources)."""
    for k in range(point_count.size):
        low = resource[k].point
        point[low].time = 0
        point[low].used = 0
        point[low + 1].time = NEVER
        point_count[k] = 1


@inlined
def find_time(table, low, count, time):
    """Position of the last of ``count`` records from ``low`` whose time is not after ``time``. O(log count)."""
    high = low + count
    while high - low > 1:
        middle = (low + high) >> 1
        if table[middle].time <= time:
            low = middle
        else:
            high = middle
    return low


@step
def earliest_fit(demand, first, last, resource, piece, point, point_count, cursor, time, duration):
    """The first start >= ``time`` at which demands ``first`` to ``last`` - 1 fit beside what is placed, or NEVER.

    Leaves the position of that start in each profile in ``cursor``, by demand. O(demands x breakpoints passed).
    """
    number = last - first
    if duration == 0 or number == 0:
        return time
    for q in range(number):
        k = demand[first + q].resource
        cursor[q] = find_time(point, resource[k].point, point_count[k], time)
    agreed, q, patience = 0, 0, PATIENCE
    while agreed < number:
        k, amount = demand[first + q].resource, demand[first + q].amount
        if resource[k].piece_end > resource[k].piece:
            found, i, patience = _fit_calendar(
                point, cursor[q], piece, resource[k].piece, resource[k].piece_end, resource[k].period,
                amount, time, duration, patience,
            )  # fmt: skip
        else:
            found, i = _fit(point, cursor[q], resource[k].capacity - amount, time, duration)
        if found >= HORIZON_LIMIT or patience <= 0:
            return NEVER
        cursor[q] = i
        agreed = agreed + 1 if found == time else 1
        time = found
        q = q + 1 if q + 1 < number else 0
    return time


@inlined
def _fit(point, i, limit, time, duration):
    """First start >= ``time`` with a usage of at most ``limit`` for ``duration``, and its position, from ``i`` on."""
    while point[i + 1].time <= time:
        i += 1
    j, end = i, time + duration
    while True:
        if point[j].used > limit:
            j += 1
            time = point[j].time
            if time == NEVER:
                return time, i
            i, end = j, time + duration
        else:
            j += 1
            if point[j].time >= end:
                return time, i


@step
def _fit_calendar(point, i, piece, low, high, period, amount, time, duration, patience):
    """As ``_fit`` under the calendar from ``low`` to ``high`` - 1; also returns what is left of ``patience``."""
    while point[i + 1].time <= time:
        i += 1
    cycle = time // period if period > 0 else 0
    c = find_time(piece, low, high - low, time - cycle * period)
    begin = i
    while patience > 0:
        patience -= 1
        if c + 1 < high:
            change = cycle * period + piece[c + 1].time
        else:
            change = (cycle + 1) * period if period > 0 else NEVER
        until = min(point[i + 1].time, change)
        fits = point[i].used + amount <= piece[c].capacity
        if fits and until >= time + duration:
            return time, begin, patience
        if until >= HORIZON_LIMIT:
            break
        if point[i + 1].time == until:
            i += 1
        if change == until:
            c += 1
            if c == high:
                c, cycle = low, cycle + 1
        if not fits:
            time, begin = until, i
    return NEVER, begin, patience


@step
def add_usage(demand, first, last, resource, point, point_count, cursor, start, duration):
    """Place demands at the start that ``earliest_fit`` has just returned. O(demands x breakpoints after it)."""
    if duration == 0:
        return
    for q in range(last - first):
        k = demand[first + q].resource
        end_of_list = resource[k].point + point_count[k]
        point_count[k] += _raise(point, cursor[q], end_of_list, start, start + duration, demand[first + q].amount)


@step
def _raise(point, i, last, start, end, amount):
    """Raise the usage from ``start`` (in piece i) to ``end``; ``last`` is the position of NEVER. Returns how many
    breakpoints were inserted, 0 to 2."""
    j = i + 1
    while point[j].time < end:
        j += 1
    split_start = 1 if point[i].time < start else 0
    split_end = 1 if point[j].time > end else 0
    before_end = point[j - 1].used
    shift = split_start + split_end
    if shift > 0:
        for p in range(last, j - 1, -1):
            point[p + shift].time = point[p].time
            point[p + shift].used = point[p].used
    if split_end:
        point[j + split_start].time = end
        point[j + split_start].used = before_end
    if split_start:
        before_start = point[i].used
        for p in range(j - 1, i, -1):
            point[p + 1].time = point[p].time
            point[p + 1].used = point[p].used + amount
        point[i + 1].time = start
        point[i + 1].used = before_start + amount
    else:
        for p in range(i, j):
            point[p].used += amount
    return shift
