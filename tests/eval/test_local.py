"""Local workers: whatever a solver does, it costs its own run only."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from makespan.envs.scenario import Scenario
from makespan.eval import local
from makespan.eval.benchmark import plan
from makespan.eval.local import CannotPlay, Worker, play_locally
from makespan.eval.machine import bytes_of, can_measure_memory, descendants, own_cores, tree_bytes
from makespan.eval.play import Task, play
from makespan.eval.simulation import Simulation
from makespan.eval.store import Run
from makespan.eval.suite import Limits, Suite
from makespan.instances.check import check
from makespan.instances.sets import load
from makespan.solvers.api import Budget, Event
from tests.eval.plugins import install_bad_solvers


def tasks_of(*solvers: str, budget: Budget | None = None, memory: int | None = None, seeds: int = 1) -> list[Task]:
    """Runs on ft06."""
    limits = Limits(budget or Budget(iterations=200), memory)
    return plan(Suite("test", solvers, ("@ft06",), (limits,), tuple(range(seeds))))


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One for all tests, on one core where processes can be pinned. It gets the path of this process, and so knows
    ``bad:stuck`` and the others."""
    folder = tmp_path_factory.mktemp("plugins")
    install_bad_solvers(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        with own_cores(1, 1) as [cores]:
            worker = Worker(cores)
            yield worker
            worker.close()


def pid_of(worker: Worker) -> int | None:
    """The process of a worker; None if it has none."""
    return None if worker._child is None else worker._child.pid


def test_a_worker_plays_many_runs_and_every_row_says_what_they_cost(worker: Worker) -> None:
    """One process for all; what was measured from outside is at least what the solver counted."""
    runs, pids = list[Run](), set[int | None]()
    for task in tasks_of("rule:mwkr", "tabu", seeds=2):
        runs.append(worker.play(task))
        pids.add(pid_of(worker))
    assert len(pids) == 1
    for run in runs:
        assert run.schedule is not None and check(load("ft06"), run.schedule) == []
        assert run.wall_seconds is not None and run.wall_seconds >= run.seconds + run.compile_seconds
        assert run.hardware["cores"] >= 1


@pytest.mark.skipif(not can_measure_memory(), reason="no way to see what another process does")
def test_cores_and_memory_are_those_of_all_processes_of_a_run(worker: Worker) -> None:
    """CP-SAT runs in a process below the worker's: it keeps to the same cores, and its memory counts."""
    worker.play(tasks_of("cpsat")[0])
    pid = pid_of(worker)
    assert pid is not None
    (child,) = descendants(pid)
    assert os.sched_getaffinity(pid) == os.sched_getaffinity(child) == set(worker.cores or os.sched_getaffinity(0))
    assert tree_bytes(pid) > tree_bytes(child) > 10**7


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no pinning on this system")
def test_workers_get_cores_of_their_own_where_there_are_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Otherwise none is pinned: two on one core would wait for each other while another core idles. Nor do two
    benchmarks on one machine get the same cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 3, 5, 7})
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    with own_cores(3, 1) as first:
        assert first == [(1,), (3,), (5,)]
        with own_cores(1, 1) as second, own_cores(1, 1) as third:
            assert (second, third) == ([(7,)], [()])
        with own_cores(2, 1) as too_many, own_cores(1, 1) as left:
            assert (too_many, left) == ([(), ()], [(7,)])
    with own_cores(2, 2) as pairs, own_cores(3, 2) as none:
        assert pairs == [(1, 3), (5, 7)] and none == [(), (), ()]


def test_a_worker_that_dies_is_replaced(worker: Worker) -> None:
    """As when the system kills it for want of memory: an error says so, and the next run is played."""
    dead, good = tasks_of("bad:dead", "rule:spt")
    run = worker.play(dead)
    assert run.status == "error" and "ended by SIGKILL" in run.message
    assert worker.play(good).status == "feasible"


