"""Bounds that hold for every schedule of any instance.

All bounds are relaxations: each task takes its shortest mode, calendars and setups only delay. Heads and tails are
longest paths between time points (the start and the end of every task) over arcs of all kinds, releases, fixed starts
and the shortest transports. On top of them come the load of each resource and Jackson's preemptive bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makespan.instances.dates import first_starts
from makespan.instances.fixed_part import fixed_ends
from makespan.instances.instance import ES, HORIZON_LIMIT, PAUSE_RELEASES, SE, Instance, IntArray
from makespan.instances.schedule import flow_time, max_lateness, total_tardiness, weighted_tardiness
from makespan.instances.schedule import makespan as latest_end
from makespan.solvers.kernels.heads_tails import UNREACHED, raise_along_arcs
from makespan.solvers.kernels.one_machine import jackson_preemptive

_ON_ENDS = {
    "makespan": latest_end,
    "total_tardiness": total_tardiness,
    "weighted_tardiness": weighted_tardiness,
    "max_lateness": max_lateness,
    "flow_time": flow_time,
}

LARGE_TASKS = 100_000

KERNELS = (raise_along_arcs, jackson_preemptive)
"""The compiled functions that this module calls."""


def warm() -> None:
    """Compile KERNELS on something tiny."""
    lower_bound(Instance.job_shop([[0, 1], [1, 0]], [[2, 1], [1, 2]]))


def lower_bound(instance: Instance) -> int:
    """A bound on the first objective of every schedule.

    Makespan and max lateness: the largest of critical path, resource load and Jackson's bound. The others: their value
    at the earliest ends. The least conceivable value for an instance with a circle of positive length. O(n log n) where
    the arcs form no circle (about two seconds for one million operations); with maximal lags O(n x arcs) at worst.
    """
    return max(bounds_in_turn(instance))


def bounds_in_turn(instance: Instance) -> Iterator[int]:
    """The parts of ``lower_bound``, the quick one first, so that a caller can look at the clock in between."""
    earliest = instance.derived(heads)
    name = instance.objective[0]
    if earliest.circle or not instance.num_tasks:
        yield int(_ON_ENDS[name](instance, np.zeros(instance.num_tasks, np.int64)))
        return
    yield int(_ON_ENDS[name](instance, earliest.end))
    if name in ("makespan", "max_lateness"):
        head, tail, uses = earliest.start, instance.derived(tails), instance.derived(certain_uses)
        yield resource_load(instance, uses, head, tail)
        yield jackson(instance, uses, head, tail)


def first_bound(instance: Instance) -> int:
    """What a run begins with: ``lower_bound``, or for more than LARGE_TASKS tasks a bound that leaves the run its first
    second: earliest ends and whole loads. O(n)."""
    name, earliest = instance.objective[0], instance.derived(heads)
    if instance.num_tasks <= LARGE_TASKS or earliest.circle:
        return instance.derived(lower_bound)
    bound = int(_ON_ENDS[name](instance, earliest.end))
    if name != "makespan":
        return bound
    uses = instance.derived(certain_uses)
    load = np.zeros(instance.num_resources, np.int64)
    np.add.at(load, uses.resource, uses.energy)
    used = load > 0
    shares = -(-load[used] // np.maximum(1, instance.capacity[used]))
    return max(bound, int(earliest.start.min()) + int(shares.max(initial=0)))


# -- longest paths ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Heads:
    """Earliest ``start`` and ``end`` of each task (num_tasks,); ``circle`` names the tasks on a circle of positive
    length, in their order, and is empty where there is none."""

    start: IntArray
    end: IntArray
    circle: tuple[int, ...]


@dataclass(frozen=True)
class TimePoints:
    """Arcs between time points by their source: point i is the start of task i, point n + i its end."""

    source: IntArray
    target: IntArray
    weight: IntArray


def heads(instance: Instance) -> Heads:
    """Longest paths to every start and end. O(n) for acyclic arcs."""
    n = instance.num_tasks
    value = np.zeros(2 * n, np.int64)
    value[:n], value[n:] = first_starts(instance), fixed_ends(instance)
    before = np.empty(2 * n, np.int64)
    points = instance.derived(time_points)
    on_circle = raise_along_arcs(*by_source(points.source, points.target, points.weight, 2 * n), value, before)
    circle: list[int] = []
    point = on_circle
    while on_circle >= 0:
        if point % n not in circle:
            circle.insert(0, int(point % n))
        point = int(before[point])
        if point == on_circle:
            break
    return Heads(value[:n], value[n:], tuple(circle))


def tails(instance: Instance) -> IntArray:
    """Shape (num_tasks,): makespan (or max lateness) >= end of task + tail in every schedule; UNREACHED where the
    objective does not depend on the task. Only without a circle of positive length."""
    n = instance.num_tasks
    value = np.full(2 * n, UNREACHED, np.int64)
    value[n:] = last_tails(instance)
    points = instance.derived(time_points)
    raise_along_arcs(*by_source(points.target, points.source, points.weight, 2 * n), value, np.empty(2 * n, np.int64))
    return value[n:]


def by_source(source: IntArray, target: IntArray, weight: IntArray, size: int) -> tuple[IntArray, IntArray, IntArray]:
    order = np.argsort(source, kind="stable")
    ptr = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.bincount(source, minlength=size))))
    return ptr, target[order], weight[order]


def last_tails(instance: Instance) -> IntArray:
    """What the objective adds to the end of each task."""
    if instance.objective[0] == "makespan":
        return np.zeros(instance.num_tasks, np.int64)
    tail = np.full(instance.num_tasks, UNREACHED, np.int64)
    if instance.due is not None:
        tail = np.where(instance.due < HORIZON_LIMIT, -instance.due, tail)
    if instance.job_due is not None and instance.job is not None:
        has_due = (instance.job >= 0) & (instance.job_due[instance.job] < HORIZON_LIMIT)
        tail = np.maximum(tail, np.where(has_due, -instance.job_due[instance.job], UNREACHED))
    return tail


def time_points(instance: Instance) -> TimePoints:
    """Arcs that hold in every schedule, whatever the modes and pauses."""
    n = instance.num_tasks
    task, (shortest, longest) = np.arange(n, dtype=np.int64), durations(instance)
    source, target, weight = [task], [n + task], [shortest]
    pred, succ = instance.arc_pred.astype(np.int64), instance.arc_succ.astype(np.int64)
    kind, lag = instance.arc_kind, instance.arc_lag
    nearest, farthest = _journeys(instance)
    source.append(pred + n * (kind >= ES))  # ES, EE leave the end
    target.append(succ + n * (kind % 2 == SE))  # SE, EE reach the end
    weight.append(lag + nearest)
    if instance.no_wait:
        follows = kind == ES
        source.append(succ[follows])
        target.append(n + pred[follows])
        weight.append(-(lag + farthest)[follows])
    if instance.no_wait or (kind % 2 == SE).any():  # an end that is given in another way bounds the start
        straight = task if instance.pause is None else np.flatnonzero(instance.pause == 0)
        source.append(n + straight)
        target.append(straight)
        weight.append(-longest[straight])
    return TimePoints(np.concatenate(source), np.concatenate(target), np.concatenate(weight))


def allowed_modes(instance: Instance) -> NDArray[np.bool_]:
    """Shape (num_modes,): False for modes that a fixed mode rules out; the caller's own array."""
    if instance.fixed_mode is None:
        return np.ones(instance.num_modes, np.bool_)
    task = np.repeat(np.arange(instance.num_tasks), np.diff(instance.mode_ptr))
    number = np.arange(instance.num_modes) - instance.mode_ptr[task]
    fixed = instance.fixed_mode[task]
    allowed: NDArray[np.bool_] = (fixed < 0) | (fixed == number)
    return allowed


