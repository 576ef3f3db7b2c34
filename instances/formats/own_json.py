"""makespan's own JSON: kind ``makespan-instance``, version 1; holds every field of Instance and all metadata.

One key per field of Instance, under its name and with its meaning; unused optional fields are left out. ``setup`` and
``calendar`` are objects of arrays, ``metadata`` an object of names. Arrays are flat (CSR), one to a line.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from makespan.instances.features import ALL_FEATURES
from makespan.instances.formats.json_model import Many, validated
from makespan.instances.formats.source import Source
from makespan.instances.instance import Calendar, Instance, Metadata, Setup

KIND = "makespan-instance"
VERSION = 1

HOLDS = ALL_FEATURES

_DEFAULTS: dict[str, Any] = {
    "num_jobs": 0,
    "blocking": False,
    "no_wait": False,
    "swap_allowed": False,
    "permutation": False,
    "now": 0,
    "objective": ("makespan",),
}


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _MetadataModel(_Strict):
    name: str = ""
    source: str = ""
    task_names: Many[str] | None = None
    job_names: Many[str] | None = None
    resource_names: Many[str] | None = None
    time_origin: str | None = None
    time_unit: float | None = None
    time_zone: str | None = None


class _SetupModel(_Strict):
    family: Many[int]
    time: Many[Many[int]]
    initial: Many[int]


class _CalendarModel(_Strict):
    ptr: Many[int]
    time: Many[int]
    capacity: Many[int]
    period: Many[int]


class _InstanceModel(_Strict):
    kind: Literal["makespan-instance"]
    version: Literal[1]
    metadata: _MetadataModel = _MetadataModel()
    mode_ptr: Many[int]
    duration: Many[int]
    demand_ptr: Many[int]
    demand_resource: Many[int]
    demand_amount: Many[int]
    capacity: Many[int]
    renewable: Many[bool]
    arc_ptr: Many[int]
    arc_succ: Many[int]
    arc_kind: Many[int]
    arc_lag: Many[int]
    job: Many[int] | None = None
    num_jobs: int = 0
    release: Many[int] | None = None
    due: Many[int] | None = None
    deadline: Many[int] | None = None
    weight: Many[int] | None = None
    job_release: Many[int] | None = None
    job_due: Many[int] | None = None
    job_deadline: Many[int] | None = None
    job_weight: Many[int] | None = None
    transport: Many[Many[int]] | None = None
    setup: _SetupModel | None = None
    calendar: _CalendarModel | None = None
    pause: Many[int] | None = None
    blocking: bool = False
    no_wait: bool = False
    swap_allowed: bool = False
    permutation: bool = False
    fixed_start: Many[int] | None = None
    fixed_mode: Many[int] | None = None
    now: int = 0
    objective: Many[str] = ["makespan"]


def recognises(source: Source) -> bool:
    """A JSON object whose ``kind`` is ``makespan-instance``."""
    return isinstance(source.json, dict) and source.json.get("kind") == KIND


def read(source: Source) -> Instance:
    """Any instance. O(size of the file); about 1 s for a million tasks."""
    document = source.json
    if isinstance(document, dict) and document.get("kind") == KIND and document.get("version") != VERSION:
        source.fail(None, f"version {document.get('version')!r:.20}", f"version {VERSION}")
    model = validated(_InstanceModel, document, source)
    num_tasks = len(model.mode_ptr)
    jobs = max(model.num_jobs, 1 + max(model.job, default=-1) if model.job else 0)
    source.check_resource_count(jobs, num_tasks, None, "jobs")
    given: dict[str, Any] = {}
    with source.building():
        for name in (item.name for item in fields(Instance)):
            if name == "meta":
                continue
            value = getattr(model, name)
            given[name] = np.array(value) if isinstance(value, list) and name != "objective" else value
        given["setup"] = _arrays(Setup, model.setup)
        given["calendar"] = _arrays(Calendar, model.calendar)
        given["objective"] = tuple(model.objective)
        return Instance(**given, meta=_metadata(source, model))


def _arrays(kind: type[Setup] | type[Calendar], model: BaseModel | None) -> Any:
    if model is None:
        return None
    return kind(**{name: np.array(values) for name, values in model})


def _metadata(source: Source, model: _InstanceModel) -> Metadata:
    given = dict(model.metadata)
    for name, size in (
        ("task_names", len(model.mode_ptr) - 1),
        ("job_names", model.num_jobs),
        ("resource_names", len(model.capacity)),
    ):
        if given[name] is not None:
            if len(given[name]) != size:
                source.fail(None, f"{len(given[name])} names at metadata.{name}", f"{size}")
            given[name] = tuple(given[name])
    given["name"] = given["name"] or source.name
    return Metadata(**given)


def write(instance: Instance) -> str:
    """The text, one field per line."""
    lines = [f'"kind": "{KIND}"', f'"version": {VERSION}']
    metadata = {name: value for name, value in asdict(instance.meta).items() if value not in (None, "")}
    if metadata:
        lines.append(f'"metadata": {_dumps(metadata)}')
    for item in fields(Instance):
        value = getattr(instance, item.name)
        if item.name == "meta" or value is None or (item.name in _DEFAULTS and value == _DEFAULTS[item.name]):
            continue
        lines.append(f'"{item.name}": {_dumps(_plain(value))}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Setup | Calendar):
        return {item.name: getattr(value, item.name).tolist() for item in fields(value)}
    return value


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
