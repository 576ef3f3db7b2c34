"""Tiny random instances that mix optional fields, for comparisons with exhaustive search."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from makespan.instances.instance import EE, ES, HORIZON_LIMIT, SE, SS, Arc, Calendar, Instance, Setup

FIELDS = (
    "multi_mode",
    "multi_resource",
    "cumulative",
    "nonrenewable",
    "network",
    "time_lag",
    "max_lag",
    "release",
    "due",
    "deadline",
    "weight",
    "transport",
    "setup",
    "calendar",
    "pause",
    "blocking",
    "no_wait",
    "permutation",
    "fixed",
    "now",
    "objective",
)
"""What can be asked for; a field that cannot stand beside another one asked for is left out (see ``compatible``)."""


def tiny(seed: int | np.random.Generator, fields: Collection[str] | None = None, max_tasks: int = 5) -> Instance:
    """An instance of 2 to ``max_tasks`` tasks with durations 0..4 on 1 to 3 resources.

    It uses the given ``fields`` (of FIELDS), or three to six drawn at random. Most, not all, are feasible.
    """
    rng = np.random.default_rng(seed)
    if fields is None:
        order, count = rng.permutation(FIELDS).tolist(), int(rng.integers(3, 7))
        fields = next(order[:k] for k in range(count, len(order)) if len(compatible(order[:k])) >= count)
    return _Draw(rng, compatible(fields), max_tasks).instance()


def compatible(fields: Collection[str]) -> set[str]:
    """``fields`` less those that contradict others among them, plus those that others need."""
    chosen = set(fields)
    unknown = chosen - set(FIELDS)
    if unknown:
        raise ValueError(f"unknown fields {sorted(unknown)}; expected some of {', '.join(FIELDS)}")
    if "permutation" in chosen:
        chosen -= {"multi_mode"}
    if chosen & {"blocking", "no_wait", "permutation"}:
        chosen -= {"network", "max_lag"}
    if "pause" in chosen:
        chosen.add("calendar")
    if "weight" in chosen:
        chosen |= {"due", "objective"}
    return chosen


class _Draw:
    """One instance in the making."""

    def __init__(self, rng: np.random.Generator, fields: set[str], max_tasks: int) -> None:
        self.rng, self.fields = rng, fields
        self.num_resources = int(rng.integers(1, 4))
        if "permutation" in fields:
            self.num_resources = int(rng.integers(1, max(2, max_tasks // 2) + 1))
            sizes = [self.num_resources] * int(rng.integers(2, max(2, max_tasks // self.num_resources) + 1))
        else:
            n = int(rng.integers(2, max_tasks + 1))
            cuts = np.sort(rng.integers(0, n + 1, size=int(rng.integers(0, 3))))
            sizes = [int(size) for size in np.diff([0, *cuts, n]) if size]
        self.job = np.repeat(np.arange(len(sizes)), sizes)
        self.rank = np.concatenate([np.arange(size) for size in sizes])
        self.num_tasks, self.num_jobs = self.job.size, len(sizes)

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def integer(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def integers(self, low: int, high: int, size: int | tuple[int, ...]) -> np.ndarray:
        return self.rng.integers(low, high + 1, size=size)

    def instance(self) -> Instance:
        capacity = np.ones(self.num_resources, np.int64)
        if "cumulative" in self.fields:
            capacity = self.integers(1, 3, self.num_resources)
            capacity[self.integer(0, self.num_resources - 1)] = self.integer(2, 3)
        modes = [self.modes(task, capacity) for task in range(self.num_tasks)]
        renewable = np.ones(self.num_resources, np.bool_)
        if "nonrenewable" in self.fields:
            k = self.num_resources
            modes = [[(time, {**need, k: self.integer(0, 2)}) for time, need in m] for m in modes]
            least = sum(min(need[k] for _, need in m) for m in modes)
            capacity = np.append(capacity, max(0, least + self.integer(-1, 2) if self.chance(0.2) else least + 1))
            renewable = np.append(renewable, False)
        optional: dict[str, Any] = {"renewable": renewable}
        num_modes = sum(len(m) for m in modes)
        if "network" not in self.fields or self.chance(0.5):
            optional.update(job=self.job, num_jobs=self.num_jobs)
        self.dates(optional, modes)
        if "transport" in self.fields:
            optional["transport"] = self.integers(0, 2, (capacity.size, capacity.size))
        if "setup" in self.fields:
            families = self.integer(1, 3)
            optional["setup"] = Setup(
                self.integers(-1, families - 1, num_modes),
                self.integers(0, 3, (families, families)),
                self.integers(-1, families - 1, capacity.size),
            )
        if "calendar" in self.fields:
            optional["calendar"] = self.calendar(capacity, renewable)
        if "pause" in self.fields:
            optional["pause"] = self.integers(0, 2, self.num_tasks)
        for flag in ("blocking", "no_wait", "permutation"):
            optional[flag] = flag in self.fields
        optional["swap_allowed"] = "blocking" in self.fields and self.chance(0.4)
        return Instance.from_lists(modes, capacity, self.arcs(), **optional)

    def modes(self, task: int, capacity: np.ndarray) -> list[tuple[int, dict[int, int]]]:
        """(duration, demands) of each mode."""
        count = self.integer(1, 2) if "multi_mode" in self.fields else 1
        modes = []
        for _ in range(count):
            used = 2 if "multi_resource" in self.fields and self.chance(0.5) else int(self.chance(0.95))
            resources = self.rng.permutation(self.num_resources)[:used]
            if "permutation" in self.fields:
                resources = np.array([self.rank[task]])
            need = {int(k): self.integer(1, int(capacity[k])) for k in resources}
            modes.append((0 if self.chance(0.08) else self.integer(1, 4), need))
        return modes

    def arcs(self) -> list[Arc]:
        arcs: list[Arc] = []
        lags = "time_lag" in self.fields
        if "network" in self.fields:
            for i in range(self.num_tasks):
                for j in range(i + 1, self.num_tasks):
                    if self.chance(0.35):
                        kind = self.integer(0, 3) if lags and self.chance(0.5) else ES
                        arcs.append((i, j, kind, self.integer(-1, 2) if lags else 0))
        else:
            for i in np.flatnonzero(self.job[1:] == self.job[:-1]).tolist():
                arcs.append((i, i + 1, ES, self.integer(-1, 2) if lags else 0))
        if "max_lag" in self.fields:
            for _ in range(self.integer(1, 2)):
                i = self.integer(0, self.num_tasks - 2)
                j = self.integer(i + 1, self.num_tasks - 1)
                kind = (SS, SE, ES, EE)[self.integer(0, 3)]
                arcs.append((j, i, kind, -self.integer(4, 9)))  # start or end of j at most that long after i's
        return arcs

    def dates(self, optional: dict[str, Any], modes: list[list[tuple[int, dict[int, int]]]]) -> None:
        """Releases, due dates, deadlines, weights, fixed parts, now and the objective."""
        n, jobs, fields = self.num_tasks, self.num_jobs, self.fields
        work = sum(max(time for time, _ in m) for m in modes)
        has_jobs = "job" in optional

        def per(name: str, values: np.ndarray, job_values: np.ndarray, absent: int) -> None:
            """Dates of some tasks, or of some jobs."""
            for_job = has_jobs and self.chance(0.5)
            chosen = job_values if for_job else values
            keep = self.rng.random(chosen.size) < 0.7
            keep[self.integer(0, chosen.size - 1)] = True
            optional[f"job_{name}" if for_job else name] = np.where(keep, chosen, absent)

        if "release" in fields:
            per("release", self.integers(0, 5, n), self.integers(0, 5, jobs), 0)
        if "due" in fields:
            per("due", self.integers(0, work, n), self.integers(0, work, jobs), HORIZON_LIMIT)
        if "deadline" in fields:
            late = work + 6
            per("deadline", self.integers(work // 2 + 2, late, n), self.integers(work, late, jobs), HORIZON_LIMIT)
        if "weight" in fields:
            optional["weight"] = self.integers(0, 3, n)
            if has_jobs:
                optional["job_weight"] = self.integers(0, 3, jobs)
        if "now" in fields:
            optional["now"] = self.integer(1, 4)
        if "fixed" in fields:
            which = self.integer(0, n - 1)
            if self.chance(0.7):
                optional["fixed_start"] = np.full(n, -1)
                optional["fixed_start"][which] = self.integer(0, 4) + (2 * int(self.rank[which]))
            if "fixed_start" not in optional or self.chance(0.5):
                optional["fixed_mode"] = np.full(n, -1)
                optional["fixed_mode"][which] = self.integer(0, len(modes[which]) - 1)
        if "objective" in fields:
            names = ["makespan", "flow_time"]
            if "due" in fields:
                names += ["total_tardiness", "max_lateness", "weighted_tardiness"] * 2
            names = list(dict.fromkeys(self.rng.permutation(names).tolist()))
            optional["objective"] = tuple(names[: self.integer(1, min(3, len(names)))])

    def calendar(self, capacity: np.ndarray, renewable: np.ndarray) -> Calendar:
        """Profiles for some resources, at least one; most open again."""
        ptr, times, values, periods = [0], [], [], []
        chosen = self.integer(0, self.num_resources - 1)
        for k in range(capacity.size):
            period = 0
            if renewable[k] and (k == chosen or self.chance(0.4)):
                points = np.unique(np.append(0, self.integers(1, 7, self.integer(1, 3))))
                level = self.integers(0, int(capacity[k]), points.size)
                if self.chance(0.5):
                    period = int(points[-1]) + self.integer(1, 3)
                    level[np.argmax(np.diff(np.append(points, period)))] = capacity[k]
                elif self.chance(0.95):
                    level[-1] = capacity[k]
                times.extend(points.tolist())
                values.extend(level.tolist())
            ptr.append(len(times))
            periods.append(period)
        return Calendar(np.array(ptr), np.array(times), np.array(values), np.array(periods))
