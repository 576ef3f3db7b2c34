"""Brings the arrays of an Instance into canonical form and refuses malformed data; runs once per instance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from makespan.instances.errors import quoted
from makespan.instances.instance import (
    ARC_KINDS,
    HORIZON_LIMIT,
    OBJECTIVES,
    Calendar,
    Instance,
    Setup,
)

_INDEX_LIMIT = 2**31 - 1

_ABSENT = {  # the value that says nothing: a field full of it is dropped, so that equal problems hash alike
    "release": 0,
    "due": HORIZON_LIMIT,
    "deadline": HORIZON_LIMIT,
    "weight": 1,
}


def freeze(instance: Instance) -> None:
    """Convert, sort, validate and lock every array. Raises ValueError with one sentence."""
    setter = _Setter(instance)
    for name in ("mode_ptr", "demand_ptr", "arc_ptr"):
        setter.array(name, np.int32)
    setter.array("duration", np.int64)
    setter.array("demand_resource", np.int32)
    setter.array("demand_amount", np.int64)
    setter.array("capacity", np.int64)
    setter.array("renewable", np.bool_)
    setter.array("arc_succ", np.int32)
    setter.array("arc_kind", np.int8)
    setter.array("arc_lag", np.int64)
    _check_core(instance)
    _sort_demands(instance, setter)
    _sort_arcs(instance, setter)
    _check_jobs(instance, setter)
    _check_times(instance, setter)
    _check_transport(instance, setter)
    _check_setup(instance, setter)
    _check_calendar(instance, setter)
    _check_pause(instance, setter)
    _check_fixed(instance, setter)
    _check_objective(instance)
    _check_chains(instance)


class _Setter:
    """Writes locked arrays into a frozen instance."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    def array(self, name: str, dtype: type[np.generic]) -> None:
        setattr_frozen(self.instance, name, locked(getattr(self.instance, name), dtype, name))

    def value(self, name: str, value: Any) -> None:
        setattr_frozen(self.instance, name, value)


def setattr_frozen(instance: Any, name: str, value: Any) -> None:
    object.__setattr__(instance, name, value)


def locked(values: Any, dtype: type[np.generic], name: str) -> NDArray[Any]:
    """A read-only array of ``dtype``; copies unless the array is read-only already."""
    given = np.asarray(values)
    if given.dtype == dtype and not given.flags.writeable and given.flags.c_contiguous:
        return given
    if given.size == 0:
        given = given.astype(dtype)
    if given.dtype.kind not in "iub":
        raise ValueError(f"{name}: found {given.dtype} values, expected integers")
    if dtype in (np.int32, np.int8) and given.size:
        limit = np.iinfo(dtype)
        if given.min() < limit.min or given.max() > limit.max:
            raise ValueError(f"{name}: a value is outside {limit.min}..{limit.max}")
    if dtype is np.int64 and given.dtype == np.uint64 and given.size and given.max() > HORIZON_LIMIT:
        raise ValueError(f"{name}: a value exceeds 2**53")
    array = np.array(given, dtype=dtype, order="C")
    array.setflags(write=False)
    return array


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise ValueError(sentence)


def _check_ptr(ptr: NDArray[np.int32], total: int, name: str) -> None:
    _require(ptr.ndim == 1 and ptr.size >= 1, f"{name}: expected a one-dimensional array of at least one entry")
    _require(
        int(ptr[0]) == 0 and int(ptr[-1]) == total,
        f"{name}: runs from {ptr[0]} to {ptr[-1]}, expected 0 to {total}",
    )
    _require(bool((np.diff(ptr) >= 0).all()), f"{name}: must not fall")


