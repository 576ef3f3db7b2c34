"""What improvement reaches without learning: the three local searches that learned ones are compared with, and chance.

Each function plays a batch until all its rows are over; ``batch.measure("incumbent")`` then tells what was reached.
Neighbours are compared by their true makespans. Source: Zhang et al. 2024 (ICLR, arXiv 2211.10936), who restart a
search that is stuck from a memory of visited solutions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makespan.envs.improvement_batch import ImprovementBatch
from makespan.instances.instance import IntArray

MEMORY, WALK = "memory", "walk"
"""Restarts where a search is stuck: a random move from a solution drawn among those visited; ``walk`` random moves from
where it stands, which leads further with fewer moves. All of them count."""

REMEMBERED = 100
"""Visited solutions that a row has in memory, each of the size of a row; of longer episodes a uniform sample."""


def random_moves(batch: ImprovementBatch, seed: int = 0) -> None:
    """Any legal move, drawn uniformly."""
    chances = Chances(batch, seed)
    while not batch.is_over.all():
        batch.step(chances.candidate())


def greedy(batch: ImprovementBatch) -> None:
    """The neighbour with the least makespan, even if it is worse; the first of several."""
    while not batch.is_over.all():
        batch.step(batch.makespans_after().argmin(axis=1))


def first_improvement(batch: ImprovementBatch, seed: int = 0, restart: str = MEMORY, walk: int = 5) -> None:
    """The first neighbour that is better; a restart where none is."""
    _search(batch, lambda after, makespan: (after < makespan[:, None]).argmax(axis=1), seed, restart, walk)


def best_improvement(batch: ImprovementBatch, seed: int = 0, restart: str = MEMORY, walk: int = 5) -> None:
    """The best neighbour, if it is better; a restart where none is."""
    _search(batch, lambda after, makespan: after.argmin(axis=1), seed, restart, walk)


BASELINES: dict[str, Callable[[ImprovementBatch], None]] = {
    "random": random_moves,
    "greedy": greedy,
    "first_improvement": first_improvement,
    "best_improvement": best_improvement,
}


class Chances:
    """Random choices for each row, from random numbers of its own: they do not depend on the number of rows."""

    def __init__(self, batch: ImprovementBatch, seed: int) -> None:
        self._batch = batch
        self._randoms = [np.random.default_rng((seed, row)) for row in range(batch.num_rows)]
        self._chance: NDArray[np.float64] = np.zeros((0, batch.num_rows))
        self._next = 0

    def below(self, bound: IntArray | int) -> IntArray:
        """A number from 0 to ``bound`` - 1 for each row; 0 where there is none."""
        if self._next == len(self._chance):
            self._chance = np.stack([random.random(64) for random in self._randoms], axis=1)
            self._next = 0
        chance = self._chance[self._next]
        self._next += 1
        chosen: IntArray = np.minimum((chance * bound).astype(np.int64), np.maximum(np.asarray(bound) - 1, 0))
        return chosen

    def candidate(self) -> IntArray:
        """A candidate for each row; 0 where it is over."""
        return self.below(self._batch.count)


class _Memory:
    """A sample of the solutions that each row has visited."""

    def __init__(self, batch: ImprovementBatch, chances: Chances) -> None:
        self._batch, self._chances, self._visited = batch, chances, 0
        self._every = np.arange(batch.num_rows)
        self._kept: list[NDArray[Any]] = []

    def keep(self) -> None:
        """Remember where all rows stand, in place of another solution if there is no room."""
        now = self._batch.snapshot()
        if not self._kept:
            self._kept = [np.empty((REMEMBERED, *array.shape), array.dtype) for array in now]
        slot = (
            self._chances.below(self._visited + 1) if self._visited >= REMEMBERED else self._every * 0 + self._visited
        )
        self._visited += 1
        rows = self._every[slot < REMEMBERED]
        for kept, array in zip(self._kept, now, strict=True):
            kept[slot[rows], rows] = array[rows]

    def recall(self, stuck: NDArray[np.bool_]) -> None:
        """Put these rows where they once were."""
        slot, rows = self._chances.below(min(self._visited, REMEMBERED)), self._every[stuck]
        self._batch.go_back(tuple(kept[slot[rows], rows] for kept in self._kept), rows)


def _search(
    batch: ImprovementBatch,
    choose: Callable[[IntArray, IntArray], IntArray],
    seed: int,
    restart: str,
    walk: int,
) -> None:
    if restart not in (MEMORY, WALK):
        raise ValueError(f"restart: found {restart!r}, expected {MEMORY} or {WALK}")
    chances, every, walking = Chances(batch, seed), np.arange(batch.num_rows), np.zeros(batch.num_rows, np.int64)
    memory = _Memory(batch, chances)
    while not batch.is_over.all():
        after, makespan = batch.makespans_after(), batch.measure("makespan")
        choice = choose(after, makespan)
        stuck = (after[every, choice] >= makespan) & (walking == 0) & ~batch.is_over
        if restart == MEMORY:
            memory.keep()
            memory.recall(stuck)
        walking[stuck] = 1 if restart == MEMORY else walk
        batch.step(np.where(walking > 0, chances.candidate(), choice))
        walking = np.maximum(walking - 1, 0)
