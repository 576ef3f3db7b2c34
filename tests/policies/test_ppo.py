"""PPO: advantages and losses against independent code, and a policy that learns."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.instance import Instance
from makespan.policies.config import Config
from makespan.policies.episodes import Verdict, verdict
from makespan.policies.ppo import PPO, advantages, losses
from makespan.policies.training import new_model
from makespan.policies.validation import Validation

SMALL = Config(
    method="ppo",
    instances=("uniform,jobs=4,machines=3",),
    width=16,
    layers=1,
    blocks=1,
    refresh_every=0,
    batch=4,
    rollouts=4,
    minibatches=2,
    validation_count=10,
    threads=1,
)


@settings(deadline=None)
@given(seed=st.integers(0, 1000), lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_advantages_equal_their_definition(seed: int, lengths: list[int]) -> None:
    """The sum of (gae)^l times the l-th temporal difference ahead, written out; rows come interleaved."""
    random = np.random.default_rng(seed)
    row = np.repeat(np.arange(len(lengths)), lengths)
    step = np.concatenate([np.arange(n) for n in lengths])
    order = np.lexsort((row, step))
    row, step = row[order], step[order]
    reward, value = random.normal(size=(2, row.size))
    found = advantages(row, step, reward, value, 0.9)
    for i in range(row.size):
        own = np.flatnonzero(row == row[i])
        own = own[np.argsort(step[own])][step[i] :]
        following = np.append(value[own][1:], 0)
        difference = reward[own] + following - value[own]
        assert found[i] == pytest.approx((0.9 ** np.arange(own.size) * difference).sum())


def test_advantages_without_decay_are_returns_less_values() -> None:
    """The two ends of GAE."""
    row, step = np.zeros(3, np.int64), np.arange(3)
    reward, value = np.array([1.0, 2.0, 4.0]), np.array([0.5, 0.25, 8.0])
    np.testing.assert_allclose(advantages(row, step, reward, value, 1.0), [6.5, 5.75, -4.0])
    np.testing.assert_allclose(advantages(row, step, reward, value, 0.0), [0.75, 9.75, -4.0])


def test_losses_agree_with_a_plain_computation() -> None:
    """On a fixed batch, number by number in NumPy."""
    random = np.random.default_rng(3)
    new, old, advantage, target, value = random.normal(size=(5, 40))
    entropy = random.uniform(size=40)
    seen = Verdict(*(torch.from_numpy(x) for x in (new, entropy, value)))
    found = losses(seen, torch.from_numpy(old), torch.from_numpy(advantage), torch.from_numpy(target), 0.2)
    ratio = np.exp(new - old)
    clipped = np.clip(ratio, 0.8, 1.2)
    policy = np.mean([-min(r * a, c * a) for r, c, a in zip(ratio, clipped, advantage, strict=True)])
    expected = policy, np.mean((value - target) ** 2) / 2, entropy.mean(), np.mean(ratio - 1 - np.log(ratio))
    for one, other in zip(found, expected, strict=True):
        assert float(one) == pytest.approx(float(other))


def test_before_the_first_step_nothing_has_diverged() -> None:
    """The policy that judges is the one that sampled: its ratio is 1 everywhere."""
    trainer, model = PPO(SMALL), new_model(SMALL).eval()
    for group in trainer.rollouts(model, 0):
        seen = verdict(model, group.episodes)
        policy, _, _, kl = losses(seen, group.log_probability, group.advantage, group.target, 0.2)
        assert abs(float(kl.detach())) < 1e-9
        assert float(policy.detach()) == pytest.approx(-float(group.advantage.mean()), abs=1e-5)


def test_targets_without_values_and_decay_are_the_returns_of_the_episodes() -> None:
    """With lambda 1 the target of the first decision is (first bound - makespan) / first bound."""
    config = dataclasses.replace(SMALL, gae=1.0)
    trainer, model = PPO(config), new_model(config).eval()
    for group in trainer.rollouts(model, 0):
        row, step = group.episodes.decisions.row, group.episodes.step
        first = group.target[torch.from_numpy(step == 0)]
        bound = group.episodes.value[step == 0]
        expected = (bound - group.makespan[row[step == 0]]) / bound
        np.testing.assert_allclose(first.numpy(), expected, atol=1e-5)


def test_a_policy_learns_two_instances_to_their_optimum() -> None:
    """The same two shops again and again: the greedy schedules end with the makespans that CP-SAT proves."""
    from makespan import Budget, solve

    torch.set_num_threads(1)
    config = dataclasses.replace(SMALL, updates=20, learning_rate=3e-3, rollouts=32, batch=2, entropy=0.03, seed=1)
    trainer, model = PPO(config), new_model(config)
    shops = [trainer.recipe.instance(i) for i in range(2)]
    trainer.recipe = _Fixed(shops)  # type: ignore[assignment]
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, eps=1e-5)
    for step in range(config.updates):
        trainer.update(model, optimiser, step)
    validation = Validation(config)
    validation.batch = validation.problem.batch(shops, None, 1)
    validation.bound = np.ones(2, np.int64)
    validation.gap(model)
    best = [solve(each, "cpsat", Budget(seconds=20), threads=1).objective for each in shops]
    assert validation.batch.measure("makespan").tolist() == best


class _Fixed:
    """Draws the same instances for ever."""

    def __init__(self, instances: list[Instance]) -> None:
        self.instances = instances

    def instance(self, number: int) -> Instance:
        return self.instances[number % len(self.instances)]
