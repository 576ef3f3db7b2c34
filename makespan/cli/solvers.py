"""``makespan solvers``: what can be typed after ``--solver`` and what it handles."""

from __future__ import annotations

from typing import Any

from makespan.cli.arguments import Output, OutputFormat
from makespan.cli.exit_codes import OK
from makespan.cli.output import check_writable, render, write_output

COLUMNS = {"solver": "solver", "summary": "what it is", "handles": "handles", "examples": "examples"}


def solvers(*, format: OutputFormat = "table", output: Output = None) -> int:
    """List the solvers: names, what each does, which features it handles, and examples of specs.

    Parameters
    ----------
    format
        table, json, jsonl or csv.
    output
        Write here, not to standard output.
    """
    check_writable(output)
    from makespan.solvers.registry import solver_table

    records = [_facts(name) for name in sorted(solver_table())]
    if format == "table":
        records = [record | {"handles": _handled(record)} for record in records]
    write_output(render(records, format, COLUMNS if format in ("table", "csv") else None), output)
    return OK


def _facts(name: str) -> dict[str, Any]:
    from makespan.instances.features import FEATURES
    from makespan.solvers.registry import make_stage, parse_spec, solver_table

    entry = solver_table()[name]
    examples = list(entry.examples or (name,))
    try:
        supports = make_stage(parse_spec(examples[0])[0]).supports
        problem = ""
    except (ImportError, ValueError) as error:  # a plug-in whose own packages are missing is listed all the same
        supports, problem = frozenset(), str(error)
    return {
        "solver": name,
        "summary": entry.summary,
        "argument": entry.argument,
        "handles": [feature for feature in FEATURES if feature in supports],
        "refuses": [feature for feature in FEATURES if feature not in supports],
        "examples": examples,
        "problem": problem,
    }


def _handled(record: dict[str, Any]) -> str:
    if record["problem"]:
        return f"cannot be loaded: {record['problem']}"
    return " ".join(record["handles"]) if record["refuses"] else "every field"
