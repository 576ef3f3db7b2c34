"""Solver specs as the user types them, and the table of solvers; each is imported only when asked for.

A spec is ``name[:argument][,key=value…]``. Stages joined by ``+`` run one after the other, lanes joined by ``~`` at the
same time. It is written alike in the shell, TOML and Python: ``rule:mwkr,scheme=non_delay``, ``sgs:lft``,
``rule:best+cpsat,seconds=20``, ``rule:best~cpsat``, ``auto``. Within parentheses, as in ``rule:(D+p)/(p+R)``, none of
these signs means anything. Every stage takes ``seconds`` and ``iterations`` as limits of its own. Other packages add
solvers through the entry point group ``makespan.solvers``.
"""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.metadata import entry_points
from typing import Any, TypeVar, get_type_hints

from makespan.solvers.stage import Chooser, Stage

S = TypeVar("S")

ENTRY_POINT_GROUP = "makespan.solvers"


@dataclass(frozen=True)
class SolverEntry:
    """A row of the table: where a solver lives and what to type.

    ``target`` is ``module:callable``; the callable takes the argument after the colon (or None) and the keyword
    parameters as strings, and returns a Stage.
    """

    name: str
    target: str
    summary: str
    argument: str = ""
    examples: tuple[str, ...] = field(default=())


SOLVERS: dict[str, SolverEntry] = {
    entry.name: entry
    for entry in (
        SolverEntry(
            "auto", "makespan.solvers.auto:make", "chooses and chains methods for the instance (default)", "", ("auto",)
        ),
        SolverEntry(
            "rule",
            "makespan.solvers.dispatching:make",
            "priority rule for job shops and flexible job shops",
            "a rule, an expression or its file, or best for the best of all rules",
            ("rule:mwkr", "rule:spt,scheme=giffler_thompson", "rule:best", "rule:mwkr,samples=1000", "rule:p/(p+R)"),
        ),
        SolverEntry(
            "sgs",
            "makespan.solvers.sgs:make",
            "priority rule with a schedule generation scheme for RCPSP, also multi-mode",
            "a rule, or best for the best of all",
            ("sgs:lft", "sgs:lft,scheme=parallel,samples=1000", "sgs:best,justify=true"),
        ),
        SolverEntry(
            "iterated_dispatch",
            "makespan.solvers.iterated_dispatch:make",
            "job shops of any size: dispatching to and fro, each pass with the ends of the last as priorities",
            "",
            ("iterated_dispatch", "iterated_dispatch,seconds=10"),
        ),
        SolverEntry(
            "windows",
            "makespan.solvers.windows:make",
            "large job shops: tabu search on overlapping windows, merged exactly",
            "",
            ("windows", "iterated_dispatch,seconds=20+windows", "windows,size=5000"),
        ),
        SolverEntry(
            "genetic",
            "makespan.solvers.genetic:make",
            "genetic search on activity lists for RCPSP, also multi-mode, every objective",
            "",
            ("genetic", "genetic,population=200"),
        ),
        SolverEntry(
            "flexible_tabu",
            "makespan.solvers.flexible_tabu:make",
            "tabu search with path relinking for flexible job shops",
            "",
            ("flexible_tabu", "flexible_tabu,elite=20,patience=10000"),
        ),
        SolverEntry(
            "tabu",
            "makespan.solvers.tabu:make",
            "tabu search and path relinking for job shops",
            "",
            ("tabu", "tabu,neighbourhood=n6,population=10"),
        ),
        SolverEntry(
            "anneal",
            "makespan.solvers.anneal:make",
            "simulated annealing for shops with any objectives, setups, calendars, fixed parts",
            "",
            ("anneal", "anneal,heat=50"),
        ),
        SolverEntry(
            "tardiness",
            "makespan.solvers.tardiness:make",
            "one machine, total tardiness: rules, and an exact decomposition",
            "exact, a rule, or best for the best of all rules",
            ("tardiness:exact", "tardiness:mddc", "tardiness:best,augment=true"),
        ),
        SolverEntry(
            "bounds",
            "makespan.solvers.bounds_stage:make",
            "lower bounds: one-machine problems, destructive improvement, CP-SAT",
            "",
            ("bounds,cpsat=false",),
        ),
        SolverEntry(
            "policy",
            "makespan.policies.solver:make",  # a name, so that no solver imports a network before it is asked for
            "a trained network dispatches",
            "a name that makespan models lists, or a safetensors file",
            ("policy:jsp", "policy:jsp,decode=sample,k=128", "policy:jsp+tabu"),
        ),
        SolverEntry(
            "branch",
            "makespan.policies.branching_solver:make",  # a name too, because of the rule learned
            "exact: branch and bound on the orders of pairs, for small job shops",
            "",
            ("branch", "tabu,iterations=2000+branch,rule=strong"),
        ),
        SolverEntry("cpsat", "makespan.solvers.cp_sat.stage:make", "exact: CP-SAT, for every field", "", ("cpsat",)),
        SolverEntry(
            "lns",
            "makespan.solvers.lns:make",
            "large-neighbourhood search: CP-SAT re-optimises windows, for every field",
            "",
            ("lns", "lns,size=60,ticks=1000"),
        ),
    )
}


