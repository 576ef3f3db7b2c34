"""Recirculating job shop with unequal jobs, in the manner of the large benchmarks of Da Col and Teppan (2022),
Industrial-size job shop scheduling with constraint programming, Operations Research Perspectives 9, 100249."""

from __future__ import annotations

import numpy as np

from makespan.instances.generators.parameters import at_least, spread
from makespan.instances.instance import Instance, IntArray


def recirculating_job_shop(
    jobs: int,
    machines: int,
    seed: int,
    min_operations: int = 5,
    max_operations: int = 15,
    min_duration: int = 1,
    max_duration: int = 99,
) -> Instance:
    """Each job has its own number of operations and draws a machine for each of them, never the same twice in a row,
    so that it may return to a machine. Lengths and durations are uniform between their limits."""
    at_least(1, jobs=jobs)
    at_least(2, machines=machines)
    at_least(0, seed=seed)
    spread("operations", min_operations, max_operations, 1)
    spread("duration", min_duration, max_duration)
    rng = np.random.default_rng(seed)
    lengths = rng.integers(min_operations, max_operations + 1, size=jobs)
    ptr = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
    times = rng.integers(min_duration, max_duration + 1, size=ptr[-1])
    return Instance.job_shop_arrays(
        ptr,
        _walks(rng, ptr, machines),
        times,
        machines,
        name=f"recirculating_{jobs}x{machines}_{seed}",
        source="in the manner of Da Col and Teppan 2022",
    )


def _walks(rng: np.random.Generator, ptr: IntArray, machines: int) -> IntArray:
    """Uniform walks on the machines: each step of a job adds 1 to machines - 1, modulo machines."""
    steps = rng.integers(1, machines, size=ptr[-1])
    steps[ptr[:-1]] = rng.integers(machines, size=ptr.size - 1)
    total = np.cumsum(steps)
    before = np.repeat(total[ptr[:-1]] - steps[ptr[:-1]], np.diff(ptr))
    walks: IntArray = (total - before) % machines
    return walks
