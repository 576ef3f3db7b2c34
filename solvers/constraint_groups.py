"""Constraints of an instance as groups that can be dropped one by one, each with a sentence for people."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from makespan.instances.instance import ES, HORIZON_LIMIT, SE, Calendar, Instance, IntArray

PER_INDEX = ("deadline", "job_deadline", "release", "job_release", "fixed_start", "fixed_mode")
"""Kinds with one group per task or job, named like the field; the value that stands for none is in _ABSENT."""

_ABSENT = {
    "deadline": HORIZON_LIMIT,
    "job_deadline": HORIZON_LIMIT,
    "release": 0,
    "job_release": 0,
    "fixed_start": -1,
    "fixed_mode": -1,
}

WHOLE = ("now", "setup", "transport", "no_wait", "blocking", "permutation")
"""Kinds with one group for the whole instance, named like the feature; no_wait has one per job where travel times do
not depend on modes."""


@dataclass(frozen=True, order=True)
class Group:
    """A constraint: its kind and, where there is one per task, job, resource or arc, which."""

    kind: str
    index: int = -1


class Groups:
    """The constraints of an instance.

    ``all`` lists them. In a blocking or permutation shop, and in a no-wait shop where travel times depend on modes, the
    routes of the jobs are taken as given: there the arcs are no groups.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self._no_wait_arcs = _no_wait_arcs(instance)
        has_routes = instance.blocking or instance.permutation or (instance.no_wait and self._no_wait_arcs is None)
        self.arcs_stay = has_routes
        self.all: tuple[Group, ...] = tuple(self._list())

    def _list(self) -> Iterator[Group]:
        instance = self.instance
        for kind in PER_INDEX:
            values = getattr(instance, kind)
            if values is not None:
                yield from (Group(kind, i) for i in np.flatnonzero(values != _ABSENT[kind]).tolist())
        for kind in WHOLE:
            if kind == "no_wait" and self._no_wait_arcs is not None:
                yield from (Group("no_wait", job) for job in sorted({job for job, _ in self._no_wait_arcs}))
            elif kind in instance.features:
                yield Group(kind)
        if not self.arcs_stay:
            yield from (Group("arc", arc) for arc in range(instance.num_arcs))
        used = np.unique(instance.demand_resource).tolist()
        yield from (Group("capacity", k) for k in used)
        if instance.calendar is not None:
            yield from (Group("calendar", k) for k in used if instance.calendar.has(k))

    def restricted(self, kept: Collection[Group]) -> Instance:
        """The instance under the ``kept`` groups alone. The fewer are kept, the more schedules there are."""
        instance, keep = self.instance, set(kept)
        changes: dict[str, Any] = {"now": 0}
        for kind in PER_INDEX:
            values = getattr(instance, kind)
            if values is not None:
                stays = [Group(kind, i) in keep for i in range(values.size)]
                changes[kind] = np.where(stays, values, _ABSENT[kind])
        if Group("now") in keep:
            changes["release"] = _from_now_on(instance, changes.get("release"))
        for kind in ("setup", "transport"):
            if Group(kind) not in keep:
                changes[kind] = None
        for kind in ("blocking", "permutation", "no_wait"):
            changes[kind] = getattr(instance, kind) and Group(kind) in keep
        if not self.arcs_stay:
            changes |= self._arcs(keep)
        capacity = _raised(instance, keep)
        changes["capacity"] = capacity
        if instance.calendar is not None:
            changes["calendar"] = _calendar(instance, instance.calendar, capacity, keep)
        return instance.replace(**changes)

    def _arcs(self, keep: set[Group]) -> dict[str, Any]:
        instance = self.instance
        rows = [
            (int(instance.arc_pred[a]), int(instance.arc_succ[a]), int(instance.arc_kind[a]), int(instance.arc_lag[a]))
            for a in range(instance.num_arcs)
            if Group("arc", a) in keep
        ]
        rows += [arc for job, arc in self._no_wait_arcs or () if Group("no_wait", job) in keep]
        table = np.array(sorted(rows), dtype=np.int64).reshape(-1, 4)
        counts = np.bincount(table[:, 0], minlength=instance.num_tasks)
        ptr = np.concatenate(([0], np.cumsum(counts)))
        return {"arc_ptr": ptr, "arc_succ": table[:, 1], "arc_kind": table[:, 2], "arc_lag": table[:, 3]}

    def sentence(self, group: Group) -> str:
        """The constraint in the names of tasks, jobs and resources."""
        return _SENTENCE[group.kind](self.instance, group.index)


