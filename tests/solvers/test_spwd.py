"""Series-parallel graphs, and the cost of a workflow under a deadline."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.generators.topcuoglu import layered_workflow
from makespan.instances.workflow import Workflow, check_workflow, workflow_cost
from makespan.solvers.workflows.exact import cheapest, critical_path, earliest_starts
from makespan.solvers.workflows.series_parallel import TerminalGraph, cost_curve, decomposition, series_parallel
from makespan.solvers.workflows.spwd import split, spwd


@st.composite
def priced(draw: st.DrawFn, most_tasks: int = 7) -> Workflow:
    """Small workflows with prices and without transfers."""
    n, m = draw(st.integers(1, most_tasks)), draw(st.integers(1, 3))
    duration = draw(st.lists(st.lists(st.integers(0, 6), min_size=m, max_size=m), min_size=n, max_size=n))
    arcs = [(i, j, 0) for j in range(n) for i in range(j) if draw(st.booleans())]
    return Workflow.from_lists(duration, arcs, draw(st.lists(st.integers(0, 5), min_size=m, max_size=m)))


def mean_path(workflow: Workflow) -> int:
    """The deadline of the paper: the longest path by mean times."""
    return critical_path(workflow, workflow.duration.sum(axis=1)) // workflow.num_machines


def reachable(edges: list[tuple[int, int]], size: int) -> np.ndarray:
    """Who precedes whom, by repeated squaring."""
    near = np.eye(size, dtype=np.int64)
    for source, sink in edges:
        near[source, sink] = 1
    for _ in range(max(1, size.bit_length())):
        near = (near @ near > 0).astype(np.int64)
    return near > 0


@pytest.mark.parametrize(("tasks", "seed"), [(5, 0), (12, 1), (30, 2), (80, 3), (200, 4)])
def test_the_graph_keeps_every_precedence_and_reduces_to_one_edge(tasks: int, seed: int) -> None:
    """The definition of a series-parallel graph that says no less than the workflow; one leaf for each edge."""
    workflow = layered_workflow(tasks, 2, seed)
    graph = series_parallel(workflow)
    tree = decomposition(graph)
    assert tree is not None
    assert sum(tree.is_leaf(node) for node in range(tree.root + 1)) == len(graph.edges)
    assert sorted(tree.edges_below(tree.root)) == sorted(graph.edges)
    before = reachable(list(graph.edges), graph.num_vertices)
    assert before[workflow.arc_pred, workflow.arc_succ].all()
    assert before[graph.source].all() and before[:, graph.sink].all()
    assert graph.num_vertices <= 1.5 * tasks + 2 and len(graph.edges) <= 2 * (graph.num_vertices - 2)


def test_no_order_is_added_to_a_series_parallel_workflow() -> None:
    """A fan and a join, then a fan: two tasks of one fan stay without order."""
    workflow = Workflow.from_lists(
        [[1]] * 7, [(0, 1, 0), (0, 2, 0), (1, 3, 0), (2, 3, 0), (3, 4, 0), (4, 5, 0), (4, 6, 0)]
    )
    graph = series_parallel(workflow)
    before = reachable(list(graph.edges), graph.num_vertices)[:7, :7]
    assert (before == reachable(list(zip(workflow.arc_pred, workflow.arc_succ, strict=True)), 7)).all()


def test_a_graph_with_a_bridge_is_not_series_parallel() -> None:
    """The Wheatstone bridge, the smallest graph that no reduction shortens."""
    bridge = TerminalGraph(2, 4, ((2, 0), (2, 1), (0, 1), (0, 3), (1, 3)))
    assert decomposition(bridge) is None


def brute_force(workflow: Workflow, deadline: int) -> int | None:
    """The least cost over all machines."""
    best = None
    for choice in product(range(workflow.num_machines), repeat=workflow.num_tasks):
        machine = np.array(choice)
        if earliest_starts(workflow, machine)[1] <= deadline:
            cost = workflow_cost(workflow, machine)
            best = cost if best is None else min(best, cost)
    return best


@settings(max_examples=25, deadline=None)
@given(priced(most_tasks=6), st.integers(0, 20))
def test_the_exact_model_agrees_with_brute_force(workflow: Workflow, deadline: int) -> None:
    """Also where no machines keep the deadline."""
    plan, best = cheapest(workflow, deadline), brute_force(workflow, deadline)
    assert (None if plan is None else plan.cost) == best
    if plan is not None:
        assert plan.lower_bound == plan.cost and plan.makespan <= deadline
        assert check_workflow(workflow, plan.schedule(workflow), shared=False) == []


@settings(max_examples=25, deadline=None)
@given(priced(), st.integers(0, 25))
def test_the_cost_curve_is_exact_for_the_graph(workflow: Workflow, deadline: int) -> None:
    """The program on the tree and CP-SAT agree on the workflow that has the order of the graph."""
    graph = series_parallel(workflow)
    duration = np.zeros((graph.num_vertices, workflow.num_machines), np.int64)
    duration[: workflow.num_tasks] = workflow.duration
    ordered = Workflow.from_lists(duration, [(a, b, 0) for a, b in graph.edges], workflow.price)
    plan = cheapest(ordered, deadline)
    assert cost_curve(workflow, graph, deadline)[deadline] == (None if plan is None else plan.cost)


@settings(max_examples=25, deadline=None)
@given(priced(), st.integers(2, 9), st.integers(0, 6))
def test_spwd_keeps_the_deadline_and_never_beats_the_optimum(workflow: Workflow, part_size: int, slack: int) -> None:
    """With parts of any size, tight deadlines included; a plan exists exactly where the fastest machines keep it."""
    fastest = critical_path(workflow, workflow.duration.min(axis=1))
    deadline = fastest + slack
    plan, best = spwd(workflow, deadline, part_size), cheapest(workflow, deadline)
    assert plan is not None and best is not None
    assert plan.makespan <= deadline and plan.cost >= best.cost
    assert plan.cost == workflow_cost(workflow, plan.machine)
    if fastest:
        assert spwd(workflow, fastest - 1, part_size) is None


def test_parts_are_small_and_cover_every_edge() -> None:
    """Deadlines of parts in series add up to at most the whole."""
    workflow = layered_workflow(60, 3, 5)
    graph = series_parallel(workflow)
    tree = decomposition(graph)
    assert tree is not None
    weight = np.append(workflow.duration.sum(axis=1), np.zeros(graph.num_vertices - 60, np.int64))
    parts = split(tree, weight, 1000, 12)
    assert sorted(edge for part in parts for edge in part.edges) == sorted(graph.edges)
    assert all(len({vertex for edge in part.edges for vertex in edge}) <= 12 for part in parts)
    allowed = {edge: part.deadline for part in parts for edge in part.edges}
    assert max(allowed.values()) <= 1000


def test_one_part_is_the_exact_model() -> None:
    """On a series-parallel workflow nothing is lost."""
    arcs = [(0, 1, 0), (0, 2, 0), (1, 3, 0), (2, 3, 0)]
    workflow = Workflow.from_lists([[8, 4], [6, 3], [10, 5], [4, 2]], arcs, price=[1, 4])
    deadline = mean_path(workflow)
    plan, best = spwd(workflow, deadline, 100), cheapest(workflow, deadline)
    assert plan is not None and best is not None and plan.parts == 1 and plan.cost == best.cost


def test_what_it_cannot_do_is_refused() -> None:
    """Transfers, missing prices, parts of one vertex."""
    with pytest.raises(ValueError, match="transfers"):
        spwd(Workflow.from_lists([[1], [1]], [(0, 1, 3)], [1]), 5, 2)
    with pytest.raises(ValueError, match="no prices"):
        cheapest(Workflow.from_lists([[1]], []), 5)
    with pytest.raises(ValueError, match="2 vertices"):
        spwd(Workflow.from_lists([[1]], [], [1]), 5, 1)
