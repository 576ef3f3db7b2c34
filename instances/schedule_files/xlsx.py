"""A schedule as an Excel workbook, with dates that Excel can count with. Needs XlsxWriter, ``makespan[export]``."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from makespan.instances.dates import tightest
from makespan.instances.gantt.clock import Clock, clock_of
from makespan.instances.instance import HORIZON_LIMIT, Instance, IntArray
from makespan.instances.schedule import Schedule, job_end, objective_values
from makespan.instances.schedule_files.table import check_fit, demands_of, order_of_starts

_FIRST_DATE = datetime(1900, 3, 1, tzinfo=UTC)  # Excel takes 1900 for a leap year and miscounts the days before
_MOST_ROWS = 1_048_575  # of a sheet, below its line of titles
_WIDEST = 50  # characters of a column


def schedule_xlsx(instance: Instance, schedule: Schedule, facts: Mapping[str, Any] | None = None) -> bytes:
    """The workbook: sheets *Schedule*, *Resources*, *Jobs* (where there are any) and *Summary*.

    Times are numbers in the instance's unit; with a time origin and unit, dates in its zone stand beside them.
    ``facts`` (lower bound, solver, …) are added to the summary.

    Raises
    ------
    ValueError
        If the schedule does not fit the instance, or has more rows than a sheet.
    ModuleNotFoundError
        Without XlsxWriter.
    """
    try:
        import xlsxwriter
    except ModuleNotFoundError:
        raise ModuleNotFoundError("no xlsxwriter; install it with: pip install 'makespan[export]'") from None

    check_fit(instance, schedule)
    if max(instance.num_tasks, instance.demand_resource.size) > _MOST_ROWS:
        raise ValueError(f"a sheet holds {_MOST_ROWS} rows, the schedule has more; csv and json hold it")
    end = schedule.end(instance)
    clock = clock_of(instance, int(end.max(initial=0)))
    if clock is not None and clock.origin < _FIRST_DATE:
        clock = None
    file = io.BytesIO()
    # Names are text, whatever they begin with: "=1+1" is no formula and "http://x" no link.
    book = xlsxwriter.Workbook(
        file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    sheets = _Sheets(book, clock)
    sheets.add("Schedule", *_tasks(instance, schedule, end, clock))
    sheets.add("Resources", *_resources(instance, schedule, end, clock))
    if instance.job is not None:
        sheets.add("Jobs", *_jobs(instance, schedule, end, clock))
    sheets.add("Summary", ("fact", "value"), _summary(instance, schedule, end, clock, facts or {}))
    book.close()
    return file.getvalue()


class _Sheets:
    """Writes tables with titles that stay in view and can filter."""

    def __init__(self, book: Any, clock: Clock | None) -> None:
        self.book = book
        self.title = book.add_format({"bold": True, "bottom": 1})
        fine = clock is not None and clock.unit % 60 != 0
        self.date = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss" if fine else "yyyy-mm-dd hh:mm"})
        self.share = book.add_format({"num_format": "0.0 %"})

    def add(self, name: str, titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        sheet = self.book.add_worksheet(name)
        width = [len(title) + 3 for title in titles]  # room for the arrow of the filter
        sheet.write_row(0, 0, titles, self.title)
        last = 0
        for last, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                width[column] = max(width[column], self._write(sheet, last, column, value))
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, last, len(titles) - 1)
        for column, characters in enumerate(width):
            sheet.set_column(column, column, min(characters, _WIDEST) + 1)

    def _write(self, sheet: Any, row: int, column: int, value: Any) -> int:
        """Write a cell and return how many characters wide it is shown."""
        if value is None:
            return 0
        if isinstance(value, datetime):
            sheet.write_datetime(row, column, value.replace(tzinfo=None), self.date)
            return 19
        if isinstance(value, float):
            sheet.write_number(row, column, value, self.share)
            return 7
        if isinstance(value, int):
            sheet.write_number(row, column, value)
        else:
            sheet.write_string(row, column, str(value)[:32_000])  # a cell holds 32,767 characters
        return len(str(value))


def _dates(clock: Clock | None, *times: int) -> list[datetime]:
    return [] if clock is None else [clock.at(time) for time in times]


def _lateness(clock: Clock | None, end: int, due: int) -> list[Any]:
    """Due, due date and how late; nothing where there is no due date."""
    if due >= HORIZON_LIMIT:
        return [None] * (2 if clock is None else 3)
    try:
        dates: list[Any] = [] if clock is None else [clock.at(due)]
    except (OverflowError, ValueError):  # a due date after the year 9999
        dates = [None]
    return [due, *dates, max(0, end - due)]


def _tasks(
    instance: Instance, schedule: Schedule, end: IntArray, clock: Clock | None
) -> tuple[list[str], list[list[Any]]]:
    due = tightest(instance, instance.due, instance.job_due)
    has_due = bool((due < HORIZON_LIMIT).any())
    dated = clock is not None
    titles = ["task", "job", "resources", "mode", "start", "end", "duration"]
    titles += ["start date", "end date"] * dated
    titles += (["due"] + ["due date"] * dated + ["late by"]) * has_due
    rows = []
    for task in order_of_starts(schedule, end.tolist()):
        job = -1 if instance.job is None else int(instance.job[task])
        names = "; ".join(instance.resource_name(k) for k, _ in demands_of(instance, schedule, task))
        begin, done = int(schedule.start[task]), int(end[task])
        duration = int(instance.duration[instance.mode_ptr[task] + schedule.mode[task]])
        job_name = instance.job_name(job) if job >= 0 else None
        row: list[Any] = [instance.task_name(task), job_name, names, int(schedule.mode[task]), begin, done, duration]
        row += _dates(clock, begin, done)
        row += _lateness(clock, done, int(due[task])) if has_due else []
        rows.append(row)
    return titles, rows


def _resources(
    instance: Instance, schedule: Schedule, end: IntArray, clock: Clock | None
) -> tuple[list[str], list[list[Any]]]:
    """What each resource does, one after the other: a work list for every machine."""
    dated = clock is not None
    titles = ["resource", "start", "end", "task", "job", "amount", *(["start date", "end date"] * dated)]
    work: list[list[list[Any]]] = [[] for _ in range(instance.num_resources)]
    for task in order_of_starts(schedule, end.tolist()):
        job = -1 if instance.job is None else int(instance.job[task])
        begin, done = int(schedule.start[task]), int(end[task])
        for k, amount in demands_of(instance, schedule, task):
            row: list[Any] = [instance.resource_name(k), begin, done, instance.task_name(task)]
            row += [instance.job_name(job) if job >= 0 else None, amount, *_dates(clock, begin, done)]
            work[k].append(row)
    return titles, [row for listed in work for row in listed]


def _jobs(
    instance: Instance, schedule: Schedule, end: IntArray, clock: Clock | None
) -> tuple[list[str], list[list[Any]]]:
    dated = clock is not None
    titles = ["job", "tasks", "start", "end", *(["start date", "end date"] * dated)]
    has_due = instance.job_due is not None
    titles += (["due"] + ["due date"] * dated + ["late by"]) * has_due
    assert instance.job is not None
    in_job = instance.job >= 0
    count = np.bincount(instance.job[in_job], minlength=instance.num_jobs)
    first, done = np.full(instance.num_jobs, HORIZON_LIMIT), job_end(instance, end)
    np.minimum.at(first, instance.job[in_job], schedule.start[in_job])
    rows = []
    for job in np.flatnonzero(count).tolist():
        begin = int(first[job])
        row: list[Any] = [
            instance.job_name(job),
            int(count[job]),
            begin,
            int(done[job]),
            *_dates(clock, begin, int(done[job])),
        ]
        if instance.job_due is not None:
            row += _lateness(clock, int(done[job]), int(instance.job_due[job]))
        rows.append(row)
    return titles, rows


def _summary(
    instance: Instance, schedule: Schedule, end: IntArray, clock: Clock | None, facts: Mapping[str, Any]
) -> list[tuple[str, Any]]:
    last = int(end.max(initial=0))
    found: list[tuple[str, Any]] = [("instance", instance.name or None), ("tasks", instance.num_tasks)]
    found += [("jobs", instance.num_jobs)] * bool(instance.num_jobs)
    found += [("resources", instance.num_resources)]
    values = objective_values(instance, schedule)
    found += [(name.replace("_", " "), value) for name, value in zip(instance.objective, values, strict=True)]
    if clock is not None:
        found += [("time 0", clock.at(0)), ("ends", clock.at(last)), ("seconds in one unit of time", str(clock.unit))]
        found += [("time zone", clock.label)] * bool(clock.label)
    busy = _busy(instance, schedule)
    for k in np.flatnonzero(instance.renewable).tolist():
        room = last * int(instance.capacity[k])
        found.append((f"use of {instance.resource_name(k)}", busy[k] / room if room else 0.0))
    return found + [(name, value) for name, value in facts.items() if value is not None]


def _busy(instance: Instance, schedule: Schedule) -> list[int]:
    """Units times time that each resource works, without pauses."""
    total = [0] * instance.num_resources
    for task in range(instance.num_tasks):
        duration = int(instance.duration[instance.mode_ptr[task] + schedule.mode[task]])
        for k, amount in demands_of(instance, schedule, task):
            total[k] += duration * amount
    return total
