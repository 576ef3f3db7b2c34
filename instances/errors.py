"""The one error that bad input files raise."""

from __future__ import annotations

_LONGEST_QUOTE = 60  # characters of a file that a message repeats


class InputError(ValueError):
    """A file that cannot be read; prints as ``file:line: found X, expected Y`` on one line.

    Parameters
    ----------
    path
        The file as the user named it, or ``<stdin>``.
    line
        Line in the decompressed text, from 1; ``None`` where no line applies.
    found, expected
        What the file holds and what belongs there, each a short phrase.
    """

    def __init__(self, path: str, line: int | None, found: str, expected: str) -> None:
        super().__init__(path, line, found, expected)
        self.path = path
        self.line = line
        self.found = found
        self.expected = expected

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: found {self.found}, expected {self.expected}"


def quoted(value: object) -> str:
    """A value from a file as it may stand in a message: one line, cut when long."""
    text = value if isinstance(value, str) else str(value)
    shown = text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"
    return repr(shown)
