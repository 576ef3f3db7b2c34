"""What ``solve`` writes beside its result, a chart and a schedule, and schedules as files of other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makespan.cli.arguments import usage_errors
from makespan.cli.exit_codes import OK, UsageError, code_of
from makespan.cli.output import check_writable, write_output

if TYPE_CHECKING:
    from makespan.instances.instance import Instance
    from makespan.instances.schedule import Schedule
    from makespan.solvers.api import Result

ENDINGS = (".csv", ".xlsx", ".xml", ".json")
SCHEDULES_ONLY = (".xlsx", ".xml")
"""Endings that mean a schedule wherever they stand; a ``.csv`` or ``.json`` may be something else."""

_FACTS = {"lower_bound": "lower bound", "status": "status", "solver": "solver", "found_by": "found by", "seed": "seed"}


def ending_of(path: str) -> str:
    """The ending of the path; csv for the standard output. Raises UsageError for one that no schedule is written to."""
    ending = ".csv" if path == "-" else Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise UsageError(f"{path}: found ending {ending or 'none'!r} for a schedule, expected {', '.join(ENDINGS)}")
    if ending == ".xlsx":
        try:
            import xlsxwriter  # noqa: F401
        except ModuleNotFoundError:
            raise UsageError(f"{path}: no xlsxwriter; install it with: pip install 'makespan[export]'") from None
    return ending


def export(instance: Instance, schedule: Schedule, path: str, result: dict[str, Any]) -> None:
    """Write the schedule: a table, a workbook, MS Project XML or the result file. Raises UsageError or OSError.

    ``result`` is the object of the result file, from which the workbook takes solver and bound.
    """
    ending = ending_of(path)
    with usage_errors():
        if ending == ".csv":
            from makespan.instances.schedule_files.table import schedule_csv

            write_output(schedule_csv(instance, schedule), path)
        elif ending == ".xlsx":
            from makespan.instances.schedule_files.xlsx import schedule_xlsx
            from makespan.instances.write import write_atomically

            facts = {title: result.get(key) for key, title in _FACTS.items()}
            write_atomically(path, schedule_xlsx(instance, schedule, facts))
        elif ending == ".xml":
            from makespan.instances.schedule_files.ms_project import ms_project_xml

            write_output(ms_project_xml(instance, schedule), path)
        else:
            write_output(json.dumps(result, ensure_ascii=False) + "\n", path)


def check_outputs(num_instances: int, output: str | None, gantt: str | None, export: str | None) -> None:
    """Refuse outputs that cannot be written or would overwrite each other, before anything is solved."""
    for path in (output, gantt, export):
        if path is not None:
            check_writable(path.replace("{name}", "x"))
    for name, path in (("gantt", gantt), ("export", export)):
        if path is not None and num_instances > 1 and "{name}" not in path:
            raise UsageError(f"{name}: found {path!r} for {num_instances} instances, expected a path with {{name}}")
    if gantt is not None:
        from makespan.cli.plot import kind_of

        kind_of(gantt)
    if export is not None:
        ending_of(export)


def write_beside(instance: Instance, result: Result, gantt: str | None, schedule: str | None) -> int:
    """Write the chart and the schedule; returns an exit code, and has reported what failed."""
    if result.schedule is None:
        return OK
    try:
        if gantt is not None:
            from makespan.cli.plot import draw

            path = gantt.replace("{name}", instance.name)
            draw(instance, result.schedule, path, lower_bound=result.lower_bound, solver=result.solver)
        if schedule is not None:
            from makespan.solvers.result_json import to_dict

            export(instance, result.schedule, schedule.replace("{name}", instance.name), to_dict(result, instance))
    except Exception as error:
        return code_of(error)
    return OK
