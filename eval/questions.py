"""Feasibility questions as files, as ``makespan bench pose`` writes them, and without one of their kinds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from makespan.eval.answers import KINDS
from makespan.instances.generators.jain_wetter import AXES, Ramp, num_pairs, ramp
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.instances.write import to_text, write_atomically
from makespan.solvers.result_json import KIND, SCHEMA, schedule_dict


@dataclass(frozen=True)
class Posed:
    """How many questions were written, and how many left out because a seed does not allow their level."""

    questions: int
    left_out: int


def pose(
    folder: Path,
    sizes: Sequence[int],
    stages: Sequence[str],
    densities: Sequence[float],
    seeds: Iterable[int],
    *,
    strict: bool = False,
    migration: bool = False,
) -> Posed:
    """Write a question and its hidden schedule for each size, stage, level and seed.

    ``densities`` are levels in arcs per task, rounded up. Raises ValueError for a stage or size that does not exist.
    """
    axes = {stage: axes_of(stage) for stage in stages}
    for name in ("questions", "witnesses"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    written = left_out = 0
    seeds = list(seeds)
    for tasks in sizes:
        for density in densities:
            level = math.ceil(density * tasks)
            for seed in seeds:
                for stage in stages:
                    try:
                        drawn = ramp(tasks, level, seed, **axes[stage], strict=strict, migration=migration)
                    except ValueError as error:
                        if str(error).startswith("level"):
                            left_out += 1
                            continue
                        raise
                    _write(folder, drawn)
                    written += 1
    return Posed(written, left_out)


def axes_of(stage: str) -> dict[str, bool]:
    """The parameters of ``constraint_ramp`` for a stage such as PDX. Raises ValueError."""
    letters = stage[1:]
    known = "".join(AXES.values())
    if not stage.startswith("P") or set(letters) - set(known) or len(set(letters)) < len(letters):
        raise ValueError(f"stage: found {stage!r}, expected P and some of {', '.join(known)}")
    return {axis: letter in letters for axis, letter in AXES.items()}


def _write(folder: Path, drawn: Ramp) -> None:
    name = drawn.instance.name
    write_atomically(folder / "questions" / f"{name}.json", to_text(drawn.instance, "question"))
    write_atomically(folder / "witnesses" / f"{name}.json", _result(drawn, drawn.witness))


def _result(drawn: Ramp, schedule: Schedule) -> str:
    """The hidden schedule as a result file, which ``check`` and ``plot`` read."""
    instance = drawn.instance
    result = {
        "kind": KIND,
        "schema": SCHEMA,
        "instance": {"name": instance.name, "hash": instance.digest, "objective": list(instance.objective)},
        "solver": "witness",
        "status": "feasible",
        "objective": int(schedule.end(instance).max()),
        "schedule": schedule_dict(schedule, instance),
    }
    return json.dumps(result) + "\n"


def without(instance: Instance, kind: str) -> Instance:
    """The question without its constraints of one kind (a key of ``answers.KINDS``): what a liar solves.

    Raises ValueError for another kind.
    """
    if kind == "precedence":
        none = np.zeros(0, np.int64)
        return instance.replace(
            arc_ptr=np.zeros(instance.num_tasks + 1, np.int64), arc_succ=none, arc_kind=none, arc_lag=none
        )
    if kind == "downtime":
        return instance.replace(calendar=None)
    if kind == "window":
        return instance.replace(release=None, deadline=None)
    last = np.arange(instance.num_resources) >= instance.num_resources - num_pairs(instance)
    if kind == "pair":
        return instance.replace(capacity=np.where(last, 2, instance.capacity))
    if kind != "resource":
        raise ValueError(f"kind: found {kind!r}, expected one of {', '.join(KINDS)}")
    capacity = np.where(last, instance.capacity, instance.capacity + instance.demand_amount.sum())
    calendar = instance.calendar
    if calendar is not None:
        resource = np.repeat(np.arange(instance.num_resources), np.diff(calendar.ptr))
        calendar = replace(calendar, capacity=np.where(calendar.capacity > 0, capacity[resource], 0))
    return instance.replace(capacity=capacity, calendar=calendar)
