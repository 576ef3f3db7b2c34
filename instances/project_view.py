"""ProjectView: an instance as the schedule generation schemes of projects read it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.dates import deadlines, releases
from makespan.instances.features import ALL_FEATURES
from makespan.instances.instance import ES, IndexArray, Instance, IntArray

PROJECT_FEATURES = ALL_FEATURES - {"max_lag", "setup", "pause", "blocking", "no_wait", "permutation"}
"""Features that schedule generation takes: one task after the other, each where its arcs and resources leave room."""


class ProjectView(NamedTuple):
    """Tasks, modes, renewable demands and arcs in both directions; every array is read-only, ready for a kernel.

    Memory is linear in the size of the instance (a matrix of travel times apart): demands are CSR, and ``point_ptr``
    gives each resource room for the tasks that can use it, so that a thousand machines cost no more than their
    operations.

    Parameters
    ----------
    mode_ptr, duration
        Modes of task i are ``mode_ptr[i]`` to ``mode_ptr[i + 1] - 1``; durations per mode.
    usable
        Shape (num_modes,): the mode alone exceeds no capacity and agrees with ``fixed_mode``.
    demand_ptr, demand_resource, demand_amount
        CSR over modes, renewable resources only.
    spend_ptr, spend_resource, spend_amount
        CSR over modes, nonrenewable resources only.
    capacity
        Shape (num_resources,), renewable and nonrenewable in the instance's own numbering.
    succ_ptr, succ_task, arc_kind, arc_lag, arc_travels
        Arcs by the task they leave; ``arc_travels`` marks those that add a transport time.
    pred_ptr, pred_task, pred_arc
        The same arcs by the task they reach; ``pred_arc`` is the position in the arrays above.
    order
        Tasks in topological order; shorter than the number of tasks if the arcs close a cycle.
    release, deadline
        Shape (num_tasks,): task, job and ``now`` together; HORIZON_LIMIT is "no deadline".
    fixed_start
        Shape (num_tasks,): -1 where free.
    machine, transport
        Machine of each mode (-1 for none); travel times, shape (0, 0) without any.
    calendar_ptr, calendar_time, calendar_capacity, calendar_period
        As in ``Calendar``, without entries where there is none.
    point_ptr
        Shape (num_resources + 1,): where the usage profile of each resource lies in a pool of breakpoints.
    """

    mode_ptr: IndexArray
    duration: IntArray
    usable: NDArray[np.bool_]
    demand_ptr: IndexArray
    demand_resource: IndexArray
    demand_amount: IntArray
    spend_ptr: IndexArray
    spend_resource: IndexArray
    spend_amount: IntArray
    capacity: IntArray
    succ_ptr: IndexArray
    succ_task: IndexArray
    arc_kind: NDArray[np.int8]
    arc_lag: IntArray
    arc_travels: NDArray[np.bool_]
    pred_ptr: IndexArray
    pred_task: IndexArray
    pred_arc: IndexArray
    order: IndexArray
    release: IntArray
    deadline: IntArray
    fixed_start: IntArray
    machine: IndexArray
    transport: IntArray
    calendar_ptr: IndexArray
    calendar_time: IntArray
    calendar_capacity: IntArray
    calendar_period: IntArray
    point_ptr: IntArray

    @property
    def num_tasks(self) -> int:
        return self.mode_ptr.size - 1

    @property
    def is_acyclic(self) -> bool:
        """Whether ``order`` holds every task."""
        return self.order.size == self.num_tasks

    @property
    def is_multi_mode(self) -> bool:
        return self.duration.size > self.num_tasks


def project_view(instance: Instance) -> ProjectView:
    """The project inside an instance, made on the first call and kept. O(size of the instance)."""
    return instance.derived(_make_view)


def _make_view(instance: Instance) -> ProjectView:
    n = instance.num_tasks
    into = np.argsort(instance.arc_succ, kind="stable")
    pred_task, succ_task = instance.arc_pred[into], instance.arc_succ
    calendar, none = instance.calendar, np.zeros(0, np.int64)
    usable = _usable(instance)
    fixed = np.full(n, -1, np.int64) if instance.fixed_start is None else instance.fixed_start
    return ProjectView(
        mode_ptr=instance.mode_ptr,
        duration=instance.duration,
        usable=_locked(usable),
        **_demands(instance, instance.renewable, "demand"),
        **_demands(instance, ~instance.renewable, "spend"),
        capacity=instance.capacity,
        succ_ptr=instance.arc_ptr,
        succ_task=succ_task,
        arc_kind=instance.arc_kind,
        arc_lag=instance.arc_lag,
        arc_travels=_locked(_travels(instance)),
        pred_ptr=_locked(_ptr(np.bincount(succ_task, minlength=n), np.int32)),
        pred_task=_locked(pred_task),
        pred_arc=_locked(into.astype(np.int32)),
        order=_locked(topological_order(instance)),
        release=_locked(_release(instance, fixed)),
        deadline=_locked(deadlines(instance)),
        fixed_start=_locked(fixed),
        machine=instance.machine,
        transport=_locked(np.zeros((0, 0), np.int64) if instance.transport is None else instance.transport),
        calendar_ptr=_locked(np.zeros(instance.num_resources + 1, np.int32) if calendar is None else calendar.ptr),
        calendar_time=_locked(none if calendar is None else calendar.time),
        calendar_capacity=_locked(none if calendar is None else calendar.capacity),
        calendar_period=_locked(np.zeros(instance.num_resources, np.int64) if calendar is None else calendar.period),
        point_ptr=_locked(_point_ptr(instance)),
    )


def _release(instance: Instance, fixed: IntArray) -> IntArray:
    return np.maximum(np.where(fixed >= 0, 0, instance.now), releases(instance))


def _demands(instance: Instance, kind: NDArray[np.bool_], name: str) -> dict[str, NDArray]:
    """The demands on one kind of resource as CSR over modes."""
    if kind.all():
        ptr, resource, amount = instance.demand_ptr, instance.demand_resource, instance.demand_amount
    else:
        chosen = kind[instance.demand_resource]
        resource, amount = instance.demand_resource[chosen], instance.demand_amount[chosen]
        ptr = _ptr(np.bincount(_mode_of_demand(instance)[chosen], minlength=instance.num_modes), np.int32)
    return {f"{name}_ptr": _locked(ptr), f"{name}_resource": _locked(resource), f"{name}_amount": _locked(amount)}


def _usable(instance: Instance) -> NDArray[np.bool_]:
    too_much = instance.demand_amount > instance.capacity[instance.demand_resource]
    usable = np.ones(instance.num_modes, np.bool_)
    usable[_mode_of_demand(instance)[too_much]] = False
    if instance.fixed_mode is not None:
        fixed = np.flatnonzero(instance.fixed_mode >= 0)
        agrees = np.zeros(instance.num_modes, np.bool_)
        agrees[instance.mode_ptr[fixed] + instance.fixed_mode[fixed]] = True
        of_fixed = (instance.fixed_mode >= 0)[_task_of_mode(instance)]
        usable &= agrees | ~of_fixed
    return usable


def _travels(instance: Instance) -> NDArray[np.bool_]:
    if instance.transport is None or instance.job is None:
        return np.zeros(instance.num_arcs, np.bool_)
    origin, target = instance.job[instance.arc_pred], instance.job[instance.arc_succ]
    travels: NDArray[np.bool_] = (instance.arc_kind == ES) & (origin == target) & (origin >= 0)
    return travels


def _point_ptr(instance: Instance) -> IntArray:
    """Two breakpoints for each task that can use a resource, one at time 0 and one that ends the list."""
    task = _task_of_mode(instance)[_mode_of_demand(instance)].astype(np.int64)
    resource = instance.demand_resource
    if instance.num_modes > instance.num_tasks:
        pair = np.unique(task * max(1, instance.num_resources) + resource)
        resource = (pair % max(1, instance.num_resources)).astype(np.int32)
    return _ptr(2 * np.bincount(resource, minlength=instance.num_resources) + 2, np.int64)


def topological_order(instance: Instance) -> IndexArray:
    """The tasks' own order where every arc rises, else Kahn's; it lacks those on and behind a circle of arcs."""
    n = instance.num_tasks
    if (instance.arc_succ > instance.arc_pred).all():
        return np.arange(n, dtype=np.int32)
    ptr, succ = instance.arc_ptr.tolist(), instance.arc_succ.tolist()
    waiting = np.bincount(instance.arc_succ, minlength=n).tolist()
    order = [i for i in range(n) if waiting[i] == 0]
    for i in order:
        for j in succ[ptr[i] : ptr[i + 1]]:
            waiting[j] -= 1
            if waiting[j] == 0:
                order.append(j)
    return np.array(order, dtype=np.int32)


def _task_of_mode(instance: Instance) -> IntArray:
    return np.repeat(np.arange(instance.num_tasks), np.diff(instance.mode_ptr))


def _mode_of_demand(instance: Instance) -> IntArray:
    return np.repeat(np.arange(instance.num_modes), np.diff(instance.demand_ptr))


def _ptr(counts: NDArray, dtype: type[np.generic]) -> NDArray:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(counts))).astype(dtype)


def _locked(array: NDArray) -> NDArray:
    if array.flags.writeable:
        array = np.ascontiguousarray(array)
        array.setflags(write=False)
    return array
