"""What happens during ``solve`` and ``bench run``, put on a live page."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from makespan.eval.live.board import Board
from makespan.eval.live.server import LiveServer
from makespan.instances.bounds import Bound, gap
from makespan.instances.instance import Instance
from makespan.solvers.api import Event, Result

if TYPE_CHECKING:
    from makespan.eval.benchmark import Task
    from makespan.eval.store import Run


class _Watch:
    """A page and the board it shows, for use in a ``with`` block; leaving it lets the page read the end."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.server = LiveServer(board)
        self.url = self.server.url
        self.awaited = False  # a browser has been told to open the page

    def __enter__(self) -> Any:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close("interrupted" if kind is not None and issubclass(kind, KeyboardInterrupt) else "finished")

    def close(self, reason: str = "finished") -> None:
        """Say why nothing more comes, give the page the time to read it, and stop serving."""
        self.board.end(reason)
        self.server.close(expected=self.awaited)

    def _follow(self, key: Hashable, event: Event) -> None:
        """Put what a solver says on the board."""
        data = event.data
        if event.kind == "compile":
            self.board.update(key, 0.0, status="compiling")
        elif event.kind == "stage":
            self.board.update(key, event.seconds, status="running", stage=data.get("solver"))
        elif event.kind == "solution":
            facts = {name: data[name] for name in ("objective", "objectives") if name in data}
            self.board.update(key, event.seconds, schedule=event.schedule, traced=True, status="running", **facts)
        elif event.kind == "bound":
            self.board.update(key, event.seconds, traced=True, status="running", lower_bound=data["lower_bound"])


class SolveWatch(_Watch):
    """Follows ``makespan solve``; its methods are called as those of the report are."""

    def __init__(self, title: str, solver: str, seed: int, num_instances: int) -> None:
        super().__init__(Board(title, num_instances))
        self._facts = {"solver": solver, "seed": seed}
        self._current = -1
        self._running = False

    def begin(self, instance: Instance, known: Bound | None = None) -> None:
        self._current += 1
        self._running = True
        best = None if known is None else known.upper_bound
        self.board.begin(self._current, instance, instance=instance.name, best_known=best, **self._facts)

    def event(self, event: Event) -> None:
        self._follow(self._current, event)

    def finish(self, result: Result, known: Bound | None) -> None:
        self._running = False
        self.board.finish(
            self._current,
            trace=list(result.trace),
            schedule=result.schedule,
            status=result.status.value,
            objective=result.objective,
            objectives=None if result.objectives is None else list(result.objectives),
            lower_bound=result.lower_bound,
            seconds=round(result.seconds, 3),
            best_known=None if known is None else known.upper_bound,
            gap=None if result.objective is None else gap(result.objective, known),
            message=result.message,
        )

    def failed(self, text: str, message: str) -> None:
        """An instance that came to nothing, perhaps before it was begun."""
        if not self._running:
            self._current += 1
            self.board.begin(self._current, None, instance=text, **self._facts)
        self._running = False
        self.board.finish(self._current, trace=[], schedule=None, status="error", message=message)


class BenchmarkWatch(_Watch):
    """Follows ``makespan bench run``.

    ``finished`` takes every run that is over; ``event``, where workers pass on what their solvers say, shows the runs
    that still go on as well.
    """

    def __init__(self, title: str, tasks: Iterable[Task], stored: Iterable[Run] = ()) -> None:
        listed, before = list(tasks), list(stored)
        super().__init__(Board(title, len(listed) + len(before)))
        self._instance = {task.key.instance_hash: task.instance for task in listed}
        self._begun: set[Hashable] = set()
        for run in before:
            self.finished(run)
        self.board.before = len(before)

    def event(self, task: Task, event: Event) -> None:
        """A run begins, or its solver says something."""
        self._begin(task.key, task.instance.name, task.instance_set, task.best_known)
        self._follow(task.key, event)

    def finished(self, run: Run) -> None:
        """A run is over and stored."""
        self._begin(run.key, run.instance, run.instance_set, None)
        self.board.finish(
            run.key,
            trace=list(run.trace),
            schedule=run.schedule,
            status=run.status,
            stage=run.plan,
            objective=run.objective,
            lower_bound=run.lower_bound,
            best_known=run.best_known,
            gap=run.gap,
            seconds=round(run.seconds, 3),
            message=run.message,
        )

    def follow(self, runs: Iterable[Run]) -> Iterator[Run]:
        """The same runs, each put on the page as it passes."""
        for run in runs:
            self.finished(run)
            yield run

    def _begin(self, key: Any, name: str, instance_set: str, known: Bound | None) -> None:
        if key in self._begun:
            return
        self._begun.add(key)
        self.board.begin(
            key,
            self._instance.get(key.instance_hash),
            instance=name,
            set=instance_set,
            solver=key.solver,
            seed=key.seed,
            budget=key.budget,
            best_known=None if known is None else known.upper_bound,
        )
