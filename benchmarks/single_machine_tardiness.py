"""One machine, total tardiness: gaps of the rules to the optimum, in the classes of Çetinkaya et al. (2025).

    python benchmarks/single_machine_tardiness.py [--sizes 20:40,100:10,200:5,500:2] [--seconds 20] [-o rows.csv]

``--sizes`` gives jobs and instances of each of the 20 classes. The reference is the optimum of ``tardiness:exact``
or, where ``--seconds`` do not suffice, the best sequence of all rules, augmented ones included; those are listed. A gap
is (value - reference) / reference. With a reference of 0 it is 0 if the rule reaches 0 too, otherwise there is none and
the instance is counted apart. ``ratio`` is the sum of all values over the sum of all references. Seconds are processor
time of the one thread.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections import defaultdict

import numpy as np

from makespan.instances.generators.cetinkaya import DUE_RANGES, TARDINESS_FACTORS, tardiness
from makespan.solvers.tardiness import one_machine_jobs
from makespan.solvers.tardiness_exact import least_tardiness
from makespan.solvers.tardiness_rules import RULES, Jobs, augmented, total_tardiness

AUGMENTED = ("mdd", "mddc")

PUBLISHED = {
    "20": {"edd": 46.61, "eddc": 12.83, "mdd": 1.86, "mddc": 1.70, "psk": 1.77, "mdd+": 1.21, "mddc+": 0.79},
    "20n": {"edd": 31.94, "eddc": 11.30, "mdd": 2.51, "mddc": 1.71, "psk": 2.41},
    "100": {"edd": 59.57, "eddc": 28.12, "mdd": 1.81, "mddc": 1.52, "psk": 1.79, "mdd+": 1.27, "mddc+": 1.08},
    "200": {"edd": 62.98, "eddc": 52.02, "mdd": 2.07, "mddc": 2.00, "psk": 1.99, "mdd+": 1.53, "mddc+": 1.44},
    "500": {"edd": 127.5, "eddc": 271.75, "mdd": 48.75, "mddc": 48.40, "psk": 48.74, "mdd+": 48.15, "mddc+": 47.70},
}
"""Mean gaps in per cent of the paper, on its own instances; its EDDC is not what it prints."""

Row = dict[str, object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="20:40,20n:40,100:10,200:5,500:2", help="20n: durations from N(60, 20)")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each optimum")
    parser.add_argument("--seed", type=int, default=0, help="of the first instance of each class")
    parser.add_argument("-o", "--output", type=argparse.FileType("w"), help="rows as CSV")
    given = parser.parse_args()
    sizes = [(size, int(count)) for size, _, count in (each.partition(":") for each in given.sizes.split(","))]
    values_of(Jobs(*locked([1], [1])))  # compiles
    rows: list[Row] = []
    for size, count in sizes:
        for due_range in DUE_RANGES:
            for factor in TARDINESS_FACTORS:
                for seed in range(given.seed, given.seed + count):
                    rows += play(size, due_range, factor, seed, given.seconds)
        print(f"{size} jobs: {20 * count} instances", file=sys.stderr)
    if given.output:
        instances = one_per_instance(rows)
        writer = csv.DictWriter(given.output, list(instances[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(instances)
    report(rows)


def one_per_instance(rows: list[Row]) -> list[Row]:
    """Reference, whether it is proved, the seconds this took or was given, and the value of every rule."""
    found: dict[tuple[object, ...], Row] = {}
    for row in rows:
        named = {name: row[name] for name in ("size", "due_range", "tardiness_factor", "seed", "reference", "proved")}
        wide = found.setdefault(tuple(named.values()), named)
        if row["rule"] == "exact":
            wide["seconds"] = row["seconds"]
        else:
            wide[str(row["rule"])] = row["value"]
    return list(found.values())


def locked(*values: list[int]) -> list[np.ndarray]:
    arrays = [np.array(each, np.int64) for each in values]
    for array in arrays:
        array.setflags(write=False)
    return arrays


def play(size: str, due_range: float, factor: float, seed: int, seconds: float) -> list[Row]:
    """One row for each rule; one for ``exact``, without a value if its time was up."""
    instance = tardiness(int(size.rstrip("n")), due_range, factor, seed, normal=size.endswith("n"))
    jobs, _ = one_machine_jobs(instance)
    found = values_of(jobs)
    begun = time.thread_time()
    order = least_tardiness(jobs, lambda solved: time.thread_time() - begun < seconds)
    took = time.thread_time() - begun
    optimum = None if order is None else total_tardiness(jobs, order)
    reference = min(value for value, _ in found.values()) if optimum is None else optimum
    values: dict[str, tuple[int | None, float]] = {**found, "exact": (optimum, took)}
    return [
        {
            "size": size,
            "due_range": due_range,
            "tardiness_factor": factor,
            "seed": seed,
            "rule": rule,
            "value": value,
            "reference": reference,
            "proved": optimum is not None,
            "gap": None if value is None else gap(value, reference),
            "seconds": round(spent, 6),
        }
        for rule, (value, spent) in values.items()
    ]


def values_of(jobs: Jobs) -> dict[str, tuple[int, float]]:
    """Total tardiness and seconds of every rule; a plus marks the augmented ones."""
    found: dict[str, tuple[int, float]] = {}
    for name, rule in RULES.items():
        begun = time.thread_time()
        order = rule.order(jobs)
        found[name] = total_tardiness(jobs, order), time.thread_time() - begun
        if name in AUGMENTED:
            better = augmented(jobs, order)
            found[f"{name}+"] = total_tardiness(jobs, better), time.thread_time() - begun
    return found


def gap(value: int, reference: int) -> float | None:
    if reference == 0:
        return 0.0 if value == 0 else None
    return value / reference - 1


def report(rows: list[Row]) -> None:
    """Markdown: a table of the rules for each size, then the classes of the smallest."""
    grouped: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        grouped[str(row["size"]), str(row["rule"])].append(row)
    print("| n | rule | mean gap | published | median gap | ratio | optimal | undefined | ms |")
    print("|---" * 9 + "|")
    for (size, rule), found in grouped.items():
        if rule == "exact":
            continue
        gaps = [float(str(row["gap"])) for row in found if row["gap"] is not None]
        value, reference = (sum(int(str(row[key])) for row in found) for key in ("value", "reference"))
        published = PUBLISHED.get(size, {}).get(rule)
        optimal = sum(row["value"] == row["reference"] and bool(row["proved"]) for row in found)
        print(
            f"| {size} | {rule} | {100 * np.mean(gaps):.2f} | {'–' if published is None else published} "
            f"| {100 * np.median(gaps):.2f} | {value / reference:.4f} | {100 * optimal / len(found):.0f} % "
            f"| {len(found) - len(gaps)} | {milliseconds(found):.2f} |"
        )
    print("\n| n | instances | proved | ms for the optimum: median, largest | not proved |")
    print("|---" * 5 + "|")
    for (size, rule), found in grouped.items():
        if rule == "exact":
            times = [1000 * float(str(row["seconds"])) for row in found]
            left = ", ".join(
                f"({row['due_range']}, {row['tardiness_factor']}) {row['seed']}" for row in found if not row["proved"]
            )
            proved = sum(bool(row["proved"]) for row in found)
            print(f"| {size} | {len(found)} | {proved} | {np.median(times):.1f}, {max(times):.0f} | {left or 'none'} |")
    smallest = str(rows[0]["size"])
    print(f"\n{smallest} jobs, mean gap by class\n\n| R | F | " + " | ".join(("edd", "mdd", "mddc", "mddc+")) + " |")
    print("|---" * 6 + "|")
    for due_range in DUE_RANGES:
        for factor in TARDINESS_FACTORS:
            means = []
            for rule in ("edd", "mdd", "mddc", "mddc+"):
                found = [
                    r for r in grouped[smallest, rule] if (r["due_range"], r["tardiness_factor"]) == (due_range, factor)
                ]
                gaps = [float(str(row["gap"])) for row in found if row["gap"] is not None]
                means.append(f"{100 * np.mean(gaps):.2f}" if gaps else "–")
            print(f"| {due_range} | {factor} | {' | '.join(means)} |")


def milliseconds(rows: list[Row]) -> float:
    return float(np.mean([1000 * float(str(row["seconds"])) for row in rows]))


if __name__ == "__main__":
    main()
