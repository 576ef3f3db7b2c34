"""Tabu search for flexible job shops: moves, heads and tails, values, and whole runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.check import check
from makespan.instances.generators import generate
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import objective_values
from makespan.instances.sets import load as load_instance
from makespan.solvers.api import Budget, solve
from makespan.solvers.flexible_tabu import FlexibleTabu, flexible_problem
from makespan.solvers.kernels.flexible_mix import blend, distance, list_solution
from makespan.solvers.kernels.flexible_moves import ESTIMATE, new_memory
from makespan.solvers.kernels.flexible_search import BEST, CONTROL, PATIENCE, TARGET, VALUE, search_slice
from makespan.solvers.kernels.flexible_state import FAR, FlexibleProblem, FlexibleState, load, new_state
from makespan.solvers.stage import Context
from tests.oracles.brute_force import brute_force
from tests.oracles.random_instances import tiny

NEVER_ALLOWED = 2**60


def problem_of(instance: Instance) -> FlexibleProblem:
    problem = flexible_problem(instance)
    assert problem is not None
    return problem


def shop(rng: np.random.Generator, least: int = 0) -> Instance:
    """A random shop with all that the search handles: recirculation, durations from ``least``, several modes on one
    machine, unequal lengths, releases, networks, travel times, due dates."""
    machines, jobs = int(rng.integers(1, 5)), int(rng.integers(1, 7))
    sizes = rng.integers(1, 7, jobs)
    job = np.repeat(np.arange(jobs), sizes)
    modes = [
        [(int(rng.integers(least, 6)), {int(rng.integers(machines)): 1}) for _ in range(rng.integers(1, 5))]
        for _ in job
    ]
    same_job = job[:, None] == job[None, :]
    likely = np.triu(np.where(same_job, 0.4, 0.02 if rng.random() < 0.5 else 0.0), 1)
    if rng.random() < 0.5:
        likely = same_job & np.eye(job.size, k=1, dtype=bool)
    pairs = np.argwhere(rng.random((job.size, job.size)) < likely)
    optional: dict[str, Any] = {"job": job, "num_jobs": jobs}
    if rng.random() < 0.3:
        optional["release"] = rng.integers(0, 10, job.size)
    if rng.random() < 0.3:
        optional["transport"] = rng.integers(0, 6, (machines, machines))
    if rng.random() < 0.3:
        optional.update(due=rng.integers(0, 20, job.size), objective=("max_lateness",))
    return Instance.from_lists(modes, np.ones(machines, np.int64), [(int(a), int(b)) for a, b in pairs], **optional)


def random_solution(problem: FlexibleProblem, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Operations in a random order that keeps the precedence, each in a random mode."""
    n = problem.release.size
    waiting = np.diff(problem.job_pred_ptr)
    ready, order = [i for i in range(n) if waiting[i] == 0], []
    while ready:
        op = ready.pop(int(rng.integers(len(ready))))
        order.append(op)
        for succ in problem.job_succ[problem.job_succ_ptr[op] : problem.job_succ_ptr[op + 1]]:
            waiting[succ] -= 1
            if waiting[succ] == 0:
                ready.append(int(succ))
    return np.array(order), rng.integers(problem.mode_ptr[:-1], problem.mode_ptr[1:])


class RandomWalk:
    """Moves drawn uniformly from the whole neighbourhood, by forbidding them all."""

    def __init__(self, problem: FlexibleProblem, rng: np.random.Generator) -> None:
        self.problem, self.state, self.memory = problem, new_state(problem), new_memory(problem)
        self.random = rng.integers(0, 2**64, 1, np.uint64)
        order, mode = random_solution(problem, rng)
        self.control = np.zeros(CONTROL, np.int64)
        self.control[[BEST, PATIENCE, TARGET]] = -FAR, 2**60, -2 * FAR
        self.control[VALUE] = load(problem, order, mode, self.state)

    def step(self, forbid: bool = True) -> bool:
        """One move; whether there was one."""
        self.memory.tabu_mode[:] = self.memory.tabu_arc[:] = NEVER_ALLOWED if forbid else 0
        order, mode = np.zeros((2, self.problem.release.size), np.int64)
        state = self.state
        return not search_slice(self.problem, state, self.memory, self.control, self.random, order, mode, 1)


