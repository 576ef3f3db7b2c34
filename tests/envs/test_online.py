"""The online simulator and its policies, against offline optima, closed forms and the guarantees of the papers."""

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ortools.sat.python import cp_model

from makespan.envs.online import speeds as unrelated
from makespan.envs.online.offline import best_order_cost, completion_bound, horn, list_cost
from makespan.envs.online.precedence import (
    adaptive_weight_order,
    descendant_weight,
    distorted,
    follow_list,
    round_robin,
    time_sharing,
    weight_order,
    weight_prediction,
    weighted_round_robin,
)
from makespan.envs.online.simulator import OnlineProblem, Policy, Rates, View, check_run, simulate
from makespan.eval.studies.online import hidden_weight, out_forest


@st.composite
def forests(draw: st.DrawFn, most_jobs: int = 9, most_parents: int = 1) -> OnlineProblem:
    """Out-forests, or any precedence with more parents; small integer sizes and weights."""
    n = draw(st.integers(1, most_jobs))
    parents = [draw(st.sets(st.integers(0, job - 1), max_size=most_parents)) if job else set() for job in range(n)]
    size = draw(st.lists(st.integers(1, 20), min_size=n, max_size=n))
    weight = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    exact = [Fraction(each) for each in size]
    return OnlineProblem(exact, weight, predecessors=[sorted(each) for each in parents])


def width(problem: OnlineProblem) -> int:
    """The most jobs of an out-forest without order between them: its leaves."""
    return sum(not after for after in problem.successors())


# -- simulator -------------------------------------------------------------------------------------


def test_sharing_equally_is_exact_in_fractions() -> None:
    """Sizes 3, 1, 2: the second is done at 3, the third at 5, the first at 6."""
    run = simulate(OnlineProblem([Fraction(3), Fraction(1), Fraction(2)]), round_robin())
    assert run.completion == [6, 3, 5]


def test_releases_speeds_and_predecessors_by_hand() -> None:
    """Job 0 (size 4) runs at speed 2 from 0; job 1 comes at 1 to the slow machine; job 2 waits for job 0."""

    def rates(view: View) -> Rates:
        return Rates([(machine, job, 1) for machine, job in ((0, 0), (1, 1), (0, 2)) if job in view.jobs])

    problem = OnlineProblem([4, 3, 2], release=[0, 1, 0], predecessors=[(), (), (0,)], speed=[[2, 2, 2], [1, 1, 1]])
    run = simulate(problem, rates)
    assert run.completion == [2, 4, 3] and check_run(problem, run) == []


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        (lambda view: Rates([(0, 0, 0.7), (0, 1, 0.7)]), "on one machine"),
        (lambda view: Rates([(0, 0, 0.7), (1, 0, 0.7)]), "on one job"),
        (lambda view: Rates([(0, 2, 1)]), "expected a seen, unfinished job"),
        (lambda view: Rates([]), "stands still"),
        (lambda view: Rates([(0, 0, -1)]), "0 or more"),
    ],
)
def test_policies_that_break_the_rules_are_refused(rates: Policy, words: str) -> None:
    """Job 2 is hidden behind job 0."""
    problem = OnlineProblem([1, 1, 1], predecessors=[(), (), (0,)], speed=[[1, 1, 1], [1, 1, 1]])
    with pytest.raises(ValueError, match=words):
        simulate(problem, rates)


def test_what_is_hidden_is_not_in_the_view() -> None:
    """Weight and kind of a job come up with the job."""
    seen = []

    def rates(view: View) -> Rates:
        seen.append(sorted(view.weight))
        return round_robin()(view)

    simulate(OnlineProblem([1.0, 1.0, 1.0], release=[0, 5, 0], predecessors=[(), (), (0,)]), rates)
    assert seen == [[0], [0, 2], [0, 1, 2]]


