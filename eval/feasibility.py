"""What a set of verdicts on feasibility questions says: rates, thresholds, areas, shares of kinds, interaction.

Definitions as far as Jain and Wetter (2025), arXiv 2508.15204, name them; the formulas are ours. A *cell* is all
questions of one size, stage and level; an answer that cannot be read is not feasible.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from makespan.eval.answers import FEASIBLE, INFEASIBLE, KINDS, UNREADABLE, Verdict
from makespan.instances.generators.jain_wetter import AXES

Z = 1.959964  # of the 95 % interval


@dataclass(frozen=True)
class Cell:
    """The questions of one size, stage and level.

    Parameters
    ----------
    rate, low, high
        Share of feasible answers, and its 95 % interval by Wilson's formula.
    share
        Per kind: infeasible answers that break at least one constraint of the kind, among the infeasible ones; empty
        without any.
    """

    tasks: int
    stage: str
    level: int
    questions: int
    feasible: int
    infeasible: int
    unreadable: int
    rate: float
    low: float
    high: float
    share: dict[str, float]


@dataclass(frozen=True)
class Curve:
    """The cells of one size and stage over the levels.

    ``threshold`` is the least level from which on the rate stays below one half, None where there is none; ``area`` the
    mean height of the curve (trapezoids over the range of levels; the one rate where there is one level).
    """

    tasks: int
    stage: str
    rate: float
    threshold: int | None
    area: float


@dataclass(frozen=True)
class Interaction:
    """How much worse all axes together are than their single effects foretell, at one size.

    ``foretold`` is rate(P) x the product over the axes of rate(P and the axis) / rate(P); ``gap`` is the rate of all
    axes less that, so that a negative one says that axes hurt more together.
    """

    tasks: int
    rate: float
    foretold: float
    gap: float


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share. Wilson (1927), JASA 22, 209-212. Raises ValueError without trials."""
    if trials < 1:
        raise ValueError(f"trials: found {trials}, expected 1 or more")
    share, square = successes / trials, Z * Z / trials
    middle = share + square / 2
    width = Z * math.sqrt((share * (1 - share) + square / 4) / trials)
    low = 0.0 if successes == 0 else (middle - width) / (1 + square)
    high = 1.0 if successes == trials else (middle + width) / (1 + square)
    return low, high


def cells(verdicts: Iterable[Verdict]) -> list[Cell]:
    """One cell for each size, stage and level, in this order; stages with fewer axes first."""
    groups: dict[tuple[int, str, int], list[Verdict]] = {}
    for each in verdicts:
        groups.setdefault((each.tasks, each.stage, each.level), []).append(each)
    keys = sorted(groups, key=lambda key: (key[0], *_stage_order(key[1]), key[2]))
    return [_cell(*key, groups[key]) for key in keys]


def curves(found: Sequence[Cell]) -> list[Curve]:
    """One curve for each size and stage, from cells in their order."""
    groups: dict[tuple[int, str], list[Cell]] = {}
    for cell in found:
        groups.setdefault((cell.tasks, cell.stage), []).append(cell)
    return [
        Curve(tasks, stage, _pooled(members), _threshold(members), _area(members))
        for (tasks, stage), members in groups.items()
    ]


def interactions(found: Sequence[Cell]) -> list[Interaction]:
    """One for each size that has the stages P, P with each single axis, and P with all, at the same levels.

    Levels are pooled; a size whose P is never feasible foretells nothing and is left out.
    """
    single, together = ["P" + letter for letter in AXES.values()], "P" + "".join(AXES.values())
    gaps = []
    for tasks in sorted({cell.tasks for cell in found}):
        by_stage = {
            stage: [cell for cell in found if (cell.tasks, cell.stage) == (tasks, stage)]
            for stage in ("P", *single, together)
        }
        levels = {tuple(cell.level for cell in members) for members in by_stage.values()}
        base = _pooled(by_stage["P"]) if by_stage["P"] else 0.0
        if len(levels) > 1 or base == 0:
            continue
        foretold = base * math.prod(_pooled(by_stage[stage]) / base for stage in single)
        rate = _pooled(by_stage[together])
        gaps.append(Interaction(tasks, rate, foretold, rate - foretold))
    return gaps


def _stage_order(stage: str) -> tuple[int, str]:
    return len(stage), stage


def _cell(tasks: int, stage: str, level: int, verdicts: list[Verdict]) -> Cell:
    count = Counter(each.outcome for each in verdicts)
    wrong = [each for each in verdicts if each.outcome == INFEASIBLE]
    share = {kind: sum(kind in each.broken for each in wrong) / len(wrong) for kind in KINDS} if wrong else {}
    low, high = wilson(count[FEASIBLE], len(verdicts))
    return Cell(
        tasks=tasks,
        stage=stage,
        level=level,
        questions=len(verdicts),
        feasible=count[FEASIBLE],
        infeasible=count[INFEASIBLE],
        unreadable=count[UNREADABLE],
        rate=count[FEASIBLE] / len(verdicts),
        low=low,
        high=high,
        share=share,
    )


def _pooled(members: Sequence[Cell]) -> float:
    return sum(cell.feasible for cell in members) / sum(cell.questions for cell in members)


def _threshold(members: Sequence[Cell]) -> int | None:
    """Members by rising level."""
    threshold = None
    for cell in reversed(members):
        if cell.rate >= 0.5:
            break
        threshold = cell.level
    return threshold


def _area(members: Sequence[Cell]) -> float:
    if len(members) == 1:
        return members[0].rate
    total = sum((b.level - a.level) * (a.rate + b.rate) / 2 for a, b in zip(members, members[1:], strict=False))
    return total / (members[-1].level - members[0].level)
