"""A network beside rules and search on generated instances that no network was trained on, with intervals.

    python benchmarks/policy_validation.py jsp --instances uniform,jobs=10..30,machines=5..20 --count 1000

Prints mean gaps to the first lower bound of each instance, and paired differences to greedy decoding, both with 95 %
bootstrap intervals over instances. Instances are those of ``policies/validation.py`` from number ``--first`` on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from makespan.instances.instance import Instance
from makespan.policies import checkpoint, zoo
from makespan.policies.decode import Decoder
from makespan.policies.episodes import greedy, play
from makespan.policies.labels import Recipe
from makespan.policies.problems import problem_named
from makespan.policies.validation import SEED
from makespan.policies.views import view_of
from makespan.solvers.api import Budget, solve

AT_ONCE = 250
"""Instances that are played side by side."""


def interval(values: NDArray[np.float64], random: np.random.Generator) -> tuple[float, float, float]:
    """Mean and 95 % bootstrap interval."""
    means = random.choice(values, (2000, values.size)).mean(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(values.mean()), float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a name that makespan models lists, or a file")
    parser.add_argument("--instances", action="append", required=True, help="generator spec; may be given again")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=10_000, help="number of the first instance")
    parser.add_argument("--solvers", default="rule:mwkr,rule:fdd_mwkr", help="specs with one schedule each, with ;")
    parser.add_argument("--samples", type=int, default=0, help="also the best of so many samples")
    parser.add_argument("--low", type=float, default=0.05, help="temperature of the first sample")
    parser.add_argument("--high", type=float, default=0.3, help="of the last")
    parser.add_argument("--refresh-every", type=int, action="append", help="also greedy with this; may be given again")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    model, card, _ = checkpoint.load(zoo.path_of(given.model))
    recipe = Recipe(card.problem, tuple(given.instances), seed=SEED)
    instances = [recipe.instance(given.first + i) for i in range(given.count)]
    problem, random = problem_named(card.problem), np.random.default_rng(0)
    bound = np.concatenate(
        [
            np.maximum(1, problem.batch(instances[low : low + AT_ONCE], None, 1).measure("lower_bound"))
            for low in range(0, given.count, AT_ONCE)
        ]
    )

    def one_by_one(value: Callable[[Instance], int | None]) -> NDArray[np.float64]:
        return np.array([value(each) for each in instances], np.float64)

    def decoded(instance: Instance, samples: bool) -> int:
        decoder = Decoder(model, card, instance, threads=given.threads)
        if not samples:
            found = decoder.greedy(True, lambda: False)
            assert found is not None
            return int(found.schedule.end(instance).max())
        drawn = decoder.samples(given.samples, (given.low, given.high), True, lambda: False)
        return min(int(each.schedule.end(instance).max()) for each in drawn)

    results, seconds = dict[str, NDArray[np.float64]](), dict[str, float]()
    for refresh in [card.refresh_every, *(given.refresh_every or ())]:
        name = "greedy" if refresh == card.refresh_every else f"greedy, refresh_every={refresh}"
        began, parts = time.perf_counter(), []
        for low in range(0, given.count, AT_ONCE):
            batch = problem.batch(instances[low : low + AT_ONCE], None, given.threads)
            play(model, view_of(batch), greedy, refresh)
            parts.append(batch.measure("makespan"))
        results[name], seconds[name] = np.concatenate(parts).astype(np.float64), time.perf_counter() - began
    ways: dict[str, Callable[[Instance], int | None]] = {"both": lambda each: decoded(each, False)}
    if given.samples:
        ways[f"{given.samples} samples"] = lambda each: decoded(each, True)
    for spec in given.solvers.split(";"):
        ways[spec] = lambda each, spec=spec: solve(each, spec, Budget(iterations=1), threads=1).objective  # type: ignore[misc]
    for name, way in ways.items():
        began = time.perf_counter()
        results[name], seconds[name] = one_by_one(way), time.perf_counter() - began
    print(f"{given.count} instances of {'; '.join(given.instances)} from number {given.first} on")
    print("| method | gap to the lower bound, % | greedy less this, points | seconds per instance |")
    print("|---" * 4 + "|")
    for name, found in results.items():
        gap = "{:.2f} [{:.2f}, {:.2f}]".format(*interval(100 * (found / bound - 1), random))
        less = "{:+.2f} [{:+.2f}, {:+.2f}]".format(*interval(100 * (results["greedy"] - found) / bound, random))
        print(f"| {name} | {gap} | {less} | {seconds[name] / given.count:.4f} |")


if __name__ == "__main__":
    main()
