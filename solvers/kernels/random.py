"""Random integers from a state of one uint64: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).

The state is a uint64 array of shape (1,). Streams are told apart by their number alone, so that sample i of a run is
the same whatever ran before it and on however many threads.
"""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import inlined, step

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_SHIFT_1, _SHIFT_2, _SHIFT_3, _HALF = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)


@inlined
def next_bits(random):
    """64 random bits as uint64; advances ``random``."""
    random[0] += _GAMMA
    z = random[0]
    z = (z ^ (z >> _SHIFT_1)) * _MIX_1
    z = (z ^ (z >> _SHIFT_2)) * _MIX_2
    return z ^ (z >> _SHIFT_3)


@step
def seed_stream(random, seed, stream):
    """Set ``random`` to the beginning of stream ``stream`` (int64) of ``seed`` (int64)."""
    random[0] = np.uint64(seed)
    random[0] = next_bits(random) ^ np.uint64(stream)
    random[0] = next_bits(random)


@inlined
def below(random, bound):
    """A random integer in 0..bound - 1, for 1 <= bound <= 2**31; biased by at most bound / 2**32."""
    return np.int64(((next_bits(random) >> _HALF) * np.uint64(bound)) >> _HALF)
