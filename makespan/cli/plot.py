"""``makespan plot``: a schedule as a Gantt chart, in the terminal, as an interactive page or as an image."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from makespan.cli.arguments import Flag, InstanceFormat, Output, Reference, usage_errors
from makespan.cli.exit_codes import OK, UsageError
from makespan.cli.output import check_writable, write_output

if TYPE_CHECKING:
    from makespan.instances.instance import Instance
    from makespan.instances.schedule import Schedule

Rows = Literal["resource", "job"]
_IMAGES = (".png", ".svg", ".pdf")


def plot(
    result: str,
    instance: Reference | None = None,
    /,
    *,
    output: Output = None,
    by: Rows = "resource",
    width: int | None = None,
    ascii: Flag = False,
    critical: Flag = False,
    force: Flag = False,
    input_format: InstanceFormat = None,
) -> int:
    """Draw a schedule as a Gantt chart.

    Parameters
    ----------
    result
        Result file, as solve writes it, a table with task and start, or MS Project XML.
    instance
        File or @name; default: the instance of this name that comes along.
    output
        .html (one page with zoom, hover and critical path, works offline), .png, .svg, .pdf or .txt; default: text on
        standard output.
    by
        One row for each resource or for each job, in text and images; the page shows either.
    width
        Columns of the text; default: the terminal's.
    ascii
        Text with plain characters only.
    critical
        Frame the tasks without slack in an image; the page can always show them.
    force
        Draw although the schedule was made for an instance with another hash.
    input_format
        Format of the instance file; default: found from the content.
    """
    check_writable(output)
    if output is not None:
        kind_of(output)
    from makespan.cli.check import read_pair

    stored, problem, schedule = read_pair(result, instance, force, input_format)
    bound, solver = stored.lower_bound, stored.solver or None
    draw(problem, schedule, output, bound, solver, by=by, width=width, ascii=ascii, critical=critical)
    return OK


def kind_of(path: str) -> str:
    """``html``, ``image`` or ``text``, by the ending of the path. Raises UsageError for another."""
    ending = Path(path).suffix.lower()
    if path == "-" or ending == ".txt":
        return "text"
    if ending in (".html", ".htm"):
        return "html"
    if ending in _IMAGES:
        return "image"
    raise UsageError(f"{path}: found ending {ending or 'none'!r} for a chart, expected .html, .png, .svg, .pdf or .txt")


def draw(
    instance: Instance,
    schedule: Schedule,
    path: str | None,
    lower_bound: int | None = None,
    solver: str | None = None,
    *,
    by: Rows = "resource",
    width: int | None = None,
    ascii: bool = False,
    critical: bool = False,
) -> None:
    """Write the chart; text to stdout without a path. Raises UsageError or OSError."""
    kind = "text" if path is None else kind_of(path)
    with usage_errors():
        if kind == "html":
            from makespan.instances.gantt.html import gantt_html

            write_output(gantt_html(instance, schedule, lower_bound=lower_bound, solver=solver), path)
        elif kind == "image":
            from makespan.instances.gantt.png import gantt_png

            bound = lower_bound if instance.objective[0] == "makespan" else None
            gantt_png(instance, schedule, str(path), by=by, lower_bound=bound, critical=critical)
        else:
            from makespan.instances.gantt.text import gantt_text

            plain = ascii or not (sys.stdout.encoding or "").lower().startswith("utf")
            color = path is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
            write_output(gantt_text(instance, schedule, width, color, by=by, ascii=plain) + "\n", path)
