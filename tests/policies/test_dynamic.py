"""Dispatchers of simulated shops: what they are shown, how they are trained, and what they are compared with."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.dynamic_rules import DynamicRule
from makespan.envs.rows import draw
from makespan.policies.config import Config, config_of, read_config
from makespan.policies.episodes import collect, greedy, play, replaying, verdict
from makespan.policies.noise import seeds_of
from makespan.policies.ppo import PPO
from makespan.policies.problems import problem_named, scenario_named, seeded
from makespan.policies.training import LAST, new_model, train, trainer_of
from makespan.policies.validation import Validation
from makespan.policies.views import view_of
from makespan.solvers.kernels import dynamic_layout as layout
from tests.policies.shops import network, shop

SCENARIO = "jobs=templates,num_jobs=12,utilisation=0.9,due_tightness=1.5"
SMALL = Config(
    problem="dynamic",
    method="ppo",
    instances=("uniform,jobs=4,machines=3",),
    scenario=SCENARIO,
    reward="tardiness",
    width=16,
    layers=1,
    blocks=1,
    refresh_every=4,
    updates=4,
    batch=3,
    rollouts=3,
    minibatches=2,
    epochs=1,
    validation_count=6,
    evaluate_every=2,
    threads=1,
)


def simulated(rows: int = 3) -> DynamicBatch:
    """Some shops in which jobs arrive."""
    batch = problem_named("dynamic", SCENARIO).batch([shop(4, 3, seed) for seed in range(rows)], None, 1)
    assert isinstance(batch, DynamicBatch)
    return batch


def test_the_graph_holds_the_jobs_in_the_shop_and_candidates_point_to_their_next_operations() -> None:
    """Against the state: a node for each operation that has not ended, uses of its machine, arcs inside jobs; the node
    of a candidate is ready, and its machine the one that decides."""
    batch, random = simulated(), np.random.default_rng(0)
    view = view_of(batch)
    while (rows := np.flatnonzero(batch.count > 0)).size:
        graph, found = view.graph(rows), view.decisions(rows)
        nodes = arcs = 0
        for row in rows:
            state = batch.state[row]
            jobs = state[state[layout.JOBS] :][: 12 * layout.JOB_SIZE].reshape(12, layout.JOB_SIZE)
            inside = jobs[jobs[:, layout.SLOT] >= 0]
            left = inside[:, layout.LENGTH] - inside[:, layout.STEP]
            nodes, arcs = nodes + int(left.sum()), arcs + int((left - 1).sum())
        assert graph.operation.shape[0] == graph.use.shape[1] == nodes and graph.arc.shape[1] == arcs
        assert graph.resource.shape[0] == 3 * rows.size
        assert (found.operation >= 0).all() and (graph.operation[found.operation, 2] == 1).all()
        assert (graph.resource[found.resource, 8] == 1).all()
        used = dict(graph.use.T.tolist())
        assert [used[each] for each in found.operation.tolist()] == found.resource.tolist()
        batch.step(draw(random, batch.count))


def test_a_job_that_came_after_the_graph_was_read_has_no_node() -> None:
    """The others keep theirs, wherever in the shop they are."""
    batch = simulated()
    view = view_of(batch)
    graph = view.graph(np.arange(3))
    slot = batch.state[:, layout.STATE_HEADER + layout.SLOT :][:, : 12 * layout.JOB_SIZE : layout.JOB_SIZE]
    is_known, unknown = slot >= 0, 0
    while (rows := np.flatnonzero(batch.count > 0)).size:
        found = view.decisions(rows)
        job = batch.job[rows][np.arange(batch.width) < batch.count[rows, None]]
        np.testing.assert_array_equal(found.operation >= 0, is_known[np.repeat(rows, found.count), job])
        assert (found.operation < graph.operation.shape[0]).all()
        unknown += int((found.operation < 0).sum())
        batch.step(np.zeros(3, np.int64))
    assert unknown > 0


def test_an_episode_is_judged_as_it_was_played() -> None:
    """With the same seeds the same events come again, and the largest logits are those that were taken."""
    batch, model = seeded(simulated(), np.array([5, 6, 7])), network("dynamic")
    actions = play(model, view_of(batch), greedy, 2)
    assert actions is not None
    value = batch.measure("tardiness")
    again = seeded(simulated(), np.array([5, 6, 7]))
    episodes = collect(view_of(again), replaying(view_of(again), actions), 2)
    np.testing.assert_array_equal(again.measure("tardiness"), value)
    with torch.inference_mode():
        seen = verdict(model, episodes)
    assert (seen.log_probability.exp().numpy() >= 1 / episodes.decisions.count - 1e-6).all()


def test_targets_are_minus_the_tardiness_over_the_expected_work() -> None:
    """With lambda 1: what the tardiness grows by from the first decision on, over 12 jobs of mean work."""
    trainer, model = PPO(dataclasses.replace(SMALL, gae=1.0)), new_model(SMALL).eval()
    shops, seeds = [trainer.recipe.instance(i) for i in range(3)], seeds_of(np.arange(3), 1)
    batch = seeded(trainer.problem.batch(shops, None, 1), seeds)
    before = batch.measure("tardiness")
    actions = play(model, view_of(batch), greedy, SMALL.refresh_every)
    assert actions is not None
    group = trainer._group(model, shops, seeds, actions)
    first = np.flatnonzero(group.episodes.step == 0)
    row = group.episodes.decisions.row[first]
    work = np.array([shop.duration.sum() / 4 * 12 for shop in shops])
    expected = (before - batch.measure("tardiness"))[row] / work[row]
    np.testing.assert_allclose(group.target[first].numpy(), expected, atol=1e-6)
    assert (expected < 0).any()


def test_validation_compares_with_the_best_rule_on_the_same_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy that plays the best rule has a gap of 0, another rule one of more."""
    validation = Validation(SMALL)
    batch, rules = validation.batch, validation.rules
    assert isinstance(batch, DynamicBatch) and min(rules.values()) > 0

    def follow(rule: str) -> float:
        def instead(*_: object) -> None:
            DynamicRule(batch, rule).play()

        monkeypatch.setattr("makespan.policies.validation.play", instead)
        return validation.gap(network("dynamic"))

    best, worst = min(rules, key=lambda rule: rules[rule]), max(rules, key=lambda rule: rules[rule])
    assert follow(best) == 0
    assert follow(worst) == pytest.approx(rules[worst] / rules[best] * 100 - 100)


