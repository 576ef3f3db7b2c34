"""The calendar file beside a CSV table: weekly shifts and dated exceptions of each resource.

A row has ``resource`` (``*``: every renewable resource) and either ``shift``, such as ``Mon-Fri 06:00-14:00``, or
``start`` and ``end``, and a ``capacity``. A resource with shifts is closed outside them; dated rows override shifts,
later rows override earlier ones. With both, the pattern is written out until five years after the last date and then
repeats from the beginning. Without shifts a resource is open outside its dated rows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from makespan.instances.errors import quoted
from makespan.instances.formats.csv_values import Cell, Clock, is_date, read_table, whole_number
from makespan.instances.formats.source import Source
from makespan.instances.instance import HORIZON_LIMIT, Calendar, IntArray

COLUMNS = {
    "resource": ("machine", "name"),
    "shift": ("shifts", "weekly"),
    "start": ("from", "begin"),
    "end": ("to", "until"),
    "capacity": ("available",),
}

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SHIFT = re.compile(r"([A-Za-z,\- ]+?)\s+([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})")
SHIFT_FORM = "a shift such as `Mon-Fri 06:00-14:00`, `Sat,Sun 08:00-12:00` or `daily 22:00-06:00`"

_DAY = 86_400
_WEEK = 7 * _DAY
_YEARS_AHEAD = 20  # dated rows beyond that are refused: every week up to them is written out
_MOST_BREAKPOINTS = 5_000_000  # of all resources together
_WEEKS_AFTER = 261  # weeks written out after the last dated row: five years


@dataclass(frozen=True)
class CalendarRow:
    """One row; ``windows`` are (start, end) in seconds of the week, ``start`` and ``end`` cells of a dated row."""

    line: int
    resource: str
    capacity: int | None
    windows: tuple[tuple[int, int], ...] = ()
    start: Cell | None = None
    end: Cell | None = None


def read_rows(source: Source) -> list[CalendarRow]:
    """The rows of a calendar file."""
    table = read_table(source, COLUMNS)
    rows = []
    for cells in table.rows:
        line = next(iter(cells.values())).line
        if "resource" not in cells:
            source.fail(line, "no resource", "a resource name or `*`")
        capacity = cells.get("capacity")
        amount = None if capacity is None else whole_number(source, capacity, 0, HORIZON_LIMIT, "capacity")
        shift, start, end = (cells.get(name) for name in ("shift", "start", "end"))
        if (shift is None) == (start is None and end is None):
            source.fail(line, "a row with both or neither", "a shift, or a start or end")
        if shift is None and amount is None:
            source.fail(line, "no capacity", "the capacity between start and end")
        windows = () if shift is None else parse_shift(source, shift)
        rows.append(CalendarRow(line, cells["resource"].text, amount, windows, start, end))
    return rows


def parse_shift(source: Source, cell: Cell) -> tuple[tuple[int, int], ...]:
    """(start, end) in seconds from Monday 00:00; a shift that ends before it starts runs into the next day."""
    match = _SHIFT.fullmatch(cell.text)
    if match is None:
        source.fail(cell.line, quoted(cell.text), SHIFT_FORM)
    hours = [int(number) for number in match.groups()[1:]]
    begin, end = 3600 * hours[0] + 60 * hours[1], 3600 * hours[2] + 60 * hours[3]
    if max(begin, end) > _DAY or hours[1] > 59 or hours[3] > 59 or begin == _DAY:
        source.fail(cell.line, quoted(cell.text), "times from 00:00 to 24:00")
    length = end - begin if end > begin else end - begin + _DAY
    windows: list[tuple[int, int]] = []
    for day in _days(source, cell, match.group(1)):
        start = day * _DAY + begin
        windows.append((start, min(start + length, _WEEK)))
        if start + length > _WEEK:
            windows.append((0, start + length - _WEEK))
    return tuple(windows)


def _days(source: Source, cell: Cell, text: str) -> list[int]:
    if text.strip().lower() in ("daily", "every day"):
        return list(range(7))
    days: list[int] = []
    for part in text.split(","):
        ends = [word.strip().lower()[:3] for word in part.split("-")]
        if len(ends) > 2 or any(word not in _DAYS for word in ends):
            source.fail(cell.line, quoted(cell.text), SHIFT_FORM)
        first, last = _DAYS.index(ends[0]), _DAYS.index(ends[-1])
        days += [(first + i) % 7 for i in range((last - first) % 7 + 1)]
    return sorted(set(days))


def build_calendar(
    rows: Sequence[CalendarRow], clock: Clock, names: Sequence[str], capacity: Sequence[int], renewable: Sequence[bool]
) -> Calendar | None:
    """The profiles of all resources in whole units of the clock; None without rows. ``clock.source`` is the file."""
    source = clock.source
    by_name: dict[str, list[CalendarRow]] = {name: [] for name in (*names, "*")}
    for row in rows:
        if row.resource not in by_name:
            source.fail(row.line, f"resource {quoted(row.resource)}", "a resource of the table")
        by_name[row.resource].append(row)
    ptr, times, values, periods = [0], [], [], []
    for k, name in enumerate(names):
        own = by_name[name]
        shared = by_name["*"] if renewable[k] else []
        if any(row.windows for row in own):
            shared = [row for row in shared if not row.windows]
        mine = [*shared, *own]
        if mine and not renewable[k]:
            source.fail(mine[0].line, f"nonrenewable resource {quoted(name)}", "a renewable one")
        time, value, period = _profile(mine, clock, capacity[k]) if mine else (np.zeros(0, np.int64),) * 2 + (0,)
        times.append(time)
        values.append(value)
        periods.append(period)
        ptr.append(ptr[-1] + time.size)
        if ptr[-1] > _MOST_BREAKPOINTS:
            source.fail(None, f"more than {_MOST_BREAKPOINTS} changes of capacity", "fewer resources or shifts")
    if not rows:
        return None
    return Calendar(np.array(ptr), np.concatenate(times), np.concatenate(values), np.array(periods))


def _profile(rows: Sequence[CalendarRow], clock: Clock, full: int) -> tuple[IntArray, IntArray, int]:
    """Breakpoints, capacities and period of one resource."""
    for row in rows:
        if row.capacity is not None and row.capacity > full:
            clock.source.fail(row.line, f"capacity {row.capacity}", f"at most {full}, the resource's own")
    shifts = [row for row in rows if row.windows]
    dated = [(_moment(clock, row.start, 0), _moment(clock, row.end, None), row) for row in rows if not row.windows]
    end_of_dates = max((moment for start, end, _ in dated for moment in (start, end) if moment is not None), default=0)
    period = 0
    points: set[int] = {0}
    if shifts:
        week = _whole_units(clock, Fraction(_WEEK), shifts[0])
        weeks = 1 if not dated else math.ceil(end_of_dates / week) + _WEEKS_AFTER
        if weeks > _WEEKS_AFTER + 53 * _YEARS_AHEAD:
            clock.source.fail(rows[-1].line, "a date decades after the origin", f"dates within {_YEARS_AHEAD} years")
        period = weeks * week
        time, value = _weekly(clock, shifts, full, week, weeks)
    else:
        time, value = np.zeros(1, np.int64), np.array([full], np.int64)
    points.update(moment for start, end, _ in dated for moment in (start, end) if moment is not None)
    extra = np.array(sorted(point for point in points if not period or point < period), np.int64)
    merged = np.union1d(time, extra)
    level = value[np.searchsorted(time, merged, side="right") - 1]
    for start, end, row in dated:
        if end is not None and (start or 0) > end:
            clock.source.fail(row.line, "an end before its start", "the start first")
        low = np.searchsorted(merged, start or 0)
        high = merged.size if end is None else np.searchsorted(merged, end)
        level[low:high] = full if row.capacity is None else row.capacity
    changes = np.concatenate(([True], level[1:] != level[:-1]))
    return merged[changes], level[changes], period


def _weekly(clock: Clock, shifts: Sequence[CalendarRow], full: int, week: int, weeks: int) -> tuple[IntArray, IntArray]:
    """Breakpoints and capacities of the shifts from time 0 for so many weeks; overlaps take the larger capacity."""
    windows = [
        (_whole_units(clock, Fraction(start), row), _whole_units(clock, Fraction(end), row), row)
        for row in shifts
        for start, end in row.windows
    ]
    origin = clock.origin
    if origin is None:
        clock.source.fail(shifts[0].line, "a weekly shift", "a date in the table or `# origin: DATE` at its top")
    seconds = origin.weekday() * _DAY + origin.hour * 3600 + origin.minute * 60 + origin.second
    phase = _whole_units(clock, seconds + Fraction(origin.microsecond, 10**6), shifts[0])
    monday = np.unique([0, *(moment for start, end, _ in windows for moment in (start, end) if moment < week)])
    level = np.zeros(monday.size, np.int64)
    for start, end, row in windows:
        inside = (monday >= start) & (monday < end)
        level[inside] = np.maximum(level[inside], full if row.capacity is None else row.capacity)
    if monday.size * weeks > _MOST_BREAKPOINTS:
        clock.source.fail(shifts[0].line, f"{monday.size * weeks} changes of capacity", f"at most {_MOST_BREAKPOINTS}")
    shifted = (np.arange(weeks + 1)[:, None] * week + monday - phase).ravel()
    tiled = np.tile(level, weeks + 1)
    at_zero = int(np.searchsorted(shifted, 0, side="right")) - 1
    keep = (shifted > 0) & (shifted < weeks * week)
    return np.concatenate(([0], shifted[keep])), np.concatenate(([tiled[at_zero]], tiled[keep]))


def _whole_units(clock: Clock, seconds: Fraction, row: CalendarRow) -> int:
    value = seconds / clock.unit
    if value.denominator != 1:
        clock.source.fail(row.line, "a shift", f"times at whole time units of {float(clock.unit):g} s, from the origin")
    return int(value)


def _moment(clock: Clock, cell: Cell | None, default: int | None) -> int | None:
    """A start or end in units; a date before the origin counts as time 0."""
    if cell is None:
        return default
    if is_date(cell.text) and clock.seconds_from_origin(cell) < 0:
        return 0
    return clock.moment(cell)
