"""Solver specs against each other on generated job shops, at equal process time.

    python benchmarks/tabu_validation.py --seconds 10 tabu tabu,neighbourhood=n6

The clock of every run is the time its process spends, so that a busy machine does not change the result; one thread.
Gaps are in per cent above the best value that any run of this script call found, and above ``REFERENCE`` where that is
lower: the best values known for these instances.
"""

from __future__ import annotations

import argparse
import time

from makespan.instances.generators import generate
from makespan.instances.instance import Instance
from makespan.solvers.lower_bounds import lower_bound
from makespan.solvers.registry import make_stage, parse_spec
from makespan.solvers.stage import Budget, Chooser, Context, Stage

TAILLARD = {(jobs, m): f"taillard_job_shop,jobs={jobs},machines={m},time_seed={{}},machine_seed={{}}" for jobs, m in
            ((15, 15), (20, 15), (20, 20), (30, 15), (30, 20), (50, 20))}  # fmt: skip

VALIDATION = (
    *(TAILLARD[15, 15].format(1000 + i, 2000 + i) for i in range(2)),
    *(TAILLARD[20, 15].format(1010 + i, 2010 + i) for i in range(2)),
    *(TAILLARD[20, 20].format(1020 + i, 2020 + i) for i in range(2)),
    TAILLARD[30, 15].format(1030, 2030),
    TAILLARD[30, 20].format(1040, 2040),
    TAILLARD[50, 20].format(1050, 2050),
    "two_set,jobs=20,machines=15,seed=7001",
    "two_set,jobs=20,machines=20,seed=7002",
    "two_set,jobs=30,machines=20,seed=7003",
    "two_set,jobs=50,machines=20,seed=7004",
    "two_set,jobs=50,machines=15,seed=7005",
    "two_set,jobs=40,machines=15,seed=7015",
)

REFERENCE: dict[str, int] = {
    "two_set,jobs=50,machines=15,seed=7005": 6506,
    "taillard_job_shop,jobs=20,machines=20,time_seed=1020,machine_seed=2020": 1578,
    "taillard_job_shop,jobs=50,machines=20,time_seed=1050,machine_seed=2050": 2681,
    "two_set,jobs=20,machines=15,seed=7001": 3128,
    "two_set,jobs=30,machines=20,seed=7003": 4965,
    "taillard_job_shop,jobs=20,machines=15,time_seed=1010,machine_seed=2010": 1414,
    "taillard_job_shop,jobs=20,machines=20,time_seed=1021,machine_seed=2021": 1657,
    "taillard_job_shop,jobs=30,machines=20,time_seed=1040,machine_seed=2040": 1910,
    "two_set,jobs=20,machines=20,seed=7002": 3925,
}
"""Best values found so far, by any run of any length."""


class ProcessClock(Context):
    """A context whose seconds are those of the process."""

    _began = 0.0

    def start_clock(self) -> None:
        self._began = time.process_time()

    def seconds(self) -> float:
        return time.process_time() - self._began


def run(instance: Instance, spec: str, seconds: float, seed: int) -> tuple[int, int]:
    """Best value and moves."""
    stages = [make_stage(part) for part in parse_spec(spec)]
    context = ProcessClock(instance, Budget(seconds=seconds), seed, 1)
    context.offer_bound(lower_bound(instance))
    context.start_clock()
    for stage in stages:
        assert isinstance(stage, Stage)
        stage.run(instance, context)
    assert context.objectives is not None
    return context.objectives[0], context.iterations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("specs", nargs="+")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    for spec in args.specs:
        for part in parse_spec(spec):
            method = make_stage(part)
            if not isinstance(method, Chooser):
                method.warm()
    print("instance", *args.specs, sep="\t")
    gaps: list[list[float]] = [[] for _ in args.specs]
    for name in VALIDATION:
        instance = generate(name)
        found = [run(instance, spec, args.seconds, args.seed) for spec in args.specs]
        best = min([REFERENCE.get(name, found[0][0]), *(value for value, _ in found)])
        for column, (value, _) in zip(gaps, found, strict=True):
            column.append(100 * (value - best) / best)
        print(
            instance.name, *(f"{value} ({moves / args.seconds:,.0f}/s)" for value, moves in found), sep="\t", flush=True
        )
    print("mean gap", *(f"{sum(column) / len(column):.3f} %" for column in gaps), sep="\t")


if __name__ == "__main__":
    main()