def _check_core(instance: Instance) -> None:
    _require(instance.num_tasks < _INDEX_LIMIT and instance.num_modes < _INDEX_LIMIT, "too many tasks")
    _check_ptr(instance.mode_ptr, instance.num_modes, "mode_ptr")
    _require(bool((np.diff(instance.mode_ptr) > 0).all()), "mode_ptr: a task has no mode")
    _check_ptr(instance.demand_ptr, instance.demand_resource.size, "demand_ptr")
    _require(
        instance.demand_ptr.size == instance.num_modes + 1,
        "demand_ptr: expected one entry per mode and one more",
    )
    _require(
        instance.demand_amount.shape == instance.demand_resource.shape,
        "demand_amount: shape differs from demand_resource",
    )
    _require(instance.renewable.shape == instance.capacity.shape, "renewable: shape differs from capacity")
    _check_ptr(instance.arc_ptr, instance.num_arcs, "arc_ptr")
    _require(instance.arc_ptr.size == instance.num_tasks + 1, "arc_ptr: expected one entry per task and one more")
    _require(
        instance.arc_kind.shape == instance.arc_succ.shape == instance.arc_lag.shape,
        "arc arrays: shapes differ",
    )
    _in_range(instance.duration, 0, HORIZON_LIMIT, "duration")
    _in_range(instance.demand_resource, 0, instance.num_resources - 1, "demand_resource")
    _in_range(instance.demand_amount, 0, HORIZON_LIMIT, "demand_amount")
    _in_range(instance.capacity, 0, HORIZON_LIMIT, "capacity")
    _in_range(instance.arc_succ, 0, instance.num_tasks - 1, "arc_succ")
    _in_range(instance.arc_kind, 0, len(ARC_KINDS) - 1, "arc_kind")
    _in_range(instance.arc_lag, -HORIZON_LIMIT, HORIZON_LIMIT, "arc_lag")
    longest = (
        np.maximum.reduceat(instance.duration, instance.mode_ptr[:-1]) if instance.num_tasks else instance.duration
    )
    total = float(longest.sum(dtype=np.float64) + np.abs(instance.arc_lag).sum(dtype=np.float64))
    _require(total <= HORIZON_LIMIT, "the durations and lags add up to more than 2**53")


def _in_range(values: NDArray[Any], low: int, high: int, name: str) -> None:
    if values.size and (int(values.min()) < low or int(values.max()) > high):
        bad = int(np.flatnonzero((values.ravel() < low) | (values.ravel() > high))[0])
        raise ValueError(f"{name}[{bad}]: found {values.ravel()[bad]}, expected {low}..{high}")


def _sort_demands(instance: Instance, setter: _Setter) -> None:
    """Resources rise within a mode; demands of zero are dropped; the same resource twice is malformed."""
    mode = np.repeat(np.arange(instance.num_modes, dtype=np.int64), np.diff(instance.demand_ptr))
    resource, amount = instance.demand_resource, instance.demand_amount
    key = mode * max(1, instance.num_resources) + resource
    falls = key.size > 1 and bool((np.diff(key) <= 0).any())
    if not falls and not (amount == 0).any():
        return
    order = np.argsort(key, kind="stable")
    order = order[amount[order] > 0]
    key = key[order]
    _require(not (key[1:] == key[:-1]).any(), "demand_resource: a mode names a resource twice")
    setter.value("demand_resource", locked(resource[order], np.int32, "demand_resource"))
    setter.value("demand_amount", locked(amount[order], np.int64, "demand_amount"))
    counts = np.bincount(mode[order], minlength=instance.num_modes)
    setter.value("demand_ptr", locked(np.concatenate(([0], np.cumsum(counts))), np.int32, "demand_ptr"))


def _sort_arcs(instance: Instance, setter: _Setter) -> None:
    """Arcs sorted by (pred, succ, kind); of two with all three equal the larger lag stays."""
    succ, kind = instance.arc_succ.astype(np.int64), instance.arc_kind
    pred = instance.arc_pred
    key = (pred * np.int64(max(1, instance.num_tasks)) + succ) * len(ARC_KINDS) + kind
    if key.size < 2 or (np.diff(key) > 0).all():
        return
    order = np.lexsort((-instance.arc_lag, key))
    key = key[order]
    order = order[np.concatenate(([True], key[1:] != key[:-1]))]
    setter.value("arc_succ", locked(succ[order], np.int32, "arc_succ"))
    setter.value("arc_kind", locked(kind[order], np.int8, "arc_kind"))
    setter.value("arc_lag", locked(instance.arc_lag[order], np.int64, "arc_lag"))
    counts = np.bincount(pred[order], minlength=instance.num_tasks)
    setter.value("arc_ptr", locked(np.concatenate(([0], np.cumsum(counts))), np.int32, "arc_ptr"))
    instance.__dict__.pop("arc_pred", None)


