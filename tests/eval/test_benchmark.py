"""The benchmark runner: every run once, whatever dies in between."""

import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from makespan.eval.benchmark import Task, plan, play, run_tasks, scores
from makespan.eval.store import Run, RunKey, Store
from makespan.eval.suite import Suite
from makespan.instances.check import check
from makespan.instances.sets import load
from makespan.solvers.api import Budget

ENDLESS = "rule:random,samples=3000000"


def suite_of(*solvers: str, instances: tuple[str, ...] = ("@ft06",), seconds: float = 5.0) -> Suite:
    """A small suite."""
    return Suite("test", solvers, instances, Budget(seconds=seconds))


def test_a_plan_has_every_solver_on_every_instance_with_every_seed() -> None:
    """An instance that two references name is played once."""
    suite = replace(suite_of("rule:spt", "rule:lpt", instances=("@ft", "@ft06")), seeds=(0, 4))
    tasks = plan(suite)
    assert len(tasks) == len({task.key for task in tasks}) == 2 * 3 * 2
    assert {task.key.seed for task in tasks} == {0, 4} and {task.instance_set for task in tasks} == {"jsp/ft"}


def test_a_run_keeps_a_feasible_schedule_and_the_gap_to_the_best_known() -> None:
    """ft06 has the optimum 55; the trace ends at the objective."""
    run = play(plan(suite_of("rule:mwkr"))[0])
    assert run.schedule is not None and check(load("ft06"), run.schedule) == []
    assert run.objective is not None and run.best_known == 55
    assert run.gap == pytest.approx(run.objective / 55 - 1) and run.trace[-1][1] == run.objective


def test_a_refusal_and_a_failure_are_runs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule for shops refuses a project; an exception costs one run, not the benchmark."""
    run = play(plan(suite_of("rule:mwkr", instances=("@j301_1",)))[0])
    assert (run.status, run.objective) == ("unsupported", None) and "rule:mwkr does not handle" in run.message

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr("makespan.eval.benchmark.solve", fails)
    run = play(plan(suite_of("rule:mwkr"))[0])
    assert (run.status, run.message) == ("error", "RuntimeError: out of luck")


def test_a_worker_that_dies_costs_its_own_run_only(tmp_path: Path) -> None:
    """As when the system kills it for want of memory: stored as an error, the next task is played."""
    tasks = plan(suite_of(ENDLESS, "rule:mwkr", seconds=60))

    def kill_workers() -> None:
        for worker in multiprocessing.active_children():
            worker.kill()

    threading.Timer(3.0, kill_workers).start()
    with Store(tmp_path / "r.sqlite") as store:
        runs = list(run_tasks(tasks, store, workers=1))
        assert [run.status for run in runs] == ["error", "feasible"] == [run.status for run in store.runs()]
    assert "died with exit code -9" in runs[0].message


def test_scores_average_gaps_only_where_there_are_some() -> None:
    """A run without a schedule is counted as not solved; no infinity enters a mean."""
    task = plan(suite_of("rule:spt"))[0]
    run = play(task)
    runs = [
        replace(run, gap=0.1, seconds=1.0),
        replace(run, gap=0.3, seconds=2.0, status="optimal"),
        replace(run, gap=None, objective=None, seconds=3.0),
    ]
    (score,) = scores(runs)
    assert (score.runs, score.solved, score.optimal) == (3, 2, 1)
    assert score.mean_gap == pytest.approx(0.2) and score.mean_seconds == pytest.approx(2.0)
    assert scores([runs[2]])[0].mean_gap is None and scores([]) == []


SUITE = f"""
solvers = ["{ENDLESS}"]
instances = ["@ft06", "@la01", "@la02"]
seeds = 8

[budget]
seconds = 0.2
"""


def command(folder: Path, *more: str) -> list[str]:
    """The command line that plays SUITE."""
    path = folder / "resume.toml"
    path.write_text(SUITE)
    return [sys.executable, "-m", "makespan", "bench", "run", str(path), "--store", str(folder / "r.sqlite"), *more]


@pytest.mark.skipif(sys.platform == "win32", reason="no kill -9")
def test_a_benchmark_killed_in_the_middle_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """kill -9 after some runs: no process stays behind, no finished run is lost, changed or played again."""
    with subprocess.Popen(
        command(tmp_path, "--workers", "2"), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("[6/24]"):
                break
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        pytest.fail("a worker outlived the benchmark")
    with Store(tmp_path / "r.sqlite") as store:
        before = {run.key: run for run in store.runs()}
    assert 6 <= len(before) < 24
    again = subprocess.run(command(tmp_path, "--format", "json"), capture_output=True, text=True, timeout=120)
    assert again.returncode == 0 and f"24 runs, {len(before)} stored" in again.stderr
    assert f"[{24 - len(before)}/{24 - len(before)}]" in again.stderr
    with Store(tmp_path / "r.sqlite") as store:
        runs = list(store.runs())
    assert len(runs) == len({run.key for run in runs}) == 24
    assert all(before.get(run.key, run) == run for run in runs)
    assert {run.key.seed for run in runs} == set(range(8)) and any(run.schedule is not None for run in runs)
    assert sum(each["runs"] for each in json.loads(again.stdout)) == 24
    with sqlite3.connect(tmp_path / "r.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process")
def test_ctrl_c_keeps_what_is_finished_and_exits_with_130(tmp_path: Path) -> None:
    """The summary of what there is is printed."""
    with subprocess.Popen(command(tmp_path), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("[2/24]"):
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "goes on" in err and "Traceback" not in err
    assert out.splitlines()[0].startswith("set")
    with Store(tmp_path / "r.sqlite") as store:
        assert 2 <= len(list(store.runs())) < 24


def test_keys_survive_the_way_through_a_worker() -> None:
    """A task is pickled for the worker; key and instance stay what they were."""
    import pickle

    task = plan(suite_of("rule:spt"))[0]
    copy: Task = pickle.loads(pickle.dumps(task))
    assert copy.key == task.key == RunKey("test", "rule:spt", load("ft06").digest, 0, "seconds=5", 1)
    assert copy.instance.digest == task.instance.digest
    run: Run = play(copy)
    assert pickle.loads(pickle.dumps(run)) == run
