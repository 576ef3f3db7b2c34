"""read(path): recognises the format of a file from its content and calls its reader."""

from __future__ import annotations

import sys
import zlib
from pathlib import Path
from typing import BinaryIO

from makespan.instances.errors import InputError, quoted
from makespan.instances.formats import FORMATS
from makespan.instances.formats.source import Source
from makespan.instances.instance import Instance

__all__ = [
    "FORMATS",
    "MAX_BYTES",
    "file_bytes",
    "format_of",
    "instance_name",
    "read",
    "read_source",
    "read_text",
    "recognise",
]

MAX_BYTES = 2**30
"""Largest size of a file, after decompression; more is refused while reading."""

_CHUNK = 2**20
_JSON_KINDS = ("json", "question", "schedule_opt", "wfformat")


def read(path: str | Path, format: str | None = None) -> Instance:
    """The instance in a file.

    Parameters
    ----------
    path
        A file, possibly compressed with gzip, or ``-`` for the standard input. Beside a CSV file ``NAME.csv`` a file
        ``NAME.calendar.csv`` is read with it.
    format
        A name from FORMATS; without it the content decides, and the extension where the content leaves a choice.

    Raises
    ------
    InputError
        For anything that is no valid instance: no such file, more than MAX_BYTES, binary data, a truncated file, a
        wrong index, … The message is one line with file, line, what was found and what was expected.
    ValueError
        For an unknown ``format``.
    """
    if str(path) == "-":
        return _read_source(read_source(Path("-")), format, "")
    path = Path(path)
    source = read_source(path)
    calendar = path.with_name(f"{source.name}.calendar.csv")
    if not path.name.endswith(".calendar.csv") and calendar.is_file():
        source.companions["calendar"] = (str(calendar), _decoded(file_bytes(calendar), str(calendar)))
    return _read_source(source, format, _extension(path))


def read_text(
    text: str,
    name: str = "",
    format: str | None = None,
    *,
    path: str | None = None,
    companions: dict[str, tuple[str, str]] | None = None,
) -> Instance:
    """The instance in a text; ``path`` stands for the file in messages (default: the name). Raises as ``read``."""
    return _read_source(Source(text, path or name or "<text>", name, companions), format, "")


def read_source(path: Path) -> Source:
    """The text of a file or of the standard input (``-``), decompressed. Raises InputError if it cannot be read or is
    no text."""
    if str(path) == "-":
        return _source(_bytes_of(sys.stdin.buffer, "<stdin>"), "<stdin>", "stdin")
    return _source(file_bytes(path), str(path), instance_name(path))


def recognise(source: Source, extension: str = "") -> str:
    """The name of the format of a text.

    A leading comment ``# format: NAME`` decides; then the form of the content; where several formats fit, the one
    with this ``extension``, else the first of FORMATS. Where none fits, the nearest, whose reader then says what is
    wrong. Raises InputError for an empty or unrecognisable text.
    """
    if source.directive is not None:
        if source.directive not in FORMATS:
            source.fail(None, f"a comment with format {quoted(source.directive)}", f"one of {', '.join(FORMATS)}")
        return source.directive
    if source.is_json:
        candidates = [FORMATS[name] for name in _JSON_KINDS]
    else:
        candidates = [item for item in FORMATS.values() if item.name not in _JSON_KINDS]
    fitting = [item.name for item in candidates if item.load().recognises(source)]
    preferred = [name for name in fitting if extension in FORMATS[name].extensions]
    return next(iter([*preferred, *fitting])) if fitting else _nearest(source, extension)


def format_of(path: str | Path) -> str:
    """The format for which ``read`` takes a file. Raises InputError as ``recognise``, and for an unreadable file."""
    return recognise(_source(file_bytes(Path(path)), str(path), instance_name(path)), _extension(Path(path)))


def instance_name(path: str | Path) -> str:
    """The file name without ``.gz`` and extension."""
    path = Path(path)
    if path.suffix.lower() == ".gz" and path.stem:
        path = path.with_name(path.stem)
    return path.stem if path.suffix.lower() in _known_extensions() else path.name


