"""Every rule on every dynamic validation scenario: the values that a trained policy has to beat.

    python benchmarks/dynamic_validation.py -o docs/results/dynamic_validation.csv

The mean of the scenario's measure over its seeds, which all rules share, with its standard error.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.dynamic_rules import DYNAMIC_RULES, DynamicRule
from makespan.envs.validation import DYNAMIC1
from makespan.instances.sets import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    with arguments.output.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("scenario", "rule", "measure", "seeds", "mean", "standard_error"))
        for name, case in DYNAMIC1.items():
            batch = DynamicBatch([load(case.instance)], case.scenario, case.seeds)
            for rule in DYNAMIC_RULES:
                batch.reset(seed=np.arange(case.seeds))
                DynamicRule(batch, rule).play()
                if not batch.is_complete.all():
                    raise ValueError(f"{name}, {rule}: found an episode that is not complete")
                value = batch.measure(case.measure)
                error = value.std(ddof=1) / case.seeds**0.5 if case.seeds > 1 else 0.0
                writer.writerow((name, rule, case.measure, case.seeds, f"{value.mean():.1f}", f"{error:.1f}"))


if __name__ == "__main__":
    main()
