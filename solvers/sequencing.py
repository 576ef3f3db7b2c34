"""Sequencing: operations with one machine each, to be ordered on it; the form in which local search sees a shop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from makespan.instances.dates import tightest
from makespan.instances.features import unsupported
from makespan.instances.instance import HORIZON_LIMIT, Instance, IntArray
from makespan.instances.shop_view import shop_view
from makespan.solvers.kernels.critical_blocks import N5, N6, N7, scratch
from makespan.solvers.kernels.machine_orders import UNCOUNTED, Orders, blank_nodes, earliest_starts, find_sinks
from makespan.solvers.kernels.tabu import (
    BEST,
    CLOCK,
    IMPROVED,
    LEAST_TAIL,
    LONGEST,
    NEIGHBOURHOOD,
    REACH,
    SETTINGS,
    SHORTEST,
    STUCK,
    TABU,
    TABU_SLOTS,
    VALUE,
    Search,
    load,
    tabu_slice,
)

SEQUENCING_FEATURES = frozenset({"recirculation", "release", "due", "weight", "objective"})
"""Features of the instances that are sequencing problems; of the objectives, the makespan or the maximum lateness."""

NEIGHBOURHOODS = {"n5": N5, "n6": N6, "n7": N7}

_FOREVER = 2**62


class SequencingProblem(NamedTuple):
    """Operations on machines; all arrays (n,) int64.

    The value of a schedule is the largest end + ``tail``; every operation starts at its ``release`` or later, after its
    predecessor in the job, and alone on its machine.

    Parameters
    ----------
    duration
        >= 0.
    machine
        0 and up, or -1: none, and none needed.
    job_pred, job_succ
        The one operation before and after it in its job, -1 for none.
    release
        >= 0.
    tail
        May be negative; UNCOUNTED where the end does not enter the value.
    """

    duration: IntArray
    machine: IntArray
    job_pred: IntArray
    job_succ: IntArray
    release: IntArray
    tail: IntArray


def sequencing_problem(instance: Instance) -> SequencingProblem:
    """The sequencing problem of an instance, one operation per task; see ``Instance.derived``.

    Raises ValueError naming the features that are none of its, or the objective. O(n log n).
    """
    refusal = unsupported(instance, SEQUENCING_FEATURES, "machine sequencing")
    if refusal:
        raise ValueError(refusal)
    if instance.objective[0] not in ("makespan", "max_lateness") or len(instance.objective) > 1:
        found = ", ".join(instance.objective)
        raise ValueError(f"machine sequencing: found objective {found}, expected makespan or max_lateness")
    n, view = instance.num_tasks, instance.derived(shop_view)
    pred, succ = np.full((2, n), -1, np.int64)
    pred[instance.arc_succ] = instance.arc_pred
    succ[instance.arc_pred] = instance.arc_succ
    release = np.empty(n, np.int64)
    release[view.task] = view.release
    tail = np.zeros(n, np.int64)
    if instance.objective[0] == "max_lateness":
        due = tightest(instance, instance.due, instance.job_due)
        tail = np.where(due < HORIZON_LIMIT, -due, UNCOUNTED)
    # A task that takes no time needs no machine, but where it has one it may as well keep to its order.
    problem = SequencingProblem(
        instance.duration, instance.machine[instance.mode_ptr[:-1]].astype(np.int64), pred, succ, release, tail
    )
    for array in problem:
        array.setflags(write=False)
    return problem


class TabuSearch:
    """Tabu search on one sequencing problem, at any size and outside any stage.

    Load a schedule, run slices, take the best; everything else is kept between the calls. Memory and the cost of
    construction are linear in the number of operations. Not for use by two threads at a time; ``run`` releases the GIL.

    Parameters
    ----------
    problem
        At least one operation. Not checked beyond what the kernels need: a job must not be a circle.
    seed
        Same seed and calls, same results.
    neighbourhood
        A name in NEIGHBOURHOODS.
    """

    def __init__(self, problem: SequencingProblem, seed: int = 0, neighbourhood: str = "n7") -> None:
        self.problem = problem
        n = problem.duration.size
        if n == 0:
            raise ValueError("tabu search: found no operation, expected at least one")
        self._by_job = jobs_in_order(problem)
        counts = np.bincount(problem.machine + 1)
        setting = np.zeros(SETTINGS, np.int64)
        jobs, machines = int((problem.job_pred < 0).sum()), max(1, int((counts[1:] > 0).sum()))
        setting[SHORTEST] = 10 + jobs // machines
        setting[LONGEST] = setting[SHORTEST] * (14 if jobs <= 2 * machines else 15) // 10
        setting[NEIGHBOURHOOD], setting[REACH] = NEIGHBOURHOODS[neighbourhood], n
        node = operation_records(problem)
        sink = np.empty(n, np.int64)
        sinks = find_sinks(node, self._by_job, sink)
        setting[LEAST_TAIL] = problem.tail[sink[:sinks]].min()
        orders = Orders(
            node=node,
            order=np.zeros(n, np.uint32),
            line=np.zeros(n, np.uint32),
            line_ptr=np.concatenate((np.zeros(1, np.int64), np.cumsum(counts))),
            machine=np.array(problem.machine, np.int64),
            sink=sink[:sinks].copy(),
            moved=np.zeros(max(n, counts.size + 1), np.int64),
        )
        random = np.array([seed % 2**64], np.uint64)
        self._setting, self._orders, self._best = setting, orders, np.zeros(n, np.uint32)
        self.arrays = Search(orders, self._best, *scratch(n), np.zeros(TABU_SLOTS, TABU), setting, random)
        self._takes_time = problem.duration[self._by_job] > 0
        self._free, self._sequence = np.zeros(counts.size, np.int64), np.zeros(n, np.uint32)

    @property
    def value(self) -> int:
        """Of the orders the search stands at."""
        return int(self._setting[VALUE])

    @property
    def best_value(self) -> int:
        """The best since the last ``load``."""
        return int(self._setting[BEST])

    @property
    def idle(self) -> int:
        """Moves since that best was found."""
        return int(self._setting[CLOCK] - self._setting[IMPROVED])

    @property
    def is_stuck(self) -> bool:
        """Whether no move is left: no order on a machine is to blame for the value."""
        return bool(self._setting[STUCK])

    @property
    def order(self) -> NDArray[np.uint32]:
        """Shape (n,): a topological order of the orders the search stands at. Not a copy."""
        return self._orders.order

    @property
    def best_order(self) -> NDArray[np.uint32]:
        """Shape (n,): the same of the best; ``load_order`` takes it. Not a copy."""
        return self._best

    def order_of(self, start: ArrayLike) -> NDArray[np.uint32]:
        """See ``order_by_start``."""
        return order_by_start(self._by_job, self._takes_time, start)

    def load(self, start: ArrayLike) -> None:
        """Begin from a schedule: its order on each machine. Raises as ``load_order``. O(n log n)."""
        self.load_order(self.order_of(start))

    def load_order(self, order: NDArray[np.uint32]) -> None:
        """Begin from the machine orders of a sequence of all operations. O(n).

        Raises ValueError if it is none, or an operation comes before its predecessor in the job.
        """
        if order.shape != self._sequence.shape:
            raise ValueError(f"tabu search: found a sequence of shape {order.shape}, expected {self._sequence.shape}")
        self._sequence[:] = order
        if not load(self.arrays, self._sequence):
            raise ValueError("tabu search: found a start that breaks the order of a job, expected one that keeps it")

    def run(self, moves: int, cutoff: int = -_FOREVER, patience: int = _FOREVER) -> int:
        """Make at most ``moves`` moves, in one compiled call; returns how many were made.

        Fewer at a best value <= ``cutoff``, after ``patience`` moves without a better one, or when stuck.
        """
        return int(tabu_slice(self.arrays, moves, patience, cutoff))

    def best_start(self) -> IntArray:
        """Shape (n,): start times of the best orders, as early as they allow. O(n)."""
        start = np.empty(self._best.size, np.int64)
        earliest_starts(self._orders.node, self._orders.machine, self._best, self._free, start)
        return start


def order_by_start(by_job: NDArray[np.uint32], takes_time: NDArray[np.bool_], start: ArrayLike) -> NDArray[np.uint32]:
    """Shape (n,): the operations by start; where equal, those of no duration first, then as their job has them.

    ``by_job``: see ``jobs_in_order``; ``takes_time``, ordered like it, tells which have a duration. O(n log n).
    """
    begin = np.asarray(start, np.int64)[by_job]
    return by_job[np.argsort(2 * begin + takes_time, kind="stable")]


def jobs_in_order(problem: SequencingProblem) -> NDArray[np.uint32]:
    """The operations such that each comes after its predecessor in the job."""
    pred, n = problem.job_pred, problem.duration.size
    if (pred < np.arange(n)).all():
        return np.arange(n, dtype=np.uint32)
    # Pointer doubling: how many operations come before each one in its job.
    before = np.where(pred < 0, np.arange(n), pred)
    rank = (pred >= 0).astype(np.int64)
    for _ in range(n.bit_length()):
        rank = rank + rank[before]
        before = before[before]
    return np.argsort(rank, kind="stable").astype(np.uint32)


def operation_records(problem: SequencingProblem) -> NDArray:
    """The records of the operations, one cache line each, and the one behind them."""
    n = problem.duration.size
    node = blank_nodes(n)
    node["own_tail"] = UNCOUNTED
    node["job_pred"] = node["job_succ"] = n
    for field, values in (("duration", problem.duration), ("release", problem.release), ("own_tail", problem.tail)):
        node[field][:n] = values
    for field, values in (("job_pred", problem.job_pred), ("job_succ", problem.job_succ)):
        node[field][:n] = np.where(values < 0, n, values)
    return node
