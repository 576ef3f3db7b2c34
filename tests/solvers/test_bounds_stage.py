"""The bound stage and its kernels: published values, brute force, and never a bound above the optimum."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.bounds import best_known
from makespan.instances.instance import Instance
from makespan.instances.sets import load
from makespan.solvers.api import Budget, Status, solve
from makespan.solvers.bounds_stage import Bounds, make
from makespan.solvers.infeasibility import infeasibility
from makespan.solvers.kernels.carlier import one_machine
from makespan.solvers.kernels.narrowing import ENERGETIC, ENERGETIC_SHAVING, SHAVING, narrow
from makespan.solvers.kernels.one_machine import shortest_remaining
from makespan.solvers.kernels.windows import CONTRADICTION, OUT_OF_WORK
from makespan.solvers.lower_bounds import first_bound, lower_bound
from makespan.solvers.narrow_windows import make_trials
from tests.oracles.brute_force import best_schedule, brute_force
from tests.oracles.random_instances import tiny

RULES = Bounds(cpsat=False)


def refutes(instance: Instance, value: int, effort: int, work: int = 1_000_000) -> bool:
    """Whether narrowing proves that no schedule has an objective of at most ``value``."""
    trials = make_trials(instance)
    assert trials is not None
    if not trials.set(value):
        return True
    while (status := narrow(trials.windows, trials.saved, effort, 1, work)) == OUT_OF_WORK:
        pass
    return bool(status == CONTRADICTION)


# -- published values --------------------------------------------------------------------------------


def test_edge_finding_gives_the_published_bound_of_ft10() -> None:
    """868, what Carlier and Pinson's immediate selection gives; shaving refutes 900 too, and never the optimum."""
    ft10 = load("ft10")
    assert refutes(ft10, 867, ENERGETIC) and not refutes(ft10, 868, ENERGETIC)
    assert refutes(ft10, 900, SHAVING) and not refutes(ft10, 930, ENERGETIC)


@pytest.mark.parametrize("name", ["ft06", "la01", "la05", "la10", "la15", "la16", "j301_1", "j601_1", "j1201_2"])
def test_no_bound_exceeds_the_best_known_makespan(name: str) -> None:
    """Neither by the rules alone nor one below it left unproved where the rules are known to close the instance."""
    known = best_known(name)
    assert known is not None and known.upper_bound is not None
    result = solve(load(name), RULES, Budget(seconds=20, target=known.upper_bound))
    assert result.lower_bound is not None and result.status is not Status.ERROR
    assert lower_bound(load(name)) <= result.lower_bound <= known.upper_bound
    if name.startswith(("ft", "la")):
        assert result.lower_bound == known.upper_bound


def test_small_slices_refute_what_large_ones_do() -> None:
    """A slice that ends amid a probe starts that probe again, so that no work is lost but that of the probe."""
    la16 = load("la16")
    assert refutes(la16, 930, SHAVING, work=20_000)


# -- soundness ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        None,
        ["network", "cumulative"],
        ["cumulative", "multi_mode", "deadline", "max_lag", "network"],
        ["pause", "calendar", "cumulative"],
        ["due", "weight", "release"],
        ["fixed", "no_wait", "time_lag"],
    ],
)
def test_no_bound_exceeds_the_optimum_of_tiny_instances(fields: list[str] | None) -> None:
    """Against exhaustive search, and only instances without a schedule are called infeasible."""
    for seed in range(60):
        instance = tiny(seed, fields, max_tasks=4)
        if infeasibility(instance) is not None:
            continue
        best = brute_force(instance)
        result = solve(instance, RULES, Budget(iterations=200))
        assert result.status is not Status.ERROR, (seed, result.message)
        if best is None:
            continue
        assert result.status is not Status.INFEASIBLE, seed
        assert result.lower_bound is not None and result.lower_bound <= best[0], seed
        assert first_bound(instance) <= lower_bound(instance)


def test_the_optimum_is_never_refuted_by_any_effort() -> None:
    """Windows at the optimum hold a schedule, so not even shaving with energetic probes may empty one."""
    refuted = 0
    for seed in range(300, 420):
        instance = tiny(seed, ["network", "cumulative", "multi_resource"], max_tasks=5)
        best = brute_force(instance)
        if best is None:
            continue
        for effort in (ENERGETIC, SHAVING, ENERGETIC_SHAVING):
            assert not refutes(instance, best[0], effort), (seed, effort)
        refuted += refutes(instance, best[0] - 1, ENERGETIC_SHAVING)
    assert refuted > 60


