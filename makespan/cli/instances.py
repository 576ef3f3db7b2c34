"""``makespan instances``: the instances that come along, with sizes and best known bounds."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from makespan.cli.arguments import Output, OutputFormat, Reference, usage_errors
from makespan.cli.exit_codes import OK
from makespan.cli.output import check_writable, render, write_output

instances = App(
    name="instances",
    help="List and show the instances that come along.",
    help_epilogue="Example: makespan instances list ta",
    help_format="plaintext",
)

SET_COLUMNS = {key: key for key in ("set", "instances", "format", "first", "last")}
INSTANCE_COLUMNS = {
    "instance": "instance",
    "set": "set",
    "jobs": "jobs",
    "tasks": "tasks",
    "resources": "resources",
    "lower_bound": "bound",
    "best_known": "best known",
    "status": "status",
    "date": "date",
}


def _complete_sets(context: Any) -> list[str]:
    from makespan.instances.sets import set_names

    return set_names()


@instances.command(name="list", help_epilogue="Example: makespan instances list ta --format csv")
def list_(
    *sets: Annotated[str, Parameter(completer=_complete_sets)],
    format: OutputFormat = "table",
    output: Output = None,
) -> int:
    """List the sets that come along, or the instances of some sets with sizes and best known bounds.

    Parameters
    ----------
    sets
        Names of sets such as ta or rcpsp/j30; default: all sets, one line each.
    format
        table, json, jsonl or csv.
    output
        Write here, not to standard output.
    """
    check_writable(output)
    from makespan.instances.sets import instance_names, instance_set, set_names

    if not sets:
        records = [
            {
                "set": name,
                "instances": len(instance_names(name)),
                "format": instance_set(name).format,
                "first": instance_names(name)[0],
                "last": instance_names(name)[-1],
            }
            for name in set_names()
        ]
        write_output(render(records, format, SET_COLUMNS), output)
        return OK
    from makespan.instances.references import expand_references

    with usage_errors():
        references = expand_references(f"@{name.removeprefix('@')}" for name in sets)
        records = [_facts(reference.load(), reference.text, reference.set_name) for reference in references]
    write_output(render(records, format, INSTANCE_COLUMNS), output)
    return OK


@instances.command(help_epilogue="Example: makespan instances show @ft06")
def show(name: Reference, /, *, to: str | None = None, output: Output = None) -> int:
    """Print the text of an instance that comes along.

    Parameters
    ----------
    name
        Its name, such as @ft06.
    to
        Format of the text; default: that of its file.
    output
        Write here, not to standard output.
    """
    check_writable(output)
    from makespan.instances.references import one_reference
    from makespan.instances.write import to_text

    with usage_errors():
        reference = one_reference(f"@{name.removeprefix('@')}")
        instance = reference.load()
        write_output(to_text(instance, to or reference.format or "json"), output)
    return OK


def _facts(instance: Any, text: str, set_name: str) -> dict[str, Any]:
    from makespan.instances.bounds import best_known

    known = best_known(text.removeprefix("@"))
    return {
        "instance": text,
        "set": set_name,
        "jobs": instance.num_jobs if instance.job is not None else None,
        "tasks": instance.num_tasks,
        "modes": instance.num_modes,
        "resources": instance.num_resources,
        "lower_bound": None if known is None else known.lower_bound,
        "best_known": None if known is None else known.upper_bound,
        "status": None if known is None else known.status,
        "date": None if known is None else known.date,
        "source": None if known is None else known.source,
    }
