"""The parent's side of the child process: start it ahead of time, hand it requests, end it without fail."""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from typing import Any

from makespan.solvers.cp_sat.frames import read_frame, write_frame
from makespan.solvers.cp_sat.search import Request

START_SECONDS = 60.0
"""How long a child may take to import what it needs."""


class ChildProcess:
    """A child and the frames that come from it: ("ready" | "schedule" | "bound" | "log" | "done" | "refused" |
    "failed" | "gone", value)."""

    def __init__(self) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the child)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "makespan.solvers.cp_sat.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            start_new_session=True,  # Ctrl-C in a terminal goes to the parent alone
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        self.frames: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self.owner = os.getpid()
        self._ready = False
        threading.Thread(target=self._read, name="makespan-cpsat-reader", daemon=True).start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_ready(self, timeout: float = START_SECONDS) -> None:
        """Return when the child can take requests. Raises RuntimeError if it does not come up."""
        if self._ready:
            return
        kind, value = self.next_frame(timeout)
        if kind != "ready":
            self.kill()
            raise RuntimeError(f"the CP-SAT process did not start: {value or 'no answer'}")
        self._ready = True

    def send(self, request: Request) -> None:
        """Hand over a request. Raises RuntimeError if the child is gone."""
        self._write(request)

    def ask_to_stop(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._write(None)

    def next_frame(self, timeout: float) -> tuple[str, Any]:
        """The next frame, or ("nothing", None) when ``timeout`` seconds pass without one."""
        try:
            return self.frames.get(timeout=timeout)
        except queue.Empty:
            return "nothing", None

    def is_alive(self) -> bool:
        return self.owner == os.getpid() and self.process.poll() is None

    def kill(self) -> None:
        """End the child now. May be called again, and from any thread."""
        if self.owner != os.getpid():  # a fork: the child belongs to the process that made it
            return
        with contextlib.suppress(OSError):
            self.process.kill()
        self.process.wait()

    def _write(self, frame: object) -> None:
        assert self.process.stdin is not None
        try:
            write_frame(self.process.stdin, frame)  # type: ignore[arg-type]
        except (OSError, ValueError):
            raise RuntimeError(f"the CP-SAT process {self._obituary()}") from None

    def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            while True:
                self.frames.put(read_frame(self.process.stdout))  # type: ignore[arg-type]
        except (EOFError, OSError, ValueError):
            self.process.wait()
            self.frames.put(("gone", self._obituary()))
        except Exception as error:  # a frame that makes no sense or finds no memory: what follows is lost too
            self.kill()
            self.frames.put(("gone", f"was ended, its answer cannot be read: {type(error).__name__} {error}".rstrip()))

    def _obituary(self) -> str:
        """How the child ended, with the last line it wrote."""
        code = self.process.poll()
        if code is None:
            return "closed its pipe"
        self.errors.seek(0)
        lines = self.errors.read()[-2000:].decode(errors="replace").strip().splitlines()
        last = f": {lines[-1]}" if lines else ""
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            killed = " (memory may have run out)" if -code in (signal.SIGKILL, signal.SIGABRT) else ""
            return f"was ended by {name}{killed}{last}"
        return f"ended with code {code}{last}"


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
