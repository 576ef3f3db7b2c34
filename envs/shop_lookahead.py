"""What ``kernels/shop_lookahead.py`` takes beside the shops of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from makespan.instances.instance import IntArray
from makespan.instances.shop_view import ShopView
from makespan.solvers.kernels.shop_lookahead import OUTLOOKS


class Lookahead(NamedTuple):
    """The operations of each machine by falling tail, shop after shop, and scratch for every row.

    ``line[line_ptr[i]:line_ptr[i + 1]]`` are those of machine k of shop s for ``i = line_shop[s] + k``, by number
    within the shop, and ``line_job`` their jobs.
    """

    line: IntArray
    line_job: IntArray
    line_ptr: IntArray
    line_shop: IntArray
    head: IntArray
    delay: IntArray
    since: IntArray
    outlook: IntArray


def lookahead(views: Sequence[ShopView], rows: int, width: int, jobs: int, operations: int) -> Lookahead:
    """For a batch of these shops with room for so many rows, candidates, jobs and operations. O(size x log size)."""
    facts = [view.derived(_lines) for view in views]
    sizes = np.array([[line.size, ptr.size] for line, _, ptr in facts])
    first = np.concatenate((np.zeros((1, 2), np.int64), np.cumsum(sizes, axis=0)))
    return Lookahead(
        line=np.concatenate([line for line, _, _ in facts]),
        line_job=np.concatenate([job for _, job, _ in facts]),
        line_ptr=np.concatenate([ptr + low for (_, _, ptr), low in zip(facts, first[:, 0], strict=False)]),
        line_shop=first[:-1, 1].copy(),
        head=np.zeros((rows, operations), np.int64),
        delay=np.zeros((rows, jobs), np.int64),
        since=np.zeros((rows, jobs), np.int64),
        outlook=np.zeros((rows, width, OUTLOOKS), np.int64),
    )


def _lines(view: ShopView) -> tuple[IntArray, IntArray, IntArray]:
    modes, first = np.diff(view.mode_ptr), view.mode_ptr[:-1]
    operation = np.repeat(np.arange(view.num_operations), modes)
    shortest = np.lexsort((np.arange(operation.size), view.duration, operation))[first]
    machine, duration = view.machine[shortest], view.duration[shortest]
    total = np.concatenate((np.zeros(1, np.int64), np.cumsum(duration)))
    lengths = np.diff(view.job_ptr)
    tail = np.repeat(total[view.job_ptr[1:]], lengths) - total[1:]
    order = np.lexsort((-tail, machine))
    order = order[machine[order] >= 0]
    ptr = np.searchsorted(machine[order], np.arange(view.num_machines + 1))
    return order, np.repeat(np.arange(view.num_jobs), lengths)[order], ptr
