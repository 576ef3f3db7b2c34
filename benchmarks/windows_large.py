"""Large job shops: makespan over time of iterated_dispatch and windows, against the best known values.

    python benchmarks/windows_large.py [--seconds 600] [--threads 2] [--solver SPEC] [INSTANCE ...]

Prints the makespan at 1, 2, 5, 10 … seconds of wall clock, the processor seconds used and the peak memory. On a machine
that others use too, compare processor seconds, not wall clock. Kernels are compiled before the clock starts.
"""

from __future__ import annotations

import argparse
import resource
import time

from makespan.instances.bounds import best_known
from makespan.instances.sets import load
from makespan.solvers.api import Budget, Result, solve

INSTANCES = ("tai_100_100_1", "tai_100_100_2", "tai_1000_100_1", "tai_1000_1000_1")
MARKS = (1, 2, 5, 10, 20, 60, 120, 300, 600)


def value_at(result: Result, seconds: float) -> int | None:
    """Best makespan found within so many seconds."""
    found = [value for when, value, _ in result.trace if value is not None and when <= seconds]
    return found[-1] if found else None


def main() -> None:
    """Print one line per instance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("instances", nargs="*", default=INSTANCES)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--solver", default="windows")
    args = parser.parse_args()
    marks = [mark for mark in MARKS if mark < args.seconds] + [args.seconds]
    print(f"{'instance':18} {'best known':>10} " + " ".join(f"{mark:>8g}s" for mark in marks) + "   gap    cpu s  GB")
    for name in args.instances:
        instance, known = load(name), best_known(name)
        solve(load("ft06"), args.solver, Budget(iterations=1))
        began = time.process_time()
        result = solve(instance, args.solver, Budget(seconds=args.seconds), seed=args.seed, threads=args.threads)
        used = time.process_time() - began
        best = known.upper_bound if known is not None else None
        gap = f"{100 * (result.objective - best) / best:5.2f}%" if result.objective and best else "      "
        values = " ".join(f"{value_at(result, mark) or '-':>9}" for mark in marks)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{name:18} {best or '-':>10} {values}  {gap} {used:7.1f} {peak:5.2f}", flush=True)


if __name__ == "__main__":
    main()
