"""All 480 instances of the set j30: does CP-SAT prove the optimum, and how fast?

    python benchmarks/cpsat_j30.py [--threads 2] [--seconds 120] [--every 1]

Ends with 1 if one is not proved or differs from the known optimum. Seconds are wall clock as ``solve`` reports it.
"""

from __future__ import annotations

import argparse
import statistics
import sys

from makespan.instances.bounds import best_known
from makespan.instances.sets import instance_names, load
from makespan.solvers.api import Budget, Status, solve


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=120.0, help="limit per instance")
    parser.add_argument("--every", type=int, default=1, help="only every n-th instance")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    seconds: list[float] = []
    failures: list[str] = []
    names = list(instance_names("j30"))[:: args.every]
    for name in names:
        result = solve(load(name), "cpsat", Budget(seconds=args.seconds), seed=args.seed, threads=args.threads)
        seconds.append(result.seconds)
        known = best_known(name)
        if result.status is not Status.OPTIMAL or (known is not None and result.objective != known.upper_bound):
            failures.append(name)
            print(f"{name}: {result.status} {result.objective} [{result.lower_bound}], known {known}", flush=True)
        elif result.seconds > 10:
            print(f"{name}: {result.seconds:.1f} s", flush=True)
    print(
        f"{len(names) - len(failures)} of {len(names)} proved optimal; seconds: mean {statistics.mean(seconds):.2f}, "
        f"median {statistics.median(seconds):.2f}, most {max(seconds):.1f}, with {args.threads} threads"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
