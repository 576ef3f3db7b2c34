"""Measures of projects in the making, and features of their candidates, activities and resources.

The tables of features stand in ``envs/features.py``; a measure never falls while a schedule grows and ends at its
value.
"""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import inlined, kernel, step
from makespan.solvers.kernels.project_rows import (
    BOUND,
    LOWER,
    MEAN_DURATION,
    MEAN_WEIGHT,
    MOST_ARCS,
    project_of,
    ready_at,
    row_of,
)
from makespan.solvers.kernels.project_state import CLOCK, ELIGIBLE, MAKESPAN, NEVER, POSITION
from makespan.solvers.kernels.resource_profile import earliest_fit, find_time

LOWER_BOUND, MAKESPAN_SO_FAR, TARDINESS, FLOW_TIME = range(4)

HORIZON_LIMIT = 2**53


@step
def measure(p, row, job_end, name):
    """One measure of a row. O(tasks) for the sums."""
    if name == LOWER_BOUND:
        return row.progress[LOWER]
    if name == MAKESPAN_SO_FAR:
        return row.progress[MAKESPAN]
    tasks, jobs, activity = p.task, p.job, row.activity
    job_end[:] = 0
    value = 0
    for t in range(activity.size):
        if not row.placed[t]:
            continue
        end = activity[t].start + activity[t].duration
        if name == TARDINESS:
            if tasks[t].due < HORIZON_LIMIT:
                value += tasks[t].weight * max(0, end - tasks[t].due)
        elif tasks[t].job < 0:
            value += end - tasks[t].release
        if tasks[t].job >= 0:
            job_end[tasks[t].job] = max(job_end[tasks[t].job], end)
    for j in range(jobs.size):
        if name == FLOW_TIME:
            value += max(0, job_end[j] - jobs[j].release)
        elif jobs[j].due < HORIZON_LIMIT:
            value += jobs[j].weight * max(0, job_end[j] - jobs[j].due)
    return value


@kernel
def measure_project_rows(arena, rows, first, last, which, state, job_end, name, value):
    """``value[i]`` becomes measure ``name`` of row ``rows[i]``; ``job_end`` (rows, jobs) is scratch."""
    for i in range(first, last):
        r = rows[i]
        p = project_of(arena, which[r])
        value[i] = measure(p, row_of(p, state, r), job_end[r], name)


@inlined
def ratio(value, scale):
    return np.float32(value / scale)


@step
def fit_of(p, row, t, m):
    """When an eligible task in mode ``m`` is ready, and when it would start; ready where nothing ever fits."""
    modes = p.mode
    ready = ready_at(p, row, t, m)
    start = earliest_fit(
        p.demand, modes[m].demand, modes[m].demand_end, p.resource, p.piece, row.point, row.point_count, row.cursor,
        max(ready, row.progress[CLOCK]), modes[m].duration,
    )  # fmt: skip
    return ready, ready if start >= NEVER else start


@step
def project_candidates(p, row, start, count, task, mode, place, out):
    """Candidate c fills ``out[place[c]]``; ``start`` (width,) is scratch. O(candidates x search for a start)."""
    modes, tasks, places, resource, demand, spend = p.mode, p.task, p.place, p.resource, p.demand, p.spend
    budget, progress, bound, mean = row.budget, row.progress, p.scale[BOUND], p.scale[MEAN_DURATION]
    lower, resources = max(1, progress[LOWER]), resource.size
    clock, first_end = NEVER, NEVER
    for c in range(count):
        _, begins = fit_of(p, row, task[c], mode[c])
        start[c] = begins
        clock, first_end = min(clock, begins), min(first_end, begins + modes[mode[c]].duration)
    done = ratio(progress[POSITION], max(1, row.activity.size))
    for c in range(count):
        t, m, own = task[c], mode[c], out[place[c]]
        duration, begins = modes[m].duration, start[c]
        ready = ready_at(p, row, t, m)
        own[0] = ratio(duration, mean)
        own[1] = ratio(begins - clock, mean)
        own[2] = ratio(begins + duration - first_end, mean)
        own[3] = ratio(begins - ready, mean)
        own[4] = ratio(lower - begins - tasks[t].tail, lower)
        own[5] = ratio(max(0, tasks[t].tail - duration), bound)
        own[6] = ratio(places[t].after_end - places[t].after, p.scale[MOST_ARCS])
        largest, total, scarcity, fullest = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for i in range(modes[m].demand, modes[m].demand_end):
            k = demand[i].resource
            capacity = max(1, resource[k].capacity)
            share = ratio(demand[i].amount, capacity)
            largest, total = max(largest, share), total + share
            scarcity = max(scarcity, ratio(budget[k], bound * capacity))
            at = find_time(row.point, resource[k].point, row.point_count[k], begins)
            fullest = max(fullest, ratio(row.point[at].used + demand[i].amount, capacity))
        own[7], own[8] = largest, total / np.float32(max(1, resources))
        own[9], own[10] = scarcity, fullest
        stop = tasks[t + 1].first_mode if t + 1 < tasks.size else modes.size
        shortest = duration
        for other in range(tasks[t].first_mode, stop):
            if modes[other].usable:
                shortest = min(shortest, modes[other].duration)
        own[11] = ratio(shortest, duration) if duration > 0 else 1
        spending = np.float32(0)
        for i in range(modes[m].spend, modes[m].spend_end):
            k = spend[i].resource
            beyond = spend[i].amount - p.least_spend[t * resources + k]
            spending = max(spending, ratio(beyond, max(1, budget[k])))
        own[12] = spending
        own[13] = done
        slack = 1.0
        if tasks[t].due < HORIZON_LIMIT:
            slack = min(1.0, max(-1.0, (tasks[t].due - begins - duration) / bound))
        own[14] = slack
        own[15] = ratio(tasks[t].weight, p.scale[MEAN_WEIGHT])


