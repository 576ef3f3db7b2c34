"""What environments see of job shops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from makespan.envs.disjunctive import disjunctive_graph
from makespan.envs.features import CANDIDATE_FEATURES, MACHINE_FEATURES, OPERATION_FEATURES
from makespan.envs.graph import shop_graph
from makespan.envs.observer import DISJUNCTIVE, FLAT, GRAPH, CandidateFeature, Observation, Observer, Part
from makespan.envs.shop_batch import ShopBatch
from makespan.instances.instance import Instance, IntArray
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
        self._kept: dict[int, tuple[Instance, tuple[NDArray[np.int32], ...]]] = {}

    def look(self, rows: IntArray) -> None:
        batch = self.batch
        arrays = batch.which, batch.job, batch.mode, batch.count, self.limits.modes
        batch.run(name_rows, rows, *arrays, self.name, self.position, self.mask)

    def _candidates(self, rows: IntArray, out: NDArray[np.float32]) -> None:
        self.batch.run(candidate_features_rows, rows, *self.batch.feature_arrays, self.name, out)

    def observe(self, rows: IntArray) -> Observation:
        seen = super().observe(rows)
        if self.observation == DISJUNCTIVE:
            seen["graph"] = [disjunctive_graph(self.batch, int(row)) for row in rows]
        return seen

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
        batch = self.batch
        operations, machines = batch.graph_features(rows)
        edges = [self._edges(int(number)) for number in batch.which[rows]]
        job_arc, mode_operation, mode_machine = (np.stack(arrays) for arrays in zip(*edges, strict=True))
        target = np.full((rows.size, self.num_actions), -1, np.int32)
        row, position = np.nonzero(np.arange(batch.width) < batch.count[rows, None])
        mode = batch.mode[rows[row], position]
        starts = mode >= 0
        row, mode, name = row[starts], mode[starts], self.name[rows[row], position][starts]
        target[row, name] = mode_operation[row, mode]
        return {
            "operations": operations,
            "machines": machines,
            "candidate_operation": target,
            "job_arc": job_arc,
            "mode_operation": mode_operation,
            "mode_machine": mode_machine,
        }

    def _edges(self, number: int) -> tuple[NDArray[np.int32], ...]:
        """The edges of an instance of the batch, padded; kept as long as it is in its place."""
        instance, parts = self.batch.instances[number], self._graph_parts()
        if number not in self._kept or self._kept[number][0] is not instance:
            graph = shop_graph(instance)
            arrays = []
            for name in ("job_arc", "mode_operation", "mode_machine"):
                padded = np.full(parts[name].shape, -1, np.int32)
                own = getattr(graph, name)
                padded[..., : own.shape[-1]] = own
                arrays.append(padded)
            self._kept[number] = instance, tuple(arrays)
        return self._kept[number][1]
