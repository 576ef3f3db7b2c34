"""What a network is shown of a batch: the residual graphs of its rows joined into one, and their candidates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from makespan.envs.batch import Batch
from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.dynamic_features import (
    DYNAMIC_CANDIDATE_FEATURES,
    DYNAMIC_MACHINE_FEATURES,
    DYNAMIC_OPERATION_FEATURES,
)
from makespan.envs.features import (
    ACTIVITY_CANDIDATE_FEATURES,
    ACTIVITY_FEATURES,
    CANDIDATE_FEATURES,
    MACHINE_FEATURES,
    OPERATION_FEATURES,
    RESOURCE_FEATURES,
)
from makespan.envs.graph import shop_graph
from makespan.envs.project_batch import ProjectBatch
from makespan.envs.shop_batch import ShopBatch
from makespan.instances.instance import Instance, IntArray
from makespan.instances.project_view import project_view
from makespan.policies.network import Choices, Graph
from makespan.solvers.kernels import dynamic_layout as layout


class StaticGraph(NamedTuple):
    """The edges of an instance, see ``Graph``: ``arc`` (2, arcs), ``use`` (2, uses), ``weight`` (uses,)."""

    arc: IntArray
    use: IntArray
    weight: NDArray[np.float32]
    operations: int
    resources: int


class Decisions(NamedTuple):
    """The candidates of d decisions, one behind the other, t in all.

    Parameters
    ----------
    features
        Shape (t, features) float32.
    operation, resource
        Shape (t,) int64: nodes of a joined graph, -1 for none.
    count
        Shape (d,) int64: candidates of each decision.
    row
        Shape (d,) int64: the row that decides.
    """

    features: NDArray[np.float32]
    operation: IntArray
    resource: IntArray
    count: IntArray  # type: ignore[assignment]
    row: IntArray


class BatchView(ABC):
    """What the network sees of one batch.

    ``graph`` joins the graphs of rows as they are now, without the operations that are placed; ``decisions`` and
    ``choices`` then point to its nodes until the next call.
    """

    candidate_features: ClassVar[int]
    operation_features: ClassVar[int]
    resource_features: ClassVar[int]

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.refresh()

    @classmethod
    def sizes(cls) -> tuple[int, int, int]:
        """Numbers of features of candidates, operations and resources."""
        return cls.candidate_features, cls.operation_features, cls.resource_features

    def refresh(self) -> None:
        """Read the instances of the batch; needed again after ``batch.replace``. O(size of all)."""
        graphs = [static_graph(self.batch, instance) for instance in self.batch.instances]
        self._arc = _padded([graph.arc for graph in graphs])
        self._use = _padded([graph.use for graph in graphs])
        self._weight = _padded([graph.weight[None] for graph in graphs])[:, 0].astype(np.float32)
        self._operations = np.array([graph.operations for graph in graphs])
        self._resources = np.array([graph.resources for graph in graphs])
        rows = self.batch.num_rows
        self._node = np.full((rows, int(self._operations.max()) + 1), -1)
        self._resource_node = np.full((rows, int(self._resources.max()) + 1), -1)

    @abstractmethod
    def _features(self, rows: IntArray) -> NDArray[np.float32]:
        """Of the candidates; shape (k, width, candidate_features)."""

    @abstractmethod
    def _nodes(self, rows: IntArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features of operations and resources, the first operation feature being 1 where it is placed."""

    @abstractmethod
    def _targets(self, rows: IntArray, wide: int) -> tuple[IntArray, IntArray]:
        """Operation and resource of the first ``wide`` candidates of each row, -1 for none."""

    def graph(self, rows: IntArray) -> Graph:
        """The joined graph of these rows. O(size of their instances)."""
        operation, resource = self._nodes(rows)
        operation, resource = operation[:, : self._node.shape[1] - 1], resource[:, : self._resource_node.shape[1] - 1]
        which = self.batch.which[rows]
        is_open = np.arange(operation.shape[1]) < self._operations[which, None]
        is_open &= operation[:, :, 0] == 0
        exists = np.arange(resource.shape[1]) < self._resources[which, None]
        node, place = _numbered(is_open), _numbered(exists)
        # The last column of each stands for -1, so that padding looks up -1.
        self._node[rows, : node.shape[1]], self._node[rows, -1] = node, -1
        self._resource_node[rows, : place.shape[1]], self._resource_node[rows, -1] = place, -1
        at = rows[:, None]
        before, after = (self._node[at, self._arc[which, side]] for side in (0, 1))
        both = (before >= 0) & (after >= 0)
        user, used = self._node[at, self._use[which, 0]], self._resource_node[at, self._use[which, 1]]
        needs = (user >= 0) & (used >= 0)
        return Graph(
            operation=torch.from_numpy(operation[is_open]),
            resource=torch.from_numpy(resource[exists]),
            arc=torch.from_numpy(np.stack((before[both], after[both]))),
            use=torch.from_numpy(np.stack((user[needs], used[needs]))),
            weight=torch.from_numpy(self._weight[which][needs][:, None]),
        )

    def fork(self, source: IntArray, target: IntArray) -> None:
        """Rows ``target`` of the batch have become copies of rows ``source``: they lie in the same graphs."""
        self._node[target], self._resource_node[target] = self._node[source], self._resource_node[source]

    def decisions(self, rows: IntArray) -> Decisions:
        """What each of these rows has to decide now."""
        features, operation, resource, mask = self._candidates(rows)
        return Decisions(features[mask], operation[mask], resource[mask], self.batch.count[rows], rows)

    def choices(self, rows: IntArray) -> Choices:
        """The same, padded."""
        features, operation, resource, mask = self._candidates(rows)
        operation[~mask] = resource[~mask] = -1
        return Choices(*map(torch.from_numpy, (np.ascontiguousarray(features), operation, resource, mask)))

    def _candidates(self, rows: IntArray) -> tuple[NDArray[np.float32], IntArray, IntArray, NDArray[np.bool_]]:
        """Features, nodes of operations and of resources, and where there is a candidate; (k, most candidates, ...)."""
        count = self.batch.count[rows]
        wide = int(count.max(initial=1))
        mask = np.arange(wide) < count[:, None]
        features = self._features(rows)[:, :wide]
        features[~mask] = 0
        operation, resource = self._targets(rows, wide)
        at = rows[:, None]
        return features, self._node[at, operation], self._resource_node[at, resource], mask


