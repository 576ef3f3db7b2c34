"""Moves per second of the improvement batch, and what its baselines reach on ta01 to ta10.

    python benchmarks/improvement_moves.py

Moves: random legal ones with their listing, in 256 rows of ta01 on one core, by processor time. Baselines: N5 from
FDD/MWKR, mean gap to the best known makespans over SEEDS seeds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from makespan.envs.improvement_baselines import (
    WALK,
    Chances,
    best_improvement,
    first_improvement,
    greedy,
    random_moves,
)
from makespan.envs.improvement_batch import NEIGHBOURHOODS, ImprovementBatch
from makespan.instances.bounds import best_known
from makespan.instances.sets import load

ROWS, STEPS, SECONDS, SEEDS = 256, 500, 3.0, 3


def moves_per_second(neighbourhood: str) -> float:
    """Moves of all rows over the processor time of stepping alone."""
    batch = ImprovementBatch([load("ta01")], ROWS, neighbourhood=neighbourhood, steps=STEPS)
    chances = Chances(batch, 0)
    batch.step(chances.candidate())
    spent, moves = 0.0, 0
    while spent < SECONDS:
        if batch.is_over.any():
            batch.reset(batch.is_over)
        action = chances.candidate()
        begin = time.process_time()
        batch.step(action)
        spent += time.process_time() - begin
        moves += ROWS
    return moves / spent


def main() -> None:
    for neighbourhood in NEIGHBOURHOODS:
        print(f"{neighbourhood}: {moves_per_second(neighbourhood):,.0f} moves/s")
    instances = [load(f"ta{k:02}") for k in range(1, 11)]
    bounds = [best_known(each.name) for each in instances]
    known = np.array([bound.upper_bound for bound in bounds if bound is not None])
    plays: dict[str, Callable[[ImprovementBatch, int], None]] = {
        "random": random_moves,
        "greedy": lambda batch, seed: greedy(batch),
        "first_improvement": first_improvement,
        "best_improvement": best_improvement,
        "first_improvement, walk": partial(first_improvement, restart=WALK),
        "best_improvement, walk": partial(best_improvement, restart=WALK),
    }
    for steps in (500, 5000):
        for name, play in plays.items():
            gaps = []
            begin = time.process_time()
            for seed in range(SEEDS):
                batch = ImprovementBatch(instances, steps=steps)
                play(batch, seed)
                gaps.append(100 * float((batch.measure("incumbent") / known - 1).mean()))
            seconds = (time.process_time() - begin) / SEEDS
            each = ", ".join(f"{gap:.1f}" for gap in gaps)
            print(f"{name}, {steps} steps: {np.mean(gaps):.1f} % ({each}) in {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
