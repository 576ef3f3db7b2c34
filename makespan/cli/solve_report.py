"""What ``solve`` prints: the live line, the stream of events, and the results in each format."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from makespan.cli.output import cell, note, on_terminal, percent, render, write_output
from makespan.cli.replanning import Replanned
from makespan.instances.bounds import Bound, gap
from makespan.instances.instance import Instance
from makespan.solvers.api import Event, Result, Status
from makespan.solvers.result_json import to_dict

if TYPE_CHECKING:
    from makespan.eval.live.watch import SolveWatch

COLUMNS = {
    "instance": "instance",
    "tasks": "tasks",
    "resources": "resources",
    "solver": "solver",
    "status": "status",
    "objective": "objective",
    "lower_bound": "bound",
    "gap": "gap",
    "best_known": "best known",
    "gap_to_best": "to best",
    "seconds": "seconds",
}


def output_format(format: str | None, output: str | None) -> str:
    """The format asked for, else the one the ending of the output names, else table."""
    if format is not None:
        return format
    ending = "" if output is None else Path(output).suffix.lower().removeprefix(".")
    return ending if ending in ("json", "jsonl", "csv") else "table"


def row(instance: Instance, result: Result, known: Bound | None) -> dict[str, Any]:
    """A result as one row of the table. ``gap`` is to the bound, ``gap_to_best`` to the best known objective."""
    return {
        "instance": instance.name,
        "tasks": instance.num_tasks,
        "resources": instance.num_resources,
        "solver": result.solver,
        "status": result.status.value,
        "objective": result.objective,
        "objectives": result.objectives,
        "lower_bound": result.lower_bound,
        "gap": result.gap,
        "best_known": None if known is None else known.upper_bound,
        "gap_to_best": None if result.objective is None else gap(result.objective, known),
        "seconds": round(result.seconds, 3),
    }


class Report:
    """Collects or streams what happens. With ``{name}`` in the output each instance gets a file of its own."""

    def __init__(
        self,
        format: str,
        output: str | None,
        num_instances: int,
        quiet: bool,
        verbose: bool,
        watch: SolveWatch | None = None,
    ) -> None:
        self._watch = watch
        self.format, self.output, self.single = format, output, num_instances == 1
        self.quiet, self.verbose = quiet, verbose
        self.to_stdout = output in (None, "-")
        self.per_instance = output is not None and "{name}" in output
        self.name = ""
        self._rows: list[dict[str, Any]] = []
        self._items: list[dict[str, Any]] = []
        self._live = _LiveLine() if on_terminal() and not quiet else None

    def __enter__(self) -> Report:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_live()
        try:
            if error is None or isinstance(error, KeyboardInterrupt):
                self._write_collected()
        finally:
            if self._watch is not None:
                self._watch.__exit__(kind, error, trace)

    # -- one instance ------------------------------------------------------------------------------

    def begin(self, instance: Instance, seconds: float | None, known: Bound | None = None) -> None:
        self.name = instance.name
        if self._watch is not None:
            self._watch.begin(instance, known)
        if self.per_instance:
            self._items = []
        if self._live is not None:
            self._live.start(instance.name, seconds)

    def event(self, event: Event) -> None:
        if self._live is not None:
            self._live.update(event)
        if self._watch is not None:
            self._watch.event(event)
        if self.format == "jsonl":
            self._item({"type": event.kind, "t": round(event.seconds, 6), "instance": self.name, **event.data})
        if self.verbose or event.kind in ("compile", "hint"):
            words = "  ".join(f"{key} {cell(value)}" for key, value in event.data.items())
            note(f"{event.seconds:9.3f}  {self.name}  {event.kind}  {words}", self.quiet)

    def finish(self, instance: Instance, result: Result, known: Bound | None, change: Replanned | None = None) -> None:
        """The result; ``change`` where it is that of a plan that was changed."""
        self._stop_live()
        if self._watch is not None:
            self._watch.finish(result, known)
        record = row(instance, result, known)
        self._rows.append(record)
        if result.message:
            note(f"{instance.name}: {result.message}", self.quiet and result.status is not Status.ERROR)
        if change is not None and result.schedule is not None:
            note(f"{instance.name}: {change.changes(result.schedule)}", self.quiet)
        if self.format in ("json", "jsonl"):
            stored = to_dict(result, instance)
            if change is not None:
                stored["replan"] = change.record(result.schedule)
        if self.format == "jsonl":
            self._item({"type": "result", "t": round(result.seconds, 6), **stored})
        elif self.format == "json":
            self._items.append(stored)
        else:
            self._items.append(record)
        if self.per_instance:
            write_output(self._text(), str(self.output).replace("{name}", instance.name or "instance"))

    def failed(self, text: str, message: str) -> None:
        """An instance that came to nothing: a row of its own, unless it was the only one."""
        self._stop_live()
        if self._watch is not None:
            self._watch.failed(text, message)
        if self.single:
            return
        self._rows.append({"instance": text, "status": "error"})
        if self.format == "jsonl":
            self._item({"type": "error", "instance": text, "message": message})
        elif self.format == "json":
            self._items.append({"kind": "makespan-error", "instance": text, "message": message})
        else:
            self._items.append(self._rows[-1])

    # -- writing -----------------------------------------------------------------------------------

    def _item(self, item: dict[str, Any]) -> None:
        if self.to_stdout:
            write_output(json.dumps(item, ensure_ascii=False) + "\n", None)
        else:
            self._items.append(item)

    def _text(self) -> str:
        if self.format == "json" and (self.single or self.per_instance):
            return json.dumps(self._items[0], ensure_ascii=False) + "\n"
        if self.format == "table":
            return render([_readable(item) for item in self._items], "table", COLUMNS)
        return render(self._items, self.format, COLUMNS)

    def _write_collected(self) -> None:
        if self._items and not self.per_instance:
            write_output(self._text(), self.output)
        if not self.to_stdout and self._rows:
            note(render([_readable(item) for item in self._rows], "table", COLUMNS).rstrip(), self.quiet)

    def _stop_live(self) -> None:
        if self._live is not None:
            self._live.stop()


def _readable(record: dict[str, Any]) -> dict[str, Any]:
    """A row as people read it: gaps in per cent, and of a list of objectives every value."""
    shown = record | {key: percent(record.get(key)) for key in ("gap", "gap_to_best")}
    if len(values := record.get("objectives") or ()) > 1:
        shown["objective"] = ", ".join(str(value) for value in values)
    return shown


class _LiveLine:
    """A line on the terminal that shows how far the running solve is."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
        self._make = lambda: Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=4)
        self._progress: Any = None
        self._facts: dict[str, Any] = {}

    def start(self, name: str, seconds: float | None) -> None:
        self._facts = {"": name}
        self._progress = self._make()
        self._task = self._progress.add_task(name, total=None)
        self._progress.start()

    def update(self, event: Event) -> None:
        shown = {"solver": "", "objective": "objective", "lower_bound": "bound"}
        self._facts |= {key: event.data[key] for key in shown if key in event.data}
        words = [f"{shown.get(key, '')} {value}".strip() for key, value in self._facts.items()]
        self._progress.update(self._task, description="  ".join(words))

    def stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
