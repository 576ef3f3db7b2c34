"""The process that plays runs: ``python -m makespan.eval.worker [CORES]``.

It reads pairs (task, whether all events are wanted) from its standard input and writes ("event", event) and
("run", (run, whether it can play on)) to its standard output; ``local`` is at the other end.
``CORES``, such as ``0,1``, are those it may use, and all that it starts.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from typing import TYPE_CHECKING, Any, BinaryIO

from makespan.solvers.child_process import end_with_parent, pipes_to_parent
from makespan.solvers.frames import read_frame, write_frame

if TYPE_CHECKING:
    from makespan.eval.play import Task
    from makespan.solvers.stage import Event

RETURN_SECONDS = 0.5
"""How long a stage that was abandoned at its limit may take to return; while it works, no other run may begin here."""


def main() -> None:
    inbox, outbox = pipes_to_parent()
    end_with_parent()
    if len(sys.argv) > 1 and sys.argv[1]:
        os.sched_setaffinity(0, map(int, sys.argv[1].split(",")))
    from makespan.eval.play import play

    tasks: queue.SimpleQueue[tuple[Task, bool]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(inbox, tasks), name="makespan-listen", daemon=True).start()
    write_frame(outbox, ("ready", None))
    while True:
        task, watched = tasks.get()
        run = play(task, _Events(outbox, watched))
        clean = _all_returned()
        write_frame(outbox, ("run", (run, clean)))
        if not clean:
            return


class _Events:
    """Passes events on: the first that says that the clock runs, and the others if somebody wants them."""

    def __init__(self, outbox: BinaryIO, watched: bool) -> None:
        self.outbox, self.watched, self.clock_runs = outbox, watched, False

    def __call__(self, event: Event) -> None:
        begins = event.kind != "compile" and not self.clock_runs
        self.clock_runs |= begins
        if begins or self.watched:
            write_frame(self.outbox, ("event", event))


def _listen(inbox: BinaryIO, tasks: queue.SimpleQueue[Any]) -> None:
    """Take tasks in; when the parent closes the pipe, end whatever goes on."""
    while True:
        try:
            tasks.put(read_frame(inbox))
        except (EOFError, OSError):
            os._exit(0)
        except Exception as error:  # no memory for the instance, say; nothing that follows can be read
            print(f"the task cannot be read: {type(error).__name__} {error}".rstrip(), file=sys.stderr, flush=True)
            os._exit(1)


def _all_returned() -> bool:
    """Whether the stages of the last run have returned: one that was abandoned would go on beside the next run."""
    stages = [each for each in threading.enumerate() if each.name.startswith(("makespan-solve", "makespan-lane"))]
    return all(_returns(each) for each in stages)


def _returns(thread: threading.Thread) -> bool:
    thread.join(RETURN_SECONDS)
    return not thread.is_alive()


if __name__ == "__main__":
    main()
    os._exit(0)  # an abandoned stage must not be waited for
