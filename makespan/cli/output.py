"""Writing: data to stdout or a file, everything else to stderr."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from makespan.cli.exit_codes import UsageError

Record = Mapping[str, Any]


def note(text: str, quiet: bool = False) -> None:
    """A line for people, on stderr."""
    if not quiet:
        print(text, file=sys.stderr)


def on_terminal() -> bool:
    """Whether stderr is a terminal, where progress may be shown."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def check_writable(path: str | None) -> None:
    """Refuse an output path that cannot be written, before any work is done for it. Raises UsageError."""
    if path in (None, "-"):
        return
    target = Path(str(path))
    folder = target.parent
    if target.is_dir():
        raise UsageError(f"{path}: is a folder, expected a file to write")
    if not folder.is_dir():
        raise UsageError(f"{path}: no folder {str(folder)!r} to write to")
    special = target.exists() and not target.is_file()
    if not os.access(target if special else folder, os.W_OK):
        raise UsageError(f"{path}: no permission to write")


def write_output(text: str, path: str | None) -> None:
    """Write to stdout (None or ``-``), or to a file as a whole or not at all."""
    if path in (None, "-"):
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        from makespan.instances.write import write_atomically

        write_atomically(Path(str(path)), text)


def render(records: Sequence[Record], format: str, columns: Mapping[str, str] | None = None) -> str:
    """Records as text in one of the four formats.

    ``columns`` names the keys that table and csv show, with the titles of the table; without it all keys of the first
    record are shown under their own names.
    """
    if format == "json":
        return "[" + ",\n ".join(json.dumps(record, ensure_ascii=False) for record in records) + "]\n"
    if format == "jsonl":
        return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    titles = dict(columns) if columns is not None else {key: key for key in (records[0] if records else ())}
    if format == "csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(titles)
        writer.writerows([_flat(record.get(key)) for key in titles] for record in records)
        return text.getvalue()
    return table(titles.values(), [[record.get(key) for key in titles] for record in records])


def table(titles: Iterable[str], rows: Iterable[Sequence[Any]]) -> str:
    """Aligned columns, numbers to the right, never wrapped: as good for ``grep`` and ``cut`` as for the eye."""
    listed = [list(row) for row in rows]
    columns = [[title, *(cell(row[i]) for row in listed)] for i, title in enumerate(titles)]
    numeric = [any(_is_number(row[i]) for row in listed) for i in range(len(columns))]
    padded = []
    for column, right in zip(columns, numeric, strict=True):
        width = max(map(len, column))
        padded.append([text.rjust(width) if right else text.ljust(width) for text in column])
    return "".join("  ".join(line).rstrip() + "\n" for line in zip(*padded, strict=True))


def cell(value: Any) -> str:
    """One value as people read it: nothing known is a dash."""
    if value is None or value == "":
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 100 else f"{value:.1f}"
    return str(_flat(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and value.endswith(" %"))


def percent(fraction: float | None) -> str | None:
    """A fraction as a percentage with two digits."""
    return None if fraction is None else f"{100 * fraction:.2f} %"


def _flat(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else value
