"""Da Col and Teppan's job shop text: as the standard form, with ``-1 -1`` at the end of every job.

Source: Da Col and Teppan (2022), Industrial-size job shop scheduling with constraint programming.
"""

from __future__ import annotations

import numpy as np

from makespan.instances.formats.source import Source
from makespan.instances.formats.standard import pair_lines, read_pairs
from makespan.instances.instance import Instance

HOLDS = frozenset({"recirculation"})


def recognises(source: Source) -> bool:
    """Two header numbers, and every further row ends in ``-1 -1``."""
    if len(source.header) != 2 or not source.is_numeric or source.rows.width.min() < 2:
        return False
    last = source.rows.ptr[1:]
    return bool((source.rows.value[np.concatenate((last - 1, last - 2))] == -1).all())


def read(source: Source) -> Instance:
    """Job shop; jobs may differ in length, return to a machine, and be empty. O(size of the file)."""
    num_machines, job_ptr, position = read_pairs(source, terminated=True)
    value = source.rows.value
    with source.building():
        return Instance.job_shop_arrays(job_ptr, value[position], value[position + 1], num_machines, name=source.name)


def write(instance: Instance) -> str:
    """The text."""
    head = f"{instance.num_jobs} {instance.num_resources}\n"
    return head + "".join(f"{line} -1 -1\n".lstrip() for line in pair_lines(instance))
