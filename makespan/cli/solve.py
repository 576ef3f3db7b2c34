"""``makespan solve``: read instances, solve each, print what was found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from makespan.cli.arguments import (
    Flag,
    InstanceFormat,
    Output,
    OutputFormat,
    Quiet,
    References,
    Spec,
    Stream,
    Verbose,
    check_format,
    fraction_of,
    seconds_of,
    thread_count,
    usage_errors,
)
from makespan.cli.exit_codes import (
    INTERNAL,
    INTERRUPTED,
    NEGATIVE,
    NO_SCHEDULE,
    OK,
    UsageError,
    code_of,
    error_line,
    worst,
)
from makespan.cli.export import SCHEDULES_ONLY, check_outputs, write_beside
from makespan.cli.output import note

if TYPE_CHECKING:
    from makespan.cli.replanning import Replanned, ReplanOptions
    from makespan.cli.solve_report import Report
    from makespan.eval.live.watch import SolveWatch
    from makespan.instances.instance import Instance
    from makespan.instances.references import Reference
    from makespan.instances.schedule import Schedule
    from makespan.solvers.api import Budget, Result

DEFAULT_TIME_LIMIT = "30s"


@dataclass(frozen=True)
class _Options:
    """What holds for every instance of the call."""

    solver: str
    budget: Budget
    seed: int
    threads: int
    hint: str | None
    input_format: str | None
    objective: tuple[str, ...] | None
    gantt: str | None
    export: str | None
    require: str | None
    replan: ReplanOptions | None


def solve(
    *files: References,
    solver: Spec = "auto",
    time_limit: Annotated[str, Parameter(name=["--time-limit", "-t"])] = DEFAULT_TIME_LIMIT,
    iterations: int | None = None,
    target: int | None = None,
    gap: str | None = None,
    seed: int = 0,
    threads: int | None = None,
    hint: str | None = None,
    objective: str | None = None,
    plan: str | None = None,
    now: str | None = None,
    freeze_until: str | None = None,
    keep: str | None = None,
    max_shift: str | None = None,
    not_started: str | None = None,
    input_format: InstanceFormat = None,
    format: Annotated[OutputFormat | None, Parameter(name=["--format", "-f"])] = None,
    output: Output = None,
    gantt: Stream = None,
    export: Stream = None,
    watch: Flag = False,
    require: str | None = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Solve instance files.

    Parameters
    ----------
    files
        Files, globs, folders, @name for an instance that comes along, @set for a whole set, - for standard input.
    solver
        Solver or chain of solvers, such as rule:mwkr or rule:best+cpsat; see makespan solvers.
    time_limit
        For each instance: 90, 90s, 1.5m, 2h or none. Reading, compiling and writing do not count.
    iterations
        Stop after so many of the solver's own steps; the way to results that repeat exactly.
    target
        Stop at an objective this low.
    gap
        Stop when the bound is this near, such as 0.01 or 1%.
    seed
        Seed of everything random.
    threads
        Cores to use. Default: all; with one, the same seed and iterations give the same schedule.
    hint
        Schedule to start from: a result file, a table with task and start, or MS Project XML.
    objective
        makespan, total_tardiness, weighted_tardiness, max_lateness or flow_time; several with commas, most important
        first. Default: what the instance says.
    plan
        Schedule in execution, a file as for --hint: reschedule what has not started by --now, see
        docs/rescheduling.md.
    now
        With --plan: 120, 26h after the origin or 2026-03-03T08:00. Default: now of the instance.
    freeze_until
        With --plan: tasks planned to start before this moment stay as they are, though they have not started yet.
    keep
        With --plan: modes keeps every planned task on its machine, order keeps the sequences on machines as well.
    max_shift
        With --plan: no planned task starts more than this (30, 45min) before or after its planned start.
    not_started
        With --plan: names or numbers, with commas, of tasks that should have started by --now and did not.
    input_format
        Format of the files; default: found from the content.
    format
        table, json, jsonl (events as they happen, the result last) or csv; default: by the ending of --output.
    output
        Write here, not to standard output; {name} in it stands for the instance and makes one file for each.
    gantt
        Also draw the schedule: a .html, .png, .svg or .txt file; {name} stands for the instance.
    export
        Also write the schedule: a .csv, .xlsx, .xml (MS Project) or .json file; {name} stands for the instance. The
        same as --output for .xlsx and .xml.
    watch
        Show incumbent, bound and Gantt chart in the browser as they improve, on a page that only this machine sees.
    require
        optimal, or gap=0.01: exit with 1 for a weaker answer.
    quiet
        Print errors only, besides the result.
    verbose
        Print every event.
    """
    if not files:
        raise UsageError("solve: no FILES, expected files, folders, @names or -")
    from makespan.cli.replanning import replan_options
    from makespan.cli.solve_report import Report, output_format
    from makespan.instances.references import expand_references
    from makespan.solvers.api import Budget
    from makespan.solvers.registry import make_stage, parse_spec

    with usage_errors():
        for spec in parse_spec(solver):
            make_stage(spec)
        budget = Budget(seconds_of(time_limit), iterations, target, None if gap is None else fraction_of(gap, "gap"))
        if seed < 0:
            raise UsageError(f"seed: found {seed}, expected 0 or more")
    _read_requirement(require)
    check_format(input_format)
    references = expand_references(files)
    if output is not None and Path(output).suffix.lower() in SCHEDULES_ONLY and export is None and format is None:
        output, export = None, output
    check_outputs(len(references), output, gantt, export)
    replan = replan_options(plan, now, freeze_until, keep, max_shift, not_started)
    if replan is not None and len(references) > 1:
        raise UsageError(f"plan: found {len(references)} instances, expected the one that was planned")
    options = _Options(
        solver,
        budget,
        seed,
        thread_count(threads),
        hint,
        input_format,
        None if objective is None else tuple(objective.split(",")),
        gantt,
        export,
        require,
        replan,
    )
    cores = options.threads
    limit = "no time limit" if budget.seconds is None else f"time limit {budget.seconds:g} s"
    note(f"solver {solver}, {limit}, {cores} thread{'s' * (cores > 1)}, seed {seed}", quiet)
    live = _live_page(files, options, len(references)) if watch else None
    report = Report(output_format(format, output), output, len(references), quiet, verbose, live)
    codes = []
    with report:
        for reference in references:
            code = _solve_one(reference, options, report)
            codes.append(code)
            if code == INTERRUPTED:
                break
    return worst(codes)


