"""Rescheduling: an instance that starts from a half-executed plan and lets as little change as asked.

A pure transform: what must stay becomes ``fixed_start``, ``fixed_mode``, ``now``, release dates, deadlines and arcs of
the instance, so that every solver that handles these fields reschedules and ``check`` tells whether it kept to it.
Whatever the plan and the new data contradict each other in is left for the solver, which answers *infeasible*.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makespan.instances.calendars import work_pieces
from makespan.instances.instance import (
    ES,
    HORIZON_LIMIT,
    PAUSE_RELEASES,
    SS,
    IndexArray,
    Instance,
    IntArray,
)
from makespan.instances.schedule import Schedule

NO_PLAN = -1
"""Start and mode of a task that the plan does not know."""

KEEP = {
    "modes": "every task keeps its mode, that is its machine",
    "order": "modes, and the order of the planned tasks on every machine of capacity 1",
}


def replan(
    instance: Instance,
    plan: Schedule,
    now: int,
    *,
    freeze_until: int | None = None,
    keep: str | Collection[str] = (),
    max_shift: int | None = None,
    not_started: Collection[int] = (),
) -> Instance:
    """The instance with what has happened by ``now``, and what must stay of the plan.

    Tasks that the plan starts before ``now`` (before ``freeze_until``, if given) keep start and mode; all others start
    at or after ``now``. Starts and modes that the instance fixes itself count more than the plan's: so an actual start
    is told. O(size of the instance).

    Parameters
    ----------
    instance
        The instance as it is now; its calendars, durations and tasks may differ from those that were planned.
    plan
        Start and mode of every task, NO_PLAN for tasks that it does not know (see ``plan_by_name``).
    now, freeze_until
        ``instance.now`` <= now <= freeze_until.
    keep
        Names from KEEP. The order is kept by arcs between neighbours on a machine; new tasks go in between.
    max_shift
        >= 0: no planned task starts more than this before or after its planned start. A task that may still change its
        mode ends at the latest when it would if it started that much later in its planned mode.
    not_started
        Tasks that the plan starts before ``now`` but that did not start; they are planned anew.

    Raises
    ------
    ValueError
        If the plan does not fit the instance, an argument is out of range, ``order`` is to be kept in a shop with
        blocking, no-wait or permutation (whose jobs must stay chains), or ``max_shift`` would change the flow time of
        tasks without a job, which counts from their release.
    """
    until = now if freeze_until is None else freeze_until
    names = {keep} if isinstance(keep, str) else set(keep)
    _check_arguments(instance, now, until, names, max_shift, not_started)
    _check_plan(instance, plan)
    planned = plan.start != NO_PLAN
    frozen = planned & (plan.start < until)
    frozen[list(not_started)] = False

    fixed_start = np.where(frozen, plan.start, -1)
    if instance.fixed_start is not None:
        fixed_start = np.where(instance.fixed_start >= 0, instance.fixed_start, fixed_start)
    fixed_mode = np.where(planned if names else frozen, plan.mode, -1)
    if instance.fixed_mode is not None:
        fixed_mode = np.where(instance.fixed_mode >= 0, instance.fixed_mode, fixed_mode)
    changed = instance.replace(now=now, fixed_start=fixed_start, fixed_mode=fixed_mode)
    if max_shift is not None:
        changed = _with_windows(changed, plan, planned & (fixed_start < 0), max_shift)
    if "order" in names:
        actual = np.where(fixed_start >= 0, fixed_start, np.maximum(plan.start, now))
        rank = np.argsort(np.lexsort((plan.start, actual)))  # what was due and did not start comes next
        changed = _with_order(changed, rank, planned)
    return changed


def plan_by_name(instance: Instance, plan: Schedule, names: Sequence[str] | None) -> Schedule:
    """A plan for other tasks, made one for the tasks of ``instance``.

    ``names`` are those of the tasks that ``plan`` is for. Tasks are matched by name where both sides have names,
    otherwise by number; a task that the plan does not know gets NO_PLAN, one that the instance no longer has is
    dropped.

    Raises
    ------
    ValueError
        If there are no names and the numbers of tasks differ, or if a name stands for two tasks.
    """
    own = instance.meta.task_names
    if own is None or names is None:
        if plan.start.size != instance.num_tasks:
            raise ValueError(
                f"plan: found {plan.start.size} tasks, expected {instance.num_tasks} as in the instance; only with "
                "names on both sides may tasks come and go"
            )
        return plan
    if tuple(names) == own:
        return plan
    for side, listed in (("plan", names), ("instance", own)):
        twice = [name for name, count in Counter(listed).items() if count > 1]
        if twice:
            raise ValueError(f"plan: the {side} has two tasks named {twice[0]!r}, expected names that tell them apart")
    place = {name: i for i, name in enumerate(names)}
    source = np.array([place.get(name, -1) for name in own], np.int64)
    known = source >= 0
    if not known.any():
        raise ValueError(f"plan: no task is named as in the instance, whose first is {own[0]!r}")
    start, mode = np.full(source.size, NO_PLAN), np.full(source.size, NO_PLAN)
    start[known], mode[known] = plan.start[source[known]], plan.mode[source[known]]
    return Schedule(start, mode)


@dataclass(frozen=True)
class Changes:
    """How a schedule differs from the plan.

    Parameters
    ----------
    planned, new
        Tasks that the plan knows, and the others.
    started
        Planned tasks with another start; ``total_shift`` and ``largest_shift`` add up and compare how far they moved.
    mode
        Planned tasks in another mode.
    position
        Planned tasks with another place in the sequence of planned tasks on a machine of capacity 1, or on another one.
    """

    planned: int
    new: int
    started: int
    mode: int
    position: int
    total_shift: int
    largest_shift: int

    def __str__(self) -> str:
        if not (self.started or self.mode or self.position):
            kept = f"all {self.planned} planned tasks stay as they were"
        else:
            kept = (
                f"of {self.planned} planned tasks {self.started} start at another time (shift {self.total_shift} in "
                f"all, {self.largest_shift} at most), {self.mode} in another mode, {self.position} at another place "
                "on their machine"
            )
        return kept + (f"; {self.new} new" if self.new else "")


def changes(instance: Instance, plan: Schedule, schedule: Schedule) -> Changes:
    """How ``schedule`` differs from ``plan`` (NO_PLAN where there is none). O(n log n)."""
    planned = plan.start != NO_PLAN
    shift = np.abs(schedule.start - plan.start)[planned]
    other_mode = planned & (schedule.mode != plan.mode)
    before, after = (_ranks(instance, each.start, each.mode_index(instance), planned) for each in (plan, schedule))
    moved = {task for task in before.keys() | after.keys() if before.get(task) != after.get(task)}
    return Changes(
        planned=int(planned.sum()),
        new=int((~planned).sum()),
        started=int((shift > 0).sum()),
        mode=int(other_mode.sum()),
        position=len(moved),
        total_shift=int(shift.sum()),
        largest_shift=int(shift.max(initial=0)),
    )


# -- what the caller may get wrong -------------------------------------------------------------------


def _check_arguments(
    instance: Instance,
    now: int,
    until: int,
    names: set[str],
    max_shift: int | None,
    not_started: Collection[int],
) -> None:
    if not instance.now <= now <= HORIZON_LIMIT:
        raise ValueError(f"now: found {now}, expected {instance.now} (now of the instance) or later")
    if not now <= until <= HORIZON_LIMIT:
        raise ValueError(f"freeze_until: found {until}, expected {now} (now) or later")
    for name in sorted(names - set(KEEP)):
        raise ValueError(f"keep: found {name!r}, expected {' or '.join(KEEP)}")
    if max_shift is not None and not 0 <= max_shift <= HORIZON_LIMIT:
        raise ValueError(f"max_shift: found {max_shift}, expected 0 or more")
    for task in not_started:
        if not 0 <= task < instance.num_tasks:
            raise ValueError(f"not_started: found task {task}, expected 0 to {instance.num_tasks - 1}")
    chained = [name for name in ("blocking", "no_wait", "permutation") if getattr(instance, name)]
    if "order" in names and chained:
        raise ValueError(f"keep: order puts arcs between jobs, which an instance with {chained[0]} does not take")
    alone = instance.job is None or bool((instance.job < 0).any())
    if max_shift is not None and alone and "flow_time" in instance.objective:
        raise ValueError("max_shift: moves releases, from which flow_time counts for tasks without a job")


def _check_plan(instance: Instance, plan: Schedule) -> None:
    n = instance.num_tasks
    for what, values in (("starts", plan.start), ("modes", plan.mode)):
        if values.shape != (n,):
            raise ValueError(f"plan: found {values.size} {what}, expected {n} as in the instance")
    num_modes = np.diff(instance.mode_ptr)
    planned = plan.start != NO_PLAN
    bad = planned & ((plan.mode < 0) | (plan.mode >= num_modes))
    for task in np.flatnonzero(bad)[:1].tolist():
        raise ValueError(
            f"plan: found mode {plan.mode[task]} of {instance.task_name(task)}, expected 0 to {num_modes[task] - 1}"
        )
    bad = planned & ((plan.start < 0) | (plan.start > HORIZON_LIMIT))
    for task in np.flatnonzero(bad)[:1].tolist():
        raise ValueError(f"plan: found start {plan.start[task]} of {instance.task_name(task)}, expected 0 to 2**53")


# -- what stays of the plan, as fields ---------------------------------------------------------------


def _with_windows(instance: Instance, plan: Schedule, free: NDArray[np.bool_], max_shift: int) -> Instance:
    """Release dates and deadlines that keep the ``free`` tasks within ``max_shift`` of their planned starts."""
    earliest = np.where(free, np.maximum(plan.start - max_shift, 0), 0)
    latest = np.full(instance.num_tasks, HORIZON_LIMIT)
    for task in np.flatnonzero(free).tolist():
        mode = int(instance.mode_ptr[task] + plan.mode[task])
        latest[task] = _latest_end(instance, task, mode, int(plan.start[task]) + max_shift)
    release = earliest if instance.release is None else np.maximum(instance.release, earliest)
    deadline = latest if instance.deadline is None else np.minimum(instance.deadline, latest)
    return instance.replace(release=release, deadline=deadline)


def _latest_end(instance: Instance, task: int, mode: int, start: int) -> int:
    """The deadline that allows a task every start up to ``start``, and in this mode no later one.

    A pausable task ends the later the later it starts: where ``start`` lies in a break, what starts before it ends
    before what starts after it.
    """
    if start >= HORIZON_LIMIT:
        return HORIZON_LIMIT
    try:
        pieces = work_pieces(instance, task, mode, start)
    except ValueError:  # whatever starts later never ends
        return HORIZON_LIMIT
    if not pieces:
        return start
    end = pieces[-1][1] - (pieces[0][0] > start)
    return min(end, HORIZON_LIMIT)


def _with_order(instance: Instance, rank: IntArray, planned: NDArray[np.bool_]) -> Instance:
    """Arcs from each planned task to the next one, in the order of ``rank``, on every machine of capacity 1.

    End to start says most to a solver. But a task may run in a pause of another, and an end-to-start arc within a job
    takes its transport time: there the starts are kept in order, and the capacity does the rest.
    """
    if instance.fixed_mode is None:  # nothing is planned
        return instance
    mode = Schedule(rank, np.maximum(instance.fixed_mode, 0)).mode_index(instance)
    pred, succ = _neighbours(*_sequence(instance, rank, mode, planned))
    by_starts = np.zeros(pred.size, np.bool_)
    if instance.pause is not None:
        by_starts |= instance.pause[pred] == PAUSE_RELEASES
    if instance.transport is not None and instance.job is not None:
        by_starts |= (instance.job[pred] == instance.job[succ]) & (instance.job[pred] >= 0)
    kind = np.where(by_starts, SS, ES)
    order = np.argsort(np.concatenate((instance.arc_pred, pred)), kind="stable")
    count = np.bincount(np.concatenate((instance.arc_pred, pred)), minlength=instance.num_tasks)
    return instance.replace(
        arc_ptr=np.concatenate(([0], np.cumsum(count))),
        arc_succ=np.concatenate((instance.arc_succ, succ))[order],
        arc_kind=np.concatenate((instance.arc_kind, kind))[order],
        arc_lag=np.concatenate((instance.arc_lag, np.zeros(pred.size, np.int64)))[order],
    )


def _sequence(
    instance: Instance, key: IntArray, mode: IntArray, planned: NDArray[np.bool_]
) -> tuple[IndexArray, IntArray]:
    """(resource, task) of every use of a renewable resource of capacity 1 by a planned task, by resource and key."""
    of_demand = np.repeat(np.arange(instance.num_modes), np.diff(instance.demand_ptr))
    task_of = np.full(instance.num_modes, -1)
    task_of[mode[planned]] = np.flatnonzero(planned)
    task, resource = task_of[of_demand], instance.demand_resource
    unary = instance.renewable & (instance.capacity == 1)
    used = (task >= 0) & unary[resource] & (instance.duration[of_demand] > 0)
    task, resource = task[used], resource[used]
    order = np.lexsort((task, key[task], resource))
    return resource[order], task[order]


def _neighbours(resource: IndexArray, task: IntArray) -> tuple[IntArray, IntArray]:
    together = resource[1:] == resource[:-1]
    return task[:-1][together], task[1:][together]


def _ranks(
    instance: Instance, start: IntArray, mode: IntArray, planned: NDArray[np.bool_]
) -> dict[int, list[tuple[int, int]]]:
    """For each task its machines, and its place on each of them among the planned tasks."""
    ranks: dict[int, list[tuple[int, int]]] = {}
    seen: Counter[int] = Counter()
    for resource, task in zip(*(each.tolist() for each in _sequence(instance, start, mode, planned)), strict=True):
        ranks.setdefault(task, []).append((resource, seen[resource]))
        seen[resource] += 1
    return ranks
