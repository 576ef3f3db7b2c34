"""Longest paths through a project, and what follows each task in the network."""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import kernel


@kernel
def longest_paths(order, place, before, activity, limit, earliest, latest):
    """Earliest and latest starts without resources; returns the length of the longest path from time 0.

    ``order`` is topological; ``place``, ``before`` and ``activity`` are tables of ``project_state``. ``limit``
    (num_tasks,) is the latest end allowed to each task, beside that length. ``earliest`` and ``latest`` (num_tasks,)
    are overwritten; latest may fall below earliest where a limit is too tight. O(tasks + arcs).
    """
    length = 0
    for task in order:
        begin = place[task].release
        for i in range(place[task].before, place[task].before_end):
            begin = max(begin, earliest[before[i].task] + before[i].offset)
        if place[task].fixed_start >= 0:
            begin = place[task].fixed_start
        earliest[task] = begin
        length = max(length, begin + activity[task].duration)
    for task in range(latest.size):
        latest[task] = min(length, limit[task]) - activity[task].duration
        if place[task].fixed_start >= 0:
            latest[task] = min(latest[task], place[task].fixed_start)
    for position in range(order.size - 1, -1, -1):
        task = order[position]
        for i in range(place[task].before, place[task].before_end):
            pred = before[i].task
            latest[pred] = min(latest[pred], latest[task] - before[i].offset)
    return length


@kernel
def total_after(order, succ_ptr, succ_task, weight, total, reached):
    """Sum of ``weight`` over all successors of each task, near and far, into ``total`` (num_tasks,).

    ``reached`` (num_tasks,) of uint64 is scratch.

    O(tasks) where no task has two successors; else 64 tasks at a time are followed back through the network,
    O(tasks x (tasks + arcs) / 64) plus one step per related pair, with memory O(tasks).
    """
    n = total.size
    total[:] = 0
    is_forest = True
    for task in range(n):
        is_forest = is_forest and succ_ptr[task + 1] - succ_ptr[task] <= 1
    if is_forest:
        for position in range(n - 1, -1, -1):
            task = order[position]
            for i in range(succ_ptr[task], succ_ptr[task + 1]):
                total[task] += total[succ_task[i]] + weight[succ_task[i]]
        return
    for block in range(0, n, 64):
        last = min(block + 64, n)
        reached[:] = 0
        for position in range(last - 1, -1, -1):
            task = order[position]
            found = np.uint64(0)
            for i in range(succ_ptr[task], succ_ptr[task + 1]):
                found |= reached[succ_task[i]]
            for b in range(last - block):
                if (found >> np.uint64(b)) & np.uint64(1):
                    total[task] += weight[order[block + b]]
            if position >= block:
                found |= np.uint64(1) << np.uint64(position - block)
            reached[task] = found
