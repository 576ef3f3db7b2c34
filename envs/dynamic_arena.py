"""The shops of a batch of simulated ones, one behind the other, and the scenario as numbers for the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.envs.scenario import SOURCES, Scenario
from makespan.instances.features import unsupported
from makespan.instances.instance import Instance, IntArray
from makespan.instances.shop_view import ShopView, shop_view
from makespan.solvers.kernels import dynamic_layout as layout
from makespan.solvers.kernels.dynamic_begin import LONGEST_RANDOM
from makespan.solvers.kernels.dynamic_draws import CHANCE_BITS, TIME_BITS
from makespan.solvers.kernels.fixed_point import ONE
from makespan.solvers.kernels.tournament import NEVER

DYNAMIC_FEATURES = frozenset({"recirculation", "release", "due", "weight", "objective"})
"""Features of the instances that can be simulated; blocking is up to the scenario."""

LONGEST_REPAIR = 2**30


class DynamicArena(NamedTuple):
    """All arrays read-only.

    Parameters
    ----------
    job_ptr
        Operations of job j of the arena are ``job_ptr[j]`` to ``job_ptr[j + 1] - 1``.
    machine, duration
        Per operation.
    release, due, weight
        Per job.
    fact
        Shape (shops, FACTS) int64, see ``dynamic_layout``.
    scale
        Shape (shops, 4) float64, at least 1: mean duration of an operation, mean work of a job, operations of the
        longest job, mean weight.
    """

    job_ptr: IntArray
    machine: IntArray
    duration: IntArray
    release: IntArray
    due: IntArray
    weight: IntArray
    fact: IntArray
    scale: NDArray[np.float64]


class DynamicLimits(NamedTuple):
    """The largest shop that a batch has room for: jobs of an episode, operations of a job, machines."""

    jobs: int
    steps: int
    machines: int

    @classmethod
    def of(cls, instances: Sequence[Instance], scenario: Scenario) -> DynamicLimits:
        """What these instances need. Raises ValueError as ``plain_shop``."""
        views = [plain_shop(instance) for instance in instances]
        longest = max(int(np.diff(view.job_ptr).max(initial=1)) for view in views)
        machines = max(view.num_machines for view in views)
        return cls(
            scenario.num_jobs or max(view.num_jobs for view in views),
            machines if scenario.jobs == "uniform" else longest,
            machines,
        )


def plain_shop(instance: Instance) -> ShopView:
    """The view of a job shop that can be simulated.

    Raises ValueError if it has features that are not in DYNAMIC_FEATURES, dates or weights of tasks, no job, a job
    without operations or an operation without a machine.
    """
    refusal = unsupported(instance, DYNAMIC_FEATURES, "the simulation of a shop")
    if refusal:
        raise ValueError(refusal.partition(";")[0])
    view = instance.derived(shop_view)
    if instance.release is not None or instance.due is not None or instance.weight is not None:
        raise ValueError("simulation: found dates or weights of tasks, expected those of jobs alone")
    if view.num_jobs == 0 or (np.diff(view.job_ptr) == 0).any() or (view.machine < 0).any():
        raise ValueError("simulation: found a job without operations or machines, expected both")
    return view


def dynamic_arena(instances: Sequence[Instance], scenario: Scenario) -> DynamicArena:
    """The arena of these instances. O(size). Raises ValueError as ``plain_shop``."""
    views = [plain_shop(instance) for instance in instances]
    first, jobs = 0, [0]
    facts, scales = [], []
    for view in views:
        fact, scale = _fact(view, scenario)
        fact[layout.FIRST_JOB] = first
        first += view.num_jobs
        facts.append(fact)
        scales.append(scale)
        jobs.extend((view.job_ptr[1:] + jobs[-1]).tolist())
    arena = DynamicArena(
        np.array(jobs, np.int64),
        np.concatenate([view.machine for view in views]),
        np.concatenate([view.duration for view in views]),
        np.concatenate([view.job_release for view in views]),
        np.concatenate([view.job_due for view in views]),
        np.concatenate([view.job_weight for view in views]),
        np.stack(facts),
        np.array(scales, np.float64),
    )
    for array in arena:
        array.setflags(write=False)
    return arena


def setting_of(scenario: Scenario, limits: DynamicLimits, wait: bool, forced: str) -> IntArray:
    """The scenario as the kernels read it. Raises ValueError if ``forced`` is unknown."""
    if forced not in ("ask", "take"):
        raise ValueError(f"forced: found {forced!r}, expected one of ask, take")
    setting = np.zeros(layout.SETTINGS, np.int64)
    setting[layout.SET_JOBS], setting[layout.SET_STEPS], setting[layout.SET_MACHINES] = limits
    setting[layout.SET_ROOM] = scenario.max_jobs or limits.jobs
    setting[layout.SET_SOURCE] = SOURCES.index(scenario.jobs)
    setting[layout.SET_HORIZON] = scenario.horizon or NEVER
    setting[layout.SET_INITIAL] = scenario.initial_jobs
    setting[layout.SET_BREAKDOWN] = round(scenario.breakdown * 2**CHANCE_BITS)
    setting[layout.SET_UP_TIME] = round((scenario.up_time or 0) * 2**TIME_BITS)
    setting[layout.SET_INTERRUPT] = scenario.interrupt
    setting[layout.SET_SPREAD] = round(scenario.duration_spread * ONE)
    setting[layout.SET_TIGHTNESS] = -1 if scenario.due_tightness is None else round(scenario.due_tightness * ONE)
    setting[layout.SET_BLOCKING], setting[layout.SET_SWAP] = scenario.blocking, scenario.swap
    setting[layout.SET_WAIT], setting[layout.SET_FORCED] = wait, forced == "take"
    setting[layout.SET_KNOWN] = scenario.repair_known
    setting.setflags(write=False)
    return setting


def _fact(view: ShopView, scenario: Scenario) -> tuple[IntArray, tuple[float, float, float, float]]:
    lengths = np.diff(view.job_ptr)
    if scenario.jobs == "uniform":
        mean, longest, weight = (1 + LONGEST_RANDOM) / 2, float(view.num_machines), 1.0
        work, busiest = mean * longest, mean
    else:
        mean, longest, weight = float(view.duration.mean()), float(lengths.max()), float(view.job_weight.mean())
        load = np.bincount(view.machine, view.duration, minlength=view.num_machines)
        work, busiest = float(view.duration.sum()) / view.num_jobs, float(load.max()) / view.num_jobs
    gap = scenario.interarrival if scenario.utilisation is None else busiest / scenario.utilisation
    fact = np.zeros(layout.FACTS, np.int64)
    fact[layout.NUM_TEMPLATES], fact[layout.MACHINES_THERE] = view.num_jobs, view.num_machines
    fact[layout.EPISODE_JOBS] = scenario.num_jobs or view.num_jobs
    fact[layout.MEAN_GAP] = -1 if gap is None else min(round(gap * 2**TIME_BITS), 2**36)
    repair = mean if scenario.repair is None else scenario.repair
    fact[layout.MOST_REPAIR] = min(max(1, ceil(2 * repair)), LONGEST_REPAIR)
    return fact, (max(1.0, mean), max(1.0, work), max(1.0, longest), max(1.0, weight))
