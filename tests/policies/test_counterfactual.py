"""Learning from what each candidate would have cost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.dynamic_rules import DynamicRule
from makespan.instances.instance import Instance
from makespan.policies.config import Config, config_of
from makespan.policies.counterfactual import Counterfactual, _Tried
from makespan.policies.episodes import collect
from makespan.policies.noise import seeds_of
from makespan.policies.parallel import gradient_of
from makespan.policies.training import train
from makespan.policies.views import view_of
from tests.policies.shops import network

SMALL = Config(
    problem="dynamic",
    method="counterfactual",
    instances=("uniform,jobs=4,machines=3",),
    scenario="jobs=templates,num_jobs=40,utilisation=0.95,due_tightness=1.5",
    reward="tardiness",
    guide="rule:spt",
    width=16,
    layers=1,
    blocks=1,
    refresh_every=4,
    updates=4,
    batch=3,
    rollouts=5,
    validation_count=6,
    evaluate_every=2,
    threads=1,
)


def shops(method: Counterfactual) -> tuple[list[Instance], DynamicBatch]:
    """Three shops as an update begins them."""
    instances = [method.recipe.instance(i) for i in range(3)]
    return instances, method._batch(instances, seeds_of(np.arange(3), 15))


def test_a_cost_is_that_of_the_episode_played_by_hand() -> None:
    """For one decision of each shop: begin anew, repeat the actions before it, take the candidate, follow SPT."""
    method = Counterfactual(SMALL)
    instances, batch = shops(method)
    rule = DynamicRule(batch, "fifo")
    actions = []
    while batch.count.any():
        action = np.where(batch.count > 0, rule.actions(), -1)
        actions.append(action)
        batch.take(action[action >= 0], np.flatnonzero(action >= 0))
    played = np.stack(actions, axis=1)
    picked = np.zeros(played.shape, np.bool_)
    picked[np.arange(3), [1, 4, 7]] = True
    _, again = shops(method)
    tried = _Tried(again, played, picked)
    collect(view_of(again), tried, 0)
    cost = method._costs(instances, tried)
    rows, candidates = np.concatenate(tried.rows), np.concatenate(tried.candidates)
    assert set(rows) == {0, 1, 2} and cost.size > 3
    for row, candidate, expected in zip(rows, candidates, cost, strict=True):
        _, own = shops(method)
        for step in range(int(np.flatnonzero(picked[row])[0])):
            own.take(played[row, step : step + 1], np.array([row]))
        own.take(np.array([candidate]), np.array([row]))
        DynamicRule(own, "spt").play()
        assert own.measure("tardiness", [row])[0] == expected


def test_the_loss_is_the_expected_cost_and_its_gradient_prefers_what_is_cheap() -> None:
    """A few steps along it on the same decisions lower what they are expected to cost."""
    method, model = Counterfactual(replace(SMALL, entropy=0.0, refresh_every=0)), network("dynamic", layers=0)
    optimiser = torch.optim.SGD(model.parameters(), 0.05)
    found = []
    for _ in range(15):
        optimiser.zero_grad()
        loss, log = method.loss(model, 0)
        assert float(loss.detach()) == pytest.approx(log["cost"])
        torch.autograd.backward(loss)
        optimiser.step()
        found.append(log["cost"])
    assert found[-1] < found[0]


def test_picked_decisions_are_those_of_the_row_and_as_many_as_asked_for() -> None:
    """None behind the end of a row, and others in the next update."""
    method = Counterfactual(SMALL)
    actions = np.zeros((2, 40), np.int64)
    actions[1, 3:] = -1
    picked = method._picked(actions, np.arange(2), 0)
    assert picked.sum(1).tolist() == [5, 3] and picked[1, :3].all()
    assert not np.array_equal(picked, method._picked(actions, np.arange(2), 1))


def test_gradients_do_not_depend_on_the_number_of_parts() -> None:
    """As workers share an update."""
    found = []
    for parts in (1, 3):
        model = network("dynamic")
        gradient_of(Counterfactual(SMALL), parts)(model, 0)
        found.append(torch.cat([each.grad.ravel() for each in model.parameters() if each.grad is not None]))
    assert torch.allclose(found[0], found[1], atol=1e-6) and found[0].abs().max() > 0


def test_it_trains_and_bad_settings_are_told(tmp_path: Path) -> None:
    """A run of a few updates ends with a gap; other problems and unknown rules are refused."""
    assert train(SMALL, tmp_path).step == 4
    with pytest.raises(ValueError, match="found counterfactual on jsp, expected it on dynamic alone"):
        config_of({"method": "counterfactual"})
    with pytest.raises(ValueError, match="rule: found 'best'"):
        Counterfactual(replace(SMALL, guide="rule:best"))
