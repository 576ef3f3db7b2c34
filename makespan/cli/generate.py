"""``makespan generate``: a random instance from a seed."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from makespan.cli.arguments import InstanceFormat, OutputFormat, Target, usage_errors
from makespan.cli.exit_codes import OK
from makespan.cli.output import check_writable, render, write_output


def _complete_kinds(context: Any) -> list[str]:
    from makespan.instances.generators import GENERATORS

    return list(GENERATORS)


def generate(
    kind: Annotated[str | None, Parameter(completer=_complete_kinds)] = None,
    /,
    *,
    param: Annotated[list[str] | None, Parameter(name=["--param", "-p"], negative=())] = None,
    seed: int | None = None,
    name: str | None = None,
    to: InstanceFormat = None,
    output: Annotated[Target, Parameter(name=["--output", "-o"])] = "-",
    format: OutputFormat = "table",
) -> int:
    """Generate a random instance; without a kind, list the generators and their parameters.

    Parameters
    ----------
    kind
        A generator, also with its parameters: uniform,jobs=10,machines=5,seed=1.
    param
        A parameter as name=value; may be given several times.
    seed
        Short for --param seed=…
    name
        Name of the instance.
    to
        Format to write; default: by the ending of --output, makespan's own JSON on standard output.
    output
        File to write; default: standard output.
    format
        Of the list of generators: table, json, jsonl or csv.
    """
    check_writable(output)
    if kind is None:
        write_output(render(_generators(), format), output)
        return OK
    from makespan.instances.generators import generate as make_instance
    from makespan.instances.write import write

    settings = [*(param or []), *([] if seed is None else [f"seed={seed}"])]
    with usage_errors():
        instance = make_instance(",".join([kind, *settings]))
        write(instance if name is None else instance.named(name), output, to)
    return OK


def _generators() -> list[dict[str, Any]]:
    import inspect

    from makespan.instances.generators import GENERATORS

    records = []
    for name, generator in GENERATORS.items():
        known = inspect.signature(generator).parameters.values()
        words = [each.name if each.default is each.empty else f"{each.name}={each.default}" for each in known]
        summary = (inspect.getdoc(generator) or "").partition("\n")[0]
        records.append({"generator": name, "parameters": words, "what it makes": summary})
    return records
