"""One run of a benchmark: what is to be played, and the row that comes out, whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime
from typing import Any

from makespan.eval.machine import hardware
from makespan.eval.simulation import Simulation, prepare, simulate
from makespan.eval.store import Run, RunKey
from makespan.eval.suite import Limits
from makespan.instances.bounds import Bound, gap
from makespan.instances.instance import Instance
from makespan.solvers.api import Event, Unsupported, solve, versions
from makespan.solvers.registry import make_stage, parse_spec


@dataclass(frozen=True)
class Task:
    """One run to play, with the best known objective of its instance; ``simulation`` if it is a simulated shop."""

    key: RunKey
    instance: Instance
    instance_set: str
    limits: Limits
    best_known: Bound | None = None
    simulation: Simulation | None = None


def play(task: Task, on_event: Callable[[Event], None] | None = None) -> Run:
    """Play one task in this process. Every outcome is a run, an exception and a refusal too."""
    try:
        if task.simulation is not None:
            return _simulated(task, task.simulation)
        return _solved(task, on_event)
    except Unsupported as error:
        return failed_run(task, str(error), "unsupported")
    except Exception as error:
        return failed_run(task, f"{type(error).__name__}: {error}")


def _solved(task: Task, on_event: Callable[[Event], None] | None) -> Run:
    key, known = task.key, task.best_known
    budget = task.limits.budget
    result = solve(task.instance, key.solver, budget, seed=key.seed, threads=key.threads, on_event=on_event)
    schedule = result.schedule
    return _run(
        task,
        plan=result.solver,
        status=result.status.value,
        objective=result.objective,
        lower_bound=result.lower_bound,
        gap=None if result.objective is None else gap(result.objective, known),
        seconds=result.seconds,
        compile_seconds=result.compile_seconds,
        iterations=result.iterations,
        message=result.message,
        trace=result.trace,
        start=None if schedule is None else tuple(schedule.start.tolist()),
        mode=None if schedule is None else tuple(schedule.mode.tolist()),
        versions=result.versions,
        found_by=result.found_by,
        parameters=parameters_of(result.solver),
    )


def _simulated(task: Task, simulation: Simulation) -> Run:
    compile_seconds = prepare()
    episode = simulate(task.instance, simulation, task.key.solver, task.key.seed)
    return _run(
        task,
        status="unknown" if episode.value is None else "feasible",
        objective=episode.value,
        seconds=episode.seconds,
        compile_seconds=compile_seconds,
        iterations=episode.decisions,
        message=episode.message,
        trace=() if episode.value is None else ((episode.seconds, episode.value, None),),
        measure=simulation.measure,
        parameters={"scenario": asdict(simulation.scenario)},
    )


def failed_run(task: Task, message: str, status: str = "error", wall_seconds: float | None = None) -> Run:
    """The run of a task that came to nothing."""
    return _run(task, status=status, message=message, wall_seconds=wall_seconds)


def _run(task: Task, **found: Any) -> Run:
    """The row of a task: what is known of it beforehand, nothing where nothing was found, and what was."""
    known = task.best_known
    row: dict[str, Any] = {
        "plan": task.key.solver,
        "objective": None,
        "lower_bound": None,
        "best_known": None if known is None else known.upper_bound,
        "gap": None,
        "seconds": 0.0,
        "compile_seconds": 0.0,
        "iterations": 0,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "message": "",
        "trace": (),
        "start": None,
        "mode": None,
        "versions": versions(),
        "hardware": hardware(),
        "measure": task.instance.objective[0],
    }
    return Run(key=task.key, instance=task.instance.name, instance_set=task.instance_set, **(row | found))


def parameters_of(plan: str) -> Mapping[str, Mapping[str, Any]]:
    """Every parameter of the stages of a plan, those too that its spec leaves at their defaults, which may change from
    version to version."""
    stages = {str(spec): make_stage(spec) for spec in parse_spec(plan)}
    return {spec: asdict(stage) if is_dataclass(stage) else {} for spec, stage in stages.items()}