@pytest.mark.parametrize("broken", [{"size": [0]}, {"size": [1], "weight": [-1]}, {"size": [1], "weight": [1, 2]}])
def test_malformed_problems_are_refused(broken: dict[str, Any]) -> None:
    """Sizes above 0, weights from 0, one of each."""
    with pytest.raises(ValueError, match="online problem"):
        OnlineProblem(**broken)
    with pytest.raises(ValueError, match="circle"):
        OnlineProblem([1, 1], predecessors=[(1,), (0,)])


def test_the_checker_of_runs_finds_a_forged_completion() -> None:
    """Otherwise the checks below would say nothing."""
    problem = OnlineProblem([2.0, 1.0])
    run = simulate(problem, round_robin())
    assert check_run(problem, run) == []
    run.completion[0] = 2.0
    assert check_run(problem, run) != []
    assert check_run(OnlineProblem([2.0, 1.5]), run) != []


# -- precedence ------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(forests())
def test_horn_is_optimal_on_out_forests(problem: OnlineProblem) -> None:
    """Against all sets of jobs that can be done first."""
    assert list_cost(problem, horn(problem)) == best_order_cost(problem)


@settings(max_examples=10, deadline=None)
@given(forests(most_jobs=6, most_parents=3))
def test_the_program_over_sets_agrees_with_cp_sat(problem: OnlineProblem) -> None:
    """Any precedence; preemption does not help without releases."""
    model = cp_model.CpModel()
    horizon = int(sum(problem.size))
    ends = [model.new_int_var(int(size), horizon, "") for size in problem.size]
    model.add_no_overlap(
        [model.new_interval_var(e - int(p), int(p), e, "") for e, p in zip(ends, problem.size, strict=True)]
    )
    for job, before in enumerate(problem.predecessors):
        for other in before:
            model.add(ends[job] - int(problem.size[job]) >= ends[other])
    model.minimize(sum(int(w) * e for w, e in zip(problem.weight, ends, strict=True)))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    assert solver.solve(model) == cp_model.OPTIMAL
    assert round(solver.objective_value) == best_order_cost(problem)


POLICIES: dict[str, Callable[[OnlineProblem], Policy]] = {
    "round robin": lambda problem: round_robin(),
    "weighted": lambda problem: weighted_round_robin(),
    "weight": lambda problem: weight_prediction(descendant_weight(problem)),
    "order": lambda problem: weight_order(descendant_weight(problem)),
    "adaptive": lambda problem: adaptive_weight_order(descendant_weight(problem), 3),
    "shared": lambda problem: time_sharing(
        weight_prediction(descendant_weight(problem)), round_robin(), Fraction(1, 3)
    ),
}


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=15, deadline=None)
@given(problem=forests())
def test_every_policy_makes_a_valid_run_that_costs_the_optimum_at_least(name: str, problem: OnlineProblem) -> None:
    """In exact numbers."""
    run = simulate(problem, POLICIES[name](problem))
    assert check_run(problem, run, tolerance=0) == []
    assert run.cost(problem) >= list_cost(problem, horn(problem))


def test_the_guarantees_hold_on_random_out_forests() -> None:
    """Exact weights: at most 4 times the optimum. The right order: at most 4 · H(width) times."""
    for seed in range(300):
        problem = out_forest(4 + seed % 13, seed)
        optimum = list_cost(problem, horn(problem))
        behind = descendant_weight(problem)
        harmonic = sum(1 / place for place in range(1, width(problem) + 1))
        by_weight = simulate(problem, weight_prediction(behind), record=False).cost(problem)
        by_order = simulate(problem, weight_order(behind), record=False).cost(problem)
        assert by_weight <= 4 * optimum * (1 + 1e-9) and by_order <= 4 * harmonic * optimum * (1 + 1e-9)


def test_without_predictions_the_hard_case_grows_with_the_number_of_chains() -> None:
    """Round robin pays k times the optimum; the weights behind show the one chain that counts."""
    for count in (2, 8, 32):
        problem = hidden_weight(count)
        optimum = list_cost(problem, horn(problem))
        assert simulate(problem, round_robin()).cost(problem) == pytest.approx(count * optimum)
        assert simulate(problem, weight_prediction(descendant_weight(problem))).cost(problem) == pytest.approx(optimum)


