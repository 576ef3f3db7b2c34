"""Logarithms and ratios in integers, so that decisions made with them are the same on every machine."""

from __future__ import annotations

from makespan.solvers.kernels import inlined, step

FRACTION_BITS = 20
ONE = 1 << FRACTION_BITS
LOG2_E = 1_512_775
"""log2(e) in units of 2**-20, rounded to the nearest."""

_RATIO_LIMIT = 1 << 40


@step
def log2(value):
    """The binary logarithm of an int64 >= 1 in units of 2**-20, at most one unit below the true one. 20 squarings."""
    whole = 0
    while value >> whole > 1:
        whole += 1
    # The mantissa in [1, 2) with 30 bits after the point: its square fits 62 bits.
    mantissa = value >> (whole - 30) if whole > 30 else value << (30 - whole)
    result = whole
    for _ in range(FRACTION_BITS):
        mantissa = (mantissa * mantissa) >> 30
        result <<= 1
        if mantissa >> 31:
            result |= 1
            mantissa >>= 1
    return result


@inlined
def ratio(amount, unit):
    """``amount / unit`` in units of 2**-20, rounded down; |amount| <= 2**62, unit >= 1; held within +-2**60."""
    while unit >= _RATIO_LIMIT:
        unit >>= 1
        amount >>= 1
    whole = amount // unit
    if whole >= _RATIO_LIMIT:
        return _RATIO_LIMIT << FRACTION_BITS
    if whole <= -_RATIO_LIMIT:
        return -(_RATIO_LIMIT << FRACTION_BITS)
    return (whole << FRACTION_BITS) + ((amount - whole * unit) << FRACTION_BITS) // unit
