"""A network beside priority rules and rolling plans in a simulated job shop with due dates.

    python benchmarks/dynamic_policy.py dynamic [-o rows.csv] [--rolling anneal --plans 50]

The shop: jobs like those of a generated 10x10 shop come at random and keep the busiest machine at work for 90 per cent
of the time, due at twice their planned work after they came; machines fail and are repaired (95 per cent available);
the tardiness of the first 30 of 150 jobs does not count. Every method meets the same 200 shops and events. The best
rule is chosen on 200 others. Prints mean tardiness with 95 % bootstrap intervals, the paired difference to the best
rule, and p-values of Wilcoxon's signed rank test against every rule, corrected after Holm.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.dynamic_rules import DYNAMIC_RULES, DynamicRule
from makespan.envs.dynamic_schedule import operations
from makespan.envs.rolling import RollingPlan
from makespan.envs.scenario import Scenario
from makespan.eval.statistics import bootstrap_interval, holm, wilcoxon
from makespan.policies import checkpoint, zoo
from makespan.policies.episodes import greedy, play
from makespan.policies.labels import Recipe
from makespan.policies.validation import SEED
from makespan.policies.views import view_of
from makespan.solvers.api import Budget
from makespan.solvers.kernels import dynamic_layout as layout

INSTANCES = "uniform,jobs=10,machines=10"
UP_TIME, REPAIR = 1900.0, 100.0
WARM_UP, JOBS = 30, 150
CHOICE, TEST = 20_000, 30_000
"""Numbers of the first shops and seeds, apart from those of any training or validation."""


def shops(first: int, count: int, utilisation: float, tightness: float) -> DynamicBatch:
    """A shop per row, each with a seed of its own."""
    recipe = Recipe("dynamic", (INSTANCES,), seed=SEED)
    scenario = Scenario(
        jobs="templates",
        num_jobs=JOBS,
        utilisation=utilisation,
        due_tightness=tightness,
        up_time=UP_TIME,
        repair=REPAIR,
    )
    batch = DynamicBatch([recipe.instance(first + i) for i in range(count)], scenario)
    batch.reset(seed=first + np.arange(count))
    return batch


def tardiness(batch: DynamicBatch) -> NDArray[np.float64]:
    """Shape (rows,): mean tardiness of the jobs that came after the warm-up."""
    found = []
    for row in range(batch.num_rows):
        jobs, _ = operations(batch, row)
        counted = np.argsort(jobs[:, layout.ARRIVAL], kind="stable")[WARM_UP:]
        found.append(np.maximum(0, jobs[counted, layout.DONE] - jobs[counted, layout.DUE]).mean())
    return np.array(found)


def interval(values: NDArray[np.float64]) -> str:
    """Mean and 95 % bootstrap interval."""
    low, high = bootstrap_interval(values)
    return f"{values.mean():.1f} [{low:.1f}, {high:.1f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="+", help="names that makespan models lists, or files")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--utilisation", type=float, default=0.9)
    parser.add_argument("--tightness", type=float, default=2.0)
    parser.add_argument("--rolling", action="append", default=[], help="spec that plans; may be given again")
    parser.add_argument("--plan-seconds", type=float, default=0.05)
    parser.add_argument("--plans", type=int, default=20, help="shops that rolling plans play: the first so many")
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    setting = given.utilisation, given.tightness
    rules = [name for name in DYNAMIC_RULES if name != "random"]

    def played(first: int, count: int, player: Callable[[DynamicBatch], object]) -> NDArray[np.float64]:
        batch = shops(first, count, *setting)
        player(batch)
        return tardiness(batch)

    def by_network(name: str) -> Callable[[DynamicBatch], object]:
        model, card, _ = checkpoint.load(zoo.path_of(name))

        def player(batch: DynamicBatch) -> None:
            play(model, view_of(batch), greedy, card.refresh_every)

        return player

    torch.set_num_threads(2)
    chosen = {rule: played(CHOICE, given.seeds, lambda b, r=rule: DynamicRule(b, r).play()).mean() for rule in rules}  # type: ignore[misc]
    best = min(chosen, key=lambda rule: float(chosen[rule]))
    found = {rule: played(TEST, given.seeds, lambda b, r=rule: DynamicRule(b, r).play()) for rule in rules}  # type: ignore[misc]
    for name in given.model:
        found[f"policy:{name}"] = played(TEST, given.seeds, by_network(name))
    budget = Budget(seconds=given.plan_seconds)
    for spec in given.rolling:
        found[f"rolling {spec}"] = played(TEST, given.plans, lambda b, s=spec: RollingPlan(b, s, budget).play())  # type: ignore[misc]
    print(f"mean tardiness of {given.seeds} shops, load {setting[0]:g}, due at {setting[1]:g} times the work")
    print(f"best rule on {given.seeds} other shops: {best}\n")
    for name in given.model:
        own = found[f"policy:{name}"]
        tests = np.array([wilcoxon(own - found[rule]) for rule in rules])
        worst = dict(zip(rules, holm(tests), strict=True))
        print(f"| method | mean tardiness | less than {best}, % | p of policy:{name} against it (Holm) |")
        print("|---|---|---|---|")
        for method, value in sorted(found.items(), key=lambda item: item[1].mean()):
            other = found[best][: value.size]
            less = 100 * (1 - value.mean() / other.mean())
            chance = f"{worst[method]:.2g}" if method in worst else "–"
            note = f" (first {value.size})" if value.size < given.seeds else ""
            print(f"| {method}{note} | {interval(value)} | {less:+.2f} | {chance} |")
    if given.output is not None:
        with given.output.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("method", "shop", "mean_tardiness"))
            writer.writerows((name, i, f"{v:.4f}") for name, value in found.items() for i, v in enumerate(value))


if __name__ == "__main__":
    main()
