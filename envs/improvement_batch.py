"""Episodes that improve a complete schedule of a job shop, one move at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from makespan.envs.batch import MOVE_KIND, Batch, Candidates, Snapshot
from makespan.envs.improvement_arena import (
    RANDOM,
    ImprovementArena,
    ImprovementFacts,
    Start,
    checked_start,
    improvement_arena,
    improvement_facts,
)
from makespan.envs.improvement_features import IMPROVED_OPERATION_FEATURES, MOVE_FEATURES
from makespan.envs.rows import out_array
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.solvers.kernels.critical_blocks import N1, N5, N6, N7
from makespan.solvers.kernels.improvement_features import move_features_rows, operation_features_rows
from makespan.solvers.kernels.improvement_rows import (
    BEST,
    CANDIDATE,
    MOVES,
    NUMBERS,
    SET_NEIGHBOURHOOD,
    SET_RANDOM_PATH,
    SET_RANDOM_START,
    SET_STEPS,
    SETTINGS,
    TRUNCATED,
    VALUE,
    ImprovementRows,
    begin_improvement_rows,
    ends_rows,
    makespans_after_rows,
    replay_improvement_rows,
    step_improvement_rows,
)
from makespan.solvers.kernels.machine_orders import blank_nodes

NEIGHBOURHOODS = {"n1": N1, "n5": N5, "n6": N6, "n7": N7}

MEASURES = {"incumbent": BEST, "makespan": VALUE}
"""The least makespan of the episode so far; that of the schedule as it stands."""

_MOVES_PER_OPERATION = {N1: 1, N5: 1, N6: 2, N7: 4}
"""No critical path allows more."""


class ImprovementLimits(NamedTuple):
    """The largest shop that a batch has room for, in operations, and the most candidates that a row lists."""

    operations: int
    candidates: int

    @classmethod
    def of(cls, instances: Sequence[Instance], neighbourhood: str) -> ImprovementLimits:
        """What these shops need, so that no move is ever left out."""
        operations = max(1, *(instance.num_tasks for instance in instances))
        return cls(operations, operations * _MOVES_PER_OPERATION[_known_neighbourhood(neighbourhood)])


class ImprovementBatch(Batch):
    """Episodes that improve schedules of job shops, one move on one machine at a time in every row.

    The candidates of a row are the moves within the blocks of one critical path that close no circle: an operation goes
    to another place among those of its machine. They are listed from the beginning of the path on. A row is over after
    ``steps`` moves, or when there is none; the schedule is then optimal, unless moves are tabu or would close a circle.

    Parameters
    ----------
    instances
        Job shops with one machine per operation, of any sizes; see ``SEQUENCING_FEATURES``. The objective is the
        makespan.
    rows
        Number of rows; row r plays instance ``r % len(instances)`` at first. One per instance if left out.
    neighbourhood
        ``n1``: any two neighbours of a block are swapped; ``n5``: its first two or last two; ``n6``: any operation goes
        to either end of its block; ``n7``: also from either end to the inside.
    steps
        Moves of an episode at most.
    start
        What an episode begins with: a rule of ``solvers/priority_rules.py`` that inserts operations into gaps,
        ``random``: orders drawn from ``seed``, a schedule for each instance, or a function that makes one.
    path
        ``first``: where several paths are critical, always the same one; ``random``: one drawn from ``seed``.
    tabu
        The last moves that may not be undone: an operation that has passed another must not pass it back.
    threads
        Threads over rows.
    limits
        Room for larger shops than these, see ``replace``, or for fewer candidates: of more, those with the least
        estimates are listed.

    Memory: about ``80 x operations + 24 x candidates`` bytes per row. Not for use by two threads at a time.

    Sources: van Laarhoven, Aarts and Lenstra 1992 (N1), Nowicki and Smutnicki 1996 (N5), Balas and Vazacopoulos 1998
    (N6), Zhang, Li, Guan and Rao 2007 (N7); the decision process: Zhang et al. 2024 (ICLR, arXiv 2211.10936).

    Raises
    ------
    ValueError
        If there is no instance, one is no such job shop, or a parameter is out of range.
    """

    measures: ClassVar[tuple[str, ...]] = tuple(MEASURES)
    result: ClassVar[str] = "incumbent"

    def __init__(
        self,
        instances: Sequence[Instance],
        rows: int | None = None,
        *,
        neighbourhood: str = "n5",
        steps: int = 500,
        start: Start = "fdd_mwkr",
        path: str = "first",
        tabu: int = 1,
        threads: int = 1,
        limits: ImprovementLimits | None = None,
    ) -> None:
        super().__init__(instances, rows, threads)
        self._start = checked_start(start, len(self.instances))
        self._setting = _setting(neighbourhood, steps, path, start == RANDOM)
        if tabu < 0:
            raise ValueError(f"tabu: found {tabu}, expected 0 or more")
        self.limits = limits or ImprovementLimits.of(self.instances, neighbourhood)
        if min(self.limits) < 1:
            raise ValueError(f"limits: found {tuple(self.limits)}, expected 1 or more operations and candidates")
        self.width = self.limits.candidates
        self._facts = [self._checked_facts(number, each) for number, each in enumerate(self.instances)]
        self.arena = improvement_arena(self._facts)
        number, size = self.num_rows, self.limits.operations
        self.is_random = path == "random" or start == RANDOM
        self.state = ImprovementRows(
            node=blank_nodes(number * (size + 1) - 1).reshape(number, size + 1),
            order=np.zeros((number, size), np.uint32),
            line=np.zeros((number, size), np.uint32),
            best=np.zeros((number, size), np.int64),
            candidate=np.zeros((number, self.width), CANDIDATE),
            tabu=np.full((number, tabu, 2), -1, np.int32),
            number=np.zeros((number, NUMBERS), np.int64),
            random=np.zeros((number, 1), np.uint64),
            seed=self.seed,
        )
        self.reset()

    @property
    def is_complete(self) -> NDArray[np.bool_]:
        return np.ones(self.num_rows, np.bool_)

    @property
    def is_truncated(self) -> NDArray[np.bool_]:
        """Shape (rows,): over after ``steps`` moves, though there were more to choose from."""
        truncated: NDArray[np.bool_] = self.state.number[:, TRUNCATED] == 1
        return truncated

    def replace(self, numbers: Sequence[int], instances: Sequence[Instance]) -> None:
        if not (isinstance(self._start, str) or callable(self._start)):
            raise ValueError("replace: found a schedule for each instance to start from, expected a rule or a function")
        kept, facts = list(self.instances), list(self._facts)
        for number, instance in zip(numbers, instances, strict=True):
            facts[number : number + 1] = [self._checked_facts(number, instance)]
            kept[number : number + 1] = [instance]
        self.instances, self._facts = tuple(kept), facts
        self.arena = improvement_arena(facts)

    def candidates(self, rows: ArrayLike | None = None) -> Candidates:
        chosen = self.rows(rows)
        used = np.arange(self.width) < self.count[chosen, None]
        task = self.ends(chosen)[:, 0]
        arena, shop = self.arena, self.which[chosen, None]
        machine = arena.machine[arena.task_ptr[shop] + np.maximum(task, 0)]
        place = self.state.candidate["target"][chosen] - arena.line_ptr[arena.line_at[shop] + machine + 1]
        return Candidates(
            self.count[chosen],
            task,
            np.where(used, place, -1).astype(np.int32),
            np.full(task.shape, MOVE_KIND, np.int8),
        )

    def ends(self, rows: ArrayLike | None = None) -> NDArray[np.int32]:
        """Shape (k, 2, width): the operation that each candidate moves, and the one whose place it takes; those behind
        that one, up to the first, move up. -1 behind the last candidate."""
        chosen = self.rows(rows)
        operation = np.full((chosen.size, 2, self.width), -1, np.int32)
        self.run(ends_rows, chosen, self.state, self.which, self.count, operation)
        return operation

    def estimates(self, rows: ArrayLike | None = None) -> IntArray:
        """Shape (k, width): about the makespan after each candidate, as tabu search sees it; 2**62 behind the last."""
        chosen = self.rows(rows)
        used = np.arange(self.width) < self.count[chosen, None]
        return np.where(used, self.state.candidate["estimate"][chosen], 2**62)

    def makespans_after(self, rows: ArrayLike | None = None) -> IntArray:
        """Shape (k, width): the makespan after each candidate; 2**62 behind the last. Costs two moves for each."""
        chosen = self.rows(rows)
        value = np.full((chosen.size, self.width), 2**62)
        self.run(makespans_after_rows, chosen, self.state, self.which, self.count, value)
        return value

    def measure(self, name: str, rows: ArrayLike | None = None) -> IntArray:
        """Shape (k,): one of MEASURES for these rows, in the instance's unit of time."""
        if name not in MEASURES:
            raise ValueError(f"measure: found {name!r}, expected one of {', '.join(MEASURES)}")
        value: IntArray = self.state.number[self.rows(rows), MEASURES[name]]
        return value

    def go_back(self, snapshot: Snapshot, rows: ArrayLike | None = None) -> None:
        """Return to the schedules of a snapshot of these rows, but keep the moves made and the incumbent: a restart."""
        chosen = self.rows(rows)
        kept, best = self.state.number[chosen[:, None], (BEST, MOVES)], self.state.best[chosen]
        self.restore(snapshot, chosen)
        self.state.number[chosen[:, None], (BEST, MOVES)] = kept
        self.state.best[chosen] = best

    def partial(self, row: int) -> tuple[Instance, Schedule]:
        """The instance and the best schedule of the episode so far."""
        instance = self.instances[self.which[row]]
        return instance, Schedule(self.state.best[row, : instance.num_tasks])

    def current(self, row: int) -> Schedule:
        """The schedule as it stands after the last move."""
        return Schedule(self.state.node["head"][row, : self.instances[self.which[row]].num_tasks])

    def candidate_features(
        self, rows: ArrayLike | None = None, out: NDArray[np.float32] | None = None, version: int = 1
    ) -> NDArray[np.float32]:
        """Shape (k, width, features): MOVE_FEATURES of each candidate; what lies behind them in ``out`` stays."""
        chosen = self.rows(rows)
        out = out_array(out, (chosen.size, self.width, len(MOVE_FEATURES[version])), "candidate features")
        self.run(move_features_rows, chosen, self._setting, self.state, self.which, self.count, out)
        return out

    def operation_features(
        self, rows: ArrayLike | None = None, out: NDArray[np.float32] | None = None, version: int = 1
    ) -> NDArray[np.float32]:
        """Shape (k, operations, features): IMPROVED_OPERATION_FEATURES by task; what lies behind the tasks of a smaller
        shop in ``out`` stays."""
        chosen = self.rows(rows)
        shape = chosen.size, self.limits.operations, len(IMPROVED_OPERATION_FEATURES[version])
        out = out_array(out, shape, "operation features")
        self.run(operation_features_rows, chosen, self.state, self.which, out)
        return out

    def arcs(self, rows: ArrayLike | None = None) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Job arcs and machine arcs, both (k, 2, operations): column v leads from task v to the next one of its job, or
        on its machine; -1 where there is none."""
        node = self.state.node[self.rows(rows)]
        origin = np.broadcast_to(np.arange(self.limits.operations), (node.shape[0], self.limits.operations))
        size = np.diff(self.arena.task_ptr)[self.which[self.rows(rows)], None]
        arcs = []
        for field in ("job_succ", "machine_succ"):
            target = node[field][:, :-1].astype(np.int64)
            arc = np.stack((origin, target), axis=1)
            arcs.append(np.where(((origin < size) & (target < size))[:, None], arc, -1).astype(np.int32))
        return arcs[0], arcs[1]

    def _checked_facts(self, number: int, instance: Instance) -> ImprovementFacts:
        if instance.num_tasks > self.limits.operations:
            expected = self.limits.operations
            raise ValueError(
                f"batch: found an instance with {instance.num_tasks} operations, expected at most {expected}"
            )
        given = self._start
        return improvement_facts(instance, given if isinstance(given, str) or callable(given) else given[number])

    def _arena(self) -> ImprovementArena:
        return self.arena

    def _arrays(self) -> tuple[Any, ...]:
        return self._setting, self.state, self.which, self.count

    def _per_row(self) -> tuple[NDArray[Any], ...]:
        return self.which, self.count, *self.state

    def _kernels(self) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
        return begin_improvement_rows, step_improvement_rows, replay_improvement_rows


def _known_neighbourhood(name: str) -> int:
    if name not in NEIGHBOURHOODS:
        raise ValueError(f"neighbourhood: found {name!r}, expected one of {', '.join(NEIGHBOURHOODS)}")
    return NEIGHBOURHOODS[name]


def _setting(neighbourhood: str, steps: int, path: str, random_start: bool) -> IntArray:
    if steps < 1:
        raise ValueError(f"steps: found {steps}, expected 1 or more")
    if path not in ("first", "random"):
        raise ValueError(f"path: found {path!r}, expected first or random")
    setting = np.zeros(SETTINGS, np.int64)
    setting[SET_NEIGHBOURHOOD], setting[SET_STEPS] = _known_neighbourhood(neighbourhood), steps
    setting[SET_RANDOM_PATH], setting[SET_RANDOM_START] = path == "random", random_start
    setting.setflags(write=False)
    return setting
