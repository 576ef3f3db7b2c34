"""``makespan info``: what an instance holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from makespan.cli.arguments import InstanceFormat, Output, OutputFormat, References, check_format
from makespan.cli.exit_codes import OK, UsageError, code_of, worst
from makespan.cli.output import cell, check_writable, render, write_output

if TYPE_CHECKING:
    from makespan.instances.instance import Instance
    from makespan.instances.references import Reference


def info(
    *files: References,
    input_format: InstanceFormat = None,
    format: OutputFormat = "table",
    output: Output = None,
) -> int:
    """Show sizes, features, bounds and format of instances.

    Parameters
    ----------
    files
        Files, globs, folders, @name for an instance that comes along, @set for a whole set, - for standard input.
    input_format
        Format of the files; default: found from the content.
    format
        table, json, jsonl or csv.
    output
        Write here, not to standard output.
    """
    if not files:
        raise UsageError("info: no FILES, expected files, folders, @names or -")
    check_writable(output)
    check_format(input_format)
    from makespan.instances.references import expand_references

    records, codes = [], []
    for reference in expand_references(files):
        try:
            records.append(_facts(reference, reference.load(input_format), input_format))
            codes.append(OK)
        except Exception as error:
            codes.append(code_of(error))
    if records:
        write_output(_blocks(records) if format == "table" else render(records, format), output)
    return worst(codes)


def _facts(reference: Reference, instance: Instance, input_format: str | None) -> dict[str, Any]:
    from makespan.instances.features import FEATURES
    from makespan.solvers.infeasibility import infeasibility
    from makespan.solvers.lower_bounds import lower_bound

    known = reference.best_known(instance)
    reason = instance.derived(infeasibility)
    return {
        "instance": instance.name,
        "file": reference.text,
        "format": input_format or reference.format,
        "source": instance.meta.source,
        "jobs": instance.num_jobs if instance.job is not None else None,
        "tasks": instance.num_tasks,
        "modes": instance.num_modes,
        "resources": instance.num_resources,
        "arcs": instance.num_arcs,
        "objective": list(instance.objective),
        "features": {name: words for name, words in FEATURES.items() if name in instance.features},
        "infeasible": reason,
        "lower_bound": None if reason else instance.derived(lower_bound),
        "best_known": None if known is None else known.upper_bound,
        "best_known_bound": None if known is None else known.lower_bound,
        "best_known_date": None if known is None else known.date,
        "hash": instance.digest,
    }


def _blocks(records: list[dict[str, Any]]) -> str:
    """One block of lines for each instance."""
    blocks = []
    for record in records:
        words = {key: "; ".join(value.values()) if isinstance(value, dict) else value for key, value in record.items()}
        shown = {key: cell(value) for key, value in words.items() if value not in (None, "", [])}
        blocks.append("".join(f"{key.replace('_', ' '):<16}  {value}\n" for key, value in shown.items()))
    return "\n".join(blocks)