class ShopView(BatchView):
    """Of job shops: operations and machines."""

    batch: ShopBatch
    version: ClassVar[int] = 2
    candidate_features = len(CANDIDATE_FEATURES[2])
    operation_features = len(OPERATION_FEATURES[1])
    resource_features = len(MACHINE_FEATURES[1])

    def refresh(self) -> None:
        super().refresh()
        views = self.batch.views
        self._operation = np.concatenate(
            [np.repeat(np.arange(view.num_operations), np.diff(view.mode_ptr)) for view in views]
        )
        self._machine = np.concatenate([view.machine for view in views])

    def _features(self, rows: IntArray) -> NDArray[np.float32]:
        return self.batch.candidate_features(rows, version=self.version)

    def _nodes(self, rows: IntArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self.batch.graph_features(rows)

    def _targets(self, rows: IntArray, wide: int) -> tuple[IntArray, IntArray]:
        batch = self.batch
        mode = batch.mode[rows, :wide].astype(np.int64)
        starts = (mode >= 0) & (np.arange(wide) < batch.count[rows, None])
        at = np.where(starts, mode + batch.arena.mode_ptr[batch.which[rows], None], 0)
        return np.where(starts, self._operation[at], -1), np.where(starts, self._machine[at], -1)


class FlexibleShopView(ShopView):
    """Of flexible job shops: candidates also see their other modes."""

    version = 3
    candidate_features = len(CANDIDATE_FEATURES[3])


class ProjectBatchView(BatchView):
    """Of projects: activities and resources."""

    batch: ProjectBatch
    candidate_features = len(ACTIVITY_CANDIDATE_FEATURES[1])
    operation_features = len(ACTIVITY_FEATURES[1])
    resource_features = len(RESOURCE_FEATURES[1])

    def _features(self, rows: IntArray) -> NDArray[np.float32]:
        return self.batch.candidate_features(rows)

    def _nodes(self, rows: IntArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self.batch.graph_features(rows)

    def _targets(self, rows: IntArray, wide: int) -> tuple[IntArray, IntArray]:
        used = np.arange(wide) < self.batch.count[rows, None]
        task = np.where(used, self.batch.task[rows, :wide], -1).astype(np.int64)
        return task, np.full(task.shape, -1)


class DynamicView(BatchView):
    """Of simulated shops: the operations of the jobs in the shop that have not ended, and the machines.

    Jobs come and go, so the graph is made anew whenever it is read. A job that has come since then has no node: with
    ``refresh_every=1`` all have one; with 0 decisions see the features of candidates alone, which is cheap.
    """

    batch: DynamicBatch
    candidate_features = len(DYNAMIC_CANDIDATE_FEATURES[2])
    operation_features = len(DYNAMIC_OPERATION_FEATURES[1])
    resource_features = len(DYNAMIC_MACHINE_FEATURES[1])

    def refresh(self) -> None:
        limits = self.batch.limits
        self._node = np.full((self.batch.num_rows, limits.jobs * limits.steps + 1), -1)
        self._resource_node = np.full((self.batch.num_rows, limits.machines + 1), -1)

    def graph(self, rows: IntArray) -> Graph:
        """The joined graph of these rows. O(places x operations of a job)."""
        batch, steps, state = self.batch, self.batch.limits.steps, self.batch.state
        operation, machine, arc, on, _ = batch.graph_features(rows)
        is_open = on >= 0
        exists = np.arange(machine.shape[1]) < state[rows, layout.NUM_MACHINES, None]
        node, place = _numbered(is_open), _numbered(exists)
        first = int(state[0, layout.SLOTS])
        in_place = np.repeat(state[rows, first : first + batch.room], steps, axis=1)
        row, at = np.nonzero(is_open)
        self._node[rows] = -1
        self._node[rows[row], in_place[row, at] * steps + at % steps] = node[row, at]
        self._resource_node[rows, : place.shape[1]] = place
        origin, edge = np.nonzero(arc[:, 0] >= 0)
        arcs = node[origin, arc[origin, 0, edge]], node[origin, arc[origin, 1, edge]]
        return Graph(
            operation=torch.from_numpy(operation[is_open]),
            resource=torch.from_numpy(machine[exists]),
            arc=torch.from_numpy(np.stack(arcs)),
            use=torch.from_numpy(np.stack((node[row, at], place[row, on[row, at]]))),
            weight=torch.ones(row.size, 1),
        )

    def _features(self, rows: IntArray) -> NDArray[np.float32]:
        return self.batch.candidate_features(rows, version=2)

    def _nodes(self, rows: IntArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        operation, machine, *_ = self.batch.graph_features(rows)
        return operation, machine

    def _targets(self, rows: IntArray, wide: int) -> tuple[IntArray, IntArray]:
        batch = self.batch
        job = batch.job[rows, :wide].astype(np.int64)
        starts = (job >= 0) & (np.arange(wide) < batch.count[rows, None])
        at = batch.state[rows, layout.JOBS, None] + layout.JOB_SIZE * np.where(starts, job, 0) + layout.STEP
        operation = job * batch.limits.steps + np.take_along_axis(batch.state[rows], at, 1)
        resource = np.broadcast_to(batch.state[rows, layout.DECIDING, None], job.shape)
        return np.where(starts, operation, -1), np.where(starts, resource, -1)


def view_of(batch: Batch) -> BatchView:
    """The view for a batch of this kind."""
    if isinstance(batch, ShopBatch):
        if batch.waits:
            from makespan.policies.intervals import IntervalView

            return IntervalView(batch)
        return (FlexibleShopView if batch.modes == "conflict" else ShopView)(batch)
    if isinstance(batch, ProjectBatch):
        return ProjectBatchView(batch)
    if isinstance(batch, DynamicBatch):
        return DynamicView(batch)
    raise TypeError(f"view: found a {type(batch).__name__}, expected a batch of shops or projects")


def static_graph(batch: Batch, instance: Instance) -> StaticGraph:
    """The edges of an instance as the batch numbers it, made on the first call and kept."""
    return instance.derived(_shop_edges if isinstance(batch, ShopBatch) else _project_edges)


def _shop_edges(instance: Instance) -> StaticGraph:
    graph = shop_graph(instance)
    has_machine = graph.mode_machine >= 0
    use = np.stack((graph.mode_operation, graph.mode_machine)).astype(np.int64)[:, has_machine]
    machines = int(use[1].max(initial=-1)) + 1
    weight = np.ones(use.shape[1], np.float32)
    return StaticGraph(graph.job_arc.astype(np.int64), use, weight, graph.operation_job.size, machines)


def _project_edges(instance: Instance) -> StaticGraph:
    view = project_view(instance)
    successor = np.repeat(np.arange(view.num_tasks), np.diff(view.pred_ptr))
    arc = np.stack((view.pred_task.astype(np.int64), successor))
    mode = np.repeat(np.arange(view.duration.size), np.diff(view.demand_ptr))
    task = np.repeat(np.arange(view.num_tasks), np.diff(view.mode_ptr))[mode]
    weight = view.demand_amount / np.maximum(1, view.capacity[view.demand_resource])
    use = np.stack((task, view.demand_resource.astype(np.int64)))
    return StaticGraph(arc, use, weight.astype(np.float32), view.num_tasks, view.capacity.size)


def padded_choices(found: Decisions, which: IntArray, wide: int) -> Choices:
    """Some of the decisions, each with at most ``wide`` candidates, padded to so many."""
    mask, at = _places(found, which, wide)
    operation, resource = (np.where(mask, nodes[at], -1) for nodes in (found.operation, found.resource))
    features = found.features[at]
    features[~mask] = 0
    return Choices(
        torch.from_numpy(features),
        torch.from_numpy(operation),
        torch.from_numpy(resource),
        torch.from_numpy(mask),
    )


def padded_flags(found: Decisions, flag: NDArray[np.bool_], which: IntArray, wide: int) -> NDArray[np.bool_]:
    """Shape (decisions, wide): a flag of each candidate, (t,), of some of the decisions; False behind the last."""
    mask, at = _places(found, which, wide)
    return mask & flag[at]


def _places(found: Decisions, which: IntArray, wide: int) -> tuple[NDArray[np.bool_], IntArray]:
    """Where there is a candidate, and which of all it is; both (decisions, wide)."""
    first = np.cumsum(found.count) - found.count
    mask = np.arange(wide) < found.count[which, None]
    return mask, np.where(mask, first[which, None] + np.arange(wide), 0)


def _numbered(mask: NDArray[np.bool_]) -> IntArray:
    """The number of each place that is set, counted through; -1 elsewhere."""
    return np.where(mask, np.cumsum(mask.ravel()).reshape(mask.shape) - 1, -1)


def _padded(arrays: Sequence[NDArray[np.generic]]) -> NDArray[np.int64]:
    """Shape (arrays, sides, most columns), -1 behind the last column of each."""
    wide = max(array.shape[1] for array in arrays)
    result = np.full((len(arrays), arrays[0].shape[0], wide), -1, arrays[0].dtype)
    for into, array in zip(result, arrays, strict=True):
        into[:, : array.shape[1]] = array
    return result
