"""Two-set routing, the hard half of Demirkol, Mehta and Uzsoy (1998), Benchmarks for shop scheduling problems,
EJOR 109, 137-141 (dmu41 to dmu80): every job passes one half of the machines before the other."""

from __future__ import annotations

import numpy as np

from makespan.instances.generators.parameters import at_least, spread
from makespan.instances.instance import Instance


def job_shop(jobs: int, machines: int, seed: int, min_duration: int = 1, max_duration: int = 200) -> Instance:
    """Every job visits machines 0 .. machines // 2 - 1 in a uniform order, then the others in a uniform order."""
    at_least(1, jobs=jobs)
    at_least(2, machines=machines)
    at_least(0, seed=seed)
    spread("duration", min_duration, max_duration)
    rng = np.random.default_rng(seed)
    half = machines // 2
    first = rng.permuted(np.tile(np.arange(half), (jobs, 1)), axis=1)
    second = rng.permuted(np.tile(np.arange(half, machines), (jobs, 1)), axis=1)
    times = rng.integers(min_duration, max_duration + 1, size=(jobs, machines))
    return Instance.job_shop_arrays(
        np.arange(jobs + 1) * machines,
        np.concatenate((first, second), axis=1).ravel(),
        times.ravel(),
        machines,
        name=f"two_set_{jobs}x{machines}_{seed}",
        source="two-set routing, Demirkol, Mehta and Uzsoy 1998",
    )
