"""Divide, conquer, reunion for large job shops: windows of a schedule searched one after another, exactly merged.

A window holds the operations of a stretch of the schedule: ``kernels.window_cut`` cuts it out, with the rest of the
schedule in its releases and tails, ``kernels.tabu`` searches it, and it is put back, so that the makespan never rises.
Windows overlap by half, and sweeps go from left to right and back in turn. Each thread sweeps a part of its own; the
borders between the parts move from sweep to sweep. The windows of Zheng et al. (2024), NeurIPS, arXiv 2407.00312,
without the network.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from makespan.instances.instance import Instance, IntArray
from makespan.instances.shop_view import ShopView, shop_view
from makespan.solvers.iterated_dispatch import (
    SHOP_SEARCH_FEATURES,
    IteratedDispatch,
    Presenter,
    order_of,
    to_and_fro,
)
from makespan.solvers.kernels.keyed_dispatch import KeyedShop, keyed_shop, pass_along
from makespan.solvers.kernels.tabu import load, tabu_slice
from makespan.solvers.kernels.window_cut import (
    Plan,
    cut_window,
    lay_out,
    new_plan,
    new_window,
    part_of,
    put_back,
    split,
    time_plan,
    with_sinks,
)
from makespan.solvers.registry import from_strings
from makespan.solvers.stage import Context

SLICE_OPERATIONS = 100_000
"""Operations of the whole schedule that one compiled call goes through, in 20 ms as a rule."""

SLICE_SECONDS = 0.01
"""What the moves of one compiled call take as a rule."""

OPERATIONS_PER_MACHINE = 20
"""What the first windows hold of each machine."""

LARGEST_WINDOW = 20_000

LEAST_GAIN = 1_000
"""Patience, then windows double when a sweep each way gains less than one part in so many."""

MOST_PATIENCE = 8
"""How far the patience grows, as a multiple of what it begins with."""

_POLL_SECONDS = 0.05
_BORDERS = (0.5, 0.4, 0.6, 0.3, 0.7)


@dataclass(frozen=True)
class Windows:
    """The solver ``windows``.

    Parameters
    ----------
    size
        Operations of a window; 0 lets them begin with OPERATIONS_PER_MACHINE and grow to LARGEST_WINDOW.
    patience
        Moves without a better value after which a window is left at first, in per cent of its operations; it doubles
        when sweeps gain little, up to MOST_PATIENCE times, and then the windows do.
    passes
        Passes of dispatching to and fro, per thread, that make the first schedule where there is none.

    An iteration is one move, or one of these passes. Memory: about 160 bytes per operation and 6 MB per thread.
    """

    supports: ClassVar[frozenset[str]] = SHOP_SEARCH_FEATURES

    size: int = 0
    patience: int = 25
    passes: int = 60

    def __post_init__(self) -> None:
        for name, least in (("size", 0), ("patience", 1), ("passes", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected at least {least}")

    @property
    def kernels(self) -> tuple[Any, ...]:
        return (
            *IteratedDispatch().kernels,
            lay_out,
            time_plan,
            split,
            cut_window,
            load,
            tabu_slice,
            put_back,
        )

    def warm(self) -> None:
        IteratedDispatch().warm()
        toy = Instance.job_shop([[0, 1], [1, 0]], [[2, 1], [1, 2]])
        shop = toy.derived(shop_view).derived(keyed_shop)
        plan, sweeper = new_plan(shop), _Sweeper(shop, 4)
        lay_out(shop, np.array([0, 2, 1, 3]), plan, np.full(2, -1, np.int32), 0, 4)
        time_plan(shop, plan, 0, 4, True)
        split(shop, plan, 2, time_plan(shop, plan, 0, 4, False), np.empty(2, np.int64))
        for _ in sweeper.search(plan, 0, 2, 0, 0, 1, 1):
            pass

    def run(self, instance: Instance, context: Context) -> None:
        view = instance.derived(shop_view)
        presenter = Presenter(instance, context)
        order: IntArray | None
        if context.incumbent is not None:
            order = order_of(view, context.incumbent)
        else:
            order = to_and_fro(view, context, presenter, max(1, context.threads), self.passes)
        if order is not None and order.size > 0:
            _Search(self, view, context, presenter, order).run()
        presenter.flush()


def make(argument: str | None = None, **parameters: str) -> Windows:
    """The stage of the spec ``windows,key=value``; it takes no argument."""
    if argument is not None:
        raise ValueError(f"found argument {argument!r}, expected none")
    return from_strings(Windows, parameters)


class _Sweeper:
    """What one thread needs: room for a window and scratch per machine."""

    def __init__(self, shop: KeyedShop, capacity: int) -> None:
        self.shop, self._room = shop, new_window(capacity)
        self._window = self._room
        self.lock = threading.Lock()
        self._in_haste = False
        self._moves = max(1, 10_000 // capacity)
        self._last, self._following = np.full((2, shop.line_ptr.size - 1), -1, np.int32)

    def search(
        self, plan: Plan, first: int, stop: int, seed: int, stream: int, iterations: int, patience: int
    ) -> Iterator[int]:
        """Search the window of the places ``first`` to ``stop - 1`` and put it back; yields the moves of each slice."""
        if self._window.op.size != stop - first:
            self._window = part_of(self._room, stop - first)
        window = self._window
        sinks = cut_window(self.shop, plan, first, stop, seed, stream, window)
        search = with_sinks(window.search, sinks)
        load(search, search.best)
        self._in_haste, left = False, iterations
        while left > 0 and not self._in_haste:
            allowed = min(self._moves, left)
            before = time.perf_counter()
            made = int(tabu_slice(search, allowed, patience, -1))
            if made == self._moves:
                seconds = time.perf_counter() - before
                self._moves = max(1, int(made * min(2.0, SLICE_SECONDS / max(seconds, 1e-6))))
            left -= made
            yield made
            if made < allowed:
                break  # out of patience, or of moves
        with self.lock:
            put_back(self.shop, plan, first, window.op, search.best, self._last, self._following)

    def hurry(self) -> None:
        """Let the search that runs end with the slice, and keep its best order."""
        self._in_haste = True


class _Search:
    """Sweeps until the stage must return."""

    def __init__(self, stage: Windows, view: ShopView, context: Context, presenter: Presenter, order: IntArray) -> None:
        self._stage, self._view, self._context, self._presenter = stage, view, context, presenter
        self._shop = view.derived(keyed_shop)
        self._plan = new_plan(self._shop)
        self._bound = np.empty(self._shop.line_ptr.size - 1, np.int64)
        self._order = order
        self._size = min(view.num_operations, stage.size or OPERATIONS_PER_MACHINE * max(1, view.num_machines))
        self._sweepers = self._new_sweepers()
        self._patience = stage.patience
        self._round = 0
        self._best = int(context.objectives[0]) if context.objectives else None
        self._since = 0.0

    def run(self) -> None:
        """Alternate sweeps, all threads in the same direction."""
        before = None
        with ThreadPoolExecutor(len(self._sweepers)) as pool:
            while not self._presenter.expired():
                self._adopt_incumbent()
                makespan = self._lay_out()
                if makespan is None:
                    break
                self._improved(makespan, self._order)
                if self._round % 2 == 0:
                    if before is not None and (before - makespan) * LEAST_GAIN < before:
                        self._enlarge()
                    before = makespan
                moves = self._finish(self._begin_sweeps(pool, makespan))
                self._order = self._plan.order.copy()
                self._round += 1
                if moves == 0 and not self._enlarge():
                    break  # every longest path runs along jobs alone
        self._improved(self._makespan(self._order), self._order)

    def _lay_out(self) -> int | None:
        """Set the plan from the order; returns the makespan, None if the stage must return before."""
        n, last = self._order.size, np.full(self._shop.line_ptr.size - 1, -1, np.int32)
        for at in range(0, n, SLICE_OPERATIONS):
            if self._presenter.expired():
                return None
            lay_out(self._shop, self._order, self._plan, last, at, min(n, at + SLICE_OPERATIONS))
        return self._time_plan(0, n, False)

    def _time_plan(self, first: int, stop: int, forward: bool) -> int | None:
        """Set heads, or rests, of a part of the plan; returns the longest path of rests, None as ``_lay_out``."""
        begins = range(first, stop, SLICE_OPERATIONS)
        longest = 0
        for at in begins if forward else reversed(begins):
            if self._presenter.expired():
                return None
            value = time_plan(self._shop, self._plan, at, min(stop, at + SLICE_OPERATIONS), forward)
            longest = max(longest, int(value))
        return longest

    def _makespan(self, order: IntArray) -> int:
        return int(pass_along(self._shop, order, True, np.empty_like(order)))

    def _new_sweepers(self) -> list[_Sweeper]:
        return [_Sweeper(self._shop, self._size) for _ in range(max(1, self._context.threads))]

    def _adopt_incumbent(self) -> None:
        """Go on from the incumbent if somebody else has made a better one."""
        objectives, incumbent = self._context.objectives, self._context.incumbent
        if objectives and incumbent is not None and self._best is not None and objectives[0] < self._best:
            self._order = order_of(self._view, incumbent)

    def _enlarge(self) -> bool:
        """Double the patience, or once that is done the windows; returns whether there was anything to double."""
        largest = min(self._view.num_operations, LARGEST_WINDOW)
        if self._patience < MOST_PATIENCE * self._stage.patience:
            self._patience *= 2
            return True
        if self._stage.size > 0 or self._size >= largest:
            return False
        self._size = min(2 * self._size, largest)
        self._sweepers = self._new_sweepers()
        return True

    def _improved(self, makespan: int, order: IntArray) -> None:
        if self._best is None or makespan < self._best:
            self._best = makespan
            self._presenter.improve(order)

    def _begin_sweeps(self, pool: ThreadPoolExecutor, makespan: int) -> list[Future[int]]:
        n, threads = self._view.num_operations, len(self._sweepers)
        if n < 2 * self._size:
            threads = 1
        shift = _BORDERS[self._round % len(_BORDERS)] - 0.5
        places = [
            int(n * (part + shift) / threads) if 0 < part < threads else n * part // threads
            for part in range(threads + 1)
        ]
        parts = list(zip(places[:-1], places[1:], strict=True))
        for place in places[1:-1]:
            split(self._shop, self._plan, place, makespan, self._bound)
        if threads > 1:
            for part, forward in itertools.product(parts, (True, False)):
                if self._time_plan(*part, forward) is None:
                    return []
        return [pool.submit(self._sweep, number, *part) for number, part in enumerate(parts)]

    def _sweep(self, number: int, first: int, stop: int) -> int:
        """One sweep over the places ``first`` to ``stop - 1``; returns the moves it made."""
        sweeper, context = self._sweepers[number], self._context
        size, hop = min(self._size, stop - first), max(1, self._size // 2)
        rng = np.random.default_rng([context.seed, self._round, number])
        begins = [first, *range(first + int(rng.integers(1, hop + 1)), stop - size, hop), stop - size]
        if self._round % 2:
            begins.reverse()
        patience, made = max(1, size * self._patience // 100), 0
        for index, begin in enumerate(dict.fromkeys(begins)):
            if self._presenter.expired():
                break
            stream = (self._round << 32) + (number << 24) + index
            left = context.remaining_iterations()
            limit = 1 << 40 if left is None else left
            for moves in sweeper.search(self._plan, begin, begin + size, context.seed, stream, limit, patience):
                context.count(moves)
                made += moves
                if self._presenter.expired():
                    sweeper.hurry()
        return made

    def _finish(self, sweeps: list[Future[int]]) -> int:
        """Wait for the sweeps and offer what they have so far now and then; returns the moves they made."""
        while wait(sweeps, _POLL_SECONDS).not_done:
            if not self._presenter.by_count and time.perf_counter() >= self._since:
                began = time.perf_counter()
                with contextlib.ExitStack() as locks:
                    for sweeper in self._sweepers:
                        locks.enter_context(sweeper.lock)
                    order = self._plan.order.copy()
                self._improved(self._makespan(order), order)
                self._since = time.perf_counter() + 20 * (time.perf_counter() - began) + _POLL_SECONDS
        return sum(sweep.result() for sweep in sweeps)
