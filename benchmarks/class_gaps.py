"""Mean gaps of runs to the best known values, by class, from the rows that ``bench run --export`` wrote.

    makespan bench run benchmarks/suites/fjsp_60s.toml --store runs.sqlite --export rows.csv
    python benchmarks/class_gaps.py rows.csv

Gaps in per cent, mean over the seeds of an instance, then over the instances of a class. A run without a schedule
counts as 100 %. *at best* counts instances that reach the best known value with every seed, *proved* runs by a proof.
"""

from __future__ import annotations

import argparse
import csv
import statistics
from collections import defaultdict
from pathlib import Path

from makespan.instances.sets import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help="CSV files that bench run exported")
    parser.add_argument("--sizes", action="store_true", help="classes of job shops by jobs and machines")
    given = parser.parse_args()
    gaps: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    proved: dict[tuple[str, str], int] = defaultdict(int)
    for path in given.runs:
        with Path(path).open(newline="") as file:
            for row in csv.DictReader(file):
                if row["best_known"]:
                    objective = int(row["objective"]) if row["objective"] else 2 * int(row["best_known"])
                    keys = [(row["instance_set"], row["solver"])]
                    if given.sizes:
                        keys.append((f"{row['instance_set']} {_size(row['instance'])}", row["solver"]))
                    for key in keys:
                        gaps[key][row["instance"]].append(100 * (objective / int(row["best_known"]) - 1))
                        proved[key] += row["status"] == "optimal"
    print("| class | solver | n | mean gap | largest | at best | proved |")
    print("|---" * 7 + "|")
    for (group, solver), found in sorted(gaps.items()):
        means = [statistics.fmean(each) for each in found.values()]
        at_best = sum(max(each) <= 0 for each in found.values())
        print(
            f"| {group} | {solver} | {len(means)} | {statistics.fmean(means):.2f} | {max(means):.2f} "
            f"| {at_best} | {proved[group, solver]} |"
        )


def _size(name: str) -> str:
    instance = load(name)
    return f"{instance.num_jobs:03}x{instance.num_resources:02}"


if __name__ == "__main__":
    main()
