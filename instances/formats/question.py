"""A feasibility question: one JSON object, kind ``makespan-question``, that also tells its reader what to do.

Everything stands in words a person or a language model can follow: ``instructions``, ``resources`` with their
downtimes, ``tasks`` with predecessors and windows, ``not_together`` with the pairs that must not overlap. Such a pair
is a resource of capacity 1 in the instance, behind all others. Source of the form: Jain and Wetter (2025),
R-ConstraintBench, arXiv 2508.15204; the layout is ours.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from makespan.instances.errors import quoted
from makespan.instances.formats.json_model import Many, validated
from makespan.instances.formats.source import Source
from makespan.instances.generators.jain_wetter import num_pairs
from makespan.instances.instance import HORIZON_LIMIT, Calendar, Instance, IntArray, Metadata

KIND = "makespan-question"
VERSION = 1

HOLDS = frozenset({"multi_resource", "cumulative", "no_machine", "network", "release", "deadline", "calendar"})

INSTRUCTIONS = (
    "Find a start time for every task such that all of these rules hold. Times are integers from 0 on. "
    "1. A task runs without a break for its duration. "
    "2. It starts when all tasks listed under its 'after' have ended, or later. "
    "3. While it runs it occupies the amount of each resource given under its 'demand'; at no moment may the running "
    "tasks occupy more of a resource than its capacity. A task that ends at a moment is out of the way of one that "
    "starts then. "
    "4. During a downtime [from, to) of a resource no task that demands it may run, not even in part. "
    "5. A task with a 'release' starts then or later; a task with a 'deadline' ends then or earlier. "
    "6. Two tasks of a pair under 'not_together' may not run at the same time. "
    "Nothing is to be minimised. "
    'Answer with one JSON array and nothing else, one object for every task: [{"id": 0, "start": 3}, ...]'
)


_Two = Annotated[list[int], Field(min_length=2, max_length=2)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Resource(_Strict):
    id: int
    name: str = ""
    capacity: int
    downtime: Many[_Two] = Field(default_factory=list)


class _Task(_Strict):
    id: int
    name: str = ""
    duration: int
    demand: dict[str, int] = Field(default_factory=dict)
    after: Many[int] = Field(default_factory=list)
    release: int = 0
    deadline: int | None = None


class _Question(_Strict):
    kind: Literal["makespan-question"]
    version: Literal[1]
    name: str = ""
    source: str = ""
    instructions: str = ""
    resources: Many[_Resource]
    tasks: Many[_Task]
    not_together: Many[_Two] = Field(default_factory=list)


def recognises(source: Source) -> bool:
    """A JSON object whose ``kind`` is ``makespan-question``."""
    return isinstance(source.json, dict) and source.json.get("kind") == KIND


def read(source: Source) -> Instance:
    """The project of a question. O(size of the file)."""
    question = validated(_Question, source.json, source)
    numbered = {"resources": [each.id for each in question.resources], "tasks": [task.id for task in question.tasks]}
    for what, numbers in numbered.items():
        for place, number in enumerate(numbers):
            if number != place:
                source.fail(None, f"id {number} at {what}[{place}]", f"{place}, numbered from 0")
    n, k = len(question.tasks), len(question.resources)
    demands: list[dict[int, int]] = []
    arcs: list[tuple[int, int]] = []
    for task in question.tasks:
        for resource in task.demand:
            if not (resource.isascii() and resource.isdigit() and len(resource) < 10 and int(resource) < k):
                source.fail(None, f"resource {quoted(resource)} at tasks[{task.id}].demand", f"one of 0..{k - 1}")
        demands.append({int(resource): amount for resource, amount in task.demand.items()})
        for before in task.after:
            if not 0 <= before < n:
                source.fail(None, f"{before} at tasks[{task.id}].after", f"one of 0..{n - 1}")
            arcs.append((before, task.id))
    for place, (i, j) in enumerate(question.not_together):
        if not (0 <= i < n and 0 <= j < n and i != j):
            source.fail(None, f"{[i, j]} at not_together[{place}]", f"two different tasks of 0..{n - 1}")
        demands[i][k + place] = demands[j][k + place] = 1
    with source.building():
        return Instance.from_lists(
            [[(task.duration, demand)] for task, demand in zip(question.tasks, demands, strict=True)],
            np.array([each.capacity for each in question.resources] + [1] * len(question.not_together), np.int64),
            arcs,
            calendar=_calendar(question),
            release=np.array([task.release for task in question.tasks], np.int64),
            deadline=np.array([HORIZON_LIMIT if t.deadline is None else t.deadline for t in question.tasks], np.int64),
            meta=_metadata(question, source.name),
        )


def _calendar(question: _Question) -> Calendar | None:
    rows: list[list[tuple[int, int]]] = []
    for resource in question.resources:
        points: dict[int, int] = {}
        free_from = 0
        for begin, end in sorted(resource.downtime):
            if not free_from <= begin < end:
                raise ValueError(
                    f"downtime [{begin}, {end}] of resource {resource.id}, which is empty or overlaps another"
                )
            points |= {begin: 0, end: resource.capacity}
            free_from = end
        rows.append(sorted(({0: resource.capacity} | points).items()) if points else [])
    rows += [[] for _ in question.not_together]
    table = np.array([point for row in rows for point in row], np.int64).reshape(-1, 2)
    ptr = np.concatenate((np.zeros(1, np.int64), np.cumsum([len(row) for row in rows])))
    return Calendar(ptr.astype(np.int32), table[:, 0], table[:, 1], np.zeros(len(rows), np.int64))


def _metadata(question: _Question, name: str) -> Metadata:
    tasks = tuple(task.name or f"task {task.id}" for task in question.tasks)
    resources = [each.name or f"resource {each.id}" for each in question.resources]
    resources += [f"{tasks[i]} or {tasks[j]}" for i, j in question.not_together]
    return Metadata(question.name or name, question.source, task_names=tasks, resource_names=tuple(resources))


def write(instance: Instance) -> str:
    """The question as text, one task per line. Raises ValueError for a calendar other than full or closed."""
    shared = instance.num_resources - num_pairs(instance)
    demands = _demands(instance)
    after: list[list[int]] = [[] for _ in range(instance.num_tasks)]
    for i, j in zip(instance.arc_pred.tolist(), instance.arc_succ.tolist(), strict=True):
        after[j].append(i)
    together: dict[int, list[int]] = {k: [] for k in range(shared, instance.num_resources)}
    tasks = []
    for i in range(instance.num_tasks):
        task: dict[str, Any] = {"id": i, "name": instance.task_name(i), "duration": int(instance.duration[i])}
        task["demand"] = {str(k): amount for k, amount in demands[i].items() if k < shared}
        for k in demands[i]:
            if k >= shared:
                together[k].append(i)
        if after[i]:
            task["after"] = after[i]
        if instance.release is not None and instance.release[i] > 0:
            task["release"] = int(instance.release[i])
        if instance.deadline is not None and instance.deadline[i] < HORIZON_LIMIT:
            task["deadline"] = int(instance.deadline[i])
        tasks.append(task)
    resources = []
    for k in range(shared):
        resource: dict[str, Any] = {"id": k, "name": instance.resource_name(k), "capacity": int(instance.capacity[k])}
        if spans := _downtimes(instance, k):
            resource["downtime"] = spans
        resources.append(resource)
    head = {"kind": KIND, "version": VERSION, "name": instance.name, "source": instance.meta.source}
    lines = [f'"{key}": {_dumps(value)}' for key, value in head.items() if value != ""]
    lines.append(f'"instructions": {_dumps(INSTRUCTIONS)}')
    for key, rows in (("resources", resources), ("tasks", tasks)):
        lines.append(f'"{key}": [\n{",".join(chr(10) + _dumps(row) for row in rows).lstrip()}\n]')
    if together:
        lines.append(f'"not_together": {_dumps(list(together.values()))}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _demands(instance: Instance) -> list[dict[int, int]]:
    """Resource and amount of the demands of each task."""
    ptr, resource, amount = instance.demand_ptr, instance.demand_resource.tolist(), instance.demand_amount.tolist()
    spans = zip(ptr[:-1].tolist(), ptr[1:].tolist(), strict=True)
    return [dict(zip(resource[low:high], amount[low:high], strict=True)) for low, high in spans]


def _downtimes(instance: Instance, resource: int) -> list[list[int]]:
    calendar, full = instance.calendar, int(instance.capacity[resource])
    if calendar is None or not calendar.has(resource):
        return []
    low, high = int(calendar.ptr[resource]), int(calendar.ptr[resource + 1])
    points: list[int] = calendar.time[low:high].tolist()
    values: IntArray = calendar.capacity[low:high]
    if calendar.period[resource] or not np.isin(values, (0, full)).all() or values[-1] == 0:
        raise ValueError(f"{instance.resource_name(resource)}: its calendar is more than downtimes that end")
    return [[points[i], points[i + 1]] for i in np.flatnonzero(values == 0).tolist()]


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
