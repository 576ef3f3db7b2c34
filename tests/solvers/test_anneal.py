"""The solver ``anneal``: optimal on tiny instances of every field, faithful to what is fixed, repeatable."""

import time
from functools import cache

import numpy as np
import pytest

from makespan.instances.check import check
from makespan.instances.features import unsupported
from makespan.instances.generators import generate
from makespan.instances.instance import HORIZON_LIMIT, OBJECTIVES, Instance, Setup
from makespan.instances.schedule import objective_values
from makespan.instances.sets import load
from makespan.solvers.anneal import Anneal, make
from makespan.solvers.api import Budget, Status, solve
from makespan.solvers.general_shop import GENERAL_SHOP_FEATURES
from makespan.solvers.stage import Context, Refused
from tests.oracles.brute_force import brute_force
from tests.oracles.random_instances import FIELDS, tiny

FIELDS_OF_SHOPS = [field for field in FIELDS if field in GENERAL_SHOP_FEATURES]


@cache
def with_due_dates(objective: tuple[str, ...] = ("weighted_tardiness",), seed: int = 1) -> Instance:
    """A job shop of 6 jobs and 4 machines whose jobs are due after 1.3 times their work."""
    shop = generate("uniform", jobs=6, machines=4, seed=seed)
    work = np.bincount(np.arange(6).repeat(4), shop.duration).astype(np.int64)
    return shop.replace(job_due=work * 13 // 10, job_weight=np.array([1, 1, 2, 2, 4, 4]), objective=objective)


def shops(field: str, count: int) -> list[Instance]:
    """Tiny instances with the field beside others, as far as the solver takes them."""
    found = []
    for seed in range(100):
        rng = np.random.default_rng([seed, FIELDS.index(field)])
        others = [name for name in FIELDS_OF_SHOPS if rng.random() < 0.3]
        instance = tiny(rng, [field, *others])
        if unsupported(instance, GENERAL_SHOP_FEATURES, "anneal") is None:
            found.append(instance)
        if len(found) == count:
            break
    return found


@pytest.mark.parametrize("field", FIELDS_OF_SHOPS)
def test_tiny_instances_of_every_field_are_solved_to_the_optimum(field: str) -> None:
    """By exhaustive search over modes and starts; ``solve`` has checked the schedule. No schedule where none exists."""
    for instance in shops(field, 4):
        result = solve(instance, "anneal", Budget(iterations=2000), seed=1)
        assert result.status is not Status.ERROR, result.message
        assert result.objectives == brute_force(instance)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_objective_reaches_what_cp_sat_proves(objective: str) -> None:
    """Six jobs on four machines are within reach of a complete search and beyond a lucky guess."""
    instance = with_due_dates((objective,))
    exact = solve(instance, "cpsat", Budget(seconds=60))
    assert exact.status is Status.OPTIMAL
    assert solve(instance, "anneal", Budget(iterations=100_000), seed=1).objective == exact.objective


def test_the_second_objective_breaks_ties_of_the_first() -> None:
    """ft06 has schedules of makespan 55 with many flow times; CP-SAT proves the least of them."""
    instance = load("ft06").replace(objective=("makespan", "flow_time"))
    exact = solve(instance, "cpsat", Budget(seconds=60))
    found = solve(instance, "anneal", Budget(iterations=60_000), seed=1)
    assert exact.status is Status.OPTIMAL
    assert found.objectives == exact.objectives


def test_fixed_starts_and_modes_stay() -> None:
    """Half a schedule is executed: what has begun keeps its start, the rest starts at now or later."""
    instance = with_due_dates()
    first = solve(instance, "anneal", Budget(iterations=2000), seed=1).schedule
    assert first is not None
    now = int(np.median(first.start))
    begun = first.start < now
    half = instance.replace(fixed_start=np.where(begun, first.start, -1), now=now)
    result = solve(half, "anneal", Budget(iterations=2000), seed=2)
    assert result.schedule is not None and check(half, result.schedule) == []
    assert (result.schedule.start[begun] == first.start[begun]).all()
    assert (result.schedule.start[~begun] >= now).all()


def test_a_plan_that_starts_late_for_its_deadlines_ends_within_them() -> None:
    """Every job gets as deadline its end in an optimal schedule; the rules keep all of them in no scheme."""
    instance = with_due_dates()
    good = solve(instance, "cpsat", Budget(seconds=60)).schedule
    assert good is not None and instance.job is not None
    done = np.zeros(6, np.int64)
    np.maximum.at(done, instance.job, good.end(instance))
    tight = instance.replace(job_deadline=done, objective=("makespan",))
    assert solve(tight, "rule:best", Budget(seconds=60)).schedule is None
    result = solve(tight, "anneal", Budget(iterations=100_000), seed=1)
    assert result.schedule is not None and check(tight, result.schedule) == []


def test_recirculation_and_zero_durations_are_played() -> None:
    """A job of no duration and one that returns to its machine; the load of machine 0 is 7, so nothing beats it."""
    instance = Instance.job_shop([[0, 1, 0], [0, 1], [1]], [[2, 1, 3], [2, 0], [0]])
    result = solve(instance, "anneal", Budget(iterations=500), seed=1)
    assert result.objective == 7


def test_a_setup_that_costs_more_than_waiting_is_avoided() -> None:
    """Families a, b, a with setups of 10: both a first (2 + 2), then the setup and b (10 + 2), is 16; any other 26."""
    setup = Setup(np.array([0, 1, 0]), np.array([[0, 10], [10, 0]]), np.array([-1]))
    instance = Instance.job_shop([[0], [0], [0]], [[2], [2], [2]], setup=setup)
    result = solve(instance, "anneal", Budget(iterations=500), seed=1)
    assert result.objective == 16


def test_the_incumbent_is_where_it_starts() -> None:
    """In a chain the schedule of the stage before is never lost: one move cannot make the optimum worse."""
    instance = load("ft06")
    exact = solve(instance, "cpsat", Budget(seconds=60)).schedule
    result = solve(instance, "anneal", Budget(iterations=1), hint=exact)
    assert result.objective == 55


@pytest.mark.parametrize("iterations", [1, 7, 400, 30_000])
def test_iterations_and_seed_fix_the_schedule(iterations: int) -> None:
    """Slices are cut by the clock, which must not show; the budget is met exactly."""
    instance = generate("flexible", jobs=8, machines=5, seed=2).replace(objective=("flow_time", "makespan"))
    first, second = (solve(instance, "anneal", Budget(iterations=iterations), seed=5) for _ in range(2))
    assert first.schedule is not None and first.schedule == second.schedule
    assert first.iterations == second.iterations == iterations
    assert first.objectives == objective_values(instance, first.schedule)


def test_islands_share_what_they_find() -> None:
    """Two threads count their moves together and give one checked schedule; each may overrun by its last slice."""
    instance = with_due_dates(seed=3)
    result = solve(instance, "anneal", Budget(iterations=20_000), seed=1, threads=2)
    assert result.status is Status.FEASIBLE and result.message == ""
    assert result.found_by == "anneal"


def test_a_stopped_run_returns_at_once() -> None:
    """Whoever asks for an end while it works gets it within a few slices, whatever is left of the limits."""
    instance = generate("uniform", jobs=100, machines=20, seed=1).replace(objective=("flow_time",))
    begin = time.perf_counter()
    result = solve(instance, "anneal", Budget(seconds=0.5), threads=2)
    assert result.schedule is not None
    assert time.perf_counter() - begin < 30
    context = Context(instance, Budget(), 0, 1)
    context.stop()
    Anneal().run(instance, context)
    assert context.iterations < 10_000


def test_a_plan_without_a_move_ends_the_run() -> None:
    """One job alone cannot be changed, and without a limit nothing else would stop the search."""
    instance = Instance.job_shop([[0, 1]], [[2, 3]], objective=("flow_time", "makespan"))
    result = solve(instance, "anneal")
    assert result.objectives == (5, 5)


def test_sums_that_could_overflow_are_refused() -> None:
    """Weights and times near the limits of the format multiply to more than int64 holds."""
    instance = Instance.job_shop(
        [[0], [0]], [[2**40], [2**40]], job_due=[0, 0], job_weight=[2**40, 1], objective=("weighted_tardiness",)
    )
    with pytest.raises(Refused, match="exceed 2\\*\\*62"):
        Anneal().run(instance, Context(instance, Budget(iterations=5), 0, 1))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [({"heat": "0"}, "heat: found 0"), ({"halvings": "99"}, "halvings: found 99"), ({"cycles": "0"}, "cycles")],
)
def test_parameters_out_of_range_are_named(parameters: dict[str, str], words: str) -> None:
    """With what was found and what was expected."""
    with pytest.raises(ValueError, match=words):
        make(None, **parameters)
    with pytest.raises(ValueError, match="takes no argument"):
        make("x")


def test_each_kernel_compiles_once() -> None:
    """All shops, whatever their fields, share one signature."""
    stage = Anneal()
    for instance in (load("ft06"), with_due_dates(), *shops("calendar", 2)):
        solve(instance, stage, Budget(iterations=50))
    assert [len(each.signatures) for each in stage.kernels] == [1] * len(stage.kernels)


def test_dates_without_limit_do_not_count() -> None:
    """A job without a due date adds nothing, however late."""
    instance = with_due_dates().replace(
        job_due=np.array([HORIZON_LIMIT] * 5 + [0]), job_weight=None, objective=("total_tardiness",)
    )
    result = solve(instance, "anneal", Budget(iterations=500), seed=1)
    assert result.objective == int(instance.duration[20:].sum())
