"""Episodes as data: play them with a policy, keep their actions, turn them into arrays for offline learning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from makespan.envs.batch import Batch
from makespan.envs.rewards import Potential, potential
from makespan.instances.instance import IntArray

Policy = Callable[[Any], IntArray]
"""``policy(batch)``: the position of a candidate for each row; anything where a row is over."""


class Transitions(NamedTuple):
    """The decisions of some episodes, one behind the other, row by row; T in all.

    Parameters
    ----------
    row, step
        Shape (T,) int32: whose decision, and its number within the episode.
    candidates
        Shape (T, width, features) float32: what the batch knows of each candidate, zeros behind the last.
    count
        Shape (T,) int32: candidates.
    action
        Shape (T,) int32: the position of the one taken.
    reward
        Shape (T,) float64.
    terminal
        Shape (T,): whether it was the last of its episode.
    """

    row: NDArray[np.int32]
    step: NDArray[np.int32]
    candidates: NDArray[np.float32]
    count: NDArray[np.int32]  # type: ignore[assignment]
    action: NDArray[np.int32]
    reward: NDArray[np.float64]
    terminal: NDArray[np.bool_]

    def save(self, path: str | Path) -> None:
        """Write an ``.npz`` file, which ``Transitions.load`` and ``numpy.load`` read."""
        np.savez_compressed(path, **self._asdict())

    @classmethod
    def load(cls, path: str | Path) -> Transitions:
        """Read what ``save`` wrote."""
        with np.load(path, allow_pickle=False) as file:
            return cls(**{name: file[name] for name in cls._fields})


def play(batch: Batch, policy: Policy) -> IntArray:
    """Play all rows to the end, from where they stand: shape (rows, steps), -1 where a row was over.

    ``batch.replay`` takes them. With the instances they are all that is needed to keep episodes.
    """
    actions = list[IntArray]()
    while not batch.is_over.all():
        action = np.where(batch.is_over, -1, policy(batch))
        batch.step(action)
        actions.append(action)
    return np.stack(actions, axis=1) if actions else np.zeros((batch.num_rows, 0), np.int64)


def transitions(batch: Any, action: ArrayLike, reward: str | Potential = "lower_bound") -> Transitions:
    """What was seen and earned along actions that begin with empty schedules; plays the batch anew.

    Memory: T x width x features. Raises ValueError as ``batch.replay``.
    """
    taken = np.asarray(action, np.int64)
    value_of = potential(reward, batch)
    batch.reset()
    every = np.arange(batch.num_rows)
    parts = list[tuple[NDArray[Any], ...]]()
    value = np.asarray(value_of(batch, every), np.float64)
    for step in range(taken.shape[1]):
        rows = np.flatnonzero((batch.count > 0) & (taken[:, step] >= 0))
        if not rows.size:
            break
        seen, count = batch.candidate_features(rows), batch.count[rows]
        batch.step(taken[rows, step], rows)
        after = np.asarray(value_of(batch, rows), np.float64)
        parts.append((rows, np.full(rows.size, step), seen, count, taken[rows, step], value[rows] - after))
        value[rows] = after
    if not parts:
        raise ValueError("transitions: found no action, expected at least one")
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    row, step_number, seen, count, chosen, earned = (column[order] for column in columns)
    last = np.append(row[1:] != row[:-1], True)
    return Transitions(
        row.astype(np.int32),
        step_number.astype(np.int32),
        seen,
        count.astype(np.int32),
        chosen.astype(np.int32),
        earned,
        last & (batch.count[row] == 0),
    )
