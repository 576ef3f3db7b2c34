"""A schedule as a table: one row per task with names, times and, where the instance has them, dates."""

from __future__ import annotations

import csv
import io
from typing import Any

from makespan.instances.gantt.clock import clock_of
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule

COLUMNS = ("task", "job", "resources", "mode", "start", "end")
DATE_COLUMNS = ("start_date", "end_date")


def schedule_rows(instance: Instance, schedule: Schedule) -> list[dict[str, Any]]:
    """One row per task in the order of starts: ``COLUMNS`` and, with a time origin and unit, ``DATE_COLUMNS``.

    ``task, job`` are names, ``resources`` a list of names, dates datetimes in the instance's zone. Raises ValueError if
    the schedule does not fit the instance or a pausable task never ends.
    """
    check_fit(instance, schedule)
    end = schedule.end(instance)
    dates = clock_of(instance, int(end.max(initial=0)))
    rows = []
    for task in order_of_starts(schedule, end.tolist()):
        job = -1 if instance.job is None else int(instance.job[task])
        row: dict[str, Any] = {
            "task": instance.task_name(task),
            "job": instance.job_name(job) if job >= 0 else "",
            "resources": [instance.resource_name(k) for k, _ in demands_of(instance, schedule, task)],
            "mode": int(schedule.mode[task]),
            "start": int(schedule.start[task]),
            "end": int(end[task]),
        }
        if dates is not None:
            row |= {f"{key}_date": dates.at(row[key]) for key in ("start", "end")}
        rows.append(row)
    return rows


def schedule_csv(instance: Instance, schedule: Schedule) -> str:
    """The rows as CSV: dates in ISO 8601, several resources separated by ``;``. Raises as ``schedule_rows``."""
    rows = schedule_rows(instance, schedule)
    dated = bool(rows) and DATE_COLUMNS[0] in rows[0]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS + DATE_COLUMNS * dated)
    for row in rows:
        dates = [row[key].isoformat() for key in DATE_COLUMNS] if dated else []
        writer.writerow([row["task"], row["job"], "; ".join(row["resources"]), *(row[k] for k in COLUMNS[3:]), *dates])
    return out.getvalue()


def check_fit(instance: Instance, schedule: Schedule) -> None:
    """Refuse a schedule of another size, or with a mode that a task has not. Raises ValueError."""
    if schedule.start.size != instance.num_tasks or schedule.mode.size != instance.num_tasks:
        raise ValueError(f"the schedule has {schedule.start.size} tasks, {instance.name!r} has {instance.num_tasks}")
    unknown = (schedule.mode < 0) | (schedule.mode >= instance.mode_ptr[1:] - instance.mode_ptr[:-1])
    if unknown.any():
        task = int(unknown.argmax())
        raise ValueError(
            f"{instance.task_name(task)} has no mode {schedule.mode[task]}: the schedule names a mode that the "
            "instance has not, see makespan check"
        )


def order_of_starts(schedule: Schedule, end: list[int]) -> list[int]:
    """The tasks by start, then by end, then by number."""
    start = schedule.start.tolist()
    return sorted(range(len(start)), key=lambda task: (start[task], end[task], task))


def demands_of(instance: Instance, schedule: Schedule, task: int) -> list[tuple[int, int]]:
    """(resource, amount) of the mode that a task runs in."""
    mode = int(instance.mode_ptr[task] + schedule.mode[task])
    used = slice(int(instance.demand_ptr[mode]), int(instance.demand_ptr[mode + 1]))
    return list(zip(instance.demand_resource[used].tolist(), instance.demand_amount[used].tolist(), strict=True))
