"""The partial order of a schedule: who follows whom on each resource, without the times.

Any schedule that obeys the arcs of the partial order, besides those of the instance, can hold these tasks on their
resources: tasks may shift, not overtake. On a resource that takes one task at a time it is their sequence; on others it
is a flow, in which every task receives the units it needs from tasks that end before it and hands them on (Policella,
Oddi, Smith and Cesta 2004, ICAPS, 209-218).
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule

Mask = NDArray[np.bool_]


class Order(NamedTuple):
    """Arcs from start to start: ``succ`` starts at least ``lag`` after ``pred``."""

    pred: IntArray
    succ: IntArray
    lag: IntArray


def partial_order(
    instance: Instance, schedule: Schedule, end: IntArray, among: Mask, rng: np.random.Generator
) -> Order:
    """The order among some tasks that a feasible schedule has; where units may come from several, ``rng`` chooses.

    Tasks that pause and let others in may lack arcs. O(demands) with a sort where one task fits at a time, else
    O(demands x tasks at a time).
    """
    mode = schedule.mode_index(instance)
    count = np.where(among & (instance.duration[mode] > 0), np.diff(instance.demand_ptr)[mode], 0)
    task = np.repeat(np.arange(instance.num_tasks), count)
    offset = np.repeat(np.concatenate(([0], np.cumsum(count)[:-1])), count)
    demand = np.repeat(instance.demand_ptr[mode], count) + np.arange(task.size) - offset
    resource, amount = instance.demand_resource[demand], instance.demand_amount[demand]
    chosen = instance.renewable[resource]
    task, resource, amount = task[chosen], resource[chosen], amount[chosen]
    least = np.full(instance.num_resources, 2**62)
    np.minimum.at(least, resource, amount)
    single = (2 * least > instance.capacity)[resource]
    pairs = [_sequence(task[single], resource[single], schedule.start, end)]
    if not single.all():
        pairs.append(_flow(instance, task[~single], resource[~single], amount[~single], schedule.start, end, rng))
    pred, succ = np.concatenate(pairs, axis=1)
    length = instance.duration[mode[pred]]
    return Order(pred, succ, np.minimum(length, schedule.start[succ] - schedule.start[pred]))


def _sequence(task: IntArray, resource: IntArray, start: IntArray, end: IntArray) -> IntArray:
    order = np.lexsort((end[task], start[task], resource))
    task, resource = task[order], resource[order]
    same = resource[1:] == resource[:-1]
    return np.stack((task[:-1][same], task[1:][same]))


def _flow(
    instance: Instance,
    task: IntArray,
    resource: IntArray,
    amount: IntArray,
    start: IntArray,
    end: IntArray,
    rng: np.random.Generator,
) -> IntArray:
    """Pairs between which units of a resource pass; suppliers that already precede the task are preferred."""
    order = np.lexsort((start[task], resource))
    rank = rng.permutation(instance.num_tasks + 1).tolist()  # of the suppliers; the last one is the stock itself
    begin, until = start.tolist(), end.tolist()
    before: dict[int, set[int]] = {}
    stock, at = instance.num_tasks, -1
    pool: dict[int, int] = {}
    busy: list[tuple[int, int, int]] = []
    for i, k, need in zip(task[order].tolist(), resource[order].tolist(), amount[order].tolist(), strict=True):
        if k != at:
            at, pool, busy = k, {stock: int(instance.capacity[k])}, []
        while busy and busy[0][0] <= begin[i]:
            _, done, units = heapq.heappop(busy)
            pool[done] = pool.get(done, 0) + units
        known = before.setdefault(i, set())
        heapq.heappush(busy, (until[i], i, need))
        for source in sorted(pool, key=lambda j: (j not in known, rank[j])):
            units = min(need, pool[source])
            need -= units
            if units == pool[source]:
                del pool[source]
            else:
                pool[source] -= units
            if source != stock:
                known.add(source)
            if need == 0:
                break
    found = [(j, i) for i, sources in before.items() for j in sources]
    return np.array(found, np.int64).reshape(-1, 2).T
