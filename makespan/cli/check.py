"""``makespan check``: is this schedule feasible, and are its claims true?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from makespan.cli.arguments import Flag, InstanceFormat, Output, OutputFormat, Reference, usage_errors
from makespan.cli.exit_codes import NEGATIVE, OK, UsageError
from makespan.cli.output import check_writable, render, write_output

if TYPE_CHECKING:
    from makespan.instances.instance import Instance
    from makespan.instances.schedule import Schedule
    from makespan.solvers.result_json import StoredResult

COLUMNS = {key: key for key in ("kind", "task", "other", "resource", "amount", "message")}


def check(
    result: str,
    instance: Reference | None = None,
    /,
    *,
    force: Flag = False,
    input_format: InstanceFormat = None,
    format: OutputFormat = "table",
    output: Output = None,
) -> int:
    """Check a schedule against its instance.

    Prints ok, or every broken constraint with task, resource and amount, and exits with 1. Objectives and ends that
    the file claims are compared with those that follow from starts and modes.

    Parameters
    ----------
    result
        Result file, as solve writes it, a table with task and start, or MS Project XML.
    instance
        File or @name; default: the instance of this name that comes along.
    force
        Check although the schedule was made for an instance with another hash.
    input_format
        Format of the instance file; default: found from the content.
    format
        table, json, jsonl or csv.
    output
        Write here, not to standard output.
    """
    check_writable(output)
    stored, problem, schedule = read_pair(result, instance, force, input_format)
    broken = _violations(stored, problem, schedule)
    if format == "table" and not broken:
        from makespan.instances.schedule import objective_values

        values = zip(problem.objective, objective_values(problem, schedule), strict=True)
        text = f"ok  {problem.name}  {'  '.join(f'{name} {value}' for name, value in values)}\n"
    elif format == "json":
        import json

        report = {"kind": "makespan-check", "schema": 1, "instance": problem.name, "ok": not broken}
        text = json.dumps(report | {"violations": broken}, ensure_ascii=False) + "\n"
    else:
        text = render(broken, format, COLUMNS)
    write_output(text, output)
    return NEGATIVE if broken else OK


def read_pair(
    result: str, instance: str | None, force: bool, input_format: str | None = None
) -> tuple[StoredResult, Instance, Schedule]:
    """A file with a schedule and its instance, found by name where none is given. Raises InputError or UsageError."""
    from makespan.instances.references import one_reference
    from makespan.instances.schedule_files.read import instance_name_in, is_schedule_file, read_schedule
    from makespan.solvers.result_json import read_result, stored_schedule

    if is_schedule_file(result):
        named = instance or f"@{instance_name_in(result)}"
        if named == "@":
            raise UsageError(f"{result}: names no instance, expected one on the command line")
        with usage_errors():
            problem = one_reference(named).load(input_format)
        schedule = read_schedule(result, problem)
        return stored_schedule(schedule, problem), problem, schedule
    stored = read_result(result)
    with usage_errors():
        problem = one_reference(instance or f"@{stored.instance.name}").load(input_format)
        problem = stored.instance_as_solved(problem)
        return stored, problem, stored.schedule_for(problem, force)


def _violations(stored: StoredResult, instance: Instance, schedule: Schedule) -> list[dict[str, Any]]:
    from makespan.instances.check import check as check_schedule

    found = [
        {
            "kind": each.kind,
            "task": None if each.task is None else instance.task_name(each.task),
            "other": None if each.other is None else instance.task_name(each.other),
            "resource": None if each.resource is None else instance.resource_name(each.resource),
            "amount": each.amount,
            "message": each.message,
        }
        for each in check_schedule(instance, schedule)
    ]
    return found or _false_claims(stored, instance, schedule)


def _false_claims(stored: StoredResult, instance: Instance, schedule: Schedule) -> list[dict[str, Any]]:
    """What the file says about a feasible schedule and is not so."""
    from makespan.instances.schedule import objective_values

    def claim(message: str, amount: int, task: str | None = None) -> dict[str, Any]:
        return dict.fromkeys(COLUMNS) | {"kind": "claim", "task": task, "amount": abs(amount), "message": message}

    found = []
    value = objective_values(instance, schedule)[0]
    if stored.objective not in (None, value):
        found.append(claim(f"claims objective {stored.objective}, has {value}", stored.objective - value))
    claimed = None if stored.schedule is None else stored.schedule.end
    if claimed is not None:
        end = schedule.end(instance).tolist()
        for task in (i for i in range(len(end)) if end[i] != claimed[i]):
            name = instance.task_name(task)
            found.append(claim(f"{name} claims end {claimed[task]}, has {end[task]}", claimed[task] - end[task], name))
    return found
