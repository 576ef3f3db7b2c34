"""``makespan convert``: an instance in another format, or a schedule as a table, a workbook or MS Project XML."""

from __future__ import annotations

from pathlib import Path

from makespan.cli.arguments import Flag, InstanceFormat, Reference, Target, usage_errors
from makespan.cli.exit_codes import OK, UsageError
from makespan.cli.export import ending_of, export
from makespan.cli.output import check_writable


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
    """Write an instance in another format, or a schedule as CSV, XLSX, MS Project XML or JSON.

    A schedule is a result file of solve, a table with task and start, or MS Project XML; the ending of the target says
    what it becomes: .csv, .xlsx, .xml or .json. Dates stand beside the times where the instance has a time origin.

    Parameters
    ----------
    source
        File, @name or - (an instance), or a schedule.
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
        For a schedule: its instance; default: the instance of the name in the file that comes along.
    force
        For a result file: convert although the instance has another hash.
    """
    check_writable(target)
    if _is_schedule(source):
        ending_of(target)
        if dates is not None or objective is not None:
            raise UsageError(f"{source}: is a result, expected an instance for --dates and --objective")
        from makespan.cli.check import read_pair
        from makespan.instances.schedule_files.table import check_fit
        from makespan.solvers.result_json import stored_dict

        stored, problem, schedule = read_pair(source, instance, force)
        with usage_errors():
            check_fit(problem, schedule)
        export(problem, schedule, target, stored_dict(stored, schedule, problem))
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


def _is_schedule(source: str) -> bool:
    """Whether a file looks like a result of solve, JSON whose first part says so, or like another schedule file."""
    if source == "-" or source.startswith("@"):
        return False
    from makespan.instances.schedule_files.read import is_schedule_file

    try:
        with Path(source).open(encoding="utf-8", errors="replace") as file:
            return '"makespan-result"' in file.read(400) or is_schedule_file(source)
    except OSError:
        return False
