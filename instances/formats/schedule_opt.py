"""ScheduleOpt's JSON: job shops and flexible job shops.

Job shop: ``instance``, ``machines``, ``jobs`` and ``data``, a list of ``{job, operation, machine, duration}``.
Flexible job shop: ``instance``, ``operations``, a list of ``{operation, option, machine, duration}``, and
``precedences``, a list of ``{before, after, job}``. All indices start at 0. Source: ScheduleOpt/benchmarks.
"""

from __future__ import annotations

import json
from collections import defaultdict

import numpy as np
from pydantic import Field

from makespan.instances.formats.json_model import Lenient, Many, validated
from makespan.instances.formats.source import Source
from makespan.instances.instance import Arc, Instance

HOLDS = frozenset({"multi_mode", "recirculation", "network"})


class _Operation(Lenient):
    job: int
    operation: int
    machine: int
    duration: int


class _JobShop(Lenient):
    instance: str = ""
    machines: int
    jobs: int
    data: Many[_Operation]


class _Option(Lenient):
    operation: int
    option: int
    machine: int
    duration: int


class _Precedence(Lenient):
    before: int
    after: int
    job: int


class _Flexible(Lenient):
    instance: str = ""
    machines: int = 0
    operations: Many[_Option]
    precedences: Many[_Precedence] = Field(default_factory=list)


def recognises(source: Source) -> bool:
    """A JSON object with ``data`` and ``machines``, or with ``operations`` of which each has an ``option``."""
    document = source.json
    if not isinstance(document, dict):
        return False
    return ("data" in document and "machines" in document) or isinstance(document.get("operations"), list)


def read(source: Source) -> Instance:
    """Job shop or flexible job shop. O(size of the file)."""
    if isinstance(source.json, dict) and "operations" in source.json:
        return _read_flexible(source)
    shop = validated(_JobShop, source.json, source)
    source.check_resource_count(shop.machines, len(shop.data), None)
    source.check_resource_count(shop.jobs, len(shop.data), None, "jobs")
    rows = np.array([(item.job, item.operation, item.machine, item.duration) for item in shop.data], dtype=object)
    rows = _as_int64(source, rows.reshape(-1, 4))
    _require(source, rows[:, 0], shop.jobs, "data", "job")
    _require(source, rows[:, 2], shop.machines, "data", "machine")
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    job_ptr = np.searchsorted(rows[:, 0], np.arange(shop.jobs + 1))
    rank = np.arange(len(rows)) - np.repeat(job_ptr[:-1], np.diff(job_ptr))
    if (rank != rows[:, 1]).any():
        at = int(np.argmax(rank != rows[:, 1]))
        source.fail(None, f"operation {rows[at, 1]} of job {rows[at, 0]}", f"operation {rank[at]}")
    with source.building():
        name = shop.instance or source.name
        return Instance.job_shop_arrays(job_ptr, rows[:, 2], rows[:, 3], shop.machines, name=name)


def _as_int64(source: Source, rows: np.ndarray) -> np.ndarray:
    with source.building():
        return rows.astype(np.int64)
    raise AssertionError


def _require(source: Source, values: np.ndarray, limit: int, field: str, name: str) -> None:
    bad = (values < 0) | (values >= limit)
    if bad.any():
        at = int(np.argmax(bad))
        source.fail(None, f"{name} {values[at]} at {field}[{at}]", f"0 to {limit - 1}")


def _read_flexible(source: Source) -> Instance:
    shop = validated(_Flexible, source.json, source)
    modes: dict[int, list[tuple[int, dict[int, int]]]] = defaultdict(list)
    for at, item in enumerate(shop.operations):
        if item.operation < 0 or item.operation > len(modes) or item.option != len(modes[item.operation]):
            found = f"operation {item.operation} option {item.option} at operations[{at}]"
            source.fail(None, found, "operations and options numbered from 0 in order")
        if item.machine < 0 or item.duration < 0:
            source.fail(None, f"a negative number at operations[{at}]", "machine and duration from 0")
        modes[item.operation].append((item.duration, {item.machine: 1}))
    size = len(modes)
    machines = max([shop.machines, *(item.machine + 1 for item in shop.operations)])
    source.check_resource_count(machines, len(shop.operations), None)
    job = [-1] * size
    arcs: list[Arc] = []
    for at, arc in enumerate(shop.precedences):
        if not (0 <= arc.before < size and 0 <= arc.after < size and 0 <= arc.job < size):
            source.fail(None, f"{arc.before} -> {arc.after} of job {arc.job} at precedences[{at}]", f"0 to {size - 1}")
        for task in (arc.before, arc.after):
            if job[task] not in (-1, arc.job):
                source.fail(None, f"operation {task} in jobs {job[task]} and {arc.job}", "one job")
            job[task] = arc.job
        arcs.append((arc.before, arc.after))
    _number_lone_operations(job)
    with source.building():
        name = shop.instance or source.name
        tasks = [modes[task] for task in range(size)]
        return Instance.from_lists(tasks, np.ones(machines, np.int64), arcs, job=job, name=name)


def _number_lone_operations(job: list[int]) -> None:
    """An operation without precedence is a job of its own: it gets the lowest free number."""
    used = set(job)
    free = 0
    for task, number in enumerate(job):
        if number < 0:
            while free in used:
                free += 1
            job[task] = free
            used.add(free)


def write(instance: Instance) -> str:
    """The text: the job shop layout where it holds the instance, else the flexible one."""
    if instance.job is None:
        raise ValueError("every task must belong to a job")
    if not instance.features & {"multi_mode", "network"}:
        return _write_job_shop(instance)
    machine, duration = instance.machine.tolist(), instance.duration.tolist()
    task_of_mode = np.repeat(np.arange(instance.num_tasks), np.diff(instance.mode_ptr))
    option = (np.arange(instance.num_modes) - instance.mode_ptr[task_of_mode]).tolist()
    operations = [
        {"operation": task, "option": option[mode], "machine": machine[mode], "duration": duration[mode]}
        for mode, task in enumerate(task_of_mode.tolist())
    ]
    pairs = zip(instance.arc_pred.tolist(), instance.arc_succ.tolist(), strict=True)
    precedences = [{"before": pred, "after": succ, "job": int(instance.job[pred])} for pred, succ in pairs]
    return _document(
        {"instance": instance.name, "format": "fajsp", "machines": instance.num_resources},
        operations=operations,
        precedences=precedences,
    )


def _write_job_shop(instance: Instance) -> str:
    assert instance.job is not None
    job = instance.job.tolist()
    ptr = np.searchsorted(instance.job, np.arange(instance.num_jobs + 1))
    columns = zip(job, instance.machine.tolist(), instance.duration.tolist(), strict=True)
    data = [
        {"job": j, "operation": task - int(ptr[j]), "machine": machine, "duration": duration}
        for task, (j, machine, duration) in enumerate(columns)
    ]
    return _document(
        {"instance": instance.name, "machines": instance.num_resources, "jobs": instance.num_jobs}, data=data
    )


def _document(head: dict[str, object], **tables: list[dict[str, int]]) -> str:
    """JSON with one row of each table per line."""
    parts = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    for name, rows in tables.items():
        lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
        parts.append(f'"{name}": [\n{lines}\n]')
    return "{\n" + ",\n".join(parts) + "\n}\n"
