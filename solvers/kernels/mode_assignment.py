"""One mode per task so that nonrenewable resources suffice: a first choice, random choices, and their repair.

The first seven arguments are fields of ``ProjectView``.
"""

from __future__ import annotations

from makespan.solvers.kernels import kernel, step
from makespan.solvers.kernels.random import below


@kernel
def shortest_modes(mode_ptr, usable, duration, spend_ptr, spend_resource, spend_amount, capacity, mode, spent):
    """Shortest usable mode of every task, repaired by the greedy rule below; returns whether it is feasible.

    While a nonrenewable resource is overdrawn, the change of one mode is made that lowers the overdraft most (ties:
    the shorter mode, then the lower number). ``mode`` (num_tasks,) receives indices into ``duration``; ``spent``
    (num_resources,) what they use. Every task needs a usable mode. O(changes x demands).
    """
    for task in range(mode.size):
        mode[task] = -1
        for m in range(mode_ptr[task], mode_ptr[task + 1]):
            if usable[m] and (mode[task] < 0 or duration[m] < duration[mode[task]]):
                mode[task] = m
    overdraft = sum_up(spend_ptr, spend_resource, spend_amount, capacity, mode, spent)
    while overdraft > 0:
        best, best_task, best_mode = overdraft, -1, -1
        for task in range(mode.size):
            for m in range(mode_ptr[task], mode_ptr[task + 1]):
                if not usable[m] or m == mode[task]:
                    continue
                after = overdraft + change_overdraft(
                    spend_ptr, spend_resource, spend_amount, capacity, spent, mode[task], m, False
                )
                is_shorter = best_mode >= 0 and after == best and duration[m] < duration[best_mode]
                if after < best or is_shorter:
                    best, best_task, best_mode = after, task, m
        if best_task < 0:
            return False
        old = mode[best_task]
        overdraft += change_overdraft(spend_ptr, spend_resource, spend_amount, capacity, spent, old, best_mode, True)
        mode[best_task] = best_mode
    return True


@kernel
def draw_modes(mode_ptr, usable, duration, spend_ptr, spend_resource, spend_amount, capacity, mode, spent, rng, tries):
    """Draw a mode for every task, shorter ones more often, and repair at random; returns whether it is feasible.

    A mode's weight is the distance of its duration from the longest usable one of the task, plus one. The repair makes
    up to ``tries`` changes of one random task to one random usable mode, each kept unless the overdraft rises.
    O(modes + tries x demands of a mode). Source of the repair: Hartmann (2001), Annals of Operations Research 102,
    111-135.
    """
    for task in range(mode.size):
        mode[task] = draw_mode(mode_ptr, usable, duration, task, rng, True)
    overdraft = repair_modes(
        mode_ptr, usable, duration, spend_ptr, spend_resource, spend_amount, capacity, mode, spent, rng, tries
    )
    return overdraft == 0


@step
def repair_modes(
    mode_ptr, usable, duration, spend_ptr, spend_resource, spend_amount, capacity, mode, spent, rng, tries
):
    """Up to ``tries`` changes of one random task to one random usable mode, each kept unless the overdraft rises.

    Fills ``spent`` and returns the overdraft that is left. O(tasks + tries x demands of a mode).
    """
    overdraft = sum_up(spend_ptr, spend_resource, spend_amount, capacity, mode, spent)
    for _ in range(tries):
        if overdraft == 0:
            break
        task = below(rng, mode.size)
        m = draw_mode(mode_ptr, usable, duration, task, rng, False)
        change = change_overdraft(spend_ptr, spend_resource, spend_amount, capacity, spent, mode[task], m, False)
        if change <= 0:
            change_overdraft(spend_ptr, spend_resource, spend_amount, capacity, spent, mode[task], m, True)
            overdraft += change
            mode[task] = m
    return overdraft


@step
def draw_mode(mode_ptr, usable, duration, task, rng, biased):
    """A usable mode of a task, by duration if ``biased``."""
    low, high = mode_ptr[task], mode_ptr[task + 1]
    longest, shortest, number = -1, -1, 0
    for m in range(low, high):
        if usable[m]:
            longest = max(longest, duration[m])
            shortest = duration[m] if number == 0 else min(shortest, duration[m])
            number += 1
    shift = 0 if biased else 63
    while shift < 63 and number * (((longest - shortest) >> shift) + 1) > 2**31:
        shift += 1
    total = 0
    for m in range(low, high):
        if usable[m]:
            total += ((longest - duration[m]) >> shift) + 1
    left = below(rng, total)
    for m in range(low, high):
        if usable[m]:
            left -= ((longest - duration[m]) >> shift) + 1
            if left < 0:
                return m
    return low


@step
def sum_up(spend_ptr, spend_resource, spend_amount, capacity, mode, spent):
    """Fill ``spent`` and return by how much the capacities are overdrawn in all."""
    spent[:] = 0
    for m in mode:
        for i in range(spend_ptr[m], spend_ptr[m + 1]):
            spent[spend_resource[i]] += spend_amount[i]
    overdraft = 0
    for k in range(spent.size):
        overdraft += max(0, spent[k] - capacity[k])
    return overdraft


@step
def change_overdraft(spend_ptr, spend_resource, spend_amount, capacity, spent, old, new, keep):
    """By how much the overdraft changes with a mode; ``spent`` changes only if ``keep``."""
    change = 0
    for i in range(spend_ptr[old], spend_ptr[old + 1]):
        k = spend_resource[i]
        change -= max(0, spent[k] - capacity[k])
        spent[k] -= spend_amount[i]
        change += max(0, spent[k] - capacity[k])
    for i in range(spend_ptr[new], spend_ptr[new + 1]):
        k = spend_resource[i]
        change -= max(0, spent[k] - capacity[k])
        spent[k] += spend_amount[i]
        change += max(0, spent[k] - capacity[k])
    if not keep:
        for i in range(spend_ptr[new], spend_ptr[new + 1]):
            spent[spend_resource[i]] -= spend_amount[i]
        for i in range(spend_ptr[old], spend_ptr[old + 1]):
            spent[spend_resource[i]] += spend_amount[i]
    return change