def durations(instance: Instance) -> tuple[IntArray, IntArray]:
    """Shape (num_tasks,) each: shortest and longest duration among the allowed modes."""
    if instance.num_modes == instance.num_tasks:
        return instance.duration, instance.duration
    allowed, first = allowed_modes(instance), instance.mode_ptr[:-1]
    shortest = np.minimum.reduceat(np.where(allowed, instance.duration, HORIZON_LIMIT), first)
    return shortest, np.maximum.reduceat(np.where(allowed, instance.duration, 0), first)


def _journeys(instance: Instance) -> tuple[IntArray, IntArray]:
    """Shortest and longest transport on each arc, over the allowed modes (length 1 without transport)."""
    none = np.zeros(1, np.int64)
    if instance.transport is None or instance.job is None:
        return none, none
    allowed, ptr, machine = allowed_modes(instance), instance.mode_ptr, instance.machine
    nearest, farthest = np.zeros(instance.num_arcs, np.int64), np.zeros(instance.num_arcs, np.int64)
    job, succ = instance.job, instance.arc_succ
    within = (instance.arc_kind == ES) & (job[instance.arc_pred] == job[succ]) & (job[succ] >= 0)
    on = [machine[ptr[i] : ptr[i + 1]][allowed[ptr[i] : ptr[i + 1]]] for i in range(instance.num_tasks)]
    for arc in np.flatnonzero(within).tolist():
        origin, goal = on[instance.arc_pred[arc]][:, None], on[succ[arc]][None, :]
        times = np.where((origin >= 0) & (goal >= 0), instance.transport[origin, goal], 0)
        nearest[arc], farthest[arc] = times.min(), times.max()
    return nearest, farthest


# -- resources -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Uses:
    """Uses that occur whatever the modes: least time, amount and energy (time x amount) of a task on a resource."""

    task: IntArray
    resource: IntArray
    body: IntArray
    amount: IntArray
    energy: IntArray


