"""Capacities: who runs on and who occupies a resource, and when."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any

from makespan.instances.instance import PAUSE_RELEASES
from makespan.solvers.cp_sat.calendars import Windows
from makespan.solvers.cp_sat.tasks import Draft, Expr, Literal


@dataclass(frozen=True)
class Row:
    """A use of a resource: ``amount`` of it from ``begin`` to ``until`` if ``present``.

    ``interval`` is the same for CP-SAT, never empty when present. ``task`` is -1 for what a calendar takes away. A
    ``part`` of a task that pauses is "piece" (one window of work) or "tail" (what blocking adds after its end).
    """

    task: int
    mode: int
    amount: int
    begin: Expr
    until: Expr
    present: Literal
    interval: Any
    part: str = "whole"


class Uses:
    """The rows of every renewable resource: those that run on it and those that occupy it."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self._kept: dict[tuple[str, int, int], list[Row]] = {}
        self._holds: dict[int, Literal] = {}
        self.users = _users(draft)

    def running(self, resource: int) -> list[Row]:
        """Rows that must stay within the calendar."""
        whole = self.spans_suffice(resource)
        rows = []
        for task, mode, amount in self.users[resource]:
            if self.draft.instance.duration[mode] > 0:
                cut = self._is_cut(task, mode) and not whole
                rows.append(self._pieces(task, mode, amount) if cut else [self._span(task, mode, amount)])
        return list(chain(*rows))

    def occupying(self, resource: int) -> list[Row]:
        """Rows that must stay within the nominal capacity."""
        whole = self.spans_suffice(resource)
        rows = []
        for task, mode, amount in self.users[resource]:
            if self.releases(task, mode, resource) and not whole:
                rows.append([*self._pieces(task, mode, amount), *self._tail(task, mode, amount)])
            else:
                rows.append(self._occupation(task, mode, amount))
        return list(chain(*rows))

    def differ(self, resource: int) -> bool:
        """Whether some task occupies the resource longer than it runs on it."""
        instance, draft = self.draft.instance, self.draft
        whole = self.spans_suffice(resource)
        return any(
            draft.leave[task] is not draft.end[task]
            or (self._is_cut(task, mode) and not whole and not self.releases(task, mode, resource))
            for task, mode, _ in self.users[resource]
            if instance.duration[mode] > 0 or draft.leave[task] is not draft.end[task]
        )

    def releases(self, task: int, mode: int, resource: int) -> bool:
        """Whether a mode gives the resource to others in its pauses."""
        instance = self.draft.instance
        if not self._is_cut(task, mode) or (instance.setup is not None and instance.capacity[resource] == 1):
            return False
        return instance.pause is not None and int(instance.pause[task]) == PAUSE_RELEASES

    def spans_suffice(self, resource: int) -> bool:
        """Whether pausable tasks may be seen as running from start to end.

        So it is where all of them stop and go with the resource itself: in its breaks nobody else could use it either,
        and no more tasks are under way then than ran right before.
        """
        draft, calendar = self.draft, self.draft.instance.calendar
        if calendar is None or not calendar.has(resource):
            return False
        cut = [(task, mode) for task, mode, _ in self.users[resource] if self._is_cut(task, mode)]
        if draft.instance.blocking and any(self.releases(task, mode, resource) for task, mode in cut):
            return False
        openings: Windows = draft.calendars.openings(resource) if cut else ()
        return all(draft.calendars.windows(mode) == openings for _, mode in cut)

    def holds(self, task: int) -> Literal:
        """Whether a task occupies its resources for any time at all."""
        draft = self.draft
        shortest = min(int(draft.instance.duration[mode]) for mode in draft.modes[task])
        if shortest > 0:
            return draft.true
        if task not in self._holds:
            self._holds[task] = draft.positive(draft.leave[task] - draft.start[task])
        return self._holds[task]

    def _is_cut(self, task: int, mode: int) -> bool:
        draft = self.draft
        pauses = draft.calendars.pauses(task) and draft.calendars.applies(mode)
        return bool(pauses and draft.instance.duration[mode] > 0)

    def _span(self, task: int, mode: int, amount: int) -> Row:
        """From start to end."""
        draft = self.draft
        return self._row("span", task, mode, amount, draft.end[task], draft.modes[task][mode])[0]

    def _occupation(self, task: int, mode: int, amount: int) -> list[Row]:
        """From start to the moment the job leaves."""
        draft = self.draft
        present = draft.modes[task][mode]
        if draft.leave[task] is draft.end[task]:
            return [self._span(task, mode, amount)] if draft.instance.duration[mode] > 0 else []
        if draft.instance.duration[mode] == 0:
            present = draft.both(present, self.holds(task))
        return self._row("stay", task, mode, amount, draft.leave[task], present)

    def _row(self, kind: str, task: int, mode: int, amount: int, until: Expr, present: Literal) -> list[Row]:
        draft = self.draft
        key = kind, task, mode
        if key not in self._kept:
            spans = draft.spans[task][mode]
            length = spans[0].length if kind == "span" and len(spans) == 1 else None
            interval = make_interval(draft, draft.start[task], until, present, length)
            self._kept[key] = [Row(task, mode, amount, draft.start[task], until, present, interval)]
        return [_with_amount(row, amount) for row in self._kept[key]]

    def _pieces(self, task: int, mode: int, amount: int) -> list[Row]:
        """One optional row for each window in which the task can work."""
        key = "pieces", task, mode
        if key not in self._kept:
            self._kept[key] = [
                piece
                for window in self.draft.calendars.windows(mode)
                if (piece := _piece(self.draft, task, mode, amount, window)) is not None
            ]
        return [_with_amount(row, amount) for row in self._kept[key]]

    def _tail(self, task: int, mode: int, amount: int) -> list[Row]:
        """From the end to the moment the job leaves, for tasks whose work comes in pieces."""
        draft = self.draft
        if draft.leave[task] is draft.end[task]:
            return []
        key = "tail", task, mode
        if key not in self._kept:
            end, leave = draft.end[task], draft.leave[task]
            present = draft.both(draft.modes[task][mode], draft.positive(leave - end))
            interval = make_interval(draft, end, leave, present)
            self._kept[key] = [Row(task, mode, amount, end, leave, present, interval, "tail")]
        return [_with_amount(row, amount) for row in self._kept[key]]


