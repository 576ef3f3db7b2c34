"""The critical tasks of a schedule, and the slack of all others.

The slack of a task is how much later it may start, with modes and all sequences kept and the other tasks making way,
before the first objective gets worse or a deadline breaks; a task without slack is critical. Kept are:

* every arc with its lag and travel time, in both directions where jobs may not wait;
* on a resource of capacity 1 the sequence of its tasks, with setups and, in blocking shops, the hold of the one before;
* on a resource of larger capacity a hand-over of units: each task takes the units that have been free longest, and
  those who gave them stay before it. This is one of several hand-overs (Artigues, Michelon & Reusser 2003, European
  Journal of Operational Research 149, 249-267), so that another may allow more slack there;
* calendars of the resources: a shifted task still runs in open time and pauses where it may. Where a profile only
  narrows, each task counts alone, which may overstate the slack.

Fixed starts do not stop a shift: the slack says what delay the plan would bear. Relations that the schedule itself
breaks are left out, so that slack is never negative.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makespan.instances.calendars import open_windows
from makespan.instances.gantt.pieces import Plan, next_in_chain, plan_of, successions, travel_times, within_job
from makespan.instances.instance import ES, HORIZON_LIMIT, SE, SS, Instance, IntArray
from makespan.instances.schedule import Schedule, job_end

_MOST_WINDOWS = 100_000  # open windows per calendar; beyond, a shifted task keeps its elapsed length instead


def critical_tasks(instance: Instance, schedule: Schedule) -> tuple[NDArray[np.bool_], IntArray]:
    """Which tasks are critical, and the slack of every task; see the module docstring for the meaning.

    Returns
    -------
    critical
        Shape (num_tasks,): slack is 0. Without calendars, lags or waiting by choice they form at least one unbroken
        chain to the end of the schedule.
    slack
        Shape (num_tasks,) int64: >= 0, in the unit of the instance.

    Cost O((tasks + arcs + demands) log tasks), about two seconds for 100 000 operations; several sweeps where relations
    run backwards in time (maximal lags, no-wait). Raises ValueError if the schedule does not fit the instance.
    """
    plan = plan_of(instance, schedule)
    slack = _latest_starts(instance, plan) - plan.start
    return slack == 0, slack


@dataclass(frozen=True, eq=False)
class _Relations:
    """Arc-like relations (m,): a point of succ lies at least ``lag`` after a point of pred; kinds as in Instance."""

    pred: IntArray
    succ: IntArray
    kind: IntArray
    lag: IntArray


def _relations(instance: Instance, plan: Plan) -> _Relations:
    arc_lag = instance.arc_lag + travel_times(instance, plan.mode)
    found = [_table(instance.arc_pred, instance.arc_succ, instance.arc_kind, arc_lag)]
    _, before, after, setup = successions(instance, plan)
    direct = before >= 0
    before, after, setup = before[direct], after[direct], setup[direct]
    found.append(_table(before, after, ES, setup))
    if instance.blocking or instance.no_wait:
        following, travel = next_in_chain(instance, plan.mode)
        if instance.blocking:
            leaves = following[before] >= 0
            held = before[leaves]
            found.append(_table(following[held], after[leaves], SS, setup[leaves] - travel[held]))
        if instance.no_wait:
            tied = within_job(instance)
            found.append(_table(instance.arc_succ[tied], instance.arc_pred[tied], SE, -arc_lag[tied]))
    shared = (instance.capacity[plan.use_resource] != 1) & (plan.until > plan.start)[plan.use_task]
    for resource in np.unique(plan.use_resource[shared]).tolist():
        mine = shared & (plan.use_resource == resource)
        pairs = _hand_overs(int(instance.capacity[resource]), plan.use_task[mine], plan.use_amount[mine], plan)
        found.append(_table(pairs[:, 0], pairs[:, 1], ES, 0))
    table = np.concatenate(found)
    pred, succ, kind, lag = table.T
    pred_point = np.where(kind >= ES, plan.end[pred], plan.start[pred])
    succ_point = np.where(kind & 1, plan.end[succ], plan.start[succ])
    table = table[(succ_point - pred_point >= lag) & (pred != succ)]
    return _Relations(*table[np.argsort(table[:, 0], kind="stable")].T)


def _table(pred: NDArray[Any], succ: NDArray[Any], kind: NDArray[Any] | int, lag: NDArray[Any] | int) -> IntArray:
    table = np.empty((pred.size, 4), np.int64)
    for column, values in enumerate((pred, succ, kind, lag)):
        table[:, column] = values
    return table


def _hand_overs(capacity: int, tasks: IntArray, amounts: IntArray, plan: Plan) -> IntArray:
    """Shape (pairs, 2): who hands units of one resource to whom. At most 2 pairs per task, O(tasks log tasks)."""
    pairs: list[tuple[int, int]] = []
    free = deque([(-1, capacity)])
    running: list[tuple[int, int, int]] = []
    order = np.lexsort((tasks, plan.start[tasks]))
    for task, need in zip(tasks[order].tolist(), amounts[order].tolist(), strict=True):
        begin = int(plan.start[task])
        while running and running[0][0] <= begin:
            _, giver, amount = heappop(running)
            free.append((giver, amount))
        heappush(running, (int(plan.until[task]), task, need))
        while need and free:
            giver, has = free.popleft()
            if giver >= 0:
                pairs.append((giver, task))
            if has > need:
                free.appendleft((giver, has - need))
            need -= min(has, need)
    return np.array(pairs, np.int64).reshape(-1, 2)


def _latest_starts(instance: Instance, plan: Plan) -> IntArray:
    """The largest starts that keep all relations and limits: sweeps against time until nothing changes."""
    relations = _relations(instance, plan)
    n = plan.start.size
    ptr = np.searchsorted(relations.pred, np.arange(n + 1)).tolist()
    succ, kind, lag = relations.succ.tolist(), relations.kind.tolist(), relations.lag.tolist()
    limit = _limits(instance, plan.end)
    shift = _Shift(instance, plan)
    latest_end = limit.tolist()
    latest_start = [shift.latest_start(i, latest_end[i], latest_end[i]) for i in range(n)]
    order = np.lexsort((np.arange(n), plan.start, plan.end))[::-1]
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    one_sweep = bool((place[relations.succ] < place[relations.pred]).all())
    changed = True
    while changed:
        changed = False
        for i in order.tolist():
            start_by = end_by = latest_end[i]
            for r in range(ptr[i], ptr[i + 1]):
                j = succ[r]
                by = (latest_end[j] if kind[r] & 1 else latest_start[j]) - lag[r]
                if kind[r] >= ES:
                    end_by = min(end_by, by)
                else:
                    start_by = min(start_by, by)
            start = shift.latest_start(i, end_by, start_by)
            if start < latest_start[i] or end_by < latest_end[i]:
                latest_start[i] = start
                latest_end[i] = min(end_by, shift.end(i, start))
                changed = not one_sweep
    return np.array(latest_start, np.int64)


def _limits(instance: Instance, end: IntArray) -> IntArray:
    """Shape (num_tasks,): the latest end of each task, were it alone, that leaves the first objective and the
    deadlines as they are."""
    limit = np.full(end.size, HORIZON_LIMIT, np.int64)
    objective = instance.objective[0]
    in_job = np.zeros(end.size, np.bool_) if instance.job is None else instance.job >= 0
    done = job_end(instance, end)
    worst = max(
        (
            int((reached - due)[due < HORIZON_LIMIT].max(initial=-HORIZON_LIMIT))
            for reached, due in ((end, instance.due), (done, instance.job_due))
            if due is not None
        ),
        default=0,
    )

    def allowed(reached: IntArray, due: IntArray | None) -> IntArray:
        if objective == "flow_time":
            return reached
        if due is None or objective == "makespan":
            return np.full(reached.size, HORIZON_LIMIT, np.int64)
        later = due + worst if objective == "max_lateness" else np.maximum(reached, due)
        return np.where(due < HORIZON_LIMIT, later, HORIZON_LIMIT)

    of_task, of_job = allowed(end, instance.due), allowed(done, instance.job_due)
    if objective == "flow_time":
        of_task = np.where(in_job, HORIZON_LIMIT, of_task)
    if instance.deadline is not None:
        of_task = np.minimum(of_task, np.maximum(end, instance.deadline))
    if instance.job_deadline is not None:
        of_job = np.minimum(of_job, np.maximum(done, instance.job_deadline))
    limit = np.minimum(limit, of_task)
    if instance.job is not None:
        limit[in_job] = np.minimum(limit[in_job], of_job[instance.job[in_job]])
    last = int(end.max(initial=0))
    if objective != "makespan":
        last = max(last, int(limit[limit < HORIZON_LIMIT].max(initial=0)))
    bounded: IntArray = np.minimum(limit, last)
    return bounded


class _Shift:
    """Where a task may start and end when it moves: its elapsed length, or the open windows of its calendars."""

    def __init__(self, instance: Instance, plan: Plan) -> None:
        self.start: list[int] = plan.start.tolist()
        self.length: list[int] = (plan.end - plan.start).tolist()
        self.work: list[int] = instance.duration[plan.mode].tolist()
        self.pauses: list[bool] = (
            [False] * len(self.start) if instance.pause is None else (instance.pause != 0).tolist()
        )
        self.windows: dict[int, tuple[list[int], list[int], list[int]]] = {}
        calendar = instance.calendar
        if calendar is None:
            return
        has = np.diff(calendar.ptr) > 0
        known: dict[tuple[tuple[int, int], ...], tuple[list[int], list[int], list[int]] | None] = {}
        horizon = int(_limits(instance, plan.end).max(initial=0))
        for task in np.unique(plan.use_task[has[plan.use_resource]]).tolist():
            if self.work[task] == 0:
                continue
            low, high = np.searchsorted(plan.use_task, (task, task + 1))
            key = tuple(zip(plan.use_resource[low:high].tolist(), plan.use_amount[low:high].tolist(), strict=True))
            if key not in known:
                known[key] = _windows(instance, int(plan.mode[task]), horizon)
            found = known[key]
            if found is not None:
                self.windows[task] = found

    def latest_start(self, task: int, end_by: int, start_by: int) -> int:
        """The latest start that ends by ``end_by`` and is not after ``start_by``; the present start at the least."""
        if task not in self.windows:
            return max(self.start[task], min(end_by - self.length[task], start_by))
        begins, untils, worked = self.windows[task]
        work = self.work[task]
        if self.pauses[task]:
            w = bisect_left(begins, end_by) - 1
            left = worked[w] + min(end_by, untils[w]) - begins[w] - work if w >= 0 else -1
            if left < 0:
                return self.start[task]
            w = bisect_right(worked, left) - 1
            found = begins[w] + left - worked[w]
            if found > start_by:
                w = bisect_right(begins, start_by) - 1
                found = min(start_by, untils[w] - 1)
            return max(self.start[task], found)
        latest = min(end_by - work, start_by)
        for w in range(bisect_right(begins, latest) - 1, -1, -1):
            found = min(latest, untils[w] - work)
            if found >= begins[w]:
                return max(self.start[task], found)
        return self.start[task]

    def end(self, task: int, start: int) -> int:
        """The end that follows from a start."""
        if task not in self.windows or not self.pauses[task] or start == self.start[task]:
            return start + self.length[task]
        begins, untils, worked = self.windows[task]
        w = bisect_right(begins, start) - 1
        done = worked[w] + min(start, untils[w]) - begins[w] + self.work[task]
        w = bisect_left(worked, done) - 1
        return begins[w] + done - worked[w]


def _windows(instance: Instance, mode: int, horizon: int) -> tuple[list[int], list[int], list[int]] | None:
    """Begin, end and working time before each open window up to the horizon; None if there are too many."""
    begins: list[int] = []
    untils: list[int] = []
    worked = [0]
    for begin, until in open_windows(instance, mode, 0):
        if begin > horizon:
            break
        if len(begins) == _MOST_WINDOWS:
            return None
        begins.append(begin)
        untils.append(until)
        worked.append(worked[-1] + until - begin)
    return begins, untils, worked[:-1]
