"""Runs CP-SAT on an instance: objective by objective, with solutions and bounds reported as they come."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from makespan.instances.instance import IndexArray, Instance, IntArray
from makespan.instances.schedule import Schedule, objective_values
from makespan.solvers.cp_sat.model import build
from makespan.solvers.cp_sat.tasks import Draft, Hint, Kept

TICKS_PER_SECOND = 1000
"""Iterations in one second of CP-SAT's deterministic time."""

SMALL_TASKS = 100
"""Up to this many tasks two workers both search completely, if the objective is the largest of something."""


@dataclass(frozen=True)
class Request:
    """What to solve and how.

    Parameters
    ----------
    deadline
        When to stop, on the clock of ``time.monotonic``.
    ticks
        Limit in deterministic time, TICKS_PER_SECOND to the second.
    parameters
        Further parameters of CP-SAT in its text format.
    start, mode
        A feasible schedule to start from.
    lower_bound
        Known bound of the first objective.
    cut
        Ask for something better than the schedule to start from, instead of no worse.
    minimise
        Without it the first schedule found is the answer.
    kept
        What of the schedule to start from must stay as it is. A proof then speaks of such schedules alone.
    """

    instance: Instance
    deadline: float | None = None
    ticks: int | None = None
    workers: int = 1
    seed: int = 0
    log: bool = False
    deterministic: bool = False
    parameters: str = ""
    start: IntArray | None = None
    mode: IndexArray | None = None
    lower_bound: int | None = None
    cut: bool = False
    minimise: bool = True
    kept: Kept | None = None


@dataclass(frozen=True)
class Outcome:
    """How a run ended. ``proof``: "optimal", "infeasible" or None; ``ticks``: deterministic time used."""

    proof: str | None
    ticks: int


@dataclass(frozen=True)
class Report:
    """Where a run sends what it finds: schedules, bounds of the first objective, lines of CP-SAT's log."""

    schedule: Callable[[Schedule], object]
    bound: Callable[[int], object]
    log: Callable[[str], object]


def safe_bound(value: float) -> int | None:
    """CP-SAT's bound, a float, as an integer that is a bound too; None if there is none."""
    if not math.isfinite(value) or abs(value) > 2.0**62:
        return None
    return math.ceil(value - max(1e-6, 1e-12 * abs(value)))


