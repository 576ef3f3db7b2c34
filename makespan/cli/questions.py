"""``makespan bench pose`` and ``bench score``: feasibility questions, and the answers of any method to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from makespan.cli.arguments import Flag, Output, OutputFormat, Quiet, Stream, usage_errors
from makespan.cli.exit_codes import OK, UsageError
from makespan.cli.output import check_writable, note, percent, render, write_output

if TYPE_CHECKING:
    from makespan.eval.answers import Verdict
    from makespan.eval.feasibility import Cell

COLUMNS = {
    "tasks": "tasks",
    "stage": "stage",
    "level": "level",
    "questions": "questions",
    "rate": "feasible",
    "low": "from",
    "high": "to",
    "unreadable": "unreadable",
}
CURVE_COLUMNS = {"tasks": "tasks", "stage": "stage", "rate": "feasible", "threshold": "threshold", "area": "area"}
INTERACTION_COLUMNS = {"tasks": "tasks", "rate": "all axes", "foretold": "foretold", "gap": "interaction"}


def pose(
    folder: Path,
    /,
    *,
    tasks: str = "10,20,30,50",
    stages: str = "P,PD,PDT,PDTX,PT,PX",
    levels: str = "0,0.5,1,1.5,2",
    count: int = 20,
    seed: int = 0,
    strict: Flag = False,
    migration: Flag = False,
    quiet: Quiet = False,
) -> int:
    """Write questions of growing difficulty: is there a schedule, and which?

    Each question is one JSON file in FOLDER/questions that says in words what to do; a feasible schedule of each lies
    in FOLDER/witnesses, out of the sight of whoever answers. Existing files of the same names are replaced. A level
    that a seed does not allow, since no further arc would be new, is left out.

    Parameters
    ----------
    folder
        Where the two folders go; made if there is none.
    tasks
        Sizes, separated by commas.
    stages
        P (precedence and resources), with D for downtimes, T for windows, X for pairs that must not overlap.
    levels
        Precedence arcs per task, separated by commas: 0 to 2, rounded up to whole arcs.
    count
        Questions for each size, stage and level.
    seed
        Of the first; the others follow.
    strict
        Only arcs that never become redundant.
    migration
        The same questions in the words of a move of servers to another data centre.
    quiet
        Say nothing.
    """
    sizes = _numbers(tasks, "tasks", int)
    densities = _numbers(levels, "levels", float)
    if count < 1:
        raise UsageError(f"count: found {count}, expected 1 or more")
    if not all(0 <= density <= 2 for density in densities):
        raise UsageError(f"levels: found {levels}, expected numbers from 0 to 2")
    from makespan.eval.questions import pose as write_questions

    with usage_errors():
        posed = write_questions(
            folder,
            sizes,
            [stage.strip() for stage in stages.split(",")],
            densities,
            range(seed, seed + count),
            strict=strict,
            migration=migration,
        )
    note(f"{posed.questions} questions in {folder / 'questions'}, {posed.left_out} left out", quiet)
    return OK


def score(
    answers: Path,
    /,
    *,
    questions: Path | None = None,
    export: Stream = None,
    format: OutputFormat = "table",
    output: Output = None,
) -> int:
    """Score the answers of any method to questions of bench pose.

    An answer is a text with a JSON array of {"id": task, "start": time}, the last one counts; a result of makespan
    solve is one too. What cannot be read counts as unreadable, not as infeasible; a question without an answer too.

    Parameters
    ----------
    answers
        A folder with one file for each question, under its name with any ending; a .jsonl file with question and answer
        on each line; or one answer.
    questions
        Folder of the questions; default: the folder questions beside the answers.
    export
        Also write one row for each question as CSV to this file, - for standard output.
    format
        Of the summary: table, json, jsonl or csv (jsonl and csv hold the cells alone).
    output
        Write the summary here, not to standard output.
    """
    for path in (output, export):
        check_writable(path)
    from dataclasses import asdict

    from makespan.eval.answers import read_answers, read_questions
    from makespan.eval.answers import score as judge
    from makespan.eval.feasibility import cells, curves, interactions

    given = read_answers(answers)
    posed = read_questions(questions or answers.absolute().parent / "questions")
    if not answers.is_dir() and answers.suffix.lower() != ".jsonl":
        posed = {name: each for name, each in posed.items() if name in given}
    verdicts = judge(posed, given)
    found = cells(verdicts)
    records = [_record(cell) for cell in found]
    shapes, gaps = [asdict(each) for each in curves(found)], [asdict(each) for each in interactions(found)]
    if format == "json":
        import json

        report = {"kind": "makespan-score", "schema": 1, "cells": records, "curves": shapes, "interactions": gaps}
        text = json.dumps(report) + "\n"
    elif format == "table":
        text = _tables(records, shapes, gaps)
    else:
        text = render(records, format)
    write_output(text, output)
    if export is not None:
        write_output(render([row_of(each) for each in verdicts], "csv"), export)
    return OK


def row_of(verdict: Verdict) -> dict[str, Any]:
    """A verdict as a row: the number of broken constraints and their amount for each kind."""
    from makespan.eval.answers import KINDS

    named = ("question", "tasks", "stage", "level", "outcome")
    row = {name: getattr(verdict, name) for name in named}
    row |= {kind: verdict.broken.get(kind, 0) for kind in KINDS}
    row |= {f"{kind}_amount": verdict.amount.get(kind, 0) for kind in KINDS}
    return row | {"message": verdict.message}


def _record(cell: Cell) -> dict[str, Any]:
    from dataclasses import asdict

    from makespan.eval.answers import KINDS

    record = asdict(cell)
    share = record.pop("share")
    return record | {kind: share.get(kind) for kind in KINDS}


def _tables(cells: list[dict[str, Any]], curves: list[dict[str, Any]], gaps: list[dict[str, Any]]) -> str:
    """Cells with the kinds that are broken somewhere, then the curves and what the axes do together."""
    from makespan.eval.answers import KINDS

    broken = {kind: kind for kind in KINDS if any(record[kind] for record in cells)}
    rates = ("rate", "low", "high", *broken)
    shown = [record | {key: percent(record[key]) for key in rates} for record in cells]
    tables = [render(shown, "table", COLUMNS | broken)]
    shown = [record | {key: percent(record[key]) for key in ("rate", "area")} for record in curves]
    tables.append(render(shown, "table", CURVE_COLUMNS))
    if gaps:
        shown = [record | {key: percent(record[key]) for key in ("rate", "foretold", "gap")} for record in gaps]
        tables.append(render(shown, "table", INTERACTION_COLUMNS))
    return "\n".join(tables)


def _numbers(text: str, name: str, kind: Any) -> list[Any]:
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{name}: found {text!r}, expected numbers separated by commas") from None
