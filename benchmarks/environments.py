"""Throughput of the environments and, in the same run, of those of other projects.

    python benchmarks/environments.py --seconds 3 -o docs/results/environments.csv
    python benchmarks/environments.py --peer jssenv=PEERS/jssenv --peer job-shop-lib=PEERS/joblib

A random legal policy plays whole episodes; kernels are compiled before the clock starts. Steps per second of process
time on one thread, so that other jobs on the machine disturb little; wall time where two threads are compared. A peer
is a folder with a virtual environment in which its package is installed:

    python3 -m venv PEERS/jssenv && PEERS/jssenv/bin/pip install jssenv==1.1.0
    python3 -m venv PEERS/joblib && PEERS/joblib/bin/pip install job-shop-lib==1.7.2
    python3 -m venv PEERS/rl4co && PEERS/rl4co/bin/pip install torch==2.13.0 && PEERS/rl4co/bin/pip install rl4co==0.7.0

Layers: *bare* is transition and candidates; *flat* adds the features of every candidate; *graph* those of every
operation and machine, with rows of nodes per second beside it.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import makespan.envs  # noqa: F401  (registers the ids)
from makespan import load
from makespan.envs.batch import Batch
from makespan.envs.project_batch import ProjectBatch
from makespan.envs.rows import draw
from makespan.envs.shop_batch import ShopBatch
from makespan.instances.write import write

PEERS = {
    "jssenv": {"jssenv": "flat"},
    "job-shop-lib": {"dispatcher": "bare", "disjunctive": "graph", "resource_task": "graph"},
    "rl4co": {"rl4co": "graph"},
}
"""What is measured of each peer, and which of our layers does as much."""

SHOPS = ("ta01", "ta41", "ta71")
SCHEMES: dict[str, dict[str, Any]] = {
    "append": {"scheme": "append"},
    "insertion": {"scheme": "insertion"},
    "giffler_thompson": {"scheme": "giffler_thompson"},
    "non_delay": {"scheme": "non_delay"},
    "non_delay, wait": {"scheme": "non_delay", "wait": True},
}


def play(batch: Batch, look: Callable[[], Any] | None, random: np.random.Generator) -> int:
    """One episode in every row; returns the number of decisions."""
    batch.reset()
    steps = 0
    while True:
        going = int((batch.count > 0).sum())
        if going == 0:
            return steps
        if look is not None:
            look()
        batch.step(draw(random, batch.count))
        steps += going


def rate(run: Callable[[], int], seconds: float, clock: Callable[[], float] = time.process_time) -> float:
    """What ``run`` counts per second, without its first call."""
    run()
    total, begun = 0, clock()
    while clock() - begun < seconds:
        total += run()
    return total / (clock() - begun)


def looks(batch: Any) -> dict[str, tuple[Callable[[], Any] | None, int]]:
    """Each layer with the rows of nodes that one look writes."""
    flat, graph = batch.candidate_features(), batch.graph_features()
    nodes = graph[0].shape[1] + graph[1].shape[1]
    return {
        "bare": (None, 0),
        "flat": (lambda: batch.candidate_features(out=flat), 0),
        "graph": (lambda: batch.graph_features(out=graph), nodes),
    }


def batches(seconds: float, most: int) -> Iterator[tuple[str, str, str, str, float]]:
    """Of our batches: environment, layer, instance, unit, value."""
    random = np.random.default_rng(0)
    for name in SHOPS:
        for way, arguments in SCHEMES.items():
            rows = most if name != "ta71" else most // 2
            batch = ShopBatch([load(name)], rows, **arguments)
            for layer, (look, nodes) in looks(batch).items():
                value = rate(partial(play, batch, look, random), seconds)
                yield f"batch of {rows}, {way}", layer, name, "steps/s", value
                if nodes:
                    yield f"batch of {rows}, {way}", layer, name, "node rows/s", value * nodes
    for way in ("serial", "parallel"):
        projects = ProjectBatch([load("j1201_1")], most, scheme=way)
        for layer, (look, _) in looks(projects).items():
            value = rate(partial(play, projects, look, random), seconds)
            yield f"batch of {most}, {way}", layer, "j1201_1", "steps/s", value


def single(identity: str, instance: str, observation: str, **arguments: Any) -> Callable[[], int]:
    """Episodes of one environment through ``gymnasium.make``."""
    env = gymnasium.make(identity, instances=f"@{instance}", observation=observation, **arguments)
    env.reset(seed=0)

    def episode() -> int:
        _, info = env.reset()
        steps, over = 0, False
        while not over:
            legal = info["action_mask"].nonzero()[0]
            _, _, over, _, info = env.step(legal[steps % legal.size])
            steps += 1
        return steps

    return episode


def vector(identity: str, instance: str, observation: str, number: int, **arguments: Any) -> Callable[[], int]:
    """Episodes of a vector environment."""
    env = gymnasium.make_vec(
        identity, number, "vector_entry_point", instances=f"@{instance}", observation=observation, **arguments
    )
    env.reset(seed=0)
    env.action_space.seed(0)

    def steps() -> int:
        for _ in range(64):
            env.step(env.action_space.sample())
        return 64 * number

    return steps


def environments(seconds: float) -> Iterator[tuple[str, str, str, str, float]]:
    """Of our environments in Gymnasium."""
    for name in SHOPS:
        for observation in ("flat", "graph"):
            for way in ("non_delay", "append"):
                run = single("makespan/JobShop-v0", name, observation, scheme=way)
                yield f"gymnasium.make, {way}", observation, name, "steps/s", rate(run, seconds)
                run = vector("makespan/JobShop-v0", name, observation, 64, scheme=way)
                yield f"gymnasium.make_vec, 64, {way}", observation, name, "steps/s", rate(run, seconds)
    yield "gymnasium.make", "flat", "j1201_1", "steps/s", rate(single("makespan/RCPSP-v0", "j1201_1", "flat"), seconds)


def _process(name: str, rows: int, seconds: float, start: Any, out: Any) -> None:
    batch = ShopBatch([load(name)], rows)
    look = looks(batch)["flat"][0]
    random = np.random.default_rng(0)
    play(batch, look, random)
    start.wait()
    out.put(rate(partial(play, batch, look, random), seconds, time.perf_counter))


def two_threads(seconds: float) -> Iterator[tuple[str, str, str, str, float]]:
    """Two threads over the rows of one batch beside two processes with half the rows each, by the wall clock: the
    median of three rounds, since the machine may be slower in one than in the other."""
    context, random = multiprocessing.get_context("spawn"), np.random.default_rng(0)
    for name, rows in (("ta01", 2048), ("ta71", 512)):
        batch = ShopBatch([load(name)], rows, threads=2)
        run = partial(play, batch, looks(batch)["flat"][0], random)
        ratios = []
        for _ in range(3):
            threads = rate(run, seconds, time.perf_counter)
            start, out = context.Barrier(2), context.Queue()
            arguments = (name, rows // 2, seconds, start, out)
            processes = [context.Process(target=_process, args=arguments) for _ in range(2)]
            for process in processes:
                process.start()
            ratios.append(threads / sum(out.get() for _ in processes))
            for process in processes:
                process.join()
        yield "two threads over two processes", "flat", name, "ratio", sorted(ratios)[1]


def memory() -> Iterator[tuple[str, str, str, str, float]]:
    """What 1,024 rows of ta71 with graph observations take."""
    batch = ShopBatch([load("ta71")], 1024)
    graph = batch.graph_features()
    arrays = [*batch.snapshot(), *graph]
    yield "batch of 1024", "graph", "ta71", "MB", sum(array.nbytes for array in arrays) / 1e6


def peers(folders: list[str], seconds: float) -> Iterator[tuple[str, str, str, str, float]]:
    """Of other projects, each in a process of its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        for name in SHOPS:
            write(load(name), Path(folder) / f"{name}.txt")
        for each in folders:
            peer, _, path = each.partition("=")
            for kind, layer in PEERS[peer].items():
                for name in SHOPS:
                    script = Path(__file__).with_name("environment_peers.py")
                    command = [
                        f"{path}/bin/python",
                        str(script),
                        kind,
                        f"{folder}/{name}.txt",
                        "--seconds",
                        str(seconds),
                    ]
                    run = subprocess.run(command, capture_output=True, text=True)
                    if run.returncode:
                        print(f"{peer} {kind} {name}: {run.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                        continue
                    yield f"{peer} {kind}", layer, name, "steps/s", float(run.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each number")
    parser.add_argument("--rows", type=int, default=256, help="of a batch; half as many for ta71")
    parser.add_argument("--peer", action="append", default=[], help="NAME=FOLDER, any number of times")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    rows = []
    for part in (
        batches(arguments.seconds, arguments.rows),
        environments(arguments.seconds),
        two_threads(arguments.seconds),
        memory(),
        peers(arguments.peer, arguments.seconds),
    ):
        for row in part:
            rows.append((*row[:4], f"{row[4]:.4g}" if row[4] < 100 else f"{row[4]:.0f}"))
            print(*rows[-1], sep="  ", flush=True)
    if arguments.output:
        with arguments.output.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("environment", "layer", "instance", "unit", "value"))
            writer.writerows(rows)


if __name__ == "__main__":
    main()
