"""What environments see of projects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from makespan.envs.features import ACTIVITY_CANDIDATE_FEATURES, ACTIVITY_FEATURES, RESOURCE_FEATURES
from makespan.envs.observer import CandidateFeature, Observation, Observer, Part
from makespan.envs.project_batch import ProjectBatch
from makespan.instances.instance import IntArray
from makespan.instances.project_view import project_view
from makespan.solvers.kernels.project_rows import name_project_rows


class ProjectObserver(Observer):
    """Names ``activity * modes + mode``; features and graphs as ``envs/features.py`` says."""

    def __init__(self, batch: ProjectBatch, observation: str, features: Sequence[CandidateFeature]) -> None:
        self.batch, self.limits = batch, batch.limits
        actions = max(1, self.limits.activities * self.limits.modes)
        super().__init__(batch, actions, len(ACTIVITY_CANDIDATE_FEATURES[1]), observation, features)

    def look(self, rows: IntArray) -> None:
        batch = self.batch
        arrays = batch.which, batch.task, batch.mode, batch.count, self.limits.modes
        batch.run(name_project_rows, rows, *arrays, self.name, self.position, self.mask)

    def _candidates(self, rows: IntArray, out: NDArray[np.float32]) -> None:
        self.batch.fill_candidates(rows, self.name, out)

    def _graph_parts(self) -> dict[str, Part]:
        limits = self.limits
        demands = max(1, limits.total_modes * limits.demands)
        activity, resource = limits.activities - 1, limits.resources - 1
        return {
            "activities": Part((limits.activities, len(ACTIVITY_FEATURES[1]))),
            "resources": Part((limits.resources, len(RESOURCE_FEATURES[1]))),
            "candidate_activity": Part((self.num_actions,), np.int32, -1, activity),
            "arc": Part((2, limits.arcs), np.int32, -1, activity),
            "demand_activity": Part((demands,), np.int32, -1, activity),
            "demand_resource": Part((demands,), np.int32, -1, resource),
            "demand_share": Part((demands,)),
        }

    def _graph(self, rows: IntArray) -> Observation:
        batch, number = self.batch, rows.size
        activities, resources = batch.graph_features(rows)
        seen: Observation = {"activities": activities, "resources": resources}
        for name, part in self._graph_parts().items():
            if name not in seen:
                fill = 0 if name == "demand_share" else -1
                seen[name] = np.full((number, *part.shape), fill, part.dtype)
        for i, row in enumerate(rows):
            view = project_view(batch.instances[batch.which[row]])
            arcs, demands = view.pred_task.size, view.demand_resource.size
            seen["arc"][i, 0, :arcs] = view.pred_task
            seen["arc"][i, 1, :arcs] = np.repeat(np.arange(view.num_tasks), np.diff(view.pred_ptr))
            activity = np.repeat(np.arange(view.num_tasks), np.diff(view.mode_ptr))
            seen["demand_activity"][i, :demands] = np.repeat(activity, np.diff(view.demand_ptr))
            seen["demand_resource"][i, :demands] = view.demand_resource
            capacity = np.maximum(1, view.capacity[view.demand_resource])
            seen["demand_share"][i, :demands] = view.demand_amount / capacity
            count = batch.count[row]
            seen["candidate_activity"][i, self.name[row, :count]] = batch.task[row, :count]
        return seen
