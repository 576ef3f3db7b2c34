"""Stage and Context: the contract that all methods share."""

from __future__ import annotations

import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from makespan.instances.check import check
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule, objective_values


@dataclass(frozen=True)
class Budget:
    """When a run must stop; the first limit reached counts, an empty budget runs until proof or exhaustion.

    Parameters
    ----------
    seconds
        Wall clock, > 0; excludes reading, compiling and writing.
    iterations
        Method's own steps (schedules built, moves made), > 0; the way to reproducible runs.
    target
        Stop at an objective <= target.
    gap
        Stop when (objective - lower bound) <= gap * |objective|; 0.01 is one per cent.
    """

    seconds: float | None = None
    iterations: int | None = None
    target: int | None = None
    gap: float | None = None

    def __post_init__(self) -> None:
        for name in ("seconds", "iterations"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"budget: {name} is {value}, expected more than 0")
        if self.gap is not None and not self.gap >= 0:
            raise ValueError(f"budget: gap is {self.gap}, expected 0 or more")


@dataclass(frozen=True)
class Event:
    """Something that happened during a run.

    ``kind``: ``stage`` (one begins), ``compile``, ``solution``, ``bound``, ``log``, ``hint``, ``failed``. ``seconds``
    since the clock started; ``data`` is JSON-able. A ``solution`` brings its ``schedule``.
    """

    kind: str
    seconds: float
    data: dict[str, Any] = field(default_factory=dict)
    schedule: Schedule | None = None


class InternalError(RuntimeError):
    """A solver broke a promise: an infeasible schedule or a bound above an objective. Never the user's fault."""


class Refused(RuntimeError):
    """A stage cannot take on this instance on this machine (memory, say); a limit, not a failure."""


@runtime_checkable
class Stage(Protocol):
    """A method. Its parameters are fields; those of the run live in the context.

    ``kernels`` names the compiled functions it will call and ``warm`` calls them on something tiny, outside the clock.
    ``run`` offers schedules and bounds as it finds them, looks at ``context.expired()`` at least every 50 ms of work
    (CP-SAT: is killed), and returns when done.
    """

    supports: ClassVar[frozenset[str]]

    @property
    def kernels(self) -> tuple[Any, ...]: ...

    def warm(self) -> None: ...

    def run(self, instance: Instance, context: Context) -> None: ...


class Chooser(ABC):
    """A solver that runs nothing itself but chooses the stages that fit an instance."""

    supports: ClassVar[frozenset[str]]

    @abstractmethod
    def choose(self, instance: Instance, budget: Budget, threads: int) -> str:
        """The spec of the stages to run in its place."""


