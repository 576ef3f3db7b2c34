"""``makespan bench compare`` and ``makespan bench report``: what stored runs say."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from makespan.cli.arguments import Flag, Output, OutputFormat, Quiet, usage_errors
from makespan.cli.exit_codes import NEGATIVE, OK, UsageError
from makespan.cli.output import check_writable, note, percent, render, write_output

if TYPE_CHECKING:
    from makespan.eval.compare import Comparison

Suites = Annotated[list[str] | None, Parameter(name="--suite", negative=())]

_CLASS_COLUMNS = {
    "class": "class",
    "instances": "n",
    "gap_a": "gap A",
    "gap_b": "gap B",
    "difference": "B - A",
    "low": "95 % from",
    "high": "to",
    "wins": "wins",
    "ties": "ties",
    "losses": "losses",
    "p": "p",
    "p_holm": "p (Holm)",
    "proved_a": "proved A",
    "proved_b": "proved B",
}
_INSTANCE_COLUMNS = {
    "class": "class",
    "instance": "instance",
    "gap_a": "gap A",
    "gap_b": "gap B",
    "difference": "B - A",
}
_PERCENT = ("gap_a", "gap_b", "difference", "low", "high", "proved_a", "proved_b")


def compare(
    a: str,
    b: str,
    /,
    *,
    margin: float = 0.1,
    by: Literal["set", "size", "instance"] = "set",
    suite: Suites = None,
    format: OutputFormat = "table",
    output: Output = None,
    quiet: Quiet = False,
) -> int:
    """Compare two solvers, or two states of the same ones, on the instances that both have played.

    Prints mean gaps, their paired differences (above 0: B is worse) with a 95 % bootstrap interval, wins, ties and
    losses of B, and the p-value of Wilcoxon's signed-rank test. A run without a schedule counts as a gap of 100 %.
    Exits with 1 if B is worse than A by more than the margin: over all instances, or in a class in which the test,
    adjusted for the number of classes, says so at 5 %.

    Parameters
    ----------
    a
        The side to start from: a store, or a store and a solver: old.sqlite, runs.sqlite:auto.
    b
        The side to judge, likewise; :SOLVER is a solver in the store of A. Without solvers, each solver is compared
        with itself in the other store.
    margin
        Percentage points by which the mean gap of B may be larger.
    by
        Rows of the answer: sets, sets and sizes, or the pairs of all instances.
    suite
        Only runs of this suite; may be given several times.
    format
        table, json, jsonl or csv; the last three hold gaps as fractions.
    output
        Write here, not to standard output.
    quiet
        No words on standard error.
    """
    if not 0 <= margin < 100:
        raise UsageError(f"margin: found {margin}, expected percentage points from 0 to 100")
    check_writable(output)
    from makespan.eval.compare import compare as compare_sides
    from makespan.eval.compare import parse_side

    with usage_errors():
        first = parse_side(a)
        second = parse_side(b, first.store)
        found = compare_sides(first, second, margin=margin / 100, suites=suite or ())
    records = [record for each in found for record in _records(each, by)]
    shown = records
    if format == "table":
        shown = [{k: percent(v) if k in _PERCENT else v for k, v in record.items()} for record in records]
    columns = _INSTANCE_COLUMNS if by == "instance" else _CLASS_COLUMNS
    if len(found) > 1 or format == "csv":
        columns = {"a": "A", "b": "B"} | columns
    write_output(render(shown, format, columns), output)
    for each in found:
        note(f"A: {each.label_a}; B: {each.label_b}; {len(each.pairs)} instances", quiet)
        if each.only_a or each.only_b:
            note(f"left out: {each.only_a} instances of A alone, {each.only_b} of B alone", quiet)
        for part in each.classes:
            if part.regression:
                points, name = 100 * part.difference, f"{each.label_b} against {each.label_a}"
                note(f"regression: {name} on {part.group}: {points:+.2f} points, margin {margin:g}", quiet)
    return NEGATIVE if any(each.regression for each in found) else OK


def _records(comparison: Comparison, by: str) -> list[dict[str, Any]]:
    names = {"a": comparison.label_a, "b": comparison.label_b}
    if by == "instance":
        return [
            names
            | {
                "class": pair.instance_set,
                "instance": pair.instance,
                "gap_a": pair.gap_a,
                "gap_b": pair.gap_b,
                "difference": pair.difference,
            }
            for pair in comparison.pairs
        ]
    return [
        names
        | {
            "class": each.group,
            "instances": each.instances,
            "gap_a": each.gap_a,
            "gap_b": each.gap_b,
            "difference": each.difference,
            "low": each.low,
            "high": each.high,
            "wins": each.wins,
            "ties": each.ties,
            "losses": each.losses,
            "p": each.p_value,
            "p_holm": each.adjusted,
            "proved_a": each.proved_a,
            "proved_b": each.proved_b,
            "regression": each.regression,
        }
        for each in comparison.classes
        if by == "size" or each.level != "size"
    ]


def report(
    *stores: str,
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path("report.html"),
    title: str | None = None,
    suite: Suites = None,
    instances: Annotated[list[str] | None, Parameter(negative=())] = None,
    no_charts: Flag = False,
    quiet: Quiet = False,
) -> int:
    """Write a report of stored runs: one HTML page that works offline, with its tables beside it.

    The page shows gaps and proofs by class, performance profiles, anytime curves, time to target, critical differences,
    and every instance with its runs, traces and best schedules. Beside report.html the folder report/tables holds all
    tables as CSV, LaTeX and Markdown; what does not fit into a page of 15 MB lies in report/instances.

    Parameters
    ----------
    stores
        Files that bench run has written; runs of one solver and budget are shown as one.
    output
        The page to write.
    title
        Heading; default: the names of the suites.
    suite
        Only runs of this suite; may be given several times.
    instances
        File, folder, glob or @name of instances that do not come along, to draw their schedules; may be given several
        times.
    no_charts
        Leave the Gantt charts out.
    quiet
        No words on standard error.
    """
    if not stores:
        raise UsageError("stores: found none, expected a file that bench run has written")
    if output.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{output}: found ending {output.suffix or 'none'!r} for a report, expected .html")
    check_writable(str(output))
    from makespan.eval.report import write_report
    from makespan.instances.references import expand_references

    own = [reference.load() for reference in expand_references(instances or ())]
    with usage_errors():
        written = write_report(
            stores,
            output,
            suites=suite or (),
            title=title,
            own=own,
            charts=not no_charts,
            command=shlex.join(["makespan", *sys.argv[1:]]),
        )
    size = output.stat().st_size / 1e6
    beside = f", {len(written.side_files)} instances in files beside it" if written.side_files else ""
    folder = written.tables[0].parent
    note(
        f"{written.page}: {written.runs} runs, {written.charts} charts, {size:.1f} MB{beside}; tables in {folder}",
        quiet,
    )
    return OK
