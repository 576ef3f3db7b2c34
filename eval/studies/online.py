"""Studies of online scheduling: ratios of policies to the offline optimum or its bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from makespan.envs.online import precedence as known_weights
from makespan.envs.online import speeds as known_speeds
from makespan.envs.online import stochastic
from makespan.envs.online.offline import completion_bound, horn, list_cost
from makespan.envs.online.simulator import OnlineProblem, Policy, simulate
from makespan.eval.studies import Row

SIGMAS = (0.0, 0.25, 1.0, 2.0)
SWAPS = (0, 1, 4, 16)
CHAINS = (2, 8, 32)
FOREST_JOBS = 30


def chains(count: int, seed: int) -> OnlineProblem:
    """``count`` chains of U{1..10} jobs, sizes U{1..100}, weights U{1..10}."""
    rng = np.random.default_rng(seed)
    predecessors: list[Sequence[int]] = []
    for length in rng.integers(1, 11, size=count).tolist():
        predecessors += [() if not i else (len(predecessors) + i - 1,) for i in range(length)]
    return _with_sizes(rng, predecessors)


def out_forest(jobs: int, seed: int) -> OnlineProblem:
    """The predecessor of a job is uniform among those before it, or there is none (chance 0.05)."""
    rng = np.random.default_rng(seed)
    predecessors = [() if not job or rng.random() < 0.05 else (int(rng.integers(job)),) for job in range(jobs)]
    return _with_sizes(rng, predecessors)


def hidden_weight(count: int) -> OnlineProblem:
    """``count`` chains of two jobs of sizes 1 and 0.01; all weight lies on the second job of the last chain: the case
    in which no policy without predictions can do well."""
    predecessors: list[Sequence[int]] = [() if not job % 2 else (job - 1,) for job in range(2 * count)]
    weight = [0.0] * (2 * count)
    weight[-1] = 1.0
    return OnlineProblem([1.0, 0.01] * count, weight, predecessors=predecessors)


def _with_sizes(rng: np.random.Generator, predecessors: Sequence[Sequence[int]]) -> OnlineProblem:
    jobs = len(predecessors)
    size = rng.integers(1, 101, size=jobs).astype(float).tolist()
    return OnlineProblem(size, rng.integers(1, 11, size=jobs).tolist(), predecessors=predecessors)


def precedence(seeds: int, small: bool) -> Iterator[Row]:
    """Chains, out-forests and the hard case; errors of the predictions grow with sigma."""
    families: dict[str, Callable[[int], OnlineProblem]] = {
        **{f"{count} chains": partial(chains, count) for count in CHAINS},
        f"out-forest {FOREST_JOBS}": partial(out_forest, FOREST_JOBS),
    }
    for family, draw in families.items():
        for seed in range(max(1, seeds // 4) if small else seeds):
            yield from _precedence_rows(family, draw(seed), seed, SIGMAS)
    for count in (2, 4, 8, 16, 32, 64):
        yield from _precedence_rows(f"hidden weight {count}", hidden_weight(count), 0, (0.0,))


def _precedence_rows(family: str, problem: OnlineProblem, seed: int, sigmas: Sequence[float]) -> Iterator[Row]:
    best = horn(problem)
    optimum = float(list_cost(problem, best))
    behind = known_weights.descendant_weight(problem)

    def row(sigma: float | None, name: str, policy: Policy) -> Row:
        cost = float(simulate(problem, policy, record=False).cost(problem))
        error = "-" if sigma is None else f"{sigma:g}"
        return {"family": family, "sigma": error, "policy": name, "seed": seed, "value": cost, "reference": optimum}

    yield row(None, "round robin", known_weights.round_robin())
    yield row(None, "weighted round robin", known_weights.weighted_round_robin())
    for number, sigma in enumerate(sigmas):
        guess = known_weights.distorted(behind, sigma, 3 * seed)
        yield row(sigma, "weight prediction", known_weights.weight_prediction(guess))
        yield row(sigma, "weight order", known_weights.weight_order(guess))
        yield row(sigma, "average prediction", known_weights.weight_prediction(_means(problem, guess)))
        swapping = known_weights.adaptive_weight_order(behind, SWAPS[number], seed)
        yield row(None, f"adaptive order, {SWAPS[number]} swaps", swapping)
        sizes = known_weights.distorted(problem.size, sigma, 3 * seed + 1)
        weights = known_weights.distorted(problem.weight, sigma, 3 * seed + 2)
        planned = horn(OnlineProblem(sizes, weights, predecessors=problem.predecessors))
        yield row(sigma, "list of the predicted input", known_weights.follow_list(planned))
        half = known_weights.time_sharing(known_weights.weight_prediction(guess), known_weights.round_robin())
        yield row(sigma, "half weight prediction, half round robin", half)


def _means(problem: OnlineProblem, behind: Sequence[float]) -> list[float]:
    """The predicted weight behind each job over the true number of jobs there, itself included."""
    counts = known_weights.descendant_weight(OnlineProblem(problem.size, predecessors=problem.predecessors))
    return [float(weight / count) for weight, count in zip(behind, counts, strict=True)]


def speeds(seeds: int, small: bool) -> Iterator[Row]:
    """Four machines, 40 jobs; weighted flow time, which the release dates do not hide. The bound on it is a row too."""
    families = {"two classes": known_speeds.two_classes, "unrelated": known_speeds.unrelated}
    for family, draw in families.items():
        for load in (0.9,) if small else (0.7, 0.9):
            for seed in range(max(1, seeds // 4) if small else seeds):
                problem = draw(4, 40, load, seed)
                yield from _speed_rows(family, load, problem, seed)


def _speed_rows(family: str, load: float, problem: OnlineProblem, seed: int) -> Iterator[Row]:
    waiting = float(sum(w * r for w, r in zip(problem.weight, problem.release, strict=True)))
    mean = [sum(float(value) for value in row) for row in problem.speed]
    order = sorted(range(problem.num_machines), key=lambda machine: -mean[machine])
    exact = known_speeds.greedy_density(problem.size, problem.speed)
    reference = float(simulate(problem, exact, record=False).cost(problem)) - waiting

    def row(sigma: str, name: str, flow: float) -> Row:
        setting = {"family": family, "load": load, "sigma": sigma, "policy": name}
        return {**setting, "seed": seed, "value": flow, "reference": reference}

    def played(sigma: str, name: str, policy: Policy) -> Row:
        return row(sigma, name, float(simulate(problem, policy, record=False).cost(problem)) - waiting)

    yield row("-", "lower bound", completion_bound(problem) - waiting)
    yield played("-", "ordered density", known_speeds.ordered_density(problem.size, order))
    yield played("-", "ordered round robin", known_speeds.ordered_round_robin(order))
    for sigma in SIGMAS:
        guess = known_speeds.distorted_speeds(problem.speed, sigma, seed)
        yield played(f"{sigma:g}", "greedy density", known_speeds.greedy_density(problem.size, guess))
        yield played(f"{sigma:g}", "min increase", known_speeds.min_increase(problem.size, guess))
        yield played(f"{sigma:g}", "proportional fairness", known_speeds.proportional_fairness(guess))


def means(seeds: int, small: bool) -> Iterator[Row]:
    """Two types with means 0.25 and 1, by the number of jobs of each; then 50 jobs each and other first means."""
    settings = [(n, (0.25, 1.0)) for n in ((10, 46) if small else (10, 46, 100))]
    settings += [(50, (first, 1.0)) for first in (0.01, 0.05, 0.1, 0.3, 0.6, 0.8, 0.9, 0.95, 1.0) if not small]
    for n, pair in settings:
        for seed in range(seeds if n != 50 else max(1, seeds // 4)):
            problem = stochastic.exponential_jobs(pair, n, seed)
            optimum = stochastic.optimal_cost(problem)
            for name, policy in _learning_rules(n, pair).items():
                cost = float(simulate(problem, policy, record=False).cost(problem))
                setting = {"jobs": n, "first_mean": pair[0], "policy": name}
                yield {**setting, "seed": seed, "value": cost, "reference": optimum}


def _learning_rules(n: int, means: tuple[float, float]) -> dict[str, Policy]:
    return {
        "ETC-U": stochastic.etc_u(2, n),
        "ETC-RR": stochastic.etc_rr(2, n),
        "UCB-U": stochastic.ucb_u(2, n),
        "UCB-RR": stochastic.ucb_rr(2, n, min(means) / 20),
        "LSEPT": stochastic.lsept(2),
        "RR": known_weights.round_robin(),
        "FTPP": stochastic.shortest_mean_first(means),
    }
