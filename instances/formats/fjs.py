"""Flexible job shop text (``.fjs``): ``jobs machines [average options]``, then one line per job.

A job line is its number of operations, then for each operation the number k of its machines and k pairs ``machine
duration``, machines numbered from 1. The third header number is informative only.
"""

from __future__ import annotations

import numpy as np

from makespan.instances.formats.source import IntRows, Source
from makespan.instances.instance import HORIZON_LIMIT, Instance

HOLDS = frozenset({"multi_mode", "recirculation"})


def recognises(source: Source) -> bool:
    """Two or three header numbers, and every row has the length its counts say."""
    header = source.header
    if len(header) not in (2, 3) or not source.is_numeric or not all(word.isdigit() for word in header[:2]):
        return False
    jobs, machines = int(header[0]), int(header[1])
    rows = source.rows
    if len(rows) != jobs or (len(header) == 2 and int(rows.width.min()) < 2):
        return False
    return all(_has_form(rows.row(index), machines) for index in range(len(rows)))


def _has_form(row: list[int], machines: int) -> bool:
    position = 1
    for _ in range(min(row[0], len(row))):
        if position >= len(row) or row[position] < 1:
            return False
        chosen = row[position + 1 : position + 1 + 2 * row[position] : 2]
        if not all(1 <= machine <= machines for machine in chosen):
            return False
        position += 1 + 2 * row[position]
    return position == len(row)


def read(source: Source) -> Instance:
    """Flexible job shop. O(size of the file)."""
    jobs, machines = source.header_counts("jobs", "machines", optional=True)[:2]
    rows = source.rows
    source.check_resource_count(machines, rows.value.size, source.header_line)
    if len(rows) < jobs:
        source.fail(None, f"the end of the file after {len(rows)} jobs", f"{jobs} jobs, from line {source.header_line}")
    if len(rows) > jobs:
        source.fail(int(rows.line[jobs]), "another line of numbers", f"the end of the file after {jobs} jobs")
    operations = [_job(source, rows, index, machines) for index in range(jobs)]
    with source.building():
        return Instance.flexible_job_shop(operations, machines, name=source.name)


def _job(source: Source, rows: IntRows, index: int, machines: int) -> list[list[tuple[int, int]]]:
    row, line = rows.row(index), int(rows.line[index])
    operations: list[list[tuple[int, int]]] = []
    position = 1
    if not 0 <= row[0] <= len(row):
        source.fail(line, f"{row[0]} operations", f"a count that fits the {len(row)} numbers of the line")
    for number in range(1, row[0] + 1):
        options = row[position] if position < len(row) else 0
        end = position + 1 + 2 * options
        if options < 1 or end > len(row):
            found = f"{options} machines" if position < len(row) else "the end of the line"
            source.fail(line, f"{found} for operation {number}", "a count from 1 and as many machine-duration pairs")
        pairs = row[position + 1 : end]
        for machine, duration in zip(pairs[::2], pairs[1::2], strict=True):
            if not 1 <= machine <= machines:
                source.fail(line, f"machine {machine}", f"1 to {machines}")
            if not 0 <= duration <= HORIZON_LIMIT:
                source.fail(line, f"duration {duration}", f"0 to {HORIZON_LIMIT}")
        operations.append([(machine - 1, duration) for machine, duration in zip(pairs[::2], pairs[1::2], strict=True)])
        position = end
    if position != len(row):
        source.fail(line, f"{len(row)} numbers", f"{position} for {row[0]} operations")
    return operations


def write(instance: Instance) -> str:
    """The text, with the average number of machines per operation as third number."""
    if instance.job is None or (instance.job < 0).any() or (np.diff(instance.job) < 0).any():
        raise ValueError("every task must belong to a job, and the tasks must be numbered job by job")
    machine, duration = (instance.machine + 1).tolist(), instance.duration.tolist()
    ptr = instance.mode_ptr.tolist()
    rows: list[list[int]] = [[count] for count in np.bincount(instance.job, minlength=instance.num_jobs).tolist()]
    for task, job in enumerate(instance.job.tolist()):
        rows[job].append(ptr[task + 1] - ptr[task])
        for mode in range(ptr[task], ptr[task + 1]):
            rows[job] += (machine[mode], duration[mode])
    options = instance.num_modes / max(1, instance.num_tasks)
    head = f"{instance.num_jobs} {instance.num_resources} {options:.2f}\n"
    return head + "".join(" ".join(map(str, row)) + "\n" for row in rows)
