"""``makespan workflow stream`` and ``train``: streams of workflows, and a learned order for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from makespan.cli.arguments import Output, OutputFormat, Quiet, Reference, usage_errors
from makespan.cli.exit_codes import INTERNAL, OK, UsageError
from makespan.cli.output import check_writable, note
from makespan.cli.workflow_files import machines_of, read, write_records


def stream(
    file: Reference = "@ten_tasks",
    /,
    *,
    order: str = "heft_rt,eft,etf,min_min,stf,oldest,met",
    network: Path | None = None,
    mean_gap: float = 25.0,
    length: int = 5000,
    most_jobs: int = 3,
    noise: float = 0.0,
    seeds: int = 5,
    speeds: str | None = None,
    bandwidth: str | None = None,
    format: OutputFormat = "table",
    output: Output = None,
) -> int:
    """Play a stream of copies of a workflow, and print the mean latency of each order of the ready tasks.

    Parameters
    ----------
    file
        A WfFormat trace or a workflow of our own; @name for one that comes along.
    order
        heft_rt, eft, etf, min_min, stf, oldest, met or learned, several with commas.
    network
        For learned: a file of workflow train. Default: the network that comes along.
    mean_gap
        Between two arrivals, in the unit of the file.
    length
        When the stream ends.
    most_jobs
        At the same time; more wait outside.
    noise
        Standard deviation of the true durations, in parts of the expected ones.
    seeds
        Streams played: seeds 0, 1, …
    speeds
        For a trace: the speeds of the machines. Default: 1,1.25,1.5,1.75,2.
    bandwidth
        For a trace: bytes per second between machines, such as 100M. Default: data travel at once.
    format
        table, json, jsonl or csv.
    output
        Write here, not to standard output.
    """
    from makespan.envs.workflow_stream import DISPATCHERS, Stream, check_stream, play

    check_writable(output)
    names = order.split(",")
    for name in names:
        if name != "learned" and name not in DISPATCHERS:
            raise UsageError(f"order: found {name!r}, expected some of {', '.join(DISPATCHERS)}, learned")
    if seeds < 1:
        raise UsageError(f"seeds: found {seeds}, expected 1 or more")
    problem = read(file, machines_of(speeds, bandwidth))
    with usage_errors():
        setting = Stream(problem, mean_gap, length, most_jobs, noise)
    records = []
    for name in names:
        dispatcher = _learned(network) if name == "learned" else DISPATCHERS[name]
        played = [play(setting, dispatcher, seed) for seed in range(seeds)]
        wrong = [fault for record in played for fault in check_stream(setting, record)]
        if wrong:
            note(f"internal error: {name}: {wrong[0]}")
            return INTERNAL
        done = sum(len(record.latency) for record in played)
        total = sum(sum(record.latency.values()) for record in played)
        latency = round(total / done, 3) if done else None
        records.append({"order": name, "streams": seeds, "jobs": done / seeds, "mean_latency": latency})
    write_records(records, format, output)
    return OK


def train(
    file: Reference = "@ten_tasks",
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path("order.safetensors"),
    imitation: int = 300,
    updates: int = 100,
    length: int = 600,
    noise: float = 0.2,
    seed: int = 0,
    speeds: str | None = None,
    bandwidth: str | None = None,
    quiet: Quiet = False,
) -> int:
    """Learn an order of the ready tasks for streams of a workflow, half of them with noise.

    Parameters
    ----------
    file
        A WfFormat trace or a workflow of our own; @name for one that comes along.
    output
        The network, for workflow stream --network.
    imitation
        Updates that imitate the order of the earliest finish.
    updates
        Updates of REINFORCE on the mean latency.
    length
        Of the streams of an episode.
    noise
        Of the noisy streams.
    seed
        Of everything random.
    speeds
        For a trace: the speeds of the machines. Default: 1,1.25,1.5,1.75,2.
    bandwidth
        For a trace: bytes per second between machines, such as 100M. Default: data travel at once.
    quiet
        No progress.
    """
    check_writable(str(output))
    if imitation < 0 or updates < 0 or imitation + updates == 0:
        raise UsageError(f"updates: found {imitation} and {updates}, expected at least one")
    from makespan.envs.workflow_stream import Stream
    from makespan.policies.workflow_order import OrderTraining, save, train_best

    problem = read(file, machines_of(speeds, bandwidth))
    with usage_errors():
        streams = (Stream(problem, length=length), Stream(problem, length=length, noise=noise))
    plan = OrderTraining(streams, imitation=imitation, updates=updates, seed=seed)

    def watch(measured: dict[str, float]) -> None:
        if "validation" in measured or (int(measured.get("imitation", 0)) + 1) % 50 == 0:
            note("  ".join(f"{key} {value:.4g}" for key, value in measured.items()), quiet)

    with usage_errors():
        network, latency = train_best(plan, watch)
    save(network, output, plan, {"validation": latency})
    note(f"{output}: mean latency {latency:.1f} on arrivals kept for validation", quiet)
    return OK


def _learned(network: Path | None) -> Any:
    from makespan.policies.workflow_order import TRAINED, dispatcher

    if network is not None and not network.is_file():
        raise UsageError(f"network: found no file {str(network)!r}, expected one of workflow train")
    with usage_errors():
        return dispatcher(network or TRAINED)
