"""Results of other programs as claims, one for each run: read from CSV tables, result files and schedule files.

A claim is what a file says, with the line that says it; ``foreign`` decides whether to believe it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from makespan.eval.store import budget_text
from makespan.instances.errors import InputError, quoted
from makespan.instances.formats.csv_values import Cell, parse_seconds, read_table
from makespan.instances.formats.source import Source
from makespan.instances.read import read_source
from makespan.instances.schedule_files.read import is_schedule_file
from makespan.solvers.result_json import KIND, StoredResult, parse_result

COLUMNS: dict[str, tuple[str, ...]] = {
    "solver": ("method", "algorithm", "engine"),
    "instance": ("problem", "benchmark"),
    "objective": ("makespan", "cmax", "c_max", "value", "cost", "obj", "upper_bound", "ub"),
    "lower_bound": ("bound", "lb", "best_bound", "dual_bound"),
    "status": (),
    "seconds": ("time", "time_s", "time_(s)", "runtime", "cpu_time", "wall_time", "elapsed"),
    "seed": ("run", "replication"),
    "threads": ("cores", "workers"),
    "time_limit": ("timeout", "limit", "budget"),
    "iterations": (),
    "schedule": ("plan", "solution"),
    "date": ("finished_at",),
    "version": (),
    "hardware": ("machine", "processor", "cpu"),
}
"""Columns of a results table with their other names; ``solver``, ``instance`` and ``objective`` are needed."""

STATUSES = {
    "optimal": ("optimal", "optimum", "opt", "proved", "proven"),
    "feasible": ("feasible", "satisfied", "sat", "solved", "ok"),
    "infeasible": ("infeasible", "unsatisfiable", "unsat"),
    "unknown": ("unknown", "timeout", "time_limit", "no_solution", "none"),
    "error": ("error", "failed", "crash", "crashed", "memory", "out_of_memory"),
}
_STATUS_OF = {word: status for status, words in STATUSES.items() for word in words}
_NOTHING = ("", "-", "–", "na", "n/a", "nan", "none", "null", "inf")
_NUMBER = re.compile(r"[+-]?([0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,30})([eE][+-]?[0-9]{1,2})?")
_LARGEST = 2**53


@dataclass(frozen=True)
class Claim:
    """What a file says about one run.

    Parameters
    ----------
    place
        File, and line where one applies.
    instance
        As in a suite (``@ft06``, a file), or the plain name of an instance that comes along.
    status
        One of STATUSES, None where the file names none.
    schedule
        A file with the schedule, None where there is none.
    result
        The result file itself, where the claim is one.
    folder
        Where relative paths begin.
    """

    place: tuple[str, int | None]
    solver: str
    instance: str
    objective: int | None = None
    lower_bound: int | None = None
    status: str | None = None
    seconds: float | None = None
    seed: int = 0
    threads: int = 1
    budget: str = "none"
    iterations: int = 0
    schedule: Path | None = None
    result: StoredResult | None = None
    folder: Path = Path()
    date: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
    hardware: dict[str, Any] = field(default_factory=dict)

    def refusal(self, found: str, expected: str) -> InputError:
        """The error that says why it is not believed."""
        return InputError(*self.place, found, expected)


@dataclass(frozen=True)
class Defaults:
    """What holds for a file that does not say: solver, instance, and columns to pass over."""

    solver: str | None = None
    instance: str | None = None
    ignored: tuple[str, ...] = ()


def read_claims(path: str | Path, defaults: Defaults) -> list[Claim]:
    """The claims in a file: a CSV table of results, result files as JSON (one, a list, or lines), or a schedule.

    Raises
    ------
    InputError
        Naming file and line, for anything that does not read.
    """
    path = Path(path)
    if is_schedule_file(path):
        return [_schedule_claim(path, defaults)]
    source = read_source(path)
    if source.text.lstrip()[:1] in ("{", "["):
        return [_result_claim(source, line, text, defaults) for line, text in _result_texts(source)]
    return list(_table_claims(source, path.parent, defaults))


def _schedule_claim(path: Path, defaults: Defaults) -> Claim:
    if defaults.solver is None or defaults.instance is None:
        raise InputError(str(path), None, "a schedule alone", "--solver and --instance to say whose and of what it is")
    return Claim((str(path), None), defaults.solver, defaults.instance, schedule=path)


# -- result files ---------------------------------------------------------------------------------


def _result_texts(source: Source) -> Iterator[tuple[int | None, str]]:
    """Line and text of each result; what else stands in a stream of events is passed over."""
    lines = source.lines
    if len(lines) > 1 and all(text.startswith("{") and text.endswith("}") for _, text in lines):
        for line, text in lines:
            if f'"{KIND}"' in text:
                yield line, text
    elif source.text.lstrip().startswith("{"):
        yield None, source.text
    else:
        for item in source.json:
            if not isinstance(item, dict):
                source.fail(None, f"JSON {quoted(item)}", "a list of results of makespan solve")
            if item.get("kind") != "makespan-error":
                yield None, json.dumps(item)


def _result_claim(source: Source, line: int | None, text: str, defaults: Defaults) -> Claim:
    try:
        stored = parse_result(text, source.path)
    except InputError as error:
        raise InputError(source.path, error.line or line, error.found, error.expected) from None
    solver = defaults.solver or stored.solver
    if not solver:
        source.fail(line, "no solver", "a solver, or --solver to say whose results these are")
    return Claim(
        (source.path, line),
        solver,
        defaults.instance or f"@{stored.instance.name}",
        objective=stored.objective,
        lower_bound=stored.lower_bound,
        status=_STATUS_OF.get(stored.status.lower(), "unknown"),
        seconds=stored.seconds,
        seed=stored.seed or 0,
        threads=stored.threads or 1,
        budget=budget_text(stored.budget),
        iterations=stored.iterations or 0,
        result=stored,
        folder=Path(source.path).parent,
        versions=stored.versions,
    )


# -- tables ---------------------------------------------------------------------------------------


def _table_claims(source: Source, folder: Path, defaults: Defaults) -> Iterator[Claim]:
    table = read_table(source, COLUMNS | dict.fromkeys(defaults.ignored, ()))
    for column, given in (("solver", defaults.solver), ("instance", defaults.instance), ("objective", None)):
        if column not in table.columns and given is None:
            option = "" if column == "objective" else f", or --{column}"
            source.fail(table.header_line, f"no column {column}", f"{column} or {', '.join(COLUMNS[column])}{option}")
    for row in table.rows:
        cells = {name: cell for name, cell in row.items() if cell.text.lower() not in _NOTHING}
        line = next(iter(row.values())).line
        yield _row_claim(source, folder, cells, line, defaults)


def _row_claim(source: Source, folder: Path, cells: dict[str, Cell], line: int, defaults: Defaults) -> Claim:
    def text(column: str) -> str | None:
        return cells[column].text if column in cells else None

    def count(column: str, low: int, otherwise: int) -> int:
        return otherwise if column not in cells else _whole(source, cells[column], column, low)

    solver, instance = text("solver") or defaults.solver, text("instance") or defaults.instance
    if solver is None or instance is None:
        source.fail(line, f"a row without {'solver' if solver is None else 'instance'}", "one on every row")
    limit = {"seconds": _seconds(source, cells["time_limit"])} if "time_limit" in cells else {}
    limit |= {"iterations": count("iterations", 0, 0)} if "iterations" in cells and not limit else {}
    schedule, version = text("schedule"), text("version")
    return Claim(
        (source.path, line),
        solver,
        instance,
        objective=_whole(source, cells["objective"], "objective") if "objective" in cells else None,
        lower_bound=_bound(source, cells["lower_bound"]) if "lower_bound" in cells else None,
        status=_status(source, cells["status"]) if "status" in cells else None,
        seconds=_seconds(source, cells["seconds"]) if "seconds" in cells else None,
        seed=count("seed", 0, 0),
        threads=count("threads", 1, 1),
        budget=budget_text(limit),
        iterations=count("iterations", 0, 0),
        schedule=None if schedule is None else folder / schedule,
        folder=folder,
        date=_date(source, cells["date"]) if "date" in cells else None,
        versions={} if version is None else {solver: version},
        hardware={} if text("hardware") is None else {"processor": text("hardware")},
    )


def _number(source: Source, cell: Cell, name: str) -> Fraction:
    text = cell.text.replace("\u202f", "").replace(" ", "")
    if not _NUMBER.fullmatch(text):
        source.fail(cell.line, f"{name} {quoted(cell.text)}", "a number")
    return Fraction(text)


def _whole(source: Source, cell: Cell, name: str, low: int = -_LARGEST) -> int:
    """A whole number, also one that is written as 55.0."""
    value = _number(source, cell, name)
    if value.denominator != 1 or not low <= value <= _LARGEST:
        bounds = "" if low < 0 else f" from {low}"
        source.fail(cell.line, f"{name} {quoted(cell.text)}", f"a whole number{bounds}")
    return int(value)


def _bound(source: Source, cell: Cell) -> int:
    """A lower bound rounded up to the next whole number, as objectives are whole; a hair above one is that one."""
    value = _number(source, cell, "lower bound")
    if abs(value) > _LARGEST:
        source.fail(cell.line, f"lower bound {quoted(cell.text)}", "at most 2^53")
    return -int(-(value - Fraction(1, 10**6)) // 1)


def _seconds(source: Source, cell: Cell) -> float:
    if _NUMBER.fullmatch(cell.text):
        seconds = float(cell.text)
    else:
        seconds = float(parse_seconds(source, cell, Fraction(1)))
    if seconds < 0:
        source.fail(cell.line, quoted(cell.text), "0 seconds or more")
    return seconds


def _status(source: Source, cell: Cell) -> str:
    word = cell.text.strip().lower().replace(" ", "_")
    if word not in _STATUS_OF:
        source.fail(cell.line, f"status {quoted(cell.text)}", f"one of {', '.join(_STATUS_OF)}")
    return _STATUS_OF[word]


def _date(source: Source, cell: Cell) -> str:
    try:
        date = datetime.fromisoformat(cell.text)
    except ValueError:
        source.fail(cell.line, f"date {quoted(cell.text)}", "a date such as 2026-03-02")
    return date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC).isoformat(timespec="seconds")
