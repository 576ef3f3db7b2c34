"""Simulated job shops run by a plan of what is in the shop, made anew whenever a job comes.

The plan is a schedule of the operations that have not begun, from what can be known: planned durations, when machines
are expected to be free, and nothing of jobs to come. Between two plans every machine takes, of the jobs that wait for
it, the one that the plan starts first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.dynamic_schedule import operations
from makespan.instances.instance import HORIZON_LIMIT, Instance, IntArray
from makespan.solvers.api import Budget, solve
from makespan.solvers.kernels import dynamic_layout as layout
from makespan.solvers.kernels.tournament import NEVER


class Rest(NamedTuple):
    """What is left of a row as a job shop in the time of the row, and which operation, as ``(job, step)``, each of its
    tasks is; shape (tasks, 2)."""

    instance: Instance
    operation: IntArray


def rest_of(batch: DynamicBatch, row: int, objective: str) -> Rest:
    """The operations in the shop that have not begun. O(operations of the episode).

    An operation that runs is expected to end as planned, or now if it is late; a machine that is down is up again when
    that is known, else now. Raises ValueError for an objective that needs due dates which there are not.
    """
    state = batch.state[row]
    jobs, table = operations(batch, row)
    clock = int(state[layout.CLOCK])
    number = int(state[layout.NUM_MACHINES])
    size = number * layout.MACHINE_SIZE
    machines = state[state[layout.MACHINES] :][:size].reshape(number, layout.MACHINE_SIZE)
    repaired = np.where(machines[:, layout.REPAIRED] < NEVER, machines[:, layout.REPAIRED], clock)
    free = np.maximum(clock, repaired) if batch.scenario.repair_known else np.full(number, clock)
    there = np.flatnonzero(jobs[:, layout.SLOT] >= 0)
    ready, first = np.full(jobs.shape[0], clock), jobs[:, layout.STEP].copy()
    for k in np.flatnonzero(machines[:, layout.END] < NEVER):
        job = machines[k, layout.HOLDER]
        own = table[job, first[job]]
        end = max(clock, own[layout.OP_START] + own[layout.OP_PLANNED])
        free[k], ready[job], first[job] = max(free[k], end), end, first[job] + 1
    kept = [job for job in there if first[job] < jobs[job, layout.LENGTH]]
    pairs = [(job, step) for job in kept for step in range(first[job], jobs[job, layout.LENGTH])]
    operation = np.array(pairs, np.int64).reshape(-1, 2)
    own = table[operation[:, 0], operation[:, 1]]
    begins = operation[:, 1] == first[operation[:, 0]]
    release = np.maximum(free[own[:, layout.OP_MACHINE]], np.where(begins, ready[operation[:, 0]], 0))
    lengths = np.array([jobs[job, layout.LENGTH] - first[job] for job in kept], np.int64)
    due = jobs[kept, layout.DUE]
    instance = Instance.job_shop_arrays(
        np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths))),
        own[:, layout.OP_MACHINE],
        own[:, layout.OP_PLANNED],
        number,
        release=release,
        job_due=due if (due < HORIZON_LIMIT).any() else None,
        job_weight=jobs[kept, layout.WEIGHT],
        objective=(objective,),
    )
    return Rest(instance, operation)


class RollingPlan:
    """Plays a batch of simulated shops by plans.

    Parameters
    ----------
    batch
        Not a blocking shop; it never waits.
    solver, budget
        A spec and the limits of each plan.
    objective
        Of the plans, a name in OBJECTIVES of ``instances/instance.py``.

    Cost: a search for every job of every row. Raises ValueError for a blocking shop.
    """

    def __init__(
        self, batch: DynamicBatch, solver: str, budget: Budget, objective: str = "weighted_tardiness", seed: int = 0
    ) -> None:
        if batch.scenario.blocking:
            raise ValueError("rolling plan: found a blocking shop, expected buffers")
        self.batch, self.solver, self.budget = batch, solver, budget
        self.objective, self.seed = objective, seed
        self._start = [dict[tuple[int, int], int]() for _ in range(batch.num_rows)]
        self._arrived = np.full(batch.num_rows, -1)

    def play(self) -> None:
        """Play all rows from where they stand to their end."""
        batch = self.batch
        while (rows := np.flatnonzero(batch.count > 0)).size:
            batch.take(np.array([self._action(int(row)) for row in rows]), rows)

    def _action(self, row: int) -> int:
        batch, state = self.batch, self.batch.state[row]
        if state[layout.ARRIVED] != self._arrived[row]:
            self._arrived[row] = state[layout.ARRIVED]
            self._start[row] = self._plan(row)
        jobs = batch.job[row, : batch.count[row]]
        step = state[state[layout.JOBS] + layout.JOB_SIZE * jobs.astype(np.int64) + layout.STEP]
        waiting = [pair for pair in zip(jobs.tolist(), step.tolist(), strict=True) if pair[0] >= 0]
        return min(range(len(waiting)), key=lambda i: self._start[row][waiting[i]])

    def _plan(self, row: int) -> dict[tuple[int, int], int]:
        """When each operation that has not begun starts."""
        rest = rest_of(self.batch, row, self.objective)
        if rest.instance.num_tasks == 0:
            return {}
        schedule = solve(rest.instance, self.solver, self.budget, seed=self.seed, threads=1).schedule
        if schedule is None:
            raise RuntimeError(f"rolling plan: found no schedule by {self.solver}, expected one")
        pairs = zip(rest.operation[:, 0].tolist(), rest.operation[:, 1].tolist(), strict=True)
        return dict(zip(pairs, schedule.start.tolist(), strict=True))
