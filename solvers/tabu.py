"""The solver ``tabu``: tabu search and path relinking for job shops, one island per thread over one population."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.solvers.dispatch_starts import dispatch_starts
from makespan.solvers.iterated_dispatch import IteratedDispatch
from makespan.solvers.kernels.machine_orders import earliest_starts, find_sinks
from makespan.solvers.kernels.relinking import distance, walk
from makespan.solvers.kernels.tabu import load, tabu_slice
from makespan.solvers.path_relinking import Member, Population, Sequence
from makespan.solvers.registry import from_strings
from makespan.solvers.sequencing import (
    NEIGHBOURHOODS,
    SEQUENCING_FEATURES,
    TabuSearch,
    sequencing_problem,
)
from makespan.solvers.stage import Context, Refused

SLICE_SECONDS = 0.02
"""What one call of a kernel aims at, so that limits and Ctrl-C are seen in time."""

_LOOKS = 1 << 20
"""Steps of a walk in one call."""

_FEWEST, _FILLING = 4, 0.25
"""The population grows to its size, or at least to _FEWEST members until this share of the limits is used."""

_STARTS = 1 << 32
"""The stream of random numbers that starts are drawn from; the islands have 0, 1, 2, ..."""

_BETWEEN_CHECKS, _REPORT_SECONDS = 10, 1.0
"""The checks of offered schedules take at most about one part in ten; a line of the log at most so often."""

_IDLE_RUNS = 20
"""Searches in a row that made no move: nothing is left to do."""


@dataclass(frozen=True)
class Tabu:
    """Tabu search on the machine orders; a population with path relinking once a single search stands still.

    Parameters
    ----------
    neighbourhood
        n5, n6 or n7.
    population
        Members, 0 for as many as the time allows (at most 30).
    patience
        Moves without a better value after which a search ends.
    probe
        Moves spent on each candidate of a path before one of them is searched in full.
    """

    supports: ClassVar[frozenset[str]] = SEQUENCING_FEATURES

    neighbourhood: str = "n7"
    population: int = 0
    patience: int = 12_500
    probe: int = 500

    def __post_init__(self) -> None:
        if self.neighbourhood not in NEIGHBOURHOODS:
            known = ", ".join(NEIGHBOURHOODS)
            raise ValueError(f"neighbourhood: found {self.neighbourhood!r}, expected one of {known}")
        for name, value, low, high in (
            ("population", self.population, 0, 1000),
            ("patience", self.patience, 1, 2**40),
            ("probe", self.probe, 1, 2**40),
        ):
            if not low <= value <= high:
                raise ValueError(f"{name}: found {value}, expected {low} to {high}")

    @property
    def kernels(self) -> tuple[Any, ...]:
        own = find_sinks, load, tabu_slice, earliest_starts, distance, walk
        return *own, *IteratedDispatch().kernels

    def warm(self) -> None:
        IteratedDispatch().warm()
        toy = Instance.job_shop([[0, 1], [1, 0], [0, 1]], [[2, 1], [1, 2], [3, 1]])
        search = TabuSearch(toy.derived(sequencing_problem))
        population = Population(toy.derived(sequencing_problem), 2)
        for start in ([0, 2, 0, 5, 7, 10], [10, 12, 5, 7, 0, 3]):
            search.load(start)
            search.run(2)
            search.best_start()
            population.add(search.best_value, search.best_order)
        walk(search.best_order.copy(), population.members[0].rank, population.machine, 1, 1, np.zeros(1, np.uint64))

    def run(self, instance: Instance, context: Context) -> None:
        if instance.num_tasks == 0:
            context.offer(Schedule(np.zeros(0, np.int64)))
            return
        try:
            instance.derived(sequencing_problem)
        except ValueError as refusal:  # the objective, which ``supports`` does not tell apart
            raise Refused(str(refusal)) from None
        shared = _Shared(self, instance, context)
        islands = [_Island(shared, number) for number in range(max(1, context.threads))]
        helpers = [threading.Thread(target=island.run, daemon=True) for island in islands[1:]]
        for helper in helpers:
            helper.start()
        islands[0].run()
        for helper in helpers:
            helper.join()
        if shared.error is not None:
            raise shared.error


def make(argument: str | None = None, **parameters: str) -> Tabu:
    """The stage of a spec ``tabu,key=value``; it takes no argument."""
    if argument is not None:
        raise ValueError(f"tabu takes no argument, found {argument!r}")
    return from_strings(Tabu, parameters)


class _Shared:
    """What the islands of a run share: population, starts and the best value offered."""

    def __init__(self, stage: Tabu, instance: Instance, context: Context) -> None:
        self.stage, self.instance, self.context = stage, instance, context
        self.problem = instance.derived(sequencing_problem)
        self.population = Population(self.problem, stage.population or 30)
        self.error: BaseException | None = None
        self._best = 2**62
        self._first_iteration, self._first_second = context.iterations, context.seconds()
        self._lock = threading.Lock()
        self._starts = dispatch_starts(instance, self.problem, context.rng(_STARTS), context.expired)

    def wants_members(self) -> bool:
        """Whether to search from one more start; once a share of the limits is used, the population is what it is."""
        members = len(self.population.members)
        if not self.stage.population and members >= _FEWEST and self._used() > _FILLING:
            self.population.size = max(_FEWEST, min(members, self.population.size))
        return members < self.population.size

    def _used(self) -> float:
        """The share of the stage's limits used; where iterations are limited they alone decide, so that runs repeat."""
        context, left = self.context, self.context.remaining_iterations()
        if left is not None:
            done = context.iterations - self._first_iteration
            return done / max(1, done + left)
        spent = context.seconds() - self._first_second
        return spent / max(1e-9, spent + context.remaining())

    def news(self) -> IntArray | None:
        """The start times of the incumbent if it is better than all that the islands have seen, once; or None."""
        with self._lock:
            incumbent, objectives = self.context.incumbent, self.context.objectives
            if incumbent is None or objectives is None or objectives[0] >= self._best:
                return None
            self._best = objectives[0]
            return incumbent.start

    def offer(self, value: int, schedule: Schedule) -> None:
        """Offer a schedule of this value."""
        with self._lock:
            self._best = min(self._best, value)
        self.context.offer(schedule)

    def next_start(self) -> IntArray | None:
        """Start times to begin from, a new schedule each time; None if there was no time for one."""
        with self._lock:
            return next(self._starts)


