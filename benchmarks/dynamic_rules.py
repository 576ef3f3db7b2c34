"""Priority rules in simulated shops that break down, with and without buffers; and the speed of the simulation.

    python benchmarks/dynamic_rules.py [--instances la01 …] [--breakdown 0.1] [--seeds 20]

Prints a table: for each rule the mean makespan over instances and seeds and the mean excess in per cent over the best
known makespan of the undisturbed shop with buffers; then decisions per second of one thread, kernels warm: rules on
10x10 shops without blocking, all decisions asked.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.dynamic_rules import DYNAMIC_RULES, DynamicRule
from makespan.envs.rows import draw
from makespan.envs.scenario import Scenario
from makespan.instances.bounds import best_known
from makespan.instances.generators import generate
from makespan.instances.sets import load
from makespan.solvers.kernels import dynamic_layout as layout

LAWRENCE = [f"la{number:02}" for number in range(1, 21)]
SETTINGS: dict[str, dict[str, Any]] = {
    "buffers": {"blocking": False},
    "buffers, interrupted": {"blocking": False, "interrupt": True},
    "blocking": {"blocking": True},
    "blocking, interrupted": {"blocking": True, "interrupt": True},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", nargs="+", default=LAWRENCE)
    parser.add_argument("--breakdown", type=float, default=0.1)
    parser.add_argument("--seeds", type=int, default=20)
    arguments = parser.parse_args()
    instances = [load(name) for name in arguments.instances]
    best = np.array([_best(name) for name in arguments.instances])
    number = len(instances)
    print("rule", *SETTINGS, sep=" | ")
    for rule in DYNAMIC_RULES:
        cells = []
        for setting in SETTINGS.values():
            scenario = Scenario(breakdown=arguments.breakdown, **setting)
            batch = DynamicBatch(instances, scenario, number * arguments.seeds)
            batch.reset(seed=np.arange(batch.num_rows) // number)
            DynamicRule(batch, rule).play()
            value = batch.measure("makespan").reshape(-1, number)
            cells.append(f"{value.mean():.0f} ({100 * (value / best - 1).mean():.1f})")
        print(rule, *cells, sep=" | ")
    for rows in (1, 256):
        print(f"{rows} rows: {_speed(rows):,.0f} decisions/s stepped, {_replay_speed(rows):,.0f} replayed")


def _best(name: str) -> int:
    found = best_known(name)
    if found is None or found.upper_bound is None:
        raise ValueError(f"{name}: found no best known makespan")
    return found.upper_bound


def _shops(rows: int) -> DynamicBatch:
    shops = [generate("uniform", jobs=10, machines=10, seed=seed) for seed in range(rows)]
    return DynamicBatch(shops, Scenario(breakdown=0.1, duration_spread=0.2), forced="ask")


def _speed(rows: int, seconds: float = 2.0) -> float:
    """Steps with random actions, the draw of actions included."""
    batch, random = _shops(rows), np.random.default_rng(0)
    decisions, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        if batch.is_over.all():
            batch.reset()
        decisions += int(np.count_nonzero(batch.count))
        batch.step(draw(random, batch.count))
    return decisions / (time.perf_counter() - begin)


def _replay_speed(rows: int, seconds: float = 2.0) -> float:
    """Whole episodes in one call."""
    batch = _shops(rows)
    action = np.full((rows, 100), 0)
    batch.replay(action)
    decisions, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        batch.replay(action)
        decisions += int(batch.state[:, layout.DECISIONS].sum())
    return decisions / (time.perf_counter() - begin)


if __name__ == "__main__":
    main()
