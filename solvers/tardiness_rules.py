"""Rules that sequence jobs on one machine for the least total tardiness.

Sources: EDD, Jackson (1955); MDD, Baker and Bertrand (1982), Journal of Operations Management 3, 37-42; PSK, Panwalkar,
Smith and Koulamas (1993), EJOR 70, 304-310; MDDC, EDDC and the augmentation, Çetinkaya et al. (2025), arXiv 2510.24013.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from makespan.instances.instance import IntArray
from makespan.solvers.kernels import kernel


class Jobs(NamedTuple):
    """Jobs that are all there at time 0, on one machine without idle time; arrays (n,) int64.

    ``duration`` >= 0; ``due`` may be negative.
    """

    duration: IntArray
    due: IntArray


@dataclass(frozen=True)
class TardinessRule:
    """A row of RULES; ``order`` turns jobs into the sequence in which they run."""

    name: str
    summary: str
    order: Callable[[Jobs], IntArray]


def total_tardiness(jobs: Jobs, order: IntArray) -> int:
    """Sum of max(0, end - due) of the jobs in this order."""
    end = np.cumsum(jobs.duration[order])
    return int(np.maximum(0, end - jobs.due[order]).sum())


def edd(jobs: Jobs) -> IntArray:
    """Earliest due date; ties by duration, then number. O(n log n)."""
    return np.lexsort((jobs.duration, jobs.due))


def mdd(jobs: Jobs) -> IntArray:
    """At each end t the job of the least max(t + duration, due); ties by number. O(n^2)."""
    left, time, order = np.arange(jobs.due.size), 0, []
    while left.size:
        place = int(np.argmin(np.maximum(time + jobs.duration[left], jobs.due[left])))
        order.append(left[place])
        time += int(jobs.duration[left[place]])
        left = np.delete(left, place)
    return np.array(order, np.int64)


def mddc(jobs: Jobs) -> IntArray:
    """MDD with due dates stretched by duration against the longest and the mean one left; O(n^2).

    Ties by duration, due date and number. Each step is one IEEE operation on each job alone, so that every machine
    rounds alike.
    """
    left, time, order = np.arange(jobs.due.size), 0, []
    while left.size:
        duration = jobs.duration[left].astype(np.float64)
        index = np.maximum(1.1 * duration + time, jobs.due[left])
        ratio = np.minimum(duration / max(1, time + int(duration.max())), 1.0)
        square = ratio * ratio
        index = index * (1 + square / (1 + square))
        # duration / (time + mean), multiplied out: the sum of the durations left is an exact integer.
        index = index + duration * left.size / max(1, time * left.size + int(jobs.duration[left].sum()))
        least = np.flatnonzero(index == index.min())
        ties = left[least]
        place = int(least[np.lexsort((ties, jobs.due[ties], jobs.duration[ties]))[0]])
        order.append(left[place])
        time += int(jobs.duration[left[place]])
        left = np.delete(left, place)
    return np.array(order, np.int64)


def eddc(jobs: Jobs) -> IntArray:
    """EDD with corrections as the paper prints it: a sort by due date and duration, then each job moves forward while
    its due date is less than that of the job before it. After the sort it never is: this is EDD. O(n log n)."""
    order = edd(jobs)
    for last in range(1, order.size):
        place = last
        while place > 0 and jobs.due[order[place]] < jobs.due[order[place - 1]]:
            order[place - 1 : place + 1] = order[[place, place - 1]]
            place -= 1
    return order


def edd_insertion(jobs: Jobs) -> IntArray:
    """EDD, then each job moves forward while that lowers the tardiness of the pair it swaps with: what EDDC may have
    meant, ours. O(n^2)."""
    order, duration, due = edd(jobs).tolist(), jobs.duration.tolist(), jobs.due.tolist()
    end = 0
    for last, job in enumerate(order):
        end += duration[job]
        place, until = last, end
        while place > 0:
            before, now = order[place - 1], order[place]
            begin = until - duration[before] - duration[now]
            kept = max(0, begin + duration[before] - due[before]) + max(0, until - due[now])
            swapped = max(0, begin + duration[now] - due[now]) + max(0, until - due[before])
            if swapped >= kept:
                break
            order[place - 1], order[place] = now, before
            place, until = place - 1, until - duration[before]
    return np.array(order, np.int64)


def psk(jobs: Jobs) -> IntArray:
    """Shortest first, unless a longer job is due so much earlier that it should go before. O(n^2).

    Of the jobs left, by duration (ties by due date, then number), the first is active. It is taken when it would be
    late or on the edge, or due no later than the end of the next candidate; a candidate due earlier than the active job
    becomes the active one. The steps are those that the literature after the source gives; its own text we have not
    seen.
    """
    left, time, order = np.lexsort((jobs.due, jobs.duration)).tolist(), 0, []
    duration, due = jobs.duration.tolist(), jobs.due.tolist()
    while left:
        active = 0
        for candidate in range(1, len(left)):
            job, other = left[active], left[candidate]
            if time + duration[job] >= due[job] or due[job] <= time + duration[other]:
                break
            if due[job] > due[other]:
                active = candidate
        job = left.pop(active)
        order.append(job)
        time += duration[job]
    return np.array(order, np.int64)


RULES: dict[str, TardinessRule] = {
    rule.name: rule
    for rule in (
        TardinessRule("edd", "earliest due date", edd),
        TardinessRule("mdd", "modified due date", mdd),
        TardinessRule("mddc", "modified due date, corrected by durations", mddc),
        TardinessRule("psk", "shortest first, unless due much later", psk),
        TardinessRule("edd_insertion", "earliest due date, then swaps forward", edd_insertion),
        TardinessRule("eddc", "as printed the same as edd", eddc),
    )
}


def augmented(jobs: Jobs, order: IntArray) -> IntArray:
    """The sequence that a rule's order becomes by ``augment_sequence``."""
    sequence = np.array(order, np.int64)
    augment_sequence(jobs.duration, jobs.due, sequence)
    return sequence


@kernel
def augment_sequence(duration: IntArray, due: IntArray, sequence: IntArray) -> None:
    """Append the jobs of ``sequence`` one by one; after each, try to move every earlier one to the end.

    From the first on; a move is made at once when the tardiness of the part so far falls. ``duration`` and ``due`` (n,)
    read-only, ``sequence`` (n,) is overwritten. O(n^3).
    """
    total = 0
    for last in range(sequence.size):
        total += duration[sequence[last]]
        begin, place, moved = 0, 0, 0
        while place + moved < last:  # each job once: those that have gone to the end are behind
            job = sequence[place]
            time = begin + duration[job]
            fall = max(0, time - due[job]) - max(0, total - due[job])
            for after in range(place + 1, last + 1):
                other = sequence[after]
                time += duration[other]
                fall += max(0, time - due[other]) - max(0, time - duration[job] - due[other])
            if fall > 0:
                for after in range(place, last):
                    sequence[after] = sequence[after + 1]
                sequence[last] = job
                moved += 1
            else:
                begin += duration[job]
                place += 1
