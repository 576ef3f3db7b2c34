"""check(instance, schedule): every constraint that is broken, by kind, task, resource and amount.

The rules are those of ``makespan.instances.instance``; nothing here is shared with a solver. Memory stays bounded
whatever the schedule: of each kind at most ``LISTED`` violations are listed, then one that counts the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makespan.instances import check_resources
from makespan.instances.calendars import work_pieces
from makespan.instances.instance import ARC_KINDS, ES, HORIZON_LIMIT, SE, Instance, IntArray
from makespan.instances.schedule import Schedule, job_end

LISTED = 1000
"""Violations listed per kind."""

KINDS = {
    "shape": "a start and a mode for every task",
    "mode": "modes that exist",
    "start": "starts at or after time 0",
    "horizon": "no time beyond 2**53",
    "pause": "a pausable task starts in working time and can end",
    "now": "tasks without a fixed start start at or after now",
    "fixed_start": "fixed starts",
    "fixed_mode": "fixed modes",
    "release": "release dates of tasks and jobs",
    "deadline": "deadlines of tasks and jobs",
    "precedence": "arcs with their lags and transport times",
    "no_wait": "no waiting between the operations of a job",
    "capacity": "occupying tasks within the capacity of each renewable resource",
    "calendar": "running tasks within the capacity profile of each renewable resource",
    "nonrenewable": "chosen modes within the capacity of each nonrenewable resource",
    "setup": "setup times",
    "swap": "no exchange of resources in a closed circle",
    "permutation": "one job order on all machines",
}


@dataclass(frozen=True)
class Violation:
    """One broken constraint.

    Parameters
    ----------
    kind
        A key of KINDS.
    message
        A sentence with the names of the task and resource.
    task, other, resource
        Whom it concerns, None where there is nobody; ``other`` is the second task of a pair (the pred of an arc, the
        task that came before).
    amount
        By how much it is broken, in units of time or of the resource.
    """

    kind: str
    message: str
    task: int | None = None
    other: int | None = None
    resource: int | None = None
    amount: int = 0


def check(instance: Instance, schedule: Schedule) -> list[Violation]:
    """Every broken constraint; an empty list means the schedule is feasible.

    A schedule whose numbers have no meaning (wrong shape, unknown mode, time below 0 or above 2**53, a pausable task
    that never ends) is reported for that alone. O(n log n) and no Python loop over tasks, except over pausable ones and
    over jobs that move at one instant in a blocking shop without swaps. There the cost is exponential in the number of
    jobs that move at one instant through full resources of capacity above 1.
    """
    found = Report()
    plan = _plan(instance, schedule, found)
    if plan is not None:
        for feature, test in _TESTS:
            if feature is None or feature in instance.features:
                test(plan, found)
    return found.violations


class Report:
    """Collects violations, at most ``limit`` of a kind."""

    limit = LISTED

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    def add(
        self,
        kind: str,
        amount: IntArray,
        message: Callable[[int], str],
        task: NDArray[np.integer] | None = None,
        other: NDArray[np.integer] | None = None,
        resource: NDArray[np.integer] | None = None,
    ) -> None:
        """One violation for each positive ``amount``; the arrays beside it say whom it concerns (-1: nobody)."""
        where = np.flatnonzero(amount > 0)
        if not where.size:
            return
        for i in where[: self.limit].tolist():
            first, second, on = (
                None if array is None or array[i] < 0 else int(array[i]) for array in (task, other, resource)
            )
            self.violations.append(Violation(kind, message(i), first, second, on, int(amount[i])))
        if where.size > self.limit:
            self.violations.append(Violation(kind, f"{where.size - self.limit} more of this kind"))

    def has(self, kind: str) -> bool:
        return any(violation.kind == kind for violation in self.violations)


@dataclass(frozen=True)
class Plan:
    """A schedule with what follows from it.

    ``task`` counts the tasks; ``mode`` indexes ``instance.duration``; ``leave`` is when a task stops occupying its
    resources; ``pieces`` holds the windows in which each pausable task runs. Per arc: ``travel``, the transport time
    (length 1 where there is none), and ``slack``, by how much the arc is met (negative where broken).
    """

    instance: Instance
    task: IntArray
    mode: IntArray
    start: IntArray
    end: IntArray
    leave: IntArray
    pieces: dict[int, list[tuple[int, int]]]
    travel: IntArray
    slack: IntArray


def _plan(instance: Instance, schedule: Schedule, found: Report) -> Plan | None:
    """The plan, or None when the schedule's numbers have no meaning."""
    n, start, mode, name = instance.num_tasks, schedule.start, schedule.mode, instance.task_name
    for what, given in (("starts", start), ("modes", mode)):
        if given.shape != (n,):
            found.violations.append(Violation("shape", f"{what} of shape {given.shape}, expected ({n},)"))
    if found.violations:
        return None

    task = np.arange(n)
    unknown = mode != 0 if instance.num_modes == n else (mode < 0) | (mode >= np.diff(instance.mode_ptr))
    found.add("mode", unknown.astype(np.int64), lambda i: f"{name(i)} has no mode {mode[i]}", task)
    found.add("start", -start, lambda i: f"{name(i)} starts at {start[i]}", task)
    if found.violations:
        return None

    index = schedule.mode_index(instance)
    duration = instance.duration[index]
    beyond = start - (HORIZON_LIMIT - duration)
    found.add("horizon", beyond, lambda i: f"{name(i)} starts at {start[i]} and ends beyond 2**53", task)
    if found.violations:
        return None

    end = start + duration
    pieces: dict[int, list[tuple[int, int]]] = {}
    if instance.pause is not None and not _pauses(instance, start, index, end, pieces, found):
        return None
    travel = _travel(instance, index)
    leave = _leave(instance, start, end, travel) if instance.blocking else end
    return Plan(instance, task, index, start, end, leave, pieces, travel, _slack(instance, start, end, travel))


