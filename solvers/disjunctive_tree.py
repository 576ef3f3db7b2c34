"""The tree of a disjunctive branch and bound: nodes, how they branch, and what a branching rule may look at.

A node is an instance with some pairs of operations of a machine put in order. Edge finding narrows the windows that a
makespan below the incumbent leaves; a pair is open while both orders fit them. A node without open pairs is a schedule:
every operation starts at the beginning of its window. Sources: Carlier and Pinson (1989), Management Science 35,
164-176; Brucker, Jurisch and Sievers (1994), Discrete Applied Mathematics 49, 107-127.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from makespan.instances.instance import Instance, IntArray
from makespan.instances.shop_view import shop_view
from makespan.solvers.kernels.branching import (
    BACKWARD,
    FIRST,
    FORWARD,
    OFF,
    PAIR_SIZE,
    SECOND,
    SWAPPED,
    measure_orders,
    node_bound,
    take_order,
)
from makespan.solvers.kernels.narrowing import QUICK, narrow
from makespan.solvers.kernels.windows import CONTRADICTION, COUNT, QUEUE, QUEUED, STALE, VALUE, WEIGHT
from makespan.solvers.lower_bounds import certain_uses
from makespan.solvers.narrow_windows import Trials, make_trials

_PAIRS_AT_ONCE = 50  # about 10 ms with 200 operations
_WORK = 2**60


@dataclass(eq=False)
class Node:
    """A node of the tree, narrowed for schedules better than ``upper``.

    ``value`` (2, 2n): the windows, as ``kernels.windows`` keeps them. ``order`` (pairs,) int8: 0 or 1 where the first
    or the second operation was chosen to go first, -1 elsewhere. ``memory`` is what the branching rule left at the
    parent.
    """

    value: IntArray
    order: IntArray
    upper: int
    memory: Any = None


Choose = Callable[["Search", Node, IntArray], tuple[int, Any]]
"""``choose(search, node, open_pairs)``: the position of a pair in ``open_pairs``, and the memory of the children. The
windows of ``search`` are those of the node, and must be so again afterwards."""


class Search:
    """A depth-first search for schedules with a makespan below ``upper``, which falls with every schedule found.

    ``pair`` (pairs, 6) lists the pairs of operations, as tasks, see ``kernels.branching``. ``nodes`` counts all nodes
    made so far, refuted ones too. ``start`` (n,) holds the best schedule found, if any. Once ``expired`` says so,
    strong branching looks at no more pairs.

    Raises ValueError if there are no operations, or times or sizes are out of range.
    """

    def __init__(
        self, instance: Instance, upper: int, choose: Choose, expired: Callable[[], bool] = lambda: False
    ) -> None:
        pairs = machine_pairs(instance)
        choices = np.stack((pairs, pairs[:, ::-1]), axis=1).reshape(-1, 2)
        trials = make_trials(instance, choices)
        if trials is None:
            raise ValueError("branch: found no operations or numbers out of range, expected a job shop below 2**40")
        self.trials: Trials = trials
        self.pair = np.concatenate((pairs, trials.choice_arc.reshape(-1, PAIR_SIZE - 2)), axis=1)
        self.instance, self.duration = instance, instance.duration
        self.upper, self.choose, self.expired = upper, choose, expired
        self.nodes, self.start = 1, np.zeros(0, np.int64)
        self.stack = list[Node]()
        root = Node(np.empty((2, 2 * instance.num_tasks), np.int64), np.full(len(pairs), -1, np.int8), upper)
        if self._narrowed(root, first=True):
            self.stack.append(root)

    @property
    def earliest(self) -> IntArray:
        """Shape (n,): earliest starts at the node in the windows."""
        return self.trials.windows.point[0, : self.duration.size, VALUE]

    @property
    def latest(self) -> IntArray:
        """Shape (n,): latest ends."""
        return -self.trials.windows.point[1, self.duration.size :, VALUE]

    def slack(self) -> IntArray:
        """Shape (pairs, 2): by how much the windows of each pair are longer than it takes, the first or the second
        operation first; below 0 where that order does not fit."""
        one, other = self.pair[:, FIRST], self.pair[:, SECOND]
        end, latest_start = self.earliest + self.duration, self.latest - self.duration
        return np.stack((latest_start[other] - end[one], latest_start[one] - end[other]), axis=1)

    def gains(self, node: Node, open_pairs: IntArray) -> IntArray:
        """Shape (open pairs, 2): what each order would change, by ``measure_orders``."""
        gain = np.ones((open_pairs.size, 2), np.int64)
        w, scratch = self.trials.windows, self.trials.saved
        for first in range(0, open_pairs.size, _PAIRS_AT_ONCE):
            if self.expired():
                break
            part = slice(first, first + _PAIRS_AT_ONCE)
            measure_orders(w, scratch, node.value, self.pair, open_pairs[part], self.upper, QUICK, 1, _WORK, gain[part])
        return gain

    def bound(self) -> int:
        """Jackson's bound at the node in the windows, for schedules below ``upper``."""
        return int(node_bound(self.trials.windows, self.upper))

    def step(self) -> bool:
        """Branch at the node on top of the stack; returns whether a better schedule was found there."""
        node = self.stack.pop()
        if not self._narrowed(node):
            return False
        fits = self.slack() >= 0
        open_pairs = np.flatnonzero(fits.all(axis=1) & (node.order < 0))
        if not open_pairs.size:
            self.start = self.earliest.copy()
            self.upper = int((self.start + self.duration).max())
            return True
        position, memory = self.choose(self, node, open_pairs)
        self.stack += self._children(node, int(open_pairs[position]), memory)
        return False

    def _children(self, node: Node, number: int, memory: Any) -> list[Node]:
        """Those that are not refuted, the one with more room last, since it is taken first."""
        trials, made = self.trials, list[tuple[int, Node]]()
        for order in range(2):
            self.nodes += 1
            status = take_order(trials.windows, trials.saved, self.pair, number, order, QUICK, 1, _WORK)
            if status != CONTRADICTION:
                chosen = node.order.copy()
                chosen[number] = order
                room = int((self.latest - self.earliest).sum())
                value = np.ascontiguousarray(trials.windows.point[:, :, VALUE])
                made.append((room, Node(value, chosen, self.upper, memory)))
            self._set(node)
        made.sort(key=lambda each: each[0])
        return [child for _, child in made]

    def _set(self, node: Node) -> None:
        """Make the windows those of a node at its fixed point."""
        w, pair = self.trials.windows, self.pair
        w.point[:, :, VALUE], w.point[:, :, QUEUED] = node.value, 0
        w.cursor[COUNT : COUNT + 2], w.group[:, STALE:] = 0, 0
        for order in range(2):
            weight = np.where(node.order == order, 0, OFF)
            w.arc[0, pair[:, FORWARD + SWAPPED * order], WEIGHT] = weight
            w.arc[1, pair[:, BACKWARD + SWAPPED * order], WEIGHT] = weight

    def _narrowed(self, node: Node, first: bool = False) -> bool:
        """Make the windows those of a node, narrowed for the present ``upper``; False if it is refuted."""
        if not first and node.upper == self.upper:
            self._set(node)
            return True
        w = self.trials.windows
        if not self.trials.set(self.upper - 1):
            return False
        base = np.ascontiguousarray(w.point[:, :, VALUE])
        if not first:
            self._set(node)
            w.group[:, STALE:] = 1
            for side in range(2):
                tighter = np.flatnonzero(base[side] > node.value[side])
                w.point[side, tighter, VALUE] = base[side, tighter]
                w.point[side, : tighter.size, QUEUE], w.point[side, tighter, QUEUED] = tighter, 1
                w.cursor[side], w.cursor[COUNT + side] = 0, tighter.size
            if (w.point[:, :, VALUE].sum(axis=0) > 0).any():
                return False
        if narrow(w, self.trials.saved, QUICK, 1, _WORK) == CONTRADICTION:
            return False
        node.value, node.upper = np.ascontiguousarray(w.point[:, :, VALUE]), self.upper
        return True


def machine_pairs(instance: Instance) -> IntArray:
    """Shape (k, 2): pairs of tasks of different jobs that take time on the same machine, by machine."""
    uses, view = instance.derived(certain_uses), instance.derived(shop_view)
    job = np.empty(instance.num_tasks, np.int64)
    job[view.task] = np.repeat(np.arange(view.num_jobs), np.diff(view.job_ptr))
    order, found = np.argsort(uses.resource, kind="stable"), [np.zeros((0, 2), np.int64)]
    for rows in np.split(order, np.flatnonzero(np.diff(uses.resource[order])) + 1):
        task = uses.task[rows]
        one, other = (task[each] for each in np.triu_indices(task.size, 1))
        apart = job[one] != job[other]
        found.append(np.stack((one[apart], other[apart]), axis=1))
    return np.concatenate(found)
