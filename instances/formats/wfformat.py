"""WfFormat 1.5 JSON (WfCommons): a recorded scientific workflow as an RCPSP on one pool of cores.

* Task: every entry of ``workflow.specification.tasks``, in order; its ``parents`` and ``children`` become arcs end to
  start with lag 0. Files and their transfer times are left out.
* Duration: ``runtimeInSeconds`` of the execution task with the same id, in milliseconds, halves rounded up; 0 where no
  execution is recorded.
* Resource: one renewable pool of cores. Its capacity is the sum of ``cpu.coreCount`` over ``execution.machines`` (1
  for a machine that states none; 1 without machines); a task needs its ``coreCount`` (default 1).

Source: Coleman et al. (2022), WfCommons, Future Generation Computer Systems 128, 16-27.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal

from pydantic import Field

from makespan.instances.formats.json_model import Lenient, Many, validated
from makespan.instances.formats.source import Source
from makespan.instances.instance import HORIZON_LIMIT, Instance, Metadata

HOLDS = frozenset({"network", "cumulative"})

UNIT = 0.001
"""Seconds in one unit of time."""


class _Task(Lenient):
    id: str
    name: str = ""
    parents: Many[str] = Field(default_factory=list)
    children: Many[str] = Field(default_factory=list)


class _Run(Lenient):
    id: str
    runtimeInSeconds: float
    coreCount: float | None = None


class _Cpu(Lenient):
    coreCount: int | None = None


class _Machine(Lenient):
    cpu: _Cpu | None = None


class _Specification(Lenient):
    tasks: Many[_Task]


class _Execution(Lenient):
    tasks: Many[_Run]
    machines: Many[_Machine] = Field(default_factory=list)


class _Body(Lenient):
    specification: _Specification
    execution: _Execution


class _Workflow(Lenient):
    name: str = ""
    workflow: _Body


def recognises(source: Source) -> bool:
    """A JSON object with a ``workflow``."""
    return isinstance(source.json, dict) and "workflow" in source.json


def read(source: Source) -> Instance:
    """RCPSP with one resource, in milliseconds. O(size of the file)."""
    body = validated(_Workflow, source.json, source).workflow
    tasks = body.specification.tasks
    index = {task.id: number for number, task in enumerate(tasks)}
    if len(index) < len(tasks):
        source.fail(None, "a task id that appears twice", "unique ids in workflow.specification.tasks")
    arcs: set[tuple[int, int]] = set()
    for number, task in enumerate(tasks):
        arcs.update((_task(source, index, parent), number) for parent in task.parents)
        arcs.update((number, _task(source, index, child)) for child in task.children)
    modes = [(0, {0: 1}) for _ in tasks]
    for run in body.execution.tasks:
        modes[_task(source, index, run.id)] = (_milliseconds(source, run), {0: _cores(source, run)})
    machines = body.execution.machines
    counts = [machine.cpu.coreCount if machine.cpu and machine.cpu.coreCount is not None else 1 for machine in machines]
    capacity = sum(counts) if counts else 1
    if min(counts, default=1) < 0 or capacity > HORIZON_LIMIT:
        source.fail(None, f"a pool of {capacity} cores", f"counts from 0 that add up to at most {HORIZON_LIMIT}")
    names = tuple(task.id for task in tasks)
    meta = Metadata(name=source.name, task_names=names, resource_names=("cores",), time_unit=UNIT)
    with source.building():
        return Instance.from_lists([[mode] for mode in modes], [capacity], sorted(arcs), meta=meta)


def _task(source: Source, index: dict[str, int], name: str) -> int:
    if name not in index:
        source.fail(None, f"task {name[:60]!r}", "an id of workflow.specification.tasks")
    return index[name]


def _milliseconds(source: Source, run: _Run) -> int:
    value = run.runtimeInSeconds
    if not (math.isfinite(value) and 0 <= value <= HORIZON_LIMIT * UNIT):
        source.fail(None, f"runtimeInSeconds {value} of task {run.id[:60]!r}", "seconds from 0")
    return math.floor(Decimal(repr(value)) * 1000 + Decimal("0.5"))


def _cores(source: Source, run: _Run) -> int:
    count = 1 if run.coreCount is None else run.coreCount
    if not (0 <= count <= HORIZON_LIMIT):
        source.fail(None, f"coreCount {count} of task {run.id[:60]!r}", "a count from 0")
    return math.ceil(count)


def write(instance: Instance) -> str:
    """The text; time units must be milliseconds or unnamed, and every task must need the one resource."""
    if instance.meta.time_unit not in (None, UNIT):
        raise ValueError(f"it counts milliseconds, the instance units of {instance.meta.time_unit} s")
    if instance.num_resources != 1 or instance.demand_amount.size != instance.num_tasks:
        raise ValueError("it has one pool of cores, which every task needs")
    names = instance.meta.task_names or tuple(f"task_{task:08d}" for task in range(instance.num_tasks))
    children: list[list[str]] = [[] for _ in names]
    parents: list[list[str]] = [[] for _ in names]
    for pred, succ in zip(instance.arc_pred.tolist(), instance.arc_succ.tolist(), strict=True):
        children[pred].append(names[succ])
        parents[succ].append(names[pred])
    specification = [
        {"name": name, "id": name, "parents": parents[task], "children": children[task]}
        for task, name in enumerate(names)
    ]
    runs = [
        {"id": name, "runtimeInSeconds": duration / 1000, "coreCount": cores, "machines": ["pool"]}
        for name, duration, cores in zip(
            names, instance.duration.tolist(), instance.demand_amount.tolist(), strict=True
        )
    ]
    pool = {"nodeName": "pool", "cpu": {"coreCount": int(instance.capacity[0])}}
    document = {
        "name": instance.name,
        "schemaVersion": "1.5",
        "workflow": {
            "specification": {"tasks": specification},
            "execution": {"tasks": runs, "machines": [pool]},
        },
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
