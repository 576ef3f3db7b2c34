"""The Ray engine: rows as local workers make them, whatever machine they come from."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from makespan.envs.scenario import Scenario
from makespan.eval.benchmark import plan, run_tasks
from makespan.eval.cluster import play_on_ray
from makespan.eval.local import CannotPlay
from makespan.eval.machine import can_measure_memory, descendants
from makespan.eval.play import Task, play
from makespan.eval.simulation import Simulation
from makespan.eval.store import Run, Store
from makespan.eval.suite import Limits, Suite
from makespan.solvers.api import Budget, Event

ray: Any = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Three machines with one core each, all of them on this one."""
    from ray.cluster_utils import Cluster

    small: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80_000_000}
    cluster = Cluster()
    try:
        try:
            for _ in range(3):
                cluster.add_node(include_dashboard=False, **small)
        except Exception as error:  # Ray gives a node thirty seconds, whatever the machine has to do
            pytest.skip(f"Ray does not start on this machine: {error}")
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()  # type: ignore[no-untyped-call]


def tasks_of(*solvers: str, seeds: int = 1, memory: int | None = None) -> list[Task]:
    """Runs with a budget of iterations, which depend on nothing else."""
    limits = Limits(Budget(iterations=300), memory)
    return plan(Suite("test", solvers, ("@ft06", "@la01"), (limits,), tuple(range(seeds))))


def what_counts(run: Run) -> Run:
    """A row without its times, which no two runs share."""
    trace = tuple((0.0, *rest) for _, *rest in run.trace)
    return replace(run, seconds=0, compile_seconds=0, wall_seconds=0, finished_at="", trace=trace)  # type: ignore[arg-type]


def test_a_cluster_gives_the_same_rows_as_local_workers(cluster: Any, tmp_path: Path) -> None:
    """Every column but the times; simulated shops too. Whoever listens hears each run begin."""
    shop = Suite("test", ("rule:spt",), (), (Limits(),), (0, 1))
    shop = replace(shop, simulations=(Simulation("case", "@ft06", "makespan", Scenario(breakdown=0.2)),))
    tasks = [*tasks_of("rule:mwkr", "tabu", "rule:random,samples=50", seeds=2), *plan(shop)]
    heard = list[tuple[Task, Event]]()
    with Store(tmp_path / "r.sqlite") as store:
        engine = lambda tasks, workers, listen: play_on_ray(tasks, workers, listen, address=cluster.address)  # noqa: E731
        far = list(run_tasks(tasks, store, None, engine=engine, listen=lambda *each: heard.append(each)))
        assert len(list(store.runs())) == len(far) == len(tasks)
    near = {run.key: what_counts(run) for run in map(play, tasks)}  # as local workers do, see their tests
    assert {run.key: what_counts(run) for run in far} == near
    assert [event.kind for _, event in heard] == ["begin"] * len(tasks)
    assert not ray.is_initialized()


@pytest.mark.skipif(not can_measure_memory(), reason="no way to see what another process does")
def test_limits_hold_on_a_cluster_and_a_run_that_died_with_its_actor_is_played_again(cluster: Any) -> None:
    """A limit below what Python itself takes ends a run; an actor that is killed costs time, no run."""
    (small, *_) = tasks_of("rule:mwkr", memory=10_000_000)
    (run,) = play_on_ray([small], address=cluster.address)
    assert run.status == "unknown" and "the limit is 0.01 GB" in run.message
    (endless, *_) = tasks_of("rule:random,samples=3000000")
    endless = replace(endless, limits=Limits(Budget(seconds=2)))
    killed = list[int]()

    def kill_the_actor(task: Task, event: Event) -> None:
        if not killed:
            killed.extend(_actors())
            os.kill(killed[0], signal.SIGKILL)

    (run,) = play_on_ray([endless], listen=kill_the_actor, address=cluster.address)
    assert killed and run.status == "feasible" and run.key == endless.key


def _actors() -> list[int]:
    """The processes of actors that play, on a machine whose cluster is made of child processes."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = [pid for pid in descendants(os.getpid()) if _title(pid).startswith("ray::Slot")]
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("no actor within a minute")


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def test_an_address_without_a_cluster_is_refused() -> None:
    """In one sentence with what to do."""
    with pytest.raises(CannotPlay, match=r"found no Ray cluster at 'localhost:1'.*ray start --head"):
        next(play_on_ray(tasks_of("rule:spt"), address="localhost:1"))
