"""A plan of a shop of unary machines that changes by moves: an order on every machine, the times that follow from it.

Tasks start as early as their release, predecessors, machine and calendar allow (semi-active). ``Plan.order`` is a
topological order of tasks: predecessors of a task, by precedence or on its machine, stand before it. A move takes one
task out of its machine and puts it between two others; ``insert`` repairs the order inside the window that the move
touches or finds that it closes a circle, ``propagate`` recomputes only what changes, and ``take_back`` undoes all.

A task in a mode without a machine or of duration 0 stands on no machine (``Shop.line`` is -1).
"""

from __future__ import annotations

from typing import NamedTuple

from makespan.instances.instance import IntArray
from makespan.solvers.kernels import inlined
from makespan.solvers.kernels.machine_calendar import run_unbroken, run_with_pauses
from makespan.solvers.kernels.tournament import NEVER


class Shop(NamedTuple):
    """What does not change; int64, read-only, fields not in use have size 0.

    Parameters
    ----------
    mode_ptr
        Shape (num_tasks + 1,): modes of task i are ``mode_ptr[i]`` to ``mode_ptr[i + 1] - 1``.
    line, machine, duration, family
        Shape (num_modes,): the machine it occupies or -1, the machine it is at (for transport) or -1, processing time,
        setup family or -1.
    release
        Shape (num_tasks,): earliest start; 0 for a fixed task.
    pred_ptr, pred, pred_moves
        CSR over tasks: the predecessors, and 1 where transport times count.
    succ_ptr, succ
        CSR over tasks: the successors.
    transport, setup_time
        Square matrices, row by row.
    first_family, num_families
        Shape (num_machines,): -1 for none; the side of ``setup_time``.
    window_ptr, window_begin, window_end, period, always_open, pausable
        As in ``ShopView``; ``pausable`` per task.
    fixed_start, fixed_end
        Shape (num_tasks,): -1 where free.
    goal_ptr, goal
        CSR over tasks: the goals a task is a member of. A goal is a task or job with dates; it is finished when its
        last member ends.
    member_ptr, member
        CSR over goals: the tasks of which one ends last.
    due, weight, deadline, flows
        Shape (num_goals,): HORIZON_LIMIT for no date; 1 if its end counts as flow time.
    terms
        The kinds of the objectives, most important first; see ``kernels.goals``.
    """

    mode_ptr: IntArray
    line: IntArray
    machine: IntArray
    duration: IntArray
    family: IntArray
    release: IntArray
    pred_ptr: IntArray
    pred: IntArray
    pred_moves: IntArray
    succ_ptr: IntArray
    succ: IntArray
    transport: IntArray
    setup_time: IntArray
    first_family: IntArray
    num_families: int
    window_ptr: IntArray
    window_begin: IntArray
    window_end: IntArray
    period: IntArray
    always_open: IntArray
    pausable: IntArray
    fixed_start: IntArray
    fixed_end: IntArray
    goal_ptr: IntArray
    goal: IntArray
    member_ptr: IntArray
    member: IntArray
    due: IntArray
    weight: IntArray
    deadline: IntArray
    flows: IntArray
    terms: IntArray


class Plan(NamedTuple):
    """What a move changes, and the trail to take it back; int64, writable.

    Parameters
    ----------
    mode
        Shape (num_tasks,): chosen modes.
    before, after
        Shape (num_tasks,): neighbours on the machine, -1 for none.
    first
        Shape (num_machines,): the first task on each machine, -1 for none.
    order, place
        Shape (num_tasks,): a topological order, and the place of each task in it.
    start, end
        Shape (num_tasks,).
    finish
        Shape (num_goals,): when each goal is finished.
    value
        Shape (num_terms,): the objectives.
    stale
        Shape (num_tasks,): 1 while a task waits to be recomputed, and scratch; 0 between moves.
    trail, trail_start, trail_end
        Shape (num_tasks,): tasks whose times the last move changed, and what they were.
    goal_trail, goal_finish, goal_stale
        Shape (num_goals,): the same for goals.
    old_value
        Shape (num_terms,).
    old_order
        Shape (num_tasks,): the window of ``order`` that the last move changed.
    note
        Shape (NOTES,): see the places below.
    """

    mode: IntArray
    before: IntArray
    after: IntArray
    first: IntArray
    order: IntArray
    place: IntArray
    start: IntArray
    end: IntArray
    finish: IntArray
    value: IntArray
    stale: IntArray
    trail: IntArray
    trail_start: IntArray
    trail_end: IntArray
    goal_trail: IntArray
    goal_finish: IntArray
    goal_stale: IntArray
    old_value: IntArray
    old_order: IntArray
    note: IntArray


# Places in ``Plan.note``: lengths of the trails, the window of the order that changed, and what the moved task had.
TRAIL, GOAL_TRAIL, WINDOW_LOW, WINDOW_HIGH, MOVED, OLD_MODE, OLD_BEFORE, OLD_AFTER, NOTES = range(9)


