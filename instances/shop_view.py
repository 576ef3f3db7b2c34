"""The job shop or flexible job shop inside an instance, as flat arrays for the compiled kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from makespan.instances.calendars import work_pieces
from makespan.instances.dates import deadlines, releases
from makespan.instances.features import unsupported
from makespan.instances.instance import HORIZON_LIMIT, OBJECTIVES, Instance, IntArray, T

SHOP_FEATURES = frozenset(
    {
        "multi_mode",
        "recirculation",
        "release",
        "due",
        "deadline",
        "weight",
        "transport",
        "setup",
        "calendar",
        "pause",
        "fixed",
        "now",
        "objective",
    }
)
"""Features of the instances that have a shop view. Blocking, no-wait and permutation shops have none: a schedule made
of this view need not keep them."""


@dataclass(frozen=True, eq=False)
class ShopView:
    """Operations numbered job by job, in processing order; all arrays int64 and read-only, absent fields empty.

    Jobs 0 to ``num_jobs - 1`` of the instance come first, under their own numbers; each chain of tasks without a job
    then counts as a job of its own, by its lowest task. Operations that take no time and have a mode without a machine
    keep that mode alone; those with a fixed mode keep it alone; those with a fixed start and free modes keep their
    shortest.

    Parameters
    ----------
    job_ptr
        Shape (num_jobs + 1,): operations of job j are ``job_ptr[j]`` to ``job_ptr[j + 1] - 1``.
    real_jobs
        How many of the jobs are jobs of the instance.
    task
        Shape (num_operations,): the task of each operation.
    mode_ptr
        Shape (num_operations + 1,): modes of operation o are ``mode_ptr[o]`` to ``mode_ptr[o + 1] - 1``.
    machine, duration, mode_in_task
        Shape (num_modes,): machine or -1, processing time, and the mode's number within its task.
    line_ptr
        Shape (num_machines + 1,): the sum of how many modes each machine has, running.
    release
        Shape (num_operations,): earliest start by the releases of task and job and by ``now``.
    task_release, task_due, task_weight, deadline
        Shape (num_operations,): of the task alone; ``deadline`` is the earlier one of task and job, empty if unused.
        HORIZON_LIMIT where there is none.
    job_release, job_due, job_weight
        Shape (num_jobs,).
    transport, setup_time
        Square matrices of the instance, (0, 0) if unused.
    family, first_family
        Shape (num_modes,), (num_machines,): setup families, -1 for none; empty if unused.
    window_ptr, window_begin, window_end, period
        CSR over machines of the windows in which a machine with a calendar is open, rising and apart; ``period`` is 0,
        or the windows repeat with it (the last may reach beyond the period, up to the repeated first). A machine that
        is always open has ``always_open`` set and no windows.
    always_open
        Shape (num_machines,): 1 or 0; empty if no machine has a calendar.
    pausable
        Shape (num_operations,): 1 or 0; empty if unused.
    fixed_start, fixed_end
        Shape (num_operations,): -1 where free; empty if unused. The end is HORIZON_LIMIT if the operation never ends.
    fixed_order
        The operations with a fixed start and a positive duration on a machine, by start.
    objective
        Positions in ``instance.OBJECTIVES``, most important first.
    """

    job_ptr: IntArray
    real_jobs: int
    task: IntArray
    mode_ptr: IntArray
    machine: IntArray
    duration: IntArray
    mode_in_task: IntArray
    line_ptr: IntArray
    release: IntArray
    task_release: IntArray
    task_due: IntArray
    task_weight: IntArray
    deadline: IntArray
    job_release: IntArray
    job_due: IntArray
    job_weight: IntArray
    transport: IntArray
    family: IntArray
    setup_time: IntArray
    first_family: IntArray
    window_ptr: IntArray
    window_begin: IntArray
    window_end: IntArray
    period: IntArray
    always_open: IntArray
    pausable: IntArray
    fixed_start: IntArray
    fixed_end: IntArray
    fixed_order: IntArray
    objective: IntArray

    def __post_init__(self) -> None:
        for item in fields(self):
            if item.name != "real_jobs":
                array = np.array(getattr(self, item.name), dtype=np.int64, order="C")
                array.setflags(write=False)
                object.__setattr__(self, item.name, array)

    def derived(self, make: Callable[[ShopView], T]) -> T:
        """``make(self)``, computed on the first call and kept, as ``Instance.derived``."""
        kept = self.__dict__.setdefault("_derived", {})
        if make not in kept:
            kept[make] = make(self)
        value: T = kept[make]
        return value

    @property
    def num_jobs(self) -> int:
        return self.job_ptr.size - 1

    @property
    def num_operations(self) -> int:
        return self.task.size

    @property
    def num_machines(self) -> int:
        return self.line_ptr.size - 1


def shop_view(instance: Instance) -> ShopView:
    """The shop view of an instance; take it as ``instance.derived(shop_view)``, which builds it once.

    Raises ValueError naming the features that are not a job shop's. O(n log n), without a Python loop over tasks
    (except over fixed tasks that pause).
    """
    refusal = unsupported(instance, SHOP_FEATURES, "the job shop view")
    if refusal:
        raise ValueError(refusal)
    task, job_ptr = _operations(instance)
    source, mode_ptr = _modes(instance, task)
    machine, duration = instance.machine[source].astype(np.int64), instance.duration[source]
    fixed_start, fixed_end, fixed_order = _fixed(instance, task, source[mode_ptr[:-1]])
    window_ptr, window_begin, window_end, period, always_open = _windows(instance)
    setup, nothing, no_matrix = instance.setup, np.zeros(0, np.int64), np.zeros((0, 0), np.int64)
    return ShopView(
        job_ptr=job_ptr,
        real_jobs=instance.num_jobs,
        task=task,
        mode_ptr=mode_ptr,
        machine=machine,
        duration=duration,
        mode_in_task=source - np.repeat(instance.mode_ptr[task], np.diff(mode_ptr)),
        line_ptr=_running_sum(np.bincount(machine[machine >= 0], minlength=instance.num_resources)),
        release=np.maximum(releases(instance), instance.now)[task],
        task_release=_per_task(instance, instance.release, 0)[task],
        task_due=_per_task(instance, instance.due, HORIZON_LIMIT)[task],
        task_weight=_per_task(instance, instance.weight, 1)[task],
        deadline=deadlines(instance)[task] if "deadline" in instance.features else nothing,
        job_release=_per_job(instance.job_release, job_ptr.size - 1, 0),
        job_due=_per_job(instance.job_due, job_ptr.size - 1, HORIZON_LIMIT),
        job_weight=_per_job(instance.job_weight, job_ptr.size - 1, 1),
        transport=no_matrix if instance.transport is None or instance.job is None else instance.transport,
        family=nothing if setup is None else setup.family[source].astype(np.int64),
        setup_time=no_matrix if setup is None else setup.time,
        first_family=nothing if setup is None else setup.initial.astype(np.int64),
        window_ptr=window_ptr,
        window_begin=window_begin,
        window_end=window_end,
        period=period,
        always_open=always_open,
        pausable=nothing if instance.pause is None else (instance.pause[task] > 0).astype(np.int64),
        fixed_start=fixed_start,
        fixed_end=fixed_end,
        fixed_order=fixed_order,
        objective=_objective(instance),
    )


def _running_sum(counts: NDArray[np.integer]) -> IntArray:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)))


def _objective(instance: Instance) -> IntArray:
    return np.array([OBJECTIVES.index(name) for name in instance.objective], np.int64)


def _operations(instance: Instance) -> tuple[IntArray, IntArray]:
    """Tasks in the order of operations, and where each job begins."""
    n, pred, succ = instance.num_tasks, instance.arc_pred, instance.arc_succ
    job = np.full(n, -1, np.int64) if instance.job is None else instance.job.astype(np.int64)
    in_order = n > 0 and job[0] >= 0 and bool((np.diff(job) >= 0).all() and (succ == pred + 1).all())
    if in_order:
        return np.arange(n), _running_sum(np.bincount(job, minlength=instance.num_jobs))
    head, rank = _chains(instance)
    alone = job < 0
    lowest = np.full(n, n)
    np.minimum.at(lowest, head, np.arange(n))
    labels, number = np.unique(lowest[head][alone], return_inverse=True)
    job[alone] = instance.num_jobs + number
    counts = np.bincount(job, minlength=instance.num_jobs + labels.size)
    return np.lexsort((rank, job)), _running_sum(counts)


def _chains(instance: Instance) -> tuple[IntArray, IntArray]:
    """First task of each task's chain, and the task's position in it. Pointer doubling, O(n log n)."""
    n = instance.num_tasks
    before = np.arange(n)
    before[instance.arc_succ] = instance.arc_pred
    rank = (before != np.arange(n)).astype(np.int64)
    for _ in range(max(1, n).bit_length()):
        rank = rank + rank[before]
        before = before[before]
    return before, rank


def _modes(instance: Instance, task: IntArray) -> tuple[IntArray, IntArray]:
    """The instance's mode behind each mode of the view, and where the modes of each operation begin."""
    first, count = instance.mode_ptr[:-1].astype(np.int64)[task], np.diff(instance.mode_ptr)[task].astype(np.int64)
    if (count == 1).all():
        return first, np.arange(task.size + 1)
    operation = np.repeat(np.arange(task.size), count)
    source = np.arange(operation.size) + np.repeat(first - _running_sum(count)[:-1], count)
    if instance.fixed_mode is not None:
        wanted = instance.fixed_mode[task]
        allowed = np.repeat(wanted < 0, count) | (source == np.repeat(first + wanted, count))
        operation, source = operation[allowed], source[allowed]
    on_machine = instance.machine[source] >= 0
    one_mode = np.zeros(task.size, np.bool_)
    one_mode[operation[~on_machine]] = True
    if instance.fixed_start is not None:
        one_mode |= instance.fixed_start[task] >= 0
    cost = np.where(on_machine, instance.duration[source], -1)
    order = np.lexsort((source, cost, operation))
    cheapest = order[_begins_group(operation[order])]
    keep = ~one_mode[operation]
    keep[cheapest] = True
    return source[keep], _running_sum(np.bincount(operation[keep], minlength=task.size))


