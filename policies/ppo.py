"""Proximal policy optimisation with masked candidates, several rollouts per instance, and a stop by divergence.

Rewards are the falls of a potential over the ``scale`` of the problem, the first lower bound of the instance or, in
simulated shops, the expected work of all jobs, so that returns have the same size on all instances. An update samples
``rollouts`` episodes of each of ``batch`` new instances, estimates advantages with GAE (discount 1) and takes
``epochs`` times ``minibatches`` steps on the clipped objective, unless the divergence from the policy that sampled goes
beyond ``kl_stop``. Sources: Schulman et al. (2017), arXiv 1707.06347; (2016), ICLR.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from makespan.envs.rewards import potential
from makespan.instances.instance import Instance, IntArray
from makespan.policies.config import Config
from makespan.policies.episodes import Episodes, Verdict, collect, play, replaying, verdict
from makespan.policies.labels import Recipe
from makespan.policies.network import Dispatcher
from makespan.policies.noise import seeds_of
from makespan.policies.problems import problem_named, seeded
from makespan.policies.sampling import sampler
from makespan.policies.views import view_of


class Rollouts(NamedTuple):
    """Episodes as the policy that sampled them saw them; arrays (d,) by decision.

    ``makespan`` (episodes,) is the final value of each row.
    """

    episodes: Episodes
    log_probability: Tensor
    advantage: Tensor
    target: Tensor
    makespan: IntArray


def advantages(
    row: IntArray, step: IntArray, reward: NDArray[np.float64], value: NDArray[np.float64], gae: float
) -> NDArray[np.float64]:
    """Generalised advantage estimates with discount 1 for decisions in any order; O(decisions).

    ``reward`` is what each decision earned, ``value`` what was expected from it on. Source: Schulman et al. (2016).
    """
    result = np.zeros(row.size)
    later, following = np.zeros(int(row.max(initial=0)) + 1), np.zeros(int(row.max(initial=0)) + 1)
    for i in np.lexsort((row, -step)):
        r = row[i]
        later[r] = reward[i] + following[r] - value[i] + gae * later[r]
        result[i], following[r] = later[r], value[i]
    return result


def losses(
    seen: Verdict, before: Tensor, advantage: Tensor, target: Tensor, clip: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Policy loss, value loss, mean entropy, and the divergence estimate mean(ratio - 1 - log ratio)."""
    change = seen.log_probability - before
    ratio = change.exp()
    policy = -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()
    value = 0.5 * (seen.value - target).square().mean()
    return policy, value, seen.entropy.mean(), (ratio - 1 - change).mean()


