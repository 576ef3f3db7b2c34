"""Distances between machine orders and walks from one towards another.

Machine orders are given by a sequence of all operations, jobs in their order; many sequences stand for the same
orders. Of two sequences that keep the jobs in order, every sequence between them does so too, which makes each point of
a walk a schedule: the repair that a walk over the machine orders themselves would need does not arise.
"""

from __future__ import annotations

from makespan.solvers.kernels import kernel
from makespan.solvers.kernels.random import below


@kernel
def distance(line, line_ptr, rank, other):
    """How many pairs of operations of one machine two sequences order differently.

    ``line`` and ``line_ptr`` list the operations machine by machine, those without one first, in any order; ``rank``
    and ``other`` (n,) int64 are the places of each operation in the two sequences. O(pairs).
    """
    differing = 0
    for k in range(1, line_ptr.size - 1):
        for i in range(line_ptr[k], line_ptr[k + 1]):
            a, b = rank[line[i]], other[line[i]]
            for j in range(i + 1, line_ptr[k + 1]):
                differing += (rank[line[j]] > a) != (other[line[j]] > b)
    return differing


@kernel
def walk(sequence, goal_rank, machine, wanted, tries, random):
    """Swap random neighbours in ``sequence`` (n,) uint32 that the goal orders the other way round.

    ``goal_rank`` (n,): place of each operation in the goal. Ends after ``wanted`` swaps on one machine or ``tries``
    looks; returns the number of such swaps. O(tries).
    """
    made, last = 0, sequence.size - 1
    for _ in range(tries):
        if made >= wanted:
            break
        at = below(random, last)
        a, b = sequence[at], sequence[at + 1]
        if goal_rank[a] > goal_rank[b]:
            sequence[at], sequence[at + 1] = b, a
            made += machine[a] == machine[b] and machine[a] >= 0
    return made
