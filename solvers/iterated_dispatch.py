"""Job shops by dispatching to and fro: the ends of one pass are the priorities of the next, in the other direction.

A first pass follows the most work remaining. From then on the operation that ended last in one direction goes first in
the other: what the reversed schedule could put off, the next one puts off, and what it could not comes early. The idea
is that of forward-backward improvement (Li and Willis 1992, EJOR 56, 370-379), with a Giffler-Thompson pass in the
place of a justification, since in a job shop justification alone moves nothing on the critical path.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.instances.shop_view import ShopView, shop_view
from makespan.solvers.kernels.keyed_dispatch import KeyedShop, begin_pass, keyed_shop, new_passage, pass_along, run_pass
from makespan.solvers.registry import from_strings
from makespan.solvers.stage import Context

SHOP_SEARCH_FEATURES = frozenset({"recirculation", "release", "due", "weight", "now"})
"""What passes and windows keep or may ignore for the makespan; one machine per operation."""

PASSES_PER_ROUND = 20
"""After so many passes a thread draws another delta."""

SLICE_WORK = 60_000
"""Decisions per compiled call, about 20 ms."""

_OFFER_SHARE = 10
_LARGEST_DELTA = 50


class Presenter:
    """Offers ordered operations as schedules, but spends on that a tenth of the time at most: checking takes seconds
    where there are millions of operations.

    Other improvements are held back until ``flush``, for which ``reserve`` seconds are kept. Under an iteration budget
    (``by_count``) the clock decides nothing: every improvement is offered, so that runs repeat.
    """

    def __init__(self, instance: Instance, context: Context) -> None:
        self.context = context
        self.by_count = context.remaining_iterations() is not None
        self._view = instance.derived(shop_view)
        self._shop = self._view.derived(keyed_shop)
        self._start = np.empty(self._view.num_operations, np.int64)
        self._held: IntArray | None = None
        self._next = 0.0
        self._cost = 0.0

    @property
    def reserve(self) -> float:
        """Seconds to keep for a last offer: twice what the latest took."""
        return 2 * self._cost

    def expired(self) -> bool:
        """Whether the stage must return, in time for a last offer."""
        return self.context.expired() or self.context.remaining() <= self.reserve

    def improve(self, order: IntArray) -> None:
        """Take a better topological order of the operations; it is copied."""
        self._held = order.copy()
        if self.by_count or time.perf_counter() >= self._next:
            self.flush()

    def flush(self) -> None:
        """Offer what is held back."""
        if self._held is None:
            return
        began = time.perf_counter()
        pass_along(self._shop, self._held, True, self._start)
        self._held = None
        self.context.offer(schedule_of(self._view, self._start))
        ended = time.perf_counter()
        self._cost = ended - began
        self._next = ended + _OFFER_SHARE * self._cost


def schedule_of(view: ShopView, start: IntArray) -> Schedule:
    """The schedule with these starts of the view's operations."""
    of_task = np.empty(start.size, np.int64)
    of_task[view.task] = start
    return Schedule(of_task)


def order_of(view: ShopView, schedule: Schedule) -> IntArray:
    """A topological order of the operations of a feasible schedule: by start, those that take no time first, then in
    processing order. O(n log n)."""
    start = schedule.start[view.task]
    return np.lexsort((np.arange(start.size), view.duration > 0, start))


class Lane:
    """One sequence of passes; a thread runs it. Of the latest pass it keeps a topological ``order`` of the operations;
    ``key`` is overwritten."""

    def __init__(self, shop: KeyedShop, rng: np.random.Generator, key: IntArray, forward: bool) -> None:
        self._shop, self._rng, self._key, self._forward = shop, rng, key, forward
        self._passage, self._time = new_passage(shop), np.empty(shop.machine.size, np.int64)
        self._has_releases = bool(shop.release.any())
        self.order = np.empty(shop.machine.size, np.int64)

    def passes(self) -> Iterator[int | None]:
        """Makespan after each pass, None within one, so that the caller can look at the clock."""
        number = 0
        while True:
            delta = int(self._rng.integers(_LARGEST_DELTA + 1)) if number >= PASSES_PER_ROUND else 10
            for _ in range(PASSES_PER_ROUND):
                begin_pass(self._passage)
                while not run_pass(self._shop, self._key, self._forward, delta, self._passage, SLICE_WORK):
                    yield None
                np.add(self._passage.time, self._shop.duration, out=self._key)
                makespan = int(self._key.max(initial=0))
                np.negative(self._key, out=self._key)
                self.order[:] = self._passage.order if self._forward else self._passage.order[::-1]
                if not self._forward and self._has_releases:
                    makespan = int(pass_along(self._shop, self.order, True, self._time))
                self._forward = not self._forward
                yield makespan
                number += 1


