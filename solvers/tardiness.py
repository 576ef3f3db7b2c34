"""The solver ``tardiness``: one machine, total tardiness, by a rule or exactly."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from makespan.instances.dates import releases, tightest
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.solvers.registry import from_strings
from makespan.solvers.stage import Context, Refused
from makespan.solvers.tardiness_exact import least_tardiness
from makespan.solvers.tardiness_rules import RULES, Jobs, augment_sequence, augmented

EXACT, BEST = "exact", "best"


@dataclass(frozen=True)
class Tardiness:
    """Sequences for total tardiness on one machine where all jobs are there at once.

    Refuses several machines, precedence, different release dates and other objectives; CP-SAT takes those.

    Parameters
    ----------
    method
        A name in ``tardiness_rules.RULES``; ``best`` for all of them; ``exact`` for decomposition with a memory, which
        proves its sequence optimal. An iteration is one sequence of a rule or one subproblem.
    augment
        Let jobs go back to the end of the sequence of a rule while it grows.
    """

    supports: ClassVar[frozenset[str]] = frozenset({"release", "due", "objective"})

    method: str = EXACT
    augment: bool = False

    def __post_init__(self) -> None:
        known = (*RULES, BEST, EXACT)
        if self.method not in known:
            near = difflib.get_close_matches(self.method, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"unknown method {self.method!r}, known: {', '.join(known)}{hint}")
        if self.method == EXACT and self.augment:
            raise ValueError("augment: found true, expected it with a rule, not with exact")

    @property
    def kernels(self) -> tuple[Any, ...]:
        return (augment_sequence,) if self.augment else ()

    def warm(self) -> None:
        if self.augment:
            augmented(_locked([2, 1], [1, 2]), np.array([0, 1]))

    def run(self, instance: Instance, context: Context) -> None:
        jobs, begin = one_machine_jobs(instance)
        if self.method == EXACT:
            self._exact(jobs, begin, context)
            return
        for name in RULES if self.method == BEST else (self.method,):
            if context.expired():
                return
            order = RULES[name].order(jobs)
            if self.augment:
                order = augmented(jobs, order)
            context.count(1)
            context.offer(schedule_of(jobs, begin, order), f"tardiness:{name}{',augment=true' if self.augment else ''}")

    def _exact(self, jobs: Jobs, begin: int, context: Context) -> None:
        """A rule first, since an answer is worth having when the time is up."""
        if context.incumbent is None:
            context.offer(schedule_of(jobs, begin, RULES["mdd"].order(jobs)), "tardiness:mdd")

        def go_on(solved: int) -> bool:
            context.count(solved)
            return not context.expired()

        order = least_tardiness(jobs, go_on)
        if order is not None:
            context.offer(schedule_of(jobs, begin, order), f"tardiness:{EXACT}")
            context.prove_optimal()


def make(argument: str | None, **parameters: str) -> Tardiness:
    """The stage of ``tardiness:METHOD,augment=true``. Raises ValueError."""
    return from_strings(Tardiness, parameters, method=argument or EXACT)


def is_one_machine(instance: Instance) -> bool:
    """Whether an instance is one for the stage ``tardiness``."""
    if instance.features - Tardiness.supports:
        return False
    try:
        one_machine_jobs(instance)
    except Refused:
        return False
    return True


def one_machine_jobs(instance: Instance) -> tuple[Jobs, int]:
    """The jobs of an instance, with time counted from their common release, and this release.

    A job is a task here: of one with several, the features tell already (precedence or recirculation). Raises Refused
    if there is not one machine, if there is precedence, a release of a job's own or two kinds of due dates, or if the
    objective is another one.
    """
    if instance.objective != ("total_tardiness",):
        raise Refused(f"tardiness: found objective {', '.join(instance.objective)}, expected total_tardiness")
    machine = instance.machine[instance.mode_ptr[:-1]]
    used = np.unique(machine)
    if used.size != 1:
        raise Refused(f"tardiness: found {used.size} machines, expected one")
    if instance.num_arcs:
        raise Refused(f"tardiness: found {instance.num_arcs} precedence arcs, expected none")
    release = releases(instance)
    if np.unique(release).size > 1:
        raise Refused(f"tardiness: found release dates from {release.min()} to {release.max()}, expected one for all")
    if instance.due is not None and instance.job_due is not None:
        raise Refused("tardiness: found due dates of tasks and of jobs, expected one of the two")
    begin = int(release[0])
    due = tightest(instance, instance.due, instance.job_due) - begin
    return _locked(instance.duration, due), begin


def schedule_of(jobs: Jobs, begin: int, order: IntArray) -> Schedule:
    """The jobs one after the other from ``begin`` on."""
    start = np.empty(order.size, np.int64)
    end = np.cumsum(jobs.duration[order])
    start[order] = begin + end - jobs.duration[order]
    return Schedule(start)


def _locked(duration: Any, due: Any) -> Jobs:
    """Read-only arrays, the one type for which the kernel is compiled."""
    arrays = [np.array(values, np.int64) for values in (duration, due)]
    for array in arrays:
        array.setflags(write=False)
    return Jobs(*arrays)