def _no_wait_arcs(instance: Instance) -> list[tuple[int, tuple[int, int, int, int]]] | None:
    """No-wait as maximal lags, with the job of each; None if that cannot be said without the modes."""
    if not instance.no_wait or instance.blocking or instance.permutation or instance.job is None:
        return None
    found = []
    for arc in np.flatnonzero(instance.arc_kind == ES).tolist():
        pred, succ = int(instance.arc_pred[arc]), int(instance.arc_succ[arc])
        travel = 0
        if instance.transport is not None:
            ends = [instance.machine[instance.mode_ptr[i] : instance.mode_ptr[i + 1]] for i in (pred, succ)]
            times = {int(instance.transport[a, b]) if min(a, b) >= 0 else 0 for a in ends[0] for b in ends[1]}
            if len(times) > 1:
                return None
            travel = times.pop()
        found.append((int(instance.job[pred]), (succ, pred, SE, -int(instance.arc_lag[arc]) - travel)))
    return found


def _from_now_on(instance: Instance, release: IntArray | None) -> IntArray:
    early = np.zeros(instance.num_tasks, np.int64) if release is None else release
    moved = np.maximum(early, instance.now)
    return moved if instance.fixed_start is None else np.where(instance.fixed_start >= 0, early, moved)


def _raised(instance: Instance, keep: set[Group]) -> IntArray:
    """Capacities, so large where they are dropped that they never bind."""
    largest = np.zeros(instance.num_resources, np.int64)
    np.add.at(largest, instance.demand_resource, instance.demand_amount)
    stays = [Group("capacity", k) in keep for k in range(instance.num_resources)]
    return np.where(stays, instance.capacity, np.maximum(instance.capacity, largest))


def _calendar(instance: Instance, calendar: Calendar, capacity: IntArray, keep: set[Group]) -> Calendar:
    """Calendars that are kept; where a profile gave the full capacity it gives the raised one."""
    resource = np.repeat(np.arange(instance.num_resources), np.diff(calendar.ptr))
    full = calendar.capacity == instance.capacity[resource]
    values = np.where(full, capacity[resource], calendar.capacity)
    stays = np.array([Group("calendar", k) in keep for k in range(instance.num_resources)])
    rows = stays[resource]
    ptr = np.concatenate(([0], np.cumsum(np.where(stays, np.diff(calendar.ptr), 0))))
    return replace(
        calendar, ptr=ptr, time=calendar.time[rows], capacity=values[rows], period=np.where(stays, calendar.period, 0)
    )


def _arc_sentence(instance: Instance, arc: int) -> str:
    pred, succ = (instance.task_name(int(array[arc])) for array in (instance.arc_pred, instance.arc_succ))
    kind, lag = int(instance.arc_kind[arc]), int(instance.arc_lag[arc])
    from_point = "end" if kind >= ES else "start"
    verb = "ends" if kind % 2 == SE else "starts"
    if lag < 0:
        point = "end" if kind % 2 == SE else "start"
        other = "ends" if kind >= ES else "starts"
        return f"{pred} {other} at most {-lag} after the {point} of {succ}"
    if lag == 0:
        return f"{succ} {verb} no earlier than the {from_point} of {pred}"
    return f"{succ} {verb} at least {lag} after the {from_point} of {pred}"


def _date(field: str, phrase: str, of_job: bool = False) -> Callable[[Instance, int], str]:
    def sentence(instance: Instance, index: int) -> str:
        name = instance.job_name(index) if of_job else instance.task_name(index)
        return f"{name} {phrase} {getattr(instance, field)[index]}"

    return sentence


_SENTENCE: dict[str, Callable[[Instance, int], str]] = {
    "deadline": _date("deadline", "ends by its deadline at"),
    "job_deadline": _date("job_deadline", "ends by its deadline at", of_job=True),
    "release": _date("release", "starts no earlier than its release at"),
    "job_release": _date("job_release", "starts no earlier than its release at", of_job=True),
    "fixed_start": _date("fixed_start", "is fixed to start at"),
    "fixed_mode": _date("fixed_mode", "is fixed to run in mode"),
    "now": lambda instance, _: f"tasks without a fixed start start no earlier than now ({instance.now})",
    "setup": lambda instance, _: "setup times between tasks of different families",
    "transport": lambda instance, _: "transport times between machines",
    "no_wait": lambda instance, job: (
        "no job waits between its operations" if job < 0 else f"{instance.job_name(job)} may not wait once started"
    ),
    "blocking": lambda instance, _: "jobs block their machine until the next one is free",
    "permutation": lambda instance, _: "all machines take the jobs in one order",
    "arc": _arc_sentence,
    "capacity": lambda instance, k: f"{instance.resource_name(k)} has a capacity of {instance.capacity[k]}",
    "calendar": lambda instance, k: f"{instance.resource_name(k)} is available only as its calendar says",
}
