"""Schedules under improvement: what the network that chooses moves is shown of them, and episodes that it plays."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from makespan.envs.improvement_batch import ImprovementBatch
from makespan.instances.instance import IntArray
from makespan.policies.episodes import Choose
from makespan.policies.improvement_network import ImprovementNetwork, Schedules

_LINKS = ("job_pred", "machine_pred", "job_succ", "machine_succ")
"""Fields of a node, in the order of the columns of ``Schedules.neighbour``."""


def schedules_of(batch: ImprovementBatch, rows: IntArray) -> Schedules:
    """The schedules of these rows as they stand, and their moves. O(size of their shops)."""
    size = np.diff(batch.arena.task_ptr)[batch.which[rows]]
    first, total = np.cumsum(size) - size, int(size.sum())
    exists = np.arange(batch.limits.operations) < size[:, None]
    neighbour = np.empty((total, len(_LINKS)), np.int64)
    for column, field in enumerate(_LINKS):
        link = batch.state.node[field][rows, :-1].astype(np.int64)
        neighbour[:, column] = np.where(link < size[:, None], link + first[:, None], total)[exists]
    count = batch.count[rows]
    wide = max(1, int(count.max(initial=0)))
    mask = np.arange(wide) < count[:, None]
    ends = np.where(mask[:, None], batch.ends(rows)[:, :, :wide] + first[:, None, None], 0)
    return Schedules(
        operation=torch.from_numpy(batch.operation_features(rows)[exists]),
        neighbour=torch.from_numpy(neighbour),
        row=torch.from_numpy(np.repeat(np.arange(rows.size), size)),
        features=torch.from_numpy(batch.candidate_features(rows)[:, :wide]),
        ends=torch.from_numpy(ends.astype(np.int64)),
        mask=torch.from_numpy(mask),
    )


@torch.inference_mode()
def improve(
    model: ImprovementNetwork,
    batch: ImprovementBatch,
    choose: Choose,
    expired: Callable[[], bool] = lambda: False,
) -> Iterator[int]:
    """Make moves in all rows of a batch until they are over, or ``expired``; after each says in how many rows."""
    step = 0
    while (rows := np.flatnonzero(batch.count > 0)).size and not expired():
        batch.take(choose(model(schedules_of(batch, rows)), rows, step), rows)
        step += 1
        yield rows.size
