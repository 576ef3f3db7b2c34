"""Shops without buffers or with one job order: blocking, exchanges in a circle, permutation."""

from __future__ import annotations

from typing import Any

import numpy as np

from makespan.instances.instance import ES
from makespan.solvers.cp_sat.resources import Row, Uses
from makespan.solvers.cp_sat.tasks import Draft, Expr, Literal


def set_leaving_times(draft: Draft) -> None:
    """In a blocking shop a task stays until its next one starts, less the journey, and at least to its end."""
    instance = draft.instance
    if not instance.blocking:
        return
    for arc in np.flatnonzero(instance.arc_kind == ES).tolist():
        pred, succ = int(instance.arc_pred[arc]), int(instance.arc_succ[arc])
        departure = draft.start[succ] - draft.travel.get(arc, 0)
        if instance.arc_lag[arc] >= 0 and isinstance(draft.travel.get(arc, 0), int):
            draft.leave[pred] = departure
        else:
            draft.leave[pred] = draft.largest(draft.end[pred], departure)


def add_exchanges(draft: Draft, uses: Uses) -> None:
    """Jobs that move at one instant must be able to do so one after another.

    Every instant is divided into steps: what ends without moving on is gone at step 0, each move takes a step of its
    own, what starts without having moved arrives in the last step. Capacities hold at every step.
    """
    instance = draft.instance
    if not instance.blocking or instance.swap_allowed or not _can_close_a_circle(draft):
        return
    steps = instance.num_jobs + 2
    moves = {arc: _move(draft, uses, arc) for arc in np.flatnonzero(instance.arc_kind == ES).tolist()}
    enter: list[Expr] = [steps * start + (steps - 1) for start in draft.start]
    leave: list[Expr] = [steps * leave for leave in draft.leave]
    turns = []
    for arc, moves_on in moves.items():
        if moves_on is None:
            continue
        pred, succ = int(instance.arc_pred[arc]), int(instance.arc_succ[arc])
        step = draft.time(1, steps - 1)
        enter[succ] = _step_of(draft, draft.start[succ], steps, step)
        leave[pred] = draft.time(0, steps * draft.horizon + steps)
        draft.model.add(leave[pred] == enter[succ]).only_enforce_if(moves_on)
        if moves_on is not draft.true:
            draft.model.add(leave[pred] == steps * draft.leave[pred]).only_enforce_if(~moves_on)
            draft.model.add(step == steps - 1).only_enforce_if(~moves_on)
        draft.model.add(step <= steps - 2).only_enforce_if(moves_on)
        turns.append(draft.model.new_optional_fixed_size_interval_var(enter[succ], 1, moves_on, ""))
    draft.model.add_no_overlap(turns)
    for resource in range(instance.num_resources):
        if instance.renewable[resource] and uses.users[resource]:
            rows = uses.occupying(resource)
            intervals = [_stepped(draft, row, enter, leave, steps) for row in rows]
            draft.model.add_cumulative(intervals, [row.amount for row in rows], int(instance.capacity[resource]))


def _can_close_a_circle(draft: Draft) -> bool:
    """Whether jobs can move between resources in a circle: seen from one resource per mode, else assumed."""
    instance = draft.instance
    first, count = instance.demand_ptr[:-1], np.diff(instance.demand_ptr)
    if (count > 1).any() or not instance.renewable.all() or (instance.capacity != 1).any():
        return True
    onward: dict[int, set[int]] = {}
    for arc in range(instance.num_arcs):
        for origin in draft.modes[instance.arc_pred[arc]]:
            for target in draft.modes[instance.arc_succ[arc]]:
                if count[origin] and count[target]:
                    ends = int(instance.demand_resource[first[origin]]), int(instance.demand_resource[first[target]])
                    if ends[0] != ends[1]:
                        onward.setdefault(ends[0], set()).add(ends[1])
    return not _is_acyclic(onward)


