"""Constructors of Instance in the words of each problem class; called through its class methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from makespan.instances.instance import ES, SS, Arc, Instance, Metadata
from makespan.instances.validate import locked


def _with_name(optional: dict[str, Any]) -> dict[str, Any]:
    """Accept ``name=`` and ``source=`` as short forms of ``meta=``."""
    if "meta" not in optional:
        optional["meta"] = Metadata(name=optional.pop("name", ""), source=optional.pop("source", ""))
    return optional


def _ptr(counts: ArrayLike) -> np.ndarray:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(np.asarray(counts, dtype=np.int64))))


def _arcs(num_tasks: int, arcs: Sequence[Arc]) -> dict[str, Any]:
    full = [(*arc, ES, 0) if len(arc) == 2 else arc for arc in arcs]
    for arc in full:
        if not (0 <= arc[0] < num_tasks and 0 <= arc[1] < num_tasks):
            raise ValueError(f"arc {arc[0]} -> {arc[1]}: expected tasks in 0..{num_tasks - 1}")
    table = np.array(sorted(full), dtype=np.int64).reshape(-1, 4)
    counts = np.bincount(table[:, 0], minlength=num_tasks)
    return {"arc_ptr": _ptr(counts), "arc_succ": table[:, 1], "arc_kind": table[:, 2], "arc_lag": table[:, 3]}


def from_lists(
    modes: Sequence[Sequence[tuple[int, Sequence[tuple[int, int]] | Mapping[int, int]]]],
    capacity: ArrayLike,
    arcs: Sequence[Arc] = (),
    renewable: ArrayLike | None = None,
    **optional: Any,
) -> Instance:
    """See ``Instance.from_lists``."""
    flat = list(chain.from_iterable(modes))
    demands = [sorted(d.items()) if isinstance(d, Mapping) else list(d) for _, d in flat]
    pairs = np.array(list(chain.from_iterable(demands)), dtype=np.int64).reshape(-1, 2)
    capacity = np.asarray(capacity, dtype=np.int64).reshape(-1)
    return Instance(
        mode_ptr=_ptr([len(m) for m in modes]),
        duration=np.array([duration for duration, _ in flat], dtype=np.int64),
        demand_ptr=_ptr([len(d) for d in demands]),
        demand_resource=locked(pairs[:, 0], np.int32, "demand_resource"),
        demand_amount=pairs[:, 1],
        capacity=capacity,
        renewable=np.ones(capacity.size, np.bool_) if renewable is None else np.asarray(renewable, np.bool_),
        **_arcs(len(modes), arcs),
        **_with_name(optional),
    )


def job_shop(
    machines: Sequence[ArrayLike],
    durations: Sequence[ArrayLike],
    num_machines: int | None = None,
    **optional: Any,
) -> Instance:
    """See ``Instance.job_shop``."""
    rows = [np.asarray(row, dtype=np.int64).reshape(-1) for row in machines]
    times = [np.asarray(row, dtype=np.int64).reshape(-1) for row in durations]
    if [r.size for r in rows] != [t.size for t in times]:
        raise ValueError("job_shop: machines and durations differ in shape")
    empty = np.zeros(0, np.int64)
    return job_shop_arrays(
        _ptr([r.size for r in rows]),
        np.concatenate([empty, *rows]),
        np.concatenate([empty, *times]),
        num_machines,
        **optional,
    )


def job_shop_arrays(
    job_ptr: ArrayLike,
    machine: ArrayLike,
    duration: ArrayLike,
    num_machines: int | None = None,
    **optional: Any,
) -> Instance:
    """See ``Instance.job_shop_arrays``."""
    ptr, on, time = np.asarray(job_ptr), np.asarray(machine), np.asarray(duration)
    n = on.size
    if num_machines is None:
        num_machines = int(on.max(initial=-1)) + 1
    last = np.zeros(n, np.bool_)
    sizes = np.diff(ptr)
    last[ptr[1:][sizes > 0] - 1] = True
    succ = np.flatnonzero(~last) + 1
    return Instance(
        mode_ptr=np.arange(n + 1, dtype=np.int32),
        duration=time,
        demand_ptr=np.arange(n + 1, dtype=np.int32),
        demand_resource=on,
        demand_amount=np.ones(n, np.int64),
        capacity=np.ones(num_machines, np.int64),
        renewable=np.ones(num_machines, np.bool_),
        arc_ptr=_ptr(~last),
        arc_succ=locked(succ, np.int32, "arc_succ"),
        arc_kind=np.full(succ.size, ES, np.int8),
        arc_lag=np.zeros(succ.size, np.int64),
        job=np.repeat(np.arange(sizes.size), sizes),
        num_jobs=sizes.size,
        **_with_name(optional),
    )


def flexible_job_shop(
    jobs: Sequence[Sequence[Sequence[tuple[int, int]]]], num_machines: int | None = None, **optional: Any
) -> Instance:
    """See ``Instance.flexible_job_shop``."""
    operations = list(chain.from_iterable(jobs))
    if num_machines is None:
        num_machines = 1 + max((machine for modes in operations for machine, _ in modes), default=-1)
    job = np.repeat(np.arange(len(jobs)), [len(operations_of_job) for operations_of_job in jobs])
    chained = np.flatnonzero(job[1:] == job[:-1])
    return from_lists(
        [[(duration, ((machine, 1),)) for machine, duration in modes] for modes in operations],
        np.ones(num_machines, np.int64),
        [(int(i), int(i) + 1) for i in chained],
        job=job,
        num_jobs=len(jobs),
        **optional,
    )


def flow_shop(durations: ArrayLike, permutation: bool = True, **optional: Any) -> Instance:
    """See ``Instance.flow_shop``."""
    time = np.asarray(durations, dtype=np.int64)
    jobs, machines = time.shape
    return job_shop_arrays(
        np.arange(jobs + 1) * machines,
        np.tile(np.arange(machines), jobs),
        time.ravel(),
        machines,
        permutation=permutation,
        **optional,
    )


def open_shop(durations: ArrayLike, **optional: Any) -> Instance:
    """See ``Instance.open_shop``."""
    time = np.asarray(durations, dtype=np.int64)
    jobs, machines = time.shape
    modes = [[(int(time[j, k]), ((k, 1), (machines + j, 1)))] for j in range(jobs) for k in range(machines)]
    return from_lists(
        modes,
        np.ones(machines + jobs, np.int64),
        job=np.repeat(np.arange(jobs), machines),
        num_jobs=jobs,
        **optional,
    )


def rcpsp(
    durations: ArrayLike,
    demands: ArrayLike,
    capacities: ArrayLike,
    successors: Sequence[Sequence[int]],
    lags: Sequence[Sequence[int]] | None = None,
    **optional: Any,
) -> Instance:
    """See ``Instance.rcpsp``."""
    time = np.asarray(durations, dtype=np.int64)
    need = np.asarray(demands, dtype=np.int64).reshape(time.size, -1)
    if len(successors) != time.size:
        raise ValueError(f"rcpsp: {len(successors)} successor lists for {time.size} activities")
    arcs: list[Arc] = []
    for i, following in enumerate(successors):
        if lags is None:
            arcs.extend((i, j) for j in following)
        else:
            arcs.extend((i, j, SS, lag) for j, lag in zip(following, lags[i], strict=True))
    modes = [[(int(time[i]), [(int(k), int(need[i, k])) for k in np.flatnonzero(need[i])])] for i in range(time.size)]
    return from_lists(modes, capacities, arcs, **optional)
