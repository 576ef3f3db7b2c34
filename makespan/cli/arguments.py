"""Types of arguments that several commands share, what their texts mean, and what the shell completes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from makespan.cli.exit_codes import UsageError

_DASH = "<standard stream>"
_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turns the ValueError of a function that was given what the user typed into a UsageError."""
    try:
        yield
    except ValueError as error:
        raise UsageError(" ".join(str(error).split())) from None


def seconds_of(text: str) -> float | None:
    """``90``, ``90s``, ``1.5m`` or ``2h`` in seconds; None for ``none``. Raises UsageError."""
    if text.lower() == "none":
        return None
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*([a-z]*)", text.strip().lower())
    if match is None or match[2] not in _UNITS or not float(match[1]) > 0:
        raise UsageError(f"time limit: found {text!r}, expected a duration above 0 such as 90, 90s or 5m, or none")
    return float(match[1]) * _UNITS[match[2]]


def fraction_of(text: str, name: str) -> float:
    """``0.01`` or ``1%``. Raises UsageError."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise UsageError(f"{name}: found {text!r}, expected a fraction such as 0.01 or 1%")
    return value


def thread_count(threads: int | None) -> int:
    """What ``--threads`` says, by default every core this process may use."""
    if threads is None:
        usable = getattr(os, "sched_getaffinity", None)
        return len(usable(0)) if usable else os.cpu_count() or 1
    if threads < 1:
        raise UsageError(f"threads: found {threads}, expected 1 or more")
    return threads


def pairs_of(texts: tuple[str, ...] | list[str], name: str) -> dict[str, str]:
    """``key=value`` texts as a dict. Raises UsageError."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"{name}: found {text!r}, expected key=value")
        if key in found:
            raise UsageError(f"{name}: {key} is given twice")
        found[key] = value
    return found


def _complete_names(context: Any) -> list[str]:
    """Bundled instances after an @, files otherwise."""
    typed: str = context.incomplete
    if not typed.startswith("@"):
        folder, _, _ = typed.rpartition("/")
        here = Path(folder or ("/" if typed.startswith("/") else "."))
        names = [f"{folder}/{path.name}" if "/" in typed else path.name for path in here.glob("[!.]*")]
        return sorted(names) if typed else ["@", *sorted(names)]
    from makespan.instances.references import known_names

    return known_names()


def _complete_solvers(context: Any) -> dict[str, str]:
    from makespan.solvers.registry import solver_table

    return {example: entry.summary for entry in solver_table().values() for example in entry.examples or (entry.name,)}


def _complete_formats(context: Any) -> list[str]:
    from makespan.instances.formats import FORMATS

    return list(FORMATS)


def check_format(name: str | None) -> None:
    """Refuse an unknown instance format before anything is read. Raises UsageError."""
    from makespan.instances.formats import FORMATS

    if name is not None and name not in FORMATS:
        raise UsageError(f"input format: found {name!r}, expected one of {', '.join(FORMATS)}")


def mask_dashes(tokens: list[str]) -> list[str]:
    """Tokens for the parser, which would take a lone ``-`` for an option; the types below turn it back."""
    return [_DASH if token == "-" else token for token in tokens]


def _unmask(kind: Any, tokens: Any) -> str:
    value: str = tokens[0].value
    return "-" if value == _DASH else value


OutputFormat = Literal["table", "json", "jsonl", "csv"]
References = Annotated[str, Parameter(name="FILES", converter=_unmask, completer=_complete_names)]
Reference = Annotated[str, Parameter(converter=_unmask, completer=_complete_names)]
Spec = Annotated[str, Parameter(name=["--solver", "-s"], completer=_complete_solvers)]
InstanceFormat = Annotated[str | None, Parameter(completer=_complete_formats)]
Output = Annotated[str | None, Parameter(name=["--output", "-o"], converter=_unmask)]
Stream = Annotated[str | None, Parameter(converter=_unmask)]
Target = Annotated[str, Parameter(converter=_unmask)]
Quiet = Annotated[bool, Parameter(name=["--quiet", "-q"], negative=())]
Verbose = Annotated[bool, Parameter(name=["--verbose", "-v"], negative=())]
Flag = Annotated[bool, Parameter(negative=())]