class PPO:
    """Samples, then steps; update ``step`` depends on the weights, the optimiser and ``step`` alone."""

    def __init__(self, config: Config) -> None:
        self.config, self.problem = config, problem_named(config.problem, config.scenario)
        self.recipe = Recipe(config.problem, config.instances, seed=config.seed)

    def rollouts(self, model: Dispatcher, step: int) -> list[Rollouts]:
        """The episodes of an update, in ``minibatches`` groups."""
        config = self.config
        number = config.batch
        instances = [self.recipe.instance(config.instance_number(step * number + i)) for i in range(number)]
        row = np.arange(number * config.rollouts)
        seeds = seeds_of(row % number, config.seed, 8, step)  # rollouts of an instance meet the same events
        batch = seeded(self.problem.batch(instances, row.size, config.threads), seeds)
        choose = sampler(row, 1.0, config.seed, 3, step)
        actions = play(model, view_of(batch), choose, config.refresh_every)
        assert actions is not None
        order = np.random.default_rng([config.seed, 4, step]).permutation(row.size)
        parts = np.array_split(order, min(row.size, config.minibatches))
        return [
            self._group(model, [instances[each % number] for each in part], seeds[part], actions[part])
            for part in parts
        ]

    def _group(self, model: Dispatcher, instances: list[Instance], seeds: IntArray, actions: IntArray) -> Rollouts:
        """What episodes with these actions looked like and earned."""
        config = self.config
        batch = seeded(self.problem.batch(instances, None, 1), seeds)
        view, measure = view_of(batch), potential(config.reward, batch)
        scale = self.problem.scale(batch)
        episodes = collect(view, replaying(view, actions), config.refresh_every, measure)
        last = np.asarray(measure(batch, np.arange(batch.num_rows)), np.float64)
        with torch.inference_mode():
            seen = verdict(model, episodes)
        reward = rewards(episodes, last) / scale[episodes.decisions.row]
        value = seen.value.cpu().numpy().astype(np.float64)
        advantage = advantages(episodes.decisions.row, episodes.step, reward, value, config.gae)
        return Rollouts(
            episodes,
            seen.log_probability.clone(),
            torch.from_numpy(advantage).to(seen.value),
            torch.from_numpy(advantage + value).to(seen.value),
            batch.measure(batch.result),
        )

    def update(self, model: Dispatcher, optimiser: torch.optim.Optimizer, step: int) -> dict[str, float]:
        """Sample and learn; returns what to log. Raises FloatingPointError before a step that is no number."""
        config, began = self.config, time.perf_counter()
        groups = self.rollouts(model, step)
        played = time.perf_counter()

        def seen(group: int) -> tuple[Verdict, Tensor, Tensor]:
            own = groups[group]
            advantage = own.advantage
            if advantage.numel() >= 8:
                advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
            return verdict(model, own.episodes), own.log_probability, advantage

        log = clipped_steps(config, model, optimiser, step, len(groups), seen, [group.target for group in groups])
        target = torch.cat([group.target for group in groups])
        missed = torch.cat([group.advantage for group in groups])
        return {
            **log,
            "decisions": float(target.numel()),
            "environment_seconds": played - began,
            "network_seconds": time.perf_counter() - played,
            "makespan": float(np.concatenate([group.makespan for group in groups]).mean()),
            "explained_variance": 1 - float(missed.var() / target.var().clamp(min=1e-12)),
        }


def clipped_steps(
    config: Config,
    model: Dispatcher,
    optimiser: torch.optim.Optimizer,
    step: int,
    groups: int,
    seen: Callable[[int], tuple[Verdict, Tensor, Tensor]],
    target: Sequence[Tensor] | None = None,
) -> dict[str, float]:
    """Steps on the clipped objective, one per group and epoch, until the divergence of an epoch is beyond ``kl_stop``.

    ``seen(group)``: what the model thinks of the decisions of a group now, their log-probabilities before, and their
    advantages. Values learn ``target[group]``, nothing if it is left out. Returns what to log of the last step. Raises
    FloatingPointError before a step that is no number.
    """
    log, steps = dict[str, float](), 0
    for epoch in range(config.epochs):
        order = np.random.default_rng([config.seed, 5, step, epoch]).permutation(groups)
        divergence = 0.0
        for group in order.tolist():
            now, before, advantage = seen(group)
            aim = now.value.detach() if target is None else target[group]
            policy, value, entropy, kl = losses(now, before, advantage, aim, config.clip)
            optimiser.zero_grad(set_to_none=True)
            (policy + config.value_weight * value - config.entropy * entropy).backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
            if not torch.isfinite(norm):
                raise FloatingPointError(f"update {step}: found a gradient of norm {norm}, expected a finite one")
            optimiser.step()
            steps += 1
            divergence += float(kl.detach()) / groups
            log = {"loss": float(policy.detach()), "value_loss": float(value.detach())}
            log |= {"entropy": float(entropy.detach()), "kl": divergence}
        if divergence > config.kl_stop:
            break
    return log | {"steps": float(steps)}


def rewards(episodes: Episodes, last: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each decision earned: the fall of the potential until the next one of its row, or to the end."""
    row, step = episodes.decisions.row, episodes.step
    order = np.lexsort((step, row))
    after = np.empty(row.size)
    after[order[:-1]] = episodes.value[order[1:]]
    is_last = np.append(row[order][1:] != row[order][:-1], True)
    after[order[is_last]] = last[row[order[is_last]]]
    result: NDArray[np.float64] = episodes.value - after
    return result
