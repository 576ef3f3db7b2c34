"""What a run does: lanes of stages, side by side as far as there are threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from makespan.instances.instance import Instance
from makespan.solvers.registry import StageSpec, make_stage, parse_lanes
from makespan.solvers.stage import Budget, Chooser, Context, Stage


@dataclass(frozen=True)
class Step:
    """A stage and the spec it was made from."""

    spec: StageSpec
    stage: Stage


Lane = tuple[Step, ...]
"""Steps that run one after the other."""

Plan = tuple[Lane, ...]
"""Lanes that run side by side."""


def make_plan(solver: str | Stage, instance: Instance, budget: Budget, threads: int) -> Plan:
    """The lanes that a spec asks for; a chooser's first lane continues its own, the others stand beside it.

    Raises ValueError if the spec does not read.
    """
    if not isinstance(solver, str):
        return ((Step(StageSpec(getattr(solver, "name", type(solver).__name__)), solver),),)
    lanes: list[Lane] = []
    for specs in parse_lanes(solver):
        lane: Lane = ()
        beside: list[Lane] = []
        for spec in specs:
            method = make_stage(spec)
            if isinstance(method, Chooser):
                first, *others = make_plan(method.choose(instance, budget, threads), instance, budget, threads)
                lane += first
                beside += others
            else:
                lane += (Step(spec, method),)
        lanes += [lane, *beside]
    return tuple(lanes)


def plan_text(plan: Plan) -> str:
    """The spec of a plan."""
    return "~".join("+".join(str(step.spec) for step in lane) for lane in plan)


def run_plan(plan: Plan, context: Context, run_step: Callable[[Step, Context], None]) -> None:
    """Run the lanes; ``run_step`` runs one step and keeps its errors.

    Each lane gets an equal share of the threads. Where there are fewer threads than lanes, the lanes take turns, as
    many at a time as there are threads, and each turn an equal share of the time left.
    """
    if len(plan) == 1:
        _run_lane(plan[0], context, run_step)
        return
    at_once = min(len(plan), context.threads)
    for first in range(0, len(plan), at_once):
        turn = plan[first : first + at_once]
        turns_left = -(-(len(plan) - first) // at_once)
        seconds = context.remaining() / turns_left if turns_left > 1 and context.remaining() < float("inf") else None
        workers = []
        for place, lane in enumerate(turn):
            threads = context.threads // len(turn) + (place < context.threads % len(turn))
            branch = context.branch(first + place, threads, seconds)
            arguments = (lane, branch, run_step)
            workers.append(
                threading.Thread(target=_run_lane, args=arguments, name=f"makespan-lane-{place}", daemon=True)
            )
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


def _run_lane(lane: Lane, context: Context, run_step: Callable[[Step, Context], None]) -> None:
    for step in lane:
        if context.finished():
            break
        context.begin_stage(str(step.spec), step.spec.seconds, step.spec.iterations)
        run_step(step, context)
