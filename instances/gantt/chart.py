"""What a Gantt chart shows, as plain data: one JSON-able dict that every page, report and renderer draws from."""

from __future__ import annotations

from typing import Any

import numpy as np

from makespan.instances.gantt.clock import clock_of
from makespan.instances.gantt.critical import critical_tasks
from makespan.instances.gantt.pieces import Plan, plan_of, successions, travel_times
from makespan.instances.instance import HORIZON_LIMIT, Instance, IntArray
from makespan.instances.schedule import Schedule, objective_values

__all__ = ["PALETTE", "chart_data", "critical_tasks"]

_OKABE_ITO = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#0072b2", "#d55e00", "#f0e442")


def _mixed(colour: str, other: int, share: float) -> str:
    """A colour drawn towards black (0) or white (255)."""
    channels = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round((1 - share) * channel + share * other):02x}" for channel in channels)


PALETTE = (
    *_OKABE_ITO,
    *(_mixed(colour, 255, 0.45) for colour in _OKABE_ITO),
    *(_mixed(colour, 0, 0.35) for colour in _OKABE_ITO),
)
"""Colours of jobs 0, 1, … (then over again): safe for colour-blind readers (Okabe & Ito 2008), then lighter, darker."""

_MOST_ARCS = 200_000  # beyond, the page cannot show what precedes a task
_MOST_SLACKS = 200_000  # tasks; beyond, slack is left out unless asked for


def chart_data(
    instance: Instance,
    schedule: Schedule,
    *,
    title: str | None = None,
    objective: float | None = None,
    lower_bound: float | None = None,
    solver: str | None = None,
    critical: bool | None = None,
) -> dict[str, Any]:
    """Everything a chart shows, for ``json.dumps`` and for ``drawGantt`` in chart.js.

    Parameters
    ----------
    title, solver
        Words for the heading; the title is the instance's name by default.
    objective
        Value of the first objective; recomputed from the schedule by default.
    lower_bound
        A proved bound on the first objective, for the gap (and, for the makespan, a line in the chart).
    critical
        Whether to compute slack; by default up to 200 000 tasks.

    Returns
    -------
    dict
        ``start, end`` and, where in use, ``mode, job, slack, due, deadline, release, taskNames`` per task (due
        dates and deadlines with null for none); ``jobs`` (their number) and ``jobNames, jobDue, jobDeadline``;
        ``resources`` (name, capacity, calendar as times, capacities and period) of the renewable resources;
        ``use`` as columns task, resource (position in ``resources``), amount; ``pieces`` of the tasks that pause or
        block as flat (from, to, held) by task; ``setups`` as (resource, task, from, to); ``journeys`` as (pred, succ,
        from, to); ``arcs`` as columns pred, succ; ``clock`` (origin in ms since 1970, unit in seconds, zone, offsets
        as flat pairs of second and offset) and ``now``; ``title, solver, objective, lowerBound, palette``.

    Cost O(size of the instance), plus ``critical_tasks``. Raises ValueError if the schedule does not fit the instance.
    """
    plan = plan_of(instance, schedule)
    if objective is None:
        objective = objective_values(instance, schedule)[0]
    data: dict[str, Any] = {
        "version": 1,
        "title": title or instance.name or "Schedule",
        "solver": solver,
        "objective": {"name": instance.objective[0], "value": objective},
        "lowerBound": lower_bound,
        "palette": list(PALETTE),
        "start": plan.start.tolist(),
        "end": plan.end.tolist(),
        **_resources(instance, plan),
    }
    multi_mode = instance.num_modes > instance.num_tasks
    meta = instance.meta
    optional = {
        "mode": schedule.mode.tolist() if multi_mode else None,
        "job": None if instance.job is None else instance.job.tolist(),
        "jobs": instance.num_jobs or None,
        "taskNames": _names(meta.task_names),
        "jobNames": _names(meta.job_names),
        "release": None if instance.release is None else instance.release.tolist(),
        "due": _dates(instance.due),
        "deadline": _dates(instance.deadline),
        "jobDue": _dates(instance.job_due),
        "jobDeadline": _dates(instance.job_deadline),
        "now": instance.now or None,
        "pieces": _broken(plan),
        "setups": _setups(instance, plan),
        "journeys": _journeys(instance, plan),
        "clock": _clock(instance, plan),
    }
    if instance.num_arcs <= _MOST_ARCS:
        optional["arcs"] = [instance.arc_pred.tolist(), instance.arc_succ.tolist()]
    if critical or (critical is None and instance.num_tasks <= _MOST_SLACKS):
        optional["slack"] = critical_tasks(instance, schedule)[1].tolist()
    data.update((key, value) for key, value in optional.items() if value is not None and value != [] and value != {})
    return data


