"""Priority rules of the job shop: what each prefers, and the arrays the kernels need to follow it.

A rule gives every waiting operation an integer, of which the least goes first; ties go to the lower job number. Where
an operation has several modes, its own duration is that of the mode it would run in, and work still to come counts at
the shortest modes. Due dates are those of the job and of its tasks from the operation on, deadlines included; where the
instance has none at all, every job is due at the larger one of the longest job and the heaviest machine load.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

import numpy as np

from makespan.instances.instance import HORIZON_LIMIT, IntArray
from makespan.instances.shop_view import ShopView
from makespan.solvers.kernels import kernel, priority
from makespan.solvers.kernels.fixed_point import log2
from makespan.solvers.rule_expressions import looks_like_expression, parse_expression


@dataclass(frozen=True, eq=False)
class Work:
    """What the rules know of a shop before anything is scheduled; every array per operation, made when first used."""

    view: ShopView

    @cached_property
    def operation(self) -> IntArray:
        """Shape (num_modes,): the operation of each mode."""
        return np.repeat(np.arange(self.view.num_operations), np.diff(self.view.mode_ptr))

    @cached_property
    def shortest(self) -> IntArray:
        """Duration of the shortest mode."""
        view = self.view
        if view.machine.size == view.num_operations:
            return view.duration
        return np.minimum.reduceat(view.duration, view.mode_ptr[:-1])

    @cached_property
    def job(self) -> IntArray:
        return np.repeat(np.arange(self.view.num_jobs), np.diff(self.view.job_ptr))

    @cached_property
    def done(self) -> IntArray:
        """Work of the job up to and including the operation."""
        total = np.concatenate((np.zeros(1, np.int64), np.cumsum(self.shortest)))
        return total[1:] - total[self.view.job_ptr[self.job]]

    @cached_property
    def rest(self) -> IntArray:
        """Work of the job after the operation."""
        total = np.concatenate((np.zeros(1, np.int64), np.cumsum(self.shortest)))
        return total[self.view.job_ptr[self.job + 1]] - total[1:]

    @cached_property
    def operations_left(self) -> IntArray:
        """Operations of the job from this one on."""
        return self.view.job_ptr[self.job + 1] - np.arange(self.view.num_operations)

    @cached_property
    def due(self) -> IntArray:
        """The earliest due date or deadline of the job and its tasks from the operation on; HORIZON_LIMIT if none."""
        return self._least_from_here(self._own_due)

    @cached_property
    def latest_end(self) -> IntArray:
        """When the operation must end for all those due dates to be met, the others at their shortest modes."""
        # An end at t leads to the due date of a later operation q by t + (work from here to q): rest[o] - rest[q].
        latest = self._least_from_here(np.where(self._own_due < HORIZON_LIMIT, self._own_due + self.rest, _FAR))
        return np.where(latest < _FAR, latest - self.rest, HORIZON_LIMIT)

    @cached_property
    def mean_duration(self) -> int:
        """Mean of the shortest durations, rounded down, at least 1."""
        return max(1, int(self.shortest.sum()) // max(1, self.shortest.size))

    @cached_property
    def weight(self) -> IntArray:
        """Weight of the job, or the largest weight of its tasks where no job has one."""
        view = self.view
        if (view.job_weight != 1).any() or not view.num_operations:
            return view.job_weight[self.job]
        largest = np.zeros(view.num_jobs, np.int64)
        np.maximum.at(largest, self.job, view.task_weight)
        return largest[self.job]

    @cached_property
    def shift(self) -> int:
        """By how many bits times are shifted so that each of them is below 2**30 in an expression, dates aside."""
        longest = int(self.view.duration.sum()) + int(self.view.release.max(initial=0))
        return max(0, longest.bit_length() - 30)

    def key(self, name: str) -> IntArray | None:
        """Shape (num_modes,): the array that a rule of RULES reads, if any; kept after the first call."""
        kept: dict[str, IntArray | None] = self.__dict__.setdefault("_keys", {})
        if name not in kept:
            make = RULES[name].key
            kept[name] = None if make is None else make(self)
        return kept[name]

    @cached_property
    def _own_due(self) -> IntArray:
        view = self.view
        last = np.zeros(view.num_operations, np.bool_)
        last[view.job_ptr[1:][np.diff(view.job_ptr) > 0] - 1] = True
        due = np.minimum(view.task_due, np.where(last, view.job_due[self.job], HORIZON_LIMIT))
        if view.deadline.size:
            due = np.minimum(due, view.deadline)
        if (due == HORIZON_LIMIT).all():
            due = np.where(last, self._common_due(), HORIZON_LIMIT)
        return due

    def _common_due(self) -> int:
        view = self.view
        longest = int((self.done + self.rest).max(initial=0))
        first = view.mode_ptr[:-1][np.diff(view.mode_ptr) == 1]
        on_machine = first[view.machine[first] >= 0]
        load = np.zeros(view.num_machines, np.int64)
        np.add.at(load, view.machine[on_machine], view.duration[on_machine])
        shared = -(-int(self.shortest.sum()) // max(1, view.num_machines))
        return max(longest, int(load.max(initial=0)), shared)

    def _least_from_here(self, values: IntArray) -> IntArray:
        """Running minimum from the end of each job. Jobs are kept apart by ranks: O(n log n), no loop over jobs."""
        levels, rank = np.unique(values, return_inverse=True)
        offset = self.job * (levels.size + 1)
        least = np.minimum.accumulate((offset + rank)[::-1])[::-1]
        return levels[least - offset]


_FAR = 1 << 60


@dataclass(frozen=True)
class PriorityRule:
    """A row of RULES: what is preferred, its formula (the least goes first), and how the kernel follows it.

    ``kind`` is one of ``kernels.priority``; ``key`` gives the array per mode that goes with it, if any.
    """

    name: str
    description: str
    formula: str
    kind: int = priority.STATIC
    key: Callable[[Work], IntArray] | None = None

    @property
    def needs_due(self) -> bool:
        """Whether the kernel reads due dates at every decision."""
        return self.kind in (priority.SLACK, priority.SLACK_PER_OPERATION, priority.ATC, priority.COVERT)


def _fraction_ranks(top: IntArray, bottom: IntArray) -> IntArray:
    """Dense ranks of the fractions top / bottom, compared exactly; bottom 0 comes last. O(n log n)."""
    divisor = np.maximum(np.gcd(top, bottom), 1)
    a, b = top // divisor, bottom // divisor
    a[b == 0] = 1
    # Correctly rounded division never puts two fractions in the wrong order; it may only make distinct ones equal.
    with np.errstate(divide="ignore"):
        quotient = a / b
    order = np.lexsort((b, a, quotient))
    a, b, quotient = a[order], b[order], quotient[order]
    clash = (quotient[1:] == quotient[:-1]) & ((a[1:] != a[:-1]) | (b[1:] != b[:-1]))
    for value in np.unique(quotient[1:][clash]):
        low, high = np.searchsorted(quotient, value, "left"), np.searchsorted(quotient, value, "right")
        exact = sorted(range(low, high), key=lambda i: Fraction(int(a[i]), int(b[i])))
        order[low:high], a[low:high], b[low:high] = order[exact], a[exact], b[exact]
    rises = np.zeros(a.size, np.int64)
    rises[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    ranks = np.empty(a.size, np.int64)
    ranks[order] = np.cumsum(rises)
    return ranks


@kernel
def log2_ratio(top: IntArray, bottom: IntArray, result: IntArray) -> None:
    """log2(max(1, top) / max(1, bottom)) of int64 arrays, in units of 2**-20."""
    for i in range(top.size):
        result[i] = log2(max(1, top[i])) - log2(max(1, bottom[i]))


def _log2_time_per_weight(work: Work) -> IntArray:
    """log2(duration / weight) per mode; far above everything for a weight of 0."""
    weight = work.weight[work.operation]
    result = np.empty(weight.size, np.int64)
    log2_ratio(work.view.duration, weight, result)
    result[weight == 0] = priority.WEIGHTLESS
    return result


RULES: dict[str, PriorityRule] = {
    rule.name: rule
    for rule in (
        PriorityRule("spt", "shortest processing time", "p", key=lambda work: work.view.duration),
        PriorityRule("lpt", "longest processing time", "-p", key=lambda work: -work.view.duration),
        PriorityRule(
            "mwkr",
            "most work remaining in the job",
            "-(p + R)",
            key=lambda work: -(work.shortest + work.rest)[work.operation],
        ),
        PriorityRule(
            "lwkr",
            "least work remaining in the job",
            "p + R",
            key=lambda work: (work.shortest + work.rest)[work.operation],
        ),
        PriorityRule(
            "mopnr",
            "most operations remaining in the job",
            "-n",
            key=lambda work: -work.operations_left[work.operation],
        ),
        PriorityRule(
            "lopnr", "least operations remaining in the job", "n", key=lambda work: work.operations_left[work.operation]
        ),
        PriorityRule(
            "fdd_mwkr",
            "flow due date per work remaining",
            "(D + p) / (p + R)",
            key=lambda work: _fraction_ranks(work.done, work.shortest + work.rest)[work.operation],
        ),
        PriorityRule("fifo", "first in, first out at the machine", "a", priority.FIFO),
        PriorityRule("lifo", "last in, first out at the machine", "-a", priority.LIFO),
        PriorityRule("edd", "earliest due date", "d", key=lambda work: work.due[work.operation]),
        PriorityRule("slack", "least slack until the due date", "s = d - t - p - R", priority.SLACK),
        PriorityRule("slack_per_operation", "least slack per operation", "s / n", priority.SLACK_PER_OPERATION),
        PriorityRule(
            "atc",
            "apparent tardiness cost",
            "-(w / p) exp(-max(0, s - 2 R) / (3 P))",
            priority.ATC,
            _log2_time_per_weight,
        ),
        PriorityRule(
            "covert",
            "weighted cost over time",
            "-(w / p) max(0, 1 - max(0, s) / (4 (p + R)))",
            priority.COVERT,
            _log2_time_per_weight,
        ),
        PriorityRule("random", "random order", "uniform", priority.RANDOM),
    )
}
"""Symbols: p duration, D and R work of the job before and after the operation, n operations left with this one, a
arrival at the machine, t earliest start, d due date, w weight, P mean duration. ATC and COVERT as Vepsalainen and
Morton (1987), Management Science 33, 1035-1047; their logarithms are compared, in units of 2**-20."""


@lru_cache(maxsize=1 << 16)
def rule_named(rule: str) -> PriorityRule:
    """A row of RULES, or the rule that an expression is. Raises ValueError if it is neither."""
    if rule in RULES:
        return RULES[rule]
    if looks_like_expression(rule):
        return PriorityRule(rule, "expression", str(parse_expression(rule)), priority.EXPRESSION)
    near = difflib.get_close_matches(rule, RULES, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"unknown rule {rule!r}, known: {', '.join(RULES)}, expressions{hint}")
