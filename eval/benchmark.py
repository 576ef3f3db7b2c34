"""Benchmark runner: solvers x instances x seeds, each run in a worker process, each finished run a row in the store."""

from __future__ import annotations

import multiprocessing
import os
import platform
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from makespan.eval.store import Run, RunKey, Store, budget_text
from makespan.eval.suite import Suite
from makespan.instances.bounds import Bound, gap
from makespan.instances.instance import Instance
from makespan.instances.references import expand_references
from makespan.solvers.api import Budget, Result, Unsupported, solve, versions
from makespan.solvers.kernels import is_cold
from makespan.solvers.plan import make_plan
from makespan.solvers.stage import Stage


@dataclass(frozen=True)
class Task:
    """One run to play, with the best known objective of its instance."""

    key: RunKey
    instance: Instance
    instance_set: str
    budget: Budget
    best_known: Bound | None


@dataclass(frozen=True)
class Score:
    """The runs of one solver on one set. ``mean_gap`` is over the runs with a schedule and a best known value; None
    if there are none. ``solved`` counts runs with a schedule, ``optimal`` those with a proof."""

    instance_set: str
    solver: str
    runs: int
    solved: int
    optimal: int
    mean_gap: float | None
    mean_seconds: float


# -- playing --------------------------------------------------------------------------------------


def plan(suite: Suite) -> list[Task]:
    """Every run of a suite. Reads all instances; raises InputError for one that cannot be read."""
    limits = budget_text(asdict(suite.budget))
    loaded: dict[str, tuple[Instance, str, Bound | None]] = {}
    for reference in expand_references(suite.instances, suite.folder):
        instance = reference.load()
        loaded.setdefault(instance.digest, (instance, reference.set_name, reference.best_known(instance)))
    return [
        Task(RunKey(suite.name, solver, digest, seed, limits, suite.threads), instance, set_name, suite.budget, known)
        for seed in suite.seeds
        for digest, (instance, set_name, known) in loaded.items()
        for solver in suite.solvers
    ]


def run_tasks(tasks: Iterable[Task], store: Store, workers: int = 1) -> Iterator[Run]:
    """Play tasks in worker processes, store each run as it finishes, then yield it.

    A worker that dies (out of memory, say) costs its own run only, which is stored as an error. When the caller stops
    iterating, the workers are killed; a killed caller takes its workers with it.
    """
    waiting = deque(tasks)
    context = multiprocessing.get_context("spawn")
    pool = [_Worker(context) for _ in range(min(workers, len(waiting)))]
    try:
        for worker in pool:
            worker.give(waiting)
        while busy := {worker.connection: worker for worker in pool if worker.task is not None}:
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                run = worker.take()
                store.add(run)
                worker.give(waiting)
                yield run
    finally:
        for worker in pool:
            worker.kill()


class _Worker:
    """A process that plays one task after the other; started anew when it dies."""

    def __init__(self, context: multiprocessing.context.SpawnContext) -> None:
        self._context = context
        self.task: Task | None = None
        self._start()

    def _start(self) -> None:
        self.connection, theirs = self._context.Pipe()
        self._process = self._context.Process(target=_work, args=(theirs,))
        self._process.start()
        theirs.close()

    def give(self, waiting: deque[Task]) -> None:
        """Hand over the next task, if there is one."""
        self.task = waiting.popleft() if waiting else None
        if self.task is None:
            return
        if not self._process.is_alive():
            self.connection.close()
            self._start()
        with suppress(OSError):  # a worker that died just now: take() will say so
            self.connection.send(self.task)

    def take(self) -> Run:
        """The run that the process has finished, or the error that it died."""
        assert self.task is not None
        try:
            run: Run = self.connection.recv()
        except (EOFError, OSError):
            self._process.join()
            run = failed_run(self.task, f"the worker process died with exit code {self._process.exitcode}")
        return run

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()


def _work(connection: Connection) -> None:
    """Body of a worker process: play until the other end closes, and never outlive the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    threading.Thread(target=_die_with_parent, daemon=True).start()
    while True:
        try:
            task: Task = connection.recv()
        except EOFError:
            return
        connection.send(play(task))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def play(task: Task) -> Run:
    """Play one task in this process. Every outcome is a run, an exception and a refusal too."""
    key = task.key
    try:
        result = solve(task.instance, key.solver, task.budget, seed=key.seed, threads=key.threads)
    except Unsupported as error:
        return failed_run(task, str(error), "unsupported")
    except Exception as error:
        return failed_run(task, f"{type(error).__name__}: {error}")
    return _run(task, result)


def _run(task: Task, result: Result) -> Run:
    known, schedule = task.best_known, result.schedule
    return Run(
        key=task.key,
        instance=task.instance.name,
        instance_set=task.instance_set,
        plan=result.solver,
        status=result.status.value,
        objective=result.objective,
        lower_bound=result.lower_bound,
        best_known=None if known is None else known.upper_bound,
        gap=None if result.objective is None else gap(result.objective, known),
        seconds=result.seconds,
        compile_seconds=result.compile_seconds,
        iterations=result.iterations,
        finished_at=_now(),
        message=result.message,
        trace=result.trace,
        start=None if schedule is None else tuple(schedule.start.tolist()),
        mode=None if schedule is None else tuple(schedule.mode.tolist()),
        versions=result.versions,
        hardware=hardware(),
    )


def failed_run(task: Task, message: str, status: str = "error") -> Run:
    """The run of a task that came to nothing."""
    return Run(
        key=task.key,
        instance=task.instance.name,
        instance_set=task.instance_set,
        plan=task.key.solver,
        status=status,
        objective=None,
        lower_bound=None,
        best_known=None if task.best_known is None else task.best_known.upper_bound,
        gap=None,
        seconds=0.0,
        compile_seconds=0.0,
        iterations=0,
        finished_at=_now(),
        message=message,
        trace=(),
        start=None,
        mode=None,
        versions=versions(),
        hardware=hardware(),
    )


def compile_solvers(tasks: Iterable[Task], say: Callable[[str], None]) -> None:
    """Compile what the tasks will call, once, before the workers all do it at the same time."""
    stages: dict[str, Stage] = {}
    for task in tasks:
        for lane in make_plan(task.key.solver, task.instance, task.budget, task.key.threads):
            stages |= {str(step.spec): step.stage for step in lane}
    for spec, stage in stages.items():
        if is_cold(stage.kernels):
            say(f"compiling kernels of {spec}")
            stage.warm()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@cache
def hardware() -> dict[str, Any]:
    """The machine a run was played on: processor, usable cores and system."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].partition(":")[2].strip() if lines else model
    return {"processor": model, "cores": usable_cores(), "system": f"{platform.system()} {platform.machine()}"}


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# -- summary --------------------------------------------------------------------------------------


def scores(runs: Iterable[Run]) -> list[Score]:
    """One score per set and solver, sorted by set, then by mean gap, then by name."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.instance_set, run.key.solver), []).append(run)
    found = [_score(*group, members) for group, members in groups.items()]
    endless = float("inf")
    return sorted(found, key=lambda s: (s.instance_set, endless if s.mean_gap is None else s.mean_gap, s.solver))


def _score(instance_set: str, solver: str, runs: list[Run]) -> Score:
    gaps = [run.gap for run in runs if run.gap is not None]
    return Score(
        instance_set=instance_set,
        solver=solver,
        runs=len(runs),
        solved=sum(run.objective is not None for run in runs),
        optimal=sum(run.status == "optimal" for run in runs),
        mean_gap=sum(gaps) / len(gaps) if gaps else None,
        mean_seconds=sum(run.seconds for run in runs) / len(runs),
    )
