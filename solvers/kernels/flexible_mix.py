"""New solutions for a flexible job shop: list schedules around random priorities, and points between two solutions.

A solution is passed on as (order, mode): a topological order of its operations and their modes. Between two such orders
every weighted mean of the positions is again an order that keeps the precedence and all that both agree on.
"""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import kernel
from makespan.solvers.kernels.random import below

SPREAD = 64


@kernel
def list_solution(problem, noise, random, order, mode):
    """A list schedule: operations by head less tail without machines, each in the mode that ends first.

    ``noise`` in 0..64: durations for the priorities vary by up to noise / 64 of themselves. ``order`` and ``mode``
    (num_operations,) are overwritten. O(n log n + modes + arcs).
    """
    n = order.size
    time, head, tail = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    by_rank = np.argsort(problem.rank, kind="mergesort")
    for op in range(n):
        least = problem.duration[problem.mode_ptr[op]]
        for m in range(problem.mode_ptr[op], problem.mode_ptr[op + 1]):
            least = min(least, problem.duration[m])
        time[op] = least * (SPREAD - noise + below(random, 2 * noise + 1))
    for i in range(n):
        op = by_rank[i]
        head[op] = problem.release[op] * SPREAD
        for k in range(problem.job_pred_ptr[op], problem.job_pred_ptr[op + 1]):
            head[op] = max(head[op], head[problem.job_pred[k]] + time[problem.job_pred[k]])
    for i in range(n - 1, -1, -1):
        op = by_rank[i]
        tail[op] = problem.tail[op] * SPREAD
        for k in range(problem.job_succ_ptr[op], problem.job_succ_ptr[op + 1]):
            tail[op] = max(tail[op], tail[problem.job_succ[k]] + time[problem.job_succ[k]])
    # Along an arc the priority never falls; equal ones keep the order of the ranks.
    priority = np.empty(n, np.int64)
    for i in range(n):
        priority[i] = head[by_rank[i]] - tail[by_rank[i]]
    order[:] = by_rank[np.argsort(priority, kind="mergesort")]
    free, end = np.zeros(problem.line_ptr.size - 1, np.int64), time
    for i in range(n):
        op = order[i]
        best, ties = 0, 0
        for m in range(problem.mode_ptr[op], problem.mode_ptr[op + 1]):
            begin, machine = problem.release[op], problem.machine[m]
            for k in range(problem.job_pred_ptr[op], problem.job_pred_ptr[op + 1]):
                begin = max(begin, end[problem.job_pred[k]])
            if machine >= 0:
                begin = max(begin, free[machine])
            done = begin + problem.duration[m]
            if ties == 0 or done < best:
                best, ties, mode[op] = done, 1, m
            elif done == best:
                ties += 1
                if below(random, ties) == 0:
                    mode[op] = m
        end[op] = best
        if problem.machine[mode[op]] >= 0:
            free[problem.machine[mode[op]]] = best


@kernel
def blend(order_a, mode_a, order_b, mode_b, share, random, order, mode):
    """A solution ``share`` per cent of the way from a to b, into ``order`` and ``mode``.

    Positions are weighted means; where the modes differ, b's is taken with a chance of ``share`` per cent. O(n log n).
    """
    key = np.empty(order.size, np.int64)
    for i in range(order.size):
        key[order_a[i]] = (100 - share) * i
    for i in range(order.size):
        key[order_b[i]] += share * i
    order[:] = np.argsort(key, kind="mergesort")
    for op in range(order.size):
        mode[op] = mode_b[op] if below(random, 100) < share else mode_a[op]


@kernel
def distance(problem, order_a, mode_a, order_b, mode_b):
    """How many operations have another mode or another predecessor on their machine. O(n)."""
    n, machines = order_a.size, problem.line_ptr.size - 1
    last, pred = np.full(machines, -1, np.int64), np.full(n, -1, np.int64)
    for i in range(n):
        op = order_a[i]
        machine = problem.machine[mode_a[op]]
        if machine >= 0:
            pred[op], last[machine] = last[machine], op
    last[:] = -1
    differing = 0
    for i in range(n):
        op = order_b[i]
        machine, before = problem.machine[mode_b[op]], -1
        if machine >= 0:
            before, last[machine] = last[machine], op
        if mode_a[op] != mode_b[op] or before != pred[op]:
            differing += 1
    return differing
