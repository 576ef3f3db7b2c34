"""What environments see of simulated shops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.dynamic_features import (
    DYNAMIC_CANDIDATE_FEATURES,
    DYNAMIC_MACHINE_FEATURES,
    DYNAMIC_OPERATION_FEATURES,
)
from makespan.envs.observer import CandidateFeature, Observation, Observer, Part
from makespan.instances.instance import IntArray
from makespan.solvers.kernels import dynamic_layout as layout
from makespan.solvers.kernels.dynamic_features import candidate_features_rows
from makespan.solvers.kernels.dynamic_measures import name_rows


class DynamicObserver(Observer):
    """Names a job by its place in the shop, and the wait last; features as ``envs/dynamic_features.py`` says."""

    def __init__(self, batch: DynamicBatch, observation: str, features: Sequence[CandidateFeature]) -> None:
        super().__init__(batch, batch.width, len(DYNAMIC_CANDIDATE_FEATURES[1]), observation, features)
        self.batch = batch

    def look(self, rows: IntArray) -> None:
        batch = self.batch
        batch.run(name_rows, rows, batch.state, batch.job, batch.count, self.name, self.position, self.mask)

    def _candidates(self, rows: IntArray, out: NDArray[np.float32]) -> None:
        self.batch.run(candidate_features_rows, rows, *self.batch.feature_arrays, self.name, out)

    def _graph_parts(self) -> dict[str, Part]:
        limits, room = self.batch.limits, self.batch.room
        nodes = room * limits.steps
        return {
            "operations": Part((nodes, len(DYNAMIC_OPERATION_FEATURES[1]))),
            "machines": Part((limits.machines, len(DYNAMIC_MACHINE_FEATURES[1]))),
            "candidate_operation": Part((self.num_actions,), np.int32, -1, nodes - 1),
            "job_arc": Part((2, nodes), np.int32, -1, nodes - 1),
            "operation_machine": Part((nodes,), np.int32, -1, limits.machines - 1),
            "job_machine": Part((room,), np.int32, -1, limits.machines - 1),
        }

    def _graph(self, rows: IntArray) -> Observation:
        batch = self.batch
        operation, machine, arc, on, place = batch.graph_features(rows)
        candidate = np.full((rows.size, self.num_actions), -1, np.int32)
        row, position = np.nonzero((np.arange(batch.width) < batch.count[rows, None]) & (batch.job[rows] >= 0))
        job = batch.job[rows[row], position].astype(np.int64)
        step = batch.state[rows[row], layout.STATE_HEADER + layout.JOB_SIZE * job + layout.STEP]
        name = self.name[rows[row], position]
        candidate[row, name] = name * batch.limits.steps + step
        return {
            "operations": operation,
            "machines": machine,
            "candidate_operation": candidate,
            "job_arc": arc,
            "operation_machine": on,
            "job_machine": place,
        }
