"""The disjunctive graph of a shop in the making: job arcs, and arcs between operations of a machine by what is decided.

Its size is quadratic in the operations of a machine: for small instances, one at a time. Larger ones have the graph
with machine nodes.
"""

from __future__ import annotations

import numpy as np
from gymnasium.spaces import GraphInstance
from numpy.typing import NDArray

from makespan.envs.graph import shop_graph
from makespan.envs.shop_batch import ShopBatch
from makespan.instances.instance import Instance, IntArray
from makespan.instances.shop_view import shop_view
from makespan.solvers.kernels.shop_layout import INSERTION, JOB_SIZE, JOBS, MODE, OP, SCHEME, START

JOB_ARC, DECIDED_ARC, OPEN_ARC = range(3)
ARC_TYPES = 3
"""From an operation to the next of its job; to one that comes later on the machine; and, in both directions, between
two of which either may come first."""


def disjunctive_graph(batch: ShopBatch, row: int) -> GraphInstance:
    """The graph of a row: nodes with OPERATION_FEATURES, arcs with their type as three numbers of which one is 1.

    A placed operation comes before one that is not, except in the scheme ``insertion``, which leaves that open. An
    operation placed on one machine has no arcs on others. O(pairs of operations that share a machine).
    """
    instance = batch.instances[batch.which[row]]
    view, state = instance.derived(shop_view), batch.state[row]
    n = view.num_operations
    following = state[state[JOBS] + OP :: JOB_SIZE][: view.num_jobs]
    placed = np.arange(n) < np.repeat(following, np.diff(view.job_ptr))
    start = np.where(placed, state[state[START] :][:n], 0)
    machine = np.where(placed, view.machine[np.where(placed, state[state[MODE] :][:n], 0)], -1) if n else placed
    first, second, shared = instance.derived(_pairs)
    both = placed[first] & placed[second]
    possible = (~placed[first] | (machine[first] == shared)) & (~placed[second] | (machine[second] == shared))
    before = both & ((start[first] < start[second]) | ((start[first] == start[second]) & (first < second)))
    appended = state[SCHEME] != INSERTION
    decided = possible & (before | (appended & placed[first] & ~placed[second]))
    against = both | (appended & (placed[first] | placed[second]))
    undecided = possible & ~against
    job = shop_graph(instance).job_arc.T
    links = np.concatenate((job, _links(first, second, decided), _links(first, second, undecided)))
    kinds = np.repeat(np.arange(ARC_TYPES), (len(job), int(decided.sum()), int(undecided.sum())))
    nodes = batch.graph_features([row])[0][0, :n]
    return GraphInstance(nodes, np.eye(ARC_TYPES, dtype=np.float32)[kinds], links.astype(np.int32))


def _links(first: IntArray, second: IntArray, keep: NDArray[np.bool_]) -> IntArray:
    return np.stack((first[keep], second[keep]), axis=1)


def _pairs(instance: Instance) -> tuple[IntArray, IntArray, IntArray]:
    """Ordered pairs of operations of different jobs that can use the same machine, and that machine."""
    view, graph = instance.derived(shop_view), shop_graph(instance)
    parts = []
    for k in range(view.num_machines):
        member = np.unique(graph.mode_operation[graph.mode_machine == k])
        first, second = (side.ravel() for side in np.meshgrid(member, member, indexing="ij"))
        apart = graph.operation_job[first] != graph.operation_job[second]
        parts.append(np.stack((first[apart], second[apart], np.full(int(apart.sum()), k))))
    first, second, machine = np.concatenate(parts, axis=1) if parts else np.zeros((3, 0), np.int64)
    return first, second, machine
