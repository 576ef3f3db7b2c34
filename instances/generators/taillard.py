"""Taillard (1993), Benchmarks for basic scheduling problems, EJOR 64, 278-285: job shop, flow shop and open shop.

Number for number the published generator. With the seeds of ``taillard_seeds``, ``job_shop`` gives ta01 to ta80,
``flow_shop`` his 120 flow shops and ``open_shop`` the first 10 of his open shops.
"""

from __future__ import annotations

import numpy as np

from makespan.instances.generators.parameters import at_least
from makespan.instances.generators.taillard_seeds import JOB_SHOP_SEEDS, JOB_SHOP_SIZES
from makespan.instances.instance import Instance, IntArray

MODULUS = 2**31 - 1
"""The generator of Bratley, Fox and Schrage: x -> 16807 x mod (2**31 - 1)."""


class Stream:
    """The stream of random numbers that starts from ``seed``, in 1..MODULUS - 1."""

    def __init__(self, seed: int, name: str = "seed") -> None:
        at_least(1, **{name: seed})
        if seed >= MODULUS:
            raise ValueError(f"{name}: found {seed}, expected at most {MODULUS - 1}")
        self.state = seed

    def uniform(self, low: int, high: int) -> int:
        """The next number, uniform on the integers low to high."""
        self.state = 16807 * self.state % MODULUS
        return low + int(self.state / MODULUS * (high - low + 1))


def taillard(number: int) -> Instance:
    """The published job shop instance ta``number``, 1 to 80."""
    if not 1 <= number <= len(JOB_SHOP_SEEDS):
        raise ValueError(f"number: found {number}, expected 1 to {len(JOB_SHOP_SEEDS)} (ta01 to ta80)")
    jobs, machines = JOB_SHOP_SIZES[(number - 1) // 10]
    return job_shop(jobs, machines, *JOB_SHOP_SEEDS[number - 1]).named(f"ta{number:02d}", "Taillard 1993")


def job_shop(jobs: int, machines: int, time_seed: int, machine_seed: int) -> Instance:
    """Times uniform on 1..99 and a random machine order for each job."""
    at_least(1, jobs=jobs, machines=machines)
    times, routes = _times(jobs, machines, time_seed), _routes(jobs, machines, machine_seed)
    name = f"taillard_{jobs}x{machines}_{time_seed}_{machine_seed}"
    return Instance.job_shop_arrays(
        np.arange(jobs + 1) * machines, routes.ravel(), times.ravel(), machines, name=name, source="Taillard 1993"
    )


def flow_shop(jobs: int, machines: int, seed: int, permutation: bool = True) -> Instance:
    """Times uniform on 1..99, drawn machine by machine; his 120 instances are permutation flow shops."""
    at_least(1, jobs=jobs, machines=machines)
    times = _times(machines, jobs, seed, "seed").T
    name = f"taillard_flow_{jobs}x{machines}_{seed}"
    return Instance.flow_shop(times, permutation, name=name, source="Taillard 1993")


def open_shop(jobs: int, machines: int, time_seed: int, machine_seed: int) -> Instance:
    """Times and orders drawn as for the job shop; only which machine each time belongs to is kept of the order."""
    at_least(1, jobs=jobs, machines=machines)
    times, routes = _times(jobs, machines, time_seed), _routes(jobs, machines, machine_seed)
    on_machine = np.empty_like(times)
    np.put_along_axis(on_machine, routes, times, axis=1)
    name = f"taillard_open_{jobs}x{machines}_{time_seed}_{machine_seed}"
    return Instance.open_shop(on_machine, name=name, source="Taillard 1993")


def _times(rows: int, columns: int, seed: int, name: str = "time_seed") -> IntArray:
    stream = Stream(seed, name)
    return np.array([[stream.uniform(1, 99) for _ in range(columns)] for _ in range(rows)], dtype=np.int64)


def _routes(jobs: int, machines: int, seed: int) -> IntArray:
    """One machine order per job: entry i is swapped with one drawn from i to the last."""
    stream = Stream(seed, "machine_seed")
    routes = np.tile(np.arange(machines), (jobs, 1))
    for route in routes:
        for i in range(machines):
            other = stream.uniform(i, machines - 1)
            route[i], route[other] = route[other], route[i]
    return routes
