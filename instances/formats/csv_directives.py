"""The ``# key: value`` lines above a CSV table: unit, origin, resources, setups, and what else has no row."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from makespan.instances.errors import quoted
from makespan.instances.formats.csv_values import (
    SECONDS,
    UNIT_NAMES,
    Cell,
    parse_seconds,
    split_list,
    whole_number,
)
from makespan.instances.formats.source import Source
from makespan.instances.instance import HORIZON_LIMIT

_LINE = re.compile(r"#\s*([a-z_ ]+?)\s*:\s*(.*)", re.IGNORECASE)
_PAIR = re.compile(r"(.+?)\s*>\s*(.+?)\s*=\s*(.+)")
_RULES = ("blocking", "no_wait", "swap_allowed", "permutation")


@dataclass(frozen=True)
class Resource:
    """``# resource: NAME; capacity 3; nonrenewable``."""

    name: str
    capacity: int | None
    renewable: bool


@dataclass
class Directives:
    """What the lines say; cells are read once the unit is known."""

    unit: Fraction | None = None
    origin: Cell | None = None
    zone: str | None = None
    now: Cell | None = None
    objective: tuple[str, ...] = ()
    rules: list[str] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    setups: list[tuple[str, str, Cell]] = field(default_factory=list)
    initial: dict[str, Cell] = field(default_factory=dict)
    transports: list[tuple[str, str, Cell]] = field(default_factory=list)


def read_directives(source: Source) -> Directives:
    """The directives among the leading comments; a comment with another key is a remark."""
    found = Directives()
    for line, text in enumerate(source.comments, start=1):
        match = _LINE.fullmatch(text)
        if match is None:
            continue
        key, cell = match.group(1).lower().replace(" ", "_"), Cell(match.group(2).strip(), line)
        _apply(source, found, key, cell)
    names = [resource.name for resource in found.resources]
    if len(set(names)) < len(names):
        source.fail(None, "a resource described twice", "one line `# resource:` each")
    return found


def _apply(source: Source, found: Directives, key: str, cell: Cell) -> None:
    if key == "unit":
        found.unit = _unit(source, cell)
    elif key == "origin":
        found.origin = cell
    elif key == "zone":
        found.zone = cell.text
    elif key == "now":
        found.now = cell
    elif key == "objective":
        found.objective = tuple(word.strip() for word in re.split(r"[,;]", cell.text))
    elif key == "rules":
        found.rules = [word.strip() for word in re.split(r"[,;]", cell.text)]
        for word in found.rules:
            if word not in _RULES:
                source.fail(cell.line, quoted(word), f"one of {', '.join(_RULES)}")
    elif key == "resource":
        found.resources.append(_resource(source, cell))
    elif key == "jobs":
        found.jobs = list(dict.fromkeys(split_list(cell.text)))
    elif key in ("setup", "transport"):
        match = _PAIR.fullmatch(cell.text)
        if match is None:
            source.fail(cell.line, quoted(cell.text), "`FROM > TO = DURATION`")
        pairs = found.setups if key == "setup" else found.transports
        pairs.append((match.group(1), match.group(2), Cell(match.group(3), cell.line)))
    elif key == "first_setup":
        resource, equals, family = cell.text.rpartition("=")
        if not equals:
            source.fail(cell.line, quoted(cell.text), "`RESOURCE = FAMILY`")
        found.initial[resource.strip()] = Cell(family.strip(), cell.line)


def _unit(source: Source, cell: Cell) -> Fraction:
    unit = UNIT_NAMES.get(cell.text.lower())
    seconds = SECONDS[unit] if unit else parse_seconds(source, cell, Fraction(1))
    if seconds <= 0:
        source.fail(cell.line, quoted(cell.text), "a unit of time such as `min`, `h` or `15 min`")
    return seconds


def _resource(source: Source, cell: Cell) -> Resource:
    name, *words = split_list(cell.text) or [""]
    capacity, renewable = None, True
    for word in words:
        if word.lower() == "nonrenewable":
            renewable = False
        elif word.lower().startswith("capacity"):
            number = Cell(word[len("capacity") :].strip(" ="), cell.line)
            capacity = whole_number(source, number, 0, HORIZON_LIMIT, "capacity")
        else:
            source.fail(cell.line, quoted(word), "`capacity N` or `nonrenewable`")
    if not name:
        source.fail(cell.line, "no name", "`NAME; capacity N`")
    return Resource(name, capacity, renewable)
