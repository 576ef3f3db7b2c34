"""What environments see of a batch: stable names of actions and observations of fixed shape."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from makespan.envs.batch import Batch
from makespan.instances.instance import IntArray

Observation = dict[str, Any]
"""Arrays by name; under DISJUNCTIVE also graphs."""

CandidateFeature = Callable[[Any, IntArray], NDArray[Any]]
"""``feature(batch, rows)``: shape (rows, batch.width), one number for each candidate, by its position."""

FLAT, GRAPH, DISJUNCTIVE = "flat", "graph", "disjunctive"


class Part(NamedTuple):
    """One array of an observation: its shape in one environment, its type and limits."""

    shape: tuple[int, ...]
    dtype: type[np.generic] = np.float32
    low: float = -np.inf
    high: float = np.inf


class Observer(ABC):
    """Names and observations of the rows of one batch.

    Parameters
    ----------
    batch
        Its rows are observed.
    num_actions
        Names of actions; a name stands for the same decision throughout an episode.
    num_features
        Features of a candidate that the batch knows itself.
    observation
        One of ``kinds``.
    features
        More features, by functions of the user.
    """

    kinds: ClassVar[tuple[str, ...]] = (FLAT, GRAPH)

    def __init__(
        self, batch: Batch, num_actions: int, num_features: int, observation: str, features: Sequence[CandidateFeature]
    ) -> None:
        if observation not in self.kinds:
            raise ValueError(f"observation: found {observation!r}, expected one of {', '.join(self.kinds)}")
        self.num_actions, self.observation, self.features = num_actions, observation, tuple(features)
        self._num_features, self._batch = num_features, batch
        self.name = np.zeros((batch.num_rows, batch.width), np.int32)
        self.position = np.full((batch.num_rows, num_actions), -1, np.int32)
        self.mask = np.zeros((batch.num_rows, num_actions), np.int8)

    def parts(self) -> dict[str, Part]:
        """The arrays of an observation."""
        parts = {
            "candidates": Part((self.num_actions, self._num_features + len(self.features))),
            "action_mask": Part((self.num_actions,), np.int8, 0, 1),
        }
        return parts | self._graph_parts() if self.observation == GRAPH else parts

    def positions(self, action: ArrayLike, rows: IntArray) -> IntArray:
        """The candidates that these names stand for. Raises ValueError for an illegal one."""
        names = np.asarray(action)
        if names.size == 1 and 0 <= names[0] < self.num_actions and self.position[rows[0], names[0]] >= 0:
            short: IntArray = self.position[rows[0], names].astype(np.int64)  # the way of a single environment
            return short
        inside = (names >= 0) & (names < self.num_actions)
        position = np.where(inside, self.position[rows, np.where(inside, names, 0)], -1)
        wrong = (position < 0) & (self._batch.count[rows] > 0)
        if wrong.any():
            i = int(wrong.argmax())
            legal = np.flatnonzero(self.mask[rows[i]]).tolist()
            raise ValueError(f"action {names[i]} is illegal; legal now: {legal}")
        return position.astype(np.int64)

    def observe(self, rows: IntArray) -> Observation:
        """Fresh arrays of shape (rows, ...)."""
        candidates = np.zeros((rows.size, self.num_actions, self._num_features), np.float32)
        self._candidates(rows, candidates)
        if self.features:
            candidates = np.concatenate((candidates, self._extra(rows)), axis=2)
        seen: Observation = {"candidates": candidates, "action_mask": self.mask[rows]}
        return seen | self._graph(rows) if self.observation == GRAPH else seen

    def _extra(self, rows: IntArray) -> NDArray[np.float32]:
        """The user's features, by name of the action."""
        extra = np.zeros((rows.size, self.num_actions, len(self.features)), np.float32)
        row, position = np.nonzero(np.arange(self._batch.width) < self._batch.count[rows, None])
        for k, feature in enumerate(self.features):
            extra[row, self.name[rows[row], position], k] = np.asarray(feature(self._batch, rows))[row, position]
        return extra

    @abstractmethod
    def look(self, rows: IntArray) -> None:
        """Fill ``name``, ``position`` and ``mask`` of these rows, after their candidates have changed."""

    @abstractmethod
    def _candidates(self, rows: IntArray, out: NDArray[np.float32]) -> None:
        """Fill ``out`` (rows, num_actions, features) with the features of candidates, by name."""

    @abstractmethod
    def _graph_parts(self) -> dict[str, Part]:
        """The arrays that GRAPH adds."""

    @abstractmethod
    def _graph(self, rows: IntArray) -> Observation:
        """Those arrays for these rows."""
