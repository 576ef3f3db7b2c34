"""Selection by several objectives, all of them to be small: fronts and distances of NSGA-II.

Source: Deb, Pratap, Agarwal and Meyarivan (2002), IEEE Transactions on Evolutionary Computation 6, 182-197.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import IntArray


def survivors(objectives: IntArray, number: int) -> IntArray:
    """At most ``number`` positions to keep: whole fronts, and of the last one those far from others.

    Of those with equal objectives (k, 2) only the first is kept, if enough others are there.
    """
    _, first = np.unique(objectives, axis=0, return_index=True)
    again = np.ones(objectives.shape[0], np.int64)
    again[first] = 0
    rank = np.empty(again.size, np.int64)
    rank[again == 0] = ranks(objectives[again == 0])
    rank[again == 1] = again.size  # behind all others
    order = np.lexsort((-distances(objectives, rank), rank))
    kept: IntArray = np.sort(order[:number])
    return kept


def ranks(objectives: IntArray) -> IntArray:
    """Number of the front of each row, 0 for those that no other dominates; the least is best. O(k^2 x fronts)."""
    no_worse = (objectives[:, None, :] <= objectives[None, :, :]).all(axis=2)
    better = no_worse & (objectives[:, None, :] < objectives[None, :, :]).any(axis=2)
    rank, front = np.full(objectives.shape[0], -1, np.int64), 0
    while (left := rank < 0).any():
        rank[left & ~(better & left[:, None]).any(axis=0)] = front
        front += 1
    return rank


def distances(objectives: IntArray, rank: IntArray) -> NDArray[np.float64]:
    """How far each row is from its neighbours on its front, infinite at the ends."""
    distance = np.zeros(rank.size)
    for front in np.unique(rank):
        rows = np.flatnonzero(rank == front)
        for column in objectives[rows].T:
            order = np.argsort(column, kind="stable")
            span = max(1, int(column[order[-1]] - column[order[0]]))
            gap = np.full(rows.size, np.inf)
            gap[order[1:-1]] = (column[order[2:]] - column[order[:-2]]) / span
            distance[rows] += gap
    return distance
