"""Runs of job shop suites beside the published 10-minute rows of the engines, paired by instance.

    makespan bench run benchmarks/suites/jsp_60s.toml --store runs.sqlite --export docs/results/jsp_60s.csv
    python benchmarks/against_engines.py docs/results/jsp_60s.csv > docs/results/jsp_60s.md

Gaps in per cent of the best known value. The engines ran 600 s on four cores of a laptop (see
instances/data/jsp/engine_results_600s.csv); they are compared on exactly the instances of the suite. With several seeds
the mean over the seeds counts. An instance on which an engine found nothing is left out of the pair and counted.
"""

from __future__ import annotations

import argparse
import csv
import statistics
from collections import defaultdict
from pathlib import Path

from makespan.instances.sets import load

ENGINES = {"cpsat": "CP-SAT 9.15", "cpo": "CPO 22.1.1", "optalcp": "OptalCP 2026.4"}
PUBLISHED = Path("instances/data/jsp/engine_results_600s.csv")


def published() -> dict[tuple[str, str], int]:
    """Makespans by instance and engine."""
    with PUBLISHED.open(newline="") as file:
        return {(row["instance"], row["engine"]): int(row["ub"]) for row in csv.DictReader(file) if row["ub"]}


def class_of(name: str) -> str:
    """Set and size: ta 15x15."""
    instance = load(name)
    return f"{name.rstrip('0123456789').split('_')[0]} {instance.num_jobs}x{instance.num_resources}"


def _by_set_and_size(item: tuple[str, object]) -> tuple[str, bool, list[int]]:
    """A set's classes by their size, then the set as a whole."""
    name, size = item[0].split()
    return name, size == "all", [int(part) for part in size.split("x") if part != "all"]


def mean(values: list[float]) -> str:
    return f"{statistics.fmean(values):.2f}" if values else "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help="CSV files that bench run exported")
    arguments = parser.parse_args()
    engines = published()
    gaps: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    best: dict[str, int] = {}
    for path in arguments.runs:
        with Path(path).open(newline="") as file:
            for row in csv.DictReader(file):
                if not row["best_known"] or not row["objective"]:
                    continue
                name, reference = row["instance"], int(row["best_known"])
                best[name] = reference
                gaps[name, class_of(name)][row["solver"]].append(100 * (int(row["objective"]) / reference - 1))
    solvers = list(dict.fromkeys(solver for each in gaps.values() for solver in each))
    rows: dict[str, list[tuple[str, dict[str, float]]]] = defaultdict(list)
    for (name, group), found in gaps.items():
        values = {solver: statistics.fmean(found[solver]) for solver in solvers if solver in found}
        values |= {e: 100 * (engines[name, e] / best[name] - 1) for e in ENGINES if (name, e) in engines}
        for key in (group, group.split()[0] + " all"):
            rows[key].append((name, values))
    first = solvers[0]
    others = [*solvers[1:], *ENGINES]
    titles = [*solvers, *ENGINES.values(), *(f"{first} − {ENGINES.get(o, o)}" for o in others)]
    print("| class | n | " + " | ".join(titles) + " |")
    print("|---" * (len(titles) + 2) + "|")
    for group, members in sorted(rows.items(), key=_by_set_and_size):
        cells = [mean([v[key] for _, v in members if key in v]) for key in (*solvers, *ENGINES)]
        pairs = [[v[first] - v[o] for _, v in members if first in v and o in v] for o in others]
        cells += [mean(pair) + (f" (on {len(pair)})" if len(pair) < len(members) else "") for pair in pairs]
        print(f"| {group} | {len(members)} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
