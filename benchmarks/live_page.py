"""What a live page costs a solve: the same search alone, with a watch that nobody looks at, and with a page open.

Prints processor seconds of this process for so many iterations; the page is a thread that takes every message and asks
for every chart, as the browser does, in the same process. Then what it takes to tell a page of 100,000 runs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
from time import perf_counter, process_time, sleep
from urllib.request import urlopen

from makespan.eval.live.board import Board
from makespan.eval.live.watch import SolveWatch
from makespan.instances.sets import load
from makespan.solvers.api import Budget, solve


def read_page(url: str, pause: float = 0.4) -> None:
    """Take messages and charts until the end, as the page does."""
    with urlopen(url + "events", timeout=600) as stream:
        for line in stream:
            if line.startswith(b"data: ") and json.loads(line[6:])["rows"]:
                urlopen(url + "run?id=0", timeout=600).read()
                sleep(pause)


def cost(name: str, iterations: int, mode: str) -> tuple[float, float]:
    """Processor and wall seconds of one solve."""
    instance = load(name)
    watch = SolveWatch("live page", "tabu", 0, 1) if mode != "alone" else None
    if watch is not None:
        watch.begin(instance)
    if watch is not None and mode == "page":
        threading.Thread(target=read_page, args=(watch.url,), daemon=True).start()
    used, begin = process_time(), perf_counter()
    solve(instance, "rule:spt+tabu", Budget(iterations=iterations), on_event=None if watch is None else watch.event)
    found = process_time() - used, perf_counter() - begin
    if watch is not None:
        watch.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instance", default="ta01")
    parser.add_argument("--iterations", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    cost(args.instance, 100, "page")  # compiled, imported
    for mode in ("alone", "watch", "page"):
        found = [cost(args.instance, args.iterations, mode) for _ in range(args.repeats)]
        used, wall = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"{mode:6}  {used:.2f} processor seconds, {wall:.2f} s")
    board, begin = Board("many", 100_000), process_time()
    for k in range(100_000):
        board.begin(k, None, instance="i", solver=f"s{k % 10}", set="t")
        board.finish(k, trace=[], schedule=None, status="feasible", objective=9, gap=0.1, seconds=1.0)
    told = process_time()
    news = board.news(0, 0.0)
    assert news is not None
    size = len(json.dumps(news))
    print(f"100,000 runs: {(told - begin) * 10:.1f} µs each to tell; a page that opens gets {size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