def _is_acyclic(onward: dict[int, set[int]]) -> bool:
    left = {node: set(following) for node, following in onward.items()}
    while ends := [node for node, following in left.items() if not following & left.keys()]:
        for node in ends:
            del left[node]
    return not left


def _move(draft: Draft, uses: Uses, arc: int) -> Literal | None:
    """Whether a job goes from one occupied place to another without travel; None if it never can."""
    instance = draft.instance
    pred, succ = int(instance.arc_pred[arc]), int(instance.arc_succ[arc])
    travel = draft.travel.get(arc, 0)
    literals = [_takes_place(draft, uses, pred), _takes_place(draft, uses, succ)]
    if isinstance(travel, int):
        if travel > 0:
            return None
    else:
        literals.append(~draft.positive(travel))
    if instance.arc_lag[arc] < 0:
        literals.append(~draft.positive(draft.leave[pred] - draft.start[succ]))
    return draft.both(*literals)


def _takes_place(draft: Draft, uses: Uses, task: int) -> Literal:
    """Whether a task occupies some resource."""
    instance = draft.instance
    using = [literal for mode, literal in draft.modes[task].items() if instance.machine[mode] >= 0]
    if len(using) == len(draft.modes[task]):
        return uses.holds(task)
    anywhere = draft.literal()
    draft.model.add(sum(using) == anywhere)
    return draft.both(anywhere, uses.holds(task))


def _step_of(draft: Draft, time: Any, steps: int, step: Any) -> Expr:
    result = draft.time(0, steps * draft.horizon + steps)
    draft.model.add(result == steps * time + step)
    return result


def _stepped(draft: Draft, row: Row, enter: list[Expr], leave: list[Expr], steps: int) -> Any:
    """The interval of a row in steps. Pieces of work begin and end beside the moves, unless they are the first."""
    limit = steps * draft.horizon + steps
    begin, until = enter[row.task], leave[row.task]
    if row.part == "tail":
        begin = steps * row.begin
    elif row.part == "piece":
        until = steps * row.until
        begin = draft.time(0, limit)
        resumes = draft.positive(row.begin - draft.start[row.task])
        draft.model.add(begin == steps * row.begin + (steps - 1)).only_enforce_if(resumes)
        draft.model.add(begin == enter[row.task]).only_enforce_if(~resumes)
    size = draft.time(0, limit)
    return draft.model.new_optional_interval_var(begin, size, until, row.present, "")


def add_permutation(draft: Draft) -> None:
    """One literal for each pair of jobs: the first passes every machine before the second, or the other way round."""
    instance = draft.instance
    if not instance.permutation or instance.job is None:
        return
    routes: dict[int, list[int]] = {}
    for task in np.argsort(instance.machine, kind="stable").tolist():  # one mode per task, each machine once per job
        if instance.machine[task] >= 0:
            routes.setdefault(int(instance.job[task]), []).append(task)
    _order_jobs(draft, list(routes.values()))


def _order_jobs(draft: Draft, routes: list[list[int]]) -> None:
    for a, first in enumerate(routes):
        for second in routes[a + 1 :]:
            before = draft.literal()
            if draft.hint is not None:
                keys = [draft.hint.start[route].tolist() for route in (first, second)]
                draft.suggest(before, int(keys[0] <= keys[1]))
            for i, j in zip(first, second, strict=True):
                _add_order(draft, i, j, before)
                _add_order(draft, j, i, ~before)


def _add_order(draft: Draft, i: int, j: int, literal: Literal) -> None:
    """Task i starts no later than j; on a machine of capacity 1 it is done by then."""
    instance = draft.instance
    (mode_i,), (mode_j,) = draft.modes[i], draft.modes[j]
    machine = int(instance.machine[mode_i])
    alone = machine >= 0 and instance.capacity[machine] == 1 and instance.pause is None
    done_before = alone and instance.duration[mode_i] > 0 and instance.duration[mode_j] > 0
    draft.model.add(draft.start[j] >= (draft.end[i] if done_before else draft.start[i])).only_enforce_if(literal)
