"""``makespan study``: small experiments of papers, as a table of ratios and raw rows."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from makespan.cli.arguments import Flag, Output, OutputFormat, Quiet, Stream
from makespan.cli.exit_codes import OK, UsageError
from makespan.cli.output import check_writable, note, render, write_output


def _complete_studies(context: Any) -> list[str]:
    from makespan.eval.studies import STUDIES

    return list(STUDIES)


def study(
    name: Annotated[str | None, Parameter(completer=_complete_studies)] = None,
    /,
    *,
    small: Flag = False,
    seeds: int | None = None,
    rows: Stream = None,
    format: OutputFormat = "table",
    output: Output = None,
    quiet: Quiet = False,
) -> int:
    """Play a study and print a line for each setting; without a name, list the studies.

    Every value is compared to a reference on the same data (an optimum, a bound, or another method). The table has the
    mean value, the ratio of the means, the mean of the ratios and the largest ratio.

    Parameters
    ----------
    name
        A study, such as online_means.
    small
        Fewer and smaller settings: minutes at most.
    seeds
        Repetitions of each random setting; default: those of the study.
    rows
        Also write every run as CSV to this file, - for standard output.
    format
        Of the table: table, json, jsonl or csv.
    output
        Write the table here, not to standard output.
    quiet
        No progress.
    """
    from makespan.eval.studies import STUDIES, table

    for path in (rows, output):
        check_writable(path)
    if name is None:
        listed = [
            {"study": each.name, "seeds": each.seeds, "compared to": each.reference, "what it shows": each.summary}
            for each in STUDIES.values()
        ]
        write_output(render(listed, format), output)
        return OK
    if name not in STUDIES:
        raise UsageError(f"study: found {name!r}, expected one of {', '.join(STUDIES)}")
    if seeds is not None and seeds < 1:
        raise UsageError(f"seeds: found {seeds}, expected 1 or more")
    chosen = STUDIES[name]
    note(f"study {name}: {chosen.summary}; compared to: {chosen.reference}", quiet)
    found = []
    for row in chosen.rows(seeds, small):
        found.append(row)
        if len(found) % 1000 == 0:
            note(f"{len(found)} runs", quiet)
    if rows is not None:
        write_output(render([_rounded(row) for row in found], "csv"), rows)
    write_output(render(table(found), format), output)
    return OK


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Seven digits of every float, which is more than the rows differ by."""
    return {key: float(f"{value:.7g}") if isinstance(value, float) else value for key, value in row.items()}
