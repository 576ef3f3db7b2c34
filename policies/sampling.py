"""Choosing candidates at random with the probabilities of a network."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from makespan.instances.instance import IntArray
from makespan.policies.episodes import Choose
from makespan.policies.noise import gumbel


def sampler(sample: ArrayLike, temperature: ArrayLike, *key: int) -> Choose:
    """Chooses in row r with temperature ``temperature[r]``, by random numbers of (key, ``sample[r]``, step) alone.

    Temperature 0 takes the largest logit.
    """
    number, heat = np.broadcast_arrays(np.asarray(sample, np.int64), np.asarray(temperature, np.float32))

    def choose(logits: Tensor, rows: IntArray, step: int) -> IntArray:
        place = np.arange(logits.shape[1])
        noise = gumbel(*key, number[rows, None], step, place) * heat[rows, None]
        action: IntArray = (logits.cpu().numpy() + noise).argmax(1)
        return action

    return choose


def ladder(count: int, low: float = 0.5, high: float = 2.0) -> np.ndarray:
    """Temperatures from ``low`` to ``high`` in even steps. Source: Tassel et al. (2023), ICAPS."""
    return np.linspace(low, high, count) if count > 1 else np.full(1, 1.0)
