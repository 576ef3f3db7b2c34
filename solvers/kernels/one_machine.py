"""The one-machine problem with heads and tails."""

from __future__ import annotations

import heapq

import numpy as np

from makespan.solvers.kernels import kernel
from makespan.solvers.kernels.heads_tails import UNREACHED


@kernel
def jackson_preemptive(ptr, head, body, tail):
    """Largest optimum, over several machines, of the preemptive one-machine problem: least max(end + tail).

    Rows ``ptr[k]`` to ``ptr[k + 1] - 1`` are the operations of machine k by rising ``head``; ``body`` >= 0. At every
    moment the available operation with the longest tail runs. UNREACHED without rows. O(n log n).
    Source: Carlier (1982), EJOR 11, 42-47.
    """
    bound = np.int64(UNREACHED)
    for k in range(ptr.size - 1):
        waiting = [(np.int64(0), np.int64(0))]  # (-tail, time left)
        waiting.pop()
        row, last = ptr[k], ptr[k + 1]
        time = np.int64(0)
        while row < last or len(waiting) > 0:
            if len(waiting) == 0:
                time = max(time, head[row])
            while row < last and head[row] <= time:
                heapq.heappush(waiting, (-tail[row], body[row]))
                row += 1
            negative, left = heapq.heappop(waiting)
            if row < last and time + left > head[row]:
                heapq.heappush(waiting, (negative, left - (head[row] - time)))
                time = head[row]
            else:
                time += left
                bound = max(bound, time - negative)
    return bound


@kernel
def shortest_remaining(head, body, end):
    """Write into ``end`` (n,), rising, the ends of tasks on one machine, with preemption, when the one with the least
    time left always runs: the k-th is the earliest at which k tasks can be done.

    ``head`` (n,) rising, ``body`` >= 0. O(n log n). Source: Schrage (1968), Operations Research 16, 687-690.
    """
    waiting = [np.int64(0)]  # time left
    waiting.pop()
    row, done, time = 0, 0, np.int64(0)
    while row < head.size or len(waiting) > 0:
        if len(waiting) == 0:
            time = max(time, head[row])
        while row < head.size and head[row] <= time:
            heapq.heappush(waiting, body[row])
            row += 1
        left = heapq.heappop(waiting)
        if row < head.size and time + left > head[row]:
            heapq.heappush(waiting, left - (head[row] - time))
            time = head[row]
        else:
            time += left
            end[done] = time
            done += 1
