"""A tournament tree: the first of the least among n values, with one value changed in O(log n).

A tree for n values takes ``tree_size(n)`` places of an int64 array from ``base`` on; half of them, ``half``, is a power
of two. Value i lies at ``base + half + i``, the least of all at ``base + 1``. Unused places hold NEVER.
"""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import inlined

NEVER = np.int64(1 << 62)
"""Above every time and every priority. Not a Python integer: as a literal it would be one more type to Numba."""


def tree_size(num_values: int) -> int:
    """Places that a tree for ``num_values`` values takes."""
    return int(2 << max(0, num_values - 1).bit_length())


@inlined
def set_leaf(array, base, half, leaf, value):
    """Give value number ``leaf`` another value. O(log n)."""
    i = half + leaf
    array[base + i] = value
    while i > 1:
        i >>= 1
        least = min(array[base + 2 * i], array[base + 2 * i + 1])
        if array[base + i] == least:
            break
        array[base + i] = least


@inlined
def first_least(array, base, half):
    """The lowest number that has the least value, ``array[base + 1]``. O(log n)."""
    i = 1
    while i < half:
        i = 2 * i
        if array[base + i + 1] < array[base + i]:
            i += 1
    return i - half
