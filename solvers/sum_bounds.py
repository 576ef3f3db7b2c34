"""Bounds on flow time and tardiness from one machine at a time.

On a machine the k-th task to end, whichever it is, ends no earlier than the k-th end of shortest remaining time first;
least tails and due dates matched in their order then bound the sum (Chu 1992, Naval Research Logistics 39, 265-283).
Weights are cut into layers: sum of w x tardiness = sum over layers of height x tardiness of all with at least that
weight.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from makespan.instances.instance import HORIZON_LIMIT, Instance, IntArray
from makespan.solvers.kernels.heads_tails import UNREACHED, raise_along_arcs
from makespan.solvers.kernels.one_machine import shortest_remaining
from makespan.solvers.lower_bounds import alone_on_machines, by_source, heads, time_points

MOST_LAYERS = 20
"""Beyond so many different weights the highest layers are left out, which only lowers the bound."""


@dataclass(frozen=True)
class _Goals:
    """What is summed: goal g, a task or a whole job, ends no earlier than ``end[g]`` and than ``tail[i]`` after each of
    its tasks i (``goal_of[i]``, -1 for none). It costs ``weight[g]`` x max(0, end - due[g])."""

    end: IntArray
    due: IntArray
    weight: IntArray
    goal_of: IntArray
    tail: IntArray


def sum_bound(instance: Instance) -> int:
    """A bound on the first objective, total or weighted tardiness or flow time, if no circle has a positive length.

    For each kind of goal, tasks and jobs, the best machine. O(n log n) per layer of weights.
    """
    return sum(_bound(instance, goals) for goals in _all_goals(instance))


def _bound(instance: Instance, goals: _Goals) -> int:
    layers = np.unique(np.append(0, goals.weight))[: MOST_LAYERS + 1]
    heights, late = np.diff(layers), np.maximum(0, goals.end - goals.due)
    alone = [int(late[goals.weight >= level].sum()) for level in layers[1:]]
    best = np.array(alone, np.int64)
    earliest = instance.derived(heads)
    for _, head, body, task in _machines(instance, earliest.start):
        kept = goals.goal_of[task] >= 0
        if kept.sum() < 2:
            continue
        head, body, task = head[kept], body[kept], task[kept]
        last = np.flatnonzero(~_repeats(goals.goal_of[task]))
        head, body, task = head[last], body[last], task[last]
        goal = goals.goal_of[task]
        for layer, level in enumerate(layers[1:]):
            heavy = goals.weight[goal] >= level
            if heavy.sum() > 1:
                end = np.empty(int(heavy.sum()), np.int64)
                shortest_remaining(head[heavy], body[heavy], end)
                due = np.sort(goals.due[goal[heavy]] - goals.tail[task[heavy]])
                off = alone[layer] - int(late[goal[heavy]].sum())
                best[layer] = max(best[layer], off + int(np.maximum(0, end - due).sum()))
    return int((heights * best).sum())


def _repeats(goal: IntArray) -> np.ndarray:
    """True for all but the first task of each goal."""
    repeats = np.ones(goal.size, np.bool_)
    repeats[np.unique(goal, return_index=True)[1]] = False
    return repeats


def _machines(instance: Instance, head: IntArray) -> Iterator[tuple[int, IntArray, IntArray, IntArray]]:
    """(resource, head, body, task) of each machine, by rising head."""
    return alone_on_machines(instance, head, np.arange(instance.num_tasks, dtype=np.int64))


def _all_goals(instance: Instance) -> Iterator[_Goals]:
    end, n, job = instance.derived(heads).end, instance.num_tasks, instance.job
    task = np.arange(n, dtype=np.int64)
    nothing = np.zeros(n, np.int64)
    flow, weighted = instance.objective[0] == "flow_time", instance.objective[0] == "weighted_tardiness"
    if flow:
        due = nothing if instance.release is None else instance.release
        goal_of = task if job is None else np.where(job < 0, task, -1)
        yield _Goals(end, due, (goal_of >= 0).astype(np.int64), goal_of, nothing)
    elif instance.due is not None:
        weight = np.ones(n, np.int64) if instance.weight is None or not weighted else instance.weight
        weight = np.where(instance.due < HORIZON_LIMIT, weight, 0)
        yield _Goals(end, instance.due, weight, task, nothing)
    if job is None or (not flow and instance.job_due is None):
        return
    size = instance.num_jobs
    inside = job >= 0
    job_end = np.zeros(size, np.int64)
    np.maximum.at(job_end, job[inside], end[inside])
    weight = np.ones(size, np.int64)
    if flow:
        due = np.zeros(size, np.int64) if instance.job_release is None else instance.job_release
        weight = (np.bincount(job[inside], minlength=size) > 0).astype(np.int64)
    else:
        assert instance.job_due is not None
        due = instance.job_due
        if weighted and instance.job_weight is not None:
            weight = instance.job_weight
        weight = np.where(due < HORIZON_LIMIT, weight, 0)
    yield _Goals(job_end, due, weight, job.astype(np.int64), _tails_to_job_end(instance))


def _tails_to_job_end(instance: Instance) -> IntArray:
    """Shape (num_tasks,): least time from the end of a task to the end of its job, by the arcs within the job."""
    n, points = instance.num_tasks, instance.derived(time_points)
    assert instance.job is not None
    job = np.concatenate((instance.job, instance.job))
    within = (job[points.source] == job[points.target]) & (job[points.source] >= 0)
    value = np.full(2 * n, UNREACHED, np.int64)
    value[n:] = 0
    arcs = by_source(points.target[within], points.source[within], points.weight[within], 2 * n)
    raise_along_arcs(*arcs, value, np.empty(2 * n, np.int64))
    return value[n:]
