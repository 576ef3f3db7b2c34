"""Uniform job shop: the distribution of Taillard (1993), as learned dispatchers draw it for training.

Source: Zhang et al. (2020), Learning to dispatch for job shop scheduling via deep reinforcement learning, NeurIPS 33.
"""

from __future__ import annotations

import numpy as np

from makespan.instances.generators.parameters import at_least, spread
from makespan.instances.instance import Instance


def job_shop(jobs: int, machines: int, seed: int, min_duration: int = 1, max_duration: int = 99) -> Instance:
    """Every job visits every machine once, in a uniform order; durations uniform on min_duration..max_duration."""
    at_least(1, jobs=jobs, machines=machines)
    at_least(0, seed=seed)
    spread("duration", min_duration, max_duration)
    rng = np.random.default_rng(seed)
    routes = rng.permuted(np.tile(np.arange(machines), (jobs, 1)), axis=1)
    times = rng.integers(min_duration, max_duration + 1, size=(jobs, machines))
    return Instance.job_shop_arrays(
        np.arange(jobs + 1) * machines,
        routes.ravel(),
        times.ravel(),
        machines,
        name=f"uniform_{jobs}x{machines}_{seed}",
        source="uniform job shop",
    )
