"""Writes an instance as a CSV table that csv_table.py reads back; calendars and pauses have no place in it."""

from __future__ import annotations

import csv
import io
import re

import numpy as np

from makespan.instances.instance import HORIZON_LIMIT, Instance, IntArray

_LINK_KINDS = ("SS", "SF", "FS", "FF")  # in the order SS, SE, ES, EE of Instance
_UNUSED = {"release": 0, "due": HORIZON_LIMIT, "deadline": HORIZON_LIMIT, "weight": 1}
_PLAIN = re.compile(r"[\w.()/]+(?: [\w.()/]+)*")


def write(instance: Instance) -> str:
    """The text. Names are kept if they are plain and distinct, else tasks are called T0, jobs J0, resources R0, …"""
    names = _Names(instance)
    out = io.StringIO()
    for line in _directives(instance, names):
        out.write(f"# {line}\n")
    rows = csv.DictWriter(out, _columns(instance), lineterminator="\n")
    rows.writeheader()
    links = _predecessors(instance, names)
    seen_jobs: set[int] = set()
    for task in range(instance.num_tasks):
        cells = _task_cells(instance, names, task, seen_jobs)
        cells["predecessors"] = "; ".join(links[task])
        for mode in range(int(instance.mode_ptr[task]), int(instance.mode_ptr[task + 1])):
            cells |= _mode_cells(instance, names, task, mode)
            rows.writerow(cells)
            cells = {key: cells[key] for key in ("task", "job") if key in cells}
    return out.getvalue()


class _Names:
    """Names that a cell can hold."""

    def __init__(self, instance: Instance) -> None:
        meta = instance.meta
        self.task = _usable(meta.task_names, "T", instance.num_tasks)
        self.job = _usable(meta.job_names, "J", instance.num_jobs)
        self.resource = _usable(meta.resource_names, "R", instance.num_resources)


def _usable(names: tuple[str, ...] | None, letter: str, size: int) -> tuple[str, ...]:
    if names is not None and len(names) == size == len(set(names)) and all(_PLAIN.fullmatch(name) for name in names):
        return names
    return tuple(f"{letter}{number}" for number in range(size))


def _directives(instance: Instance, names: _Names) -> list[str]:
    meta = instance.meta
    lines = ["format: csv"]
    if meta.time_unit is not None:
        lines.append(f"unit: {meta.time_unit:.9f}".rstrip("0").rstrip(".") + " s")
    if meta.time_origin is not None:
        lines.append(f"origin: {meta.time_origin}")
    if meta.time_zone is not None:
        lines.append(f"zone: {meta.time_zone}")
    if instance.now:
        lines.append(f"now: {instance.now}")
    if instance.objective != ("makespan",):
        lines.append(f"objective: {', '.join(instance.objective)}")
    rules = [name for name in ("blocking", "no_wait", "swap_allowed", "permutation") if getattr(instance, name)]
    if rules:
        lines.append(f"rules: {', '.join(rules)}")
    for k, name in enumerate(names.resource):
        kind = "" if instance.renewable[k] else "; nonrenewable"
        lines.append(f"resource: {name}; capacity {instance.capacity[k]}{kind}")
    if instance.num_jobs:
        lines.append(f"jobs: {'; '.join(names.job)}")
    if instance.setup is not None:
        # All pairs from the first family on, so that reading numbers the families in the same order.
        for first, row in enumerate(instance.setup.time.tolist()):
            lines += [f"setup: F{first} > F{second} = {time}" for second, time in enumerate(row)]
        for resource, family in enumerate(instance.setup.initial.tolist()):
            if family >= 0:
                lines.append(f"first setup: {names.resource[resource]} = F{family}")
    if instance.transport is not None:
        for i, j in np.argwhere(instance.transport):
            lines.append(f"transport: {names.resource[i]} > {names.resource[j]} = {instance.transport[i, j]}")
    return lines


def _columns(instance: Instance) -> list[str]:
    columns = ["task", "duration", "resources", "predecessors"]
    if instance.job is not None:
        columns.insert(1, "job")
    for name in _UNUSED:
        columns += [full for full in (name, f"job_{name}") if getattr(instance, full) is not None]
    if instance.setup is not None:
        columns.append("family")
    columns += [name for name in ("fixed_start", "fixed_mode") if getattr(instance, name) is not None]
    return columns


def _task_cells(instance: Instance, names: _Names, task: int, seen_jobs: set[int]) -> dict[str, object]:
    cells: dict[str, object] = {"task": names.task[task]}
    job = -1 if instance.job is None else int(instance.job[task])
    if job >= 0:
        cells["job"] = names.job[job]
    for name, unused in _UNUSED.items():
        cells |= _cell(name, getattr(instance, name), task, unused)
        if job >= 0 and job not in seen_jobs:
            cells |= _cell(f"job_{name}", getattr(instance, f"job_{name}"), job, unused)
    if job >= 0:
        seen_jobs.add(job)
    return cells | _cell("fixed_start", instance.fixed_start, task, -1)


def _cell(name: str, values: IntArray | None, index: int, unused: int) -> dict[str, object]:
    return {} if values is None or int(values[index]) == unused else {name: int(values[index])}


def _mode_cells(instance: Instance, names: _Names, task: int, mode: int) -> dict[str, object]:
    low, high = int(instance.demand_ptr[mode]), int(instance.demand_ptr[mode + 1])
    needs = zip(instance.demand_resource[low:high].tolist(), instance.demand_amount[low:high].tolist(), strict=True)
    listed = [names.resource[k] if amount == 1 else f"{names.resource[k]}:{amount}" for k, amount in needs]
    cells: dict[str, object] = {"duration": int(instance.duration[mode]), "resources": "; ".join(listed)}
    if instance.setup is not None and instance.setup.family[mode] >= 0:
        cells["family"] = f"F{instance.setup.family[mode]}"
    if instance.fixed_mode is not None and instance.fixed_mode[task] == mode - instance.mode_ptr[task]:
        cells["fixed_mode"] = "x"
    return cells


def _predecessors(instance: Instance, names: _Names) -> list[list[str]]:
    links: list[list[str]] = [[] for _ in range(instance.num_tasks)]
    columns = (instance.arc_pred, instance.arc_succ, instance.arc_kind, instance.arc_lag)
    for pred, succ, kind, lag in zip(*(column.tolist() for column in columns), strict=True):
        plain = kind == 2 and lag == 0
        links[succ].append(names.task[pred] if plain else f"{names.task[pred]} {_LINK_KINDS[kind]}{lag:+d}")
    return links
