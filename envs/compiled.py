"""Features and rewards of one's own at the speed of ours: small functions, compiled into a loop over all rows.

They read the arrays of ``solvers/kernels/shop_layout.py``: ``shop[shop[DURATION] + mode]`` is the duration of a mode,
``state[state[JOBS] + JOB_SIZE * job + READY]`` the end of the job so far. The first call compiles, for some seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from makespan.envs.observer import CandidateFeature
from makespan.envs.rewards import Potential
from makespan.envs.shop_batch import ShopBatch
from makespan.instances.instance import IntArray


def compiled_feature(function: Callable[[Any, Any, int, int], float]) -> CandidateFeature:
    """A feature for ``features=`` from ``function(shop, state, job, mode)``, in plain Python that Numba can compile.

    It is called for every candidate but a wait, whose feature is 0.
    """
    one = numba.njit(function)

    @numba.njit(nogil=True)
    def fill(shops, rows, first, last, which, state, job, mode, count, out):  # type: ignore[no-untyped-def]
        for i in range(first, last):
            r, s = rows[i], which[rows[i]]
            shop = shops.shop[shops.shop_ptr[s] : shops.shop_ptr[s + 1]]
            for c in range(count[r]):
                if job[r, c] >= 0:
                    out[i, c] = one(shop, state[r], job[r, c], mode[r, c])

    def feature(batch: ShopBatch, rows: IntArray) -> NDArray[np.float64]:
        out = np.zeros((rows.size, batch.width))
        batch.run(fill, rows, batch.which, batch.state, batch.job, batch.mode, batch.count, out)
        return out

    return feature


def compiled_potential(function: Callable[[Any, Any], float]) -> Potential:
    """A reward for ``reward=`` from ``function(shop, state)``: the fall of what it returns, see ``envs/rewards.py``."""
    one = numba.njit(function)

    @numba.njit(nogil=True)
    def fill(shops, rows, first, last, which, state, out):  # type: ignore[no-untyped-def]
        for i in range(first, last):
            r, s = rows[i], which[rows[i]]
            out[i] = one(shops.shop[shops.shop_ptr[s] : shops.shop_ptr[s + 1]], state[r])

    def potential(batch: ShopBatch, rows: IntArray) -> NDArray[np.float64]:
        out = np.zeros(rows.size)
        batch.run(fill, rows, batch.which, batch.state, out)
        return out

    return potential
