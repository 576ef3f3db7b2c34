"""``makespan bench``: play solvers on instances and keep every run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App

from makespan.cli.arguments import Flag, Output, OutputFormat, Quiet, Stream
from makespan.cli.exit_codes import INTERRUPTED, OK, UsageError
from makespan.cli.output import check_writable, note, on_terminal, percent, render, write_output

if TYPE_CHECKING:
    from makespan.eval.benchmark import Task
    from makespan.eval.store import Run, Store

bench = App(
    name="bench",
    help="Run benchmarks.",
    help_epilogue="Example: makespan bench run smoke --store results.sqlite",
    help_format="plaintext",
)

COLUMNS = {
    "instance_set": "set",
    "solver": "solver",
    "runs": "runs",
    "solved": "solved",
    "optimal": "optimal",
    "mean_gap": "mean gap",
    "mean_seconds": "mean seconds",
}


@bench.command(help_epilogue="Example: makespan bench run smoke --store results.sqlite --workers 2")
def run(
    suite: str,
    /,
    *,
    store: Path = Path("results.sqlite"),
    workers: int = 1,
    export: Stream = None,
    retry_errors: Flag = False,
    format: OutputFormat = "table",
    output: Output = None,
    quiet: Quiet = False,
) -> int:
    """Play every solver of a suite on every instance with every seed, and keep each finished run.

    Interrupted or killed, the same command goes on where it stopped. Prints the mean gap to the best known values for
    each set and solver.

    Parameters
    ----------
    suite
        A TOML file, or the name of a suite that comes along.
    store
        SQLite file for the runs; made if there is none.
    workers
        Runs at the same time; each uses the threads that the suite asks for.
    export
        Also write all runs of the suite as CSV to this file, - for standard output.
    retry_errors
        Play runs again that ended in an error.
    format
        Of the summary: table, json, jsonl or csv.
    output
        Write the summary here, not to standard output.
    quiet
        No progress.
    """
    if workers < 1:
        raise UsageError(f"workers: found {workers}, expected 1 or more")
    for path in (str(store), output, export):
        check_writable(path)
    from makespan.eval import benchmark
    from makespan.eval.store import Store
    from makespan.eval.suite import read_suite

    plan = read_suite(suite)
    cores, busy = benchmark.usable_cores(), workers * plan.threads
    if busy > cores:
        note(f"{workers} workers with {plan.threads} threads each on {cores} cores: times will be too long", quiet)
    try:
        results = Store(store)
    except ValueError as error:
        raise UsageError(str(error)) from None
    with results:
        if retry_errors:
            results.forget_errors(plan.name)
        tasks = benchmark.plan(plan)
        done = results.keys(plan.name)
        left = [task for task in tasks if task.key not in done]
        note(f"suite {plan.name}: {len(tasks)} runs, {len(tasks) - len(left)} stored in {store}", quiet)
        code = OK
        try:
            if left:
                benchmark.compile_solvers(left, lambda text: note(text, quiet))
                _play(left, results, workers, quiet)
        except KeyboardInterrupt:
            note("interrupted; the same command goes on from here")
            code = INTERRUPTED
        wanted = {task.key for task in tasks}
        records = [_record(score) for score in benchmark.scores(r for r in results.runs(plan.name) if r.key in wanted)]
        if export is not None:
            _export(results, plan.name, export)
    if format == "table":
        records = [record | {"mean_gap": percent(record["mean_gap"])} for record in records]
    write_output(render(records, format, COLUMNS), output)
    return code


def _play(tasks: list[Task], store: Store, workers: int, quiet: bool) -> None:
    """Play the tasks with a bar on the terminal, or a line for each run where there is none."""
    from makespan.eval.benchmark import run_tasks

    if quiet or not on_terminal():
        for count, finished in enumerate(run_tasks(tasks, store, workers), start=1):
            note(f"[{count}/{len(tasks)}] {_line(finished)}", quiet)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    words = TextColumn("{task.description}", markup=False)
    with Progress(*columns, words, console=Console(file=sys.stderr), transient=True) as progress:
        bar = progress.add_task("", total=len(tasks))
        for finished in run_tasks(tasks, store, workers):
            progress.update(bar, advance=1, description=_line(finished))


def _line(run: Run) -> str:
    objective = "-" if run.objective is None else run.objective
    return f"{run.instance}  {run.key.solver}  seed {run.key.seed}  {run.status}  {objective}  {run.seconds:.2f} s"


def _record(score: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(score)


def _export(store: Store, suite: str, path: str) -> None:
    from io import StringIO

    text = StringIO()
    store.export_csv(text, suite)
    write_output(text.getvalue(), path)
