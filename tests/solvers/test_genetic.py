"""Stage genetic: optima of small projects, every field it declares, its counting, and what it takes from others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.bounds import best_known
from makespan.instances.features import unsupported
from makespan.instances.instance import ES, SS, Instance
from makespan.instances.schedule import Schedule
from makespan.instances.sets import load, load_set
from makespan.solvers import genetic
from makespan.solvers.genetic import Genetic, mirrors
from makespan.solvers.kernels.activity_evolution import evolve_slice
from makespan.solvers.registry import make_stage, parse_spec
from makespan.solvers.stage import Budget, Context, Refused
from tests.oracles.brute_force import brute_force
from tests.oracles.random_instances import FIELDS, tiny


def run(instance: Instance, iterations: int, stage: Genetic | None = None, seed: int = 0, threads: int = 1) -> Context:
    """One run; offering an infeasible schedule would raise."""
    context = Context(instance, Budget(iterations=iterations), seed, threads)
    (stage or Genetic()).run(instance, context)
    return context


def test_small_projects_of_psplib_are_solved_to_optimality() -> None:
    """One instance of each cell of j30 with resource strength 0.5 against its optimum, in at most 20,000 schedules."""
    missed = []
    for instance in load_set("j30")[10::40]:
        bound = best_known(instance)
        assert bound is not None and bound.upper_bound is not None
        context = Context(instance, Budget(iterations=20_000, target=bound.upper_bound), 0, 1)
        Genetic().run(instance, context)
        if context.objectives != (bound.upper_bound,):
            missed.append((instance.name, context.objectives, bound.upper_bound))
    assert missed == []


def test_the_hardest_projects_of_psplib_are_solved_but_for_one_unit() -> None:
    """One instance of each cell of j30 with resource strength 0.2, in at most 40,000 schedules: of twelve optima at
    least eleven are met, and the other is missed by one."""
    above = []
    for instance in load_set("j30")[::40]:
        bound = best_known(instance)
        assert bound is not None and bound.upper_bound is not None
        context = Context(instance, Budget(iterations=40_000, target=bound.upper_bound), 0, 1)
        Genetic().run(instance, context)
        assert context.objectives is not None
        above.append(context.objectives[0] - bound.upper_bound)
    assert len(above) == 12
    assert sum(above) <= 1


def test_every_field_it_declares_yields_the_optimum_of_tiny_instances() -> None:
    """Exhaustive search is never beaten and nearly always met; serial schedules can miss an optimum only through
    arcs between ends, where delaying a start may pay."""
    fields = [name for name in FIELDS if name in Genetic.supports]
    generator = np.random.default_rng(0)
    solved, optimal, missed = 0, 0, 0
    seen: set[str] = set()
    for seed in range(120):
        chosen = generator.choice(fields, size=generator.integers(1, 6), replace=False).tolist()
        instance = tiny(seed, chosen)
        if unsupported(instance, Genetic.supports, "genetic"):
            continue
        seen |= instance.features
        best, found = brute_force(instance), run(instance, 300, Genetic(population=10)).objectives
        if found is None:
            missed += best is not None
        else:
            assert best is not None
            assert found >= best
            solved, optimal = solved + 1, optimal + (found == best)
    assert set(fields) <= seen
    assert optimal >= 0.98 * solved > 80
    assert missed <= 1


@pytest.mark.parametrize(
    "objective", ["makespan", "total_tardiness", "weighted_tardiness", "max_lateness", "flow_time"]
)
def test_every_objective_reaches_the_optimum(objective: str) -> None:
    """Three tasks of 3, 1 and 2 units with weights 1, 5 and 1, all due at 2, on one machine, by hand. Ends in the order
    of durations are 1, 3, 6: flow time 10, tardiness 0 + 1 + 4; weighted 5 as well; any order ends at 6, late by 4."""
    tasks = [[(time, {0: 1})] for time in (3, 1, 2)]
    instance = Instance.from_lists(tasks, [1], due=[2, 2, 2], weight=[1, 5, 1], objective=(objective,))
    optimum = {"makespan": 6, "total_tardiness": 5, "weighted_tardiness": 5, "max_lateness": 4, "flow_time": 10}
    assert run(instance, 60).objectives == (optimum[objective],)


def test_objectives_count_in_their_order() -> None:
    """The makespan is 6 in any order; the tardiness decides."""
    tasks = [[(time, {0: 1})] for time in (3, 1, 2)]
    instance = Instance.from_lists(tasks, [1], due=[2, 2, 2], objective=("makespan", "total_tardiness"))
    assert run(instance, 60).objectives == (6, 5)


def test_multi_mode_projects_with_nonrenewable_resources_are_solved() -> None:
    """Known optima of three instances with 16 activities of three modes; each schedule passes the checker."""
    for instance in load_set("c15")[:3]:
        bound = best_known(instance)
        assert bound is not None and bound.upper_bound is not None
        context = Context(instance, Budget(iterations=20_000, target=bound.upper_bound), 0, 1)
        Genetic().run(instance, context)
        assert context.objectives == (bound.upper_bound,), instance.name


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 3))
def test_choices_of_modes_respect_nonrenewable_capacities(seed: int, slack: int) -> None:
    """Five tasks of three modes, the shorter the dearer, on one renewable and one nonrenewable resource: with exactly
    what the cheapest modes spend, or little more, every schedule offered stays within it; without slack each task has
    its cheapest mode, and with less than that there is no schedule."""
    draw = np.random.default_rng(seed)
    cost = np.sort(draw.integers(0, 10, (5, 3)), axis=1)[:, ::-1]
    tasks = [[(1 + 2 * m, {0: 1, 1: int(cost[task, m])}) for m in range(3)] for task in range(5)]
    least = int(cost.min(axis=1).sum())
    project = Instance.from_lists(tasks, [2, least + slack], [(0, 1, ES, 0)], [True, False])
    found = run(project, 40, Genetic(population=4), seed=seed).incumbent
    assert found is not None and found.mode is not None
    assert cost[np.arange(5), found.mode].sum() <= least + slack
    if least > 0:
        less = Instance.from_lists(tasks, [2, least - 1], [(0, 1, ES, 0)], [True, False])
        assert run(less, 40, Genetic(population=4), seed=seed).incumbent is None


def test_a_budget_counts_every_schedule() -> None:
    """Alternating or with justification: as many schedules as asked for, whatever a child takes."""
    shop = load("ft06")
    for instance in (shop, shop.replace(release=np.ones(36, np.int64))):
        for iterations in (1, 2, 100, 301):
            assert run(instance, iterations).iterations == iterations


@pytest.mark.parametrize("dated", [False, True])
def test_same_seed_same_schedule_wherever_slices_end(dated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of one schedule each and slices of hundreds."""
    instance = load("j301_1")
    if dated:
        instance = instance.replace(release=np.full(instance.num_tasks, 3))
    first = run(instance, 400, seed=5).incumbent
    monkeypatch.setattr(genetic, "SLICE_SECONDS", 1e-9)
    assert run(instance, 400, seed=5).incumbent == first


