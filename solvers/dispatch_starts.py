"""Schedules for a search on machine orders to start from: dispatched to and fro, each from other first priorities."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from makespan.instances.instance import Instance, IntArray
from makespan.instances.shop_view import shop_view
from makespan.solvers.iterated_dispatch import PASSES_PER_ROUND, Lane
from makespan.solvers.kernels.keyed_dispatch import keyed_shop, pass_along
from makespan.solvers.kernels.machine_orders import UNCOUNTED
from makespan.solvers.sequencing import SequencingProblem

_SPREAD = 0.5
"""The first priorities, most work remaining, vary by this share up and down, but not for the first schedule."""


def dispatch_starts(
    instance: Instance, problem: SequencingProblem, rng: np.random.Generator, expired: Callable[[], bool]
) -> Iterator[IntArray | None]:
    """Start times of one schedule after another, shape (n,) by task; None where ``expired`` came before one was done.

    Each is the best of 20 passes to and fro, by the value of ``problem``, which is that of the instance. Passes go on
    in slices of about 20 ms, between which ``expired`` is asked. O(n x (log machines + queue)) per pass.
    """
    view = instance.derived(shop_view)
    shop = view.derived(keyed_shop)
    tail = problem.tail[view.task]
    job_tail = np.full(view.num_jobs, UNCOUNTED)
    np.maximum.at(job_tail, shop.job, tail)
    running = np.concatenate((np.zeros(1, np.int64), np.cumsum(shop.duration)))
    remaining = running[shop.job_ptr[shop.job + 1]] - running[:-1]
    work, start = remaining, np.empty(tail.size, np.int64)
    while True:
        lane = Lane(shop, rng, -(work + job_tail[shop.job]), True)
        passes, best, least = lane.passes(), None, 0
        for _ in range(PASSES_PER_ROUND):
            if not _pass(passes, expired):
                break
            pass_along(shop, lane.order, True, start)
            value = int((start + shop.duration + tail).max())
            if best is None or value < least:
                best, least = np.empty(tail.size, np.int64), value
                best[view.task] = start
        yield best
        work = (remaining * rng.uniform(1 - _SPREAD, 1 + _SPREAD, remaining.size)).astype(np.int64)


def _pass(passes: Iterator[int | None], expired: Callable[[], bool]) -> bool:
    """Make one pass; returns whether there was time for it."""
    while not expired():
        if next(passes) is not None:
            return True
    return False
