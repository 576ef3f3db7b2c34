"""Comparison of two solvers, or of two states of one, on the instances that both have played."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from makespan.eval.contenders import budget_words, store_names
from makespan.eval.results import FloatArray, Results, read_results
from makespan.eval.statistics import bootstrap_interval, holm, wilcoxon, wins_ties_losses

ALPHA = 0.05
"""Level of the tests of the classes, over all of them together."""


@dataclass(frozen=True)
class Side:
    """One side of a comparison: the runs of a store, or of one solver in it."""

    store: Path
    solver: str | None


@dataclass(frozen=True)
class PairedInstance:
    """Both gaps of one instance, as fractions, means over the seeds."""

    instance: str
    instance_set: str
    gap_a: float
    gap_b: float

    @property
    def difference(self) -> float:
        return self.gap_b - self.gap_a


@dataclass(frozen=True)
class ClassComparison:
    """B against A on a class of instances.

    Parameters
    ----------
    group, level
        As in ``results.Group``: ``all``, a set, or a set and size.
    gap_a, gap_b, difference
        Mean gaps as fractions, and the mean of B - A: above 0, B is worse.
    low, high
        95 % bootstrap interval of the mean difference.
    p_value, adjusted
        Wilcoxon's signed-rank test; adjusted (Holm) over the classes of the level, as it is for ``all``.
    wins, ties, losses
        Instances on which B is better, equal, worse.
    proved_a, proved_b
        Mean share of the runs that ended in a proof.
    regression
        Whether B is worse by more than the margin; in a class below ``all`` the adjusted test must say so as well.
    """

    group: str
    level: str
    instances: int
    gap_a: float
    gap_b: float
    difference: float
    low: float
    high: float
    p_value: float
    adjusted: float
    wins: int
    ties: int
    losses: int
    proved_a: float
    proved_b: float
    regression: bool


@dataclass(frozen=True)
class Comparison:
    """Two contenders on their common instances; ``only_a`` and ``only_b`` count those that one alone has played."""

    label_a: str
    label_b: str
    pairs: tuple[PairedInstance, ...]
    classes: tuple[ClassComparison, ...]
    only_a: int
    only_b: int

    @property
    def regression(self) -> bool:
        return any(each.regression for each in self.classes)


def parse_side(text: str, first: Path | None = None) -> Side:
    """``STORE``, ``STORE:SOLVER``, or ``:SOLVER`` for a solver in the store of the first side.

    Both paths and specs may hold a colon: the shortest beginning that is a file is the store. Raises ValueError.
    """
    if text.startswith(":") and first is not None and len(text) > 1:
        return Side(first, text[1:])
    pieces = text.split(":")
    for k in range(1, len(pieces) + 1):
        path = Path(":".join(pieces[:k]))
        if path.is_file():
            return Side(path, ":".join(pieces[k:]) or None)
    raise ValueError(f"{text}: found no such file, expected a store, or a store and a solver such as runs.sqlite:auto")


def compare(a: Side, b: Side, *, margin: float = 0.001, suites: Sequence[str] = ()) -> list[Comparison]:
    """Compare B with A, once for each solver, budget and number of threads that makes a pair.

    Without a solver on either side every solver is compared with itself in the other store; with one on side A alone,
    side B means the same. Gaps are taken against the same reference on both sides; a run without a schedule counts as
    100 %, and an instance that only one side played is left out and counted.

    Parameters
    ----------
    margin
        Mean difference of the gaps, as a fraction, up to which B may be worse.

    Raises
    ------
    ValueError
        If a store holds no runs of the solver, or nothing pairs up.
    """
    one = a.store.resolve() == b.store.resolve()
    results = read_results([a.store] if one else [a.store, b.store], suites, apart=not one)
    pairs = _pairs(results, a, b, one)
    if not pairs:
        raise ValueError(f"{_words(a)} and {_words(b)}: found no common budget and threads, expected runs that pair up")
    found = [_comparison(results, *pair, margin) for pair in pairs]
    if not any(each.pairs for each in found):
        raise ValueError(f"{_words(a)} and {_words(b)}: found no common instance, expected some that both have played")
    return [each for each in found if each.pairs]


def _words(side: Side) -> str:
    return f"{side.store}:{side.solver}" if side.solver else str(side.store)


def _pairs(results: Results, a: Side, b: Side, one: bool) -> list[tuple[list[int], list[int]]]:
    """Contenders of the two sides that belong together; several of a side differ in their suite only."""
    solver_a, solver_b = a.solver or b.solver, b.solver or a.solver
    if one and solver_a == solver_b:
        raise ValueError(f"{_words(a)} and {_words(b)}: found the same runs twice, expected two solvers or two stores")
    names = store_names(results.stores)

    def members(side: Side, solver: str | None, store: str) -> dict[tuple[str, str, int], list[int]]:
        here = [k for k, each in enumerate(results.contenders) if one or each.store == store]
        found: dict[tuple[str, str, int], list[int]] = {}
        for k in here:
            each = results.contenders[k]
            if solver in (None, each.solver):
                found.setdefault(("" if solver else each.solver, each.budget, each.threads), []).append(k)
        if not found:
            known = ", ".join(dict.fromkeys(results.contenders[k].solver for k in here)) or "finished runs"
            raise ValueError(f"{side.store}: found no runs of {solver or 'any solver'}, expected {known}")
        return found

    first, second = members(a, solver_a, names[0]), members(b, solver_b, names[-1])
    return [(first[key], second[key]) for key in first if key in second]


def _comparison(results: Results, a: list[int], b: list[int], margin: float) -> Comparison:
    gap, proved = results.by_pair(results.gap), results.by_pair(results.proved)
    with np.errstate(invalid="ignore"):
        gap_a, gap_b = (_mean(gap[:, side]) for side in (a, b))
        proved_a, proved_b = (_mean(proved[:, side]) for side in (a, b))
    both = ~np.isnan(gap_a) & ~np.isnan(gap_b)
    difference = gap_b - gap_a
    pairs = tuple(
        PairedInstance(results.instances[i].name, results.instances[i].instance_set, float(gap_a[i]), float(gap_b[i]))
        for i in np.flatnonzero(both)
    )
    groups = [(each, each.members[both[each.members]]) for each in results.groups()]
    groups = [(each, members) for each, members in groups if members.size]
    p_value = np.array([wilcoxon(difference[members]) for _, members in groups])
    adjusted = p_value.copy()
    for level in ("set", "size"):
        same = [k for k, (each, _) in enumerate(groups) if each.level == level]
        adjusted[same] = holm(p_value[same])
    classes = []
    for k, (each, members) in enumerate(groups):
        mean = float(difference[members].mean())
        low, high = bootstrap_interval(difference[members])
        wins, ties, losses = wins_ties_losses(difference[members])
        worse = mean > margin + 1e-12
        classes.append(
            ClassComparison(
                group=each.name,
                level=each.level,
                instances=members.size,
                gap_a=float(gap_a[members].mean()),
                gap_b=float(gap_b[members].mean()),
                difference=mean,
                low=low,
                high=high,
                p_value=float(p_value[k]),
                adjusted=float(adjusted[k]),
                wins=wins,
                ties=ties,
                losses=losses,
                proved_a=float(proved_a[members].mean()),
                proved_b=float(proved_b[members].mean()),
                regression=worse and (each.level == "all" or bool(adjusted[k] < ALPHA)),
            )
        )
    return Comparison(
        label_a=_label(results, a),
        label_b=_label(results, b),
        pairs=pairs,
        classes=tuple(classes),
        only_a=int((~np.isnan(gap_a) & np.isnan(gap_b)).sum()),
        only_b=int((np.isnan(gap_a) & ~np.isnan(gap_b)).sum()),
    )


def _mean(columns: FloatArray) -> FloatArray:
    """Mean over the columns that are known."""
    count = (~np.isnan(columns)).sum(axis=1)
    return np.asarray(np.nansum(columns, axis=1) / np.where(count, count, np.nan), np.float64)


def _label(results: Results, members: list[int]) -> str:
    first = results.contenders[members[0]]
    return " · ".join(part for part in (first.solver, budget_words(first.budget), first.store) if part)
