"""One machine and due dates, in the classes of Çetinkaya et al. (2025), arXiv 2510.24013.

The recipe of the due dates is older: Fisher (1976), Mathematical Programming 11, 229-251; Potts and Van Wassenhove
(1982), Operations Research Letters 1, 177-181.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from makespan.instances.generators.parameters import at_least, within
from makespan.instances.instance import Instance, Metadata

DUE_RANGES = (0.2, 0.4, 0.6, 0.8, 1.0)
TARDINESS_FACTORS = (0.2, 0.4, 0.6, 0.8)
"""The classes of the paper; its set for discovery also has tardiness factor 1."""

LONGEST = 100
MEAN, DEVIATION = 60, 20  # of the normal distribution, rounded, at least 1


def tardiness(
    jobs: int,
    due_range: float,
    tardiness_factor: float,
    seed: int,
    normal: bool = False,
    clip: bool = False,
) -> Instance:
    """Jobs on one machine, to be sequenced for the least total tardiness.

    Parameters
    ----------
    due_range, tardiness_factor
        R and F, 0 to 1: with P the sum of all durations, due dates are uniform on the integers from P (1 - F - R / 2)
        to P (1 - F + R / 2), both rounded.
    normal
        Durations from N(60, 20), rounded, at least 1, in place of uniform ones on 1..100.
    clip
        Replace negative due dates by 0. Without it they stand: see ``one_machine``.
    """
    at_least(1, jobs=jobs)
    at_least(0, seed=seed)
    within(0.0, 1.0, due_range=due_range, tardiness_factor=tardiness_factor)
    for name, value in (("normal", normal), ("clip", clip)):
        if not isinstance(value, bool):
            raise ValueError(f"{name}: found {value!r}, expected true or false")
    # Every class draws numbers of its own, or one seed would give the same durations in all of them.
    rng = np.random.default_rng([seed, jobs, round(1000 * due_range), round(1000 * tardiness_factor)])
    if normal:
        duration = np.maximum(1, np.rint(rng.normal(MEAN, DEVIATION, jobs)).astype(np.int64))
    else:
        duration = rng.integers(1, LONGEST + 1, size=jobs)
    total = int(duration.sum())
    low, high = (round(total * (1 - tardiness_factor + side * due_range / 2)) for side in (-1, 1))
    due = rng.integers(low, high + 1, size=jobs)
    name = f"tardiness_{jobs}_{due_range:g}_{tardiness_factor:g}_{seed}"
    return one_machine(duration, np.maximum(due, 0) if clip else due, name, "classes of Çetinkaya et al. 2025")


def one_machine(duration: ArrayLike, due: ArrayLike, name: str = "", source: str = "") -> Instance:
    """Jobs of one operation on one machine, for total tardiness; ``due`` may be negative.

    An instance holds no negative time. Where there is one, all jobs are released, and due, later by as much as makes
    the least due date 0, so that every job has the tardiness it would have had.
    """
    time, date = np.asarray(duration, np.int64), np.asarray(due, np.int64)
    shift = max(0, -int(date.min(initial=0)))
    return Instance.job_shop_arrays(
        np.arange(time.size + 1),
        np.zeros(time.size, np.int64),
        time,
        1,
        job_due=date + shift,
        job_release=np.full(time.size, shift),
        objective=("total_tardiness",),
        meta=Metadata(name=name, source=source),
    )