def _check_jobs(instance: Instance, setter: _Setter) -> None:
    largest = -1
    if instance.job is not None:
        setter.array("job", np.int32)
        _require(instance.job.shape == (instance.num_tasks,), "job: expected one entry per task")
        _in_range(instance.job, -1, _INDEX_LIMIT, "job")
        largest = int(instance.job.max(initial=-1))
        if largest < 0:
            setter.value("job", None)
    per_job = [getattr(instance, f"job_{name}") for name in _ABSENT]
    sizes = {np.asarray(values).size for values in per_job if values is not None}
    _require(len(sizes) <= 1, "job_release, job_due, job_deadline, job_weight: lengths differ")
    num_jobs = max(largest + 1, int(instance.num_jobs), *sizes) if sizes else max(largest + 1, int(instance.num_jobs))
    _require(not sizes or sizes == {num_jobs}, f"fields per job: expected {num_jobs} entries")
    setter.value("num_jobs", num_jobs)


def _check_times(instance: Instance, setter: _Setter) -> None:
    for name, absent in _ABSENT.items():
        for full, size in ((name, instance.num_tasks), (f"job_{name}", instance.num_jobs)):
            if getattr(instance, full) is None:
                continue
            setter.array(full, np.int64)
            values = getattr(instance, full)
            _require(values.shape == (size,), f"{full}: found shape {values.shape}, expected ({size},)")
            _in_range(values, 0, HORIZON_LIMIT, full)
            if (values == absent).all():
                setter.value(full, None)
    _require(isinstance(instance.now, int) and 0 <= instance.now <= HORIZON_LIMIT, "now: expected 0..2**53")


def _check_transport(instance: Instance, setter: _Setter) -> None:
    if instance.transport is None:
        return
    setter.array("transport", np.int64)
    size = instance.num_resources
    _require(
        instance.transport.shape == (size, size),
        f"transport: found shape {instance.transport.shape}, expected ({size}, {size})",
    )
    _in_range(instance.transport, 0, HORIZON_LIMIT, "transport")
    if not instance.transport.any():
        setter.value("transport", None)


def _check_setup(instance: Instance, setter: _Setter) -> None:
    setup = instance.setup
    if setup is None:
        return
    family = locked(setup.family, np.int32, "setup.family")
    time = locked(setup.time, np.int64, "setup.time")
    initial = locked(setup.initial, np.int32, "setup.initial")
    _require(family.shape == (instance.num_modes,), "setup.family: expected one entry per mode")
    _require(initial.shape == (instance.num_resources,), "setup.initial: expected one entry per resource")
    _require(time.ndim == 2 and time.shape[0] == time.shape[1], "setup.time: expected a square matrix")
    _in_range(family, -1, time.shape[0] - 1, "setup.family")
    _in_range(initial, -1, time.shape[0] - 1, "setup.initial")
    _in_range(time, 0, HORIZON_LIMIT, "setup.time")
    setter.value("setup", Setup(family, time, initial) if time.any() and (family >= 0).any() else None)


def _check_calendar(instance: Instance, setter: _Setter) -> None:
    calendar = instance.calendar
    if calendar is None:
        return
    ptr = locked(calendar.ptr, np.int32, "calendar.ptr")
    time = locked(calendar.time, np.int64, "calendar.time")
    capacity = locked(calendar.capacity, np.int64, "calendar.capacity")
    period = locked(calendar.period, np.int64, "calendar.period")
    _check_ptr(ptr, time.size, "calendar.ptr")
    _require(ptr.size == instance.num_resources + 1, "calendar.ptr: expected one entry per resource and one more")
    _require(capacity.shape == time.shape, "calendar.capacity: shape differs from calendar.time")
    _require(period.shape == (instance.num_resources,), "calendar.period: expected one entry per resource")
    _in_range(time, 0, HORIZON_LIMIT, "calendar.time")
    _in_range(capacity, 0, HORIZON_LIMIT, "calendar.capacity")
    _in_range(period, 0, HORIZON_LIMIT, "calendar.period")
    for k in range(instance.num_resources):
        entries = time[ptr[k] : ptr[k + 1]]
        if not entries.size:
            _require(period[k] == 0, f"calendar.period[{k}]: a period without breakpoints")
            continue
        _require(bool(instance.renewable[k]), f"calendar: resource {k} is nonrenewable, expected a renewable one")
        _require(int(entries[0]) == 0, f"calendar.time: resource {k} starts at {entries[0]}, expected 0")
        _require(bool((np.diff(entries) > 0).all()), f"calendar.time: the breakpoints of resource {k} must rise")
        _require(
            period[k] == 0 or int(entries[-1]) < int(period[k]),
            f"calendar.time: resource {k} has a breakpoint after its period",
        )
        _in_range(capacity[ptr[k] : ptr[k + 1]], 0, int(instance.capacity[k]), f"calendar.capacity of resource {k}")
    setter.value("calendar", Calendar(ptr, time, capacity, period) if time.size else None)


