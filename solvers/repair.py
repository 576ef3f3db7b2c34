"""Repairing a hint: a schedule in the modes and the order of one that the instance no longer allows.

What comes out of rescheduling is near the plan where the search starts near it: a plan that reality has overtaken is
followed task by task in the order of its starts, each task as early as it can.
"""

from __future__ import annotations

import numpy as np

from makespan.instances.features import unsupported
from makespan.instances.instance import Instance
from makespan.instances.project_view import project_view
from makespan.instances.schedule import Schedule
from makespan.instances.shop_view import shop_view
from makespan.solvers.dispatching import DispatchingRule, RuleBatch
from makespan.solvers.kernels.project_sampling import BUILD, LEFT, sample_slice
from makespan.solvers.kernels.project_state import NEVER, new_project
from makespan.solvers.kernels.serial_sgs import BEST
from makespan.solvers.sgs import MOST_STEPS, Sgs
from makespan.solvers.stage import Context


def repairer(instance: Instance) -> Sgs | DispatchingRule | None:
    """The stage whose kernels ``repair`` calls, to be warmed up before the clock; None where nothing is repaired."""
    for stage in (DispatchingRule("spt", "append"), Sgs("lft")):
        if unsupported(instance, stage.supports, "repair") is None:
            return stage
    return None


def repair(instance: Instance, hint: Schedule, context: Context) -> Schedule | None:
    """A schedule in the modes of ``hint``, built in the order of its starts; None if there is none.

    Shops are dispatched in that order, projects built by the serial scheme, which also fills earlier gaps; instances
    with a field that neither handles are left alone. What comes out may still break a deadline or what is fixed: check
    it. Cost of one schedule.
    """
    if hint.start.shape != (instance.num_tasks,) or hint.mode.shape != hint.start.shape or not instance.num_tasks:
        return None
    if ((hint.mode < 0) | (hint.mode >= np.diff(instance.mode_ptr))).any():
        return None
    stage = repairer(instance)
    if isinstance(stage, DispatchingRule):
        return _dispatched(instance, hint, context)
    return None if stage is None else _built(instance, hint, context)


def _dispatched(instance: Instance, hint: Schedule, context: Context) -> Schedule | None:
    """The operation with the least start goes first, on its machine after what went before."""
    mode = hint.mode
    if instance.fixed_mode is not None:
        mode = np.where(instance.fixed_mode >= 0, instance.fixed_mode, mode)
    view = instance.replace(fixed_mode=mode).derived(shop_view)
    key = np.repeat(hint.start[view.task], np.diff(view.mode_ptr))
    batch = RuleBatch(view, ["spt"], ["append"], keys=key[None, :])
    for _ in batch.run_slices():
        if context.expired():
            return None
    return batch.schedule()


def _built(instance: Instance, hint: Schedule, context: Context) -> Schedule | None:
    """The eligible task with the least start goes first, as early as the others leave room."""
    view = project_view(instance)
    mode = view.mode_ptr[:-1] + hint.mode
    if not view.is_acyclic or not view.usable[mode].all():
        return None
    project = new_project(view, mode.astype(view.mode_ptr.dtype))
    control = np.array([BUILD, 0, 1], np.int64)
    order, rng = np.zeros(view.num_tasks, np.int64), context.rng().integers(0, 2**64, 1, np.uint64)
    key = hint.start.copy()
    while control[LEFT] > 0 and not context.expired():
        if sample_slice(
            project.ahead, project.back, project.state, control, False, BEST, key, False, False, order, rng, NEVER,
            MOST_STEPS,
        ):  # fmt: skip
            return Schedule(project.state.activity["start"], hint.mode)
    return None
