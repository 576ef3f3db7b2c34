"""``makespan explain``: why an instance has no schedule, in the names of its tasks and resources."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from makespan.cli.arguments import InstanceFormat, Output, Reference, seconds_of, thread_count, usage_errors
from makespan.cli.exit_codes import NEGATIVE, NO_SCHEDULE, OK
from makespan.cli.output import check_writable, write_output


def explain(
    file: Reference,
    /,
    *,
    time_limit: Annotated[str, Parameter(name=["--time-limit", "-t"])] = "60s",
    threads: int | None = None,
    seed: int = 0,
    input_format: InstanceFormat = None,
    format: Literal["table", "json"] = "table",
    output: Output = None,
) -> int:
    """Say why an instance has no schedule: a smallest set of constraints that contradict each other.

    Exits with 1 if there is none, with 0 if there is a schedule after all, with 3 if the time was too short to tell.

    Parameters
    ----------
    file
        File, @name or - for standard input.
    time_limit
        90, 90s, 1.5m or 2h; the conflict may not be smallest when it is reached.
    threads
        Cores to use. Default: all.
    seed
        Seed of everything random.
    input_format
        Format of the file; default: found from the content.
    format
        table or json.
    output
        Write here, not to standard output.
    """
    check_writable(output)
    from makespan.instances.references import one_reference
    from makespan.solvers.explain import explain as explain_instance
    from makespan.solvers.stage import Budget

    with usage_errors():
        instance = one_reference(file).load(input_format)
        budget = Budget(seconds=seconds_of(time_limit))
    found = explain_instance(instance, budget, threads=thread_count(threads), seed=seed)
    if format == "json":
        import json

        report = {
            "kind": "makespan-explanation",
            "schema": 1,
            "instance": instance.name,
            "status": found.status,
            "conflict": list(found.sentences),
            "minimal": found.minimal,
            "seconds": round(found.seconds, 3),
        }
        write_output(json.dumps(report, ensure_ascii=False) + "\n", output)
    else:
        write_output(f"{found}\n", output)
    return {"feasible": OK, "infeasible": NEGATIVE}.get(found.status, NO_SCHEDULE)
