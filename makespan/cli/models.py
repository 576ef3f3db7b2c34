"""``makespan models``: the trained policies that are installed."""

from __future__ import annotations

from typing import Any

from makespan.cli.arguments import Output, OutputFormat
from makespan.cli.exit_codes import OK, UsageError
from makespan.cli.output import check_writable, note, render, write_output

_SHOWN = ("summary", "seed", "core_hours", "command", "results")
"""Parts of a card, besides the problem."""


def models(model: str | None = None, /, *, format: OutputFormat = "table", output: Output = None) -> int:
    """List the trained policies that are installed, or show the card of one.

    Parameters
    ----------
    model
        Show how this one was made and what it reached on generated instances.
    format
        table, json, jsonl or csv.
    output
        Write here, not to standard output.
    """
    check_writable(output)
    from makespan.policies import zoo

    names = zoo.names()
    if model is not None and model not in names:
        raise UsageError(f"model: found {model!r}, expected one of {', '.join(names) or 'none'}")
    if not names:
        note("no trained policies are installed")
        if format in ("table", "csv"):
            return OK
    records = [_card(name) for name in ([model] if model else names)]
    if format == "table":
        if model:
            width = max(map(len, records[0]))
            text = "".join(f"{key:<{width}}  {value}\n" for key, value in records[0].items())
            write_output(text, output)
            return OK
        records = [{key: record[key] for key in ("model", "problem", "summary")} for record in records]
    write_output(render(records, format), output)
    return OK


def _card(name: str) -> dict[str, Any]:
    from makespan.policies import zoo

    card = zoo.card(zoo.path_of(name))
    notes = card["notes"] | {"seed": card["notes"].get("config", {}).get("seed", "")}
    return {"model": name, "problem": card["problem"], **{key: notes.get(key, "") for key in _SHOWN}}
