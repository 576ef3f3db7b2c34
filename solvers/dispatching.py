"""Priority rules for job shops and flexible job shops: the batch call, and the solver ``rule``."""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from makespan.instances.check import check
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.instances.shop_view import SHOP_FEATURES, ShopView, shop_view
from makespan.solvers.kernels.priority import (
    BEFORE,
    DUE,
    EXPRESSION,
    LATEST_END,
    MEAN_DURATION,
    OPERATIONS_LEFT,
    REST,
    RULE_HEADER,
    UNIT,
    WEIGHT,
)
from makespan.solvers.kernels.rule_schedules import BEST, NEXT, play_rules
from makespan.solvers.kernels.shop_layout import (
    APPEND,
    GIFFLER_THOMPSON,
    INSERTION,
    NON_DELAY,
    new_state,
    pack_shop,
)
from makespan.solvers.kernels.tournament import NEVER
from makespan.solvers.priority_rules import RULES, Work, log2_ratio, rule_named
from makespan.solvers.registry import from_strings
from makespan.solvers.rule_expressions import parse_expression, rule_text
from makespan.solvers.stage import Context

SCHEMES = {
    "append": APPEND,
    "insertion": INSERTION,
    "giffler_thompson": GIFFLER_THOMPSON,
    "non_delay": NON_DELAY,
}

SLICE_SECONDS = 0.02
"""What one call of the kernel aims at, so that limits and Ctrl-C are seen in time."""

_FIRST_SLICE, _LARGEST_SLICE = 2_000, 1_000_000  # decisions
_KEYS_AT_ONCE = 1 << 18
_SAMPLES_AT_ONCE = 1 << 12

_NO_DUES = np.zeros(RULE_HEADER, np.int64)
_NO_DUES.setflags(write=False)


class RuleBatch:
    """Rules x schemes x samples on one shop: one compiled call makes them all, or as many as it is allowed.

    Parameters
    ----------
    rules, schemes
        Names in RULES or expressions, and names in SCHEMES; every pair is a play.
    samples, first_sample
        Schedules per play, and the number of the first. Sample 0 follows the rule; a later one takes, at each decision,
        the first candidate in the rule's order with a chance of ``greed`` per cent, else the second with that chance,
        and so on. It depends on the seed, the play and its own number alone.
    delta
        Per cent, for giffler_thompson: 100 builds active schedules, 0 non-delay ones.
    keys
        Shape (rules, modes of the view): priorities, the least first, in place of those of rules that do not look at
        the schedule so far.

    Raises
    ------
    ValueError
        If a rule or scheme is unknown or a number is out of range.
    """

    def __init__(
        self,
        view: ShopView,
        rules: Sequence[str],
        schemes: Sequence[str] = ("non_delay",),
        *,
        samples: int = 1,
        first_sample: int = 0,
        seed: int = 0,
        greed: int = 70,
        delta: int = 100,
        keys: IntArray | None = None,
    ) -> None:
        _check_plays(rules, schemes, samples, greed, delta)
        self.view, self.rules, self.schemes, self.seed = view, tuple(rules), tuple(schemes), seed % 2**62
        plays = [
            (rule_named(rule).kind, row, SCHEMES[scheme], delta, greed)
            for row, rule in enumerate(rules)
            for scheme in schemes
        ]
        self._plays = np.array(plays, np.int64)
        self._rule, self._keys = rule_arrays(view, rules)
        if keys is not None:
            self._keys[:] = keys
        self._state, self._random = new_state(view), np.zeros(1, np.uint64)
        self._progress = np.array([0, 0, -1, first_sample], np.int64)
        self._value = np.full((samples, len(plays)), NEVER, np.int64)
        self._best_value = np.full(view.objective.size, NEVER, np.int64)
        self._best_start, self._best_mode = np.zeros((2, view.num_operations), np.int64)

    @property
    def num_done(self) -> int:
        """Schedules made so far."""
        return int(self._progress[NEXT])

    @property
    def values(self) -> IntArray:
        """Shape (samples, rules, schemes): first objective; NEVER where not made, or where a deadline, fixed start or
        calendar cannot be met."""
        return self._value.reshape(-1, len(self.rules), len(self.schemes))

    @property
    def best(self) -> tuple[int, int, int] | None:
        """Where in ``values`` the first of the best schedules by all objectives stands: sample, rule, scheme."""
        number = int(self._progress[BEST])
        if number < 0:
            return None
        sample, play = divmod(number, len(self._plays))
        return sample, play // len(self.schemes), play % len(self.schemes)

    def schedule(self) -> Schedule | None:
        """The best schedule, in the numbering of the instance; None if there is none."""
        if self.best is None:
            return None
        view = self.view
        start, mode = np.empty((2, view.num_operations), np.int64)
        start[view.task] = self._best_start
        mode[view.task] = view.mode_in_task[self._best_mode]
        return Schedule(start, mode)

    def run(self, decisions: int, until: int | None = None) -> bool:
        """Take at most about ``decisions`` decisions and make no schedule beyond number ``until``; returns whether all
        these are made. One compiled call without the GIL; call again to go on."""
        last = self._value.size if until is None else min(until, self._value.size)
        done: bool = play_rules(
            self.view.derived(pack_shop),
            self._rule,
            self._keys,
            self._state,
            self._plays,
            self.seed,
            self._random,
            self._progress,
            self._value,
            self._best_value,
            self._best_start,
            self._best_mode,
            decisions,
            last,
        )
        return done

    def run_slices(self, until: int | None = None) -> Iterator[bool]:
        """Go on in slices of about SLICE_SECONDS; yields whether a better schedule came up, after each of them."""
        decisions, done, best = _FIRST_SLICE, False, self.best
        while not done:
            begin = time.perf_counter()
            done = self.run(decisions, until)
            seconds = time.perf_counter() - begin
            yield self.best != best
            best = self.best
            factor = min(4.0, SLICE_SECONDS / max(seconds, 1e-6))
            decisions = max(1, min(_LARGEST_SLICE, int(decisions * factor)))


