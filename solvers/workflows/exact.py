"""Exact models of workflows in CP-SAT: the makespan on single machines with transfers, and the least cost under a
deadline on machines that are there in any number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from makespan.instances.instance import IntArray
from makespan.instances.schedule import Schedule
from makespan.instances.workflow import Workflow, chosen_duration, workflow_cost


@dataclass(frozen=True, eq=False)
class Planned:
    """A schedule of a workflow, its objective, and a lower bound on every objective; optimal where they are equal."""

    schedule: Schedule
    objective: int
    lower_bound: int

    @property
    def optimal(self) -> bool:
        return self.objective == self.lower_bound


def shortest(workflow: Workflow, seconds: float = 10.0, hint: Schedule | None = None) -> Planned | None:
    """The least makespan found in the time, with one worker; ``None`` if nothing was. ``hint`` is where to start."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    n, m = workflow.num_tasks, workflow.num_machines
    if not n:
        return Planned(Schedule(np.zeros(0, np.int64)), 0, 0)
    horizon = int(workflow.duration.max(axis=1).sum() + workflow.transfer.sum())
    start = [model.new_int_var(0, horizon, f"start{task}") for task in range(n)]
    end = [model.new_int_var(0, horizon, f"end{task}") for task in range(n)]
    on = [[model.new_bool_var(f"on{task}_{machine}") for machine in range(m)] for task in range(n)]
    busy: list[list[cp_model.IntervalVar]] = [[] for _ in range(m)]
    for task in range(n):
        model.add_exactly_one(on[task])
        for machine, time in enumerate(workflow.duration[task].tolist()):
            chosen = on[task][machine]
            interval = model.new_optional_interval_var(start[task], time, end[task], chosen, f"run{task}_{machine}")
            if time:
                busy[machine].append(interval)
    for intervals in busy:
        model.add_no_overlap(intervals)
    for pred, succ, transfer in _arcs(workflow):
        model.add(start[succ] >= end[pred])
        if transfer:
            together = model.new_bool_var(f"together{pred}_{succ}")
            for machine in range(m):
                model.add_bool_or(together.Not(), on[pred][machine].Not(), on[succ][machine])
            model.add(start[succ] >= end[pred] + transfer).only_enforce_if(together.Not())
    last = model.new_int_var(0, horizon, "makespan")
    model.add_max_equality(last, end)
    model.minimize(last)
    if hint is not None:
        for task in range(n):
            model.add_hint(start[task], int(hint.start[task]))
            for machine in range(m):
                model.add_hint(on[task][machine], int(hint.mode[task]) == machine)
    solver = _solver(seconds)
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    placed = [next(k for k in range(m) if solver.boolean_value(on[task][k])) for task in range(n)]
    schedule = Schedule([solver.value(each) for each in start], placed)
    return Planned(schedule, round(solver.objective_value), _bound(solver.best_objective_bound))


@dataclass(frozen=True, eq=False)
class CostPlan:
    """A machine for every task, its cost, the makespan it leads to, and a lower bound on every cost (0: none known).

    ``parts`` counts the problems that were solved one by one.
    """

    machine: IntArray
    cost: int
    makespan: int
    lower_bound: int = 0
    parts: int = 1

    def schedule(self, workflow: Workflow) -> Schedule:
        """Every task as early as its predecessors allow."""
        start, _ = earliest_starts(workflow, self.machine)
        return Schedule(start, self.machine.astype(np.int32))


def earliest_starts(workflow: Workflow, machine: IntArray) -> tuple[IntArray, int]:
    """Starts (num_tasks,) and makespan where no task waits for a machine. O(arcs)."""
    time = chosen_duration(workflow, machine).tolist()
    on = machine.tolist()
    start = [0] * workflow.num_tasks
    for task in workflow.order:
        for pred, transfer in workflow.predecessors[task]:
            start[task] = max(start[task], start[pred] + time[pred] + (0 if on[pred] == on[task] else transfer))
    ends = (begin + length for begin, length in zip(start, time, strict=True))
    return np.array(start, np.int64), max(ends, default=0)


def cost_plan(workflow: Workflow, machine: IntArray, lower_bound: int = 0, parts: int = 1) -> CostPlan:
    """The plan that puts every task on its machine."""
    makespan = earliest_starts(workflow, machine)[1]
    return CostPlan(machine, workflow_cost(workflow, machine), makespan, lower_bound, parts)


def critical_path(workflow: Workflow, weight: IntArray) -> int:
    """Longest path by the weights (num_tasks,) of its tasks; transfers do not count."""
    end = [0] * workflow.num_tasks
    own = weight.tolist()
    for task in workflow.order:
        end[task] = own[task] + max((end[pred] for pred, _ in workflow.predecessors[task]), default=0)
    return max(end, default=0)


def refuse_transfers(workflow: Workflow) -> None:
    """Raises ValueError if data need time to travel, or if machines have no prices."""
    if workflow.transfer.any():
        raise ValueError("cost under a deadline: found transfers that take time, expected none")
    if workflow.price is None:
        raise ValueError("cost under a deadline: found no prices, expected one for each machine")


def cheapest(workflow: Workflow, deadline: int, seconds: float = 10.0) -> CostPlan | None:
    """The cheapest machines with which the longest path keeps the deadline; ``None`` if there are none, or if none were
    found in the time. One worker.

    Finish times stand for the paths, so the model grows with the arcs and not with the number of paths. Raises
    ValueError for transfers that take time, and without prices.
    """
    from ortools.sat.python import cp_model

    refuse_transfers(workflow)
    assert workflow.price is not None
    if critical_path(workflow, workflow.duration.min(axis=1)) > deadline:
        return None
    model = cp_model.CpModel()
    cost = workflow.duration * workflow.price
    end = [model.new_int_var(0, deadline, f"end{task}") for task in range(workflow.num_tasks)]
    chosen, spent = [], []
    for task, (times, costs) in enumerate(zip(workflow.duration.tolist(), cost.tolist(), strict=True)):
        on = [model.new_bool_var(f"on{task}_{machine}") for machine in range(len(times))]
        model.add_exactly_one(on)
        length = cp_model.LinearExpr.weighted_sum(on, times)
        for pred, _ in workflow.predecessors[task]:
            model.add(end[task] >= end[pred] + length)
        if not workflow.predecessors[task]:
            model.add(end[task] >= length)
        chosen.append(on)
        spent.append(cp_model.LinearExpr.weighted_sum(on, costs))
    model.minimize(sum(spent))
    solver = _solver(seconds)
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    machine = np.array([next(k for k, each in enumerate(on) if solver.boolean_value(each)) for on in chosen], np.int64)
    return cost_plan(workflow, machine, _bound(solver.best_objective_bound))


def _arcs(workflow: Workflow) -> list[tuple[int, int, int]]:
    columns = (workflow.arc_pred.tolist(), workflow.arc_succ.tolist(), workflow.transfer.tolist())
    return list(zip(*columns, strict=True))


def _solver(seconds: float) -> Any:
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    return solver


def _bound(value: float) -> int:
    """CP-SAT returns floats; the objective is an integer."""
    return int(np.ceil(value - 1e-6))
