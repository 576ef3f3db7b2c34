"""Episodes as Gymnasium sees them: instances drawn for each row, rewards, and what ``reset`` and ``step`` return."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from makespan.envs.batch import Batch
from makespan.envs.disjunctive import ARC_TYPES
from makespan.envs.features import OPERATION_FEATURES
from makespan.envs.observer import DISJUNCTIVE, Observation, Observer
from makespan.envs.rewards import Potential, potential
from makespan.envs.sources import Source
from makespan.instances.instance import Instance, IntArray

_AHEAD = 4
"""Instances drawn ahead for each row of several, so that putting them into the arena is shared by several episodes."""

PROBES = 32
"""Instances drawn to see how large those of a generator are."""

Setup = Callable[[Sequence[Instance], Sequence[Instance], int], tuple[Batch, Observer]]
"""``setup(instances, largest, rows)``: the batch and its observer, with room for each of ``largest``."""


class Play:
    """Rows of episodes whose instances come from a source.

    Each row draws from random numbers of its own, so that the instances it plays do not depend on the other rows.
    """

    def __init__(self, source: Source, rows: int, reward: str | Potential, setup: Setup) -> None:
        self.source = source
        self._ahead = _AHEAD if rows > 1 else 1
        self._fresh: list[deque[tuple[int, int]]] = [deque() for _ in range(rows)]
        self._given: dict[int, int] = {}
        self._drawn = [0] * rows
        largest = source.fixed or _probe(source)
        instances = source.fixed or (largest[0],) * (rows * self._ahead)
        self.batch, self.observer = setup(instances, largest, rows)
        self._potential = potential(reward, self.batch)
        self._value = np.zeros(rows)

    @property
    def num_actions(self) -> int:
        return self.observer.num_actions

    @property
    def mask(self) -> NDArray[np.int8]:
        """Shape (rows, actions). Not a copy."""
        return self.observer.mask

    def space(self) -> spaces.Dict:
        """The observation space of one row."""
        boxes: dict[str, spaces.Space[Any]] = {
            name: spaces.Box(part.low, part.high, part.shape, part.dtype)
            for name, part in self.observer.parts().items()
        }
        if self.observer.observation == DISJUNCTIVE:
            nodes = spaces.Box(-np.inf, np.inf, (len(OPERATION_FEATURES[1]),), np.float32)
            boxes["graph"] = spaces.Graph(nodes, spaces.Box(0, 1, (ARC_TYPES,), np.float32))
        return spaces.Dict(boxes)

    def begin(self, rows: IntArray, randoms: Sequence[np.random.Generator], chosen: Instance | None = None) -> None:
        """Begin new episodes: with instances drawn from each row's own random numbers, or all with a chosen one."""
        if chosen is not None:
            numbers, seeds = self._settle_given(rows, chosen), [self._seed(random) for random in randoms]
        elif self.source.draw is not None:
            self._draw_ahead(dict(zip(rows.tolist(), randoms, strict=True)))
            drawn = [self._fresh[row].popleft() for row in rows]
            numbers, seeds = [number for number, _ in drawn], [seed for _, seed in drawn]
        else:
            number = len(self.source.fixed)
            numbers = [int(random.integers(number)) if number > 1 else 0 for random in randoms]
            seeds = [self._seed(random) for random in randoms]
        if self.batch.is_random:
            self.batch.seed[rows] = seeds
        self.batch.reset(rows, np.array(numbers))
        self.observer.look(rows)
        self._value[rows] = self._potential(self.batch, rows)

    def forget(self, rows: IntArray) -> None:
        """Drop instances that were drawn ahead for these rows, whose random numbers begin anew."""
        for row in rows.tolist():
            self._drawn[row] -= len(self._fresh[row])
            self._fresh[row].clear()

    def step(self, action: ArrayLike, rows: IntArray) -> NDArray[np.float64]:
        """Take one action in each of the rows; returns the rewards. Raises ValueError, changing nothing."""
        self.batch.take(self.observer.positions(action, rows), rows)
        self.observer.look(rows)
        value = np.asarray(self._potential(self.batch, rows), np.float64)
        reward: NDArray[np.float64] = self._value[rows] - value
        self._value[rows] = value
        return reward

    def observe(self, rows: IntArray) -> Observation:
        """Fresh arrays of shape (rows, ...)."""
        return self.observer.observe(rows)

    def over(self, rows: IntArray) -> NDArray[np.bool_]:
        """Whether these episodes have ended."""
        ended: NDArray[np.bool_] = self.batch.count[rows] == 0
        return ended

    def truncated(self, rows: IntArray) -> NDArray[np.bool_]:
        """Whether these episodes have ended because they were cut off."""
        cut: NDArray[np.bool_] = self.batch.is_truncated[rows]
        return cut

    def instance(self, row: int) -> Instance:
        """What a row plays."""
        return self.batch.instances[int(self.batch.which[row])]

    def _settle_given(self, rows: IntArray, chosen: Instance) -> list[int]:
        """Put an instance into the places of these rows for given ones, behind all others."""
        numbers = list[int]()
        for row in rows.tolist():
            number = self._given.get(row, len(self.batch.instances))
            self.batch.replace([number], [chosen])
            self._given[row] = number
            numbers.append(number)
        return numbers

    def _draw_ahead(self, randoms: dict[int, np.random.Generator]) -> None:
        """Draw instances for those of these rows that have none left."""
        empty = {row: random for row, random in randoms.items() if not self._fresh[row]}
        numbers, instances = list[int](), list[Instance]()
        for row, random in empty.items():
            for number in range(row * self._ahead, (row + 1) * self._ahead):
                numbers.append(number)
                instances.append(self.source.sample(random, self._drawn[row]))
                self._drawn[row] += 1
                self._fresh[row].append((number, self._seed(random)))
        if numbers:
            self.batch.replace(numbers, instances)

    def _seed(self, random: np.random.Generator) -> int:
        """Where the random numbers of an episode begin; no number is drawn where it needs none."""
        return int(random.integers(2**62)) if self.batch.is_random else 0


def _probe(source: Source) -> tuple[Instance, ...]:
    """Instances of a generator, of the first episodes and of late ones, to see how large they are."""
    random = np.random.default_rng(0)
    return tuple(source.sample(random, i % 2 * 2**31) for i in range(PROBES))
