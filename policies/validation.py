"""How good a network is on instances that it was not trained on."""

from __future__ import annotations

import numpy as np

from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.dynamic_rules import DYNAMIC_RULES, DynamicRule
from makespan.policies.config import Config
from makespan.policies.episodes import greedy, play
from makespan.policies.labels import Recipe
from makespan.policies.network import Dispatcher
from makespan.policies.noise import seeds_of
from makespan.policies.problems import problem_named, seeded
from makespan.policies.views import view_of

SEED = 2**20
"""Instances of validation are drawn with this seed, whatever that of the run."""


class Validation:
    """The same generated instances for every evaluation, played greedily all at once.

    The gap is the mean over instances of makespan over lower bound, less 1, in per cent: the first lower bound of an
    instance needs no search, and differences between networks are those of any other reference. In simulated shops it
    is the mean of what is rewarded over that of the best priority rule on the same instances and seeds, less 1.
    """

    def __init__(self, config: Config) -> None:
        self.config, self.problem = config, problem_named(config.problem, config.scenario)
        recipe = Recipe(config.problem, config.validation or config.instances, seed=SEED)
        self.instances = [recipe.instance(i) for i in range(config.validation_count)]
        seeds = seeds_of(SEED, np.arange(config.validation_count))
        self.batch = seeded(self.problem.batch(self.instances, None, config.threads), seeds)
        self.measure, self.bound = self.batch.result, np.ones(1, np.int64)
        if isinstance(self.batch, DynamicBatch):
            self.measure, self.rules = config.reward, by_rule(self.batch, config.reward)
        else:
            self.bound = np.maximum(1, self.batch.measure("lower_bound"))

    def gap(self, model: Dispatcher) -> float:
        """Mean gap to the first lower bound, or to the best rule, in per cent."""
        self.batch.reset()
        play(model, view_of(self.batch), greedy, self.config.refresh_every)
        value = self.batch.measure(self.measure)
        if isinstance(self.batch, DynamicBatch):
            return float(value.mean() / max(1e-9, min(self.rules.values())) * 100 - 100)
        return float((value / self.bound).mean() * 100 - 100)


def by_rule(batch: DynamicBatch, measure: str) -> dict[str, float]:
    """The mean over the rows of a measure under each priority rule but ``random``."""
    means = {}
    for rule in DYNAMIC_RULES:
        if rule != "random":
            batch.reset()
            DynamicRule(batch, rule).play()
            means[rule] = float(batch.measure(measure).mean())
    return means
