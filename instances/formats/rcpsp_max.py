"""ProGen/max text (``.sch``): RCPSP with minimal and maximal time lags.

``n resources 0 0``, with n not counting the two dummies; n + 2 rows ``activity modes successors …`` with one lag in
brackets per successor; n + 2 rows ``activity mode duration demands …``; the capacities. A lag w on i -> j means
start(j) >= start(i) + w; a maximal lag is an arc back with a negative w. Source: Schwindt (1996), ProGen/max.
"""

from __future__ import annotations

from makespan.instances.errors import quoted
from makespan.instances.formats.patterson import dense_demands
from makespan.instances.formats.source import Source
from makespan.instances.instance import HORIZON_LIMIT, SS, Instance

HOLDS = frozenset({"network", "multi_resource", "cumulative", "no_machine", "time_lag", "max_lag"})


def recognises(source: Source) -> bool:
    """Four header numbers of which the last two are 0, and a row that starts with activity 0."""
    header = source.header
    if len(header) != 4 or header[2:] != ["0", "0"] or not all(word.isdigit() for word in header):
        return False
    return len(source.lines) == 2 * (int(header[0]) + 2) + 2 and source.lines[1][1].startswith("0")


def read(source: Source) -> Instance:
    """RCPSP/max; demands above a capacity are infeasible, not malformed, and read. O(size of the file)."""
    inner, resources, _, _ = source.header_counts("activities", "resources", "0", "0")
    size = inner + 2
    expected = 2 * size + 2
    if len(source.lines) != expected:
        source.fail(None, f"{len(source.lines)} lines", f"{expected} for {inner} activities and two dummies")
    successors, lags = [], []
    for index, (line, text) in enumerate(source.lines[1 : size + 1]):
        following, gaps = _arcs(source, line, text.split(), index, size)
        successors.append(following)
        lags.append(gaps)
    durations, demands = [], []
    for index, (line, text) in enumerate(source.lines[size + 1 : 2 * size + 1]):
        row = [source.integer(word, line) for word in text.split()]
        if len(row) != 3 + resources:
            source.fail(line, f"{len(row)} numbers", f"{3 + resources}: activity, mode, duration and demands")
        if row[:2] != [index, 1]:
            source.fail(line, f"activity {row[0]} mode {row[1]}", f"activity {index} mode 1")
        _check_times(source, line, row[2:], "duration or demand")
        durations.append(row[2])
        demands.append(row[3:])
    line, text = source.lines[-1]
    capacities = [source.integer(word, line) for word in text.split()]
    if len(capacities) != resources:
        source.fail(line, f"{len(capacities)} capacities", f"{resources}")
    _check_times(source, line, capacities, "capacity")
    with source.building():
        return Instance.rcpsp(durations, demands, capacities, successors, lags, name=source.name)


def _arcs(source: Source, line: int, words: list[str], index: int, size: int) -> tuple[list[int], list[int]]:
    if len(words) < 3:
        source.fail(line, f"{len(words)} words", "activity, modes, number of successors")
    activity, modes, number = (source.integer(word, line) for word in words[:3])
    if (activity, modes) != (index, 1):
        source.fail(line, f"activity {activity} with {modes} modes", f"activity {index} with 1 mode")
    if number < 0 or len(words) != 3 + 2 * number:
        source.fail(line, f"{len(words)} words", f"{number} successors and as many lags in brackets")
    following = [source.integer(word, line, "successor") for word in words[3 : 3 + number]]
    for successor in following:
        if not 0 <= successor < size:
            source.fail(line, f"successor {successor}", f"0 to {size - 1}")
    gaps = []
    for word in words[3 + number :]:
        if not (word.startswith("[") and word.endswith("]")):
            source.fail(line, quoted(word), "a lag in brackets")
        gaps.append(source.integer(word[1:-1], line, "lag"))
    return following, gaps


def _check_times(source: Source, line: int, values: list[int], name: str) -> None:
    for value in values:
        if not 0 <= value <= HORIZON_LIMIT:
            source.fail(line, f"{name} {value}", f"0 to {HORIZON_LIMIT}")


def write(instance: Instance) -> str:
    """The text; every arc must be start to start, and the first and last task count as the dummies."""
    if instance.num_tasks < 2 or (instance.arc_kind != SS).any():
        raise ValueError("it needs two tasks or more, with arcs start to start")
    lines = [f"{instance.num_tasks - 2} {instance.num_resources} 0 0"]
    arc = instance.arc_ptr.tolist()
    for task in range(instance.num_tasks):
        low, high = arc[task], arc[task + 1]
        lags = [f"[{lag}]" for lag in instance.arc_lag[low:high].tolist()]
        lines.append(" ".join(map(str, [task, 1, high - low, *instance.arc_succ[low:high].tolist(), *lags])))
    for task, demands in enumerate(dense_demands(instance)):
        lines.append(" ".join(map(str, [task, 1, int(instance.duration[task]), *demands])))
    lines.append(" ".join(map(str, instance.capacity.tolist())))
    return "\n".join(lines) + "\n"
