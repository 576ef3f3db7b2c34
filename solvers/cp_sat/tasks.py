"""Variables of the tasks: start, chosen mode, end and the moment the resources are left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from makespan.instances.dates import deadlines, first_starts
from makespan.instances.instance import EE, ES, SE, IndexArray, Instance, IntArray
from makespan.solvers.cp_sat.calendars import Calendars, Span

Expr = Any
"""A linear expression of CP-SAT, or an int."""
Literal = Any
"""A literal of CP-SAT: a Boolean variable or its negation."""


@dataclass(frozen=True)
class Hint:
    """A schedule to start from: start, mode (an index into ``instance.duration``) and end of each task."""

    start: IntArray
    mode: IntArray
    end: IntArray


@dataclass(frozen=True)
class Kept:
    """What must stay of the schedule to start from: modes, and a partial order.

    Parameters
    ----------
    task
        Shape (num_tasks,): whether a task keeps its mode and, on resources of capacity 1, its place among the others
        that are kept.
    pred, succ, lag
        Shape (num_pairs,): ``succ`` starts at least ``lag`` after ``pred`` starts.
    """

    task: NDArray[np.bool_]
    pred: IntArray
    succ: IntArray
    lag: IntArray


@dataclass
class Draft:
    """A model in the making.

    Per task i: ``start[i]`` is a variable, ``end[i]`` and ``leave[i]`` affine expressions; ``modes[i]`` leads from a
    mode (an index into ``instance.duration``) to the literal that chooses it, ``spans[i]`` to the times it can take.
    ``travel`` holds the travel times of the arcs within jobs.
    """

    instance: Instance
    horizon: int
    calendars: Calendars
    model: cp_model.CpModel = field(default_factory=cp_model.CpModel)
    start: list[cp_model.IntVar] = field(default_factory=list)
    end: list[Expr] = field(default_factory=list)
    leave: list[Expr] = field(default_factory=list)
    modes: list[dict[int, Literal]] = field(default_factory=list)
    spans: list[dict[int, tuple[Span, ...]]] = field(default_factory=list)
    travel: dict[int, Expr] = field(default_factory=dict)
    earliest_start: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    latest_end: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    hint: Hint | None = None
    kept: Kept | None = None

    def __post_init__(self) -> None:
        self.true: Literal = self.model.new_constant(1)

    def literal(self) -> Literal:
        return self.model.new_bool_var("")

    def time(self, low: int = 0, high: int | None = None) -> cp_model.IntVar:
        """A variable between ``low`` and ``high`` (the horizon)."""
        high = self.horizon if high is None else high
        if low > high:
            self.forbid()
            high = low
        return self.model.new_int_var(low, high, "")

    def forbid(self) -> None:
        """No schedule exists."""
        self.model.add_bool_or([])

    def both(self, *literals: Literal) -> Literal:
        """A literal that holds if and only if all of ``literals`` do."""
        needed = [each for each in literals if each is not self.true]
        if len(needed) < 2:
            return needed[0] if needed else self.true
        result = self.literal()
        self.model.add_bool_and(needed).only_enforce_if(result)
        self.model.add_bool_or([result, *(~each for each in needed)])
        return result

    def positive(self, expression: Expr) -> Literal:
        """A literal that holds if and only if the expression is at least 1."""
        result = self.literal()
        self.model.add(expression >= 1).only_enforce_if(result)
        self.model.add(expression <= 0).only_enforce_if(~result)
        return result

    def largest(self, *expressions: Expr) -> cp_model.IntVar:
        """A variable that equals the largest of the expressions, all within the horizon."""
        result = self.time()
        self.model.add_max_equality(result, list(expressions))
        return result

    def suggest(self, variable: Any, value: int) -> None:
        """Hint a variable's value in the schedule to start from."""
        self.model.add_hint(variable, value)


def add_tasks(draft: Draft, latest_makespan: int) -> None:
    """One start, mode and end for every task; dates narrow the domains."""
    eligible = [_eligible_modes(draft, task) for task in range(draft.instance.num_tasks)]
    draft.earliest_start, draft.latest_end = _windows(draft, eligible, min(latest_makespan, draft.horizon))
    for task, spans in enumerate(eligible):
        if not spans:
            draft.forbid()
            spans = {int(draft.instance.mode_ptr[task]): (Span(0, None),)}
        draft.spans.append(spans)
        _add_task(draft, task, spans)
    draft.leave = list(draft.end)


