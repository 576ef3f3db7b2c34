"""What every batch of episodes shares: rows, threads over them, and the checks of what callers pass."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from makespan.instances.instance import IntArray
from makespan.solvers.kernels.legal_actions import first_illegal

ROWS_PER_THREAD = 16
"""Fewer than this for each thread are not worth waking one."""


class RowThreads:
    """Calls a kernel for parts of the rows on up to ``threads`` threads, the calling one among them."""

    def __init__(self, threads: int) -> None:
        if threads < 1:
            raise ValueError(f"threads: found {threads}, expected 1 or more")
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None

    def __reduce__(self) -> tuple[type[RowThreads], tuple[int]]:
        return RowThreads, (self.threads,)

    def parts(self, number: int) -> int:
        """Into how many parts so many rows are divided."""
        return max(1, min(self.threads, number // ROWS_PER_THREAD))

    def run(self, function: Callable[[int, int], Any], number: int) -> list[Any]:
        """``function(first, last)`` for parts of 0 to ``number``; returns the results in order."""
        parts = self.parts(number)
        if self._pool is None or parts == 1:
            return [function(0, number)]
        edges = [number * part // parts for part in range(parts + 1)]
        others = [self._pool.submit(function, low, high) for low, high in zip(edges[1:-1], edges[2:], strict=True)]
        return [function(0, edges[1]), *(other.result() for other in others)]


def as_rows(rows: ArrayLike | None, number: int, default: IntArray) -> IntArray:
    """Row numbers as an array; all of them for None. Raises ValueError for one out of range or named twice."""
    if rows is None or rows is default:
        return default
    if type(rows) is np.ndarray and rows.dtype == np.int64 and rows.shape == (1,) and 0 <= rows[0] < number:
        return rows  # what a single environment asks for, again and again
    array = np.atleast_1d(np.asarray(rows))
    if array.dtype == np.bool_:
        if array.shape != (number,):
            raise ValueError(f"rows: found a mask of shape {array.shape}, expected ({number},)")
        array = np.flatnonzero(array)
    array = np.ascontiguousarray(array, np.int64)
    if array.ndim != 1 or (array.size and (array.min() < 0 or array.max() >= number)):
        raise ValueError(f"rows: found {array.tolist()}, expected numbers from 0 to {number - 1}")
    if array.size > 1 and np.bincount(array).max() > 1:
        raise ValueError(f"rows: found {array.tolist()}, expected each row once")
    return array


def checked_actions(action: ArrayLike, rows: IntArray, count: IntArray) -> IntArray:
    """Positions of candidates, one per row, or anything where a row is over. Raises ValueError for the first illegal
    one."""
    array = np.ascontiguousarray(action, np.int64)
    if array.shape != rows.shape:
        raise ValueError(f"actions: found shape {array.shape}, expected {rows.shape}, one per row")
    i = first_illegal(rows, count, array)
    if i >= 0:
        number = count[rows[i]]
        raise ValueError(f"row {rows[i]}: found action {array[i]}, expected 0 to {number - 1}; nothing was changed")
    return array


def draw(random: np.random.Generator, count: IntArray) -> IntArray:
    """A legal action for each row, drawn uniformly (to within 2**-32); 0 where a row is over."""
    drawn: IntArray = (random.integers(1 << 32, size=count.size) * count) >> 32
    return drawn


def out_array(
    out: NDArray[np.float32] | None, shape: tuple[int, ...], name: str
) -> NDArray[np.float32]:  # fmt: skip
    """``out`` if it has this shape, a new array of zeros for None."""
    if out is None:
        return np.zeros(shape, np.float32)
    if out.shape != shape or out.dtype != np.float32 or not out.flags.c_contiguous:
        raise ValueError(
            f"{name}: found {out.dtype} of shape {out.shape}, expected contiguous float32 of shape {shape}"
        )
    return out
