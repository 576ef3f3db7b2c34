"""Measures: what the report shows of the runs, computed once, in one pass over the traces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from makespan.eval.anytime import improvements, objective_at, primal_integral, time_to_target
from makespan.eval.results import WITHOUT_SCHEDULE, FloatArray, Group, Results

TARGETS = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Gaps that the plots of time to target offer (our choice)."""

_TIMES = 64  # points of the time axis
_RUNS = 5_000  # whose traces are in memory together


@dataclass(frozen=True, eq=False)
class Measures:
    """Numbers by instance and contender, means over the seeds; NaN where not played or without a reference.

    Parameters
    ----------
    gap, proved, primal, seconds
        Shape (num_instances, num_contenders): mean gap, share of proofs, mean primal gap over the time, mean seconds.
    at_best
        1 where every seed reached the reference, 0 elsewhere.
    objective
        Mean objective, infinity where some run found nothing.
    times
        Shape (num_times,): seconds, evenly spaced in the logarithm.
    gap_at
        Shape (num_instances, num_contenders, num_times): mean gap at each time, at most 1; 1 before the first schedule.
    reached
        Shape (num_runs, len(TARGETS)): seconds until each target, infinity if never.
    """

    gap: FloatArray
    proved: FloatArray
    primal: FloatArray
    seconds: FloatArray
    at_best: FloatArray
    objective: FloatArray
    times: FloatArray
    gap_at: FloatArray
    reached: FloatArray


def measure(results: Results) -> Measures:
    """All measures of the runs. Cost O(size of all traces), of which a few thousand are in memory at a time."""
    longest = float(results.horizon.max())
    times = np.geomspace(min(0.01, longest / 10), longest, _TIMES)
    shape = len(results.instances), len(results.contenders)
    total = np.zeros((shape[0] * shape[1], times.size))
    count = np.zeros_like(total)
    primal = np.full(results.num_runs, np.nan)
    reached = np.full((results.num_runs, len(TARGETS)), np.nan)
    scored = np.flatnonzero(~np.isnan(results.gap))
    for first in range(0, scored.size, _RUNS):
        runs = scored[first : first + _RUNS]
        ends = zip(results.seconds[runs].tolist(), results.objective[runs].tolist(), strict=True)
        traces = improvements(results.values("trace", runs), ends)
        reference = results.reference[runs]
        primal[runs] = primal_integral(traces, reference, results.horizon[runs])
        for k, target in enumerate(TARGETS):
            # Half a unit in the last digit of a double is no reason to miss a target that is met exactly.
            reached[runs, k] = time_to_target(traces, reference * (1 + target) * (1 + 1e-12))
        at = objective_at(traces, times) / reference[:, None] - 1
        at = np.minimum(np.where(np.isnan(at), WITHOUT_SCHEDULE, at), 1.0)
        over = times > results.horizon[runs][:, None] * (1 + 1e-9)  # nobody knows what a longer run had done
        cell = results.instance[runs] * shape[1] + results.contender[runs]
        np.add.at(total, cell, np.where(over, 0.0, at))
        np.add.at(count, cell, ~over)
    with np.errstate(invalid="ignore"):
        gap_at = (total / count).reshape(*shape, times.size)
    missed = np.where(np.isnan(results.gap), np.nan, (results.gap > 1e-9).astype(np.float64))
    objective = np.where(np.isnan(results.objective) & results.played, np.inf, results.objective)
    return Measures(
        gap=results.by_pair(results.gap),
        proved=results.by_pair(results.proved),
        primal=results.by_pair(primal),
        seconds=results.by_pair(np.where(results.played, results.seconds, np.nan)),
        at_best=_all_zero(results.by_pair(missed)),
        objective=results.by_pair(objective),
        times=times,
        gap_at=gap_at,
        reached=reached,
    )


def _all_zero(missed: FloatArray) -> FloatArray:
    return np.where(np.isnan(missed), np.nan, (missed == 0).astype(np.float64))


def mean_over(value: FloatArray, group: Group) -> FloatArray:
    """Shape (num_contenders,): mean over the instances of a class that the contender has played, NaN for none."""
    given = value[group.members]
    count = (~np.isnan(given)).sum(axis=0)
    return np.asarray(np.nansum(given, axis=0) / np.where(count, count, np.nan), np.float64)
