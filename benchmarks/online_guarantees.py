"""How near the policies with exact predictions come to their guarantees, on random out-forests.

    python benchmarks/online_guarantees.py --forests 10000

Predicted weights may cost 4 times the optimum, the predicted order 4 · H(width) times; a larger ratio is an error. Half
of each with round robin is expected to cost at most twice the better of the two parts; the exceptions are counted.
"""

from __future__ import annotations

import argparse

from makespan.envs.online.offline import horn, list_cost
from makespan.envs.online.precedence import (
    descendant_weight,
    round_robin,
    time_sharing,
    weight_order,
    weight_prediction,
)
from makespan.envs.online.simulator import OnlineProblem, Policy, simulate
from makespan.eval.studies.online import out_forest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forests", type=int, default=10_000)
    count = parser.parse_args().forests
    worst_weight = worst_order = worst_part = 0.0
    exceptions = 0
    for seed in range(count):
        problem = out_forest(2 + seed % 14, seed)
        optimum = float(list_cost(problem, horn(problem)))
        behind = descendant_weight(problem)
        leaves = sum(not after for after in problem.successors())

        def ratio(policy: Policy, problem: OnlineProblem = problem, optimum: float = optimum) -> float:
            cost = float(simulate(problem, policy, record=False).cost(problem))
            return cost / optimum

        by_weight, by_order, equal = (
            ratio(each) for each in (weight_prediction(behind), weight_order(behind), round_robin())
        )
        shared = ratio(time_sharing(weight_prediction(behind), round_robin()))
        part = by_order / (4 * sum(1 / place for place in range(1, leaves + 1)))
        if by_weight > 4 + 1e-9 or part > 1 + 1e-9:
            raise SystemExit(
                f"seed {seed}: ratios {by_weight} and {by_order} for width {leaves} are above the guarantee"
            )
        worst_weight, worst_order = max(worst_weight, by_weight), max(worst_order, by_order)
        worst_part = max(worst_part, part)
        exceptions += shared > 2 * min(by_weight, equal) + 1e-9
    print(f"{count} out-forests of 2 to 15 jobs")
    print(f"predicted weights: largest ratio {worst_weight:.3f}, guarantee 4")
    print(f"predicted order: largest ratio {worst_order:.3f}, at most {worst_part:.3f} of the guarantee 4 · H(width)")
    print(f"half and half: {exceptions} times more than twice the better part")


if __name__ == "__main__":
    main()
