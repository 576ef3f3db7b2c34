"""What environments see of job shops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from makespan.envs.disjunctive import disjunctive_graph
from makespan.envs.features import CANDIDATE_FEATURES, MACHINE_FEATURES, OPERATION_FEATURES
from makespan.envs.graph import shop_graph
from makespan.envs.observer import DISJUNCTIVE, FLAT, GRAPH, CandidateFeature, Observation, Observer, Part
from makespan.envs.shop_batch import ShopBatch
from makespan.instances.instance import IntArray
from makespan.solvers.kernels.shop_features import candidate_features_rows
from makespan.solvers.kernels.shop_rows import name_rows


class ShopObserver(Observer):
    """Names ``job * modes + mode``, and after them the wait; features and graphs as ``envs/features.py`` says."""

    kinds: ClassVar[tuple[str, ...]] = (FLAT, GRAPH, DISJUNCTIVE)

    def __init__(self, batch: ShopBatch, observation: str, features: Sequence[CandidateFeature]) -> None:
        limits = batch.limits
        actions = limits.jobs * limits.modes + batch.waits
        super().__init__(batch, actions, len(CANDIDATE_FEATURES[1]), observation, features)
        self.batch, self.limits = batch, limits

    def _name(self, rows: IntArray, mask: NDArray[np.int8]) -> None:
        batch = self.batch
        arrays = batch.which, batch.job, batch.mode, batch.count, self.limits.modes
        batch.run(name_rows, rows, *arrays, self.name, self.position, mask)

    def _candidates(self, rows: IntArray, out: NDArray[np.float32]) -> None:
        self.batch.run(candidate_features_rows, rows, *self.batch.feature_arrays, self.name, out)

    def _disjunctive(self, row: int) -> Any:
        return disjunctive_graph(self.batch, row)

    def _graph_parts(self) -> dict[str, Part]:
        limits = self.limits
        modes, last = limits.operations * limits.modes, limits.operations - 1
        return {
            "operations": Part((limits.operations, len(OPERATION_FEATURES[1]))),
            "machines": Part((limits.machines, len(MACHINE_FEATURES[1]))),
            "candidate_operation": Part((self.num_actions,), np.int32, -1, last),
            "job_arc": Part((2, limits.operations), np.int32, -1, last),
            "mode_operation": Part((modes,), np.int32, -1, last),
            "mode_machine": Part((modes,), np.int32, -1, limits.machines - 1),
        }

    def _graph(self, rows: IntArray) -> Observation:
        batch, number = self.batch, rows.size
        operations, machines = batch.graph_features(rows)
        seen: Observation = {"operations": operations, "machines": machines}
        for name, part in self._graph_parts().items():
            if name not in seen:
                seen[name] = np.full((number, *part.shape), -1, part.dtype)
        for i, row in enumerate(rows):
            graph = shop_graph(batch.instances[batch.which[row]])
            seen["job_arc"][i, :, : graph.job_arc.shape[1]] = graph.job_arc
            seen["mode_operation"][i, : graph.mode_operation.size] = graph.mode_operation
            seen["mode_machine"][i, : graph.mode_machine.size] = graph.mode_machine
            mode = batch.mode[row, : batch.count[row]]
            starts = mode >= 0
            names = self.name[row, : mode.size][starts]
            seen["candidate_operation"][i, names] = graph.mode_operation[mode[starts]]
        return seen