@kernel
def project_candidates_rows(arena, rows, first, last, which, state, start, task, mode, count, place, out):
    """Candidate c of row r = ``rows[i]`` fills ``out[i, place[r, c]]``; the rest of ``out`` is left alone."""
    for i in range(first, last):
        r = rows[i]
        p = project_of(arena, which[r])
        project_candidates(p, row_of(p, state, r), start[r], count[r], task[r], mode[r], place[r], out[i])


@step
def find_early(p, row, early):
    """``early`` becomes the start of each placed task, and of the others the earliest by release and arcs. O(arcs)."""
    place, modes, arcs, chosen = p.place, p.mode, p.arc, row.chosen
    for t in p.order:
        early[t] = row.activity[t].start if row.placed[t] else place[t].release
        if row.placed[t]:
            continue
        for i in range(place[t].before, place[t].before_end):
            pred = arcs[i].task
            time = early[pred] + arcs[i].lag
            if arcs[i].kind & 2:
                time += modes[chosen[pred]].duration
            if arcs[i].kind & 1:
                time -= modes[chosen[t]].duration
            early[t] = max(early[t], time)


@step
def project_graph(p, row, early, nodes, machines):
    """Fill ``nodes`` (tasks, features) and ``machines`` (resources, features); ``early`` (tasks,) is scratch.

    O(arcs + demands + resources).
    """
    modes, tasks, resource, demand, activity = p.mode, p.task, p.resource, p.demand, row.activity
    bound, mean = p.scale[BOUND], p.scale[MEAN_DURATION]
    lower, clock = max(1, row.progress[LOWER]), row.progress[CLOCK]
    find_early(p, row, early)
    for t in range(activity.size):
        m, own = row.chosen[t], nodes[t]
        own[0] = 1 if row.placed[t] else 0
        own[1] = 0
        own[2] = ratio(activity[t].duration, mean)
        own[3] = ratio(early[t] - clock, bound)
        own[4] = ratio(tasks[t].tail, bound)
        own[5] = ratio(early[t] + tasks[t].tail, lower)
        largest, total = np.float32(0), np.float32(0)
        for i in range(modes[m].demand, modes[m].demand_end):
            share = ratio(demand[i].amount, max(1, resource[demand[i].resource].capacity))
            largest, total = max(largest, share), total + share
        own[6], own[7] = largest, total / np.float32(max(1, resource.size))
    for e in range(row.progress[ELIGIBLE]):
        nodes[row.eligible[e], 1] = 1
    for k in range(resource.size):
        capacity, own = max(1, resource[k].capacity), machines[k]
        renewable = p.renewable[k] > 0
        at = find_time(row.point, resource[k].point, row.point_count[k], clock)
        own[0] = 1 if renewable else 0
        own[1] = ratio(row.point[at].used, capacity) if renewable else 0
        own[2] = ratio(row.budget[k], bound * capacity) if renewable else 0
        own[3] = ratio(p.budget[k], bound * capacity) if renewable else 0
        own[4] = 0 if renewable else ratio(row.budget[k], capacity)


@kernel
def project_graph_rows(arena, rows, first, last, which, state, early, nodes, machines):
    """``nodes[i]`` and ``machines[i]`` become the features of row ``rows[i]``; the rest of them is left alone."""
    for i in range(first, last):
        r = rows[i]
        p = project_of(arena, which[r])
        project_graph(p, row_of(p, state, r), early[r], nodes[i], machines[i])
