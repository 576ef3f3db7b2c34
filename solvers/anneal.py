"""The solver ``anneal``: simulated annealing for shops of unary machines with any list of objectives."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from makespan.instances.check import check
from makespan.instances.instance import Instance, IntArray
from makespan.solvers.general_shop import (
    GENERAL_SHOP_FEATURES,
    GeneralShop,
    general_shop,
    modes_of,
    new_plan,
    objectives_of,
    schedule_of,
    set_plan,
)
from makespan.solvers.general_shop_start import list_schedule, schedule_by_rules
from makespan.solvers.kernels.annealing import (
    CONTROLS,
    HALVINGS,
    HEAT_BITS,
    HOT,
    IMPROVED,
    LENGTH,
    PROPOSED,
    STEP,
    Search,
    anneal,
)
from makespan.solvers.kernels.fixed_point import FRACTION_BITS
from makespan.solvers.kernels.goals import time_plan
from makespan.solvers.kernels.rule_schedules import play_rules
from makespan.solvers.registry import from_strings
from makespan.solvers.stage import Budget, Context, Refused

SLICE_SECONDS = 0.02
"""What one call of the kernel aims at, so that limits and Ctrl-C are seen in time."""

_FIRST_SLICE, _LARGEST_SLICE = 50, 1_000_000  # moves
_DESCENT, _SHORTEST = 20, 2000  # moves per task: before the first cycle, and in the first one without a limit
_AMPLE = 2000  # moves per task in a cycle that is worth cutting from the limit and worth the full heat
_HEAT_LIMIT_BITS = 37
_VALUE_LIMIT = 2**62


@dataclass(frozen=True)
class Anneal:
    """Simulated annealing on the critical paths of what is late, in cycles that start from the best plan.

    Parameters
    ----------
    heat
        Temperature at the beginning of a cycle, in per cent of what a move makes worse (geometric mean in a descent);
        less where there is no time to cool from there.
    halvings
        How often the temperature halves in a cycle.
    cycles
        At most how many cycles share a limit of time or iterations, fewer where they would be short; without a limit
        each takes twice the moves of the last.
    """

    supports: ClassVar[frozenset[str]] = GENERAL_SHOP_FEATURES

    heat: int = 80
    halvings: int = 8
    cycles: int = 4

    def __post_init__(self) -> None:
        for name, low, high in (("heat", 1, 10_000), ("halvings", 1, 40), ("cycles", 1, 10_000)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected {low} to {high}")

    @property
    def kernels(self) -> tuple[Any, ...]:
        return anneal, time_plan, play_rules

    def warm(self) -> None:
        toy = Instance.job_shop([[0, 1], [1, 0]], [[2, 1], [1, 2]], job_due=[3, 3], objective=("total_tardiness",))
        self.run(toy, Context(toy, Budget(iterations=100), 0, 1))

    def run(self, instance: Instance, context: Context) -> None:
        """Raises Refused if objectives could exceed 2**62."""
        general = instance.derived(general_shop)
        first = _first_plan(instance, general, context) if general.is_acyclic else None
        if first is None or not general.num_tasks:
            return
        islands = [_Island(self, general, context, first, number) for number in range(context.threads)]
        with ThreadPoolExecutor(len(islands), "anneal") as pool:
            for future in [pool.submit(island.run) for island in islands]:
                future.result()


def make(argument: str | None = None, **parameters: str) -> Anneal:
    """The stage of a spec ``anneal,key=value``."""
    if argument is not None:
        raise ValueError(f"anneal takes no argument, found {argument!r}")
    return from_strings(Anneal, parameters)


def _first_plan(instance: Instance, general: GeneralShop, context: Context) -> tuple[IntArray, IntArray] | None:
    """Modes and starts of the incumbent, a rule or a list schedule; None if none of them can run."""
    found = context.incumbent
    if found is None:
        found = schedule_by_rules(instance, context)
        if found is not None and check(instance, found):
            found = None
        elif found is not None:
            context.offer(found)
    known = None if found is None else modes_of(general, found)
    first = list_schedule(general, context.expired) if known is None or found is None else (known, found.start)
    if first is None:
        return None
    plan = new_plan(general)
    if not set_plan(general, plan, *first):
        return None
    # Deadlines may be missed for now; what is fixed may contradict itself, which no plan can mend.
    if {each.kind for each in check(instance, schedule_of(general, plan.mode, plan.start))} - {"deadline"}:
        return None
    shares = int(general.shop.weight.astype(object).sum()) + general.shop.weight.size
    if 16 * int(plan.end.max(initial=0)) * shares >= _VALUE_LIMIT:
        raise Refused("weights and times are too large: a sum of them could exceed 2**62")
    return plan.mode, plan.start


def _power_of_two(exponent: int) -> int:
    """2**x for x in units of 2**-20, in a straight line between whole powers."""
    whole, part = divmod(exponent, 1 << FRACTION_BITS)
    return ((part + (1 << FRACTION_BITS)) << whole) >> FRACTION_BITS


class _Island:
    """One walk: a plan, a search, and the schedules it offers."""

    def __init__(
        self,
        stage: Anneal,
        general: GeneralShop,
        context: Context,
        first: tuple[IntArray, IntArray],
        number: int,
    ) -> None:
        self.stage, self.general, self.context = stage, general, context
        n, terms = general.num_tasks, general.shop.terms.size
        self.plan = new_plan(general)
        self.search = Search(
            control=np.zeros(CONTROLS, np.int64),
            **{name: np.zeros(terms, np.int64) for name in ("heat", "heat_shift", "worse_log", "worse_count")},
            best_value=np.zeros(terms, np.int64),
            best_start=np.zeros(n, np.int64),
            best_mode=np.zeros(n, np.int64),
            random=context.rng(number).integers(0, 2**64, 1, np.uint64),
        )
        set_plan(general, self.plan, *first)
        self.keep()
        self.steps = _FIRST_SLICE

    def run(self) -> None:
        """Descend once, to learn what moves cost, then cool again and again until the limits are reached."""
        context, stage = self.context, self.stage
        self.offer()
        size = self.general.num_tasks
        left = self.moves_left()
        descent = _DESCENT * size if left is None else min(_DESCENT * size, left // 20 + 1)
        begin = time.perf_counter()
        self.cycle(descent, context.remaining() / 20)
        pace = int(self.search.control[STEP]) / max(time.perf_counter() - begin, 1e-6)
        number, unlimited = 0, _SHORTEST * size
        while not context.expired() and self.search.control[PROPOSED]:
            moves, seconds = self.moves_left(), context.remaining()
            if moves is None and seconds == math.inf:
                moves = unlimited
                unlimited *= 2
            else:
                total = int(pace * seconds) if moves is None else moves
                rest = max(1, min(stage.cycles - number, total // (_AMPLE * size)))
                moves, seconds = None if moves is None else moves // rest + 1, seconds / rest
            self.set_heat(int(pace * seconds) if moves is None else moves)
            self.restart()
            self.cycle(moves, seconds)
            number += 1

    def moves_left(self) -> int | None:
        """This island's part of a limit of iterations."""
        left = self.context.remaining_iterations()
        return None if left is None else left // self.context.threads

    def cycle(self, moves: int | None, seconds: float) -> None:
        """Cool down once, in so many moves or, for None, in so many seconds; at most for these seconds."""
        context, control = self.context, self.search.control
        begin, past = time.perf_counter(), 0.0
        control[STEP], control[PROPOSED] = 0, 0
        going = True
        while going and past < seconds and not context.expired():
            if moves is None:
                # As many moves as there will be at the pace so far.
                pace = max(int(control[STEP]), 1) / max(past, 1e-4)
                control[LENGTH] = int(control[STEP]) + max(self.steps, int(pace * (seconds - past)))
            else:
                control[LENGTH] = moves
            left = context.remaining_iterations()
            steps = self.steps if left is None else min(self.steps, left)
            before, improved = int(control[STEP]), int(control[IMPROVED])
            clock = time.perf_counter()
            going = anneal(self.general.shop, self.plan, self.search, steps) or moves is None
            spent, past = time.perf_counter() - clock, time.perf_counter() - begin
            context.count(int(control[STEP]) - before)
            if control[IMPROVED] > improved:
                self.offer()
            self.steps = max(1, min(_LARGEST_SLICE, int(self.steps * min(4.0, SLICE_SECONDS / max(spent, 1e-6)))))

    def set_heat(self, moves: int) -> None:
        """Temperatures from what moves made worse in the descent: lower ones where a cycle has few moves per task."""
        per_task = min(_AMPLE, moves // self.general.num_tasks)
        percent = max(1, self.stage.heat * math.isqrt(per_task * _AMPLE) // _AMPLE)
        search = self.search
        for c in range(search.heat.size):
            log = int(search.worse_log[c]) // max(1, int(search.worse_count[c]))
            heat = max(1, (_power_of_two(log + (HEAT_BITS << FRACTION_BITS)) * percent // 100))
            shift = max(0, heat.bit_length() - _HEAT_LIMIT_BITS)
            search.heat[c], search.heat_shift[c] = heat >> shift, shift
        search.control[HOT], search.control[HALVINGS] = 1, self.stage.halvings

    def restart(self) -> None:
        """Go on from the best plan, or from the incumbent if somebody has found a better one."""
        context, general, search = self.context, self.general, self.search
        values, incumbent = context.objectives, context.incumbent
        if values is not None and incumbent is not None and (not self.is_feasible() or values < self.objectives()):
            mode = modes_of(general, incumbent)
            if mode is not None and set_plan(general, self.plan, mode, incumbent.start):
                self.keep()
                return
        set_plan(general, self.plan, search.best_mode, search.best_start)

    def keep(self) -> None:
        """The plan is the best one."""
        self.search.best_value[:] = self.plan.value
        self.search.best_start[:] = self.plan.start
        self.search.best_mode[:] = self.plan.mode

    def is_feasible(self) -> bool:
        return not self.general.has_deadlines or int(self.search.best_value[0]) == 0

    def objectives(self) -> tuple[int, ...]:
        """Of the best plan, as the instance counts them."""
        return objectives_of(self.general, self.search.best_value)

    def offer(self) -> None:
        """Offer the best plan if it is a schedule better than the incumbent."""
        known = self.context.objectives
        if self.is_feasible() and (known is None or self.objectives() < known):
            self.context.offer(schedule_of(self.general, self.search.best_mode, self.search.best_start))
