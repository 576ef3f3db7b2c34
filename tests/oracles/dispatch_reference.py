"""Generation schemes once more, in plain Python and by the definition alone: unit steps of time, no queues, no trees.

Whether a start is possible is asked of every moment in turn, straight from the rules of ``instances.instance``.
Durations must be positive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from makespan.instances.calendars import capacity_at
from makespan.instances.instance import Instance

LAST_START = 400
"""Nothing in the small instances of the tests starts later."""

Priority = Callable[[int, int, int, int], int | tuple[int, ...]]
"""Priority of (task, mode, arrival, start)."""


@dataclass
class Place:
    """A possible place of a task: mode within the task, machine, when the job can be there, start and end."""

    task: int
    mode: int
    machine: int
    arrival: int
    start: int
    end: int


@dataclass
class Builder:
    """A schedule in the making; ``lines[k]`` lists (start, end, mode) on machine k."""

    instance: Instance
    scheme: str
    priority: Priority
    delta: int = 100
    lines: list[list[tuple[int, int, int]]] = field(default_factory=list)
    start: dict[int, int] = field(default_factory=dict)
    mode: dict[int, int] = field(default_factory=dict)

    def build(self) -> tuple[list[int], list[int]] | None:
        """Starts and modes of all tasks, None if one of them fits nowhere."""
        instance = self.instance
        assert instance.job is not None
        self.lines = [[] for _ in range(instance.num_resources)]
        jobs = [[t for t in range(instance.num_tasks) if instance.job[t] == j] for j in range(instance.num_jobs)]
        self.frontier = [0] * instance.num_resources
        self._fix()
        ready, origin = [0] * len(jobs), [-1] * len(jobs)
        while any(jobs):
            waiting: list[tuple[int, Place]] = []
            for j, tasks in enumerate(jobs):
                while tasks and tasks[0] in self.start:
                    task = tasks.pop(0)
                    ready[j] = self._run(task, self._mode_index(task), self.start[task]) or 0
                    origin[j] = int(instance.machine[self._mode_index(task)])
                if tasks:
                    place = self._preferred(tasks[0], ready[j], origin[j])
                    if place is None:
                        return None
                    waiting.append((j, place))
            if not waiting:
                break
            j, place = self._choose(waiting)
            jobs[j].pop(0)
            self.start[place.task], self.mode[place.task] = place.start, place.mode
            index = int(instance.mode_ptr[place.task]) + place.mode
            self.lines[place.machine].append((place.start, place.end, index))
            self.frontier[place.machine] = place.end
            ready[j], origin[j] = place.end, place.machine
        every = range(instance.num_tasks)
        return [self.start[t] for t in every], [self.mode[t] for t in every]

    def _mode_index(self, task: int) -> int:
        return int(self.instance.mode_ptr[task]) + self.mode[task]

    def _fix(self) -> None:
        if self.instance.fixed_start is None:
            return
        for task, start in enumerate(self.instance.fixed_start.tolist()):
            if start >= 0:
                self.start[task], self.mode[task] = start, 0
                index = self._mode_index(task)
                end = self._run(task, index, start)
                assert end is not None
                self.lines[int(self.instance.machine[index])].append((start, end, index))

    def _choose(self, waiting: list[tuple[int, Place]]) -> tuple[int, Place]:
        if self.scheme == "non_delay":
            now = min(p.start for _, p in waiting)
            machine = min(p.machine for _, p in waiting if p.start == now)
            waiting = [(j, p) for j, p in waiting if p.machine == machine and p.start == now]
        elif self.scheme == "giffler_thompson":
            soonest = min(p.end for _, p in waiting)
            machine = min(p.machine for _, p in waiting if p.end == soonest)
            here = [(j, p) for j, p in waiting if p.machine == machine]
            first = min(p.start for _, p in here)
            reach = (soonest - first) * self.delta
            waiting = [(j, p) for j, p in here if p.start == first or (p.start - first) * 100 < reach]
        return min(waiting, key=lambda item: (self._key(item[1]), item[0]))

    def _key(self, place: Place) -> int | tuple[int, ...]:
        return self.priority(place.task, place.mode, place.arrival, place.start)

    def _preferred(self, task: int, ready: int, origin: int) -> Place | None:
        found = list(self._places(task, ready, origin))
        if self.scheme == "non_delay":
            return min(found, key=lambda p: (p.start, p.end, p.machine), default=None)
        return min(found, key=lambda p: (p.end, p.start, p.machine), default=None)

    def _places(self, task: int, ready: int, origin: int) -> Iterator[Place]:
        instance = self.instance
        first, stop = int(instance.mode_ptr[task]), int(instance.mode_ptr[task + 1])
        for index in range(first, stop):
            k = int(instance.machine[index])
            arrival = max(ready, instance.now)
            if instance.transport is not None and origin >= 0:
                arrival = max(ready + int(instance.transport[origin, k]), instance.now)
            if instance.release is not None:
                arrival = max(arrival, int(instance.release[task]))
            if instance.job_release is not None and instance.job is not None:
                arrival = max(arrival, int(instance.job_release[instance.job[task]]))
            earliest = arrival if self.scheme == "insertion" else max(arrival, self.frontier[k])
            for start in range(earliest, LAST_START):
                end = self._run(task, index, start)
                if end is not None and self._fits(k, index, start, end):
                    yield Place(task, index - first, k, arrival, start, end)
                    break

    def _run(self, task: int, index: int, start: int) -> int | None:
        """The end, None if the task cannot start at ``start`` on this machine's calendar."""
        instance = self.instance
        k, left = int(instance.machine[index]), int(instance.duration[index])
        if instance.calendar is None:
            return start + left
        pausable = instance.pause is not None and bool(instance.pause[task])
        time = start
        while left > 0:
            is_open = capacity_at(instance, k, time) > 0
            if not is_open and (not pausable or time == start):
                return None
            if time > 4 * LAST_START:
                return None
            left -= is_open
            time += 1
        return time

    def _fits(self, k: int, index: int, start: int, end: int) -> bool:
        before = [block for block in self.lines[k] if block[0] < start]
        after = [block for block in self.lines[k] if block[0] >= start]
        previous = max(before, default=None)
        free = previous[1] if previous else 0
        if start < free + self._setup(k, previous[2] if previous else None, index):
            return False
        following = min(after, default=None)
        return following is None or end + self._setup(k, index, following[2]) <= following[0]

    def _setup(self, k: int, before: int | None, after: int) -> int:
        setup = self.instance.setup
        if setup is None:
            return 0
        f = int(setup.initial[k]) if before is None else int(setup.family[before])
        g = int(setup.family[after])
        return int(setup.time[f, g]) if f >= 0 and g >= 0 else 0
