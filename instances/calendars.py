"""Capacity profiles over time: what a calendar gives at a moment, and when a pausable task ends."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from makespan.instances.instance import HORIZON_LIMIT, Instance, IntArray

MAX_PIECES = 100_000
"""A task that pauses more often is refused: its calendars are finer than its duration by an absurd measure."""


def capacity_at(instance: Instance, resource: int, time: int) -> int:
    """Capacity of a renewable resource at one moment. O(log breakpoints)."""
    return next(profile(instance, resource, time))[2]


def profile(instance: Instance, resource: int, time: int) -> Iterator[tuple[int, int, int]]:
    """Pieces (from, to, capacity) of constant capacity that cover time, time + 1, … for ever.

    The last piece of a profile without period ends at HORIZON_LIMIT; neighbours may have equal capacity.
    """
    calendar = instance.calendar
    if calendar is None or not calendar.has(resource):
        yield time, HORIZON_LIMIT, int(instance.capacity[resource])
        return
    low, high = int(calendar.ptr[resource]), int(calendar.ptr[resource + 1])
    points, values = calendar.time[low:high], calendar.capacity[low:high]
    period = int(calendar.period[resource])
    cycle, phase = divmod(time, period) if period else (0, time)
    i = int(np.searchsorted(points, phase, side="right")) - 1
    while time < HORIZON_LIMIT:
        if i + 1 < points.size:
            until = cycle * period + int(points[i + 1])
        else:
            until = (cycle + 1) * period if period else HORIZON_LIMIT
        until = min(until, HORIZON_LIMIT)
        yield time, until, int(values[i])
        time, i = until, i + 1
        if i == points.size:
            cycle, i = cycle + 1, 0


def open_windows(instance: Instance, mode: int, time: int, longest: int = HORIZON_LIMIT) -> Iterator[tuple[int, int]]:
    """Maximal windows [from, to) after ``time`` in which every calendar of a mode's resources meets its demand.

    Ends when no further window exists: after a resource without period closes for good, or a whole common period
    passes without one (given up after 10 000 closed pieces). A window that stays open for ``longest`` or more is cut
    there or somewhat later and goes on as another: whoever needs no longer ones never waits for the end of time.
    """
    low, high = int(instance.demand_ptr[mode]), int(instance.demand_ptr[mode + 1])
    needs = [
        (int(k), int(amount))
        for k, amount in zip(instance.demand_resource[low:high], instance.demand_amount[low:high], strict=True)
        if instance.renewable[k]
    ]
    walks = [profile(instance, k, time) for k, _ in needs]
    pieces = [next(walk) for walk in walks]
    opened: int | None = None
    closed_for = 0
    while time < HORIZON_LIMIT:
        until = min((piece[1] for piece in pieces), default=HORIZON_LIMIT)
        is_open = all(piece[2] >= amount for piece, (_, amount) in zip(pieces, needs, strict=True))
        if is_open and opened is None:
            opened, closed_for = time, 0
        if not is_open and opened is not None:
            yield opened, time
            opened = None
        closed_for += not is_open
        if closed_for > 10_000:
            return
        for i, piece in enumerate(pieces):
            if piece[1] == until and until < HORIZON_LIMIT:
                pieces[i] = next(walks[i])
        time = until
        if opened is not None and time - opened >= longest:
            yield opened, time
            opened = None
    if opened is not None:
        yield opened, HORIZON_LIMIT


def work_pieces(instance: Instance, task: int, mode: int, start: int) -> list[tuple[int, int]]:
    """The windows in which a task runs when it starts at ``start``: one piece unless it pauses.

    A pausable task that starts in a break gets its first piece after it (the checker reports the start). Raises
    ValueError if its calendars close for good before it is done, or if it pauses more than MAX_PIECES times.
    """
    left = int(instance.duration[mode])
    if left == 0 or instance.pause is None or instance.pause[task] == 0:
        return [(start, start + left)] if left else []
    pieces = []
    for begin, until in open_windows(instance, mode, start, left):
        run = min(left, until - begin)
        pieces.append((begin, begin + run))
        left -= run
        if left == 0:
            return pieces
        if len(pieces) > MAX_PIECES:
            raise ValueError(f"{instance.task_name(task)} started at {start} pauses more than {MAX_PIECES} times")
    raise ValueError(f"{instance.task_name(task)} started at {start} never ends: its calendars stay closed")


def end_with_pauses(instance: Instance, start: IntArray, mode: IntArray, end: IntArray) -> IntArray:
    """``end`` with the ends of pausable tasks put right. O(pausable tasks x pieces)."""
    assert instance.pause is not None
    end = end.copy()
    for task in np.flatnonzero(instance.pause):
        pieces = work_pieces(instance, int(task), int(mode[task]), int(start[task]))
        if pieces:
            end[task] = pieces[-1][1]
    return end
