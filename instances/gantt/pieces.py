"""What a schedule does on its resources: pieces of work, holds, demands, setups and journeys.

All charts draw from these arrays. They follow the rules of ``makespan.instances.instance`` and accept schedules that
break them, for a chart of a wrong schedule is what one looks at to see what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makespan.instances.calendars import work_pieces
from makespan.instances.instance import ES, PAUSE_HOLDS, Instance, IntArray
from makespan.instances.schedule import Schedule


@dataclass(frozen=True, eq=False)
class Plan:
    """A schedule spelled out; n tasks, p pieces, u demands.

    Parameters
    ----------
    start, end, mode
        Shape (n,): start, end, and chosen mode as an index into ``instance.duration``.
    until
        Shape (n,): when the task stops occupying its resources; after ``end`` only in a blocking shop.
    piece_task, piece_from, piece_to, piece_held
        Shape (p,), sorted by task and time: each stretch of work (one per task unless it pauses, also for a task of
        duration 0), and as *held* each stretch in which a task occupies its resources without advancing.
    use_task, use_resource, use_amount
        Shape (u,), sorted by task: the renewable demands of the chosen modes.
    """

    start: IntArray
    end: IntArray
    mode: IntArray
    until: IntArray
    piece_task: IntArray
    piece_from: IntArray
    piece_to: IntArray
    piece_held: NDArray[np.bool_]
    use_task: IntArray
    use_resource: IntArray
    use_amount: IntArray


def plan_of(instance: Instance, schedule: Schedule) -> Plan:
    """Spell a schedule out. O(tasks + demands + arcs), and the pieces of pausable tasks.

    Raises ValueError if the schedule has another number of tasks than the instance, a mode that its task has not, or a
    pausable task that never ends.
    """
    n = instance.num_tasks
    if schedule.start.shape != (n,) or schedule.mode.shape != (n,):
        raise ValueError(f"schedule: found {schedule.start.size} tasks, expected {n} as in the instance")
    wrong = np.flatnonzero((schedule.mode < 0) | (schedule.mode >= np.diff(instance.mode_ptr)))
    if wrong.size:
        task = int(wrong[0])
        count = int(instance.mode_ptr[task + 1] - instance.mode_ptr[task])
        raise ValueError(
            f"schedule: {instance.task_name(task)} has mode {schedule.mode[task]}, expected 0..{count - 1}"
        )
    mode = schedule.mode_index(instance)
    end = schedule.end(instance)
    until = _occupied_until(instance, schedule.start, end, mode)
    return Plan(
        schedule.start,
        end,
        mode,
        until,
        *_pieces(instance, schedule.start, end, until, mode),
        *_uses(instance, mode),
    )


def travel_times(instance: Instance, mode: IntArray) -> IntArray:
    """Shape (num_arcs,): the travel time that the chosen modes add to each arc."""
    travel = np.zeros(instance.num_arcs, np.int64)
    if instance.transport is not None and instance.job is not None:
        pred, succ = instance.arc_pred, instance.arc_succ
        origin, target = instance.machine[mode][pred], instance.machine[mode][succ]
        moves = within_job(instance) & (origin >= 0) & (target >= 0)
        travel[moves] = instance.transport[origin[moves], target[moves]]
    return travel


def successions(instance: Instance, plan: Plan) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Resource, task before, task after and setup time of each pair of neighbours on a resource of capacity 1.

    The first task of a resource has -1 before it. Tasks that occupy nothing take no part. O(demands log demands).
    """
    unary = (instance.capacity[plan.use_resource] == 1) & (plan.until > plan.start)[plan.use_task]
    task, resource = plan.use_task[unary], plan.use_resource[unary]
    order = np.lexsort((plan.end[task], plan.start[task], resource))
    task, resource = task[order], resource[order]
    before = np.full(task.size, -1, np.int64)
    same = resource[1:] == resource[:-1]
    before[1:][same] = task[:-1][same]
    time = np.zeros(task.size, np.int64)
    setup = instance.setup
    if setup is not None:
        family = setup.family[plan.mode].astype(np.int64)
        earlier = np.where(before >= 0, family[before], setup.initial[resource])
        changes = (earlier >= 0) & (family[task] >= 0)
        time[changes] = setup.time[earlier[changes], family[task][changes]]
    return resource, before, task, time


def next_in_chain(instance: Instance, mode: IntArray) -> tuple[IntArray, IntArray]:
    """Shape (num_tasks,) twice: the next task of the job (-1 for none) and the travel time to it."""
    following = np.full(instance.num_tasks, -1, np.int64)
    travel = np.zeros(instance.num_tasks, np.int64)
    chained = within_job(instance)
    following[instance.arc_pred[chained]] = instance.arc_succ[chained]
    travel[instance.arc_pred[chained]] = travel_times(instance, mode)[chained]
    return following, travel


def within_job(instance: Instance) -> NDArray[np.bool_]:
    """Shape (num_arcs,): the ES arcs between two tasks of one job."""
    if instance.job is None:
        return np.zeros(instance.num_arcs, np.bool_)
    job, pred, succ = instance.job, instance.arc_pred, instance.arc_succ
    within: NDArray[np.bool_] = (instance.arc_kind == ES) & (job[pred] == job[succ]) & (job[pred] >= 0)
    return within


def _occupied_until(instance: Instance, start: IntArray, end: IntArray, mode: IntArray) -> IntArray:
    if not instance.blocking:
        return end
    following, travel = next_in_chain(instance, mode)
    return np.where(following >= 0, np.maximum(end, start[following] - travel), end)


def _pieces(
    instance: Instance, start: IntArray, end: IntArray, until: IntArray, mode: IntArray
) -> tuple[IntArray, IntArray, IntArray, NDArray[np.bool_]]:
    paused = np.zeros(start.size, np.bool_)
    extra: list[tuple[int, int, int, bool]] = []
    if instance.pause is not None:
        paused = (instance.pause != 0) & (end - start > instance.duration[mode])
        for task in np.flatnonzero(paused).tolist():
            holds = instance.pause[task] == PAUSE_HOLDS
            reached = int(start[task])
            for begin, stop in work_pieces(instance, task, int(mode[task]), reached):
                if holds and begin > reached:
                    extra.append((task, reached, begin, True))
                extra.append((task, begin, stop, False))
                reached = stop
    blocked = np.flatnonzero(until > end)
    extra.extend((task, int(end[task]), int(until[task]), True) for task in blocked.tolist())
    whole = np.flatnonzero(~paused)
    table = np.array(extra, np.int64).reshape(-1, 4)
    tasks = np.concatenate((whole, table[:, 0]))
    begins = np.concatenate((start[whole], table[:, 1]))
    stops = np.concatenate((end[whole], table[:, 2]))
    held = np.concatenate((np.zeros(whole.size, np.bool_), table[:, 3] > 0))
    order = np.lexsort((begins, tasks))
    return tasks[order], begins[order], stops[order], held[order]


def _uses(instance: Instance, mode: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    first = instance.demand_ptr[mode].astype(np.int64)
    count = instance.demand_ptr[mode + 1] - first
    task = np.repeat(np.arange(mode.size), count)
    entry = np.arange(task.size) + np.repeat(first - (np.cumsum(count) - count), count)
    resource = instance.demand_resource[entry].astype(np.int64)
    kept = instance.renewable[resource]
    return task[kept], resource[kept], instance.demand_amount[entry][kept]
