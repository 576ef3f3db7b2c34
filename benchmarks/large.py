"""One million operations: seconds to read, dispatch and check tai_1000_1000_1, and the peak memory.

    python benchmarks/large.py [--instance tai_1000_1000_1] [--rule mwkr]

Kernels are compiled before the clock starts.
"""

from __future__ import annotations

import argparse
import resource
from time import perf_counter

from makespan.instances.bounds import best_known
from makespan.instances.check import check
from makespan.instances.schedule import objective_values
from makespan.instances.sets import load
from makespan.solvers.api import Budget, solve


def main() -> None:
    """Print one line per step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instance", default="tai_1000_1000_1")
    parser.add_argument("--rule", default="mwkr")
    args = parser.parse_args()

    solve(load("ft06"), f"rule:{args.rule}", Budget(seconds=60))
    begin = perf_counter()
    instance = load(args.instance)
    print(f"read            {perf_counter() - begin:7.2f} s   {instance.num_tasks:,} operations")

    begin = perf_counter()
    result = solve(instance, f"rule:{args.rule}", Budget(seconds=600))
    print(
        f"solve           {perf_counter() - begin:7.2f} s   makespan {result.objective:,} (views, bound, rule, check)"
    )
    assert result.schedule is not None

    begin = perf_counter()
    again = solve(instance, f"rule:{args.rule}", Budget(seconds=600))
    print(f"solve again     {perf_counter() - begin:7.2f} s   (rule and check alone)")
    assert again.schedule == result.schedule

    begin = perf_counter()
    broken = check(instance, result.schedule)
    print(f"check           {perf_counter() - begin:7.2f} s   {len(broken)} violations")

    bound = best_known(args.instance)
    value = objective_values(instance, result.schedule)[0]
    if bound is not None and bound.upper_bound is not None:
        print(
            f"gap             {100 * (value - bound.upper_bound) / bound.upper_bound:7.2f} % to {bound.upper_bound:,}"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory     {peak:7.2f} GB")


if __name__ == "__main__":
    main()