def assert_state_is_consistent(problem: FlexibleProblem, state: FlexibleState) -> None:
    """The order is topological for jobs and machines, each machine's list agrees with its links."""
    n = problem.release.size
    assert (state.order[state.position] == np.arange(n)).all()
    assert (state.mark == 0).all()
    for op in range(n):
        for pred in problem.job_pred[problem.job_pred_ptr[op] : problem.job_pred_ptr[op + 1]]:
            assert state.position[pred] < state.position[op]
    standing = 0
    for machine, length in enumerate(state.length):
        base = problem.line_ptr[machine]
        assert base + length <= problem.line_ptr[machine + 1]
        line = state.line[base : base + length]
        standing += length
        assert (state.machine[line] == machine).all() and (state.duration[line] > 0).all()
        assert (state.place[line] == np.arange(length)).all()
        assert (np.diff(state.position[line]) > 0).all()
        if length:
            assert state.machine_pred[line].tolist() == [-1, *line[:-1].tolist()]
            assert state.machine_succ[line].tolist() == [*line[1:].tolist(), -1]
    assert standing == (state.machine >= 0).sum()


def test_moves_close_no_circle_and_heads_and_tails_stay_exact() -> None:
    """Some 10,000 moves drawn from all of them: a circle would leave no topological order, and everything kept up to
    date equals what loading the same solution computes."""
    moves = 0
    for seed in range(250):
        rng = np.random.default_rng(seed)
        problem = problem_of(shop(rng))
        walk, fresh = RandomWalk(problem, rng), new_state(problem)
        for _ in range(60):
            if not walk.step():
                break
            moves += 1
            assert_state_is_consistent(problem, walk.state)
            assert load(problem, walk.state.order, walk.state.mode, fresh) == walk.control[VALUE]
            assert (fresh.head == walk.state.head).all() and (fresh.tail == walk.state.tail).all()
    assert moves > 8_000


def test_estimates_are_nearly_always_exact() -> None:
    """Longest paths without the operation are exact and those through it nearly so, on shops like published ones."""
    exact = total = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        problem = problem_of(generate("flexible,jobs=10,machines=6", seed=seed))
        walk = RandomWalk(problem, rng)
        for _ in range(100):
            if not walk.step(forbid=False):
                break
            total += 1
            exact += walk.memory.choice[ESTIMATE] == walk.control[VALUE]
    assert total > 1500 and exact > 0.9 * total


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_every_schedule_passes_the_checker(seed: int) -> None:
    """Recirculation, zero durations, several modes on a machine, networks, travel: the heads are a schedule."""
    instance = shop(np.random.default_rng(seed))
    result = solve(instance, "flexible_tabu", Budget(iterations=150), seed=seed)
    assert result.schedule is not None, result.message
    assert check(instance, result.schedule) == []
    assert objective_values(instance, result.schedule) == result.objectives


@pytest.mark.parametrize("seed", range(40))
def test_tiny_instances_are_solved(seed: int) -> None:
    """The search meets the optimum that exhaustive search finds."""
    fields = [("multi_mode",), ("multi_mode", "network"), ("multi_mode", "release"), ("multi_mode", "transport")]
    instance = tiny(seed, fields[seed % 4])
    result = solve(instance, FlexibleTabu(elite=4, patience=200), Budget(iterations=3000), seed=1)
    assert result.objectives == brute_force(instance)


@pytest.mark.parametrize("seed", range(15))
def test_the_largest_lateness_is_minimised(seed: int) -> None:
    """Due dates of tasks, with exhaustive search to compare."""
    rng = np.random.default_rng(seed)
    instance = tiny(seed, ["multi_mode"])
    instance = instance.replace(due=rng.integers(0, 9, instance.num_tasks), objective=("max_lateness",))
    result = solve(instance, FlexibleTabu(elite=4, patience=200), Budget(iterations=3000), seed=1)
    assert result.objectives == brute_force(instance)


@pytest.mark.parametrize(
    ("name", "best", "iterations"), [("mk01", 40, 60_000), ("mk03", 204, 2000), ("mk08", 523, 2000)]
)
def test_published_optima_are_met(name: str, best: int, iterations: int) -> None:
    """Optimal makespans of Brandimarte's shops."""
    result = solve(load_instance(name), "flexible_tabu", Budget(iterations=iterations, target=best), seed=1)
    assert result.objective == best


