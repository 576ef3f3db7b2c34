"""List schedules of workflows on unlike machines: HEFT, CPOP, PEFT and HEFT with a look ahead.

All of them take the tasks one by one in the order of a priority and place each on a machine, in the earliest gap that
holds it. They differ in the priority and in how the machine is chosen.

Sources: Topcuoglu, Hariri and Wu (2002), IEEE Transactions on Parallel and Distributed Systems 13(3), 260-274 (HEFT,
CPOP); Arabnejad and Barbosa (2014), the same journal 25(3), 682-694 (PEFT); Bittencourt, Sakellariou and Madeira
(2010), Euromicro PDP, 27-34 (look ahead).
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence

import numpy as np

from makespan.instances.instance import IntArray
from makespan.instances.schedule import Schedule
from makespan.instances.workflow import Workflow

Priorities = Sequence[int]
"""Of each task; the largest is placed first among the tasks whose predecessors are placed, ties by number."""


class Placement:
    """The tasks placed so far, and where the next one would fit."""

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self.duration: list[list[int]] = workflow.duration.tolist()
        self.machine = [-1] * workflow.num_tasks
        self.end = [0] * workflow.num_tasks
        self._busy: list[list[tuple[int, int]]] = [[] for _ in range(workflow.num_machines)]

    def arrival(self, task: int, machine: int) -> int:
        """When the data of all placed predecessors are on the machine."""
        latest = 0
        for pred, transfer in self.workflow.predecessors[task]:
            on = self.machine[pred]
            if on >= 0:
                latest = max(latest, self.end[pred] + (0 if on == machine else transfer))
        return latest

    def earliest_end(self, task: int, machine: int) -> int:
        """When the task would end in the first gap of the machine that holds it. O(tasks placed after that)."""
        length, busy = self.duration[task][machine], self._busy[machine]
        start = self.arrival(task, machine)
        for place in range(max(0, bisect_left(busy, (start, 0)) - 1), len(busy)):
            begin, end = busy[place]
            if start + length <= begin:
                break
            start = max(start, end)
        return start + length

    def place(self, task: int, machine: int, end: int) -> None:
        """Put the task on the machine so that it ends then."""
        self.machine[task], self.end[task] = machine, end
        if self.duration[task][machine]:
            insort(self._busy[machine], (end - self.duration[task][machine], end))

    def remove(self, task: int) -> None:
        """Take the task off its machine."""
        machine, end = self.machine[task], self.end[task]
        if self.duration[task][machine]:
            self._busy[machine].remove((end - self.duration[task][machine], end))
        self.machine[task] = -1

    def schedule(self) -> Schedule:
        """Of all tasks."""
        length = [self.duration[task][machine] for task, machine in enumerate(self.machine)]
        return Schedule(np.array(self.end, np.int64) - np.array(length, np.int64), np.array(self.machine, np.int32))


Choose = Callable[[Placement, int], int]
"""The machine for the next task."""


def list_schedule(workflow: Workflow, priority: Priorities, choose: Choose) -> Schedule:
    """Place the tasks by falling priority, each where ``choose`` says, in the earliest gap. A task waits for its
    predecessors whatever its priority."""
    placement = Placement(workflow)
    waits = [len(arcs) for arcs in workflow.predecessors]
    ready = [(-priority[task], task) for task in range(workflow.num_tasks) if not waits[task]]
    heapq.heapify(ready)
    while ready:
        _, task = heapq.heappop(ready)
        machine = choose(placement, task)
        placement.place(task, machine, placement.earliest_end(task, machine))
        for successor, _ in workflow.successors[task]:
            waits[successor] -= 1
            if not waits[successor]:
                heapq.heappush(ready, (-priority[successor], successor))
    return placement.schedule()


def earliest_finish(placement: Placement, task: int) -> int:
    """The machine on which the task ends first."""
    return min(range(placement.workflow.num_machines), key=lambda machine: placement.earliest_end(task, machine))


def upward_rank(workflow: Workflow) -> list[int]:
    """Longest path from the start of each task to the end of the workflow, times the number of machines: mean durations
    and full transfers. Multiplied so that it is an integer."""
    total, m = workflow.duration.sum(axis=1).tolist(), workflow.num_machines
    rank = [0] * workflow.num_tasks
    for task in reversed(workflow.order):
        longest = max((m * transfer + rank[other] for other, transfer in workflow.successors[task]), default=0)
        rank[task] = total[task] + longest
    return rank


def downward_rank(workflow: Workflow) -> list[int]:
    """Longest path from the begin of the workflow to the start of each task, measured as ``upward_rank``."""
    total, m = workflow.duration.sum(axis=1).tolist(), workflow.num_machines
    rank = [0] * workflow.num_tasks
    for task in workflow.order:
        before = workflow.predecessors[task]
        rank[task] = max((rank[other] + total[other] + m * transfer for other, transfer in before), default=0)
    return rank


def makespan_bound(workflow: Workflow) -> int:
    """A lower bound: the longest path by the fastest times, and the shared load.

    For weights of the machines that add up to 1, the makespan is at least the sum over the tasks of the least weighted
    time; the weights are the speeds on all tasks together, which is tight for uniform machines. O(tasks · machines).
    """
    fastest = workflow.duration.min(axis=1).tolist()
    longest = [0] * workflow.num_tasks
    for task in workflow.order:
        longest[task] = fastest[task] + max((longest[pred] for pred, _ in workflow.predecessors[task]), default=0)
    total = workflow.duration.sum(axis=0).tolist()
    speed = [10**6 * max(total) // each if each else 0 for each in total]
    if not all(speed):
        return max(longest, default=0)
    load = sum(min(s * time for s, time in zip(speed, row, strict=True)) for row in workflow.duration.tolist())
    return int(max(*longest, -(-load // sum(speed))))


def heft(workflow: Workflow) -> Schedule:
    """Upward rank, earliest finish. O(arcs · machines + tasks² · machines)."""
    return list_schedule(workflow, upward_rank(workflow), earliest_finish)


def cpop(workflow: Workflow) -> Schedule:
    """Upward plus downward rank; the tasks of one critical path share the machine that is fastest for them."""
    up, down = upward_rank(workflow), downward_rank(workflow)
    priority = [a + b for a, b in zip(up, down, strict=True)]
    longest = max(up, default=0)
    path = [next(task for task in workflow.order if up[task] == longest)] if priority else []
    while path and workflow.successors[path[-1]]:
        path.append(max((other for other, _ in workflow.successors[path[-1]]), key=lambda task: priority[task]))
    fastest = int(workflow.duration[path].sum(axis=0).argmin())
    critical = set(path)

    def choose(placement: Placement, task: int) -> int:
        return fastest if task in critical else earliest_finish(placement, task)

    return list_schedule(workflow, priority, choose)


def optimistic_cost(workflow: Workflow) -> IntArray:
    """Shape (num_tasks, num_machines): what is left after the task ran on the machine, if every later task got the
    machine that suits its longest path best. O(arcs · machines²)."""
    m = workflow.num_machines
    cost = np.zeros((workflow.num_tasks, m), np.int64)
    elsewhere = 1 - np.eye(m, dtype=np.int64)
    for task in reversed(workflow.order):
        for other, transfer in workflow.successors[task]:
            onward = (cost[other] + workflow.duration[other] + transfer * elsewhere).min(axis=1)
            cost[task] = np.maximum(cost[task], onward)
    return cost


def peft(workflow: Workflow) -> Schedule:
    """Mean optimistic cost as priority; the machine with the least sum of finish and optimistic cost."""
    cost = optimistic_cost(workflow)
    table: list[list[int]] = cost.tolist()

    def choose(placement: Placement, task: int) -> int:
        machines = range(workflow.num_machines)
        return min(machines, key=lambda machine: placement.earliest_end(task, machine) + table[task][machine])

    return list_schedule(workflow, cost.sum(axis=1).tolist(), choose)


def lookahead(workflow: Workflow) -> Schedule:
    """Upward rank; the machine from which the last of the task's successors, placed by earliest finish, ends first.
    A tie goes to the earlier finish of the task itself."""
    rank = upward_rank(workflow)
    machines = range(workflow.num_machines)

    def reach(placement: Placement, task: int, machine: int) -> tuple[int, int]:
        end = placement.earliest_end(task, machine)
        placement.place(task, machine, end)
        placed, last = [], end
        for other, _ in sorted(workflow.successors[task], key=lambda arc: -rank[arc[0]]):
            on = earliest_finish(placement, other)
            placement.place(other, on, placement.earliest_end(other, on))
            placed.append(other)
            last = max(last, placement.end[other])
        for other in (*placed, task):
            placement.remove(other)
        return last, end

    def choose(placement: Placement, task: int) -> int:
        return min(machines, key=lambda machine: reach(placement, task, machine))

    return list_schedule(workflow, rank, choose)


METHODS: dict[str, Callable[[Workflow], Schedule]] = {
    "heft": heft,
    "peft": peft,
    "lookahead": lookahead,
    "cpop": cpop,
}
