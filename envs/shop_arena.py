"""The shops of a batch, one behind the other in a few arrays that every kernel of the environments takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import Instance, IntArray
from makespan.instances.shop_view import ShopView, shop_view
from makespan.solvers.kernels.shop_layout import (
    BLOCK_SIZE,
    JOB_SIZE,
    MACHINE_SIZE,
    STATE_HEADER,
    new_state,
    pack_shop,
)
from makespan.solvers.kernels.tournament import tree_size


class ShopArena(NamedTuple):
    """All arrays read-only; those of shop s lie at ``x[x_ptr[s]:x_ptr[s + 1]]``.

    Parameters
    ----------
    shop, shop_ptr
        The packed shops, see ``shop_layout``.
    header
        Shape (shops, STATE_HEADER): where the parts of a state of each shop lie.
    share, mode_in_task, task, mode_ptr
        Per mode: its part in the expected work of its machine, the duration over the number of modes of its operation;
        its number within its task, and the task.
    load, machine_ptr
        Per machine: the sum of these shares.
    rest, operation_ptr
        Per operation: the least work of its job from it on.
    scale
        Shape (shops, 4) float64: bound (the largest job or load, at least 1), mean duration of a mode (at least
        1), operations of the longest job, mean weight of the jobs.
    """

    shop: IntArray
    shop_ptr: IntArray
    header: IntArray
    share: IntArray
    mode_in_task: IntArray
    task: IntArray
    mode_ptr: IntArray
    load: IntArray
    machine_ptr: IntArray
    rest: IntArray
    operation_ptr: IntArray
    scale: NDArray[np.float64]


class _Facts(NamedTuple):
    """What the arena keeps of one shop."""

    shop: IntArray
    header: IntArray
    share: IntArray
    load: IntArray
    rest: IntArray
    scale: tuple[float, float, float, float]


def shop_arena(instances: Sequence[Instance]) -> ShopArena:
    """The arena of these instances. O(size), the facts of each instance being kept with it.

    Raises ValueError if there is none, or one has features that are no job shop's.
    """
    if not instances:
        raise ValueError("batch: found no instance, expected at least one")
    facts = [instance.derived(shop_view).derived(_facts) for instance in instances]
    shop, shop_ptr = _joined([each.shop for each in facts])
    views = [instance.derived(shop_view) for instance in instances]
    share, mode_ptr = _joined([each.share for each in facts])
    mode_in_task, _ = _joined([view.mode_in_task for view in views])
    task, _ = _joined([np.repeat(view.task, np.diff(view.mode_ptr)) for view in views])
    load, machine_ptr = _joined([each.load for each in facts])
    rest, operation_ptr = _joined([each.rest for each in facts])
    header = np.stack([each.header for each in facts])
    scale = np.array([each.scale for each in facts], np.float64)
    arena = ShopArena(
        shop, shop_ptr, header, share, mode_in_task, task, mode_ptr, load, machine_ptr, rest, operation_ptr, scale
    )  # fmt: skip
    for array in arena:
        array.setflags(write=False)
    return arena


def state_size(jobs: int, operations: int, machines: int, modes: int) -> int:
    """int64 values that the state of an episode takes at most, for shops of this size; ``modes`` of one operation."""
    places = operations * modes
    tree = tree_size(max(jobs, machines))
    parts = JOB_SIZE * jobs + MACHINE_SIZE * machines + (BLOCK_SIZE + 1) * places + tree + 3 * operations
    return STATE_HEADER + parts


def _facts(view: ShopView) -> _Facts:
    modes = np.diff(view.mode_ptr)
    share = view.duration // np.repeat(modes, modes)
    on_machine = view.machine >= 0
    load = np.bincount(view.machine[on_machine], share[on_machine], minlength=view.num_machines).astype(np.int64)
    shortest = np.minimum.reduceat(view.duration, view.mode_ptr[:-1]) if modes.size else np.zeros(0, np.int64)
    total = np.concatenate((np.zeros(1, np.int64), np.cumsum(shortest)))
    rest = np.repeat(total[view.job_ptr[1:]], np.diff(view.job_ptr)) - total[:-1]
    longest = int(rest.max(initial=0))
    weight = view.job_weight[: view.num_jobs]
    scale = (
        float(max(1, longest, load.max(initial=0))),
        float(max(1.0, view.duration.mean())) if view.duration.size else 1.0,
        float(np.diff(view.job_ptr).max(initial=1)),
        float(max(1.0, weight.mean())) if weight.size else 1.0,
    )
    return _Facts(view.derived(pack_shop), new_state(view)[:STATE_HEADER], share, load, rest, scale)


def _joined(parts: Sequence[IntArray]) -> tuple[IntArray, IntArray]:
    ptr = np.concatenate((np.zeros(1, np.int64), np.cumsum([part.size for part in parts])))
    return np.concatenate(parts), ptr