def dispatch_batch(
    view: ShopView,
    rules: Sequence[str],
    schemes: Sequence[str] = ("non_delay",),
    *,
    samples: int = 1,
    seed: int = 0,
    greed: int = 70,
    delta: int = 100,
) -> tuple[IntArray, Schedule | None]:
    """All schedules of a RuleBatch, in one compiled call that does not stop before they are made.

    Returns ``RuleBatch.values`` and the best schedule. Cost per schedule O(operations x (log machines + queue)).
    """
    batch = RuleBatch(view, rules, schemes, samples=samples, seed=seed, greed=greed, delta=delta)
    batch.run(2**62)
    return batch.values, batch.schedule()


@dataclass(frozen=True)
class DispatchingRule:
    """The solver ``rule``: one rule or all of them, in one generation scheme or two, with samples around each.

    Parameters
    ----------
    rule
        A name in RULES, an expression, or ``best``: all of RULES, in the schemes non_delay and giffler_thompson unless
        one is named.
    scheme
        A name in SCHEMES, or empty for the default, non_delay.
    samples, greed, delta
        See RuleBatch.

    A deadline that no schedule kept, or fixed starts that cannot be met, leave the run without a schedule.
    """

    supports: ClassVar[frozenset[str]] = SHOP_FEATURES

    rule: str = "best"
    scheme: str = ""
    samples: int = 1
    greed: int = 70
    delta: int = 100

    def __post_init__(self) -> None:
        _check_plays(self._rules, self._schemes, self.samples, self.greed, self.delta)

    @property
    def _rules(self) -> tuple[str, ...]:
        return tuple(RULES) if self.rule == "best" else (self.rule,)

    @property
    def _schemes(self) -> tuple[str, ...]:
        if self.scheme:
            return (self.scheme,)
        return ("non_delay", "giffler_thompson") if self.rule == "best" else ("non_delay",)

    @property
    def kernels(self) -> tuple[Any, ...]:
        return play_rules, log2_ratio

    def warm(self) -> None:
        toy = Instance.job_shop([[0, 1], [1, 0]], [[2, 1], [1, 2]])
        dispatch_batch(toy.derived(shop_view), (*RULES, "p"), tuple(SCHEMES), samples=2)

    def run(self, instance: Instance, context: Context) -> None:
        view = instance.derived(shop_view)
        # Few rules at a time on large shops: their priorities take time and memory before the first schedule.
        together = max(1, _KEYS_AT_ONCE // max(1, view.duration.size))
        for sample in range(0, self.samples, _SAMPLES_AT_ONCE):
            for rule in range(0, len(self._rules), together):
                batch = RuleBatch(
                    view,
                    self._rules[rule : rule + together],
                    self._schemes,
                    samples=min(_SAMPLES_AT_ONCE, self.samples - sample),
                    first_sample=sample,
                    seed=context.seed,
                    greed=self.greed,
                    delta=self.delta,
                )
                if not _play(instance, context, batch):
                    return


def make(argument: str | None = None, **parameters: str) -> DispatchingRule:
    """The stage of a spec ``rule:argument,key=value``; without an argument it is ``best``. The argument may also be a
    file with an expression, or the name of one that comes along."""
    return from_strings(DispatchingRule, parameters, rule="best" if argument is None else rule_text(argument))


def _play(instance: Instance, context: Context, batch: RuleBatch) -> bool:
    """Make the schedules of a batch; returns whether there is time for more."""
    counted = 0
    for better in batch.run_slices(context.remaining_iterations()):
        if better:
            _offer(instance, context, batch)
        context.count(batch.num_done - counted)
        counted = batch.num_done
        if context.expired():
            return False
    return True


def _offer(instance: Instance, context: Context, batch: RuleBatch) -> None:
    schedule, place = batch.schedule(), batch.best
    assert schedule is not None and place is not None
    by = f"rule:{batch.rules[place[1]]},scheme={batch.schemes[place[2]]}"
    # What is fixed may contradict itself, which no choice of a rule can mend.
    if "fixed" not in instance.features or not check(instance, schedule):
        context.offer(schedule, by)


def _check_plays(rules: Sequence[str], schemes: Sequence[str], samples: int, greed: int, delta: int) -> None:
    for rule in rules:
        rule_named(rule)
    for scheme in schemes:
        if scheme not in SCHEMES:
            near = difflib.get_close_matches(scheme, SCHEMES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"unknown scheme {scheme!r}, known: {', '.join(SCHEMES)}{hint}")
    for what, value, low, high in (("samples", samples, 1, 2**31), ("greed", greed, 1, 100), ("delta", delta, 0, 100)):
        if not low <= value <= high:
            raise ValueError(f"{what}: found {value}, expected {low} to {high}")


# -- arrays for the kernels --------------------------------------------------------------------------


def rule_arrays(view: ShopView, rules: Sequence[str]) -> tuple[IntArray, IntArray]:
    """What the kernels look up for these rules: ``rule`` of ``kernels.priority``, and ``key`` of rule i in row i, which
    is the program of an expression."""
    work, found = view.derived(Work), [rule_named(name) for name in rules]
    programs = {row: parse_expression(each.name).program for row, each in enumerate(found) if each.kind == EXPRESSION}
    width = max([view.duration.size, *(program.size for program in programs.values())])
    keys = np.zeros((len(rules), width), np.int64)
    for row, name in enumerate(rules):
        if row in programs:
            keys[row, : programs[row].size] = programs[row]
        elif (values := work.key(name)) is not None:
            keys[row, : values.size] = values
    if programs:
        return view.derived(_expression_arrays), keys
    return view.derived(_due_arrays) if any(each.needs_due for each in found) else _NO_DUES, keys


def _due_arrays(view: ShopView) -> IntArray:
    work = view.derived(Work)
    return _rule_array(work, {LATEST_END: work.latest_end, REST: work.rest, OPERATIONS_LEFT: work.operations_left})


def _expression_arrays(view: ShopView) -> IntArray:
    work = view.derived(Work)
    fields = {LATEST_END: work.latest_end, REST: work.rest, OPERATIONS_LEFT: work.operations_left}
    more = {BEFORE: work.done - work.shortest, DUE: work.due, WEIGHT: work.weight}
    return _rule_array(work, fields | more)


def _rule_array(work: Work, fields: dict[int, IntArray]) -> IntArray:
    header = np.zeros(RULE_HEADER, np.int64)
    header[MEAN_DURATION], header[UNIT] = work.mean_duration, work.shift
    for place, field in enumerate(fields):
        header[field] = RULE_HEADER + place * work.view.num_operations
    rule = np.concatenate((header, *fields.values()))
    rule.setflags(write=False)
    return rule
