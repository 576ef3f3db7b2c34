"""Suite: what a benchmark plays, read from a TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from makespan.instances.errors import InputError, quoted
from makespan.solvers.api import Budget
from makespan.solvers.registry import make_stage, parse_spec

SUITES = Path(__file__).parent / "suites"
"""Where the suites that come along lie."""


@dataclass(frozen=True)
class Suite:
    """What a benchmark plays: every solver on every instance with every seed, under one budget.

    Parameters
    ----------
    name
        Name under which the runs are stored.
    solvers
        Specs, see ``makespan.solvers.registry``.
    instances
        References, see ``makespan.instances.references``; files relative to ``folder``.
    """

    name: str
    solvers: tuple[str, ...]
    instances: tuple[str, ...]
    budget: Budget
    seeds: tuple[int, ...] = (0,)
    threads: int = 1
    folder: Path = Path()


def read_suite(name: str | Path) -> Suite:
    """Read a suite from a TOML file, or one that comes along by its name.

    Raises
    ------
    InputError
        If the file cannot be read, a key is missing, unknown or of the wrong type, or a solver is unknown.
    """
    path = Path(name)
    shipped = SUITES / f"{name}.toml"
    if not path.is_file() and shipped.is_file():
        path = shipped
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        known = ", ".join(sorted(each.stem for each in SUITES.glob("*.toml")))
        reason = (error.strerror or type(error).__name__).lower()
        raise InputError(str(name), None, reason, f"a suite file or one of {known}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(str(path), None, str(error), "TOML") from None
    return _suite(data, path)


@dataclass(frozen=True)
class _SuiteFile:
    """The keys of a suite file; pydantic checks types and refuses other keys."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    solvers: list[str]
    instances: list[str]
    budget: Budget
    name: str | None = None
    seeds: int | list[int] = 1
    threads: int = 1


def _suite(data: dict[str, Any], path: Path) -> Suite:
    import pydantic

    def refuse(found: str, expected: str) -> InputError:
        return InputError(str(path), None, found, expected)

    limits = [item.name for item in fields(Budget)]
    for key in data.get("budget", ()) if isinstance(data.get("budget"), dict) else ():
        if key not in limits:
            raise refuse(f"budget.{key}", f"one of {', '.join(limits)}")
    try:
        file = pydantic.TypeAdapter(_SuiteFile).validate_python(data, strict=False)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] in ("missing", "unexpected_keyword_argument"):
            word, known = ("no ", place) if first["type"] == "missing" else ("", ", ".join(_KEYS))
            raise refuse(f"{word}{place}", known) from None
        raise refuse(f"{place} = {quoted(first['input'])}", first["msg"].removeprefix("Input should be ")) from None
    seeds = tuple(range(file.seeds)) if isinstance(file.seeds, int) else tuple(file.seeds)
    for key, values in (("solvers", file.solvers), ("instances", file.instances), ("seeds", seeds)):
        if not values or len(set(values)) < len(values):
            raise refuse(f"{key} = {list(values)}", "at least one, none twice")
    if min(seeds) < 0:
        raise refuse(f"seed {min(seeds)}", "0 or more")
    if file.threads < 1:
        raise refuse(f"threads = {file.threads}", "1 or more")
    if file.budget == Budget():
        raise refuse("a budget without limits", f"one of {', '.join(limits)}")
    try:
        for solver in file.solvers:
            for spec in parse_spec(solver):
                make_stage(spec)
    except ValueError as error:
        raise refuse(str(error), "solvers that exist") from None
    return Suite(
        name=file.name or path.stem,
        solvers=tuple(file.solvers),
        instances=tuple(file.instances),
        budget=file.budget,
        seeds=seeds,
        threads=file.threads,
        folder=path.parent,
    )


_KEYS = tuple(item.name for item in fields(_SuiteFile))
