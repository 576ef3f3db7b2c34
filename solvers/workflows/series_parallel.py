"""Series-parallel graphs around a workflow: made by adding order, taken apart into a tree, and used for the exact
trade-off between deadline and cost.

A two-terminal graph is series-parallel if series reductions (a vertex with one edge in and one out is left out) and
parallel reductions (two edges between the same vertices become one) leave a single edge. The tree of the reductions has
the edges as leaves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import IntArray
from makespan.instances.workflow import Workflow

Edge = tuple[int, int]
Tree = int | tuple[str, list["Tree"]]
"""Of the order of the tasks: a task, or ("series" or "parallel", parts)."""


@dataclass(frozen=True)
class TerminalGraph:
    """A graph from vertex ``source`` to vertex ``sink``. Vertices below ``num_tasks`` are the tasks of a workflow; the
    others, source and sink among them, are artificial and take no time."""

    num_tasks: int
    num_vertices: int
    edges: tuple[Edge, ...]

    @property
    def source(self) -> int:
        return self.num_tasks

    @property
    def sink(self) -> int:
        return self.num_tasks + 1


def series_parallel(workflow: Workflow) -> TerminalGraph:
    """A series-parallel graph that keeps every precedence of the workflow and may add some.

    Tasks without order between two groups become parallel; groups of which one wholly precedes the other become series;
    what allows neither is cut at the level where the longest path grows least, all before the cut then preceding all
    after it (a simple form of Escribano-style layering, ours). No order is added where the transitive order is
    series-parallel already. For n tasks at most 1.5 n + 2 vertices. O(n²) to O(n³).
    """
    n = workflow.num_tasks
    order = _ordered(_Order(workflow), np.array(workflow.order, np.int64)) if n else ("series", [])
    edges: list[Edge] = []
    artificial = n + 2
    open_parts: list[tuple[Tree, int, int]] = [(order, n, n + 1)]
    while open_parts:
        part, source, sink = open_parts.pop()
        if isinstance(part, int):
            edges += [(source, part), (part, sink)]
        elif part[0] == "parallel":
            open_parts += [(each, source, sink) for each in reversed(part[1])]
        else:
            at, inner = source, list(part[1])
            pending: Tree | None = None
            for each in inner:
                if isinstance(each, int):
                    vertex = each
                elif pending is not None:
                    vertex, artificial = artificial, artificial + 1
                else:
                    pending = each
                    continue
                if pending is None:
                    edges.append((at, vertex))
                else:
                    open_parts.append((pending, at, vertex))
                at, pending = vertex, None if isinstance(each, int) else each
            if pending is None:
                edges.append((at, sink))
            else:
                open_parts.append((pending, at, sink))
    return TerminalGraph(n, artificial, tuple(sorted(edges)))


class _Order:
    """Who precedes whom (``before``, transitive), and weights for choosing where to cut."""

    def __init__(self, workflow: Workflow) -> None:
        n = workflow.num_tasks
        self.before = np.zeros((n, n), np.bool_)
        for task in reversed(workflow.order):
            for other, _ in workflow.successors[task]:
                self.before[task] |= self.before[other]
                self.before[task, other] = True
        self.weight = workflow.duration.sum(axis=1)
        self.predecessors = [[other for other, _ in arcs] for arcs in workflow.predecessors]
        self.successors = [[other for other, _ in arcs] for arcs in workflow.successors]


def _ordered(order: _Order, tasks: IntArray) -> Tree:
    """The tree of some tasks, which come in topological order."""
    if tasks.size == 1:
        return int(tasks[0])
    before = order.before[np.ix_(tasks, tasks)]
    comparable = before | before.T
    groups = _components(comparable)
    if len(groups) > 1:
        return "parallel", [_ordered(order, tasks[group]) for group in groups]
    groups = _components(~comparable)
    if len(groups) == 1:
        groups = _cut(order, tasks)
    parts: list[Tree] = []
    for group in groups:
        part = _ordered(order, tasks[group])
        parts += part[1] if isinstance(part, tuple) and part[0] == "series" else [part]
    return "series", parts


def _components(linked: NDArray[np.bool_]) -> list[IntArray]:
    """Connected components of a symmetric matrix, by their smallest member, members rising."""
    left = np.ones(linked.shape[0], np.bool_)
    found = []
    while left.any():
        component = np.zeros_like(left)
        frontier = np.array([int(left.argmax())])
        while frontier.size:
            component[frontier] = True
            left[frontier] = False
            frontier = np.flatnonzero(linked[frontier].any(axis=0) & left)
        found.append(np.flatnonzero(component))
    return found


def _cut(order: _Order, tasks: IntArray) -> list[IntArray]:
    """Two groups of positions: the tasks up to a level, and the rest. The level is the one at which the longest paths
    of both groups add up to least; ties go to the most even groups."""
    inside = {int(task): place for place, task in enumerate(tasks)}
    level, head, tail = np.zeros((3, tasks.size), np.int64)
    for place, task in enumerate(tasks.tolist()):
        known = [inside[other] for other in order.predecessors[task] if other in inside]
        level[place] = max((level[other] + 1 for other in known), default=0)
        head[place] = order.weight[task] + max((head[other] for other in known), default=0)
    for place, task in reversed(list(enumerate(tasks.tolist()))):
        known = [inside[other] for other in order.successors[task] if other in inside]
        tail[place] = order.weight[task] + max((tail[other] for other in known), default=0)
    levels = int(level.max())
    cuts = [level <= last for last in range(levels)]
    early = min(cuts, key=lambda cut: (head[cut].max() + tail[~cut].max(), abs(2 * int(cut.sum()) - tasks.size)))
    return [np.flatnonzero(early), np.flatnonzero(~early)]


# -- decomposition tree ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Decomposition:
    """The tree of the reductions, as lists over its nodes; children come before their parents, the root is the last.

    A leaf is an edge; an inner node joins ``left`` and ``right``, in series at the vertex ``at`` or, where that is -1,
    in parallel. ``ends`` are the two vertices between which a node lies.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    at: tuple[int, ...]
    ends: tuple[Edge, ...]

    @property
    def root(self) -> int:
        return len(self.left) - 1

    def is_leaf(self, node: int) -> bool:
        return self.left[node] < 0

    def edges_below(self, node: int) -> Iterator[Edge]:
        """The edges of the graph that lie below a node."""
        stack = [node]
        while stack:
            each = stack.pop()
            if self.is_leaf(each):
                yield self.ends[each]
            else:
                stack += [self.right[each], self.left[each]]