def certain_uses(instance: Instance) -> Uses:
    """Uses of renewable resources that every allowed mode of a task has, with energy > 0."""
    of_mode = np.repeat(np.arange(instance.num_tasks, dtype=np.int64), np.diff(instance.mode_ptr))
    mode = np.repeat(np.arange(instance.num_modes), np.diff(instance.demand_ptr))
    allowed = allowed_modes(instance)
    row = np.flatnonzero(instance.renewable[instance.demand_resource] & allowed[mode])
    mode, resource, amount = mode[row], instance.demand_resource[row].astype(np.int64), instance.demand_amount[row]
    task, body = of_mode[mode], instance.duration[mode]
    energy = body * amount
    if instance.num_modes > instance.num_tasks and row.size:
        order = np.lexsort((task, resource))
        first = np.flatnonzero(np.diff(task[order], prepend=-1) | np.diff(resource[order], prepend=-1))
        everywhere = np.diff(np.append(first, row.size)) == np.bincount(of_mode[allowed])[task[order][first]]
        body, amount, energy = (
            np.minimum.reduceat(values[order], first)[everywhere] for values in (body, amount, energy)
        )
        task, resource = task[order][first][everywhere], resource[order][first][everywhere]
    used = energy > 0
    return Uses(task[used], resource[used], body[used], amount[used], energy[used])


def resource_load(instance: Instance, uses: Uses, head: IntArray, tail: IntArray) -> int:
    """Energy bound: tasks whose head (or tail) is at least x share what the resource can give after x (or before).

    UNREACHED where nothing is certain. With several modes also over all resources together. O(n log n).
    """
    bound = UNREACHED
    order = np.argsort(uses.resource, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(uses.resource[order])) + 1):
        if group.size and (capacity := int(instance.capacity[uses.resource[group[0]]])) > 0:
            task = uses.task[group]
            bound = max(bound, _shared(head[task], uses.energy[group], tail[task], capacity))
    if "multi_mode" in instance.features:
        capacity = int(instance.capacity[instance.renewable].sum())
        if capacity > 0:
            bound = max(bound, _shared(head, _least_work(instance), tail, capacity))
    return bound


def _least_work(instance: Instance) -> IntArray:
    """Shape (num_tasks,): least energy on all renewable resources together."""
    mode = np.repeat(np.arange(instance.num_modes), np.diff(instance.demand_ptr))
    amount = np.zeros(instance.num_modes, np.int64)
    on_renewable = instance.renewable[instance.demand_resource]
    np.add.at(amount, mode[on_renewable], instance.demand_amount[on_renewable])
    work = np.where(allowed_modes(instance), amount * instance.duration, HORIZON_LIMIT)
    least: IntArray = np.minimum.reduceat(work, instance.mode_ptr[:-1])
    return least


def _shared(head: IntArray, energy: IntArray, tail: IntArray, capacity: int) -> int:
    """max over x of x + energy of {head >= x} / capacity + their least tail, and the same with tails."""
    bound = UNREACHED
    for one, other in ((head, tail), (tail, head)):
        order = np.argsort(-one, kind="stable")
        order = order[(energy[order] > 0) & (tail[order] > UNREACHED)]
        if order.size:
            together = -(-np.cumsum(energy[order]) // capacity)
            bound = max(bound, int((one[order] + together + np.minimum.accumulate(other[order])).max()))
    return bound


def jackson(instance: Instance, uses: Uses, head: IntArray, tail: IntArray) -> int:
    """Jackson's preemptive bound on every resource, for the tasks no two of which fit there together."""
    task, body, ptr = _alone(instance, uses, head)
    return int(jackson_preemptive(ptr, head[task], body, tail[task]))


def alone_on_machines(
    instance: Instance, head: IntArray, tail: IntArray
) -> Iterator[tuple[int, IntArray, IntArray, IntArray]]:
    """(resource, head, body, tail) of the tasks no two of which fit on a resource together and whose tail counts, by
    rising head; only tasks that keep the resource from start to end."""
    task, body, ptr = _alone(instance, instance.derived(certain_uses), head)
    counts = tail[task] > UNREACHED
    if instance.pause is not None:
        counts &= instance.pause[task] != PAUSE_RELEASES
    for k in np.flatnonzero(np.diff(ptr) > 1).tolist():
        rows = ptr[k] + np.flatnonzero(counts[ptr[k] : ptr[k + 1]])
        if rows.size > 1:
            yield k, head[task[rows]], body[rows], tail[task[rows]]


def _alone(instance: Instance, uses: Uses, head: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Task and body of the uses of more than half a capacity, by resource and head, and where each resource begins."""
    alone = uses.amount * 2 > instance.capacity[uses.resource]
    task, resource, body = uses.task[alone], uses.resource[alone], uses.body[alone]
    order = np.lexsort((head[task], resource))
    ptr = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.bincount(resource, minlength=instance.num_resources))))
    return task[order], body[order], ptr
