"""Random numbers that depend on what they are for alone, not on how many rows or processes there are."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from makespan.instances.instance import IntArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mixed(*keys: ArrayLike) -> NDArray[np.uint64]:
    """64 random bits for every combination of integer keys, which broadcast. Source: splitmix64 (Steele et al. 2014,
    OOPSLA, 453-472), each key stirred in after the other."""
    with np.errstate(over="ignore"):
        state = np.zeros((), np.uint64)
        for key in keys:
            state = _stirred((state ^ np.asarray(key).astype(np.uint64)) + _GOLDEN)
    return state


def seeds_of(*keys: ArrayLike) -> IntArray:
    """Seeds for the rows of a batch, from 0 to 2**62 - 1, one for every combination of keys."""
    return (mixed(*keys) >> np.uint64(2)).astype(np.int64)


def _stirred(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    result: NDArray[np.uint64] = state ^ (state >> np.uint64(31))
    return result


def gumbel(*keys: ArrayLike) -> NDArray[np.float32]:
    """Standard Gumbel numbers, one for every combination of keys: logits plus these are sampled by their maximum."""
    uniform = ((mixed(*keys) >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    result: NDArray[np.float32] = (-np.log(-np.log(uniform))).astype(np.float32)
    return result