def test_energy_counts_what_must_run_between_two_times() -> None:
    """Five tasks of 4, two at a time: 20 of energy need 10; 12 is the optimum."""
    thin = Instance.from_lists([[(4, {0: 1})] for _ in range(5)], [2])
    assert refutes(thin, 9, ENERGETIC) and not refutes(thin, 12, ENERGETIC_SHAVING)


def test_deadlines_that_cannot_be_met_are_proved() -> None:
    """Three tasks of 2 on one machine, all due by 5: each alone is in time, together they are not."""
    crowd = Instance.from_lists([[(2, {0: 1})]] * 3, [1], deadline=[5, 5, 5])
    assert infeasibility(crowd) is None
    assert solve(crowd, RULES).status is Status.INFEASIBLE


# -- one machine -------------------------------------------------------------------------------------

JOBS = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 5), st.integers(-4, 12)), min_size=1, max_size=6)


@given(JOBS, st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_carlier_is_exact_and_below_the_optimum_when_cut_short(jobs: list[tuple[int, int, int]], nodes: int) -> None:
    """Against all orders; with few nodes it may fall short of the optimum but never exceeds it."""
    head, body, tail = (np.array(column, np.int64) for column in zip(*sorted(jobs), strict=True))
    best = min(one_order(head, body, tail, order) for order in permutations(range(len(jobs))))
    assert one_machine(head, body, tail, -100, 1000, 10_000, 50) == best
    assert one_machine(head, body, tail, -100, 1000, nodes, 4) <= best
    assert one_machine(head, body, tail, best, 1000, 10_000, 50) <= best
    assert one_machine(head, body, tail, -100, best, 10_000, 50) == best


def one_order(head: np.ndarray, body: np.ndarray, tail: np.ndarray, order: tuple[int, ...]) -> int:
    """Largest end + tail in this order."""
    time, worst = -(10**9), -(10**9)
    for i in order:
        time = max(time, int(head[i])) + int(body[i])
        worst = max(worst, time + int(tail[i]))
    return worst


# -- sums --------------------------------------------------------------------------------------------


def test_shortest_remaining_time_by_hand() -> None:
    """A task of 5 from 0 is interrupted at 1 by one of 2, which ends at 3; the long one ends at 7."""
    end = np.zeros(2, np.int64)
    shortest_remaining(np.array([0, 1]), np.array([5, 2]), end)
    assert end.tolist() == [3, 7]


def test_sums_count_the_queue_at_a_machine() -> None:
    """Three jobs of 2 on one machine: flow time 2 + 4 + 6; all due at 3, twice the weight on one: 0 + 1 + 3."""
    flow = Instance.job_shop([[0]] * 3, [[2]] * 3, objective=("flow_time",))
    assert (lower_bound(flow), solve(flow, RULES).lower_bound) == (6, 12)
    late = Instance.job_shop(
        [[0]] * 3, [[2]] * 3, objective=("weighted_tardiness",), job_due=[3] * 3, job_weight=[2, 1, 1]
    )
    assert solve(late, RULES).lower_bound == 4


# -- the stage ---------------------------------------------------------------------------------------


def test_cpsat_proves_what_the_rules_do_not() -> None:
    """Five tasks of 3 and one of 4, two at a time: energy says 10, but no two thirds fit in it; CP-SAT finds 12."""
    instance = Instance.from_lists([[(3, {0: 1})] for _ in range(5)] + [[(4, {0: 1})]], [2])
    assert solve(instance, Bounds(cpsat=False, shave=False)).lower_bound == 10
    result = solve(instance, Bounds(shave=False, slice=0.5), Budget(seconds=30))
    assert (result.status, result.lower_bound, result.objective) == (Status.OPTIMAL, 10, 10)


def test_a_bound_that_meets_the_incumbent_is_a_proof() -> None:
    """Two crossed jobs: given the best schedule, the bounds alone prove it optimal."""
    shop = Instance.job_shop([[0, 1], [1, 0], [0, 1]], [[3, 2], [2, 4], [2, 2]])
    best = best_schedule(shop)
    assert best is not None
    assert solve(shop, RULES, hint=best).status is Status.OPTIMAL


def test_parameters_are_checked() -> None:
    """The message names what was found."""
    with pytest.raises(ValueError, match=r"slice: found 0\.0, expected seconds above 0"):
        make(None, slice="0")
    with pytest.raises(ValueError, match="found 'x' after the colon"):
        make("x")
