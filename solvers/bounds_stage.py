"""The stage ``bounds``: raises the lower bound beside a search, from cheap relaxations to proofs by CP-SAT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from makespan.instances.dates import deadlines, releases
from makespan.instances.features import ALL_FEATURES
from makespan.instances.instance import Instance
from makespan.solvers import lower_bounds
from makespan.solvers.cp_sat import memory
from makespan.solvers.cp_sat.parent import prepare_child
from makespan.solvers.cp_sat.refutation import ask
from makespan.solvers.kernels.carlier import one_machine
from makespan.solvers.kernels.narrowing import ENERGETIC, QUICK, SHAVING, narrow
from makespan.solvers.kernels.one_machine import shortest_remaining
from makespan.solvers.kernels.windows import CONTRADICTION, OUT_OF_WORK
from makespan.solvers.lower_bounds import alone_on_machines, bounds_in_turn, heads, tails
from makespan.solvers.narrow_windows import Trials, make_trials
from makespan.solvers.registry import from_strings
from makespan.solvers.stage import Context
from makespan.solvers.sum_bounds import sum_bound

WORK_PER_SLICE = 3_000_000
"""Steps of a narrowing slice: 10 to 30 ms."""

MACHINE_WORK = 200_000
"""Nodes x tasks of one exact one-machine bound."""

FINENESS = 2048
"""Shaving cuts off at least this fraction of the trial value, so that large numbers do not slow it down."""

MOST_ON_MACHINE = 100_000

SMALL_TASKS = 20_000
"""Beyond that CP-SAT is not asked: building its model would take longer than any proof is worth."""


@dataclass(frozen=True)
class Bounds:
    """Lower bounds for makespan and max lateness: one-machine problems solved exactly, then destructive improvement.

    For a trial value the windows of all tasks are narrowed until they contradict each other, which proves value + 1 a
    bound: first by edge finding and energetic reasoning, then by shaving, then by CP-SAT in slices that grow. It ends
    when the bound meets the incumbent, when nothing refutes any more or the time is up. For sums the bound is
    ``sum_bound``.

    Parameters
    ----------
    shave
        Whether to shave.
    cpsat
        Whether to ask CP-SAT, on one worker beside this process.
    slice
        Seconds of its first slice; each one without an answer doubles it.
    params
        Parameters of CP-SAT in its text format, for comparisons.
    """

    supports: ClassVar[frozenset[str]] = ALL_FEATURES
    name: ClassVar[str] = "bounds"

    shave: bool = True
    cpsat: bool = True
    slice: float = 2.0
    params: str = ""

    def __post_init__(self) -> None:
        if not self.slice > 0:
            raise ValueError(f"slice: found {self.slice}, expected seconds above 0")

    @property
    def kernels(self) -> tuple[Any, ...]:
        return (*lower_bounds.KERNELS, one_machine, narrow, shortest_remaining)

    def warm(self) -> None:
        """Compile the kernels and start a CP-SAT child."""
        instance = Instance.job_shop([[0, 1], [1, 0]], [[2, 1], [1, 2]])
        trials = make_trials(instance)
        assert trials is not None
        trials.set(4)
        narrow(trials.windows, trials.saved, QUICK, 1, WORK_PER_SLICE)
        _, head, body, tail = next(alone_on_machines(instance, heads(instance).start, tails(instance)))
        one_machine(head, body, tail, 0, 100, 10, 4)
        shortest_remaining(head, body, np.empty(head.size, np.int64))
        lower_bounds.warm()
        if self.cpsat:
            prepare_child()

    def run(self, instance: Instance, context: Context) -> None:
        for bound in bounds_in_turn(instance):
            context.offer_bound(bound)
            if context.expired():
                return
        if not instance.num_tasks or instance.derived(heads).circle:
            return
        if instance.objective[0] not in ("makespan", "max_lateness"):
            context.offer_bound(sum_bound(instance))
            return
        run = _Run(instance, context, self)
        run.machines()
        if run.may_go_on() and (trials := make_trials(instance)) is not None:
            run.narrow(trials)


def make(argument: str | None, **parameters: str) -> Bounds:
    """The stage of ``bounds[,key=value…]``."""
    if argument is not None:
        raise ValueError(f"found {argument!r} after the colon, expected nothing")
    return from_strings(Bounds, parameters)


class _Run:
    """One run of the stage; ``low`` is the bound, so every value below it is refuted."""

    def __init__(self, instance: Instance, context: Context, stage: Bounds) -> None:
        self.instance, self.context, self.stage = instance, context, stage

    @property
    def low(self) -> int:
        bound = self.context.lower_bound
        assert bound is not None
        return bound

    def best(self) -> int | None:
        """The incumbent's value of the first objective."""
        objectives = self.context.objectives
        return None if objectives is None else objectives[0]

    def may_go_on(self) -> bool:
        best = self.best()
        return not self.context.expired() and (best is None or self.low < best)

    def machines(self) -> None:
        """Exact one-machine bounds with the heads and tails of the precedence."""
        earliest = self.instance.derived(heads)
        for _, head, body, tail in alone_on_machines(self.instance, earliest.start, self.instance.derived(tails)):
            if not self.may_go_on():
                return
            if head.size <= MOST_ON_MACHINE:
                self.context.offer_bound(_exact(head, body, tail, self.low, 2**60))
                self.context.count(1)

    def narrow(self, trials: Trials) -> None:
        """Destructive improvement, by rules that refute more and cost more in turn."""
        last = trials.worst
        if self.low > last:
            self.context.prove_infeasible("no start times meet all deadlines and resources")
            return
        for effort in (ENERGETIC, SHAVING) if self.stage.shave else (ENERGETIC,):
            self._improve(trials, effort, last)
        if self.stage.cpsat and self.instance.num_tasks <= SMALL_TASKS:
            self._prove(trials, last)

    def _limit(self, last: int) -> int:
        """The largest value worth refuting."""
        best = self.best()
        return last if best is None else best - 1

    def _improve(self, trials: Trials, effort: int, last: int) -> None:
        """Raise the bound until the next value is not refuted: double steps, then halves."""
        step, open_value = 1, last + 1
        while self.may_go_on():
            limit = min(self._limit(last), open_value - 1)
            if self.low > limit:
                return
            value = min(self.low + step - 1, limit) if open_value > last else (self.low + limit) // 2
            refuted = self._refutes(trials, value, effort)
            if refuted is None:
                return
            if not refuted:
                open_value = value
                step = 1
            elif value >= last:
                self.context.prove_infeasible("no start times meet all deadlines and resources")
                return
            else:
                self.context.offer_bound(value + 1)
                step *= 2

    def _refutes(self, trials: Trials, value: int, effort: int) -> bool | None:
        """Whether no schedule is as good as ``value``; None if the time is up. The windows stay narrowed."""
        if not trials.set(value):
            return True
        unit = max(1, value // FINENESS)
        for each in (ENERGETIC, SHAVING) if effort == SHAVING else (ENERGETIC,):
            while (status := narrow(trials.windows, trials.saved, each, unit, WORK_PER_SLICE)) == OUT_OF_WORK:
                if not self.may_go_on():
                    return None
            self.context.count(1)
            if status == CONTRADICTION:
                return True
            if each == ENERGETIC and self._machine_too_narrow(trials):
                return True
        return False

    def _machine_too_narrow(self, trials: Trials) -> bool:
        """Whether one of the machines alone does not fit its windows."""
        start, end = trials.earliest_start(), trials.latest_end()
        for _, head, body, tail in alone_on_machines(self.instance, start, -end):
            if self.context.expired():
                return False
            if head.size <= MOST_ON_MACHINE and _exact(head, body, tail, 0, 1) > 0:
                return True
        return False

    def _prove(self, trials: Trials, last: int) -> None:
        """Ask CP-SAT for schedules with values that nothing else refutes."""
        if memory.refusal(self.instance, 1) is not None:
            return
        seconds, step = self.stage.slice, 1
        while self.may_go_on():
            limit = self._limit(last)
            value = min(self.low + step - 1, limit)
            refuted = self._refutes(trials, value, SHAVING if self.stage.shave else ENERGETIC)
            if refuted is None:
                return
            if not refuted:
                answer = ask(self._within(trials), self.context, seconds, self.stage.params)
                refuted = answer.refuted
                if answer.schedule is not None:
                    self.context.offer(answer.schedule)
                    continue
            if not refuted:
                seconds, step = 2 * seconds, 1
            elif value >= last:
                self.context.prove_infeasible("CP-SAT proved that no schedule exists")
                return
            else:
                self.context.offer_bound(value + 1)
                step = min(2 * step, max(1, (limit - value) // 4))

    def _within(self, trials: Trials) -> Instance:
        """The instance with the windows as dates."""
        start, end = trials.earliest_start(), trials.latest_end()
        release, deadline = releases(self.instance), deadlines(self.instance)
        if self.instance.fixed_start is not None:
            start = np.where(self.instance.fixed_start >= 0, release, start)
        return self.instance.replace(
            release=np.maximum(release, start),
            deadline=np.minimum(deadline, end),
            objective=("makespan",),
        )


def _exact(head: np.ndarray, body: np.ndarray, tail: np.ndarray, floor: int, upper: int) -> int:
    size = max(1, head.size)
    depth = max(4, min(200, 2_000_000 // size))
    return int(one_machine(head, body, tail, floor, upper, 1 + MACHINE_WORK // size, depth))
