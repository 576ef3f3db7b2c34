"""Workflow: tasks in precedence order on unlike machines, with transfers that depend on the arc.

A task takes ``duration[task, machine]`` on the machine it is placed on, alone and without pause. Arc (pred, succ): succ
starts at or after the end of pred, and ``transfer`` later where the two lie on different machines, because data have to
travel; machines are linked alike.

It stands beside ``Instance`` because it does not fit there: ``Instance.transport`` is a time per pair of machines, the
same for all arcs, while here it depends on the data of the arc. Schedules are plain ``Schedule`` objects, with the
machine as the mode. ``relaxed`` gives the Instance without transfers, for charts and for bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from makespan.instances.check import Report, Violation
from makespan.instances.instance import HORIZON_LIMIT, IndexArray, Instance, IntArray, Metadata
from makespan.instances.schedule import Schedule
from makespan.instances.validate import locked


@dataclass(frozen=True, eq=False)
class Workflow:
    """A workflow; see the module docstring for what a schedule of it must keep.

    Parameters
    ----------
    duration
        Shape (num_tasks, num_machines): times >= 0, at least one machine.
    arc_pred, arc_succ
        Shape (num_arcs,): each pair once, no circle. Stored in the order of pred, then succ.
    transfer
        Shape (num_arcs,): time >= 0 from the end of pred to the start of succ on another machine.
    price
        Shape (num_machines,): cost of one unit of time on each machine, >= 0; ``None`` where nobody pays.
    meta
        Names; ``resource_names`` are those of the machines.

    Raises
    ------
    ValueError
        If shapes disagree, an index is out of range, a number is negative, an arc is given twice, the arcs hold a
        circle, or all times together exceed HORIZON_LIMIT.
    """

    duration: IntArray
    arc_pred: IndexArray
    arc_succ: IndexArray
    transfer: IntArray
    price: IntArray | None = None
    meta: Metadata = field(default_factory=Metadata)

    def __post_init__(self) -> None:
        duration = locked(self.duration, np.int64, "duration")
        if duration.ndim != 2 or not duration.shape[1]:
            raise ValueError(f"duration: found shape {duration.shape}, expected (tasks, machines >= 1)")
        pred, succ = locked(self.arc_pred, np.int32, "arc_pred"), locked(self.arc_succ, np.int32, "arc_succ")
        transfer = locked(self.transfer, np.int64, "transfer")
        if not pred.shape == succ.shape == transfer.shape == (pred.size,):
            raise ValueError(f"arcs: found shapes {pred.shape}, {succ.shape}, {transfer.shape}, expected equal ones")
        order = np.lexsort((succ, pred))
        arrays = {"duration": duration, "arc_pred": pred[order], "arc_succ": succ[order], "transfer": transfer[order]}
        if self.price is not None:
            arrays["price"] = locked(self.price, np.int64, "price")
        for name, array in arrays.items():
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        _validate(self)

    @classmethod
    def from_lists(
        cls,
        duration: ArrayLike,
        arcs: Sequence[tuple[int, int, int]],
        price: ArrayLike | None = None,
        meta: Metadata | None = None,
    ) -> Workflow:
        """From rows of durations and arcs (pred, succ, transfer)."""
        pred, succ = (np.array([arc[i] for arc in arcs], np.int32) for i in range(2))
        transfer = np.array([arc[2] for arc in arcs], np.int64)
        given = None if price is None else np.asarray(price)
        return cls(np.asarray(duration), pred, succ, transfer, given, meta or Metadata())

    def named(self, name: str) -> Workflow:
        """A copy under another name."""
        return replace(self, meta=replace(self.meta, name=name))

    @property
    def name(self) -> str:
        return self.meta.name

    @property
    def num_tasks(self) -> int:
        return len(self.duration)

    @property
    def num_machines(self) -> int:
        return int(self.duration.shape[1])

    @property
    def num_arcs(self) -> int:
        return self.arc_pred.size

    @cached_property
    def order(self) -> list[int]:
        """The tasks, every one after its predecessors; ties by number."""
        return _order(self)

    @cached_property
    def predecessors(self) -> list[list[tuple[int, int]]]:
        """(predecessor, transfer) of each task."""
        return _lists(self.num_tasks, self.arc_succ, self.arc_pred, self.transfer)

    @cached_property
    def successors(self) -> list[list[tuple[int, int]]]:
        """(successor, transfer) of each task."""
        return _lists(self.num_tasks, self.arc_pred, self.arc_succ, self.transfer)

    @cached_property
    def mean_duration(self) -> NDArray[np.float64]:
        """Shape (num_tasks,): mean over the machines."""
        mean: NDArray[np.float64] = self.duration.mean(axis=1)
        return mean


def _validate(workflow: Workflow) -> None:
    duration, pred, succ = workflow.duration, workflow.arc_pred, workflow.arc_succ
    if duration.min(initial=0) < 0 or workflow.transfer.min(initial=0) < 0:
        raise ValueError("workflow: found a negative duration or transfer, expected 0 or more")
    if int(duration.max(axis=1).sum()) + int(workflow.transfer.sum()) > HORIZON_LIMIT:
        raise ValueError(f"workflow: found times that add up to more than {HORIZON_LIMIT}")
    for arc in (pred, succ):
        if arc.size and not 0 <= arc.min() <= arc.max() < workflow.num_tasks:
            raise ValueError(
                f"arcs: found task {arc.min()}..{arc.max()}, expected tasks in 0..{workflow.num_tasks - 1}"
            )
    twice = np.flatnonzero((pred[1:] == pred[:-1]) & (succ[1:] == succ[:-1]))
    if twice.size:
        raise ValueError(f"arcs: found {pred[twice[0]]} -> {succ[twice[0]]} twice, expected each arc once")
    price = workflow.price
    if price is not None and (price.shape != (workflow.num_machines,) or price.min() < 0):
        raise ValueError(f"price: found {price.tolist()}, expected {workflow.num_machines} prices of 0 or more")
    for names, size, what in (
        (workflow.meta.task_names, workflow.num_tasks, "task names"),
        (workflow.meta.resource_names, workflow.num_machines, "machine names"),
    ):
        if names is not None and len(names) != size:
            raise ValueError(f"{what}: found {len(names)}, expected {size}")
    if len(workflow.order) < workflow.num_tasks:
        left = sorted(set(range(workflow.num_tasks)) - set(workflow.order))
        raise ValueError(f"arcs: found a circle among tasks {left[:10]}, expected none")


def _order(workflow: Workflow) -> list[int]:
    waits = np.bincount(workflow.arc_succ, minlength=workflow.num_tasks).tolist()
    ready = [task for task in range(workflow.num_tasks) if not waits[task]]
    for task in ready:  # grows while it is read
        for successor, _ in workflow.successors[task]:
            waits[successor] -= 1
            if not waits[successor]:
                ready.append(successor)
    return ready


def _lists(size: int, key: IndexArray, value: IndexArray, transfer: IntArray) -> list[list[tuple[int, int]]]:
    lists: list[list[tuple[int, int]]] = [[] for _ in range(size)]
    for at, other, time in zip(key.tolist(), value.tolist(), transfer.tolist(), strict=True):
        lists[at].append((other, time))
    return lists


# -- schedules -------------------------------------------------------------------------------------


def chosen_duration(workflow: Workflow, machine: NDArray[np.integer]) -> IntArray:
    """Shape (num_tasks,): the time of each task on its machine."""
    chosen: IntArray = workflow.duration[np.arange(workflow.num_tasks), machine]
    return chosen


def workflow_makespan(workflow: Workflow, schedule: Schedule) -> int:
    """The last end; 0 without tasks."""
    return int((schedule.start + chosen_duration(workflow, schedule.mode)).max(initial=0))


def workflow_cost(workflow: Workflow, machine: NDArray[np.integer]) -> int:
    """What the machines of the tasks cost. Raises ValueError if nothing has a price."""
    if workflow.price is None:
        raise ValueError("workflow: found no prices, expected one for each machine")
    return int((chosen_duration(workflow, machine) * workflow.price[machine]).sum())


def check_workflow(workflow: Workflow, schedule: Schedule, *, shared: bool = True) -> list[Violation]:
    """Every broken constraint; an empty list means that the schedule holds. Shares no code with a solver.

    With ``shared`` false there are as many machines of each kind as anyone asks for, so that tasks never wait for one.
    O(n log n).
    """
    found = Report()
    n, m = workflow.num_tasks, workflow.num_machines
    start, machine = schedule.start, schedule.mode.astype(np.int64)
    if start.shape != (n,) or machine.shape != (n,):
        return [Violation("shape", f"{start.size} starts and {machine.size} machines for {n} tasks")]
    task = np.arange(n)
    wrong = ((machine < 0) | (machine >= m)).astype(np.int64)
    found.add("mode", wrong, lambda i: f"task {i}: machine {machine[i]}, expected 0..{m - 1}", task)
    found.add("start", -start, lambda i: f"task {i} starts at {start[i]}", task)
    if found.violations:
        return found.violations
    end = start + workflow.duration[task, machine]
    pred, succ = workflow.arc_pred, workflow.arc_succ
    due = end[pred] + np.where(machine[pred] == machine[succ], 0, workflow.transfer)
    late = due - start[succ]
    found.add(
        "precedence",
        late,
        lambda i: f"task {succ[i]} starts at {start[succ[i]]}, the data of task {pred[i]} arrive at {due[i]}",
        succ,
        pred,
    )
    if shared:
        busy = np.flatnonzero(end > start)  # a task without duration holds no machine
        busy = busy[np.lexsort((start[busy], machine[busy]))]
        one, two = busy[:-1], busy[1:]
        overlap = np.where(machine[one] == machine[two], end[one] - start[two], 0)
        found.add(
            "capacity",
            overlap,
            lambda i: f"tasks {one[i]} and {two[i]} overlap by {overlap[i]} on machine {machine[one[i]]}",
            two,
            one,
            machine[two],
        )
    return found.violations


def relaxed(workflow: Workflow) -> Instance:
    """The workflow without its transfers, as an Instance: every schedule of the workflow is one of this instance, so
    charts can draw it and lower bounds of the instance hold."""
    return Instance.from_lists(
        [[(time, {machine: 1}) for machine, time in enumerate(row)] for row in workflow.duration.tolist()],
        np.ones(workflow.num_machines, np.int64),
        list(zip(workflow.arc_pred.tolist(), workflow.arc_succ.tolist(), strict=True)),
        meta=workflow.meta,
    )