class _Shared:
    """What all lanes of a run share; every change is made under the lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.stop = threading.Event()
        self.events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self.trace: list[tuple[float, int | None, int | None]] = []
        self.cleanups: list[Callable[[], None]] = []
        self.started = time.perf_counter()
        self.incumbent: Schedule | None = None
        self.objectives: tuple[int, ...] | None = None
        self.found_by: str | None = None
        self.lower_bound: int | None = None
        self.proof: str | None = None
        self.reason: str | None = None
        self.iterations = 0
        self.closed = False


class Context:
    """What a stage knows of its run: clock, incumbent, bound, stop flag and events. Thread-safe.

    Stages that run side by side each have a context of their own, made by ``branch``, with limits and threads of its
    own; whatever one of them finds, all of them see.
    """

    def __init__(
        self,
        instance: Instance,
        budget: Budget,
        seed: int,
        threads: int,
        *,
        lane: int = 0,
        shared: _Shared | None = None,
    ) -> None:
        self.instance = instance
        self.budget = budget
        self.seed = seed
        self.threads = threads
        self.solver = ""
        self._lane = lane
        self._shared = shared or _Shared()
        self._stage_deadline: float | None = None
        self._stage_iterations: int | None = None
        self._counted = 0  # iterations since the stage began

    def branch(self, lane: int, threads: int, seconds: float | None = None) -> Context:
        """The context of a lane: other random numbers, ``threads`` threads, and an end ``seconds`` from now."""
        limit = self.budget.seconds
        if seconds is not None:
            limit = self.seconds() + min(seconds, self.remaining())
        budget = replace(self.budget, seconds=limit)
        return Context(self.instance, budget, self.seed, threads, lane=lane, shared=self._shared)

    # -- clock and limits ------------------------------------------------------------------------

    def start_clock(self) -> None:
        self._shared.started = time.perf_counter()

    def seconds(self) -> float:
        """Since the clock started."""
        return time.perf_counter() - self._shared.started

    def remaining(self) -> float:
        """Seconds left to the running stage; infinity without a limit."""
        limits = [limit for limit in (self.budget.seconds, self._stage_deadline) if limit is not None]
        return max(0.0, min(limits) - self.seconds()) if limits else float("inf")

    def remaining_iterations(self) -> int | None:
        """Iterations left to the running stage; None without a limit."""
        left = []
        if self.budget.iterations is not None:
            left.append(self.budget.iterations - self.iterations)
        if self._stage_iterations is not None:
            left.append(self._stage_iterations - self._counted)
        return max(0, min(left)) if left else None

    def count(self, iterations: int) -> None:
        """Report work done; rules count schedules, searches count moves."""
        with self._shared.lock:
            self._shared.iterations += iterations
            self._counted += iterations

    def expired(self) -> bool:
        """Whether the running stage must return now."""
        return self._shared.stop.is_set() or self.remaining() <= 0 or self.remaining_iterations() == 0

    def overdue(self) -> bool:
        """Whether a stop was asked for or the time of the whole run is up."""
        seconds = self.budget.seconds
        return self._shared.stop.is_set() or (seconds is not None and self.seconds() >= seconds)

    def finished(self) -> bool:
        """Whether no further stage should start."""
        iterations = self.budget.iterations
        return self.overdue() or (iterations is not None and self.iterations >= iterations)

    def stop(self) -> None:
        """Ask every stage to return."""
        self._shared.stop.set()

    def begin_stage(self, name: str, seconds: float | None, iterations: int | None) -> None:
        """Set the limits of the next stage; ``seconds`` counts from now."""
        self.solver = name
        self._stage_deadline = None if seconds is None else self.seconds() + seconds
        self._stage_iterations = iterations
        self._counted = 0
        self.emit("stage", solver=name)

    def rng(self, stream: int = 0) -> np.random.Generator:
        """A generator that depends on the seed, the lane and the stream alone."""
        return np.random.default_rng([self.seed, stream, self._lane] if self._lane else [self.seed, stream])

    # -- results ---------------------------------------------------------------------------------

    @property
    def incumbent(self) -> Schedule | None:
        """The best schedule of the run."""
        return self._shared.incumbent

    @property
    def objectives(self) -> tuple[int, ...] | None:
        """The values of the incumbent."""
        return self._shared.objectives

    @property
    def found_by(self) -> str | None:
        """Who made the incumbent."""
        return self._shared.found_by

    @property
    def lower_bound(self) -> int | None:
        """Of the first objective."""
        return self._shared.lower_bound

    @property
    def proof(self) -> str | None:
        """``optimal`` or ``infeasible``."""
        return self._shared.proof

    @property
    def reason(self) -> str | None:
        """Why there is no schedule."""
        return self._shared.reason

    @property
    def iterations(self) -> int:
        """Counted by all stages together."""
        return self._shared.iterations

    @property
    def trace(self) -> list[tuple[float, int | None, int | None]]:
        """(seconds, objective, bound) at each change."""
        return self._shared.trace

    @property
    def events(self) -> queue.SimpleQueue[Event | None]:
        """What the main thread reads; None ends it."""
        return self._shared.events

    def offer(self, schedule: Schedule, by: str | None = None) -> bool:
        """Check a schedule and keep it if it is better; returns whether it was. O(check).

        ``by`` says who made it more exactly than the stage's own spec: which of its rules, in which scheme.
        Raises InternalError if it breaks a constraint or beats the lower bound.
        """
        broken = check(self.instance, schedule)
        if broken:
            raise InternalError(f"{self.solver}: infeasible schedule: {broken[0].message}")
        values = objective_values(self.instance, schedule)
        shared = self._shared
        with shared.lock:
            if shared.closed or (shared.objectives is not None and values >= shared.objectives):
                return False
            self._refuse_contradiction(values[0], shared.lower_bound)
            shared.incumbent, shared.objectives, shared.found_by = schedule, values, by or self.solver
            self._mark("solution", objective=values[0], objectives=list(values), solver=shared.found_by)
        return True

    def offer_bound(self, bound: int) -> bool:
        """Raise the lower bound of the first objective; returns whether it rose."""
        shared = self._shared
        with shared.lock:
            if shared.closed or (shared.lower_bound is not None and bound <= shared.lower_bound):
                return False
            self._refuse_contradiction(None if shared.objectives is None else shared.objectives[0], bound)
            shared.lower_bound = int(bound)
            self._mark("bound", lower_bound=int(bound), solver=self.solver)
        return True

    def prove_optimal(self) -> None:
        """The incumbent is optimal in the whole list of objectives. Only a proof may say so."""
        shared = self._shared
        with shared.lock:
            if shared.objectives is not None and not shared.closed:
                shared.proof = "optimal"
                self.offer_bound(shared.objectives[0])
                self.stop()

    def prove_infeasible(self, reason: str) -> None:
        """No schedule exists."""
        shared = self._shared
        with shared.lock:
            if shared.closed:
                return
            if shared.incumbent is not None:
                raise InternalError(f"{self.solver}: infeasible ({reason}), yet a checked schedule exists")
            shared.proof, shared.reason = "infeasible", reason
            self.stop()

    def emit(self, kind: str, **data: Any) -> None:
        """Put an event on the queue that the main thread reads."""
        self.events.put(Event(kind, self.seconds(), data))

    # -- lifetime --------------------------------------------------------------------------------

    def on_close(self, cleanup: Callable[[], None]) -> None:
        """Run ``cleanup`` when the run is over or abandoned (kill a child process, say)."""
        self._shared.cleanups.append(cleanup)

    def close(self) -> None:
        """Accept nothing more and release what the stages hold."""
        with self._shared.lock:
            self._shared.closed = True
            self.stop()
        for cleanup in self._shared.cleanups:
            cleanup()

    def _refuse_contradiction(self, objective: int | None, bound: int | None) -> None:
        if objective is not None and bound is not None and bound > objective:
            raise InternalError(f"{self.solver}: lower bound {bound} above the checked objective {objective}")

    def _mark(self, kind: str, **data: Any) -> None:
        objective = None if self.objectives is None else self.objectives[0]
        seconds = self.seconds()
        self.trace.append((seconds, objective, self.lower_bound))
        self.events.put(Event(kind, seconds, data, self.incumbent if kind == "solution" else None))
        if objective is None:
            return
        budget, bound = self.budget, self.lower_bound
        if bound is not None and bound >= objective and len(self.instance.objective) == 1:
            self._shared.proof = "optimal"
            self.stop()
        if budget.target is not None and objective <= budget.target:
            self.stop()
        if budget.gap is not None and bound is not None and objective - bound <= budget.gap * abs(objective):
            self.stop()
