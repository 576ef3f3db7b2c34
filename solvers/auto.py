"""The solver ``auto``: the search that fits an instance, with bounds and CP-SAT beside it.

The tables below were fitted on generated instances only (benchmarks/make_validation.py); docs/auto.md has the numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from makespan.instances.features import ALL_FEATURES, unsupported
from makespan.instances.instance import OBJECTIVES, Instance
from makespan.solvers.registry import make_stage, parse_spec
from makespan.solvers.stage import Budget, Chooser
from makespan.solvers.tardiness import is_one_machine


@dataclass(frozen=True)
class Row:
    """What to do with instances of up to ``most_tasks`` tasks whose objectives are all among ``objectives``.

    Parameters
    ----------
    search
        Spec of the search; its support of the instance's features decides too.
    lists
        Whether it takes lists of several objectives.
    bounds
        Share of the time for the stage ``bounds``, in per cent.
    exact
        Up to this many tasks ``proof`` runs beside the search for the rest of the time.
    beside
        What runs there above; the search itself where nothing is said.
    parallel
        Whether the search makes better use of all threads than of one: then bounds get a turn and no lane.
    proof
        What proves that a schedule is optimal.
    only
        What an instance must be beyond its features.
    """

    search: str
    objectives: tuple[str, ...] = OBJECTIVES
    lists: bool = False
    most_tasks: int = 2**31
    bounds: int = 0
    exact: int = 0
    beside: str | None = None
    parallel: bool = False
    proof: str = "cpsat"
    only: Callable[[Instance], bool] | None = None

    def takes(self, instance: Instance) -> bool:
        """Whether this row is for the instance."""
        return (
            instance.num_tasks <= self.most_tasks
            and (self.lists or len(instance.objective) == 1)
            and set(instance.objective) <= set(self.objectives)
            and supports(self.search, instance)
            and (self.only is None or self.only(instance))
        )


ROWS = (
    Row("tabu", ("makespan", "max_lateness"), most_tasks=4_000, bounds=5, exact=250),
    Row("windows", ("makespan",), most_tasks=20_000, bounds=10, parallel=True),
    Row("windows", ("makespan",)),
    Row("tabu", ("max_lateness",), bounds=5),
    Row("flexible_tabu", ("makespan", "max_lateness"), exact=150),
    Row("anneal", ("total_tardiness",), exact=1_000, proof="tardiness:exact", only=is_one_machine),
    Row("anneal", lists=True, exact=100),
    Row("genetic", lists=True, most_tasks=20_000, exact=40, beside="lns"),
    Row("lns", lists=True, exact=1_000),
)
"""The first row that takes an instance counts; the last takes every one."""

LAST = "cpsat"
"""Runs where the search has nothing left to do: it could not begin, or no move was left."""

BEGIN_SECONDS_PER_TASK = 0.01
"""How long the search runs before CP-SAT gets its turn on the one thread there is: what is tiny is proved at once."""

PROVABLE_TASKS = 4_000
"""Up to this many tasks a run without any limit asks for a proof."""

UNLIMITED_SECONDS = 60.0
"""Shares of the time are shares of this where there is no limit."""


@dataclass(frozen=True)
class Auto(Chooser):
    """The first of ROWS that takes the instance.

    With two threads and more, the search has a lane of its own; in the other the bounds come first, then CP-SAT on
    small instances, else another search. With one thread they get their turn after a fifth of the time or less, and
    also where the search makes better use of all threads. A row without any of these gives its search all threads, and
    a limit of iterations leaves the search alone, since only that is reproducible. A run without any limit is one for a
    proof: there what proves gets its turn on larger instances too.
    """

    supports: ClassVar[frozenset[str]] = ALL_FEATURES

    def choose(self, instance: Instance, budget: Budget, threads: int) -> str:
        """The spec of the stages that fit the instance. O(1) once its features are known."""
        row = next(each for each in ROWS if each.takes(instance))
        if budget.iterations is not None:
            return row.search
        seconds = budget.seconds or UNLIMITED_SECONDS
        is_small = instance.num_tasks <= (row.exact if budget.seconds else PROVABLE_TASKS)
        bounds = [f"bounds,{_limit(seconds * row.bounds / 100)}"] if row.bounds else []
        beside = row.proof if is_small else row.beside
        if not (bounds or beside):
            return f"{row.search}+{LAST}"
        if threads > 1 and not row.parallel:
            return f"{row.search}+{LAST}~" + "+".join([*bounds, beside or row.search])
        turn = [f"{beside},{_limit(seconds * 2 / 5)}" if budget.seconds else beside] if beside else []
        begin = seconds * row.bounds / 100 if row.parallel else seconds / 5
        if is_small:
            begin = min(begin, BEGIN_SECONDS_PER_TASK * instance.num_tasks)
        return "+".join([f"{row.search},{_limit(begin)}", *bounds, *turn, row.search, LAST])


def make(argument: str | None, **parameters: str) -> Auto:
    """Build from a spec; ``auto`` takes neither argument nor parameters. Raises ValueError."""
    if argument is not None or parameters:
        raise ValueError("auto takes no argument and no parameters")
    return Auto()


def supports(spec: str, instance: Instance) -> bool:
    """Whether every stage of a spec handles every field of the instance."""
    return all(unsupported(instance, make_stage(stage).supports, spec) is None for stage in parse_spec(spec))


def _limit(seconds: float) -> str:
    return f"seconds={max(0.01, seconds):.2f}"
