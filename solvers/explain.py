"""explain(): why an instance has no schedule, as a smallest set of constraints that contradict each other."""

from __future__ import annotations

import time
from dataclasses import dataclass

from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.solvers.constraint_groups import Group, Groups
from makespan.solvers.cp_sat.stage import CpSat
from makespan.solvers.infeasibility import infeasibility
from makespan.solvers.stage import Budget, Context

DEFAULT_SECONDS = 60.0


@dataclass(frozen=True)
class Explanation:
    """Why there is no schedule, or that there is one.

    Parameters
    ----------
    status
        "feasible", "infeasible" or "unknown" (the time was not enough to tell).
    conflict
        Constraints that together allow no schedule.
    sentences
        The same in the names of tasks, jobs and resources.
    minimal
        Whether any one of them can be dropped to make the rest feasible; False when the time ran out.
    schedule
        A feasible one if there is.
    seconds
        Wall clock used.
    """

    status: str
    conflict: tuple[Group, ...] = ()
    sentences: tuple[str, ...] = ()
    minimal: bool = False
    schedule: Schedule | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        if self.status == "feasible":
            return "feasible: there is a schedule"
        if self.status == "unknown":
            return "unknown: neither a schedule nor a contradiction was found within the limit"
        if not self.sentences:
            return "infeasible: the routes and durations alone allow no schedule"
        head = "infeasible: these constraints contradict each other, and without any one of them the others can be met"
        if self.minimal and len(self.sentences) == 1:
            head = "infeasible: this constraint alone allows no schedule"
        elif not self.minimal:
            head = "infeasible: these constraints contradict each other (not minimal, stopped at the limit)"
        return "\n".join([head, *(f"- {sentence}" for sentence in self.sentences)])


def explain(instance: Instance, budget: Budget | None = None, *, threads: int = 1, seed: int = 0) -> Explanation:
    """A deletion-minimal conflict of an infeasible instance, or a schedule of a feasible one.

    Constraints are dropped in ever smaller lots as long as the rest stays contradictory; each test is a quick bound,
    then CP-SAT. ``budget.seconds`` (DEFAULT_SECONDS if there is none) limits the whole; what is left undecided stays in
    the conflict, which is then not called minimal.
    """
    seconds = DEFAULT_SECONDS if budget is None or budget.seconds is None else budget.seconds
    return _Filter(instance, seconds, threads, seed).run()


class _Filter:
    def __init__(self, instance: Instance, seconds: float, threads: int, seed: int) -> None:
        self.groups = Groups(instance)
        self.began = time.monotonic()
        self.seconds, self.threads, self.seed = seconds, threads, seed
        self.schedule: Schedule | None = None
        self.undecided: set[Group] = set()

    def run(self) -> Explanation:
        verdict = self._is_infeasible(self.groups.instance, share=1.0)
        if verdict is not True:
            status = "unknown" if verdict is None else "feasible"
            return Explanation(status, schedule=self.schedule, seconds=self._used())
        kept = list(self.groups.all)
        for kind in dict.fromkeys(group.kind for group in self.groups.all):
            kept = self._without(kept, [group for group in kept if group.kind == kind])
        lot = len(kept)
        while lot > 1:
            lot = (lot + 1) // 2
            for first in range(0, len(kept), lot)[::-1]:  # backwards, so that what is dropped moves nothing ahead
                kept = self._without(kept, kept[first : first + lot])
            lot = min(lot, len(kept))
        if len(kept) == 1:
            kept = self._without(kept, kept)
        sentences = tuple(self.groups.sentence(group) for group in kept)
        return Explanation("infeasible", tuple(kept), sentences, not self.undecided & set(kept), seconds=self._used())

    def _without(self, kept: list[Group], lot: list[Group]) -> list[Group]:
        """``kept`` less ``lot`` if that is contradictory still, else ``kept``."""
        dropped = set(lot)
        rest = [group for group in kept if group not in dropped]
        verdict = self._is_infeasible(self.groups.restricted(rest), share=0.1)
        if len(lot) == 1 and verdict is None:
            self.undecided.update(lot)
        elif len(lot) == 1:
            self.undecided.difference_update(lot)
        return rest if verdict else kept

    def _is_infeasible(self, instance: Instance, share: float) -> bool | None:
        """None if it cannot be told within the share of the time that is left."""
        left = self.seconds - self._used()
        if left <= 0:
            return None
        if instance.derived(infeasibility):
            return True
        context = Context(instance, Budget(seconds=max(share * left, min(left, 1.0))), self.seed, self.threads)
        context.begin_stage("explain", None, None)
        try:
            CpSat(first=True).run(instance, context)
        finally:
            context.close()
        self.schedule = context.incumbent
        if context.incumbent is not None:
            return False
        return True if context.proof == "infeasible" else None

    def _used(self) -> float:
        return time.monotonic() - self.began
