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

    One loop rather than nested functions: each level of calls would be optimised once more by the compiler.
    """
    n, cursor, local = w.task.shape[0], w.cursor, w.local
    cursor[WORK] = before = work
    task, side, start, piece = 0, 0, 0, unit
    probing = broken = False
    while True:
        status = FIXED_POINT
        if broken or not follow_arcs(w):
            status = CONTRADICTION
        elif cursor[WORK] <= 0:
            status = OUT_OF_WORK
        else:
            turn = _next_group(w, effort == ENERGETIC_SHAVING or (effort != QUICK and not probing))
            if turn >= 0:
                group, kind = turn // 2, turn % 2
                capacity, size = w.group[group, CAPACITY], load_group(w, group)
                fits = True
                for _ in range(2):
                    if not fits:
                        break
                    if capacity == 0:
                        steps = 20 * size if disjunctive(local, size) else -1
                    elif kind == 1:
                        steps = energetic(local, size, capacity)
                    else:
                        steps = time_table(local, size, capacity)
                    fits = steps >= 0
                    cursor[WORK] -= steps
                    mirror(local, size)
                if fits and take_over(w, group, size):
                    continue
                status = CONTRADICTION
        broken = False
        if probing:
            probing = False
            restore(w, saved)
            if status == OUT_OF_WORK and before < work:
                return OUT_OF_WORK
            if status == CONTRADICTION:
                cursor[QUIET] = 0
                if not raise_value(w, side, start, w.point[side, start, VALUE] + piece):
                    return CONTRADICTION
                piece *= 2
                continue
            _pass_on(cursor, n)
            piece = unit
        elif status != FIXED_POINT or effort < SHAVING:
            return status
        while cursor[QUIET] < 2 * n and not probing:
            task, side = cursor[PROBE] // 2, cursor[PROBE] % 2
            start = task + n * side
            limit = w.point[side, start, VALUE] + piece - 1
            probing = w.task[task, LONGEST] >= 0 and -w.point[1 - side, start, VALUE] > limit
            if not probing:
                _pass_on(cursor, n)
                piece = unit
        if not probing:
            return FIXED_POINT
        before = cursor[WORK]
        if before <= 0:
            return OUT_OF_WORK
        for s in range(2):
            for p in range(2 * n):
                saved[s, p] = w.point[s, p, VALUE]
        limit = w.point[side, start, VALUE] + piece - 1
        end = task + n * (1 - side)
        broken = not raise_value(w, 1 - side, start, -limit)
        broken = broken or not raise_value(w, 1 - side, end, -limit - w.task[task, LONGEST])


@inlined
def _pass_on(cursor, n):
    """The probe in turn gained nothing."""
    cursor[QUIET] += 1
    cursor[PROBE] = (cursor[PROBE] + 1) % (2 * n)


@step
def _next_group(w, with_energy):
    """The group to look at, times 2, plus 1 for its energetic rules; -1 if none is stale. Quick rules come first."""
    groups = w.group.shape[0]
    for kind in range(2 if with_energy else 1):
        for k in range(groups):
            group = (w.cursor[GROUP] + k) % groups
            if w.group[group, STALE + kind] == 0:
                continue
            rows = w.group[group, ROWS_END] - w.group[group, ROWS]
            if kind == 0 or (w.group[group, CAPACITY] > 0 and rows <= MOST_ENERGETIC):
                w.group[group, STALE + kind] = 0
                w.cursor[GROUP] = (group + 1) % groups
                return 2 * group + kind
    return -1