def _eligible_modes(draft: Draft, task: int) -> dict[int, tuple[Span, ...]]:
    """The modes that a task can run in by its own demands and calendars, with their spans."""
    instance = draft.instance
    first = int(instance.mode_ptr[task])
    modes = range(first, int(instance.mode_ptr[task + 1]))
    if instance.fixed_mode is not None and instance.fixed_mode[task] >= 0:
        modes = range(first + int(instance.fixed_mode[task]), first + int(instance.fixed_mode[task]) + 1)
    if draft.kept is not None and draft.kept.task[task]:
        assert draft.hint is not None
        modes = range(int(draft.hint.mode[task]), int(draft.hint.mode[task]) + 1)
    spans = {mode: draft.calendars.spans(task, mode) for mode in modes if _fits(instance, mode)}
    return {mode: found for mode, found in spans.items() if found}


def _fits(instance: Instance, mode: int) -> bool:
    """Whether the demands of a mode stay within the capacities; one that takes no time uses nothing renewable."""
    part = slice(instance.demand_ptr[mode], instance.demand_ptr[mode + 1])
    resource = instance.demand_resource[part]
    exceeds = instance.demand_amount[part] > instance.capacity[resource]
    if instance.duration[mode] == 0:
        exceeds = exceeds & ~instance.renewable[resource]
    return not exceeds.any()


def _windows(draft: Draft, eligible: list[dict[int, tuple[Span, ...]]], latest: int) -> tuple[IntArray, IntArray]:
    """Earliest start and latest end of each task by its dates and, along the arcs, by those of the others."""
    instance = draft.instance
    early, late = first_starts(instance), np.minimum(latest, deadlines(instance))

    shortest = np.array([min((s[0].length for s in spans.values()), default=0) for spans in eligible], np.int64)
    longest = np.array([max((s[-1].length for s in spans.values()), default=0) for spans in eligible], np.int64)
    pred, succ, kind = instance.arc_pred, instance.arc_succ, instance.arc_kind
    least = instance.arc_lag + np.where(kind >= ES, shortest[pred], 0)  # from start to start, at least
    least = least - np.where(kind % 2 == SE, longest[succ], 0)
    # The same arc from end to end, for the way back.
    least_back = instance.arc_lag + np.where(kind % 2 == SE, 0, shortest[succ])
    least_back = least_back - np.where(kind >= ES, 0, longest[pred])
    assert EE >= ES
    if draft.kept is not None:
        kept = draft.kept
        pred, succ = np.concatenate((pred, kept.pred)), np.concatenate((succ, kept.succ))
        least = np.concatenate((least, kept.lag))
        least_back = np.concatenate((least_back, kept.lag + shortest[kept.succ] - longest[kept.pred]))
    _relax(early, pred, succ, least, limit=latest)
    backward = -late
    _relax(backward, succ, pred, least_back, limit=0)
    return early, -backward


def _relax(value: IntArray, source: IndexArray, target: IndexArray, gap: IntArray, limit: int) -> None:
    """Raise ``value[target]`` to ``value[source] + gap`` until nothing changes or a value passes ``limit``."""
    for _ in range(value.size + 1):
        before = value.copy()
        np.maximum.at(value, target, value[source] + gap)
        if np.array_equal(before, value) or (value > limit).any():
            return


