"""Makes stores of runs without playing any: objectives as given, or schedules built by plain dispatching."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from makespan.eval.store import Run, RunKey, Store
from makespan.instances.bounds import best_known
from makespan.instances.instance import Instance
from makespan.instances.sets import find, load

HARDWARE = {"processor": "a processor", "cores": 2}


def make_run(instance: str | Instance, solver: str, objective: int | None, **more: Any) -> Run:
    """A run of a bundled instance, or of another one, with an objective."""
    problem = load(instance) if isinstance(instance, str) else instance
    bound = best_known(problem)
    known = None if bound is None else bound.upper_bound
    key = RunKey(
        suite=more.pop("suite", "test"),
        solver=solver,
        instance_hash=problem.digest,
        seed=more.pop("seed", 0),
        budget=more.pop("budget", "seconds=10"),
        threads=more.pop("threads", 1),
    )
    values: dict[str, Any] = {
        "instance": problem.name,
        "instance_set": find(problem.name)[0] if isinstance(instance, str) else "mine",
        "plan": solver,
        "status": "unknown" if objective is None else "feasible",
        "objective": objective,
        "lower_bound": None,
        "best_known": known,
        "gap": None if objective is None or not known else (objective - known) / known,
        "seconds": 10.0,
        "compile_seconds": 0.0,
        "iterations": 1,
        "finished_at": "2026-11-22T04:00:00+00:00",
        "message": "",
        "trace": () if objective is None else ((1.0, objective, None),),
        "start": None,
        "mode": None,
        "versions": {"makespan": "0.1.0"},
        "hardware": HARDWARE,
    }
    return Run(key=key, **(values | more))


def make_store(path: Path, runs: Sequence[Run]) -> Path:
    """A store that holds the runs."""
    with Store(path) as store:
        for run in runs:
            assert store.add(run)
    return path


def objectives_store(path: Path, objectives: Mapping[str, Mapping[str, int | None]], **more: Any) -> Path:
    """A store from objectives by solver and instance."""
    return make_store(path, [make_run(i, s, z, **more) for s, each in objectives.items() for i, z in each.items()])


def played_run(instance: str | Instance, solver: str, seed: int, **more: Any) -> Run:
    """A run that tries some random sequences of a job shop and keeps the best schedule; its trace tells of each."""
    problem = load(instance) if isinstance(instance, str) else instance
    rng = np.random.default_rng([seed, len(solver), problem.num_tasks])
    trace: list[tuple[float, int | None, int | None]] = [(0.01, None, 10)]
    best, found = None, np.zeros(problem.num_tasks, np.int64)
    for k in range(6):
        start, makespan = _random_schedule(problem, rng)
        if best is None or makespan < best:
            best, found = makespan, start
            trace.append((0.05 * 2.0**k, best, 10))
    values = {
        "seed": seed,
        "trace": tuple(trace),
        "start": tuple(found.tolist()),
        "mode": (0,) * problem.num_tasks,
        "lower_bound": 10,
        "seconds": 2.0,
    }
    return make_run(instance, solver, best, **(values | more))


def _random_schedule(instance: Instance, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Starts of a semi-active schedule of a job shop, and its makespan."""
    job = np.asarray(instance.job)
    order = rng.permutation(np.repeat(np.arange(instance.num_jobs), np.bincount(job)))
    waiting = [list(np.flatnonzero(job == j)) for j in range(instance.num_jobs)]
    machine, duration = np.asarray(instance.demand_resource), np.asarray(instance.duration)
    job_free, machine_free = np.zeros(instance.num_jobs, np.int64), np.zeros(instance.num_resources, np.int64)
    start = np.zeros(instance.num_tasks, np.int64)
    for j in order:
        task = waiting[j].pop(0)
        start[task] = max(job_free[j], machine_free[machine[task]])
        job_free[j] = machine_free[machine[task]] = start[task] + duration[task]
    return start, int(job_free.max())
