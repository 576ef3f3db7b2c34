"""Reference values of the generated validation instances, by long runs of ``auto``; goes on where it stopped.

    python benchmarks/validation_references.py --seconds 20 [--sets uniform,rcpsp]

Every instance of ``@validation1`` on which nobody spent that many seconds yet is solved. A better value or bound
replaces the old one in instances/data/validation1/bounds.csv, with its source; a proof is never tried again. ``--make``
writes the table anew, without values; the instances of a released table stay, a new table gets the next number.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from makespan import Budget, generate, solve

TABLE = Path("instances/data/validation1/bounds.csv")
COLUMNS = ("set", "instance", "spec", "lower_bound", "upper_bound", "status", "source")

UNIFORM = ("10x10", "15x10", "15x15", "20x10", "20x15", "20x20", "30x15", "30x20", "50x15", "50x20", "100x20")
TWO_SET = ("20x15", "20x20", "30x15", "30x20", "40x15", "40x20", "50x15", "50x20")
FLEXIBLE = ("10x5", "10x10", "15x10", "20x10", "30x15")
EACH = 8
"""Instances of each shape."""

PROJECTS = [(n, rf, rs) for n in (30, 60, 90, 120) for rf in (0.5, 1.0) for rs in (0.1, 0.2, 0.4)]
"""Activities, resource factor and resource strength, with two instances each."""


def specs() -> Iterator[tuple[str, str, str]]:
    """Set, name and spec of every validation instance of version 1."""
    for kind, shapes, first in (("uniform", UNIFORM, 710_000), ("two_set", TWO_SET, 720_000)):
        for i, shape in enumerate(shapes):
            jobs, machines = shape.split("x")
            for k in range(EACH):
                yield (
                    kind,
                    f"val1_{kind}_{shape}_{k + 1}",
                    f"{kind},jobs={jobs},machines={machines},seed={first + 100 * i + k}",
                )
    for i, shape in enumerate(FLEXIBLE):
        jobs, machines = shape.split("x")
        most = int(machines)
        for k in range(EACH):
            sizes = f"min_operations={most // 2},max_operations={most},max_alternatives={min(5, most)}"
            spec = f"flexible,jobs={jobs},machines={machines},seed={730_000 + 100 * i + k},{sizes},max_duration=99"
            yield "flexible", f"val1_flexible_{shape}_{k + 1}", spec
    for i, (activities, factor, strength) in enumerate(PROJECTS):
        for k in range(2):
            difficulty = f"network_complexity=1.8,resource_factor={factor},resource_strength={strength}"
            spec = f"rcpsp,activities={activities},seed={740_000 + 100 * i + k},{difficulty}"
            yield "rcpsp", f"val1_rcpsp_{activities}_{2 * (i % 6) + k + 1}", spec


def read_table() -> list[dict[str, str]]:
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


def write_table(rows: list[dict[str, str]]) -> None:
    """In one move, so that a stop in between loses nothing."""
    new = TABLE.with_suffix(".new")
    with new.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    new.replace(TABLE)
    sums = TABLE.parents[1] / "SHA256SUMS"
    name = TABLE.relative_to(sums.parent).as_posix()
    lines = [line for line in sums.read_text().splitlines() if not line.endswith(f"  {name}")]
    lines.append(f"{hashlib.sha256(TABLE.read_bytes()).hexdigest()}  {name}")
    sums.write_text("".join(f"{line}\n" for line in sorted(lines, key=lambda line: line.partition("  ")[2])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sets", default="uniform,two_set,flexible,rcpsp")
    parser.add_argument("--make", action="store_true")
    arguments = parser.parse_args()
    if arguments.make:
        TABLE.parent.mkdir(parents=True, exist_ok=True)
        write_table([dict(zip(COLUMNS, (*each, "", "", "unknown", ""), strict=True)) for each in specs()])
        return
    rows = read_table()
    for number, row in enumerate(rows):
        done = float(row["source"].split(" s ")[0].rpartition(" ")[2]) if " s " in row["source"] else 0.0
        if row["set"] not in arguments.sets.split(",") or row["status"] == "optimal" or done >= arguments.seconds:
            continue
        result = solve(generate(row["spec"]), "auto", Budget(seconds=arguments.seconds), threads=arguments.threads)
        lower = max(result.lower_bound or 0, int(row["lower_bound"] or 0))
        upper = min(result.objective or 2**62, int(row["upper_bound"] or 2**62))
        row["lower_bound"], row["upper_bound"] = str(lower), str(upper)
        row["status"] = "optimal" if lower == upper else "open"
        today = datetime.date.today().isoformat()
        row["source"] = f"auto {arguments.seconds:g} s on {arguments.threads} threads {today}"
        write_table(rows)
        print(f"{number + 1}/{len(rows)} {row['instance']} {lower}..{upper}", file=sys.stderr)


if __name__ == "__main__":
    main()