def test_a_run_that_hangs_is_killed_some_time_after_its_limit(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the interpreter's lock, so that nothing inside its process can end it."""
    monkeypatch.setattr(local, "OVERTIME", (1.0, 0.0))
    begin = time.monotonic()
    run = worker.play(tasks_of("bad:hung", budget=Budget(seconds=2))[0])
    assert run.status == "error" and run.message == "killed: it went on after its 2 s" and run.wall_seconds
    assert time.monotonic() - begin < 120 and pid_of(worker) is None


def test_a_stage_that_does_not_return_does_not_play_beside_the_next_run(worker: Worker) -> None:
    """Its answer counts, its process does not go on."""
    run = worker.play(tasks_of("bad:stuck", budget=Budget(seconds=0.5))[0])
    assert run.status == "unknown" and run.message == "no schedule found within the limits"
    assert pid_of(worker) is None


@pytest.mark.skipif(not can_measure_memory(), reason="no way to see the memory of a process")
def test_a_run_that_uses_too_much_memory_is_ended(worker: Worker) -> None:
    """It is no error but a limit that was hit; the process goes, and the memory with it."""
    run = worker.play(tasks_of("bad:greedy", budget=Budget(seconds=60), memory=bytes_of("1GB"))[0])
    assert run.status == "unknown" and "GB of memory, the limit is 1.00 GB" in run.message
    assert run.seconds == 0 and pid_of(worker) is None


def test_a_limit_of_memory_that_nobody_could_watch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is played."""
    monkeypatch.setattr(local, "can_measure_memory", lambda: False)
    with pytest.raises(CannotPlay, match="memory: found a limit"):
        next(play_locally(tasks_of("rule:spt", memory=10**9)))


@pytest.mark.parametrize(
    ("text", "size"), [("4GB", 4 * 10**9), ("512 MiB", 2**29), ("1.5gb", 1_500_000_000), (1000, 1000)]
)
def test_sizes_read(text: str | int, size: int) -> None:
    """With the units of drives and of memory."""
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["4XB", "GB", "-1GB", "0", "", "1e9"])
def test_other_sizes_are_refused(text: str) -> None:
    """With an example."""
    with pytest.raises(ValueError, match="expected a size such as 4GB"):
        bytes_of(text)


def test_two_workers_give_the_rows_of_this_process_and_a_live_view_hears_of_them() -> None:
    """With a budget of iterations a row does not depend on where and beside what it was played; simulated shops too.
    Whoever listens hears in his own thread of each run's begin, then of its stages and solutions."""
    case = Simulation("case", "@ft06", "makespan", Scenario(breakdown=0.2))
    shops = plan(Suite("shops", ("rule:spt",), (), (Limits(),), (0, 1), simulations=(case,)))
    tasks = [*tasks_of("tabu", "rule:random,samples=50", seeds=2), *shops]
    heard = list[tuple[str, str]]()

    def listen(task: Task, event: Event) -> None:
        assert threading.current_thread() is threading.main_thread()
        heard.append((task.key.solver, event.kind))

    found = {run.key: (run.objective, run.start) for run in play_locally(tasks, 2, listen)}
    assert found == {run.key: (run.objective, run.start) for run in map(play, tasks)} and len(found) == len(tasks)
    assert [kind for _, kind in heard].count("begin") == len(tasks) and heard[0][1] == "begin"
    assert {("tabu", "stage"), ("tabu", "solution"), ("rule:random,samples=50", "solution")} <= set(heard)


@pytest.mark.skipif(not can_measure_memory(), reason="no way to see what another process does")
def test_nobody_plays_on_when_the_caller_stops() -> None:
    """The worker is killed in the middle of a run."""
    before = set(descendants(os.getpid()))
    tasks = [*tasks_of("rule:spt"), *tasks_of("rule:random,samples=3000000")]
    runs = play_locally(tasks)
    assert next(runs).status == "feasible"
    assert set(descendants(os.getpid())) > before
    runs.close()  # type: ignore[attr-defined]
    deadline = time.monotonic() + 60
    while set(descendants(os.getpid())) - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert set(descendants(os.getpid())) <= before
