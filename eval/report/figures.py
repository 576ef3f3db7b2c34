"""The figures of the report as numbers: profiles, time to target, anytime curves and mean ranks, for each class."""

from __future__ import annotations

from typing import Any

import numpy as np

from makespan.eval.report.measures import TARGETS, Measures, mean_over
from makespan.eval.report.tables import Column, Table
from makespan.eval.results import FloatArray, Group, Results
from makespan.eval.statistics import (
    cliques,
    complete_rows,
    critical_difference,
    friedman,
    mean_ranks,
    performance_ratios,
    share_within,
)

_FACTORS = 72  # points of the axis of a profile
_WIDEST = 1.0  # a profile ends at twice the best


def figures(results: Results, measures: Measures) -> dict[str, Any]:
    """All figures, for JSON: the axes once, and for each class of ``results.groups()`` a list per contender.

    Returns
    -------
    dict
        ``factors`` (objective over best, less 1), ``times`` (seconds), ``targets`` (gaps); ``classes`` with ``played``
        (number of instances), ``profile`` and ``anytime`` (a value per point, None where the contender has not played),
        ``targets`` (a list each) and ``ranks`` (None without instances that all have played).
    """
    ratio = performance_ratios(measures.objective) - 1
    largest = np.nanmax(np.where(np.isfinite(ratio), ratio, np.nan), initial=1e-3)
    factors = np.concatenate(([0.0], np.geomspace(1e-4, min(_WIDEST, max(2e-4, largest)), _FACTORS - 1)))
    classes = []
    for group in results.groups():
        inside = np.isin(results.instance, group.members)
        reached: list[list[list[float | None] | None]] = [[] for _ in TARGETS]
        for c in range(len(results.contenders)):
            mine = measures.reached[inside & (results.contender == c)]
            for k in range(len(TARGETS)):
                reached[k].append(_curve(share_within(mine[:, k], measures.times)))
        anytime = np.stack([mean_over(measures.gap_at[:, :, t], group) for t in range(measures.times.size)], axis=1)
        classes.append(
            {
                "name": group.name,
                "level": group.level,
                "instances": int(group.members.size),
                "played": (~np.isnan(measures.gap[group.members])).sum(axis=0).tolist(),
                "profile": [_curve(share_within(column, factors)) for column in ratio[group.members].T],
                "targets": reached,
                "anytime": [_curve(each) for each in anytime],
                "ranks": _ranks(measures.gap, group),
            }
        )
    return {
        "factors": _rounded(factors),
        "times": _rounded(measures.times),
        "targets": list(TARGETS),
        "classes": classes,
    }


def _ranks(gap: FloatArray, group: Group) -> dict[str, Any] | None:
    """Mean ranks of the contenders of a class, on the instances that all of them have played."""
    score = gap[group.members]
    who = np.flatnonzero(~np.isnan(score).all(axis=0))
    score = complete_rows(score[:, who])
    if who.size < 2 or not score.shape[0]:
        return None
    rank = mean_ranks(score)
    order = np.argsort(rank, kind="stable")
    difference = critical_difference(who.size, score.shape[0])
    p_value = friedman(score)
    return {
        "contender": who[order].tolist(),
        "rank": _rounded(rank[order]),
        "difference": round(difference, 4),
        "cliques": cliques(rank[order], difference),
        "instances": int(score.shape[0]),
        "friedman": None if np.isnan(p_value) else p_value,
    }


def figure_tables(results: Results, drawn: dict[str, Any]) -> list[Table]:
    """The points of the figures, for programs that draw them anew."""
    axes = {"profile": "factors", "anytime": "times"}
    long: dict[str, list[tuple[Any, ...]]] = {"profile": [], "anytime": [], "time_to_target": []}
    ranks: list[tuple[Any, ...]] = []
    for each in drawn["classes"]:
        for name, axis in axes.items():
            for label, curve in zip(results.labels, each[name], strict=True):
                long[name] += [(each["name"], label, x, y) for x, y in zip(drawn[axis], curve or (), strict=False)]
        for target, curves in zip(drawn["targets"], each["targets"], strict=True):
            for label, curve in zip(results.labels, curves, strict=True):
                points = zip(drawn["times"], curve or (), strict=False)
                long["time_to_target"] += [(each["name"], label, target, x, y) for x, y in points]
        if each["ranks"] is not None:
            found = each["ranks"]
            for c, rank in zip(found["contender"], found["rank"], strict=True):
                head = each["name"], results.labels[c], rank, found["difference"]
                ranks.append((*head, found["instances"], found["friedman"]))
    named = (Column("class", "class"), Column("solver", "solver"))
    columns: dict[str, tuple[Column, ...]] = {
        "profile": (*named, Column("factor", "above the best"), Column("share", "share of instances")),
        "anytime": (*named, Column("seconds", "seconds"), Column("mean_gap", "mean gap")),
        "time_to_target": (*named, Column("target", "target"), Column("seconds", "seconds"), Column("share", "share")),
    }
    rank_columns = (
        *named,
        Column("mean_rank", "mean rank", "rank"),
        Column("critical_difference", "critical difference", "rank"),
        Column("instances", "n", "integer"),
        Column("friedman_p", "p (Friedman)", "p"),
    )
    note = "Ranks by gap on the instances that all have played; critical difference of the test of Nemenyi at 5 %."
    found_tables = [Table(name, name, "", columns[name], tuple(rows)) for name, rows in long.items()]
    return [*found_tables, Table("ranks", "Mean ranks", note, rank_columns, tuple(ranks))]


def _curve(values: FloatArray) -> list[float | None] | None:
    """Four digits of each value, None where unknown; None for a curve of which nothing is known."""
    if np.isnan(values).all():
        return None
    return [None if np.isnan(value) else round(float(value), 4) for value in values]


def _rounded(values: FloatArray) -> list[float]:
    return [float(f"{value:.5g}") for value in values]
