"""What happened in a simulated shop as an Instance and a Schedule, so that the checker can look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from makespan.instances.instance import HORIZON_LIMIT, PAUSE_HOLDS, Calendar, Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.solvers.kernels import dynamic_layout as layout
from makespan.solvers.kernels.dynamic_measures import list_breaks

if TYPE_CHECKING:
    from makespan.envs.dynamic_batch import DynamicBatch


def operations(batch: DynamicBatch, row: int) -> tuple[IntArray, IntArray]:
    """Copies of the jobs (jobs, JOB_SIZE) and operations (jobs, steps, OPERATION_SIZE) of a row, those to come too."""
    state = batch.state[row]
    number, steps = int(state[layout.NUM_JOBS]), batch.limits.steps
    jobs = state[state[layout.JOBS] :][: number * layout.JOB_SIZE].reshape(number, layout.JOB_SIZE)
    size = number * steps * layout.OPERATION_SIZE
    table = state[state[layout.OPERATIONS] :][:size].reshape(number, steps, layout.OPERATION_SIZE)
    return jobs.copy(), table.copy()


def executed(batch: DynamicBatch, row: int) -> tuple[Instance, Schedule]:
    """What has happened in a row so far.

    The instance holds the operations that were started, job by job, of all jobs of the episode, with actual durations
    (planned ones where an operation still runs), arrivals as releases, and the times when machines were down as breaks
    of their calendars. Where breakdowns interrupt, operations may pause and hold their machine. It is a blocking shop
    if the scenario is one. What a plan must also keep but an instance does not say: operations of duration 0 need a
    machine that is up.
    """
    scenario = batch.scenario
    jobs, table = operations(batch, row)
    started = table[:, :, layout.OP_START] >= 0
    started &= np.arange(batch.limits.steps) < jobs[:, layout.LENGTH, None]
    done = table[started]
    number = int(batch.state[row, layout.NUM_MACHINES])
    ended = done[:, layout.OP_END] >= 0
    machine, start = done[:, layout.OP_MACHINE], done[:, layout.OP_START]
    calendar = _calendar([_breaks(batch, row, k, table, started) for k in range(number)])
    blocks = scenario.blocking and start.size > 0  # without an operation there are no chains of them
    pauses = calendar is not None and scenario.interrupt
    due, weight, arrival = jobs[:, layout.DUE], jobs[:, layout.WEIGHT], jobs[:, layout.ARRIVAL]
    instance = Instance.job_shop_arrays(
        np.concatenate((np.zeros(1, np.int64), np.cumsum(started.sum(axis=1)))),
        machine,
        np.where(ended, done[:, layout.OP_ACTUAL], done[:, layout.OP_PLANNED]),
        number,
        job_release=arrival if arrival.any() else None,
        job_due=due if (due < HORIZON_LIMIT).any() else None,
        job_weight=weight if (weight != 1).any() else None,
        calendar=calendar,
        pause=np.full(start.size, PAUSE_HOLDS, np.int8) if pauses else None,
        blocking=blocks,
        swap_allowed=blocks and scenario.swap,
        name=batch.instances[batch.which[row]].name,
    )
    return instance, Schedule(start)


def _breaks(
    batch: DynamicBatch, row: int, k: int, table: IntArray, started: NDArray[np.bool_]
) -> list[tuple[int, int]]:  # fmt: skip
    """When machine ``k`` was down."""
    job, step = np.nonzero(started & (table[:, :, layout.OP_MACHINE] == k))
    end = table[job, step, layout.OP_END]
    order = np.lexsort((np.where(end < 0, HORIZON_LIMIT, end), table[job, step, layout.OP_START]))
    job, step = job[order], step[order]
    room, fact = job.size + 4, batch.arena.fact[batch.which[row]]
    while True:
        begin, until = np.zeros((2, room), np.int64)
        arrays = batch.setting, fact, int(batch.seed[row]), batch.state[row], k, job, step, begin, until
        number = list_breaks(*arrays)
        if number <= room:
            return sorted(zip(begin[:number].tolist(), until[:number].tolist(), strict=True))
        room = number


def _calendar(breaks: list[list[tuple[int, int]]]) -> Calendar | None:
    """Capacity 0 in the breaks of each machine, which are apart or touch; None if there are none."""
    if not any(breaks):
        return None
    ptr, time, capacity = [0], list[int](), list[int]()
    for own in breaks:
        open_from = -1
        for begin, end in own:
            if begin > open_from:
                if begin > 0:
                    time.append(max(0, open_from))
                    capacity.append(1)
                time.append(begin)
                capacity.append(0)
            open_from = end
        if own:
            time.append(open_from)
            capacity.append(1)
        ptr.append(len(time))
    zeros = np.zeros(len(breaks), np.int64)
    return Calendar(np.array(ptr, np.int32), np.array(time, np.int64), np.array(capacity, np.int64), zeros)
