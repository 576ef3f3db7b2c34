"""Time-table and energetic reasoning for tasks that share a cumulative resource.

Sources: Baptiste, Le Pape and Nuijten (1999), Annals of Operations Research 92, 305-333, for the energy that tasks
must use within an interval; Fox (1990) and Le Pape (1994) for the time-table of what must run.
"""

from __future__ import annotations

from makespan.solvers.kernels import step
from makespan.solvers.kernels.windows import (
    BY_EARLIEST_END,
    BY_END,
    BY_LATEST_START,
    BY_SUM,
    END,
    NEED,
    NEW_START,
    ORDER,
    START,
    TIME,
    TREE,
)

ADJUSTED = 300
"""Up to this many tasks on a resource energetic reasoning also moves windows; with more it only refutes."""

FAR = 2**60

_BEGIN, _HEIGHT, _UNTIL = range(TREE, TREE + 3)
"""Rows of ``local`` that hold the profile of what must run, by segment."""


@step
def time_table(local, size, capacity):
    """No task of a loaded group may run where what must run leaves it no room. Returns the steps taken, about O(rows)
    where windows are narrow and O(rows^2) at worst; -1 if what must run is too much already."""
    segments = _profile(local, size)
    work = 2 * size + segments
    for segment in range(segments):
        if local[_HEIGHT, segment] > capacity:
            return -1
    for task in range(size):
        work += _push(local, segments, task, capacity)
    return work


@step
def _profile(local, size):
    """Write what must run into ``local``: begin, height and end of each segment; returns how many. A task must run from
    its latest start to its earliest end."""
    coming, going, height, count = 0, 0, 0, 0
    while going < size:
        task = local[ORDER + BY_EARLIEST_END, going]
        end = local[START, task] + local[TIME, task]
        if end <= local[END, task] - local[TIME, task]:
            going += 1
            continue
        time = end
        while coming < size:
            other = local[ORDER + BY_LATEST_START, coming]
            start = local[END, other] - local[TIME, other]
            if start < local[START, other] + local[TIME, other]:
                time = min(time, start)
                break
            coming += 1
        if count > 0:
            local[_UNTIL, count - 1] = time
            if local[_HEIGHT, count - 1] == 0 or local[_BEGIN, count - 1] == time:
                count -= 1
        while coming < size:
            other = local[ORDER + BY_LATEST_START, coming]
            start = local[END, other] - local[TIME, other]
            if start < local[START, other] + local[TIME, other]:
                if start != time:
                    break
                height += local[NEED, other]
            coming += 1
        while going < size:
            other = local[ORDER + BY_EARLIEST_END, going]
            end = local[START, other] + local[TIME, other]
            if local[END, other] - local[TIME, other] < end:
                if end != time:
                    break
                height -= local[NEED, other]
            going += 1
        local[_BEGIN, count], local[_HEIGHT, count] = time, height
        count += 1
    return max(0, count - 1)


@step
def _push(local, segments, task, capacity):
    """Raise the start of a task to where it fits beside what must run; returns the segments looked at."""
    start, time, room = local[START, task], local[TIME, task], capacity - local[NEED, task]
    must_start, must_end = local[END, task] - time, start + time
    low, high = 0, segments
    while low < high:  # the first segment that ends after the start
        middle = (low + high) // 2
        if local[_UNTIL, middle] <= start:
            low = middle + 1
        else:
            high = middle
    looked = 1
    for segment in range(low, segments):
        looked += 1
        if local[_BEGIN, segment] >= start + time:
            break
        height = local[_HEIGHT, segment]
        if must_start < must_end and local[_BEGIN, segment] >= must_start and local[_UNTIL, segment] <= must_end:
            height -= local[NEED, task]
        if height > room:
            start = local[_UNTIL, segment]
            if start > must_start:
                break
    local[NEW_START, task] = max(local[NEW_START, task], start)
    return looked


