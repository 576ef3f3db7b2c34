"""Objectives of a schedule as integers, by the ends of its tasks; the smaller list of values is better."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from makespan.instances.dates import deadlines
from makespan.instances.instance import HORIZON_LIMIT, OBJECTIVES, Instance, IntArray
from makespan.solvers.kernels import step

MAKESPAN, TOTAL_TARDINESS, WEIGHTED_TARDINESS, MAX_LATENESS, FLOW_TIME = range(len(OBJECTIVES))

ITEM = np.dtype(
    [(name, np.int64) for name in ("due", "weight", "release", "flows", "job", "deadline", "end")],
)
"""A task or, behind all tasks, a job. ``due`` and ``deadline`` are HORIZON_LIMIT for none; ``flows``: whether its end
counts as flow time; ``job``: the item of a task's job, -1 for none; ``end`` is scratch."""


def objective_kinds(instance: Instance) -> IntArray:
    """Positions in OBJECTIVES, most important first."""
    return np.array([OBJECTIVES.index(name) for name in instance.objective], np.int64)


def objective_items(instance: Instance) -> NDArray:
    """Table of ITEM: tasks, then jobs. O(tasks + jobs)."""
    n, jobs = instance.num_tasks, instance.num_jobs
    table = np.zeros(n + jobs, ITEM)
    job = np.full(n, -1, np.int64) if instance.job is None else instance.job.astype(np.int64)
    for name, missing, parts in (
        ("due", HORIZON_LIMIT, (instance.due, instance.job_due)),
        ("weight", 1, (instance.weight, instance.job_weight)),
        ("release", 0, (instance.release, instance.job_release)),
    ):
        table[name] = missing
        for values, place in zip(parts, (slice(0, n), slice(n, None)), strict=True):
            if values is not None:
                table[name][place] = values
    table["job"] = -1
    table["job"][:n] = np.where(job >= 0, n + job, -1)
    table["flows"][:n] = job < 0
    table["flows"][n:] = np.bincount(job[job >= 0], minlength=jobs) > 0
    table["deadline"] = HORIZON_LIMIT
    table["deadline"][:n] = deadlines(instance)
    return table


@step
def note_ends(item, child, mode, duration):
    """Fill the ends of all items from the starts of tasks; returns the largest. O(tasks + jobs)."""
    last, n = 0, mode.size
    for i in range(n, item.size):
        item[i].end = 0
    for task in range(n):
        end = child[task].start + duration[mode[task]]
        item[task].end = end
        last = max(last, end)
        if item[task].job >= 0:
            item[item[task].job].end = max(item[item[task].job].end, end)
    return last


@step
def evaluate(kinds, item, last, value):
    """Fill ``value`` (1 + objectives,): by how much deadlines are missed in all, then the objectives in their order.

    The ends come from ``note_ends``. O(objectives x (tasks + jobs)).
    """
    missed = 0
    for i in range(item.size):
        missed += max(0, item[i].end - item[i].deadline)
    value[0] = missed
    for position in range(kinds.size):
        kind = kinds[position]
        if kind == MAKESPAN:
            value[1 + position] = last
            continue
        total, latest = 0, -HORIZON_LIMIT
        for i in range(item.size):
            if kind == FLOW_TIME:
                total += item[i].flows * (item[i].end - item[i].release)
            elif item[i].due < HORIZON_LIMIT:
                late = item[i].end - item[i].due
                latest = max(latest, late)
                total += max(0, late) * (item[i].weight if kind == WEIGHTED_TARDINESS else 1)
        value[1 + position] = latest if kind == MAX_LATENESS else total


@step
def latest_ends(kinds, item, last, child):
    """Fill ``release`` with how late each task may end, at most ``last`` or its own end, so that neither the first
    objective nor the missed deadlines grow. The ends come from ``note_ends``. O(tasks + jobs).
    """
    kind, latest = kinds[0], -HORIZON_LIMIT
    for i in range(item.size):
        if item[i].due < HORIZON_LIMIT:
            latest = max(latest, item[i].end - item[i].due)
    for task in range(child.size):
        limit = min(last, item[task].deadline)
        for i in (task, item[task].job):
            if i < 0:
                continue
            if kind == FLOW_TIME:
                if item[i].flows:
                    limit = min(limit, item[i].end)
            elif kind != MAKESPAN and item[i].due < HORIZON_LIMIT:
                late = latest if kind == MAX_LATENESS else max(0, item[i].end - item[i].due)
                limit = min(limit, item[i].due + late)
        child[task].release = max(limit, item[task].end)


@step
def is_less(value, other):
    """Whether the first list of values is smaller in lexicographic order."""
    for i in range(value.size):
        if value[i] != other[i]:
            return value[i] < other[i]
    return False
