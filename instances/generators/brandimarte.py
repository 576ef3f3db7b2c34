"""Flexible job shop in the manner of Brandimarte (1993), Routing and scheduling in a flexible job shop by tabu search,
Annals of Operations Research 41, 157-183: every number is drawn uniformly between two given limits."""

from __future__ import annotations

import numpy as np

from makespan.instances.generators.parameters import at_least, spread
from makespan.instances.instance import Instance


def flexible_job_shop(
    jobs: int,
    machines: int,
    seed: int,
    min_operations: int = 5,
    max_operations: int = 7,
    min_alternatives: int = 1,
    max_alternatives: int = 3,
    min_duration: int = 1,
    max_duration: int = 7,
    equal_durations: bool = False,
) -> Instance:
    """The defaults are the limits of mk01 (10 jobs, 6 machines). The alternatives of an operation are different
    machines, each with its own duration, or all with the same one (``equal_durations``), as in the instances of Hurink,
    Jurisch and Thole (1994)."""
    at_least(1, jobs=jobs, machines=machines)
    at_least(0, seed=seed)
    spread("operations", min_operations, max_operations, 1)
    spread("alternatives", min_alternatives, max_alternatives, 1)
    spread("duration", min_duration, max_duration)
    if not isinstance(equal_durations, bool):
        raise ValueError(f"equal_durations: found {equal_durations!r}, expected true or false")
    if max_alternatives > machines:
        raise ValueError(f"max_alternatives: found {max_alternatives}, expected at most the {machines} machines")
    rng = np.random.default_rng(seed)
    shop = []
    for length in rng.integers(min_operations, max_operations + 1, size=jobs):
        counts = rng.integers(min_alternatives, max_alternatives + 1, size=length)
        options = [np.sort(rng.choice(machines, size=count, replace=False)) for count in counts]
        drawn = np.ones_like(counts) if equal_durations else counts
        times = [rng.integers(min_duration, max_duration + 1, size=count) for count in drawn]
        times = [np.broadcast_to(own, count) for own, count in zip(times, counts, strict=True)]
        shop.append([list(zip(m.tolist(), t.tolist(), strict=True)) for m, t in zip(options, times, strict=True)])
    name = f"flexible_{jobs}x{machines}_{seed}"
    return Instance.flexible_job_shop(shop, machines, name=name, source="in the manner of Brandimarte 1993")
