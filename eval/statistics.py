"""Statistics of solvers that played the same instances: paired tests, intervals, ranks and profiles.

Scores are smaller-is-better. A matrix of scores has shape (num_instances, num_solvers), NaN where a solver was not
played. SciPy is imported when a function needs it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

LEVEL = 0.95
"""Level of every interval, and 1 minus the level of every test, unless said otherwise."""

RESAMPLES = 9_999
"""Bootstrap resamples: the ends of a 95 % interval then move by about a fiftieth of its length (our choice)."""


def wilcoxon(difference: ArrayLike) -> float:
    """Two-sided p-value of the signed-rank test that paired differences are symmetric about 0.

    Differences of 0 are dropped, as Wilcoxon (1945, Biometrics Bulletin 1, 80-83) does; 1 where none is left. Exact for
    few differences, else by the normal approximation with a correction for ties.
    """
    given = np.asarray(difference, np.float64)
    given = given[given != 0]
    if not given.size:
        return 1.0
    # Differences of measured gaps that are equal in exact arithmetic must count as ties.
    given = np.round(given, 12)
    return float(_stats().wilcoxon(given, zero_method="wilcox", correction=False).pvalue)


def bootstrap_interval(
    value: ArrayLike, *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Interval for the mean by the bootstrap, bias-corrected and accelerated.

    NaN for no value; the value itself where all are equal. Source: Efron (1987), Journal of the American Statistical
    Association 82, 171-185. Cost O(resamples * size).
    """
    given = np.asarray(value, np.float64)
    if not given.size:
        return float("nan"), float("nan")
    if np.ptp(given) == 0:
        return float(given[0]), float(given[0])
    rng = np.random.default_rng(seed)
    batch = max(1, 2_000_000 // given.size)
    options = {"confidence_level": level, "n_resamples": resamples, "batch": batch, "rng": rng}
    with np.errstate(all="ignore"):
        found = _stats().bootstrap((given,), np.mean, method="BCa", **options).confidence_interval
        if not np.isfinite(found).all():  # the correction is not defined for every sample
            found = _stats().bootstrap((given,), np.mean, method="percentile", **options).confidence_interval
    return float(found[0]), float(found[1])


def holm(p_value: ArrayLike) -> FloatArray:
    """p-values adjusted for their number, so that any false alarm among them has the stated probability.

    Source: Holm (1979), Scandinavian Journal of Statistics 6, 65-70. Shape is kept; NaN stays and does not count.
    """
    given = np.asarray(p_value, np.float64)
    adjusted = given.copy()
    tests = np.flatnonzero(~np.isnan(given))
    order = tests[np.argsort(given[tests], kind="stable")]
    factor = np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(given[order] * factor))
    return adjusted


def wins_ties_losses(difference: ArrayLike, tie: float = 1e-9) -> tuple[int, int, int]:
    """How many differences are below, at and above 0; up to ``tie`` counts as 0."""
    given = np.asarray(difference, np.float64)
    wins, losses = int((given < -tie).sum()), int((given > tie).sum())
    return wins, given.size - wins - losses, losses


# -- ranks ----------------------------------------------------------------------------------------


def complete_rows(score: FloatArray) -> FloatArray:
    """The instances that every solver has played."""
    return score[~np.isnan(score).any(axis=1)]


def mean_ranks(score: FloatArray) -> FloatArray:
    """Shape (num_solvers,): mean over the instances of the rank, 1 for the best, ties share the mean of their ranks.

    ``score`` without NaN. Differences below 1e-9 are ties.
    """
    ranks = _stats().rankdata(np.round(score, 9), axis=1)
    return np.asarray(ranks.mean(axis=0), np.float64)


def friedman(score: FloatArray) -> float:
    """p-value of the Friedman test that all solvers rank alike; NaN below 3 solvers or 2 instances.

    Source: Demšar (2006), Journal of Machine Learning Research 7, 1-30, section 3.2.2; chi-square with a correction for
    ties.
    """
    num_instances, num_solvers = score.shape
    if num_solvers < 3 or num_instances < 2:
        return float("nan")
    rounded = np.round(score, 9)
    if (np.ptp(rounded, axis=1) == 0).all():
        return 1.0
    return float(_stats().friedmanchisquare(*rounded.T).pvalue)


def critical_difference(num_solvers: int, num_instances: int, level: float = LEVEL) -> float:
    """How far two mean ranks must differ to tell two solvers apart, by the test of Nemenyi.

    Source: Demšar (2006), section 3.2.2. Raises ValueError below 2 solvers or 1 instance.
    """
    if num_solvers < 2 or num_instances < 1:
        raise ValueError(f"found {num_solvers} solvers and {num_instances} instances, expected 2 and 1 or more")
    quantile = float(_stats().studentized_range.ppf(level, num_solvers, np.inf)) / 2**0.5
    return quantile * float(np.sqrt(num_solvers * (num_solvers + 1) / (6 * num_instances)))


def cliques(rank: FloatArray, difference: float) -> list[tuple[int, int]]:
    """Maximal runs of solvers that the critical difference does not tell apart.

    ``rank`` (num_solvers,) ascending. Returns (first, last) positions, each with at least two solvers.
    """
    found: list[tuple[int, int]] = []
    for first in range(rank.size):
        last = int(np.searchsorted(rank, rank[first] + difference, side="right")) - 1
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found


# -- profiles -------------------------------------------------------------------------------------


def performance_ratios(objective: FloatArray) -> FloatArray:
    """Objective over the best of the solvers, for each instance; infinity where a solver found nothing.

    ``objective`` (num_instances, num_solvers), infinity without a schedule, NaN where not played. Rows in which nobody
    found anything, or with a best objective of 0 or less, are NaN. Source: Dolan and Moré (2002), Mathematical
    Programming 91, 201-213, with the objective in the place of the time.
    """
    with np.errstate(all="ignore"):
        best = np.nanmin(np.where(np.isnan(objective), np.inf, objective), axis=1, keepdims=True, initial=np.inf)
        ratio = objective / best
    ratio[(~np.isfinite(best) | (best <= 0))[:, 0]] = np.nan
    return np.asarray(ratio, np.float64)


def share_within(value: ArrayLike, limit: ArrayLike) -> FloatArray:
    """For each limit, the share of the values that are at most the limit; NaN values do not count.

    Shape of ``limit``. NaN where there is no value. Up to 1e-9 of the limit is forgiven.
    """
    given = np.asarray(value, np.float64)
    given = np.sort(given[~np.isnan(given)])
    limits = np.asarray(limit, np.float64)
    if not given.size:
        return np.full(limits.shape, np.nan)
    return np.searchsorted(given, limits + 1e-9 * np.abs(limits), side="right") / given.size


def _stats() -> Any:
    try:
        import scipy.stats
    except ImportError:
        raise ValueError("statistics need SciPy, which is not installed: pip install 'makespan[report]'") from None
    return scipy.stats
