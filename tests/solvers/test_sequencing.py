"""Machine orders under moves, neighbourhoods and estimates, and the driver TabuSearch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.check import check
from makespan.instances.generators import generate
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule, objective_values
from makespan.instances.sets import load
from makespan.solvers.kernels import kernel
from makespan.solvers.kernels.critical_blocks import estimate_earlier, estimate_later, read_block
from makespan.solvers.kernels.machine_orders import UNCOUNTED, move_earlier, move_later
from makespan.solvers.kernels.tabu import list_moves
from makespan.solvers.sequencing import NEIGHBOURHOODS, SequencingProblem, TabuSearch, sequencing_problem

_ANY = 2**62


@kernel
def _list(search):  # type: ignore[no-untyped-def]
    return list_moves(search)[0]


@kernel
def _move(search, source, target):  # type: ignore[no-untyped-def]
    if source < target:
        return move_later(search.orders, source, target)
    return move_earlier(search.orders, source, target)


@kernel
def _estimate(search, source, target):  # type: ignore[no-untyped-def]
    node, line = search.orders.node, search.orders.line
    first, last = min(source, target), max(source, target)
    read_block(node, line, first, last, search.stop)
    before, after = node[line[first]].machine_pred, node[line[last]].machine_succ
    start, behind = node[before].head + node[before].duration, node[after].tail + node[after].duration
    if source < target:
        return estimate_later(search.stop, source - first, target - first, start, behind, _ANY)
    return estimate_earlier(search.stop, source - first, target - first, start, behind, _ANY)


@st.composite
def problems(draw: st.DrawFn, plain: bool = False) -> SequencingProblem:
    """Jobs of unequal length; unless plain, with recirculation, no durations, no machines, releases and own tails."""
    lengths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=7))
    n, machines = sum(lengths), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    first = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    pred, succ = np.arange(n) - 1, np.arange(n) + 1
    pred[first] = -1
    succ[np.append(first[1:], n) - 1] = -1
    machine, release, tail = rng.integers(0, machines, n), np.zeros(n, np.int64), np.zeros(n, np.int64)
    duration = rng.integers(1, 10, n)
    if plain:
        for begin, length in zip(first, lengths, strict=True):
            machine[begin : begin + length] = rng.permutation(6)[:length]
    else:
        duration[rng.random(n) < 0.2] = 0
        machine[rng.random(n) < 0.1] = -1
        release = rng.integers(0, 30, n) * (rng.random(n) < 0.3)
        tail = np.where(rng.random(n) < 0.5, rng.integers(-20, 10, n), UNCOUNTED)
    return SequencingProblem(duration, machine, pred, succ, release, tail)


def _random_start(problem: SequencingProblem, rng: np.random.Generator) -> np.ndarray:
    """A random sequence of the operations in which every job keeps its order."""
    n = problem.duration.size
    heads = np.flatnonzero(problem.job_pred < 0)
    ready, sequence = heads.tolist(), []
    while ready:
        v = ready.pop(int(rng.integers(len(ready))))
        sequence.append(v)
        if problem.job_succ[v] >= 0:
            ready.append(int(problem.job_succ[v]))
    assert len(sequence) == n
    return np.array(sequence, np.uint32)


def _start_and_value(problem: SequencingProblem, orders: list[list[int]]) -> tuple[np.ndarray, int] | None:
    """Earliest starts of given machine orders by repeated relaxation, and their value; None if they close a circle."""
    n = problem.duration.size
    arcs = [(int(p), v) for v, p in enumerate(problem.job_pred) if p >= 0]
    arcs += [pair for order in orders for pair in itertools.pairwise(order)]
    start = problem.release.copy()
    for _ in range(n + 1):
        before = start.copy()
        for a, b in arcs:
            start[b] = max(start[b], start[a] + problem.duration[a])
        if (before == start).all():
            break
    # A circle of operations of no duration raises nothing: look for it apart.
    remaining = set(range(n))
    while free := {v for v in remaining if not any(b == v and a in remaining for a, b in arcs)}:
        remaining -= free
    if remaining:
        return None
    return start, int((start + problem.duration + problem.tail).max())


def _orders(search: TabuSearch) -> list[list[int]]:
    machine = search.problem.machine
    return [[int(v) for v in search.order if machine[v] == k] for k in range(int(machine.max(initial=-1)) + 1)]


def _moves(search: TabuSearch) -> list[tuple[int, int]]:
    """The moves of the neighbourhood, as places."""
    count = _list(search.arrays)
    return [(int(move["source"]), int(move["target"])) for move in search.arrays.move[:count]]


def _assert_consistent(search: TabuSearch) -> None:
    """The kept heads, tails and topological order are those of a fresh computation."""
    fresh = TabuSearch(search.problem)
    fresh.load_order(search.order)  # raises unless it is a sequence that keeps the jobs in order
    node, other = search.arrays.orders.node[:-1], fresh.arrays.orders.node[:-1]
    on_machine = search.problem.machine >= 0
    for field in ("head", "tail", "machine_pred", "machine_succ", "position", "place"):
        assert (node[field] == other[field])[on_machine].all(), field
    for field in ("head", "tail", "position"):
        assert (node[field] == other[field])[~on_machine].all(), field


@settings(max_examples=60, deadline=None)
@given(problems(), st.integers(0, 2**32))
def test_moves_keep_heads_tails_and_order_exact(problem: SequencingProblem, seed: int) -> None:
    """Any move of any operation along its machine: made iff the new orders are free of circles, and all that is kept
    afterwards equals a computation from scratch."""
    rng = np.random.default_rng(seed)
    search = TabuSearch(problem)
    search.load_order(_random_start(problem, rng))
    ptr = search.arrays.orders.line_ptr
    for _ in range(40):
        k = int(rng.integers(1, ptr.size - 1)) if ptr.size > 2 else 0
        if k == 0 or ptr[k + 1] - ptr[k] < 2:
            continue
        source, target = rng.choice(np.arange(ptr[k], ptr[k + 1]), 2, replace=False)
        orders = _orders(search)
        place, to = int(source - ptr[k]), int(target - ptr[k])
        orders[k - 1].insert(to, orders[k - 1].pop(place))
        assert bool(_move(search.arrays, int(source), int(target))) == (_start_and_value(problem, orders) is not None)
        _assert_consistent(search)


@settings(max_examples=60, deadline=None)
@given(problems(), st.integers(0, 2**32))
def test_the_value_is_that_of_the_schedule(problem: SequencingProblem, seed: int) -> None:
    """After a search, the best value equals the largest end plus tail of the best starts, which relaxation confirms."""
    search = TabuSearch(problem, seed)
    search.load_order(_random_start(problem, np.random.default_rng(seed)))
    search.run(200)
    expected = _start_and_value(problem, _orders(search))
    assert expected is not None
    assert search.value == expected[1]
    search.load_order(search.best_order.copy())
    expected = _start_and_value(problem, _orders(search))
    assert expected is not None
    assert (search.best_start() == expected[0]).all()
    assert search.best_value == expected[1]


@settings(max_examples=60, deadline=None)
@given(problems(plain=True), st.integers(0, 2**32))
def test_neighbourhoods_are_acyclic_and_nested(problem: SequencingProblem, seed: int) -> None:
    """With positive durations and one visit per machine every listed move is free of circles; the orders reached by N5
    are among those of N6, these among those of N7."""
    reached: dict[str, set[tuple[int, ...]]] = {}
    for name in NEIGHBOURHOODS:
        search = TabuSearch(problem, seed, name)
        search.load_order(_random_start(problem, np.random.default_rng(seed)))
        reached[name] = set()
        for source, target in _moves(search):
            line = search.arrays.orders.line.tolist()
            line.insert(target, line.pop(source))
            machine = problem.machine
            orders = [[v for v in line if machine[v] == k] for k in range(int(machine.max()) + 1)]
            assert _start_and_value(problem, orders) is not None
            reached[name].add(tuple(line))
    assert reached["n5"] <= reached["n6"] <= reached["n7"]


def test_estimates_of_swaps_never_exceed_the_new_value() -> None:
    """For neighbours on a critical path the estimate is the longest path through the two, so a lower bound on the new
    value, and mostly equal to it; for longer moves it is above the truth in a few per cent at most."""
    swaps, equal, longer, above = 0, 0, 0, 0
    for seed in range(30):
        problem = generate("uniform", jobs=3 + seed % 6, machines=3 + seed % 4, seed=seed).derived(sequencing_problem)
        search = TabuSearch(problem, seed)
        search.load_order(_random_start(problem, np.random.default_rng(seed)))
        for _ in range(10):
            search.run(1)
            for source, target in _moves(search):
                estimate = _estimate(search.arrays, source, target)
                there = TabuSearch(problem)
                line = search.arrays.orders.line.tolist()
                line.insert(target, line.pop(source))
                there.load_order(search.order)
                assert _move(there.arrays, source, target)
                there.load_order(there.order.copy())
                if abs(source - target) == 1:
                    assert estimate <= there.value
                    swaps, equal = swaps + 1, equal + (estimate == there.value)
                else:
                    longer, above = longer + 1, above + (estimate > there.value)
    assert swaps > 500 and equal / swaps > 0.7
    assert longer > 500 and above / longer < 0.05


@pytest.mark.parametrize("neighbourhood", list(NEIGHBOURHOODS))
def test_ft06_is_solved(neighbourhood: str) -> None:
    """The optimum 55 (Fisher and Thompson 1963) from the jobs one after the other."""
    search = TabuSearch(load("ft06").derived(sequencing_problem), 1, neighbourhood)
    duration = search.problem.duration
    search.load(np.cumsum(duration) - duration)
    search.run(50_000, 55)
    assert search.best_value == 55


def test_slices_do_not_change_the_search() -> None:
    """One run of 3,000 moves and 30 runs of 100 end at the same orders with the same best."""
    problem = generate("uniform", jobs=10, machines=8, seed=5).derived(sequencing_problem)
    start = np.cumsum(problem.duration) - problem.duration
    whole, sliced = TabuSearch(problem, 7), TabuSearch(problem, 7)
    whole.load(start)
    sliced.load(start)
    whole.run(3000)
    assert sum(sliced.run(100) for _ in range(30)) == 3000
    assert (whole.order == sliced.order).all()
    assert whole.best_value == sliced.best_value


def test_patience_and_cutoff_end_a_run() -> None:
    """A run stops after exactly ``patience`` moves without a better value, and at once below the cutoff."""
    problem = generate("uniform", jobs=8, machines=8, seed=1).derived(sequencing_problem)
    search = TabuSearch(problem)
    search.load(np.cumsum(problem.duration) - problem.duration)
    search.run(10**6, patience=500)
    assert search.idle == 500
    assert search.run(100, cutoff=search.best_value) == 0


def test_one_job_is_stuck_at_once() -> None:
    """Without two operations on one machine there is no move."""
    search = TabuSearch(Instance.job_shop([[0, 1, 2]], [[3, 4, 5]]).derived(sequencing_problem))
    search.load([0, 3, 7])
    assert search.run(10) == 0
    assert search.is_stuck
    assert search.best_value == 12


def test_wrong_starts_are_refused() -> None:
    """A sequence that puts an operation before its predecessor, repeats one or has another length."""
    search = TabuSearch(Instance.job_shop([[0, 1], [1, 0]], [[3, 4], [2, 2]]).derived(sequencing_problem))
    for start in ([5, 0, 0, 9], [3, 0, 2, 4]):
        with pytest.raises(ValueError, match="breaks the order of a job"):
            search.load(start)
    with pytest.raises(ValueError, match="breaks the order of a job"):
        search.load_order(np.array([0, 0, 2, 3], np.uint32))
    with pytest.raises(ValueError, match="expected"):
        search.load_order(np.array([0, 1], np.uint32))


def test_lateness_counts_due_dates_alone() -> None:
    """Two jobs on one machine, due at 3 and never: the due one goes first; lateness -1 by hand."""
    instance = Instance.job_shop([[0], [0]], [[2], [7]], job_due=[3, 2**53], objective=("max_lateness",))
    problem = instance.derived(sequencing_problem)
    search = TabuSearch(problem)
    search.load([7, 0])
    assert search.value == 6
    search.run(10)
    assert search.best_value == -1
    schedule = Schedule(search.best_start())
    assert check(instance, schedule) == []
    assert objective_values(instance, schedule) == (-1,)


def test_other_objectives_and_features_are_refused() -> None:
    """Sequencing knows the largest end plus tail and nothing else."""
    with pytest.raises(ValueError, match="expected makespan or max_lateness"):
        sequencing_problem(Instance.job_shop([[0]], [[1]], objective=("flow_time",)))
    with pytest.raises(ValueError, match="several modes"):
        sequencing_problem(Instance.flexible_job_shop([[[(0, 1), (1, 2)]]]))


def test_no_operation_is_refused() -> None:
    """An empty problem has nothing to order."""
    nothing = np.zeros(0, np.int64)
    with pytest.raises(ValueError, match="at least one"):
        TabuSearch(SequencingProblem(*[nothing] * 6))


def test_the_numbering_of_operations_is_free() -> None:
    """Operations numbered against their jobs' order give the same value: the order of jobs comes from the links."""
    problem = generate("uniform", jobs=5, machines=4, seed=3).derived(sequencing_problem)
    n = problem.duration.size
    new = np.random.default_rng(0).permutation(n)
    linked = [np.full(n, -1), np.full(n, -1)]
    for links, old in zip(linked, (problem.job_pred, problem.job_succ), strict=True):
        links[new] = np.where(old < 0, -1, new[old])
    flat = [np.empty(n, np.int64) for _ in range(4)]
    for values, old in zip(flat, (problem.duration, problem.machine, problem.release, problem.tail), strict=True):
        values[new] = old
    shuffled = SequencingProblem(flat[0], flat[1], linked[0], linked[1], flat[2], flat[3])
    start = np.cumsum(problem.duration) - problem.duration
    moved = np.empty(n, np.int64)
    moved[new] = start
    here, there = TabuSearch(problem), TabuSearch(shuffled)
    here.load(start)
    there.load(moved)
    assert here.value == there.value
    assert (here.best_start() == there.best_start()[new]).all()
