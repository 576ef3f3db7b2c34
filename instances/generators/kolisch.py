"""Project scheduling in the manner of ProGen: Kolisch, Sprecher and Drexl (1995), Management Science 41, 1693-1703;
Kolisch and Sprecher (1997), EJOR 96, 205-216 (PSPLIB).

Three numbers steer the difficulty and are measured here too: ``network_complexity`` (arcs per activity, none of them
redundant), ``resource_factor`` (share of the resources an activity demands) and ``resource_strength`` (capacity between
the largest single demand, 0, and the peak of the earliest-start schedule, 1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from makespan.instances.generators.parameters import at_least, within
from makespan.instances.instance import Instance, IntArray

MAX_START, MAX_NEIGHBOURS = 3, 3  # activities without predecessor or successor; arcs into or out of an activity


def rcpsp(
    activities: int,
    seed: int,
    network_complexity: float = 1.5,
    resource_factor: float = 0.5,
    resource_strength: float = 0.5,
    resources: int = 4,
    max_duration: int = 10,
    max_demand: int = 10,
) -> Instance:
    """A project of ``activities`` activities between a dummy start and a dummy end.

    Durations and demands are uniform on 1..max; the defaults of resources and limits are those of PSPLIB. Raises
    ValueError if no network of so few (complexity below about 1.2) or so many arcs, none of them redundant and at most
    MAX_NEIGHBOURS into or out of an activity, is found. A second or two for 120 activities.
    """
    at_least(2, activities=activities)
    at_least(0, seed=seed)
    at_least(1, resources=resources, max_duration=max_duration, max_demand=max_demand)
    within(0.0, 1.0, resource_factor=resource_factor, resource_strength=resource_strength)
    within(1.0, 4.0, network_complexity=network_complexity)
    rng = np.random.default_rng(seed)
    arcs = _network(rng, activities, round(network_complexity * (activities + 2)))
    duration = np.concatenate(([0], rng.integers(1, max_duration + 1, size=activities), [0]))
    demand = np.zeros((activities + 2, resources), np.int64)
    demand[1:-1] = _demands(rng, activities, resources, resource_factor, max_demand)
    lowest = demand.max(axis=0)
    peak = _peak(arcs, duration, demand)
    capacity = lowest + np.rint(resource_strength * (peak - lowest)).astype(np.int64)
    successors = [np.flatnonzero(row).tolist() for row in arcs]
    name = f"rcpsp_{activities}_{seed}"
    return Instance.rcpsp(
        duration, demand, capacity, successors, name=name, source="in the manner of Kolisch and Sprecher 1997"
    )


def network_complexity(instance: Instance) -> float:
    """Arcs per activity, dummies included."""
    return instance.num_arcs / instance.num_tasks


def resource_factor(instance: Instance) -> float:
    """Mean share of the resources that an activity (dummies excluded) demands."""
    return instance.demand_resource.size / ((instance.num_tasks - 2) * instance.num_resources)


def resource_strength(instance: Instance) -> list[float]:
    """Per resource: where its capacity lies between the largest demand (0) and the peak of the earliest-start
    schedule (1); nan where the two are equal. For single-mode projects."""
    n = instance.num_tasks
    demand = np.zeros((n, instance.num_resources), np.int64)
    task = np.repeat(np.arange(n), np.diff(instance.demand_ptr))
    demand[task, instance.demand_resource] = instance.demand_amount
    arcs = np.zeros((n, n), np.bool_)
    arcs[instance.arc_pred, instance.arc_succ] = True
    lowest, peak = demand.max(axis=0), _peak(arcs, instance.duration, demand)
    width = np.maximum(peak - lowest, 1)
    return [float(x) for x in np.where(peak > lowest, (instance.capacity - lowest) / width, np.nan)]


def _network(rng: np.random.Generator, activities: int, target: int) -> NDArray[np.bool_]:
    """Adjacency of an acyclic network without redundant arcs; 0 and activities + 1 are the dummies."""
    for _ in range(200):
        arcs = _draw_network(rng, activities, target)
        if arcs is not None:
            return arcs
    raise ValueError(
        f"network_complexity: {target} arcs without redundancy among {activities} activities not found in 200 draws"
    )


def _draw_network(rng: np.random.Generator, activities: int, target: int) -> NDArray[np.bool_] | None:
    n, last = activities + 2, activities + 1
    arcs, reach = np.zeros((n, n), np.bool_), np.eye(n, dtype=np.bool_)
    # redundant[i, j]: an arc from i to j would bridge another one, from an ancestor of i to a descendant of j
    redundant = np.zeros((n, n), np.bool_)
    starts = min(MAX_START, activities - 1)
    real = np.arange(1, last)

    def add(i: int, j: int) -> None:
        arcs[i, j] = True
        ancestors, descendants = reach[:, i].copy(), reach[j].copy()
        reach[np.ix_(ancestors, descendants)] = True
        redundant[np.ix_(reach[i], reach[:, j])] = True
        redundant[np.ix_(descendants, reach[:, arcs[ancestors].any(0)].any(1))] = True
        redundant[np.ix_(reach[arcs[:, descendants].any(1)].any(0), ancestors)] = True

    def possible(sources: IntArray, targets: IntArray) -> NDArray[np.bool_]:
        """Whether an arc from one to the other is new, forward, within the degrees and makes none redundant."""
        full_source = arcs[sources][:, 1:last].sum(axis=1) >= MAX_NEIGHBOURS
        full_target = arcs[1:last, targets].sum(axis=0) >= MAX_NEIGHBOURS
        barred: NDArray[np.bool_] = (reach | redundant)[np.ix_(sources, targets)]
        barred |= full_source[:, None] | full_target[None, :] | (sources[:, None] >= targets[None, :])
        return ~barred

    for j in range(1, starts + 1):
        add(0, j)
    for j in range(starts + 1, last):  # every other activity gets a predecessor
        sources = real[: j - 1]
        sources = sources[possible(sources, np.array([j]))[:, 0]]
        add(int(rng.choice(sources)) if sources.size else 0, j)
    for i in rng.permutation(np.flatnonzero(~arcs[1:last].any(axis=1)) + 1).tolist():  # and a successor
        if i <= last - 1 - MAX_START:
            targets = real[possible(np.array([i]), real)[0]]
            if targets.size:
                add(i, int(rng.choice(targets)))
    for i in (np.flatnonzero(~arcs[1:last].any(axis=1)) + 1).tolist():
        add(i, last)
    while int(arcs.sum()) < target:
        pairs = np.argwhere(possible(real, real) & ~arcs[real][:, [last]])
        if not pairs.size:
            return None
        i, j = rng.choice(pairs) + 1
        add(int(i), int(j))
    return arcs if int(arcs.sum()) == target else None


def _demands(
    rng: np.random.Generator, activities: int, resources: int, factor: float, max_demand: int
) -> NDArray[np.int64]:
    """As many demands as the factor asks for; every activity has one before any has two."""
    total = round(factor * activities * resources)
    first = rng.permutation(activities)[:total] * resources + rng.integers(resources, size=min(total, activities))
    others = rng.permutation(np.setdiff1d(np.arange(activities * resources), first))
    chosen = np.concatenate((first, others[: total - first.size]))
    demand = np.zeros(activities * resources, np.int64)
    demand[chosen] = rng.integers(1, max_demand + 1, size=chosen.size)
    return demand.reshape(activities, resources)


def _peak(arcs: NDArray[np.bool_], duration: IntArray, demand: IntArray) -> IntArray:
    """Highest use of each resource when every activity starts as early as its predecessors allow."""
    start = np.zeros(duration.size, np.int64)
    for j in range(duration.size):
        before = np.flatnonzero(arcs[:, j])
        start[j] = (start[before] + duration[before]).max(initial=0)
    peak = np.zeros(demand.shape[1], np.int64)
    for time in np.unique(start):
        running = (start <= time) & (time < start + duration)
        peak = np.maximum(peak, demand[running].sum(axis=0))
    return peak
