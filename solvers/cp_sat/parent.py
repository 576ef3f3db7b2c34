"""The parent's side of the process in which CP-SAT runs: start it ahead of time, keep an idle one."""

from __future__ import annotations

import atexit
import contextlib
import threading

from makespan.solvers import child_process


class ChildProcess(child_process.ChildProcess):
    """A child and the frames that come from it: ("ready" | "schedule" | "bound" | "log" | "done" | "refused" |
    "failed" | "gone", value). It takes requests, see ``search``."""

    def __init__(self) -> None:
        super().__init__("makespan.solvers.cp_sat.child", "the CP-SAT process")

    def ask_to_stop(self) -> None:
        with contextlib.suppress(RuntimeError):
            self.send(None)


_idle: list[ChildProcess] = []
_idle_lock = threading.Lock()


def prepare_child() -> None:
    """Have an idle child ready, so that the next solve does not wait for its imports."""
    give_back(take_child())


def take_child() -> ChildProcess:
    """An idle child, or a new one; it is ready for a request."""
    with _idle_lock:
        while _idle:
            child = _idle.pop()
            if child.is_alive():
                return child
    child = ChildProcess()
    child.wait_ready()
    return child


def give_back(child: ChildProcess) -> None:
    """Keep one idle child for the next solve; a second one is ended."""
    with _idle_lock:
        if child.is_alive() and not _idle:
            _idle.append(child)
            return
    child.kill()


@atexit.register
def _kill_idle() -> None:
    for child in _idle:
        child.kill()