def _read_source(source: Source, format: str | None, extension: str) -> Instance:
    if format is not None and format not in FORMATS:
        raise ValueError(f"format: found {format!r}, expected one of {', '.join(FORMATS)}")
    return FORMATS[format or recognise(source, extension)].load().read(source)


def _nearest(source: Source, extension: str) -> str:
    """The format whose reader gives the best message for a text that fits none."""
    header = source.header
    if not header:
        source.fail(None, "an empty file", "an instance")
    if source.is_json:
        kind = source.json.get("kind") if isinstance(source.json, dict) else None
        found = f"JSON of kind {quoted(kind)}" if kind else "JSON of an unknown layout"
        source.fail(None, found, "an instance of makespan, ScheduleOpt or WfFormat, or a question")
    by_extension = [item.name for item in FORMATS.values() if extension in item.extensions]
    if extension != ".txt" and by_extension:
        return by_extension[0]
    numbers = sum(word.lstrip("+-").isdigit() for word in header)
    if len(header) >= 2 and numbers >= 2:
        return {2: "standard", 3: "fjs", 4: "rcpsp_max"}.get(len(header), "taillard")
    source.fail(source.header_line, quoted(" ".join(header)), "the first line of a known instance format")


def _known_extensions() -> set[str]:
    return {extension for item in FORMATS.values() for extension in item.extensions}


def _extension(path: Path) -> str:
    inner = Path(path.stem) if path.suffix.lower() == ".gz" else path
    return inner.suffix.lower()


# -- bytes ----------------------------------------------------------------------------------------


def file_bytes(path: Path) -> bytes:
    """What is in a file, decompressed if it is gzip. Raises InputError if it cannot be read or is above MAX_BYTES."""
    try:
        with path.open("rb") as file:
            return _bytes_of(file, str(path))
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise InputError(str(path), None, reason, "a readable file") from None


def _bytes_of(file: BinaryIO, path: str) -> bytes:
    """All bytes, decompressed if they are gzip; at most MAX_BYTES."""
    first = file.read(_CHUNK)
    if first[:2] == b"\x1f\x8b":
        return _gunzip(first, file, path)
    parts, size = [first], len(first)
    while chunk := file.read(_CHUNK):
        size += len(chunk)
        _check_size(size, path)
        parts.append(chunk)
    return b"".join(parts)


def _gunzip(first: bytes, file: BinaryIO, path: str) -> bytes:
    """Members of a gzip file one after the other, in pieces, so that a small file cannot fill the memory."""
    parts: list[bytes] = []
    size, pending = 0, first
    decoder = zlib.decompressobj(wbits=31)
    try:
        while True:
            part = decoder.decompress(pending, _CHUNK)
            size += len(part)
            _check_size(size, path)
            parts.append(part)
            if 0 in parts[0]:
                break  # binary: refused by the caller, without unpacking the rest
            pending = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
            pending = pending or file.read(_CHUNK)
            if decoder.eof:
                if not pending.strip(b"\0"):
                    break
                decoder = zlib.decompressobj(wbits=31)
            elif not pending and not part:
                raise InputError(path, None, "a truncated gzip file", "a complete one")
    except zlib.error:
        raise InputError(path, None, "a damaged gzip file", "a complete one") from None
    return b"".join(parts)


def _check_size(size: int, path: str) -> None:
    if size > MAX_BYTES:
        raise InputError(path, None, f"more than {MAX_BYTES} bytes of text", "a smaller file")


def _source(data: bytes, path: str, name: str) -> Source:
    return Source(_decoded(data, path), path, name)


def _decoded(data: bytes, path: str) -> str:
    if data[257:262] == b"ustar":
        raise InputError(path, None, "a tar archive", "a file with one instance")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(path, None, "UTF-16 text", "UTF-8 text")
    if b"\0" in data:
        raise InputError(path, None, "binary data", "text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(path, line, f"byte 0x{data[error.start]:02x}", "UTF-8 text") from None
