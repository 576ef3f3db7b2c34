"""Labels where the network goes by itself, not where the search would have gone.

A network that follows near-optimal schedules never sees what comes after its own mistakes. Here it plays some decisions
of an episode, and the search then schedules the rest: a job shop of what is left, with release dates that say when jobs
and machines are free.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from makespan.envs.shop_batch import ShopBatch
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.policies.demonstrations import semi_active
from makespan.policies.episodes import play
from makespan.policies.network import Dispatcher
from makespan.policies.sampling import sampler
from makespan.policies.views import view_of
from makespan.solvers.api import Budget, solve


def wander(
    model: Dispatcher, batch: ShopBatch, stop: IntArray, refresh_every: int, sample: IntArray, *key: int
) -> None:
    """Play decisions in every row r, sampled by (key, ``sample[r]``), until it has made ``stop[r]`` or is over."""
    play(model, view_of(batch), sampler(sample, 1.0, *key), refresh_every, stop=stop)


def rest_of(batch: ShopBatch, row: int) -> tuple[Instance, IntArray]:
    """What is not placed in a row, as a shop of its own, and the tasks of the whole one that its tasks are.

    O(operations). For shops with one mode per operation. What could have started before the clock of a batch that
    waits starts no more.
    """
    view = batch.views[batch.which[row]]
    start = placed_starts(batch, row)[view.task]
    end = start + view.duration
    placed = start >= 0
    job = np.repeat(np.arange(view.num_jobs), np.diff(view.job_ptr))
    ready, free = np.zeros(view.num_jobs, np.int64), np.zeros(view.num_machines, np.int64)
    np.maximum.at(ready, job[placed], end[placed])
    np.maximum.at(free, view.machine[placed], end[placed])
    left = np.flatnonzero(~placed)
    lengths = np.bincount(job[left], minlength=view.num_jobs)
    ptr = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths[lengths > 0])))
    release = free[view.machine[left]]
    first = ptr[:-1]
    clock = int(batch.candidate_starts([row]).min()) if batch.waits else 0
    release[first] = np.maximum(release[first], np.maximum(clock, ready[job[left][first]]))
    shop = Instance.job_shop_arrays(ptr, view.machine[left], view.duration[left], view.num_machines, release=release)
    return shop, view.task[left]


def placed_starts(batch: ShopBatch, row: int) -> IntArray:
    """Starts by task of the whole instance, -1 for what is not placed."""
    start = np.full(batch.instances[batch.which[row]].num_tasks, -1)
    task = batch.views[batch.which[row]].task[batch.placed(row)]
    start[np.sort(task)] = batch.partial(row)[1].start
    return start


def relabelled(
    batch: ShopBatch, row: int, solver: str, budget: Callable[[int], Budget], seed: int, known: Schedule | None = None
) -> Schedule:
    """The row so far, and for the rest what a search finds in ``budget(tasks)``; never worse than ``known``, a schedule
    that goes on from here."""
    start = placed_starts(batch, row)
    if batch.count[row]:
        rest, task = rest_of(batch, row)
        hint = None if known is None else Schedule(known.start[task])
        result = solve(rest, solver, budget(rest.num_tasks), seed=seed, threads=1, hint=hint)
        assert result.schedule is not None
        start[task] = semi_active(rest, result.schedule).start
    return Schedule(start)


def steps_per_task(iterations: int) -> Callable[[int], Budget]:
    """So many steps of a search for each task."""
    return lambda tasks: Budget(iterations=iterations * tasks)