def _solve_one(reference: Reference, options: _Options, report: Report) -> int:
    """Solve one instance; what goes wrong with it is reported and stops no other."""
    from makespan.solvers.api import solve as solve_instance

    try:
        instance = reference.load(options.input_format)
        if options.objective is not None:
            with usage_errors():
                instance = instance.replace(objective=options.objective)
        hint = None if options.hint is None else _hint(options.hint, instance)
        change = _replanned(instance, options.replan)
        if change is not None:
            instance, hint = change.instance, hint or change.hint
        known = reference.best_known(instance) if change is None else None
        report.begin(instance, options.budget.seconds, known)
        result = solve_instance(
            instance,
            options.solver,
            options.budget,
            seed=options.seed,
            threads=options.threads,
            hint=hint,
            on_event=report.event,
        )
        report.finish(instance, result, known, change)
    except Exception as error:
        code = code_of(error)
        report.failed(reference.text, error_line(error))
        return code
    code = _code(result, options.require)
    return worst((code, write_beside(instance, result, options.gantt, options.export)))


def _live_page(files: tuple[str, ...], options: _Options, num_instances: int) -> SolveWatch:
    from makespan.cli.watching import shown
    from makespan.eval.live.watch import SolveWatch

    return shown(SolveWatch(f"makespan solve {' '.join(files)}", options.solver, options.seed, num_instances))


def _hint(path: str, instance: Instance) -> Schedule:
    from makespan.instances.schedule_files.read import is_schedule_file, read_schedule
    from makespan.solvers.result_json import read_result

    with usage_errors():
        return read_schedule(path, instance) if is_schedule_file(path) else read_result(path).schedule_for(instance)


def _replanned(instance: Instance, options: ReplanOptions | None) -> Replanned | None:
    if options is None:
        return None
    from makespan.cli.replanning import replanned

    return replanned(instance, options)


def _code(result: Result, require: str | None) -> int:
    from makespan.solvers.api import Status

    if result.status is Status.ERROR:
        return INTERNAL
    if result.interrupted:
        return INTERRUPTED
    if result.status is Status.INFEASIBLE:
        return NEGATIVE
    if result.schedule is None:
        return NO_SCHEDULE
    most = _read_requirement(require)
    good = most is None or result.status is Status.OPTIMAL or (result.gap is not None and result.gap <= most)
    return OK if good else NEGATIVE


def _read_requirement(text: str | None) -> float | None:
    """The largest gap that satisfies ``--require``; below zero only a proof does."""
    if text is None:
        return None
    if text == "optimal":
        return -1.0
    key, _, value = text.partition("=")
    if key != "gap":
        raise UsageError(f"require: found {text!r}, expected optimal or gap=0.01")
    return fraction_of(value, "require gap")
