"""Genetic search on activity lists for projects: RCPSP, its multi-mode form, every regular objective."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar

import numpy as np

from makespan.instances.instance import ES, Instance, IntArray
from makespan.instances.project_view import PROJECT_FEATURES, ProjectView, project_view
from makespan.instances.schedule import Schedule
from makespan.solvers.kernels.activity_events import new_events
from makespan.solvers.kernels.activity_evolution import (
    ADOPT,
    ALTERNATES,
    BUILT,
    FOUND,
    ON_GRID,
    SIZE,
    evolve_slice,
    new_best,
    new_child,
    new_population,
)
from makespan.solvers.kernels.activity_grid import Modes, new_grid
from makespan.solvers.kernels.activity_list import new_arcs
from makespan.solvers.kernels.critical_path import longest_paths
from makespan.solvers.kernels.mode_assignment import shortest_modes
from makespan.solvers.kernels.objectives import objective_items, objective_kinds
from makespan.solvers.kernels.project_state import new_project
from makespan.solvers.project_rules import RULES, Network
from makespan.solvers.registry import from_strings
from makespan.solvers.stage import Budget, Context, Refused

SLICE_SECONDS = 0.02
"""Aimed at between two looks at the clock."""

MOST_TASKS = 20_000
"""Beyond these, one schedule takes longer than may pass between two looks at the clock."""

MEMORY_BYTES = 2**28
"""Of the populations of all threads."""

MOST_ROWS = 8
"""How many times the first population a later one may be."""

LEAST_ROWS = 20
"""Lists in the first population of a short run."""

SHARES = (25, 75)
"""The stretch of time a child takes from one parent, in per cent: least and most."""

MOST_UNITS, MOST_UNITS_PER_TASK = 200_000, 40
"""Longest grid, and the mean duration up to which it is faster than lists of breakpoints."""


@dataclass(frozen=True)
class Genetic:
    """Evolution of activity lists; every schedule built justifies its parents or is justified.

    One population per thread, all with the same incumbent: one that is found elsewhere joins the others. Iterations
    are schedules; each pass of a justification is one. A choice of modes that overdraws a nonrenewable resource and a
    schedule that misses a deadline stay in the population with a penalty and are never offered. Arcs that close a
    cycle leave it without a list: it then builds no schedule.

    Parameters
    ----------
    population
        Lists in the first population, at least 4.
    swap
        How many pairs of neighbours in the list of a child change places, on average.
    shuffle
        Chance, per 10,000, that a child is one parent with a stretch of its list in disorder instead of a crossing.
    mode
        Chance, per 10,000, that a task of a child changes its mode.
    choice
        Chance, per 10,000, that a schedule lets every task choose the mode in which it ends first.
    patience
        Children per list without improvement before a new population is drawn.
    growth
        By how much a new population is larger, in per cent.
    """

    supports: ClassVar[frozenset[str]] = PROJECT_FEATURES

    population: int = 80
    swap: float = 1.22
    shuffle: int = 1000
    mode: int = 200
    choice: int = 5000
    patience: int = 100
    growth: int = 50

    def __post_init__(self) -> None:
        least = {"population": 4, "swap": 0, "shuffle": 0, "mode": 0, "choice": 0, "patience": 1, "growth": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected {low} or more")

    def first_size(self, iterations: int | None) -> int:
        """Lists in the first population; fewer where few schedules are left to improve them."""
        return self.population if iterations is None else min(self.population, max(LEAST_ROWS, iterations // 50))

    @property
    def kernels(self) -> tuple[Any, ...]:
        return longest_paths, shortest_modes, evolve_slice

    def warm(self) -> None:
        """Compile every kernel by a few schedules of a project of two tasks with two modes."""
        task = [(2, {0: 1, 1: 1}), (1, {0: 2, 1: 2})]
        toy = Instance.from_lists([task, task], [2, 3], [(0, 1, ES, 0)], [True, False])
        self.run(toy, Context(toy, Budget(iterations=10), 0, 1))

    def run(self, instance: Instance, context: Context) -> None:
        view = project_view(instance)
        if instance.num_tasks > MOST_TASKS:
            raise Refused(f"genetic: {instance.num_tasks} tasks, at most {MOST_TASKS}")
        if not view.is_acyclic:
            context.emit("log", message="genetic: the arcs close a cycle, which leaves no order to schedule in")
            return
        if instance.num_tasks == 0:
            context.offer(Schedule(np.zeros(0, np.int64)))
            return
        if not np.add.reduceat(view.usable, view.mode_ptr[:-1]).all():
            context.emit("log", message="genetic: a task has no mode within the capacities")
            return
        islands = [_Island(self, instance, context, number) for number in range(context.threads)]
        threads = [threading.Thread(target=island.run, daemon=True) for island in islands[1:]]
        for thread in threads:
            thread.start()
        islands[0].run()
        for thread in threads:
            thread.join()


def make(argument: str | None, **parameters: str) -> Genetic:
    """The stage of ``genetic,population=P,…``. Raises ValueError with a sentence."""
    if argument is not None:
        raise ValueError(f"genetic: found argument {argument!r}, expected none")
    return from_strings(Genetic, parameters)


def mirrors(instance: Instance) -> bool:
    """Whether a schedule read backwards in time is one of the mirrored instance, as good by its objective."""
    dated = {"release", "deadline", "calendar", "fixed", "now"}
    return instance.objective == ("makespan",) and not instance.features & dated


class _Island:
    """One population on one thread."""

    def __init__(self, stage: Genetic, instance: Instance, context: Context, number: int) -> None:
        self.context, self.instance = context, instance
        view = self.view = project_view(instance)
        n, values = view.num_tasks, 1 + len(instance.objective)
        rows = int(np.clip(MEMORY_BYTES // (32 * n * context.threads), 4, MOST_ROWS * stage.population))
        units = _grid_units(view)
        self.child, self.best = new_child(n, values, view.capacity.size), new_best(n, values)
        self.control = np.zeros(ADOPT + 1, np.int64)
        self.control[SIZE] = min(rows, stage.first_size(context.remaining_iterations()))
        self.control[ALTERNATES] = mirrors(instance)
        self.control[ON_GRID] = units > 0
        self.rng = context.rng(number).integers(0, 2**64, 1, np.uint64)
        swap = round(10_000 * stage.swap / n)
        settings = (swap, stage.shuffle, stage.mode, stage.choice, *SHARES, stage.patience, stage.growth)
        self.tables = (
            new_arcs(view),
            new_grid(view, units),
            new_events(view),
            Modes(
                view.mode_ptr, view.usable, view.duration, view.spend_ptr, view.spend_resource, view.spend_amount,
                view.capacity,
            ),
            objective_kinds(instance),
            objective_items(instance),
            new_population(rows, n, values),
            self.child,
            self.best,
            np.array(settings, np.int64),
            self.control,
            _latest_finish(instance, view),
            self.rng,
        )  # fmt: skip
        self.known: tuple[int, ...] | None = None

    def run(self) -> None:
        """Evolve until the context expires."""
        context, control, each = self.context, self.control, 10
        while not context.expired():
            self._join_incumbent()
            left = context.remaining_iterations()
            begun, built = perf_counter(), int(control[BUILT])
            evolve_slice(*self.tables, built + (each if left is None else min(each, left)))
            done = int(control[BUILT]) - built
            context.count(done)
            seconds = max(perf_counter() - begun, 1e-6)
            each = int(np.clip(done * SLICE_SECONDS / seconds, 1, 100_000))
            if control[FOUND]:
                control[FOUND] = 0
                self._offer_best()

    def _offer_best(self) -> None:
        missed, *value = self.best.value[0].tolist()
        known = self.context.objectives
        if missed == 0 and (known is None or tuple(value) < known):
            self.context.offer(Schedule(self.best.start, self.best.mode - self.view.mode_ptr[:-1]))

    def _join_incumbent(self) -> None:
        """Take in the incumbent if it is better than the own best."""
        incumbent, known = self.context.incumbent, self.context.objectives
        if incumbent is None or known is None or known == self.known:
            return
        self.known = known
        missed, *value = self.best.value[0].tolist()
        if missed == 0 and known >= tuple(value):
            return
        rank = np.zeros(self.view.num_tasks, np.int64)
        rank[self.view.order] = np.arange(rank.size)
        self.child.guest["task"] = np.lexsort((rank, incumbent.start))
        self.child.guest["mode"] = incumbent.mode_index(self.instance)
        self.control[ADOPT] = 1


def _grid_units(view: ProjectView) -> int:
    """How long a grid no list exceeds; 0 where a field is in use that it leaves out, or where time is long."""
    is_plain = (
        bool((view.arc_kind == ES).all())
        and not view.arc_travels.any()
        and not view.calendar_time.size
        and not (view.fixed_start >= 0).any()
        and int(view.capacity.max(initial=0)) < 2**31
        and sum(view.duration.tolist()) <= MOST_UNITS_PER_TASK * view.duration.size
    )
    longest = np.maximum.reduceat(view.duration, view.mode_ptr[:-1])
    units = sum(longest.tolist()) + sum(view.arc_lag.tolist()) + int(view.release.max()) + 1
    return units if is_plain and units <= MOST_UNITS else 0


def _latest_finish(instance: Instance, view: ProjectView) -> IntArray:
    """Latest finish of every task in its shortest modes, the priority of the first lists."""
    mode = view.mode_ptr[:-1].copy()
    shortest_modes(
        view.mode_ptr, view.usable, view.duration, view.spend_ptr, view.spend_resource, view.spend_amount,
        view.capacity, mode, np.zeros(view.capacity.size, np.int64),
    )  # fmt: skip
    return RULES["lft"].key(Network(instance, new_project(view, mode)))
