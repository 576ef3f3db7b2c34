"""What a trace tells beyond its end: objective over time, time to a target, primal integral; for many runs at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

Trace = Sequence[tuple[float, int | None, int | None]]
"""(seconds, objective, bound) at each change, as a run stores it."""


@dataclass(frozen=True, eq=False)
class Traces:
    """The improvements of many runs, one run behind the other.

    Parameters
    ----------
    ptr
        Shape (num_runs + 1,): improvements of run r are ptr[r] to ptr[r + 1] - 1.
    seconds, objective
        Shape (num_improvements,): when, from the start of the clock, and to what; within a run the objective falls.
    """

    ptr: NDArray[np.int64]
    seconds: FloatArray
    objective: FloatArray

    @property
    def num_runs(self) -> int:
        return self.ptr.size - 1


def improvements(traces: Iterable[Trace], end: Iterable[tuple[float, float]] = ()) -> Traces:
    """The points at which objectives fell.

    ``end`` holds (seconds, objective) of the finished runs, NaN without a schedule: a run that has an objective but no
    trace of it (an imported one) counts as found at its end.
    """
    ends = list(end)
    ptr = [0]
    seconds: list[float] = []
    objective: list[float] = []
    for r, trace in enumerate(traces):
        best = float("inf")
        for at, value, _ in trace:
            if value is not None and value < best:
                best = value
                seconds.append(at)
                objective.append(value)
        if ends and best == float("inf") and ends[r][1] == ends[r][1]:
            seconds.append(ends[r][0])
            objective.append(ends[r][1])
        ptr.append(len(seconds))
    return Traces(np.array(ptr, np.int64), np.array(seconds, np.float64), np.array(objective, np.float64))


def objective_at(traces: Traces, times: FloatArray) -> FloatArray:
    """Shape (num_runs, num_times): the objective at each time, NaN before the first schedule.

    Cost O(num_improvements * num_times).
    """
    found = np.full((traces.num_runs, times.size), np.nan)
    first, after = traces.ptr[:-1], traces.ptr[1:]
    count = np.zeros(traces.seconds.size + 1, np.int64)
    for t, time in enumerate(times):
        np.cumsum(traces.seconds <= time, out=count[1:])
        reached = count[after] - count[first]
        has = reached > 0
        found[has, t] = traces.objective[(first + reached - 1)[has]]
    return found


def time_to_target(traces: Traces, target: FloatArray) -> FloatArray:
    """Shape (num_runs,): seconds until the objective is at most the run's target; infinity if never, NaN for a target
    of NaN.

    Source of the plots made of it: Aiex, Resende and Ribeiro (2007), Optimization Letters 1, 355-366.
    """
    run = np.repeat(np.arange(traces.num_runs), np.diff(traces.ptr))
    found = np.full(traces.num_runs, np.inf)
    hit = traces.objective <= target[run]
    np.minimum.at(found, run[hit], traces.seconds[hit])
    found[np.isnan(target)] = np.nan
    return found


def primal_integral(traces: Traces, reference: FloatArray, horizon: FloatArray) -> FloatArray:
    """Shape (num_runs,): the primal gap, averaged over the time from 0 to the horizon; between 0 and 1.

    The primal gap of an objective z to the reference z* is |z - z*| / max(|z|, |z*|), 1 without a schedule or for
    opposite signs, and 0 at or below the reference. The last objective counts to the horizon (shape (num_runs,),
    seconds above 0), also after a run has ended. NaN where the reference is. Source: Berthold (2013), Operations
    Research Letters 41, 611-614; his integral is this mean times the horizon.
    """
    length = np.diff(traces.ptr)
    run = np.repeat(np.arange(traces.num_runs), length)
    begin = np.minimum(traces.seconds, horizon[run])
    until = horizon[run].copy()
    inner = np.flatnonzero(run[1:] == run[:-1])
    until[inner] = begin[inner + 1]
    goal, value = reference[run], traces.objective
    with np.errstate(invalid="ignore", divide="ignore"):
        primal = np.abs(value - goal) / np.maximum(np.abs(value), np.abs(goal))
    primal[value * goal < 0] = 1.0
    primal[value <= goal] = 0.0
    area = np.zeros(traces.num_runs)
    np.add.at(area, run, primal * (until - begin))
    waited = horizon.astype(np.float64).copy()
    some = length > 0
    waited[some] = begin[traces.ptr[:-1][some]]
    area = (area + waited) / horizon
    area[np.isnan(reference)] = np.nan
    return area