@inlined
def transport_time(shop, plan, origin, target):
    """Travel between the machines of two modes."""
    if shop.transport.size == 0 or shop.machine[origin] < 0 or shop.machine[target] < 0:
        return 0
    return shop.transport[shop.machine[origin] * plan.first.size + shop.machine[target]]


@inlined
def setup_between(shop, family, mode):
    """Setup from a family (-1: none) to the family of a mode on the same machine."""
    if shop.setup_time.size == 0 or family < 0 or shop.family[mode] < 0:
        return 0
    return shop.setup_time[family * shop.num_families + shop.family[mode]]


@inlined
def ready_by_precedence(shop, plan, task, mode):
    """When release and predecessors allow ``task`` to start in ``mode``."""
    ready = shop.release[task]
    for i in range(shop.pred_ptr[task], shop.pred_ptr[task + 1]):
        pred = shop.pred[i]
        time = plan.end[pred]
        if shop.pred_moves[i]:
            time += transport_time(shop, plan, plan.mode[pred], mode)
        ready = max(ready, time)
    return ready


@inlined
def ready_on_machine(shop, plan, task, mode):
    """When the task before it, or the first setup, leaves the machine to ``task``; 0 on no machine."""
    if shop.line[mode] < 0:
        return 0
    neighbour = plan.before[task]
    if neighbour < 0:
        if shop.setup_time.size == 0:
            return 0
        return setup_between(shop, shop.first_family[shop.line[mode]], mode)
    if shop.setup_time.size == 0:
        return plan.end[neighbour]
    return plan.end[neighbour] + setup_between(shop, shop.family[plan.mode[neighbour]], mode)


@inlined
def run_from(shop, task, mode, ready):
    """Start and end of a task that is ready at ``ready``; NEVER if its calendar or its fixed start forbids it."""
    if shop.fixed_start.size > 0 and shop.fixed_start[task] >= 0:
        if ready > shop.fixed_start[task]:
            return NEVER, NEVER
        return shop.fixed_start[task], shop.fixed_end[task]
    k = shop.line[mode]
    if k < 0 or shop.always_open.size == 0 or shop.always_open[k]:
        return ready, ready + shop.duration[mode]
    low, high = shop.window_ptr[k], shop.window_ptr[k + 1]
    if low == high:
        return NEVER, NEVER
    begin, end = shop.window_begin[low:high], shop.window_end[low:high]
    if shop.pausable.size > 0 and shop.pausable[task]:
        return run_with_pauses(begin, end, shop.period[k], ready, shop.duration[mode])
    return run_unbroken(begin, end, shop.period[k], ready, shop.duration[mode])


@inlined
def unlink(shop, plan, task):
    """Take ``task`` from its machine; its own ``before`` and ``after`` stay."""
    if shop.line[plan.mode[task]] >= 0:
        left, right = plan.before[task], plan.after[task]
        if left >= 0:
            plan.after[left] = right
        else:
            plan.first[shop.line[plan.mode[task]]] = right
        if right >= 0:
            plan.before[right] = left


@inlined
def link(shop, plan, task, mode, left, right):
    """Put ``task`` in ``mode`` between two neighbours on the machine of that mode, -1 for none."""
    plan.mode[task] = mode
    plan.before[task], plan.after[task] = left, right
    if shop.line[mode] >= 0:
        if left >= 0:
            plan.after[left] = task
        else:
            plan.first[shop.line[mode]] = task
        if right >= 0:
            plan.before[right] = task


