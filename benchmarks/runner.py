"""What the benchmark runner costs, and how well two workers share the work.

    python benchmarks/runner.py overhead [--runs 200]
    python benchmarks/runner.py scaling [--runs 60] [--iterations 300000]

``overhead``: one worker, short runs on instances of several sizes. The cost of a run is the time from one row to the
next beyond what the solver took (its clock and its preparation); the target is 20 ms. ``scaling``: the same runs with a
budget of iterations by one worker and by two, each with its own cores; the target is 1.9 times as fast. The workers'
start, once per benchmark, is not counted: they have played one run each before.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, median
from time import perf_counter

from makespan.eval.benchmark import Task, compile_solvers, plan, run_tasks
from makespan.eval.machine import hardware
from makespan.eval.store import Run, Store
from makespan.eval.suite import Limits, Suite
from makespan.solvers.api import Budget

SIZES = ("@ft06", "@la31", "@ta71", "@tai_100_100_1")


def tasks_of(solver: str, instance: str, iterations: int, runs: int) -> list[Task]:
    """The same run with many seeds."""
    limits = Limits(Budget(iterations=iterations))
    return plan(Suite("runner", (solver,), (instance,), (limits,), seeds=tuple(range(runs))))


def timed(tasks: Sequence[Task], workers: int) -> tuple[float, list[Run]]:
    """Seconds from the first row of each worker to the last row, and the runs of that time."""
    warm = [replace(task, key=replace(task.key, suite="warm")) for task in tasks[:workers]]
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "r.sqlite") as store:
        found, begin = list[Run](), 0.0
        for number, run in enumerate(run_tasks([*warm, *tasks], store, workers), start=1):
            if number == workers:
                begin = perf_counter()
            elif number > workers:
                found.append(run)
        return perf_counter() - begin, found


def overhead(runs: int) -> None:
    """Prints a line for each size."""
    print("instance | runs | solver ms | cost ms: mean, median, largest | between rows ms")
    for instance in SIZES:
        number = runs if instance != SIZES[-1] else max(1, runs // 10)
        tasks = tasks_of("rule:mwkr", instance, 1, number)
        compile_solvers(tasks, print)
        seconds, found = timed(tasks, 1)
        solver = [run.seconds + run.compile_seconds for run in found]
        cost = [1000 * ((run.wall_seconds or 0.0) - spent) for run, spent in zip(found, solver, strict=True)]
        between = 1000 * (seconds - sum(solver)) / len(found)
        numbers = f"{mean(cost):.1f}, {median(cost):.1f}, {max(cost):.1f}"
        print(f"{instance} | {len(found)} | {1000 * mean(solver):.1f} | {numbers} | {between:.1f}", flush=True)


def scaling(runs: int, iterations: int) -> None:
    """Prints the times of one and two workers."""
    tasks = tasks_of("tabu", "@ta31", iterations, runs)
    compile_solvers(tasks, print)
    one, alone = timed(tasks, 1)
    two, shared = timed(tasks, 2)
    same = {run.key: run.objective for run in alone} == {run.key: run.objective for run in shared}
    print(f"{runs} runs of {iterations} iterations: one worker {one:.1f} s, two {two:.1f} s, {one / two:.2f} times")
    print(f"objectives {'equal' if same else 'DIFFER'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["overhead", "scaling"])
    parser.add_argument("--runs", type=int)
    parser.add_argument("--iterations", type=int, default=300_000)
    arguments = parser.parse_args()
    print(hardware())
    if arguments.what == "overhead":
        overhead(arguments.runs or 200)
    else:
        scaling(arguments.runs or 60, arguments.iterations)


if __name__ == "__main__":
    main()
