"""Taillard's job shop text: a matrix of times, then a matrix of machines numbered from 1.

With headings (``Nb of jobs, Nb of Machines, …``, ``Times``, ``Machines``) as on Taillard's pages, or numbers alone:
``jobs machines`` and possibly seeds and bounds on the first line, then both matrices.
"""

from __future__ import annotations

import re

import numpy as np

from makespan.instances.formats.source import IntRows, Source, int_rows
from makespan.instances.instance import Instance

HOLDS = frozenset({"recirculation"})

_MACHINES = re.compile(r"^[ \t]*machines?[ \t]*:?[ \t]*$", re.IGNORECASE | re.MULTILINE)
_HEADING = re.compile(r"^[ \t]*(?:#[^\n]*|[A-Za-z/][A-Za-z ,.:;/\t]*)$", re.MULTILINE)


def recognises(source: Source) -> bool:
    """A line that says ``Machines`` and a header of words, or 2n rows of m numbers after ``n m``."""
    header = source.header
    if header and not header[0].lstrip("-+").isdigit():
        return header[0][:1].isalpha() and bool(_MACHINES.search(source.text))
    if not 2 <= len(header) <= 6 or not source.is_numeric or not all(word.isdigit() for word in header):
        return False
    jobs, machines = int(header[0]), int(header[1])
    rows = source.rows
    if len(rows) != 2 * jobs or (rows.width != machines).any():
        return False
    route = rows.value[jobs * machines :]
    return bool(((route >= 1) & (route <= machines)).all())


def read(source: Source) -> Instance:
    """Job shop in which every job has as many operations as there are machines. O(size of the file)."""
    rows = int_rows(_HEADING.sub("", source.text), 1, source)
    if not len(rows) or rows.width[0] < 2:
        source.fail(None, "no line with two counts", "`jobs machines` before the matrices")
    counts = [source.count(str(value), int(rows.line[0]), "jobs or machines") for value in rows.row(0)[:2]]
    jobs, machines = counts
    rows = IntRows(rows.value[rows.ptr[1] :], rows.ptr[1:] - rows.ptr[1], rows.line[1:])
    _check_shape(source, rows, jobs, machines)
    half = jobs * machines
    source.check_times(rows, np.arange(half))
    source.check_range(rows, np.arange(half, 2 * half), 1, machines, "machine")
    with source.building():
        return Instance.job_shop_arrays(
            np.arange(jobs + 1) * machines, rows.value[half:] - 1, rows.value[:half], machines, name=source.name
        )


def _check_shape(source: Source, rows: IntRows, jobs: int, machines: int) -> None:
    if len(rows) < 2 * jobs:
        source.fail(None, f"the end of the file after {len(rows)} rows", f"{jobs} rows of times and {jobs} of machines")
    if len(rows) > 2 * jobs:
        source.fail(int(rows.line[2 * jobs]), "another line of numbers", f"the end of the file after {2 * jobs} rows")
    uneven = np.flatnonzero(rows.width != machines)
    if uneven.size:
        row = int(uneven[0])
        source.fail(int(rows.line[row]), f"{rows.width[row]} numbers", f"{machines}, one per machine")


def write(instance: Instance) -> str:
    """The text with headings; every job must have as many operations as there are machines."""
    jobs, machines = instance.num_jobs, instance.num_resources
    if jobs < 1 or instance.num_tasks != jobs * machines:
        raise ValueError("every job must have as many operations as there are machines")
    times = instance.duration.reshape(jobs, machines).tolist()
    route = (instance.machine.reshape(jobs, machines) + 1).tolist()
    lines = ["Nb of jobs, Nb of Machines", f"{jobs} {machines}", "Times"]
    lines += [" ".join(map(str, row)) for row in times]
    lines.append("Machines")
    lines += [" ".join(map(str, row)) for row in route]
    return "\n".join(lines) + "\n"
