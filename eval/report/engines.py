"""Reference results of other engines, shown beside ours with the hardware they were made on."""

from __future__ import annotations

import csv
from dataclasses import dataclass

import numpy as np

from makespan.eval.results import WITHOUT_SCHEDULE, FloatArray, Results
from makespan.instances.sets import DATA

_FILE = DATA / "jsp" / "engine_results_600s.csv"
_COLLECTION = "jsp/"

HARDWARE = "4 cores of an Intel i7 at 3 GHz, 32 GB, Windows, 600 s, 2026; one run each"
"""As instances/data/README.md says of the file, which also says how the engines were set."""

SOURCE = "ScheduleOpt/benchmarks, commit 79f0edc (2026-08-19)"

_NAMES = {"cpsat": "CP-SAT", "cpo": "CP Optimizer", "optalcp": "OptalCP", "cplex": "CPLEX"}


@dataclass(frozen=True, eq=False)
class Engine:
    """What another engine did on the instances of the report: gap and proof, NaN where it has no row."""

    label: str
    gap: FloatArray
    proved: FloatArray


def reference_engines(results: Results) -> list[Engine]:
    """The engines with published results on some instance, the smallest mean gap first.

    Gaps are taken against the references of ``results``; an engine without a schedule counts as 100 %, as a run does.
    """
    place = {
        each.name: (i, each.reference.value)
        for i, each in enumerate(results.instances)
        if each.instance_set.startswith(_COLLECTION)
    }
    found: dict[str, Engine] = {}
    with _FILE.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["instance"] not in place:
                continue
            i, reference = place[row["instance"]]
            if not reference:
                continue
            name = f"{_NAMES.get(row['engine'], row['engine'])} {'.'.join(row['engine_version'].split('.')[:2])}"
            engine = found.setdefault(name, Engine(name, *(np.full(len(results.instances), np.nan) for _ in range(2))))
            objective = int(row["ub"]) if row["ub"] else None
            engine.gap[i] = WITHOUT_SCHEDULE if objective is None else (objective - reference) / reference
            engine.proved[i] = objective is not None and row["lb"] == row["ub"]
    return sorted(found.values(), key=lambda engine: float(np.nanmean(engine.gap)))
