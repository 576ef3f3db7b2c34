"""Instance: tasks, modes, precedence and resources, with the fields that real plants add.

One frozen, array-backed object stands for every problem class. A job shop operation is a task
with one mode on one unary resource; a flexible operation has several modes; an RCPSP activity
has modes with several demands; an open-shop job is a unary resource that its operations share.

The rules below are the meaning of a schedule. The checker, the exact models and the compiled
kernels follow them and nothing else.

* A task starts once, in one of its modes, at an integer time >= 0.
* *Arc* (pred, succ, kind, lag): a point of succ lies at least ``lag`` after a point of pred. ES: start(succ) >=
  end(pred) + lag; SS: start(succ) >= start(pred) + lag; SE: end(succ) >= start(pred) + lag; EE: end(succ) >=
  end(pred) + lag. A maximal lag is a reversed arc with a negative lag.
* *Running*: a task runs from start to end, except in its pauses. At every moment the demands of the running tasks
  stay within the capacity profile of each renewable resource (``capacity`` where there is no calendar).
* *Occupied*: a task occupies its renewable resources from start to end, in a blocking shop until its job
  leaves; in a pause that releases, it occupies nothing. At every moment the demands of the occupying tasks stay within
  ``capacity``. Intervals are half open, so a task of duration 0 uses nothing (unless blocking holds it).
* *Nonrenewable*: the demands of all chosen modes together stay within ``capacity``.
* *Pause*: a pausable task advances only while all its calendars are open to it (profile >= its demand), starts in such
  a moment and ends at the end of such a moment; its end follows from start and mode. A task that may not pause needs
  its capacity throughout. A task of duration 0 needs no open calendar.
* *Transport*: on an ES arc between two tasks of one job, the travel time from the machine of pred's mode to the
  machine of succ's mode is added to the lag. The machine of a mode is its lowest-numbered renewable resource.
* *Setup*: on a renewable resource of capacity 1, if a task with family f is followed directly by one with family g, the
  second starts at least ``setup.time[f, g]`` after the first stops occupying it; the first task on resource k starts
  at least ``setup.time[setup.initial[k], g]`` after time 0. A mode without a family (-1) needs none, before or after; a
  task that occupies nothing takes no part. In an instance with setups a pause never releases a resource of capacity 1.
  Setups pay no heed to calendars.
* *Chain*: blocking, no-wait and permutation speak of the next task of a job: the succ of its one ES arc within the job.
  Blocking: a task occupies its resources until its next task starts, less the travel time, and never less than to its
  end. Unless ``swap_allowed``, jobs that exchange their resources at one instant in a closed circle are forbidden: the
  jobs that move at one instant (leave and enter without travel) must fit one after another, in some order, with all
  else that ends then gone and all else that starts then not yet there. No-wait: ES arcs within a job hold with
  equality. Permutation: there is one order of the jobs in which the starts never fall, on every machine.
* *Fixed*: ``fixed_start`` and ``fixed_mode`` (-1: free) are frozen; every task without a fixed start starts at or after
  ``now``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

IndexArray = NDArray[np.int32]
IntArray = NDArray[np.int64]
T = TypeVar("T")
Arc = tuple[int, int] | tuple[int, int, int, int]

HORIZON_LIMIT = 2**53
"""No time in an instance or schedule exceeds this; a due date or deadline equal to it means none."""

SS, SE, ES, EE = 0, 1, 2, 3
ARC_KINDS = ("SS", "SE", "ES", "EE")

NO_PAUSE, PAUSE_RELEASES, PAUSE_HOLDS = 0, 1, 2

OBJECTIVES = ("makespan", "total_tardiness", "weighted_tardiness", "max_lateness", "flow_time")


@dataclass(frozen=True)
class Metadata:
    """What people call things; outside the hash, never read by a solver.

    ``time_origin`` (ISO 8601) is the date of time 0, ``time_unit`` the seconds in one unit of time.
    """

    name: str = ""
    source: str = ""
    task_names: tuple[str, ...] | None = None
    job_names: tuple[str, ...] | None = None
    resource_names: tuple[str, ...] | None = None
    time_origin: str | None = None
    time_unit: float | None = None
    time_zone: str | None = None


@dataclass(frozen=True, eq=False)
class Setup:
    """Sequence-dependent setups. ``family`` (num_modes,), -1 for none; ``time`` (F, F) from row to
    column; ``initial`` (num_resources,) the family each resource starts with, -1 for none."""

    family: IndexArray
    time: IntArray
    initial: IndexArray


@dataclass(frozen=True, eq=False)
class Calendar:
    """Capacity profiles. Entries ``ptr[k]`` to ``ptr[k + 1] - 1`` are the breakpoints of resource k: from
    ``time[i]`` (the first is 0) it has ``capacity[i]``. With ``period[k]`` > 0 the profile repeats; with 0 the last
    value lasts for ever. A resource without entries has its ``Instance.capacity`` throughout."""

    ptr: IndexArray
    time: IntArray
    capacity: IntArray
    period: IntArray

    def has(self, resource: int) -> bool:
        """Whether the resource has a profile of its own."""
        return bool(self.ptr[resource + 1] > self.ptr[resource])


@dataclass(frozen=True, eq=False)
class Instance:
    """A scheduling problem; see the module docstring for the meaning of every field.

    Parameters
    ----------
    mode_ptr
        Shape (num_tasks + 1,): modes of task i are ``mode_ptr[i]`` to ``mode_ptr[i + 1] - 1``, at least one.
    duration
        Shape (num_modes,): >= 0.
    demand_ptr, demand_resource, demand_amount
        CSR over modes: resource and amount > 0 of each demand, resources rising within a mode.
    capacity, renewable
        Shape (num_resources,): capacity >= 0 and whether it is renewable.
    arc_ptr, arc_succ, arc_kind, arc_lag
        CSR over tasks of the arcs that leave them.
    job, num_jobs
        Shape (num_tasks,): job of each task, -1 for none. ``num_jobs`` may exceed the largest job in use.
    release, due, deadline, weight; job_release, job_due, job_deadline, job_weight
        Per task (num_tasks,) and per job (num_jobs,). ``None`` where unused; HORIZON_LIMIT is "no due date".
    transport
        Shape (num_resources, num_resources): travel times.
    pause
        Shape (num_tasks,) int8: NO_PAUSE, PAUSE_RELEASES or PAUSE_HOLDS.
    objective
        Names from OBJECTIVES, most important first.

    Raises
    ------
    ValueError
        If shapes disagree, an index is out of range, a value is negative that may not be, or the sum of all durations
        and lags exceeds HORIZON_LIMIT. Data that merely allow no schedule (demand above capacity, cycles) are legal.
    """

    mode_ptr: IndexArray
    duration: IntArray
    demand_ptr: IndexArray
    demand_resource: IndexArray
    demand_amount: IntArray
    capacity: IntArray
    renewable: NDArray[np.bool_]
    arc_ptr: IndexArray
    arc_succ: IndexArray
    arc_kind: NDArray[np.int8]
    arc_lag: IntArray
    job: IndexArray | None = None
    num_jobs: int = 0
    release: IntArray | None = None
    due: IntArray | None = None
    deadline: IntArray | None = None
    weight: IntArray | None = None
    job_release: IntArray | None = None
    job_due: IntArray | None = None
    job_deadline: IntArray | None = None
    job_weight: IntArray | None = None
    transport: IntArray | None = None
    setup: Setup | None = None
    calendar: Calendar | None = None
    pause: NDArray[np.int8] | None = None
    blocking: bool = False
    no_wait: bool = False
    swap_allowed: bool = False
    permutation: bool = False
    fixed_start: IntArray | None = None
    fixed_mode: IndexArray | None = None
    now: int = 0
    objective: tuple[str, ...] = ("makespan",)
    meta: Metadata = field(default_factory=Metadata)

    def __post_init__(self) -> None:
        from makespan.instances.validate import freeze

        freeze(self)

    # -- sizes ---------------------------------------------------------------------------------

    @property
    def num_tasks(self) -> int:
        return self.mode_ptr.size - 1

    @property
    def num_modes(self) -> int:
        return self.duration.size

    @property
    def num_resources(self) -> int:
        return self.capacity.size

    @property
    def num_arcs(self) -> int:
        return self.arc_succ.size

    @property
    def name(self) -> str:
        return self.meta.name

    def derived(self, make: Callable[[Instance], T]) -> T:
        """``make(self)``, computed on the first call and kept: typed views, bounds, model sizes."""
        kept = self.__dict__.setdefault("_derived", {})
        if make not in kept:
            kept[make] = make(self)
        value: T = kept[make]
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        # Derived data stay behind; the arrays are locked again, since a writable one is another type to Numba.
        return _unpickle, ({item.name: getattr(self, item.name) for item in fields(self)},)

    # -- derived, computed once -----------------------------------------------------------------

    @cached_property
    def features(self) -> frozenset[str]:
        """The fields and shapes in use, keys of ``makespan.instances.features.FEATURES``."""
        from makespan.instances.features import features_of

        return features_of(self)

    @cached_property
    def arc_pred(self) -> IndexArray:
        """Shape (num_arcs,): the task each arc leaves."""
        pred = np.repeat(np.arange(self.num_tasks, dtype=np.int32), np.diff(self.arc_ptr))
        pred.setflags(write=False)
        return pred

    @cached_property
    def machine(self) -> IndexArray:
        """Shape (num_modes,): the lowest-numbered renewable resource of each mode, -1 if it has none."""
        mode = np.repeat(np.arange(self.num_modes), np.diff(self.demand_ptr))
        on_renewable = self.renewable[self.demand_resource]
        machine = np.full(self.num_modes, -1, np.int32)
        machine[mode[on_renewable][::-1]] = self.demand_resource[on_renewable][::-1]
        machine.setflags(write=False)
        return machine

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the canonical arrays, in hexadecimal; metadata do not enter."""
        sha = hashlib.sha256(b"makespan-instance-1")
        for item in fields(self):
            if item.name != "meta":
                _feed(sha, item.name, getattr(self, item.name))
        return sha.hexdigest()

    # -- words for people -----------------------------------------------------------------------

    def task_name(self, task: int) -> str:
        """The task's own name, or its number."""
        names = self.meta.task_names
        return names[task] if names else f"task {task}"

    def job_name(self, job: int) -> str:
        names = self.meta.job_names
        return names[job] if names else f"job {job}"

    def resource_name(self, resource: int) -> str:
        names = self.meta.resource_names
        return names[resource] if names else f"resource {resource}"

    # -- variants and constructors --------------------------------------------------------------

    def replace(self, **changes: Any) -> Instance:
        """A copy with some fields changed, validated again."""
        return replace(self, **changes)

    def named(self, name: str, source: str = "") -> Instance:
        """A copy under another name (arrays shared)."""
        return replace(self, meta=replace(self.meta, name=name, source=source or self.meta.source))

    @classmethod
    def from_lists(
        cls,
        modes: Sequence[Sequence[tuple[int, Sequence[tuple[int, int]] | Mapping[int, int]]]],
        capacity: ArrayLike,
        arcs: Sequence[Arc] = (),
        renewable: ArrayLike | None = None,
        **optional: Any,
    ) -> Instance:
        """From nested lists: ``modes[task]`` holds (duration, demands) with demands as (resource, amount)
        pairs or a mapping; an arc is (pred, succ) for ES with lag 0, or (pred, succ, kind, lag)."""
        from makespan.instances.build import from_lists

        return from_lists(modes, capacity, arcs, renewable, **optional)

    @classmethod
    def job_shop(
        cls,
        machines: Sequence[ArrayLike],
        durations: Sequence[ArrayLike],
        num_machines: int | None = None,
        **optional: Any,
    ) -> Instance:
        """``machines[job]`` and ``durations[job]`` in processing order; jobs may differ in length."""
        from makespan.instances.build import job_shop

        return job_shop(machines, durations, num_machines, **optional)

    @classmethod
    def job_shop_arrays(
        cls,
        job_ptr: ArrayLike,
        machine: ArrayLike,
        duration: ArrayLike,
        num_machines: int | None = None,
        **optional: Any,
    ) -> Instance:
        """Job shop from flat arrays, for large instances: operations of job j are ``job_ptr[j]`` to
        ``job_ptr[j + 1] - 1``. O(num_operations), no Python loop."""
        from makespan.instances.build import job_shop_arrays

        return job_shop_arrays(job_ptr, machine, duration, num_machines, **optional)

    @classmethod
    def flexible_job_shop(
        cls,
        jobs: Sequence[Sequence[Sequence[tuple[int, int]]]],
        num_machines: int | None = None,
        **optional: Any,
    ) -> Instance:
        """``jobs[job][operation]`` lists the (machine, duration) alternatives."""
        from makespan.instances.build import flexible_job_shop

        return flexible_job_shop(jobs, num_machines, **optional)

    @classmethod
    def flow_shop(cls, durations: ArrayLike, permutation: bool = True, **optional: Any) -> Instance:
        """``durations[job, machine]``; every job visits machines 0, 1, … in this order."""
        from makespan.instances.build import flow_shop

        return flow_shop(durations, permutation, **optional)

    @classmethod
    def open_shop(cls, durations: ArrayLike, **optional: Any) -> Instance:
        """``durations[job, machine]``, no order within a job. Resources: the machines, then one per job."""
        from makespan.instances.build import open_shop

        return open_shop(durations, **optional)

    @classmethod
    def rcpsp(
        cls,
        durations: ArrayLike,
        demands: ArrayLike,
        capacities: ArrayLike,
        successors: Sequence[Sequence[int]],
        lags: Sequence[Sequence[int]] | None = None,
        **optional: Any,
    ) -> Instance:
        """``demands[activity, resource]``; with ``lags`` the arcs are start to start (RCPSP/max), without
        them end to start with lag 0."""
        from makespan.instances.build import rcpsp

        return rcpsp(durations, demands, capacities, successors, lags, **optional)


def _feed(sha: Any, name: str, value: Any) -> None:
    if value is None:
        return
    sha.update(name.encode())
    if isinstance(value, np.ndarray):
        sha.update(f"{value.dtype.str}{value.shape}".encode())
        sha.update(np.ascontiguousarray(value).data)
    elif isinstance(value, Setup | Calendar):
        for item in fields(value):
            _feed(sha, item.name, getattr(value, item.name))
    else:
        sha.update(repr(value).encode())


def _unpickle(values: dict[str, Any]) -> Instance:
    for value in values.values():
        arrays = vars(value).values() if isinstance(value, Setup | Calendar) else (value,)
        for array in arrays:
            if isinstance(array, np.ndarray):
                array.setflags(write=False)
    instance = object.__new__(Instance)
    instance.__dict__.update(values)
    return instance
