"""Certificates: schedules that beat the best known values, as result files that ``makespan check`` reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from makespan.eval.store import Run
from makespan.instances.bounds import best_known
from makespan.instances.check import check
from makespan.instances.errors import InputError
from makespan.instances.instance import Instance
from makespan.instances.schedule import objective_values
from makespan.instances.sets import load, matches, short_name
from makespan.solvers.result_json import KIND, SCHEMA, read_result, schedule_dict

COMPLETE_TASKS = 10_000
"""Above, a certificate holds no more than it must."""


@dataclass(frozen=True)
class Certificate:
    """A certificate that was checked again.

    Parameters
    ----------
    value
        The objective that follows from starts and modes.
    best_known
        The best known value of today, None where there is none.
    problem
        Why it proves nothing; empty for one that holds.
    """

    instance: str
    value: int
    best_known: int | None
    problem: str = ""

    @property
    def is_new(self) -> bool:
        """Whether it still beats the best known value."""
        return not self.problem and self.best_known is not None and self.value < self.best_known


def certificate(run: Run) -> str | None:
    """The text of the result file of a run that beats the best known value; None if it does not. Raises ValueError if
    the schedule breaks a constraint."""
    if run.schedule is None or run.best_known is None or run.objective is None or run.objective >= run.best_known:
        return None
    instance = load(f"{run.instance_set}/{run.instance}")
    broken = check(instance, run.schedule)
    value = objective_values(instance, run.schedule)[0]
    known = best_known(instance)
    if broken or value != run.objective:
        raise ValueError(f"{run.instance}: {broken[0].message if broken else f'found {value}, stored {run.objective}'}")
    if known is None or known.upper_bound is None or value >= known.upper_bound:
        return None
    facts = {
        "kind": KIND,
        "schema": SCHEMA,
        "instance": {"name": instance.name, "hash": instance.digest, "objective": list(instance.objective)},
        "solver": run.plan,
        "status": "feasible",
        "objective": value,
        "seconds": round(run.seconds, 3),
        "seed": run.key.seed,
        "threads": run.key.threads,
        "versions": dict(run.versions),
        "schedule": schedule_dict(run.schedule, instance),
    }
    if instance.num_tasks > COMPLETE_TASKS:
        mode = {"mode": run.schedule.mode.tolist()} if run.schedule.mode.any() else {}
        facts["schedule"] = {"start": run.schedule.start.tolist(), **mode}
    return json.dumps(facts) + "\n"


def recheck(path: Path) -> Certificate:
    """Check a certificate against the instance that comes along and today's best known value.

    Raises InputError if it cannot be read or no instance of its name and hash comes along.
    """
    stored = read_result(path)
    instance = _bundled(stored.instance.name, stored.instance.hash)
    if instance is None:
        raise InputError(
            str(path), None, f"instance {stored.instance.name!r} with another hash", "one that comes along"
        )
    schedule = stored.schedule_for(instance)
    value = objective_values(instance, schedule)[0]
    known = best_known(instance)
    broken = check(instance, schedule)
    problem = broken[0].message if broken else ""
    if not problem and value != stored.objective:
        problem = f"found an objective of {stored.objective}, expected {value}"
    return Certificate(instance.name, value, None if known is None else known.upper_bound, problem)


def _bundled(name: str, digest: str) -> Instance | None:
    for candidate in matches(name):
        instance = load(short_name(*candidate))
        if instance.digest == digest:
            return instance
    return None
