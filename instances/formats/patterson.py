"""Patterson's RCPSP text (``.rcp``): integers only, a record may span lines.

``jobs resources``, the capacities, then for each job its duration, its demands, the number of its successors and
the successors, numbered from 1. Source: Patterson (1984), Management Science 30, 854-867.
"""

from __future__ import annotations

from itertools import islice

from makespan.instances.formats.source import Source
from makespan.instances.instance import HORIZON_LIMIT, Instance

HOLDS = frozenset({"network", "multi_resource", "cumulative", "no_machine"})


def recognises(source: Source) -> bool:
    """Two header numbers, and the counts of successors lead exactly to the end of the file."""
    header = source.header
    if len(header) != 2 or not source.is_numeric or not all(word.isdigit() for word in header):
        return False
    jobs, resources = int(header[0]), int(header[1])
    value = source.rows.value
    position = resources
    for _ in range(min(jobs, value.size)):
        position += 1 + resources
        if position >= value.size or not 0 <= value[position] <= jobs:
            return False
        position += 1 + int(value[position])
    return jobs > 0 and position == value.size


def read(source: Source) -> Instance:
    """RCPSP with arcs end to start. O(size of the file)."""
    jobs, resources = source.header_counts("jobs", "resources")
    rows = source.rows
    smallest = resources + jobs * (resources + 2)
    if rows.value.size < smallest:
        place = f"the end of the file after {rows.value.size} numbers"
        source.fail(None, place, f"at least {smallest} for {jobs} jobs and {resources} resources")
    stream = iter(enumerate(rows.value.tolist()))

    def take(count: int, low: int, high: int, what: str) -> list[int]:
        taken = []
        for position, value in islice(stream, count):
            if not low <= value <= high:
                source.fail(rows.line_of(position), f"{what} {value}", f"{low} to {high}")
            taken.append(value)
        if len(taken) < count:
            source.fail(None, "the end of the file", f"{what} of one more job or resource")
        return taken

    capacities = take(resources, 0, HORIZON_LIMIT, "capacity")
    durations, demands, successors = [], [], []
    for _ in range(jobs):
        durations += take(1, 0, HORIZON_LIMIT, "duration")
        demands.append(take(resources, 0, HORIZON_LIMIT, "demand"))
        number = take(1, 0, rows.value.size, "number of successors")[0]
        successors.append([successor - 1 for successor in take(number, 1, jobs, "successor")])
    for position, value in stream:
        source.fail(rows.line_of(position), f"{value} after the last job", "the end of the file")
    with source.building():
        return Instance.rcpsp(durations, demands, capacities, successors, name=source.name)


def write(instance: Instance) -> str:
    """The text, one line per job."""
    lines = [f"{instance.num_tasks} {instance.num_resources}", " ".join(map(str, instance.capacity.tolist()))]
    demand = dense_demands(instance)
    arc = instance.arc_ptr
    for task in range(instance.num_tasks):
        successors = (instance.arc_succ[arc[task] : arc[task + 1]] + 1).tolist()
        record = [int(instance.duration[task]), *demand[task], len(successors), *successors]
        lines.append(" ".join(map(str, record)))
    return "\n".join(lines) + "\n"


def dense_demands(instance: Instance) -> list[list[int]]:
    """``[mode][resource]``: the demands with their zeros."""
    table = [[0] * instance.num_resources for _ in range(instance.num_modes)]
    ptr = instance.demand_ptr.tolist()
    resource, amount = instance.demand_resource.tolist(), instance.demand_amount.tolist()
    for mode, row in enumerate(table):
        for i in range(ptr[mode], ptr[mode + 1]):
            row[resource[i]] = amount[i]
    return table
