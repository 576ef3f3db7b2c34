"""Serial schedule generation from activity lists on lists of breakpoints: for every field of ``project_state``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import IndexArray, IntArray
from makespan.instances.project_view import ProjectView
from makespan.solvers.kernels import step
from makespan.solvers.kernels.project_state import BROKEN, NEVER, Direction, State, new_project
from makespan.solvers.kernels.resource_profile import add_usage, earliest_fit
from makespan.solvers.kernels.serial_sgs import begin

CHAIN = np.dtype(
    [
        ("pred", np.int32),
        ("succ", np.int32),
        ("kind", np.int32),
        ("travels", np.int32),
        ("lag", np.int64),
        ("ahead", np.int64),
    ]
)
"""An arc; ``ahead`` is its position in the table of forward time."""


class Events(NamedTuple):
    """A project in both directions, and what its offsets depend on.

    ``machine`` (num_modes,), ``transport``, ``demand_ptr`` as in ``ProjectView``; ``chain`` (num_arcs,) of CHAIN.
    """

    ahead: Direction
    back: Direction
    state: State
    chain: NDArray
    machine: IndexArray
    transport: IntArray
    demand_ptr: IndexArray


def new_events(view: ProjectView) -> Events:
    """Tables of a project, and the memory of one schedule. O(size of the view)."""
    project = new_project(view, view.mode_ptr[:-1])
    chain = np.zeros(view.succ_task.size, CHAIN)
    chain["pred"] = np.repeat(np.arange(view.num_tasks), np.diff(view.succ_ptr))
    chain["succ"], chain["kind"], chain["lag"] = view.succ_task, view.arc_kind, view.arc_lag
    chain["travels"] = view.arc_travels
    chain["ahead"][view.pred_arc] = np.arange(chain.size)
    chain.setflags(write=False)
    return Events(project.ahead, project.back, project.state, chain, view.machine, view.transport, view.demand_ptr)


@step
def schedule_on_events(events, side, duration, mode, child):
    """As ``schedule_on_grid`` without a choice of modes; returns the largest end and how many tasks broke a constraint.

    Durations and offsets are first filled in for these modes. O(arcs + demands x breakpoints passed).
    """
    activity, chain = events.state.activity, events.chain
    for task in range(child.size):
        m = mode[task]
        activity[task].duration = duration[m]
        activity[task].demand = events.demand_ptr[m]
        activity[task].demand_end = events.demand_ptr[m + 1]
    for i in range(chain.size):
        pred, succ = mode[chain[i].pred], mode[chain[i].succ]
        offset = chain[i].lag
        if chain[i].kind & 2:
            offset += duration[pred]
        if chain[i].kind & 1:
            offset -= duration[succ]
        if chain[i].travels and events.machine[pred] >= 0 and events.machine[succ] >= 0:
            offset += events.transport[events.machine[pred], events.machine[succ]]
        events.ahead.before[chain[i].ahead].offset = offset
        events.back.before[i].offset = offset + duration[succ] - duration[pred]
    direction = events.ahead
    if side:
        direction = events.back
    begin(direction, events.state)
    place, before, resource, demand = direction.place, direction.before, direction.resource, direction.demand
    point, point_count, cursor = events.state.point, events.state.point_count, events.state.cursor
    last, broken = 0, events.state.progress[BROKEN]
    for position in range(child.size):
        task = child[position].task
        first, until, length = activity[task].demand, activity[task].demand_end, activity[task].duration
        start, fixed = child[task].release, place[task].fixed_start
        for i in range(place[task].before, place[task].before_end):
            start = max(start, child[before[i].task].start + before[i].offset)
        if fixed >= 0:
            broken += start > fixed
            start = fixed
        else:
            fit = earliest_fit(
                demand, first, until, resource, direction.piece, point, point_count, cursor, start, length
            )
            if fit == NEVER:
                broken += 1
            else:
                start = fit
                add_usage(demand, first, until, resource, point, point_count, cursor, start, length)
        child[task].start = start
        broken += start + length > place[task].deadline
        last = max(last, start + length)
    return last, broken
