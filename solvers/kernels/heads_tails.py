"""Longest paths in a graph of time points with lags of any sign."""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import kernel

UNREACHED = -(2**60)
"""Value of a point that no path reaches."""


@kernel
def raise_along_arcs(ptr, target, weight, value, before):
    """Raise ``value`` (num_points,) until value[target] >= value[point] + weight holds for every arc.

    ``ptr``, ``target``, ``weight`` are the arcs by point (CSR). ``before`` (num_points,) is overwritten with the point
    that gave each its value, -1 for none. Returns -1, or a point on a circle of positive length, for which no values
    exist. O(arcs) for acyclic arcs; else O(points x arcs) at worst.
    """
    n = value.size
    before[:] = -1
    order = _nearly_topological(ptr, target)
    mark = np.zeros(n, np.int64)
    passes, next_search = 0, 1
    while True:
        changed = False
        for point in order:
            if value[point] <= UNREACHED:
                continue
            for arc in range(ptr[point], ptr[point + 1]):
                raised = value[point] + weight[arc]
                if raised > value[target[arc]]:
                    value[target[arc]] = raised
                    before[target[arc]] = point
                    changed = True
        if not changed:
            return -1
        passes += 1
        if passes == next_search:
            next_search *= 2
            circle = _circle(before, mark)
            if circle >= 0:
                return circle


@kernel
def _nearly_topological(ptr, target):
    """The points such that arcs lead forward; points on or behind circles come last, by number."""
    n = ptr.size - 1
    entering = np.zeros(n, np.int64)
    for point in target:
        entering[point] += 1
    order = np.empty(n, np.int64)
    filled = 0
    for point in range(n):
        if entering[point] == 0:
            order[filled] = point
            filled += 1
    done = 0
    while done < filled:
        point = order[done]
        done += 1
        for arc in range(ptr[point], ptr[point + 1]):
            entering[target[arc]] -= 1
            if entering[target[arc]] == 0:
                order[filled] = target[arc]
                filled += 1
    for point in range(n):
        if entering[point] > 0:
            order[filled] = point
            filled += 1
    return order


@kernel
def _circle(before, mark):
    """A point on a circle of ``before``, or -1. ``mark`` is scratch."""
    mark[:] = -1
    for start in range(before.size):
        point = start
        while point >= 0 and mark[point] < 0:
            mark[point] = start
            point = before[point]
        if point >= 0 and mark[point] == start:
            return point
    return -1