class _Island:
    """One thread of the search."""

    def __init__(self, shared: _Shared, number: int) -> None:
        self.shared, self.stage, self.context = shared, shared.stage, shared.context
        self.rng = self.context.rng(number)
        self.random = self.rng.integers(2**63, size=1, dtype=np.uint64)
        self.search = TabuSearch(shared.problem, int(self.rng.integers(2**62)), self.stage.neighbourhood)
        self.moves = max(1, 100_000 // shared.problem.duration.size)
        self.idle_runs = 0
        self.next_offer, self.next_report = 0.0, _REPORT_SECONDS

    def run(self) -> None:
        """Search until the run is over."""
        try:
            while self._go_on():
                if (start := self.shared.news()) is not None:
                    self._search_from(start)
                elif self.shared.wants_members():
                    self._search_from(self.shared.next_start())
                else:
                    self._relink()
                self._report()
        except BaseException as error:
            self.shared.error = error
            self.context.stop()

    def _go_on(self) -> bool:
        return not self.context.expired() and self.idle_runs < _IDLE_RUNS

    def _search_from(self, start: IntArray | None) -> None:
        if start is not None:
            self.search.load(start)
            self._search(self.stage.patience)
            self.shared.population.add(self.search.best_value, self.search.best_order)

    def _relink(self) -> None:
        population = self.shared.population
        pair = population.pair(self.rng)
        if pair is None:
            return
        origin, goal = pair
        between = population.distance(origin, goal)
        sequence, at, step = origin.sequence.copy(), 0, max(2, between // 10)
        best: tuple[int, Sequence] | None = None
        wanted = max(2, between // 5)
        while self._go_on() and at + wanted <= between - between // 5:
            made = self._walk(sequence, goal, wanted)
            at += made
            self.search.load_order(sequence)
            self._search(self.stage.probe, self.stage.probe)
            if best is None or self.search.best_value < best[0]:
                best = self.search.best_value, self.search.best_order.copy()
            if made < wanted:
                break
            wanted = step
        if best is None:  # the two are too near to each other for a path between them
            self._search_from(self.shared.next_start())
            return
        self.search.load_order(best[1])
        self._search(self.stage.patience)
        population.add(self.search.best_value, self.search.best_order)
        if population.idle > 3 * population.size:
            population.renew()

    def _walk(self, sequence: Sequence, goal: Member, wanted: int) -> int:
        """Walk ``wanted`` swaps towards the goal; returns how many it were."""
        made = 0
        for _ in range(100):
            tries = min(_LOOKS, 50 * sequence.size + sequence.size**2)
            made += int(walk(sequence, goal.rank, self.shared.population.machine, wanted - made, tries, self.random))
            if made >= wanted or self.context.expired():
                break
        return made

    def _search(self, patience: int, moves: int = 2**62) -> None:
        """Tabu search from what is loaded, in slices, offering what is better than all before."""
        search, context, begun = self.search, self.context, 0
        while begun < moves and search.idle < patience and not search.is_stuck and not context.expired():
            limit = context.remaining_iterations()
            allowed = min(self.moves, moves - begun, self.moves if limit is None else limit)
            cutoff = -(2**62) if context.lower_bound is None else context.lower_bound
            before = time.perf_counter()
            made = search.run(allowed, cutoff, patience)
            seconds = time.perf_counter() - before
            if made == self.moves:
                self.moves = max(1, int(self.moves * min(2.0, SLICE_SECONDS / max(seconds, 1e-6))))
            context.count(made)
            begun += made
            self._offer(cutoff)
            if search.best_value <= cutoff:
                break
        self._offer(2**62)
        self.idle_runs = 0 if begun else self.idle_runs + 1

    def _offer(self, at_once: int) -> None:
        """Offer the best if it is better than the incumbent; not so often that the checks take much of the time, unless
        it is as good as ``at_once``."""
        value, objectives = self.search.best_value, self.context.objectives
        before = time.perf_counter()
        if (objectives is None or value < objectives[0]) and (value <= at_once or before >= self.next_offer):
            self.shared.offer(value, Schedule(self.search.best_start()))
            after = time.perf_counter()
            self.next_offer = after + _BETWEEN_CHECKS * (after - before)

    def _report(self) -> None:
        """Say now and then how it goes."""
        now = self.context.seconds()
        if now >= self.next_report:
            self.next_report = now + _REPORT_SECONDS
            members, best = len(self.shared.population.members), self.shared.population.best
            per_second = int(self.context.iterations / max(now, 1e-6))
            text = f"tabu: {members} members, best {best and best.value}, {per_second} moves per second"
            self.context.emit("log", message=text)