def test_a_list_that_is_optimal_is_followed() -> None:
    """And time sharing with part 1 is the first policy."""
    problem = out_forest(20, 5)
    best = horn(problem)
    assert simulate(problem, follow_list(best)).cost(problem) == pytest.approx(float(list_cost(problem, best)))
    shared = time_sharing(follow_list(best), round_robin(), 1)
    assert simulate(problem, shared).cost(problem) == pytest.approx(float(list_cost(problem, best)))


def test_exact_predictions_are_those_without_error() -> None:
    """And the same seed gives the same error."""
    assert distorted([3, 5], 0, 1) == [3, 5]
    assert distorted([3, 5], 1.0, 1) == distorted([3, 5], 1.0, 1) != distorted([3, 5], 1.0, 2)


# -- speeds ----------------------------------------------------------------------------------------


def everyone(problem: OnlineProblem) -> dict[str, Policy]:
    """The five policies with exact predictions."""
    order = list(range(problem.num_machines))
    return {
        "greedy": unrelated.greedy_density(problem.size, problem.speed),
        "min increase": unrelated.min_increase(problem.size, problem.speed),
        "fair": unrelated.proportional_fairness(problem.speed),
        "ordered density": unrelated.ordered_density(problem.size, order),
        "ordered round robin": unrelated.ordered_round_robin(order),
    }


@pytest.mark.parametrize("seed", range(5))
def test_on_one_machine_the_clairvoyant_rules_are_optimal(seed: int) -> None:
    """All jobs there at once: the largest weight over size first (Smith), against all orders."""
    rng = np.random.default_rng(seed)
    size, weight = rng.integers(1, 20, 6).astype(float).tolist(), rng.integers(1, 9, 6).tolist()
    problem = OnlineProblem(size, weight)
    optimum = min(list_cost(problem, list(order)) for order in permutations(range(6)))
    runs = {name: simulate(problem, policy).cost(problem) for name, policy in everyone(problem).items()}
    assert runs["greedy"] == runs["min increase"] == runs["ordered density"] == pytest.approx(optimum)
    weighted = simulate(problem, weighted_round_robin()).cost(problem)
    assert runs["fair"] == pytest.approx(weighted, rel=1e-5)
    assert completion_bound(problem) <= optimum * (1 + 1e-9)


@pytest.mark.parametrize("draw", [unrelated.two_classes, unrelated.unrelated])
def test_runs_are_valid_and_within_the_guarantees(draw: Callable[..., OnlineProblem]) -> None:
    """With exact speeds: 8, 7.216 and 108 times the optimum, so 8, 7.216 and 108 times the bound leaves room; the
    others have no constant here and keep the bound only."""
    factors = {"greedy": 8, "min increase": 7.216, "fair": 108}
    for seed in range(3):
        problem = draw(3, 12, 0.9, seed)
        bound = completion_bound(problem)
        for name, policy in everyone(problem).items():
            run = simulate(problem, policy)
            assert check_run(problem, run) == [], name
            assert bound * (1 - 1e-9) <= run.cost(problem) <= factors.get(name, math.inf) * bound, name


def test_errors_of_the_speeds_cost_no_more_than_the_guarantee() -> None:
    """8 μ for the greedy rule, where μ is the product of the largest factors to both sides."""
    for seed in range(5):
        problem = unrelated.unrelated(3, 12, 0.9, seed)
        guess = unrelated.distorted_speeds(problem.speed, 1.0, seed)
        factor = np.array(guess) / np.array(problem.speed)
        cost = simulate(problem, unrelated.greedy_density(problem.size, guess)).cost(problem)
        assert cost <= 8 * factor.max() * (1 / factor).max() * completion_bound(problem)


def test_errors_have_nothing_to_do_with_the_speeds() -> None:
    """A problem and its predictions are drawn with the same seed, and still the logarithms are uncorrelated."""
    for draw in (unrelated.unrelated, unrelated.two_classes):
        speed = np.array(draw(4, 500, 0.9, 7).speed)
        error = np.log(np.array(unrelated.distorted_speeds(speed.tolist(), 1.0, 7)) / speed)
        assert abs(np.corrcoef(np.log(speed[:2]).ravel(), error[:2].ravel())[0, 1]) < 0.12
        assert abs(error.std() - 1) < 0.1


