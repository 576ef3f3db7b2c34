"""A stream of workflows on unlike processors: jobs arrive, and tasks are ordered as they become ready.

Every job is a copy of one workflow. A task is ready when its predecessors are done; then it is given to a processor at
once and waits in the processor's queue, first come, first served. A processor starts the first task of its queue when
the data have arrived. Whoever decides knows the expected durations; with noise the true ones differ and show only at
the end of a task. Times are integers.

After the simulator of DeepSoCS (Sung et al. 2020, Electronics 9(6) 936): exponential gaps between arrivals, rounded
down; at most ``most_jobs`` jobs at a time, a further one enters when there is room, and its latency counts from there;
the stream starts with the system full. Kept out: power and heat models, and several kinds of jobs.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from makespan.instances.workflow import Workflow
from makespan.solvers.workflows.heft import upward_rank

FEATURES = {
    "rank": "upward rank, in that of the whole workflow",
    "duration": "mean duration of the task, in the largest of all tasks",
    "spread": "least duration of the task over its mean",
    "successors": "number of successors over the number of tasks",
    "start": "earliest expected start from now, in the rank of the whole workflow",
    "finish": "earliest expected finish from now, in the rank of the whole workflow",
    "age": "time since the job entered, in the rank of the whole workflow",
    "left": "expected work that is left of the job, as a part of all its work",
    "idle": "part of the processors that have nothing to do",
    "jobs": "jobs in the system over the most there may be",
}
"""What an order sees of each ready task, in this order; version 1."""

Scores = Callable[[NDArray[np.float64]], NDArray[np.floating]]
"""From features (ready tasks, FEATURES) to scores (ready tasks,); the largest goes first, ties in order of arrival."""


@dataclass(frozen=True)
class Stream:
    """What happens: ``noise`` is the standard deviation of a true duration in parts of the expected one."""

    workflow: Workflow
    mean_gap: float = 25.0
    length: int = 5000
    most_jobs: int = 3
    noise: float = 0.0
    start_full: bool = True

    def __post_init__(self) -> None:
        if not (self.mean_gap > 0 and self.length > 0 and self.most_jobs > 0 and self.noise >= 0):
            raise ValueError(
                f"stream: found gap {self.mean_gap}, length {self.length}, jobs {self.most_jobs}, noise {self.noise}, "
                "expected numbers above 0 (noise: 0 or more)"
            )


@dataclass(frozen=True)
class Task:
    """A task of the stream as it was run."""

    job: int
    task: int
    processor: int
    start: int
    end: int


@dataclass(frozen=True)
class Record:
    """What came of a stream: the entry of every job, the latency of those that were done by the end, and all tasks that
    were placed."""

    entry: dict[int, int]
    latency: dict[int, int]
    tasks: list[Task]

    @property
    def mean_latency(self) -> float:
        """Over the jobs that were done; not a number if none was."""
        return float(np.mean(list(self.latency.values()))) if self.latency else float("nan")


@dataclass(frozen=True)
class Dispatcher:
    """Which ready task goes first, and to which processor: where it is expected to end (``finish``) or to start first,
    or the ``fastest`` for it. Ties go to the first processor."""

    scores: Scores
    processor: Literal["finish", "start", "fastest"] = "finish"


def by_feature(name: str, sign: float = 1.0) -> Scores:
    """The order of one feature."""
    column = list(FEATURES).index(name)
    return lambda features: sign * features[:, column]


def in_order_of_arrival(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same score for all."""
    return np.zeros(len(features))


DISPATCHERS = {
    "heft_rt": Dispatcher(by_feature("rank")),
    "eft": Dispatcher(in_order_of_arrival),
    "etf": Dispatcher(by_feature("start", -1.0), "start"),
    "min_min": Dispatcher(by_feature("finish", -1.0)),
    "stf": Dispatcher(by_feature("duration", -1.0)),
    "oldest": Dispatcher(by_feature("age")),
    "met": Dispatcher(in_order_of_arrival, "fastest"),
}
"""The rules of the paper: HEFT_RT orders by upward rank, EFT and MET by arrival, ETF by the earliest expected start,
STF by the mean duration. Two more: ``min_min`` orders by the earliest expected finish, ``oldest`` takes tasks of the
job that has been there longest."""