def _add_task(draft: Draft, task: int, spans: dict[int, tuple[Span, ...]]) -> None:
    instance, model = draft.instance, draft.model
    early, late = int(draft.earliest_start[task]), int(draft.latest_end[task])
    shortest = min(each[0].length for each in spans.values())
    fixed = instance.fixed_start is not None and instance.fixed_start[task] >= 0
    last = min(late - shortest, int(instance.fixed_start[task])) if fixed and instance.fixed_start is not None else None
    start = draft.time(early, late - shortest if last is None else last)
    draft.start.append(start)
    if draft.hint is not None:
        draft.suggest(start, int(draft.hint.start[task]))

    if len(spans) == 1:
        draft.modes.append({next(iter(spans)): draft.true})
    else:
        draft.modes.append({mode: draft.literal() for mode in spans})
        model.add_exactly_one(draft.modes[-1].values())
        if draft.hint is not None:
            for mode, literal in draft.modes[-1].items():
                draft.suggest(literal, int(mode == draft.hint.mode[task]))

    terms = []
    for mode, lengths in spans.items():
        chosen = draft.modes[-1][mode]
        each = [chosen] if len(lengths) == 1 else [draft.literal() for _ in lengths]
        if len(lengths) > 1:
            model.add(sum(each) == chosen)
        for literal, span in zip(each, lengths, strict=True):
            terms.append((span.length, literal))
            if len(lengths) > 1 and draft.hint is not None:
                taken = draft.hint.mode[task] == mode and draft.hint.end[task] - draft.hint.start[task] == span.length
                draft.suggest(literal, int(taken))
            if span.starts is not None:
                domain = cp_model.Domain.from_intervals([list(pair) for pair in span.starts])
                constraint = model.add_linear_expression_in_domain(start, domain)
                if literal is not draft.true:
                    constraint.only_enforce_if(literal)
    draft.end.append(_end(draft, task, start, terms, early + shortest, late))


def _end(draft: Draft, task: int, start: Any, terms: list[tuple[int, Literal]], low: int, high: int) -> Expr:
    """Start plus the length of the chosen term.

    The length is a variable with an interval of its own: with the sum in its place CP-SAT's first solutions of flexible
    job shops are twice as long (docs/cpsat.md).
    """
    model, lengths = draft.model, sorted({length for length, _ in terms})
    if len(lengths) == 1:
        return start + lengths[0]
    length = model.new_int_var_from_domain(cp_model.Domain.from_values(lengths), "")
    model.add(length == sum(each * literal for each, literal in terms))
    end = draft.time(low, high)
    model.new_interval_var(start, length, end, "")
    if draft.hint is not None:
        draft.suggest(end, int(draft.hint.end[task]))
        draft.suggest(length, int(draft.hint.end[task] - draft.hint.start[task]))
    return end


def add_arcs(draft: Draft) -> None:
    """Arcs of all four kinds with their lags and travel times; no-wait ones hold with equality."""
    instance, model = draft.instance, draft.model
    within = _within_job(instance)
    for arc in range(instance.num_arcs):
        pred, succ = int(instance.arc_pred[arc]), int(instance.arc_succ[arc])
        kind, lag = int(instance.arc_kind[arc]), int(instance.arc_lag[arc])
        source = draft.end[pred] if kind >= ES else draft.start[pred]
        target = draft.end[succ] if kind % 2 == SE else draft.start[succ]
        if kind == ES and within[arc]:
            travel = draft.travel[arc] = _travel(draft, pred, succ)
            if instance.no_wait:
                model.add(target == source + lag + travel)
                continue
            model.add(target >= source + lag + travel)
        else:
            model.add(target >= source + lag)
    if draft.kept is not None:
        for pred, succ, lag in zip(draft.kept.pred, draft.kept.succ, draft.kept.lag, strict=True):
            model.add(draft.start[succ] >= draft.start[pred] + int(lag))


def _within_job(instance: Instance) -> Any:
    """Shape (num_arcs,): whether an arc joins two tasks of one job."""
    if instance.job is None:
        return np.zeros(instance.num_arcs, np.bool_)
    return (instance.job[instance.arc_pred] == instance.job[instance.arc_succ]) & (instance.job[instance.arc_pred] >= 0)


def _travel(draft: Draft, pred: int, succ: int) -> Expr:
    """Travel time between the machines chosen for two tasks: an int where it does not depend on the modes."""
    instance = draft.instance
    if instance.transport is None:
        return 0
    times: dict[int, list[tuple[Literal, Literal]]] = {}
    for origin, leaving in draft.modes[pred].items():
        for target, entering in draft.modes[succ].items():
            ends = int(instance.machine[origin]), int(instance.machine[target])
            time = int(instance.transport[ends]) if min(ends) >= 0 else 0
            times.setdefault(time, []).append((leaving, entering))
    if len(times) == 1:
        return next(iter(times))
    travel = draft.time(min(times), max(times))
    for time, pairs in times.items():
        for pair in pairs:
            draft.model.add(travel == time).only_enforce_if([each for each in pair if each is not draft.true])
    return travel
