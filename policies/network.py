"""The network of the dispatchers: a graph encoder on operations and resources, and attention among the candidates.

It knows no numbers of jobs or machines, so one set of weights runs on any size, and nothing in it depends on how they
are numbered. Graphs of different sizes lie one behind the other without padding.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Graph(NamedTuple):
    """Graphs joined into one: n nodes for operations (or activities), k for machines (or resources).

    Parameters
    ----------
    operation, resource
        Shape (n, features), (k, features) float32.
    arc
        Shape (2, arcs) int64: from operations to those that must follow them.
    use
        Shape (2, uses) int64: an operation and a resource it can need.
    weight
        Shape (uses, 1) float32: how much of it, 1 for the whole.
    """

    operation: Tensor
    resource: Tensor
    arc: Tensor
    use: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> Graph:
        """The same on a device."""
        return Graph(*(tensor.to(device) for tensor in self))


class Choices(NamedTuple):
    """The candidates of b decisions, at most c each.

    Parameters
    ----------
    features
        Shape (b, c, features) float32.
    operation, resource
        Shape (b, c) int64: nodes of the joined graph; -1 for a candidate without one and behind the last.
    mask
        Shape (b, c) bool: where there is a candidate.
    """

    features: Tensor
    operation: Tensor
    resource: Tensor
    mask: Tensor

    def to(self, device: torch.device) -> Choices:
        """The same on a device."""
        return Choices(*(tensor.to(device) for tensor in self))


Encoded = tuple[Tensor, Tensor]
"""Vectors of the operations (n + 1, width) and resources (k + 1, width); the last of each stands for none."""


@dataclass(frozen=True)
class Shape:
    """What a network is built of.

    Parameters
    ----------
    candidate_features, operation_features, resource_features
        How many numbers each has.
    width
        Of all vectors.
    layers
        Rounds of messages in the graph.
    blocks, heads
        Blocks of attention among candidates, and the heads of each.
    """

    candidate_features: int
    operation_features: int
    resource_features: int
    width: int = 64
    layers: int = 3
    blocks: int = 2
    heads: int = 4

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


class Encoder(nn.Module):
    """Rounds of messages: operations to their resources, resources and neighbours in the order to operations."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.operation = perceptron(shape.operation_features, width, width)
        self.resource = perceptron(shape.resource_features, width, width)
        self.to_resource = nn.ModuleList(perceptron(2 * width, width, width) for _ in range(shape.layers))
        self.to_operation = nn.ModuleList(perceptron(4 * width, width, width) for _ in range(shape.layers))
        self.resource_norm = nn.ModuleList(nn.LayerNorm(width) for _ in range(shape.layers))
        self.operation_norm = nn.ModuleList(nn.LayerNorm(width) for _ in range(shape.layers))

    def forward(self, graph: Graph) -> Encoded:
        """Shapes (n, width) and (k, width)."""
        operation, resource = self.operation(graph.operation), self.resource(graph.resource)
        (before, after), (user, used) = graph.arc, graph.use
        n, k = operation.shape[0], resource.shape[0]
        ones = graph.weight.new_ones(before.shape[0], 1)
        to_used, to_user = _share(graph.weight, used, k), _share(graph.weight, user, n)
        to_after, to_before = _share(ones, after, n), _share(ones, before, n)
        for to_resource, to_operation, resource_norm, operation_norm in zip(
            self.to_resource, self.to_operation, self.resource_norm, self.operation_norm, strict=True
        ):
            need = _gathered(operation, user, used, to_used, k)
            resource = resource_norm(resource + to_resource(torch.cat((resource, need), 1)))
            previous = _gathered(operation, before, after, to_after, n)
            following = _gathered(operation, after, before, to_before, n)
            own = _gathered(resource, used, user, to_user, n)
            operation = operation_norm(operation + to_operation(torch.cat((operation, previous, following, own), 1)))
        return operation, resource