def test_min_increase_never_migrates() -> None:
    """Each job runs on one machine."""
    problem = unrelated.unrelated(3, 25, 0.9, 1)
    run = simulate(problem, unrelated.min_increase(problem.size, problem.speed))
    where = {(job, machine) for piece in run.pieces for machine, job, _ in piece.shares}
    assert len(where) == problem.num_jobs


def test_on_identical_machines_greedy_runs_the_densest_jobs() -> None:
    """As the ordered rule does, so the runs are the same."""
    drawn = unrelated.unrelated(2, 15, 0.9, 2)
    problem = OnlineProblem(drawn.size, drawn.weight, drawn.release, speed=[[1.0] * 15] * 2)
    one = simulate(problem, unrelated.greedy_density(problem.size, problem.speed))
    two = simulate(problem, unrelated.ordered_density(problem.size, [0, 1]))
    assert one.cost(problem) == pytest.approx(two.cost(problem))


@pytest.mark.parametrize(("machines", "jobs"), [(1, 4), (3, 2), (3, 7), (4, 12)])
def test_fair_shares_meet_the_conditions_of_optimality(machines: int, jobs: int) -> None:
    """There are prices of machines and jobs with w s / speed <= price + price, equal where a share is above 0; the
    least squares of the equalities give them."""
    rng = np.random.default_rng(machines * jobs)
    speed, weight = np.exp(rng.normal(size=(machines, jobs))), rng.integers(1, 10, jobs).astype(float)
    share = unrelated.fair_shares(speed, weight)
    assert share.min() >= 0 and share.sum(axis=0).max() <= 1 + 1e-7 and share.sum(axis=1).max() <= 1 + 1e-7
    pull = weight / weight.sum() * speed / (speed * share).sum(axis=0)
    full_machine, full_job = share.sum(axis=1) > 1 - 1e-4, share.sum(axis=0) > 1 - 1e-4
    used = np.argwhere(share > 1e-5)
    rows = np.zeros((len(used), machines + jobs))
    for row, (machine, job) in zip(rows, used, strict=True):
        row[machine], row[machines + job] = full_machine[machine], full_job[job]
    prices = np.linalg.lstsq(rows, pull[share > 1e-5], rcond=None)[0]
    offered = (prices[:machines] * full_machine)[:, None] + (prices[machines:] * full_job)[None, :]
    assert np.abs(offered - pull)[share > 1e-5].max() < 1e-4
    value = (weight * np.log((speed * share).sum(axis=0))).sum()
    for _ in range(200):  # no mixture with another feasible point is better
        other = rng.dirichlet(np.ones(jobs), size=machines) / max(1.0, machines / 2)
        mixed = 0.9 * share + 0.1 * other
        if mixed.sum(axis=0).max() <= 1:
            assert (weight * np.log((speed * mixed).sum(axis=0))).sum() <= value + 1e-6


@pytest.mark.parametrize(("machines", "jobs"), [(2, 5), (3, 2), (4, 4)])
def test_fair_shares_of_identical_machines_are_equal(machines: int, jobs: int) -> None:
    """Many shares are optimal there; all give every job the same speed."""
    share = unrelated.fair_shares(np.ones((machines, jobs)), np.ones(jobs))
    assert share.sum(axis=0) == pytest.approx(np.full(jobs, min(1.0, machines / jobs)), abs=1e-5)


def test_the_bound_by_hand() -> None:
    """Two jobs of size 2 on one machine: alone 2 + 2, shared 2 + 4; released at 1, both."""
    assert completion_bound(OnlineProblem([2.0, 2.0])) == pytest.approx(6)
    assert completion_bound(OnlineProblem([2.0], release=[1.0], speed=[[4.0], [1.0]])) == pytest.approx(1.5)
