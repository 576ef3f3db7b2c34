"""Destructive bounds by CP-SAT: is there a schedule within given windows? One worker, in a child that can be killed."""

from __future__ import annotations

import time
from dataclasses import dataclass

from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.solvers.cp_sat.parent import give_back, take_child
from makespan.solvers.cp_sat.search import Outcome, Request
from makespan.solvers.stage import Context

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Answer:
    """``refuted``: there is none. ``schedule``: there is this one. Neither: no answer in time."""

    refuted: bool = False
    schedule: Schedule | None = None


def ask(instance: Instance, context: Context, seconds: float, parameters: str = "") -> Answer:
    """Ask CP-SAT for any schedule, for at most ``seconds``; the child is killed once the context has expired.

    Raises RuntimeError if the child crashed, ran out of memory or could not write the model down.
    """
    child = take_child()
    finished, schedule = False, None
    context.on_close(lambda: None if finished else child.kill())
    deadline = time.monotonic() + min(seconds, context.remaining())
    try:
        child.send(Request(instance, deadline, seed=context.seed, parameters=parameters, minimise=False))
        while not context.expired() and time.monotonic() < deadline + 1.0:
            kind, value = child.next_frame(POLL_SECONDS)
            if kind == "schedule":
                schedule = value
            elif kind == "done":
                outcome: Outcome = value
                finished = True
                return Answer(outcome.proof == "infeasible", schedule)
            elif kind in ("refused", "failed", "gone"):
                raise RuntimeError(f"the CP-SAT process: {value}")
        return Answer(schedule=schedule)
    finally:
        if finished:
            give_back(child)
        else:
            child.kill()
