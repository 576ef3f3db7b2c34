"""CSV tables for planners: one row per operation or activity, alternatives as several rows with the same task.

Columns, cells and the ``# key: value`` lines above the header are described in docs/formats.md; a file
``NAME.calendar.csv`` beside the table gives shifts and exceptions (see csv_calendar.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from makespan.instances.errors import quoted
from makespan.instances.features import ALL_FEATURES
from makespan.instances.formats import csv_write
from makespan.instances.formats.csv_calendar import CalendarRow, build_calendar, read_rows
from makespan.instances.formats.csv_directives import Directives, read_directives
from makespan.instances.formats.csv_values import (
    SECONDS,
    Cell,
    Clock,
    Table,
    delimiter_of,
    is_date,
    parse_date,
    read_table,
    split_list,
    whole_number,
)
from makespan.instances.formats.source import Source
from makespan.instances.instance import ARC_KINDS, ES, HORIZON_LIMIT, Arc, Instance, Metadata, Setup

HOLDS = ALL_FEATURES - {"calendar", "pause"}

COLUMNS: dict[str, tuple[str, ...]] = {
    "task": ("activity", "id"),
    "operation": ("op",),
    "job": ("order", "project"),
    "duration": ("time", "processing_time"),
    "machine": (),
    "resources": ("resource",),
    "predecessors": ("predecessor", "after"),
    "release": ("earliest_start",),
    "due": ("due_date",),
    "deadline": (),
    "weight": ("priority",),
    "job_release": (),
    "job_due": (),
    "job_deadline": (),
    "job_weight": (),
    "family": ("setup_family",),
    "pause": (),
    "fixed_start": (),
    "fixed_mode": (),
}

_LARGEST_MATRIX = 3_000  # rows of a matrix that a short file may ask for: 72 MB
_TIMES = ("release", "due", "deadline")
_TASK_COLUMNS = {*_TIMES, "weight", "pause", "fixed_start", "predecessors"}
_JOB_COLUMNS = {f"job_{name}" for name in (*_TIMES, "weight")}
_UNUSED = {"release": 0, "due": HORIZON_LIMIT, "deadline": HORIZON_LIMIT, "weight": 1}
_PAUSE = {"no": 0, "releases": 1, "yes": 1, "holds": 2}
_KINDS = {"fs": 2, "es": 2, "ss": 0, "sf": 1, "se": 1, "ff": 3, "ee": 3}
_LINK = re.compile(r"(.+?)(?:\s+(FS|ES|SS|SF|SE|FF|EE))?\s*([+-]\s*[0-9][0-9A-Za-z.,: ]*)?", re.IGNORECASE)

write = csv_write.write


def recognises(source: Source) -> bool:
    """A header line with a separator, in which ``duration`` and ``task`` or ``operation`` are columns."""
    line = source.text.split("\n", len(source.comments) + 1)[len(source.comments) :][:1]
    if not line or len(line[0]) > 10_000:
        return False
    words = {word.strip().strip('"').lower() for word in line[0].split(delimiter_of(line[0]))}
    duration = {"duration", *COLUMNS["duration"]}
    tasks = {"task", *COLUMNS["task"], "operation", *COLUMNS["operation"]}
    return bool(words & duration) and bool(words & tasks)


@dataclass
class _Task:
    """What the rows of one task say so far."""

    name: str
    line: int
    job: int
    modes: list[tuple[int, dict[int, int]]] = field(default_factory=list)
    families: list[int] = field(default_factory=list)
    cells: dict[str, Cell] = field(default_factory=dict)
    fixed_mode: int = -1


class _Names:
    """Numbers for names, in the order in which they appear."""

    def __init__(self, known: list[str]) -> None:
        self.index = {name: number for number, name in enumerate(dict.fromkeys(known))}

    def number(self, name: str) -> int:
        return self.index.setdefault(name, len(self.index))

    def tuple(self) -> tuple[str, ...]:
        return tuple(self.index)


def read(source: Source) -> Instance:
    """The table, with its calendar file if there is one. O(size of both); about 3 s for 10^5 rows."""
    directives = read_directives(source)
    table = read_table(source, COLUMNS)
    if not table.rows:
        source.fail(None, "a table without rows", "at least one row below the column names")
    for name, other in (("duration", None), ("task", "operation")):
        if name not in table.columns and other not in table.columns:
            source.fail(table.header_line, f"no column {name}", "one")
    calendar_source = _calendar_source(source)
    calendar_rows = read_rows(calendar_source) if calendar_source else []
    clock = Clock(source, directives.unit or SECONDS["min"], _origin(source, table, directives))
    return _Reader(source, table, directives, clock).instance(calendar_source, calendar_rows)


def _calendar_source(source: Source) -> Source | None:
    if "calendar" not in source.companions:
        return None
    path, text = source.companions["calendar"]
    return Source(text, path)


def _origin(source: Source, table: Table, directives: Directives) -> datetime | None:
    """The given origin, or the earliest date of the table."""
    if directives.origin is not None:
        return parse_date(source, directives.origin)
    names = [*_TIMES, *(f"job_{name}" for name in _TIMES), "fixed_start"]
    cells = [row[name] for row in table.rows for name in names if name in row and is_date(row[name].text)]
    dates = [(parse_date(source, cell), cell) for cell in cells]
    if len({date.tzinfo is None for date, _ in dates}) > 1:
        odd = next(cell for date, cell in dates if (date.tzinfo is None) != (dates[0][0].tzinfo is None))
        source.fail(odd.line, quoted(odd.text), "dates all with an offset or all without")
    return min((date for date, _ in dates), default=None)


class _Reader:
    """Collects tasks row by row."""

    def __init__(self, source: Source, table: Table, directives: Directives, clock: Clock) -> None:
        self.source, self.table, self.directives, self.clock = source, table, directives, clock
        self.resources = _Names([resource.name for resource in directives.resources])
        self.jobs = _Names(directives.jobs)
        self.families = _Names([name for *pair, _ in directives.setups for name in pair])
        self.tasks: dict[tuple[str, str], _Task] = {}
        self.job_cells: dict[tuple[int, str], Cell] = {}

    def instance(self, calendar_source: Source | None, calendar_rows: list[CalendarRow]) -> Instance:
        for row in self.table.rows:
            self._add(row)
        tasks = list(self.tasks.values())
        optional = {**self._task_fields(tasks), **self._job_fields(), **self._rules()}
        resources = self.resources.tuple()
        capacity = [1] * len(resources)
        renewable = [True] * len(resources)
        for entry in calendar_rows:  # a resource of which nothing else is said is as large as its calendar
            if entry.capacity is not None and entry.resource in self.resources.index:
                number = self.resources.index[entry.resource]
                capacity[number] = max(capacity[number], entry.capacity)
        for number, resource in enumerate(self.directives.resources):
            renewable[number] = resource.renewable
            if resource.capacity is not None:
                capacity[number] = resource.capacity
        if calendar_source is not None:
            clock = Clock(calendar_source, self.clock.unit, self.clock.origin)
            optional["calendar"] = build_calendar(calendar_rows, clock, resources, capacity, renewable)
        optional["setup"] = self._setup(tasks)
        optional["transport"] = self._transport()
        arcs = self._arcs(tasks)
        with self.source.building():
            return Instance.from_lists(
                [task.modes for task in tasks], capacity, arcs, renewable, meta=self._meta(tasks), **optional
            )

    # -- rows -------------------------------------------------------------------------------------

    def _add(self, row: dict[str, Cell]) -> None:
        line = next(iter(row.values())).line
        job = row["job"].text if "job" in row else ""
        if "task" in row:
            key, name = ("", row["task"].text), row["task"].text
        elif "operation" in row:
            key, name = (job, row["operation"].text), "/".join(filter(None, (job, row["operation"].text)))
        else:
            self.source.fail(line, "a row without task or operation", "its name")
        if "duration" not in row:
            self.source.fail(line, "no duration", "one on every row")
        known = self.tasks.get(key)
        number = self.jobs.number(job) if job else (known.job if known else -1)
        task = self.tasks.setdefault(key, _Task(name, line, number))
        if task.job != number:
            self.source.fail(line, f"task {quoted(name)} in job {quoted(job)}", f"the job of line {task.line}")
        if "fixed_mode" in row and row["fixed_mode"].text.lower() in ("x", "yes", "1", "true"):
            task.fixed_mode = len(task.modes)
        task.modes.append((self.clock.duration(row["duration"]), self._demands(row, line)))
        task.families.append(self.families.number(row["family"].text) if "family" in row else -1)
        for column, cell in row.items():
            if column in _TASK_COLUMNS:
                self._keep(task.cells, column, cell, column)
            elif column in _JOB_COLUMNS:
                if number < 0:
                    self.source.fail(line, f"{column} without a job", "the job of the row")
                self._keep(self.job_cells, (number, column), cell, column)

    def _keep(self, cells: dict[Any, Cell], key: object, cell: Cell, column: str) -> None:
        """A cell that may stand on any row of its task or job, but must be the same everywhere."""
        before = cells.setdefault(key, cell)
        if before.text != cell.text:
            self.source.fail(
                cell.line, f"{column} {quoted(cell.text)}", f"{quoted(before.text)} as on line {before.line}"
            )

    def _demands(self, row: dict[str, Cell], line: int) -> dict[int, int]:
        items = [(row["machine"].text, 1)] if "machine" in row else []
        for item in split_list(row["resources"].text) if "resources" in row else []:
            name, colon, amount = item.rpartition(":")
            if colon and amount.strip().lstrip("+-").isdigit():
                cell = Cell(amount.strip(), line)
                items.append((name.strip(), whole_number(self.source, cell, 0, HORIZON_LIMIT, "amount")))
            else:
                items.append((item, 1))
        demands: dict[int, int] = {}
        for name, need in items:
            number = self.resources.number(name)
            if number in demands:
                self.source.fail(line, f"resource {quoted(name)} twice", "each resource once")
            demands[number] = need
        return demands

    # -- fields -----------------------------------------------------------------------------------

    def _value(self, column: str, cell: Cell) -> int:
        if column == "weight":
            return whole_number(self.source, cell, 0, HORIZON_LIMIT, "weight")
        return self.clock.moment(cell)

    def _task_fields(self, tasks: list[_Task]) -> dict[str, Any]:
        fields: dict[str, Any] = {"job": [task.job for task in tasks], "num_jobs": len(self.jobs.index)}
        for column, unused in _UNUSED.items():
            if column in self.table.columns:
                cells = (task.cells.get(column) for task in tasks)
                fields[column] = [unused if cell is None else self._value(column, cell) for cell in cells]
        if "pause" in self.table.columns:
            fields["pause"] = [self._pause(task.cells.get("pause")) for task in tasks]
        if "fixed_start" in self.table.columns:
            starts = (task.cells.get("fixed_start") for task in tasks)
            fields["fixed_start"] = [-1 if cell is None else self.clock.moment(cell) for cell in starts]
        if "fixed_mode" in self.table.columns:
            fields["fixed_mode"] = [task.fixed_mode for task in tasks]
        return fields

    def _pause(self, cell: Cell | None) -> int:
        if cell is None:
            return 0
        if cell.text.lower() not in _PAUSE:
            self.source.fail(cell.line, quoted(cell.text), f"one of {', '.join(_PAUSE)}")
        return _PAUSE[cell.text.lower()]

    def _job_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for column, unused in _UNUSED.items():
            if f"job_{column}" in self.table.columns:
                cells = [self.job_cells.get((number, f"job_{column}")) for number in range(len(self.jobs.index))]
                fields[f"job_{column}"] = [unused if cell is None else self._value(column, cell) for cell in cells]
        return fields

    def _rules(self) -> dict[str, Any]:
        fields: dict[str, Any] = dict.fromkeys(self.directives.rules, True)
        if self.directives.objective:
            fields["objective"] = self.directives.objective
        if self.directives.now is not None:
            fields["now"] = self.clock.moment(self.directives.now)
        return fields

    def _arcs(self, tasks: list[_Task]) -> list[Arc]:
        if "predecessors" not in self.table.columns:
            return _chains(tasks)
        by_name: dict[str, int] = {}
        by_job: dict[tuple[int, str], int] = {}
        for number, ((_, short), task) in enumerate(self.tasks.items()):
            by_name[task.name] = number
            by_job[task.job, short] = number
        arcs: list[Arc] = []
        for number, task in enumerate(tasks):
            cell = task.cells.get("predecessors")
            for item in split_list(cell.text) if cell else []:
                assert cell is not None
                arcs.append(self._arc(Cell(item, cell.line), task, number, by_name, by_job))
        return arcs

    def _arc(
        self, cell: Cell, task: _Task, number: int, by_name: dict[str, int], by_job: dict[tuple[int, str], int]
    ) -> Arc:
        def find(name: str) -> int | None:
            return by_job.get((task.job, name), by_name.get(name))

        pred = find(cell.text)
        if pred is not None:
            return (pred, number, ES, 0)
        match = _LINK.fullmatch(cell.text)
        pred = find(match.group(1)) if match else None
        if match is None or pred is None:
            self.source.fail(
                cell.line, f"predecessor {quoted(cell.text)}", "a task of the table, perhaps with `SS+2 h`"
            )
        lag = self.clock.duration(Cell(match.group(3), cell.line), -HORIZON_LIMIT) if match.group(3) else 0
        return (pred, number, _KINDS[(match.group(2) or "fs").lower()], lag)

    def _setup(self, tasks: list[_Task]) -> Setup | None:
        directives = self.directives
        if not directives.setups:
            return None
        size = self._matrix_size(self.families, "setup families")
        time = np.zeros((size, size), np.int64)
        for first, second, cell in directives.setups:
            time[self.families.number(first), self.families.number(second)] = self.clock.duration(cell)
        initial = [-1] * len(self.resources.index)
        for resource, family in directives.initial.items():
            if resource not in self.resources.index or family.text not in self.families.index:
                self.source.fail(
                    family.line, f"`{resource[:60]} = {family.text[:60]}`", "a resource and a family in use"
                )
            initial[self.resources.index[resource]] = self.families.index[family.text]
        family_of_mode = [number for task in tasks for number in task.families]
        return Setup(np.array(family_of_mode), time, np.array(initial))

    def _transport(self) -> np.ndarray | None:
        if not self.directives.transports:
            return None
        size = self._matrix_size(self.resources, "resources with transport times")
        times = np.zeros((size, size), np.int64)
        for first, second, cell in self.directives.transports:
            if first not in self.resources.index or second not in self.resources.index:
                self.source.fail(cell.line, f"`{first[:60]} > {second[:60]}`", "two resources of the table")
            times[self.resources.index[first], self.resources.index[second]] = self.clock.duration(cell)
        return times

    def _matrix_size(self, names: _Names, what: str) -> int:
        if len(names.index) > _LARGEST_MATRIX:
            self.source.fail(None, f"{len(names.index)} {what}", f"at most {_LARGEST_MATRIX}")
        return len(names.index)

    def _meta(self, tasks: list[_Task]) -> Metadata:
        unit = self.clock.unit if self.directives.unit is not None or self.clock.origin is not None else None
        return Metadata(
            name=self.source.name,
            task_names=tuple(task.name for task in tasks),
            job_names=self.jobs.tuple() or None,
            resource_names=self.resources.tuple() or None,
            time_origin=self.clock.origin.isoformat() if self.clock.origin else None,
            time_unit=None if unit is None else float(unit),
            time_zone=self.directives.zone,
        )


def _chains(tasks: list[_Task]) -> list[Arc]:
    """Without a column of predecessors the tasks of a job follow each other in the order of the table."""
    arcs: list[Arc] = []
    last: dict[int, int] = {}
    for number, task in enumerate(tasks):
        if task.job >= 0:
            if task.job in last:
                arcs.append((last[task.job], number))
            last[task.job] = number
    return arcs


assert len(ARC_KINDS) == len(set(_KINDS.values()))
