"""The cells of CSV tables: durations with units, ISO dates, lists, and the clock that turns them into integers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from makespan.instances.errors import quoted
from makespan.instances.formats.source import Source
from makespan.instances.instance import HORIZON_LIMIT

SECONDS = {
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "min": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86400),
    "w": Fraction(604800),
}
_SPELLING = {
    "ms": ("ms", "millisecond", "milliseconds"),
    "s": ("s", "sec", "secs", "second", "seconds"),
    "min": ("min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
    "w": ("w", "week", "weeks"),
}
UNIT_NAMES = {spelling: unit for unit, spellings in _SPELLING.items() for spelling in spellings}

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(?:[.,][0-9]{1,9})?")
_PART = re.compile(r"\s*([0-9]{1,18}(?:[.,][0-9]{1,9})?)\s*([A-Za-z]+)\s*")
_CLOCK = re.compile(r"([0-9]{1,6}):([0-5][0-9])(?::([0-5][0-9]))?")
_DATE = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}(?:[T ].*)?")

DURATION_FORM = "a duration such as `90`, `90 min`, `1.5 h` or `1:30`"
DATE_FORM = "an ISO date such as `2026-03-02T06:00`, or a duration after the origin"


class Cell(NamedTuple):
    """One cell: its text and its line, for messages."""

    text: str
    line: int


@dataclass(frozen=True)
class Table:
    """The rows of a CSV text: column names of ``columns`` (canonical) to cells; empty cells are left out."""

    rows: list[dict[str, Cell]]
    columns: tuple[str, ...]
    header_line: int


def is_date(text: str) -> bool:
    """Whether a cell is written as a date."""
    return bool(_DATE.fullmatch(text))


def parse_date(source: Source, cell: Cell) -> datetime:
    """A cell as an ISO 8601 date."""
    try:
        return datetime.fromisoformat(cell.text)
    except ValueError:
        source.fail(cell.line, quoted(cell.text), DATE_FORM)


def parse_seconds(source: Source, cell: Cell, unit: Fraction) -> Fraction:
    """A duration in seconds; a bare number counts ``unit``."""
    text = cell.text.strip()
    sign = -1 if text.startswith("-") else 1
    if _NUMBER.fullmatch(text):
        return _fraction(text) * unit
    text = text.lstrip("+-").strip()
    if match := _CLOCK.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return sign * Fraction(3600 * hours + 60 * minutes + seconds)
    total, position = Fraction(0), 0
    while match := _PART.match(text, position):
        name = UNIT_NAMES.get(match.group(2).lower())
        if name is None:
            break
        total += _fraction(match.group(1)) * SECONDS[name]
        position = match.end()
    if not text or position < len(text):
        source.fail(cell.line, quoted(cell.text), DURATION_FORM)
    return sign * total


def _fraction(text: str) -> Fraction:
    return Fraction(text.replace(",", "."))


@dataclass(frozen=True)
class Clock:
    """Turns durations and dates into whole units of time since the origin."""

    source: Source
    unit: Fraction
    origin: datetime | None

    def duration(self, cell: Cell, low: int = 0) -> int:
        """A duration in whole units, at least ``low``."""
        if cell.text.isdecimal() and cell.text.isascii() and len(cell.text) <= 15:  # counts units: no fractions needed
            return int(cell.text)
        return self._whole(cell, parse_seconds(self.source, cell, self.unit), low)

    def moment(self, cell: Cell) -> int:
        """A date, or a duration after the origin, in whole units from it."""
        if not is_date(cell.text):
            return self.duration(cell)
        return self._whole(cell, self.seconds_from_origin(cell), 0)

    def seconds_from_origin(self, cell: Cell) -> Fraction:
        """Seconds from the origin to a date, possibly negative."""
        date = parse_date(self.source, cell)
        if self.origin is None:
            self.source.fail(cell.line, f"date {quoted(cell.text)}", "a line `# origin: DATE` at the top")
        return seconds_between(self.source, self.origin, date, cell)

    def _whole(self, cell: Cell, seconds: Fraction, low: int) -> int:
        value = seconds / self.unit
        if value.denominator != 1:
            self.source.fail(cell.line, quoted(cell.text), f"a whole number of time units of {float(self.unit):g} s")
        if not low <= value <= HORIZON_LIMIT:
            limit = "0 or more" if low == 0 else f"{low} or more"
            self.source.fail(cell.line, quoted(cell.text), f"{limit} time units after the origin, at most 2^53")
        return int(value)


def seconds_between(source: Source, origin: datetime, date: datetime, cell: Cell) -> Fraction:
    """Seconds from one date to another; both with a time zone or both without."""
    if (origin.tzinfo is None) != (date.tzinfo is None):
        source.fail(cell.line, quoted(cell.text), "dates all with an offset or all without")
    return Fraction((date - origin) // timedelta(microseconds=1), 10**6)


def split_list(text: str) -> list[str]:
    """The items of a cell that are separated by ``;`` or ``|``."""
    return [item.strip() for item in re.split(r"[;|]", text) if item.strip()]


def whole_number(source: Source, cell: Cell, low: int, high: int, name: str) -> int:
    """A cell as an integer from ``low`` to ``high``."""
    value = source.integer(cell.text, cell.line, name)
    if not low <= value <= high:
        source.fail(cell.line, f"{name} {value}", f"{low} to {high}")
    return value


def delimiter_of(header: str) -> str:
    """The separator of a header line: the most frequent of comma, semicolon and tab."""
    return max(",;\t", key=header.count)


def read_table(source: Source, aliases: Mapping[str, Iterable[str]]) -> Table:
    """The table in a text after its leading comments. Raises InputError for an unknown or doubled column, or a row
    of another length."""
    if not source.header:
        source.fail(None, "an empty file", "a line of column names")
    skipped = len(source.comments)
    body = source.text.split("\n", skipped)[skipped]
    delimiter = delimiter_of(body.split("\n", 1)[0])
    reader = csv.reader(io.StringIO(body), delimiter=delimiter, skipinitialspace=True, strict=True)
    canonical = {alias: name for name, names in aliases.items() for alias in (name, *names)}
    columns: list[str] = []
    rows: list[dict[str, Cell]] = []
    end = skipped
    try:
        for words in reader:
            line, end = end + 1, skipped + reader.line_num
            if not columns:
                columns = _columns(source, words, canonical, line)
            elif any(word.strip() for word in words) and not words[0].startswith("#"):
                if len(words) > len(columns) and any(word.strip() for word in words[len(columns) :]):
                    source.fail(line, f"{len(words)} cells", f"{len(columns)}, as in the column names")
                cells = zip(columns, words, strict=False)
                rows.append({name: Cell(word.strip(), line) for name, word in cells if name and word.strip()})
    except csv.Error as error:
        source.fail(skipped + reader.line_num, str(error), "cells in CSV form")
    return Table(rows, tuple(columns), skipped + 1)


def _columns(source: Source, words: list[str], canonical: Mapping[str, str], line: int) -> list[str]:
    """Canonical names; an empty one for columns that hold only remarks."""
    columns: list[str] = []
    for word in words:
        key = re.sub(r"[\s\-]+", "_", word.strip().lower())
        is_remark = not key or key.startswith(("note", "comment", "remark", "description"))
        if not is_remark and key not in canonical:
            source.fail(line, f"column {quoted(word)}", f"one of {', '.join(sorted(set(canonical.values())))}")
        name = "" if is_remark else canonical[key]
        if name and name in columns:
            source.fail(line, f"column {quoted(word)} twice", "each column once")
        columns.append(name)
    return columns
