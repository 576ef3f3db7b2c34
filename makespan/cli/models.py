"""``makespan models``: the trained policies that are installed."""

from __future__ import annotations

from makespan.cli.arguments import Output, OutputFormat
from makespan.cli.exit_codes import OK
from makespan.cli.output import check_writable, note, render, write_output

ENTRY_POINT_GROUP = "makespan.policies"
"""Installed packages name their trained policies in this group."""


def models(*, format: OutputFormat = "table", output: Output = None) -> int:
    """List the trained policies that are installed.

    Parameters
    ----------
    format
        table, json, jsonl or csv.
    output
        Write here, not to standard output.
    """
    check_writable(output)
    from importlib.metadata import entry_points

    records = [
        {"model": point.name, "package": point.dist.name if point.dist else "", "target": point.value}
        for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)
    ]
    if not records:
        note("no trained policies are installed")
        if format in ("table", "csv"):
            return OK
    write_output(render(records, format), output)
    return OK
