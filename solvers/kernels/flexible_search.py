"""Tabu search for the flexible job shop, in slices."""

from __future__ import annotations

from makespan.solvers.kernels import kernel, step
from makespan.solvers.kernels.flexible_moves import (
    MODE,
    OP,
    PLACE,
    arc_slot,
    choose_move,
    critical_path,
    values_without,
)
from makespan.solvers.kernels.flexible_state import move, value_of
from makespan.solvers.kernels.random import below

ITERATION, IMPROVED, BEST, VALUE, PATIENCE, TARGET, TENURE, SPREAD, CONTROL = range(9)
"""Fields of ``control``: iterations done, the last that improved, best value, present value, iterations without
improvement after which to end, value at which to end, how long what undoes a move is forbidden: TENURE iterations and
up to SPREAD per cent of the length of the critical path more, at random; and the number of fields."""


@kernel
def search_slice(problem, state, memory, control, random, best_order, best_mode, steps):
    """Up to ``steps`` moves from ``state``; returns whether the search has ended.

    ``best_order`` and ``best_mode`` (num_operations,) are overwritten with each solution better than
    ``control[BEST]``, which a caller sets to the present value together with them. It ends when no move is left,
    PATIENCE is used up or TARGET reached. Cost of a move: one pass over the operations and arcs, and O(log n) per mode
    of each operation on the critical path.
    """
    for _ in range(steps):
        if control[ITERATION] - control[IMPROVED] >= control[PATIENCE] or control[BEST] <= control[TARGET]:
            return True
        count = critical_path(problem, state, memory, control[VALUE], random)
        values_without(problem, state, memory, count)
        control[ITERATION] += 1
        if not choose_move(problem, state, memory, count, control[ITERATION], control[BEST], random):
            return True
        choice = memory.choice
        tenure = control[TENURE] + below(random, control[SPREAD] * count // 100 + 1)
        _forbid_return(problem, state, memory, control[ITERATION] + tenure)
        move(problem, state, choice[OP], choice[MODE], choice[PLACE])
        control[VALUE] = value_of(problem, state)
        if control[VALUE] < control[BEST]:
            control[BEST], control[IMPROVED] = control[VALUE], control[ITERATION]
            best_order[:] = state.order
            best_mode[:] = state.mode
    return False


@step
def _forbid_return(problem, state, memory, until):
    """Forbid what would undo the chosen move: the mode it leaves, or the arcs it reverses."""
    op, mode, place = memory.choice[OP], memory.choice[MODE], memory.choice[PLACE]
    if mode != state.mode[op]:
        memory.tabu_mode[state.mode[op]] = until
        return
    base = problem.line_ptr[state.machine[op]]
    for at in range(state.place[op] + 1, place + 1):
        memory.tabu_arc[arc_slot(op, state.line[base + at])] = until
    for at in range(place, state.place[op]):
        memory.tabu_arc[arc_slot(state.line[base + at], op)] = until
