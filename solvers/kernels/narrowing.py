"""Narrow the windows of all tasks until no rule finds more, by propagation and by shaving.

Shaving (Carlier and Pinson 1994; Martin and Shmoys 1996, IPCO, LNCS 1084, 389-403) assumes that a task starts at the
beginning, or ends at the end, of its window, and cuts that piece off if the assumption does not hold.
"""

from __future__ import annotations

from makespan.solvers.kernels import inlined, kernel, step
from makespan.solvers.kernels.edge_finding import disjunctive
from makespan.solvers.kernels.energetic import energetic, time_table
from makespan.solvers.kernels.windows import (
    CAPACITY,
    CONTRADICTION,
    FIXED_POINT,
    GROUP,
    LONGEST,
    OUT_OF_WORK,
    PROBE,
    QUIET,
    ROWS,
    ROWS_END,
    STALE,
    VALUE,
    WORK,
    follow_arcs,
    load_group,
    mirror,
    raise_value,
    restore,
    take_over,
)

QUICK, ENERGETIC, SHAVING, ENERGETIC_SHAVING = range(4)
"""Efforts: arcs, edge finding and time-table; energetic reasoning too; shaving with the quick rules only; with all."""

MOST_ENERGETIC = 1000
"""With more tasks on a resource, energetic reasoning would take longer than a slice."""


@kernel
def narrow(w, saved, effort, unit, work):
    """Narrow the windows ``w`` for about ``work`` steps; returns FIXED_POINT, CONTRADICTION or OUT_OF_WORK.

    After OUT_OF_WORK the next call goes on where this one stopped. ``saved`` (2, 2n) is scratch, ``unit`` >= 1 the
    least piece that shaving cuts off. A million steps are a few milliseconds.
    """
    w.cursor[WORK] = work
    status = _propagate(w, effort != QUICK)
    if status != FIXED_POINT or effort < SHAVING:
        return status
    n, piece = w.task.shape[0], unit
    while w.cursor[QUIET] < 2 * n:
        before = w.cursor[WORK]
        if before <= 0:
            return OUT_OF_WORK
        task, side = w.cursor[PROBE] // 2, w.cursor[PROBE] % 2
        outcome = FIXED_POINT
        if w.task[task, LONGEST] >= 0:
            outcome = _probe(w, saved, task, side, piece, effort == ENERGETIC_SHAVING)
        if outcome == OUT_OF_WORK and before < work:
            return OUT_OF_WORK
        if outcome == CONTRADICTION:
            w.cursor[QUIET] = 0
            start = task + n * side
            if not raise_value(w, side, start, w.point[side, start, VALUE] + piece):
                return CONTRADICTION
            status = _propagate(w, True)
            if status != FIXED_POINT:
                return status
            piece *= 2
        else:
            w.cursor[QUIET] += 1
            w.cursor[PROBE] = (w.cursor[PROBE] + 1) % (2 * n)
            piece = unit
    return FIXED_POINT


@step
def _probe(w, saved, task, side, piece, with_energy):
    """What follows if a task starts (ends, on side 1) in the first ``piece`` of its window; the windows stay."""
    n = w.task.shape[0]
    start, end = task + n * side, task + n * (1 - side)
    limit = w.point[side, start, VALUE] + piece - 1
    if -w.point[1 - side, start, VALUE] <= limit:
        return FIXED_POINT
    for s in range(2):
        for p in range(2 * n):
            saved[s, p] = w.point[s, p, VALUE]
    outcome = CONTRADICTION
    if raise_value(w, 1 - side, start, -limit) and raise_value(w, 1 - side, end, -limit - w.task[task, LONGEST]):
        outcome = _propagate(w, with_energy)
    restore(w, saved)
    return outcome


@step
def _propagate(w, with_energy):
    """All rules until none finds more, the cheap ones first."""
    groups = w.group.shape[0]
    while True:
        if not follow_arcs(w):
            return CONTRADICTION
        if w.cursor[WORK] <= 0:
            return OUT_OF_WORK
        chosen, kind = -1, 0
        for kind in range(2):
            if kind == 1 and not with_energy:
                break
            for k in range(groups):
                group = (w.cursor[GROUP] + k) % groups
                if w.group[group, STALE + kind] != 0 and (kind == 0 or _has_energy(w.group, group)):
                    chosen = group
                    break
            if chosen >= 0:
                break
        if chosen < 0:
            return FIXED_POINT
        w.cursor[GROUP] = (chosen + 1) % groups
        w.group[chosen, STALE + kind] = 0
        if not _look_at(w, chosen, kind == 1):
            return CONTRADICTION


@inlined
def _has_energy(group, chosen):
    """Whether energetic reasoning looks at the group: a cumulative one, not too large for one slice."""
    return group[chosen, CAPACITY] > 0 and group[chosen, ROWS_END] - group[chosen, ROWS] <= MOST_ENERGETIC


@step
def _look_at(w, group, with_energy):
    """The rules of one group, forward and backward; False if its tasks do not fit."""
    capacity, local = w.group[group, CAPACITY], w.local
    size = load_group(w, group)
    for _ in range(2):
        if capacity == 0:
            work = 20 * size if disjunctive(local, size) else -1
        elif with_energy:
            work = energetic(local, size, capacity)
        else:
            work = time_table(local, size, capacity)
        if work < 0:
            return False
        w.cursor[WORK] -= work
        mirror(local, size)
    return take_over(w, group, size)
