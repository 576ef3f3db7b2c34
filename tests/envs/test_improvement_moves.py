"""The moves of an improvement: by definition, without circles, and with the makespans that networkx finds."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.envs.batch import MOVE_KIND
from makespan.envs.improvement_batch import NEIGHBOURHOODS, ImprovementBatch
from makespan.envs.rows import draw
from makespan.instances.check import check
from makespan.instances.instance import Instance
from tests.oracles.small_shops import shop

Lines = list[list[int]]
"""The operations of each machine in their order."""


def lines_of(batch: ImprovementBatch, row: int) -> Lines:
    instance = batch.instances[batch.which[row]]
    lines: Lines = [[] for _ in range(int(instance.machine.max()) + 1)]
    for v in batch.state.line[row, : instance.num_tasks].tolist():
        lines[instance.machine[v]].append(v)
    return lines


def graph_of(instance: Instance, lines: Lines) -> nx.DiGraph:
    """Operations, with arcs along jobs and machines that weigh the duration of their origin, and a sink."""
    graph = nx.DiGraph()
    for v in range(instance.num_tasks):
        graph.add_edge(v, "sink", weight=int(instance.duration[v]))
    arcs = list(zip(instance.arc_pred.tolist(), instance.arc_succ.tolist(), strict=True))
    arcs += [arc for line in lines for arc in zip(line, line[1:], strict=False)]
    for u, v in arcs:
        graph.add_edge(u, v, weight=int(instance.duration[u]))
    return graph


def longest(graph: nx.DiGraph) -> int:
    return int(nx.dag_longest_path_length(graph))


def after(lines: Lines, batch: ImprovementBatch, row: int, c: int) -> Lines:
    """The machine orders after candidate c, by what ``candidates`` says of it."""
    found = batch.candidates([row])
    assert found.kind[0, c] == MOVE_KIND
    task, place = int(found.task[0, c]), int(found.mode[0, c])
    moved = [list(line) for line in lines]
    line = next(line for line in moved if task in line)
    other = line[place]
    assert batch.ends([row])[0, :, c].tolist() == [task, other]
    line.remove(task)
    line.insert(place, task)
    return moved


def critical_paths(instance: Instance, lines: Lines) -> Iterator[list[int]]:
    """All longest chains of operations from time 0 to the end."""
    graph = graph_of(instance, lines)
    head = dict.fromkeys(graph, 0)
    for v in nx.topological_sort(graph):
        for u in graph.predecessors(v):
            head[v] = max(head[v], head[u] + graph[u][v]["weight"])

    def back(v: int | str, path: list[int]) -> Iterator[list[int]]:
        if head[v] == 0 and v != "sink":
            yield path
            return
        for u in graph.predecessors(v):
            if head[u] + graph[u][v]["weight"] == head[v]:
                yield from back(u, [u, *path])

    return back("sink", [])


def blocks_of(instance: Instance, path: list[int]) -> list[list[int]]:
    """The path cut wherever the machine changes."""
    blocks = [[path[0]]]
    for u, v in zip(path, path[1:], strict=False):
        if instance.machine[u] == instance.machine[v]:
            blocks[-1].append(v)
        else:
            blocks.append([v])
    return blocks


def definition(instance: Instance, lines: Lines, path: list[int], neighbourhood: str) -> set[tuple[int, ...]]:
    """The new orders of blocks that a neighbourhood allows by its definition, without those that may close a circle."""
    blocks, results = blocks_of(instance, path), set()
    for number, block in enumerate(blocks):
        front, back, last = number > 0, number < len(blocks) - 1, len(block) - 1
        if neighbourhood == "n1":
            moves = {(i, i + 1) for i in range(last)}
        elif neighbourhood == "n5":
            moves = {(0, 1)} if front else set()
            moves |= {(last - 1, last)} if back else set()
        else:
            moves = {(i, last) for i in range(len(block)) if back} | {(i, 0) for i in range(len(block)) if front}
            if neighbourhood == "n7":
                moves |= {(last, i) for i in range(len(block)) if back} | {(0, i) for i in range(len(block)) if front}
        for i, j in moves:
            if last > 0 and i != j and (abs(i - j) == 1 or is_safe(instance, lines, block[i], block[j], i < j)):
                order = list(block)
                order.insert(j, order.pop(i))
                results.add(tuple(order))
    return results


def is_safe(instance: Instance, lines: Lines, moving: int, other: int, later: bool) -> bool:
    """No longer path to the end leaves from the next operation of the job than from the other one; or its mirror."""
    graph = graph_of(instance, lines)
    arcs = dict(zip(instance.arc_pred.tolist(), instance.arc_succ.tolist(), strict=True))
    if not later:
        graph = graph.reverse()
        arcs = {v: u for u, v in arcs.items()}
    near = arcs.get(moving)
    if near is None:
        return True

    def way(v: int) -> int:
        """From the start of v to the end of the schedule; mirrored, from time 0 to its end."""
        part = graph.subgraph(nx.descendants(graph, v) | {v})
        length = longest(part)
        return length if later else length + int(instance.duration[v])

    return way(other) >= way(near)


@pytest.mark.parametrize("neighbourhood", NEIGHBOURHOODS)
def test_the_moves_are_those_of_one_critical_path_by_definition(neighbourhood: str) -> None:
    """Found by brute force: all critical paths, their blocks, and the orders that the neighbourhood makes of them."""
    several = 0
    for seed in range(12):
        instance = shop(seed, 5, 4)
        batch = ImprovementBatch([instance], neighbourhood=neighbourhood, start="random", tabu=0)
        for _ in range(3):
            lines = lines_of(batch, 0)
            found = set()
            for c in range(batch.count[0]):
                new = after(lines, batch, 0, c)
                found.add(tuple(map(tuple, new)))
            assert len(found) == batch.count[0]  # no move is listed twice
            expected = []
            for path in critical_paths(instance, lines):
                orders = set()
                for order in definition(instance, lines, path, neighbourhood):
                    new = [list(line) for line in lines]
                    line = next(line for line in new if order[0] in line)
                    first = min(line.index(v) for v in order)
                    line[first : first + len(order)] = order
                    orders.add(tuple(map(tuple, new)))
                expected.append(orders)
            several += len(expected) > 1
            assert found in expected
            if batch.count[0] == 0:
                break
            batch.step([int(batch.count[0]) - 1])
    assert several > 0


def test_n5_is_part_of_n6_and_n6_of_n7() -> None:
    """Each allows more operations to go to more places."""
    instance = shop(3, 8, 3)
    results: list[set[tuple[tuple[int, ...], ...]]] = []
    for neighbourhood in ("n5", "n6", "n7"):
        batch = ImprovementBatch([instance], neighbourhood=neighbourhood, start="random", tabu=0)
        lines = lines_of(batch, 0)
        results.append({tuple(map(tuple, after(lines, batch, 0, c))) for c in range(batch.count[0])})
    assert results[0] < results[1] < results[2]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31), neighbourhood=st.sampled_from(sorted(NEIGHBOURHOODS)), zeros=st.booleans(),
    again=st.booleans(), path=st.sampled_from(["first", "random"]),
)  # fmt: skip
def test_no_move_closes_a_circle_and_its_makespan_is_the_longest_path(
    seed: int, neighbourhood: str, zeros: bool, again: bool, path: str
) -> None:
    """Also where operations take no time or jobs return to a machine; against networkx, for every candidate."""
    instance = shop(seed, 4, 4, zeros, again)
    batch = ImprovementBatch([instance], neighbourhood=neighbourhood, start="random", path=path, steps=6)
    random = np.random.default_rng(seed)
    while True:
        lines = lines_of(batch, 0)
        assert longest(graph_of(instance, lines)) == batch.measure("makespan")[0]
        assert check(instance, batch.current(0)) == check(instance, batch.schedule(0)) == []
        makespans, estimates = batch.makespans_after()[0], batch.estimates()[0]
        for c in range(batch.count[0]):
            graph = graph_of(instance, after(lines, batch, 0, c))
            assert nx.is_directed_acyclic_graph(graph)
            assert longest(graph) == makespans[c]
            if neighbourhood in ("n1", "n5"):
                assert estimates[c] <= makespans[c]
        if batch.is_over[0]:
            break
        action = draw(random, batch.count)
        expected, best = makespans[action[0]], batch.measure("incumbent")[0]
        moved = after(lines, batch, 0, int(action[0]))
        batch.step(action)
        assert lines_of(batch, 0) == moved
        assert batch.measure("makespan")[0] == expected
        assert batch.measure("incumbent")[0] == min(best, expected)


def test_a_move_that_would_close_a_circle_is_left_out() -> None:
    """Neighbours on a path can be joined by a second one only through operations of no duration, which is rare but
    happens: a block then has fewer swaps than pairs of neighbours."""
    found = 0
    for seed in range(300):
        instance = shop(seed, 3, 4, zeros=True, again=True)
        batch = ImprovementBatch([instance], neighbourhood="n1", start="random", tabu=0)
        path = next(critical_paths(instance, lines_of(batch, 0)))
        found += batch.count[0] < sum(len(block) - 1 for block in blocks_of(instance, path))
    assert found > 0
