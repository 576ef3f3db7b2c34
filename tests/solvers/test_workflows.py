"""List schedules and exact models of workflows, against published values, brute force and the models of Instance."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan import Budget, solve
from makespan.instances.generators.topcuoglu import layered_workflow
from makespan.instances.schedule import Schedule
from makespan.instances.workflow import Workflow, check_workflow, relaxed, workflow_makespan
from makespan.instances.workflow_files import read_workflow
from makespan.solvers.workflows.exact import shortest
from makespan.solvers.workflows.heft import METHODS, heft, makespan_bound, optimistic_cost, upward_rank

TEN_TASKS = read_workflow("@ten_tasks")


@st.composite
def workflows(draw: st.DrawFn, most_tasks: int = 8, zero: int = 0) -> Workflow:
    """Small random workflows; durations from ``zero``, any acyclic arcs."""
    n, m = draw(st.integers(1, most_tasks)), draw(st.integers(1, 3))
    duration = draw(st.lists(st.lists(st.integers(zero, 9), min_size=m, max_size=m), min_size=n, max_size=n))
    pairs = [(i, j) for j in range(n) for i in range(j)]
    arcs = [(i, j, draw(st.integers(0, 9))) for i, j in pairs if draw(st.booleans())]
    return Workflow.from_lists(duration, arcs)


def test_ranks_of_the_published_example() -> None:
    """Topcuoglu, Hariri and Wu (2002), table 3."""
    ranks = [round(rank / 3, 2) for rank in upward_rank(TEN_TASKS)]
    assert ranks == [108, 77, 80, 80, 69, 63.33, 42.67, 35.67, 44.33, 14.67]


@pytest.mark.parametrize(("method", "makespan"), [("heft", 80), ("cpop", 86)])
def test_makespans_of_the_published_example(method: str, makespan: int) -> None:
    """The same paper, figure 3."""
    assert workflow_makespan(TEN_TASKS, METHODS[method](TEN_TASKS)) == makespan


def test_the_optimum_of_the_published_example() -> None:
    """Proved by CP-SAT; no list schedule is better."""
    best = shortest(TEN_TASKS)
    assert best is not None and best.optimal and best.objective == 73
    assert check_workflow(TEN_TASKS, best.schedule) == []


@settings(max_examples=60, deadline=None)
@given(workflows())
def test_every_method_keeps_the_rules_and_the_bound(workflow: Workflow) -> None:
    """Also with tasks that take no time."""
    for method, schedule in METHODS.items():
        found = schedule(workflow)
        assert check_workflow(workflow, found) == [], method
        assert makespan_bound(workflow) <= workflow_makespan(workflow, found)


def brute_force(workflow: Workflow) -> int:
    """The best of all orders and machines; every schedule that starts tasks as early as it can is among them."""
    best = 10**9
    for order in permutations(range(workflow.num_tasks)):
        place = {task: index for index, task in enumerate(order)}
        if any(place[a] > place[b] for a, b in zip(workflow.arc_pred, workflow.arc_succ, strict=True)):
            continue
        for machine in product(range(workflow.num_machines), repeat=workflow.num_tasks):
            end, free = [0] * workflow.num_tasks, [0] * workflow.num_machines
            for task in order:
                begin = free[machine[task]]
                for pred, transfer in workflow.predecessors[task]:
                    begin = max(begin, end[pred] + (transfer if machine[pred] != machine[task] else 0))
                end[task] = free[machine[task]] = begin + int(workflow.duration[task, machine[task]])
            best = min(best, max(end))
    return best


@settings(max_examples=12, deadline=None)
@given(workflows(most_tasks=4, zero=1))
def test_the_exact_model_agrees_with_brute_force(workflow: Workflow) -> None:
    """And the bound never exceeds the optimum."""
    best = shortest(workflow)
    assert best is not None and best.optimal
    assert best.objective == brute_force(workflow)
    assert makespan_bound(workflow) <= best.objective
    assert all(workflow_makespan(workflow, schedule(workflow)) >= best.objective for schedule in METHODS.values())


def test_equal_transfers_agree_with_the_transport_of_an_instance() -> None:
    """Where all arcs carry the same, an Instance can say it; its own model then proves the same optimum."""
    transfer = 7
    workflow = layered_workflow(8, 2, seed=3, mean_duration=6)
    workflow = replace(workflow, transfer=np.full(workflow.num_arcs, transfer))
    instance = relaxed(workflow).replace(
        job=np.zeros(8, np.int32), num_jobs=1, transport=transfer * (1 - np.eye(2, dtype=np.int64))
    )
    result = solve(instance, "cpsat", Budget(seconds=20), threads=1)
    best = shortest(workflow)
    assert best is not None and best.optimal and result.objective == best.objective
    assert result.schedule is not None and check_workflow(workflow, result.schedule) == []


def test_on_one_machine_all_methods_are_optimal() -> None:
    """Nothing travels, nothing idles."""
    workflow = layered_workflow(12, 1, seed=1)
    total = int(workflow.duration.sum())
    assert makespan_bound(workflow) == total
    assert {workflow_makespan(workflow, schedule(workflow)) for schedule in METHODS.values()} == {total}


def test_insertion_fills_the_gap() -> None:
    """Task 3 fits before the data of task 1 arrive for task 2, which has the larger rank."""
    workflow = Workflow.from_lists([[2, 9], [9, 2], [3, 99], [2, 99]], [(0, 2, 0), (1, 2, 5)])
    schedule = heft(workflow)
    assert schedule.start.tolist() == [0, 0, 7, 2] and schedule.mode.tolist() == [0, 1, 0, 0]


def test_optimistic_cost_by_hand() -> None:
    """One successor: stay (2 or 9) or travel 4."""
    workflow = Workflow.from_lists([[1, 1], [2, 9]], [(0, 1, 4)])
    assert optimistic_cost(workflow).tolist() == [[2, 6], [0, 0]]


def test_looking_ahead_sees_what_heft_does_not() -> None:
    """The first task is faster on machine 0, but its successor is at home on machine 1 and the data are slow."""
    workflow = Workflow.from_lists([[2, 3], [50, 1]], [(0, 1, 40)])
    lengths = {name: workflow_makespan(workflow, schedule(workflow)) for name, schedule in METHODS.items()}
    assert lengths["lookahead"] == lengths["peft"] == 4 and lengths["heft"] == 43


def test_an_empty_workflow_has_an_empty_schedule() -> None:
    """No tasks, makespan 0."""
    empty = Workflow.from_lists(np.zeros((0, 2), np.int64), [])
    makers: list[Callable[[Workflow], Schedule]] = list(METHODS.values())
    assert all(workflow_makespan(empty, make(empty)) == 0 for make in makers)
    best = shortest(empty)
    assert best is not None and best.objective == 0
