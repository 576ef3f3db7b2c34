"""Learning where to branch from strong branching.

Trees of generated instances are searched; at some nodes every open pair is tried in both orders, and the network learns
to prefer the pair that changes most. The pairs with the largest score all count as right. At the other nodes the pair
with the least room is taken, so that what is seen also comes from dives that a weaker rule began.

Source: Seyfi et al. (2023), ECML PKDD, arXiv 2311.13843; the shares of nodes are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from makespan.instances.instance import Instance, IntArray
from makespan.policies.branching_looks import Look, look_at
from makespan.policies.branching_network import BranchingNetwork, Pairs
from makespan.policies.config import Config
from makespan.policies.labels import Recipe
from makespan.solvers.branching import first_schedule, most_constrained, strong_scores
from makespan.solvers.disjunctive_tree import Node, Search
from makespan.solvers.lower_bounds import lower_bound

LABELLED = 0.3
MOST_NODES = 400
"""What part of the nodes of a tree is labelled, by chance, and after how many nodes it is left."""

DEEPEST = 0.6
"""A tree begins with an incumbent that lies by up to so much of its gap to the lower bound below that of some rules, so
that trees of good schedules are seen, and trees that refute."""


class Decision(NamedTuple):
    """A labelled node: looks at it and at those above it, the node itself last, and (m,) which pairs are right."""

    looks: tuple[Look, ...]
    right: NDArray[np.bool_]


def decisions_of(instance: Instance, history: int, most: int, rng: np.random.Generator) -> list[Decision]:
    """Up to ``most`` labelled nodes of the tree of an instance, with looks at ``history`` nodes of each dive."""
    found = list[Decision]()

    def choose(search: Search, node: Node, open_pairs: IntArray) -> tuple[int, Any]:
        looks = (*(node.memory or ()), look_at(search, node, open_pairs))[-history:]
        if rng.random() >= LABELLED:
            return most_constrained(search, node, open_pairs)[0], looks
        scores = strong_scores(search.gains(node, open_pairs))
        found.append(Decision(looks, scores == scores.max()))
        return int(scores.argmax()), looks

    first = first_schedule(instance)[1]
    search = Search(instance, first - int(rng.random() * DEEPEST * (first - lower_bound(instance))), choose)
    while search.stack and len(found) < most and search.nodes < MOST_NODES:
        search.step()
    return found


class BranchingImitation:
    """Losses for one update after another; update ``step`` depends on the configuration and ``step`` alone.

    ``batch`` instances are taken in turn out of ``label_count``, with up to ``rollouts`` labelled nodes each, which are
    kept once made.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.recipe = Recipe(config.problem, config.instances, seed=config.seed)
        self._kept = dict[int, list[Decision]]()

    def loss(self, model: BranchingNetwork, step: int) -> tuple[Tensor, dict[str, float]]:
        """Mean of -log of the probability of the right pairs."""
        config, decisions = self.config, list[Decision]()
        for i in range(config.batch):
            decisions += self._decisions((step * config.batch + i) % config.label_count)
        if not decisions:  # all of these were solved before a node was labelled
            nothing = torch.stack([each.sum() for each in model.parameters()]).sum() * 0.0
            return nothing, {"decisions": 0.0, "agreement": 0.0}
        loss, agreement = judged(model, decisions)
        return loss, {"decisions": float(len(decisions)), "agreement": agreement}

    def _decisions(self, number: int) -> list[Decision]:
        if number not in self._kept:
            rng = np.random.default_rng([self.config.seed, number, _LABELS])
            self._kept[number] = decisions_of(
                self.recipe.instance(number), self.config.blocks, self.config.rollouts, rng
            )
        return self._kept[number]


_LABELS = 7
"""Tells random numbers of labels from those of instances."""


class BranchingValidation:
    """Labelled nodes of instances that are not trained on. The gap is the share of nodes at which the network prefers a
    pair that strong branching does not, in per cent."""

    def __init__(self, config: Config, seed: int) -> None:
        recipe = Recipe(config.problem, config.validation or config.instances, seed=seed)
        self.decisions = list[Decision]()
        for number in range(config.validation_count):
            rng = np.random.default_rng([seed, number, _LABELS])
            self.decisions += decisions_of(recipe.instance(number), config.blocks, config.rollouts, rng)
        if not self.decisions:
            raise ValueError("validation: found no node to label, expected larger instances or more of them")

    @torch.inference_mode()
    def gap(self, model: BranchingNetwork) -> float:
        """Per cent of nodes without agreement."""
        agreed = 0.0
        for first in range(0, len(self.decisions), _TOGETHER):
            part = self.decisions[first : first + _TOGETHER]
            agreed += judged(model, part)[1] * len(part)
        return 100 - 100 * agreed / len(self.decisions)


_TOGETHER = 64
"""Nodes that are judged at once."""


def judged(model: BranchingNetwork, decisions: Sequence[Decision]) -> tuple[Tensor, float]:
    """The loss of a network on labelled nodes, and at what share of them it prefers a right pair."""
    looks = list({id(look): look for each in decisions for look in each.looks}.values())
    place = {id(look): at for at, look in enumerate(looks)}
    begin = np.cumsum([0, *(look.number.size for look in looks)])
    vectors = model.encode(joined([look.pairs for look in looks]))
    losses, agreed = list[Tensor](), 0
    for length in range(1, model.shape.blocks + 1):
        group = [each for each in decisions if len(each.looks) == length]
        if not group:
            continue
        dive = []
        for back in range(length):
            index = [
                begin[place[id(each.looks[back])]] + np.searchsorted(each.looks[back].number, each.looks[-1].number)
                for each in group
            ]
            dive.append(vectors.index_select(0, torch.from_numpy(np.concatenate(index))))
        scores = model.remember(dive).split([each.right.size for each in group])
        for score, each in zip(scores, group, strict=True):
            right = torch.from_numpy(each.right)
            losses.append(score.logsumexp(0) - score[right].logsumexp(0))
            agreed += bool(right[score.detach().argmax()])
    return torch.stack(losses).mean(), agreed / len(decisions)


def joined(graphs: Sequence[Pairs]) -> Pairs:
    """Graphs one behind the other."""
    sizes = [0, *(each.operation.shape[0] for each in graphs)]
    ends = [each.ends + first for each, first in zip(graphs, np.cumsum(sizes[:-1]).tolist(), strict=True)]
    return Pairs(
        torch.cat([each.operation for each in graphs]), torch.cat([each.pair for each in graphs]), torch.cat(ends)
    )
