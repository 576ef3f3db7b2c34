"""Double justification: every task as late as possible, then as early as possible.

Source: Li and Willis (1992), European Journal of Operational Research 56, 370-379; Valls, Ballestin and Quintanilla
(2005), European Journal of Operational Research 165, 375-386.
"""

from __future__ import annotations

from makespan.solvers.kernels import kernel, step
from makespan.solvers.kernels.project_state import BROKEN, MAKESPAN
from makespan.solvers.kernels.serial_sgs import BEST, begin, serial_slice


@step
def key_by_end(state, key):
    """Fill ``key`` so that tasks are picked by falling end: the order of the next pass, in mirrored time."""
    for task in range(key.size):
        key[task] = -(state.activity[task].start + state.activity[task].duration)


@kernel
def double_justification(ahead, back, state, key, rng, start, rounds):
    """Improve the schedule ``start`` (num_tasks,) in place; returns its makespan.

    Each round is one pass in mirrored time and one forward, two schedules in the count of the literature; rounds go on
    while the makespan falls, ``rounds`` at most. ``start`` is overwritten only by a schedule that is shorter and breaks
    nothing. With finish-to-start arcs, no calendars and no fixed starts no pass is ever worse; with other fields it
    may be, and its schedule is dropped. ``key`` (num_tasks,) and ``rng`` are scratch.
    """
    best = 0
    for task in range(start.size):
        state.activity[task].start = start[task]
        best = max(best, start[task] + state.activity[task].duration)
    for _ in range(rounds):
        key_by_end(state, key)
        begin(back, state)
        serial_slice(back, state, BEST, key, rng, start.size)
        key_by_end(state, key)
        begin(ahead, state)
        serial_slice(ahead, state, BEST, key, rng, start.size)
        if state.progress[BROKEN] > 0 or state.progress[MAKESPAN] >= best:
            break
        best = state.progress[MAKESPAN]
        for task in range(start.size):
            start[task] = state.activity[task].start
    return best
