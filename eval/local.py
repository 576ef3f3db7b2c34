"""Local workers: processes that play one run after the other, each on cores of its own, watched from outside."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from time import perf_counter

from makespan.eval.machine import can_measure_memory, descendants, hardware, own_cores, tree_bytes
from makespan.eval.play import Task, failed_run
from makespan.eval.store import Run
from makespan.solvers.api import Event
from makespan.solvers.child_process import ChildProcess

POLL_SECONDS = 0.05
"""How often memory and time of a run are looked at."""

WARM_UP_SECONDS = 300.0
"""How long a run may take before its clock starts: reading, compiling, loading a network."""

OVERTIME = 5.0, 0.1
"""Seconds, and share of the limit, whichever is more: how far a run may exceed its seconds before its worker is killed.
A solver ends by itself within max(0.5 s, 2 %); whoever is killed has hung."""


class CannotPlay(OSError):
    """This machine or this cluster cannot play the runs; the message says why."""


Listen = Callable[[Task, Event], None]
"""``listen(task, event)``: a run begins (``begin``), or its solver says something."""


def play_locally(tasks: Iterable[Task], workers: int | None = 1, listen: Listen | None = None) -> Iterator[Run]:
    """Play tasks in worker processes on this machine; yields each run as it finishes.

    No run has the cores of another one where there are enough. Whatever happens to a worker costs its own run
    only; the next one has a new worker. When the caller stops iterating, the workers are killed; a killed caller takes
    its workers with it. ``listen`` is called in the calling thread.

    Raises CannotPlay for a limit of memory where this system does not tell how much memory a process uses.
    """
    waiting = deque(tasks)
    refuse_memory_limits(waiting)
    threads = max((task.key.threads for task in waiting), default=1)
    with own_cores(min(workers or 1, len(waiting)), threads) as shares:
        pool = [Worker(cores) for cores in shares]
        try:
            yield from _play(pool, waiting, listen)
        finally:
            waiting.clear()
            for worker in pool:
                worker.close()


def _play(pool: list[Worker], waiting: deque[Task], listen: Listen | None) -> Iterator[Run]:
    """Keep each worker busy from a thread of its own until nothing waits."""
    found: queue.SimpleQueue[_Found] = queue.SimpleQueue()
    for worker in pool:
        threading.Thread(target=_serve, args=(worker, waiting, found, listen is not None), daemon=True).start()
    busy = len(pool)
    while busy:
        item = found.get()
        if item is None:
            busy -= 1
        elif isinstance(item, BaseException):
            raise item
        elif isinstance(item, Run):
            yield item
        elif listen is not None:
            listen(*item)


_Found = Run | tuple[Task, Event] | BaseException | None
"""What a server hands to the caller's thread; None is its last word."""


def _serve(worker: Worker, waiting: deque[Task], found: queue.SimpleQueue[_Found], watched: bool) -> None:
    """Body of the thread that keeps one worker busy."""
    try:
        while True:
            try:
                task = waiting.popleft()
            except IndexError:
                break
            if watched:
                found.put((task, Event("begin", 0.0)))
            found.put(worker.play(task, (lambda task, event: found.put((task, event))) if watched else None))
    except BaseException as error:
        found.put(error)
    finally:
        worker.close()
        found.put(None)


def refuse_memory_limits(tasks: Iterable[Task]) -> None:
    """Raises CannotPlay if a task limits the memory and this system does not tell how much a process uses."""
    if any(task.limits.memory is not None for task in tasks) and not can_measure_memory():
        raise CannotPlay("memory: found a limit, expected none: this system does not tell how much a process uses")


class Worker:
    """A process that plays tasks, one at a time, and whoever replaces it.

    It is replaced when it dies, exceeds a limit, has a stage that does not return, or still holds more than half the
    memory that a run may use.

    Parameters
    ----------
    cores
        Those it may use; empty for all.
    """

    def __init__(self, cores: Sequence[int] = ()) -> None:
        self.cores = tuple(cores)
        self._child: ChildProcess | None = None
        self._closed = False
        self._lock = threading.Lock()

    def play(self, task: Task, listen: Listen | None = None) -> Run:
        """The run of a task, or the error that came in its place. Not for two threads at a time."""
        try:
            child = self._ready_child(task)
            begin = perf_counter()
            child.send((task, listen is not None))
        except (OSError, RuntimeError) as error:
            self._end_child()
            return failed_run(task, str(error))
        watch = _Watch(task, child.pid, begin)
        while True:
            kind, value = child.next_frame(POLL_SECONDS)
            if kind == "run":
                run, can_play_on = value
                if not can_play_on or watch.memory_in_use() > 0.5:
                    self._end_child()
                played: Run = replace(run, hardware=hardware(), wall_seconds=perf_counter() - begin)
                return played
            if kind == "gone":
                self._end_child()
                return failed_run(task, f"{child.name} {value}", wall_seconds=perf_counter() - begin)
            if kind == "event":
                watch.begin_clock(value)
                if listen is not None:
                    listen(task, value)
            excess = watch.excess()
            if excess is not None:
                self._end_child()
                return failed_run(task, *excess, wall_seconds=perf_counter() - begin)

    def close(self) -> None:
        """End the process now, and let no other take its place. May be called from any thread."""
        with self._lock:
            self._closed = True
        self._end_child()

    def _ready_child(self, task: Task) -> ChildProcess:
        child = self._child
        if child is None or not child.is_alive():
            with self._lock:
                if self._closed:
                    raise RuntimeError("the worker process was ended")
                child = self._child = _start(self.cores, task.key.threads)
            child.wait_ready()
        return child

    def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            below = descendants(child.pid)
            child.kill()
            for pid in below:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)


def _start(cores: Sequence[int], threads: int) -> ChildProcess:
    """A worker process; libraries with threads of their own start as many as a run may have."""
    pools = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return ChildProcess(
        "makespan.eval.worker",
        "the worker process",
        [",".join(map(str, cores))],
        dict.fromkeys(pools, str(threads)),
    )


class _Watch:
    """Time and memory of one run, seen from outside."""

    def __init__(self, task: Task, pid: int, begin: float) -> None:
        self.limits, self.pid = task.limits, pid
        self._deadline = None if self.limits.budget.seconds is None else begin + WARM_UP_SECONDS + self._allowed()
        self._clock_runs = False

    def begin_clock(self, event: Event) -> None:
        """The solver has said something: unless it compiles, its clock runs, by now for ``event.seconds``."""
        if event.kind != "compile" and not self._clock_runs and self._deadline is not None:
            self._clock_runs = True
            self._deadline = perf_counter() - event.seconds + self._allowed()

    def excess(self) -> tuple[str, str] | None:
        """Message and status of a run that uses more than it may; None for one that keeps its limits."""
        if self._deadline is not None and perf_counter() > self._deadline:
            begun = "" if self._clock_runs else f" and {WARM_UP_SECONDS:g} s of preparation"
            seconds = self.limits.budget.seconds
            return f"killed: it went on after its {seconds:g} s{begun}", "error"
        limit = self.limits.memory
        if limit is not None and (share := self.memory_in_use()) > 1:
            return (
                f"killed: it used {share * limit / 1e9:.2f} GB of memory, the limit is {limit / 1e9:.2f} GB",
                "unknown",
            )
        return None

    def memory_in_use(self) -> float:
        """Share of the memory limit that is in use; 0 without one."""
        return 0.0 if self.limits.memory is None else tree_bytes(self.pid) / self.limits.memory

    def _allowed(self) -> float:
        seconds = self.limits.budget.seconds or 0.0
        return seconds + max(OVERTIME[0], OVERTIME[1] * seconds)
