"""What may move in time around a part of a schedule, and by how much.

Where moving a task breaks nothing but arcs, dates and capacities, a schedule is one of many that share its partial
order: every task may start as early or as late as longest paths through arcs and order allow.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from makespan.instances.dates import deadlines, first_starts, tightest
from makespan.instances.instance import ES, HORIZON_LIMIT, SE, Instance, IntArray
from makespan.instances.project_view import project_view
from makespan.instances.schedule import Schedule, job_end, makespan, max_lateness
from makespan.solvers.kernels.heads_tails import raise_along_arcs
from makespan.solvers.neighbourhoods import csr, rows
from makespan.solvers.partial_order import Mask, Order

_SHIFT_BREAKS = {"max_lag", "calendar", "pause", "blocking", "no_wait", "permutation", "fixed"}


class Frame(NamedTuple):
    """An incumbent and what follows from it for every part of it; times in the instance's own unit.

    Parameters
    ----------
    schedule, order
        The incumbent and its partial order among all tasks.
    mode, end
        Shape (num_tasks,): the mode in the numbering of the instance; when the task ends.
    leave
        Shape (num_tasks,): when the task leaves its resources, at the latest; later than its end where it may block.
    user_ptr, user
        CSR over resources: the tasks that occupy each renewable one for some time, in rising number.
    lag
        Shape (num_arcs,): arcs of the instance from start to start.
    first_setup
        Shape (num_tasks,): when the setup of a task that is the first on a resource is done; 0 for the others.
    tail
        Shape (num_tasks,): from the start of each task to the makespan if all start as late as partial order and
        objectives allow. Empty where kept tasks stand still.
    """

    schedule: Schedule
    order: Order
    mode: IntArray
    end: IntArray
    leave: IntArray
    user_ptr: IntArray
    user: IntArray
    lag: IntArray
    first_setup: IntArray
    tail: IntArray

    def occupiers(self, resource: int) -> IntArray:
        """Tasks that occupy a resource, in rising number."""
        return self.user[self.user_ptr[resource] : self.user_ptr[resource + 1]]


def moves_freely(instance: Instance) -> bool:
    """Whether a schedule stays feasible when tasks move in time within their arcs, dates and partial order."""
    return not _SHIFT_BREAKS & instance.features


def can_shift(instance: Instance) -> bool:
    """Whether tasks outside a part may move together with the makespan."""
    return instance.objective[0] == "makespan" and moves_freely(instance)


def frame(instance: Instance, schedule: Schedule, order: Order) -> Frame:
    """The frame of a feasible ``schedule`` with its partial ``order`` among all tasks. O(n + arcs) with a sort."""
    mode, end = schedule.mode_index(instance), schedule.end(instance)
    leave = _leave(instance, schedule, end)
    task, resource = _occupied(instance, mode, leave > schedule.start)
    lag = _start_lags(instance, mode)
    first_setup = _first_setups(instance, schedule, mode, task, resource)
    tail = _tails(instance, mode, end, order, lag) if moves_freely(instance) else np.zeros(0, np.int64)
    users = csr(resource, task, instance.num_resources)
    return Frame(schedule, order, mode, end, leave, *users, lag, first_setup, tail)


def shift_left(instance: Instance, schedule: Schedule, order: Order) -> Schedule:
    """Every task as early as its arcs and its partial ``order`` allow, where it ``moves_freely``. O(n + arcs)."""
    mode = schedule.mode_index(instance)
    ptr, target, weight = _graph(instance, order, _start_lags(instance, mode), backward=False)
    occupied = _occupied(instance, mode, instance.duration[mode] > 0)
    start = np.maximum(first_starts(instance), _first_setups(instance, schedule, mode, *occupied))
    raise_along_arcs(ptr, target, weight, start, np.zeros(start.size, np.int64))
    return Schedule(start, schedule.mode)


def _leave(instance: Instance, schedule: Schedule, end: IntArray) -> IntArray:
    if not instance.blocking:
        return end
    leave = end.copy()
    np.maximum.at(leave, instance.arc_pred, schedule.start[instance.arc_succ])
    return leave


def _occupied(instance: Instance, mode: IntArray, lasts: Mask) -> tuple[IntArray, IntArray]:
    """Pairs (task, renewable resource) of the tasks that last."""
    task = np.flatnonzero(lasts)
    resource = instance.demand_resource[rows(instance.demand_ptr, mode[task])]
    task = np.repeat(task, np.diff(instance.demand_ptr)[mode[task]])
    renewable = instance.renewable[resource]
    return task[renewable], resource[renewable].astype(np.int64)


def _tails(instance: Instance, mode: IntArray, end: IntArray, order: Order, lag: IntArray) -> IntArray:
    latest = np.minimum(_harmless_ends(instance, end), deadlines(instance)) - instance.duration[mode]
    ptr, target, weight = _graph(instance, order, lag, backward=True)
    value = -latest
    raise_along_arcs(ptr, target, weight, value, np.zeros(value.size, np.int64))
    return makespan(instance, end) + value


def _harmless_ends(instance: Instance, end: IntArray) -> IntArray:
    """Shape (num_tasks,): how late tasks may all end without any objective becoming worse."""
    latest = np.full(instance.num_tasks, makespan(instance, end))
    done = job_end(instance, end)
    for name in instance.objective:
        if name == "flow_time":
            latest = np.minimum(latest, tightest(instance, np.where(_alone(instance), end, HORIZON_LIMIT), done))
        elif name != "makespan":
            if name == "max_lateness":
                worst = max_lateness(instance, end)
                due, job_due = _moved(instance.due, worst, None), _moved(instance.job_due, worst, None)
            else:
                due, job_due = _moved(instance.due, 0, end), _moved(instance.job_due, 0, done)
            latest = np.minimum(latest, tightest(instance, due, job_due))
    return latest


def _moved(due: IntArray | None, by: int, at_least: IntArray | None) -> IntArray | None:
    """Due dates that are there, moved, or the ends that already miss them."""
    if due is None:
        return None
    moved = due + by if at_least is None else np.maximum(due, at_least)
    return np.where(due < HORIZON_LIMIT, moved, HORIZON_LIMIT)


def _alone(instance: Instance) -> Mask:
    return np.ones(instance.num_tasks, np.bool_) if instance.job is None else np.asarray(instance.job < 0, np.bool_)


def _first_setups(
    instance: Instance, schedule: Schedule, mode: IntArray, task: IntArray, resource: IntArray
) -> IntArray:
    """Shape (num_tasks,): when the setup before each task that is the first on a resource is done; 0 for the others.
    ``task`` occupies ``resource``, pair by pair."""
    wait = np.zeros(instance.num_tasks, np.int64)
    if instance.setup is None:
        return wait
    order = np.lexsort((schedule.start[task], resource))
    task, resource = task[order], resource[order]
    first = np.append(True, resource[1:] != resource[:-1])[: task.size] & (instance.capacity[resource] == 1)
    task, resource = task[first], resource[first]
    families = instance.setup.initial[resource], instance.setup.family[mode[task]]
    np.maximum.at(wait, task, np.where(np.minimum(*families) >= 0, instance.setup.time[families], 0))
    return wait


def _start_lags(instance: Instance, mode: IntArray) -> IntArray:
    """Shape (num_arcs,): the arcs from start to start, modes given."""
    length, kind = instance.duration[mode], instance.arc_kind
    lag = instance.arc_lag + np.where(kind >= ES, length[instance.arc_pred], 0)
    lag = lag - np.where(kind % 2 == SE, length[instance.arc_succ], 0)
    if instance.transport is not None:
        machine = instance.machine[mode]
        ends = machine[instance.arc_pred], machine[instance.arc_succ]
        travels = project_view(instance).arc_travels & (np.minimum(*ends) >= 0)
        lag = lag + np.where(travels, instance.transport[ends], 0)
    return lag


def _graph(instance: Instance, order: Order, lag: IntArray, backward: bool) -> tuple[IntArray, IntArray, IntArray]:
    """Arcs of instance and partial order as CSR, ready for the kernel."""
    pred = np.concatenate((instance.arc_pred, order.pred)).astype(np.int64)
    succ = np.concatenate((instance.arc_succ, order.succ)).astype(np.int64)
    if backward:
        pred, succ = succ, pred
    by_pred = np.argsort(pred, kind="stable")
    ptr = np.concatenate(([0], np.cumsum(np.bincount(pred, minlength=instance.num_tasks))))
    return ptr, succ[by_pred], np.concatenate((lag, order.lag))[by_pred]
