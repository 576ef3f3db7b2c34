"""SPWD: the cost of a workflow under a deadline, part by part.

The workflow becomes a series-parallel graph, its decomposition tree is cut into parts of a bounded size, the deadline
is split along the tree in proportion to mean times, and each part is solved on its own. Parts in series add up to the
deadline and parts in parallel share it, so a plan whose parts keep theirs keeps the whole.

Source: Kroczek, Zawalska and Rycerz (2025), arXiv 2506.01567. There a quantum annealer solves the parts; here it is
CP-SAT, or any function. Ours: the split is made in integers, and where a part has no plan with the split by mean times,
the split is made anew by the fastest times, which always works if the deadline can be kept at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from makespan.instances.instance import IntArray
from makespan.instances.workflow import Workflow
from makespan.solvers.workflows.exact import CostPlan, cheapest, cost_plan, critical_path, refuse_transfers
from makespan.solvers.workflows.series_parallel import Decomposition, Edge, decomposition, series_parallel

SolvePart = Callable[[Workflow, int], CostPlan | None]
"""A plan of a part that keeps a deadline; ``None`` if there is none."""


@dataclass(frozen=True)
class Part:
    """A piece of the workflow: edges between vertices, and the deadline of its longest path. The vertex ``stand_in``
    (-1: none), the first one, takes no time here, because that task lies in the part before."""

    edges: tuple[Edge, ...]
    stand_in: int
    deadline: int


def spwd(workflow: Workflow, deadline: int, part_size: int, solve: SolvePart = cheapest) -> CostPlan | None:
    """A plan that keeps the deadline, from parts of at most ``part_size`` >= 2 vertices; ``None`` if there is none.

    A task in several parts (at the end of parallel branches) takes the fastest of the machines chosen. Where the order
    that was added leaves no time, the whole workflow is one part. Raises ValueError for transfers that take time,
    without prices, and for a smaller ``part_size``; RuntimeError if a part is not solved with the split by fastest
    times, which a limit of time can bring about.
    """
    refuse_transfers(workflow)
    if part_size < 2:
        raise ValueError(f"part size: found {part_size}, expected 2 vertices or more")
    fastest = workflow.duration.min(axis=1)
    graph = series_parallel(workflow)
    tree = decomposition(graph)
    assert tree is not None
    artificial = np.zeros(graph.num_vertices - graph.num_tasks, np.int64)
    if critical_path(_piece(workflow, graph.edges), np.append(fastest, artificial)) > deadline:
        return solve(workflow, deadline)
    for weight in (workflow.duration.sum(axis=1), fastest):
        parts = split(tree, np.append(weight, artificial), deadline, part_size)
        plan = _solve_parts(workflow, parts, solve)
        if plan is not None:
            return plan
    raise RuntimeError("spwd: a part was not solved in its time")


def split(tree: Decomposition, weight: IntArray, deadline: int, part_size: int) -> list[Part]:
    """The parts, with their deadlines in proportion to ``weight`` (num_vertices,). O(nodes of the tree)."""
    spans, sizes = _spans(tree, weight), _sizes(tree)
    parts = []
    stack = [(tree.root, -1, deadline)]
    while stack:
        node, stand_in, time = stack.pop()
        if tree.is_leaf(node) or sizes[node] <= part_size:
            parts.append(Part(tuple(tree.edges_below(node)), stand_in, time))
            continue
        left, right, vertex = tree.left[node], tree.right[node], tree.at[node]
        if vertex < 0:
            stack += [(right, stand_in, time), (left, stand_in, time)]
            continue
        first = spans[left] - (int(weight[stand_in]) if stand_in >= 0 else 0)
        second = spans[right] - int(weight[vertex])
        early = time if second == 0 else -(-time * first // (first + second))
        stack += [(right, vertex, time - early), (left, stand_in, early)]
    return parts


def _spans(tree: Decomposition, weight: IntArray) -> list[int]:
    """Longest path below each node, both ends included."""
    spans: list[int] = []
    for node in range(tree.root + 1):
        if tree.is_leaf(node):
            source, sink = tree.ends[node]
            spans.append(int(weight[source] + weight[sink]))
        else:
            one, two, vertex = spans[tree.left[node]], spans[tree.right[node]], tree.at[node]
            spans.append(max(one, two) if vertex < 0 else one + two - int(weight[vertex]))
    return spans


def _sizes(tree: Decomposition) -> list[int]:
    """Vertices below each node, both ends included."""
    sizes: list[int] = []
    for node in range(tree.root + 1):
        if tree.is_leaf(node):
            sizes.append(2)
        else:
            shared = 2 if tree.at[node] < 0 else 1
            sizes.append(sizes[tree.left[node]] + sizes[tree.right[node]] - shared)
    return sizes


def _solve_parts(workflow: Workflow, parts: list[Part], solve: SolvePart) -> CostPlan | None:
    """Solve each part and put them together; ``None`` if one has no plan."""
    machine = np.full(workflow.num_tasks, -1, np.int64)
    for part in parts:
        plan = solve(_piece(workflow, part.edges, part.stand_in), part.deadline)
        if plan is None:
            return None
        vertices = sorted({vertex for edge in part.edges for vertex in edge})
        for vertex, choice in zip(vertices, plan.machine.tolist(), strict=True):
            if vertex < workflow.num_tasks and vertex != part.stand_in:
                known = machine[vertex]
                if known < 0 or workflow.duration[vertex, choice] < workflow.duration[vertex, known]:
                    machine[vertex] = choice
    assert (machine >= 0).all()
    return cost_plan(workflow, machine, parts=len(parts))


def _piece(workflow: Workflow, edges: tuple[Edge, ...], stand_in: int = -1) -> Workflow:
    """The vertices of some edges as a workflow, in the order of their numbers. Artificial vertices, and the one that
    stands in, take no time."""
    vertices = sorted({vertex for edge in edges for vertex in edge})
    place = {vertex: index for index, vertex in enumerate(vertices)}
    duration = np.zeros((len(vertices), workflow.num_machines), np.int64)
    for index, vertex in enumerate(vertices):
        if vertex < workflow.num_tasks and vertex != stand_in:
            duration[index] = workflow.duration[vertex]
    return Workflow.from_lists(duration, [(place[a], place[b], 0) for a, b in edges], workflow.price)