@dataclass(frozen=True)
class StageSpec:
    """One parsed stage of a spec."""

    name: str
    argument: str | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    seconds: float | None = None
    iterations: int | None = None

    def __str__(self) -> str:
        parts = [self.name if self.argument is None else f"{self.name}:{self.argument}"]
        parts += [f"{key}={value}" for key, value in self.parameters]
        if self.seconds is not None:
            parts.append(f"seconds={self.seconds!r}".removesuffix(".0").replace("e+", "e"))
        if self.iterations is not None:
            parts.append(f"iterations={self.iterations}")
        return ",".join(parts)


_HEAD = re.compile(r"(?P<name>[a-z][a-z0-9_]*)(:(?P<argument>[^\s~]+))?")
_PARAMETER = re.compile(r"(?P<key>[a-z][a-z0-9_]*)=(?P<value>[^+~\s]*)")


def parse_lanes(spec: str) -> tuple[tuple[StageSpec, ...], ...]:
    """Parse a solver spec into lanes of stages.

    Raises ValueError naming the stage that does not read or the solver that is unknown.
    """
    return tuple(tuple(_parse_stage(text, spec) for text in _split(lane, "+")) for lane in _split(spec, "~"))


def _split(text: str, separator: str) -> list[str]:
    """The parts of a text between separators that stand in no parentheses."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def parse_spec(spec: str) -> tuple[StageSpec, ...]:
    """The stages of all lanes of a solver spec, in the order they are written. Raises ValueError as ``parse_lanes``."""
    return tuple(stage for lane in parse_lanes(spec) for stage in lane)


def _parse_stage(text: str, spec: str) -> StageSpec:
    head, *settings = _split(text.strip(), ",")
    match = _HEAD.fullmatch(head)
    matches = [_PARAMETER.fullmatch(each) for each in settings]
    pairs = [(each["key"], each["value"]) for each in matches if each is not None]
    if match is None or len(pairs) < len(matches):
        raise ValueError(f"solver {spec!r}: found {text!r}, expected name[:argument][,key=value...]")
    name = match["name"]
    if name not in solver_table():
        near = difflib.get_close_matches(name, solver_table(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"solver {spec!r}: unknown solver {name!r}, known: {', '.join(sorted(solver_table()))}{hint}")
    given = dict(pairs)
    if len(given) < len(pairs):
        raise ValueError(f"solver {spec!r}: a parameter is given twice")
    try:
        seconds = float(given.pop("seconds")) if "seconds" in given else None
        iterations = int(given.pop("iterations")) if "iterations" in given else None
    except ValueError:
        raise ValueError(f"solver {spec!r}: seconds and iterations expect numbers") from None
    if (seconds is not None and not seconds > 0) or (iterations is not None and iterations <= 0):
        raise ValueError(f"solver {spec!r}: seconds and iterations expect numbers above 0")
    return StageSpec(name, match["argument"], tuple(sorted(given.items())), seconds, iterations)


def solver_table() -> Mapping[str, SolverEntry]:
    """Built-in solvers and those that other packages register; built-in names win."""
    return {**_plugins(), **SOLVERS}


@cache
def _plugins() -> dict[str, SolverEntry]:
    return {
        point.name: SolverEntry(point.name, point.value, f"from {point.dist.name if point.dist else 'a plugin'}")
        for point in entry_points(group=ENTRY_POINT_GROUP)
    }


def make_stage(spec: StageSpec) -> Stage | Chooser:
    """Import the solver and build it. Raises ValueError for an argument, a parameter or a limit it does not take."""
    module, _, attribute = solver_table()[spec.name].target.partition(":")
    make: Callable[..., Stage | Chooser] = getattr(importlib.import_module(module), attribute)
    try:
        method = make(spec.argument, **dict(spec.parameters))
    except ValueError as error:
        raise ValueError(f"solver {str(spec)!r}: {error}") from None
    if isinstance(method, Chooser) and (spec.seconds, spec.iterations) != (None, None):
        raise ValueError(f"solver {str(spec)!r}: {spec.name} takes no limits of its own, give them to the run")
    return method


def from_strings(cls: type[S], parameters: Mapping[str, str], **fixed: Any) -> S:
    """Build a dataclass of int, float, bool and str fields from the strings of a spec."""
    hints = _type_hints(cls)  # type: ignore[arg-type]  # a class is hashable
    known = {item.name for item in fields(cls) if item.init and item.name not in fixed}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, text in parameters.items():
        if key not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise ValueError(f"unknown parameter {key!r}, known: {listed}, seconds, iterations")
        values[key] = _convert(text, hints[key], key)
    return cls(**values, **fixed)


@cache
def _type_hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _convert(text: str, kind: Any, key: str) -> Any:
    if kind is bool:
        if text.lower() not in ("true", "false", "1", "0", "yes", "no"):
            raise ValueError(f"{key}: found {text!r}, expected true or false")
        return text.lower() in ("true", "1", "yes")
    for number in (int, float):
        if kind == number or kind == (number | None):
            try:
                return number(text)
            except ValueError:
                raise ValueError(f"{key}: found {text!r}, expected {number.__name__}") from None
    return text
