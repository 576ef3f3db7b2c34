"""From rows of a file, each with a task, a start and perhaps a mode, to a schedule of an instance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np

from makespan.instances.date_table import clock_for
from makespan.instances.errors import quoted
from makespan.instances.formats.csv_values import Cell, is_date, parse_date
from makespan.instances.formats.source import Source
from makespan.instances.gantt.clock import Clock
from makespan.instances.instance import HORIZON_LIMIT, Instance
from makespan.instances.replan import NO_PLAN
from makespan.instances.schedule import Schedule


@dataclass(frozen=True)
class Row:
    """What a file says about one task.

    Parameters
    ----------
    line
        Where it says so, None where no line applies.
    task
        Number of the task in the instance.
    start
        In the instance's unit.
    mode
        Counted within the task, None where the file names none.
    resources
        Names of the resources that it uses, None where the file names none.
    """

    line: int | None
    task: int
    start: int
    mode: int | None = None
    resources: frozenset[str] | None = None


class Tasks:
    """Finds the tasks that a file names."""

    def __init__(self, source: Source, instance: Instance) -> None:
        self.source, self.instance = source, instance
        self._by_name: dict[str, list[int]] = {}
        for task in range(instance.num_tasks):
            self._by_name.setdefault(instance.task_name(task), []).append(task)

    def find(self, text: str, line: int | None) -> int:
        """A task by its name or, where the instance has no names, by its number from 0. Raises InputError."""
        found = self._by_name.get(text, [])
        if len(found) == 1:
            return found[0]
        if found:
            self.source.fail(line, f"task {quoted(text)}, the name of {len(found)} tasks", "a name of its own for each")
        is_number = self.instance.meta.task_names is None and text.isdecimal() and text.isascii() and len(text) <= 10
        if is_number and int(text) < self.instance.num_tasks:
            return int(text)
        first = quoted(self.instance.task_name(0)) if self.instance.num_tasks else "none"
        self.source.fail(
            line, f"task {quoted(text)}", f"one of the {self.instance.num_tasks} tasks of the instance (first: {first})"
        )

    def operation(self, job: str, operation: str, line: int | None) -> int:
        """A task by its job and its own name within it (``job/operation``) or its position in the job, from 0."""
        full = self._by_name.get(f"{job}/{operation}", [])
        if len(full) == 1:
            return full[0]
        instance, names = self.instance, self.instance.meta.job_names
        known = {name: j for j, name in enumerate(names or map(str, range(instance.num_jobs)))}
        if names is None:
            known |= {instance.job_name(j): j for j in range(instance.num_jobs)}
        if instance.job is None or job not in known:
            self.source.fail(line, f"job {quoted(job)}", f"one of the {instance.num_jobs} jobs of the instance")
        members = np.flatnonzero(instance.job == known[job])
        position = int(operation) if operation.isdecimal() and operation.isascii() and len(operation) <= 10 else -1
        if not 0 <= position < members.size:
            self.source.fail(
                line, f"operation {quoted(operation)} of job {quoted(job)}", f"its name or 0 to {members.size - 1}"
            )
        return int(members[position])


def schedule_of(source: Source, instance: Instance, rows: Iterable[Row], partial: bool = False) -> Schedule:
    """The schedule that the rows describe; every task has one row or, with ``partial``, NO_PLAN where it has none.

    Raises
    ------
    InputError
        With the line: for a task that has two rows or none, an unknown mode or resource, and where the resources leave
        open which mode is meant.
    """
    start = np.full(instance.num_tasks, NO_PLAN, np.int64)
    mode = np.full(instance.num_tasks, NO_PLAN, np.int32)
    seen: dict[int, int | None] = {}
    for row in rows:
        if row.task in seen:
            first = seen[row.task]
            known = "" if first is None else f" (the first is on line {first})"
            source.fail(row.line, f"{instance.task_name(row.task)} again", f"one row for each task{known}")
        if not -HORIZON_LIMIT <= row.start <= HORIZON_LIMIT:
            source.fail(row.line, f"start {row.start}", "at most 2^53")
        seen[row.task] = row.line
        start[row.task] = row.start
        mode[row.task] = _mode(source, instance, row)
    if len(seen) < instance.num_tasks and not partial:
        missing = next(task for task in range(instance.num_tasks) if task not in seen)
        found = f"{len(seen)} tasks, none of them {quoted(instance.task_name(missing))}"
        source.fail(None, found, f"all {instance.num_tasks} of {instance.name!r}")
    return Schedule(start, mode)


def mode_resources(instance: Instance, task: int) -> list[frozenset[str]]:
    """The names of the resources that each mode of a task uses."""
    found = []
    for mode in range(int(instance.mode_ptr[task]), int(instance.mode_ptr[task + 1])):
        used = instance.demand_resource[instance.demand_ptr[mode] : instance.demand_ptr[mode + 1]].tolist()
        found.append(frozenset(instance.resource_name(k) for k in used))
    return found


def _mode(source: Source, instance: Instance, row: Row) -> int:
    """The mode that a row names; without a number the only one that uses the row's resources."""
    count = int(instance.mode_ptr[row.task + 1] - instance.mode_ptr[row.task])
    name = instance.task_name(row.task)
    if row.mode is not None:
        if not 0 <= row.mode < count:
            source.fail(row.line, f"mode {row.mode} of {name}", f"0 to {count - 1}")
        return row.mode
    if row.resources is None:
        if count > 1:
            source.fail(row.line, f"neither mode nor resources of {name}", f"a mode from 0 to {count - 1}")
        return 0
    modes = mode_resources(instance, row.task)
    numbered = _without_names(instance, row.resources)
    fitting = [k for k, used in enumerate(modes) if used in (row.resources, numbered)]
    if len(fitting) != 1:
        listed = ", ".join(sorted(row.resources)) or "no resource"
        found = f"{listed} for {name}, as in {len(fitting)} of its modes" if fitting else f"{listed} for {name}"
        source.fail(row.line, found, "the resources of one of its modes" if not fitting else "a mode as well")
    return fitting[0]


def _without_names(instance: Instance, resources: frozenset[str]) -> frozenset[str]:
    """Numbers of resources as the names that resources have where the instance names none."""
    if instance.meta.resource_names is not None:
        return resources
    return frozenset(f"resource {name}" if name.isdecimal() else name for name in resources)


def moment(source: Source, instance: Instance, clock: Clock | None, cell: Cell) -> int:
    """A cell as a time in the instance's unit: a number, a duration after time 0, or a date.

    A date without an offset is read in the zone of ``clock``, as charts and tables show it. Raises InputError.
    """
    if not is_date(cell.text):
        return clock_for(source, instance).duration(cell, -HORIZON_LIMIT)
    if clock is None:
        source.fail(cell.line, f"date {quoted(cell.text)}", "a number: the instance names no origin and unit of time")
    return time_at(source, clock, parse_date(source, cell), cell)


def time_at(source: Source, clock: Clock, date: datetime, cell: Cell) -> int:
    """The time of a date, which must be whole. Raises InputError."""
    if date.tzinfo is None:
        date = date.replace(tzinfo=clock.zone)
    microseconds = (date.astimezone(UTC) - clock.origin) // timedelta(microseconds=1)
    time = Fraction(microseconds, 10**6) / Fraction(str(clock.unit))
    if time.denominator != 1:
        source.fail(
            cell.line, quoted(cell.text), f"a whole number of time units of {clock.unit:g} s after {clock.at(0)}"
        )
    return int(time)
