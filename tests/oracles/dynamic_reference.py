"""A simulated shop in plain Python, one unit of time after the other; shares but a logarithm with the kernels."""

from __future__ import annotations

from dataclasses import dataclass, field

from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.dynamic_schedule import operations
from makespan.solvers.kernels import dynamic_layout as layout
from makespan.solvers.kernels.fixed_point import log2

_WORD = 2**64 - 1
_BREAKDOWN, _PART, _REPAIR, _UP = 5, 6, 7, 8


def mixed(z: int) -> int:
    """The finalizer of SplitMix64."""
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _WORD
    return z ^ z >> 31


def chance(seed: int, stream: int, first: int, second: int) -> int:
    """``dynamic_draws.chance``: 32 bits for these four numbers."""
    gamma = 0x9E3779B97F4A7C15
    z = mixed(seed + (stream + 1) * gamma & _WORD)
    z = mixed((z ^ first) + gamma & _WORD)
    return mixed((z ^ second) + gamma & _WORD) >> 32


def exponential(seed: int, stream: int, first: int, second: int, mean: int) -> int:
    """``dynamic_draws.exponential``."""
    logarithm = (32 << 20) - int(log2.py_func(chance(seed, stream, first, second) + 1))
    return mean * (logarithm * 726_817 >> 20) >> 20


@dataclass
class Job:
    """A job with its route; ``machine`` and ``remaining`` describe the operation that is under way."""

    number: int
    arrival: int
    route: list[tuple[int, int, int]]
    step: int = 0
    machine: int | None = None
    remaining: int | None = None
    ready: int = 0
    start: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)

    @property
    def target(self) -> int:
        return self.route[self.step][0]


@dataclass
class Machine:
    """``down``: time left until it is repaired; ``fails_at`` an absolute time; ``breaks_after``: at this much work."""

    down: int = 0
    fails_at: int | None = None
    breaks_after: int | None = None
    repair: int = 0
    failures: int = 0


class Reference:
    """Plays a row of a batch by a rule, ties to the job of lower number."""

    def __init__(self, batch: DynamicBatch, row: int) -> None:
        jobs, table = operations(batch, row)
        self.scenario, self.seed = batch.scenario, int(batch.seed[row])
        self.setting, fact = batch.setting, batch.arena.fact[batch.which[row]]
        self.most = int(fact[layout.MOST_REPAIR])
        self.jobs = [
            Job(
                j,
                int(jobs[j, layout.ARRIVAL]),
                [
                    (int(op[layout.OP_MACHINE]), int(op[layout.OP_PLANNED]), int(op[layout.OP_ACTUAL]))
                    for op in table[j, : jobs[j, layout.LENGTH]]
                ],
            )
            for j in range(len(jobs))
        ]
        self.machines = [Machine() for _ in range(int(fact[layout.MACHINES_THERE]))]
        self.time = 0
        if self.scenario.up_time is not None:
            for k, machine in enumerate(self.machines):
                self.plan_failure(k, machine)

    def plan_failure(self, k: int, machine: Machine) -> None:
        mean = int(self.setting[layout.SET_UP_TIME])
        machine.fails_at = self.time + max(1, exponential(self.seed, _UP, k, machine.failures, mean) >> 8)
        machine.repair = 1 + (chance(self.seed, _REPAIR, k, machine.failures) * self.most >> 32)

    def there(self) -> list[Job]:
        return [job for job in self.jobs if job.arrival <= self.time and job.step < len(job.route)]

    def holder(self, k: int) -> Job | None:
        return next((job for job in self.there() if job.machine == k), None)

    def begin(self, job: Job) -> None:
        k, _, actual = job.route[job.step]
        job.machine, job.remaining = k, actual
        job.start.append(self.time)
        likely = int(self.setting[layout.SET_BREAKDOWN])
        if likely > 0 and chance(self.seed, _BREAKDOWN, job.number, job.step) < likely:
            machine, part = self.machines[k], actual
            machine.repair = 1 + (chance(self.seed, _REPAIR, job.number, job.step) * self.most >> 32)
            if self.scenario.interrupt and actual > 0:
                part = 1 + (chance(self.seed, _PART, job.number, job.step) * actual >> 32)
            machine.breaks_after = part

    def go_down(self, machine: Machine) -> None:
        machine.down, machine.fails_at, machine.breaks_after = machine.repair, None, None

    def events(self) -> bool:
        """All that happens at this time; whether anything did."""
        changed = False
        for k, machine in enumerate(self.machines):
            job = self.holder(k)
            running = job is not None and job.remaining is not None
            if job is not None and job.remaining == 0:
                running, changed = False, True
                job.end.append(self.time)
                job.remaining, job.ready = None, self.time
                job.step += 1
                if job.step == len(job.route) or not self.scenario.blocking:
                    job.machine = None
            if machine.breaks_after is not None and job is not None:
                work = job.route[job.step][2] - job.remaining if job.remaining is not None else machine.breaks_after
                if work == machine.breaks_after and machine.down == 0:
                    self.go_down(machine)
                    changed = True
            due = machine.fails_at is not None and self.time >= machine.fails_at and machine.down == 0
            if due and (not running or self.scenario.interrupt):
                self.go_down(machine)
                changed = True
        return changed

    def rotate(self) -> bool:
        for job in self.there():
            circle = [job]
            while circle[-1].machine is not None and circle[-1].remaining is None:
                holder = self.holder(circle[-1].target)
                if holder is None or holder in circle:
                    break
                circle.append(holder)
            last = circle[-1]
            blocked = all(each.machine is not None and each.remaining is None for each in circle)
            closed = blocked and self.holder(last.target) is job and (self.scenario.swap or len(circle) == 1)
            if closed and all(self.machines[each.target].down == 0 for each in circle):
                for each in circle:
                    self.begin(each)
                return True
        return False

    def decide(self, rule: str) -> bool:
        for k, machine in enumerate(self.machines):
            if machine.down or self.holder(k) is not None:
                continue
            waiting = [job for job in self.there() if job.target == k and job.remaining is None]
            if waiting:
                self.begin(min(waiting, key=lambda job: (self.priority(rule, job), job.number)))
                return True
        return False

    def priority(self, rule: str, job: Job) -> int:
        rest = sum(planned for _, planned, _ in job.route[job.step :])
        return {"spt": job.route[job.step][1], "mwkr": -rest, "fifo": max(job.arrival, job.ready)}[rule]

    def play(self, rule: str, until: int = 5000) -> None:
        """Until all jobs are done, or for so long."""
        while self.time < until and any(job.step < len(job.route) for job in self.jobs):
            while self.events() or self.rotate() or self.decide(rule):
                pass
            for k, machine in enumerate(self.machines):
                job = self.holder(k)
                if machine.down == 0 and job is not None and job.remaining is not None:
                    job.remaining -= 1
            self.time += 1
            for k, machine in enumerate(self.machines):
                if machine.down:
                    machine.down -= 1
                    if machine.down == 0 and self.scenario.up_time is not None:
                        machine.failures += 1
                        self.plan_failure(k, machine)