def _pauses(
    instance: Instance,
    start: IntArray,
    mode: IntArray,
    end: IntArray,
    pieces: dict[int, list[tuple[int, int]]],
    found: Report,
) -> bool:
    """Fill ``pieces`` and put ``end`` right for the pausable tasks; False if one of them never ends."""
    assert instance.pause is not None
    wait = np.zeros(instance.num_tasks, np.int64)
    endless = np.zeros(instance.num_tasks, np.int64)
    for task in np.flatnonzero(instance.pause).tolist():
        try:
            pieces[task] = work_pieces(instance, task, int(mode[task]), int(start[task]))
        except ValueError:
            endless[task] = 1
            continue
        if pieces[task]:
            wait[task] = pieces[task][0][0] - start[task]
            end[task] = pieces[task][-1][1]
    each, name = np.arange(start.size), instance.task_name
    found.add("pause", wait, lambda i: f"{name(i)} starts at {start[i]}, in a break until {start[i] + wait[i]}", each)
    found.add("pause", endless, lambda i: f"{name(i)} starts at {start[i]} but its calendars stay closed", each)
    return not endless.any()


def _travel(instance: Instance, mode: IntArray) -> IntArray:
    """The transport time that each arc adds to its lag."""
    if instance.transport is None or instance.job is None:
        return np.zeros(1, np.int64)
    pred, succ = instance.arc_pred, instance.arc_succ
    origin, target = instance.machine[mode[pred]], instance.machine[mode[succ]]
    moves = (instance.arc_kind == ES) & (instance.job[pred] == instance.job[succ]) & (instance.job[pred] >= 0)
    moves &= (origin >= 0) & (target >= 0)
    return np.where(moves, instance.transport[origin, target], 0)


def _slack(instance: Instance, start: IntArray, end: IntArray, travel: IntArray) -> IntArray:
    pred, succ = instance.arc_pred, instance.arc_succ
    if "time_lag" not in instance.features:
        return start[succ] - end[pred] - travel
    source = np.where(instance.arc_kind >= ES, end[pred], start[pred])  # ES, EE
    target = np.where(instance.arc_kind % 2 == SE, end[succ], start[succ])  # SE, EE
    return target - source - instance.arc_lag - travel


