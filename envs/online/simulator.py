"""An event simulator for jobs that reveal themselves as time goes on.

Machines share their time among jobs: with the share y of machine i, job j advances at ``speed[i][j] * y``. Preemption
and migration are free. A job is seen when its release has come and all its predecessors are done; its size, its
successors and the speeds stay hidden from the view. What a policy knows beyond that is what it was made with: a
function that makes a clairvoyant policy takes the sizes, one with predictions takes the predictions.

Between two events nothing changes, so a run is exact up to rounding; with ``Fraction`` for all numbers it is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import inf

Number = float | Fraction
Share = tuple[int, int, Number]
"""Machine, job, and the part of the machine's time it gets, above 0 and at most 1."""

_ROUNDING = 1e-9
"""Shares may exceed 1 by this, and a job with this part of its size left (times 0.001) is done."""


@dataclass(frozen=True)
class OnlineProblem:
    """Jobs and machines, all of it known in the end.

    Parameters
    ----------
    size
        Of each job, above 0.
    weight, release
        Of each job, >= 0; by default 1 and 0.
    predecessors
        Of each job: those that must be done before it is seen.
    speed
        ``speed[machine][job]`` >= 0, above 0 somewhere for each job; by default one machine of speed 1.
    kind
        Of each job: a type, which is seen with the job. By default 0.

    Raises
    ------
    ValueError
        If lengths disagree, a number is out of range or the predecessors hold a circle.
    """

    size: Sequence[Number]
    weight: Sequence[Number] = ()
    release: Sequence[Number] = ()
    predecessors: Sequence[Sequence[int]] = ()
    speed: Sequence[Sequence[Number]] = ()
    kind: Sequence[int] = ()

    def __post_init__(self) -> None:
        n = len(self.size)
        defaults = {
            "weight": [1] * n,
            "release": [0] * n,
            "predecessors": [()] * n,
            "kind": [0] * n,
            "speed": [[1] * n],
        }
        for name, default in defaults.items():
            if not getattr(self, name):
                object.__setattr__(self, name, default)
        rows = [self.weight, self.release, self.predecessors, self.kind, *self.speed]
        if any(len(row) != n for row in rows):
            raise ValueError(f"online problem: found lists of {sorted({len(row) for row in rows})} for {n} jobs")
        if n and (min(self.size) <= 0 or min(self.weight) < 0 or min(self.release) < 0):
            raise ValueError("online problem: found a size of 0 or a negative number, expected sizes above 0")
        for job in range(n):
            fastest = max(row[job] for row in self.speed)
            if min(row[job] for row in self.speed) < 0 or fastest <= 0:
                raise ValueError(f"online problem: job {job} runs nowhere, expected a speed above 0")
        if len(self.topological()) < n:
            raise ValueError("online problem: found a circle of predecessors, expected none")

    @property
    def num_jobs(self) -> int:
        return len(self.size)

    @property
    def num_machines(self) -> int:
        return len(self.speed)

    def successors(self) -> list[list[int]]:
        """Of each job."""
        after: list[list[int]] = [[] for _ in self.size]
        for job, before in enumerate(self.predecessors):
            for other in before:
                after[other].append(job)
        return after

    def topological(self) -> list[int]:
        """The jobs, each after its predecessors; fewer than all of them if there is a circle."""
        after = self.successors()
        waits = [len(before) for before in self.predecessors]
        ready = [job for job, count in enumerate(waits) if not count]
        for job in ready:  # grows while it is read
            for other in after[job]:
                waits[other] -= 1
                if not waits[other]:
                    ready.append(other)
        return ready


@dataclass
class View:
    """What a policy sees.

    ``jobs`` are seen and not done, in the order in which they came up. ``done`` is how much of a seen job has been
    processed: of a job that is done, its size. ``weight`` and ``kind`` hold the seen jobs only. ``finished`` are the
    jobs that are done, in their order; ``completion`` is when each was. ``one`` is 1 in the numbers of the run.
    """

    one: Number = 1.0
    time: Number = 0
    jobs: list[int] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    done: dict[int, Number] = field(default_factory=dict)
    weight: dict[int, Number] = field(default_factory=dict)
    kind: dict[int, int] = field(default_factory=dict)
    release: dict[int, Number] = field(default_factory=dict)
    completion: dict[int, Number] = field(default_factory=dict)


@dataclass(frozen=True)
class Rates:
    """How the machines share their time from now on; asked again at the next arrival or completion, or at ``until``."""

    shares: Sequence[Share]
    until: Number = inf


Policy = Callable[[View], Rates]
"""A policy may keep a memory, so each run needs a new one."""


@dataclass(frozen=True)
class Piece:
    """What happened between two events."""

    start: Number
    end: Number
    shares: Sequence[Share]


@dataclass(frozen=True)
class Run:
    """When each job was done, and what led there."""

    completion: list[Number]
    pieces: list[Piece]

    def cost(self, problem: OnlineProblem) -> Number:
        """The sum of weight times completion."""
        return sum(w * c for w, c in zip(problem.weight, self.completion, strict=True))


