"""Reads MS Project XML (MSPDI) into rows: a file that ``ms_project`` wrote, moved about since or not, or another."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn
from xml.parsers import expat

from makespan.instances.errors import quoted
from makespan.instances.formats.csv_values import Cell
from makespan.instances.formats.source import Source
from makespan.instances.instance import Instance
from makespan.instances.schedule_files.ms_project import (
    MODE_FIELD,
    NAMESPACE,
    START_FIELD,
    TASK_FIELD,
    local_date,
    plain_text,
    project_clock,
)
from makespan.instances.schedule_files.rows import Row, Tasks, mode_resources, time_at


@dataclass
class _Record:
    """A task, resource or assignment: the texts of its elements, and its custom fields."""

    line: int
    text: dict[str, str] = field(default_factory=dict)
    custom: dict[str, str] = field(default_factory=dict)


@dataclass
class Document:
    """What a file holds, as text."""

    project: dict[str, str] = field(default_factory=dict)
    task: list[_Record] = field(default_factory=list)
    resource: list[_Record] = field(default_factory=list)
    assignment: list[_Record] = field(default_factory=list)


def read_document(source: Source) -> Document:
    """Parse the text. Raises InputError with the line for anything that is no MS Project XML."""
    document = Document()
    path: list[str] = []
    text: list[str] = []
    kinds = {"Task": document.task, "Resource": document.resource, "Assignment": document.assignment}
    field_id = ""
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")

    def refuse_doctype(*_: object) -> NoReturn:
        source.fail(parser.CurrentLineNumber, "a document type declaration", "MS Project XML, which has none")

    def begin(name: str, _: dict[str, str]) -> None:
        namespace, local = name.rpartition(" ")[::2]
        if not path and (local != "Project" or namespace not in ("", NAMESPACE)):
            source.fail(parser.CurrentLineNumber, f"XML {quoted(local)}", "MS Project XML, which begins with <Project>")
        path.append(local)
        text.clear()
        if len(path) == 3 and local in kinds:
            kinds[local].append(_Record(parser.CurrentLineNumber))

    def end(_: str) -> None:
        nonlocal field_id
        value, depth, local = "".join(text).strip(), len(path), path[-1]
        if depth == 2 and value:
            document.project[local] = value
        elif depth >= 4 and path[2] in kinds:
            record = kinds[path[2]][-1]
            if depth == 4:
                record.text.setdefault(local, value)
            elif path[3] == "ExtendedAttribute" and local == "FieldID":
                field_id = value
            elif path[3] == "ExtendedAttribute" and local == "Value":
                record.custom[field_id] = value
        path.pop()
        text.clear()

    parser.StartDoctypeDeclHandler = refuse_doctype
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begin, end, text.append
    parser.buffer_text = True
    try:
        parser.Parse(source.text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        source.fail(error.lineno, f"at column {error.offset + 1}: {expat.ErrorString(error.code)}", "XML")
    return document


def read_rows(source: Source, instance: Instance) -> list[Row]:
    """One row for each task that is no summary.

    A task is known by the number that ``ms_project`` gave it where the task of that number is called so, else by its
    name. It starts at the number written beside its date, unless the date was changed since. Its mode is the one that
    was written, as long as its resources still are those of that mode.
    """
    document = read_document(source)
    names = {record.text.get("UID"): record.text.get("Name", "") for record in document.resource}
    used: dict[str | None, set[str]] = {}
    for record in document.assignment:
        resource = names.get(record.text.get("ResourceUID"))
        if resource is not None:
            used.setdefault(record.text.get("TaskUID"), set()).add(resource)
    tasks = Tasks(source, instance)
    rows = []
    for record in document.task:
        is_other = record.text.get("UID") == "0" or record.text.get("IsNull") == "1"
        if is_other or record.text.get("Summary") == "1" or record.text.get("Active") == "0":
            continue
        rows.append(_row(source, instance, tasks, record, used.get(record.text.get("UID"), set())))
    return rows


def _row(source: Source, instance: Instance, tasks: Tasks, record: _Record, resources: set[str]) -> Row:
    number, name = _custom(record, TASK_FIELD), record.text.get("Name", "")
    if number is not None and 0 <= number < instance.num_tasks and plain_text(instance.task_name(number)) == name:
        task = number
    else:
        task = tasks.find(name, record.line)
    modes, mode = mode_resources(instance, task), _custom(record, MODE_FIELD)
    assigned = frozenset(resources)
    if mode is not None and (not 0 <= mode < len(modes) or modes[mode] == assigned or not assigned):
        return Row(record.line, task, _start(source, instance, record), mode)
    chosen = assigned if assigned or len(modes) > 1 else None
    return Row(record.line, task, _start(source, instance, record), None, chosen)


def _start(source: Source, instance: Instance, record: _Record) -> int:
    by_hand = record.text.get("Manual") == "1" and "ManualStart" in record.text
    cell = Cell(record.text.get("ManualStart" if by_hand else "Start", ""), record.line)
    try:
        date = datetime.fromisoformat(cell.text)
    except ValueError:
        source.fail(record.line, f"start {quoted(cell.text)}", "a date such as 2026-03-02T06:00:00")
    clock, written = project_clock(instance), _custom(record, START_FIELD)
    if written is not None:
        try:
            if local_date(clock, written) == date:
                return written
        except (OverflowError, ValueError):
            pass
    return time_at(source, clock, date, cell)


def _custom(record: _Record, name: str) -> int | None:
    """A whole number in a custom field; None where there is none."""
    try:
        value = float(record.custom.get(name, ""))
    except ValueError:
        return None
    return int(value) if value.is_integer() else None
