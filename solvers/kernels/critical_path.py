"""Longest paths through a project, and what follows each task in the network."""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import kernel


@kernel
def longest_paths(view, ahead, activity, limit, earliest, latest):
    """Earliest and latest starts without resources; returns the length of the longest path from time 0.

    ``ahead`` and ``activity`` are the arcs and tasks of ``project_state``. ``limit`` (num_tasks,) is the latest end
    allowed to each task, beside that length. ``earliest`` and ``latest`` (num_tasks,) are overwritten; latest may fall
    below earliest where a limit is too tight. O(tasks + arcs).
    """
    length = 0
    for task in view.order:
        begin = view.release[task]
        for i in range(view.pred_ptr[task], view.pred_ptr[task + 1]):
            begin = max(begin, earliest[view.pred_task[i]] + ahead[i].offset)
        if view.fixed_start[task] >= 0:
            begin = view.fixed_start[task]
        earliest[task] = begin
        length = max(length, begin + activity[task].duration)
    for task in range(latest.size):
        latest[task] = min(length, limit[task]) - activity[task].duration
        if view.fixed_start[task] >= 0:
            latest[task] = min(latest[task], view.fixed_start[task])
    for position in range(view.order.size - 1, -1, -1):
        task = view.order[position]
        for i in range(view.pred_ptr[task], view.pred_ptr[task + 1]):
            pred = view.pred_task[i]
            latest[pred] = min(latest[pred], latest[task] - ahead[i].offset)
    return length


@kernel
def total_after(view, weight, total):
    """Sum of ``weight`` over all successors of each task, near and far, into ``total`` (num_tasks,).

    O(tasks) where no task has two successors; else 64 tasks at a time are followed back through the network,
    O(tasks x (tasks + arcs) / 64) plus one step per related pair, with memory O(tasks).
    """
    n = total.size
    total[:] = 0
    is_forest = True
    for task in range(n):
        is_forest = is_forest and view.succ_ptr[task + 1] - view.succ_ptr[task] <= 1
    if is_forest:
        for position in range(n - 1, -1, -1):
            task = view.order[position]
            for i in range(view.succ_ptr[task], view.succ_ptr[task + 1]):
                total[task] += total[view.succ_task[i]] + weight[view.succ_task[i]]
        return
    reached = np.zeros(n, np.uint64)
    for block in range(0, n, 64):
        last = min(block + 64, n)
        reached[:] = 0
        for position in range(last - 1, -1, -1):
            task = view.order[position]
            found = np.uint64(0)
            for i in range(view.succ_ptr[task], view.succ_ptr[task + 1]):
                found |= reached[view.succ_task[i]]
            for b in range(last - block):
                if (found >> np.uint64(b)) & np.uint64(1):
                    total[task] += weight[view.order[block + b]]
            if position >= block:
                found |= np.uint64(1) << np.uint64(position - block)
            reached[task] = found
