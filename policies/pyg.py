"""The graph of a network for PyTorch Geometric, and the encoder written with it: the reference for ``network.Encoder``.

Nothing that decides imports this file, since the import of PyTorch Geometric alone takes seconds.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import HeteroData
from torch_geometric.nn import MessagePassing

from makespan.policies.network import Encoded, Encoder, Graph

OPERATION, RESOURCE = "operation", "resource"
BEFORE = (OPERATION, "before", OPERATION)
AFTER = (OPERATION, "after", OPERATION)
NEEDS = (OPERATION, "needs", RESOURCE)
SERVES = (RESOURCE, "serves", OPERATION)


def to_hetero_data(graph: Graph) -> HeteroData:
    """A joined graph with both directions of every edge; ``edge_attr`` is the weight of a use."""
    data = HeteroData()
    data[OPERATION].x, data[RESOURCE].x = graph.operation, graph.resource
    data[BEFORE].edge_index, data[AFTER].edge_index = graph.arc, graph.arc.flip(0)
    data[NEEDS].edge_index, data[SERVES].edge_index = graph.use, graph.use.flip(0)
    data[NEEDS].edge_attr = data[SERVES].edge_attr = graph.weight
    return data


class WeightedMean(MessagePassing):  # type: ignore[misc]
    """What each node receives: the mean of its neighbours' vectors by the weights of the edges."""

    def __init__(self) -> None:
        super().__init__(aggr="add")

    def forward(self, source: Tensor, target: Tensor, edge_index: Tensor, weight: Tensor) -> Tensor:
        """Shape (targets, width)."""
        size = source.shape[0], target.shape[0]
        with_weight = torch.cat((source, torch.ones(source.shape[0], 1)), 1)
        received: Tensor = self.propagate(edge_index, x=with_weight, weight=weight, size=size)
        return received[:, :-1] / received[:, -1:].clamp(min=1e-9)

    def message(self, x_j: Tensor, weight: Tensor) -> Tensor:
        return x_j * weight


def encode(encoder: Encoder, data: HeteroData) -> Encoded:
    """What ``encoder`` makes of the same graph, to rounding."""
    mean = WeightedMean()
    operation, resource = encoder.operation(data[OPERATION].x), encoder.resource(data[RESOURCE].x)

    def received(source: Tensor, target: Tensor, edge: Any) -> Tensor:
        index = data[edge].edge_index
        weight = data[edge].edge_attr if "edge_attr" in data[edge] else torch.ones(index.shape[1], 1)
        result: Tensor = mean(source, target, index, weight)
        return result

    for to_resource, to_operation, resource_norm, operation_norm in zip(
        encoder.to_resource, encoder.to_operation, encoder.resource_norm, encoder.operation_norm, strict=True
    ):
        resource = resource_norm(resource + to_resource(torch.cat((resource, received(operation, resource, NEEDS)), 1)))
        around = [received(operation, operation, edge) for edge in (BEFORE, AFTER)]
        around.append(received(resource, operation, SERVES))
        operation = operation_norm(operation + to_operation(torch.cat((operation, *around), 1)))
    return operation, resource
