"""Standard job shop text: ``jobs machines``, then one line per job with machine-duration pairs.

Machines are numbered from 0. Jobs may differ in length and return to a machine. Leading ``#`` lines are comments.
"""

from __future__ import annotations

import numpy as np

from makespan.instances.formats.source import IntRows, Source
from makespan.instances.instance import Instance, IntArray

HOLDS = frozenset({"recirculation"})


def recognises(source: Source) -> bool:
    """Two header numbers n and m, n rows of m pairs; or of other even lengths, with every machine below m."""
    if len(source.header) != 2 or not source.is_numeric or not all(word.isdigit() for word in source.header):
        return False
    jobs, machines = (int(word) for word in source.header)
    rows = source.rows
    if len(rows) != jobs or (rows.width % 2).any():
        return False
    machine = rows.value[::2]
    return bool(((machine >= 0) & (machine < machines)).all()) and not bool((rows.width == machines).all())


def read(source: Source) -> Instance:
    """Job shop from ``machine duration`` pairs. O(size of the file)."""
    num_machines, job_ptr, position = read_pairs(source)
    rows = source.rows
    with source.building():
        return Instance.job_shop_arrays(
            job_ptr, rows.value[position], rows.value[position + 1], num_machines, name=source.name
        )


def read_pairs(source: Source, terminated: bool = False) -> tuple[int, IntArray, IntArray]:
    """Number of machines, job_ptr, and where in ``source.rows.value`` the machine of each operation stands.

    With ``terminated`` every line must end in ``-1 -1``, which is left out.
    """
    jobs, machines = source.header_counts("jobs", "machines")
    rows = source.rows
    _check_job_count(source, rows, jobs)
    source.check_resource_count(machines, rows.value.size, source.header_line)
    odd = np.flatnonzero(rows.width % 2)
    if odd.size:
        source.fail(int(rows.line[odd[0]]), f"{rows.width[odd[0]]} numbers", "pairs of machine and duration")
    last = rows.ptr[1:]
    pairs = rows.width // 2
    if terminated:
        open_ended = (rows.value[last - 1] != -1) | (rows.value[last - 2] != -1)
        if open_ended.any():
            source.fail(int(rows.line[np.argmax(open_ended)]), "a line without terminator", "`-1 -1` at its end")
        pairs = pairs - 1
    job_ptr = np.concatenate(([0], np.cumsum(pairs)))
    skipped = np.arange(len(rows)) * (2 if terminated else 0)
    position = np.arange(job_ptr[-1]) * 2 + np.repeat(skipped, pairs)
    source.check_range(rows, position, 0, machines - 1, "machine")
    source.check_times(rows, position + 1)
    return machines, job_ptr, position


def _check_job_count(source: Source, rows: IntRows, jobs: int) -> None:
    if len(rows) < jobs:
        source.fail(None, f"the end of the file after {len(rows)} jobs", f"{jobs} jobs, from line {source.header_line}")
    if len(rows) > jobs:
        source.fail(int(rows.line[jobs]), "another line of numbers", f"the end of the file after {jobs} jobs")


def write(instance: Instance) -> str:
    """The text; a job without operations cannot be told from a blank line and is refused."""
    lines = pair_lines(instance)
    return f"{instance.num_jobs} {instance.num_resources}\n" + "".join(f"{line}\n" for line in lines)


def pair_lines(instance: Instance) -> list[str]:
    """One line of ``machine duration`` pairs per job, in the order of the tasks."""
    if instance.job is None or (instance.job < 0).any() or (np.diff(instance.job) < 0).any():
        raise ValueError("every task must belong to a job, and the tasks must be numbered job by job")
    pairs = np.empty(2 * instance.num_tasks, np.int64)
    pairs[::2] = instance.machine
    pairs[1::2] = instance.duration
    words = pairs.tolist()
    ptr = 2 * np.searchsorted(instance.job, np.arange(instance.num_jobs + 1))
    return [" ".join(map(str, words[ptr[j] : ptr[j + 1]])) for j in range(instance.num_jobs)]
