"""The job shops of a batch of improvements, one behind the other in a few arrays, with the orders they begin with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.check import check
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.instances.shop_view import shop_view
from makespan.solvers.dispatching import dispatch_batch
from makespan.solvers.kernels.machine_orders import find_sinks
from makespan.solvers.priority_rules import RULES
from makespan.solvers.sequencing import jobs_in_order, operation_records, order_by_start, sequencing_problem

RANDOM = "random"
"""A start: orders drawn anew for each episode."""

Start = str | Sequence[Schedule] | Callable[[Instance], Schedule]
"""What episodes begin with: a rule that inserts operations into gaps, RANDOM, a schedule for each instance, or a
function that makes one."""


class ImprovementArena(NamedTuple):
    """All arrays read-only; those of shop s lie at ``x[x_ptr[s]:x_ptr[s + 1]]``.

    Parameters
    ----------
    node
        Records of the operations, see ``machine_orders``, and one more behind each shop: those of shop s begin at
        ``task_ptr[s] + s``.
    order, machine, task_ptr
        Per operation: the order it begins with, uint32; its machine, -1 for none.
    line_ptr, line_at
        Where the machines of each shop begin in its ``line``, see ``Orders``; that of shop s begins at ``line_at[s]``.
    sink, sink_ptr
        The last operations of jobs.
    scale
        Shape (shops, 3) float64: bound (the largest job or load, at least 1), mean duration (at least 1), most
        operations of a machine (at least 1).
    longest_line_ptr
        The most entries that one shop has in ``line_ptr``.
    """

    node: NDArray
    order: NDArray[np.uint32]
    machine: IntArray
    task_ptr: IntArray
    line_ptr: IntArray
    line_at: IntArray
    sink: IntArray
    sink_ptr: IntArray
    scale: NDArray[np.float64]
    longest_line_ptr: int


class SequencedShop(NamedTuple):
    """What the arena keeps of one shop; ``by_job``: see ``jobs_in_order``."""

    node: NDArray
    by_job: NDArray[np.uint32]
    machine: IntArray
    line_ptr: IntArray
    sink: IntArray
    scale: tuple[float, float, float]


class ImprovementFacts(NamedTuple):
    """A shop and the order it begins with."""

    shop: SequencedShop
    order: NDArray[np.uint32]


def improvement_facts(instance: Instance, start: str | Schedule | Callable[[Instance], Schedule]) -> ImprovementFacts:
    """The facts of an instance and the order of its first schedule. O(n log n), and what the schedule takes.

    Raises ValueError if the instance is no job shop to be sequenced for the least makespan, or the schedule breaks a
    constraint of it.
    """
    shop = instance.derived(sequenced_shop)
    order = shop.by_job
    if start != RANDOM:
        if isinstance(start, str):
            schedule = dispatch_batch(instance.derived(shop_view), [start], ["insertion"])[1]
            assert schedule is not None  # without deadlines and fixed starts every rule makes one
        else:
            schedule = start if isinstance(start, Schedule) else start(instance)
            broken = check(instance, schedule)
            if broken:
                raise ValueError(
                    f"start: found a schedule of {instance.name!r} in which {broken[0].message}, expected a legal one"
                )
        takes_time = sequencing_problem(instance).duration[shop.by_job] > 0
        order = order_by_start(shop.by_job, takes_time, schedule.start)
    return ImprovementFacts(shop, order)


def checked_start(start: Start, instances: int) -> Start:
    """``start`` itself. Raises ValueError for an unknown rule, or other than one schedule for each instance."""
    if isinstance(start, str):
        if start != RANDOM and start not in RULES:
            raise ValueError(f"start: found {start!r}, expected {RANDOM} or one of {', '.join(RULES)}")
    elif not callable(start) and len(start) != instances:
        raise ValueError(f"start: found {len(start)} schedules, expected one for each of {instances} instances")
    return start


def improvement_arena(facts: Sequence[ImprovementFacts]) -> ImprovementArena:
    """The arena of these shops. O(size)."""
    shops = [each.shop for each in facts]
    arena = ImprovementArena(
        node=np.concatenate([shop.node for shop in shops]),
        order=np.concatenate([each.order for each in facts]),
        machine=np.concatenate([shop.machine for shop in shops]),
        task_ptr=_pointers([shop.machine.size for shop in shops]),
        line_ptr=np.concatenate([shop.line_ptr for shop in shops]),
        line_at=_pointers([shop.line_ptr.size for shop in shops]),
        sink=np.concatenate([shop.sink for shop in shops]),
        sink_ptr=_pointers([shop.sink.size for shop in shops]),
        scale=np.array([shop.scale for shop in shops], np.float64),
        longest_line_ptr=max(shop.line_ptr.size for shop in shops),
    )
    for array in arena[:-1]:
        array.setflags(write=False)
    return arena


def sequenced_shop(instance: Instance) -> SequencedShop:
    """See ``Instance.derived``. Raises ValueError as ``improvement_facts``."""
    if instance.objective != ("makespan",):
        raise ValueError(f"improvement: found objective {', '.join(instance.objective)}, expected makespan")
    problem = instance.derived(sequencing_problem)
    if problem.duration.size == 0:
        raise ValueError("improvement: found no operation, expected at least one")
    by_job, node = jobs_in_order(problem), operation_records(problem)
    sink = np.empty(by_job.size, np.int64)
    sink = sink[: find_sinks(node, by_job, sink)].copy()
    counts = np.bincount(problem.machine + 1)
    view = instance.derived(shop_view)
    load = np.bincount(problem.machine + 1, problem.duration)[1:]
    job = np.add.reduceat(view.duration, view.job_ptr[:-1][np.diff(view.job_ptr) > 0])
    scale = (
        float(max(1, job.max(), load.max(initial=0))),
        float(max(1.0, problem.duration.mean())),
        float(counts[1:].max(initial=1)),
    )
    line_ptr = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    return SequencedShop(node, by_job, np.array(problem.machine), line_ptr, sink, scale)


def _pointers(sizes: Sequence[int]) -> IntArray:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)))
