"""Many episodes at once: the layer under every environment, trainer, sampler and beam.

A batch has rows; each plays one of its instances and is over when nothing is left to decide. What can be decided in a
row are its *candidates*, and an action is the position of one. ``ShopBatch`` and ``ProjectBatch`` say what they are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from makespan.envs.rows import RowThreads, as_rows, checked_actions
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.solvers.kernels import entry_of

START_KIND, WAIT_KIND, MOVE_KIND = 0, 1, 2
"""Kinds of candidates: something is placed; the clock runs on; something placed goes elsewhere."""

Snapshot = tuple[NDArray[Any], ...]
"""Everything about some rows; ``Batch.restore`` takes it."""


class Candidates(NamedTuple):
    """What can be decided in each of k rows; a candidate's position is the action.

    ``count`` (k,): how many there are, 0 in a row that is over. The others (k, width), of which the first ``count``
    are in use: ``task``, the ``mode`` counted within the task, and the ``kind``; task and mode of a wait are -1. The
    ``mode`` of a move is the place among those of its machine, from 0, that the task goes to.
    """

    count: IntArray  # type: ignore[assignment]
    task: NDArray[np.int32]
    mode: NDArray[np.int32]
    kind: NDArray[np.int8]


class Batch(ABC):
    """What the batches of all problems do alike.

    A subclass sets ``measures``, ``width`` (the most candidates of a row) and the arrays of its rows, calls ``reset``,
    and names its kernels. A kernel takes ``(arena, rows, first, last, ...)`` and treats ``rows[first:last]``; those
    that begin, step and replay take ``_arrays()`` next.
    """

    measures: ClassVar[tuple[str, ...]]
    """Numbers whose fall is a reward, see ``measure``. While a schedule grows they never fall and end at its value;
    while one is improved they begin at its value."""

    result: ClassVar[str] = "makespan"
    """The measure that is the makespan of ``schedule`` once a row is over."""

    width: int

    _setting: IntArray

    is_random: bool = False
    """Whether an episode draws random numbers. They begin from ``seed`` (rows,) int64, the number of the row unless it
    is set before ``reset``; a replay needs the same."""

    def __init__(self, instances: Sequence[Instance], rows: int | None, threads: int) -> None:
        self.instances = tuple(instances)
        if not self.instances:
            raise ValueError("batch: found no instance, expected at least one")
        number = len(self.instances) if rows is None else rows
        if number < 1:
            raise ValueError(f"rows: found {number}, expected 1 or more")
        self.which = np.arange(number) % len(self.instances)
        self.count = np.zeros(number, np.int64)
        self.seed = np.arange(number)
        self._all = np.arange(number)
        self._threads = RowThreads(threads)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for array in (*self._arena(), self._setting):  # pickling unlocks them: another type to the kernels
            array.setflags(write=False)

    # -- what a problem defines ---------------------------------------------------------------------

    @property
    @abstractmethod
    def is_complete(self) -> NDArray[np.bool_]:
        """Shape (rows,): everything is placed, and no deadline or fixed start was missed."""

    @abstractmethod
    def candidates(self, rows: ArrayLike | None = None) -> Candidates:
        """Copies of the candidates of these rows, in the numbering of their instances."""

    @abstractmethod
    def measure(self, name: str, rows: ArrayLike | None = None) -> IntArray:
        """Shape (k,): one of ``measures`` for these rows, in the instance's unit of time."""

    @abstractmethod
    def partial(self, row: int) -> tuple[Instance, Schedule]:
        """What is placed so far, as an instance of its own and its schedule, in the instance's numbering of tasks."""

    @abstractmethod
    def replace(self, numbers: Sequence[int], instances: Sequence[Instance]) -> None:
        """Put other instances in these places, or behind the last; rows that play them must be reset.

        O(size of all instances). Raises ValueError if one is larger than the batch has room for.
        """

    def _replaced(self, numbers: Sequence[int], instances: Sequence[Instance]) -> tuple[Instance, ...]:
        """The instances with others in these places, or behind the last."""
        kept = list(self.instances)
        for number, instance in zip(numbers, instances, strict=True):
            kept[number : number + 1] = [instance]
        return tuple(kept)

    @abstractmethod
    def _arena(self) -> Any:
        """The instances as kernels take them."""

    @abstractmethod
    def _arrays(self) -> tuple[Any, ...]:
        """What kernels that change rows take after rows, first and last."""

    @abstractmethod
    def _per_row(self) -> tuple[NDArray[Any], ...]:
        """All arrays that a row is made of."""

    @abstractmethod
    def _kernels(self) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
        """Those that begin, step and replay."""

    # -- what follows from it -----------------------------------------------------------------------

    @property
    def num_rows(self) -> int:
        return self.count.size

    @property
    def is_over(self) -> NDArray[np.bool_]:
        """Shape (rows,): nothing is left to decide."""
        over: NDArray[np.bool_] = self.count == 0
        return over

    @property
    def is_truncated(self) -> NDArray[np.bool_]:
        """Shape (rows,): over because of a limit, not because nothing was left to decide."""
        return np.zeros(self.num_rows, np.bool_)

    def rows(self, rows: ArrayLike | None) -> IntArray:
        """Row numbers, or a mask, or all for None. Raises ValueError for one out of range or named twice."""
        return as_rows(rows, self.num_rows, self._all)

    def reset(self, rows: ArrayLike | None = None, instance: ArrayLike | None = None) -> None:
        """Begin anew, with the instances of these numbers or the same as before."""
        chosen = self.rows(rows)
        if instance is not None:
            numbers = np.broadcast_to(np.asarray(instance, np.int64), chosen.shape)
            if numbers.size and (numbers.min() < 0 or numbers.max() >= len(self.instances)):
                raise ValueError(f"instance: found {numbers.tolist()}, expected 0 to {len(self.instances) - 1}")
            self.which[chosen] = numbers
        self.run(self._kernels()[0], chosen, *self._arrays())

    def step(self, action: ArrayLike, rows: ArrayLike | None = None) -> None:
        """Take one candidate in each of the rows, named by its position; whatever it is where a row is over.

        Raises ValueError, and changes nothing, if one of them is no candidate.
        """
        chosen = self.rows(rows)
        self.take(checked_actions(action, chosen, self.count), chosen)

    def take(self, action: IntArray, rows: IntArray) -> None:
        """``step`` for actions and rows that are known to be legal: int64, of the same shape, none twice."""
        self.run(self._kernels()[1], rows, *self._arrays(), action)

    def replay(
        self,
        action: ArrayLike,
        rows: ArrayLike | None = None,
        *,
        instance: ArrayLike | None = None,
        begin: int = 0,
        end: int | None = None,
    ) -> None:
        """Take the actions ``action[:, begin:end]``, one row of them for each row, in one call; -1 ends a row early.

        From the beginning if ``begin`` is 0, else from where the rows stand. The same as as many steps. Raises
        ValueError at the first action that is no candidate; the rows then stand somewhere on their way.
        """
        chosen = self.rows(rows)
        part = np.ascontiguousarray(np.asarray(action, np.int64)[:, begin:end])
        if part.shape[:1] != chosen.shape:
            raise ValueError(f"actions: found {part.shape[0]} rows, expected {chosen.size}")
        stops = part < 0
        length = (
            np.where(stops.any(1), stops.argmax(1), part.shape[1]) if part.size else np.zeros(chosen.size, np.int64)
        )
        if begin == 0:
            self.reset(chosen, instance)
        wrong = [i for i in self.run(self._kernels()[2], chosen, *self._arrays(), part, length) if i >= 0]
        if wrong:
            raise ValueError(f"row {chosen[wrong[0]]}: found an action that is no candidate")

    def fork(self, source: ArrayLike, target: ArrayLike) -> None:
        """Make rows ``target`` copies of rows ``source``, of which one may have several."""
        into = self.rows(target)
        origin = np.asarray(source, np.int64)
        if origin.shape != into.shape or (origin.size and (origin.min() < 0 or origin.max() >= self.num_rows)):
            raise ValueError(f"fork: found sources {origin.tolist()}, expected one row for each of {into.size} targets")
        for array in self._per_row():
            array[into] = array[origin]

    def snapshot(self, rows: ArrayLike | None = None) -> Snapshot:
        """A copy of everything about these rows."""
        chosen = self.rows(rows)
        return tuple(array[chosen] for array in self._per_row())

    def restore(self, snapshot: Snapshot, rows: ArrayLike | None = None) -> None:
        """Make these rows what others, or they, were; of this batch or one with equal instances and parameters."""
        chosen = self.rows(rows)
        for array, saved in zip(self._per_row(), snapshot, strict=True):
            if saved.shape != (chosen.size, *array.shape[1:]):
                raise ValueError(f"restore: found an array of shape {saved.shape}, expected rows of {array.shape[1:]}")
        for array, saved in zip(self._per_row(), snapshot, strict=True):
            array[chosen] = saved

    def schedule(self, row: int) -> Schedule:
        """The schedule of a row in which everything is placed. Raises ValueError otherwise."""
        schedule = self.partial(row)[1]
        missing = self.instances[self.which[row]].num_tasks - schedule.start.size
        if missing:
            raise ValueError(f"row {row}: found {missing} tasks that are not placed, expected none")
        return schedule

    def run(self, kernel: Callable[..., Any], rows: IntArray, *arrays: Any) -> list[Any]:
        """Call a kernel for these rows, on all threads; returns what the calls return."""
        arena, entry = self._arena(), entry_of(kernel)
        if self._threads.parts(rows.size) == 1:
            return [entry(arena, rows, 0, rows.size, *arrays)]

        def part(first: int, last: int) -> Any:
            return entry(arena, rows, first, last, *arrays)

        return self._threads.run(part, rows.size)
