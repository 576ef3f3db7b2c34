"""The tables of the report: gaps, proofs and times by class, contenders in pairs, instances."""

from __future__ import annotations

import numpy as np

from makespan.eval.report.engines import Engine
from makespan.eval.report.measures import Measures, mean_over
from makespan.eval.report.tables import Column, Table
from makespan.eval.results import FloatArray, Results
from makespan.eval.statistics import bootstrap_interval, holm, wilcoxon, wins_ties_losses

_GAP = (
    "Gap: (objective − reference) / reference, in per cent, mean over the seeds of an instance, then over instances. "
    "A run without a schedule counts as 100 %."
)


def overview(results: Results, measures: Measures) -> Table:
    """One row per contender, the smallest mean gap first; with a column for unchecked claims where there are any."""
    some_claimed = bool(results.claimed.any())
    gap = [column[~np.isnan(column)] for column in measures.gap.T]
    mean = [float(each.mean()) if each.size else None for each in gap]
    rows = []
    for c in sorted(range(len(gap)), key=lambda c: (mean[c] is None, mean[c] or 0.0)):
        mine = results.contender == c
        low, high = bootstrap_interval(gap[c]) if gap[c].size else (None, None)
        played = mine & results.played
        rows.append(
            (
                results.labels[c],
                int(mine.sum()),
                int((~np.isnan(measures.gap[:, c])).sum()),
                int((played & np.isnan(results.objective)).sum()),
                mean[c],
                low,
                high,
                float(np.median(gap[c])) if gap[c].size else None,
                float(gap[c].max()) if gap[c].size else None,
                _or_none(np.nanmean(measures.at_best[:, c])) if gap[c].size else None,
                _or_none(np.nanmean(results.proved[mine])) if played.any() else None,
                _or_none(np.nanmean(measures.primal[:, c])) if gap[c].size else None,
                _or_none(np.nanmean(results.seconds[played])) if played.any() else None,
                *([int(results.claimed[mine].sum())] if some_claimed else ()),
            )
        )
    columns = (
        Column("solver", "solver"),
        Column("runs", "runs", "integer"),
        Column("instances", "instances", "integer"),
        Column("without_schedule", "no schedule", "integer"),
        Column("mean_gap", "mean gap %", "percent"),
        Column("mean_gap_low", "95 % from", "percent"),
        Column("mean_gap_high", "to", "percent"),
        Column("median_gap", "median %", "percent"),
        Column("largest_gap", "largest %", "percent"),
        Column("at_best", "at best known %", "share"),
        Column("proved", "proved %", "share"),
        Column("primal_integral", "primal integral %", "percent"),
        Column("mean_seconds", "seconds", "seconds"),
        *([Column("claimed", "not checked", "integer")] if some_claimed else ()),
    )
    note = (
        f"{_GAP} The interval of the mean is a bootstrap over instances. At best known: instances on which every seed "
        "reached the reference. Proved: runs that ended in a proof. Primal integral: mean primal gap over the time "
        "that a run was allowed (Berthold 2013). Solvers that did not play the same instances cannot be compared here."
    )
    if some_claimed:
        note += " Not checked: values that came from elsewhere without a schedule, as they were claimed."
    return Table("overview", "All runs", note, columns, tuple(rows))


def by_class(results: Results, measures: Measures, engines: list[Engine]) -> list[Table]:
    """A row per class and a column per contender, for each measure; engines where they have played the whole class."""
    groups = results.groups()
    played = ~np.isnan(measures.gap)
    uneven = frozenset(r for r, group in enumerate(groups) if _differ(played[group.members]))
    star = " *: not every solver has played the same instances of the class." if uneven else ""
    extra = (
        " In italics: published results of other engines on other hardware, where they cover the class."
        if engines
        else ""
    )

    def table(name: str, title: str, note: str, kind: str, race: str, value: FloatArray, beside: str = "") -> Table:
        others = [(engine.label, getattr(engine, beside)) for engine in engines] if beside else []
        columns = (
            Column("class", "class"),
            Column("instances", "n", "integer"),
            *(Column(label, label, kind, race) for label in results.labels),
            *(Column(f"reference {label}", label, kind) for label, _ in others),
        )
        rows = []
        for group in groups:
            cells = [_or_none(each) for each in mean_over(value, group)]
            cells += [_or_none(each[group.members].mean()) for _, each in others]
            rows.append((group.name, group.members.size, *cells))
        levels = tuple(group.level for group in groups)
        return Table(name, title, note + star + (extra if others else ""), columns, tuple(rows), levels, uneven)

    return [
        table("gaps", "Mean gap", _GAP, "percent", "low", measures.gap, "gap"),
        table(
            "at_best",
            "At best known",
            "Share of the instances, in per cent, on which every seed reached the reference.",
            "share",
            "high",
            measures.at_best,
        ),
        table(
            "proofs",
            "Proved",
            "Share of the runs, in per cent, that ended in a proof.",
            "share",
            "high",
            measures.proved,
            "proved",
        ),
        table(
            "primal_integral",
            "Primal integral",
            "Primal gap in per cent, mean over the time that a run was allowed (Berthold 2013): 100 before the first "
            "schedule, 0 at the reference; after its end a run keeps its last value.",
            "percent",
            "low",
            measures.primal,
        ),
        table("seconds", "Seconds", "Mean wall clock of a run.", "seconds", "", measures.seconds),
    ]