def _with_amount(row: Row, amount: int) -> Row:
    if row.amount == amount:
        return row
    return Row(row.task, row.mode, amount, row.begin, row.until, row.present, row.interval, row.part)


def _users(draft: Draft) -> list[list[tuple[int, int, int]]]:
    """Per resource: task, mode and amount of every demand that can be chosen."""
    instance = draft.instance
    users: list[list[tuple[int, int, int]]] = [[] for _ in range(instance.num_resources)]
    resources, amounts = instance.demand_resource.tolist(), instance.demand_amount.tolist()
    for task, modes in enumerate(draft.modes):
        for mode in modes:
            for i in range(instance.demand_ptr[mode], instance.demand_ptr[mode + 1]):
                users[resources[i]].append((task, mode, amounts[i]))
    return users


def make_interval(draft: Draft, begin: Expr, until: Expr, present: Literal, length: int | None = None) -> Any:
    """A non-empty interval; of fixed ``length`` if it is given."""
    model = draft.model
    if length is not None:
        if present is draft.true:
            return model.new_fixed_size_interval_var(begin, length, "")
        return model.new_optional_fixed_size_interval_var(begin, length, present, "")
    size = draft.time(1)
    if present is draft.true:
        return model.new_interval_var(begin, size, until, "")
    return model.new_optional_interval_var(begin, size, until, present, "")


def _piece(draft: Draft, task: int, mode: int, amount: int, window: tuple[int, int]) -> Row | None:
    model, start, end = draft.model, draft.start[task], draft.end[task]
    opens, closes = window
    if closes <= draft.earliest_start[task] or opens >= draft.latest_end[task]:
        return None
    present = draft.both(draft.modes[task][mode], draft.positive(closes - start), draft.positive(end - opens))
    begin, until = draft.time(opens), draft.time(0, closes)
    model.add_max_equality(begin, [start, opens])
    model.add_min_equality(until, [end, closes])
    return Row(task, mode, amount, begin, until, present, make_interval(draft, begin, until, present), "piece")


def add_capacities(draft: Draft, uses: Uses) -> None:
    """Renewable resources over time, nonrenewable ones as a sum over the chosen modes."""
    instance = draft.instance
    for resource in range(instance.num_resources):
        if not instance.renewable[resource]:
            _add_sum(draft, resource, uses.users[resource])
            continue
        if instance.calendar is None or not instance.calendar.has(resource):
            add_disjunctive_or_cumulative(draft, uses.occupying(resource), int(instance.capacity[resource]))
            continue
        drops = _drops(draft, uses, resource)
        add_disjunctive_or_cumulative(draft, [*uses.running(resource), *drops], int(instance.capacity[resource]))
        if uses.differ(resource):
            add_disjunctive_or_cumulative(draft, uses.occupying(resource), int(instance.capacity[resource]))


def _add_sum(draft: Draft, resource: int, users: list[tuple[int, int, int]]) -> None:
    capacity = int(draft.instance.capacity[resource])
    if users:
        draft.model.add(sum(amount * draft.modes[task][mode] for task, mode, amount in users) <= capacity)


def _drops(draft: Draft, uses: Uses, resource: int) -> list[Row]:
    """What the calendar takes away, as fixed rows.

    In full breaks no start is allowed anyway; they are left out where tasks on pause span them.
    """
    capacity = int(draft.instance.capacity[resource])
    spanned = uses.spans_suffice(resource) and any(
        draft.calendars.pauses(task) for task, _, _ in uses.users[resource] if draft.instance.pause is not None
    )
    rows = []
    for begin, until, left in draft.calendars.pieces(resource):
        if left < capacity and not (left == 0 and spanned):
            interval = draft.model.new_fixed_size_interval_var(begin, until - begin, "")
            rows.append(Row(-1, -1, capacity - left, begin, until, draft.true, interval))
    return rows


def add_disjunctive_or_cumulative(draft: Draft, rows: list[Row], capacity: int) -> None:
    """All present rows within the capacity at every moment."""
    rows = [row for row in rows if not _is_excluded(draft, row, capacity)]
    if not rows or (len(rows) == 1 and rows[0].amount <= capacity):
        return
    if 2 * min(row.amount for row in rows) > capacity:
        draft.model.add_no_overlap([row.interval for row in rows])
    else:
        draft.model.add_cumulative([row.interval for row in rows], [row.amount for row in rows], capacity)


def _is_excluded(draft: Draft, row: Row, capacity: int) -> bool:
    """A row that asks for more than there is can never be present."""
    if row.amount <= capacity:
        return False
    if row.present is draft.true:
        draft.forbid()
    else:
        draft.model.add(row.present == 0)
    return True
