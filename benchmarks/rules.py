"""Job shop rules: makespans and mean gaps on ta01-80 against published values, and schedules per second on one core.

    python benchmarks/rules.py [-o FILE.csv] [--seconds 2]

Gaps are means in per cent above the best known makespans shipped with the package. Speeds are per second of processor
time, kernels compiled and files read before; ``seconds`` rows are wall clock. One row per measured value: what, rule,
scheme, measured, published.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from makespan.instances.bounds import best_known, gap
from makespan.instances.instance import Instance
from makespan.instances.sets import load
from makespan.instances.shop_view import ShopView, shop_view
from makespan.solvers.api import solve
from makespan.solvers.dispatching import SCHEMES, DispatchingRule, RuleBatch, dispatch_batch
from makespan.solvers.priority_rules import RULES

Row = tuple[str, str, str, float, float | None]

CLASSES = ("15x15", "20x15", "20x20", "30x15", "30x20", "50x15", "50x20", "100x20")
PUBLISHED_GAPS = {
    ("spt", "non_delay"): (25.9, 32.8, 27.8, 35.3, 34.5, 24.1, 25.5, 14.4),
    ("mwkr", "non_delay"): (19.2, 23.4, 21.8, 23.9, 25.2, 16.9, 17.9, 8.3),
    ("mopnr", "non_delay"): (20.5, 23.6, 21.7, 22.8, 25.0, 17.4, 17.7, 9.2),
    ("fdd_mwkr", "non_delay"): (17.7, 21.3, 19.9, 21.7, 24.1, 15.3, 16.3, 7.6),
    ("spt", "insertion"): (56.9, 63.8, 65.3, 67.7, 67.4, 50.3, 55.3, 39.8),
    ("mwkr", "insertion"): (27.0, 28.5, 28.6, 31.3, 34.3, 23.3, 24.7, 12.9),
    ("mopnr", "insertion"): (26.2, 30.7, 28.0, 29.3, 34.5, 22.3, 24.4, 12.6),
    ("fdd_mwkr", "insertion"): (24.9, 26.8, 24.6, 28.5, 31.8, 21.1, 23.3, 12.9),
}
PUBLISHED_MEAN = {("mwkr", "non_delay"): 19.5, ("spt", "non_delay"): 27.4}
PUBLISHED_TA71 = {"spt": 6232, "mwkr": 6036, "mopnr": 5938, "fdd_mwkr": 5852}


def main() -> None:
    parser = argparse.ArgumentParser(description="job shop rules: gaps and schedules per second")
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--seconds", type=float, default=2.0, help="clock of each speed measurement")
    arguments = parser.parse_args()
    DispatchingRule().warm()
    rows = []
    for row in (*makespans(), *gaps(), *speeds(arguments.seconds), million(), *flexible()):
        rows.append(row)
        what, rule, scheme, measured, published = row
        beside = "" if published is None else f"  published {published:g}"
        print(f"{what:<28} {rule:<20} {scheme:<17} {measured:12.5g}{beside}", flush=True)
    if arguments.output:
        with arguments.output.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("what", "rule", "scheme", "measured", "published"), *rows])


def makespan_of(instance: Instance, rule: str, scheme: str) -> int:
    return int(dispatch_batch(instance.derived(shop_view), [rule], [scheme])[0].item())


def makespans() -> Iterator[Row]:
    for rule, published in PUBLISHED_TA71.items():
        yield "makespan ta71", rule, "non_delay", makespan_of(load("ta71"), rule, "non_delay"), published


def gaps() -> Iterator[Row]:
    """Mean gaps per class of ten instances, and over all eighty."""
    instances = [load(f"ta{i:02d}") for i in range(1, 81)]
    bounds = [best_known(f"ta{i:02d}") for i in range(1, 81)]
    for (rule, scheme), published in PUBLISHED_GAPS.items():
        found = [gap(makespan_of(i, rule, scheme), bound) for i, bound in zip(instances, bounds, strict=True)]
        means = 100 * np.array(found, np.float64).reshape(8, 10).mean(axis=1)
        for name, mean, value in zip(CLASSES, means, published, strict=True):
            yield f"gap % ta {name}", rule, scheme, round(float(mean), 1), value
        yield "gap % ta01-80", rule, scheme, round(float(means.mean()), 1), PUBLISHED_MEAN.get((rule, scheme))


def speeds(seconds: float) -> Iterator[Row]:
    for name in ("ta01", "ta71"):
        view = load(name).derived(shop_view)
        for scheme in SCHEMES:
            for rule in ("mwkr", "atc"):
                yield f"schedules/s {name}", rule, scheme, batch_speed(view, rule, scheme, seconds), None
    ta01 = load("ta01")
    solve(ta01, "rule:mwkr")
    count, begin = 0, time.process_time()
    while time.process_time() - begin < seconds:
        solve(ta01, "rule:mwkr")
        count += 1
    yield "solve() calls/s ta01", "mwkr", "non_delay", count / (time.process_time() - begin), None


def batch_speed(view: ShopView, rule: str, scheme: str, seconds: float) -> float:
    """Schedules per second of one compiled call that lasts about ``seconds``."""
    samples = 16
    while True:
        batch = RuleBatch(view, [rule], [scheme], samples=samples, greed=100)
        begin = time.process_time()
        batch.run(2**62)
        elapsed = time.process_time() - begin
        if elapsed > seconds / 2:
            return samples / elapsed
        samples = max(2 * samples, int(samples * seconds / max(elapsed, 1e-4)))


def million() -> Row:
    """Seconds for one rule schedule of a million operations, shop view and priorities included."""
    rng = np.random.default_rng(1)
    routes = rng.permuted(np.tile(np.arange(1000), (1000, 1)), axis=1)
    durations = rng.integers(1, 100, 10**6)
    instance = Instance.job_shop_arrays(np.arange(1001) * 1000, routes.ravel(), durations, 1000)
    begin = time.perf_counter()
    makespan_of(instance, "mwkr", "non_delay")
    return "seconds 1000x1000", "mwkr", "non_delay", time.perf_counter() - begin, None


def flexible() -> Iterator[Row]:
    """Mean gaps of each rule on mk01-10."""
    names = [f"mk{i:02d}" for i in range(1, 11)]
    for scheme in ("non_delay", "giffler_thompson"):
        for rule in RULES:
            found = [gap(makespan_of(load(name), rule, scheme), best_known(name)) for name in names]
            yield "gap % mk01-10", rule, scheme, round(100 * float(np.mean(np.array(found, np.float64))), 1), None


if __name__ == "__main__":
    main()
