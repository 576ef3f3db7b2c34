"""Many projects in the making, one per row: what can be placed next, and one decision in every row.

Row r builds a schedule of project ``which[r]`` in the arena (see ``ProjectArena`` in ``envs/project_arena.py``). Its
candidates are the first ``count[r]`` entries of ``task[r]`` and ``mode[r]``, by task and mode: the tasks whose
predecessors are all placed, in the modes that leave enough of every nonrenewable resource for the least spending of the
others. In the serial scheme all of them; in the parallel one those that can start at the clock, which runs on to the
next time at which one can. A row without candidates is over.

A task with a fixed start is placed as soon as it can be, without a decision.
"""

from __future__ import annotations

from typing import NamedTuple

from numpy.typing import NDArray

from makespan.solvers.kernels import cutting, inlined, kernel, step
from makespan.solvers.kernels.project_state import CLOCK, ELIGIBLE, MAKESPAN, NEVER, Direction, State
from makespan.solvers.kernels.resource_profile import earliest_fit
from makespan.solvers.kernels.serial_sgs import begin, place_task

SERIAL, PARALLEL = 0, 1
SET_SCHEME, SET_FORCED, SETTINGS = range(3)

TASK = 7
"""The row of ``ProjectArena.ptr`` for its tasks."""

BOUND, MEAN_DURATION, MOST_ARCS, MEAN_WEIGHT, MULTI_MODE, LOWER_BOUND = range(6)
"""Columns of ``ProjectArena.scale``."""

LOWER, PROGRESS_SIZE = 5, 6
"""``progress`` holds one value more than for rules: a lower bound on the makespan."""


class Project(NamedTuple):
    """One project of the arena: the arrays of ``ProjectArena`` that are its own, and ``scale``, its row of that."""

    place: NDArray
    before: NDArray
    after: NDArray
    resource: NDArray
    demand: NDArray
    piece: NDArray
    arc: NDArray
    task: NDArray
    mode: NDArray
    job: NDArray
    spend: NDArray
    transport: NDArray
    least_spend: NDArray
    least_energy: NDArray
    budget: NDArray
    renewable: NDArray
    order: NDArray
    scale: NDArray


class Row(NamedTuple):
    """A schedule in the making.

    ``activity``, ``eligible``, ``progress``, ``point``, ``point_count``, ``cursor``: as in ``project_state.State``, the
    eligible tasks by number. ``chosen`` (tasks,): the mode of each placed task, the default one of the others.
    ``budget`` (resources,): what a nonrenewable resource has left beyond the least spending of the tasks to come, or
    the least energy that these take of a renewable one. ``placed`` (tasks,): 1 or 0.
    """

    activity: NDArray
    eligible: NDArray
    progress: NDArray
    point: NDArray
    point_count: NDArray
    cursor: NDArray
    chosen: NDArray
    budget: NDArray
    placed: NDArray


@cutting
def project_of(arena, s):
    """Project ``s``."""
    ptr = arena.ptr
    return Project(
        arena.place[ptr[0, s] : ptr[0, s + 1]],
        arena.before[ptr[1, s] : ptr[1, s + 1]],
        arena.after[ptr[2, s] : ptr[2, s + 1]],
        arena.resource[ptr[3, s] : ptr[3, s + 1]],
        arena.demand[ptr[4, s] : ptr[4, s + 1]],
        arena.piece[ptr[5, s] : ptr[5, s + 1]],
        arena.arc[ptr[6, s] : ptr[6, s + 1]],
        arena.task[ptr[7, s] : ptr[7, s + 1]],
        arena.mode[ptr[8, s] : ptr[8, s + 1]],
        arena.job[ptr[9, s] : ptr[9, s + 1]],
        arena.spend[ptr[10, s] : ptr[10, s + 1]],
        arena.transport[ptr[11, s] : ptr[11, s + 1]],
        arena.least_spend[ptr[12, s] : ptr[12, s + 1]],
        arena.least_energy[ptr[13, s] : ptr[13, s + 1]],
        arena.budget[ptr[14, s] : ptr[14, s + 1]],
        arena.renewable[ptr[15, s] : ptr[15, s + 1]],
        arena.order[ptr[16, s] : ptr[16, s + 1]],
        arena.scale[s],
    )


@cutting
def row_of(p, rows, r):
    """Row ``r`` of the arrays of all rows, cut to the size of project ``p``."""
    return Row(
        rows.activity[r, : p.task.size],
        rows.eligible[r],
        rows.progress[r],
        rows.point[r],
        rows.point_count[r, : p.resource.size],
        rows.cursor[r],
        rows.chosen[r],
        rows.budget[r],
        rows.placed[r],
    )


