"""Tabu search with path relinking for the flexible job shop: makespan and largest lateness."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, ClassVar

import numpy as np

from makespan.instances.dates import first_starts, tightest
from makespan.instances.instance import HORIZON_LIMIT, Instance, IntArray
from makespan.instances.project_view import ProjectView, project_view
from makespan.instances.schedule import Schedule
from makespan.instances.shop_view import SHOP_FEATURES
from makespan.solvers.dispatching import DispatchingRule
from makespan.solvers.kernels.flexible_mix import blend, distance, list_solution
from makespan.solvers.kernels.flexible_moves import new_memory
from makespan.solvers.kernels.flexible_search import (
    BEST,
    CONTROL,
    IMPROVED,
    ITERATION,
    PATIENCE,
    SPREAD,
    TARGET,
    TENURE,
    VALUE,
    search_slice,
)
from makespan.solvers.kernels.flexible_state import FAR, FlexibleProblem, load, new_state
from makespan.solvers.registry import from_strings
from makespan.solvers.stage import Budget, Context

SLICE_SECONDS = 0.02
"""Aimed at between two looks at the clock."""

SHARES = 20, 51
"""From and below how many per cent of the way from one member to another a search starts."""

_FIRST_SLICE, _LARGEST_SLICE = 50, 100_000  # moves
_NO_TAIL = -FAR // 4


@dataclass(frozen=True)
class FlexibleTabu:
    """Tabu search from the points between good solutions, for flexible job shops and networks on machines.

    Each thread takes two members of a shared elite set, goes part of the way from one to the other, searches from there
    until ``patience`` moves in a row bring nothing better, and puts the result in place of the worst member. Objectives
    other than the makespan and the largest lateness are not searched for: the run ends with a start schedule.

    Parameters
    ----------
    elite
        Members of the elite set, at least 2.
    patience
        Moves without improvement after which a search ends, at least 1.
    tenure, spread
        What would undo a move is forbidden for ``tenure`` further moves, at least 0, and up to ``spread`` per cent of
        the number of critical operations more, at random.
    """

    supports: ClassVar[frozenset[str]] = frozenset(
        {
            "multi_mode",
            "no_machine",
            "network",
            "recirculation",
            "release",
            "due",
            "weight",
            "transport",
            "now",
            "objective",
        }
    )

    elite: int = 12
    patience: int = 5000
    tenure: int = 4
    spread: int = 50

    def __post_init__(self) -> None:
        for name, least in (("elite", 2), ("patience", 1), ("tenure", 0), ("spread", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected at least {least}")

    @property
    def kernels(self) -> tuple[Any, ...]:
        return *DispatchingRule().kernels, list_solution, load, search_slice, blend, distance

    def warm(self) -> None:
        """Compile every kernel by a few moves on a toy."""
        DispatchingRule().warm()
        toy = Instance.flexible_job_shop([[[(0, 2), (1, 3)], [(1, 1)]], [[(0, 1), (1, 2)], [(0, 2)]]])
        problem = flexible_problem(toy)
        assert problem is not None
        island = _Island(toy, problem, Context(toy, Budget(iterations=10), 0, 1), _Elite(problem, 2), self, 0)
        found = island.search(island.fresh(0))
        island.elite.members += [found, found]
        island.elite.add(found)
        island.between()

    def run(self, instance: Instance, context: Context) -> None:
        problem = flexible_problem(instance)
        if problem is None:
            context.emit("log", message="flexible_tabu: the arcs close a circle, no schedule exists")
            return
        if context.incumbent is None and instance.features <= SHOP_FEATURES:
            DispatchingRule().run(instance, context)
        elite = _Elite(problem, self.elite)
        islands = [_Island(instance, problem, context, elite, self, number) for number in range(context.threads)]
        if context.incumbent is None:
            islands[0].offer(islands[0].fresh(0))
        if instance.objective[0] not in ("makespan", "max_lateness"):
            context.emit("log", message=f"flexible_tabu: does not search for {instance.objective[0]}")
            return
        with ThreadPoolExecutor(context.threads) as pool:
            for done in [pool.submit(island.run) for island in islands]:
                done.result()


def make(argument: str | None, **parameters: str) -> FlexibleTabu:
    """The stage of ``flexible_tabu,elite=N,patience=N,tenure=N,spread=N``. Raises ValueError with a sentence."""
    if argument is not None:
        raise ValueError(f"flexible_tabu takes no argument, found {argument!r}")
    return from_strings(FlexibleTabu, parameters)


def flexible_problem(instance: Instance) -> FlexibleProblem | None:
    """The arrays of the search, made on the first call and kept; None if the arcs close a circle."""
    return instance.derived(_make_problem)


def _make_problem(instance: Instance) -> FlexibleProblem | None:
    view = project_view(instance)
    if not view.is_acyclic:
        return None
    n, nothing = instance.num_tasks, np.zeros((0, 0), np.int64)
    rank = np.empty(n, np.int64)
    rank[view.order] = np.arange(n)
    travels = instance.transport is not None and instance.job is not None
    arrays = (
        view.mode_ptr,
        view.duration,
        np.where(view.duration > 0, view.machine, -1),
        view.machine,
        view.pred_ptr,
        view.pred_task,
        view.succ_ptr,
        view.succ_task,
        first_starts(instance),
        _tails(instance),
        _room(instance, view),
        rank,
        np.full(n, -1) if instance.job is None else instance.job,
        instance.transport if travels else nothing,
    )
    return FlexibleProblem(*(_locked(array) for array in arrays))


def _tails(instance: Instance) -> IntArray:
    """What follows each end: nothing, or for the largest lateness the latest due date less its own."""
    n = instance.num_tasks
    if instance.objective[0] != "max_lateness":
        return np.zeros(n, np.int64)
    due = tightest(instance, instance.due, instance.job_due)
    return np.where(due < HORIZON_LIMIT, _latest_due(instance) - due, _NO_TAIL)


def _latest_due(instance: Instance) -> int:
    """What the value of a solution exceeds the objective by."""
    if instance.objective[0] != "max_lateness":
        return 0
    due = tightest(instance, instance.due, instance.job_due)
    return int(due[due < HORIZON_LIMIT].max(initial=0))


def _room(instance: Instance, view: ProjectView) -> IntArray:
    """Where each machine's order lies: room for every operation that can stand on it."""
    op = np.repeat(np.arange(instance.num_tasks), np.diff(view.mode_ptr))
    keeps = (view.machine >= 0) & (view.duration > 0)
    pair = np.unique(op[keeps] * max(1, instance.num_resources) + view.machine[keeps])
    counts = np.bincount(pair % max(1, instance.num_resources), minlength=instance.num_resources)
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))


