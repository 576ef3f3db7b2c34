"""A population of activity lists that evolves: whole generations in one call, which stops and goes on at any schedule.

In *alternating* evolution there are two populations. Side 0 holds left-justified schedules, side 1 right-justified
ones, each as the list from which the other direction of time builds it: tasks by falling end. A generation crosses
lists of one side, decodes the children the other way and puts them into the other side. So every schedule built is a
child and half a justification of its parents at once. Source: Debels and Vanhoucke (2005), LNCS 3483, 378-387.

A right-justified schedule means something only where time can be mirrored: for the makespan without dates. Otherwise
there is one population of lists by rising start; every child is decoded forwards and then justified, three schedules
in all. Source: Valls, Ballestin and Quintanilla (2008), European Journal of Operational Research 185, 495-508.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import IndexArray, IntArray
from makespan.solvers.kernels import kernel, step
from makespan.solvers.kernels.activity_events import schedule_on_events
from makespan.solvers.kernels.activity_grid import schedule_on_grid
from makespan.solvers.kernels.activity_list import (
    ENTRY,
    PER_TEN_THOUSAND,
    SLOT,
    busiest_positions,
    cross_lists,
    draw_list,
    mark_of,
    pull_predecessors,
    shuffle_stretch,
    sort_list,
    swap_neighbours,
)
from makespan.solvers.kernels.mode_assignment import draw_mode, draw_modes, repair_modes, sum_up
from makespan.solvers.kernels.objectives import evaluate, is_less, latest_ends, note_ends
from makespan.solvers.kernels.random import below

SIZE, FILLED, SIDE, TURN, ROW, PHASE, BUILT, STALL, FOUND, ALTERNATES, ON_GRID, ADOPT = range(12)
"""Entries of ``control``: rows in use, rows made since the last restart, side and row whose turn it is to be a parent,
the row that a new list fills, the pass under construction, schedules built, children since the best one of this
restart, whether ``best`` was improved, whether the populations alternate, whether schedules are built on the grid,
and whether ``child.guest`` is to join."""

FIRST, MIRRORED, CROSSED, RIGHT, LEFT = range(5)
"""Passes: a row from a new list, its counterpart on side 1, a child, its right and its left justification."""

SWAP, SHUFFLE, MODE, CHOICE, LEAST_SHARE, MOST_SHARE, PATIENCE, GROWTH = range(8)
"""Entries of ``setting``: chances per 10,000 that neighbours in a list swap, that a child is a shuffled parent, that a
mode changes and that a schedule chooses its modes anew; the crossover's stretch in per cent of the time; children per
row without improvement before a restart, and by how many per cent the population then grows."""

LEAST_STRETCH, STRETCHES = 3, 5
"""A shuffled stretch has as many tasks as the first number, and up to the second part of all tasks more."""

REPAIRS_OF_DRAWN, REPAIRS_OF_CHILD = 20, 5
"""Changes tried, per task, to make modes fit the nonrenewable resources: those drawn at random, those of a child."""

WORST = 2**62
"""Above every value."""


class Population(NamedTuple):
    """``row`` (2, rows, num_tasks) of ENTRY: lists and the starts by which they are sorted, in mirrored time where the
    list is one of mirrored time. ``value`` (2, rows, 1 + objectives): broken constraints and overdraft, objectives.
    ``mark`` (2, rows): see ``mark_of``."""

    row: NDArray
    value: IntArray
    mark: NDArray[np.uint64]


class Child(NamedTuple):
    """One schedule in the making: ``list`` (num_tasks,) of SLOT, modes as indices into durations, its values; scratch.
    ``guest`` (num_tasks,) of ENTRY is a list with modes from elsewhere, its times are not read."""

    list: NDArray
    mode: IndexArray
    value: IntArray
    spent: IntArray
    bucket: IntArray
    eligible: IndexArray
    guest: NDArray


class Best(NamedTuple):
    """The best schedule so far, in forward time; ``value`` (2, 1 + objectives): its own, and the best since the last
    restart."""

    start: IntArray
    mode: IndexArray
    value: IntArray


def new_population(rows: int, num_tasks: int, num_values: int) -> Population:
    """Memory of a population, 32 bytes per task and row."""
    row, value = np.zeros((2, rows, num_tasks), ENTRY), np.zeros((2, rows, num_values), np.int64)
    return Population(row, value, np.zeros((2, rows), np.uint64))


def new_child(num_tasks: int, num_values: int, num_resources: int) -> Child:
    """Memory of one schedule in the making."""
    n = num_tasks
    mode, eligible = np.zeros(n, np.int32), np.zeros(n, np.int32)
    value, spent, bucket = (np.zeros(size, np.int64) for size in (num_values, num_resources, 4 * n + 2))
    return Child(np.zeros(n, SLOT), mode, value, spent, bucket, eligible, np.zeros(n, ENTRY))


def new_best(num_tasks: int, num_values: int) -> Best:
    """No schedule yet."""
    return Best(np.zeros(num_tasks, np.int64), np.zeros(num_tasks, np.int32), np.full((2, num_values), WORST))


@kernel
def evolve_slice(
    arcs, grid, events, modes, kinds, item, population, child, best, setting, control, key, rng, schedules
):
    """Build schedules until ``control[BUILT]`` reaches ``schedules``.

    ``kinds`` and ``item`` are those of ``objectives``; ``key`` (num_tasks,) the priorities of lists drawn at a restart.
    Where a slice ends has no influence on the result. O(schedules x the cost of one).
    """
    link, arc, duration = arcs.link, arcs.arc, modes.duration
    row, value = population.row, population.value
    n = child.mode.size
    is_multi_mode = duration.size > n
    while control[BUILT] < schedules:
        # A list and its modes, unless this pass goes on with those of the last one.
        if control[PHASE] == FIRST and control[FILLED] == control[SIZE] and not control[ADOPT]:
            control[PHASE] = CROSSED
        phase = control[PHASE]
        if phase == FIRST and control[ADOPT]:
            for task in range(n):
                child.list[task].task = child.guest[task].task
                child.mode[task] = child.guest[task].mode
        elif phase == FIRST:
            draw_list(link, arc, key, rng, child.eligible, child.list)
            for task in range(n):
                child.mode[task] = modes.ptr[task]
            if is_multi_mode:
                draw_modes(
                    modes.ptr, modes.usable, duration, modes.spend_ptr, modes.spend_resource, modes.spend_amount,
                    modes.capacity, child.mode, child.spent, rng, REPAIRS_OF_DRAWN * n,
                )  # fmt: skip
        side = control[SIDE]
        slot = control[TURN]
        shuffles = False
        if phase == CROSSED:
            father, mother = _parents(value[side], slot, control[SIZE], rng)
            shuffles = below(rng, PER_TEN_THOUSAND) < setting[SHUFFLE]
            if shuffles:
                first, until = 0, n
            else:
                share = setting[LEAST_SHARE] + below(rng, setting[MOST_SHARE] - setting[LEAST_SHARE] + 1)
                first, until = busiest_positions(row[side, father], duration, arcs.load, share, child.bucket)
            cross_lists(row[side, father], row[side, mother], first, until, child.list)
            for task in range(n):
                parent = father if child.list[task].listed == 2 else mother
                child.mode[task] = row[side, parent, task].mode
        backwards = 0
        if phase in (MIRRORED, RIGHT) or (phase == CROSSED and control[ALTERNATES] and side == 0):
            backwards = 1
        if phase == CROSSED:
            if shuffles:
                length = min(n, LEAST_STRETCH + below(rng, 1 + n // STRETCHES))
                first = below(rng, n - length + 1)
                shuffle_stretch(link, arc, backwards, first, first + length, rng, child.list)
            else:
                swap_neighbours(link, arc, backwards, setting[SWAP], rng, child.list)
            if is_multi_mode:
                for task in range(n):
                    if below(rng, PER_TEN_THOUSAND) < setting[MODE]:
                        child.mode[task] = draw_mode(modes.ptr, modes.usable, duration, task, rng, False)
                repair_modes(
                    modes.ptr, modes.usable, duration, modes.spend_ptr, modes.spend_resource, modes.spend_amount,
                    modes.capacity, child.mode, child.spent, rng, REPAIRS_OF_CHILD * n,
                )  # fmt: skip
        # The schedule.
        if phase != RIGHT:
            for task in range(n):
                child.list[task].release = link[backwards * n + task].release
        overdraft = 0
        if modes.spend_resource.size > 0:
            overdraft = sum_up(
                modes.spend_ptr, modes.spend_resource, modes.spend_amount, modes.capacity, child.mode, child.spent
            )
        broken = 0
        if control[ON_GRID]:
            chooses = is_multi_mode and phase != RIGHT and below(rng, PER_TEN_THOUSAND) < setting[CHOICE]
            last = schedule_on_grid(grid, link, arc, backwards, modes, chooses, child.mode, child.spent, child.list)
            if chooses and modes.spend_resource.size > 0:
                overdraft = sum_up(
                    modes.spend_ptr, modes.spend_resource, modes.spend_amount, modes.capacity, child.mode, child.spent
                )
        else:
            last, broken = schedule_on_events(events, backwards, duration, child.mode, child.list)
        control[BUILT] += 1
        note_ends(item, child.list, child.mode, duration)
        if phase != RIGHT:
            if backwards:
                child.value[0], child.value[1] = 0, last
            else:
                evaluate(kinds, item, last, child.value)
            child.value[0] += overdraft + broken
            if is_less(child.value, best.value[1]):
                control[STALL] = 0
                for i in range(child.value.size):
                    best.value[1, i] = child.value[i]
            if is_less(child.value, best.value[0]):
                control[FOUND] = 1
                for i in range(child.value.size):
                    best.value[0, i] = child.value[i]
                for task in range(n):
                    start = child.list[task].start
                    best.start[task] = last - start - duration[child.mode[task]] if backwards else start
                    best.mode[task] = child.mode[task]
        # The list for what comes next: alternating, the list of the other direction; else by rising start.
        turns = control[ALTERNATES] or phase == RIGHT
        _arrange(control, link, arc, child, turns, backwards, last, item)
        # Where it belongs, and the next pass.
        if phase == RIGHT:
            control[PHASE] = LEFT
            continue
        target = side
        if phase in (FIRST, MIRRORED):
            if phase == FIRST:
                full = control[FILLED] == control[SIZE]
                control[ROW] = below(rng, control[SIZE]) if full else control[FILLED]
                control[FILLED] += 0 if full else 1
                control[ADOPT] = 0
            target, slot = (1 if phase == MIRRORED else 0), control[ROW]
            _keep(row[target, slot], value[target, slot], child)
            population.mark[target, slot] = mark_of(child.list, child.mode)
            control[PHASE] = MIRRORED if phase == FIRST and control[ALTERNATES] else FIRST
            continue
        if control[ALTERNATES]:
            target = 1 - side
        mark = mark_of(child.list, child.mode)
        spared = _is_among(mark, population.mark[target], control[SIZE]) or (
            is_less(value[target, slot], child.value)
            and (phase == LEFT or _is_best(value[target], slot, control[SIZE]))
        )
        if not spared:
            _keep(row[target, slot], value[target, slot], child)
            population.mark[target, slot] = mark
        if phase == CROSSED and not control[ALTERNATES]:
            latest_ends(kinds, item, last, child.list)
            for task in range(n):
                child.list[task].release = last - child.list[task].release
            _arrange(control, link, arc, child, True, 0, last, item)
            control[PHASE] = RIGHT
            continue
        control[PHASE] = FIRST
        control[STALL] += 1
        control[TURN] += 1
        if control[TURN] == control[SIZE]:
            control[TURN], control[SIDE] = 0, target
        if control[STALL] > setting[PATIENCE] * control[SIZE]:
            grown = control[SIZE] + control[SIZE] * setting[GROWTH] // 100
            control[SIZE] = min(grown, row.shape[1])
            control[FILLED], control[TURN], control[SIDE], control[STALL] = 0, 0, 0, 0
            for i in range(child.value.size):
                best.value[1, i] = WORST


@step
def _parents(value, slot, size, rng):
    """The row whose turn it is and the better of two others drawn at random, either as father."""
    partner, other = below(rng, size), below(rng, size)
    if is_less(value[other], value[partner]):
        partner = other
    if partner == slot:
        partner = slot + 1 if slot + 1 < size else 0
    if below(rng, 2):
        return partner, slot
    return slot, partner


@step
def _arrange(control, link, arc, child, turns, side, last, item):
    """Sort the list of a schedule built in direction ``side`` by rising start, or turn it into one of the other
    direction, by falling end. ``time`` are then the starts in the direction of the list."""
    for task in range(child.mode.size):
        child.list[task].time = last - item[task].end if turns else child.list[task].start
    sort_list(child.list, turns, last, child.bucket)
    if not control[ON_GRID]:
        pull_predecessors(link, arc, 1 - side if turns else side, child.eligible, child.list)


@step
def _keep(row, value, child):
    """Copy the child into a row."""
    for i in range(child.mode.size):
        row[i].task = child.list[i].task
        row[i].mode = child.mode[i]
        row[i].time = child.list[i].time
    for i in range(value.size):
        value[i] = child.value[i]


@step
def _is_among(mark, marks, size):
    """Whether one of the first rows has this mark."""
    is_among = False
    for other in range(size):
        is_among = is_among or marks[other] == mark
    return is_among


@step
def _is_best(value, slot, size):
    """Whether no row has a smaller value."""
    is_best = True
    for other in range(size):
        is_best = is_best and not is_less(value[other], value[slot])
    return is_best
