"""The part of ``check`` that concerns resources: capacities, calendars, setups, exchanges and job orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from makespan.instances.instance import ES, PAUSE_RELEASES, IndexArray, Instance, IntArray
from makespan.instances.occupation import Rows, by_resource, clashes, levels, lowest_capacity, stuck_moves

if TYPE_CHECKING:
    from makespan.instances.check import Plan, Report


def capacity(plan: Plan, found: Report) -> None:
    """Occupying tasks within the nominal capacity of each renewable resource."""
    instance, task_name, resource_name = plan.instance, plan.instance.task_name, plan.instance.resource_name
    rows = _rows(plan, plan.leave, running=False)
    if "cumulative" not in instance.features:
        later, earlier = clashes(rows)
        task, other, k = rows.task[later], rows.task[earlier], rows.resource[later]
        begin, until = rows.begin[later], rows.until[earlier]
        found.add(
            "capacity",
            np.ones(later.size, np.int64),
            lambda i: (
                f"{task_name(task[i])} takes {resource_name(k[i])} at {begin[i]}, which "
                f"{task_name(other[i])} occupies until {until[i]}"
            ),
            task,
            other,
            k,
        )
        return
    used, time, level, row = levels(rows)
    above = np.where(row >= 0, level - instance.capacity[used], 0)
    found.add(
        "capacity",
        above,
        lambda i: (
            f"{task_name(rows.task[row[i]])} raises the use of {resource_name(used[i])} at {time[i]} to "
            f"{level[i]}, above its capacity {instance.capacity[used[i]]}"
        ),
        rows.task[row],
        resource=used,
    )


def calendar(plan: Plan, found: Report) -> None:
    """Running tasks within the profile of every resource that has one."""
    instance, profile = plan.instance, plan.instance.calendar
    assert profile is not None
    rows = _rows(plan, plan.end, running=True)
    resource, time, level, _ = levels(rows.take(np.diff(profile.ptr)[rows.resource] > 0))
    busy = np.flatnonzero((level[:-1] > 0) & (time[:-1] < time[1:]) & (resource[:-1] == resource[1:]))
    resource, begin, until, level = resource[busy], time[busy], time[busy + 1], level[busy]
    lowest = np.empty(busy.size, np.int64)
    for k in np.unique(resource).tolist():
        mine = resource == k
        lowest[mine] = lowest_capacity(profile, k, begin[mine], until[mine])

    above = level - lowest
    runner = np.full(busy.size, -1)
    for i in np.flatnonzero(above > 0)[: found.limit].tolist():
        runs = (rows.resource == resource[i]) & (rows.begin <= begin[i]) & (begin[i] < rows.until)
        runner[i] = rows.task[runs][-1]
    found.add(
        "calendar",
        above,
        lambda i: (
            f"{instance.task_name(runner[i])} runs on {instance.resource_name(resource[i])} from {begin[i]} to "
            f"{until[i]}: {level[i]} in use, but its calendar falls to {lowest[i]}"
        ),
        runner,
        resource=resource,
    )


def nonrenewable(plan: Plan, found: Report) -> None:
    """Chosen modes within the capacity of each nonrenewable resource."""
    instance = plan.instance
    _, resource, amount = _demands(plan)
    used = np.zeros(instance.num_resources, np.int64)
    np.add.at(used, resource, amount)
    found.add(
        "nonrenewable",
        np.where(instance.renewable, 0, used - instance.capacity),
        lambda k: (
            f"the chosen modes need {used[k]} of {instance.resource_name(k)}, above its capacity {instance.capacity[k]}"
        ),
        resource=np.arange(instance.num_resources),
    )


def setup(plan: Plan, found: Report) -> None:
    """Setup times between direct neighbours on resources of capacity 1, and before the first."""
    instance, setups = plan.instance, plan.instance.setup
    assert setups is not None
    rows = _rows(plan, plan.leave, running=False)
    rows = rows.take(instance.capacity[rows.resource] == 1)
    rows = rows.take(by_resource(rows.resource, rows.begin))
    first = np.ones(rows.task.size, np.bool_)
    first[1:] = rows.resource[1:] != rows.resource[:-1]
    family = setups.family[plan.mode[rows.task]]
    before = np.where(first, setups.initial[rows.resource], np.roll(family, 1))
    free = np.where(first, 0, np.roll(rows.until, 1))
    time = np.where((before >= 0) & (family >= 0), setups.time[before, family], 0)
    missing = np.where(time > 0, free + time - rows.begin, 0)
    found.add(
        "setup",
        missing,
        lambda i: (
            f"{instance.task_name(rows.task[i])} starts at {rows.begin[i]} on "
            f"{instance.resource_name(rows.resource[i])}, {missing[i]} before its setup can be done"
        ),
        rows.task,
        np.where(first, -1, np.roll(rows.task, 1)),
        rows.resource,
    )


def swap(plan: Plan, found: Report) -> None:
    """Jobs that exchange resources in a closed circle; looked for only where capacities hold."""
    instance, start, leave = plan.instance, plan.start, plan.leave
    if instance.swap_allowed or found.has("capacity"):
        return
    pred, succ = instance.arc_pred, instance.arc_succ
    moves = (instance.arc_kind == ES) & (plan.travel == 0) & (leave[pred] == start[succ])
    rows = _rows(plan, leave, running=False)
    occupies = np.zeros(instance.num_tasks, np.bool_)
    occupies[rows.task] = True
    moves &= occupies[pred] & occupies[succ]
    stuck = np.zeros(instance.num_tasks, np.int64)
    stuck[stuck_moves(rows, instance.capacity, start[succ[moves]], pred[moves], succ[moves])] = 1
    found.add(
        "swap",
        stuck,
        lambda i: f"{instance.task_name(i)} starts at {start[i]} in a closed circle of jobs that exchange resources",
        plan.task,
    )


def permutation(plan: Plan, found: Report) -> None:
    """One order of the jobs on all machines: sorting them by all their starts finds it if there is one."""
    instance = plan.instance
    assert instance.job is not None
    on_machine = np.flatnonzero((instance.job >= 0) & (instance.machine >= 0))
    table = np.full((instance.num_jobs, instance.num_resources), -1)
    table[instance.job[on_machine], instance.machine[on_machine]] = on_machine
    table = table[(table >= 0).any(axis=1)][:, (table >= 0).any(axis=0)]
    if table.shape[0] < 2:
        return
    table = table[np.lexsort(plan.start[table].T)]
    before, after = table[:-1].ravel(), table[1:].ravel()
    machine = instance.machine[after]
    found.add(
        "permutation",
        plan.start[before] - plan.start[after],
        lambda i: (
            f"{instance.task_name(after[i])} overtakes {instance.task_name(before[i])} on "
            f"{instance.resource_name(machine[i])}: no order of the jobs holds on all machines"
        ),
        after,
        before,
        machine,
    )


def _demands(plan: Plan) -> tuple[IntArray, IndexArray, IntArray]:
    """Task, resource and amount of every demand of the chosen modes."""
    instance, mode = plan.instance, plan.mode
    if instance.num_modes == instance.num_tasks == instance.demand_resource.size and instance.derived(_one_each):
        return plan.task, instance.demand_resource, instance.demand_amount
    first = instance.demand_ptr[mode].astype(np.int64)
    count = instance.demand_ptr[mode + 1] - first
    task = np.repeat(plan.task, count)
    row = np.arange(task.size) + np.repeat(first - np.cumsum(count) + count, count)
    return task, instance.demand_resource[row], instance.demand_amount[row]


def _one_each(instance: Instance) -> bool:
    """Whether every mode has exactly one demand."""
    return bool((np.diff(instance.demand_ptr) == 1).all())


def _rows(plan: Plan, until: IntArray, running: bool) -> Rows:
    """Uses of renewable resources from start to ``until``, cut at pauses; empty ones are left out."""
    instance = plan.instance
    task, resource, amount = _demands(plan)
    rows = Rows(task, resource, amount, plan.start[task], until[task])
    used = rows.begin < rows.until
    if "nonrenewable" in instance.features:
        used &= instance.renewable[resource]
    if not used.all():
        rows = rows.take(used)
    return _split(plan, rows, running) if plan.pieces else rows


def _split(plan: Plan, rows: Rows, running: bool) -> Rows:
    """Rows of pausable tasks cut at their pauses, unless they occupy their resource there."""
    instance = plan.instance
    assert instance.pause is not None
    cut = instance.pause[rows.task] > 0
    if not running:
        cut &= instance.pause[rows.task] == PAUSE_RELEASES
        if instance.setup is not None:
            cut &= instance.capacity[rows.resource] != 1
    whole = np.flatnonzero(~cut)
    source, begin, until = [whole], [rows.begin[whole]], [rows.until[whole]]
    for i in np.flatnonzero(cut).tolist():
        pieces = np.array(plan.pieces[int(rows.task[i])] or [(rows.begin[i], rows.until[i])])
        if not running:
            pieces[-1, 1] = rows.until[i]  # in a blocking shop it stays beyond its end
        source.append(np.full(len(pieces), i))
        begin.append(pieces[:, 0])
        until.append(pieces[:, 1])
    row = np.concatenate(source)
    return Rows(rows.task[row], rows.resource[row], rows.amount[row], np.concatenate(begin), np.concatenate(until))
