"""CP-SAT against exhaustive search on tiny random instances that mix at least three optional fields.

    python benchmarks/cpsat_brute_force.py [--first 0] [--count 2000] [--patience 10] [--max-tasks 5]

Prints every disagreement and ends with 1 if there is one. Instances on which exhaustive search takes longer than
``--patience`` seconds are listed, not counted, and replaced by further ones.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from makespan.instances.check import check
from makespan.instances.instance import Instance
from makespan.solvers.cp_sat.search import Outcome, Report, Request, Search
from tests.oracles.brute_force import brute_force
from tests.oracles.random_instances import tiny


def solve_here(instance: Instance, seconds: float = 30.0) -> tuple[Search, Outcome]:
    """CP-SAT in this process, one worker."""

    def ignore(_: object) -> None: ...

    request = Request(instance, deadline=time.monotonic() + seconds)
    search = Search(request, Report(schedule=ignore, bound=ignore, log=ignore))
    return search, search.run()


def disagreement(instance: Instance) -> str | None:
    """What is wrong, if anything is."""
    search, outcome = solve_here(instance)
    expected = brute_force(instance)
    if outcome.proof is None:
        return f"CP-SAT proved nothing; brute force finds {expected}"
    if search.values != expected:
        return f"CP-SAT finds {search.values} ({outcome.proof}), brute force {expected}"
    if search.best is not None and (broken := check(instance, search.best)):
        return f"CP-SAT's schedule is infeasible: {broken[0].message}"
    return None


class _OutOfPatience(Exception):
    pass


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--count", type=int, default=2000, help="instances to compare")
    parser.add_argument("--patience", type=int, default=10, help="seconds for exhaustive search")
    parser.add_argument("--max-tasks", type=int, default=5)
    args = parser.parse_args()

    def give_up(signum: int, frame: FrameType | None) -> None:
        raise _OutOfPatience

    signal.signal(signal.SIGALRM, give_up)
    seed, compared, wrong = args.first, 0, 0
    skipped: list[int] = []
    seen: Counter[str] = Counter()
    while compared < args.count:
        instance = tiny(seed, max_tasks=args.max_tasks)
        signal.alarm(args.patience)
        try:
            sentence = disagreement(instance)
        except _OutOfPatience:
            skipped.append(seed)
        else:
            compared += 1
            seen.update(instance.features)
            if sentence is not None:
                wrong += 1
                print(f"seed {seed}: {sentence}; {', '.join(sorted(instance.features))}", flush=True)
        finally:
            signal.alarm(0)
        seed += 1
        if seed % 100 == 0:
            print(f"{compared} compared, {wrong} disagree, {len(skipped)} skipped", file=sys.stderr, flush=True)
    print(f"{compared} compared, {wrong} disagree; too slow for exhaustive search: seeds {skipped}")
    print("fields: " + ", ".join(f"{name} {count}" for name, count in seen.most_common()))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
