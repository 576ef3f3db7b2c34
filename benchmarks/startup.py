"""Start-up of the command line, and what the first run on a fresh machine compiles.

    python benchmarks/startup.py [--repeats 7]

Each line is a whole process: minimum and median of its wall seconds. ``cold`` runs start from an empty kernel cache.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from time import perf_counter

COMMANDS = {
    "--help": ["--help"],
    "version": ["version"],
    "solve @ft06 rule:best": ["solve", "@ft06", "--solver", "rule:best", "-q"],
    "solve @ta01 rule:mwkr": ["solve", "@ta01", "--solver", "rule:mwkr", "-q"],
    "solve @j301_1 sgs:best": ["solve", "@j301_1", "--solver", "sgs:best", "-q"],
    "solve @ta01 policy:jsp": ["solve", "@ta01", "--solver", "policy:jsp", "-q"],
    "check-only info @ta01": ["info", "@ta01"],
}
COLD = ["solve @ft06 rule:best", "solve @j301_1 sgs:best"]


def seconds(arguments: list[str], cache: str | None = None) -> float:
    """Wall seconds of one process."""
    environment = {**os.environ, **({"MAKESPAN_CACHE_DIR": cache} if cache else {})}
    begin = perf_counter()
    subprocess.run([sys.executable, "-m", "makespan", *arguments], check=True, capture_output=True, env=environment)
    return perf_counter() - begin


def main() -> None:
    """Print one line per command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    for name, arguments in COMMANDS.items():
        seconds(arguments)
        times = [seconds(arguments) for _ in range(repeats)]
        print(f"warm  {name:28s} min {min(times):6.2f} s   median {statistics.median(times):6.2f} s")
    for name in COLD:
        with tempfile.TemporaryDirectory() as cache:
            print(f"cold  {name:28s} {seconds(COMMANDS[name], cache):10.2f} s")


if __name__ == "__main__":
    main()
