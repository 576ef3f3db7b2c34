"""Learning the means of types while their jobs are run, against closed forms and the published ratios."""

import math

import numpy as np
import pytest

from makespan.envs.online.offline import horn, list_cost
from makespan.envs.online.precedence import round_robin
from makespan.envs.online.simulator import Policy, check_run, simulate
from makespan.envs.online.stochastic import (
    chi_squared_quantile,
    etc_rr,
    etc_u,
    exponential_jobs,
    lsept,
    optimal_cost,
    round_robin_cost,
    shortest_mean_first,
    ucb_rr,
    ucb_u,
)

MEANS = (0.25, 1.0)


def rules(n: int) -> dict[str, Policy]:
    """Fresh policies for two types."""
    return {
        "ETC-U": etc_u(2, n),
        "ETC-RR": etc_rr(2, n),
        "UCB-U": ucb_u(2, n),
        "UCB-RR": ucb_rr(2, n, 0.0125),
        "LSEPT": lsept(2),
        "RR": round_robin(),
        "FTPP": shortest_mean_first(MEANS),
    }


def ratios(n: int, seeds: int) -> dict[str, float]:
    """Mean cost over mean cost of the optimum."""
    total = dict.fromkeys(rules(n), 0.0)
    optimum = 0.0
    for seed in range(seeds):
        problem = exponential_jobs(MEANS, n, seed)
        optimum += optimal_cost(problem)
        for name, policy in rules(n).items():
            total[name] += float(simulate(problem, policy, record=False).cost(problem))
    return {name: cost / optimum for name, cost in total.items()}


def test_closed_forms_agree_with_the_simulation() -> None:
    """Round robin, and the shortest job first, which is Horn's order without precedence."""
    for seed in range(20):
        problem = exponential_jobs((1.0,), 12, seed)
        assert simulate(problem, round_robin()).cost(problem) == pytest.approx(round_robin_cost(problem))
        assert list_cost(problem, horn(problem)) == pytest.approx(optimal_cost(problem))


def test_the_ratio_of_one_type_is_the_one_in_closed_form() -> None:
    """2 (N + 1) / (N + 3) for N jobs of one exponential type."""
    problems = [exponential_jobs((1.0,), 20, seed) for seed in range(4000)]
    ratio = sum(map(round_robin_cost, problems)) / sum(map(optimal_cost, problems))
    assert ratio == pytest.approx(2 * 21 / 23, rel=0.01)


def test_the_best_order_of_types_has_its_expected_cost() -> None:
    """FTPP: every job waits for those before it in the mean. OPT: of two jobs the later waits for the smaller one,
    whose mean is 1 over the sum of the rates."""
    n, seeds = 6, 1500
    problems = [exponential_jobs(MEANS, n, seed) for seed in range(seeds)]
    first = sum(float(simulate(each, shortest_mean_first(MEANS), record=False).cost(each)) for each in problems) / seeds
    best = sum(map(optimal_cost, problems)) / seeds
    pairs = n * (n - 1) / 2
    assert first == pytest.approx(0.25 * n * (n + 1) / 2 + 0.25 * n * n + n * (n + 1) / 2, rel=0.03)
    assert best == pytest.approx(pairs * (0.125 + 0.5) + n * n / 5 + 1.25 * n, rel=0.03)


def test_ratios_are_the_published_ones() -> None:
    """Merlis et al. (2023), two types of ten jobs; 120 seeds leave a few hundredths of noise."""
    published = {"ETC-U": 2.105, "ETC-RR": 1.717, "UCB-U": 1.751, "UCB-RR": 1.642, "RR": 1.793, "FTPP": 1.551}
    found = ratios(10, 120)
    assert {name: abs(found[name] - value) < 0.06 for name, value in published.items()} == dict.fromkeys(
        published, True
    )
    assert all(found["FTPP"] <= value for value in found.values())


def test_the_order_of_the_rules_is_the_published_one() -> None:
    """At 46 jobs of each type."""
    found = ratios(46, 8)
    ordered = sorted(("UCB-RR", "UCB-U", "ETC-RR", "RR", "ETC-U"), key=lambda name: found[name])
    assert ordered == ["UCB-RR", "UCB-U", "ETC-RR", "RR", "ETC-U"]


@pytest.mark.parametrize("name", rules(1))
def test_every_rule_makes_a_valid_run(name: str) -> None:
    """With three jobs of each type, and with one."""
    for n in (1, 3):
        problem = exponential_jobs(MEANS, n, 5)
        run = simulate(problem, rules(n)[name])
        assert check_run(problem, run) == []
        if name in ("ETC-U", "UCB-U", "LSEPT", "FTPP"):  # no preemption: each job in one piece
            assert len(run.pieces) == 2 * n


def test_slices_found_at_once_are_those_played_one_by_one() -> None:
    """Asking again after every slice changes nothing."""
    problem = exponential_jobs(MEANS, 4, 3)
    jumping = simulate(problem, ucb_rr(2, 4, 0.05))
    careful = ucb_rr(2, 4, 0.05)

    def step(view):  # type: ignore[no-untyped-def]
        rates = careful(view)
        return type(rates)(rates.shares, min(rates.until, view.time + 0.05))

    assert simulate(problem, step).completion == pytest.approx(jumping.completion)


def test_quantiles_of_chi_squared() -> None:
    """Two degrees of freedom in closed form, four and ten from tables."""
    assert chi_squared_quantile(1, 0.05) == pytest.approx(-2 * math.log(0.05))
    assert chi_squared_quantile(2, 0.05) == pytest.approx(9.4877, abs=1e-4)
    assert chi_squared_quantile(5, 0.01) == pytest.approx(23.2093, abs=1e-4)


def test_types_come_in_a_random_order() -> None:
    """As many of each, the same for the same seed."""
    one, two = exponential_jobs(MEANS, 30, 1), exponential_jobs(MEANS, 30, 1)
    assert one.kind == two.kind and sorted(one.kind) == [0] * 30 + [1] * 30 != one.kind
    assert np.mean([s for s, k in zip(one.size, one.kind, strict=True) if k == 0]) < 0.5