def _leave(instance: Instance, start: IntArray, end: IntArray, travel: IntArray) -> IntArray:
    leave = end.copy()
    follows = instance.arc_kind == ES
    pred = instance.arc_pred[follows]
    leave[pred] = np.maximum(end[pred], (start[instance.arc_succ] - travel)[follows])
    return leave


# -- constraints on dates and arcs; those on resources are in check_resources -----------------------


def _now(plan: Plan, found: Report) -> None:
    instance, start = plan.instance, plan.start
    early = instance.now - start
    if instance.fixed_start is not None:
        early = np.where(instance.fixed_start >= 0, 0, early)
    name = instance.task_name
    found.add("now", early, lambda i: f"{name(i)} starts at {start[i]}, before now ({instance.now})", plan.task)


def _fixed(plan: Plan, found: Report) -> None:
    instance, start, name = plan.instance, plan.start, plan.instance.task_name
    time, mode = instance.fixed_start, instance.fixed_mode
    if time is not None:
        off = np.where(time >= 0, np.abs(start - time), 0)
        found.add("fixed_start", off, lambda i: f"{name(i)} starts at {start[i]}, fixed is {time[i]}", plan.task)
    if mode is not None:
        chosen = plan.mode - instance.mode_ptr[:-1]
        wrong = ((mode >= 0) & (chosen != mode)).astype(np.int64)
        found.add("fixed_mode", wrong, lambda i: f"{name(i)} runs in mode {chosen[i]}, fixed is {mode[i]}", plan.task)


def _release(plan: Plan, found: Report) -> None:
    instance, start, name = plan.instance, plan.start, plan.instance.task_name
    earliest = np.zeros(instance.num_tasks, np.int64) if instance.release is None else instance.release
    if instance.job_release is not None and instance.job is not None:
        earliest = np.maximum(earliest, np.where(instance.job >= 0, instance.job_release[instance.job], 0))
    found.add(
        "release",
        earliest - start,
        lambda i: f"{name(i)} starts at {start[i]}, before its release at {earliest[i]}",
        plan.task,
    )


def _deadline(plan: Plan, found: Report) -> None:
    instance, end = plan.instance, plan.end
    if (latest := instance.deadline) is not None:
        found.add(
            "deadline",
            end - latest,
            lambda i: f"{instance.task_name(i)} ends at {end[i]}, after its deadline {latest[i]}",
            plan.task,
        )
    if (due := instance.job_deadline) is not None and (job := instance.job) is not None:
        done = job_end(instance, end)
        last = np.full(instance.num_jobs, -1)
        closes = np.flatnonzero((job >= 0) & (end == done[job]))
        last[job[closes]] = closes
        found.add(
            "deadline",
            done - due,
            lambda j: f"{instance.job_name(j)} ends at {done[j]}, after its deadline {due[j]}",
            last,
        )


def _precedence(plan: Plan, found: Report) -> None:
    instance, name, slack = plan.instance, plan.instance.task_name, plan.slack
    pred, succ = instance.arc_pred, instance.arc_succ
    found.add(
        "precedence",
        -slack,
        lambda a: (
            f"{name(succ[a])} comes {-slack[a]} too early after {name(pred[a])} ({ARC_KINDS[instance.arc_kind[a]]} arc)"
        ),
        succ,
        pred,
    )


def _no_wait(plan: Plan, found: Report) -> None:
    instance, name, slack = plan.instance, plan.instance.task_name, plan.slack
    pred, succ = instance.arc_pred, instance.arc_succ
    wait = np.where(instance.arc_kind == ES, slack, 0)
    found.add("no_wait", wait, lambda a: f"{name(succ[a])} waits {wait[a]} after {name(pred[a])}", succ, pred)


_TESTS: tuple[tuple[str | None, Callable[[Plan, Report], None]], ...] = (
    ("now", _now),
    ("fixed", _fixed),
    ("release", _release),
    ("deadline", _deadline),
    (None, _precedence),
    ("no_wait", _no_wait),
    (None, check_resources.capacity),
    ("calendar", check_resources.calendar),
    ("nonrenewable", check_resources.nonrenewable),
    ("setup", check_resources.setup),
    ("blocking", check_resources.swap),
    ("permutation", check_resources.permutation),
)
