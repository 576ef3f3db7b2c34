"""What environments see of schedules of job shops under improvement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from makespan.envs.improvement_batch import ImprovementBatch
from makespan.envs.improvement_features import IMPROVED_OPERATION_FEATURES, MOVE_FEATURES
from makespan.envs.observer import CandidateFeature, Observation, Observer, Part
from makespan.instances.instance import IntArray


class ImprovementObserver(Observer):
    """Names are positions of candidates: the moves change with every step, and no fixed number could name them all.

    Features and graphs as ``envs/improvement_features.py`` says.
    """

    def __init__(self, batch: ImprovementBatch, observation: str, features: Sequence[CandidateFeature]) -> None:
        super().__init__(batch, batch.width, len(MOVE_FEATURES[1]), observation, features)
        self.batch = batch
        self.name[:] = np.arange(batch.width)

    def look(self, rows: IntArray) -> None:
        used = self.name[rows] < self.batch.count[rows, None]
        self.position[rows] = np.where(used, self.name[rows], -1)
        self.mask[rows] = used

    def _candidates(self, rows: IntArray, out: NDArray[np.float32]) -> None:
        self.batch.candidate_features(rows, out)

    def _graph_parts(self) -> dict[str, Part]:
        operations = self.batch.limits.operations
        last = operations - 1
        return {
            "operations": Part((operations, len(IMPROVED_OPERATION_FEATURES[1]))),
            "candidate_operation": Part((2, self.num_actions), np.int32, -1, last),
            "job_arc": Part((2, operations), np.int32, -1, last),
            "machine_arc": Part((2, operations), np.int32, -1, last),
        }

    def _graph(self, rows: IntArray) -> Observation:
        job_arc, machine_arc = self.batch.arcs(rows)
        return {
            "operations": self.batch.operation_features(rows),
            "candidate_operation": self.batch.ends(rows),
            "job_arc": job_arc,
            "machine_arc": machine_arc,
        }