def _locked(array: Any) -> IntArray:
    result = np.array(array, dtype=np.int64, order="C")
    result.setflags(write=False)
    return result


@dataclass(frozen=True, eq=False)
class _Solution:
    """A topological order of the operations, their modes among all modes, and the longest path."""

    value: int
    order: IntArray
    mode: IntArray


@dataclass
class _Elite:
    """Good and different solutions, shared by the threads; ``known`` is the least value that one of them has seen."""

    problem: FlexibleProblem
    size: int
    known: int = FAR
    members: list[_Solution] = field(default_factory=list)
    idle: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, found: _Solution) -> None:
        """Take a solution in, in place of the worst member or one that it hardly differs from."""
        with self.lock:
            self.idle += 1
            near = [i for i, each in enumerate(self.members) if self._is_near(each, found)]
            if near:
                worst = max(near, key=lambda i: self.members[i].value)
                if found.value >= min(self.members[i].value for i in near):
                    return
            elif len(self.members) < self.size:
                self.members.append(found)
                self.idle = 0
                return
            else:
                worst = max(range(self.size), key=lambda i: self.members[i].value)
                if found.value > self.members[worst].value:
                    return
            if found.value < self.members[worst].value:
                self.idle = 0
            self.members[worst] = found

    def pair(self, rng: np.random.Generator) -> tuple[_Solution, _Solution] | None:
        """Two members at random; None while the set is not full. One that brings nothing new keeps only its best."""
        with self.lock:
            if len(self.members) == self.size and self.idle >= 3 * self.size:
                self.members = [min(self.members, key=lambda each: each.value)]
                self.idle = 0
            if len(self.members) < self.size:
                return None
            first, second = rng.choice(self.size, 2, replace=False)
            return self.members[first], self.members[second]

    def note(self, value: int) -> None:
        with self.lock:
            self.known = min(self.known, value)

    def best(self) -> int:
        with self.lock:
            return min((each.value for each in self.members), default=FAR)

    def _is_near(self, a: _Solution, b: _Solution) -> bool:
        differing: int = distance(self.problem, a.order, a.mode, b.order, b.mode)
        return differing * 50 <= a.order.size


