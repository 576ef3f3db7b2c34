"""Simulated annealing on a plan of a shop of unary machines, for any list of objectives.

Each move starts from a goal that hurts: a late job, the last one. Its critical path is walked back and one of the
machine arcs or reassignments on it is drawn: a task jumps over neighbours of its block, or goes to another machine
about where it would be ready there. Moves off the critical paths cannot help at once and are not tried.

Sources: van Laarhoven, Aarts and Lenstra (1992), Operations Research 40, 113-125; for sums over jobs Kreipl (2000),
Journal of Scheduling 3, 125-138, and Mati, Dauzère-Pérès and Lahlou (2011), EJOR 212, 33-42.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import IntArray
from makespan.solvers.kernels import inlined, kernel
from makespan.solvers.kernels.fixed_point import FRACTION_BITS, LOG2_E, ONE, log2
from makespan.solvers.kernels.general_shop import (
    insert,
    mark_moved,
    propagate,
    ready_by_precedence,
    ready_on_machine,
    take_back,
    transport_time,
)
from makespan.solvers.kernels.goals import is_maximum, share, take_goals_back, update_goals
from makespan.solvers.kernels.random import below

HEAT_BITS = 8
"""Temperatures are in units of 2**-8 of the objective, times a power of two where that is too fine."""

# Places in ``Search.control``: moves tried in this cycle, and its length; 1 while it cools, 0 while it
# only descends; how often the temperature halves in the cycle; moves found in this cycle; times the best plan improved.
STEP, LENGTH, HOT, HALVINGS, PROPOSED, IMPROVED, CONTROLS = range(7)


class Search(NamedTuple):
    """One walk; int64, writable, except ``random`` (uint64).

    Parameters
    ----------
    control
        Shape (CONTROLS,).
    heat, heat_shift
        Shape (num_terms,): temperature at the beginning of a cycle: ``heat * 2**(heat_shift - HEAT_BITS)``, where
        ``heat`` < 2**38.
    worse_log, worse_count
        Shape (num_terms,): of the moves refused in a descent because they made this objective worse, the sum of the
        binary logarithms of by how much, in units of 2**-20, and the number.
    best_value, best_start, best_mode
        The best plan so far: objectives, starts, modes.
    random
        Shape (1,).
    """

    control: IntArray
    heat: IntArray
    heat_shift: IntArray
    worse_log: IntArray
    worse_count: IntArray
    best_value: IntArray
    best_start: IntArray
    best_mode: IntArray
    random: NDArray[np.uint64]


@kernel
def anneal(shop, plan, search, steps):
    """Try at most ``steps`` moves, fewer if the cycle ends; the plan must be timed.

    Returns whether the cycle goes on. Cost per move O(critical path + tasks that change + window of the order).
    """
    control = search.control
    for _ in range(steps):
        if control[STEP] >= control[LENGTH]:
            return False
        control[STEP] += 1
        task, mode, left, right = propose(shop, plan, search.random)
        if task < 0:
            continue
        control[PROPOSED] += 1
        if not insert(shop, plan, task, mode, left, right):
            continue
        low, count = mark_moved(shop, plan)
        accepted = False
        if propagate(shop, plan, low, count):
            update_goals(shop, plan)
            accepted = accept(plan, search)
            if not accepted:
                take_goals_back(shop, plan)
        if not accepted:
            take_back(shop, plan)
            continue
        if precedes(plan.value, search.best_value):
            control[IMPROVED] += 1
            search.best_value[:] = plan.value
            search.best_start[:] = plan.start
            search.best_mode[:] = plan.mode
    return control[STEP] < control[LENGTH]


@inlined
def precedes(value, other):
    """Whether a list of objectives is better than another one."""
    for c in range(value.size):
        if value[c] != other[c]:
            return value[c] < other[c]
    return False


@inlined
def accept(plan, search):
    """Decide by the first objective that differs: better always, worse by d with probability exp(-d / temperature)."""
    for c in range(plan.value.size):
        worse = plan.value[c] - plan.old_value[c]
        if worse < 0:
            return True
        if worse > 0:
            if search.control[HOT]:
                return worse <= tolerance(search, c)
            search.worse_log[c] += log2(worse)
            search.worse_count[c] += 1
            return False
    return True


@inlined
def tolerance(search, c):
    """Exponentially distributed around the present temperature of objective ``c``."""
    control = search.control
    # The temperature halves ``HALVINGS`` times in a cycle, in a straight line between.
    halved = (control[STEP] * control[HALVINGS] << FRACTION_BITS) // control[LENGTH]
    level = (2 * ONE - (halved & (ONE - 1))) >> (1 + (halved >> FRACTION_BITS))
    drawn = (((FRACTION_BITS << FRACTION_BITS) - log2(below(search.random, ONE) + 1)) << FRACTION_BITS) // LOG2_E
    factor = (level * drawn) >> FRACTION_BITS
    return ((search.heat[c] * factor) >> (FRACTION_BITS + HEAT_BITS)) << search.heat_shift[c]


@inlined
def propose(shop, plan, random):
    """A move on the critical path of a goal that hurts: task, mode and its neighbours to be; task -1 for none."""
    goal = pick_goal(shop, plan, random)
    if goal < 0:
        return -1, 0, -1, -1
    task = -1
    for m in range(shop.member_ptr[goal], shop.member_ptr[goal + 1]):
        if plan.end[shop.member[m]] == plan.finish[goal]:
            task = shop.member[m]
            break
    if task < 0:
        return -1, 0, -1, -1
    num_arcs, num_choices = 0, 0
    chosen, flexible = -1, -1
    while task >= 0:
        if shop.fixed_start.size > 0 and shop.fixed_start[task] >= 0:
            break
        mode = plan.mode[task]
        if shop.mode_ptr[task + 1] - shop.mode_ptr[task] > 1:
            num_choices += 1
            if below(random, num_choices) == 0:
                flexible = task
        on_machine = ready_on_machine(shop, plan, task, mode)
        by_precedence = ready_by_precedence(shop, plan, task, mode)
        onward = -1
        if on_machine >= by_precedence and shop.line[mode] >= 0 and plan.before[task] >= 0:
            num_arcs += 1
            if below(random, num_arcs) == 0:
                chosen = task
            onward = plan.before[task]
        if by_precedence >= on_machine and (onward < 0 or below(random, 2) == 0):
            for i in range(shop.pred_ptr[task], shop.pred_ptr[task + 1]):
                pred = shop.pred[i]
                time = plan.end[pred]
                if shop.pred_moves[i]:
                    time += transport_time(shop, plan, plan.mode[pred], mode)
                if time == by_precedence:
                    onward = pred
                    break
        task = onward
    if flexible >= 0 and (chosen < 0 or below(random, 2) == 0):
        return reassign(shop, plan, random, flexible)
    if chosen < 0:
        return -1, 0, -1, -1
    return jump(shop, plan, random, chosen)


@inlined
def pick_goal(shop, plan, random):
    """A goal that adds to an objective, more often to an earlier one in the list; -1 if nothing does."""
    found = -1
    goals = plan.finish.size
    for c in range(shop.terms.size):
        kind = shop.terms[c]
        at = below(random, goals) if goals > 0 else 0
        for _ in range(goals):
            part = share(shop, kind, at, plan.finish[at])
            if part == plan.value[c] if is_maximum(kind) else part > 0:
                found = at
                break
            at += 1
            if at == goals:
                at = 0
        if found >= 0 and below(random, 4) > 0:
            break
    return found


@inlined
def jump(shop, plan, random, task):
    """``task`` goes before a task of its critical block, or that one behind it; mostly its neighbour."""
    other = plan.before[task]
    while plan.before[other] >= 0 and below(random, 3) == 0:
        mode = plan.mode[other]
        if ready_on_machine(shop, plan, other, mode) < ready_by_precedence(shop, plan, other, mode):
            break
        other = plan.before[other]
    if (shop.fixed_start.size > 0 and shop.fixed_start[other] >= 0) or below(random, 2) == 0:
        return task, plan.mode[task], plan.before[other], other
    return other, plan.mode[other], task, plan.after[task]


@inlined
def reassign(shop, plan, random, task):
    """``task`` gets another mode, about where it would be ready on that machine."""
    modes = shop.mode_ptr[task + 1] - shop.mode_ptr[task]
    mode = shop.mode_ptr[task] + below(random, modes - 1)
    if mode >= plan.mode[task]:
        mode += 1
    k = shop.line[mode]
    if k < 0:
        return task, mode, -1, -1
    ready = ready_by_precedence(shop, plan, task, mode)
    left, right = -1, plan.first[k]
    while right >= 0 and (right == task or plan.end[right] <= ready):
        if right != task:
            left = right
        right = plan.after[right]
    drawn = below(random, 4)
    if drawn == 0 and right >= 0:
        left, right = right, plan.after[right]
    elif drawn == 1 and left >= 0:
        left, right = plan.before[left], left
    if left == task:
        left = plan.before[task]
    if right == task:
        right = plan.after[task]
    return task, mode, left, right