def _check_pause(instance: Instance, setter: _Setter) -> None:
    if instance.pause is None:
        return
    setter.array("pause", np.int8)
    _require(instance.pause.shape == (instance.num_tasks,), "pause: expected one entry per task")
    _in_range(instance.pause, 0, 2, "pause")
    if not instance.pause.any() or instance.calendar is None:
        setter.value("pause", None)


def _check_fixed(instance: Instance, setter: _Setter) -> None:
    if instance.fixed_start is not None:
        setter.array("fixed_start", np.int64)
        _require(instance.fixed_start.shape == (instance.num_tasks,), "fixed_start: expected one entry per task")
        _in_range(instance.fixed_start, -1, HORIZON_LIMIT, "fixed_start")
        if (instance.fixed_start == -1).all():
            setter.value("fixed_start", None)
    if instance.fixed_mode is not None:
        setter.array("fixed_mode", np.int32)
        _require(instance.fixed_mode.shape == (instance.num_tasks,), "fixed_mode: expected one entry per task")
        too_large = instance.fixed_mode >= np.diff(instance.mode_ptr)
        _require(not too_large.any() and int(instance.fixed_mode.min(initial=-1)) >= -1, "fixed_mode: no such mode")
        if (instance.fixed_mode == -1).all():
            setter.value("fixed_mode", None)


def _check_objective(instance: Instance) -> None:
    names = instance.objective
    object.__setattr__(instance, "objective", tuple(names))
    _require(len(names) > 0 and len(set(names)) == len(names), "objective: expected distinct names, at least one")
    for name in names:
        _require(name in OBJECTIVES, f"objective: found {quoted(name)}, expected one of {', '.join(OBJECTIVES)}")
        if name not in ("makespan", "flow_time"):
            has_due = instance.due is not None or instance.job_due is not None
            _require(has_due, f"objective {name}: needs due dates, found none")


def _check_chains(instance: Instance) -> None:
    """Blocking, no-wait and permutation need jobs whose tasks form chains."""
    from makespan.instances.features import is_chains

    for name in ("blocking", "no_wait", "permutation"):
        if getattr(instance, name):
            _require(
                instance.job is not None and is_chains(instance),
                f"{name}: every job must be one chain of tasks",
            )
    if instance.permutation:
        _require(instance.num_modes == instance.num_tasks, "permutation: every task must have one mode")
        _require(_same_route(instance), "permutation: every job must visit the machines in one common order")


def _same_route(instance: Instance) -> bool:
    assert instance.job is not None
    order = np.argsort(instance.job, kind="stable")
    order = order[instance.job[order] >= 0]
    if not order.size:
        return True
    sizes = np.bincount(instance.job[order], minlength=instance.num_jobs)
    if not (sizes == sizes[0]).all() or order.size != instance.num_tasks:
        return False
    rank = _rank_in_chain(instance)
    route = np.full((instance.num_jobs, int(sizes[0])), -1)
    route[instance.job, rank] = instance.machine
    return bool((route == route[0]).all()) and np.unique(route[0]).size == route.shape[1]


def _rank_in_chain(instance: Instance) -> NDArray[np.int64]:
    """Position of each task in its job's chain. O(n log n) by pointer doubling."""
    n = instance.num_tasks
    before = np.full(n + 1, n)
    before[instance.arc_succ] = instance.arc_pred
    rank = (before[:n] < n).astype(np.int64)
    rank = np.append(rank, 0)
    for _ in range(max(1, n).bit_length()):
        rank = rank + rank[before]
        before = before[before]
    return rank[:n]
