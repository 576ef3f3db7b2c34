"""Processes that serve this one: started as modules, spoken to in pickled frames, ended without fail.

A plain sub-process and not ``multiprocessing``: it imports nothing of the caller's main program, so that a script
without a ``__main__`` guard does not run twice.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from makespan.solvers.frames import read_frame, write_frame

START_SECONDS = 60.0
"""How long a child may take to import what it needs."""


class ChildProcess:
    """The parent's side: a child and the frames that come from it, pairs of a kind and a value.

    The first is ("ready", None), the last ("gone", how it ended).

    Parameters
    ----------
    module
        What ``python -m`` runs, with ``arguments``; see ``pipes_to_parent`` and ``end_with_parent`` for its side.
    name
        What messages call it.
    environment
        Variables to set for it.
    """

    def __init__(
        self, module: str, name: str, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the child)
        paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            start_new_session=True,  # Ctrl-C in a terminal goes to the parent alone
            env=os.environ | paths | dict(environment or {}),
        )
        self.frames: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self.owner = os.getpid()
        self._ready = False
        threading.Thread(target=self._read, name="makespan-child-reader", daemon=True).start()

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
            raise RuntimeError(f"{self.name} did not start: {value or 'no answer'}")
        self._ready = True

    def send(self, request: object) -> None:
        """Hand over a request. Raises RuntimeError if the child is gone."""
        assert self.process.stdin is not None
        try:
            write_frame(self.process.stdin, request)  # type: ignore[arg-type]
        except (OSError, ValueError):
            raise RuntimeError(f"{self.name} {self._obituary()}") from None

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


# -- the child's side -----------------------------------------------------------------------------


def pipes_to_parent() -> tuple[BinaryIO, BinaryIO]:
    """What frames are read from and written to. Ctrl-C is the parent's business from now on, and whatever libraries
    print goes to the standard error: it must not get between the frames."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipes = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return pipes


def end_with_parent() -> None:
    """End this process when its parent has ended: another process may hold the pipe to it open after its death."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(0)

    threading.Thread(target=watch, name="makespan-watch-parent", daemon=True).start()
