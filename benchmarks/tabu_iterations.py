"""Cost of a move of the tabu search, by size: full N7 evaluation with exact heads and tails.

    python benchmarks/tabu_iterations.py

Each search starts from the best priority rule and is measured by the time of its thread, so that a busy machine changes
little: the first RUN_DOWN moves apart, from where the gains are quick, then the search proper unless the optimum is
reached before. No instance is a published one.
"""

from __future__ import annotations

import time

from makespan.instances.generators import generate
from makespan.instances.shop_view import shop_view
from makespan.solvers.dispatching import dispatch_batch
from makespan.solvers.priority_rules import RULES
from makespan.solvers.sequencing import TabuSearch, sequencing_problem

SIZES = ((6, 6), (10, 10), (15, 15), (20, 15), (20, 20), (30, 20), (50, 15), (50, 20), (100, 20), (50, 50), (100, 100))
RUN_DOWN, MEASURED_SECONDS = 3000, 2.0


def measure(search: TabuSearch, moves: int, seconds: float) -> float:
    """Thread seconds per move, over at most ``moves`` moves or ``seconds``; NaN if none was left."""
    begin, done = time.thread_time(), 0
    while done < moves and time.thread_time() - begin < seconds:
        made = search.run(min(500, moves - done))
        if made == 0:
            break
        done += made
    return (time.thread_time() - begin) / done if done else float("nan")


def main() -> None:
    header = ("size", "operations", "first us/move", "us/move", "moves/s", "ns/move/operation")
    print(*(f"{word:>17}" for word in header))
    for jobs, machines in SIZES:
        instance = generate("taillard_job_shop", jobs=jobs, machines=machines, time_seed=77, machine_seed=99)
        _, schedule = dispatch_batch(instance.derived(shop_view), tuple(RULES))
        assert schedule is not None
        search = TabuSearch(instance.derived(sequencing_problem), 1)
        search.load(schedule.start)
        search.run(1)
        first = measure(search, RUN_DOWN, MEASURED_SECONDS)
        later = measure(search, 2**62, MEASURED_SECONDS)
        each = f"{1e9 * later / (jobs * machines):.1f}"
        row = (
            f"{jobs}x{machines}",
            jobs * machines,
            f"{first * 1e6:.1f}",
            f"{later * 1e6:.1f}",
            f"{1 / later:,.0f}",
            each,
        )
        print(*(f"{value:>17}" for value in row), flush=True)


if __name__ == "__main__":
    main()
