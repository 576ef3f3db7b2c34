"""The same runs on a Ray cluster: one actor for each run that plays at the same time, wherever Ray finds the cores.

An actor owns a worker process of its machine, as ``local`` does, so that limits hold and rows are alike. Every machine
of the cluster needs this package in the same version.
"""

from __future__ import annotations

import logging
import socket
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from makespan.eval.local import CannotPlay, Listen, Worker, refuse_memory_limits
from makespan.eval.play import Task, failed_run
from makespan.eval.store import Run, RunKey
from makespan.solvers.api import Event

LOSSES = 2
"""How often a task may go down with its machine before it counts as an error."""


KNOCK_SECONDS = 10.0
"""How long the head of a cluster may take to answer."""


class Slot:
    """What an actor does: one task after the other, in a worker process of its machine."""

    def __init__(self) -> None:
        self.worker = Worker()

    def ready(self) -> None:
        """Answered as soon as the actor has its place."""

    def play(self, task: Task) -> Run:
        return self.worker.play(task)


def play_on_ray(
    tasks: Iterable[Task], workers: int | None = None, listen: Listen | None = None, *, address: str = "auto"
) -> Iterator[Run]:
    """Play tasks on a Ray cluster; yields each run as it finishes.

    A task whose machine is lost is played again elsewhere. The actors end with the caller.

    Parameters
    ----------
    workers
        Runs at the same time; as many as the cores of the cluster allow if left out.
    listen
        Hears of the begin of each run, not of what its solver says.
    address
        ``auto`` for the cluster that this machine belongs to (or ``RAY_ADDRESS``), ``host:port``, ``ray://host:port``;
        ``local`` for one made of this machine.

    Raises CannotPlay without Ray, if there is no cluster at the address, or if it starts no actor.
    """
    waiting = deque(tasks)
    refuse_memory_limits(waiting)
    if not waiting:
        return
    threads = max(task.key.threads for task in waiting)
    ray, connected = _connect(address)
    try:
        number = min(len(waiting), workers or max(1, _room(ray, threads)))
        yield from _Cast(ray, waiting, threads, listen).play(number)
    finally:
        if connected:
            ray.shutdown()


def _connect(address: str) -> tuple[Any, bool]:
    """Ray, and whether it was this call that connected it to the cluster."""
    try:
        import ray
    except ImportError:
        raise CannotPlay("engine: found ray without the package; install makespan[ray]") from None
    if ray.is_initialized():
        return ray, False
    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=None)
    except Exception as error:  # Ray raises bare ones too
        reason = " ".join(str(error).split()).partition(". ")[0]
        expected = "a running cluster (ray start --head), or local for one of this machine"
        raise CannotPlay(f"address: found no Ray cluster at {address!r} ({reason}), expected {expected}") from None
    return ray, True


def _knock(address: str) -> None:
    """Raises OSError if nobody answers at ``host:port``, where Ray itself would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()


def _room(ray: Any, threads: int) -> int:
    """How many runs of so many threads the machines of the cluster have cores for."""
    return sum(int(node["Resources"].get("CPU", 0)) // threads for node in ray.nodes() if node["Alive"])


class _Cast:
    """The actors, and what each of them is busy with."""

    def __init__(self, ray: Any, waiting: deque[Task], threads: int, listen: Listen | None) -> None:
        self.ray, self.waiting, self.listen = ray, waiting, listen
        self.actor_class = ray.remote(num_cpus=threads)(Slot)
        self.busy: dict[Any, tuple[Any, Task | None]] = {}
        self.lost: dict[RunKey, int] = {}

    def play(self, number: int) -> Iterator[Run]:
        for _ in range(number):
            self._hire()
        try:
            while self.waiting or any(task is not None for _, task in self.busy.values()):
                (answer,), _ = self.ray.wait(list(self.busy), num_returns=1)
                actor, task = self.busy.pop(answer)
                try:
                    run: Run | None = self.ray.get(answer)
                except self.ray.exceptions.RayError as error:
                    run = self._lose(actor, task, error)
                else:
                    self._give(actor)
                if run is not None:
                    yield run
        finally:
            for actor, _ in self.busy.values():
                self.ray.kill(actor)

    def _hire(self) -> None:
        actor = self.actor_class.remote()
        self.busy[actor.ready.remote()] = actor, None

    def _give(self, actor: Any) -> None:
        """Hand over the next task; without one the actor may go."""
        if not self.waiting:
            self.ray.kill(actor)
            return
        task = self.waiting.popleft()
        self.busy[actor.play.remote(task)] = actor, task
        if self.listen is not None:
            self.listen(task, Event("begin", 0.0))

    def _lose(self, actor: Any, task: Task | None, error: Exception) -> Run | None:
        """An actor is gone with its machine: another one takes its place, its task is played again; the error if it was
        lost too often. An actor that cannot even begin is an error of the cluster, and raised."""
        self.ray.kill(actor)
        if task is None:
            raise CannotPlay(f"Ray could not start a worker: {' '.join(str(error).split())}") from error
        self._hire()
        self.lost[task.key] = self.lost.get(task.key, 0) + 1
        if self.lost[task.key] < LOSSES:
            self.waiting.appendleft(task)
            return None
        return failed_run(task, f"lost {LOSSES} times with its machine: {' '.join(str(error).split())}")
