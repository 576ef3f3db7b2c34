"""Learning from the best of one's own samples.

Each update samples episodes of some new instances, takes the best of each instance, the first of several, and lowers
-log of the probability of its decisions, as imitation does with labels. Source: Corsini et al. (2024), NeurIPS.
"""

from __future__ import annotations

import time

import numpy as np
from torch import Tensor

from makespan.policies.config import Config
from makespan.policies.episodes import collect, play, replaying, verdict
from makespan.policies.imitation import mean_by_row
from makespan.policies.labels import Recipe
from makespan.policies.network import Dispatcher
from makespan.policies.problems import problem_named
from makespan.policies.sampling import sampler
from makespan.policies.views import view_of


class SelfLabelling:
    """Losses for one update after another; update ``step`` depends on the weights and ``step`` alone."""

    def __init__(self, config: Config) -> None:
        self.config, self.problem = config, problem_named(config.problem)
        self.recipe = Recipe(config.problem, config.instances, seed=config.seed)

    def loss(self, model: Dispatcher, step: int, share: tuple[int, int] = (0, 1)) -> tuple[Tensor, dict[str, float]]:
        """The loss of an update, or of every n-th of its instances from the i-th on (``share``), and what to log."""
        config, began = self.config, time.perf_counter()
        place = np.arange(share[0], config.batch, share[1])
        instances = [
            self.recipe.instance(config.instance_number(step * config.batch + each)) for each in place.tolist()
        ]
        number, samples = place.size, config.rollouts
        batch = self.problem.batch(instances, number * samples, config.threads)
        row = np.arange(number * samples)
        # The number of a sample tells the place of its instance too, or all instances would draw alike.
        choose = sampler(row // number * config.batch + place[row % number], config.temperature, config.seed, 2, step)
        actions = play(model, view_of(batch), choose, config.refresh_every)
        assert actions is not None
        value = batch.measure(batch.result).reshape(samples, number)
        best = value.argmin(0) * number + np.arange(number)
        again = self.problem.batch(instances, None, 1)
        view = view_of(again)
        episodes = collect(view, replaying(view, actions[best]), config.refresh_every)
        played = time.perf_counter()
        seen = verdict(model, episodes)
        spread = float(((value.mean(0) - value.min(0)) / value.min(0)).mean())
        return mean_by_row(-seen.log_probability, episodes.decisions.row), {
            "instances": float(np.unique(episodes.decisions.row).size),
            "decisions": float(episodes.taken.size),
            "entropy": float(seen.entropy.mean().detach()),
            "best_below_mean": spread,
            "environment_seconds": played - began,
            "network_seconds": time.perf_counter() - played,
        }
