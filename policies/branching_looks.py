"""What a network sees at a node of a branch and bound, and the branching rule that it is there.

The features are those of Seyfi et al. (2023), ECML PKDD, arXiv 2311.13843, in spirit: windows and slacks take the place
of reduced costs and dual values. Which ones there are is our choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from makespan.instances.instance import Instance, IntArray
from makespan.instances.shop_view import shop_view
from makespan.policies.branching_network import BranchingNetwork, Pairs
from makespan.solvers.disjunctive_tree import Node, Search, machine_pairs
from makespan.solvers.kernels.branching import FIRST, SECOND

OPERATION_FEATURES = (
    "earliest start",
    "tail, from the latest end to the incumbent",
    "duration",
    "slack of the window",
    "whether no window has less slack",
    "work on the machine",
    "share of its pairs that are open",
    "position in the job",
)
"""Of an operation; times are divided by the incumbent's makespan. Version 1."""

PAIR_FEATURES = (
    "overlap of the two windows",
    "least delay of the second, if the first goes first",
    "least delay of the first, if the second goes first",
    "slack if the first goes first",
    "slack if the second goes first",
    "duration of both",
    "whether both operations have the least slack",
    "share of all pairs that were chosen",
    "share of the machine's pairs that are open",
)
"""Of a pair, the operation first whose going first leaves less slack. Version 1."""


class Look(NamedTuple):
    """What is seen at a node: ``number`` (m,) of the open pairs in the search, rising, and their graph."""

    number: IntArray
    pairs: Pairs


class Fixed(NamedTuple):
    """What no node changes: of each task its machine, the work on that, the number of its pairs and the place in its
    job, from 0 to 1; of each machine the number of its pairs, at least 1."""

    machine: IntArray
    work: IntArray
    num_rivals: IntArray
    position: NDArray[np.float64]
    num_pairs: IntArray


def fixed_facts(instance: Instance) -> Fixed:
    """Take them as ``instance.derived(fixed_facts)``. O(pairs)."""
    view, pairs = instance.derived(shop_view), machine_pairs(instance)
    n, machine = instance.num_tasks, np.maximum(0, instance.machine.astype(np.int64))
    load = np.bincount(machine, instance.duration, instance.num_resources).astype(np.int64)
    sizes = np.diff(view.job_ptr)
    position = np.empty(n)
    place = np.arange(n) - np.repeat(view.job_ptr[:-1], sizes)
    position[view.task] = place / np.repeat(np.maximum(1, sizes - 1), sizes)
    num_pairs = np.bincount(machine[pairs[:, FIRST]], minlength=instance.num_resources)
    return Fixed(machine, load[machine], np.bincount(pairs.ravel(), minlength=n), position, np.maximum(1, num_pairs))


def look_at(search: Search, node: Node, open_pairs: IntArray) -> Look:
    """The features of a node in the windows of a search. O(operations + pairs)."""
    fixed = search.instance.derived(fixed_facts)
    upper = search.upper
    earliest, latest, duration = search.earliest, search.latest, search.duration
    slack = latest - earliest - duration
    critical = slack == slack.min()
    ends = search.pair[open_pairs][:, [FIRST, SECOND]]
    room = search.slack()[open_pairs]
    swapped = room[:, 1] < room[:, 0]
    ends[swapped], room[swapped] = ends[swapped, ::-1], room[swapped, ::-1]
    open_of = np.bincount(ends.ravel(), minlength=duration.size)
    one, other = ends[:, 0], ends[:, 1]
    open_on = np.bincount(fixed.machine[one], minlength=fixed.num_pairs.size)
    operation = np.stack(
        (
            earliest / upper,
            (upper - 1 - latest) / upper,
            duration / upper,
            slack / upper,
            critical,
            fixed.work / upper,
            open_of / np.maximum(1, fixed.num_rivals),
            fixed.position,
        ),
        axis=1,
    )
    pair = np.stack(
        (
            (np.minimum(latest[one], latest[other]) - np.maximum(earliest[one], earliest[other])) / upper,
            np.maximum(0, earliest[one] + duration[one] - earliest[other]) / upper,
            np.maximum(0, earliest[other] + duration[other] - earliest[one]) / upper,
            room[:, 0] / upper,
            room[:, 1] / upper,
            (duration[one] + duration[other]) / upper,
            critical[one] & critical[other],
            np.full(one.size, np.count_nonzero(node.order >= 0) / node.order.size),
            open_on[fixed.machine[one]] / fixed.num_pairs[fixed.machine[one]],
        ),
        axis=1,
    )
    numbers = [torch.from_numpy(each.astype(np.float32)) for each in (operation, pair)]
    return Look(open_pairs, Pairs(numbers[0], numbers[1], torch.from_numpy(ends)))


def root_looks(instances: Sequence[Instance], rows: int | None = None, threads: int = 1) -> list[Look]:
    """Looks at the roots of trees in which every order is still possible; the arguments of a batch."""
    return [_root_look(instances[row % len(instances)]) for row in range(rows or len(instances))]


def _root_look(instance: Instance) -> Look:
    seen = list[Look]()

    def choose(search: Search, node: Node, open_pairs: IntArray) -> tuple[int, None]:
        seen.append(look_at(search, node, open_pairs))
        return 0, None

    Search(instance, int(instance.duration.sum()) + 1, choose).step()
    return seen[0]


def root_logits(model: BranchingNetwork, looks: list[Look], rows: IntArray) -> Tensor:
    """Scores of the open pairs of one root; shape (1, pairs)."""
    return model.remember([model.encode(looks[int(rows[0])].pairs)]).unsqueeze(0)


class LearnedChoice:
    """A branching rule that a network makes: the open pair with the highest score, the lowest of them."""

    def __init__(self, model: BranchingNetwork) -> None:
        self.model = model

    @torch.inference_mode()
    def __call__(self, search: Search, node: Node, open_pairs: IntArray) -> tuple[int, Any]:
        look = look_at(search, node, open_pairs)
        above: tuple[tuple[IntArray, Tensor], ...] = node.memory or ()
        seen = self.model.encode(look.pairs)
        dive = [vectors[np.searchsorted(number, open_pairs)] for number, vectors in above] + [seen]
        position = int(self.model.remember(dive).argmax())
        longest = self.model.shape.blocks - 1
        return position, ((*above, (open_pairs, seen))[-longest:] if longest else ())
