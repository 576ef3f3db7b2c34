"""Serial schedule generation from activity lists on lists of breakpoints: for every field of ``project_state``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import IndexArray, IntArray
from makespan.instances.project_view import ProjectView
from makespan.solvers.kernels import step
from makespan.solvers.kernels.project_state import BROKEN, MAKESPAN, Direction, State, new_project
from makespan.solvers.kernels.serial_sgs import GIVEN, begin, serial_slice

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

    ``machine`` (num_modes,), ``transport``, ``demand_ptr`` as in ``ProjectView``; ``chain`` (num_arcs,) of CHAIN;
    ``key`` (num_tasks,) is scratch.
    """

    ahead: Direction
    back: Direction
    state: State
    chain: NDArray
    machine: IndexArray
    transport: IntArray
    demand_ptr: IndexArray
    key: IntArray


def new_events(view: ProjectView) -> Events:
    """Tables of a project, and the memory of one schedule. O(size of the view)."""
    project = new_project(view, view.mode_ptr[:-1])
    ahead, back = (side._replace(place=side.place.copy()) for side in (project.ahead, project.back))
    chain = np.zeros(view.succ_task.size, CHAIN)
    chain["pred"] = np.repeat(np.arange(view.num_tasks), np.diff(view.succ_ptr))
    chain["succ"], chain["kind"], chain["lag"] = view.succ_task, view.arc_kind, view.arc_lag
    chain["travels"] = view.arc_travels
    chain["ahead"][view.pred_arc] = np.arange(chain.size)
    chain.setflags(write=False)
    key = np.zeros(view.num_tasks, np.int64)
    return Events(ahead, back, project.state, chain, view.machine, view.transport, view.demand_ptr, key)


@step
def schedule_on_events(events, side, duration, mode, rng, child):
    """As ``schedule_on_grid`` without a choice of modes; returns the largest end and how many tasks broke a constraint.

    ``rng`` is left alone. O(arcs + the cost of ``serial_slice``).
    """
    activity, chain = events.state.activity, events.chain
    for task in range(child.size):
        m = mode[task]
        activity[task].duration = duration[m]
        activity[task].demand = events.demand_ptr[m]
        activity[task].demand_end = events.demand_ptr[m + 1]
        events.key[task] = child[task].task
        if side:
            events.back.place[task].release = child[task].release
        else:
            events.ahead.place[task].release = child[task].release
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
    serial_slice(direction, events.state, GIVEN, events.key, rng, child.size)
    for task in range(child.size):
        child[task].start = activity[task].start
    return events.state.progress[MAKESPAN], events.state.progress[BROKEN]
