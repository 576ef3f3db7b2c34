"""The objectives of a plan, kept up to date: sums by difference, maxima by looking again where the largest one fell.

A goal is a job or task with dates. The kinds of terms are the positions in ``instance.OBJECTIVES`` and DEADLINES, the
sum of what goals end beyond their deadlines, which a feasible schedule has at 0.
"""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import inlined, kernel
from makespan.solvers.kernels.general_shop import GOAL_TRAIL, TRAIL, propagate
from makespan.solvers.kernels.tournament import NEVER

MAKESPAN, TOTAL_TARDINESS, WEIGHTED_TARDINESS, MAX_LATENESS, FLOW_TIME, DEADLINES = range(6)


@inlined
def share(shop, kind, goal, finish):
    """What a goal finished at ``finish`` adds to a sum, or proposes for a maximum."""
    if kind == MAKESPAN:
        return finish
    if kind == FLOW_TIME:
        return finish * shop.flows[goal]
    if kind == MAX_LATENESS:
        return finish - shop.due[goal]
    if kind == DEADLINES:
        return max(0, finish - shop.deadline[goal])
    late = max(0, finish - shop.due[goal])
    return late * shop.weight[goal] if kind == WEIGHTED_TARDINESS else late


@inlined
def is_maximum(kind):
    return kind in (MAKESPAN, MAX_LATENESS)


@inlined
def update_goals(shop, plan):
    """Bring ``finish`` and ``value`` up to date after the tasks on the trail changed. O(members of their goals), and
    O(goals) where the largest of a maximum fell."""
    note = plan.note
    note[GOAL_TRAIL] = 0
    for c in range(shop.terms.size):
        plan.old_value[c] = plan.value[c]
    for i in range(note[TRAIL]):
        task = plan.trail[i]
        for j in range(shop.goal_ptr[task], shop.goal_ptr[task + 1]):
            goal = shop.goal[j]
            if plan.goal_stale[goal]:
                continue
            finish = last_end(shop, plan, goal)
            if finish != plan.finish[goal]:
                plan.goal_stale[goal] = 1
                plan.goal_trail[note[GOAL_TRAIL]] = goal
                plan.goal_finish[note[GOAL_TRAIL]] = plan.finish[goal]
                note[GOAL_TRAIL] += 1
                plan.finish[goal] = finish
    for c in range(shop.terms.size):
        kind = shop.terms[c]
        if is_maximum(kind):
            largest, fell = -NEVER, False
            for i in range(note[GOAL_TRAIL]):
                goal = plan.goal_trail[i]
                largest = max(largest, share(shop, kind, goal, plan.finish[goal]))
                fell |= share(shop, kind, goal, plan.goal_finish[i]) == plan.value[c]
            if largest >= plan.value[c]:
                plan.value[c] = largest
            elif fell:
                plan.value[c] = total_share(shop, plan, kind)
        else:
            for i in range(note[GOAL_TRAIL]):
                goal = plan.goal_trail[i]
                plan.value[c] += share(shop, kind, goal, plan.finish[goal])
                plan.value[c] -= share(shop, kind, goal, plan.goal_finish[i])
    for i in range(note[GOAL_TRAIL]):
        plan.goal_stale[plan.goal_trail[i]] = 0


@inlined
def last_end(shop, plan, goal):
    """When the last member of a goal ends; 0 without members."""
    finish = 0
    for m in range(shop.member_ptr[goal], shop.member_ptr[goal + 1]):
        finish = max(finish, plan.end[shop.member[m]])
    return finish


@inlined
def total_share(shop, plan, kind):
    """The sum or maximum over all goals. O(goals)."""
    total = -NEVER if is_maximum(kind) else np.int64(0)
    for goal in range(plan.finish.size):
        part = share(shop, kind, goal, plan.finish[goal])
        total = max(total, part) if is_maximum(kind) else total + part
    return total


@inlined
def take_goals_back(shop, plan):
    """Undo the last ``update_goals``."""
    for i in range(plan.note[GOAL_TRAIL]):
        plan.finish[plan.goal_trail[i]] = plan.goal_finish[i]
    for c in range(shop.terms.size):
        plan.value[c] = plan.old_value[c]


@kernel
def time_plan(shop, plan):
    """Compute times, goals and objectives of a plan whose modes, neighbours and order are set.

    Returns whether every task can run; if not, nothing of them has a meaning. O(tasks + arcs).
    """
    n = plan.mode.size
    for i in range(n):
        plan.start[i] = plan.end[i] = -1
        plan.stale[i] = 1
    if not propagate(shop, plan, 0, n):
        return False
    for goal in range(plan.finish.size):
        plan.goal_stale[goal] = 0
        plan.finish[goal] = last_end(shop, plan, goal)
    for c in range(shop.terms.size):
        plan.value[c] = total_share(shop, plan, shop.terms[c])
    return True
