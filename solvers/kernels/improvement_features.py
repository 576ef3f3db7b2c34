"""Features of moves and operations of schedules under improvement; the tables: ``envs/improvement_features.py``."""

from __future__ import annotations

import numpy as np

from makespan.solvers.kernels import inlined, kernel, step
from makespan.solvers.kernels.improvement_rows import BEST, MOVES, SET_STEPS, VALUE
from makespan.solvers.kernels.machine_orders import job_head

BOUND, MEAN_DURATION, LONGEST_LINE = range(3)
"""Columns of ``ImprovementArena.scale``."""


@inlined
def ratio(value, scale):
    return np.float32(value / scale)


@step
def move_features(node, line, line_ptr, machine, scale, setting, number, count, candidate, out):
    """Candidate c fills ``out[c]``. O(count)."""
    makespan, best, mean = number[VALUE], number[BEST], scale[MEAN_DURATION]
    whole = max(1, makespan)
    excess, gap = ratio(makespan - best, max(1, best)), ratio(makespan - scale[BOUND], whole)
    used = ratio(number[MOVES], setting[SET_STEPS])
    for c in range(count):
        source, target = np.int64(candidate[c].source), np.int64(candidate[c].target)
        first, last = candidate[c].first, candidate[c].last
        low, high = min(source, target), max(source, target)
        u, v, row = line[source], line[target], out[c]
        k = machine[u] + 1
        operations = line_ptr[k + 1] - line_ptr[k]
        row[0] = ratio(candidate[c].estimate - makespan, whole)
        row[1] = 1 if source < target else 0
        row[2] = ratio(high - low, operations)
        row[3] = ratio(node[u].duration, mean)
        row[4] = ratio(node[v].duration, mean)
        row[5] = ratio(last - first + 1, operations)
        row[6] = 1 if low == first else 0
        row[7] = 1 if high == last else 0
        row[8] = ratio(node[line[low]].head, whole)
        row[9] = excess
        row[10] = gap
        row[11] = used


@step
def operation_features(node, line_ptr, machine, scale, makespan, out):
    """Operation v fills ``out[v]``. O(operations)."""
    whole, mean = max(1, makespan), scale[MEAN_DURATION]
    for v in range(node.size - 1):
        row, k = out[v], machine[v] + 1
        operations = line_ptr[k + 1] - line_ptr[k] if k > 0 else 1
        slack = makespan - node[v].head - node[v].duration - node[v].tail
        pred = node[v].machine_pred
        row[0] = ratio(node[v].duration, mean)
        row[1] = ratio(node[v].head, whole)
        row[2] = ratio(node[v].tail, whole)
        row[3] = ratio(slack, whole)
        row[4] = 1 if slack == 0 else 0
        row[5] = ratio(node[v].place - line_ptr[k], operations) if k > 0 else 0
        row[6] = ratio(operations, scale[LONGEST_LINE])
        row[7] = ratio(node[v].head - node[pred].head - node[pred].duration, mean)
        row[8] = ratio(node[v].head - job_head(node, v), mean)


@kernel
def move_features_rows(arena, rows, first, last, setting, state, which, count, out):
    """Candidate c of row ``rows[i]`` fills ``out[i, c]``; the rest of ``out`` is left alone."""
    for i in range(first, last):
        r, s = rows[i], which[rows[i]]
        low, high = arena.task_ptr[s], arena.task_ptr[s + 1]
        line_ptr = arena.line_ptr[arena.line_at[s] : arena.line_at[s + 1]]
        node, machine = state.node[r, : high - low + 1], arena.machine[low:high]
        number, candidate = state.number[r], state.candidate[r]
        move_features(
            node, state.line[r], line_ptr, machine, arena.scale[s], setting, number, count[r], candidate, out[i]
        )  # fmt: skip


@kernel
def operation_features_rows(arena, rows, first, last, state, which, out):
    """Operation v of row ``rows[i]`` fills ``out[i, v]``; the rest of ``out`` is left alone."""
    for i in range(first, last):
        r, s = rows[i], which[rows[i]]
        low, high = arena.task_ptr[s], arena.task_ptr[s + 1]
        line_ptr = arena.line_ptr[arena.line_at[s] : arena.line_at[s + 1]]
        node, machine = state.node[r, : high - low + 1], arena.machine[low:high]
        operation_features(node, line_ptr, machine, arena.scale[s], state.number[r, VALUE], out[i])
