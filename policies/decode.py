"""From a trained network to schedules of one instance: greedily, by samples, or along a beam."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from makespan.envs.batch import Batch
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule, objective_values
from makespan.policies.checkpoint import Card
from makespan.policies.episodes import Choose, greedy, play
from makespan.policies.mirror import MIRRORED_FEATURES
from makespan.policies.network import Dispatcher, Encoded
from makespan.policies.noise import gumbel
from makespan.policies.problems import problem_named
from makespan.policies.sampling import ladder, sampler
from makespan.policies.views import view_of

ROWS_AT_ONCE = 128
"""Samples that are played side by side."""

Expired = Callable[[], bool]


class Decoded(NamedTuple):
    """A schedule of the instance, and how many episodes were played to find it."""

    schedule: Schedule
    episodes: int


class Decoder:
    """Plays a network on one instance.

    Parameters
    ----------
    model, card
        As ``checkpoint.load`` gives them.
    instance
        Of the network's problem. Raises ValueError if its batch refuses it.
    seed
        Of samples; sample i is the same, however many are drawn.
    threads
        Over samples.
    """

    def __init__(self, model: Dispatcher, card: Card, instance: Instance, seed: int = 0, threads: int = 1) -> None:
        self.model, self.instance, self.seed, self.threads = model, instance, seed, threads
        self.problem, self.refresh_every = problem_named(card.problem), card.refresh_every
        own = not instance.features - MIRRORED_FEATURES
        self.mirror = self.problem.mirror(instance) if own and self.problem.mirror else None

    def greedy(self, both: bool, expired: Expired) -> Decoded | None:
        """The candidates with the largest logits; with ``both``, the better of the instance and its mirror image."""
        views = [False, True] if both and self.mirror is not None else [False]
        found = [self._play(1, backwards, greedy, expired) for backwards in views]
        schedules = [each.schedule for each in found if each is not None]
        if not schedules:
            return None
        best = min(schedules, key=lambda schedule: objective_values(self.instance, schedule))
        return Decoded(best, len(schedules))

    def samples(
        self, count: int, heat: tuple[float, float], both: bool, expired: Expired, first: int = 0
    ) -> Iterator[Decoded]:
        """Samples from number ``first`` on, as they are found; the first one is greedy.

        Temperatures run from ``heat[0]`` to ``heat[1]`` over the ``count`` samples. With ``both``, every second sample
        is of the mirror image.
        """
        number = first + np.arange(count)
        temperature = ladder(count, *heat)
        temperature[number < 1 + (both and self.mirror is not None)] = 0
        backwards = (number % 2 == 1) & both & (self.mirror is not None)
        for low in range(0, count, ROWS_AT_ONCE):
            part = slice(low, low + ROWS_AT_ONCE)
            for side in (False, True):
                of_side = np.flatnonzero(backwards[part] == side) + low
                if of_side.size:
                    choose = sampler(number[of_side], temperature[of_side], self.seed, 6)
                    found = self._play(of_side.size, side, choose, expired)
                    if found is None:
                        return
                    yield found

    @torch.inference_mode()
    def beam(self, width: int, expired: Expired) -> Decoded | None:
        """Samples without replacement, ``width`` at most, by stochastic beam search. Source: Kool et al. (2019), ICML.

        A row carries the log-probability of its episode so far and a perturbed one; those with the largest perturbed
        ones go on.
        """
        batch = self.problem.batch([self.instance], width, 1)
        view = view_of(batch)
        encoded: Encoded | None = None
        log, perturbed = np.full(width, -np.inf), np.full(width, -np.inf)
        log[0] = perturbed[0] = 0.0
        step = 0
        while (rows := np.flatnonzero((batch.count > 0) & np.isfinite(perturbed))).size:
            if expired():
                return None
            if encoded is None or (self.refresh_every and step % self.refresh_every == 0):
                encoded = self.model.encode(view.graph(rows))
            logits = self.model.logits(encoded, view.choices(rows))
            chance = functional.log_softmax(logits, 1).cpu().numpy().astype(np.float64) + log[rows, None]
            noise = chance + gumbel(self.seed, 7, step, rows[:, None], np.arange(chance.shape[1]))
            next_perturbed = _below(noise, perturbed[rows])
            over = np.flatnonzero((batch.count == 0) & np.isfinite(perturbed))
            source = np.concatenate((np.repeat(rows, chance.shape[1]), over))
            action = np.concatenate((np.tile(np.arange(chance.shape[1]), rows.size), np.full(over.size, -1)))
            value = np.concatenate((next_perturbed.ravel(), perturbed[over]))
            chances = np.concatenate((chance.ravel(), log[over]))
            kept = np.argsort(-value, kind="stable")[:width]
            kept = kept[np.isfinite(value[kept])]
            batch.fork(source[kept], np.arange(kept.size))
            view.fork(source[kept], np.arange(kept.size))
            log[:], perturbed[:] = -np.inf, -np.inf
            log[: kept.size], perturbed[: kept.size] = chances[kept], value[kept]
            moving = np.flatnonzero(action[kept] >= 0)
            batch.take(action[kept][moving], moving)
            step += 1
        rows = np.flatnonzero(np.isfinite(perturbed))
        return self._best_row(batch, rows, False)

    def _play(self, rows: int, backwards: bool, choose: Choose, expired: Expired) -> Decoded | None:
        instance = self.mirror.instance if backwards and self.mirror else self.instance
        batch = self.problem.batch([instance], rows, self.threads)
        if play(self.model, view_of(batch), choose, self.refresh_every, expired) is None:
            return None
        return self._best_row(batch, np.arange(rows), backwards)

    def _best_row(self, batch: Batch, rows: IntArray, backwards: bool) -> Decoded | None:
        complete = rows[batch.is_complete[rows]]
        if not complete.size:
            return None
        row = int(complete[batch.measure(batch.result, complete).argmin()])
        schedule = batch.schedule(row)
        if backwards and self.mirror:
            schedule = self.mirror.back(schedule)
        return Decoded(schedule, rows.size)


def _below(value: NDArray[np.float64], parent: NDArray[np.float64]) -> NDArray[np.float64]:
    """Perturbed log-probabilities of the children of each row under the condition that their maximum is the parent's.

    Source: Kool et al. (2019), appendix B.3.
    """
    most = value.max(1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = parent[:, None] - value + np.log1p(-np.exp(value - most))
        result = parent[:, None] - np.maximum(0, gap) - np.log1p(np.exp(-np.abs(gap)))
    return np.where(np.isfinite(value), result, -np.inf)
