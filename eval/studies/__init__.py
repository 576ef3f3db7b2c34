"""Studies: small experiments of papers, as raw rows and a table of ratios.

A study yields rows: a dict with what was varied, ``seed``, ``value`` and ``reference``, to which the value is compared
(an optimum, a bound, or another method on the same data). The table has one line for each setting.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
MEASURES = ("seed", "value", "reference")


@dataclass(frozen=True)
class Study:
    """A line of the table of studies. ``target`` is ``module:function``; the function takes the number of seeds and
    whether the small form is wanted, and yields rows. ``reference`` says what values are compared to."""

    name: str
    target: str
    summary: str
    reference: str
    seeds: int

    def rows(self, seeds: int | None = None, small: bool = False) -> Iterator[Row]:
        """Play the study; the same numbers give the same rows."""
        module, _, name = self.target.partition(":")
        play: Callable[[int, bool], Iterator[Row]] = getattr(importlib.import_module(module), name)
        return play(self.seeds if seeds is None else seeds, small)


STUDIES = {
    study.name: study
    for study in (
        Study(
            "workflow_makespan",
            "makespan.eval.studies.workflows:makespans",
            "list schedules of random workflows of ten tasks, by the ratio of transfers to durations",
            "optimum (CP-SAT)",
            20,
        ),
        Study(
            "workflow_traces",
            "makespan.eval.studies.workflows:traces",
            "list schedules of the recorded workflows on five kinds of machines, 100 MB/s between them",
            "lower bound",
            1,
        ),
        Study(
            "workflow_cost",
            "makespan.eval.studies.workflows:costs",
            "cost under a deadline by SPWD, by the size of its parts",
            "lower bound of CP-SAT on the whole, the optimum where it is proved",
            1,
        ),
        Study(
            "workflow_stream",
            "makespan.eval.studies.workflows:streams",
            "mean latency of a stream of workflows, rules and the learned order",
            "HEFT_RT on the same arrivals",
            20,
        ),
        Study(
            "online_precedence",
            "makespan.eval.studies.online:precedence",
            "precedence that shows as jobs are done, with predicted weights of what follows",
            "optimum (Horn)",
            25,
        ),
        Study(
            "online_speeds",
            "makespan.eval.studies.online:speeds",
            "unrelated machines with predicted speeds or an order of machines: weighted flow time",
            "greedy density with exact speeds on the same jobs",
            10,
        ),
        Study(
            "online_means",
            "makespan.eval.studies.online:means",
            "types of jobs with unknown means, learned while they run",
            "optimum (sizes known)",
            100,
        ),
    )
}


def table(rows: Iterable[Row]) -> list[Row]:
    """One line for each setting, in the order in which they came: runs, ratio of the means, mean and largest ratio."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple((k, v) for k, v in row.items() if k not in MEASURES), []).append(row)
    lines = []
    for setting, group in groups.items():
        values, references = ([float(row[key]) for row in group] for key in ("value", "reference"))
        ratios = [value / reference for value, reference in zip(values, references, strict=True) if reference]
        measured = {
            "runs": len(group),
            "mean": sum(values) / len(values),
            "ratio_of_means": sum(values) / sum(references) if sum(references) else None,
            "mean_ratio": sum(ratios) / len(ratios) if ratios else None,
            "worst_ratio": max(ratios, default=None),
        }
        lines.append(dict(setting) | measured)
    return lines
