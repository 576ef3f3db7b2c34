"""Cost of a move of the tabu search, by size: full N7 evaluation with exact heads and tails.

    python benchmarks/tabu_iterations.py

Each search starts from the best priority rule, runs down for a while and is then measured by the time of its thread, so
that a busy machine changes little. No instance is a published one.
"""

from __future__ import annotations

import time

from makespan.instances.generators import generate
from makespan.instances.shop_view import shop_view
from makespan.solvers.dispatching import dispatch_batch
from makespan.solvers.priority_rules import RULES
from makespan.solvers.sequencing import TabuSearch, sequencing_problem

SIZES = ((6, 6), (10, 10), (15, 15), (20, 15), (20, 20), (30, 20), (50, 15), (50, 20), (100, 20), (50, 50), (100, 100))
DESCENT_SECONDS, MEASURED_SECONDS = 2.0, 2.0


def run_for(search: TabuSearch, seconds: float) -> tuple[int, float]:
    """Moves and thread seconds."""
    begin, moves = time.thread_time(), 0
    while time.thread_time() - begin < seconds:
        moves += search.run(1000)
    return moves, time.thread_time() - begin


def main() -> None:
    print(f"{'size':>10} {'operations':>10} {'moves/s':>10} {'us/move':>8} {'ns/move/operation':>18}")
    for jobs, machines in SIZES:
        instance = generate("taillard_job_shop", jobs=jobs, machines=machines, time_seed=77, machine_seed=99)
        _, schedule = dispatch_batch(instance.derived(shop_view), tuple(RULES))
        assert schedule is not None
        search = TabuSearch(instance.derived(sequencing_problem), 1)
        search.load(schedule.start)
        run_for(search, DESCENT_SECONDS)
        moves, seconds = run_for(search, MEASURED_SECONDS)
        each = seconds / moves
        size = f"{jobs}x{machines}"
        per_operation = each * 1e9 / (jobs * machines)
        print(
            f"{size:>10} {jobs * machines:>10} {1 / each:>10,.0f} {each * 1e6:>8.1f} {per_operation:>18.1f}", flush=True
        )


if __name__ == "__main__":
    main()