def test_a_run_that_stopped_equals_one_that_did_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instances and events depend on seed and update alone."""
    monkeypatch.setattr("makespan.policies.training.SAVE_SECONDS", -1.0)

    class Stop(Exception):
        pass

    def stop(progress: object, log: dict[str, float]) -> None:
        if log["step"] == 2 and not (tmp_path / "stopped").exists():
            (tmp_path / "stopped").touch()
            raise Stop

    train(SMALL, tmp_path / "whole")
    with pytest.raises(Stop):
        train(SMALL, tmp_path / "parts", stop)
    train(SMALL, tmp_path / "parts", stop)
    from makespan.policies.checkpoint import load

    whole, parts = (load(tmp_path / name / LAST) for name in ("whole", "parts"))
    for name, value in whole[0].state_dict().items():
        assert torch.equal(value, parts[0].state_dict()[name])


def test_scenarios_are_named_or_spelled_out(tmp_path: Path) -> None:
    """A name of the validation scenarios, parameters as text, or a table in TOML."""
    assert scenario_named("arrivals_due").due_tightness == 2.0
    own = scenario_named(SCENARIO)
    assert (own.jobs, own.num_jobs, own.utilisation, own.due_tightness) == ("templates", 12, 0.9, 1.5)
    path = tmp_path / "run.toml"
    path.write_text('[scenario]\njobs = "templates"\nnum_jobs = 5\nblocking = true\n')
    assert scenario_named(read_config(path).scenario).blocking


@pytest.mark.parametrize("recipe", ["dynamic", "fjsp", "jsp"])
def test_recipes_read(recipe: str) -> None:
    """And name problems, scenarios and generators that there are."""
    from makespan.policies.labels import Recipe

    path = Path(__file__).parents[2] / "policies" / "recipes" / f"{recipe}.toml"
    config = read_config(path)
    problem_named(config.problem, config.scenario)
    for number in range(20):
        Recipe(config.problem, config.instances).instance(number)


def test_what_simulated_shops_cannot_do_is_refused() -> None:
    """Labels, scenarios of other problems, unknown parameters."""
    with pytest.raises(ValueError, match="found imitation on dynamic, expected ppo"):
        trainer_of(dataclasses.replace(SMALL, method="imitation"))
    with pytest.raises(ValueError, match="expected it for dynamic alone"):
        problem_named("jsp", SCENARIO)
    with pytest.raises(ValueError, match="scenario: found 'nothing'"):
        scenario_named("nothing")
    with pytest.raises(ValueError, match="reward: found 'lower_bound'"):
        PPO(dataclasses.replace(SMALL, reward="lower_bound")).rollouts(network("dynamic"), 0)
    with pytest.raises(ValueError, match="scenario"):
        config_of({"scenario": 3})
