"""Benchmark: solvers x instances x seeds x budgets, each finished run a row in the store, and their summary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from makespan.eval import simulation
from makespan.eval.local import Listen, play_locally
from makespan.eval.play import Task, failed_run, play
from makespan.eval.store import Run, RunKey, Store
from makespan.eval.suite import Suite
from makespan.instances.bounds import Bound
from makespan.instances.errors import InputError
from makespan.instances.instance import Instance
from makespan.instances.references import expand_references
from makespan.solvers.kernels import is_cold
from makespan.solvers.plan import make_plan
from makespan.solvers.stage import Stage

__all__ = ["Engine", "Score", "Task", "compile_solvers", "failed_run", "plan", "play", "run_tasks", "scores"]

Engine = Callable[[Iterable[Task], int | None, Listen | None], Iterator[Run]]
"""``engine(tasks, workers, listen)`` plays tasks and yields each run as it finishes; closing it ends all that it
started. ``play_locally`` is one, ``cluster.play_on_ray`` another."""


@dataclass(frozen=True)
class Score:
    """The runs of one solver on one set under one budget.

    Parameters
    ----------
    solved, optimal
        Runs with a schedule; with a proof.
    mean_gap
        Over the runs with a schedule and a best known value; None if there are none.
    mean_objective
        Over the runs with a schedule, where all are of one instance; objectives of different ones are never averaged.
    """

    instance_set: str
    solver: str
    budget: str
    runs: int
    solved: int
    optimal: int
    mean_gap: float | None
    mean_objective: float | None
    mean_seconds: float


# -- playing --------------------------------------------------------------------------------------


def plan(suite: Suite) -> list[Task]:
    """Every run of a suite. Reads all instances; raises InputError for one that cannot be read or simulated."""
    return _simulations(suite) if suite.simulations else _solves(suite)


def _solves(suite: Suite) -> list[Task]:
    loaded: dict[str, tuple[Instance, str, Bound | None]] = {}
    for reference in expand_references(suite.instances, suite.folder):
        instance = reference.load()
        loaded.setdefault(instance.digest, (instance, reference.set_name, reference.best_known(instance)))
    return [
        Task(RunKey(suite.name, solver, digest, seed, limits.text, suite.threads), instance, set_name, limits, known)
        for limits in suite.limits
        for seed in suite.seeds
        for digest, (instance, set_name, known) in loaded.items()
        for solver in suite.solvers
    ]


def _simulations(suite: Suite) -> list[Task]:
    (limits,) = suite.limits
    tasks = list[Task]()
    for each in suite.simulations:
        references = expand_references([each.instance], suite.folder)
        if len(references) != 1:
            raise InputError(each.instance, None, f"{len(references)} instances", f"one for scenario {each.name}")
        instance = references[0].load()
        refusal = simulation.refusal(instance, each.scenario)
        if refusal:
            raise InputError(each.instance, None, refusal, "a job shop that can be simulated")
        for seed in suite.seeds:
            for solver in suite.solvers:
                key = RunKey(suite.name, solver, each.digest(instance), seed, limits.text, suite.threads)
                tasks.append(Task(key, instance, each.name, limits, simulation=each))
    return tasks


def run_tasks(
    tasks: Iterable[Task],
    store: Store,
    workers: int | None = 1,
    *,
    engine: Engine = play_locally,
    listen: Listen | None = None,
) -> Iterator[Run]:
    """Play tasks, store each run as it finishes, then yield it.

    When the caller stops iterating, whatever still plays is ended, and lost. ``listen(task, event)`` is called in the
    calling thread when a run begins and, with local workers, whenever its solver says something: a live view hangs
    here.
    """
    with closing(engine(tasks, workers, listen)) as runs:  # type: ignore[type-var]  # engines are generators
        for run in runs:
            store.add(run)
            yield run


def compile_solvers(tasks: Iterable[Task], say: Callable[[str], None]) -> None:
    """Compile what the tasks will call, once, before the workers all do it at the same time.

    What cannot get ready is told; its runs will say so too.
    """
    stages: dict[str, Stage] = {}
    for task in tasks:
        if task.simulation is not None:
            if is_cold(simulation.kernels()):
                say("compiling kernels of simulated shops")
                simulation.warm()
            return  # a suite plays either scenarios or instances
        for lane in make_plan(task.key.solver, task.instance, task.limits.budget, task.key.threads):
            stages |= {str(step.spec): step.stage for step in lane}
    for spec, stage in stages.items():
        if is_cold(stage.kernels):
            say(f"compiling kernels of {spec}")
            try:
                stage.warm()
            except Exception as error:
                say(f"{spec}: {type(error).__name__}: {error}")


# -- summary --------------------------------------------------------------------------------------


def scores(runs: Iterable[Run]) -> list[Score]:
    """One score per set, budget and solver: sets by name, in each the best mean gap or mean objective first."""
    groups: dict[tuple[str, str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.instance_set, run.key.budget, run.key.solver), []).append(run)
    found = [_score(*group, members) for group, members in groups.items()]
    return sorted(found, key=lambda s: (s.instance_set, s.budget, _rank(s.mean_gap), _rank(s.mean_objective), s.solver))


def _rank(mean: float | None) -> float:
    return float("inf") if mean is None else mean


def _score(instance_set: str, budget: str, solver: str, runs: list[Run]) -> Score:
    gaps = [run.gap for run in runs if run.gap is not None]
    values = [run.objective for run in runs if run.objective is not None]
    alike = len({run.key.instance_hash for run in runs}) == 1
    return Score(
        instance_set=instance_set,
        solver=solver,
        budget=budget,
        runs=len(runs),
        solved=len(values),
        optimal=sum(run.status == "optimal" for run in runs),
        mean_gap=sum(gaps) / len(gaps) if gaps else None,
        mean_objective=sum(values) / len(values) if values and alike else None,
        mean_seconds=sum(run.seconds for run in runs) / len(runs),
    )
