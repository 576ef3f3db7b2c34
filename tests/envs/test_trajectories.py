"""Episodes as data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from makespan.envs.rows import draw
from makespan.envs.shop_batch import ShopBatch
from makespan.envs.trajectories import Transitions, play, transitions
from makespan.instances.generators import generate
from makespan.instances.sets import load


def test_transitions_tell_the_whole_episode(tmp_path: Path) -> None:
    """Rewards add up row by row, the last decision is marked, and a file gives the same arrays back."""
    batch = ShopBatch([load("ft06"), generate("uniform,jobs=3,machines=2,seed=0")], 4, scheme="append")
    first, random = batch.measure("lower_bound"), np.random.default_rng(0)
    actions = play(batch, lambda each: draw(random, each.count))
    final = batch.measure("makespan")
    data = transitions(batch, actions)
    assert data.row.size == 2 * 36 + 2 * 6 and data.terminal.sum() == 4
    for row in range(4):
        own = data.row == row
        assert data.reward[own].sum() == first[row] - final[row]
        assert data.terminal[own].tolist() == [False] * (own.sum() - 1) + [True]
        assert data.step[own].tolist() == list(range(own.sum()))
    assert (data.action < data.count).all() and not data.candidates[0, data.count[0] :].any()
    data.save(tmp_path / "episodes.npz")
    for ours, read in zip(data, Transitions.load(tmp_path / "episodes.npz"), strict=True):
        assert np.array_equal(np.asarray(ours), np.asarray(read))


def test_there_must_be_something_to_tell() -> None:
    with pytest.raises(ValueError, match="found no action"):
        transitions(ShopBatch([load("ft06")]), np.zeros((1, 0)))