def _share(weight: Tensor, target: Tensor, number: int) -> Tensor:
    """What part each edge has in the mean that its target receives; shape (edges, 1)."""
    total = weight.new_zeros(number, 1).index_add(0, target, weight)
    return weight / total[target].clamp(min=1e-9)


def _gathered(source: Tensor, origin: Tensor, target: Tensor, share: Tensor, number: int) -> Tensor:
    """The weighted mean of what ``origin`` sends to ``target``; zeros where nothing arrives."""
    sent = source.index_select(0, origin) * share  # its gradient does not depend on the order in which threads add
    return source.new_zeros(number, source.shape[1]).index_add(0, target, sent)


def _vectors(nodes: Tensor, index: Tensor) -> Tensor:
    """The vectors at ``index``, the last for -1; shape (*index, width)."""
    flat = index.reshape(-1)
    found = nodes.index_select(0, torch.where(flat < 0, nodes.shape[0] - 1, flat))
    return found.view(*index.shape, -1)


class Block(nn.Module):
    """Attention among the candidates of a decision, then a perceptron on each."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.each = perceptron(width, 2 * width, width)

    def forward(self, token: Tensor, mask: Tensor | None) -> Tensor:
        """Shape (b, c, width); without a mask all candidates are there."""
        b, c, width = token.shape
        parts = self.project(self.before(token)).view(b, c, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        seen = None if mask is None else mask[:, None, None, :]
        met = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        token = token + self.join(met.transpose(1, 2).reshape(b, c, width))
        result: Tensor = token + self.each(self.between(token))
        return result


class Dispatcher(nn.Module):
    """Scores of candidates and values of states."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.encoder = Encoder(shape)
        self.token = perceptron(shape.candidate_features + 2 * width, width, width)
        self.none = nn.Parameter(torch.zeros(2, width))
        self.blocks = nn.ModuleList(Block(width, shape.heads) for _ in range(shape.blocks))
        self.score = perceptron(2 * width, width, 1)
        self.value = perceptron(width, width, 1)

    @property
    def device(self) -> torch.device:
        """Where the weights are; graphs and choices are brought there."""
        return self.none.device

    def encode(self, graph: Graph) -> Encoded:
        """What ``choose`` looks up; may serve several decisions on the same graphs."""
        operation, resource = self.encoder(graph.to(self.device))
        return torch.cat((operation, self.none[:1])), torch.cat((resource, self.none[1:]))

    def choose(self, encoded: Encoded, choices: Choices) -> tuple[Tensor, Tensor]:
        """Logits (b, c), minus infinity where there is no candidate, and values (b,)."""
        token, mean, mask = self._attended(encoded, choices)
        return self._logits(token, mean, mask), self.value(mean).squeeze(1)

    def logits(self, encoded: Encoded, choices: Choices) -> Tensor:
        """Those of ``choose`` alone."""
        return self._logits(*self._attended(encoded, choices))

    def _attended(self, encoded: Encoded, choices: Choices) -> tuple[Tensor, Tensor, Tensor | None]:
        """Candidates (b, c, width) that have met each other, their mean (b, width), and where there is one; None where
        one decision has nothing else, which saves a tenth of its time."""
        (operation, resource), choices = encoded, choices.to(self.device)
        known = torch.cat(
            (choices.features, _vectors(operation, choices.operation), _vectors(resource, choices.resource)), 2
        )
        alone = choices.mask.shape[0] == 1 and bool(choices.mask.all())
        token, mask = self.token(known), None if alone else choices.mask
        for block in self.blocks:
            token = block(token, mask)
        if mask is None:
            return token, token.mean(1), None
        there = mask.unsqueeze(2)
        return token, (token * there).sum(1) / there.sum(1).clamp(min=1), mask

    def _logits(self, token: Tensor, mean: Tensor, mask: Tensor | None) -> Tensor:
        score: Tensor = self.score(torch.cat((token, mean.unsqueeze(1).expand_as(token)), 2)).squeeze(2)
        return score if mask is None else score.masked_fill(~mask, -torch.inf)


def perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two linear layers with a GELU between them."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs))
