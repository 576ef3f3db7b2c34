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
    print(
        f"{'size':>10} {'operations':>10} {'first us/move':>14} {'us/move':>8} {'moves/s':>10} {'ns/move/operation':>18}"
    )
    for jobs, machines in SIZES:
        instance = generate("taillard_job_shop", jobs=jobs, machines=machines, time_seed=77, machine_seed=99)
        _, schedule = dispatch_batch(instance.derived(shop_view), tuple(RULES))
        assert schedule is not None
        search = TabuSearch(instance.derived(sequencing_problem), 1)
        search.load(schedule.start)
        search.run(1)
        first = measure(search, RUN_DOWN, MEASURED_SECONDS)
        later = measure(search, 2**62, MEASURED_SECONDS)
        size, each = f"{jobs}x{machines}", 1e9 * later / (jobs * machines)
        row = f"{size:>10} {jobs * machines:>10} {first * 1e6:>14.1f} {later * 1e6:>8.1f} {1 / later:>10,.0f} {each:>18.1f}"
        print(row, flush=True)


if __name__ == "__main__":
    main()
