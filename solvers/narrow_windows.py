"""Destructive bounds: the windows of an instance under a trial value of the objective.

If the windows that a trial value leaves to the tasks turn out empty, no schedule reaches the value. Modes, pauses,
calendars and setups are relaxed as in ``lower_bounds``: each task takes its least time and amount.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from makespan.instances.dates import deadlines, first_starts
from makespan.instances.horizon import horizon
from makespan.instances.instance import ES, NO_PAUSE, PAUSE_RELEASES, Instance, IntArray
from makespan.solvers.kernels.branching import OFF
from makespan.solvers.kernels.heads_tails import UNREACHED, raise_along_arcs
from makespan.solvers.kernels.windows import (
    AMOUNT,
    ARCS,
    ARCS_END,
    BODY,
    CURSORS,
    LOCAL_ROWS,
    PROBE,
    QUEUED,
    QUIET,
    STALE,
    TASK,
    VALUE,
    Windows,
)
from makespan.solvers.lower_bounds import TimePoints, by_source, certain_uses, durations, last_tails, time_points

Arcs = tuple[IntArray, IntArray, IntArray]

LARGEST_TIME = 2**40
MOST_ROWS = 200_000
MOST_IN_GROUP = 2000
"""Beyond these windows are not narrowed: numbers could overflow, or one step would take too long."""


@dataclass(frozen=True)
class Trials:
    """Windows that can be set to any trial value.

    ``earliest`` and ``tail`` (2n,): longest paths to and from each point; ``latest`` (2n,): from deadlines and fixed
    starts alone; ``worst``: the objective of some best schedule, if there is any, is at most that. ``windows`` and
    ``saved`` are what ``narrow`` works on. ``choice_arc`` (k, 2): where the arcs of the choices lie in
    ``windows.arc[0]`` and ``windows.arc[1]``.
    """

    windows: Windows
    saved: IntArray
    earliest: IntArray
    latest: IntArray
    tail: IntArray
    worst: int
    choice_arc: IntArray

    def set(self, value: int) -> bool:
        """Windows of schedules with an objective of at most ``value``; False if one is empty already. O(n)."""
        w = self.windows
        w.point[0, :, VALUE] = self.earliest
        w.point[1, :, VALUE] = -np.minimum(self.latest, np.where(self.tail > UNREACHED, value - self.tail, self.latest))
        w.point[:, :, QUEUED], w.group[:, STALE:], w.cursor[:] = 0, 1, 0
        return not (w.point[:, :, VALUE].sum(axis=0) > 0).any()

    def rewind(self) -> None:
        """Let shaving begin anew."""
        self.windows.cursor[[PROBE, QUIET]] = 0

    def earliest_start(self) -> IntArray:
        """Shape (num_tasks,): as the windows are now."""
        return self.windows.point[0, : self.windows.task.shape[0], VALUE].copy()

    def latest_end(self) -> IntArray:
        """Shape (num_tasks,): as the windows are now."""
        return -self.windows.point[1, self.windows.task.shape[0] :, VALUE]


def make_trials(instance: Instance, choices: IntArray | None = None) -> Trials | None:
    """None where the objective is no maximum of ends, or numbers or sizes are out of range. O(n log n).

    ``choices`` (k, 2): pairs of tasks whose arc, from the end of the first to the start of the second, will be turned
    on and off; it is off.
    """
    n = instance.num_tasks
    if n == 0 or instance.objective[0] not in ("makespan", "max_lateness") or n > MOST_ROWS:
        return None
    last = horizon(instance)
    if max(last, int(instance.capacity.max(initial=1))) > LARGEST_TIME or last * n > 2**60:
        return None
    points = _points(instance)
    size = 2 * n
    forward = by_source(points.source, points.target, points.weight, size)
    backward = by_source(points.target, points.source, points.weight, size)
    earliest = np.zeros(size, np.int64)
    earliest[:n] = first_starts(instance)
    tail = np.full(size, UNREACHED, np.int64)
    tail[n:] = last_tails(instance)
    latest = np.full(size, last, np.int64)
    latest[n:] = np.minimum(deadlines(instance), last)
    if instance.fixed_start is not None:
        fixed = instance.fixed_start >= 0
        latest[:n][fixed] = instance.fixed_start[fixed]
    if (tail[n:] == UNREACHED).all():
        return None
    worst = last + int(tail[n:].max())
    mirrored, scratch = -latest, np.empty(size, np.int64)
    for arcs, values in ((forward, earliest), (backward, tail), (backward, mirrored)):
        if raise_along_arcs(*arcs, values, scratch) >= 0:
            return None
    choice_arc = np.zeros((0, 2), np.int64)
    if choices is not None:
        points, k = _with_choices(points, choices, n), choices.shape[0]
        forward = by_source(points.source, points.target, points.weight, size)
        backward = by_source(points.target, points.source, points.weight, size)
        places = (np.argsort(np.argsort(each, kind="stable")) for each in (points.source, points.target))
        choice_arc = np.stack([place[place.size - k :] for place in places], axis=1)
    windows = _windows(instance, forward, backward)
    return Trials(windows, np.zeros((2, size), np.int64), earliest, -mirrored, tail, worst, choice_arc)


def _with_choices(points: TimePoints, choices: IntArray, n: int) -> TimePoints:
    return TimePoints(
        np.concatenate((points.source, n + choices[:, 0])),
        np.concatenate((points.target, choices[:, 1])),
        np.concatenate((points.weight, np.full(choices.shape[0], OFF))),
    )


def _points(instance: Instance) -> TimePoints:
    """Arcs between points, also from the end of a task back to its start where times reach points in other ways than
    along chains of ends and starts."""
    points = instance.derived(time_points)
    if not (instance.arc_kind != ES).any() and instance.fixed_start is None:
        return points
    n, longest = instance.num_tasks, _longest(instance)
    task = np.flatnonzero(longest >= 0)
    return TimePoints(
        np.concatenate((points.source, n + task)),
        np.concatenate((points.target, task)),
        np.concatenate((points.weight, -longest[task])),
    )


def _longest(instance: Instance) -> IntArray:
    """Shape (num_tasks,): longest time from start to end; -1 for tasks that may pause."""
    longest = durations(instance)[1]
    return longest if instance.pause is None else np.where(instance.pause == NO_PAUSE, longest, -1)


def _windows(instance: Instance, forward: Arcs, backward: Arcs) -> Windows:
    n, groups = instance.num_tasks, _groups(instance)
    row = np.concatenate([np.zeros((0, 3), np.int64), *(rows for _, rows in groups)])
    sizes = np.array([rows.shape[0] for _, rows in groups], np.int64)
    capacities = np.array([capacity for capacity, _ in groups], np.int64)
    group = np.repeat(np.arange(sizes.size), sizes)
    of = np.argsort(row[:, TASK], kind="stable")
    largest = int(sizes.max(initial=1))
    ends, of_ends = np.cumsum(sizes), np.cumsum(np.bincount(row[:, TASK], minlength=n))
    point = np.zeros((2, 2 * n, 5), np.int64)
    for side, (ptr, _, _) in enumerate((forward, backward)):
        point[side, :, ARCS], point[side, :, ARCS_END] = ptr[:-1], ptr[1:]
    rank = np.arange(row.shape[0]) - np.repeat(ends - sizes, sizes)
    return Windows(
        point=point,
        arc=np.stack([np.stack((reached, weight), axis=1) for _, reached, weight in (forward, backward)]),
        task=np.stack((np.append(0, of_ends[:-1]), of_ends, _longest(instance)), axis=1),
        member_of=group[of],
        group=np.stack((ends - sizes, ends, capacities, np.ones_like(ends), np.ones_like(ends)), axis=1),
        row=np.concatenate((row, np.tile(rank[:, None], 5)), axis=1),
        cursor=np.zeros(CURSORS, np.int64),
        local=np.zeros((LOCAL_ROWS, 2 << (largest - 1).bit_length()), np.int64),
    )


def _groups(instance: Instance) -> list[tuple[int, IntArray]]:
    """(capacity, rows) of each group: per resource those tasks no two of which fit together, with capacity 0, and
    all tasks, where that says more."""
    uses, groups = certain_uses(instance), list[tuple[int, IntArray]]()
    keeps = np.ones(uses.task.size, np.bool_) if instance.pause is None else instance.pause[uses.task] != PAUSE_RELEASES
    rows = np.empty((uses.task.size, 3), np.int64)
    rows[:, BODY], rows[:, AMOUNT], rows[:, TASK] = uses.body, uses.amount, uses.task
    order = np.argsort(uses.resource[keeps], kind="stable")
    rows, resource = rows[keeps][order], uses.resource[keeps][order]
    for group in np.split(np.arange(resource.size), np.flatnonzero(np.diff(resource)) + 1):
        if group.size < 2 or group.size > MOST_IN_GROUP:
            continue
        capacity, members = int(instance.capacity[resource[group[0]]]), rows[group]
        alone = members[members[:, AMOUNT] * 2 > capacity]
        if alone.shape[0] > 1:
            groups.append((0, alone))
        if alone.shape[0] < group.size and members[:, AMOUNT].sum() > capacity > 0:
            groups.append((capacity, members))
    return groups
