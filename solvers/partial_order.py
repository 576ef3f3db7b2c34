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
    """Arcs from start to start: ``succ`` starts at least ``lag`` after ``pred``, which hands it ``units`` of
    ``resource``."""

    pred: IntArray
    succ: IntArray
    lag: IntArray
    resource: IntArray
    units: IntArray


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
    arcs = [_sequence(task[single], resource[single], schedule.start, end)]
    if not single.all():
        arcs.append(_flow(instance, task[~single], resource[~single], amount[~single], schedule.start, end, rng))
    pred, succ, on, units = np.concatenate(arcs, axis=1)
    # Tasks that let others in while they pause do not keep to duration and setup.
    lag = instance.duration[mode[pred]] + setup_between(instance, on, mode[pred], mode[succ])
    return Order(pred, succ, np.minimum(lag, schedule.start[succ] - schedule.start[pred]), on, units)


def setup_between(instance: Instance, resource: IntArray, first: IntArray, second: IntArray) -> IntArray:
    """Setup from mode ``first`` to mode ``second`` where they follow each other on ``resource``; 0 where that holds
    several tasks at a time. Arguments broadcast."""
    if instance.setup is None:
        return np.zeros(np.broadcast_shapes(np.shape(resource), np.shape(first), np.shape(second)), np.int64)
    family = instance.setup.family[first], instance.setup.family[second]
    between: IntArray = np.where(
        (np.minimum(*family) >= 0) & (instance.capacity[resource] == 1), instance.setup.time[family], 0
    )
    return between


def bridged(instance: Instance, schedule: Schedule, end: IntArray, order: Order, dropped: Mask) -> Order:
    """The order without the ``dropped`` tasks: what these received goes straight to those they handed it to.

    Units that come free are passed on in the order of time, to whoever starts next; the flow through the dropped tasks
    shows that they suffice. Lags of new arcs are duration and setup in full: without the triangle inequality of setups
    ``schedule``, in which dropped tasks stand between, may not keep to them. O(arcs) with a sort.
    """
    among = ~dropped[order.pred] & ~dropped[order.succ]
    given = np.flatnonzero(~dropped[order.pred] & dropped[order.succ])
    taken = np.flatnonzero(dropped[order.pred] & ~dropped[order.succ])
    given = given[np.lexsort((end[order.pred[given]], order.resource[given]))]
    taken = taken[np.lexsort((schedule.start[order.succ[taken]], order.resource[taken]))]
    supply: dict[int, list[list[int]]] = {}
    for source, k, units in zip(*(a[given].tolist() for a in (order.pred, order.resource, order.units)), strict=True):
        supply.setdefault(k, []).append([source, units])
    found: list[tuple[int, int, int, int]] = []
    for task, k, units in zip(*(a[taken].tolist() for a in (order.succ, order.resource, order.units)), strict=True):
        queue = supply.get(k, [])
        begin, need = int(schedule.start[task]), units
        while queue and need and int(end[queue[0][0]]) <= begin:
            passed = min(need, queue[0][1])
            found.append((queue[0][0], task, k, passed))
            need -= passed
            queue[0][1] -= passed
            if queue[0][1] == 0:
                del queue[0]
    pred, succ, resource, passed_on = np.array(found, np.int64).reshape(-1, 4).T
    mode = schedule.mode_index(instance)
    lag = instance.duration[mode[pred]] + setup_between(instance, resource, mode[pred], mode[succ])
    added = Order(pred, succ, lag, resource, passed_on)
    return Order(*(np.concatenate((old[among], new)) for old, new in zip(order, added, strict=True)))


def _sequence(task: IntArray, resource: IntArray, start: IntArray, end: IntArray) -> IntArray:
    order = np.lexsort((end[task], start[task], resource))
    task, resource = task[order], resource[order]
    same = resource[1:] == resource[:-1]
    return np.stack((task[:-1][same], task[1:][same], resource[1:][same], np.ones(same.sum(), np.int64)))


def _flow(
    instance: Instance,
    task: IntArray,
    resource: IntArray,
    amount: IntArray,
    start: IntArray,
    end: IntArray,
    rng: np.random.Generator,
) -> IntArray:
    """Between whom units of which resource pass; suppliers that already precede the task are preferred."""
    order = np.lexsort((start[task], resource))
    rank = rng.permutation(instance.num_tasks + 1).tolist()  # of the suppliers; the last one is the stock itself
    begin, until = start.tolist(), end.tolist()
    before: dict[int, set[int]] = {}
    stock, at = instance.num_tasks, -1
    pool: dict[int, int] = {}
    busy: list[tuple[int, int, int]] = []
    found: list[tuple[int, int, int, int]] = []
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
                found.append((source, i, k, units))
            if need == 0:
                break
    return np.array(found, np.int64).reshape(-1, 4).T
