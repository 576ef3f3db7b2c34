"""Large-neighbourhood search beside plain CP-SAT on generated instances: equal time, equal threads, paired.

    python benchmarks/lns_windows.py --seconds 20 --threads 2 --out rows.csv

One row per instance and solver; the summary gives, per class, the mean of (objective / least objective of the pair).
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from makespan.instances.generators import generate
from makespan.instances.instance import Instance, Setup
from makespan.solvers.api import Budget, solve


def project(activities: int, seed: int) -> Instance:
    return generate(f"rcpsp,activities={activities},resource_strength=0.2,seed={seed}")


def multi_mode(seed: int) -> Instance:
    """A project whose activities may also run slower with less, or cost more of a nonrenewable resource."""
    base, rng = project(120, seed), np.random.default_rng(seed)
    budget = base.num_resources
    modes = []
    for i in range(base.num_tasks):
        part = slice(base.demand_ptr[i], base.demand_ptr[i + 1])
        need = dict(zip(base.demand_resource[part].tolist(), base.demand_amount[part].tolist(), strict=True))
        time = int(base.duration[i])
        choices = [(time, need)]
        if time > 0:
            slower = {k: max(1, amount * 2 // 3) for k, amount in need.items()}
            quick = int(rng.integers(1, 6))
            choices = [
                (max(1, time * 2 // 3), {**need, budget: quick}),
                (time, {**need, budget: 1}),
                (time + int(rng.integers(1, 6)), slower),
            ]
        modes.append(choices)
    capacity = [*base.capacity.tolist(), 2 * base.num_tasks]
    arcs = list(zip(base.arc_pred.tolist(), base.arc_succ.tolist(), strict=True))
    renewable = [True] * base.num_resources + [False]
    return Instance.from_lists(modes, capacity, arcs, renewable)


def maximal_lags(seed: int) -> Instance:
    """Minimal lags from start to start, and maximal ones that a schedule without them obeys closely."""
    base, rng = project(120, seed), np.random.default_rng(seed)
    lags = [
        (int(i), int(j), 0, int(rng.integers(0, 2 * max(1, int(base.duration[i])))))
        for i, j in zip(base.arc_pred, base.arc_succ, strict=True)
    ]
    modes = [
        [
            (
                int(base.duration[i]),
                list(
                    zip(
                        base.demand_resource[base.demand_ptr[i] : base.demand_ptr[i + 1]].tolist(),
                        base.demand_amount[base.demand_ptr[i] : base.demand_ptr[i + 1]].tolist(),
                        strict=True,
                    )
                ),
            )
        ]
        for i in range(base.num_tasks)
    ]
    relaxed = Instance.from_lists(modes, base.capacity, lags)
    found = solve(relaxed, "sgs:lft,samples=20", Budget(seconds=20)).schedule
    assert found is not None
    last = base.num_tasks - 1
    chosen = [lag for lag in lags if rng.random() < 0.3 and lag[0] > 0 and lag[1] < last]
    gaps = [(i, j, int(found.start[j] - found.start[i])) for i, j, _, _ in chosen]
    back = [(j, i, 0, -gap - int(rng.integers(0, 4))) for i, j, gap in gaps]
    return Instance.from_lists(modes, base.capacity, [*lags, *back])


def flexible_with_setups(seed: int) -> Instance:
    base, rng = generate(f"flexible,jobs=15,machines=8,seed={seed}"), np.random.default_rng(seed)
    families = 5
    time = rng.integers(1, 8, (families, families))
    np.fill_diagonal(time, 0)
    return base.replace(
        setup=Setup(
            rng.integers(0, families, base.num_modes).astype(np.int32),
            time,
            np.full(base.num_resources, -1, np.int32),
        )
    )


def tardiness(seed: int) -> Instance:
    base, rng = generate(f"uniform,jobs=20,machines=10,seed={seed}"), np.random.default_rng(seed)
    work = base.duration.reshape(20, 10).sum(axis=1)
    return base.replace(
        job_due=(work * rng.uniform(1.3, 2.2, 20)).astype(np.int64),
        job_weight=rng.integers(1, 5, 20),
        objective=("weighted_tardiness",),
    )


CLASSES: dict[str, Callable[[int], Instance]] = {
    "project_120": lambda seed: project(120, seed),
    "project_300": lambda seed: project(300, seed),
    "multi_mode": multi_mode,
    "maximal_lags": maximal_lags,
    "flexible_setups": flexible_with_setups,
    "weighted_tardiness": tardiness,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--solvers", nargs="+", default=["lns", "cpsat"])
    parser.add_argument("--classes", nargs="+", default=list(CLASSES), choices=list(CLASSES))
    parser.add_argument("--out", default="-")
    options = parser.parse_args()
    with Path(options.out).open("w") if options.out != "-" else sys.stdout as stream:
        writer = csv.writer(stream)
        writer.writerow(("class", "seed", "solver", "objective", "lower_bound", "iterations", "seconds", "status"))
        for name in options.classes:
            ratios: dict[str, list[float]] = {solver: [] for solver in options.solvers}
            for seed in range(1, options.seeds + 1):
                instance = CLASSES[name](seed)
                found = {}
                for solver in options.solvers:
                    result = solve(
                        instance, solver, Budget(seconds=options.seconds), seed=seed, threads=options.threads
                    )
                    found[solver] = result.objective
                    row = (result.objective, result.lower_bound, result.iterations, round(result.seconds, 1))
                    writer.writerow((name, seed, solver, *row, result.status))
                    stream.flush()
                known = [value for value in found.values() if value is not None]
                for solver, value in found.items():
                    if value is not None and known:
                        ratios[solver].append((value + 1) / (min(known) + 1))
            means = {solver: f"{np.mean(each):.4f} of {len(each)}" for solver, each in ratios.items() if each}
            print(f"{name}: {means}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
