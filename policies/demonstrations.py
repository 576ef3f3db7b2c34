"""Teachers that lead a batch along near-optimal schedules.

Episodes of shops are played in the scheme ``giffler_thompson``, where every decision is between operations that can
start on one machine before the conflict is over: before C, the least end that any operation that is left could have, on
any of its machines. So a schedule names one candidate: the operation that comes first on that machine among those that
are left. If it cannot start before C, whatever is left on that machine starts at C or later, and the candidate that
would end at C fits in front of it. It also ends no later than in the schedule, since C is the least of all ends; in a
flexible shop this may take it to that machine from another one. What is built is a schedule in which no operation ends
later, so that makespan and every other regular objective are kept, if all operations take time.

In flexible shops this needs every mode on the machine in conflict as a candidate (``modes="conflict"``), whichever
machine the operation prefers. ``append`` and ``non_delay`` with a wait offer all jobs at once, in orders that often
lead to the same schedule; here there are as few candidates as in a job shop, and each leads to another schedule.

In ``non_delay`` with a wait, which asks more decisions, a schedule says what starts at the clock.

In projects the candidates are the activities whose predecessors are placed; the one that starts first goes first, and
nothing starts later. Every candidate that would start where the schedule has it now leads to that schedule as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from makespan.envs.batch import Batch
from makespan.envs.project_batch import ProjectBatch
from makespan.envs.shop_batch import ShopBatch
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.instances.shop_view import ShopView, shop_view
from makespan.policies.episodes import Alike, Teacher
from makespan.solvers.kernels.shop_layout import JOB_SIZE, JOBS, OP

_NEVER = 2**62


def shop_teacher(batch: ShopBatch, schedules: Sequence[Schedule]) -> Teacher:
    """Follows ``schedules[r]`` in row r; scheme ``giffler_thompson``, in flexible shops with ``modes="conflict"``."""
    number = np.arange(batch.limits.operations)
    begin, chosen, machine, job = np.full((4, batch.num_rows, number.size), -1)
    owner, place = np.zeros((2, batch.num_rows, number.size * batch.limits.modes), np.int64)
    for row, own in enumerate(schedules):
        view = batch.views[batch.which[row]]
        here, mode = slice(0, view.num_operations), _chosen_modes(view, own)
        begin[row, here], chosen[row, here], machine[row, here] = own.start[view.task], mode, view.machine[mode]
        job[row, here] = np.repeat(np.arange(view.num_jobs), np.diff(view.job_ptr))
        owner[row, : view.machine.size] = np.repeat(np.arange(view.num_operations), np.diff(view.mode_ptr))
        place[row, : view.machine.size] = view.machine

    def teacher(rows: IntArray) -> IntArray:
        count = batch.count[rows]
        used = np.arange(int(count.max(initial=1))) < count[:, None]
        mode = np.where(used, batch.mode[rows, : used.shape[1]], 0).astype(np.int64)
        operation = np.take_along_axis(owner[rows], mode, 1)
        follows = used & (np.take_along_axis(chosen[rows], operation, 1) == mode)
        candidate = np.where(follows, np.take_along_axis(begin[rows], operation, 1), _NEVER)
        asked = place[rows, mode[:, 0]]
        following = np.stack([_following(batch, row) for row in rows])
        is_left = (job[rows] >= 0) & (number >= np.take_along_axis(following, np.maximum(job[rows], 0), 1))
        on_machine = is_left & (machine[rows] == asked[:, None])
        first = np.where(on_machine, begin[rows], _NEVER).min(1)
        action: IntArray = candidate.argmin(1)
        late = np.flatnonzero((candidate.min(1) > first) | (first == _NEVER))
        if late.size:
            action[late] = _least_end(batch, rows[late])
        return action

    return teacher


def clock_teacher(batch: ShopBatch, schedules: Sequence[Schedule]) -> Teacher:
    """Follows ``schedules[r]`` in row r, where no operation could start earlier on its place; scheme ``non_delay`` with
    a wait, one mode per operation: what starts at the clock goes, and else the clock runs on."""
    begin = np.full((batch.num_rows, batch.limits.operations), -1)
    for row, own in enumerate(schedules):
        view = batch.views[batch.which[row]]
        begin[row, : view.num_operations] = own.start[view.task]

    def teacher(rows: IntArray) -> IntArray:
        count = batch.count[rows]
        wide = int(count.max(initial=1))
        mode = batch.mode[rows, :wide].astype(np.int64)
        is_start = (np.arange(wide) < count[:, None]) & (mode >= 0)
        goes = is_start & (
            np.take_along_axis(begin[rows], np.maximum(mode, 0), 1) == batch.candidate_starts(rows)[:, :wide]
        )
        action: IntArray = np.where(goes.any(1), goes.argmax(1), count - 1)
        return action

    return teacher


def _chosen_modes(view: ShopView, schedule: Schedule) -> IntArray:
    """Shape (operations,): the mode of the view that the schedule chooses for each operation."""
    wanted = np.repeat(schedule.mode[view.task], np.diff(view.mode_ptr))
    return np.flatnonzero(view.mode_in_task == wanted)


def _following(batch: ShopBatch, row: int) -> IntArray:
    """The next operation of each job, shape (jobs,) of the largest shop."""
    state = batch.state[row]
    jobs = batch.limits.jobs
    following: IntArray = state[state[JOBS] + OP : state[JOBS] + OP + JOB_SIZE * jobs : JOB_SIZE]
    return following


def _least_end(batch: ShopBatch, rows: IntArray) -> IntArray:
    start = batch.candidate_starts(rows)
    ends = np.full(start.shape, _NEVER)
    for i, row in enumerate(rows.tolist()):
        duration = batch.views[batch.which[row]].duration
        own = slice(0, int(batch.count[row]))
        ends[i, own] = start[i, own] + duration[batch.mode[row, own]]
    action: IntArray = ends.argmin(1)
    return action


def project_teacher(batch: ProjectBatch, schedules: Sequence[Schedule]) -> Teacher:
    """Follows ``schedules[r]`` in row r; scheme ``serial``, activities of one mode."""
    begin = _starts(batch, schedules)

    def teacher(rows: IntArray) -> IntArray:
        action: IntArray = _of_candidates(batch, rows, begin).argmin(1)
        return action

    return teacher


def project_alike(batch: ProjectBatch, schedules: Sequence[Schedule]) -> Alike:
    """The candidates that lead to the same schedules as what ``project_teacher`` takes.

    In none of the schedules may a task be able to start earlier while the others stay.
    """
    begin = _starts(batch, schedules)

    def alike(rows: IntArray) -> NDArray[np.bool_]:
        wanted = _of_candidates(batch, rows, begin)
        same: NDArray[np.bool_] = wanted == batch.candidate_starts(rows)[:, : wanted.shape[1]]
        return same & (wanted < _NEVER)

    return alike


def _starts(batch: ProjectBatch, schedules: Sequence[Schedule]) -> IntArray:
    """Shape (rows, most activities): the starts in the schedules."""
    begin = np.full((batch.num_rows, max(own.start.size for own in schedules)), _NEVER)
    for row, own in enumerate(schedules):
        begin[row, : own.start.size] = own.start
    return begin


def _of_candidates(batch: ProjectBatch, rows: IntArray, begin: IntArray) -> IntArray:
    """Shape (k, most candidates): the starts of the candidates in the schedules; _NEVER behind the last."""
    count = batch.count[rows]
    used = np.arange(int(count.max(initial=1))) < count[:, None]
    task = np.where(used, batch.task[rows, : used.shape[1]], 0).astype(np.int64)
    return np.where(used, np.take_along_axis(begin[rows], task, 1), _NEVER)


def followed(batch: Batch, teacher: Teacher) -> list[Schedule]:
    """The schedules to which a teacher leads; the batch then begins anew."""
    while (rows := np.flatnonzero(batch.count > 0)).size:
        batch.take(teacher(rows), rows)
    schedules = [batch.schedule(row) for row in range(batch.num_rows)]
    batch.reset()
    return schedules


def semi_active(instance: Instance, schedule: Schedule) -> Schedule:
    """The schedule with every operation as early as the order on its machine allows; job shops with one mode each."""
    view = instance.derived(shop_view)
    job = np.repeat(np.arange(view.num_jobs), np.diff(view.job_ptr))
    order = np.lexsort((np.arange(view.num_operations), schedule.start[view.task]))
    start = np.empty_like(schedule.start)
    start[view.task] = start_of_sequence(instance, job[order])
    return Schedule(start)


def start_of_sequence(instance: Instance, sequence: IntArray) -> IntArray:
    """Starts, by operation of the shop view, when the jobs of ``sequence`` append one operation after the other."""
    view = instance.derived(shop_view)
    following, ready = view.job_ptr[:-1].tolist(), [0] * view.num_jobs
    free, start = [0] * view.num_machines, np.zeros(view.num_operations, np.int64)
    machine, duration, release = view.machine.tolist(), view.duration.tolist(), view.release.tolist()
    for job in sequence.tolist():
        op = following[job]
        k = machine[op]
        begin = max(ready[job], free[k], release[op])
        start[op] = begin
        ready[job] = free[k] = begin + duration[op]
        following[job] = op + 1
    return start
