"""Offline optima and bounds for the sum of weighted completions, to which online policies are compared."""

from __future__ import annotations

import heapq
from fractions import Fraction
from functools import cache

from makespan.envs.online.simulator import Number, OnlineProblem


def list_cost(problem: OnlineProblem, order: list[int]) -> Number:
    """The cost on one machine of speed 1 of one job after the other; releases do not count."""
    clock: Number = 0
    cost: Number = 0
    for job in order:
        clock += problem.size[job]
        cost += problem.weight[job] * clock
    return cost


def horn(problem: OnlineProblem) -> list[int]:
    """An optimal order on one machine for an out-forest without releases: 1 | outtree | Σ w C, where preemption does
    not help.

    Every job keeps blocks of descendants with falling ratio of weight to size, itself in the first; a job takes in the
    first block below it as long as that has the larger ratio. Merging all blocks by ratio gives the order. O(n² log n).
    Source: Horn (1972), SIAM Journal on Applied Mathematics 23(2), 189-202. Raises ValueError if a job has two
    predecessors.
    """
    if any(len(before) > 1 for before in problem.predecessors):
        raise ValueError("horn: found a job with two predecessors, expected an out-forest")
    after = problem.successors()
    blocks: list[list[_Block]] = [[] for _ in problem.size]
    for job in reversed(problem.topological()):
        below = list(heapq.merge(*(blocks[other] for other in after[job]), key=lambda block: -block.ratio))
        head = _Block(Fraction(problem.weight[job]), Fraction(problem.size[job]), [job])
        taken = 0
        while taken < len(below) and below[taken].ratio > head.ratio:
            head = head.followed_by(below[taken])
            taken += 1
        blocks[job] = [head, *below[taken:]]
    roots = (blocks[job] for job, before in enumerate(problem.predecessors) if not before)
    return [job for block in heapq.merge(*roots, key=lambda block: -block.ratio) for job in block.jobs]


class _Block:
    """Jobs that follow each other at once in an optimal order."""

    def __init__(self, weight: Fraction, size: Fraction, jobs: list[int]) -> None:
        self.weight, self.size, self.jobs = weight, size, jobs
        self.ratio = weight / size

    def followed_by(self, other: _Block) -> _Block:
        return _Block(self.weight + other.weight, self.size + other.size, self.jobs + other.jobs)


def best_order_cost(problem: OnlineProblem) -> Number:
    """The least cost on one machine for any precedence, without releases, over all sets of jobs that can be done first.
    O(2^n · n), so for up to 15 jobs or so. Raises ValueError beyond 20."""
    n = problem.num_jobs
    if n > 20:
        raise ValueError(f"best order: found {n} jobs, expected at most 20")
    needs = [sum(1 << other for other in before) for before in problem.predecessors]

    @cache
    def cost(done: int, clock: Number) -> Number:
        ends = (
            (job, clock + problem.size[job])
            for job in range(n)
            if not done >> job & 1 and needs[job] & done == needs[job]
        )
        return min((problem.weight[job] * end + cost(done | 1 << job, end) for job, end in ends), default=0)

    return cost(0, 0 * problem.size[0] if n else 0)


def completion_bound(problem: OnlineProblem) -> float:
    """A lower bound on the cost with releases on machines of any speeds, preemption and migration allowed; jobs without
    predecessors. The larger of two sums, O(n² log n).

    * Every job alone on its fastest machine: Σ w (r + q), where q is its size there.
    * One machine as fast as all m together, on which job j has size q / m: whatever is done, the mean times at which
      jobs are worked on, weighted, are least if the largest w / q goes first, with preemption; and a job is done no
      earlier than its mean time plus q / 2, because it is never worked on faster than on its fastest machine.
    """
    m = problem.num_machines
    fastest = [float(size) / max(float(row[j]) for row in problem.speed) for j, size in enumerate(problem.size)]
    weight, release = [float(w) for w in problem.weight], [float(r) for r in problem.release]
    alone = sum(w * (r + q) for w, r, q in zip(weight, release, fastest, strict=True))
    shared = sum(w * q / 2 for w, q in zip(weight, fastest, strict=True))
    arrivals = sorted(range(problem.num_jobs), key=lambda job: release[job])
    left = [q / m for q in fastest]
    waiting: list[tuple[float, int]] = []
    clock, nxt = 0.0, 0
    while waiting or nxt < len(arrivals):
        if not waiting:
            clock = max(clock, release[arrivals[nxt]])
        while nxt < len(arrivals) and release[arrivals[nxt]] <= clock:
            job = arrivals[nxt]
            heapq.heappush(waiting, (-weight[job] / fastest[job], job))
            nxt += 1
        job = waiting[0][1]
        until = release[arrivals[nxt]] if nxt < len(arrivals) else float("inf")
        step = min(left[job], until - clock)
        shared += weight[job] * (clock + step / 2) * step * m / fastest[job]
        clock, left[job] = clock + step, left[job] - step
        if left[job] <= 1e-12 * fastest[job]:
            heapq.heappop(waiting)
    return max(alone, shared)
