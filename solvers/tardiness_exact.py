"""The least total tardiness of jobs on one machine, exactly, by decomposition at the longest job with a memory.

Let jobs stand by due date and let k be a longest one. Some best sequence runs, for an h >= k, exactly the jobs up to h
before or as k, and those behind h after it: two smaller problems. Lawler (1977), Annals of Discrete Mathematics 1,
331-342; which h need no look, Potts and Van Wassenhove (1982), Operations Research Letters 1, 177-181; a memory in
place of bounds, Szwarc, Grosso and Della Croce (2001), Journal of Scheduling 4, 93-104.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

import numpy as np

from makespan.instances.instance import IntArray
from makespan.solvers.tardiness_rules import Jobs, edd

LOOK_EVERY = 500
"""Subproblems between two looks at the clock: a few milliseconds."""

MOST_REMEMBERED = 20_000_000
"""Subproblems kept, at about 250 bytes each; beyond, the search gives up."""

Part = tuple[list[int], int]
_Steps = Generator[Part, int, int]
_EDD = -1  # in place of an h: in the order of due dates


def least_tardiness(jobs: Jobs, go_on: Callable[[int], bool] = lambda solved: True) -> IntArray | None:
    """A sequence of the least total tardiness; None if ``go_on`` said no or the memory is full.

    ``go_on`` is called now and then with the number of subproblems solved since the last call. At most
    O(n^4 x sum of durations) time in theory; hundredths of a second for 100 jobs of the common classes, a minute and
    more for the hardest of 500.
    """
    return _Decomposition(jobs).run(go_on)


class _Decomposition:
    """Jobs renumbered by due date, and what is known of subproblems.

    A subproblem is all jobs between a first and a last one that are no longer than its longest, from some time on:
    these four numbers are its key. A job counts as longer than those of its duration before it.
    """

    def __init__(self, jobs: Jobs) -> None:
        self.job = edd(jobs)
        self.duration: list[int] = jobs.duration[self.job].tolist()
        self.due: list[int] = jobs.due[self.job].tolist()
        self.known: dict[tuple[int, int, int, int], tuple[int, int]] = {}  # value, h

    def run(self, go_on: Callable[[int], bool]) -> IntArray | None:
        """See ``least_tardiness``. A generator per open subproblem: as deep as there are jobs, without recursion."""
        everything = list(range(len(self.due)))
        stack, value, solved = [self._solve(everything, 0)], 0, 0
        begin = True
        while stack:
            try:
                part = next(stack[-1]) if begin else stack[-1].send(value)
            except StopIteration as end:
                value, begin = end.value, False
                stack.pop()
                solved += 1
                if solved == LOOK_EVERY:
                    if len(self.known) > MOST_REMEMBERED or not go_on(solved):
                        return None
                    solved = 0
            else:
                stack.append(self._solve(*part))
                begin = True
        go_on(solved)
        return self.job[self._sequence(everything)]

    def _solve(self, jobs: list[int], time: int) -> _Steps:
        """Yields parts, is sent their values, and returns its own."""
        if len(jobs) < 2:
            return max(0, time + self.duration[jobs[0]] - self.due[jobs[0]]) if jobs else 0
        place = self._longest(jobs)
        key = (jobs[0], jobs[-1], jobs[place], time)
        if (known := self.known.get(key)) is not None:
            return known[0]
        end, late, value = [], 0, 0
        for job in jobs:
            time += self.duration[job]
            end.append(time)
            if time > self.due[job]:
                late += 1
                value += time - self.due[job]
        chosen = _EDD
        if late > 1:  # with one late job or none no order beats that of due dates, which has the least maximum
            value, chosen = yield from self._best_cut(jobs, place, end, key[-1])
        self.known[key] = value, chosen
        return value

    def _best_cut(
        self, jobs: list[int], place: int, end: list[int], time: int
    ) -> Generator[Part, int, tuple[int, int]]:
        """The least value over all h worth a look, and the h."""
        longest, rest = jobs[place], jobs[:place] + jobs[place + 1 :]
        best, chosen, latest = -1, _EDD, -1
        for h in range(place, len(jobs)):
            if h > place:
                job = jobs[h]
                latest = max(latest, self.due[job] + self.duration[job])
                if end[h] < latest:  # k would rather stand before one of them
                    continue
            if h + 1 < len(jobs) and end[h] >= self.due[jobs[h + 1]]:  # k could as well stand behind the next
                continue
            value = max(0, end[h] - self.due[longest])
            if best < 0 or value < best:
                value += yield rest[h:], end[h]
            if best < 0 or value < best:
                value += yield rest[:h], time
            if best < 0 or value < best:
                best, chosen = value, h
        return best, chosen

    def _longest(self, jobs: list[int]) -> int:
        """Place of the longest job, the last of several."""
        duration, place = self.duration, 0
        for i, job in enumerate(jobs):
            if duration[job] >= duration[jobs[place]]:
                place = i
        return place

    def _sequence(self, everything: list[int]) -> IntArray:
        """The best sequence of all jobs, from the cuts that are known."""
        order: list[int] = []
        stack: list[tuple[list[int], int, bool]] = [(everything, 0, False)]
        while stack:
            jobs, time, is_done = stack.pop()
            if is_done or len(jobs) < 2:
                order += jobs
                continue
            place = self._longest(jobs)
            h = self.known[jobs[0], jobs[-1], jobs[place], time][1]
            if h == _EDD:
                order += jobs
                continue
            rest = jobs[:place] + jobs[place + 1 :]
            cut = time + sum(self.duration[job] for job in jobs[: h + 1])
            stack += [(rest[h:], cut, False), ([jobs[place]], 0, True), (rest[:h], time, False)]
        return np.array(order, np.int64)
