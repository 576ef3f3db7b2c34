"""One machine, jobs of known types with sizes of unknown means: how the means are learned while the jobs are run.

All jobs are there at time 0, n of each of K types; a job of type k has a size from Exp with an unknown mean, and the
aim is the sum of completions. Source: Merlis, Richard, Sentenac, Odic, Molina and Perchet (2023), ICML, arXiv
2205.15695. ``etc_rr``, ``ucb_rr`` and ``round_robin`` (of ``precedence.py``) preempt, the others run a job to its end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from makespan.envs.online.simulator import OnlineProblem, Policy, Rates, View


def exponential_jobs(means: Sequence[float], jobs_per_type: int, seed: int) -> OnlineProblem:
    """``jobs_per_type`` jobs of each mean, in a random order of types."""
    rng = np.random.default_rng(seed)
    kind = rng.permutation(np.repeat(np.arange(len(means)), jobs_per_type))
    size = np.maximum(rng.exponential(size=kind.size) * np.asarray(means)[kind], 1e-12)
    return OnlineProblem(size.tolist(), kind=kind.tolist())


def optimal_cost(problem: OnlineProblem) -> float:
    """The shortest job first, sizes known."""
    sizes = sorted(float(size) for size in problem.size)
    return sum((len(sizes) - i) * size for i, size in enumerate(sizes))


def round_robin_cost(problem: OnlineProblem) -> float:
    """The cost of sharing the machine equally, in closed form."""
    sizes = sorted(float(size) for size in problem.size)
    return sum((2 * (len(sizes) - i) - 1) * size for i, size in enumerate(sizes))


class _Types:
    """What a rule keeps of each type: the jobs that wait, and the sizes of those that are done."""

    def __init__(self, num_types: int) -> None:
        self.waiting: list[list[int]] = [[] for _ in range(num_types)]
        self.sizes: list[list[float]] = [[] for _ in range(num_types)]
        self._seen = 0
        self._started = False

    def update(self, view: View) -> list[int]:
        """Take in the view; returns the types of the jobs that are newly done."""
        if not self._started:
            self._started = True
            for job in reversed(view.jobs):
                self.waiting[view.kind[job]].append(job)
        done = []
        for job in view.finished[self._seen :]:
            kind = view.kind[job]
            self.sizes[kind].append(float(view.done[job]))
            self.waiting[kind].remove(job)
            done.append(kind)
        self._seen = len(view.finished)
        return done

    def alive(self) -> list[int]:
        return [kind for kind, jobs in enumerate(self.waiting) if jobs]

    def run(self, kind: int) -> Rates:
        """The open job of a type, or its next one, on the whole machine."""
        return Rates([(0, self.waiting[kind][-1], 1.0)])


def _to_the_end(num_types: int, choose: Callable[[_Types], int]) -> Policy:
    """Runs a job of the chosen type to its end; asked only when a job is done."""
    types = _Types(num_types)

    def rates(view: View) -> Rates:
        types.update(view)
        return types.run(choose(types))

    return rates


def shortest_mean_first(means: Sequence[float]) -> Policy:
    """FTPP: all jobs of the least mean first; the best that is possible without knowing sizes."""
    return _to_the_end(len(means), lambda types: min(types.alive(), key=lambda kind: means[kind]))


def lsept(num_types: int) -> Policy:
    """The least mean of the posterior of a Gamma prior with exponent 2 and weight 0."""

    def choose(types: _Types) -> int:
        def expected(kind: int) -> float:
            return sum(types.sizes[kind]) / (len(types.sizes[kind]) + 1)

        return min(types.alive(), key=expected)

    return _to_the_end(num_types, choose)


def ucb_u(num_types: int, jobs_per_type: int) -> Policy:
    """The least lower confidence bound on the mean, from the quantile of a chi-squared distribution."""
    tail = 1 / (2 * num_types**2 * jobs_per_type**2)

    def choose(types: _Types) -> int:
        def index(kind: int) -> float:
            count = len(types.sizes[kind])
            return 2 * sum(types.sizes[kind]) / chi_squared_quantile(count, tail) if count else 0.0

        return min(types.alive(), key=index)

    return _to_the_end(num_types, choose)


@cache
def chi_squared_quantile(half_freedom: int, tail: float) -> float:
    """Where a chi-squared distribution with 2 · ``half_freedom`` degrees of freedom has ``tail`` to its right."""
    low, high = 0.0, 1.0
    while _erlang_tail(half_freedom, high) > tail:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _erlang_tail(half_freedom, middle) > tail else (low, middle)
    return 2 * high


def _erlang_tail(count: int, x: float) -> float:
    """P(sum of ``count`` Exp(1) > x) = e^-x Σ_{i < count} x^i / i!."""
    logs = [i * math.log(x) - math.lgamma(i + 1) - x for i in range(count)]
    return math.fsum(math.exp(each) for each in logs)


# -- explore, then commit --------------------------------------------------------------------------


def _not_beaten(wins: Callable[[int, int], tuple[int, int]], kinds: list[int], jobs_per_type: int) -> list[int]:
    """The types that no other one beats for sure. ``wins(a, b)`` is how often a was shorter, of how many pairs."""
    log = math.log(12 * jobs_per_type**2)

    def beaten(kind: int) -> bool:
        for other in kinds:
            won, pairs = wins(other, kind)
            if other != kind and pairs and won / pairs - math.sqrt(log / (2 * pairs)) > 0.5:
                return True
        return False

    return [kind for kind in kinds if not beaten(kind)]


def etc_u(num_types: int, jobs_per_type: int) -> Policy:
    """Run jobs of all types in turn until one is shorter for sure, then all of that one, then go on with the rest.
    Types are compared by their sizes in the order in which they came."""

    def wins(types: _Types, one: int, two: int) -> tuple[int, int]:
        pairs = list(zip(types.sizes[one], types.sizes[two], strict=False))
        return sum(a < b for a, b in pairs), len(pairs)

    def choose(types: _Types) -> int:
        alive = types.alive()
        unexplored = [kind for kind in alive if not types.sizes[kind]]
        if unexplored:
            return unexplored[0]
        active = _not_beaten(lambda a, b: wins(types, a, b), alive, jobs_per_type)
        return min(active, key=lambda kind: len(types.sizes[kind]))

    return _to_the_end(num_types, choose)


def etc_rr(num_types: int, jobs_per_type: int) -> Policy:
    """One job of each type that is not beaten for sure; they share the machine, and the one that is done first wins
    once against each of the others."""
    types = _Types(num_types)
    won = [[0] * num_types for _ in range(num_types)]
    active: list[int] = []

    def rates(view: View) -> Rates:
        nonlocal active
        for kind in types.update(view):
            for other in active:
                if other != kind:
                    won[kind][other] += 1
        alive = types.alive()
        active = _not_beaten(lambda a, b: (won[a][b], won[a][b] + won[b][a]), alive, jobs_per_type)
        return Rates([(0, types.waiting[kind][-1], 1 / len(active)) for kind in active])

    return rates


# -- confidence in slices --------------------------------------------------------------------------


def ucb_rr(num_types: int, jobs_per_type: int, slice_length: float) -> Policy:
    """Slices of the machine, each for the type with the largest chance of a job ending in one, as far as can be: the
    largest q with T · KL(m / T, q) <= log(K³ n²), for m jobs done in T slices.

    A job that ends within a slice ends the slice; so the policy is asked again only where another type comes first,
    which is found without playing the slices one by one.
    """
    types = _Types(num_types)
    finished = [0] * num_types  # slices of the jobs that are done
    limit = math.log(num_types**3 * jobs_per_type**2)

    def slices_of(work: float) -> int:
        return math.ceil(work / slice_length - 1e-9)

    def rates(view: View) -> Rates:
        for kind in types.update(view):
            finished[kind] += slices_of(types.sizes[kind][-1])
        alive = types.alive()
        total = {kind: finished[kind] + slices_of(float(view.done[types.waiting[kind][-1]])) for kind in alive}

        def chance(kind: int, more: int = 0) -> float:
            return _largest_chance(len(types.sizes[kind]), total[kind] + more, limit)

        best = max(alive, key=lambda kind: (chance(kind), -kind))
        rival = max((chance(kind) for kind in alive if kind != best), default=-1.0)
        if rival < 0:
            return types.run(best)
        more = 1
        while chance(best, more) >= rival:
            more *= 2
        low = more // 2
        while more - low > 1:
            middle = (low + more) // 2
            low, more = (middle, more) if chance(best, middle) >= rival else (low, middle)
        return Rates(types.run(best).shares, float(view.time) + more * slice_length)

    return rates


def _largest_chance(count: int, total: int, limit: float) -> float:
    """The largest q with total · KL(count / total, q) <= limit."""
    if not total:
        return 1.0
    mean = min(1.0, count / total)
    low, high = mean, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if total * _divergence(mean, middle) <= limit else (low, middle)
    return low


def _divergence(p: float, q: float) -> float:
    """Kullback-Leibler divergence between Bernoulli distributions."""
    if q >= 1:
        return 0.0 if p >= 1 else math.inf
    first = p * math.log(p / q) if p > 0 else 0.0
    return first + ((1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else 0.0)