def test_a_start_from_elsewhere_joins_and_is_improved() -> None:
    """All tasks in a row, given as incumbent: its list alone, decoded once, is better."""
    instance = load("j301_1")
    row = np.concatenate(([0], np.cumsum(instance.duration)[:-1]))
    context = Context(instance, Budget(iterations=1), 0, 1)
    context.offer(Schedule(row))
    assert context.objectives == (instance.duration.sum(),)
    Genetic().run(instance, context)
    assert context.objectives is not None
    assert context.objectives[0] < instance.duration.sum()


def test_an_optimum_from_elsewhere_is_never_lost() -> None:
    """The incumbent stays what it is, and the populations go on from it."""
    instance = load("j301_1")
    best = run(instance, 3000)
    context = Context(instance, Budget(iterations=500), 1, 2)
    assert best.incumbent is not None
    context.offer(best.incumbent)
    Genetic().run(instance, context)
    assert context.objectives is not None and best.objectives is not None
    assert context.objectives <= best.objectives


def test_only_the_makespan_without_dates_is_mirrored() -> None:
    """A release date of forward time says nothing about starts in mirrored time."""
    instance = load("ft06")
    assert mirrors(instance)
    assert not mirrors(instance.replace(release=np.ones(36, np.int64)))
    assert not mirrors(instance.replace(objective=("flow_time",)))


def test_long_times_are_scheduled_without_a_grid() -> None:
    """Durations of a million units: two machines side by side, one task waits for both others."""
    million = 10**6
    tasks = [[(million, {0: 1})], [(2 * million, {1: 1})], [(million, {0: 1})]]
    instance = Instance.from_lists(tasks, [1, 1], [(0, 2), (1, 2)])
    assert run(instance, 20).objectives == (3 * million,)


def test_arcs_that_close_a_cycle_leave_it_without_a_schedule() -> None:
    """Equal starts by lags both ways."""
    pair = Instance.from_lists([[(1, {0: 1})]] * 2, [2], [(0, 1, SS, 0), (1, 0, SS, 0)])
    assert run(pair, 10).incumbent is None


def test_too_many_tasks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One schedule would take longer than may pass between two looks at the clock."""
    monkeypatch.setattr(genetic, "MOST_TASKS", 35)
    with pytest.raises(Refused, match="36 tasks, at most 35"):
        run(load("ft06"), 1)


def test_no_tasks_no_work() -> None:
    """The empty schedule is optimal."""
    assert run(Instance.from_lists([], [1]), 5).objectives == (0,)


def test_it_compiles_once() -> None:
    """One signature, whatever the instance holds."""
    run(load("j301_1"), 10)
    run(tiny(1, ["multi_mode", "nonrenewable", "calendar", "objective"]), 10)
    assert len(evolve_slice.signatures) == 1


def test_parameters_are_read_and_checked() -> None:
    """A spec sets them; values out of range and arguments are refused."""
    assert make_stage(parse_spec("genetic,population=20,swap=0.5")[0]) == Genetic(population=20, swap=0.5)
    with pytest.raises(ValueError, match="population: found 1, expected 4 or more"):
        Genetic(population=1)
    with pytest.raises(ValueError, match="found argument 'fast', expected none"):
        make_stage(parse_spec("genetic:fast")[0])
