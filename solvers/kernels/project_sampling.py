"""Many schedules of one choice of modes in one call, each justified if wanted; stops and goes on at any step."""

from __future__ import annotations

from makespan.solvers.kernels import kernel
from makespan.solvers.kernels.justification import key_by_end
from makespan.solvers.kernels.parallel_sgs import parallel_slice
from makespan.solvers.kernels.project_state import BROKEN, MAKESPAN, POSITION
from makespan.solvers.kernels.serial_sgs import BEST, begin, serial_slice

PHASE, BEGUN, LEFT = range(3)
"""Entries of ``control``: the pass under construction, whether it has begun, and how many schedules are still due."""

BUILD, RIGHT, EARLY = range(3)
"""Passes: a schedule by priorities, its right justification, its left justification."""


@kernel
def sample_slice(ahead, back, state, control, parallel, pick, key, worst_case, justify, order, rng, cutoff, steps):
    """Build schedules until ``steps`` tasks are placed, none is left, or one beats ``cutoff``; returns whether one did.

    That one lies in ``state.activity``, breaks nothing and has a makespan below ``cutoff``. ``control`` starts as
    [BUILD, 0, number of schedules]; a justification is two schedules more and is left out when fewer than two remain.
    ``order`` (num_tasks,) is scratch. The result does not depend on where slices end.
    """
    n = state.activity.size
    while steps > 0 and control[LEFT] > 0:
        phase = control[PHASE]
        direction = back if phase == RIGHT else ahead
        if not control[BEGUN]:
            if phase != BUILD:
                key_by_end(state, order)
            begin(direction, state)
            control[BEGUN] = 1
        by, how = (key, pick) if phase == BUILD else (order, BEST)
        if parallel and phase == BUILD:
            placed = parallel_slice(direction, state, how, by, worst_case, rng, steps)
        else:
            placed = serial_slice(direction, state, how, by, rng, steps)
        is_complete = state.progress[POSITION] == n
        is_stuck = placed < steps and not is_complete
        steps -= max(1, placed)
        if not is_complete and not is_stuck:
            continue
        control[LEFT] -= 1
        control[BEGUN] = 0
        goes_on = phase == RIGHT or (phase == BUILD and justify and control[LEFT] > 1)
        control[PHASE] = phase + 1 if goes_on and is_complete else BUILD
        if is_complete and phase != RIGHT and state.progress[BROKEN] == 0 and state.progress[MAKESPAN] < cutoff:
            return True
    return False
