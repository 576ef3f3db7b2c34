"""Episodes that build schedules of job shops and flexible job shops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from makespan.envs.batch import START_KIND, WAIT_KIND, Batch, Candidates
from makespan.envs.features import CANDIDATE_FEATURES, MACHINE_FEATURES, OPERATION_FEATURES
from makespan.envs.rows import out_array
from makespan.envs.shop_arena import ShopArena, shop_arena, state_size
from makespan.envs.shop_lookahead import Lookahead, lookahead
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.instances.shop_view import ShopView, shop_view
from makespan.instances.subset import subset
from makespan.solvers.dispatching import SCHEMES
from makespan.solvers.kernels import shop_measures
from makespan.solvers.kernels.priority import RULE_HEADER
from makespan.solvers.kernels.shop_features import (
    candidate_features_rows,
    graph_features_rows,
    other_modes_rows,
    starts_rows,
)
from makespan.solvers.kernels.shop_layout import JOB_SIZE, JOBS, LATE, MODE, OP, START, UNFINISHED
from makespan.solvers.kernels.shop_lookahead import lookahead_rows
from makespan.solvers.kernels.shop_measures import measure_rows
from makespan.solvers.kernels.shop_rows import (
    SET_DELTA,
    SET_FORCED,
    SET_MODES,
    SET_SCHEME,
    SET_WAIT,
    SETTINGS,
    begin_rows,
    replay_rows,
    step_rows,
)
from makespan.solvers.kernels.tournament import NEVER

MEASURES = {
    "lower_bound": shop_measures.LOWER_BOUND,
    "makespan": shop_measures.MAKESPAN,
    "waiting_time": shop_measures.WAITING_TIME,
    "tardiness": shop_measures.TARDINESS,
    "flow_time": shop_measures.FLOW_TIME,
}
"""Numbers that never fall while a schedule grows and end at its value: a lower bound on the makespan; the largest end
so far; the time that operations waited for their machine; a bound on the weighted tardiness; one on the flow time."""

MODES = ("preferred", "all", "conflict")
"""Which modes are candidates, in the order of the numbers in ``kernels/shop_rows.py``."""

_NO_RULE = np.zeros(RULE_HEADER, np.int64)
_NO_RULE.setflags(write=False)


class Limits(NamedTuple):
    """The largest shop that a batch has room for: jobs, operations in all, machines, and modes of one operation."""

    jobs: int
    operations: int
    machines: int
    modes: int

    @classmethod
    def of(cls, views: Sequence[ShopView]) -> Limits:
        """What these shops need."""
        return cls(
            max(view.num_jobs for view in views),
            max(view.num_operations for view in views),
            max(view.num_machines for view in views),
            max(int(np.diff(view.mode_ptr).max(initial=1)) for view in views),
        )


class ShopBatch(Batch):
    """Episodes that build schedules of job shops and flexible job shops, one decision at a time in every row.

    Parameters
    ----------
    instances
        The shops that rows can play, of any sizes; see ``SHOP_FEATURES`` for what they may have.
    rows
        Number of rows; row r plays instance ``r % len(instances)`` at first. One per instance if left out.
    scheme
        ``append``, ``insertion``, ``giffler_thompson`` or ``non_delay``, as for rules: which operations compete, and
        where one is placed.
    delta
        Per cent, for giffler_thompson.
    wait
        For non_delay: all jobs that can start at the clock compete, on whatever machine, and the clock may also run on
        to the next start, so that every semi-active schedule can be built.
    modes
        ``all``: each mode in which a competing operation could start in time is a candidate; ``preferred``: the one
        that the rules take, alone; ``conflict``, for giffler_thompson: each mode on the machine in conflict in which an
        operation could start in time, whichever it prefers. That loses no best schedule, see ``shop_teacher`` in
        ``policies/demonstrations.py``; the other two may.
    forced
        ``ask``, or ``take``: a decision between one candidate and nothing else is no decision.
    threads
        Threads over rows.
    limits
        Room for larger shops than these, see ``replace``.

    Memory: about ``8 x (7 x operations + 12 x jobs)`` bytes per row. Not for use by two threads at a time.

    Raises
    ------
    ValueError
        If there is no instance, one has features that shops cannot have, or a parameter is out of range.
    """

    measures: ClassVar[tuple[str, ...]] = tuple(MEASURES)

    def __init__(
        self,
        instances: Sequence[Instance],
        rows: int | None = None,
        *,
        scheme: str = "append",
        delta: int = 100,
        wait: bool = False,
        modes: str = "all",
        forced: str = "ask",
        threads: int = 1,
        limits: Limits | None = None,
    ) -> None:
        self._setting = _setting(scheme, delta, wait, modes, forced)
        super().__init__(instances, rows, threads)
        number = self.num_rows
        self.arena = shop_arena(self.instances)
        self.views = tuple(each.derived(shop_view) for each in self.instances)
        self.limits = limits or Limits.of(self.views)
        for view in self.views:
            self._check_room(view)
        self.waits, self.modes = wait, modes
        self.width = max(1, self.limits.jobs * self.limits.modes) + wait
        self.state = np.zeros((number, state_size(*self.limits)), np.int64)
        self.left, self._queue = np.zeros((2, number, self.limits.machines), np.int64)
        self.job, self.mode = np.zeros((2, number, self.width), np.int32)
        self._run = np.zeros((number, 3 * self.width), np.int64)
        self._place = np.tile(np.arange(self.width, dtype=np.int32), (number, 1))
        self._key = np.zeros(self.limits.operations * self.limits.modes, np.int64)
        self._lookahead: Lookahead | None = None
        self.reset()

    @property
    def is_complete(self) -> NDArray[np.bool_]:
        complete: NDArray[np.bool_] = (self.state[:, UNFINISHED] == 0) & (self.state[:, LATE] == 0)
        return complete

    def replace(self, numbers: Sequence[int], instances: Sequence[Instance]) -> None:
        for instance in instances:
            self._check_room(instance.derived(shop_view))
        self.instances = self._replaced(numbers, instances)
        self.arena = shop_arena(self.instances)
        self.views = tuple(each.derived(shop_view) for each in self.instances)
        self._lookahead = None

    def _check_room(self, view: ShopView) -> None:
        for name, needed, limit in zip(Limits._fields, Limits.of([view]), self.limits, strict=True):
            if needed > limit:
                raise ValueError(f"batch: found an instance with {needed} {name}, expected at most {limit}")

    def candidates(self, rows: ArrayLike | None = None) -> Candidates:
        chosen = self.rows(rows)
        mode = self.mode[chosen]
        used = np.arange(self.width) < self.count[chosen, None]
        starts = used & (mode >= 0)
        place = np.where(starts, mode + self.arena.mode_ptr[self.which[chosen], None], 0)
        return Candidates(
            self.count[chosen],
            np.where(starts, self.arena.task[place], -1).astype(np.int32),
            np.where(starts, self.arena.mode_in_task[place], -1).astype(np.int32),
            np.where(used & ~starts, WAIT_KIND, START_KIND).astype(np.int8),
        )

    def candidate_starts(self, rows: ArrayLike | None = None) -> IntArray:
        """Shape (k, width): when each candidate would start; 2**62 for a wait and behind the last."""
        chosen = self.rows(rows)
        start = np.full((chosen.size, self.width), NEVER)
        self.run(starts_rows, chosen, self.which, self.state, self.job, self.mode, self.count, start)
        return start

    def measure(self, name: str, rows: ArrayLike | None = None) -> IntArray:
        """Shape (k,): one of MEASURES for these rows, in the instance's unit of time."""
        if name not in MEASURES:
            raise ValueError(f"measure: found {name!r}, expected one of {', '.join(MEASURES)}")
        chosen = self.rows(rows)
        value = np.zeros(chosen.size, np.int64)
        arrays = self.which, self.state, self.left, MEASURES[name], value
        self.run(measure_rows, chosen, *arrays)
        return value

    def placed(self, row: int) -> NDArray[np.bool_]:
        """Which operations of the row's shop view are placed; shape (num_operations,)."""
        state, view = self.state[row], self.views[self.which[row]]
        following = state[state[JOBS] + OP :: JOB_SIZE][: view.num_jobs]
        placed: NDArray[np.bool_] = np.arange(view.num_operations) < np.repeat(following, np.diff(view.job_ptr))
        return placed

    def partial(self, row: int) -> tuple[Instance, Schedule]:
        state, view, placed = self.state[row], self.views[self.which[row]], self.placed(row)
        start, mode = np.full((2, view.num_operations), -1, np.int64)
        task = view.task[placed]
        start[task] = state[state[START] :][: view.num_operations][placed]
        mode[task] = view.mode_in_task[state[state[MODE] :][: view.num_operations][placed]]
        keep = start >= 0
        instance = self.instances[self.which[row]]
        return instance if placed.all() else subset(instance, keep), Schedule(start[keep], mode[keep])

    def candidate_features(
        self, rows: ArrayLike | None = None, out: NDArray[np.float32] | None = None, version: int = 1
    ) -> NDArray[np.float32]:
        """Shape (k, width, features): CANDIDATE_FEATURES of each candidate; what lies behind them in ``out`` stays."""
        chosen = self.rows(rows)
        shape = (chosen.size, self.width, len(CANDIDATE_FEATURES[version]))
        out = out_array(out, shape, "candidate features")
        self.run(candidate_features_rows, chosen, *self.feature_arrays, self._place, out)
        if version > 1:
            if self._lookahead is None:
                self._lookahead = lookahead(self.views, self.num_rows, self.width, *self.limits[:2])
            candidates = self.job, self.mode, self.count
            self.run(lookahead_rows, chosen, self.which, self.state, self.left, *candidates, *self._lookahead, out)
        if version > 2:
            self.run(other_modes_rows, chosen, self.which, self.state, *candidates, out)
        return out

    def graph_features(
        self,
        rows: ArrayLike | None = None,
        out: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
        version: int = 1,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """OPERATION_FEATURES (k, operations, features), by operation of the shop view, and MACHINE_FEATURES
        (k, machines, features); what lies behind those of a smaller shop in ``out`` is left."""
        chosen = self.rows(rows)
        operations = (chosen.size, self.limits.operations, len(OPERATION_FEATURES[version]))
        machines = (chosen.size, self.limits.machines, len(MACHINE_FEATURES[version]))
        operation = out_array(None if out is None else out[0], operations, "operation features")
        machine = out_array(None if out is None else out[1], machines, "machine features")
        arrays = self.which, self.state, self.left, self.job, self.mode, self.count, operation, machine
        self.run(graph_features_rows, chosen, *arrays)
        return operation, machine

    def choose(self, kernel: Callable[..., Any], rows: ArrayLike | None, *arrays: Any) -> IntArray:
        """Shape (k,): what a kernel with the signature of ``first_by_rule_rows`` chooses in each of the rows."""
        chosen = self.rows(rows)
        action = np.zeros(chosen.size, np.int64)
        self.run(kernel, chosen, *arrays, self.which, self.state, self.job, self.mode, self.count, action)
        return action

    @property
    def feature_arrays(self) -> tuple[NDArray[Any], ...]:
        """What ``candidate_features_rows`` takes before the places and the output."""
        scratch = self._queue, self._run
        return self.which, self.state, self.left, *scratch, self.job, self.mode, self.count

    def _arena(self) -> ShopArena:
        return self.arena

    def _arrays(self) -> tuple[Any, ...]:
        key = _NO_RULE, self._key
        return self._setting, *key, self.which, self.state, self.left, self.job, self.mode, self.count

    def _per_row(self) -> tuple[NDArray[Any], ...]:
        return self.which, self.state, self.left, self.job, self.mode, self.count

    def _kernels(self) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
        return begin_rows, step_rows, replay_rows


def _setting(scheme: str, delta: int, wait: bool, modes: str, forced: str) -> IntArray:
    for name, value, known in (
        ("scheme", scheme, tuple(SCHEMES)),
        ("modes", modes, MODES),
        ("forced", forced, ("ask", "take")),
    ):
        if value not in known:
            raise ValueError(f"{name}: found {value!r}, expected one of {', '.join(known)}")
    if not 0 <= delta <= 100:
        raise ValueError(f"delta: found {delta}, expected 0 to 100")
    if wait and scheme != "non_delay":
        raise ValueError(f"wait: found scheme {scheme}, expected non_delay, the only one with a clock")
    if modes == "conflict" and scheme != "giffler_thompson":
        raise ValueError(f"modes: found conflict with scheme {scheme}, expected giffler_thompson")
    setting = np.zeros(SETTINGS, np.int64)
    setting[SET_SCHEME], setting[SET_DELTA], setting[SET_WAIT] = SCHEMES[scheme], delta, wait
    setting[SET_MODES], setting[SET_FORCED] = MODES.index(modes), forced == "take"
    setting.setflags(write=False)
    return setting
