"""A population of machine orders, improved by tabu search and path relinking, shared by the threads that work on it.

Source: Peng, Lü and Cheng 2015, A tabu search/path relinking algorithm to solve the job shop scheduling problem,
Computers & OR 53, 154-164; with replacement by distance and quality. Walks go over sequences, see
``kernels.relinking``, and need no repair.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import IntArray
from makespan.solvers.kernels.relinking import distance
from makespan.solvers.sequencing import SequencingProblem

Sequence = NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Member:
    """Machine orders as a sequence of all operations, the place of each operation in it, and their value."""

    value: int
    sequence: Sequence
    rank: IntArray


class Population:
    """At most ``size`` members, none nearer to another than a share of their usual distance. Thread-safe.

    Parameters
    ----------
    size
        At least 2.
    nearest
        Per mille of the mean distance of the first members below which two members count as the same.
    """

    def __init__(self, problem: SequencingProblem, size: int, nearest: int = 20) -> None:
        self.size, self.nearest = size, nearest
        self.members: list[Member] = []
        self.machine = np.array(problem.machine)
        self._line = np.argsort(self.machine, kind="stable")
        self._line_ptr = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.bincount(self.machine + 1))))
        self._lock = threading.Lock()
        self._usual = 0
        self.idle = 0

    def distance(self, a: Member, b: Member) -> int:
        """Pairs of operations of one machine that the two order differently."""
        return int(distance(self._line, self._line_ptr, a.rank, b.rank))

    @property
    def best(self) -> Member | None:
        return min(self.members, key=lambda member: member.value, default=None)

    def add(self, value: int, sequence: Sequence) -> bool:
        """Take in a solution (its sequence is copied); returns whether it stays.

        It takes the place of the worst member at least as bad, or of those it is too near to if it is as good as all
        of them. O(members x pairs).
        """
        rank = np.empty(sequence.size, np.int64)
        rank[sequence] = np.arange(sequence.size)
        child = Member(value, sequence.copy(), rank)
        with self._lock:
            apart = [self.distance(child, member) for member in self.members]
            if len(self.members) < self.size:
                self._usual += (sum(apart) // max(1, len(apart)) - self._usual) // max(1, len(apart))
            least = max(1, self._usual * self.nearest // 1000)
            near = [m for m, d in zip(self.members, apart, strict=True) if d < least]
            self.idle += 1
            if near:
                if any(member.value < value for member in near) or 0 in apart:
                    return False
                self.members = [member for member in self.members if member not in near]
            elif len(self.members) >= self.size:
                worst = max(self.members, key=lambda member: member.value)
                if worst.value < value:
                    return False
                self.members = [member for member in self.members if member is not worst]
            self.members = [*self.members, child]
            self.idle = 0
            return True

    def pair(self, rng: np.random.Generator) -> tuple[Member, Member] | None:
        """Two different members at random, None while there are fewer."""
        with self._lock:
            if len(self.members) < 2:
                return None
            a, b = rng.choice(len(self.members), 2, replace=False)
            return self.members[a], self.members[b]

    def renew(self) -> None:
        """Keep the best member alone."""
        with self._lock:
            best = self.best
            self.members = [] if best is None else [best]
            self._usual, self.idle = 0, 0
