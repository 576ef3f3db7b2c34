"""Projects of growing difficulty whose only question is whether a schedule exists, in the manner of R-ConstraintBench.

Source of the design: Jain and Wetter (2025), R-ConstraintBench, arXiv 2508.15204. Sizes and distributions are ours, the
paper's are not known to us. A *level* is a number of precedence arcs; three further kinds of constraints, the *axes*,
come on top: downtime, windows and pairs that must not overlap. Everything is nested: level k + 1 is level k and one
arc more, and of one seed and level all stages share a hidden schedule that keeps them all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.generators.parameters import at_least
from makespan.instances.instance import HORIZON_LIMIT, Calendar, Instance, IntArray, Metadata
from makespan.instances.schedule import Schedule

AXES = {"downtime": "D", "windows": "T", "pairs": "X"}
"""Parameter of ``constraint_ramp`` and letter in the name of a stage; P stands for precedence and resources."""

STAGES = ("P", "PD", "PDT", "PDTX", "PT", "PX")
"""The nested stages, then those with one axis alone (PD is both)."""

RESOURCES, MAX_DURATION = 3, 10
LEAST_CAPACITY, MOST_CAPACITY = 5, 10
LEAST_DOWN, MOST_DOWN = 2, 6  # length of a downtime
SLACK = 10  # a window begins and ends at most so long before and after the hidden task
PERCENT = 75  # chance of a downtime on a resource, of a window for a task; of n / 4, the number of pairs

_FIELDS, _ARCS, _DOWNTIME, _PAIRS, _WITNESS, _WINDOWS = range(6)  # streams of random numbers


@dataclass(frozen=True)
class Ramp:
    """A question with its answer: ``witness`` is a feasible schedule of ``instance``, which has ``redundant`` arcs that
    follow from others."""

    instance: Instance
    witness: Schedule
    redundant: int


def constraint_ramp(
    tasks: int,
    level: int,
    seed: int,
    downtime: bool = False,
    windows: bool = False,
    pairs: bool = False,
    strict: bool = False,
    migration: bool = False,
) -> Instance:
    """A project with ``level`` precedence arcs and the given axes that has a schedule; see ``ramp``."""
    return ramp(tasks, level, seed, downtime, windows, pairs, strict, migration).instance


def ramp(
    tasks: int,
    level: int,
    seed: int,
    downtime: bool = False,
    windows: bool = False,
    pairs: bool = False,
    strict: bool = False,
    migration: bool = False,
) -> Ramp:
    """A question of the ramp and its hidden answer.

    Parameters
    ----------
    tasks
        At least 6.
    level
        Number of precedence arcs, at most twice ``tasks``. None is implied by those before it; with ``strict`` none
        ever becomes so, and a seed may then allow fewer.
    downtime, windows, pairs
        The axes: at least one resource stands still for a while; tasks have release dates and deadlines; pairs of tasks
        without a path between them must not overlap (a resource of capacity 1 each).
    migration
        The same numbers in the words of a move of servers from one data centre to another.

    Raises
    ------
    ValueError
        If a parameter is out of range. O(tasks^2 x level).
    """
    at_least(6, tasks=tasks)
    at_least(0, level=level, seed=seed)
    flags = {"downtime": downtime, "windows": windows, "pairs": pairs, "strict": strict, "migration": migration}
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise ValueError(f"{name}: found {value!r}, expected true or false")
    if level > 2 * tasks:
        raise ValueError(f"level: found {level}, expected at most {2 * tasks}, twice the tasks")
    drawn = _draw(tasks, level, seed, strict)
    stage = "P" + "".join(letter for axis, letter in AXES.items() if flags[axis])
    spec = f"constraint_ramp,tasks={tasks},level={level},seed={seed}"
    spec += "".join(f",{name}=true" for name, value in flags.items() if value)
    apart = drawn.apart if pairs else []
    kept = np.zeros((tasks, len(apart)), np.int64)
    for k, pair in enumerate(apart):
        kept[list(pair), k] = 1
    task_names, resource_names = _names(tasks, migration)
    meta = Metadata(
        name=f"{'migration' if migration else 'ramp'}_{tasks}_{level}_{stage}_{seed}",
        source=f"{spec}; redundant arcs: {drawn.redundant}; in the manner of Jain and Wetter 2025",
        task_names=task_names,
        resource_names=(*resource_names, *(f"{task_names[i]} or {task_names[j]}" for i, j in apart)),
    )
    instance = Instance.rcpsp(
        drawn.duration,
        np.hstack((drawn.demand, kept)),
        np.concatenate((drawn.capacity, np.ones(len(apart), np.int64))),
        [[j for i, j in drawn.arcs if i == task] for task in range(tasks)],
        calendar=_calendar(drawn.capacity, drawn.down, len(apart)) if downtime else None,
        release=drawn.release if windows else None,
        deadline=drawn.deadline if windows else None,
        meta=meta,
    )
    return Ramp(instance, Schedule(drawn.start), drawn.redundant)


def stage_of(instance: Instance) -> str:
    """The stage that the constraints of an instance make it: P and the letters of its axes."""
    windows = instance.release is not None or instance.deadline is not None
    has = (instance.calendar is not None, windows, num_pairs(instance) > 0)
    return "P" + "".join(letter for letter, there in zip(AXES.values(), has, strict=True) if there)


def num_pairs(instance: Instance) -> int:
    """How many of the last resources only keep two tasks apart: capacity 1, always open, two tasks with demand 1."""
    users = np.bincount(instance.demand_resource, minlength=instance.num_resources)
    largest = np.zeros(instance.num_resources, np.int64)
    np.maximum.at(largest, instance.demand_resource, instance.demand_amount)
    apart = (users == 2) & (largest == 1) & (instance.capacity == 1) & instance.renewable
    if instance.calendar is not None:
        apart &= np.diff(instance.calendar.ptr) == 0
    return int(np.cumprod(apart[::-1]).sum())


class _Drawn(NamedTuple):
    """Everything of one seed and level, whatever the stage; ``start`` is the hidden schedule."""

    duration: IntArray
    capacity: IntArray
    demand: IntArray
    arcs: list[tuple[int, int]]
    redundant: int
    down: dict[int, tuple[int, int]]
    apart: list[tuple[int, int]]
    start: IntArray
    release: IntArray
    deadline: IntArray


def _draw(tasks: int, level: int, seed: int, strict: bool) -> _Drawn:
    duration, capacity, demand = _fields(_rng(seed, _FIELDS), tasks)
    arcs = _arcs(_rng(seed, _ARCS), tasks, strict)
    if level > len(arcs):
        raise ValueError(f"level: found {level}, expected at most {len(arcs)}, the arcs that seed {seed} allows")
    arcs = arcs[:level]
    reach = _closure(tasks, arcs)
    redundant = sum(int((reach[i] & reach[:, j]).sum()) > 2 for i, j in arcs)  # somebody between the two
    down = _downtime(_rng(seed, _DOWNTIME), _longest_path(arcs, duration))
    apart = _unlinked_pairs(_rng(seed, _PAIRS), reach)
    start = _hidden_schedule(_rng(seed, _WITNESS), duration, capacity, demand, arcs, down, apart)
    release, deadline = _windows(_rng(seed, _WINDOWS), start, duration)
    return _Drawn(duration, capacity, demand, arcs, redundant, down, apart, start, release, deadline)


def _rng(seed: int, stream: int) -> np.random.Generator:
    """Each part has random numbers of its own, so that a change of one leaves the others alone."""
    return np.random.default_rng([seed, stream])


def _fields(rng: np.random.Generator, tasks: int) -> tuple[IntArray, IntArray, IntArray]:
    """Durations, capacities, and demands on one or two resources of at most half the capacity, rounded up."""
    duration = rng.integers(1, MAX_DURATION + 1, size=tasks)
    capacity = rng.integers(LEAST_CAPACITY, MOST_CAPACITY + 1, size=RESOURCES)
    demand = np.zeros((tasks, RESOURCES), np.int64)
    for row in demand:
        used = rng.choice(RESOURCES, size=int(rng.integers(1, 3)), replace=False)
        row[used] = rng.integers(1, -(-capacity[used] // 2) + 1)
    return duration, capacity, demand


def _arcs(rng: np.random.Generator, tasks: int, strict: bool) -> list[tuple[int, int]]:
    """Up to 2 x tasks arcs between different layers, each without a path when it comes.

    One pass over a random order suffices: an arc refused once is refused for ever, since paths never go away.
    """
    layers = np.array_split(np.arange(tasks), math.ceil(math.sqrt(tasks)))
    layer = np.repeat(np.arange(len(layers)), [each.size for each in layers])
    pairs = [(i, j) for i, j in combinations(range(tasks), 2) if layer[i] < layer[j]]
    reach = np.eye(tasks, dtype=np.bool_)
    arcs: list[tuple[int, int]] = []
    for index in rng.permutation(len(pairs)).tolist():
        i, j = pairs[index]
        if reach[i, j] or (strict and any(reach[u, i] and reach[j, v] for u, v in arcs)):
            continue
        arcs.append((i, j))
        if len(arcs) == 2 * tasks:
            break
        reach[np.ix_(reach[:, i], reach[j])] = True
    return arcs


def _closure(tasks: int, arcs: list[tuple[int, int]]) -> NDArray[np.bool_]:
    """Which task reaches which, itself included."""
    reach = np.eye(tasks, dtype=np.bool_)
    for i, j in arcs:
        reach[np.ix_(reach[:, i], reach[j])] = True
    return reach


def _longest_path(arcs: list[tuple[int, int]], duration: IntArray) -> int:
    end = duration.copy()
    for i, j in sorted(arcs, key=lambda arc: arc[1]):  # arcs rise: what reaches i is done before i is used
        end[j] = max(end[j], end[i] + duration[j])
    return int(end.max())


def _downtime(rng: np.random.Generator, longest_path: int) -> dict[int, tuple[int, int]]:
    """From and to of the one downtime of some resources, at least of one, within 1.2 times the longest path."""
    chosen = rng.integers(100, size=RESOURCES) < PERCENT
    chosen[rng.integers(RESOURCES)] |= not chosen.any()
    length = rng.integers(LEAST_DOWN, MOST_DOWN + 1, size=RESOURCES)
    room = np.maximum(0, longest_path * 6 // 5 - length)
    begin = np.floor(rng.random(RESOURCES) * (room + 1)).astype(np.int64)
    return {int(k): (int(begin[k]), int(begin[k] + length[k])) for k in np.flatnonzero(chosen)}


def _unlinked_pairs(rng: np.random.Generator, reach: NDArray[np.bool_]) -> list[tuple[int, int]]:
    tasks = len(reach)
    pairs = list(combinations(range(tasks), 2))
    order = [pairs[index] for index in rng.permutation(len(pairs)).tolist()]
    free = [(i, j) for i, j in order if not reach[i, j] and not reach[j, i]]
    return sorted(free[: PERCENT * tasks // 400])


def _hidden_schedule(
    rng: np.random.Generator,
    duration: IntArray,
    capacity: IntArray,
    demand: IntArray,
    arcs: list[tuple[int, int]],
    down: dict[int, tuple[int, int]],
    apart: list[tuple[int, int]],
) -> IntArray:
    """Starts by the serial scheme: the waiting task of the first random priority, as early as it can."""
    tasks = duration.size
    horizon = int(duration.sum()) + max((end for _, end in down.values()), default=0) + MAX_DURATION
    free = np.repeat(np.concatenate((capacity, np.ones(len(apart), np.int64)))[:, None], horizon, axis=1)
    for k, (begin, end) in down.items():
        free[k, begin:end] = 0
    need = np.hstack((demand, np.zeros((tasks, len(apart)), np.int64)))
    for k, pair in enumerate(apart):
        need[list(pair), capacity.size + k] = 1
    before: list[list[int]] = [[i for i, j in arcs if j == task] for task in range(tasks)]
    priority, start = rng.permutation(tasks), np.full(tasks, -1)
    for _ in range(tasks):
        ready = [i for i in range(tasks) if start[i] < 0 and all(start[p] >= 0 for p in before[i])]
        task = min(ready, key=lambda i: int(priority[i]))
        length, own = int(duration[task]), need[task] > 0
        time = max((int(start[p] + duration[p]) for p in before[task]), default=0)
        while (free[own, time : time + length] < need[task, own, None]).any():
            time += 1
        free[:, time : time + length] -= need[task][:, None]
        start[task] = time
    return start


def _windows(rng: np.random.Generator, start: IntArray, duration: IntArray) -> tuple[IntArray, IntArray]:
    """Release dates and deadlines around the hidden schedule; 0 and HORIZON_LIMIT for a task without a window."""
    has = rng.integers(100, size=start.size) < PERCENT
    early, late = rng.integers(0, SLACK + 1, size=(2, start.size))
    release = np.where(has, np.maximum(0, start - early), 0)
    return release, np.where(has, start + duration + late, HORIZON_LIMIT)


def _calendar(capacity: IntArray, down: dict[int, tuple[int, int]], pairs: int) -> Calendar:
    """Profiles of the resources that stand still; the others, and those of the pairs, are always open."""
    rows: list[list[tuple[int, int]]] = [[] for _ in range(capacity.size + pairs)]
    for k, (begin, end) in down.items():
        full = int(capacity[k])
        rows[k] = [*([(0, full)] if begin else []), (begin, 0), (end, full)]
    points = np.array([point for row in rows for point in row], np.int64)
    ptr = np.concatenate((np.zeros(1, np.int64), np.cumsum([len(row) for row in rows])))
    return Calendar(ptr.astype(np.int32), points[:, 0], points[:, 1], np.zeros(len(rows), np.int64))


def _names(tasks: int, migration: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of tasks and shared resources: a number, or a server that teams move with forklifts into rack bays."""
    if migration:
        return tuple(f"move server {i}" for i in range(tasks)), ("moving teams", "forklifts", "rack bays")
    return tuple(f"task {i}" for i in range(tasks)), tuple(f"resource {k}" for k in range(RESOURCES))
