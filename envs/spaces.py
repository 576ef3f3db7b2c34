"""Action spaces that know which actions are legal, so that code written without masks plays legally."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

Mask = NDArray[np.int8]


class LegalDiscrete(spaces.Discrete):
    """``Discrete`` whose ``sample()``, called without a mask, draws one of the actions that are legal now.

    Membership is not narrowed: an illegal action is in the space, and ``step`` refuses it.
    """

    def __init__(self, n: int, seed: int | np.random.Generator | None = None) -> None:
        super().__init__(n, seed=seed)
        self.legal: Mask | None = None

    def sample(self, mask: Any = None, probability: Any = None) -> np.int64:
        if mask is None and probability is None and self.legal is not None and self.legal.any():
            mask = self.legal
        return super().sample(mask=mask, probability=probability)


class LegalMultiDiscrete(spaces.MultiDiscrete):
    """The same for a vector of environments with one action each; ``legal`` (num_envs, n)."""

    def __init__(self, n: int, num_envs: int, seed: int | np.random.Generator | None = None) -> None:
        super().__init__(np.full(num_envs, n), seed=seed)
        self.legal: Mask | None = None

    def sample(self, mask: Any = None, probability: Any = None) -> NDArray[np.int64]:
        if mask is not None or probability is not None or self.legal is None:
            return super().sample(mask=mask, probability=probability)
        chance = self.np_random.random(self.legal.shape) * self.legal
        drawn: NDArray[np.int64] = chance.argmax(1)
        return drawn
