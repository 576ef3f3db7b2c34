"""Learning from near-optimal schedules: the network says what the search would take next.

Each update takes some labelled instances, half of them backwards in time if the problem has a mirror image, follows
their schedules, and lowers the mean over instances of the mean over decisions of -log of the probability of what the
schedule takes. Where several candidates lead to the same schedule, that is the sum of their probabilities, and the
episode goes on with the one that the network likes best (``alike``).

With ``drift`` a part of the episodes of an update begins where the network has gone by itself, and the search schedules
what is left from there, so that the network also learns what to do after its own choices. Source: Ross et al. (2011),
AISTATS.
"""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from makespan.envs.shop_batch import ShopBatch
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.policies import labels
from makespan.policies.config import Config
from makespan.policies.demonstrations import followed
from makespan.policies.drift import relabelled, steps_per_task, wander
from makespan.policies.episodes import Alike, Choose, Episodes, collect, play, replaying, verdict
from makespan.policies.labels import Label, Recipe
from makespan.policies.network import Dispatcher
from makespan.policies.problems import problem_named
from makespan.policies.views import view_of

KEPT = 4096
"""Instances that are not drawn again."""


class Imitation:
    """Losses for one update after another; update ``step`` depends on the configuration and ``step`` alone."""

    def __init__(self, config: Config) -> None:
        self.config, self.problem = config, problem_named(config.problem)
        self.recipe = Recipe(config.problem, config.instances, config.label_iterations, config.seed)
        folder = Path(config.labels)
        for _ in labels.make(self.recipe, config.label_count, folder):
            pass
        self.labels = labels.read(self.recipe, folder)[: config.label_count]
        self._instance = lru_cache(KEPT)(self.recipe.instance)  # projects take longer to draw than to learn from

    def episodes(self, model: Dispatcher, step: int, share: tuple[int, int] = (0, 1)) -> Episodes:
        """Labelled episodes of an update, and with ``drift`` some that begin where the network went by itself; of
        ``share`` (i, n) every n-th from the i-th on."""
        config = self.config
        place = np.arange(share[0], config.batch, share[1])
        instances, schedules = list[Instance](), list[Schedule]()
        for number in range(share[0], config.batch, share[1]):
            label, backwards = self._label(step * config.batch + number)
            instance, schedule = self._instance(label.number), label.schedule
            if backwards and self.problem.mirror is not None:
                mirror = self.problem.mirror(instance)
                instance, schedule = mirror.instance, mirror.seen(instance, schedule)
            instances.append(instance)
            schedules.append(schedule)
        batch, teacher = self.problem.batch(instances, None, 1), self.problem.teacher
        assert teacher is not None  # as labels are
        if config.drift:
            assert isinstance(batch, ShopBatch)
            for row in self._wander(model, batch, place, step):
                budget = steps_per_task(config.label_iterations)
                schedules[row] = relabelled(batch, row, self.problem.solver, budget, config.seed)
        view = view_of(batch)
        if self.problem.alike is None or not config.alike:
            return collect(view, teacher(batch, schedules), config.refresh_every)
        alike = self.problem.alike(batch, followed(batch, teacher(batch, schedules)))
        actions = play(model, view, likeliest(alike), config.refresh_every)
        assert actions is not None  # nothing stops it
        batch.reset()
        return collect(view, replaying(view, actions), config.refresh_every, alike=alike)

    def _wander(self, model: Dispatcher, batch: ShopBatch, place: IntArray, step: int) -> list[int]:
        """Let the network play some decisions in the rows of the first places of the update; returns these rows."""
        config = self.config
        rows = np.flatnonzero(place < round(config.drift * config.batch))
        stop = np.zeros(batch.num_rows, np.int64)
        for row in rows:
            random = np.random.default_rng([config.seed, 8, step, place[row]])
            stop[row] = 1 + random.integers(max(1, batch.instances[row].num_tasks // 2))
        wander(model, batch, stop, config.refresh_every, place, config.seed, 9, step)
        return [int(row) for row in rows]

    def _label(self, place: int) -> tuple[Label, bool]:
        """The label at a place of the endless sequence of epochs, and whether it is seen backwards."""
        mirrored = self.config.mirror and self.problem.mirror is not None
        epoch, within = divmod(place, len(self.labels))
        order = np.random.default_rng([self.config.seed, 1, epoch]).permutation(len(self.labels))
        number = int(order[within])
        return self.labels[number], bool(mirrored and (number + epoch) % 2)

    def loss(self, model: Dispatcher, step: int, share: tuple[int, int] = (0, 1)) -> tuple[Tensor, dict[str, float]]:
        """The loss of an update, or of a share of its instances, and what to log."""
        times = [time.perf_counter()]
        episodes = self.episodes(model, step, share)
        times.append(time.perf_counter())
        seen = verdict(model, episodes)
        loss = mean_by_row(-seen.log_probability, episodes.decisions.row)
        times.append(time.perf_counter())
        return loss, {
            "instances": float(np.unique(episodes.decisions.row).size),
            "decisions": float(episodes.taken.size),
            "entropy": float(seen.entropy.mean().detach()),
            "environment_seconds": times[1] - times[0],
            "network_seconds": times[2] - times[1],
        }


def likeliest(alike: Alike) -> Choose:
    """Of the candidates that are alike the one that the network likes best, so that it learns where it goes itself."""

    def choose(logits: Tensor, rows: IntArray, step: int) -> IntArray:
        same = torch.from_numpy(alike(rows)).to(logits.device)
        best: IntArray = logits.masked_fill(~same, -torch.inf).argmax(1).cpu().numpy()
        return best

    return choose


def mean_by_row(value: Tensor, row: IntArray) -> Tensor:
    """The mean over rows of the mean over the decisions of each, so that large instances weigh no more."""
    share = 1.0 / np.bincount(row)[row]
    rows = np.unique(row).size
    result: Tensor = (value * torch.from_numpy(share).to(value)).sum() / rows
    return result
