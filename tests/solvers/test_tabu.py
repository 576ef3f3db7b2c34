"""The solver tabu: path relinking, shared population, limits and threads."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from makespan.instances.check import check
from makespan.instances.generators import generate
from makespan.instances.instance import HORIZON_LIMIT, Instance
from makespan.instances.sets import load
from makespan.solvers.api import Budget, Status, Unsupported, solve
from makespan.solvers.kernels.relinking import walk
from makespan.solvers.path_relinking import Member, Population
from makespan.solvers.sequencing import TabuSearch, sequencing_problem
from makespan.solvers.stage import Context
from makespan.solvers.tabu import Tabu


@pytest.fixture(scope="module")
def shop() -> Instance:
    return generate("uniform", jobs=8, machines=6, seed=11)


def _members(shop: Instance, count: int) -> tuple[Population, list[Member]]:
    problem = shop.derived(sequencing_problem)
    search, population = TabuSearch(problem, 1), Population(problem, count, nearest=0)
    for seed in range(count):
        search.load(_random_starts(shop, seed))
        search.run(200)
        population.add(search.best_value, search.best_order)
    return population, population.members


def _random_starts(shop: Instance, seed: int) -> np.ndarray:
    """One operation after the other, of a random job at every step."""
    assert shop.job is not None
    by_job = np.argsort(shop.job, kind="stable")
    sequence = np.empty(shop.num_tasks, np.int64)
    sequence[np.argsort(np.random.default_rng(seed).permutation(shop.job), kind="stable")] = by_job
    start = np.empty(shop.num_tasks, np.int64)
    start[sequence] = np.cumsum(shop.duration[sequence]) - shop.duration[sequence]
    return start


def test_distance_counts_pairs_in_another_order(shop: Instance) -> None:
    """As counted pair by pair; symmetric, and 0 to itself."""
    population, (a, b, *_) = _members(shop, 3)
    machine = shop.machine[shop.mode_ptr[:-1]]
    pairs = [(i, j) for i, j in itertools.combinations(range(shop.num_tasks), 2) if machine[i] == machine[j]]
    expected = sum((a.rank[i] < a.rank[j]) != (b.rank[i] < b.rank[j]) for i, j in pairs)
    assert population.distance(a, b) == population.distance(b, a) == expected > 0
    assert population.distance(a, a) == 0


def test_a_walk_passes_schedules_only_and_ends_at_the_goal(shop: Instance) -> None:
    """Each swap on a machine brings the orders one pair nearer; every sequence on the way keeps the jobs in order, as
    the search would refuse it otherwise."""
    population, (origin, goal, *_) = _members(shop, 3)
    search = TabuSearch(shop.derived(sequencing_problem))
    sequence, random = origin.sequence.copy(), np.zeros(1, np.uint64)
    left = population.distance(origin, goal)
    while left > 0:
        made = walk(sequence, goal.rank, population.machine, 3, 10**6, random)
        search.load_order(sequence)
        rank = np.empty(shop.num_tasks, np.int64)
        rank[sequence] = np.arange(shop.num_tasks)
        now = population.distance(Member(0, sequence, rank), goal)
        assert made == min(3, left)
        assert now == left - made
        left = now


def test_a_population_keeps_the_better_and_the_different(shop: Instance) -> None:
    """A full population refuses what is worse than all and what it has; a better one takes the place of the worst."""
    population, members = _members(shop, 4)
    best, worst = min(m.value for m in members), max(m.value for m in members)
    assert not population.add(best, members[0].sequence)
    other = members[0].sequence.copy()
    walk(other, members[1].rank, population.machine, 5, 10**6, np.zeros(1, np.uint64))
    assert not population.add(worst + 1, other)
    assert population.add(best - 1, other)
    assert len(population.members) == 4
    assert population.best is not None and population.best.value == best - 1
    population.renew()
    assert [m.value for m in population.members] == [best - 1]


@pytest.mark.parametrize("name, optimum", [("ft06", 55), ("ft10", 930), ("la01", 666), ("la16", 945)])
def test_published_optima_are_found(name: str, optimum: int) -> None:
    """Optimal values of Fisher and Thompson 1963 and Lawrence 1984."""
    result = solve(load(name), "tabu", Budget(iterations=2_000_000, target=optimum), seed=1)
    assert result.objective == optimum


def test_same_seed_same_schedule(shop: Instance) -> None:
    """With one thread and a limit of iterations; long enough for path relinking."""
    spec = "tabu,patience=200,population=4,probe=50"
    first, second = (solve(shop, spec, Budget(iterations=20_000), seed=3) for _ in range(2))
    assert first.schedule == second.schedule
    assert first.iterations == second.iterations == 20_000
    assert [row[1] for row in first.trace] == [row[1] for row in second.trace]


def test_two_threads_share_one_population(shop: Instance) -> None:
    """Both offer checked schedules only; an infeasible one would make the run an error."""
    result = solve(shop, Tabu(patience=200, population=4, probe=50), Budget(iterations=40_000), seed=2, threads=2)
    assert result.status in (Status.FEASIBLE, Status.OPTIMAL), result.message
    assert result.schedule is not None and check(shop, result.schedule) == []


@pytest.mark.parametrize("threads", [1, 2])
def test_a_stop_is_obeyed(shop: Instance, threads: int) -> None:
    """Asked to stop beforehand, the stage returns with at most one schedule and few moves."""
    context = Context(shop, Budget(), 0, threads)
    context.stop()
    Tabu().run(shop, context)
    assert context.iterations == 0


def test_the_incumbent_is_the_first_start(shop: Instance) -> None:
    """From the schedule of another stage, one move offers nothing worse."""
    rule = solve(shop, "rule:best", Budget(iterations=100))
    both = solve(shop, "rule:best+tabu,iterations=1")
    assert rule.objective is not None and both.objective is not None
    assert both.objective <= rule.objective


def test_jobs_without_conflict_end_the_run() -> None:
    """Nothing to order: the longest job is optimal, and the run ends without a limit."""
    result = solve(Instance.job_shop([[0, 1], [2]], [[3, 4], [5]]), "tabu")
    assert (result.status, result.objective) == (Status.OPTIMAL, 7)
    due = Instance.job_shop([[0], [1]], [[3], [4]], job_due=[1, HORIZON_LIMIT], objective=("max_lateness",))
    assert solve(due, "tabu").objective == 2


def test_an_instance_without_tasks_is_solved() -> None:
    """Its only schedule is empty."""
    assert solve(Instance.job_shop([], [], num_machines=1), "tabu", Budget(seconds=1)).objective == 0


def test_releases_lateness_and_recirculation_agree_with_exact_search() -> None:
    """On tiny shops with all supported fields the search ends at the optimum that CP-SAT proves."""
    rng = np.random.default_rng(5)
    for _ in range(6):
        lengths = rng.integers(1, 4, 4)
        instance = Instance.job_shop(
            [rng.integers(0, 3, k) for k in lengths],
            [rng.integers(0, 6, k) for k in lengths],
            num_machines=3,
            job_release=rng.integers(0, 8, 4),
            job_due=rng.integers(3, 15, 4),
            objective=("max_lateness",),
        )
        exact = solve(instance, "cpsat", Budget(seconds=10))
        assert exact.status is Status.OPTIMAL
        found = solve(instance, "tabu,patience=300,population=6", Budget(iterations=20_000, target=exact.objective))
        assert found.objective == exact.objective


def test_what_it_cannot_do_is_refused() -> None:
    """Unsupported objectives and fields, wrong parameters: before anything runs."""
    with pytest.raises(Unsupported, match="several modes"):
        solve(Instance.flexible_job_shop([[[(0, 1), (1, 2)]]]), "tabu")
    late = Instance.job_shop([[0]], [[1]], job_due=[0], objective=("total_tardiness",))
    result = solve(late, "tabu")
    assert result.status is Status.UNKNOWN
    assert "expected makespan or max_lateness" in result.message
    for spec, words in (
        ("tabu,neighbourhood=n8", "expected one of n5, n6, n7"),
        ("tabu,patience=0", "expected 1 to"),
        ("tabu:x", "takes no argument"),
    ):
        with pytest.raises(ValueError, match=words):
            solve(Instance.job_shop([[0]], [[1]]), spec)
