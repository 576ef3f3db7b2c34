"""``makespan/RCPSP-v0`` through Gymnasium."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import makespan.envs  # noqa: F401  (registers the ids)
from makespan.envs.rcpsp import RCPSPEnv
from makespan.instances.check import check
from makespan.instances.instance import Instance
from makespan.instances.sets import load


def two_modes() -> Instance:
    """Four activities, slow on one unit or fast on two."""
    return Instance.from_lists([[(6, {0: 1}), (3, {0: 2})]] * 4, [3], [], [True])


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"observation": "graph", "reward": "terminal"},
        {"instances": two_modes(), "observation": "graph"},
    ],
    ids=str,
)
def test_gymnasium_accepts_the_environment(arguments: dict[str, Any]) -> None:
    """Gymnasium's own checker, every warning of it an error. It takes actions without looking at the mask, so these
    are projects in which every first action is legal."""
    env = gymnasium.make("makespan/RCPSP-v0", render_mode="ansi", **arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*Box.*(infinity|precision).*")
        check_env(env.unwrapped)


def test_a_random_episode_gives_a_checked_schedule_and_rewards_that_add_up() -> None:
    """j301_1 has a critical path of 38; no resource says more."""
    env = RCPSPEnv("@j301_1")
    env.reset(seed=0)
    env.action_space.seed(0)
    total, over, info = 0.0, False, dict[str, Any]()
    while not over:
        _, reward, over, _, info = env.step(env.action_space.sample())
        total += reward
    assert check(load("j301_1"), env.play.batch.schedule(0)) == []
    batch = env.play.batch
    batch.reset()
    assert total == int(batch.measure("lower_bound")[0]) - info["makespan"]


def test_a_vector_of_projects_plays_to_the_end() -> None:
    env = gymnasium.make_vec(
        "makespan/RCPSP-v0", num_envs=4, vectorization_mode="vector_entry_point", instances="@j301_1"
    )
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(load("j301_1").num_tasks):
        seen, _, over, _, info = env.step(env.action_space.sample())
    assert over.all() and info["complete"].all()
    assert env.observation_space.contains(seen)
    assert np.unique(info["makespan"]).size > 1
