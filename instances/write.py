"""write(instance, path): the instance in a format that can hold all of it, written whole or not at all."""

from __future__ import annotations

import gzip
import os
import secrets
import stat
import sys
from pathlib import Path

from makespan.instances.features import FEATURES
from makespan.instances.formats import FORMATS
from makespan.instances.formats.source import Source
from makespan.instances.instance import Instance
from makespan.instances.read import read_text, recognise


def write(instance: Instance, path: str | Path, format: str | None = None) -> None:
    """Write an instance to a file, or to the standard output for ``-``.

    Parameters
    ----------
    path
        With ``.gz`` at its end the text is compressed. An existing file is replaced in one step.
    format
        A name from FORMATS; without it the extension decides (``.txt``: standard job shop, ``.json`` and ``-``: json).

    Raises
    ------
    ValueError
        If the format cannot hold the instance, or none is known for the extension. Nothing is written then.
    OSError
        If the file cannot be written; what was there before is still there.
    """
    text = to_text(instance, format or _format_for(path))
    if str(path) == "-":
        sys.stdout.write(text)
    elif str(path).lower().endswith(".gz"):
        write_atomically(path, gzip.compress(text.encode(), mtime=0))
    else:
        write_atomically(path, text)


def to_text(instance: Instance, format: str) -> str:
    """The instance as text in a format of FORMATS.

    The text is read back before it is returned, so an instance that differs from it in any field is refused. Names
    and other metadata are kept where the format has a place for them. Where the content alone would be taken for
    another format, a first line ``# format: NAME`` says which one it is.

    Raises
    ------
    ValueError
        One sentence saying what the format cannot hold.
    """
    if format not in FORMATS or not FORMATS[format].can_write:
        writable = ", ".join(item.name for item in FORMATS.values() if item.can_write)
        raise ValueError(f"format: found {format!r}, expected one of {writable}")
    module = FORMATS[format].load()
    missing = [FEATURES[name] for name in FEATURES if name in instance.features - module.HOLDS]
    if missing:
        raise ValueError(f"format {format} cannot hold {'; '.join(missing)}; json holds every field")
    try:
        text = module.write(instance)
        source = Source(text, instance.name or "<text>", instance.name)
        same = module.read(source).digest == instance.digest
    except ValueError as error:
        raise ValueError(f"format {format} cannot hold this instance ({error}); json holds every field") from None
    if not same:
        raise ValueError(
            f"format {format} cannot hold this instance (numbering or structure would change); json holds every field"
        )
    if recognise(source) != format:
        text = f"# format: {format}\n{text}"
        assert read_text(text).digest == instance.digest
    return text


def write_atomically(path: str | Path, data: str | bytes) -> None:
    """Write a whole file or leave what was there: a temporary file beside it, flushed to disk, then renamed.

    A link is followed; its target is replaced. Devices and pipes are written directly. Raises OSError.
    """
    content = data.encode() if isinstance(data, str) else data
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_bytes(content)
        return
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _format_for(path: str | Path) -> str:
    if str(path) == "-":
        return "json"
    name = Path(path).name.lower().removesuffix(".gz")
    extension = Path(name).suffix
    if extension == ".txt":
        return "standard"
    for item in FORMATS.values():
        if item.can_write and extension in item.extensions:
            return item.name
    known = sorted({extension for item in FORMATS.values() for extension in item.extensions})
    raise ValueError(f"{path}: found extension {extension or 'none'!r}, expected one of {', '.join(known)} or a format")
