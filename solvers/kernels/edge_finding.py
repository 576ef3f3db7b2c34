"""Edge finding, detectable precedences and not-last for tasks no two of which may overlap.

Each rule is O(n log n) with Theta-Lambda trees. Sources: Carlier and Pinson (1989), Management Science 35, 164-176, and
(1994), EJOR 78, 146-161; Vilim (2007), Global Constraints in Scheduling, PhD thesis, Charles University, Prague.
"""

from __future__ import annotations

from makespan.solvers.kernels import step
from makespan.solvers.kernels.windows import (
    BY_EARLIEST_END,
    BY_END,
    BY_LATEST_START,
    BY_START,
    END,
    LEAF,
    NEW_END,
    NEW_START,
    ORDER,
    START,
    TIME,
    TREE,
)

NEVER = -(2**60)
"""End of an empty set of tasks."""

_SUM, _END, _GREY_SUM, _GREY_END, _SUM_BY, _END_BY = range(TREE, TREE + 6)
"""Rows of ``local`` that hold the tree: time and earliest end of the tasks below a node, the same with at most one grey
task, and the grey task that makes the difference (-1: none)."""


@step
def disjunctive(local, size):
    """All rules on one loaded group; returns False if they find that the tasks do not fit. O(n log n)."""
    leaves = 1
    while leaves < size:
        leaves *= 2
    for i in range(size):
        local[LEAF, local[ORDER + BY_START, i]] = leaves + i
    if not _edges(local, size, leaves):
        return False
    _precedences(local, size, leaves)
    _not_last(local, size, leaves)
    return True


@step
def _edges(local, size, leaves):
    """Whoever cannot end with all others of a set must come after them. False if a set does not fit."""
    for i in range(leaves, 2 * leaves):
        _set_leaf(local, i, 0, NEVER, 0, NEVER, -1)
    for i in range(size):
        end = local[START, i] + local[TIME, i]
        _set_leaf(local, local[LEAF, i], local[TIME, i], end, local[TIME, i], end, -1)
    for node in range(leaves - 1, 0, -1):
        _join(local, node)
    for k in range(size - 1, -1, -1):
        task = local[ORDER + BY_END, k]
        if local[_END, 1] > local[END, task]:
            return False
        if k == 0:
            break
        end = local[START, task] + local[TIME, task]
        _set_leaf(local, local[LEAF, task], 0, NEVER, local[TIME, task], end, task)
        _climb(local, local[LEAF, task])
        latest = local[END, local[ORDER + BY_END, k - 1]]
        while local[_GREY_END, 1] > latest and local[_END_BY, 1] >= 0:
            after = local[_END_BY, 1]
            local[NEW_START, after] = max(local[NEW_START, after], local[_END, 1])
            _set_leaf(local, local[LEAF, after], 0, NEVER, 0, NEVER, -1)
            _climb(local, local[LEAF, after])
    return True


@step
def _precedences(local, size, leaves):
    """Whoever cannot start before i could end must come after it, so i comes after all who must precede it."""
    _clear(local, leaves)
    done = 0
    for k in range(size):
        task = local[ORDER + BY_EARLIEST_END, k]
        end = local[START, task] + local[TIME, task]
        while done < size:
            other = local[ORDER + BY_LATEST_START, done]
            if end <= local[END, other] - local[TIME, other]:
                break
            _insert(local, other)
            done += 1
        local[NEW_START, task] = max(local[NEW_START, task], _end_without(local, task))


@step
def _not_last(local, size, leaves):
    """Whoever cannot come after all of a set must end before the last of them starts."""
    _clear(local, leaves)
    done = 0
    for k in range(size):
        task = local[ORDER + BY_END, k]
        while done < size:
            other = local[ORDER + BY_LATEST_START, done]
            if local[END, task] <= local[END, other] - local[TIME, other]:
                break
            _insert(local, other)
            done += 1
        if done > 0 and _end_without(local, task) > local[END, task] - local[TIME, task]:
            last = local[ORDER + BY_LATEST_START, done - 1]
            local[NEW_END, task] = min(local[NEW_END, task], local[END, last] - local[TIME, last])


@step
def _clear(local, leaves):
    for node in range(1, 2 * leaves):
        local[_SUM, node], local[_END, node] = 0, NEVER


@step
def _insert(local, task):
    leaf = local[LEAF, task]
    local[_SUM, leaf], local[_END, leaf] = local[TIME, task], local[START, task] + local[TIME, task]
    _climb_plain(local, leaf)


@step
def _end_without(local, task):
    """Earliest end of the tasks in the tree other than ``task``."""
    leaf = local[LEAF, task]
    if local[_SUM, leaf] == 0:
        return local[_END, 1]
    held_sum, held_end = local[_SUM, leaf], local[_END, leaf]
    local[_SUM, leaf], local[_END, leaf] = 0, NEVER
    _climb_plain(local, leaf)
    end = local[_END, 1]
    local[_SUM, leaf], local[_END, leaf] = held_sum, held_end
    _climb_plain(local, leaf)
    return end


@step
def _climb_plain(local, node):
    node //= 2
    while node > 0:
        left, right = 2 * node, 2 * node + 1
        local[_SUM, node] = local[_SUM, left] + local[_SUM, right]
        local[_END, node] = max(local[_END, right], local[_END, left] + local[_SUM, right])
        node //= 2


@step
def _climb(local, node):
    node //= 2
    while node > 0:
        _join(local, node)
        node //= 2


@step
def _set_leaf(local, leaf, time, end, grey_time, grey_end, task):
    local[_SUM, leaf], local[_END, leaf] = time, end
    local[_GREY_SUM, leaf], local[_GREY_END, leaf] = grey_time, grey_end
    local[_SUM_BY, leaf], local[_END_BY, leaf] = task, task


@step
def _join(local, node):
    left, right = 2 * node, 2 * node + 1
    local[_SUM, node] = local[_SUM, left] + local[_SUM, right]
    local[_END, node] = max(local[_END, right], local[_END, left] + local[_SUM, right])
    one, other = local[_GREY_SUM, left] + local[_SUM, right], local[_SUM, left] + local[_GREY_SUM, right]
    if one > other:
        local[_GREY_SUM, node], local[_SUM_BY, node] = one, local[_SUM_BY, left]
    else:
        local[_GREY_SUM, node], local[_SUM_BY, node] = other, local[_SUM_BY, right]
    end, by = local[_GREY_END, right], local[_END_BY, right]
    with_grey_right = local[_END, left] + local[_GREY_SUM, right]
    if with_grey_right > end:
        end, by = with_grey_right, local[_SUM_BY, right]
    with_grey_left = local[_GREY_END, left] + local[_SUM, right]
    if with_grey_left > end:
        end, by = with_grey_left, local[_END_BY, left]
    local[_GREY_END, node], local[_END_BY, node] = end, by
