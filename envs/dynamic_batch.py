"""Episodes in simulated shops in which jobs arrive and machines break down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from makespan.envs.batch import START_KIND, WAIT_KIND, Batch, Candidates
from makespan.envs.dynamic_arena import DynamicArena, DynamicLimits, dynamic_arena, setting_of
from makespan.envs.dynamic_features import (
    DYNAMIC_CANDIDATE_FEATURES,
    DYNAMIC_MACHINE_FEATURES,
    DYNAMIC_OPERATION_FEATURES,
)
from makespan.envs.rows import out_array
from makespan.envs.scenario import Scenario, scenario_of
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.solvers.kernels import dynamic_layout as layout
from makespan.solvers.kernels import dynamic_measures
from makespan.solvers.kernels.dynamic_features import candidate_features_rows, graph_features_rows
from makespan.solvers.kernels.dynamic_measures import measure_rows
from makespan.solvers.kernels.dynamic_shop import begin_rows, replay_rows, step_rows
from makespan.solvers.kernels.dynamic_urgency import urgency_features_rows

DYNAMIC_MEASURES = {
    "makespan": dynamic_measures.MAKESPAN,
    "flow_time": dynamic_measures.FLOW_TIME,
    "waiting_time": dynamic_measures.WAITING_TIME,
    "tardiness": dynamic_measures.WEIGHTED_TARDINESS,
    "tardy_jobs": dynamic_measures.TARDY_JOBS,
}
"""Numbers that never fall, as of the clock: the last end; the time that all jobs have been in the shop; the part of it
between their operations; the weighted tardiness; the number of jobs that are late."""

LARGEST_SEED = 2**62


class DynamicBatch(Batch):
    """Episodes in simulated job shops, see ``kernels/dynamic_shop.py`` for what happens when.

    A candidate is a job that waits for the machine that decides; its task is its next operation, numbered job by job.
    The same seed meets the same arrivals, durations and breakdowns, whatever is decided.

    Parameters
    ----------
    instances
        The job shops that rows can play, of any sizes; see ``DYNAMIC_FEATURES`` for what they may have.
    scenario
        What happens; nothing by default. Or its parameters by name.
    rows
        Number of rows; row r plays instance ``r % len(instances)`` with the seed ``scenario.seed + r`` at first.
    wait
        A machine may also be left empty until the next event, if an operation will end or a job arrive, or a machine
        of higher number can start something now.
    forced
        ``ask``, or ``take``: a decision between one candidate and nothing else is no decision.
    threads
        Threads over rows.
    limits
        Room for larger shops than these, see ``replace``.

    Memory: about ``8 x (5 x operations + 13 x jobs + (10 + places) x machines)`` bytes per row, for the jobs of a whole
    episode. Not for use by two threads at a time.

    Raises
    ------
    ValueError
        If there is no instance, one has features that cannot be simulated, or a parameter is out of range.
    """

    is_random = True
    measures: ClassVar[tuple[str, ...]] = tuple(DYNAMIC_MEASURES)

    def __init__(
        self,
        instances: Sequence[Instance],
        scenario: Scenario | Mapping[str, Any] | None = None,
        rows: int | None = None,
        *,
        wait: bool = False,
        forced: str = "take",
        threads: int = 1,
        limits: DynamicLimits | None = None,
    ) -> None:
        super().__init__(instances, rows, threads)
        self.scenario = scenario_of(scenario)
        self.limits = limits or DynamicLimits.of(self.instances, self.scenario)
        self._setting = setting_of(self.scenario, self.limits, wait, forced)
        for instance in self.instances:
            self._check_room(instance)
        self.arena = dynamic_arena(self.instances, self.scenario)
        self.waits, self.room = wait, int(self._setting[layout.SET_ROOM])
        self.width = self.room + wait
        self.state = np.zeros((self.num_rows, layout.state_size(*self.limits, self.room)), np.int64)
        self.job = np.zeros((self.num_rows, self.width), np.int32)
        self.seed = self.scenario.seed + np.arange(self.num_rows, dtype=np.int64)
        self._place = np.tile(np.arange(self.width, dtype=np.int32), (self.num_rows, 1))
        self.reset()

    @property
    def is_complete(self) -> NDArray[np.bool_]:
        """Shape (rows,): all jobs of the episode are done."""
        arrived, there = self.state[:, layout.ARRIVED], self.state[:, layout.IN_SHOP]
        complete: NDArray[np.bool_] = (arrived == self.state[:, layout.NUM_JOBS]) & (there == 0) & ~self.is_truncated
        return complete

    @property
    def is_truncated(self) -> NDArray[np.bool_]:
        truncated: NDArray[np.bool_] = self.state[:, layout.TRUNCATED] > 0
        return truncated

    @property
    def clock(self) -> IntArray:
        """Shape (rows,): the time at which each row decides, or was over."""
        return self.state[:, layout.CLOCK].copy()

    def reset(
        self, rows: ArrayLike | None = None, instance: ArrayLike | None = None, seed: ArrayLike | None = None
    ) -> None:
        """Begin anew, with these instances and seeds (0 to LARGEST_SEED - 1) or the same as before."""
        chosen = self.rows(rows)
        if seed is not None:
            seeds = np.broadcast_to(np.asarray(seed, np.int64), chosen.shape)
            if seeds.size and (seeds.min() < 0 or seeds.max() >= LARGEST_SEED):
                raise ValueError(f"seed: found {seeds.tolist()}, expected 0 to {LARGEST_SEED - 1}")
            before, self.seed[chosen] = self.seed[chosen], seeds
        try:
            super().reset(chosen, instance)
        except ValueError:
            if seed is not None:
                self.seed[chosen] = before
            raise

    def replace(self, numbers: Sequence[int], instances: Sequence[Instance]) -> None:
        for instance in instances:
            self._check_room(instance)
        self.instances = self._replaced(numbers, instances)
        self.arena = dynamic_arena(self.instances, self.scenario)

    def _check_room(self, instance: Instance) -> None:
        needed = DynamicLimits.of([instance], self.scenario)
        for name, need, limit in zip(("jobs", "operations in a job", "machines"), needed, self.limits, strict=True):
            if need > limit:
                raise ValueError(f"batch: found an instance with {need} {name}, expected at most {limit}")

    def candidates(self, rows: ArrayLike | None = None) -> Candidates:
        chosen = self.rows(rows)
        job = self.job[chosen].astype(np.int64)
        used = np.arange(self.width) < self.count[chosen, None]
        starts = used & (job >= 0)
        at = layout.STATE_HEADER + layout.JOB_SIZE * np.where(starts, job, 0)
        first, step = (np.take_along_axis(self.state[chosen], at + field, 1) for field in (layout.FIRST, layout.STEP))
        return Candidates(
            self.count[chosen],
            np.where(starts, first + step, -1).astype(np.int32),
            np.where(starts, 0, -1).astype(np.int32),
            np.where(used & ~starts, WAIT_KIND, START_KIND).astype(np.int8),
        )

    def measure(self, name: str, rows: ArrayLike | None = None) -> IntArray:
        """Shape (k,): one of DYNAMIC_MEASURES for these rows."""
        if name not in DYNAMIC_MEASURES:
            raise ValueError(f"measure: found {name!r}, expected one of {', '.join(DYNAMIC_MEASURES)}")
        chosen = self.rows(rows)
        value = np.zeros(chosen.size, np.int64)
        self.run(measure_rows, chosen, self.state, DYNAMIC_MEASURES[name], value)
        return value

    def partial(self, row: int) -> tuple[Instance, Schedule]:
        """What has happened so far, see ``executed``."""
        from makespan.envs.dynamic_schedule import executed

        return executed(self, row)

    def schedule(self, row: int) -> Schedule:
        """The schedule of a row in which all jobs are done, of the instance that ``partial`` gives with it."""
        if not self.is_complete[row]:
            raise ValueError(f"row {row}: found jobs that are not done, expected none")
        return self.partial(row)[1]

    def candidate_features(
        self, rows: ArrayLike | None = None, out: NDArray[np.float32] | None = None, version: int = 1
    ) -> NDArray[np.float32]:
        """Shape (k, width, features): DYNAMIC_CANDIDATE_FEATURES; what lies behind the last in ``out`` stays."""
        chosen = self.rows(rows)
        shape = (chosen.size, self.width, len(DYNAMIC_CANDIDATE_FEATURES[version]))
        out = out_array(out, shape, "candidate features")
        self.run(candidate_features_rows, chosen, *self.feature_arrays, self._place, out)
        if version > 1:
            column = len(DYNAMIC_CANDIDATE_FEATURES[1])
            self.run(urgency_features_rows, chosen, self.which, self.state, self.job, self.count, column, out)
        return out

    def graph_features(self, rows: ArrayLike | None = None, version: int = 1) -> tuple[NDArray[Any], ...]:
        """The graph of each row, padded: nodes with 0, numbers with -1.

        Operation s of the job at place p is node ``p x limits.steps + s``. Returns DYNAMIC_OPERATION_FEATURES (k,
        nodes, features) of the operations that have not ended, DYNAMIC_MACHINE_FEATURES (k, machines, features), arcs
        (k, 2, nodes) from each of those operations to the next of its job, the machine of each node (k, nodes), and the
        machine that the job of each place is on (k, places).
        """
        chosen = self.rows(rows)
        number, nodes = chosen.size, self.room * self.limits.steps
        operation = np.zeros((number, nodes, len(DYNAMIC_OPERATION_FEATURES[version])), np.float32)
        machine = np.zeros((number, self.limits.machines, len(DYNAMIC_MACHINE_FEATURES[version])), np.float32)
        arc = np.full((number, 2, nodes), -1, np.int32)
        on, place = np.full((number, nodes), -1, np.int32), np.full((number, self.room), -1, np.int32)
        arrays = self._setting, self.which, self.state, operation, machine, arc, on, place
        self.run(graph_features_rows, chosen, *arrays)
        return operation, machine, arc, on, place

    @property
    def feature_arrays(self) -> tuple[NDArray[Any], ...]:
        """What ``candidate_features_rows`` takes before the places and the output."""
        return self._setting, self.which, self.state, self.job, self.count

    @property
    def setting(self) -> IntArray:
        """The scenario as the kernels read it."""
        return self._setting

    def _arena(self) -> DynamicArena:
        return self.arena

    def _arrays(self) -> tuple[Any, ...]:
        return self._setting, self.which, self.seed, self.state, self.job, self.count

    def _per_row(self) -> tuple[NDArray[Any], ...]:
        return self.which, self.seed, self.state, self.job, self.count

    def _kernels(self) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
        return begin_rows, step_rows, replay_rows
