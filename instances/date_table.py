"""A CSV table of dates and weights for the jobs or tasks of an instance that was read from elsewhere.

Many formats have no place for due dates. One row names a job or a task and says when it may begin, is due and must be
done, and how much it weighs; ``makespan convert --dates`` puts it into the instance.
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from pathlib import Path

import numpy as np

from makespan.instances.errors import InputError, quoted
from makespan.instances.formats.csv_values import Cell, Clock, is_date, read_table, whole_number
from makespan.instances.formats.source import Source
from makespan.instances.instance import HORIZON_LIMIT, Instance, IntArray
from makespan.instances.read import read_source

COLUMNS: dict[str, tuple[str, ...]] = {
    "job": ("order", "project"),
    "task": ("activity",),
    "release": ("earliest_start",),
    "due": ("due_date",),
    "deadline": (),
    "weight": ("priority",),
}

_UNUSED = {"release": 0, "due": HORIZON_LIMIT, "deadline": HORIZON_LIMIT, "weight": 1}


def read_dates(instance: Instance, path: str | Path) -> Instance:
    """The instance with the dates of a table file. Raises InputError as ``with_dates``, or if it cannot be read."""
    return with_dates(instance, read_source(Path(path)))


def with_dates(instance: Instance, source: Source) -> Instance:
    """The instance with the dates and weights of a table; what has no cell stays as it is.

    A row gives a ``job`` or a ``task``, by name or, where the instance has no names, by number from 0. Cells are read
    as in the CSV tables of instances: ``90``, and ``2 h`` or a date where the instance has a unit or an origin.

    Raises
    ------
    InputError
        With the line, for an unknown column, job or task, one that stands on two rows, and a cell that does not read.
    """
    table = read_table(source, COLUMNS)
    if not {"job", "task"} & set(table.columns):
        source.fail(table.header_line, "no column job or task", "one of them")
    meta = instance.meta
    clock = clock_for(source, instance)
    names = {"job": (meta.job_names, instance.num_jobs), "task": (meta.task_names, instance.num_tasks)}
    number = {
        kind: {name: i for i, name in enumerate(given or map(str, range(size)))}
        for kind, (given, size) in names.items()
    }
    values: dict[str, IntArray] = {}
    seen: set[tuple[str, str]] = set()
    for row in table.rows:
        kind, cell = _subject(source, row)
        if cell.text not in number[kind]:
            source.fail(
                cell.line, f"{kind} {quoted(cell.text)}", f"one of the {names[kind][1]} {kind}s of the instance"
            )
        if (kind, cell.text) in seen:
            source.fail(cell.line, f"{kind} {quoted(cell.text)} again", "one row for each")
        seen.add((kind, cell.text))
        for column, unused in _UNUSED.items():
            if column in row:
                field = column if kind == "task" else f"job_{column}"
                if field not in values:
                    values[field] = _start_from(instance, field, names[kind][1], unused)
                values[field][number[kind][cell.text]] = _value(source, clock, instance, column, row[column])
    with source.building():
        return instance.replace(**values)


def clock_for(source: Source, instance: Instance) -> Clock:
    """The clock of an instance, for cells of ``source``; bare numbers count time units."""
    meta = instance.meta
    origin = None if meta.time_origin is None else datetime.fromisoformat(meta.time_origin)
    return Clock(source, Fraction(str(meta.time_unit or 1)), origin)


def needs(instance: Instance, cell: Cell) -> str | None:
    """What the instance would have to know for the cell to mean anything, None if it does."""
    if cell.text.isdecimal():
        return None
    if is_date(cell.text) and instance.meta.time_origin is None:
        return "time origin"
    return None if instance.meta.time_unit else "unit of time"


def _subject(source: Source, row: dict[str, Cell]) -> tuple[str, Cell]:
    given = [kind for kind in ("job", "task") if kind in row]
    if len(given) != 1:
        line = next(iter(row.values())).line
        source.fail(line, "both job and task" if given else "a row without job or task", "one of them")
    return given[0], row[given[0]]


def _start_from(instance: Instance, field: str, size: int, unused: int) -> IntArray:
    known: IntArray | None = getattr(instance, field)
    return np.full(size, unused, np.int64) if known is None else known.copy()


def _value(source: Source, clock: Clock, instance: Instance, column: str, cell: Cell) -> int:
    if column == "weight":
        return whole_number(source, cell, 0, HORIZON_LIMIT, "weight")
    if missing := needs(instance, cell):
        raise InputError(source.path, cell.line, quoted(cell.text), f"a whole number: the instance names no {missing}")
    return clock.moment(cell)
