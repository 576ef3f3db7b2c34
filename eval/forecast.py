"""How long a benchmark still takes, as far as its finished runs tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from makespan.eval.play import Task
from makespan.eval.store import Run, RunKey

_Kind = tuple[str, str]
"""Solver and budget: runs of one kind take about as long."""


class Forecast:
    """Counts down the tasks that are left, with the mean time of the finished runs of the same kind.

    A kind without finished runs is expected to take the seconds of its budget, or the mean of all runs.
    """

    def __init__(self, tasks: Iterable[Task], workers: int) -> None:
        self.workers = workers
        self._left: Counter[_Kind] = Counter()
        self._limit: dict[_Kind, float | None] = {}
        self._spent: dict[_Kind, tuple[int, float]] = {}
        for task in tasks:
            self._left[_kind(task.key)] += 1
            self._limit[_kind(task.key)] = task.limits.budget.seconds

    def finished(self, run: Run) -> None:
        """A run is there."""
        kind = _kind(run.key)
        number, seconds = self._spent.get(kind, (0, 0.0))
        self._left[kind] -= 1
        self._spent[kind] = number + 1, seconds + (run.wall_seconds or run.seconds)

    def seconds_left(self) -> float | None:
        """Until the last run ends; None before anything is known."""
        number = sum(count for count, _ in self._spent.values())
        mean = sum(seconds for _, seconds in self._spent.values()) / number if number else None
        total = 0.0
        for kind, left in self._left.items():
            count, seconds = self._spent.get(kind, (0, 0.0))
            each = seconds / count if count else self._limit[kind] or mean
            if left and each is None:
                return None
            total += left * (each or 0.0)
        return total / max(1, min(self.workers, sum(self._left.values())))


def _kind(key: RunKey) -> _Kind:
    return key.solver, key.budget
