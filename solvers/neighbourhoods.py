"""Which tasks a window of large-neighbourhood search sets free, and how the search learns which choice pays.

Each neighbourhood takes an anchor, a random task, mostly one that decides the objective (a window without any cannot
improve it), and grows around it to the size asked for:

* ``time``: the tasks nearest in time;
* ``resources``: all tasks of a few resources, the nearest in time if there are too many;
* ``jobs``: whole jobs, or, without jobs, a connected part of the precedence network;
* ``critical``: tasks that decide the objective, and those that share a resource with them at the same time;
* ``random``: any tasks;
* ``mixed``: half of one and half of another of these.

Partial orders kept around such windows: Godard, Laborie and Nuijten (2005), ICAPS, 81-89; adaptive choice: Ropke and
Pisinger (2006), Transportation Science 40, 455-472, here with integer weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import ES, SE, Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.solvers.partial_order import Mask, Order

KINDS = ("time", "resources", "jobs", "critical", "random", "mixed")


class Layout(NamedTuple):
    """What the neighbourhoods know of an instance, CSR: the renewable resources of each task (those of all its modes),
    the tasks of each resource, the tasks that an arc joins to each task, and those of each job."""

    resource_ptr: IntArray
    resource: IntArray
    user_ptr: IntArray
    user: IntArray
    near_ptr: IntArray
    near: IntArray
    job_ptr: IntArray
    job_task: IntArray


def layout(instance: Instance) -> Layout:
    """Made on the first call and kept. O(size of the instance) with a sort."""
    return instance.derived(_make_layout)


def _make_layout(instance: Instance) -> Layout:
    n, resources = instance.num_tasks, instance.num_resources
    task_of_mode = np.repeat(np.arange(n), np.diff(instance.mode_ptr))
    task = np.repeat(task_of_mode, np.diff(instance.demand_ptr))
    renewable = instance.renewable[instance.demand_resource]
    pair = np.unique(task[renewable] * max(1, resources) + instance.demand_resource[renewable])
    task, resource = pair // max(1, resources), pair % max(1, resources)
    pred, succ = instance.arc_pred, instance.arc_succ
    job = np.full(n, -1) if instance.job is None else instance.job
    in_job = np.flatnonzero(job >= 0)
    return Layout(
        *csr(task, resource, n),
        *csr(resource, task, resources),
        *csr(np.concatenate((pred, succ)), np.concatenate((succ, pred)), n),
        *csr(job[in_job], in_job, instance.num_jobs),
    )


def csr(row: NDArray[Any], value: NDArray[Any], count: int) -> tuple[IntArray, IntArray]:
    """Pointers and values of a matrix in rows."""
    order = np.argsort(row, kind="stable")
    return np.concatenate(([0], np.cumsum(np.bincount(row, minlength=count)))), value[order].astype(np.int64)


class Picture(NamedTuple):
    """An incumbent as the neighbourhoods see it: starts and ends, and whether a task decides the objective."""

    start: IntArray
    end: IntArray
    critical: Mask


def picture(instance: Instance, schedule: Schedule, order: Order) -> Picture:
    """``order``: the partial order of the schedule on its resources. O(n + arcs)."""
    start, end = schedule.start, schedule.end(instance)
    pred = np.concatenate((instance.arc_pred, order.pred))
    succ = np.concatenate((instance.arc_succ, order.succ))
    # An arc that leaves no room, whatever its kind and lag: the second starts or ends when the first does.
    point = np.where(instance.arc_kind >= ES, end[instance.arc_pred], start[instance.arc_pred])
    reached = np.where(instance.arc_kind % 2 == SE, end[instance.arc_succ], start[instance.arc_succ])
    tight = np.concatenate((reached <= point + np.maximum(instance.arc_lag, 0), end[order.pred] >= start[order.succ]))
    ptr, source = csr(succ[tight].astype(np.int64), pred[tight].astype(np.int64), instance.num_tasks)
    return Picture(start, end, spread(ptr, source, _deciding(instance, end)))


def _deciding(instance: Instance, end: IntArray) -> Mask:
    """The tasks whose ends give the first objective its value."""
    name = instance.objective[0]
    if name == "makespan" or end.size == 0:
        return np.asarray(end == end.max(initial=0), np.bool_)
    if name == "flow_time":
        return np.ones(end.size, np.bool_)
    late = np.full(end.size, -(2**53), np.int64)
    if instance.due is not None:
        late = np.maximum(late, end - instance.due)
    if instance.job_due is not None and instance.job is not None:
        in_job = instance.job >= 0
        late[in_job] = np.maximum(late[in_job], end[in_job] - instance.job_due[instance.job[in_job]])
    deciding: Mask = late >= (late.max() if name == "max_lateness" else 1)
    return deciding


def spread(ptr: IntArray, target: IntArray, marked: Mask, among: Mask | None = None) -> Mask:
    """``marked`` and everything that arcs lead to from there, through tasks ``among`` alone. O(n + arcs)."""
    marked = marked.copy()
    frontier = np.flatnonzero(marked)
    while frontier.size:
        reached = target[rows(ptr, frontier)]
        fresh = ~marked[reached] if among is None else ~marked[reached] & among[reached]
        frontier = np.unique(reached[fresh])
        marked[frontier] = True
    return marked


def rows(ptr: NDArray[Any], chosen: NDArray[Any]) -> IntArray:
    """Where the entries of some CSR rows lie."""
    count = ptr[chosen + 1] - ptr[chosen]
    first: IntArray = np.repeat(ptr[chosen] - np.concatenate(([0], np.cumsum(count)[:-1])), count)
    return np.arange(first.size) + first


def choose_tasks(kind: str, size: int, instance: Instance, seen: Picture, rng: np.random.Generator) -> IntArray:
    """About ``size`` tasks, at most that many, in rising order. O(n) with a sort of what is in question."""
    n = instance.num_tasks
    if size >= n:
        return np.arange(n)
    deciding = np.flatnonzero(seen.critical)
    is_critical = deciding.size > 0 and rng.integers(8) > 0
    anchor = int(deciding[rng.integers(deciding.size)] if is_critical else rng.integers(n))
    if kind == "mixed":
        pair = [KINDS[k] for k in rng.integers(len(KINDS) - 1, size=2)]
        return np.union1d(*(_CHOICES[each](max(1, size // 2), instance, seen, anchor, rng) for each in pair))
    return np.sort(_CHOICES[kind](size, instance, seen, anchor, rng))


def _distance(seen: Picture, tasks: IntArray, anchor: int) -> IntArray:
    """How far tasks lie from the middle of the anchor, in time."""
    middle = (seen.start[anchor] + seen.end[anchor]) // 2
    distance: IntArray = np.maximum(np.maximum(seen.start[tasks] - middle, middle - seen.end[tasks]), 0)
    return distance


def _nearest(tasks: IntArray, size: int, seen: Picture, anchor: int, rng: np.random.Generator) -> IntArray:
    """``size`` of ``tasks`` nearest to the anchor in time, ties broken at random."""
    if tasks.size <= size:
        return tasks
    tasks = rng.permutation(tasks)
    return tasks[np.argsort(_distance(seen, tasks, anchor), kind="stable")[:size]]


def _time(size: int, instance: Instance, seen: Picture, anchor: int, rng: np.random.Generator) -> IntArray:
    return _nearest(np.arange(instance.num_tasks), size, seen, anchor, rng)


def _resources(size: int, instance: Instance, seen: Picture, anchor: int, rng: np.random.Generator) -> IntArray:
    """The resources of the anchor first, others in random order until there are enough tasks within reach."""
    known = layout(instance)
    own = known.resource[known.resource_ptr[anchor] : known.resource_ptr[anchor + 1]]
    count = int(rng.integers(1, 1 + max(1, min(8, instance.num_resources // 2))))
    others = rng.permutation(instance.num_resources)
    picked = np.unique(np.concatenate((own[:count], others[: max(0, count - own.size)])))
    users = np.unique(known.user[rows(known.user_ptr, picked)])
    return _nearest(users, size, seen, anchor, rng) if users.size else np.array([anchor])


def _jobs(size: int, instance: Instance, seen: Picture, anchor: int, rng: np.random.Generator) -> IntArray:
    known = layout(instance)
    if instance.job is None or instance.num_jobs < 2 or instance.job[anchor] < 0:
        return _connected(size, known, anchor, rng)
    order = rng.permutation(instance.num_jobs)
    order = np.concatenate(([int(instance.job[anchor])], order[order != instance.job[anchor]]))
    length = np.cumsum(known.job_ptr[order + 1] - known.job_ptr[order])
    picked = order[: max(2, int(np.searchsorted(length, size, side="right")))]
    return _nearest(known.job_task[rows(known.job_ptr, picked)], size, seen, anchor, rng)


def _connected(size: int, known: Layout, anchor: int, rng: np.random.Generator) -> IntArray:
    """The anchor and what arcs join to it, step by step; in a random order within a step."""
    taken, frontier = [anchor], np.array([anchor])
    marked = {anchor}
    while frontier.size and len(taken) < size:
        reached = rng.permutation(np.unique(known.near[rows(known.near_ptr, frontier)])).tolist()
        frontier = np.array([i for i in reached if i not in marked][: size - len(taken)], np.int64)
        taken.extend(frontier.tolist())
        marked.update(frontier.tolist())
    return np.array(taken)


def _critical(size: int, instance: Instance, seen: Picture, anchor: int, rng: np.random.Generator) -> IntArray:
    core = _nearest(np.union1d(np.flatnonzero(seen.critical), anchor), max(1, size // 2), seen, anchor, rng)
    known = layout(instance)
    rivals = np.unique(known.user[rows(known.user_ptr, np.unique(known.resource[rows(known.resource_ptr, core)]))])
    rivals = rivals[~np.isin(rivals, core)]
    low, high = seen.start[core].min(), seen.end[core].max()
    beside = rivals[(seen.start[rivals] <= high) & (seen.end[rivals] >= low)]
    return np.concatenate((core, rng.permutation(beside)[: size - core.size]))


def _random(size: int, instance: Instance, seen: Picture, anchor: int, rng: np.random.Generator) -> IntArray:
    return np.union1d(anchor, rng.choice(instance.num_tasks, size - 1, replace=False))


_CHOICES = {"time": _time, "resources": _resources, "jobs": _jobs, "critical": _critical, "random": _random}


@dataclass
class Chooser:
    """Weights and sizes of the neighbourhoods, learned from what their windows brought.

    A kind is drawn in proportion to its weight, a moving average of rewards. Its windows grow while they are solved
    quickly and shrink when the limit stops them.
    """

    size: int
    smallest: int = 4
    weight: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 64))
    sizes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sizes = dict.fromkeys(KINDS, self.size)

    def draw(self, rng: np.random.Generator) -> tuple[str, int]:
        """A kind and the number of tasks to set free, up to a quarter more or less than its present size."""
        weights = np.cumsum([self.weight[kind] for kind in KINDS])
        kind = KINDS[int(np.searchsorted(weights, rng.integers(weights[-1]), side="right"))]
        return kind, max(2, self.sizes[kind] * int(rng.integers(96, 161)) // 128)

    def learn(self, kind: str, improved: bool, proved: bool, effort: int) -> None:
        """``effort``: the share of the limit that the window used, in thousandths."""
        reward = 512 if improved else 32
        self.weight[kind] = max(16, (7 * self.weight[kind] + reward) // 8)
        if proved and effort < 300:
            self.sizes[kind] += max(1, self.sizes[kind] // (8 if effort > 30 else 3))
        elif not proved:
            self.sizes[kind] = max(self.smallest, self.sizes[kind] - max(1, self.sizes[kind] // 10))
