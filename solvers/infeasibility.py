"""Obvious reasons why an instance has no schedule, told in its own names and amounts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from makespan.instances.fixed_part import fixed_conflict
from makespan.instances.instance import HORIZON_LIMIT, Instance
from makespan.solvers.lower_bounds import Heads, allowed_modes, heads


def infeasibility(instance: Instance) -> str | None:
    """A sentence saying why the instance has no schedule, if one of these is the reason; else None.

    A demand above the capacity in every mode, a nonrenewable resource that not even the cheapest modes keep, a circle
    of precedence or lags of positive length, a deadline before the earliest end, fixed starts that come too early or
    contradict each other or their dates and calendars. Cost as ``heads`` of ``lower_bounds``, which calls a kernel.
    """
    return next(_reasons(instance), None)


def _reasons(instance: Instance) -> Iterator[str]:
    yield from _too_large(instance)
    yield from _too_dear(instance)
    earliest = instance.derived(heads)
    if earliest.circle:
        yield _circle_sentence(instance, earliest.circle)
        return
    yield from _too_late(instance, earliest)
    if sentence := fixed_conflict(instance):
        yield sentence


def _too_large(instance: Instance) -> Iterator[str]:
    """Tasks whose every mode demands more of a renewable resource than there ever is."""
    highest = instance.capacity.copy()
    if (calendar := instance.calendar) is not None:
        for k in np.flatnonzero(np.diff(calendar.ptr)).tolist():
            highest[k] = calendar.capacity[calendar.ptr[k] : calendar.ptr[k + 1]].max()
    mode = np.repeat(np.arange(instance.num_modes), np.diff(instance.demand_ptr))
    too_much = instance.renewable[instance.demand_resource] & (
        instance.demand_amount > highest[instance.demand_resource]
    )
    too_much &= instance.duration[mode] > 0
    if not too_much.any():
        return
    possible = allowed_modes(instance)
    possible[mode[too_much]] = False
    for task in np.flatnonzero(~np.logical_or.reduceat(possible, instance.mode_ptr[:-1])).tolist():
        row = int(np.flatnonzero(too_much & (mode >= instance.mode_ptr[task]))[0])
        k = int(instance.demand_resource[row])
        modes = "" if instance.mode_ptr[task + 1] - instance.mode_ptr[task] == 1 else ", and no other mode fits"
        yield (
            f"{instance.task_name(task)} needs {instance.demand_amount[row]} of {instance.resource_name(k)}, "
            f"which has {highest[k]} at most{modes}"
        )


def _too_dear(instance: Instance) -> Iterator[str]:
    """Nonrenewable resources that even the cheapest modes exceed together."""
    allowed = allowed_modes(instance)
    mode = np.repeat(np.arange(instance.num_modes), np.diff(instance.demand_ptr))
    for k in np.flatnonzero(~instance.renewable).tolist():
        need = np.where(allowed, 0, HORIZON_LIMIT)
        rows = np.flatnonzero(instance.demand_resource == k)
        need[mode[rows]] += instance.demand_amount[rows]
        least = int(np.minimum.reduceat(need, instance.mode_ptr[:-1]).sum()) if instance.num_tasks else 0
        if least > instance.capacity[k]:
            yield (
                f"even the modes that need least of {instance.resource_name(k)} need {least} together, above its "
                f"capacity {instance.capacity[k]}"
            )


def _circle_sentence(instance: Instance, circle: tuple[int, ...]) -> str:
    names = [instance.task_name(task) for task in circle[:10]]
    names.append(f"… ({len(circle) - 10} more)" if len(circle) > 10 else names[0])
    return f"precedence and lags form a circle that no start times can meet: {' -> '.join(names)}"


def _too_late(instance: Instance, earliest: Heads) -> Iterator[str]:
    """Deadlines before the earliest end and fixed starts before the earliest start."""
    if instance.fixed_start is not None:
        early = (instance.fixed_start >= 0) & (earliest.start > instance.fixed_start)
        for i in np.flatnonzero(early).tolist():
            yield (
                f"{instance.task_name(i)} is fixed to start at {instance.fixed_start[i]} but cannot start before "
                f"{earliest.start[i]}"
            )
    if instance.deadline is not None:
        for i in np.flatnonzero(earliest.end > instance.deadline).tolist():
            name = instance.task_name(i)
            yield f"{name} cannot end before {earliest.end[i]}, after its deadline {instance.deadline[i]}"
    if instance.job_deadline is not None and instance.job is not None:
        late = (instance.job >= 0) & (earliest.end > instance.job_deadline[instance.job])
        for i in np.flatnonzero(late).tolist():
            job = int(instance.job[i])
            yield (
                f"{instance.task_name(i)} cannot end before {earliest.end[i]}, after the deadline "
                f"{instance.job_deadline[job]} of {instance.job_name(job)}"
            )
