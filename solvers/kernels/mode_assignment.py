"""One mode per task so that nonrenewable resources suffice: a first choice, random choices, and their repair."""

from __future__ import annotations

from makespan.solvers.kernels import kernel, step
from makespan.solvers.kernels.random import below


@kernel
def shortest_modes(view, mode, spent):
    """Shortest usable mode of every task, repaired by the greedy rule below; returns whether it is feasible.

    While a nonrenewable resource is overdrawn, the change of one mode is made that lowers the overdraft most (ties:
    the shorter mode, then the lower number). ``mode`` (num_tasks,) receives indices into ``view.duration``; ``spent``
    (num_resources,) what they use. Every task needs a usable mode. O(changes x demands).
    """
    for task in range(mode.size):
        mode[task] = -1
        for m in range(view.mode_ptr[task], view.mode_ptr[task + 1]):
            if view.usable[m] and (mode[task] < 0 or view.duration[m] < view.duration[mode[task]]):
                mode[task] = m
    overdraft = _sum_up(view, mode, spent)
    while overdraft > 0:
        best, best_task, best_mode = overdraft, -1, -1
        for task in range(mode.size):
            for m in range(view.mode_ptr[task], view.mode_ptr[task + 1]):
                if not view.usable[m] or m == mode[task]:
                    continue
                after = overdraft + _change(view, spent, mode[task], m, False)
                is_shorter = best_mode >= 0 and after == best and view.duration[m] < view.duration[best_mode]
                if after < best or is_shorter:
                    best, best_task, best_mode = after, task, m
        if best_task < 0:
            return False
        overdraft += _change(view, spent, mode[best_task], best_mode, True)
        mode[best_task] = best_mode
    return True


@kernel
def draw_modes(view, mode, spent, rng, tries):
    """Draw a mode for every task, shorter ones more often, and repair at random; returns whether it is feasible.

    A mode's weight is the distance of its duration from the longest usable one of the task, plus one. The repair makes
    up to ``tries`` changes of one random task to one random usable mode, each kept unless the overdraft rises.
    O(modes + tries x demands of a mode). Source of the repair: Hartmann (2001), Annals of Operations Research 102,
    111-135.
    """
    for task in range(mode.size):
        mode[task] = _draw_mode(view, task, rng, True)
    overdraft = _sum_up(view, mode, spent)
    for _ in range(tries):
        if overdraft == 0:
            break
        task = below(rng, mode.size)
        m = _draw_mode(view, task, rng, False)
        change = _change(view, spent, mode[task], m, False)
        if change <= 0:
            _change(view, spent, mode[task], m, True)
            overdraft += change
            mode[task] = m
    return overdraft == 0


@step
def _draw_mode(view, task, rng, biased):
    """A usable mode of a task, by duration if ``biased``."""
    low, high = view.mode_ptr[task], view.mode_ptr[task + 1]
    longest, shortest, number = -1, -1, 0
    for m in range(low, high):
        if view.usable[m]:
            longest = max(longest, view.duration[m])
            shortest = view.duration[m] if number == 0 else min(shortest, view.duration[m])
            number += 1
    shift = 0 if biased else 63
    while shift < 63 and number * (((longest - shortest) >> shift) + 1) > 2**31:
        shift += 1
    total = 0
    for m in range(low, high):
        if view.usable[m]:
            total += ((longest - view.duration[m]) >> shift) + 1
    left = below(rng, total)
    for m in range(low, high):
        if view.usable[m]:
            left -= ((longest - view.duration[m]) >> shift) + 1
            if left < 0:
                return m
    return low


@step
def _sum_up(view, mode, spent):
    """Fill ``spent`` and return by how much the capacities are overdrawn in all."""
    spent[:] = 0
    for m in mode:
        for i in range(view.spend_ptr[m], view.spend_ptr[m + 1]):
            spent[view.spend_resource[i]] += view.spend_amount[i]
    overdraft = 0
    for k in range(spent.size):
        overdraft += max(0, spent[k] - view.capacity[k])
    return overdraft


@step
def _change(view, spent, old, new, keep):
    """By how much the overdraft changes with a mode; ``spent`` changes only if ``keep``."""
    change = 0
    for i in range(view.spend_ptr[old], view.spend_ptr[old + 1]):
        k = view.spend_resource[i]
        change -= max(0, spent[k] - view.capacity[k])
        spent[k] -= view.spend_amount[i]
        change += max(0, spent[k] - view.capacity[k])
    for i in range(view.spend_ptr[new], view.spend_ptr[new + 1]):
        k = view.spend_resource[i]
        change -= max(0, spent[k] - view.capacity[k])
        spent[k] += view.spend_amount[i]
        change += max(0, spent[k] - view.capacity[k])
    if not keep:
        for i in range(view.spend_ptr[new], view.spend_ptr[new + 1]):
            spent[view.spend_resource[i]] -= view.spend_amount[i]
        for i in range(view.spend_ptr[old], view.spend_ptr[old + 1]):
            spent[view.spend_resource[i]] += view.spend_amount[i]
    return change