def _names(names: tuple[str, ...] | None) -> list[str] | None:
    return list(names) if names else None


def _dates(values: IntArray | None) -> list[int | None] | None:
    return None if values is None else [None if value >= HORIZON_LIMIT else value for value in values.tolist()]


def _resources(instance: Instance, plan: Plan) -> dict[str, Any]:
    renewable = np.flatnonzero(instance.renewable)
    place = np.cumsum(instance.renewable) - 1
    resources = []
    for k in renewable.tolist():
        resource: dict[str, Any] = {"name": instance.resource_name(k), "capacity": int(instance.capacity[k])}
        calendar = instance.calendar
        if calendar is not None and calendar.has(k):
            entries = slice(int(calendar.ptr[k]), int(calendar.ptr[k + 1]))
            resource["calendar"] = [
                calendar.time[entries].tolist(),
                calendar.capacity[entries].tolist(),
                int(calendar.period[k]),
            ]
        resources.append(resource)
    use = [plan.use_task.tolist(), place[plan.use_resource].tolist(), plan.use_amount.tolist()]
    return {"resources": resources, "use": use}


def _broken(plan: Plan) -> dict[str, list[int]]:
    """The pieces of tasks that have other than one unheld piece, flat, by task."""
    count = np.bincount(plan.piece_task, minlength=plan.start.size)
    shown = np.flatnonzero(count[plan.piece_task] > 1).tolist()
    found: dict[str, list[int]] = {}
    for p in shown:
        piece = (int(plan.piece_from[p]), int(plan.piece_to[p]), int(plan.piece_held[p]))
        found.setdefault(str(plan.piece_task[p]), []).extend(piece)
    return found


def _setups(instance: Instance, plan: Plan) -> list[list[int]]:
    if instance.setup is None:
        return []
    resource, _, after, time = successions(instance, plan)
    needed = time > 0
    place = (np.cumsum(instance.renewable) - 1)[resource]
    begin = np.maximum(plan.start[after] - time, 0)
    table: list[list[int]] = np.stack((place, after, begin, plan.start[after]), axis=1)[needed].tolist()
    return table


def _journeys(instance: Instance, plan: Plan) -> list[list[int]]:
    travel = travel_times(instance, plan.mode)
    pred = instance.arc_pred.astype(np.int64)
    leaves = plan.end[pred]
    if instance.blocking:
        leaves = np.maximum(leaves, plan.until[pred])
    table = np.stack((pred, instance.arc_succ.astype(np.int64), leaves, leaves + travel), axis=1)
    found: list[list[int]] = table[travel > 0].tolist()
    return found


def _clock(instance: Instance, plan: Plan) -> dict[str, Any] | None:
    horizon = 2 * int(plan.end.max(initial=0))  # the page may pan past the end
    clock = clock_of(instance, horizon)
    if clock is None:
        return None
    return {
        "origin": round(clock.origin.timestamp() * 1000),
        "unit": clock.unit,
        "zone": clock.label,
        "offsets": [value for pair in clock.offsets(horizon) for value in pair],
    }
