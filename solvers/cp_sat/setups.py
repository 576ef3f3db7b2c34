"""Sequence-dependent setups: a circuit through the tasks of each resource of capacity 1."""

from __future__ import annotations

from makespan.instances.instance import Setup
from makespan.solvers.cp_sat.resources import Row, Uses
from makespan.solvers.cp_sat.tasks import Draft, Literal


def add_setups(draft: Draft, uses: Uses) -> None:
    """Between direct neighbours only: a short setup may follow a long one, whatever the triangle inequality says."""
    instance = draft.instance
    if instance.setup is None:
        return
    for resource in range(instance.num_resources):
        if not instance.renewable[resource] or instance.capacity[resource] != 1:
            continue
        rows = uses.occupying(resource)
        if any(instance.setup.family[row.mode] >= 0 for row in rows):
            _add_circuit(draft, instance.setup, rows, int(instance.setup.initial[resource]))


def _add_circuit(draft: Draft, setup: Setup, rows: list[Row], initial: int) -> None:
    """Node 0 stands before the first and after the last row; absent rows are loops."""
    family = [int(setup.family[row.mode]) for row in rows]
    place = _kept_places(draft, rows)
    arcs: list[tuple[int, int, Literal]] = []
    for b, after in enumerate(rows):
        if after.present is not draft.true:
            arcs.append((b + 1, b + 1, ~after.present))
        first = _arc(draft, arcs, 0, b + 1)
        draft.model.add(after.begin >= _time(setup, initial, family[b])).only_enforce_if(first)
        _arc(draft, arcs, b + 1, 0)
        for a, before in enumerate(rows):
            apart = place[b] - place[a] if place[a] >= 0 and place[b] >= 0 else 1
            if before.task != after.task and apart == 1 and _can_precede(draft, before, after):
                follows = _arc(draft, arcs, a + 1, b + 1)
                wait = _time(setup, family[a], family[b])
                draft.model.add(after.begin >= before.until + wait).only_enforce_if(follows)
    arcs.append((0, 0, _none_present(draft, rows)))
    draft.model.add_circuit(arcs)


def _kept_places(draft: Draft, rows: list[Row]) -> list[int]:
    """Of each row, its place among those that keep their order; -1 if it is free to move. Only neighbours in that order
    can follow each other directly. Tasks that may be absent, or that pause, have no place."""
    place = [-1] * len(rows)
    if draft.kept is None or draft.hint is None or draft.instance.blocking or draft.instance.pause is not None:
        return place
    kept = [i for i, row in enumerate(rows) if draft.kept.task[row.task] and row.present is draft.true]
    start = draft.hint.start
    for rank, i in enumerate(sorted(kept, key=lambda i: int(start[rows[i].task]))):
        place[i] = rank
    return place


def _arc(draft: Draft, arcs: list[tuple[int, int, Literal]], tail: int, head: int) -> Literal:
    literal = draft.literal()
    arcs.append((tail, head, literal))
    return literal


def _can_precede(draft: Draft, before: Row, after: Row) -> bool:
    shortest = draft.spans[before.task][before.mode][0].length
    latest_start = draft.latest_end[after.task] - draft.spans[after.task][after.mode][0].length
    return bool(draft.earliest_start[before.task] + shortest <= latest_start)


def _none_present(draft: Draft, rows: list[Row]) -> Literal:
    literal = draft.literal()
    for row in rows:
        draft.model.add_implication(literal, ~row.present)
    return literal


def _time(setup: Setup, before: int, after: int) -> int:
    return int(setup.time[before, after]) if min(before, after) >= 0 else 0
