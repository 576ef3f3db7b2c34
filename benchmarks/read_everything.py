"""Reads every bundled instance, checks every checksum, and times the largest files.

    python benchmarks/read_everything.py

Prints one line per set: instances, tasks, seconds. Exits with 1 if a file does not read or a checksum differs.
"""

from __future__ import annotations

import hashlib
import resource
import sys
import time

from makespan.instances import sets
from makespan.instances.read import read


def main() -> int:
    wrong = _wrong_checksums()
    for name in wrong:
        print(f"checksum differs: {name}", file=sys.stderr)
    _time_million()
    total = 0
    began = time.perf_counter()
    for set_name in sets.set_names():
        start, tasks = time.perf_counter(), 0
        names = sets.instance_names(set_name)
        for name in names:
            tasks += sets.load(f"{set_name}/{name}").num_tasks
        total += len(names)
        print(f"{set_name:22} {len(names):5} instances {tasks:9} tasks {time.perf_counter() - start:7.2f} s")
    print(f"{total} instances in {time.perf_counter() - began:.1f} s")
    return 1 if wrong else 0


def _wrong_checksums() -> list[str]:
    lines = (sets.DATA / "SHA256SUMS").read_text().splitlines()
    pairs = [line.split("  ", 1) for line in lines]
    return [name for digest, name in pairs if hashlib.sha256((sets.DATA / name).read_bytes()).hexdigest() != digest]


def _time_million() -> None:
    start = time.perf_counter()
    instance = read(sets.DATA / "jsp" / "tai" / "tai_1000_1000_1.txt.gz")
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"tai_1000_1000_1: {instance.num_tasks} operations read in {seconds:.2f} s, peak memory {peak} MB")


if __name__ == "__main__":
    sys.exit(main())
