"""PSPLIB text: ``.sm`` (one mode) and ``.mm`` (several modes, nonrenewable resources).

Sections PRECEDENCE RELATIONS, REQUESTS/DURATIONS and RESOURCEAVAILABILITIES; jobs are numbered from 1 and the first
and last are dummies. Rows of asterisks or dashes and column headings are decoration. MMLIB files have the same
sections under a shorter header. Source: Kolisch and Sprecher (1997), EJOR 96, 205-216.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from makespan.instances.errors import quoted
from makespan.instances.formats.patterson import dense_demands
from makespan.instances.formats.source import Source
from makespan.instances.instance import HORIZON_LIMIT, Arc, Instance

HOLDS = frozenset({"network", "multi_resource", "cumulative", "no_machine", "multi_mode", "nonrenewable"})

Lines = list[tuple[int, str]]
Mode = tuple[int, list[tuple[int, int]]]

_SECTIONS = {
    "precedence relations": "precedence",
    "requests/durations": "requests",
    "resourceavailabilities": "capacities",
    "resource availabilities": "capacities",
    "project information": "project",
}
_DECORATION = re.compile(r"[*\-=]{3,}")


def recognises(source: Source) -> bool:
    """A section PRECEDENCE RELATIONS below PSPLIB's long header (one with PROJECT INFORMATION or basedata)."""
    head = source.text[:4000].lower()
    return "precedence relations" in head and ("project information" in head or "basedata" in head)


@dataclass
class _Sections:
    head: Lines = field(default_factory=list)
    precedence: Lines = field(default_factory=list)
    requests: Lines = field(default_factory=list)
    capacities: Lines = field(default_factory=list)
    project: Lines = field(default_factory=list)


def read(source: Source) -> Instance:
    """RCPSP or multi-mode RCPSP with arcs end to start. O(size of the file)."""
    sections = _split(source)
    jobs = _header_count(source, sections.head, "jobs", None)
    renewable = _header_count(source, sections.head, "renewable", 0)
    nonrenewable = _header_count(source, sections.head, "nonrenewable", 0)
    if doubly := _header_count(source, sections.head, "doubly constrained", 0):
        source.fail(None, f"{doubly} doubly constrained resources", "renewable and nonrenewable ones only")
    resources = renewable + nonrenewable
    capacity = _capacities(source, sections.capacities, resources)
    num_modes, arcs = _precedence(source, sections.precedence, jobs)
    modes = _requests(source, sections.requests, num_modes, resources)
    with source.building():
        return Instance.from_lists(modes, capacity, arcs, [True] * renewable + [False] * nonrenewable, name=source.name)


def _split(source: Source) -> _Sections:
    sections = _Sections()
    current = sections.head
    for line, text in source.lines:
        name = _SECTIONS.get(text.rstrip(": ").lower())
        if name is not None:
            current = getattr(sections, name)
        elif not _DECORATION.match(text):
            current.append((line, text))
    for name in ("precedence", "requests", "capacities"):
        if not getattr(sections, name):
            title = next(key for key, value in _SECTIONS.items() if value == name).upper()
            source.fail(None, "no rows", f"a section {title}")
    return sections


def _header_count(source: Source, head: Lines, key: str, default: int | None) -> int:
    for line, text in head:
        name, colon, value = text.partition(":")
        if colon and name.strip(" -\t").lower().startswith(key):
            words = value.split()
            return source.count(words[0] if words else "", line, key)
    if default is None:
        source.fail(None, f"no line `{key} … : N`", "one in the header")
    return default


def _capacities(source: Source, rows: Lines, resources: int) -> list[int]:
    numbers = [(line, text.split()) for line, text in rows if text[0] in "0123456789+-"]
    if len(numbers) > 1:
        source.fail(numbers[1][0], "another row of capacities", "the end of the file")
    line, words = numbers[0] if numbers else (rows[-1][0], [])
    if len(words) != resources:
        source.fail(line, f"{len(words)} capacities", f"{resources}, from the header")
    return [_time(source, line, word, "capacity") for word in words]


def _time(source: Source, line: int, word: str, name: str) -> int:
    value = source.integer(word, line, name)
    if not 0 <= value <= HORIZON_LIMIT:
        source.fail(line, f"{name} {value}", f"0 to {HORIZON_LIMIT}")
    return value


def _table(source: Source, rows: Lines) -> Lines:
    """The rows after the column headings (``jobnr. …``)."""
    return rows[1:] if rows[0][1].lower().startswith("jobnr") else rows


