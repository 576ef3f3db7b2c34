"""The machine that a benchmark runs on: its cores, its name, and how much memory processes use."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import tempfile
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from makespan.solvers.cp_sat.memory import used_bytes

_UNITS = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


@cache
def hardware() -> dict[str, Any]:
    """The machine a run was played on: processor, usable cores and system."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].partition(":")[2].strip() if lines else model
    return {"processor": model, "cores": usable_cores(), "system": f"{platform.system()} {platform.machine()}"}


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def own_cores(workers: int, threads: int) -> Iterator[list[tuple[int, ...]]]:
    """Cores for each worker to run on alone.

    Empty ones where there are fewer than the workers need together, where another benchmark on this machine has them,
    or where the system does not pin processes. A core is taken with a lock on a file, which ends with this process.
    """
    needed = workers * threads
    with contextlib.ExitStack() as locks:
        taken = list[int]()
        if hasattr(os, "sched_getaffinity") and needed <= usable_cores():
            free = (core for core in sorted(os.sched_getaffinity(0)) if _lock(core, locks))
            taken = list(islice(free, needed))
        if len(taken) < needed:
            locks.close()
            yield [()] * workers
        else:
            yield [tuple(taken[i * threads : (i + 1) * threads]) for i in range(workers)]


def _lock(core: int, locks: contextlib.ExitStack) -> bool:
    """Whether the core was free; it is ours until ``locks`` are closed."""
    import fcntl

    try:
        file = (Path(tempfile.gettempdir()) / f"makespan-core-{core}.lock").open("ab")
        locks.enter_context(file)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def bytes_of(text: str | int) -> int:
    """``4GB``, ``512MiB`` or a number of bytes. Raises ValueError."""
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*([A-Za-z]*)", str(text).strip())
    unit = None if match is None else {name.lower(): size for name, size in _UNITS.items()}.get(match[2].lower())
    if match is None or unit is None or float(match[1]) * unit < 1:
        raise ValueError(f"memory: found {text!r}, expected a size such as 4GB or 512MiB")
    return int(float(match[1]) * unit)


def can_measure_memory() -> bool:
    """Whether this system tells how much memory another process uses (Linux does)."""
    return used_bytes(os.getpid()) is not None


def tree_bytes(pid: int) -> int:
    """Resident memory of a process and of all that descend from it; 0 for one that has ended."""
    return sum(used_bytes(each) or 0 for each in (pid, *descendants(pid)))


def descendants(pid: int) -> list[int]:
    """The living processes that a process has started, and those that they have; empty where the system does not
    tell."""
    found, parents = list[int](), [pid]
    while parents:
        below = _children(parents.pop())
        found += below
        parents += below
    return found


def _children(pid: int) -> list[int]:
    found = list[int]()
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            found += map(int, listing.read_text().split())
    return found
