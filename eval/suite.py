"""Suite: what a benchmark plays, read from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from makespan.eval.machine import bytes_of
from makespan.eval.simulation import Simulation, check_solver, simulation_of
from makespan.eval.store import budget_text
from makespan.instances.errors import InputError, quoted
from makespan.solvers.api import Budget
from makespan.solvers.registry import make_stage, parse_spec

T = TypeVar("T")

SUITES = Path(__file__).parent / "suites"
"""Where the suites that come along lie."""


@dataclass(frozen=True)
class Limits:
    """What one run may use: the budget, which its solver keeps, and memory in bytes, which is watched from outside."""

    budget: Budget = field(default_factory=Budget)
    memory: int | None = None

    @property
    def text(self) -> str:
        """As the store has it."""
        return budget_text(asdict(self.budget) | {"memory": self.memory})


@dataclass(frozen=True)
class Suite:
    """What a benchmark plays: every solver on every instance with every seed, under every budget.

    Parameters
    ----------
    name
        Name under which the runs are stored.
    solvers
        Specs, see ``makespan.solvers.registry``; for simulations, rules and networks.
    instances
        References, see ``makespan.instances.references``; files relative to ``folder``.
    limits
        Those of one run; several make runs of their own.
    simulations
        Played in place of instances.
    """

    name: str
    solvers: tuple[str, ...]
    instances: tuple[str, ...]
    limits: tuple[Limits, ...]
    seeds: tuple[int, ...] = (0,)
    threads: int = 1
    folder: Path = Path()
    simulations: tuple[Simulation, ...] = ()

    def with_memory(self, memory: int) -> Suite:
        """The same with a limit in bytes for the budgets that have none."""
        limits = (each if each.memory is not None else replace(each, memory=memory) for each in self.limits)
        return replace(self, limits=tuple(dict.fromkeys(limits)))


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
    instances: list[str] | None = None
    budget: dict[str, Any] | list[dict[str, Any]] | None = None
    scenario: dict[str, dict[str, Any]] | None = None
    name: str | None = None
    seeds: int | list[int] = 1
    threads: int = 1


_KEYS = tuple(item.name for item in fields(_SuiteFile))
_LIMITS = (*(item.name for item in fields(Budget)), "memory")

Refuse = Callable[[str, str], InputError]
"""``refuse(found, expected)``: the error that names the file."""


def _suite(data: dict[str, Any], path: Path) -> Suite:
    def refuse(found: str, expected: str) -> InputError:
        return InputError(str(path), None, found, expected)

    file = _validated(_SuiteFile, data, "", _KEYS, refuse)
    seeds = tuple(range(file.seeds)) if isinstance(file.seeds, int) else tuple(file.seeds)
    for key, values in (("solvers", file.solvers), ("instances", file.instances), ("seeds", seeds)):
        if values is not None and (not values or len(set(values)) < len(values)):
            raise refuse(f"{key} = {list(values)}", "at least one, none twice")
    if min(seeds) < 0:
        raise refuse(f"seed {min(seeds)}", "0 or more")
    if file.threads < 1:
        raise refuse(f"threads = {file.threads}", "1 or more")
    limits: tuple[Limits, ...] = (Limits(),)
    simulations: tuple[Simulation, ...] = ()
    if file.scenario is not None:
        simulations = _simulations(file, refuse)
    elif file.instances is None:
        raise refuse("no instances", "instances, or a table [scenario.name]")
    else:
        limits = _all_limits(file.budget, refuse)
        _check_solvers(file.solvers, refuse)
    return Suite(
        name=file.name or path.stem,
        solvers=tuple(file.solvers),
        instances=tuple(file.instances or ()),
        limits=limits,
        seeds=seeds,
        threads=file.threads,
        folder=path.parent,
        simulations=simulations,
    )


def _validated(kind: type[T], data: object, place: str, known: tuple[str, ...], refuse: Refuse) -> T:
    """``data`` as this class, or the first error with its place in the file."""
    import pydantic

    try:
        return pydantic.TypeAdapter(kind).validate_python(data, strict=False)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, (*place.split(), *first["loc"])))
        if first["type"] in ("missing", "unexpected_keyword_argument"):
            missing = first["type"] == "missing"
            raise refuse(f"{'no ' if missing else ''}{where}", where if missing else ", ".join(known)) from None
        reason = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        raise refuse(f"{where} = {quoted(first['input'])}", reason) from None


def _all_limits(budget: dict[str, Any] | list[dict[str, Any]] | None, refuse: Refuse) -> tuple[Limits, ...]:
    tables = [{}] if budget is None else budget if isinstance(budget, list) else [budget]
    found = tuple(_limits(table, refuse) for table in tables)
    if not found or len(set(found)) < len(found):
        raise refuse(f"{len(found)} tables [[budget]]", "at least one, none twice")
    return found


def _limits(table: dict[str, Any], refuse: Refuse) -> Limits:
    for key in table:
        if key not in _LIMITS:
            raise refuse(f"budget.{key}", f"one of {', '.join(_LIMITS)}")
    given = dict(table)
    memory = given.pop("memory", None)
    budget = _validated(Budget, given, "budget", _LIMITS, refuse)
    if budget == Budget():
        raise refuse("a budget without limits", f"one of {', '.join(item.name for item in fields(Budget))}")
    try:
        return Limits(budget, None if memory is None else bytes_of(memory))
    except ValueError as error:
        raise _refused("budget.", error, refuse) from None


def _check_solvers(solvers: list[str], refuse: Refuse) -> None:
    try:
        for solver in solvers:
            for spec in parse_spec(solver):
                make_stage(spec)
    except ValueError as error:
        raise refuse(str(error), "solvers that exist") from None


def _simulations(file: _SuiteFile, refuse: Refuse) -> tuple[Simulation, ...]:
    for key in ("instances", "budget"):
        if getattr(file, key) is not None:
            raise refuse(
                f"{key} beside [scenario]", "one of the two: each scenario names its instance and ends by itself"
            )
    if file.threads != 1:
        raise refuse(f"threads = {file.threads}", "1 where scenarios are played")
    if not file.scenario:
        raise refuse("no [scenario.name]", "at least one")
    for solver in file.solvers:
        try:
            check_solver(solver)
        except ValueError as error:
            raise _refused("", error, refuse) from None
    found = list[Simulation]()
    for name, table in file.scenario.items():
        try:
            found.append(simulation_of(name, table))
        except ValueError as error:
            raise _refused(f"scenario.{name}.", error, refuse) from None
    return tuple(found)


def _refused(place: str, error: ValueError, refuse: Refuse) -> InputError:
    """An error that says ``what: found X, expected Y``, with its place in the file."""
    what, _, rest = str(error).partition(": found ")
    found, _, expected = rest.partition(", expected ")
    return refuse(f"{place}{what}: {found}", expected)