@inlined
def insert(shop, plan, task, mode, left, right):
    """Move ``task`` to ``mode`` between ``left`` and ``right``, neighbours on that machine once ``task`` is away.

    Returns whether the result has no circle; if it has one, nothing has changed. Else the order is topological again,
    and times are those from before: call ``propagate``. O(window of the order x arcs of a task).
    """
    note, order, place, stale = plan.note, plan.order, plan.place, plan.stale
    note[MOVED], note[OLD_MODE] = task, plan.mode[task]
    note[OLD_BEFORE], note[OLD_AFTER] = plan.before[task], plan.after[task]
    note[WINDOW_LOW], note[WINDOW_HIGH] = 0, -1
    unlink(shop, plan, task)
    link(shop, plan, task, mode, left, right)
    here = place[task]
    if left >= 0 and place[left] > here:
        # What depends on the task and stands before ``left`` moves behind it, together with the task.
        low, high = here, place[left]
        stale[task] = 1
        for p in range(low + 1, high + 1):
            x = order[p]
            reached = plan.before[x] >= 0 and stale[plan.before[x]] == 1
            for i in range(shop.pred_ptr[x], shop.pred_ptr[x + 1]):
                if stale[shop.pred[i]] == 1:
                    reached = True
            stale[x] = 1 if reached else 0
        circle = stale[left] == 1
        if not circle:
            filled, moved = low, 0
            for p in range(low, high + 1):
                x = order[p]
                plan.old_order[p] = x
                if stale[x] == 1:
                    plan.trail[moved] = x
                    moved += 1
                else:
                    order[filled] = x
                    place[x] = filled
                    filled += 1
            for i in range(moved):
                x = plan.trail[i]
                order[filled + i] = x
                place[x] = filled + i
                stale[x] = 0
            note[WINDOW_LOW], note[WINDOW_HIGH] = low, high
            return True
        for p in range(low, high + 1):
            stale[order[p]] = 0
    elif right >= 0 and place[right] < here:
        low, high = place[right], here
        stale[task] = 1
        for p in range(high - 1, low - 1, -1):
            x = order[p]
            reached = plan.after[x] >= 0 and stale[plan.after[x]] == 1
            for i in range(shop.succ_ptr[x], shop.succ_ptr[x + 1]):
                if stale[shop.succ[i]] == 1:
                    reached = True
            stale[x] = 1 if reached else 0
        circle = stale[right] == 1
        if not circle:
            filled, moved = high, 0
            for p in range(high, low - 1, -1):
                x = order[p]
                plan.old_order[p] = x
                if stale[x] == 1:
                    plan.trail[moved] = x
                    moved += 1
                else:
                    order[filled] = x
                    place[x] = filled
                    filled -= 1
            for i in range(moved):
                x = plan.trail[i]
                order[filled - i] = x
                place[x] = filled - i
                stale[x] = 0
            note[WINDOW_LOW], note[WINDOW_HIGH] = low, high
            return True
        for p in range(low, high + 1):
            stale[order[p]] = 0
    else:
        return True
    unlink(shop, plan, task)
    link(shop, plan, task, note[OLD_MODE], note[OLD_BEFORE], note[OLD_AFTER])
    return False


@inlined
def mark_moved(shop, plan):
    """Mark what the move of ``insert`` may change; returns the first place and how many are marked."""
    task = plan.note[MOVED]
    stale = plan.stale
    stale[task] = 1
    count, low = 1, plan.place[task]
    for x in (plan.note[OLD_AFTER], plan.after[task]):
        if x >= 0 and stale[x] == 0:
            stale[x] = 1
            count += 1
            low = min(low, plan.place[x])
    if plan.mode[task] != plan.note[OLD_MODE]:
        # The way to the next machine, and the family before the next task, are others even where the end is the same.
        for i in range(shop.succ_ptr[task], shop.succ_ptr[task + 1]):
            x = shop.succ[i]
            if stale[x] == 0:
                stale[x] = 1
                count += 1
    return low, count


@inlined
def propagate(shop, plan, low, count):
    """Recompute the times of the ``count`` stale tasks, none before place ``low``, and of all that this changes.

    Returns whether every task can run; if one cannot, stop there: the trail holds what has changed so far. O(changed
    tasks x their arcs + places passed over).
    """
    stale, note = plan.stale, plan.note
    note[TRAIL] = 0
    possible = True
    p = low
    while count > 0:
        task = plan.order[p]
        p += 1
        if stale[task] == 0:
            continue
        stale[task] = 0
        count -= 1
        if not possible:
            continue
        mode = plan.mode[task]
        ready = max(ready_by_precedence(shop, plan, task, mode), ready_on_machine(shop, plan, task, mode))
        start, end = run_from(shop, task, mode, ready)
        if start == plan.start[task] and end == plan.end[task]:
            continue
        if end >= NEVER:
            possible = False
            continue
        plan.trail[note[TRAIL]] = task
        plan.trail_start[note[TRAIL]] = plan.start[task]
        plan.trail_end[note[TRAIL]] = plan.end[task]
        note[TRAIL] += 1
        moves_on = end != plan.end[task]
        plan.start[task], plan.end[task] = start, end
        if not moves_on:
            continue
        for i in range(shop.succ_ptr[task], shop.succ_ptr[task + 1]):
            x = shop.succ[i]
            if stale[x] == 0:
                stale[x] = 1
                count += 1
        x = plan.after[task]
        if x >= 0 and stale[x] == 0:
            stale[x] = 1
            count += 1
    return possible


@inlined
def take_back(shop, plan):
    """Undo the last ``insert`` and ``propagate``. O(what they changed)."""
    note = plan.note
    task = note[MOVED]
    unlink(shop, plan, task)
    link(shop, plan, task, note[OLD_MODE], note[OLD_BEFORE], note[OLD_AFTER])
    for p in range(note[WINDOW_LOW], note[WINDOW_HIGH] + 1):
        plan.order[p] = plan.old_order[p]
        plan.place[plan.order[p]] = p
    for i in range(note[TRAIL]):
        x = plan.trail[i]
        plan.start[x], plan.end[x] = plan.trail_start[i], plan.trail_end[i]
