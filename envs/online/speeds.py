"""Unrelated machines whose speeds are not known exactly: policies with predicted speeds or with an order of machines.

Jobs arrive over time, preemption and migration are free, the aim is the sum of weighted completions. Policies here are
clairvoyant where they take ``size``. Source: Lindermayr, Megow and Rapp (2023), ICML, arXiv 2302.00985.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from makespan.envs.online.simulator import Number, OnlineProblem, Policy, Rates, View

Speeds = Sequence[Sequence[Number]]
"""``speed[machine][job]``, true or predicted."""


def greedy_density(size: Sequence[Number], predicted: Speeds) -> Policy:
    """Again and again the free machine and waiting job with the largest weight · speed / size. Migrating."""

    def rates(view: View) -> Rates:
        pairs = sorted(
            (-view.weight[job] * row[job] / size[job], machine, job)
            for machine, row in enumerate(predicted)
            for job in view.jobs
            if row[job] > 0
        )
        machines, jobs, shares = set(range(len(predicted))), set(view.jobs), []
        for _, machine, job in pairs:
            if machine in machines and job in jobs:
                machines.remove(machine)
                jobs.remove(job)
                shares.append((machine, job, view.one))
        return Rates(shares)

    return rates


def min_increase(size: Sequence[Number], predicted: Speeds) -> Policy:
    """Each job goes, when it arrives, to the machine where it raises the predicted cost least, and stays there; each
    machine runs its job with the largest weight · speed / size. Never migrating.

    The rise counts what the jobs that are there have in full, not what is left of them, as in the analysis.
    """
    queue: list[list[int]] = [[] for _ in predicted]
    placed: set[int] = set()

    def rise(view: View, machine: int, job: int) -> Number:
        row = predicted[machine]
        if row[job] <= 0:
            return float("inf")
        own = size[job] / row[job]
        density = view.weight[job] / own
        ahead = [other for other in queue[machine] if view.weight[other] * row[other] / size[other] >= density]
        behind = sum(view.weight[other] for other in queue[machine] if other not in ahead)
        wait = sum(size[other] / row[other] for other in ahead)
        return view.weight[job] * (view.release[job] + wait + own) + own * behind

    def rates(view: View) -> Rates:
        for job in view.jobs:
            if job not in placed:
                placed.add(job)
                queue[min(range(len(queue)), key=lambda machine: rise(view, machine, job))].append(job)
        shares = []
        for machine, row in enumerate(predicted):
            queue[machine] = [job for job in queue[machine] if job not in view.completion]
            if queue[machine]:
                first = max(queue[machine], key=lambda job: (view.weight[job] * row[job] / size[job], -job))
                shares.append((machine, first, view.one))
        return Rates(shares)

    return rates


def proportional_fairness(predicted: Speeds) -> Policy:
    """The shares with the largest Σ weight · log(speed of the job): no size is needed. In floats."""

    def rates(view: View) -> Rates:
        speed = np.array([[float(row[job]) for job in view.jobs] for row in predicted])
        share = fair_shares(speed, np.array([float(view.weight[job]) for job in view.jobs]))
        machines, jobs = np.nonzero(share > 1e-9)
        triples = zip(machines.tolist(), jobs.tolist(), share[machines, jobs].tolist(), strict=True)
        return Rates([(machine, view.jobs[job], part) for machine, job, part in triples])

    return rates


def ordered_density(size: Sequence[Number], order: Sequence[int]) -> Policy:
    """The k-th largest weight / size on the k-th machine of ``order``, the fastest first. No speed is needed."""

    def rates(view: View) -> Rates:
        jobs = sorted(view.jobs, key=lambda job: (-view.weight[job] / size[job], job))
        return Rates([(machine, job, view.one) for machine, job in zip(order, jobs, strict=False)])

    return rates


def ordered_round_robin(order: Sequence[int]) -> Policy:
    """The jobs share equally as many of the first machines of ``order`` as there are jobs. Nothing else is needed."""

    def rates(view: View) -> Rates:
        part = view.one / len(view.jobs)
        return Rates([(machine, job, part) for machine in order[: len(view.jobs)] for job in view.jobs])

    return rates


def fair_shares(speed: NDArray[np.float64], weight: NDArray[np.float64], gap: float = 1e-8) -> NDArray[np.float64]:
    """Shape (machines, jobs): the shares y with the largest Σ w log(Σ s y), none of a machine or a job above 1 in sum.

    A primal-dual interior point method, until the products of dual and slack add up to less than ``gap`` for weights
    that add up to 1. O((machines · jobs)³) a step, about 20 steps. Weights above 0; every job needs a machine with
    speed above 0. Raises RuntimeError if 200 steps are not enough.
    """
    m, k = speed.shape
    speed, weight = speed / speed.max(axis=0), weight / weight.sum()
    limits = np.vstack((np.kron(np.eye(m), np.ones(k)), np.kron(np.ones(m), np.eye(k))))  # limits @ y <= 1
    job = np.tile(np.arange(k), m)  # of each y, which lie flat by machine
    flat = speed.ravel()
    y, slack = np.full(m * k, 0.5 / max(m, k)), np.full(m + k, 0.5)
    price, excess = np.full(m + k, 1 / (m + k)), np.full(m * k, 1 / (m * k))  # duals of limits and of y >= 0
    for _ in range(200):
        reach = np.bincount(job, flat * y, minlength=k)
        pull = weight[job] * flat / reach[job]
        dual = limits.T @ price - excess - pull
        primal = limits @ y + slack - 1
        open_gap = float(price @ slack + excess @ y)
        if open_gap < gap and np.abs(dual).max() < gap and np.abs(primal).max() < gap:
            return y.reshape(m, k)
        target = 0.1 * open_gap / (m + k + m * k)
        curved = np.where(job[:, None] == job, np.outer(pull, pull) / weight[job], 0)
        matrix = curved + (limits.T * (price / slack)) @ limits + np.diag(excess / y)
        matrix += np.eye(m * k) * 1e-14 * matrix.diagonal().max()  # where shares may be swapped it is singular
        change = target / slack - price + price / slack * primal
        step = np.linalg.solve(matrix, target / y - excess - dual - limits.T @ change)
        step_price = change + price / slack * (limits @ step)
        step_slack = -primal - limits @ step
        step_excess = target / y - excess - excess / y * step
        length = min(
            _length(*each) for each in ((y, step), (slack, step_slack), (price, step_price), (excess, step_excess))
        )
        y, slack = y + length * step, slack + length * step_slack
        price, excess = price + length * step_price, excess + length * step_excess
    raise RuntimeError(f"fair shares: a gap of {open_gap:g} after 200 steps, expected less than {gap:g}")


def _length(value: NDArray[np.float64], step: NDArray[np.float64]) -> float:
    """The longest step up to 1 that keeps every value above 0."""
    falls = step < 0
    return float(min(1.0, 0.99 * (-value[falls] / step[falls]).min(initial=np.inf)))


def two_classes(machines: int, jobs: int, load: float, seed: int, pareto: bool = False) -> OnlineProblem:
    """Half of the machines are fast: U[2, 6] for each job, the others 1. Jobs arrive as a Poisson process at a ``load``
    of the mean total speed; sizes Exp(1), or Pareto with exponent 1.5 and mean 1; weights U{1..10}."""
    rng = np.random.default_rng(seed)
    fast = machines // 2
    speed = np.ones((machines, jobs))
    speed[:fast] = rng.uniform(2, 6, size=(fast, jobs))
    return _drawn(rng, speed, load, pareto)


def unrelated(machines: int, jobs: int, load: float, seed: int, pareto: bool = False) -> OnlineProblem:
    """Every speed exp(N(0, 1)); the rest as ``two_classes``."""
    rng = np.random.default_rng(seed)
    return _drawn(rng, np.exp(rng.normal(size=(machines, jobs))), load, pareto)


def _drawn(rng: np.random.Generator, speed: NDArray[np.float64], load: float, pareto: bool) -> OnlineProblem:
    jobs = speed.shape[1]
    size = (rng.pareto(1.5, size=jobs) + 1) / 3 if pareto else rng.exponential(size=jobs)
    gap = rng.exponential(1 / (load * speed.mean(axis=1).sum()), size=jobs)
    weight = rng.integers(1, 11, size=jobs).astype(float).tolist()
    return OnlineProblem(np.maximum(size, 1e-6).tolist(), weight, np.cumsum(gap).tolist(), speed=speed.tolist())


def distorted_speeds(speed: Speeds, sigma: float, seed: int) -> list[list[float]]:
    """Predictions with an error: each speed times exp(N(0, sigma)). The error does not depend on what else was drawn
    with the same seed."""
    exact = np.array([[float(value) for value in row] for row in speed])
    noise = np.random.default_rng((seed, 1)).normal(0, sigma, exact.shape)
    noisy: list[list[float]] = (exact * np.exp(noise)).tolist()
    return noisy
