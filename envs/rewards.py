"""Rewards as differences of a potential, so that what they add up to is known.

The reward of a decision is the potential before it less the potential after it. The rewards of an episode add up to the
potential of the first schedule less that of the last one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makespan.envs.batch import Batch
from makespan.instances.instance import IntArray

Potential = Callable[[Any, IntArray], NDArray[Any]]
"""``potential(batch, rows)``: one number for each row; it may look at anything of the batch."""

REWARDS = {
    "lower_bound": "the lower bound of the makespan rises: adds up to the first lower bound less the makespan",
    "makespan": "the largest end so far rises: adds up to minus the makespan; where a schedule is improved, to that of "
    "the first less that of the last one",
    "incumbent": "the least makespan so far falls: adds up to that of the first schedule less that of the best one",
    "terminal": "nothing until the end, then minus the makespan",
    "waiting_time": "operations wait for their machine: adds up to minus the waiting time of all operations",
    "tardiness": "the bound on the weighted tardiness rises: adds up to its first value less the weighted tardiness",
    "flow_time": "the bound on the flow time rises: adds up to its first value less the flow time",
    "tardy_jobs": "jobs become late: adds up to minus their number (simulated shops)",
}


def potential(reward: str | Potential, batch: Batch) -> Potential:
    """The potential of a reward by name, or the function itself. Raises ValueError for one that ``batch`` lacks."""
    if callable(reward):
        return reward
    known = [name for name in REWARDS if name == "terminal" or name in batch.measures]
    if reward not in known:
        raise ValueError(f"reward: found {reward!r}, expected one of {', '.join(known)}, or a function")
    if reward == "terminal":
        return _at_the_end
    return partial(_measured, reward)


def _measured(name: str, batch: Batch, rows: IntArray) -> IntArray:
    return batch.measure(name, rows)


def _at_the_end(batch: Batch, rows: IntArray) -> IntArray:
    value = np.zeros(rows.size, np.int64)
    over = batch.is_over[rows]
    value[over] = batch.measure(batch.result, rows[over])
    return value
