"""Learning from a search that finishes what the policy begins.

Each update samples episodes, cuts all of them at the same random part of their decisions, and lets a search that knows
how the policy went on schedule the rest. What the search decides from the cut on is raised, what the policy decided
there is lowered, both in proportion to how much shorter the search's schedule is; what was decided before the cut is
raised or lowered by how the finished schedule compares with those of the same instance. All steps are those of PPO.
Source: Tassel et al. (2023), ICAPS, with the search of this package in the place of CP Optimizer. Chosen by us: the
improvement is divided by the largest of the instance, and a prefix is judged by the schedule that the search made of
it.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from makespan.envs.shop_batch import ShopBatch
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.policies.config import Config
from makespan.policies.drift import relabelled, steps_per_task
from makespan.policies.episodes import Episodes, Verdict, collect, play, replaying, verdict
from makespan.policies.labels import Recipe
from makespan.policies.network import Dispatcher
from makespan.policies.ppo import clipped_steps
from makespan.policies.problems import problem_named
from makespan.policies.sampling import sampler
from makespan.policies.views import view_of
from makespan.solvers.api import Budget


class Finished(NamedTuple):
    """Sampled episodes and how a search finished them, by row: ``cut`` decisions of the policy stand; makespans are
    ``reached`` by the policy and ``guided`` by the search, in ``schedules``."""

    instances: list[Instance]
    actions: IntArray
    cut: IntArray
    reached: IntArray
    guided: IntArray
    schedules: list[Schedule]


class Guided:
    """Samples, searches, then steps; with a budget in steps, update ``step`` depends on the weights, the optimiser and
    ``step`` alone."""

    def __init__(self, config: Config) -> None:
        self.config, self.problem = config, problem_named(config.problem)
        self.recipe = Recipe(config.problem, config.instances, seed=config.seed)

    def finished(self, model: Dispatcher, step: int) -> Finished:
        """The episodes of an update. The search never returns a longer schedule than the policy's."""
        config = self.config
        number = config.batch
        instances = [self.recipe.instance(config.instance_number(step * number + i)) for i in range(number)]
        row = np.arange(number * config.rollouts)
        batch = self._batch(instances, row.size)
        actions = play(model, view_of(batch), sampler(row, 1.0, config.seed, 12, step), config.refresh_every)
        assert actions is not None
        part = np.random.default_rng([config.seed, 13, step]).random()
        cut = np.floor(part * (actions >= 0).sum(1)).astype(np.int64)
        cut_short = self._batch(instances, row.size)
        cut_short.replay(until(actions, cut))
        spec, schedules = config.guide or self.problem.solver, list[Schedule]()
        for r in row:
            schedules.append(relabelled(cut_short, int(r), spec, self._budget, config.seed, batch.schedule(int(r))))
        instances = [instances[r % number] for r in row]
        ends = [int(each.end(own).max()) for each, own in zip(schedules, instances, strict=True)]
        reached, guided = batch.measure("makespan"), np.array(ends)
        if (guided > reached).any():
            raise RuntimeError(f"guide: found a makespan of {guided.tolist()}, expected at most {reached.tolist()}")
        return Finished(instances, actions, cut, reached, guided, schedules)

    def _budget(self, tasks: int) -> Budget:
        config = self.config
        return (
            Budget(seconds=config.guide_seconds)
            if config.guide_seconds
            else steps_per_task(config.label_iterations)(tasks)
        )

    def _batch(self, instances: list[Instance], rows: int | None) -> ShopBatch:
        batch = self.problem.batch(instances, rows, self.config.threads)
        assert isinstance(batch, ShopBatch)  # as the configuration says
        return batch

    def update(self, model: Dispatcher, optimiser: torch.optim.Optimizer, step: int) -> dict[str, float]:
        """Sample, search and learn; returns what to log."""
        config, began = self.config, time.perf_counter()
        found = self.finished(model, step)
        groups = self.groups(found, step)
        before = []
        with torch.inference_mode():
            for episodes, _ in groups:
                before.append(torch.cat([seen.log_probability for seen in _verdicts(model, episodes)]).clone())
        searched = time.perf_counter()

        def losses(group: int) -> tuple[Verdict, torch.Tensor, torch.Tensor]:
            episodes, advantage = groups[group]
            parts = zip(*_verdicts(model, episodes), strict=True)
            return Verdict(*(torch.cat(part) for part in parts)), before[group], advantage

        log = clipped_steps(config, model, optimiser, step, len(groups), losses)
        return log | {
            "decisions": float(sum(advantage.numel() for _, advantage in groups)),
            "environment_seconds": searched - began,
            "network_seconds": time.perf_counter() - searched,
            "makespan": float(found.reached.mean()),
            "guided_makespan": float(found.guided.mean()),
        }

    def groups(self, found: Finished, step: int) -> list[tuple[list[Episodes], torch.Tensor]]:
        """Episodes of the policy and, where it helped, of the search, with an advantage for each decision, in
        ``minibatches`` groups of rows."""
        config = self.config
        better, prefix = advantages(found.reached, found.guided, config.batch)
        order = np.random.default_rng([config.seed, 14, step]).permutation(found.cut.size)
        groups = []
        for part in np.array_split(order, min(order.size, config.minibatches)):
            episodes, advantage = list[Episodes](), list[NDArray[np.float64]]()
            own = self._batch([found.instances[r] for r in part], None)
            view = view_of(own)
            seen = collect(view, replaying(view, found.actions[part]), config.refresh_every)
            row = part[seen.decisions.row]
            episodes.append(seen)
            advantage.append(np.where(seen.step >= found.cut[row], -better[row], prefix[row]))
            part = part[better[part] > 0]
            if part.size:
                guided = self._batch([found.instances[r] for r in part], None)
                guided.replay(until(found.actions[part], found.cut[part]))
                assert self.problem.teacher is not None
                teacher = self.problem.teacher(guided, [found.schedules[r] for r in part])
                seen = collect(view_of(guided), teacher, config.refresh_every)
                episodes.append(seen)
                advantage.append(better[part[seen.decisions.row]])
            groups.append((episodes, torch.from_numpy(np.concatenate(advantage).astype(np.float32))))
        return groups


def advantages(reached: IntArray, guided: IntArray, instances: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of the search's decisions (and, negative, of those it replaced), and of the decisions before the cut.

    Row r plays instance ``r % instances``. The first are 0 to 1, the others have mean 0 for each instance.
    """
    of_instance = (reached - guided).reshape(-1, instances) / reached.reshape(-1, instances)
    most = of_instance.max(0)
    better = of_instance / np.where(most > 0, most, 1)
    value = guided.reshape(-1, instances).astype(np.float64)
    spread = value.std(0)
    prefix = (value.mean(0) - value) / np.where(spread > 0, spread, 1)
    return better.ravel(), prefix.ravel()


def until(actions: IntArray, cut: IntArray) -> IntArray:
    """The first ``cut[r]`` actions of each row, -1 behind them."""
    return np.where(np.arange(actions.shape[1]) < cut[:, None], actions, -1)


def _verdicts(model: Dispatcher, episodes: list[Episodes]) -> list[Verdict]:
    return [verdict(model, each) for each in episodes]
