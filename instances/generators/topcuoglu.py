"""Random layered workflows on unlike machines, after Topcuoglu, Hariri and Wu (2002), IEEE Transactions on Parallel and
Distributed Systems 13(3), 260-274; widths, degrees and integer times are ours."""

from __future__ import annotations

import math

import numpy as np

from makespan.instances.generators.parameters import at_least
from makespan.instances.instance import Metadata
from makespan.instances.workflow import Workflow


def layered_workflow(
    tasks: int,
    machines: int,
    seed: int,
    heterogeneity: float = 0.5,
    communication: float = 1.0,
    mean_duration: int = 50,
    max_parents: int = 3,
) -> Workflow:
    """Layers of about √tasks tasks; each task but those of the first layer has 1 to ``max_parents`` predecessors in the
    layer before it.

    A task has a mean w uniform in 1..2 ``mean_duration`` and takes w · U[1 - heterogeneity / 2, 1 + heterogeneity / 2]
    on each machine; a transfer is uniform with mean ``communication`` · ``mean_duration`` (the ratio CCR of the paper).
    Times are rounded, durations to 1 at least.
    """
    at_least(1, tasks=tasks, machines=machines, mean_duration=mean_duration, max_parents=max_parents)
    at_least(0, seed=seed)
    if not (0 <= heterogeneity <= 2 and communication >= 0):
        raise ValueError(f"layered workflow: found heterogeneity {heterogeneity}, communication {communication}")
    rng = np.random.default_rng(seed)
    width = math.isqrt(tasks)
    layers: list[list[int]] = [[]]
    for task in range(tasks):
        if layers[-1] and len(layers[-1]) >= rng.integers(1, 2 * width + 1):
            layers.append([])
        layers[-1].append(task)
    arcs = []
    for before, layer in zip(layers, layers[1:], strict=False):
        for task in layer:
            count = min(len(before), int(rng.integers(1, max_parents + 1)))
            for parent in rng.choice(before, size=count, replace=False).tolist():
                arcs.append((parent, task, round(rng.uniform(0, 2 * communication * mean_duration))))
    mean = rng.integers(1, 2 * mean_duration + 1, size=tasks)
    spread = rng.uniform(1 - heterogeneity / 2, 1 + heterogeneity / 2, size=(tasks, machines))
    duration = np.maximum(1, np.rint(mean[:, None] * spread)).astype(np.int64)
    return Workflow.from_lists(duration, arcs, meta=Metadata(f"layered_{tasks}x{machines}_{seed}"))
