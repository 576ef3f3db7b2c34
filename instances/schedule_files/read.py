"""read_schedule(path, instance): a schedule from a CSV table, JSON rows or MS Project XML; the content says which."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from makespan.instances.errors import quoted
from makespan.instances.formats.csv_values import Cell, Table, delimiter_of, read_table, split_list, whole_number
from makespan.instances.formats.source import Source
from makespan.instances.gantt.clock import clock_of
from makespan.instances.instance import Instance
from makespan.instances.read import read_source
from makespan.instances.schedule import Schedule
from makespan.instances.schedule_files.read_ms_project import read_document, read_rows
from makespan.instances.schedule_files.rows import Row, Tasks, moment, schedule_of

COLUMNS: dict[str, tuple[str, ...]] = {
    "task": ("activity", "id", "name"),
    "job": ("order", "project"),
    "operation": ("op",),
    "start": ("start_time", "begin"),
    "start_date": (),
    "mode": (),
    "machine": (),
    "resources": ("resource",),
    "end": ("finish", "end_time", "completion"),
    "end_date": (),
}
"""Columns of a table and keys of JSON rows, with their other names; ends are not read: they follow from the starts."""

_LARGEST_MODE = 2**31 - 1


def is_schedule_file(path: str | Path) -> bool:
    """Whether a file looks like a schedule that ``read_schedule`` reads, rather than an instance. Raises nothing."""
    try:
        with Path(path).open(encoding="utf-8-sig", errors="replace") as file:
            return _looks_like_schedule(file.read(4000))
    except OSError:
        return False


def _looks_like_schedule(text: str) -> bool:
    begin = text.lstrip()
    if begin.startswith("<"):
        return "<Project" in begin
    if begin.startswith("["):
        return re.match(r'\[\s*\{[^\]]*"start"', begin) is not None
    if begin.startswith("{"):
        return re.search(r'"schedule"\s*:\s*\[', begin) is not None
    header = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    words = {re.sub(r"[\s\-]+", "_", word.strip(' "').lower()) for word in header.split(delimiter_of(header))}
    starts = {name for name in words if name in ("start", "start_date", *COLUMNS["start"])}
    return bool(starts) and not words & {"duration", "shift"} and bool(words & {"task", "operation", *COLUMNS["task"]})


def instance_name_in(path: str | Path) -> str:
    """The name of the instance that a schedule file states, empty where it states none. Raises InputError."""
    source = read_source(Path(path))
    if source.text.lstrip().startswith("<"):
        return read_document(source).project.get("Title", "")
    if source.is_json and isinstance(source.json, dict):
        return str(source.json.get("instance", ""))
    return ""


def read_schedule(path: str | Path, instance: Instance, *, partial: bool = False) -> Schedule:
    """The schedule in a file, for this instance; nothing is checked but that every task has one start and mode.

    A table has a column ``task`` (a name, or a number from 0 where the instance has no names) or ``job`` and
    ``operation``; a ``start`` (a number, a duration or a date) or a ``start_date``; and, where a task has several
    modes, ``mode`` (from 0) or the ``resources`` it uses. JSON is a list of such rows, or an object with the list as
    ``schedule``. MS Project XML is read as ``read_ms_project`` says. With ``partial`` a task may be missing: its start
    and mode are NO_PLAN then, as ``replan`` takes them.

    Raises
    ------
    InputError
        Naming file, line, what was found and what was expected.
    """
    return parse_schedule(read_source(Path(path)), instance, partial=partial)


def parse_schedule(source: Source, instance: Instance, *, partial: bool = False) -> Schedule:
    """The schedule in a text; see ``read_schedule``."""
    if source.text.lstrip().startswith("<"):
        return schedule_of(source, instance, read_rows(source, instance), partial)
    table = _json_table(source) if source.is_json else read_table(source, COLUMNS)
    named = set(table.columns)
    if "task" not in named and not {"job", "operation"} <= named:
        source.fail(table.header_line, "no column task", "a column task, or job and operation")
    if not {"start", "start_date"} & named:
        source.fail(table.header_line, "no column start", "start or start_date")
    tasks, clock = Tasks(source, instance), clock_of(instance, 0)
    rows = []
    for cells in table.rows:
        line = next(iter(cells.values())).line
        start = cells.get("start") or cells.get("start_date")
        if start is None:
            source.fail(line, "a row without start", "a number, a duration or a date")
        mode = cells.get("mode")
        rows.append(
            Row(
                line,
                _task(source, tasks, cells, line),
                moment(source, instance, clock, start),
                None if mode is None else whole_number(source, mode, 0, _LARGEST_MODE, "mode"),
                _resources(cells),
            )
        )
    return schedule_of(source, instance, rows, partial)


def _task(source: Source, tasks: Tasks, cells: dict[str, Cell], line: int) -> int:
    if "task" in cells:
        return tasks.find(cells["task"].text, line)
    if not {"job", "operation"} <= set(cells):
        source.fail(line, "a row without task", "a task, or job and operation")
    return tasks.operation(cells["job"].text, cells["operation"].text, line)


def _resources(cells: dict[str, Cell]) -> frozenset[str] | None:
    listed = [name for key in ("machine", "resources") if key in cells for name in split_list(cells[key].text)]
    return frozenset(listed) if listed else None


def _json_table(source: Source) -> Table:
    """JSON rows as the table that says the same."""
    data: Any = source.json
    rows = data.get("schedule") if isinstance(data, dict) else data
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row for row in rows):
        source.fail(None, f"JSON {quoted(data)}", "a list of objects with task, start and mode")
    canonical = {alias: name for name, names in COLUMNS.items() for alias in (name, *names)}
    found: list[dict[str, Cell]] = []
    for row, line in zip(rows, _lines_of_entries(source.text), strict=True):
        for key, value in row.items():
            if key not in canonical:
                source.fail(line, quoted(key), f"one of {', '.join(COLUMNS)}")
            if isinstance(value, dict | bool | float):
                source.fail(line, f"{key} {quoted(value)}", "a whole number or text")
        given = {canonical[key]: _text(value) for key, value in row.items() if value is not None}
        found.append({name: Cell(text, line) for name, text in given.items() if text})
        if not found[-1]:
            source.fail(line, "an empty row", "task, start and mode")
    return Table(found, tuple({name for cells in found for name in cells}), 1)


def _lines_of_entries(text: str) -> Iterator[int]:
    """The line on which each entry of the list begins; ``text`` is known to be JSON that holds one."""
    match = re.search(r'"schedule"\s*:\s*\[', text) if text.lstrip().startswith("{") else re.search(r"\[", text)
    assert match is not None
    decoder, position, counted, line = json.JSONDecoder(), match.end(), 0, 1
    while True:
        while text[position] in " \t\n,":
            position += 1
        if text[position] == "]":
            return
        line, counted = line + text.count("\n", counted, position), position
        yield line
        _, position = decoder.raw_decode(text, position)


def _text(value: object) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)