@dataclass
class _Job:
    entry: int
    waits: list[int]
    end: list[int]
    processor: list[int]
    work_left: float
    undone: int


@dataclass
class _Queue:
    """The tasks of one processor that are not over: (true start, true end, expected duration, arrival of the data)."""

    tasks: deque[tuple[int, int, int, int]] = field(default_factory=deque)
    free: int = 0

    def expected_free(self, now: int) -> int:
        while self.tasks and self.tasks[0][1] <= now:
            self.tasks.popleft()
        time = now
        for start, _, expected, arrival in self.tasks:
            time = max(now, start + expected) if start <= now else max(time, arrival) + expected
        return time


def play(stream: Stream, dispatcher: Dispatcher, seed: int = 0) -> Record:
    """Run a stream. Arrivals and true durations depend on the seed alone, whatever is decided.

    O(ready tasks · processors) for a decision.
    """
    return _Episode(stream, seed).run(dispatcher)


class _Episode:
    def __init__(self, stream: Stream, seed: int) -> None:
        self.stream, self.workflow = stream, stream.workflow
        self.gaps = np.random.default_rng((seed, 0))
        self.seed = seed
        self.jobs: dict[int, _Job] = {}
        self.inside: set[int] = set()
        self.record = Record({}, {}, [])
        self.queues = [_Queue() for _ in range(self.workflow.num_machines)]
        self.ready: list[tuple[int, int]] = []
        self.events: list[tuple[int, int, int]] = []  # time, job, task; a job of -1 is an arrival
        self.held_back = False
        rank = upward_rank(self.workflow)
        self.times: list[list[int]] = self.workflow.duration.tolist()
        self.scale = max(1, *rank) / self.workflow.num_machines
        mean = self.workflow.mean_duration
        self.work = max(float(mean.sum()), 1e-9)
        self.fixed = np.stack(
            (
                np.array(rank) / max(1, *rank),
                mean / max(mean.max(), 1e-9),
                self.workflow.duration.min(axis=1) / np.maximum(mean, 1e-9),
                np.array([len(arcs) for arcs in self.workflow.successors]) / self.workflow.num_tasks,
            ),
            axis=1,
        )

    def run(self, dispatcher: Dispatcher) -> Record:
        for _ in range(self.stream.most_jobs if self.stream.start_full else 1):
            self.enter(0)
        self.next_arrival(0)
        self.dispatch(0, dispatcher)
        while self.events and self.events[0][0] <= self.stream.length:
            now = self.events[0][0]
            while self.events and self.events[0][0] == now:
                _, job, task = heapq.heappop(self.events)
                if job >= 0:
                    self.finish(now, job, task)
                elif len(self.inside) < self.stream.most_jobs:
                    self.enter(now)
                    self.next_arrival(now)
                else:
                    self.held_back = True
            if self.held_back and len(self.inside) < self.stream.most_jobs:
                self.held_back = False
                self.enter(now)
                self.next_arrival(now)
            self.dispatch(now, dispatcher)
        return self.record

    def next_arrival(self, now: int) -> None:
        heapq.heappush(self.events, (now + int(self.gaps.exponential(self.stream.mean_gap)), -1, -1))

    def enter(self, now: int) -> None:
        job, n = len(self.jobs), self.workflow.num_tasks
        waits = [len(arcs) for arcs in self.workflow.predecessors]
        self.jobs[job] = _Job(now, waits, [0] * n, [-1] * n, self.work, n)
        self.inside.add(job)
        self.record.entry[job] = now
        self.ready += [(job, task) for task in range(n) if not waits[task]]

    def finish(self, now: int, job: int, task: int) -> None:
        state = self.jobs[job]
        state.work_left -= float(self.workflow.mean_duration[task])
        state.undone -= 1
        for other, _ in self.workflow.successors[task]:
            state.waits[other] -= 1
            if not state.waits[other]:
                self.ready.append((job, other))
        if not state.undone:
            self.inside.remove(job)
            self.record.latency[job] = now - state.entry

    def dispatch(self, now: int, dispatcher: Dispatcher) -> None:
        while self.ready:
            free = [queue.expected_free(now) for queue in self.queues]
            chosen = 0
            if len(self.ready) > 1:
                chosen = int(np.argmax(dispatcher.scores(self.features(now, free))))
            job, task = self.ready.pop(chosen)
            times = self.times[task]
            starts = self.expected_starts(job, task, free)
            ends = [start + time for start, time in zip(starts, times, strict=True)]
            by = {"finish": ends, "start": starts, "fastest": times}[dispatcher.processor]
            self.place(now, job, task, by.index(min(by)))

    def arrivals(self, job: int, task: int) -> list[int]:
        """When the data are on each processor."""
        state = self.jobs[job]
        latest = [0] * self.workflow.num_machines
        for pred, transfer in self.workflow.predecessors[task]:
            for processor in range(len(latest)):
                travel = 0 if state.processor[pred] == processor else transfer
                latest[processor] = max(latest[processor], state.end[pred] + travel)
        return latest

    def expected_starts(self, job: int, task: int, free: list[int]) -> list[int]:
        return [max(idle, arrival) for idle, arrival in zip(free, self.arrivals(job, task), strict=True)]

    def place(self, now: int, job: int, task: int, processor: int) -> None:
        queue, state = self.queues[processor], self.jobs[job]
        expected, arrival = int(self.workflow.duration[task, processor]), self.arrivals(job, task)[processor]
        start = max(now, queue.free, arrival)
        end = start + self.true_duration(job, task, expected)
        queue.tasks.append((start, end, expected, arrival))
        queue.free = state.end[task] = end
        state.processor[task] = processor
        self.record.tasks.append(Task(job, task, processor, start, end))
        heapq.heappush(self.events, (end, job, task))

    def true_duration(self, job: int, task: int, expected: int) -> int:
        if not self.stream.noise:
            return expected
        factor = 1 + self.stream.noise * np.random.default_rng((self.seed, 1, job, task)).standard_normal()
        return max(1, round(expected * factor))

    def features(self, now: int, free: list[int]) -> NDArray[np.float64]:
        """Shape (ready tasks, FEATURES)."""
        idle = sum(time <= now for time in free) / len(free)
        inside = len(self.inside) / self.stream.most_jobs
        rows = []
        for job, task in self.ready:
            state = self.jobs[job]
            starts = self.expected_starts(job, task, free)
            finish = min(start + time for start, time in zip(starts, self.times[task], strict=True))
            in_ranks = [(time - now) / self.scale for time in (min(starts), finish)]
            age, left = (now - state.entry) / self.scale, state.work_left / self.work
            rows.append((*self.fixed[task], *in_ranks, age, left, idle, inside))
        return np.array(rows)


def check_stream(stream: Stream, record: Record) -> list[str]:
    """What is wrong with the tasks of a record, by the definition: overlaps on a processor, data that have not arrived,
    and, without noise, wrong durations."""
    wrong = []
    placed = {(each.job, each.task): each for each in record.tasks}
    for each in record.tasks:
        if each.start < record.entry[each.job]:
            wrong.append(f"{each} before its job entered at {record.entry[each.job]}")
        if not stream.noise and each.end - each.start != stream.workflow.duration[each.task, each.processor]:
            wrong.append(f"{each} with another duration than on its processor")
        for pred, transfer in stream.workflow.predecessors[each.task]:
            before = placed[each.job, pred]
            if each.start < before.end + (transfer if before.processor != each.processor else 0):
                wrong.append(f"{each} before the data of {before}")
    for processor in range(stream.workflow.num_machines):
        row = sorted((each.start, each.end) for each in record.tasks if each.processor == processor)
        wrong += [f"overlap on {processor}: {a} {b}" for a, b in zip(row, row[1:], strict=False) if b[0] < a[1]]
    return wrong
