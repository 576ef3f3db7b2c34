"""Studies of workflows: list schedules, cost under a deadline, streams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from makespan.eval.studies import Row
from makespan.instances.generators.topcuoglu import layered_workflow
from makespan.instances.instance import Metadata
from makespan.instances.sets import instance_names
from makespan.instances.workflow import Workflow, check_workflow, workflow_makespan
from makespan.instances.workflow_files import LINEAR, PRICE_UNIT, read_workflow

COMMUNICATION = (0.1, 0.5, 1.0, 5.0)
HETEROGENEITY = (0.1, 0.5, 1.0)
SHARES = (0.75, 0.5, 0.25, 0.15, 0.1, 0.05, 0.02, 0.01)
"""Sizes of parts in the whole workflow, those of the paper."""

BANDWIDTH = 100_000_000
EXACT_SECONDS = 20.0


def makespans(seeds: int, small: bool) -> Iterator[Row]:
    """Ten tasks on three machines; every setting in which CP-SAT proves the optimum."""
    from makespan.solvers.workflows.exact import shortest
    from makespan.solvers.workflows.heft import METHODS

    for communication in COMMUNICATION:
        for heterogeneity in HETEROGENEITY[1:2] if small else HETEROGENEITY:
            for seed in range(seeds):
                workflow = layered_workflow(10, 3, seed, heterogeneity, communication)
                best = shortest(workflow, EXACT_SECONDS)
                if best is None or not best.optimal:
                    continue
                for method, schedule in METHODS.items():
                    value = _checked_makespan(workflow, schedule(workflow))
                    yield {
                        "communication": communication,
                        "heterogeneity": heterogeneity,
                        "method": method,
                        "seed": seed,
                        "value": value,
                        "reference": best.objective,
                    }


def traces(seeds: int, small: bool) -> Iterator[Row]:
    """The WfFormat traces that come along; there is nothing random in them."""
    from makespan.solvers.workflows.heft import METHODS, makespan_bound

    machines = replace(LINEAR, bandwidth=BANDWIDTH)
    for name in instance_names("workflows"):
        workflow = read_workflow(f"@{name}", machines)
        if small and workflow.num_tasks > 120:
            continue
        bound = makespan_bound(workflow)
        for method, schedule in METHODS.items():
            value = _checked_makespan(workflow, schedule(workflow))
            yield {"workflow": name, "method": method, "seed": 0, "value": value, "reference": bound}


def _checked_makespan(workflow: Workflow, schedule: object) -> int:
    from makespan.instances.schedule import Schedule

    assert isinstance(schedule, Schedule)
    wrong = check_workflow(workflow, schedule)
    if wrong:
        raise RuntimeError(f"{workflow.name}: {wrong[0].message}")
    return workflow_makespan(workflow, schedule)


def costs(seeds: int, small: bool) -> Iterator[Row]:
    """SPWD with parts of several sizes; the deadline is the critical path by mean times.

    The chain of fans and joins is drawn anew for every seed; the traces are those of the paper's applications, up to 60
    tasks in the small form, with the two Montage sizes of the paper (472 and 619 tasks) otherwise.
    """
    names = ["epigenomics-chameleon-hep-1seq-100k-001", "montage-chameleon-2mass-005d-001"]
    names += ["1000genome-chameleon-2ch-100k-001", "srasearch-chameleon-10a-001"]
    if not small:
        names += ["montage-chameleon-dss-10d-001", "montage-chameleon-2mass-025d-001"]
    for seed in range(seeds):
        yield from _cost_rows(fan_join_chain(60, seed), "fan_join_chain", seed)
    for name in names:
        yield from _cost_rows(read_workflow(f"@{name}"), name, 0)


def _cost_rows(workflow: Workflow, name: str, seed: int) -> Iterator[Row]:
    from makespan.solvers.workflows.exact import cheapest, critical_path
    from makespan.solvers.workflows.spwd import spwd

    deadline = critical_path(workflow, workflow.duration.sum(axis=1)) // workflow.num_machines
    whole = cheapest(workflow, deadline, EXACT_SECONDS)
    assert whole is not None
    proved = "proved" if whole.cost == whole.lower_bound else "bound"
    yield _cost_row(name, proved, "whole", seed, whole.cost, whole.lower_bound)
    for share in SHARES:
        plan = spwd(workflow, deadline, max(2, round(share * workflow.num_tasks)))
        assert plan is not None
        if plan.makespan > deadline or plan.cost < whole.lower_bound:
            raise RuntimeError(f"{name}: SPWD keeps neither deadline nor bound")
        yield _cost_row(name, proved, f"{share:g}", seed, plan.cost, whole.lower_bound)


def _cost_row(name: str, proved: str, share: str, seed: int, cost: int, bound: int) -> Row:
    return {"workflow": name, "reference_is": proved, "part": share, "seed": seed, "value": cost, "reference": bound}


def fan_join_chain(tasks: int, seed: int) -> Workflow:
    """Fans of 2 to 5 tasks that join before the next fan, works U{100..1000}, on the five kinds of machines LINEAR."""
    rng = np.random.default_rng(seed)
    arcs: list[tuple[int, int, int]] = []
    tip, count = 0, 1
    while count < tasks:
        width = min(int(rng.integers(2, 6)), tasks - count)
        fan = list(range(count, count + width))
        count += width
        arcs += [(tip, task, 0) for task in fan]
        tip, count = (count, count + 1) if count < tasks else (tip, count)
        if tip > fan[-1]:
            arcs += [(task, tip, 0) for task in fan]
    work = rng.integers(100, 1001, size=tasks).tolist()
    duration = [[int(-(-each // speed)) for speed in LINEAR.speed] for each in work]
    assert LINEAR.price is not None
    price = [int(each / PRICE_UNIT) for each in LINEAR.price]
    return Workflow.from_lists(duration, arcs, price, Metadata(f"fan_join_chain_{tasks}_{seed}"))


def streams(seeds: int, small: bool) -> Iterator[Row]:
    """The ten tasks as a stream, with and without noise on the durations; the learned order if PyTorch is there."""
    from makespan.envs.workflow_stream import DISPATCHERS, Stream, check_stream, play

    dispatchers = dict(DISPATCHERS)
    try:
        from makespan.policies.workflow_order import dispatcher
    except ImportError:  # the extra rl is not installed
        pass
    else:
        dispatchers["learned"] = dispatcher()
    for noise in (Fraction(0), Fraction(1, 5)):
        stream = Stream(read_workflow("@ten_tasks"), noise=float(noise))
        for seed in range(seeds):
            records = {name: play(stream, each, seed) for name, each in dispatchers.items()}
            for name, record in records.items():
                wrong = check_stream(stream, record)
                if wrong:
                    raise RuntimeError(f"{name}: {wrong[0]}")
                yield {
                    "noise": float(noise),
                    "order": name,
                    "seed": seed,
                    "value": record.mean_latency,
                    "reference": records["heft_rt"].mean_latency,
                }
