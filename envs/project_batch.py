"""Episodes that build schedules of projects: RCPSP, its multi-mode form, and shops as projects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from makespan.envs.batch import START_KIND, Batch, Candidates
from makespan.envs.features import ACTIVITY_CANDIDATE_FEATURES, ACTIVITY_FEATURES, RESOURCE_FEATURES
from makespan.envs.project_arena import ProjectArena, project_arena
from makespan.envs.rows import out_array
from makespan.instances.instance import Instance, IntArray
from makespan.instances.project_view import project_view
from makespan.instances.schedule import Schedule
from makespan.instances.subset import subset
from makespan.solvers.kernels import project_features
from makespan.solvers.kernels.project_features import (
    measure_project_rows,
    project_candidates_rows,
    project_graph_rows,
)
from makespan.solvers.kernels.project_rows import (
    PARALLEL,
    PROGRESS_SIZE,
    SERIAL,
    SET_FORCED,
    SET_SCHEME,
    SETTINGS,
    Row,
    begin_project_rows,
    replay_project_rows,
    step_project_rows,
)
from makespan.solvers.kernels.project_state import ACTIVITY, BROKEN, NEVER, POINT, POSITION

SCHEMES = {"serial": SERIAL, "parallel": PARALLEL}

MEASURES = {
    "lower_bound": project_features.LOWER_BOUND,
    "makespan": project_features.MAKESPAN_SO_FAR,
    "tardiness": project_features.TARDINESS,
    "flow_time": project_features.FLOW_TIME,
}
"""Numbers that never fall while a schedule grows and end at its value: a lower bound on the makespan; the largest end
so far; the weighted tardiness and the flow time of what is placed."""


class ProjectLimits(NamedTuple):
    """The largest project that a batch has room for."""

    activities: int
    resources: int
    modes: int
    """Of one activity."""
    total_modes: int
    arcs: int
    demands: int
    """Of one mode."""
    points: int
    """Breakpoints of all usage profiles: two for each activity and resource it can use, and two for each resource."""
    jobs: int

    @classmethod
    def of(cls, instances: Sequence[Instance]) -> ProjectLimits:
        """What these projects need."""
        needs = [_needs(instance) for instance in instances]
        return cls(*(max(values) for values in zip(*needs, strict=True)))


def _needs(instance: Instance) -> tuple[int, ...]:
    view = project_view(instance)
    return (
        view.num_tasks,
        view.capacity.size,
        int(np.diff(view.mode_ptr).max(initial=1)),
        view.duration.size,
        view.pred_task.size,
        int(np.diff(view.demand_ptr).max(initial=0)),
        int(view.point_ptr[-1]),
        instance.num_jobs,
    )


class ProjectBatch(Batch):
    """Episodes that build schedules of projects, one activity at a time in every row.

    Parameters
    ----------
    instances
        The projects that rows can play, of any sizes; see ``PROJECT_FEATURES`` for what they may have.
    rows
        Number of rows; row r plays instance ``r % len(instances)`` at first. One per instance if left out.
    scheme
        ``serial``: every activity whose predecessors are placed is a candidate, and goes where it first fits.
        ``parallel``: those that can start at the clock.
    forced
        ``ask``, or ``take``: a decision between one candidate and nothing else is no decision.
    threads
        Threads over rows.
    limits
        Room for larger projects than these, see ``replace``.

    Memory: about ``8 x (9 x activities + 2 x points)`` bytes per row. Not for use by two threads at a time.

    Raises
    ------
    ValueError
        If there is no instance, one has features that schedule generation does not take or arcs that close a cycle, or
        a parameter is out of range.
    """

    measures: ClassVar[tuple[str, ...]] = tuple(MEASURES)

    def __init__(
        self,
        instances: Sequence[Instance],
        rows: int | None = None,
        *,
        scheme: str = "serial",
        forced: str = "ask",
        threads: int = 1,
        limits: ProjectLimits | None = None,
    ) -> None:
        self._setting = _setting(scheme, forced)
        super().__init__(instances, rows, threads)
        number = self.num_rows
        self.arena = project_arena(self.instances)
        self.limits = limits or ProjectLimits.of(self.instances)
        for instance in self.instances:
            self._check_room(instance)
        tasks, resources = max(1, self.limits.activities), max(1, self.limits.resources)
        self.width = max(1, self.limits.total_modes)
        self.state = Row(
            activity=np.zeros((number, tasks), ACTIVITY),
            eligible=np.zeros((number, tasks), np.int32),
            progress=np.zeros((number, PROGRESS_SIZE), np.int64),
            point=np.zeros((number, max(1, self.limits.points)), POINT),
            point_count=np.zeros((number, resources), np.int64),
            cursor=np.zeros((number, self.limits.demands + 1), np.int64),
            chosen=np.zeros((number, tasks), np.int32),
            budget=np.zeros((number, resources), np.int64),
            placed=np.zeros((number, tasks), np.int8),
        )
        self.task, self.mode = np.zeros((2, number, self.width), np.int32)
        self._score = np.zeros(tasks, np.int64)
        self._job_end = np.zeros((number, max(1, self.limits.jobs)), np.int64)
        self._start = np.zeros((number, self.width), np.int64)
        self._early = np.zeros((number, tasks), np.int64)
        self._place = np.tile(np.arange(self.width, dtype=np.int32), (number, 1))
        self.reset()

    def replace(self, numbers: Sequence[int], instances: Sequence[Instance]) -> None:
        for instance in instances:
            self._check_room(instance)
        self.instances = self._replaced(numbers, instances)
        self.arena = project_arena(self.instances)

    def _check_room(self, instance: Instance) -> None:
        for name, needed, limit in zip(ProjectLimits._fields, _needs(instance), self.limits, strict=True):
            if needed > limit:
                raise ValueError(f"batch: found an instance with {needed} {name}, expected at most {limit}")

    @property
    def is_complete(self) -> NDArray[np.bool_]:
        tasks = np.array([each.num_tasks for each in self.instances])[self.which]
        complete: NDArray[np.bool_] = (self.state.progress[:, POSITION] == tasks) & (
            self.state.progress[:, BROKEN] == 0
        )
        return complete

    def candidates(self, rows: ArrayLike | None = None) -> Candidates:
        chosen = self.rows(rows)
        used = np.arange(self.width) < self.count[chosen, None]
        task = np.where(used, self.task[chosen], -1)
        first = np.array([0, *(each.mode_ptr.size - 1 for each in self.instances)]).cumsum()
        ptr = np.concatenate([each.mode_ptr[:-1] for each in self.instances])
        mode = self.mode[chosen] - ptr[first[self.which[chosen], None] + np.maximum(task, 0)]
        kind = np.full(used.shape, START_KIND, np.int8)
        return Candidates(self.count[chosen], task.astype(np.int32), np.where(used, mode, -1).astype(np.int32), kind)

    def candidate_starts(self, rows: ArrayLike | None = None) -> IntArray:
        """Shape (k, width): when each candidate would start; 2**62 behind the last. Costs what their features do."""
        chosen = self.rows(rows)
        self.candidate_features(chosen)
        return np.where(np.arange(self.width) < self.count[chosen, None], self._start[chosen], NEVER)

    def measure(self, name: str, rows: ArrayLike | None = None) -> IntArray:
        if name not in MEASURES:
            raise ValueError(f"measure: found {name!r}, expected one of {', '.join(MEASURES)}")
        chosen = self.rows(rows)
        value = np.zeros(chosen.size, np.int64)
        self.run(measure_project_rows, chosen, self.which, self.state, self._job_end, MEASURES[name], value)
        return value

    def partial(self, row: int) -> tuple[Instance, Schedule]:
        instance = self.instances[self.which[row]]
        tasks = instance.num_tasks
        keep = self.state.placed[row, :tasks] > 0
        start = self.state.activity[row, :tasks]["start"]
        mode = self.state.chosen[row, :tasks] - instance.mode_ptr[:-1]
        return instance if keep.all() else subset(instance, keep), Schedule(start[keep], mode[keep])

    def candidate_features(
        self, rows: ArrayLike | None = None, out: NDArray[np.float32] | None = None, version: int = 1
    ) -> NDArray[np.float32]:
        """Shape (k, width, features): ACTIVITY_CANDIDATE_FEATURES; what lies behind the candidates in ``out`` stays."""
        chosen = self.rows(rows)
        out = out_array(out, (chosen.size, self.width, len(ACTIVITY_CANDIDATE_FEATURES[version])), "features")
        self.fill_candidates(chosen, self._place, out)
        return out

    def fill_candidates(self, rows: IntArray, place: NDArray[np.int32], out: NDArray[np.float32]) -> None:
        """The features of candidate c of row r go to ``out[i, place[r, c]]`` for r = ``rows[i]``."""
        candidates = self.task, self.mode, self.count
        self.run(project_candidates_rows, rows, self.which, self.state, self._start, *candidates, place, out)

    def graph_features(
        self,
        rows: ArrayLike | None = None,
        out: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
        version: int = 1,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """ACTIVITY_FEATURES (k, activities, features) and RESOURCE_FEATURES (k, resources, features); what lies behind
        those of a smaller project in ``out`` is left."""
        chosen, limits = self.rows(rows), self.limits
        first, second = (None, None) if out is None else out
        nodes = out_array(first, (chosen.size, limits.activities, len(ACTIVITY_FEATURES[version])), "activities")
        resources = out_array(second, (chosen.size, limits.resources, len(RESOURCE_FEATURES[version])), "resources")
        self.run(project_graph_rows, chosen, self.which, self.state, self._early, nodes, resources)
        return nodes, resources

    def _arena(self) -> ProjectArena:
        return self.arena

    def _arrays(self) -> tuple[Any, ...]:
        return self._setting, self.which, self.state, self._score, self.task, self.mode, self.count

    def _per_row(self) -> tuple[NDArray[Any], ...]:
        return self.which, *self.state, self.task, self.mode, self.count

    def _kernels(self) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
        return begin_project_rows, step_project_rows, replay_project_rows


def _setting(scheme: str, forced: str) -> IntArray:
    for name, value, known in (("scheme", scheme, tuple(SCHEMES)), ("forced", forced, ("ask", "take"))):
        if value not in known:
            raise ValueError(f"{name}: found {value!r}, expected one of {', '.join(known)}")
    setting = np.zeros(SETTINGS, np.int64)
    setting[SET_SCHEME], setting[SET_FORCED] = SCHEMES[scheme], forced == "take"
    setting.setflags(write=False)
    return setting
