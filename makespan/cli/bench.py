"""``makespan bench``: play solvers on instances and keep every run."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import App

from makespan.cli.arguments import Flag, Output, OutputFormat, Quiet, Stream, usage_errors
from makespan.cli.bench_report import compare, report
from makespan.cli.exit_codes import INTERRUPTED, OK, UsageError
from makespan.cli.output import check_writable, note, on_terminal, percent, render, write_output

if TYPE_CHECKING:
    from makespan.eval.benchmark import Engine, Task
    from makespan.eval.forecast import Forecast
    from makespan.eval.live.watch import BenchmarkWatch
    from makespan.eval.store import Run, RunKey, Store

bench = App(
    name="bench",
    help="Run benchmarks.",
    help_epilogue="Example: makespan bench run smoke --store results.sqlite",
    help_format="plaintext",
)

bench.command(compare, help_epilogue="Example: makespan bench compare runs.sqlite:auto :cpsat")
bench.command(report, help_epilogue="Example: makespan bench report results.sqlite -o report.html")
bench.command(
    "makespan.cli.bench_import:import_results",
    name="import",
    help="Put results of other programs into a store, checked.",
    help_epilogue="Example: makespan bench import results.sqlite others.csv",
)
bench.command(
    "makespan.cli.questions:pose",
    name="pose",
    help="Write feasibility questions of growing difficulty.",
    help_epilogue="Example: makespan bench pose ramp --tasks 10,20 --count 5",
)
bench.command(
    "makespan.cli.questions:score",
    name="score",
    help="Score the answers of any method to such questions.",
    help_epilogue="Example: makespan bench score ramp/answers",
)

COLUMNS = {
    "instance_set": "set",
    "budget": "budget",
    "solver": "solver",
    "runs": "runs",
    "solved": "solved",
    "optimal": "optimal",
    "mean_gap": "mean gap",
    "mean_objective": "mean objective",
    "mean_seconds": "mean seconds",
}


@bench.command(help_epilogue="Example: makespan bench run smoke --store results.sqlite --workers 2")
def run(
    suite: str,
    /,
    *,
    store: Path = Path("results.sqlite"),
    engine: Literal["local", "ray"] = "local",
    address: str = "auto",
    workers: int | None = None,
    memory: str | None = None,
    export: Stream = None,
    retry_errors: Flag = False,
    watch: Flag = False,
    format: OutputFormat = "table",
    output: Output = None,
    quiet: Quiet = False,
) -> int:
    """Play every solver of a suite on every instance with every seed, and keep each finished run.

    Interrupted or killed, the same command goes on where it stopped. Prints the mean gap to the best known values for
    each set, budget and solver.

    Parameters
    ----------
    suite
        A TOML file, or the name of a suite that comes along.
    store
        SQLite file for the runs; made if there is none.
    engine
        Where runs are played: local, in processes of this machine; ray, on a Ray cluster.
    address
        Of the Ray cluster: auto, host:port, or local for one of this machine.
    workers
        Runs at the same time, each with the threads that the suite asks for; one, or with Ray as many as there are
        cores for.
    memory
        Of each run at most, such as 4GB, its solver's processes included; a run that uses more is ended. For budgets
        of the suite that do not say.
    export
        Also write all runs of the suite as CSV to this file, - for standard output.
    retry_errors
        Play runs again that ended in an error.
    watch
        Show the runs in the browser as they finish, on a page that only this machine sees.
    format
        Of the summary: table, json, jsonl or csv.
    output
        Write the summary here, not to standard output.
    quiet
        No progress.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"workers: found {workers}, expected 1 or more")
    for path in (str(store), output, export):
        check_writable(path)
    from makespan.eval import benchmark
    from makespan.eval.machine import bytes_of, usable_cores
    from makespan.eval.store import Store
    from makespan.eval.suite import read_suite

    plan = read_suite(suite)
    if memory is not None:
        with usage_errors():
            plan = plan.with_memory(bytes_of(memory))
    cores, busy = usable_cores(), (workers or 1) * plan.threads
    if busy > cores and engine == "local":
        note(f"{workers or 1} workers with {plan.threads} threads each on {cores} cores: times will be too long", quiet)
    try:
        results = Store(store)
    except ValueError as error:
        raise UsageError(str(error)) from None
    with results:
        if retry_errors:
            results.forget_errors(plan.name)
        tasks = benchmark.plan(plan)
        done, wanted = results.keys(plan.name), {task.key for task in tasks}
        left = [task for task in tasks if task.key not in done]
        note(f"suite {plan.name}: {len(tasks)} runs, {len(tasks) - len(left)} stored in {store}", quiet)
        code = OK
        try:
            if left:
                benchmark.compile_solvers(left, lambda text: note(text, quiet))
                with _live_page(plan.name, left, results, wanted) if watch else nullcontext() as live:
                    _play(left, results, workers, _engine(engine, address), quiet, live)
        except KeyboardInterrupt:
            note("interrupted; the same command goes on from here")
            code = INTERRUPTED
        records = [_record(score) for score in benchmark.scores(r for r in results.runs(plan.name) if r.key in wanted)]
        if export is not None:
            _export(results, plan.name, export)
    if format == "table":
        records = [record | {"mean_gap": percent(record["mean_gap"])} for record in records]
    write_output(render(records, format, COLUMNS), output)
    return code


def _engine(name: str, address: str) -> Engine:
    """What plays the runs."""
    if name == "ray":
        from functools import partial

        from makespan.eval.cluster import play_on_ray

        return partial(play_on_ray, address=address)
    from makespan.eval.local import play_locally

    return play_locally


def _live_page(suite: str, tasks: list[Task], store: Store, wanted: set[RunKey]) -> BenchmarkWatch:
    from makespan.cli.watching import shown
    from makespan.eval.live.watch import BenchmarkWatch

    before = (run for run in store.runs(suite) if run.key in wanted)
    return shown(BenchmarkWatch(f"makespan bench run {suite}", tasks, before))


def _play(
    tasks: list[Task],
    store: Store,
    workers: int | None,
    engine: Engine,
    quiet: bool,
    live: BenchmarkWatch | None,
) -> None:
    """Play the tasks with a bar on the terminal, or a line for each run where there is none."""
    from makespan.eval.benchmark import run_tasks
    from makespan.eval.forecast import Forecast

    runs = run_tasks(tasks, store, workers, engine=engine, listen=None if live is None else live.event)
    if live is not None:
        runs = live.follow(runs)
    if quiet or not on_terminal():
        for count, finished in enumerate(runs, start=1):
            note(f"[{count}/{len(tasks)}] {_line(finished)}", quiet)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    forecast = Forecast(tasks, workers or 1)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[left]}"))
    words = TextColumn("{task.description}", markup=False)
    with Progress(*columns, words, console=Console(file=sys.stderr), transient=True) as progress:
        bar = progress.add_task("", total=len(tasks), left=_time_left(forecast))
        for finished in runs:
            forecast.finished(finished)
            progress.update(bar, advance=1, description=_line(finished), left=_time_left(forecast))


def _time_left(forecast: Forecast) -> str:
    seconds = forecast.seconds_left()
    if seconds is None:
        return ""
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s left"
    return f"{minutes} min left" if minutes < 120 else f"{minutes / 60:.1f} h left"


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
