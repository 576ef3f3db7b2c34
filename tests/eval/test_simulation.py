"""Rules and networks in simulated shops as runs of a benchmark."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.dynamic_rules import DynamicRule
from makespan.envs.scenario import Scenario
from makespan.eval import simulation
from makespan.eval.benchmark import plan, scores
from makespan.eval.play import Task, play
from makespan.eval.simulation import Simulation, check_solver, simulate
from makespan.eval.suite import Limits, Suite
from makespan.instances.errors import InputError
from makespan.instances.sets import load
from makespan.policies import checkpoint, episodes
from makespan.policies.checkpoint import Card
from makespan.policies.config import Config
from makespan.policies.training import new_model
from makespan.policies.views import view_of

STREAM = Scenario(jobs="templates", num_jobs=20, utilisation=0.9, due_tightness=2.0, breakdown=0.05)


def suite_of(*simulations: Simulation, solvers: tuple[str, ...] = ("rule:spt",), seeds: int = 1) -> Suite:
    """A small dynamic suite."""
    return Suite("test", solvers, (), (Limits(),), tuple(range(seeds)), simulations=simulations)


def tasks_of(scenario: Scenario, measure: str = "makespan") -> list[Task]:
    """One run on ft06."""
    return plan(suite_of(Simulation("case", "@ft06", measure, scenario)))


@pytest.mark.parametrize("measure", ["makespan", "flow_time", "tardiness", "waiting_time", "tardy_jobs"])
def test_a_run_measures_what_the_batch_measures(measure: str) -> None:
    """Row by row what many rows of a batch give at once."""
    simulated = Simulation("case", "@la01", measure, STREAM)
    batch = DynamicBatch([load("la01")], STREAM, 5)
    batch.reset(seed=np.arange(5))
    DynamicRule(batch, "spt").play()
    expected = batch.measure(measure).tolist()
    assert [simulate(load("la01"), simulated, "rule:spt", seed).value for seed in range(5)] == expected
    assert measure == "tardy_jobs" or len(set(expected)) > 1


def test_a_network_plays_as_the_rows_of_a_batch_do(tmp_path: Path) -> None:
    """Greedily, with the features of candidates alone; reading it is part of the run."""
    config = Config(problem="dynamic", method="ppo", width=8, layers=0, blocks=1, refresh_every=0, seed=1)
    model = new_model(config)
    path = tmp_path / "own.safetensors"
    checkpoint.save(path, model, Card("dynamic", model.shape, 0))
    batch = DynamicBatch([load("la01")], STREAM, 3)
    batch.reset(seed=np.arange(3))
    episodes.play(model, view_of(batch), episodes.greedy, 0)
    simulated = Simulation("case", "@la01", "tardiness", STREAM)
    found = [simulate(load("la01"), simulated, f"policy:{path}", seed) for seed in range(3)]
    assert [each.value for each in found] == batch.measure("tardiness").tolist()
    assert all(each.decisions > 0 and each.value for each in found)


def test_a_network_for_other_problems_is_refused() -> None:
    """Before anything is played."""
    with pytest.raises(ValueError, match="found 'policy:jsp', a network for 'jsp', expected one for 'dynamic'"):
        check_solver("policy:jsp")


def test_where_nothing_happens_a_rule_gives_the_schedule_of_the_solver() -> None:
    """The same rule, non-delay, on the same shop."""
    (task,) = tasks_of(Scenario())
    static = Suite("static", ("rule:spt",), ("@ft06",), (Limits(),))
    run = play(task)
    assert run.objective == play(plan(static)[0]).objective and run.status == "feasible"
    assert (run.measure, run.instance, run.instance_set, run.best_known) == ("makespan", "ft06", "case", None)


def test_runs_differ_by_scenario_measure_and_seed() -> None:
    """Each has a key of its own; the scenario's own seed is not used and makes no difference."""
    cases = [
        Simulation("a", "@ft06", "makespan", Scenario()),
        Simulation("a", "@ft06", "flow_time", Scenario()),
        Simulation("a", "@ft06", "makespan", Scenario(breakdown=0.1)),
        Simulation("a", "@ft10", "makespan", Scenario()),
    ]
    keys = {task.key for task in plan(suite_of(*cases, solvers=("rule:spt", "rule:lpt"), seeds=3))}
    assert len(keys) == len(cases) * 2 * 3
    ft06 = load("ft06")
    assert cases[0].digest(ft06) == replace(cases[0], scenario=Scenario(seed=7)).digest(ft06)


def test_an_episode_that_does_not_end_has_no_value() -> None:
    """Jobs that wait for each other in a circle without swaps; a shop that is full."""
    blocked = [play(replace(tasks_of(Scenario(blocking=True, swap=False))[0])) for _ in range(2)]
    full = play(tasks_of(Scenario(max_jobs=1))[0])
    assert blocked[0].objective is None and "wait for each other" in blocked[0].message
    assert full.objective is None and "the shop was full" in full.message
    assert {run.status for run in (*blocked, full)} == {"unknown"}


def test_a_simulation_that_is_wrong_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened is measured a second time from its schedule, which the checker has seen."""
    monkeypatch.setattr(simulation, "_measured", lambda happened, schedule, measure: 1)
    run = play(tasks_of(Scenario())[0])
    assert run.status == "error" and "measures a makespan of" in run.message


def test_the_summary_averages_over_the_seeds_of_a_scenario() -> None:
    """Which is one shop; there is no gap, since nobody knows the best of what would happen."""
    tasks = plan(suite_of(Simulation("case", "@ft06", "makespan", Scenario(breakdown=0.2)), seeds=4))
    values = [run.objective for run in map(play, tasks)]
    (score,) = scores(map(play, tasks))
    assert score.mean_gap is None and score.mean_objective == pytest.approx(np.mean(np.array(values, float)))


def test_what_cannot_be_simulated_is_refused_before_anything_is_played() -> None:
    """A project is no job shop; a set is no instance."""
    for instance, words in (("@j301_1", "job shop that can be simulated"), ("@ft", "found 3 instances")):
        with pytest.raises(InputError, match=words):
            plan(suite_of(Simulation("case", instance, "makespan", Scenario())))
