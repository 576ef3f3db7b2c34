"""The process in which CP-SAT runs: ``python -m makespan.solvers.cp_sat.child``.

It reads frames from its standard input and writes frames to its standard output, see ``parent``. It ignores
Ctrl-C, which is its parent's business, and ends when its parent does.
"""

from __future__ import annotations

import os
import queue
import threading
from typing import BinaryIO

from makespan.solvers.child_process import end_with_parent, pipes_to_parent
from makespan.solvers.cp_sat.calendars import TooLarge
from makespan.solvers.cp_sat.search import Report, Request, Search
from makespan.solvers.frames import read_frame, write_frame


class Child:
    """Serves one request after the other; a second thread listens for the order to stop."""

    def __init__(self, inbox: BinaryIO, outbox: BinaryIO) -> None:
        self.inbox, self.outbox = inbox, outbox
        self.requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self.search: Search | None = None
        self._writing = threading.Lock()

    def serve(self) -> None:
        """Runs until the parent closes the pipe."""
        threading.Thread(target=self._listen, daemon=True).start()
        end_with_parent()
        self.send("ready", None)
        while True:
            self._answer(self.requests.get())

    def send(self, kind: str, value: object) -> None:
        with self._writing:
            write_frame(self.outbox, (kind, value))

    def _listen(self) -> None:
        while True:
            try:
                request = read_frame(self.inbox)
            except (EOFError, OSError):
                os._exit(0)
            except Exception as error:  # no memory for the instance, say; nothing that follows can be read
                self.send("failed", f"the request cannot be read: {type(error).__name__} {error}".rstrip())
                os._exit(1)
            if request is not None:
                self.requests.put(request)
            elif self.search is not None:
                self.search.stop()

    def _answer(self, request: Request) -> None:
        report = Report(
            schedule=lambda schedule: self.send("schedule", schedule),
            bound=lambda bound: self.send("bound", bound),
            log=lambda line: self.send("log", line),
        )
        try:
            self.search = Search(request, report)
            self.send("done", self.search.run())
        except TooLarge as error:
            self.send("refused", str(error))
        except MemoryError:
            self.send("failed", "out of memory")
        except Exception as error:
            self.send("failed", f"{type(error).__name__}: {error}")
        finally:
            self.search = None


if __name__ == "__main__":
    Child(*pipes_to_parent()).serve()
