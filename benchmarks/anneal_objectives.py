"""The solver ``anneal`` side by side with ``cpsat`` on generated shops, per objective, equal seconds and threads.

    python benchmarks/anneal_objectives.py [--seconds 10] [--threads 2] [--instances 2] [--sizes 10x10 …] [--csv FILE]

Jobs are due at a factor (1.3, 1.5 or 1.6, by size) times their work; 20 % of them weigh 4, 60 % 2, 20 % 1. Solvers
alternate, with kernels warm. Printed per class: the mean of (cpsat - anneal) / cpsat in per cent (for lateness, of it
and the latest due date together), and how often each is better.
"""

from __future__ import annotations

import argparse
import csv
import statistics
from pathlib import Path

import numpy as np

from makespan.instances.generators import generate
from makespan.instances.instance import Instance, Setup
from makespan.solvers.api import Budget, solve

FACTOR = {"10x10": 1.3, "15x15": 1.5, "20x15": 1.5, "50x10": 1.6}
KINDS = ("plain", "setup", "flexible")
GOALS = ("weighted_tardiness", "flow_time", "max_lateness", "makespan")


def shop(size: str, kind: str, objective: str, seed: int) -> Instance:
    """A shop of Taillard's distribution; flexible ones have up to three machines per task and due dates at 1.0."""
    jobs, machines = map(int, size.split("x"))
    factor = FACTOR[size]
    if kind == "flexible":
        limits = {"min_operations": machines, "max_operations": machines, "min_duration": 1, "max_duration": 99}
        instance, factor = generate("flexible", jobs=jobs, machines=machines, seed=seed, **limits), 1.0
    else:
        instance = generate(
            "taillard_job_shop", jobs=jobs, machines=machines, time_seed=seed + 1, machine_seed=seed + 99
        )
    rng = np.random.default_rng(seed)
    work = np.zeros(jobs, np.int64)
    np.add.at(work, np.arange(jobs).repeat(machines), instance.duration[instance.mode_ptr[:-1]])
    weight = np.full(jobs, 2)
    order = rng.permutation(jobs)
    weight[order[: jobs // 5]], weight[order[jobs - jobs // 5 :]] = 4, 1
    if kind == "setup":
        families, k = 4, instance.num_resources
        time = rng.integers(5, 26, (families, families))
        np.fill_diagonal(time, 0)
        family = rng.integers(0, families, instance.num_modes, dtype=np.int32)
        setup = Setup(family, time, np.full(k, -1, np.int32))
        instance = instance.replace(setup=setup)
    due = (work * factor).astype(np.int64)
    return instance.replace(job_due=due, job_weight=weight, objective=(objective,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--instances", type=int, default=2)
    parser.add_argument("--sizes", nargs="+", default=list(FACTOR))
    parser.add_argument("--kinds", nargs="+", default=list(KINDS))
    parser.add_argument("--objectives", nargs="+", default=list(GOALS))
    parser.add_argument("--csv", type=Path)
    args = parser.parse_args()
    rows = []
    for size in args.sizes:
        for kind in args.kinds:
            for objective in args.objectives:
                differences, wins, losses = [], 0, 0
                for seed in range(args.instances):
                    instance = shop(size, kind, objective, seed)
                    due, found = instance.job_due, {}
                    for solver in ("cpsat", "anneal"):
                        result = solve(instance, solver, Budget(seconds=args.seconds), seed=seed, threads=args.threads)
                        found[solver] = result.objective
                        given = (size, kind, objective, seed, solver, args.seconds, args.threads)
                        rows.append((*given, result.objective, result.lower_bound, result.status, result.iterations))
                    exact, ours = found["cpsat"], found["anneal"]
                    assert ours is not None
                    if exact is None:
                        wins += 1
                        continue
                    scale = exact + (0 if due is None or objective != "max_lateness" else int(due.max()))
                    differences.append(100 * (exact - ours) / max(1, scale))
                    wins, losses = wins + (ours < exact), losses + (ours > exact)
                mean = statistics.mean(differences) if differences else float("nan")
                print(f"{size:6} {kind:9} {objective:19} {mean:7.2f} %  better {wins}, worse {losses}", flush=True)
    if args.csv:
        with args.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            names = "size kind objective seed solver seconds threads value bound status iterations"
            writer.writerow(names.split())
            writer.writerows(rows)


if __name__ == "__main__":
    main()
