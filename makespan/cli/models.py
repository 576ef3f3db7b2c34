"""``makespan models``: the trained policies that are installed."""

from __future__ import annotations

from makespan.cli.arguments import Output, OutputFormat
from makespan.cli.exit_codes import OK
from makespan.cli.output import check_writable, note, render, write_output

_SHOWN = ("summary", "results", "command")
"""Parts of a card, besides the problem."""


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
    from makespan.policies import zoo

    records = []
    for name in zoo.names():
        card = zoo.card(zoo.path_of(name))
        notes = card["notes"]
        records.append({"model": name, "problem": card["problem"], **{key: notes.get(key, "") for key in _SHOWN}})
    if not records:
        note("no trained policies are installed")
        if format in ("table", "csv"):
            return OK
    write_output(render(records, format), output)
    return OK
