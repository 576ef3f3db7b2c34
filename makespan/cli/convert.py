"""``makespan convert``: an instance in another format, or a schedule as a table with names and dates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from makespan.cli.arguments import Flag, InstanceFormat, Reference, Target, usage_errors
from makespan.cli.exit_codes import OK, UsageError
from makespan.cli.output import check_writable, render, write_output

if TYPE_CHECKING:
    from makespan.instances.instance import Instance
    from makespan.instances.schedule import Schedule


def convert(
    source: Reference,
    target: Target = "-",
    /,
    *,
    to: InstanceFormat = None,
    input_format: InstanceFormat = None,
    dates: str | None = None,
    objective: str | None = None,
    instance: Reference | None = None,
    force: Flag = False,
) -> int:
    """Write an instance in another format, or a schedule as CSV.

    A result file of solve becomes a CSV table with one row for each task: names, start and end, and dates where the
    instance has a time origin.

    Parameters
    ----------
    source
        File, @name or - (an instance), or a result file of solve.
    target
        File to write; its ending decides the format unless --to is given. Default: standard output.
    to
        Format to write.
    input_format
        Format of the source; default: found from the content.
    dates
        CSV table of release, due, deadline and weight by job or task, put into the instance.
    objective
        makespan, total_tardiness, weighted_tardiness, max_lateness or flow_time, put into the instance; several with
        commas, most important first.
    instance
        For a result file: its instance; default: the instance of this name that comes along.
    force
        For a result file: convert although the instance has another hash.
    """
    check_writable(target)
    if _is_result(source):
        if dates is not None or objective is not None:
            raise UsageError(f"{source}: is a result, expected an instance for --dates and --objective")
        from makespan.cli.check import read_pair

        _, problem, schedule = read_pair(source, instance, force)
        if ((schedule.mode < 0) | (schedule.mode >= problem.mode_ptr[1:] - problem.mode_ptr[:-1])).any():
            raise UsageError(f"{source}: the schedule names a mode that the instance has not, see makespan check")
        write_output(render(schedule_rows(problem, schedule), "csv"), target)
        return OK
    from makespan.instances.references import one_reference
    from makespan.instances.write import write

    with usage_errors():
        changed = one_reference(source).load(input_format)
        if dates is not None:
            from makespan.instances.date_table import read_dates

            changed = read_dates(changed, dates)
        if objective is not None:
            changed = changed.replace(objective=tuple(objective.split(",")))
        write(changed, target, to)
    return OK


def schedule_rows(instance: Instance, schedule: Schedule) -> list[dict[str, Any]]:
    """One row per task in the order of starts: names, times and, with a time origin, dates."""
    from makespan.instances.gantt.clock import clock_of

    end = schedule.end(instance)
    dates = clock_of(instance, int(end.max(initial=0)))
    rows = []
    for task in sorted(range(instance.num_tasks), key=lambda i: (int(schedule.start[i]), int(end[i]), i)):
        mode = int(instance.mode_ptr[task] + schedule.mode[task])
        demand = slice(int(instance.demand_ptr[mode]), int(instance.demand_ptr[mode + 1]))
        job = -1 if instance.job is None else int(instance.job[task])
        row: dict[str, Any] = {
            "task": instance.task_name(task),
            "job": instance.job_name(job) if job >= 0 else "",
            "resources": [instance.resource_name(int(k)) for k in instance.demand_resource[demand]],
            "mode": int(schedule.mode[task]),
            "start": int(schedule.start[task]),
            "end": int(end[task]),
        }
        if dates is not None:
            row |= {f"{key}_date": dates.at(row[key]).isoformat() for key in ("start", "end")}
        rows.append(row)
    return rows


def _is_result(source: str) -> bool:
    """Whether a file looks like a result of solve: JSON whose first part says so."""
    if source == "-" or source.startswith("@"):
        return False
    try:
        with Path(source).open(encoding="utf-8", errors="replace") as file:
            return '"makespan-result"' in file.read(400)
    except OSError:
        return False
