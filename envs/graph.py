"""The graph of a job shop: operations in the order of their jobs, machines, and who can run where."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import IndexArray, Instance
from makespan.instances.shop_view import shop_view

if TYPE_CHECKING:
    from networkx import MultiDiGraph

JOB, MACHINE = "job", "machine"
"""Types of the arcs of ``to_networkx``."""


class ShopGraph(NamedTuple):
    """The part of the graph that does not change, in the numbering of the shop view; read-only.

    Parameters
    ----------
    job_arc
        Shape (2, arcs): from each operation to the next of its job.
    operation_job
        Shape (num_operations,).
    mode_operation, mode_machine
        Shape (num_modes,): an edge for each mode, from its operation to its machine; -1 for a mode without one.
    mode_duration
        Shape (num_modes,) float32: over the mean duration.
    """

    job_arc: IndexArray
    operation_job: IndexArray
    mode_operation: IndexArray
    mode_machine: IndexArray
    mode_duration: NDArray[np.float32]


def shop_graph(instance: Instance) -> ShopGraph:
    """The graph of an instance, made on the first call and kept. O(size). Raises ValueError as ``shop_view``."""
    return instance.derived(_shop_graph)


def to_networkx(instance: Instance) -> MultiDiGraph:
    """The disjunctive graph of a job shop for networkx: its tasks as nodes, with job, durations and machines.

    Arcs of type "job" lead from an operation to the next of its job and weigh its shortest duration. Arcs of type
    "machine", one in each direction, stand between operations of which not both can run at a time: those that could
    choose the same machine. O(operations^2 / machines) arcs, so for small instances.
    """
    from networkx import MultiDiGraph

    view = instance.derived(shop_view)
    own = shop_graph(instance)
    graph: MultiDiGraph = MultiDiGraph(name=instance.name)
    first = view.mode_ptr[:-1]
    shortest = np.minimum.reduceat(view.duration, first) if first.size else first
    for operation, task in enumerate(view.task.tolist()):
        modes = slice(view.mode_ptr[operation], view.mode_ptr[operation + 1])
        graph.add_node(
            task,
            job=int(own.operation_job[operation]),
            machines=tuple(view.machine[modes].tolist()),
            durations=tuple(view.duration[modes].tolist()),
        )
    for origin, target in own.job_arc.T.tolist():
        graph.add_edge(int(view.task[origin]), int(view.task[target]), type=JOB, weight=int(shortest[origin]))
    for k in range(view.num_machines):
        members = np.unique(own.mode_operation[own.mode_machine == k])
        for i in members.tolist():
            for j in members.tolist():
                if own.operation_job[i] != own.operation_job[j]:
                    graph.add_edge(int(view.task[i]), int(view.task[j]), key=f"machine {k}", type=MACHINE, machine=k)
    return graph


def _shop_graph(instance: Instance) -> ShopGraph:
    view = instance.derived(shop_view)
    lengths = np.diff(view.job_ptr)
    operation = np.arange(view.num_operations)
    is_last = np.zeros(view.num_operations, np.bool_)
    is_last[view.job_ptr[1:][lengths > 0] - 1] = True
    origin = operation[~is_last]
    mean = max(1.0, float(view.duration.mean())) if view.duration.size else 1.0
    graph = ShopGraph(
        job_arc=np.stack((origin, origin + 1)).astype(np.int32),
        operation_job=np.repeat(np.arange(view.num_jobs), lengths).astype(np.int32),
        mode_operation=np.repeat(operation, np.diff(view.mode_ptr)).astype(np.int32),
        mode_machine=view.machine.astype(np.int32),
        mode_duration=(view.duration / mean).astype(np.float32),
    )
    for array in graph:
        array.setflags(write=False)
    return graph