def _precedence(source: Source, rows: Lines, jobs: int) -> tuple[list[int], list[Arc]]:
    """Number of modes of each job, and the arcs."""
    rows = _table(source, rows)
    if len(rows) != jobs:
        source.fail(rows[-1][0] if rows else None, f"{len(rows)} precedence rows", f"{jobs}, from the header")
    num_modes: list[int] = []
    arcs: list[Arc] = []
    for job, (line, text) in enumerate(rows):
        words = text.split()
        if len(words) < 3:
            source.fail(line, quoted(text), "job, modes, number of successors, successors")
        number, modes, count = (source.count(word, line, "job, modes or successors") for word in words[:3])
        if number != job + 1:
            source.fail(line, f"job {number}", f"job {job + 1}")
        if modes < 1:
            source.fail(line, f"{modes} modes", "at least 1")
        if len(words) != 3 + count:
            source.fail(line, f"{len(words) - 3} successors", f"{count}")
        for word in words[3:]:
            successor = source.integer(word, line, "successor")
            if not 1 <= successor <= jobs:
                source.fail(line, f"successor {successor}", f"1 to {jobs}")
            arcs.append((job, successor - 1))
        num_modes.append(modes)
    return num_modes, arcs


def _requests(source: Source, rows: Lines, num_modes: list[int], resources: int) -> list[list[Mode]]:
    """The modes of every job; the number of the job stands on the row of its first mode only."""
    rows = _table(source, rows)
    modes: list[list[Mode]] = [[] for _ in num_modes]
    job = -1
    for line, text in rows:
        words = text.split()
        if len(words) == 3 + resources:
            job += 1
            if words[0] != str(job + 1):
                source.fail(line, f"job {quoted(words[0])}", f"job {job + 1}")
            words = words[1:]
        if len(words) != 2 + resources or job < 0:
            source.fail(line, f"{len(words)} numbers", f"mode, duration and {resources} demands")
        if job >= len(modes) or len(modes[job]) >= num_modes[job]:
            source.fail(line, "another mode", "no more than the precedence section says")
        if words[0] != str(len(modes[job]) + 1):
            source.fail(line, f"mode {quoted(words[0])}", f"mode {len(modes[job]) + 1}")
        duration, *demand = (_time(source, line, word, "duration or demand") for word in words[1:])
        modes[job].append((duration, [(k, amount) for k, amount in enumerate(demand) if amount]))
    for index, found in enumerate(modes):
        if len(found) < num_modes[index]:
            last = rows[-1][0] if rows else None
            source.fail(last, f"{len(found)} modes of job {index + 1}", f"{num_modes[index]}, from its precedence row")
    return modes


def write(instance: Instance) -> str:
    """The text; renewable resources must come before nonrenewable ones."""
    rule = "*" * 72
    renewable = int(instance.renewable.sum())
    head = [
        rule,
        f"file with basedata            : {instance.name or 'none'}".replace("\n", " "),
        "initial value random generator: 0",
        rule,
        "projects                      :  1",
        f"jobs (incl. supersource/sink ):  {instance.num_tasks}",
        f"horizon                       :  {int(instance.duration.sum())}",
        "RESOURCES",
        f"  - renewable                 :  {renewable}   R",
        f"  - nonrenewable              :  {instance.num_resources - renewable}   N",
        "  - doubly constrained        :  0   D",
        rule,
        "PROJECT INFORMATION:",
        "pronr.  #jobs rel.date duedate tardcost  MPM-Time",
        f"    1  {instance.num_tasks:5d}      0        0        0        0",
        rule,
    ]
    return "\n".join([*head, *body(instance, "RESOURCEAVAILABILITIES:"), rule]) + "\n"


def body(instance: Instance, last_title: str) -> list[str]:
    """The three sections that PSPLIB and MMLIB share."""
    rule = "*" * 72
    mode, arc = instance.mode_ptr.tolist(), instance.arc_ptr.tolist()
    lines = ["PRECEDENCE RELATIONS:", "jobnr.    #modes  #successors   successors"]
    for task in range(instance.num_tasks):
        successors = (instance.arc_succ[arc[task] : arc[task + 1]] + 1).tolist()
        row = [task + 1, mode[task + 1] - mode[task], len(successors), *successors]
        lines.append(" ".join(f"{number:4d}" for number in row))
    kinds = ["R" if is_renewable else "N" for is_renewable in instance.renewable]
    number_of_kind = [kinds[: k + 1].count(kind) for k, kind in enumerate(kinds)]
    names = "  ".join(f"{kind} {number}" for kind, number in zip(kinds, number_of_kind, strict=True))
    lines += [rule, "REQUESTS/DURATIONS:", f"jobnr. mode duration  {names}".rstrip(), "-" * 72]
    demand = dense_demands(instance)
    for task in range(instance.num_tasks):
        for number, index in enumerate(range(mode[task], mode[task + 1]), start=1):
            first = f"{task + 1:4d}" if number == 1 else " " * 4
            values = [number, int(instance.duration[index]), *demand[index]]
            lines.append(first + " " + " ".join(f"{value:4d}" for value in values))
    capacity = " ".join(f"{value:4d}" for value in instance.capacity.tolist())
    return [*lines, rule, last_title, f"  {names}", capacity]
