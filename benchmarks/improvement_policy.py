"""Learned moves beside simple ones, and beside tabu search in the same time, on generated job shops.

    python benchmarks/improvement_policy.py improve --instances uniform,jobs=10,machines=10 --moves 500

Every method begins with FDD/MWKR inserted into gaps. Gaps are those of the best schedule on the way over the first
lower bound, with 95 % bootstrap intervals over instances, which no network was trained on. The network plays one
instance at a time, as ``policy:improve`` does; its seconds are the budget of tabu search.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from makespan.envs.improvement_baselines import best_improvement, first_improvement, greedy, random_moves
from makespan.envs.improvement_batch import ImprovementBatch
from makespan.eval.statistics import bootstrap_interval
from makespan.policies import checkpoint, zoo
from makespan.policies.improvement import lower_bound
from makespan.policies.improvement_episodes import improve
from makespan.policies.labels import Recipe
from makespan.policies.sampling import sampler
from makespan.policies.validation import SEED
from makespan.solvers.api import Budget, solve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a name that makespan models lists, or a file")
    parser.add_argument("--instances", action="append", required=True, help="generator spec; may be given again")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--first", type=int, default=10_000, help="number of the first instance")
    parser.add_argument("--moves", type=int, default=500)
    given = parser.parse_args()
    torch.set_num_threads(1)
    model, _, _ = checkpoint.load(zoo.path_of(given.model))
    recipe = Recipe("improve", tuple(given.instances), seed=SEED)
    instances = [recipe.instance(given.first + i) for i in range(given.count)]
    bound = lower_bound(ImprovementBatch(instances))

    def learned(batch: ImprovementBatch) -> None:
        for _ in improve(model, batch, sampler(np.arange(batch.num_rows), 1.0, 0, 10)):
            pass

    plays: dict[str, Callable[[ImprovementBatch], None]] = {
        "FDD/MWKR with insertion": lambda batch: None,
        "random moves": random_moves,
        "least makespan": greedy,
        "first improvement": first_improvement,
        "best improvement": best_improvement,
        f"policy:{given.model}": learned,
    }
    found, seconds = dict[str, NDArray[np.float64]](), dict[str, float]()
    for name, play in plays.items():
        value, began = [], time.perf_counter()
        for instance in instances:
            batch = ImprovementBatch([instance], steps=given.moves)
            play(batch)
            value.append(batch.measure("incumbent")[0])
        found[name], seconds[name] = np.array(value, np.float64), (time.perf_counter() - began) / given.count
    budget = Budget(seconds=seconds[f"policy:{given.model}"])
    solve(instances[0], "tabu", Budget(iterations=1))  # compiles
    found["tabu"] = np.array([solve(each, "tabu", budget, threads=1).objective for each in instances], np.float64)
    seconds["tabu"] = budget.seconds or 0.0
    print(f"{given.count} instances of {'; '.join(given.instances)} from number {given.first} on, {given.moves} moves")
    print("| method | gap to the lower bound, % | seconds per instance |")
    print("|---" * 3 + "|")
    for name, value_of in found.items():
        gap = 100 * (value_of / bound - 1)
        low, high = bootstrap_interval(gap)
        print(f"| {name} | {gap.mean():.2f} [{low:.2f}, {high:.2f}] | {seconds[name]:.3f} |")


if __name__ == "__main__":
    main()
