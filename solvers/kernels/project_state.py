"""What the schedule generation schemes of projects work on: tables of records, one per subject.

A kernel reads ``activity[task].start``. Records rather than one array per field: a step needs twenty fields, and every
array handed down costs time in each call and in the compilation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import HORIZON_LIMIT, IndexArray
from makespan.instances.project_view import ProjectView

NEVER = 2**62
"""Later than any time; ends every list of breakpoints."""

POSITION, ELIGIBLE, MAKESPAN, BROKEN, CLOCK = range(5)
"""Entries of ``progress``: tasks placed, eligible tasks, largest end, broken constraints, parallel clock."""

DEMAND = np.dtype([("resource", np.int64), ("amount", np.int64)])
RESOURCE = np.dtype(
    [("capacity", np.int64), ("point", np.int64), ("piece", np.int64), ("piece_end", np.int64), ("period", np.int64)]
)
PIECE = np.dtype([("time", np.int64), ("capacity", np.int64)])
POINT = np.dtype([("time", np.int64), ("used", np.int64)])
ACTIVITY = np.dtype(
    [
        ("start", np.int64),
        ("duration", np.int64),
        ("demand", np.int32),
        ("demand_end", np.int32),
        ("waiting", np.int64),
    ]
)
PLACE = np.dtype(
    [
        ("release", np.int64),
        ("deadline", np.int64),
        ("fixed_start", np.int64),
        ("before", np.int32),
        ("before_end", np.int32),
        ("after", np.int32),
        ("after_end", np.int32),
    ]
)
ARC = np.dtype([("task", np.int64), ("offset", np.int64)])


class Direction(NamedTuple):
    """Forward time or its mirror image.

    ``place`` (num_tasks,) of PLACE: limits of each task and where its neighbours lie in ``before`` (num_arcs,) of ARC,
    start(task) >= start(before.task) + before.offset, and in ``after`` (num_arcs,). ``resource`` (num_resources,) of
    RESOURCE: capacity, first breakpoint of its profile, and its calendar's entries in ``piece``, none in mirrored time.
    """

    place: NDArray
    before: NDArray
    after: IndexArray
    resource: NDArray
    demand: NDArray
    piece: NDArray


class State(NamedTuple):
    """A schedule in the making; serves any number of them one after the other.

    ``activity`` (num_tasks,) of ACTIVITY: start (before a task is placed: the earliest that is known), duration and
    demands of its mode, tasks it still waits for. ``eligible`` (num_tasks,) of which ``progress[ELIGIBLE]`` are in use.
    ``point`` and ``point_count`` are the usage profiles, see ``resource_profile``; ``cursor`` remembers a position per
    demand. ``score`` (num_tasks,) holds priorities that change while a schedule grows.
    """

    activity: NDArray
    eligible: NDArray
    point: NDArray
    point_count: NDArray
    cursor: NDArray
    progress: NDArray
    score: NDArray


class Project(NamedTuple):
    """Both directions of one project, and the memory of one schedule."""

    ahead: Direction
    back: Direction
    state: State


def new_project(view: ProjectView, mode: IndexArray) -> Project:
    """Tables of a project with a mode per task, as indices into ``view.duration``. O(size of the view).

    In mirrored time there are no release dates, deadlines, fixed starts and calendars: a schedule of it is good for the
    order of its tasks; without those fields its mirror image is a schedule.
    """
    n, pool = view.num_tasks, int(view.point_ptr[-1])
    ahead = Direction(
        place=_locked(_places(view.pred_ptr, view.succ_ptr, view.release, view.deadline, view.fixed_start)),
        before=_table(ARC, view.pred_task, 0),
        after=view.succ_task,
        resource=_locked(_resources(view, view.calendar_ptr)),
        demand=_locked(_table(DEMAND, view.demand_resource, view.demand_amount)),
        piece=_locked(_table(PIECE, view.calendar_time, view.calendar_capacity)),
    )
    back = ahead._replace(
        place=_locked(_places(view.succ_ptr, view.pred_ptr, 0, HORIZON_LIMIT, -1)),
        before=_table(ARC, view.succ_task, 0),
        after=view.pred_task,
        resource=_locked(_resources(view, np.zeros_like(view.calendar_ptr))),
    )
    state = State(
        activity=np.zeros(n, ACTIVITY),
        eligible=np.zeros(n, np.int32),
        point=np.zeros(pool, POINT),
        point_count=np.zeros(view.capacity.size, np.int64),
        cursor=np.zeros(int(np.diff(view.demand_ptr).max(initial=0)) + 1, np.int64),
        progress=np.zeros(5, np.int64),
        score=np.zeros(n, np.int64),
    )
    project = Project(ahead, back, state)
    apply_modes(view, mode, project)
    return project


def _places(before_ptr: NDArray, after_ptr: NDArray, *limits: NDArray | int) -> NDArray:
    columns = (*limits, before_ptr[:-1], before_ptr[1:], after_ptr[:-1], after_ptr[1:])
    return _table(PLACE, before_ptr[:-1], *columns[1:], first=columns[0])


def _resources(view: ProjectView, calendar_ptr: NDArray) -> NDArray:
    return _table(
        RESOURCE, view.capacity, view.point_ptr[:-1], calendar_ptr[:-1], calendar_ptr[1:], view.calendar_period
    )


def _table(dtype: np.dtype, *columns: NDArray | int, first: NDArray | int | None = None) -> NDArray:
    """A table with the columns of ``dtype`` in order; its length is that of the first."""
    table = np.zeros(np.size(columns[0]), dtype)
    values = columns if first is None else (first, *columns[1:])
    for name, column in zip(dtype.names or (), values, strict=True):
        table[name] = column
    return table


def _locked(table: NDArray) -> NDArray:
    table.setflags(write=False)
    return table


def apply_modes(view: ProjectView, mode: IndexArray, project: Project) -> None:
    """Choose modes: fill durations, demands and the offsets of the arcs in both directions. O(tasks + arcs).

    An arc's kind k starts at pred's end if k & 2 and reaches succ's end if k & 1 (SS 0, SE 1, ES 2, EE 3); without
    pauses each is a distance between starts.
    """
    duration, activity = view.duration[mode], project.state.activity
    activity["duration"] = duration
    activity["demand"], activity["demand_end"] = view.demand_ptr[mode], view.demand_ptr[mode + 1]
    pred, succ = np.repeat(np.arange(mode.size), np.diff(view.succ_ptr)), view.succ_task
    offset = (
        view.arc_lag + np.where(view.arc_kind & 2, duration[pred], 0) - np.where(view.arc_kind & 1, duration[succ], 0)
    )
    if view.transport.size:
        origin, target = view.machine[mode[pred]], view.machine[mode[succ]]
        moves = view.arc_travels & (origin >= 0) & (target >= 0)
        offset += np.where(moves, view.transport[origin, target], 0)
    project.ahead.before["offset"] = offset[view.pred_arc]
    project.back.before["offset"] = offset + duration[succ] - duration[pred]