def simulate(problem: OnlineProblem, policy: Policy, *, record: bool = True) -> Run:
    """Play a policy until all jobs are done. O(jobs) per event, and what the policy takes.

    With ``record`` false the pieces are left out. Raises ValueError if the policy shares out more than a machine or a
    job has, names a job that is not there, or stands still with jobs waiting and nothing more to come.
    """
    view = View(one=problem.size[0] / problem.size[0]) if problem.num_jobs else View()
    left = list(problem.size)
    waits = [len(before) for before in problem.predecessors]
    after = problem.successors()
    arrivals = sorted(range(problem.num_jobs), key=lambda job: (problem.release[job], job), reverse=True)
    arrived = [False] * problem.num_jobs
    pieces: list[Piece] = []

    def see(job: int) -> None:
        if arrived[job] and not waits[job]:
            view.jobs.append(job)
            view.done[job] = 0 * problem.size[job]
            view.weight[job], view.kind[job] = problem.weight[job], problem.kind[job]
            view.release[job] = view.time

    def arrive() -> None:
        while arrivals and problem.release[arrivals[-1]] <= view.time:
            job = arrivals.pop()
            arrived[job] = True
            see(job)

    arrive()
    while view.jobs or arrivals:
        coming = problem.release[arrivals[-1]] if arrivals else inf
        if not view.jobs:
            view.time = coming
            arrive()
            continue
        rates = policy(view)
        rate = _rates(problem, view, rates)
        running = [(left[job] / each, job) for job, each in rate.items()]
        step, first = min(running, default=(inf, -1))
        until = min(rates.until, coming)
        if view.time + step <= until:
            ends = view.time + step
        else:
            ends, first = until, -1
        if ends == inf or (ends <= view.time and first < 0 and until != coming):
            raise ValueError(f"policy: stands still at time {float(view.time):g} with {len(view.jobs)} jobs waiting")
        if record and ends > view.time:
            pieces.append(Piece(view.time, ends, list(rates.shares)))
        elapsed = step if first >= 0 else ends - view.time
        view.time = ends
        over = []
        for job, each in rate.items():
            left[job] -= each * elapsed
            view.done[job] = problem.size[job] - left[job]
            if job == first or left[job] <= 0.001 * _ROUNDING * problem.size[job]:
                over.append(job)
        for job in over:
            view.jobs.remove(job)
            view.finished.append(job)
            view.done[job], view.completion[job] = problem.size[job], view.time
        for job in over:
            for other in after[job]:
                waits[other] -= 1
                see(other)
        arrive()
    return Run([view.completion[job] for job in range(problem.num_jobs)], pieces)


def _rates(problem: OnlineProblem, view: View, rates: Rates) -> dict[int, Number]:
    """How fast each job advances; checks the shares."""
    rate: dict[int, Number] = {}
    of_job: dict[int, Number] = {}
    of_machine: list[Number] = [0] * problem.num_machines
    for machine, job, share in rates.shares:
        if job in view.completion or job not in view.done:
            raise ValueError(f"policy: found job {job} at time {float(view.time):g}, expected a seen, unfinished job")
        if share < 0:
            raise ValueError(f"policy: found a share of {float(share):g}, expected 0 or more")
        of_machine[machine] += share
        of_job[job] = of_job.get(job, 0) + share
        speed = problem.speed[machine][job] * share
        if speed > 0:
            rate[job] = rate.get(job, 0) + speed
    for name, total in (("machine", max(of_machine)), ("job", max(of_job.values(), default=0))):
        if total > 1 + _ROUNDING:
            raise ValueError(f"policy: found shares of {float(total):g} on one {name}, expected at most 1")
    return rate


def check_run(problem: OnlineProblem, run: Run, tolerance: float = 1e-6) -> list[str]:
    """What is wrong with the pieces of a run, by the definition alone: overlapping pieces, too much of a machine or a
    job, work before release or predecessors, completions where the size is not reached."""
    wrong = []
    work: list[Number] = [0] * problem.num_jobs
    last: list[Number] = [0] * problem.num_jobs
    clock: Number = 0
    for piece in run.pieces:
        if piece.start < clock or piece.end < piece.start:
            wrong.append(f"a piece from {piece.start} to {piece.end} after {clock}")
        clock = piece.end
        machines = [sum(y for i, _, y in piece.shares if i == each) for each in range(problem.num_machines)]
        jobs = {job: sum(y for _, j, y in piece.shares if j == job) for _, job, _ in piece.shares}
        if max([*machines, *jobs.values()], default=0) > 1 + tolerance:
            wrong.append(f"shares above 1 from {piece.start}")
        for machine, job, share in piece.shares:
            ready: list[Number] = [problem.release[job], *(run.completion[k] for k in problem.predecessors[job])]
            if share > 0 and piece.start < max(ready) * (1 - tolerance):
                wrong.append(f"job {job} runs at {piece.start}, before {max(ready)}")
            work[job] += problem.speed[machine][job] * share * (piece.end - piece.start)
            if share > 0:
                last[job] = piece.end
    for job, size in enumerate(problem.size):
        got, completion = float(work[job]), float(run.completion[job])
        if abs(got - size) > tolerance * size:
            wrong.append(f"job {job} got {got}, its size is {size}")
        if abs(float(last[job]) - completion) > tolerance * max(1.0, completion):
            wrong.append(f"job {job} is done at {completion}, it ran until {last[job]}")
    return wrong
