"""One machine and jobs that show their successors only when they are done: policies, with and without predictions.

The aim is the sum of weighted completions; sizes are unknown. Write W(v) for the weight of v and all its descendants,
and F for the jobs in view. Source: Lassota, Lindermayr, Megow and Schlöter (2023), ICML, arXiv 2301.12863.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from makespan.envs.online.simulator import Number, OnlineProblem, Policy, Rates, View


def round_robin() -> Policy:
    """Every job in view gets the same rate."""
    return lambda view: Rates([(0, job, view.one / len(view.jobs)) for job in view.jobs])


def weighted_round_robin() -> Policy:
    """Rates in proportion to the weights in view, which say nothing of what comes behind them."""
    return lambda view: _in_proportion(view, [view.weight[job] for job in view.jobs])


def weight_prediction(predicted: Sequence[Number]) -> Policy:
    """Rates in proportion to the predicted W(v), never below the weight in view.

    With exact predictions at most 4 times the optimum on chains and out-forests. With ``predicted`` the mean weight of
    the descendants this is the policy for average predictions.
    """
    return lambda view: _in_proportion(view, [max(predicted[job], view.weight[job]) for job in view.jobs])


def weight_order(predicted: Sequence[Number]) -> Policy:
    """Only the order of the predicted W(v) counts: the i-th of F gets the rate 1 / (i · H), H the harmonic number of
    |F|. With the right order at most 4 · H(width) times the optimum on out-forests."""
    return lambda view: _by_place(view, sorted(view.jobs, key=lambda job: (-predicted[job], job)))


def adaptive_weight_order(predicted: Sequence[Number], swaps: int, seed: int = 0) -> Policy:
    """As ``weight_order``, with an order that is predicted anew for every F: the right one, in which ``swaps`` times
    two random neighbours change places."""
    rng = np.random.default_rng((seed, 2))

    def rates(view: View) -> Rates:
        order = sorted(view.jobs, key=lambda job: (-predicted[job], job))
        if len(order) > 1:
            for place in rng.integers(0, len(order) - 1, size=swaps).tolist():
                order[place], order[place + 1] = order[place + 1], order[place]
        return _by_place(view, order)

    return rates


def follow_list(order: Sequence[int]) -> Policy:
    """The whole machine for the first job of a predicted list that is in view; optimal if the list is."""
    place = {job: index for index, job in enumerate(order)}
    return lambda view: Rates([(0, min(view.jobs, key=lambda job: place[job]), 1)])


def time_sharing(first: Policy, second: Policy, part: Number = 0.5) -> Policy:
    """A part of the machine for one policy and the rest for another: not much worse than either of them."""

    def rates(view: View) -> Rates:
        one, two = first(view), second(view)
        shares = [(machine, job, part * share) for machine, job, share in one.shares]
        shares += [(machine, job, (1 - part) * share) for machine, job, share in two.shares]
        return Rates(shares, min(one.until, two.until))

    return rates


def descendant_weight(problem: OnlineProblem) -> list[Number]:
    """W(v) of each job: its weight and that of all its descendants, each counted once. O(n²) bits."""
    below = [1 << job for job in range(problem.num_jobs)]
    after = problem.successors()
    for job in reversed(problem.topological()):
        for other in after[job]:
            below[job] |= below[other]
    weights = problem.weight
    return [sum(w for other, w in enumerate(weights) if bits >> other & 1) for bits in below]


def distorted(values: Sequence[Number], sigma: float, seed: int) -> list[float]:
    """Predictions with an error: each value times exp(N(0, sigma)). The error does not depend on what else was drawn
    with the same seed."""
    noise = np.random.default_rng((seed, 1)).normal(0, sigma, size=len(values))
    return [float(value) * float(factor) for value, factor in zip(values, np.exp(noise), strict=True)]


def _in_proportion(view: View, values: list[Number]) -> Rates:
    total = sum(values)
    if not total:
        return round_robin()(view)
    return Rates([(0, job, view.one * value / total) for job, value in zip(view.jobs, values, strict=True) if value])


def _by_place(view: View, order: list[int]) -> Rates:
    harmonic = sum(view.one / place for place in range(1, len(order) + 1))
    return Rates([(0, job, view.one / place / harmonic) for place, job in enumerate(order, start=1)])