@step
def ready_at(p, row, t, m):
    """The earliest start of an eligible task in mode ``m`` that its release and predecessors allow. O(arcs into it)."""
    place, modes, arcs, activity, chosen = p.place, p.mode, p.arc, row.activity, row.chosen
    earliest = place[t].release
    for i in range(place[t].before, place[t].before_end):
        pred, kind = arcs[i].task, arcs[i].kind
        time = activity[pred].start + arcs[i].lag
        if kind & 2:
            time += activity[pred].duration
        if kind & 1:
            time -= modes[m].duration
        if arcs[i].travels:
            origin, target = modes[chosen[pred]].machine, modes[m].machine
            if origin >= 0 and target >= 0:
                time += p.transport[origin * p.resource.size + target]
        earliest = max(earliest, time)
    return earliest


@step
def is_affordable(p, row, t, m):
    """Whether mode ``m`` of a task leaves the least spending of all other tasks that are not placed."""
    modes, spend = p.mode, p.spend
    for i in range(modes[m].spend, modes[m].spend_end):
        k = spend[i].resource
        if spend[i].amount - p.least_spend[t * p.resource.size + k] > row.budget[k]:
            return False
    return True


@step
def is_solvent(p, row):
    """Whether the least spending of all tasks is within every nonrenewable resource."""
    least = 0
    for k in range(p.resource.size):
        least = min(least, row.budget[k])
    return least == 0


@step
def list_candidates(p, setting, row, task, mode):
    """Fill ``task`` and ``mode`` with the candidates of one row; returns their number. O(modes of eligible tasks), in
    the parallel scheme times the search for a start."""
    activity, eligible, progress = row.activity, row.eligible, row.progress
    modes, tasks, several = p.mode, p.task, p.scale[MULTI_MODE] > 0
    if not is_solvent(p, row):
        return 0
    while True:
        count, following, now = 0, NEVER, progress[CLOCK]
        for e in range(progress[ELIGIBLE]):
            t = eligible[e]
            last = tasks[t + 1].first_mode if t + 1 < tasks.size else modes.size
            for m in range(tasks[t].first_mode, last):
                if not modes[m].usable or (several and not is_affordable(p, row, t, m)):
                    continue
                if setting[SET_SCHEME] == PARALLEL:
                    earliest = ready_at(p, row, t, m) if several else activity[t].start
                    if earliest <= now:
                        earliest = earliest_fit(
                            p.demand, modes[m].demand, modes[m].demand_end, p.resource, p.piece, row.point,
                            row.point_count, row.cursor, now, modes[m].duration,
                        )  # fmt: skip
                        if not several:
                            activity[t].start = earliest
                    if earliest > now:
                        following = min(following, earliest)
                        continue
                task[count], mode[count] = t, m
                count += 1
        if count > 0 or following == NEVER:
            return count
        progress[CLOCK] = following


@step
def put(p, row, t, m):
    """Place an eligible task in mode ``m``, as early as it fits. O(eligible tasks), and the search for the start."""
    activity, eligible, progress, budget, modes = row.activity, row.eligible, row.progress, row.budget, p.mode
    if p.scale[MULTI_MODE] > 0:
        activity[t].duration = modes[m].duration
        activity[t].demand = modes[m].demand
        activity[t].demand_end = modes[m].demand_end
        activity[t].start = ready_at(p, row, t, m)
    row.chosen[t] = m
    row.placed[t] = 1
    at = 0
    while eligible[at] != t:
        at += 1
    progress[ELIGIBLE] -= 1
    for i in range(at, progress[ELIGIBLE]):
        eligible[i] = eligible[i + 1]
    filled = progress[ELIGIBLE]
    place_task(
        t, p.place, p.before, p.after, p.resource, p.demand, p.piece, activity, eligible, row.point, row.point_count,
        row.cursor, progress,
    )  # fmt: skip
    for i in range(filled, progress[ELIGIBLE]):
        _sort_in(eligible, i)
    progress[LOWER] = max(progress[LOWER], progress[MAKESPAN], activity[t].start + p.task[t].tail)
    resources = p.resource.size
    for k in range(resources):
        budget[k] += p.least_spend[t * resources + k] - p.least_energy[t * resources + k]
    for i in range(modes[m].spend, modes[m].spend_end):
        budget[p.spend[i].resource] -= p.spend[i].amount


