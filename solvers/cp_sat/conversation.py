"""A run's line to its child process: requests go out, schedules and bounds come back, limits hold."""

from __future__ import annotations

import time

from makespan.solvers.cp_sat import memory
from makespan.solvers.cp_sat.parent import ChildProcess, give_back, take_child
from makespan.solvers.cp_sat.search import Outcome, Report, Request
from makespan.solvers.stage import Context, Refused

POLL_SECONDS = 0.05
STOP_SECONDS = 0.25
"""How long the child may take to stop by itself before it is killed."""
SAFETY_SECONDS = 0.05
"""How long before the deadline CP-SAT is told to stop, so that its last answer arrives in time."""


class TooLargeForMemory(Refused):
    """The model does not fit into the free memory, or calendars make it too large; the message says what to use."""


class ChildFailed(RuntimeError):
    """The child process crashed, was killed or could not be started; the message says how."""


def deadline(seconds: float) -> float | None:
    """When CP-SAT must stop, on the clock of ``time.monotonic``, for an answer within ``seconds``; None for never."""
    seconds -= SAFETY_SECONDS if seconds > 10 * SAFETY_SECONDS else 0.0
    return None if seconds == float("inf") else time.monotonic() + seconds


class Line:
    """One child process, taken when it is first needed and kept from request to request.

    The end of the run kills it in the middle of a request; ``hang_up`` gives an idle one back.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.child: ChildProcess | None = None
        context.on_close(self._kill)

    def ask(self, request: Request, report: Report) -> Outcome | None:
        """How the child's run ended; None if it had to be killed at the limit.

        Raises TooLargeForMemory or ChildFailed; the next request then has a new child.
        """
        if self.child is None:
            self.child = self._new_child()
            if self.context.expired():  # while the child started
                return None
        child = self.child
        memory_limit = memory.free_bytes() - memory.RESERVE_BYTES + (memory.used_bytes(child.pid) or 0)
        asked_to_stop: float | None = None
        try:
            self._send(child, request)
            while True:
                kind, value = child.next_frame(POLL_SECONDS)
                if kind in ("done", "refused", "failed"):
                    break
                if kind == "gone":
                    raise ChildFailed(f"the CP-SAT process {value}")
                _pass_on(report, kind, value)
                _watch_memory(child, memory_limit)
                if self.context.expired():
                    if asked_to_stop is None:
                        asked_to_stop = time.monotonic()
                        child.ask_to_stop()
                    elif time.monotonic() - asked_to_stop >= STOP_SECONDS:
                        self._kill()
                        self.child = None
                        return None
        except BaseException:
            self._kill()
            self.child = None
            raise
        if kind == "refused":
            raise TooLargeForMemory(value)
        if kind == "failed":
            raise ChildFailed(value)
        outcome: Outcome = value
        return outcome

    def hang_up(self) -> None:
        """Keep the child for others."""
        child, self.child = self.child, None
        if child is not None:
            give_back(child)

    def _new_child(self) -> ChildProcess:
        try:
            return take_child()
        except (OSError, RuntimeError) as error:
            raise ChildFailed(str(error)) from None

    def _send(self, child: ChildProcess, request: Request) -> None:
        try:
            child.send(request)
        except RuntimeError as error:
            raise ChildFailed(str(error)) from None

    def _kill(self) -> None:
        child = self.child
        if child is not None:
            child.kill()


def _pass_on(report: Report, kind: str, value: object) -> None:
    if kind == "schedule":
        report.schedule(value)  # type: ignore[arg-type]
    elif kind == "bound":
        report.bound(value)  # type: ignore[arg-type]
    elif kind == "log":
        report.log(value)  # type: ignore[arg-type]


def _watch_memory(child: ChildProcess, limit: int) -> None:
    used = memory.used_bytes(child.pid)
    if used is not None and used > limit:
        raise TooLargeForMemory(
            f"the CP-SAT process was ended at {used / memory.GIB:.1f} GB, all the memory that was free; use fewer "
            "threads"
        )
