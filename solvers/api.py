"""solve(): one call for every method, with one kind of answer."""

from __future__ import annotations

import contextlib
import enum
import importlib.metadata
import platform
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from time import perf_counter
from typing import Any

from makespan.instances.check import check
from makespan.instances.features import unsupported
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.solvers import lower_bounds
from makespan.solvers.infeasibility import infeasibility
from makespan.solvers.kernels import is_cold
from makespan.solvers.lower_bounds import first_bound
from makespan.solvers.plan import Plan, Step, make_plan, plan_text, run_plan
from makespan.solvers.repair import repair, repairer
from makespan.solvers.stage import Budget, Context, Event, InternalError, Refused, Stage

__all__ = ["Budget", "Event", "InternalError", "Result", "Status", "Unsupported", "solve"]

GRACE_SECONDS = 0.4
"""How long after the deadline a stage may take to return before the run is closed without it."""

POLL_SECONDS = 0.25
"""How often the calling thread looks whether a stop was asked for while no event arrives."""


class Status(enum.StrEnum):
    """What is known at the end; only a proof says optimal or infeasible."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNKNOWN = "unknown"
    ERROR = "error"


class Unsupported(ValueError):
    """The method does not handle a field the instance uses; the message names both."""


@dataclass(frozen=True)
class Result:
    """The answer of one run; every schedule in it has passed ``check``.

    ``solver`` lists the stages that were to run; ``found_by`` is the one that made the schedule, with rule and scheme.
    ``objective`` is the first of ``objectives``; ``lower_bound`` bounds it and is kept even without a schedule.
    ``trace`` lists (seconds, objective, bound) at each change. ``seconds`` excludes ``compile_seconds``. ``message`` is
    the reason of an infeasible, error or unknown status, or tells which stages failed although others went on. A broken
    promise (``InternalError``) is an error whatever else was found.
    """

    status: Status
    schedule: Schedule | None
    objective: int | None
    objectives: tuple[int, ...] | None
    lower_bound: int | None
    seconds: float
    compile_seconds: float
    iterations: int
    trace: tuple[tuple[float, int | None, int | None], ...]
    solver: str
    seed: int
    threads: int
    budget: Budget
    instance_name: str
    instance_hash: str
    found_by: str | None = None
    hint: str | None = None
    interrupted: bool = False
    message: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def makespan(self) -> int | None:
        """The objective, for instances whose first objective is the makespan."""
        return self.objective

    @property
    def gap(self) -> float | None:
        """(objective - lower bound) / objective, between 0 and 1 for positive objectives."""
        if self.objective is None or self.lower_bound is None:
            return None
        return (self.objective - self.lower_bound) / max(1, abs(self.objective))


def solve(
    instance: Instance,
    solver: str | Stage = "auto",
    budget: Budget | None = None,
    *,
    seed: int = 0,
    threads: int = 1,
    hint: Schedule | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Result:
    """Solve an instance with a solver spec (see ``makespan.solvers.registry``) or a stage.

    Without a limit in ``budget`` a search runs until it has a proof. Ctrl-C stops it and returns the best schedule so
    far with ``interrupted`` set. ``on_event`` is called in the calling thread.

    Raises
    ------
    Unsupported
        If a stage does not handle a field that the instance uses.
    ValueError
        If the spec does not read.
    """
    if threads < 1:
        raise ValueError(f"threads is {threads}, expected 1 or more")
    budget = budget or Budget()
    plan = make_plan(solver, instance, budget, threads)
    steps = [step for lane in plan for step in lane]
    for step in steps:
        refusal = unsupported(instance, step.stage.supports, str(step.spec))
        if refusal:
            raise Unsupported(refusal)
    context = Context(instance, budget, seed, threads)
    listen = on_event or (lambda event: None)
    compile_seconds = _compile("lower bounds", lower_bounds.KERNELS, lower_bounds.warm, listen)
    runner = _Runner(plan, context, hint)
    if not instance.derived(infeasibility):
        compile_seconds += sum(runner.prepare(step, listen) for step in steps)
        compile_seconds += runner.prepare_hint(listen)
    context.start_clock()
    interrupted = runner.wait(listen)
    return runner.result(plan_text(plan), compile_seconds, interrupted)


def _compile(name: str, kernels: tuple[Any, ...], warm: Callable[[], None], listen: Callable[[Event], None]) -> float:
    """Compile before the clock starts; a stage without kernels gets a process ready, say. Returns the seconds taken."""
    begin = perf_counter()
    if is_cold(kernels):
        listen(Event("compile", 0.0, {"solver": name, "message": "compiling kernels (once, then cached)"}))
    if not kernels or any(not each.signatures for each in kernels):
        warm()
    return perf_counter() - begin


class _Runner:
    """Runs the stages in a thread of their own, while the calling thread waits for events and limits."""

    def __init__(self, plan: Plan, context: Context, hint: Schedule | None) -> None:
        self.plan, self.context, self.hint = plan, context, hint
        self.hint_report: str | None = None
        self.broken_hint: str | None = None
        self.failures: list[str] = []
        self.refusals: list[str] = []
        self.broken_promise = False
        self.unready: list[Step] = []
        self.thread = threading.Thread(target=self._work, name="makespan-solve", daemon=True)

    def prepare(self, step: Step, listen: Callable[[Event], None]) -> float:
        """Warm a step up and return the seconds taken; one that cannot get ready has failed and never runs."""
        begin = perf_counter()
        try:
            return _compile(str(step.spec), step.stage.kernels, step.stage.warm, listen)
        except Exception as error:
            self.unready.append(step)
            self._failed(str(step.spec), error)
            return perf_counter() - begin

    def prepare_hint(self, listen: Callable[[Event], None]) -> float:
        """Check the hint and, where it is broken, warm up what may repair it; returns the seconds taken."""
        begin, instance = perf_counter(), self.context.instance
        if self.hint is not None and (broken := check(instance, self.hint)):
            self.broken_hint = broken[0].message
            if (stage := repairer(instance)) is not None:
                _compile("repair of the hint", stage.kernels, stage.warm, listen)
        return perf_counter() - begin

    def wait(self, listen: Callable[[Event], None]) -> bool:
        """Pass events on until the stages are done or the limits are; returns whether Ctrl-C came."""
        context, interrupted, stopped_at = self.context, False, None
        self.thread.start()
        try:
            while True:
                try:
                    if stopped_at is None and context.overdue():
                        context.stop()
                        stopped_at = perf_counter()
                    patience = self._patience(stopped_at)
                    if patience <= 0:
                        break
                    event = self._next_event(patience)
                    if event is None:
                        break
                    if event is not _TIMEOUT:
                        listen(event)
                except KeyboardInterrupt:
                    if interrupted:
                        raise
                    interrupted = True
                    context.stop()
                    stopped_at = perf_counter()
        finally:
            context.close()
        return interrupted

    def _patience(self, stopped_at: float | None) -> float:
        """Seconds to wait for the next event; 0 or less when the stages had their time to return."""
        if stopped_at is not None:
            return stopped_at + GRACE_SECONDS - perf_counter()
        limit = self.context.budget.seconds
        return POLL_SECONDS if limit is None else min(max(0.001, limit - self.context.seconds()), POLL_SECONDS)

    def _next_event(self, timeout: float) -> Event | None:
        try:
            return self.context.events.get(timeout=timeout)
        except queue.Empty:
            return _TIMEOUT

    def _work(self) -> None:
        context = self.context
        try:
            reason = context.instance.derived(infeasibility)
            if reason:
                context.prove_infeasible(reason)
                return
            context.solver = "bound"
            context.offer_bound(first_bound(context.instance))
            self._offer_hint()
            run_plan(self.plan, context, self._run_step)
        except Exception as error:
            self._failed("solve", error)
        finally:
            context.events.put(None)

    def _run_step(self, step: Step, context: Context) -> None:
        """A stage that fails is reported; the others go on with what there is."""
        if step in self.unready:
            return
        try:
            step.stage.run(context.instance, context)
        except Exception as error:
            self._failed(str(step.spec), error)

    def _failed(self, where: str, error: Exception) -> None:
        if isinstance(error, Refused):
            sentence = f"{where}: {error}"
            self.refusals.append(sentence)
        else:
            sentence = f"{where}: {type(error).__name__}: {error}".removesuffix(": ")
            self.failures.append(sentence)
        self.broken_promise |= isinstance(error, InternalError)
        self.context.emit("failed", message=sentence)

    def _offer_hint(self) -> None:
        if self.hint is None:
            return
        start: Schedule | None = self.hint
        self.hint_report = "accepted"
        if self.broken_hint is not None:
            start = repair(self.context.instance, self.hint, self.context)
            if start is not None and check(self.context.instance, start):
                start = None
            self.hint_report = f"{'rejected' if start is None else 'repaired'}: {self.broken_hint}"
        if start is not None:
            self.context.solver = "hint"
            self.context.offer(start)
        self.context.emit("hint", report=self.hint_report)

    def result(self, solver: str, compile_seconds: float, interrupted: bool) -> Result:
        context = self.context
        if self.broken_promise:
            status = Status.ERROR
        elif context.incumbent is not None:
            status = Status.OPTIMAL if context.proof == "optimal" else Status.FEASIBLE
        elif context.proof == "infeasible":
            status = Status.INFEASIBLE
        else:
            status = Status.ERROR if self.failures else Status.UNKNOWN
        message = context.reason or "; ".join(self.failures + self.refusals)
        if status is Status.UNKNOWN and not message:
            message = "no schedule found within the limits"
        return Result(
            status=status,
            schedule=context.incumbent,
            objective=None if context.objectives is None else context.objectives[0],
            objectives=context.objectives,
            lower_bound=context.lower_bound,
            seconds=context.seconds(),
            compile_seconds=compile_seconds,
            iterations=context.iterations,
            trace=tuple(context.trace),
            solver=solver,
            seed=context.seed,
            threads=context.threads,
            budget=context.budget,
            instance_name=context.instance.name,
            instance_hash=context.instance.digest,
            found_by=context.found_by,
            hint=self.hint_report,
            interrupted=interrupted,
            message=message,
            versions=versions(),
        )


_TIMEOUT = Event("timeout", 0.0)


@cache
def versions() -> dict[str, str]:
    """Versions that can change a result; PyTorch's where it is installed."""
    found = {"python": platform.python_version()}
    for package in ("makespan", "numpy", "numba", "ortools"):
        found[package] = importlib.metadata.version(package)
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        found["torch"] = importlib.metadata.version("torch")
    return found
