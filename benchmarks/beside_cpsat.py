"""Runs of ``auto`` beside runs of CP-SAT alone, by class, from the rows of one suite.

    makespan bench run benchmarks/suites/side_by_side_10s.toml --store runs.sqlite --export rows.csv
    python benchmarks/beside_cpsat.py rows.csv

Gaps in per cent of the best known value, mean over the seeds of an instance, then over the instances of a class;
*better* counts instances by these means. The two questions of the last columns: is ``auto`` worse by more than 0.05
points, and is it better wherever CP-SAT is more than 0.2 points off?
"""

from __future__ import annotations

import argparse
import csv
import statistics
from collections import defaultdict
from pathlib import Path

PAIR = ("auto", "cpsat")


def gaps(paths: list[str]) -> dict[tuple[str, str], dict[str, list[float]]]:
    """Gaps of the runs by (class, instance) and solver; a run without a schedule counts as 100 %."""
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for path in paths:
        with Path(path).open(newline="") as file:
            for row in csv.DictReader(file):
                if row["best_known"] and row["solver"] in PAIR:
                    objective = int(row["objective"]) if row["objective"] else 2 * int(row["best_known"])
                    gap = 100 * (objective / int(row["best_known"]) - 1)
                    found[row["instance_set"], row["instance"]][row["solver"]].append(gap)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help="CSV files that bench run exported")
    classes: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for (group, _), found in gaps(parser.parse_args().runs).items():
        if all(solver in found for solver in PAIR):
            own, other = (statistics.fmean(found[solver]) for solver in PAIR)
            classes[group].append((own, other))
            classes["all"].append((own, other))
    print("| class | n | auto | CP-SAT | auto − CP-SAT | better | equal | worse | within 0.05 | better where due |")
    print("|---" * 10 + "|")
    for group, pairs in sorted(classes.items(), key=lambda item: (item[0] == "all", item[0])):
        own, other = (statistics.fmean(values) for values in zip(*pairs, strict=True))
        better = sum(a < b - 1e-9 for a, b in pairs)
        worse = sum(a > b + 1e-9 for a, b in pairs)
        within = "yes" if own <= other + 0.05 else "NO"
        due = "–" if other <= 0.2 else "yes" if own < other else "NO"
        counts = f"{better} | {len(pairs) - better - worse} | {worse}"
        print(
            f"| {group} | {len(pairs)} | {own:.2f} | {other:.2f} | {own - other:+.2f} | {counts} | {within} | {due} |"
        )


if __name__ == "__main__":
    main()