def decomposition(graph: TerminalGraph) -> Decomposition | None:
    """Reduce the graph to one edge and remember how; ``None`` if it is not series-parallel. O(edges)."""
    left: list[int] = []
    right: list[int] = []
    at: list[int] = []
    ends: list[Edge] = []
    after: dict[int, dict[int, int]] = defaultdict(dict)
    before: dict[int, dict[int, int]] = defaultdict(dict)

    def node(one: int, two: int, vertex: int, edge: Edge) -> int:
        left.append(one)
        right.append(two)
        at.append(vertex)
        ends.append(edge)
        return len(left) - 1

    def join(edge: Edge, new: int) -> None:
        source, sink = edge
        if sink in after[source]:
            new = node(after[source][sink], new, -1, edge)
        after[source][sink] = before[sink][source] = new

    for edge in graph.edges:
        join(edge, node(-1, -1, -1, edge))
    terminals = (graph.source, graph.sink)
    waiting = [vertex for vertex in range(graph.num_vertices) if vertex not in terminals]
    for vertex in waiting:  # grows while it is read
        if len(before[vertex]) == 1 and len(after[vertex]) == 1 and vertex not in terminals:
            (source, one), (sink, two) = *before[vertex].items(), *after[vertex].items()
            del after[source][vertex], before[sink][vertex]
            before[vertex], after[vertex] = {}, {}
            join((source, sink), node(one, two, vertex, (source, sink)))
            waiting += [source, sink]
    whole = after[graph.source].get(graph.sink)
    if whole is None or sum(map(len, after.values())) != 1:
        return None
    assert whole == len(left) - 1
    return Decomposition(tuple(left), tuple(right), tuple(at), tuple(ends))


def cost_curve(workflow: Workflow, graph: TerminalGraph, horizon: int) -> list[int | None]:
    """The least cost for every deadline from 0 to ``horizon``, with the order of the graph; ``None`` where no choice of
    machines keeps the deadline.

    Exact, by the tree: branches in parallel share a deadline, branches in series split it. O(tasks · horizon ·
    (horizon + machines)). Raises ValueError if the graph is not series-parallel or the workflow has no prices.
    """
    tree = decomposition(graph)
    if tree is None or workflow.price is None:
        raise ValueError("cost curve: found a graph that is not series-parallel, or no prices")
    never = np.iinfo(np.int64).max // 4
    cost = workflow.duration * workflow.price
    curves: list[IntArray | None] = []
    for node in range(tree.root + 1):
        if tree.is_leaf(node):
            curves.append(np.zeros(horizon + 1, np.int64))
            continue
        one, two = curves[tree.left[node]], curves[tree.right[node]]
        assert one is not None and two is not None
        curves[tree.left[node]] = curves[tree.right[node]] = None  # each is used once
        vertex = tree.at[node]
        if vertex < 0:
            curves.append(np.minimum(one + two, never))
            continue
        behind = two
        if vertex < workflow.num_tasks:
            behind = np.full(horizon + 1, never)
            for time, price in zip(workflow.duration[vertex].tolist(), cost[vertex].tolist(), strict=True):
                if time <= horizon:
                    behind[time:] = np.minimum(behind[time:], two[: horizon + 1 - time] + price)
        curve = np.full(horizon + 1, never)
        for time in range(horizon + 1):
            curve[time:] = np.minimum(curve[time:], one[time] + behind[: horizon + 1 - time])
        curves.append(np.minimum(curve, never))
    last = curves[-1]
    assert last is not None
    return [None if value >= never else value for value in last.tolist()]
