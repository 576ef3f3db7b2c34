"""How much memory a model needs, how much there is, and how much a process uses."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from makespan.instances.horizon import horizon
from makespan.instances.instance import Instance

GIB = 2**30

BYTES_PER_ITEM = 4_000
"""Memory of one variable or constraint: model, presolve and the first worker (measured, see docs/cpsat.md)."""
BYTES_PER_ITEM_AND_WORKER = 2_500
"""Memory of one variable or constraint in each further worker."""
BASE_BYTES = 200 * 2**20
"""The child before it has a model."""

RESERVE_BYTES = GIB // 2
"""What is left to everybody else."""


def items(instance: Instance) -> int:
    """Roughly the number of variables and constraints of the model. O(size of the instance)."""
    total = 3 * instance.num_modes + instance.num_arcs + instance.demand_resource.size
    users = np.bincount(instance.demand_resource, minlength=instance.num_resources)
    if instance.setup is not None:
        single = instance.renewable & (instance.capacity == 1)
        total += int((users[single].astype(np.float64) ** 2).sum())
    if instance.permutation:
        total += instance.num_tasks * instance.num_jobs
    if instance.transport is not None and instance.num_modes > instance.num_tasks:
        modes = np.diff(instance.mode_ptr).astype(np.float64)
        total += int((modes[instance.arc_pred] * modes[instance.arc_succ]).sum())
    if instance.calendar is not None:
        total += _calendar_items(instance)
    return total


def _calendar_items(instance: Instance) -> int:
    """Windows up to the horizon, for every demand on a resource with a calendar; parts of domains weigh less."""
    calendar = instance.calendar
    assert calendar is not None
    pieces = np.diff(calendar.ptr).astype(np.float64)
    repeats = np.where(calendar.period > 0, instance.derived(horizon) / np.maximum(calendar.period, 1), 1.0)
    windows = np.ceil(pieces * repeats)
    weight = 0.02 if instance.pause is None else 2.0
    return int(min((weight * windows[instance.demand_resource]).sum() + windows.sum(), 2.0**53))


def needed_bytes(instance: Instance, workers: int) -> int:
    """Estimate of what solving takes in the child, from the size of the instance alone."""
    return BASE_BYTES + items(instance) * (BYTES_PER_ITEM + BYTES_PER_ITEM_AND_WORKER * (workers - 1))


def free_bytes() -> int:
    """Memory that can be used without swapping, the limits of the control group included."""
    free = _host_free()
    for limit, usage in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            free = min(free, int(Path(limit).read_text()) - int(Path(usage).read_text()))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    return max(0, free)


def _host_free() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, OSError, ValueError):
        return 4 * GIB


def used_bytes(pid: int) -> int | None:
    """Resident memory of a process, None where it cannot be read."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def refusal(instance: Instance, workers: int) -> str | None:
    """A sentence if the model would not fit into the free memory, else None."""
    needed, free = needed_bytes(instance, workers), free_bytes() - RESERVE_BYTES
    if needed <= free:
        return None
    other = "fewer threads or rule" if workers > 1 else "rule or sgs"
    return f"the model needs about {needed / GIB:.1f} GB, {max(0, free) / GIB:.1f} GB are free; use {other}"
