"""Permutation flow shop in the standard job shop form: every job visits machines 0, 1, … in this order.

The text alone is that of a job shop, so it is read as a flow shop only when asked for by name or by a leading
comment ``# format: flow_shop``.
"""

from __future__ import annotations

import numpy as np

from makespan.instances.formats import standard
from makespan.instances.formats.source import Source
from makespan.instances.instance import Instance

HOLDS = frozenset({"permutation"})


def recognises(source: Source) -> bool:
    """Never: only a name tells a flow shop from a job shop."""
    return False


def read(source: Source) -> Instance:
    """Flow shop with ``permutation`` set. O(size of the file)."""
    machines, job_ptr, position = standard.read_pairs(source)
    rows = source.rows
    uneven = np.flatnonzero(np.diff(job_ptr) != machines)
    if uneven.size:
        job = int(uneven[0])
        source.fail(int(rows.line[job]), f"{rows.width[job] // 2} operations", f"{machines}, one per machine")
    in_order = np.tile(np.arange(machines), len(rows))
    astray = rows.value[position] != in_order
    if astray.any():
        at = int(np.argmax(astray))
        source.fail(rows.line_of(int(position[at])), f"machine {rows.value[position[at]]}", f"machine {in_order[at]}")
    with source.building():
        return Instance.flow_shop(rows.value[position + 1].reshape(len(rows), machines), name=source.name)


def write(instance: Instance) -> str:
    """The text."""
    return standard.write(instance)
