"""A table of a study as Markdown, from its raw rows.

    makespan study online_means --rows rows.csv
    python benchmarks/study_tables.py rows.csv --rows policy --columns jobs,first_mean

One line for each value of the first list of keys, one column for each value of the second. A cell is the ratio of the
mean value to the mean reference, the mean or the largest of the ratios, or the mean value.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from makespan.eval.studies import table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="rows that makespan study wrote")
    parser.add_argument("--rows", default="policy", help="keys, with commas")
    parser.add_argument("--columns", required=True, help="keys, with commas")
    parser.add_argument(
        "--cell", default="ratio_of_means", choices=("ratio_of_means", "mean_ratio", "worst_ratio", "mean")
    )
    parser.add_argument("--where", default="", help="only rows with key=value")
    given = parser.parse_args()
    with Path(given.file).open(newline="") as file:
        rows = list(csv.DictReader(file))
    if given.where:
        key, _, value = given.where.partition("=")
        rows = [row for row in rows if row[key] == value]
    down, across = given.rows.split(","), given.columns.split(",")
    kept = [{key: row[key] for key in (*down, *across, "seed", "value", "reference")} for row in rows]
    cells = {
        (tuple(line[key] for key in down), tuple(line[key] for key in across)): f"{line[given.cell]:.3f}"
        for line in table(kept)
    }
    lines, columns = (list(dict.fromkeys(each[i] for each in cells)) for i in (0, 1))
    print(f"| {', '.join(down)} | " + " | ".join(", ".join(column) for column in columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for line in lines:
        print(f"| {', '.join(line)} | " + " | ".join(cells.get((line, column), "") for column in columns) + " |")


if __name__ == "__main__":
    main()
