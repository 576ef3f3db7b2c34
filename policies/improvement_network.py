"""The network that chooses moves: it reads complete schedules and scores the moves that each allows.

A schedule is the graph of its operations with the arcs of jobs and those between consecutive operations of machines, so
every operation has at most four neighbours: before and after it in its job, before and after it on its machine. Two
modules read it side by side. The *topology* module passes messages along all arcs and adds up its layers; the *context*
module lets an operation attend to its neighbours in the job and, apart from that, to those on the machine. A move is
judged by the two operations that it turns round, by the schedule as a whole, and by its features.

Nothing depends on how jobs and machines are numbered, and one set of weights runs on any size.

Source: Zhang et al. (2024), ICLR, arXiv 2211.10936; here the directions of arcs are told apart, and every vector is
normed by itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from makespan.policies.network import Shape, perceptron

BEFORE_IN_JOB, BEFORE_ON_MACHINE, AFTER_IN_JOB, AFTER_ON_MACHINE = range(4)
"""Columns of ``Schedules.neighbour``."""

_BEFORE, _AFTER = slice(0, 2), slice(2, 4)
_IN_JOB, _ON_MACHINE = slice(0, 4, 2), slice(1, 4, 2)


class Schedules(NamedTuple):
    """The graphs of b schedules joined into one of n operations, and the moves of each, at most c.

    Parameters
    ----------
    operation
        Shape (n, features) float32.
    neighbour
        Shape (n, 4) int64: nodes of the joined graph, n for none; see the names of the columns above. Whoever is after
        an operation has that operation before it.
    row
        Shape (n,) int64: the schedule of each operation, 0 to b - 1, rising.
    features
        Shape (b, c, features) float32, of the moves; zeros behind the last.
    ends
        Shape (b, 2, c) int64: the operation that moves, and the one whose place it takes; 0 behind the last.
    mask
        Shape (b, c) bool: where there is a move.
    """

    operation: Tensor
    neighbour: Tensor
    row: Tensor
    features: Tensor
    ends: Tensor
    mask: Tensor


class Topology(nn.Module):
    """Rounds of messages: the mean over what is before an operation, and over what is after it. Layers add up."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.update = nn.ModuleList(perceptron(3 * width, width, width) for _ in range(layers))
        self.norm = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))

    def forward(self, vector: Tensor, neighbour: Tensor) -> Tensor:
        """Shape (n, width) from (n, width)."""
        there = neighbour < vector.shape[0]
        before, after = (1 / there[:, side].sum(1, keepdim=True).clamp(min=1) for side in (_BEFORE, _AFTER))
        total = vector
        for update, norm in zip(self.update, self.norm, strict=True):
            near = neighbours(vector, neighbour)
            sides = near[:, _BEFORE].sum(1) * before, near[:, _AFTER].sum(1) * after
            vector = norm(update(torch.cat((vector, *sides), 1)))
            total = total + vector
        return total


class Context(nn.Module):
    """One round of attention along the jobs and one along the machines; the mean of the two."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, 2 * width, bias=False)
        self.known = nn.Parameter(torch.randn(2, heads, width // heads) * width**-0.5)
        self.asking = nn.Parameter(torch.randn(2, heads, width // heads) * width**-0.5)
        self.place = nn.Parameter(torch.zeros(2, 3, heads))  # itself, before, after

    def forward(self, vector: Tensor, neighbour: Tensor) -> Tensor:
        """Shape (n, width) from (n, width)."""
        n, width = vector.shape
        there = neighbour < n
        found = vector.new_zeros(n, width)
        for kind, (own, side) in enumerate(zip(self.project(vector).chunk(2, 1), (_IN_JOB, _ON_MACHINE), strict=True)):
            near = torch.cat((own.unsqueeze(1), neighbours(own, neighbour[:, side])), 1).view(n, 3, self.heads, -1)
            score = (near * self.known[kind]).sum(3) + (near[:, :1] * self.asking[kind]).sum(3) + self.place[kind]
            score = functional.leaky_relu(score, 0.2)
            missing = functional.pad(~there[:, side], (1, 0))  # it can always attend to itself
            share = score.masked_fill(missing.unsqueeze(2), -torch.inf).softmax(1)
            found = found + functional.elu((near * share.unsqueeze(3)).sum(1).view(n, width))
        return found / 2


class ImprovementNetwork(nn.Module):
    """Scores of moves. Of ``shape``, ``layers`` are rounds of the topology module, ``blocks`` those of the context
    module, ``heads`` its heads; resources have no features."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.operation = perceptron(shape.operation_features, width, width)
        self.topology = Topology(width, shape.layers)
        self.context = nn.ModuleList(Context(width, shape.heads) for _ in range(shape.blocks))
        self.norm = nn.LayerNorm(2 * width)
        self.hidden = nn.Sequential(nn.Linear(shape.candidate_features + 6 * width, width), nn.GELU())
        self.score = perceptron(width, width, 1)

    def vectors(self, schedules: Schedules) -> Tensor:
        """Of the operations, what both modules know of them side by side; shape (n, 2 x width)."""
        first = self.operation(schedules.operation)
        context = first
        for block in self.context:
            context = block(context, schedules.neighbour)
        vector: Tensor = self.norm(torch.cat((self.topology(first, schedules.neighbour), context), 1))
        return vector

    def forward(self, schedules: Schedules) -> Tensor:
        """Logits (b, c), minus infinity where there is no move."""
        vector, mask = self.vectors(schedules), schedules.mask
        rows, wide = mask.shape
        size = torch.zeros(rows, 1).index_add(0, schedules.row, torch.ones(vector.shape[0], 1))
        mean = torch.zeros(rows, vector.shape[1]).index_add(0, schedules.row, vector) / size
        ends = vector.index_select(0, schedules.ends.permute(0, 2, 1).reshape(-1)).view(rows, wide, -1)
        known = torch.cat((schedules.features, ends, mean.unsqueeze(1).expand(-1, wide, -1)), 2)
        logits: Tensor = self.score(self.hidden(known)).squeeze(2)
        return logits.masked_fill(~mask, -torch.inf)


def neighbours(vector: Tensor, neighbour: Tensor) -> Tensor:
    """The vectors of the neighbours of each operation, zeros for none; shape (n, columns, width).

    The columns of ``neighbour`` are those before an operation and then, in the same order, those after it.
    """
    found: Tensor = _Neighbours.apply(vector, neighbour)
    return found


class _Neighbours(torch.autograd.Function):
    """Its gradient is gathered from the opposite neighbours: no sum depends on the order in which threads add."""

    @staticmethod
    def forward(ctx: Any, vector: Tensor, neighbour: Tensor) -> Tensor:
        ctx.save_for_backward(neighbour)
        return functional.pad(vector, (0, 0, 0, 1))[neighbour]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (neighbour,) = ctx.saved_tensors
        columns = neighbour.shape[1]
        opposite, column = neighbour.roll(columns // 2, 1), torch.arange(columns)
        return functional.pad(gradient, (0, 0, 0, 0, 0, 1))[opposite, column].sum(1), None
