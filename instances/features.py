"""The table of features an instance can have, and the one function that refuses what a method cannot handle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from makespan.instances.instance import ES

if TYPE_CHECKING:
    from makespan.instances.instance import Instance

FEATURES = {
    "multi_mode": "tasks with several modes",
    "multi_resource": "modes that use several renewable resources",
    "cumulative": "renewable resources with a capacity or demand other than one",
    "nonrenewable": "nonrenewable resources",
    "no_machine": "tasks of positive duration without a renewable resource",
    "network": "precedence that is not one chain per job",
    "time_lag": "arcs other than end to start with lag 0",
    "max_lag": "maximal time lags (arcs with a negative lag)",
    "recirculation": "jobs that return to a machine",
    "release": "release dates",
    "due": "due dates",
    "deadline": "deadlines",
    "weight": "weights",
    "transport": "transport times between machines",
    "setup": "sequence-dependent setups",
    "calendar": "calendars",
    "pause": "tasks that pause over a break",
    "blocking": "blocking (no buffers between machines)",
    "no_wait": "no-wait jobs",
    "permutation": "permutation schedules (one job order on all machines)",
    "fixed": "fixed starts or modes",
    "now": "a schedule in execution (field now)",
    "objective": "an objective other than the makespan",
}

ALL_FEATURES = frozenset(FEATURES)


def features_of(instance: Instance) -> frozenset[str]:
    """Keys of FEATURES that the instance uses. Cost O(size of the instance)."""
    return frozenset({*_shape_features(instance), *_field_features(instance)})


def unsupported(instance: Instance, supports: frozenset[str], method: str) -> str | None:
    """A sentence naming the features ``method`` cannot handle, or None if it can handle them all."""
    missing = [name for name in FEATURES if name in instance.features - supports]
    if not missing:
        return None
    listed = "; ".join(f"{FEATURES[name]} ({name})" for name in missing)
    return f"{method} does not handle {listed}; cpsat handles every field"


def _shape_features(instance: Instance) -> set[str]:
    found = set()
    modes_per_task = np.diff(instance.mode_ptr)
    if (modes_per_task > 1).any():
        found.add("multi_mode")
    on_renewable = instance.renewable[instance.demand_resource]
    mode_of_demand = np.repeat(np.arange(instance.num_modes), np.diff(instance.demand_ptr))
    machines_per_mode = np.bincount(mode_of_demand[on_renewable], minlength=instance.num_modes)
    if (machines_per_mode > 1).any():
        found.add("multi_resource")
    if ((machines_per_mode == 0) & (instance.duration > 0)).any():
        found.add("no_machine")
    if (instance.capacity[instance.renewable] != 1).any() or (instance.demand_amount[on_renewable] != 1).any():
        found.add("cumulative")
    if not instance.renewable.all():
        found.add("nonrenewable")
    if ((instance.arc_kind != ES) | (instance.arc_lag != 0)).any():
        found.add("time_lag")
    if (instance.arc_lag < 0).any():
        found.add("max_lag")
    if not is_chains(instance):
        found.add("network")
    if _revisits(instance):
        found.add("recirculation")
    return found


def is_chains(instance: Instance) -> bool:
    """Whether the arcs form one chain per job (per connected set of tasks where there are no jobs)."""
    n = instance.num_tasks
    num_pred = np.bincount(instance.arc_succ, minlength=n)
    num_succ = np.diff(instance.arc_ptr)
    if (num_pred > 1).any() or (num_succ > 1).any():
        return False
    if instance.job is None:
        return _no_cycle_in_chains(instance)
    job, pred, succ = instance.job, instance.arc_pred, instance.arc_succ
    if (job[pred] != job[succ]).any() or (job[pred] < 0).any():
        return False
    size = np.bincount(job[job >= 0], minlength=instance.num_jobs)
    arcs = np.bincount(job[pred], minlength=instance.num_jobs)
    return bool((arcs == np.maximum(size - 1, 0)).all()) and _no_cycle_in_chains(instance)


def _no_cycle_in_chains(instance: Instance) -> bool:
    """With at most one arc in and out of every task: no closed circle. Pointer doubling, O(n log n)."""
    if (instance.arc_succ > instance.arc_pred).all():
        return True
    n = instance.num_tasks
    following = np.full(n + 1, n)
    following[instance.arc_pred] = instance.arc_succ
    for _ in range(max(1, n).bit_length()):
        following = following[following]
    return bool((following == n).all())


def _revisits(instance: Instance) -> bool:
    """Whether two tasks of one job have modes on the same machine."""
    if instance.job is None:
        return False
    task = np.repeat(np.arange(instance.num_tasks), np.diff(instance.mode_ptr))
    machine, job = instance.machine.astype(np.int64), instance.job[task].astype(np.int64)
    in_use = (machine >= 0) & (job >= 0)
    pair = (job * max(1, instance.num_resources) + machine)[in_use]
    if instance.num_modes == instance.num_tasks:
        pair.sort()
        return bool((pair[1:] == pair[:-1]).any())
    visits = np.unique(np.stack((pair, task[in_use])), axis=1)[0]
    return bool((visits[1:] == visits[:-1]).any())


def _field_features(instance: Instance) -> set[str]:
    used = {
        "release": instance.release is not None or instance.job_release is not None,
        "due": instance.due is not None or instance.job_due is not None,
        "deadline": instance.deadline is not None or instance.job_deadline is not None,
        "weight": instance.weight is not None or instance.job_weight is not None,
        "transport": instance.transport is not None,
        "setup": instance.setup is not None,
        "calendar": instance.calendar is not None,
        "pause": instance.pause is not None,
        "blocking": instance.blocking,
        "no_wait": instance.no_wait,
        "permutation": instance.permutation,
        "fixed": instance.fixed_start is not None or instance.fixed_mode is not None,
        "now": instance.now > 0,
        "objective": instance.objective != ("makespan",),
    }
    return {name for name, present in used.items() if present}
