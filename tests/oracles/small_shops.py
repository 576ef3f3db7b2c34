"""Small job shops for comparisons with brute force."""

from __future__ import annotations

import numpy as np

from makespan.instances.instance import Instance


def shop(seed: int, jobs: int = 4, machines: int = 3, zeros: bool = False, again: bool = False) -> Instance:
    """A small shop; with operations of no duration, or jobs that visit machines again."""
    random = np.random.default_rng(seed)
    duration = random.integers(0 if zeros else 1, 4 if zeros else 9, (jobs, machines))
    if again:
        machine = random.integers(0, machines, (jobs, machines))
    else:
        machine = np.stack([random.permutation(machines) for _ in range(jobs)])
    return Instance.job_shop(machine.tolist(), duration.tolist())
