"""The network that says where to branch: attention between operations and open pairs, and memory along the dive.

A node of the tree is a graph of operations and of the pairs of them whose order is still open. Operations attend to
their pairs, then pairs to their two operations. What the network saw in a pair at the last nodes above is read by a
bidirectional GRU together with what it sees now, and scored. Nothing depends on how jobs, machines and pairs are
numbered, and one set of weights runs on any size.

Source: Seyfi et al. (2023), ECML PKDD, arXiv 2311.13843, who branch on variables of integer programs; here pairs take
the place of variables and operations that of constraints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from makespan.policies.network import Shape, perceptron


class Pairs(NamedTuple):
    """Nodes of search trees, joined into one graph of n operations and m open pairs.

    Parameters
    ----------
    operation, pair
        Shape (n, features), (m, features) float32.
    ends
        Shape (m, 2) int64: the operations of each pair, the one first whose going first leaves less slack.
    """

    operation: Tensor
    pair: Tensor
    ends: Tensor


class Attention(nn.Module):
    """Each receiver attends to those that send to it; scores as Brody, Alon and Yahav (2022), ICLR."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.sent, self.asked = nn.Linear(width, width), nn.Linear(width, width, bias=False)
        self.role = nn.Parameter(torch.zeros(2, width))
        self.weight = nn.Parameter(torch.randn(heads, width // heads) * width**-0.5)
        self.join, self.norm = nn.Linear(width, width), nn.LayerNorm(width)

    def forward(self, receiver: Tensor, sender: Tensor, source: Tensor, target: Tensor) -> Tensor:
        """New vectors of the receivers; edge e leads from sender ``source[e]`` to receiver ``target[e]``, and the first
        half of the edges belongs to the first operations of the pairs."""
        edges, number = source.shape[0], receiver.shape[0]
        role = self.role.repeat_interleave(edges // 2, 0)
        sent = (self.sent(sender).index_select(0, source) + role).view(edges, self.heads, -1)
        asked = self.asked(receiver).index_select(0, target).view(edges, self.heads, -1)
        score = (functional.leaky_relu(sent + asked, 0.2) * self.weight).sum(2)
        with torch.no_grad():
            to = target.unsqueeze(1).expand(-1, self.heads)
            largest = score.new_full((number, self.heads), -torch.inf).scatter_reduce(0, to, score, "amax")
            largest = largest.index_select(0, target)
        share = (score - largest).exp()
        total = share.new_zeros(number, self.heads).index_add(0, target, share)
        share = share / total.index_select(0, target)
        met = receiver.new_zeros(number, receiver.shape[1])
        met = met.index_add(0, target, (sent * share.unsqueeze(2)).view(edges, -1))
        result: Tensor = self.norm(receiver + self.join(met))
        return result


class BranchingNetwork(nn.Module):
    """Scores of open pairs. Of ``shape``, the candidates are the pairs, ``layers`` are rounds of attention, ``heads``
    their heads, and ``blocks`` is how many nodes of the dive are read, the present one included."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.operation = perceptron(shape.operation_features, width, width)
        self.pair = perceptron(shape.candidate_features, width, width)
        self.to_operation = nn.ModuleList(Attention(width, shape.heads) for _ in range(shape.layers))
        self.to_pair = nn.ModuleList(Attention(width, shape.heads) for _ in range(shape.layers))
        self.memory = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.score = perceptron(3 * width, width, 1)

    def encode(self, pairs: Pairs) -> Tensor:
        """Vectors of the pairs at their nodes; shape (m, width)."""
        operation, pair = self.operation(pairs.operation), self.pair(pairs.pair)
        number = torch.arange(pair.shape[0]).repeat(2)
        end = pairs.ends.t().reshape(-1)
        for to_operation, to_pair in zip(self.to_operation, self.to_pair, strict=True):
            operation = to_operation(operation, pair, number, end)
            pair = to_pair(pair, operation, end, number)
        vectors: Tensor = pair
        return vectors

    def remember(self, seen: Sequence[Tensor]) -> Tensor:
        """Scores (k,) of pairs from their vectors (k, width) at the nodes of the dive, the present one last."""
        _, hidden = self.memory(torch.stack(tuple(seen), 1))
        scores: Tensor = self.score(torch.cat((seen[-1], hidden[0], hidden[1]), 1)).squeeze(1)
        return scores
