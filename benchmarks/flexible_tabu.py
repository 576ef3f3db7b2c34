"""Flexible job shop tabu: moves per second of processor time, and gaps to the best known makespans.

    python benchmarks/flexible_tabu.py speed [-o FILE.csv]
    python benchmarks/flexible_tabu.py gaps [--sets mk,edata,rdata,vdata,dauzere,behnke] [--every 1]
        [--seconds 60] [--threads 2] [--seeds 1] [--solver flexible_tabu] [-o FILE.csv]

Speeds are measured on generated shops, kernels compiled before. Gaps are in per cent above the best known makespan; one
row per run, then the mean of each set.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from makespan.instances.bounds import best_known, gap
from makespan.instances.generators import generate
from makespan.instances.sets import load
from makespan.solvers.api import solve
from makespan.solvers.flexible_tabu import FlexibleTabu
from makespan.solvers.stage import Budget, Context

LA = [f"la{i:02d}" for i in range(1, 41)]
SETS = {
    "mk": [f"mk{i:02d}" for i in range(1, 11)],
    "edata": [f"edata/{name}" for name in LA],
    "rdata": [f"rdata/{name}" for name in LA],
    "vdata": [f"vdata/{name}" for name in LA],
    "dauzere": [f"{i:02d}a" for i in range(1, 19)],
    "behnke": [f"behnke{i}" for i in range(1, 61)],
}
SHOPS = ((10, 6, 5, 7, 3), (15, 10, 10, 10, 3), (15, 10, 10, 10, 8), (20, 10, 15, 25, 9), (100, 60, 5, 5, 30),
         (100, 60, 60, 70, 5))  # fmt: skip
"""Jobs, machines, fewest and most operations of a job, most alternatives."""


def main() -> None:
    parser = argparse.ArgumentParser(description="flexible job shop tabu: speed and gaps")
    parser.add_argument("what", choices=("speed", "gaps"))
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--every", type=int, default=1, help="take every n-th instance of a set")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--solver", default="flexible_tabu")
    arguments = parser.parse_args()
    FlexibleTabu().warm()
    rows: list[dict[str, Any]] = []
    for row in speeds() if arguments.what == "speed" else gaps(arguments):
        rows.append(row)
        print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    if arguments.what == "gaps":
        for name in arguments.sets.split(","):
            of_set = [row["gap"] for row in rows if row["set"] == name and row["gap"] is not None]
            print(f"{name}: mean gap {np.mean(of_set):.3f} % over {len(of_set)} runs")
    if arguments.output and rows:
        with arguments.output.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def speeds() -> Iterator[dict[str, Any]]:
    """One search of 20,000 moves from the best rule schedule on each generated shop."""
    for jobs, machines, fewest, most, alternatives in SHOPS:
        instance = generate(
            "flexible", jobs=jobs, machines=machines, seed=1, min_operations=fewest, max_operations=most,
            max_alternatives=alternatives, max_duration=99,
        )  # fmt: skip
        context = Context(instance, Budget(iterations=20_000), 0, 1)
        begin = time.process_time()
        FlexibleTabu().run(instance, context)
        seconds = time.process_time() - begin
        yield {
            "jobs": jobs,
            "machines": machines,
            "operations": instance.num_tasks,
            "modes": instance.num_modes,
            "moves_per_second": round(context.iterations / seconds),
        }


def gaps(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for name in arguments.sets.split(","):
        for instance_name in SETS[name][:: arguments.every]:
            instance, bound = load(instance_name), best_known(instance_name)
            for seed in range(1, arguments.seeds + 1):
                budget = Budget(seconds=arguments.seconds)
                result = solve(instance, arguments.solver, budget, seed=seed, threads=arguments.threads)
                assert result.objective is not None
                excess = gap(result.objective, bound)
                yield {
                    "set": name,
                    "instance": instance_name,
                    "solver": arguments.solver,
                    "seed": seed,
                    "threads": arguments.threads,
                    "limit": arguments.seconds,
                    "seconds": round(result.seconds, 2),
                    "iterations": result.iterations,
                    "objective": result.objective,
                    "best_known": bound.upper_bound if bound else None,
                    "gap": None if excess is None else round(100 * excess, 3),
                }


if __name__ == "__main__":
    main()