def _begins_group(values: IntArray) -> NDArray[np.bool_]:
    begins = np.ones(values.size, np.bool_)
    begins[1:] = values[1:] != values[:-1]
    return begins


def _per_task(instance: Instance, values: IntArray | None, absent: int) -> IntArray:
    return np.full(instance.num_tasks, absent, np.int64) if values is None else values


def _per_job(values: IntArray | None, num_jobs: int, absent: int) -> IntArray:
    full = np.full(num_jobs, absent, np.int64)
    if values is not None:
        full[: values.size] = values
    return full


def _windows(instance: Instance) -> tuple[IntArray, IntArray, IntArray, IntArray, IntArray]:
    """Open windows of each machine, in the form ShopView describes."""
    calendar, begin, end, counts = instance.calendar, list[int](), list[int](), list[int]()
    nothing = np.zeros(0, np.int64)
    if calendar is None:
        return np.zeros(1, np.int64), nothing, nothing, nothing, nothing
    always_open = np.zeros(instance.num_resources, np.int64)
    for k in range(instance.num_resources):
        low, high, period = int(calendar.ptr[k]), int(calendar.ptr[k + 1]), int(calendar.period[k])
        is_open = calendar.capacity[low:high] > 0
        windows = _merged(calendar.time[low:high], is_open, period or HORIZON_LIMIT)
        if is_open.all():
            always_open[k], windows = 1, []
        elif period and len(windows) > 1 and windows[0][0] == 0 and windows[-1][1] == period:
            windows[-1] = (windows[-1][0], period + windows[0][1])
            del windows[0]
        counts.append(len(windows))
        begin.extend(window[0] for window in windows)
        end.extend(window[1] for window in windows)
    return _running_sum(np.array(counts)), np.array(begin), np.array(end), calendar.period, always_open


def _merged(points: IntArray, is_open: NDArray[np.bool_], until: int) -> list[tuple[int, int]]:
    """Maximal runs of open pieces."""
    change = np.diff(is_open.astype(np.int8), prepend=0, append=0)
    edges = np.append(points, until)
    return list(zip(edges[change > 0].tolist(), edges[change < 0].tolist(), strict=True))


def _fixed(instance: Instance, task: IntArray, mode: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Start and end of each fixed operation in its one mode, and those that hold a machine by their start."""
    if instance.fixed_start is None:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing
    start = instance.fixed_start[task]
    end = np.where(start >= 0, start + instance.duration[mode], -1)
    if instance.pause is not None:
        for o in np.flatnonzero((start >= 0) & (instance.pause[task] > 0)).tolist():
            try:
                pieces = work_pieces(instance, int(task[o]), int(mode[o]), int(start[o]))
            except ValueError:
                end[o] = HORIZON_LIMIT
            else:
                end[o] = pieces[-1][1] if pieces else end[o]
    holds = np.flatnonzero((start >= 0) & (end > start) & (instance.machine[mode] >= 0))
    return start, end, holds[np.argsort(start[holds], kind="stable")]
