"""The one-machine problem with heads and tails, exactly: branch and bound.

Source: Carlier (1982), EJOR 11, 42-47.
"""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import kernel, step

FAR = 2**60


@kernel
def one_machine(head, body, tail, floor, upper, nodes, depth):
    """A bound on the least max(end + tail) of tasks no two of which overlap, each starting at its head or later.

    It is the optimum, unless that is at most ``floor`` (then some value <= ``floor``), at least ``upper`` (then
    ``upper``), or not found within ``nodes`` nodes and ``depth`` open ones (then the least bound of an open node).
    ``head`` rising, ``body`` > 0, ``tail`` (n,). O(n log n) a node where heads change little; memory n x depth.
    """
    n = head.size
    heads, tails = np.empty((depth + 2, n), np.int64), np.empty((depth + 2, n), np.int64)
    bounds = np.empty(depth + 2, np.int64)
    order = np.arange(n)
    heap, left = np.empty(n, np.int64), np.empty(n, np.int64)
    sequence, start = np.empty(n, np.int64), np.empty(n, np.int64)
    r, q = np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):
        heads[0, i], tails[0, i] = head[i], tail[i]
    bounds[0] = -FAR
    top, best, unexplored = 1, np.int64(upper), np.int64(FAR)
    while top > 0:
        top -= 1
        bound = bounds[top]
        if bound >= best:
            continue
        if nodes <= 0 or top + 2 > depth:
            unexplored = min(unexplored, bound)
            continue
        nodes -= 1
        for i in range(n):
            r[i], q[i] = heads[top, i], tails[top, i]
        _sort(order, r)
        bound = max(bound, _serve(True, order, r, body, q, heap, left, sequence, start))
        if bound >= best:
            continue
        value = _serve(False, order, r, body, q, heap, left, sequence, start)
        best = min(best, value)
        if best <= floor:
            return best
        last = n - 1
        while start[last] + body[sequence[last]] + q[sequence[last]] < value:
            last -= 1
        final = q[sequence[last]]
        least, work, k = r[sequence[last]], body[sequence[last]], last - 1
        while k >= 0 and start[k] + body[sequence[k]] == start[k + 1] and q[sequence[k]] >= final:
            least, work = min(least, r[sequence[k]]), work + body[sequence[k]]
            k -= 1
        if k < 0 or start[k] + body[sequence[k]] < start[k + 1]:
            continue  # the schedule is optimal for this node
        apart = sequence[k]  # it comes before all of the tasks after it, up to the last, or after all of them
        bound = max(bound, least + work + final)
        bound = max(bound, min(least, r[apart]) + work + body[apart] + min(final, q[apart]))
        for side in range(2):
            for i in range(n):
                heads[top, i], tails[top, i] = r[i], q[i]
            if side == 0:
                heads[top, apart] = max(r[apart], least + work)
            else:
                tails[top, apart] = max(q[apart], work + final)
            bounds[top] = bound
            top += 1
    return min(best, unexplored)


@step
def _sort(order, key):
    for i in range(1, order.size):
        moved = order[i]
        j = i - 1
        while j >= 0 and key[order[j]] > key[moved]:
            order[j + 1] = order[j]
            j -= 1
        order[j + 1] = moved


@step
def _serve(preemptive, order, head, body, tail, heap, left, sequence, start):
    """Largest end + tail when the available task with the longest tail runs, whenever one ends or, with preemption,
    arrives; writes ``sequence`` and ``start`` in that order without preemption."""
    n, size, arrived, done = order.size, 0, 0, 0
    time = head[order[0]]
    worst = -FAR
    for i in range(n):
        left[i] = body[i]
    while arrived < n or size > 0:
        if size == 0:
            time = max(time, head[order[arrived]])
        while arrived < n and head[order[arrived]] <= time:
            task = order[arrived]
            arrived += 1
            hole = size
            size += 1
            while hole > 0 and tail[heap[(hole - 1) // 2]] < tail[task]:
                heap[hole] = heap[(hole - 1) // 2]
                hole = (hole - 1) // 2
            heap[hole] = task
        task = heap[0]
        if preemptive and arrived < n and time + left[task] > head[order[arrived]]:
            left[task] -= head[order[arrived]] - time
            time = head[order[arrived]]
            continue
        sequence[done], start[done] = task, time
        done += 1
        time += left[task]
        worst = max(worst, time + tail[task])
        size -= 1
        moved, hole = heap[size], 0
        while 2 * hole + 1 < size:
            child = 2 * hole + 1
            if child + 1 < size and tail[heap[child + 1]] > tail[heap[child]]:
                child += 1
            if tail[heap[child]] <= tail[moved]:
                break
            heap[hole] = heap[child]
            hole = child
        heap[hole] = moved
    return worst
