"""Closed circles of jobs in a blocking shop: each is done on its machine and waits for the machine of the next one.

A machine holds at most one job and a job waits for one machine, so that a machine lies on at most one circle.
"""

from __future__ import annotations

from makespan.solvers.kernels import inlined, step
from makespan.solvers.kernels.dynamic_layout import END, HOLDER, MARK, NUM_MACHINES, REPAIRED, machine_at, wanted
from makespan.solvers.kernels.tournament import NEVER


@inlined
def waits_for(state, k):
    """The machine that the blocked job on machine ``k`` waits for, -1 if there is none."""
    machine = machine_at(state, k)
    j = state[machine + HOLDER]
    return wanted(state, j) if j >= 0 and state[machine + END] == NEVER else -1


@step
def find_circle(state, swap, only_up):
    """A machine of a closed circle of blocked jobs that may move, -1 if there is none. O(machines).

    A job that waits for its own machine is a circle, which needs no swap.
    """
    for k in range(state[NUM_MACHINES]):
        state[machine_at(state, k) + MARK] = 0
    for k in range(state[NUM_MACHINES]):
        at = k
        while at >= 0 and state[machine_at(state, at) + MARK] == 0:
            state[machine_at(state, at) + MARK] = k + 1
            at = waits_for(state, at)
        if at < 0 or state[machine_at(state, at) + MARK] <= k:
            continue
        on, up = at, state[machine_at(state, at) + REPAIRED] == NEVER
        while waits_for(state, on) != at:
            on = waits_for(state, on)
            up = up and state[machine_at(state, on) + REPAIRED] == NEVER
        if (swap != 0 or on == at) and (up or not only_up):
            return at
    return -1