class _Island:
    """The search of one thread."""

    def __init__(
        self,
        instance: Instance,
        problem: FlexibleProblem,
        context: Context,
        elite: _Elite,
        stage: FlexibleTabu,
        number: int,
    ) -> None:
        self.instance, self.problem, self.context, self.elite = instance, problem, context, elite
        self.stage, self.shift = stage, _latest_due(instance)
        self.rng = context.rng(number)
        self.random = self.rng.integers(0, 2**64, 1, np.uint64)
        self.state, self.memory = new_state(problem), new_memory(problem)
        self.steps = _FIRST_SLICE

    def run(self) -> None:
        if self.problem.release.size == 0:
            return
        start = self.newcomer(FAR)
        while not self.context.expired() and self.elite.best() > self.target():
            start = start or self.newcomer(self.elite.known) or self.between() or self.fresh(16)
            self.elite.add(self.search(start))
            start = None

    def target(self) -> int:
        """The value that the lower bound proves to be the least."""
        bound = self.context.lower_bound
        return -FAR if bound is None else bound + self.shift

    def newcomer(self, known: int) -> _Solution | None:
        """The incumbent, if its value is below ``known``: at the beginning, or when another stage found it."""
        values, schedule = self.context.objectives, self.context.incumbent
        if values is None or schedule is None or values[0] + self.shift >= known:
            return None
        self.elite.note(values[0] + self.shift)
        return self.of_schedule(schedule)

    def between(self) -> _Solution | None:
        """A point between two members."""
        pair = self.elite.pair(self.rng)
        if pair is None:
            return None
        a, b = pair
        order, mode = np.empty_like(a.order), np.empty_like(a.mode)
        blend(
            a.order,
            a.mode,
            b.order,
            b.mode,
            int(self.rng.integers(*SHARES)),
            self.random,
            order,
            mode,
        )
        return self.loaded(order, mode)

    def fresh(self, noise: int) -> _Solution:
        """A list schedule."""
        order, mode = np.zeros((2, self.problem.release.size), np.int64)
        list_solution(self.problem, noise, self.random, order, mode)
        return self.loaded(order, mode)

    def of_schedule(self, schedule: Schedule) -> _Solution:
        order = np.lexsort((self.problem.rank, schedule.start)).astype(np.int64)
        return self.loaded(order, schedule.mode + self.problem.mode_ptr[:-1])

    def loaded(self, order: IntArray, mode: IntArray) -> _Solution:
        """A solution, which becomes the present state."""
        return _Solution(int(load(self.problem, order, mode, self.state)), order, mode)

    def search(self, start: _Solution) -> _Solution:
        """The best solution of a tabu search from the present state, ``start``."""
        context, control = self.context, np.zeros(CONTROL, np.int64)
        stage = self.stage
        control[[BEST, VALUE]] = start.value
        control[[PATIENCE, TENURE, SPREAD]] = stage.patience, stage.tenure, stage.spread
        order, mode = start.order.copy(), start.mode.copy()
        self.memory.tabu_mode[:] = 0
        self.memory.tabu_arc[:] = 0
        done = False
        while not done and not context.expired():
            left = context.remaining_iterations()
            control[TARGET] = self.target()
            steps = self.steps if left is None else min(self.steps, left)
            before, begun = int(control[ITERATION]), perf_counter()
            done = search_slice(self.problem, self.state, self.memory, control, self.random, order, mode, steps)
            seconds = max(perf_counter() - begun, 1e-6)
            self.steps = int(np.clip(self.steps * min(4.0, SLICE_SECONDS / seconds), 1, _LARGEST_SLICE))
            context.count(int(control[ITERATION]) - before)
            if control[IMPROVED] > before:
                self.offer(_Solution(int(control[BEST]), order, mode))
        return _Solution(int(control[BEST]), order, mode)

    def offer(self, found: _Solution) -> None:
        """Hand a solution to the run if it is better than the incumbent."""
        values = self.context.objectives
        if values is not None and found.value - self.shift >= values[0]:
            return
        self.elite.note(found.value)
        state = new_state(self.problem)
        load(self.problem, found.order, found.mode, state)
        self.context.offer(Schedule(state.head, found.mode - self.problem.mode_ptr[:-1]))
