"""The benchmark runner: every run once, whatever dies in between."""

import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from makespan.eval.benchmark import Task, compile_solvers, plan, play, run_tasks, scores
from makespan.eval.store import Run, RunKey, Store
from makespan.eval.suite import Limits, Suite
from makespan.instances.check import check
from makespan.instances.sets import load
from makespan.solvers.api import Budget
from makespan.solvers.dispatching import DispatchingRule

ENDLESS = "rule:random,samples=3000000"


def suite_of(*solvers: str, instances: tuple[str, ...] = ("@ft06",), seconds: float = 5.0) -> Suite:
    """A small suite."""
    return Suite("test", solvers, instances, (Limits(Budget(seconds=seconds)),))


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


def test_every_budget_makes_runs_of_its_own() -> None:
    """Shorter ones first, as the suite lists them; the memory that a run may use is a part of its budget."""
    suite = replace(suite_of("rule:spt"), limits=(Limits(Budget(seconds=1), 10**9), Limits(Budget(iterations=5))))
    assert [task.key.budget for task in plan(suite)] == ["memory=1000000000,seconds=1", "iterations=5"]
    assert [each.memory for each in suite.with_memory(7).limits] == [10**9, 7]


def test_a_run_says_how_it_was_made() -> None:
    """Who found the schedule in which scheme, what was measured, and all parameters, defaults too."""
    run = play(plan(suite_of("rule:mwkr"))[0])
    assert run.measure == "makespan" and run.found_by == "rule:mwkr,scheme=non_delay"
    assert run.parameters["rule:mwkr"] == {"rule": "mwkr", "scheme": "", "samples": 1, "greed": 70, "delta": 100}


def test_a_refusal_and_a_failure_are_runs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule for shops refuses a project; an exception costs one run, not the benchmark."""
    run = play(plan(suite_of("rule:mwkr", instances=("@j301_1",)))[0])
    assert (run.status, run.objective) == ("unsupported", None) and "rule:mwkr does not handle" in run.message

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr("makespan.eval.play.solve", fails)
    run = play(plan(suite_of("rule:mwkr"))[0])
    assert (run.status, run.message) == ("error", "RuntimeError: out of luck")


def test_a_solver_that_cannot_get_ready_does_not_end_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told while kernels are compiled; its runs will say so as well."""

    def fails(*_: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr("makespan.eval.benchmark.is_cold", lambda kernels: True)
    monkeypatch.setattr(DispatchingRule, "warm", fails)
    said = list[str]()
    compile_solvers(plan(suite_of("rule:mwkr", "rule:spt")), said.append)
    assert said.count("rule:mwkr: RuntimeError: out of luck") == said.count("rule:spt: RuntimeError: out of luck") == 1


def test_scores_average_gaps_only_where_there_are_some() -> None:
    """A run without a schedule is counted as not solved; no infinity enters a mean."""
    task = plan(suite_of("rule:spt"))[0]
    run = play(task)
    runs = [
        replace(run, objective=60, gap=0.1, seconds=1.0),
        replace(run, objective=70, gap=0.3, seconds=2.0, status="optimal"),
        replace(run, gap=None, objective=None, seconds=3.0),
    ]
    (score,) = scores(runs)
    assert (score.runs, score.solved, score.optimal) == (3, 2, 1)
    assert score.mean_objective == 65
    assert score.mean_gap == pytest.approx(0.2) and score.mean_seconds == pytest.approx(2.0)
    assert scores([runs[2]])[0].mean_gap is None and scores([]) == []


def test_objectives_of_different_instances_are_never_averaged() -> None:
    """A mean over two shops says nothing, one over two seeds does."""
    run = play(plan(suite_of("rule:spt"))[0])
    other = replace(run, key=replace(run.key, instance_hash="ab"))
    assert scores([run, other])[0].mean_objective is None
    assert scores([run, replace(run, key=replace(run.key, seed=1))])[0].mean_objective == run.objective


def test_budgets_are_summed_up_apart() -> None:
    """Ten seconds and a minute of the same solver are two lines."""
    run = play(plan(suite_of("rule:spt"))[0])
    assert len(scores([run, replace(run, key=replace(run.key, budget="seconds=60"))])) == 2


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


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="cannot tell which processes a benchmark started")
def test_a_benchmark_killed_again_and_again_loses_nothing() -> None:
    """kill -9 at random moments: no process stays behind, no finished run is lost, changed or played again; the script
    says more, and does it two hundred times."""
    script = Path(__file__).parents[2] / "benchmarks" / "kill_benchmark.py"
    call = [sys.executable, str(script), "--kills", "2", "--workers", "1", "--seed", "1"]
    done = subprocess.run(call, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0 and "2 kills" in done.stdout, done.stdout + done.stderr


def here(tasks: Iterable[Task], workers: int | None, listen: object) -> Iterator[Run]:
    """An engine without processes."""
    yield from map(play, tasks)


def test_the_same_command_plays_only_what_is_missing(tmp_path: Path) -> None:
    """A suite that grew by two seeds: the rows that were there stay as they are."""
    with Store(tmp_path / "r.sqlite") as store:
        few = plan(replace(suite_of("rule:spt"), seeds=(0,)))
        (first,) = run_tasks(few, store, engine=here)
        more = plan(replace(suite_of("rule:spt"), seeds=(0, 1, 2)))
        left = [task for task in more if task.key not in store.keys("test")]
        assert [task.key.seed for task in left] == [1, 2]
        assert len(list(run_tasks(left, store, engine=here))) == 2
        assert next(store.runs()) == first


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
