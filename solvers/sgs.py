"""Priority rules for projects with a schedule generation scheme: RCPSP, its multi-mode form, and shops as projects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar

import numpy as np

from makespan.instances.instance import ES, IndexArray, Instance
from makespan.instances.project_view import PROJECT_FEATURES, ProjectView, project_view
from makespan.instances.schedule import Schedule, objective_values
from makespan.solvers.kernels.critical_path import longest_paths, total_after
from makespan.solvers.kernels.justification import double_justification
from makespan.solvers.kernels.mode_assignment import draw_modes, shortest_modes
from makespan.solvers.kernels.project_sampling import BUILD, LEFT, sample_slice
from makespan.solvers.kernels.project_state import NEVER, Project, apply_modes, new_project
from makespan.solvers.kernels.serial_sgs import BEST, DRAW
from makespan.solvers.project_rules import PARALLEL, RULES, SCHEMES, SERIAL, Network, ProjectRule, find_rules
from makespan.solvers.registry import from_strings
from makespan.solvers.stage import Budget, Context

SLICE_SECONDS = 0.02
"""Aimed at between two looks at the clock."""

MOST_STEPS = 1_000_000
"""Tasks placed in one slice, at most."""

REPAIRS_PER_TASK = 20
"""Changes tried, per task, to make a random choice of modes fit the nonrenewable resources."""


@dataclass(frozen=True)
class Sgs:
    """Best of the schedules of one rule or, for ``best``, of each rule in turn.

    The first schedule of a rule follows its priorities, the others are drawn with regret-based biased random sampling.
    A task's modes come first: the shortest that the nonrenewable resources allow, then, a new choice per schedule,
    random ones. A choice that does not fit them, and a schedule that misses a deadline or cannot be finished, counts as
    a schedule and is dropped, so the stage may end without any; it never offers an infeasible one. Arcs that close a
    cycle leave it without an order to follow: it then builds none.

    Parameters
    ----------
    rule
        A name from ``project_rules.RULES``, or ``best``.
    scheme
        ``serial`` or ``parallel``.
    samples
        Schedules per rule, at least 1.
    justify
        Apply double justification to each schedule: two schedules more in the count of iterations. It shortens; under
        calendars, release dates, fixed starts and general time lags its backward pass is only a way to a new order.
    """

    supports: ClassVar[frozenset[str]] = PROJECT_FEATURES

    rule: str = "lft"
    scheme: str = SERIAL
    samples: int = 1
    justify: bool = False

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise ValueError(f"scheme: found {self.scheme!r}, expected {' or '.join(SCHEMES)}")
        if self.samples < 1:
            raise ValueError(f"samples: found {self.samples}, expected 1 or more")
        find_rules(self.rule, self.scheme)

    @property
    def kernels(self) -> tuple[Any, ...]:
        return longest_paths, total_after, shortest_modes, draw_modes, sample_slice

    def warm(self) -> None:
        """Compile every kernel by two schedules of a project of two tasks with two modes."""
        task = [(2, {0: 1, 1: 1}), (1, {0: 2, 1: 2})]
        toy = Instance.from_lists([task, task], [2, 3], [(0, 1, ES, 0)], [True, False])
        for rule in ("lft", "mts"):
            Sgs(rule, samples=2).run(toy, Context(toy, Budget(), 0, 1))

    def run(self, instance: Instance, context: Context) -> None:
        view = project_view(instance)
        if not view.is_acyclic:
            context.emit("log", message="sgs: the arcs close a cycle, which leaves no order to schedule in")
            return
        usable = np.add.reduceat(view.usable, view.mode_ptr[:-1]) if view.num_tasks else np.ones(1)
        if not usable.all():
            context.emit("log", message="sgs: a task has no mode within the capacities")
            return
        for rule in find_rules(self.rule, self.scheme):
            _Sampling(self, rule, instance, context).run()


def make(argument: str | None, **parameters: str) -> Sgs:
    """The stage of ``sgs:RULE,scheme=serial|parallel,samples=K,justify=true``. Raises ValueError with a sentence."""
    return from_strings(Sgs, parameters, rule=argument or "lft")


def justified(instance: Instance, schedule: Schedule, rounds: int = 1) -> Schedule:
    """The schedule after double justification in its own modes; itself where that does not shorten it.

    Two serial passes a round, O(tasks x successors and resources); goes on while the makespan falls, for ``rounds`` at
    most. For instances with PROJECT_FEATURES without cycles of arcs.
    """
    view = project_view(instance)
    mode = view.mode_ptr[:-1] + schedule.mode
    project = new_project(view, mode)
    apply_modes(view, mode, project)
    key, start = np.zeros(view.num_tasks, np.int64), schedule.start.copy()
    rng = np.zeros(1, np.uint64)  # scratch: the best key always goes first
    double_justification(project.ahead, project.back, project.state, key, rng, start, rounds)
    return Schedule(start, schedule.mode)


class _Sampling:
    """The schedules of one rule on one instance."""

    def __init__(self, stage: Sgs, rule: ProjectRule, instance: Instance, context: Context) -> None:
        self.stage, self.rule, self.instance, self.context = stage, rule, instance, context
        self.view: ProjectView = project_view(instance)
        self.rng = context.rng(list(RULES).index(rule.name)).integers(0, 2**64, 1, np.uint64)
        self.order = np.zeros(self.view.num_tasks, np.int64)
        self.steps = 1000

    def run(self) -> None:
        each = 3 if self.stage.justify else 1
        mode = self.view.mode_ptr[:-1].copy()
        project = new_project(self.view, mode)
        for pick, samples in self._choose_modes(mode):
            apply_modes(self.view, mode, project)
            self._build(project, mode, pick, each * samples)

    def _choose_modes(self, mode: IndexArray) -> Iterator[tuple[int, int]]:
        """Fill ``mode`` and yield how to pick tasks and how many samples to take with these modes, again and again.

        Modes that overdraw a nonrenewable resource are passed over and count as a schedule.
        """
        spent = np.zeros(self.view.capacity.size, np.int64)
        view = self.view
        modes = (view.mode_ptr, view.usable, view.duration)
        spends = (view.spend_ptr, view.spend_resource, view.spend_amount, view.capacity)
        is_feasible = shortest_modes(*modes, *spends, mode, spent)
        if not is_feasible:
            self.context.count(1)
        else:
            yield BEST, 1
        if not self.view.is_multi_mode:
            if is_feasible:
                yield DRAW, self.stage.samples - 1
            return
        tries = REPAIRS_PER_TASK * self.view.num_tasks
        for _ in range(self.stage.samples - 1):
            if self.context.expired():
                return
            if draw_modes(*modes, *spends, mode, spent, self.rng, tries):
                yield DRAW, 1
            else:
                self.context.count(1)

    def _build(self, project: Project, mode: IndexArray, pick: int, schedules: int) -> None:
        """Build schedules with the modes of ``project`` and offer those that are better than the incumbent."""
        context, stage = self.context, self.stage
        if schedules == 0 or context.expired():
            return
        limit = context.remaining_iterations()
        control = np.array([BUILD, 0, schedules if limit is None else min(schedules, limit)], np.int64)
        key = self.rule.key(Network(self.instance, project))
        if self.rule.always_drawn:
            pick = DRAW
        while control[LEFT] > 0 and not context.expired():
            left, begun = int(control[LEFT]), perf_counter()
            found = sample_slice(
                project.ahead, project.back, project.state, control, stage.scheme == PARALLEL, pick, key,
                self.rule.worst_case, stage.justify, self.order, self.rng, self._cutoff(), self.steps,
            )  # fmt: skip
            context.count(left - int(control[LEFT]))
            if found:
                start = project.state.activity["start"]
                by = f"sgs:{self.rule.name},scheme={stage.scheme}"
                schedule = Schedule(start, mode - self.view.mode_ptr[:-1])
                # The kernel's cutoff is one on the makespan; by another objective most are not worth a check.
                if context.objectives is None or objective_values(self.instance, schedule) < context.objectives:
                    context.offer(schedule, by)
            else:
                seconds = max(perf_counter() - begun, 1e-6)
                self.steps = int(np.clip(self.steps * SLICE_SECONDS / seconds, 100, MOST_STEPS))

    def _cutoff(self) -> int:
        """A makespan that a schedule must beat to be worth a look."""
        if self.instance.objective[0] != "makespan" or self.context.objectives is None:
            return NEVER
        return self.context.objectives[0] + (len(self.instance.objective) > 1)
