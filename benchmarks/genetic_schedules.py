"""Genetic search on projects: deviations after given numbers of schedules, and schedules per second on one core.

    python benchmarks/genetic_schedules.py [--set j120] [--every 10] [--schedules 1000,5000,50000] [-o FILE.csv]

One row per instance and number of schedules; the means follow on standard error. Deviations in per cent: from the
critical path (no resources) and from the best known makespan, which for j30 is the optimum. Seconds are processor time
of the one thread, without compiling and reading. ``--every K`` takes every K-th instance of the set, which for K = 10
and the sets of PSPLIB are those named ``*_1``. ``--threads`` and ``--seconds`` measure by the clock instead.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from typing import TextIO

import numpy as np

from makespan.instances.bounds import best_known
from makespan.instances.instance import Instance
from makespan.instances.project_view import project_view
from makespan.instances.sets import load_set
from makespan.solvers.genetic import Genetic
from makespan.solvers.kernels.project_state import new_project
from makespan.solvers.project_rules import Network
from makespan.solvers.stage import Budget, Context

FIELDS = (
    "instance",
    "budget",
    "seed",
    "threads",
    "makespan",
    "critical_path",
    "best_known",
    "schedules",
    "processor_seconds",
)


def main() -> None:
    parser = argparse.ArgumentParser(description="genetic search: deviations and schedules per second")
    parser.add_argument("--set", default="j120")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--schedules", default="1000,5000")
    parser.add_argument("--seconds", type=float, help="a limit by the clock instead of a number of schedules")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=argparse.FileType("w"), default=sys.stdout)
    arguments = parser.parse_args()
    budgets = [Budget(iterations=int(number)) for number in arguments.schedules.split(",")]
    if arguments.seconds is not None:
        budgets = [Budget(seconds=arguments.seconds)]
    Genetic().warm()
    instances = load_set(arguments.set)[:: arguments.every]
    run(instances, budgets, arguments.seed, arguments.threads, arguments.output)


def run(instances: list[Instance], budgets: list[Budget], seed: int, threads: int, output: TextIO) -> None:
    """One row per budget and instance, written as soon as it is known."""
    table = csv.DictWriter(output, FIELDS, lineterminator="\n")
    table.writeheader()
    for budget in budgets:
        rows = [row_of(instance, budget, seed, threads) for instance in instances]
        table.writerows(rows)
        output.flush()
        makespan, path, known, schedules, seconds = (
            np.array([row[name] for row in rows], np.float64) for name in FIELDS[4:]
        )
        print(
            f"{rows[0]['budget']}: {len(rows)} instances, {100 * np.mean(makespan / path - 1):.2f} % above the critical"
            f" path, {100 * np.mean(makespan / known - 1):.2f} % above the best known,"
            f" {np.mean(makespan <= known):.1%} reached, {schedules.sum() / seconds.sum():.0f} schedules/s",
            file=sys.stderr,
        )


def row_of(instance: Instance, budget: Budget, seed: int, threads: int) -> dict[str, object]:
    """One run."""
    context = Context(instance, budget, seed, threads)
    known = best_known(instance)
    assert known is not None and known.upper_bound is not None
    begun = time.process_time()
    context.start_clock()
    Genetic().run(instance, context)
    seconds = time.process_time() - begun
    assert context.objectives is not None
    return {
        "instance": instance.name,
        "budget": f"{budget.seconds:g} s" if budget.iterations is None else f"{budget.iterations} schedules",
        "seed": seed,
        "threads": threads,
        "makespan": context.objectives[0],
        "critical_path": critical_path(instance),
        "best_known": known.upper_bound,
        "schedules": context.iterations,
        "processor_seconds": round(seconds, 3),
    }


def critical_path(instance: Instance) -> int:
    """Length of the longest path without resources."""
    view = project_view(instance)
    return Network(instance, new_project(view, view.mode_ptr[:-1])).length


if __name__ == "__main__":
    main()
