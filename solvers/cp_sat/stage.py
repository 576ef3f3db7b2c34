"""The stage ``cpsat``: hands the instance to a child process and passes on what it finds."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any, ClassVar

from makespan.instances.features import ALL_FEATURES
from makespan.instances.instance import Instance
from makespan.solvers.cp_sat import memory
from makespan.solvers.cp_sat.parent import ChildProcess, give_back, prepare_child, take_child
from makespan.solvers.cp_sat.search import Outcome, Request
from makespan.solvers.registry import from_strings
from makespan.solvers.stage import Context, Refused

POLL_SECONDS = 0.05
STOP_SECONDS = 0.25
"""How long the child may take to stop by itself before it is killed."""
SAFETY_SECONDS = 0.05
"""How long before the deadline CP-SAT is told to stop, so that its last answer arrives in time."""

_PARAMETER = re.compile(r"(?P<key>[a-z][a-z0-9_]*):(?P<value>[A-Za-z0-9_.\-]+)")


class TooLargeForMemory(Refused):
    """The model does not fit into the free memory, or calendars make it too large; the message says what to use."""


class ChildFailed(RuntimeError):
    """The child process crashed, was killed or could not be started; the message says how."""


@dataclass(frozen=True)
class CpSat:
    """CP-SAT on as many workers as the run has threads, for every problem class and field.

    Parameters
    ----------
    seed
        Instead of the seed of the run.
    log
        Pass on CP-SAT's own log as events.
    deterministic
        One worker. With a limit of iterations the run is then the same every time: TICKS_PER_SECOND iterations are one
        second of CP-SAT's deterministic time.
    cut
        Ask CP-SAT for better than the incumbent instead of no worse: proves faster, searches worse.
    slice
        Seconds after which the child begins anew with the incumbent of that moment.
    first
        Stop at the first schedule.
    params
        Parameters of CP-SAT: ``linearization_level:2/symmetry_level:0``; a list is filled by naming it repeatedly.
    """

    supports: ClassVar[frozenset[str]] = ALL_FEATURES
    name: ClassVar[str] = "cpsat"

    seed: int | None = None
    log: bool = False
    deterministic: bool = False
    cut: bool = False
    slice: float | None = None
    first: bool = False
    params: str = ""

    def __post_init__(self) -> None:
        if self.slice is not None and not self.slice > 0:
            raise ValueError(f"slice: found {self.slice}, expected seconds above 0")
        if self.params:
            _check_parameters(self.params)

    @property
    def kernels(self) -> tuple[Any, ...]:
        return ()

    def warm(self) -> None:
        """Start a child, so that its imports are done before the clock runs."""
        prepare_child()

    def run(self, instance: Instance, context: Context) -> None:
        """Raises TooLargeForMemory or ChildFailed; what was found before stays."""
        sentence = memory.refusal(instance, self._workers(context))
        if sentence:
            raise TooLargeForMemory(sentence)
        while not context.expired():
            outcome = _Conversation(context, self._request(instance, context)).outcome()
            if outcome is None:
                return
            context.count(outcome.ticks)
            if outcome.proof == "optimal":
                context.prove_optimal()
            elif outcome.proof == "infeasible":
                context.prove_infeasible("CP-SAT proved that no schedule exists")
            if outcome.proof is not None or self.slice is None:
                return

    def _workers(self, context: Context) -> int:
        return 1 if self.deterministic else context.threads

    def _request(self, instance: Instance, context: Context) -> Request:
        seconds = min(context.remaining(), float("inf") if self.slice is None else self.slice)
        seconds -= SAFETY_SECONDS if seconds > 10 * SAFETY_SECONDS else 0.0
        incumbent = context.incumbent
        return Request(
            instance=instance,
            deadline=None if seconds == float("inf") else time.monotonic() + seconds,
            ticks=context.remaining_iterations(),
            workers=self._workers(context),
            seed=context.seed if self.seed is None else self.seed,
            log=self.log,
            deterministic=self.deterministic,
            parameters=text_format(self.params),
            start=None if incumbent is None else incumbent.start,
            mode=None if incumbent is None else incumbent.mode,
            lower_bound=context.lower_bound,
            cut=self.cut,
            minimise=not self.first,
        )


def make(argument: str | None, **parameters: str) -> CpSat:
    """The stage of ``cpsat[,key=value…]``."""
    if argument is not None:
        raise ValueError(f"found {argument!r} after the colon, expected nothing")
    return from_strings(CpSat, parameters)


def text_format(params: str) -> str:
    """``key:value/key:value`` in the text format of CP-SAT's parameters: words in small letters are strings."""
    parts = []
    for part in filter(None, params.split("/")):
        match = _PARAMETER.fullmatch(part)
        if match is None:
            raise ValueError(f"params: found {part!r}, expected key:value, several joined by /")
        key, value = match["key"], match["value"]
        is_word = value[0].isalpha() and value not in ("true", "false", "inf") and value != value.upper()
        parts.append(f'{key}: "{value}"' if is_word else f"{key}: {value}")
    return " ".join(parts)


def _check_parameters(params: str) -> None:
    text = text_format(params)
    from ortools.sat.python import cp_model

    if not cp_model.CpSolver().parameters.merge_text_format(text):
        raise ValueError(f"params: CP-SAT does not know {params!r}")


class _Conversation:
    """One request and the frames that answer it."""

    def __init__(self, context: Context, request: Request) -> None:
        self.context, self.request = context, request
        self.asked_to_stop: float | None = None
        self.child: ChildProcess | None = None
        context.on_close(self._kill)

    def outcome(self) -> Outcome | None:
        """How the child's run ended; None if it had to be killed at the limit."""
        self.child = child = take_child()
        memory_limit = memory.free_bytes() - memory.RESERVE_BYTES + (memory.used_bytes(child.pid) or 0)
        try:
            child.send(self.request)
            while True:
                kind, value = child.next_frame(POLL_SECONDS)
                if kind in ("done", "refused", "failed"):
                    break
                if kind == "gone":
                    raise ChildFailed(f"the CP-SAT process {value}")
                self._pass_on(kind, value)
                self._watch_memory(child, memory_limit)
                if not self._may_go_on(child):
                    return None
        except BaseException:
            self._kill()
            raise
        self.child = None
        give_back(child)
        if kind == "refused":
            raise TooLargeForMemory(value)
        if kind == "failed":
            raise ChildFailed(value)
        result: Outcome = value
        return result

    def _pass_on(self, kind: str, value: Any) -> None:
        if kind == "schedule":
            self.context.offer(value)
        elif kind == "bound":
            self.context.offer_bound(value)
        elif kind == "log":
            self.context.emit("log", message=value)

    def _watch_memory(self, child: ChildProcess, limit: int) -> None:
        used = memory.used_bytes(child.pid)
        if used is not None and used > limit:
            raise TooLargeForMemory(
                f"the CP-SAT process was ended at {used / memory.GIB:.1f} GB, all the memory that was free; use fewer "
                "threads"
            )

    def _may_go_on(self, child: ChildProcess) -> bool:
        """At the limit ask the child to stop; if it does not, kill it."""
        if not self.context.expired():
            return True
        now = time.monotonic()
        if self.asked_to_stop is None:
            self.asked_to_stop = now
            child.ask_to_stop()
        if now - self.asked_to_stop < STOP_SECONDS:
            return True
        self._kill()
        return False

    def _kill(self) -> None:
        if self.child is not None:
            self.child.kill()
