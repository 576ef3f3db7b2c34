"""The solver ``branch``: disjunctive branch and bound for job shops, with a choice of branching rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.instances.shop_view import shop_view
from makespan.solvers import lower_bounds
from makespan.solvers.disjunctive_tree import Choose, Node, Search, machine_pairs
from makespan.solvers.dispatching import dispatch_batch
from makespan.solvers.iterated_dispatch import SHOP_SEARCH_FEATURES
from makespan.solvers.kernels.branching import measure_orders, node_bound, take_order
from makespan.solvers.kernels.narrowing import narrow
from makespan.solvers.kernels.rule_schedules import play_rules
from makespan.solvers.registry import from_strings
from makespan.solvers.stage import Context, Refused

MOST_PAIRS = 20_000
"""A path of the tree holds a window per operation at each of at most so many nodes."""

FIRST_RULES = ("mwkr", "mopnr", "fdd_mwkr", "fifo", "spt")
FIRST_SCHEMES = ("non_delay", "giffler_thompson")
"""What makes the first schedule where there is none."""

_PRODUCT_BITS = 31


def most_constrained(search: Search, node: Node, open_pairs: IntArray) -> tuple[int, None]:
    """The pair whose roomier order has the least slack, then the least slack in the other one."""
    slack = search.slack()[open_pairs]
    return int(np.lexsort((slack.min(axis=1), slack.max(axis=1)))[0]), None


def strong(search: Search, node: Node, open_pairs: IntArray) -> tuple[int, None]:
    """The pair with the largest product of what its two orders would change."""
    return int(strong_scores(search.gains(node, open_pairs)).argmax()), None


def strong_scores(gain: IntArray) -> IntArray:
    """Shape (k,): the product of both columns of gains, all of them halved until it fits."""
    shift = max(0, int(gain.max(initial=1)).bit_length() - _PRODUCT_BITS)
    scores: IntArray = np.prod(np.maximum(1, gain >> shift), axis=1)
    return scores


def at_random(rng: np.random.Generator) -> Choose:
    """Any pair, each with the same chance."""
    return lambda search, node, open_pairs: (int(rng.integers(open_pairs.size)), None)


RULES = ("constrained", "strong", "random")


@dataclass(frozen=True)
class Branching:
    """The solver ``branch``: exact, by depth-first branch and bound from the incumbent or, without one, the best of
    some rules. An iteration is a node; every run that is not stopped ends with a proof.

    Parameters
    ----------
    rule
        Which pair to branch on: ``constrained``, the one with the least room; ``strong``, the one that changes most,
        found by trying all of them; ``random``.
    """

    supports: ClassVar[frozenset[str]] = SHOP_SEARCH_FEATURES

    rule: str = "constrained"

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"rule: found {self.rule!r}, expected one of {', '.join(RULES)}, learned")

    @property
    def kernels(self) -> tuple[Any, ...]:
        return *lower_bounds.KERNELS, narrow, take_order, measure_orders, node_bound, play_rules

    def warm(self) -> None:
        toy = Instance.job_shop([[0, 1], [1, 0], [0, 1]], [[2, 1], [1, 2], [3, 1]])
        search = Search(toy, first_schedule(toy)[1] + 1, strong)
        search.bound()
        while search.stack:
            search.step()
        lower_bounds.warm()

    def chooser(self, context: Context) -> Choose:
        """The rule of a run."""
        if self.rule == "random":
            return at_random(context.rng())
        return strong if self.rule == "strong" else most_constrained

    def run(self, instance: Instance, context: Context) -> None:
        if instance.num_tasks == 0:
            context.offer(Schedule(np.zeros(0, np.int64)))
            context.prove_optimal()
            return
        if (pairs := machine_pairs(instance).shape[0]) > MOST_PAIRS:
            raise Refused(f"branch: found {pairs} pairs of operations, expected at most {MOST_PAIRS}")
        if context.objectives is None:
            context.offer(*first_schedule(instance)[::2])
        assert context.objectives is not None
        search, counted = Search(instance, context.objectives[0], self.chooser(context), context.expired), 0
        while search.stack:
            if context.expired():
                return
            search.upper = min(search.upper, context.objectives[0])
            if search.step():
                context.offer(Schedule(search.start))
            context.count(search.nodes - counted)
            counted = search.nodes
        context.emit("log", message=f"branch: {search.nodes} nodes", nodes=search.nodes)
        context.prove_optimal()


def first_schedule(instance: Instance) -> tuple[Schedule, int, str]:
    """A schedule by priority rules, its makespan, and who made it."""
    values, schedule = dispatch_batch(instance.derived(shop_view), FIRST_RULES, FIRST_SCHEMES)
    assert schedule is not None
    rule, scheme = np.unravel_index(int(values[0].argmin()), values[0].shape)
    return schedule, int(values.min()), f"rule:{FIRST_RULES[rule]},scheme={FIRST_SCHEMES[scheme]}"


def make(argument: str | None = None, **parameters: str) -> Branching:
    """The stage of the spec ``branch,rule=…``, of the rules that need no network."""
    if argument is not None:
        raise ValueError(f"found argument {argument!r}, expected none")
    return from_strings(Branching, parameters)