@step
def energetic(local, size, capacity):
    """What must run within an interval needs energy; refute and move windows by it.

    Intervals begin where a task can or must start and end where the slope of the energy falls. Returns the steps taken:
    O(rows^2) to refute, up to O(rows^3) to move; -1 if an interval has not the energy that it needs.
    """
    largest, highest = 0, 0
    for i in range(size):
        largest = max(largest, local[NEED, i] * local[TIME, i])
        highest = max(highest, local[NEED, i])
    if size > ADJUSTED:
        largest = 0
    work = 0
    for i in range(2 * size):
        task = i // 2
        begin = local[START, task] if i % 2 == 0 else local[END, task] - local[TIME, task]
        steps = _intervals_from(local, size, begin, capacity, largest, highest)
        if steps < 0:
            return -1
        work += steps
    return work


@step
def _intervals_from(local, size, begin, capacity, largest, highest):
    """Look at all intervals that begin at ``begin``; returns the steps, -1 if one needs more energy than it has.

    Task i must run in [begin, t) for min(a, max(0, t - b)), where a is what remains of it after ``begin`` if it runs as
    early as it can, and b >= begin its latest start: a sum of slopes, swept over t.
    """
    work = 6 * size
    slope, energy, now = 0, 0, begin
    for i in range(size):
        if local[START, i] + local[TIME, i] > begin and local[END, i] - local[TIME, i] <= begin:
            slope += local[NEED, i]
    by_start = by_full = by_early = by_sum = 0
    while True:
        starts = fulls = earlies = sums = FAR
        while by_start < size:  # the slope rises where a task must have started
            i = local[ORDER + BY_LATEST_START, by_start]
            start = local[END, i] - local[TIME, i]
            if start > begin and local[START, i] + local[TIME, i] > begin:
                starts = start
                break
            by_start += 1
        while by_full < size:  # it falls at the latest end of a task that lies behind ``begin`` as a whole
            i = local[ORDER + BY_END, by_full]
            if local[START, i] >= begin:
                fulls = local[END, i]
                break
            by_full += 1
        while by_early < size:  # at the earliest end of one that must run at ``begin``
            i = local[ORDER + BY_EARLIEST_END, by_early]
            end = local[START, i] + local[TIME, i]
            if local[START, i] < begin and end > begin and local[END, i] - local[TIME, i] <= begin:
                earlies = end
                break
            by_early += 1
        while by_sum < size:  # and where the rest of any other one is full
            i = local[ORDER + BY_SUM, by_sum]
            end = local[START, i] + local[TIME, i]
            if local[START, i] < begin and end > begin and local[END, i] - local[TIME, i] > begin:
                sums = local[START, i] + local[END, i] - begin
                break
            by_sum += 1
        following = min(min(starts, fulls), min(earlies, sums))
        if following == FAR:
            return work
        energy += slope * (following - now)
        now = following
        if starts == now:
            slope += local[NEED, local[ORDER + BY_LATEST_START, by_start]]
            by_start += 1
            continue
        if fulls == now:
            slope -= local[NEED, local[ORDER + BY_END, by_full]]
            by_full += 1
        elif earlies == now:
            slope -= local[NEED, local[ORDER + BY_EARLIEST_END, by_early]]
            by_early += 1
        else:
            slope -= local[NEED, local[ORDER + BY_SUM, by_sum]]
            by_sum += 1
        if now > begin:
            room = capacity * (now - begin) - energy
            if room < 0:
                return -1
            if room < min(largest, highest * (now - begin)):
                work += size
                _move(local, size, begin, now, room)


@step
def _move(local, size, begin, end, room):
    """Raise the starts of tasks that, run as early as they can, would need more than ``room`` beside the others."""
    for i in range(size):
        start, time, need = local[START, i], local[TIME, i], local[NEED, i]
        early = min(min(time, end - begin), min(start + time - begin, end - start))
        if early * need <= room:
            continue
        late = min(min(time, end - begin), min(start + time - begin, end - local[END, i] + time))
        own = need * max(0, min(early, late))
        if early * need - own > room:
            local[NEW_START, i] = max(local[NEW_START, i], end - (room + own) // need)
