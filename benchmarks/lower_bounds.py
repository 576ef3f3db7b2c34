"""Lower bounds: how many instances they close, and their mean gap to the best known makespan, after 1 s and 10 s.

    python benchmarks/lower_bounds.py [--sets la,orb,ta] [--every 1] [--seconds 1,10] [-o FILE.csv]

One row per instance: the bound at the start, after exact one-machine problems, and after each limit. Seconds are
processor time of the one thread that runs the stage ``bounds,cpsat=false``, so that other load on the machine does not
count; kernels are compiled before. ``known`` is the best known makespan: a bound above it would be an error, and ends
the run. A summary per set goes to the standard error.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections import defaultdict

from makespan.instances.bounds import best_known
from makespan.instances.instance import Instance
from makespan.instances.sets import instance_names, load
from makespan.solvers.bounds_stage import Bounds
from makespan.solvers.infeasibility import infeasibility
from makespan.solvers.lower_bounds import lower_bound
from makespan.solvers.stage import Budget, Context

SETS = {
    **{name: f"jsp/{name}" for name in ("ft", "la", "orb", "abz", "swv", "yn", "ta", "dmu")},
    **{name: f"rcpsp/{name}" for name in ("j30", "j60", "j120")},
}


class ThreadClock(Context):
    """A context whose clock is the processor time of the thread that made it."""

    def start_clock(self) -> None:
        self.begun = time.thread_time()

    def seconds(self) -> float:
        return time.thread_time() - self.begun


def main() -> None:
    parser = argparse.ArgumentParser(description="Lower bounds after given seconds of processor time")
    parser.add_argument("--sets", default="la,orb,ta,j30,j60,j120")
    parser.add_argument("--every", type=int, default=1, help="each so manieth instance of a set")
    parser.add_argument("--seconds", default="1,10")
    parser.add_argument("-o", "--output", type=argparse.FileType("w"), default=sys.stdout)
    arguments = parser.parse_args()
    limits = [float(text) for text in arguments.seconds.split(",")]
    stage = Bounds(cpsat=False)
    stage.warm()
    columns = ["start", *(f"after_{limit:g}s" for limit in limits)]
    table = csv.writer(arguments.output)
    table.writerow(("set", "instance", "tasks", "known", *columns, "seconds"))
    for name in arguments.sets.split(","):
        rows = []
        for instance_name in instance_names(SETS[name])[:: arguments.every]:
            instance = load(f"{SETS[name]}/{instance_name}")
            known = best_known(f"{SETS[name]}/{instance_name}")
            assert known is not None and known.upper_bound is not None
            bounds, seconds = measured(stage, instance, limits)
            if max(bounds) > known.upper_bound:
                raise AssertionError(f"{instance_name}: bound {max(bounds)} above {known.upper_bound}")
            rows.append([known.upper_bound, *bounds])
            table.writerow((name, instance_name, instance.num_tasks, *rows[-1], round(seconds, 2)))
            arguments.output.flush()
        summarise(name, columns, rows)


def measured(stage: Bounds, instance: Instance, limits: list[float]) -> tuple[list[int], float]:
    """The bound at the start and at each limit, and the seconds the stage took."""
    assert infeasibility(instance) is None
    context = ThreadClock(instance, Budget(seconds=limits[-1]), seed=0, threads=1)
    context.start_clock()
    context.begin_stage("bounds", None, None)
    stage.run(instance, context)
    at: dict[float, int] = defaultdict(int)
    for when, _, bound in context.trace:
        for limit in limits:
            if when <= limit and bound is not None:
                at[limit] = max(at[limit], bound)
    return [lower_bound(instance), *(at[limit] for limit in limits)], context.seconds()


def summarise(name: str, columns: list[str], rows: list[list[int]]) -> None:
    """Instances closed (bound = best known) and mean gap in per cent, per column."""
    parts = []
    for i, column in enumerate(columns, start=1):
        closed = sum(row[i] == row[0] for row in rows)
        gap = 100 * sum((row[0] - row[i]) / row[0] for row in rows) / len(rows)
        parts.append(f"{column}: {closed} closed, gap {gap:.2f} %")
    print(f"{name} ({len(rows)}): " + "; ".join(parts), file=sys.stderr)


if __name__ == "__main__":
    main()
