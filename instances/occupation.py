"""Who uses which resource from when to when, as flat rows, and sweeps over such rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import Calendar, IndexArray, IntArray


@dataclass(frozen=True)
class Rows:
    """Uses of resources: ``task[i]`` uses ``amount[i]`` of ``resource[i]`` from ``begin[i]`` < ``until[i]``."""

    task: IntArray
    resource: IndexArray
    amount: IntArray
    begin: IntArray
    until: IntArray

    def take(self, which: NDArray[np.generic]) -> Rows:
        """The rows of a mask, or of indices in their order."""
        return Rows(self.task[which], self.resource[which], self.amount[which], self.begin[which], self.until[which])


def by_resource(resource: NDArray[np.integer], time: IntArray) -> IntArray:
    """The order by resource, then time (>= 0)."""
    span = int(time.max(initial=0)) + 1
    if span * (int(resource.max(initial=0)) + 1) < 2**63:
        return np.argsort(resource * np.int64(span) + time)
    return np.lexsort((time, resource))


def clashes(rows: Rows) -> tuple[IntArray, IntArray]:
    """Pairs (later, earlier) of rows that overlap on one resource; empty if and only if no two rows do.

    Each row that begins before all earlier ones of its resource are done is listed once, with the one of them that
    lasts longest. O(n log n).
    """
    order = by_resource(rows.resource, rows.begin)
    resource, begin, until = rows.resource[order], rows.begin[order], rows.until[order]
    clash = (until[:-1] > begin[1:]) & (resource[:-1] == resource[1:])
    if not clash.any():
        nobody = np.zeros(0, np.int64)
        return nobody, nobody
    rank = np.unique(until, return_inverse=True)[1] + resource.astype(np.int64) * until.size
    longest = np.maximum.accumulate(rank)  # resources rise, so each begins afresh
    holder = np.maximum.accumulate(np.where(rank == longest, np.arange(rank.size), 0))
    late = np.flatnonzero((until[holder[:-1]] > begin[1:]) & (resource[:-1] == resource[1:])) + 1
    return order[late], order[holder[late - 1]]


def levels(rows: Rows) -> tuple[IndexArray, IntArray, IntArray, IntArray]:
    """The use of every resource over time, as steps sorted by resource and time.

    Returns resource, time, level from then on, and the row that arrives there, -1 where one departs. Departures come
    before arrivals, so a level in between is never above the true one. O(n log n).
    """
    n = rows.task.size
    resource = np.concatenate((rows.resource, rows.resource))
    time = np.concatenate((rows.begin, rows.until))
    order = by_resource(resource, 2 * time + (np.arange(2 * n) < n))
    level = np.cumsum(np.concatenate((rows.amount, -rows.amount))[order])  # back at 0 after each resource
    return resource[order], time[order], level, np.where(order < n, order, -1)


def lowest_capacity(calendar: Calendar, resource: int, begin: IntArray, until: IntArray) -> IntArray:
    """The least capacity that the profile of ``resource`` gives within each [begin, until), begin < until.

    O(log breakpoints) per window, whatever its length and the period.
    """
    low, high = calendar.ptr[resource], calendar.ptr[resource + 1]
    points, values, period = calendar.time[low:high], calendar.capacity[low:high], int(calendar.period[resource])
    if period:
        length = np.minimum(until - begin, period)
        begin = begin % period
        until = begin + length
        points, values = np.concatenate((points, points + period)), np.concatenate((values, values))
    first = np.searchsorted(points, begin, side="right") - 1
    last = np.searchsorted(points, until, side="left") - 1
    doubling = np.frexp(last - first + 1)[1] - 1  # the largest power of two within the number of pieces
    lowest = np.empty(begin.size, np.int64)
    table, width = values, 1  # table[i]: the least of values[i : i + width]
    for power in range(int(doubling.max(initial=-1)) + 1):
        here = doubling == power
        lowest[here] = np.minimum(table[first[here]], table[last[here] - width + 1])
        table, width = np.minimum(table[:-width], table[width:]), 2 * width
    return lowest


def stuck_moves(rows: Rows, capacity: IntArray, time: IntArray, pred: IntArray, succ: IntArray) -> list[int]:
    """Moves that are part of an exchange without a free place: the ``succ`` of each.

    Move i leaves task ``pred[i]`` for task ``succ[i]`` at ``time[i]``, and no rows overlap beyond ``capacity``. A group
    of moves at one instant is fine if they can be made one after another, beside the rows that last over the instant.
    Where all capacities are 1 each place is freed by one move, so any possible move may come first; elsewhere the
    orders are searched, at a cost exponential in the number of moves of the instant.
    """
    order = np.argsort(time, kind="stable")
    groups = [group for group in np.split(order, np.flatnonzero(np.diff(time[order])) + 1) if group.size > 1]
    if not groups:
        return []
    uses = _uses_of(rows)
    stuck: list[int] = []
    lasting = _Lasting(rows)
    for group in groups:
        moves = [(uses[int(pred[i])], uses[int(succ[i])], int(succ[i])) for i in group]
        free: dict[int, int] = {}
        for leaves, enters, _ in moves:
            for k in {**leaves, **enters}:
                if k not in free:
                    free[k] = int(capacity[k]) - lasting.level(k, int(time[group[0]]))
        for leaves, _, _ in moves:
            for k, amount in leaves.items():
                free[k] -= amount
        stuck.extend(_cannot_move(moves, free))
    return stuck


_Move = tuple[dict[int, int], dict[int, int], int]


def _uses_of(rows: Rows) -> dict[int, dict[int, int]]:
    """Demand by resource of each task in ``rows``."""
    uses: dict[int, dict[int, int]] = {}
    for task, k, amount in zip(rows.task.tolist(), rows.resource.tolist(), rows.amount.tolist(), strict=True):
        uses.setdefault(task, {})[k] = amount
    return uses


class _Lasting:
    """Use by the rows that begin before an instant and end after it."""

    def __init__(self, rows: Rows) -> None:
        self.sorted: dict[int, tuple[IntArray, IntArray, IntArray, IntArray]] = {}
        for k in np.unique(rows.resource).tolist():
            mine = rows.take(rows.resource == k)
            first, last = np.argsort(mine.begin), np.argsort(mine.until)
            begun = np.concatenate(([0], np.cumsum(mine.amount[first])))
            ended = np.concatenate(([0], np.cumsum(mine.amount[last])))
            self.sorted[k] = mine.begin[first], begun, mine.until[last], ended

    def level(self, resource: int, time: int) -> int:
        begin, begun, until, ended = self.sorted[resource]
        count = np.searchsorted(begin, time, side="left")
        gone = np.searchsorted(until, time, side="right")
        return int(begun[count] - ended[gone])


def _fits(move: _Move, free: dict[int, int]) -> bool:
    leaves, enters, _ = move
    return all(free[k] + leaves.get(k, 0) >= amount for k, amount in enters.items())


def _after(move: _Move, free: dict[int, int]) -> dict[int, int]:
    leaves, enters, _ = move
    return {k: free[k] + leaves.get(k, 0) - enters.get(k, 0) for k in free}


def _cannot_move(moves: list[_Move], free: dict[int, int]) -> list[int]:
    """The tasks that cannot all be entered, empty if some order of the moves works. Depth first, each set once."""
    fewest = frozenset(range(len(moves)))
    seen = {fewest}
    stack = [(fewest, free)]
    while stack:
        left, now = stack.pop()
        if not left:
            return []
        fewest = min(fewest, left, key=len)
        options = []
        for i in sorted(left):
            if not _fits(moves[i], now):
                continue
            rest, then = left - {i}, _after(moves[i], now)
            options.append((rest, then))
            if all(then[k] >= sum(moves[j][1].get(k, 0) for j in rest) for k in moves[i][1]):
                options = options[-1:]  # it stands in nobody's way: no other choice can do better
                break
        for rest, then in options:
            if rest not in seen:
                seen.add(rest)
                stack.append((rest, then))
    return [moves[i][2] for i in sorted(fewest)]