@dataclass(frozen=True)
class IteratedDispatch:
    """The solver ``iterated_dispatch``: dispatching to and fro, each thread with its own sequence of deltas.

    The first thread begins with the incumbent if there is one, the others, and it without one, with most work
    remaining; each second thread begins backwards. An iteration is one pass, O(operations x (log machines + queue)).
    Memory: about 100 bytes per operation and thread. It goes on until it is stopped.
    """

    supports: ClassVar[frozenset[str]] = SHOP_SEARCH_FEATURES

    @property
    def kernels(self) -> tuple[Any, ...]:
        return run_pass, pass_along

    def warm(self) -> None:
        toy = Instance.job_shop([[0, 1], [1, 0]], [[2, 1], [1, 2]])
        view = toy.derived(shop_view)
        shop = view.derived(keyed_shop)
        passage = new_passage(shop)
        begin_pass(passage)
        run_pass(shop, np.zeros(4, np.int64), True, 0, passage, 100)
        pass_along(shop, passage.order, True, np.empty(4, np.int64))

    def run(self, instance: Instance, context: Context) -> None:
        view = instance.derived(shop_view)
        presenter = Presenter(instance, context)
        to_and_fro(view, context, presenter, max(1, context.threads))
        presenter.flush()


def to_and_fro(
    view: ShopView, context: Context, presenter: Presenter, threads: int, passes: int | None = None
) -> IntArray | None:
    """Dispatch to and fro until the stage must return, or for ``passes`` passes of each of ``threads`` lanes.

    Returns the topological order of the best schedule of these passes, None if there was no time for one.
    """
    shop = view.derived(keyed_shop)
    lanes = [_first_lane(view, shop, context)]
    lanes += [Lane(shop, context.rng(lane), *_most_work_remaining(shop, lane % 2 == 0)) for lane in range(1, threads)]
    incumbent = int(context.objectives[0]) if context.objectives else None
    streams = [lane.passes() for lane in lanes]
    best, order, made = incumbent, None, 0
    if view.num_operations == 0:
        passes = 1
    with ThreadPoolExecutor(len(lanes)) as pool:
        while not presenter.expired() and (passes is None or made < passes * threads):
            values = list(pool.map(next, streams)) if len(lanes) > 1 else [next(streams[0])]
            for lane, value in zip(lanes, values, strict=True):
                if value is None:
                    continue
                made += 1
                context.count(1)
                if best is None or value < best:
                    best, order = value, lane.order.copy()
                    presenter.improve(order)
    return order


def make(argument: str | None = None, **parameters: str) -> IteratedDispatch:
    """The stage of the spec ``iterated_dispatch``; it takes no argument."""
    if argument is not None:
        raise ValueError(f"found argument {argument!r}, expected none")
    return from_strings(IteratedDispatch, parameters)


def _first_lane(view: ShopView, shop: KeyedShop, context: Context) -> Lane:
    if context.incumbent is None:
        return Lane(shop, context.rng(), *_most_work_remaining(shop, True))
    return Lane(shop, context.rng(), -(context.incumbent.start[view.task] + shop.duration), False)


def _most_work_remaining(shop: KeyedShop, forward: bool) -> tuple[IntArray, bool]:
    """Least key first: minus the work of the job from the operation on, in the direction of the pass."""
    total = np.concatenate((np.zeros(1, np.int64), np.cumsum(shop.duration)))
    if forward:
        return total[:-1] - total[shop.job_ptr[shop.job + 1]], True
    return total[shop.job_ptr[shop.job]] - total[1:], False