def pairs(results: Results, measures: Measures) -> Table:
    """The leader of each class against every other contender, on the instances that both have played."""
    rows, levels = [], []
    for group in results.groups():
        if group.level == "size":
            continue
        mean = mean_over(measures.gap, group)
        if np.isnan(mean).all():
            continue
        leader = int(np.nanargmin(mean))
        found = []
        for c in np.argsort(mean, kind="stable").tolist():
            difference = measures.gap[group.members, c] - measures.gap[group.members, leader]
            difference = difference[~np.isnan(difference)]
            if c == leader or not difference.size:
                continue
            wins, ties, losses = wins_ties_losses(difference)
            interval = bootstrap_interval(difference)
            found.append((c, difference.size, difference.mean(), *interval, wilcoxon(difference), wins, ties, losses))
        adjusted = holm([each[5] for each in found]).tolist()
        for (c, size, difference_mean, low, high, p, *record), adjusted_p in zip(found, adjusted, strict=True):
            names = results.labels[leader], results.labels[c]
            rows.append((group.name, *names, size, float(difference_mean), low, high, p, adjusted_p, *record))
            levels.append(group.level)
    columns = (
        Column("class", "class"),
        Column("leader", "smallest mean gap"),
        Column("other", "against"),
        Column("instances", "n", "integer"),
        Column("difference", "difference", "points"),
        Column("low", "95 % from", "points"),
        Column("high", "to", "points"),
        Column("p", "p", "p"),
        Column("p_holm", "p (Holm)", "p"),
        Column("other_wins", "other better", "integer"),
        Column("ties", "equal", "integer"),
        Column("other_losses", "leader better", "integer"),
    )
    note = (
        "Difference of the gaps (other − leader) in points, paired by instance: mean, 95 % bootstrap interval, and the "
        "two-sided p-value of Wilcoxon's signed-rank test, also adjusted for the number of pairs in the class (Holm). "
        "The leader was picked by the same numbers, which favours it a little."
    )
    return Table("pairs", "Leader against the others", note, columns, tuple(rows), tuple(levels))


def instances(results: Results, measures: Measures) -> Table:
    """A row per instance: the reference with its date, and the mean gap of each contender."""
    rows = []
    for i, each in enumerate(results.instances):
        bound = each.reference
        gaps = [_or_none(value) for value in measures.gap[i]]
        head = (each.instance_set, each.name, each.size, bound.lower_bound, bound.value, bound.date, bound.source)
        rows.append((*head, *gaps))
    columns = (
        Column("class", "class"),
        Column("instance", "instance"),
        Column("size", "size"),
        Column("lower_bound", "bound", "integer"),
        Column("reference", "reference", "integer"),
        Column("date", "date"),
        Column("source", "source"),
        *(Column(label, label, "percent", "low") for label in results.labels),
    )
    return Table("instances", "Instances", _GAP, columns, tuple(rows))


def findings(results: Results) -> list[str]:
    """What a reader must know before trusting the numbers: new best values, and values that contradict the bounds."""
    found: list[str] = []
    best: dict[int, tuple[float, int]] = {}
    for r in np.flatnonzero(~np.isnan(results.objective)).tolist():
        i = int(results.instance[r])
        best[i] = min(best.get(i, (np.inf, r)), (float(results.objective[r]), r))
    for i, (objective, r) in sorted(best.items()):
        each, label = results.instances[i], results.labels[results.contender[r]]
        reference, lower = each.reference.value, each.reference.lower_bound
        if reference is not None and objective < reference:
            found.append(f"{each.name}: {label} found {objective:.0f}, below the best known {reference}")
        if lower is not None and objective < lower:
            found.append(
                f"{each.name}: {label} found {objective:.0f}, below the known lower bound {lower}: one is wrong"
            )
    denied = (np.array(results.status) == "infeasible") & ~np.isnan(results.reference)
    for r in np.flatnonzero(denied | (results.lower_bound > results.reference)).tolist():
        each, label = results.instances[results.instance[r]], results.labels[results.contender[r]]
        if denied[r]:
            found.append(f"{each.name}: {label} says infeasible, but a schedule of {each.reference.value} is known")
        elif each.reference.date is not None:
            bound = f"{results.lower_bound[r]:.0f}"
            found.append(f"{each.name}: {label} claims the bound {bound}, above the best known {each.reference.value}")
    return found


def _differ(played: np.ndarray) -> bool:
    """Whether the contenders that have played some of the instances have not all played the same ones."""
    who = played[:, played.any(axis=0)]
    return bool((who != who[:, :1]).any())


def _or_none(value: float | np.floating) -> float | None:
    return None if np.isnan(value) else float(value)