@inlined
def _sort_in(values, i):
    """Move value ``i`` among the sorted ones before it."""
    value = values[i]
    while i > 0 and values[i - 1] > value:
        values[i] = values[i - 1]
        i -= 1
    values[i] = value


@step
def place_fixed(p, row):
    """Place the eligible tasks with fixed starts, and those that this makes eligible."""
    e = 0
    while e < row.progress[ELIGIBLE]:
        t = row.eligible[e]
        if p.place[t].fixed_start >= 0:
            put(p, row, t, p.task[t].default_mode)
            e = 0
        else:
            e += 1


@step
def settle(p, setting, row, task, mode):
    """List the candidates of a row; where the only one is forced and to be taken at once, take it and list again."""
    place_fixed(p, row)
    count = list_candidates(p, setting, row, task, mode)
    while count == 1 and setting[SET_FORCED]:
        put(p, row, task[0], mode[0])
        place_fixed(p, row)
        count = list_candidates(p, setting, row, task, mode)
    return count


@step
def begin_row(p, setting, row, score, task, mode):
    """Empty schedule of a row and its first candidates; returns their number. O(tasks + resources)."""
    activity, progress, modes = row.activity, row.progress, p.mode
    row.budget[:] = 0
    row.placed[:] = 0
    for k in range(p.budget.size):
        row.budget[k] = p.budget[k]
    for t in range(activity.size):
        m = p.task[t].default_mode
        row.chosen[t] = m
        activity[t].duration = modes[m].duration
        activity[t].demand = modes[m].demand
        activity[t].demand_end = modes[m].demand_end
    begin(
        Direction(p.place, p.before, p.after, p.resource, p.demand, p.piece),
        State(activity, row.eligible, row.point, row.point_count, row.cursor, progress, score),
    )
    for i in range(1, progress[ELIGIBLE]):
        _sort_in(row.eligible, i)
    progress[LOWER] = p.scale[LOWER_BOUND]
    return settle(p, setting, row, task, mode)


@kernel
def begin_project_rows(arena, rows, first, last, setting, which, state, score, task, mode, count):
    """Begin the episodes of ``rows[first:last]`` anew. ``state``: a Row of arrays with one more axis, over rows."""
    for i in range(first, last):
        r = rows[i]
        p = project_of(arena, which[r])
        count[r] = begin_row(p, setting, row_of(p, state, r), score, task[r], mode[r])


@kernel
def step_project_rows(arena, rows, first, last, setting, which, state, score, task, mode, count, action):
    """Take candidate ``action[i]`` in row ``rows[i]`` for i from ``first`` to ``last`` - 1; rows that are over stay so.

    The actions are not checked.
    """
    for i in range(first, last):
        r = rows[i]
        if count[r] > 0:
            p = project_of(arena, which[r])
            row = row_of(p, state, r)
            put(p, row, task[r, action[i]], mode[r, action[i]])
            count[r] = settle(p, setting, row, task[r], mode[r])


@kernel
def replay_project_rows(arena, rows, first, last, setting, which, state, score, task, mode, count, action, length):
    """Take the actions ``action[i, :length[i]]`` in row ``rows[i]``; returns -1, or the i of one that is no candidate.

    Such a row is left as it was before that action.
    """
    for i in range(first, last):
        r = rows[i]
        p = project_of(arena, which[r])
        row = row_of(p, state, r)
        for j in range(length[i]):
            if action[i, j] < 0 or action[i, j] >= count[r]:
                return i
            put(p, row, task[r, action[i, j]], mode[r, action[i, j]])
            count[r] = settle(p, setting, row, task[r], mode[r])
    return -1


@kernel
def name_project_rows(arena, rows, first, last, which, task, mode, count, most_modes, identity, position, mask):
    """Names of the candidates that stay the same: mode m of task t, counted within it, is ``t * most_modes + m``.

    ``identity[r, c]`` becomes the name of candidate c of row r = ``rows[i]``, ``position[r, name]`` that c or -1, and
    ``mask[r, name]`` 1 or 0.
    """
    for i in range(first, last):
        r = rows[i]
        tasks = arena.task[arena.ptr[TASK, which[r]] :]
        position[r, :] = -1
        mask[r, :] = 0
        for c in range(count[r]):
            t = task[r, c]
            name = t * most_modes + mode[r, c] - tasks[t].first_mode
            identity[r, c] = name
            position[r, name] = c
            mask[r, name] = 1
