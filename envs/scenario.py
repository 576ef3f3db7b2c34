"""What can happen in a simulated shop, apart from the instance that is played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

SOURCES = ("instance", "templates", "uniform")
"""Where jobs come from, see ``Scenario.jobs``."""

_LARGEST_TIME = 2**28


@dataclass(frozen=True)
class Scenario:
    """Everything that can happen, in the instance's unit of time. All times are integers when they happen.

    The defaults let nothing happen: the jobs of the instance come at their releases and everything goes as planned.

    Parameters
    ----------
    jobs
        ``instance``: each job of the instance comes once. ``templates``: every job that comes is one of them, drawn at
        random. ``uniform``: it visits all machines of the instance once, in random order, for 1 to 99 each.
    num_jobs
        Jobs that come in an episode; those of the instance if left out.
    max_jobs
        Places in the shop: when one job more comes, the episode is truncated. Room for all if left out.
    horizon
        The episode is truncated at this time if it is not over.
    utilisation
        Jobs come at random (a Poisson process) so often that the busiest machine would work this share of the time; if
        it is 1 or more, queues grow without end.
    interarrival
        The same by the mean time between two arrivals. Left out, both: jobs come at their releases, those of other
        sources than the instance, too.
    initial_jobs
        Of jobs that come at random, so many are there at time 0.
    breakdown
        The chance that an operation breaks its machine.
    up_time
        In place of that: the mean time from a repair to the next failure, exponential, whether the machine works or
        not.
    interrupt
        False: a machine that works fails when its operation ends. True: it fails at once, the work done so far counts,
        and the operation goes on after the repair; ``breakdown`` then happens after a random part of the operation.
    repair
        A machine is down for 1 to twice this, uniform; mean duration of the instance if left out.
    repair_known
        Whether observations tell how long a machine will be down.
    duration_spread
        A duration is uniform within this share below and above the planned one, rounded; known when it is over.
    due_tightness
        A job is due at its arrival and this times its planned work; when the instance says, counted from the release
        of the job, if left out.
    blocking
        There are no buffers: a job stays on its machine until it can move to the next one.
    swap
        Blocked jobs that wait for each other in a closed circle move at once. False: they stay for ever, and the
        episode ends incomplete when nothing else can happen.
    seed
        Rows of a batch begin with the seeds ``seed``, ``seed + 1``, and so on. Environments draw their own.

    Raises
    ------
    ValueError
        If a number is out of range or two parameters say different things about the same.
    """

    jobs: str = "instance"
    num_jobs: int | None = None
    max_jobs: int | None = None
    horizon: int | None = None
    utilisation: float | None = None
    interarrival: float | None = None
    initial_jobs: int = 1
    breakdown: float = 0.0
    up_time: float | None = None
    interrupt: bool = False
    repair: float | None = None
    repair_known: bool = True
    duration_spread: float = 0.0
    due_tightness: float | None = None
    blocking: bool = False
    swap: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.jobs not in SOURCES:
            raise ValueError(f"jobs: found {self.jobs!r}, expected one of {', '.join(SOURCES)}")
        if self.jobs != "instance" and self.num_jobs is None:
            raise ValueError(f"num_jobs: found none, expected a number for jobs={self.jobs!r}")
        if self.jobs == "instance" and self.num_jobs is not None:
            raise ValueError("num_jobs: found a number, expected none for jobs='instance', of which each comes once")
        if self.utilisation is not None and self.interarrival is not None:
            raise ValueError("interarrival: found it beside utilisation, expected one of the two")
        if self.up_time is not None and self.breakdown > 0:
            raise ValueError("up_time: found it beside breakdown, expected one of the two")
        for name in ("num_jobs", "max_jobs", "horizon", "initial_jobs"):
            self._check(name, 1, 2**53)
        for name in ("breakdown", "duration_spread"):
            self._check(name, 0, 1)
        for name in ("utilisation", "due_tightness"):
            self._check(name, 0, 1000)
        self._check("interarrival", 0, _LARGEST_TIME)
        self._check("up_time", 1, _LARGEST_TIME)
        self._check("repair", 0.5, _LARGEST_TIME)
        self._check("seed", 0, 2**62)
        if self.utilisation == 0:
            raise ValueError("utilisation: found 0, expected more")

    def _check(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if value is not None and not (isfinite(value) and low <= value <= high):
            raise ValueError(f"{name}: found {value}, expected {low} to {high}")

    @property
    def arrives_at_random(self) -> bool:
        return self.utilisation is not None or self.interarrival is not None


def scenario_of(given: Scenario | Mapping[str, Any] | None) -> Scenario:
    """A scenario, or one made of its parameters. Raises ValueError for a name that is none of them."""
    if isinstance(given, Scenario):
        return given
    known = list(Scenario.__dataclass_fields__)
    for name in given or {}:
        if name not in known:
            raise ValueError(f"scenario: found {name!r}, expected some of {', '.join(known)}")
    return Scenario(**(given or {}))
