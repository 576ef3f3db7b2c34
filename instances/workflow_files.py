"""Files of workflows: makespan's own JSON, and WfFormat traces on machines that the caller names.

Own JSON: an object with ``format`` "makespan-workflow-1", ``durations`` (a row per task, a column per machine),
``arcs`` as [pred, succ, transfer], and optionally ``name, prices, task_names, machine_names, time_unit``.

A WfFormat trace (WfCommons) says how long a task ran on the machine of record and which files it read and wrote:

* The work of a task is its recorded runtime times its cores, in milliseconds; on a machine of speed s it takes
  work / s, rounded up. The clock readings of the traces (1200 to 3220 MHz on machines of one kind) are left out: they
  are what the clock showed at one moment.
* The transfer of an arc is the size of the files that pred writes and succ reads, divided by the bandwidth, rounded up
  to a millisecond; 0 without a bandwidth.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from makespan.instances.errors import quoted
from makespan.instances.formats import wfformat
from makespan.instances.formats.json_model import Lenient, Many, validated
from makespan.instances.formats.source import Source
from makespan.instances.instance import Metadata
from makespan.instances.read import read_source
from makespan.instances.sets import DATA, bundled_source
from makespan.instances.workflow import Workflow

FORMAT = "makespan-workflow-1"

PRICE_UNIT = Fraction(1, 10_000)
"""Prices are stored in units of this, so that they are integers."""


@dataclass(frozen=True)
class Machines:
    """The machines on which a recorded workflow is to run.

    Parameters
    ----------
    speed
        Of each machine, in that of the machine of record; above 0.
    price
        Of a millisecond on each; ``None`` where nobody pays. Rounded to PRICE_UNIT.
    bandwidth
        Bytes per second between any two machines; ``None`` for transfers that take no time.
    """

    speed: tuple[Fraction, ...]
    price: tuple[Fraction, ...] | None = None
    bandwidth: int | None = None

    def __post_init__(self) -> None:
        if not self.speed or min(self.speed) <= 0:
            raise ValueError(f"speed: found {_listed(self.speed)!r}, expected speeds above 0")
        if self.price is not None and (len(self.price) != len(self.speed) or min(self.price) < 0):
            raise ValueError(f"price: found {_listed(self.price)!r}, expected {len(self.speed)} prices of 0 or more")
        if self.bandwidth is not None and self.bandwidth <= 0:
            raise ValueError(f"bandwidth: found {self.bandwidth}, expected bytes per second above 0")


def _listed(values: tuple[Fraction, ...]) -> str:
    return ",".join(str(float(value)) for value in values)


LINEAR = Machines(
    tuple(Fraction(s) for s in ("1", "1.25", "1.5", "1.75", "2")),
    tuple(Fraction(s) ** 2 for s in ("1", "1.25", "1.5", "1.75", "2")),
)
"""Five kinds, the price the square of the speed (Kroczek, Zawalska and Rycerz 2025)."""

CLOUD = Machines(
    tuple(Fraction(s, 1095) for s in (1095, 1402, 1928, 2876, 3821)),
    tuple(Fraction(p) for p in ("1.8085", "1", "2.1213", "4.0465", "3.2372")),
)
"""Five kinds after prices of a cloud (the same paper); speeds in that of the slowest, which is ours."""


def read_workflow(reference: str | Path, machines: Machines = LINEAR) -> Workflow:
    """The workflow of a file, of the standard input (``-``), or of ``@name`` for one that comes along.

    ``machines`` are those of a trace; a file of our own format names its own. Raises InputError for anything that is
    no valid workflow, ValueError for an unknown name.
    """
    text = str(reference)
    if not text.startswith("@"):
        source = read_source(Path(text))
    elif (own := DATA / "workflows" / f"{text[1:]}.workflow.json").exists():
        source = read_source(own)
    else:
        source = bundled_source(text[1:])
    return parse_workflow(source, machines)


def parse_workflow(source: Source, machines: Machines = LINEAR) -> Workflow:
    """The workflow of a text; see ``read_workflow``."""
    document = source.json if source.is_json else None
    if isinstance(document, dict) and "workflow" in document:
        return _trace(source, machines)
    if not (isinstance(document, dict) and document.get("format") == FORMAT):
        kind = quoted(document.get("format")) if isinstance(document, dict) else "another text"
        source.fail(None, kind, f"JSON of format {FORMAT!r} or a WfFormat trace")
    return _own(source)


# -- own format ------------------------------------------------------------------------------------


class _Own(Lenient):
    name: str = ""
    durations: Many[Many[int]]
    arcs: Many[Many[int]] = Field(default_factory=list)
    prices: Many[int] | None = None
    task_names: Many[str] | None = None
    machine_names: Many[str] | None = None
    time_unit: float | None = None


def _own(source: Source) -> Workflow:
    found = validated(_Own, source.json, source)
    widths = {len(row) for row in found.durations}
    if len(widths) != 1:
        source.fail(None, f"rows of durations with {sorted(widths)} numbers", "one for each machine in every row")
    arcs = [(arc[0], arc[1], arc[2]) for arc in found.arcs if len(arc) == 3]
    if len(arcs) < len(found.arcs):
        wrong = next(arc for arc in found.arcs if len(arc) != 3)
        source.fail(None, f"arc {wrong[:5]}", "[pred, succ, transfer]")
    tasks, on = (None if given is None else tuple(given) for given in (found.task_names, found.machine_names))
    meta = Metadata(found.name or source.name, task_names=tasks, resource_names=on, time_unit=found.time_unit)
    with source.building():
        return Workflow.from_lists(found.durations, arcs, found.prices, meta)


def write_workflow(workflow: Workflow) -> str:
    """The text of a file of our own format, which ``read_workflow`` reads back."""
    arcs = np.stack((workflow.arc_pred, workflow.arc_succ, workflow.transfer), axis=1).tolist()
    meta = workflow.meta
    document: dict[str, Any] = {"format": FORMAT, "name": workflow.name, "durations": workflow.duration.tolist()}
    optional = {
        "prices": None if workflow.price is None else workflow.price.tolist(),
        "task_names": meta.task_names,
        "machine_names": meta.resource_names,
        "time_unit": meta.time_unit,
    }
    document |= {"arcs": arcs, **{key: value for key, value in optional.items() if value is not None}}
    lines = [f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in document.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


# -- traces ----------------------------------------------------------------------------------------


class _File(Lenient):
    id: str
    sizeInBytes: int | None = None


class _Files(Lenient):
    id: str
    inputFiles: Many[str] = Field(default_factory=list)
    outputFiles: Many[str] = Field(default_factory=list)


class _Specification(Lenient):
    tasks: Many[_Files]
    files: Many[_File] = Field(default_factory=list)


class _Body(Lenient):
    specification: _Specification


class _Trace(Lenient):
    workflow: _Body


def _trace(source: Source, machines: Machines) -> Workflow:
    project = wfformat.read(source)  # tasks, arcs, runtimes and cores, checked
    files = validated(_Trace, source.json, source).workflow.specification
    size = {file.id: file.sizeInBytes or 0 for file in files.files}
    reads = [set(task.inputFiles) for task in files.tasks]
    writes = [set(task.outputFiles) for task in files.tasks]
    arcs = []
    for pred, succ in zip(project.arc_pred.tolist(), project.arc_succ.tolist(), strict=True):
        volume = sum(size.get(name, 0) for name in writes[pred] & reads[succ])
        arcs.append((pred, succ, 0 if machines.bandwidth is None else -(-volume * 1000 // machines.bandwidth)))
    work = (project.duration * project.demand_amount).tolist()
    duration = [[math.ceil(each / speed) for speed in machines.speed] for each in work]
    price = None if machines.price is None else [round(each / PRICE_UNIT) for each in machines.price]
    on = tuple(f"speed {float(speed):.4g}" for speed in machines.speed)
    meta = Metadata(
        source.name, project.meta.source, project.meta.task_names, resource_names=on, time_unit=wfformat.UNIT
    )
    with source.building():
        return Workflow.from_lists(duration, arcs, price, meta)
