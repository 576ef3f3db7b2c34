"""Learning what else could have been done in a simulated shop, and what that would have cost.

Each update samples one episode of some new shops and picks ``rollouts`` of the decisions of each. From there every
candidate is tried: the shop is copied, the candidate taken, and a priority rule plays on to the end, with the same
events for all. The loss is the mean over the picked decisions of the cost that the network's probabilities let expect,
less that of a candidate drawn at random, in units of the mean work of a job. Its gradient is the policy gradient with
the rule in the place of what the policy does afterwards, over all candidates at once and therefore with little noise:
who follows it improves on the rule. Source: rollout algorithms, Bertsekas, Tsitsiklis and Wu (1997), Journal of
Heuristics 3, 245-262; here a network keeps the improved policy.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.dynamic_rules import DynamicRule
from makespan.instances.instance import Instance, IntArray
from makespan.policies.config import Config
from makespan.policies.episodes import collect, considered, play, replaying
from makespan.policies.labels import Recipe
from makespan.policies.network import Dispatcher
from makespan.policies.noise import mixed, seeds_of
from makespan.policies.problems import problem_named, seeded
from makespan.policies.sampling import sampler
from makespan.policies.views import view_of
from makespan.solvers.kernels.dynamic_features import MEAN_WORK


class Counterfactual:
    """Losses for one update after another; update ``step`` depends on the weights and ``step`` alone."""

    def __init__(self, config: Config) -> None:
        self.config, self.problem = config, problem_named(config.problem, config.scenario)
        self.recipe = Recipe(config.problem, config.instances, seed=config.seed)
        self.rule = config.guide.removeprefix("rule:") or "covert"
        DynamicRule(self._batch([self.recipe.instance(0)], np.zeros(1, np.int64)), self.rule)  # or says what it misses

    def loss(self, model: Dispatcher, step: int, share: tuple[int, int] = (0, 1)) -> tuple[Tensor, dict[str, float]]:
        """The loss of an update, or of every n-th of its instances from the i-th on (``share``), and what to log."""
        config, began = self.config, time.perf_counter()
        place = np.arange(share[0], config.batch, share[1])
        instances = [self.recipe.instance(config.instance_number(step * config.batch + i)) for i in place.tolist()]
        seeds = seeds_of(place, config.seed, 15, step)
        batch = self._batch(instances, seeds)
        choose = sampler(place, config.temperature, config.seed, 16, step)
        actions = play(model, view_of(batch), choose, config.refresh_every)
        assert actions is not None
        again = self._batch(instances, seeds)
        view = view_of(again)
        picked = self._picked(actions, place, step)
        tried = _Tried(again, actions, picked)
        episodes = collect(view, tried, config.refresh_every)
        which = np.flatnonzero(picked[episodes.decisions.row, episodes.step])
        cost = self._costs(instances, tried)
        played = time.perf_counter()
        number = episodes.decisions.count[which]
        first = np.cumsum(number) - number
        unit = batch.arena.scale[batch.which, MEAN_WORK][episodes.decisions.row[which]]
        away = (cost - np.repeat(np.add.reduceat(cost, first) / number, number)) / np.repeat(unit, number)
        seen = np.unique(episodes.decisions.row[which]).size
        costs, entropy = torch.zeros((), device=model.device), torch.zeros((), device=model.device)
        for at, choices, logits, _ in considered(model, episodes, which):
            mask = choices.mask.to(logits.device)
            own = np.zeros(choices.mask.shape, np.float32)
            own[choices.mask.numpy()] = np.concatenate([away[first[i] : first[i] + number[i]] for i in at])
            log = torch.log_softmax(logits, 1).masked_fill(~mask, 0)
            chance = log.exp() * mask
            costs = costs + (chance * torch.from_numpy(own).to(log)).sum() / (seen * config.rollouts)
            entropy = entropy - (chance * log).sum() / (seen * config.rollouts)
        return costs - config.entropy * entropy, {
            "instances": float(seen),
            "decisions": float(which.size),
            "entropy": float(entropy.detach()),
            "tried": float(cost.size),
            "cost": float(costs.detach()),
            "environment_seconds": played - began,
            "network_seconds": time.perf_counter() - played,
        }

    def _batch(self, instances: list[Instance], seeds: IntArray) -> DynamicBatch:
        batch = seeded(self.problem.batch(instances, None, self.config.threads), seeds)
        assert isinstance(batch, DynamicBatch)  # as the configuration says
        return batch

    def _picked(self, actions: IntArray, place: IntArray, step: int) -> NDArray[np.bool_]:
        """Of each row, the ``rollouts`` decisions with the least random numbers."""
        made = actions >= 0
        noise = mixed(self.config.seed, 17, step, place[:, None], np.arange(actions.shape[1])) >> np.uint64(1)
        order = np.argsort(np.where(made, noise.astype(np.int64), np.iinfo(np.int64).max), axis=1, kind="stable")
        picked = np.zeros(actions.shape, np.bool_)
        np.put_along_axis(picked, order[:, : self.config.rollouts], True, axis=1)
        return picked & made

    def _costs(self, instances: list[Instance], tried: _Tried) -> NDArray[np.float64]:
        """What each candidate comes to, decision after decision."""
        row = np.concatenate(tried.rows)
        copies = self.problem.batch(instances, row.size, self.config.threads)
        assert isinstance(copies, DynamicBatch)
        copies.restore(tuple(np.concatenate(arrays) for arrays in zip(*tried.saved, strict=True)))
        copies.take(np.concatenate(tried.candidates), np.arange(row.size))
        DynamicRule(copies, self.rule).play()
        return copies.measure(self.config.reward).astype(np.float64)


class _Tried:
    """A teacher that repeats actions (rows, decisions) and keeps the shop before those that are picked, once for each
    candidate: ``saved`` states, their ``rows``, and the ``candidates``."""

    def __init__(self, batch: DynamicBatch, actions: IntArray, picked: NDArray[np.bool_]) -> None:
        self.batch, self.picked, self.again = batch, picked, replaying(view_of(batch), actions)
        self.step = 0
        self.saved = list[tuple[NDArray[np.generic], ...]]()
        self.rows, self.candidates = list[IntArray](), list[IntArray]()

    def __call__(self, rows: IntArray) -> IntArray:
        here = rows[self.picked[rows, self.step]]
        if here.size:
            number = self.batch.count[here].astype(np.int64)
            self.saved.append(tuple(np.repeat(array, number, axis=0) for array in self.batch.snapshot(here)))
            self.rows.append(np.repeat(here, number))
            self.candidates.append(np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number))
        self.step += 1
        return self.again(rows)
