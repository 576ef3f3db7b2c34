"""RCPSP sampling: deviation after 1000 schedules per scheme and rule, and schedules per second on one core.

    python benchmarks/rcpsp_sampling.py [--sets j30,j60,j120] [--rules lft,random] [--schedules 1000] [-o FILE.csv]

Deviations are means in per cent: from the critical path (no resources) and from the best known makespan, which for j30
is the optimum. ``published`` is the deviation of Kolisch and Hartmann's comparison (1999, 2006) for the same rule,
scheme and number of schedules: from the optimum for j30, from the critical path for j60 and j120. Seconds are processor
time of the one thread, without compiling and reading. One row per set, scheme, rule and justification.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from typing import TextIO

import numpy as np

from makespan.instances.bounds import best_known
from makespan.instances.instance import Instance
from makespan.instances.project_view import project_view
from makespan.instances.sets import load_set
from makespan.solvers.kernels.project_state import new_project
from makespan.solvers.project_rules import SCHEMES, Network
from makespan.solvers.sgs import Sgs
from makespan.solvers.stage import Budget, Context

PUBLISHED = {
    ("j30", "parallel", "lft"): 1.40,
    ("j30", "serial", "lft"): 0.83,
    ("j30", "parallel", "random"): 1.77,
    ("j30", "serial", "random"): 1.44,
    ("j60", "parallel", "lft"): 13.59,
    ("j60", "serial", "lft"): 13.96,
    ("j120", "parallel", "lft"): 39.60,
    ("j120", "serial", "lft"): 42.84,
    ("j120", "parallel", "random"): 44.5,
    ("j120", "serial", "random"): 49.3,
}
FIELDS = (
    "set",
    "instances",
    "scheme",
    "rule",
    "justify",
    "schedules",
    "from_critical_path",
    "from_best_known",
    "published",
    "schedules_per_second",
)


def main() -> None:
    parser = argparse.ArgumentParser(description="RCPSP sampling: deviation and schedules per second")
    parser.add_argument("--sets", default="j30,j60,j120")
    parser.add_argument("--rules", default="lft")
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("-o", "--output", type=argparse.FileType("w"), default=sys.stdout)
    arguments = parser.parse_args()
    Sgs().warm()
    run(arguments.sets.split(","), arguments.rules.split(","), arguments.schedules, arguments.output)


def run(sets: list[str], rules: list[str], schedules: int, output: TextIO) -> None:
    """One row per set, rule, scheme and justification, written as soon as it is known."""
    table = csv.DictWriter(output, FIELDS)
    table.writeheader()
    for name in sets:
        instances = load_set(name)
        path = np.array([critical_path(instance) for instance in instances])
        known = np.array([best_known_makespan(instance) for instance in instances])
        for rule in rules:
            for scheme in SCHEMES:
                for justify in (False, True):
                    samples = -(-schedules // 3) if justify else schedules
                    makespan, seconds = sample(Sgs(rule, scheme, samples, justify), instances, schedules)
                    table.writerow(
                        {
                            "set": name,
                            "instances": len(instances),
                            "scheme": scheme,
                            "rule": rule,
                            "justify": justify,
                            "schedules": schedules,
                            "from_critical_path": round(100 * float(np.mean(makespan / path - 1)), 2),
                            "from_best_known": round(100 * float(np.mean(makespan / known - 1)), 2),
                            "published": "" if justify else PUBLISHED.get((name, scheme, rule), ""),
                            "schedules_per_second": round(schedules * len(instances) / seconds),
                        }
                    )
                    output.flush()


def sample(stage: Sgs, instances: list[Instance], schedules: int) -> tuple[np.ndarray, float]:
    """Makespan per instance, and the seconds of all runs."""
    makespans, begun = [], time.thread_time()
    for instance in instances:
        context = Context(instance, Budget(iterations=schedules), 0, 1)
        stage.run(instance, context)
        assert context.objectives is not None
        makespans.append(context.objectives[0])
    return np.array(makespans), time.thread_time() - begun


def critical_path(instance: Instance) -> int:
    view = project_view(instance)
    return Network(instance, new_project(view, view.mode_ptr[:-1])).length


def best_known_makespan(instance: Instance) -> int:
    bound = best_known(instance)
    assert bound is not None and bound.upper_bound is not None
    return bound.upper_bound


if __name__ == "__main__":
    main()
