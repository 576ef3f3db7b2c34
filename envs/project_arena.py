"""The projects of a batch, one behind the other in a few arrays that every kernel of the environments takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.features import unsupported
from makespan.instances.instance import HORIZON_LIMIT, Instance, IntArray
from makespan.instances.project_view import PROJECT_FEATURES, ProjectView, project_view
from makespan.solvers.kernels.project_state import new_project

ARC_RULE = np.dtype([("task", np.int64), ("kind", np.int64), ("lag", np.int64), ("travels", np.int64)])
"""An arc into a task: where it comes from, its kind (SS 0, SE 1, ES 2, EE 3), lag, and whether transport adds to it."""

TASK = np.dtype(
    [
        ("first_mode", np.int64),
        ("default_mode", np.int64),
        ("tail", np.int64),
        ("job", np.int64),
        ("due", np.int64),
        ("weight", np.int64),
        ("release", np.int64),
    ]
)
"""First mode and the mode before one is chosen; the least time from its start to the end of the project; its job (-1:
none), and its own due date, weight and release."""

MODE = np.dtype(
    [
        ("duration", np.int64),
        ("usable", np.int64),
        ("demand", np.int64),
        ("demand_end", np.int64),
        ("spend", np.int64),
        ("spend_end", np.int64),
        ("machine", np.int64),
    ]
)
"""Duration, whether it can be used at all, its demands and spendings, and its machine."""

JOB = np.dtype([("due", np.int64), ("weight", np.int64), ("release", np.int64)])

PARTS = (
    "place", "before", "after", "resource", "demand", "piece", "arc", "task", "mode", "job", "spend", "transport",
    "least_spend", "least_energy", "budget", "renewable", "order",
)  # fmt: skip
"""The arrays that an instance has one of, in the order of ``ProjectArena.ptr``."""


class ProjectArena(NamedTuple):
    """All arrays read-only; part p of project s lies at ``x[ptr[p, s]:ptr[p, s + 1]]``.

    Parameters
    ----------
    place, before, after, resource, demand, piece
        See ``project_state.Direction``; ``before`` holds the offsets of projects with one mode per task.
    arc
        ARC_RULE, beside ``before``.
    task, mode, job
        TASK, MODE (and one more that ends them), JOB.
    spend
        DEMAND on nonrenewable resources, by mode.
    transport
        Travel times, row by row; empty without any.
    least_spend, least_energy
        Per task and resource: the least that any usable mode spends of it, or uses of it times its duration.
    budget
        Per resource: what is left of a nonrenewable one after the least spending of all tasks; of a renewable one the
        least energy of all tasks.
    renewable
        Per resource, 1 or 0.
    order
        The tasks in topological order.
    scale
        Shape (projects, 6) float64: a lower bound on the makespan but at least 1, mean duration (at least 1), most
        arcs at a task (at least 1), mean weight (at least 1), 1 if a task has several modes, and that bound itself.
    ptr
        Shape (len(PARTS), projects + 1).
    """

    place: NDArray[Any]
    before: NDArray[Any]
    after: NDArray[Any]
    resource: NDArray[Any]
    demand: NDArray[Any]
    piece: NDArray[Any]
    arc: NDArray[Any]
    task: NDArray[Any]
    mode: NDArray[Any]
    job: NDArray[Any]
    spend: NDArray[Any]
    transport: IntArray
    least_spend: IntArray
    least_energy: IntArray
    budget: IntArray
    renewable: IntArray
    order: IntArray
    scale: NDArray[np.float64]
    ptr: IntArray


def project_arena(instances: Sequence[Instance]) -> ProjectArena:
    """The arena of these instances. O(size), the parts of each instance being kept with it.

    Raises ValueError if one has features that schedule generation does not take, or arcs that close a cycle.
    """
    parts = [instance.derived(_parts) for instance in instances]
    joined, ptr = [], []
    for name in PARTS:
        own = [each[name] for each in parts]
        ptr.append(np.concatenate((np.zeros(1, np.int64), np.cumsum([part.size for part in own]))))
        joined.append(np.concatenate(own))
    scale = np.stack([each["scale"] for each in parts])
    arena = ProjectArena(**dict(zip(PARTS, joined, strict=True)), scale=scale, ptr=np.stack(ptr))
    for array in arena:
        array.setflags(write=False)
    return arena


def _parts(instance: Instance) -> dict[str, NDArray[Any]]:
    if refusal := unsupported(instance, PROJECT_FEATURES, "schedule generation"):
        raise ValueError(refusal)
    view = project_view(instance)
    if not view.is_acyclic:
        raise ValueError(f"{instance.name}: found arcs that close a cycle, expected none")
    usable = _usable(instance, view)
    default = _default_modes(view, usable)
    ahead = new_project(view, default.astype(np.int32)).ahead
    task, mode = np.zeros(view.num_tasks, TASK), np.zeros(view.duration.size, MODE)
    mode["duration"], mode["usable"], mode["machine"] = view.duration, usable, view.machine
    mode["demand"], mode["demand_end"] = view.demand_ptr[:-1], view.demand_ptr[1:]
    mode["spend"], mode["spend_end"] = view.spend_ptr[:-1], view.spend_ptr[1:]
    task["first_mode"], task["default_mode"] = view.mode_ptr[:-1], default
    task["job"] = -1 if instance.job is None else instance.job
    task["due"] = HORIZON_LIMIT if instance.due is None else instance.due
    task["weight"] = 1 if instance.weight is None else instance.weight
    task["release"] = 0 if instance.release is None else instance.release
    task["tail"] = _tails(view, usable)
    arc = np.zeros(view.pred_task.size, ARC_RULE)
    arc["task"], arc["kind"] = view.pred_task, view.arc_kind[view.pred_arc]
    arc["lag"], arc["travels"] = view.arc_lag[view.pred_arc], view.arc_travels[view.pred_arc]
    spend = np.zeros(view.spend_resource.size, ahead.demand.dtype)
    spend["resource"], spend["amount"] = view.spend_resource, view.spend_amount
    least_spend = _least(view, usable, view.spend_ptr, view.spend_resource, view.spend_amount)
    energy = view.demand_amount * np.repeat(view.duration, np.diff(view.demand_ptr))
    least_energy = _least(view, usable, view.demand_ptr, view.demand_resource, energy)
    budget = np.where(instance.renewable, least_energy.sum(0), instance.capacity - least_spend.sum(0))
    return {
        "place": ahead.place, "before": ahead.before, "after": ahead.after, "resource": ahead.resource,
        "demand": ahead.demand, "piece": ahead.piece, "arc": arc, "task": task, "mode": mode, "job": _jobs(instance),
        "spend": spend, "transport": view.transport.ravel(), "least_spend": least_spend.ravel(),
        "least_energy": least_energy.ravel(), "budget": budget.astype(np.int64),
        "renewable": instance.renewable.astype(np.int64), "order": view.order.astype(np.int64),
        "scale": _scale(instance, view, task, least_energy),
    }  # fmt: skip


def _usable(instance: Instance, view: ProjectView) -> NDArray[np.bool_]:
    """Modes that can be chosen: a task with a fixed start and free modes keeps its shortest."""
    usable = view.usable.copy()
    if instance.fixed_start is not None:
        for task in np.flatnonzero(instance.fixed_start >= 0).tolist():
            own = np.arange(view.mode_ptr[task], view.mode_ptr[task + 1])
            left = own[usable[own]]
            if left.size > 1:
                usable[left] = False
                usable[left[np.argmin(view.duration[left])]] = True
    return usable


def _default_modes(view: ProjectView, usable: NDArray[np.bool_]) -> IntArray:
    """The shortest usable mode of each task, its first if it has none."""
    task = np.repeat(np.arange(view.num_tasks), np.diff(view.mode_ptr))
    order = np.lexsort((np.arange(task.size), view.duration, ~usable, task))
    first: IntArray = order[view.mode_ptr[:-1]]
    return first


def _tails(view: ProjectView, usable: NDArray[np.bool_]) -> IntArray:
    """The least time from the start of each task to the end of the project. O(tasks + arcs)."""
    never = 2**60
    first = view.mode_ptr[:-1]
    if not first.size:
        return np.zeros(0, np.int64)
    short = np.minimum.reduceat(np.where(usable, view.duration, never), first)
    short = np.where(short == never, np.minimum.reduceat(view.duration, first), short)
    long = np.maximum.reduceat(np.where(usable, view.duration, 0), first)
    pred = np.repeat(np.arange(view.num_tasks), np.diff(view.succ_ptr))
    least = (
        view.arc_lag
        + np.where(view.arc_kind & 2, short[pred], 0)
        - np.where(view.arc_kind & 1, long[view.succ_task], 0)
    )
    tail, ptr, succ, least_of = short.tolist(), view.succ_ptr.tolist(), view.succ_task.tolist(), least.tolist()
    for task in reversed(view.order.tolist()):
        for arc in range(ptr[task], ptr[task + 1]):
            tail[task] = max(tail[task], least_of[arc] + tail[succ[arc]])
    return np.array(tail, np.int64)


def _least(
    view: ProjectView, usable: NDArray[np.bool_], ptr: NDArray[Any], resource: NDArray[Any], amount: NDArray[Any]
) -> IntArray:
    """Shape (tasks, resources): the least amount of each resource over the usable modes of a task."""
    never = 2**60
    table = np.zeros((view.duration.size, view.capacity.size), np.int64)
    table[np.repeat(np.arange(view.duration.size), np.diff(ptr)), resource] = amount
    if not table.size:
        return np.zeros((view.num_tasks, view.capacity.size), np.int64)
    table[~usable] = never
    least = np.minimum.reduceat(table, view.mode_ptr[:-1], axis=0)
    return np.where(least == never, 0, least)


def _jobs(instance: Instance) -> NDArray[Any]:
    job = np.zeros(instance.num_jobs, JOB)
    job["due"] = HORIZON_LIMIT if instance.job_due is None else instance.job_due
    job["weight"] = 1 if instance.job_weight is None else instance.job_weight
    job["release"] = 0 if instance.job_release is None else instance.job_release
    return job


def _scale(
    instance: Instance, view: ProjectView, task: NDArray[Any], energy: IntArray
) -> NDArray[np.float64]:  # fmt: skip
    renewable = instance.renewable & (instance.capacity > 0)
    path = int((view.release + task["tail"]).max(initial=0))
    work = -(-energy.sum(0)[renewable] // instance.capacity[renewable])
    if instance.calendar is not None:
        work = work[:0]
    bound = max(path, int(work.max(initial=0)))
    arcs = max(int(np.diff(view.succ_ptr).max(initial=1)), 1)
    return np.array(
        [
            max(1, bound),
            max(1.0, float(view.duration.mean())) if view.duration.size else 1.0,
            arcs,
            max(1.0, float(task["weight"].mean())) if task.size else 1.0,
            float(view.is_multi_mode),
            bound,
        ]
    )
