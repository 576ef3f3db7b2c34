"""Random numbers of a simulated shop that depend on what they are drawn for, not on what was drawn before.

Each is a hash of (seed, stream, first, second): two policies that play the same seed meet the same arrivals, durations
and breakdowns, in whatever order they act. The mixing is that of SplitMix64, see ``random.py``.
"""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import inlined, step
from makespan.solvers.kernels.fixed_point import FRACTION_BITS, log2

# Streams, each with what its two numbers stand for: gaps between arrivals (job), which job of the instance comes (job),
# random routes and durations (job, step), actual durations (job, step); whether a start breaks the machine and after
# which part of the work (job, step); repair times (job, step, or machine and count), times until the next failure
# (machine, count); choices of a random policy (seed of the episode, decision).
GAP, TEMPLATE, ROUTE, PLANNED, ACTUAL, BREAKDOWN, PART, REPAIR, UP, CHOICE = range(10)

CHANCE_BITS, TIME_BITS = 32, 8
"""Chances are in units of 2**-32, mean times in units of 2**-8."""

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_SHIFT_1, _SHIFT_2, _SHIFT_3, _HALF = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)
_LN_2 = 726_817
"""ln(2) in units of 2**-20, rounded to the nearest."""


@inlined
def _mixed(z):
    z = (z ^ (z >> _SHIFT_1)) * _MIX_1
    z = (z ^ (z >> _SHIFT_2)) * _MIX_2
    return z ^ (z >> _SHIFT_3)


@step
def chance(seed, stream, first, second):
    """A random integer in 0..2**32 - 1."""
    z = _mixed(np.uint64(seed) + np.uint64(stream + 1) * _GAMMA)
    z = _mixed((z ^ np.uint64(first)) + _GAMMA)
    z = _mixed((z ^ np.uint64(second)) + _GAMMA)
    return np.int64(z >> _HALF)


@inlined
def keyed_below(seed, stream, first, second, bound):
    """A random integer in 0..bound - 1, for 1 <= bound <= 2**31; biased by at most bound / 2**32."""
    return (chance(seed, stream, first, second) * bound) >> CHANCE_BITS


@step
def exponential(seed, stream, first, second, mean):
    """An exponential time in the unit of ``mean`` <= 2**36, rounded down; at most 22 times the mean."""
    share = chance(seed, stream, first, second) + 1
    logarithm = (CHANCE_BITS << FRACTION_BITS) - log2(share)
    return (mean * ((logarithm * _LN_2) >> FRACTION_BITS)) >> FRACTION_BITS


@inlined
def repair_time(seed, first, second, most):
    """How long a machine is down: uniform on 1..most."""
    return 1 + keyed_below(seed, REPAIR, first, second, most)


@inlined
def up_time(seed, k, count, mean):
    """How long machine ``k`` runs until its failure number ``count``, at least 1; ``mean`` in units of 2**-8."""
    return max(1, exponential(seed, UP, k, count, mean) >> TIME_BITS)


@inlined
def breaks_down(seed, j, s, likely):
    """Whether the start of operation ``s`` of job ``j`` breaks its machine; ``likely`` in units of 2**-32."""
    return chance(seed, BREAKDOWN, j, s) < likely


@inlined
def work_before_breakdown(seed, j, s, duration):
    """How much of the operation is done when its machine breaks at once: uniform on 1..duration, or 0 of 0."""
    return 1 + keyed_below(seed, PART, j, s, duration) if duration > 0 else 0
