"""Source: the text of one file with its name, and the integers in it with their line numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from makespan.instances.errors import InputError, quoted
from makespan.instances.instance import HORIZON_LIMIT, IntArray

MAX_IDLE_RESOURCES = 100_000
"""A header may claim this many more machines or resources than the file has numbers; beyond it, it is refused."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_OTHER_THAN_INTEGERS = re.compile(rb"[^0-9+\- \t\n]|[0-9+-][+-]|[+-](?![0-9])")
_DIRECTIVE = re.compile(r"#\s*format:\s*([a-z_]+)\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class IntRows:
    """The integers of a text by line; lines without any are left out.

    ``value`` (num_values,); row i holds ``value[ptr[i]:ptr[i + 1]]`` and stands on line ``line[i]``.
    """

    value: IntArray
    ptr: IntArray
    line: IntArray

    def __len__(self) -> int:
        return self.line.size

    @cached_property
    def width(self) -> IntArray:
        """Shape (rows,): how many integers each row has."""
        return np.diff(self.ptr)

    def row(self, index: int) -> list[int]:
        """The integers of one row."""
        row: list[int] = self.value[self.ptr[index] : self.ptr[index + 1]].tolist()
        return row

    def line_of(self, position: int) -> int:
        """The line on which a value stands."""
        return int(self.line[np.searchsorted(self.ptr, position, side="right") - 1])


class Source:
    """The text of one instance file. Line ends are ``\\n``; leading lines that start with ``#`` are comments.

    Parameters
    ----------
    text
        The whole file.
    path
        The file as the user named it, for messages.
    name
        Name for the instance.
    companions
        Texts of files that belong to this one, by role (``calendar`` for CSV), as (path, text).
    """

    def __init__(
        self, text: str, path: str, name: str = "", companions: dict[str, tuple[str, str]] | None = None
    ) -> None:
        if text.startswith("\ufeff"):
            text = text[1:]
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        self.text = text
        self.path = path
        self.name = name
        self.companions = companions or {}

    def fail(self, line: int | None, found: str, expected: str) -> NoReturn:
        """Raise InputError at a line of this file."""
        raise InputError(self.path, line, found, expected)

    @contextmanager
    def building(self) -> Iterator[None]:
        """Turns the ValueError of a constructor into an InputError of this file."""
        try:
            yield
        except InputError:
            raise
        except (ValueError, OverflowError) as error:
            self.fail(None, str(error), "data that make a valid instance")

    # -- lines ------------------------------------------------------------------------------------

    @cached_property
    def comments(self) -> list[str]:
        """The leading lines that are blank or start with ``#``."""
        leading = []
        start = 0
        while start < len(self.text):
            end = self.text.find("\n", start)
            end = len(self.text) if end < 0 else end
            line = self.text[start:end].strip()
            if line and not line.startswith("#"):
                break
            leading.append(line)
            start = end + 1
        return leading

    @cached_property
    def directive(self) -> str | None:
        """The format that a leading comment ``# format: NAME`` names."""
        for line in self.comments:
            if match := _DIRECTIVE.match(line):
                return match.group(1).lower()
        return None

    @cached_property
    def lines(self) -> list[tuple[int, str]]:
        """Line number and stripped text of every line that is neither blank nor a leading comment."""
        skipped = len(self.comments)
        numbered = enumerate(self.text.split("\n")[skipped:], start=skipped + 1)
        return [(number, line.strip()) for number, line in numbered if line.strip()]

    @cached_property
    def _header_and_body(self) -> tuple[int, list[str], int, str]:
        start = 0
        for _ in self.comments:
            start = self.text.find("\n", start) + 1 or len(self.text)
        end = self.text.find("\n", start)
        end = len(self.text) if end < 0 else end
        line = len(self.comments) + 1
        return line, self.text[start:end].split(), line + 1, self.text[end + 1 :]

    @property
    def header(self) -> list[str]:
        """The words of the first line that is neither blank nor a comment; empty for an empty file."""
        return self._header_and_body[1]

    @property
    def header_line(self) -> int:
        """The number of that line."""
        return self._header_and_body[0]

    # -- numbers ----------------------------------------------------------------------------------

    @cached_property
    def rows(self) -> IntRows:
        """The integers after the header line. O(size); raises InputError at the first word that is no integer."""
        _, _, first_line, body = self._header_and_body
        return int_rows(body, first_line, self)

    @cached_property
    def is_numeric(self) -> bool:
        """Whether everything after the header line is integers."""
        try:
            return len(self.rows) > 0
        except InputError:
            return False

    def header_counts(self, *names: str, optional: bool = False) -> list[int]:
        """The header as non-negative counts called ``names``; with ``optional`` more words may follow."""
        words, line = self.header, self.header_line
        layout = " ".join(names)
        if not words:
            self.fail(None, "an empty file", f"a first line with `{layout}`")
        if len(words) < len(names) or (len(words) > len(names) and not optional):
            self.fail(line, f"{len(words)} words", f"`{layout}`")
        return [self.count(word, line, name) for word, name in zip(words, names, strict=False)]

    def count(self, word: str, line: int, name: str) -> int:
        """A word as an integer from 0 to 2^31 - 1."""
        value = self.integer(word, line, name)
        if not 0 <= value < 2**31:
            self.fail(line, f"{value} {name}", f"0 to {2**31 - 1}")
        return value

    def integer(self, word: str, line: int, name: str = "") -> int:
        """A word as an integer of at most 18 digits."""
        if word.isdecimal() and word.isascii() and len(word) <= 18:  # nearly all words, and twice as fast
            return int(word)
        if not _INTEGER.fullmatch(word):
            self.fail(line, quoted(word), f"an integer ({name})" if name else "an integer")
        return int(word)

    def check_resource_count(self, count: int, numbers: int, line: int | None, name: str = "machines") -> None:
        """Refuse a header that claims far more machines than the file could use."""
        if count > numbers + MAX_IDLE_RESOURCES:
            self.fail(
                line, f"{count} {name}", f"at most {MAX_IDLE_RESOURCES} more than the {numbers} numbers that follow"
            )

    def check_range(self, rows: IntRows, position: IntArray, low: int, high: int, name: str) -> None:
        """Refuse the first of ``rows.value[position]`` outside low..high, naming its line."""
        value = rows.value[position]
        bad = (value < low) | (value > high)
        if bad.any():
            at = int(position[np.argmax(bad)])
            self.fail(rows.line_of(at), f"{name} {rows.value[at]}", f"{low} to {high}")

    def check_times(self, rows: IntRows, position: IntArray, name: str = "duration") -> None:
        """Refuse the first of ``rows.value[position]`` outside 0..2^53, naming its line."""
        self.check_range(rows, position, 0, HORIZON_LIMIT, name)

    # -- JSON -------------------------------------------------------------------------------------

    @cached_property
    def is_json(self) -> bool:
        """Whether the first character is that of a JSON object or array."""
        return self.text.lstrip()[:1] in ("{", "[")

    @cached_property
    def json(self) -> Any:
        """The parsed JSON document; raises InputError with line and reason where it is none."""
        try:
            return json.loads(self.text)
        except json.JSONDecodeError as error:
            place = f"{error.msg[:1].lower()}{error.msg[1:]}"
            self.fail(error.lineno, f"at column {error.colno}: {place}", "JSON")
        except RecursionError:
            self.fail(None, "brackets nested too deep", "a flat JSON document")
        except ValueError:
            self.fail(None, "a number with thousands of digits", "numbers up to 2^53")


def int_rows(text: str, first_line: int, source: Source) -> IntRows:
    """The integers of a text by line. Raises InputError naming the first word that is none. O(size).

    Plain text of digits goes through NumPy as a whole; anything else is read word by word.
    """
    try:
        data = text.encode("ascii")
    except UnicodeEncodeError:
        return _rows_word_by_word(text, first_line, source)
    if _OTHER_THAN_INTEGERS.search(data):
        return _rows_word_by_word(text, first_line, source)
    value = np.fromstring(data, dtype=np.int64, sep=" ") if data.strip() else np.zeros(0, np.int64)
    limit = 10**18  # longer numbers saturate above: let the slow path name them
    if value.size and (value.max() >= limit or value.min() <= -limit):
        return _rows_word_by_word(text, first_line, source)
    byte = np.frombuffer(data, dtype=np.uint8)
    is_word = byte > 32
    starts = is_word.copy()
    starts[1:] &= ~is_word[:-1]
    line_end = np.append(np.flatnonzero(byte == 10), byte.size)
    ptr = np.searchsorted(np.flatnonzero(starts), line_end)
    width = np.diff(ptr, prepend=0)
    used = np.flatnonzero(width)
    return IntRows(value, np.concatenate(([0], ptr[used])), used + first_line)


def _rows_word_by_word(text: str, first_line: int, source: Source) -> IntRows:
    value: list[int] = []
    ptr, line = [0], []
    for number, row in enumerate(text.split("\n"), start=first_line):
        words = row.split()
        if not words or words[0].startswith("#"):
            continue
        value.extend(source.integer(word, number) for word in words)
        ptr.append(len(value))
        line.append(number)
    return IntRows(*(np.array(items, dtype=np.int64) for items in (value, ptr, line)))
