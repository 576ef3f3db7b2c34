"""Open shop text: ``jobs machines``, then one row per job with its duration on machine 0, 1, …"""

from __future__ import annotations

import numpy as np

from makespan.instances.formats.source import Source
from makespan.instances.instance import Instance

HOLDS = frozenset({"network", "multi_resource"})


def recognises(source: Source) -> bool:
    """Two header numbers n and m, then n rows of m numbers that are not negative."""
    if len(source.header) != 2 or not source.is_numeric or not all(word.isdigit() for word in source.header):
        return False
    jobs, machines = (int(word) for word in source.header)
    rows = source.rows
    return len(rows) == jobs and bool((rows.width == machines).all()) and bool((rows.value >= 0).all())


def read(source: Source) -> Instance:
    """Open shop. O(size of the file)."""
    jobs, machines = source.header_counts("jobs", "machines")
    rows = source.rows
    if len(rows) < jobs:
        source.fail(None, f"the end of the file after {len(rows)} jobs", f"{jobs} jobs, from line {source.header_line}")
    if len(rows) > jobs:
        source.fail(int(rows.line[jobs]), "another line of numbers", f"the end of the file after {jobs} jobs")
    uneven = np.flatnonzero(rows.width != machines)
    if uneven.size:
        job = int(uneven[0])
        source.fail(int(rows.line[job]), f"{rows.width[job]} durations", f"{machines}, one per machine")
    source.check_times(rows, np.arange(rows.value.size))
    with source.building():
        return Instance.open_shop(rows.value.reshape(jobs, machines), name=source.name)


def write(instance: Instance) -> str:
    """The text; the resources must be the machines, then one per job."""
    jobs = instance.num_jobs
    machines = instance.num_resources - jobs
    if jobs < 1 or machines < 1 or instance.num_tasks != jobs * machines:
        raise ValueError("an open shop has one operation for each job and machine")
    rows = instance.duration.reshape(jobs, machines).tolist()
    return f"{jobs} {machines}\n" + "".join(" ".join(map(str, row)) + "\n" for row in rows)