class Search:
    """One run. ``stop`` may be called from another thread."""

    def __init__(self, request: Request, report: Report) -> None:
        self.request, self.report = request, report
        self.instance = request.instance
        self.best: Schedule | None = None
        self.values: tuple[int, ...] | None = None
        self.ticks = 0.0
        self._solver: cp_model.CpSolver | None = None
        self._stopped = False
        self._at_first_level = True
        if request.start is not None:
            self._keep(Schedule(request.start, request.mode))

    def stop(self) -> None:
        self._stopped = True
        if self._solver is not None:
            self._solver.stop_search()

    def run(self) -> Outcome:
        """Solve for one objective after the other, the former held at their optimum.

        Raises ``calendars.TooLarge`` if the model cannot be written down.
        """
        levels = len(self.instance.objective) if self.request.minimise else 1
        fixed: list[int] = []
        for level in range(levels):
            if self._is_over():
                return self._outcome(None)
            if not self._solve_level(level, fixed):
                self._use_up_ticks()
                return self._outcome(None)
            if self.values is None:
                return self._outcome("infeasible")
            fixed.append(self.values[level])
        return self._outcome("optimal" if self.request.minimise else None)

    def _solve_level(self, level: int, fixed: list[int]) -> bool:
        """Whether the level is settled: its optimum is ``self.values[level]``, or there is no schedule."""
        request, known = self.request, self.values
        self._at_first_level = level == 0
        if self._meets_bound():
            return True
        at_most = None if known is None else known[level] - request.cut
        draft = build(
            self.instance,
            level=level,
            fixed=fixed,
            at_most=at_most,
            hint=self._hint(),
            minimise=request.minimise,
            kept=request.kept,
        )
        if self._is_over():
            return False
        solver = self._solver = self._configured(self.instance.objective[level])
        if level == 0 and request.minimise:
            solver.best_bound_callback = self._on_bound
        status = solver.solve(draft.model, _Listener(self, draft))
        self.ticks += solver.deterministic_time * TICKS_PER_SECOND
        if status == cp_model.MODEL_INVALID:
            raise RuntimeError(f"CP-SAT refuses the model: {solver.solution_info() or draft.model.validate()}")
        if status == cp_model.INFEASIBLE:
            if known is not None and not request.cut:
                raise RuntimeError("CP-SAT finds no schedule, yet one was given")
            return True
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE) and known is None:
            if level == 0 and request.minimise:
                self._on_bound(solver.best_objective_bound)
            return False
        if not request.minimise or self._meets_bound():
            return True
        bound = safe_bound(solver.best_objective_bound)
        if level == 0 and bound is not None:
            self.report.bound(bound)
        return self.values is not None and bound is not None and bound >= self.values[level]

    def _configured(self, objective: str) -> cp_model.CpSolver:
        request, solver = self.request, cp_model.CpSolver()
        parameters = solver.parameters
        parameters.num_workers = 1 if request.deterministic else request.workers
        parameters.random_seed = request.seed % 2**31
        is_small = self.instance.num_tasks <= SMALL_TASKS and objective in ("makespan", "max_lateness")
        if is_small and parameters.num_workers == 2 and "subsolvers" not in request.parameters:
            # By default the second worker only looks for better schedules; of small projects the proof takes longest.
            parameters.subsolvers.extend(("core", "no_lp"))
        if request.deadline is not None:
            parameters.max_time_in_seconds = max(0.01, request.deadline - time.monotonic())
        if request.ticks is not None:
            parameters.max_deterministic_time = max(1e-3, (request.ticks - self.ticks) / TICKS_PER_SECOND)
        if not request.minimise:
            parameters.stop_after_first_solution = True
        if request.log:
            parameters.log_search_progress = True
            parameters.log_to_stdout = False
            solver.log_callback = self.report.log
        if request.parameters and not parameters.merge_text_format(request.parameters):
            raise ValueError(f"CP-SAT does not know the parameters {request.parameters!r}")
        return solver

    def _is_over(self) -> bool:
        request = self.request
        late = request.deadline is not None and time.monotonic() >= request.deadline
        return self._stopped or late or (request.ticks is not None and self.ticks >= request.ticks)

    def _use_up_ticks(self) -> None:
        """A search that the deterministic limit stopped has used all of it; CP-SAT reports a little less."""
        if self.request.ticks is not None and not self._is_over():
            self.ticks = float(self.request.ticks)

    def _outcome(self, proof: str | None) -> Outcome:
        return Outcome(proof, math.ceil(self.ticks))

    def _hint(self) -> Hint | None:
        if self.best is None:
            return None
        return Hint(self.best.start, self.best.mode_index(self.instance), self.best.end(self.instance))

    def _keep(self, schedule: Schedule) -> bool:
        values = objective_values(self.instance, schedule)
        if self.values is not None and values >= self.values:
            return False
        self.best, self.values = schedule, values
        return True

    def _meets_bound(self) -> bool:
        """Whether the known bound settles the first objective. The bound is no constraint of the model: a wrong one
        would then turn into a wrong proof instead of a contradiction that ``Context`` reports."""
        bound = self.request.lower_bound
        return self._at_first_level and bound is not None and self.values is not None and self.values[0] <= bound

    def _on_schedule(self, schedule: Schedule) -> None:
        if self._keep(schedule):
            self.report.schedule(schedule)
            if self._meets_bound() and self._solver is not None:
                self._solver.stop_search()

    def _on_bound(self, value: float) -> None:
        bound = safe_bound(value)
        if bound is not None:
            self.report.bound(bound)


class _Listener(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]
    """Reads each solution that CP-SAT finds."""

    def __init__(self, search: Search, draft: Draft) -> None:
        super().__init__()
        self.search, self.draft = search, draft

    def on_solution_callback(self) -> None:
        self.search._on_schedule(extract(self.draft, self.value))


def extract(draft: Draft, value: Callable[[Any], int]) -> Schedule:
    """The schedule of a solution; ``value`` reads a variable or literal."""
    start = np.array([value(variable) for variable in draft.start], np.int64)
    mode = np.zeros(start.size, np.int32)
    for task, modes in enumerate(draft.modes):
        chosen = next(iter(modes)) if len(modes) == 1 else next(m for m, literal in modes.items() if value(literal))
        mode[task] = chosen - draft.instance.mode_ptr[task]
    return Schedule(start, mode)
