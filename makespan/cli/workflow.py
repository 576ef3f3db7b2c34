"""``makespan workflow``: workflows on unlike machines, their makespan, their cost, and streams of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from makespan.cli.arguments import Output, OutputFormat, Reference, Stream, seconds_of, usage_errors
from makespan.cli.exit_codes import INTERNAL, NEGATIVE, NO_SCHEDULE, OK, UsageError
from makespan.cli.output import check_writable, note
from makespan.cli.workflow_files import machines_of, read, write_records

if TYPE_CHECKING:
    from makespan.instances.schedule import Schedule
    from makespan.instances.workflow import Workflow

workflow = App(
    name="workflow",
    help="Schedule workflows on unlike machines.",
    help_epilogue="Example: makespan workflow schedule @ten_tasks",
    help_format="plaintext",
)


@workflow.command(help_epilogue="Example: makespan workflow schedule @ten_tasks --method heft,cpsat --gantt heft.html")
def schedule(
    file: Reference,
    /,
    *,
    method: str = "heft,peft,lookahead,cpop",
    time_limit: Annotated[str, Parameter(name=["--time-limit", "-t"])] = "10s",
    speeds: str | None = None,
    bandwidth: str | None = None,
    gantt: Stream = None,
    format: OutputFormat = "table",
    output: Output = None,
) -> int:
    """Place the tasks of a workflow on machines, one task at a time on each, for the least makespan.

    Data travel between machines for as long as the file says, or the bandwidth allows.

    Parameters
    ----------
    file
        A WfFormat trace or a workflow of our own (docs/workflows.md); @name for one that comes along.
    method
        heft, peft, lookahead, cpop or cpsat, several with commas.
    time_limit
        For cpsat: 90, 90s or 5m.
    speeds
        For a trace: the speeds of the machines in that of the machine of record. Default: 1,1.25,1.5,1.75,2.
    bandwidth
        For a trace: bytes per second between machines, such as 100M. Default: data travel at once.
    gantt
        Also draw the best schedule: a .html, .png, .svg or .txt file.
    format
        table, json, jsonl or csv; json and jsonl hold the schedules.
    output
        Write here, not to standard output.
    """
    from makespan.instances.workflow import check_workflow, relaxed, workflow_makespan
    from makespan.solvers.workflows.heft import METHODS, makespan_bound

    names = method.split(",")
    for name in names:
        if name != "cpsat" and name not in METHODS:
            raise UsageError(f"method: found {name!r}, expected some of {', '.join(METHODS)}, cpsat")
    seconds = seconds_of(time_limit) or 1e9
    for path in (output, gantt):
        check_writable(path)
    problem = read(file, machines_of(speeds, bandwidth))
    bound = makespan_bound(problem)
    records, best = [], None
    for name in names:
        begin = time.perf_counter()
        found, own_bound = _schedule(problem, name, seconds, best)
        if found is None:
            note(f"{name}: no schedule in the time")
            continue
        bound = max(bound, own_bound)
        wrong = check_workflow(problem, found)
        if wrong:
            note(f"internal error: {name}: {wrong[0].message}")
            return INTERNAL
        length = workflow_makespan(problem, found)
        records.append(
            {
                "workflow": problem.name,
                "tasks": problem.num_tasks,
                "arcs": problem.num_arcs,
                "machines": problem.num_machines,
                "method": name,
                "makespan": length,
                "bound": None,
                "seconds": round(time.perf_counter() - begin, 4),
                "start": found.start.tolist(),
                "machine": found.mode.tolist(),
            }
        )
        if best is None or length < workflow_makespan(problem, best):
            best = found
    if best is None:
        return NO_SCHEDULE
    write_records([{**record, "bound": bound} for record in records], format, output)
    if gantt is not None:
        from makespan.cli.plot import draw

        draw(relaxed(problem), best, gantt, lower_bound=bound)
    return OK


def _schedule(problem: Workflow, name: str, seconds: float, hint: Schedule | None) -> tuple[Schedule | None, int]:
    """A schedule and a bound that was proved on the way."""
    from makespan.solvers.workflows.heft import METHODS

    if name != "cpsat":
        return METHODS[name](problem), 0
    from makespan.solvers.workflows.exact import shortest

    planned = shortest(problem, seconds, hint or METHODS["heft"](problem))
    return (None, 0) if planned is None else (planned.schedule, planned.lower_bound)


@workflow.command(help_epilogue="Example: makespan workflow cost @srasearch-chameleon-10a-001 --part-size 10")
def cost(
    file: Reference,
    /,
    *,
    deadline: int | None = None,
    part_size: int | None = None,
    time_limit: Annotated[str, Parameter(name=["--time-limit", "-t"])] = "10s",
    speeds: str | None = None,
    prices: str | None = None,
    cloud: Annotated[bool, Parameter(negative=())] = False,
    format: OutputFormat = "table",
    output: Output = None,
) -> int:
    """Choose a kind of machine for each task, so that the cost is least and the longest path keeps a deadline.

    There are as many machines of each kind as anyone asks for. Parts of a series-parallel form of the workflow are
    solved one by one (SPWD); with parts as large as the workflow that is one exact model.

    Parameters
    ----------
    file
        A WfFormat trace or a workflow of our own with prices; @name for one that comes along.
    deadline
        In the unit of the file, milliseconds for a trace. Default: the longest path by mean times.
    part_size
        Largest part, in vertices. Default: the whole workflow.
    time_limit
        For each part.
    speeds
        For a trace: the speeds of the kinds of machines. Default: 1,1.25,1.5,1.75,2.
    prices
        For a trace: the price of a millisecond on each. Default: the square of the speed.
    cloud
        For a trace: the five kinds with prices of a cloud, instead of speeds and prices.
    format
        table, json, jsonl or csv; json and jsonl hold the machine of each task.
    output
        Write here, not to standard output.
    """
    from makespan.instances.workflow import check_workflow
    from makespan.instances.workflow_files import CLOUD
    from makespan.solvers.workflows.exact import cheapest, critical_path, refuse_transfers
    from makespan.solvers.workflows.spwd import spwd

    seconds = seconds_of(time_limit) or 1e9
    check_writable(output)
    if cloud and (speeds or prices):
        raise UsageError("cloud: found speeds or prices too, expected one or the other")
    problem = read(file, CLOUD if cloud else machines_of(speeds, prices=prices))
    with usage_errors():
        refuse_transfers(problem)
    if deadline is None:
        deadline = critical_path(problem, problem.duration.sum(axis=1)) // problem.num_machines
    begin = time.perf_counter()
    with usage_errors():
        if part_size is None:
            plan = cheapest(problem, deadline, seconds)
        else:
            plan = spwd(problem, deadline, part_size, lambda part, limit: cheapest(part, limit, seconds))
    if plan is None:
        fastest = critical_path(problem, problem.duration.min(axis=1))
        note(f"no plan: the fastest machines take {fastest}, the deadline is {deadline}")
        return NEGATIVE if fastest > deadline else NO_SCHEDULE
    wrong = check_workflow(problem, plan.schedule(problem), shared=False)
    if wrong or plan.makespan > deadline:
        note(f"internal error: {wrong[0].message if wrong else 'the plan misses its deadline'}")
        return INTERNAL
    record = {
        "workflow": problem.name,
        "tasks": problem.num_tasks,
        "deadline": deadline,
        "makespan": plan.makespan,
        "parts": plan.parts,
        "cost": plan.cost,
        "bound": plan.lower_bound or None,
        "seconds": round(time.perf_counter() - begin, 4),
        "machine": plan.machine.tolist(),
    }
    write_records([record], format, output)
    return OK


for _name, _help, _example in (
    ("stream", "Play a stream of copies of a workflow.", "stream --order heft_rt,learned --noise 0.2"),
    ("train", "Learn an order of the ready tasks.", "train --updates 20 -o order.safetensors"),
):
    workflow.command(
        f"makespan.cli.workflow_streams:{_name}",
        name=_name,
        help=_help,
        help_epilogue=f"Example: makespan workflow {_example}",
    )