def test_a_run_repeats_itself() -> None:
    """Same seed, one thread, same number of moves: the same schedule."""
    instance = generate("flexible,jobs=10,machines=6,seed=4")
    stage = FlexibleTabu(elite=3, patience=100)
    first, second = (solve(instance, stage, Budget(iterations=5000), seed=7) for _ in range(2))
    assert first.schedule == second.schedule and first.iterations == second.iterations == 5000


def test_several_threads_share_one_run() -> None:
    """Two islands keep to the budget and leave a checked schedule."""
    instance = generate("flexible,jobs=10,machines=6,seed=4")
    result = solve(instance, FlexibleTabu(elite=3, patience=100), Budget(seconds=0.5), seed=7, threads=2)
    assert result.schedule is not None and check(instance, result.schedule) == []


def test_an_expired_run_keeps_its_start_schedule() -> None:
    """With no time left the stage still returns, and offers no more than its start."""
    instance = generate("flexible,jobs=10,machines=6,seed=4")
    context = Context(instance, Budget(), 0, 1)
    context.stop()
    FlexibleTabu().run(instance, context)
    assert context.incumbent is None or check(instance, context.incumbent) == []


def test_the_incumbent_is_the_start() -> None:
    """A hint is taken up: the result is never worse."""
    instance = generate("flexible,jobs=10,machines=6,seed=4")
    good = solve(instance, "flexible_tabu", Budget(iterations=20_000), seed=1)
    assert good.objective is not None
    again = solve(instance, "flexible_tabu", Budget(iterations=10), seed=2, hint=good.schedule)
    assert again.objective is not None and again.objective <= good.objective


def test_a_run_without_limit_ends_at_the_bound() -> None:
    """Even if a second objective keeps that from being a proof."""
    instance = Instance.flexible_job_shop([[[(0, 2), (1, 3)]], [[(1, 2)]]], objective=("makespan", "flow_time"))
    assert solve(instance, "flexible_tabu").objective == 2


def test_other_objectives_get_a_start_schedule() -> None:
    """Tardiness is not searched for, so the run says so and ends."""
    instance = generate("flexible,jobs=5,machines=3,seed=4")
    instance = instance.replace(job_due=np.full(5, 10), objective=("total_tardiness",))
    said: list[str] = []
    result = solve(
        instance, "flexible_tabu", on_event=lambda event: said.append(str(event.data)) if event.kind == "log" else None
    )
    assert result.schedule is not None and "total_tardiness" in said[0]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 100))
def test_a_point_between_two_solutions_is_a_solution(seed: int, share: int) -> None:
    """It keeps the precedence; at the ends it is one of the two."""
    rng = np.random.default_rng(seed)
    problem = problem_of(shop(rng))
    a, b = random_solution(problem, rng), random_solution(problem, rng)
    order, mode = np.zeros((2, problem.release.size), np.int64)
    blend(*a, *b, share, rng.integers(0, 2**64, 1, np.uint64), order, mode)
    state = new_state(problem)
    load(problem, order, mode, state)
    assert_state_is_consistent(problem, state)
    assert ((mode == a[1]) | (mode == b[1])).all()
    if share in (0, 100):
        assert distance(problem, *(b if share else a), order, mode) == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 64))
def test_a_list_solution_keeps_the_precedence(seed: int, noise: int) -> None:
    """Whatever the noise."""
    rng = np.random.default_rng(seed)
    problem = problem_of(shop(rng))
    order, mode = np.zeros((2, problem.release.size), np.int64)
    list_solution(problem, noise, rng.integers(0, 2**64, 1, np.uint64), order, mode)
    state = new_state(problem)
    load(problem, order, mode, state)
    assert_state_is_consistent(problem, state)


def test_parameters_out_of_range_are_refused() -> None:
    """With the name, the value and what was expected."""
    with pytest.raises(ValueError, match="elite: found 1, expected at least 2"):
        FlexibleTabu(elite=1)
    with pytest.raises(ValueError, match="patience: found 0, expected at least 1"):
        FlexibleTabu(patience=0)
