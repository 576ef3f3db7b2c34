"""Kill a benchmark again and again, at random moments, and see that nothing finished is lost.

    python benchmarks/kill_benchmark.py [--kills 200] [--workers 2] [--seed 0]

Each time the same command goes on with the same store. One kill in four hits a worker first, as when memory runs out.
After each kill no process stays behind, the store is whole, every row that was there before is there unchanged, and so
is every row that was reported. In the end the command runs to its end: every run is there once, and every schedule
passes the checker. Ends with 1 at the first thing that is wrong.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

from makespan.eval.machine import descendants
from makespan.eval.store import Run, RunKey, Store
from makespan.instances.check import check
from makespan.instances.sets import load

SUITE = """
solvers = ["rule:random,samples=3000", "tabu"]
instances = ["@ft06", "@la01", "@la16"]
seeds = {seeds}

[budget]
iterations = 3000
"""
RUNS_PER_SEED = 6
AHEAD = 200
"""So many seeds are always left to play, so that no kill comes too late."""
LEAVE_SECONDS = 30
"""How long workers may take to notice that the benchmark is gone."""

Rows = dict[RunKey, Run]


class Trial:
    """A store, and the command that fills it."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.suite, self.store, self.workers = folder / "kills.toml", folder / "kills.sqlite", workers
        self.seeds = 0

    def rows(self) -> Rows:
        """All stored runs; a broken store raises."""
        if not self.store.exists():
            return {}
        with closing(sqlite3.connect(self.store)) as connection:
            verdict = connection.execute("PRAGMA integrity_check").fetchone()
        if verdict != ("ok",):
            raise SystemExit(f"integrity check: {verdict}")
        with Store(self.store) as store:
            runs = list(store.runs())
        if len({run.key for run in runs}) < len(runs):
            raise SystemExit("a run is stored twice")
        return {run.key: run for run in runs}

    def start(self, seeds: int, *more: str) -> subprocess.Popen[str]:
        """The benchmark with so many seeds."""
        self.seeds = seeds
        self.suite.write_text(SUITE.format(seeds=seeds))
        program = [sys.executable, "-m", "makespan", "bench", "run", str(self.suite), "--store", str(self.store)]
        command = [*program, "--workers", str(self.workers), *more]
        return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)

    def kill(self, patience: float, hit_worker: bool) -> int:
        """Let the benchmark play for some time after its first row (or not so far, for a negative patience), kill it;
        returns how many rows it reported."""
        reported = 0
        first_row = threading.Event()

        def listen() -> None:
            nonlocal reported
            assert process.stderr is not None
            for line in process.stderr:
                if match := re.match(r"\[(\d+)/", line):
                    reported = int(match[1])
                    first_row.set()

        process = self.start(len(self.rows()) // RUNS_PER_SEED + AHEAD)
        reader = threading.Thread(target=listen)
        reader.start()
        if patience < 0:
            time.sleep(-patience)
        elif not first_row.wait(300):
            raise SystemExit("no row within five minutes")
        else:
            time.sleep(patience)
        family = descendants(process.pid)
        if hit_worker and family:
            with suppress(ProcessLookupError):
                os.kill(random.choice(family), signal.SIGKILL)
            time.sleep(
                random.uniform(0.0, 2.0)
            )  # sometimes so long that the run is stored as an error, and more follow
            family = descendants(process.pid) or family
        process.send_signal(signal.SIGKILL)
        process.wait()
        reader.join()
        _wait_for_end(family)
        return reported


def _wait_for_end(pids: list[int]) -> None:
    deadline = time.monotonic() + LEAVE_SECONDS
    while alive := [pid for pid in pids if _lives(pid)]:
        if time.monotonic() > deadline:
            raise SystemExit(f"processes {alive} outlived the benchmark")
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # ended, and nobody has asked for its code


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder), arguments.workers)
        before: Rows = {}
        for number in range(1, arguments.kills + 1):
            patience = random.uniform(-3.0, -0.1) if random.random() < 0.3 else random.uniform(0.0, 2.0)
            reported = trial.kill(patience, hit_worker=random.random() < 0.25)
            rows = trial.rows()
            lost = [key for key, run in before.items() if rows.get(key) != run]
            if lost or len(rows) - len(before) < reported:
                raise SystemExit(
                    f"kill {number}: {len(lost)} rows lost or changed, {reported} reported, {len(rows)} there"
                )
            print(f"kill {number}: {len(rows) - len(before)} new rows, {len(rows)} in all", flush=True)
            before = rows
        _finish(trial, before, arguments.kills)


def _finish(trial: Trial, before: Rows, kills: int) -> None:
    seeds = len(before) // RUNS_PER_SEED + 1
    seeds = max([seeds, *(key.seed + 1 for key in before)])
    process = trial.start(seeds, "--retry-errors", "--quiet")
    _, errors = process.communicate()
    rows = trial.rows()
    changed = [key for key, run in before.items() if run.status != "error" and rows.get(key) != run]
    bad = [run.key for run in rows.values() if run.schedule is None or check(load(run.instance), run.schedule)]
    if process.returncode or changed or bad or len(rows) != seeds * RUNS_PER_SEED:
        found = f"code {process.returncode}, {len(changed)} changed, {len(bad)} bad, {len(rows)} rows"
        raise SystemExit(f"the last run: {found}, expected {seeds * RUNS_PER_SEED} good ones {errors}")
    died = sum(run.status == "error" for run in before.values())
    print(f"{kills} kills, {len(rows)} runs, none lost, none twice; {died} went down with their worker, played again")


if __name__ == "__main__":
    main()
