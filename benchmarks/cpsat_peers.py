"""CP-SAT side by side with the pyjobshop package and a plain model of forty lines, equal seconds and threads.

    python benchmarks/cpsat_peers.py [--seconds 60] [--threads 2] [--seeds 0] [--instances ta01 j1201_1 …] [--csv FILE]

Each front gets the same wall clock, model building included, in a process of its own (started and imported before the
clock); fronts alternate, so that a busy machine hurts all alike. Every schedule is checked. Gaps are to the best known
upper bounds.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from makespan.instances.bounds import best_known
from makespan.instances.check import check
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule, objective_values
from makespan.instances.sets import load

SAMPLE = (
    *("ta01", "ta11", "ta21", "ta31", "ta41", "ta51", "ta61", "ta71"),
    *("dmu01", "dmu21", "dmu41", "dmu61", "dmu71"),
    *("mk01", "mk02", "mk04", "mk06", "mk07", "mk10"),
    *("j1201_1", "j1206_1", "j12011_1", "j12016_1", "j12026_1", "j12031_1", "j12036_1", "j12046_1", "j12056_1"),
)

Answer = tuple[Schedule | None, float | None]


def ours(instance: Instance, seconds: float, threads: int, seed: int) -> Answer:
    """The solver ``cpsat`` of this package."""
    from makespan.solvers.api import Budget, solve

    result = solve(instance, "cpsat", Budget(seconds=seconds), seed=seed, threads=threads)
    return result.schedule, result.lower_bound


def plain(instance: Instance, seconds: float, threads: int, seed: int) -> Answer:
    """Starts, optional intervals, no-overlap or cumulative, precedence, makespan: nothing else."""
    from ortools.sat.python import cp_model

    begin = time.perf_counter()
    model = cp_model.CpModel()
    longest = np.maximum.reduceat(instance.duration, instance.mode_ptr[:-1])
    horizon = int(longest.sum())
    makespan = model.new_int_var(0, horizon, "")
    users: list[list[tuple[Any, int]]] = [[] for _ in range(instance.num_resources)]
    starts, ends, chosen = [], [], []
    for task in range(instance.num_tasks):
        modes = range(instance.mode_ptr[task], instance.mode_ptr[task + 1])
        start, end = model.new_int_var(0, horizon, ""), model.new_int_var(0, horizon, "")
        literals = [model.new_bool_var("") for _ in modes]
        model.add_exactly_one(literals)
        for mode, literal in zip(modes, literals, strict=True):
            length = int(instance.duration[mode])
            interval = model.new_optional_interval_var(start, length, end, literal, "")
            if length:
                for i in range(instance.demand_ptr[mode], instance.demand_ptr[mode + 1]):
                    users[instance.demand_resource[i]].append((interval, int(instance.demand_amount[i])))
            else:
                model.add(end == start).only_enforce_if(literal)
        model.add(makespan >= end)
        starts.append(start)
        ends.append(end)
        chosen.append(literals)
    for pred, succ in zip(instance.arc_pred.tolist(), instance.arc_succ.tolist(), strict=True):
        model.add(starts[succ] >= ends[pred])
    for k, rows in enumerate(users):
        if instance.capacity[k] == 1:
            model.add_no_overlap([interval for interval, _ in rows])
        else:
            model.add_cumulative(
                [interval for interval, _ in rows], [amount for _, amount in rows], instance.capacity[k]
            )
    model.minimize(makespan)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = max(0.1, seconds - (time.perf_counter() - begin))
    solver.parameters.num_workers = threads
    solver.parameters.random_seed = seed
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None, None
    picked = [next(i for i, literal in enumerate(literals) if solver.value(literal)) for literals in chosen]
    return Schedule([solver.value(start) for start in starts], picked), solver.best_objective_bound


def pyjobshop(instance: Instance, seconds: float, threads: int, seed: int) -> Answer:
    """The package, used as its manual says."""
    from pyjobshop import Model

    begin = time.perf_counter()
    model = Model()
    resources = [
        model.add_machine() if capacity == 1 else model.add_renewable(int(capacity)) for capacity in instance.capacity
    ]
    jobs = [model.add_job() for _ in range(instance.num_jobs)]
    tasks, first_mode, count = [], [], 0
    for task in range(instance.num_tasks):
        added = model.add_task(job=None if instance.job is None else jobs[instance.job[task]])
        tasks.append(added)
        first_mode.append(count)
        for mode in range(instance.mode_ptr[task], instance.mode_ptr[task + 1]):
            part = slice(instance.demand_ptr[mode], instance.demand_ptr[mode + 1])
            used = [resources[k] for k in instance.demand_resource[part]]
            amounts = [
                0 if instance.capacity[k] == 1 else int(amount)  # its machines have no capacity
                for k, amount in zip(instance.demand_resource[part], instance.demand_amount[part], strict=True)
            ]
            model.add_mode(added, used, int(instance.duration[mode]), demands=amounts)
            count += 1
    for pred, succ in zip(instance.arc_pred.tolist(), instance.arc_succ.tolist(), strict=True):
        model.add_end_before_start(tasks[pred], tasks[succ])
    result = model.solve(
        solver="ortools",
        time_limit=max(0.1, seconds - (time.perf_counter() - begin)),
        num_workers=threads,
        display=False,
        random_seed=seed,
    )
    if not result.best.tasks:
        return None, None
    found = result.best.tasks
    picked = [each.mode - first for each, first in zip(found, first_mode, strict=True)]
    return Schedule([each.start for each in found], picked), result.lower_bound


FRONTS = {"makespan": ours, "plain": plain, "pyjobshop": pyjobshop}


def serve(pipe: Any, front: str) -> None:
    """Answer (instance, seconds, threads, seed) until None comes."""
    tiny = Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [2, 4]])
    FRONTS[front](tiny, 5.0, 1, 0)  # imports
    pipe.send("ready")
    while (request := pipe.recv()) is not None:
        begin = time.perf_counter()
        answer = FRONTS[front](*request)
        pipe.send((*answer, time.perf_counter() - begin))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--instances", nargs="*", default=list(SAMPLE))
    parser.add_argument("--fronts", nargs="*", default=list(FRONTS), choices=list(FRONTS))
    parser.add_argument("--csv", type=Path)
    args = parser.parse_args()

    spawn = multiprocessing.get_context("spawn")
    pipes = {}
    for front in args.fronts:
        pipes[front], other = spawn.Pipe()
        spawn.Process(target=serve, args=(other, front), daemon=False).start()
        other.close()  # so that a front that dies ends the wait
        pipes[front].recv()
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(args.instances):
        instance = load(name)
        known = best_known(name)
        best = None if known is None else known.upper_bound
        for seed in args.seeds:
            turn = (number + seed) % len(args.fronts)
            for front in [*args.fronts[turn:], *args.fronts[:turn]]:
                pipes[front].send((instance, args.seconds, args.threads, seed))
                schedule, bound, wall = pipes[front].recv()
                row = {"instance": name, "seed": seed, "front": front, "bound": bound, "seconds": round(wall, 2)}
                row["objective"] = row["gap"] = None
                if schedule is not None:
                    assert check(instance, schedule) == [], (front, name)
                    row["objective"] = objective_values(instance, schedule)[0]
                    row["gap"] = None if best is None else round(100 * (row["objective"] / best - 1), 2)
                rows.append(row)
                print(f"{name:10} {front:10} {row['objective']} {bound} gap {row['gap']} % in {wall:.1f} s", flush=True)
    for pipe in pipes.values():
        pipe.send(None)
    summarise(rows, args.fronts)
    if args.csv is not None and rows:
        with args.csv.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return 0


def summarise(rows: list[dict[str, Any]], fronts: list[str]) -> None:
    """Mean gaps over what every front solved, by set of instances and over all."""
    solved = {(row["instance"], row["seed"]) for row in rows}
    solved -= {(row["instance"], row["seed"]) for row in rows if row["gap"] is None}
    for prefix in ("ta", "dmu", "mk", "j120", ""):
        gaps = {
            front: [
                row["gap"]
                for row in rows
                if row["front"] == front
                and row["instance"].startswith(prefix)
                and (row["instance"], row["seed"]) in solved
            ]
            for front in fronts
        }
        if all(gaps.values()):
            means = ", ".join(f"{front} {statistics.mean(values):.2f} %" for front, values in gaps.items())
            print(f"mean gap {prefix or 'all'} ({len(gaps[fronts[0]])} runs): {means}")


if __name__ == "__main__":
    sys.exit(main())
