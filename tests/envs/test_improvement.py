"""``makespan/JobShopImprovement-v0`` alone and as a vector, through Gymnasium."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import makespan.envs  # noqa: F401  (registers the ids)
from makespan.envs.improvement import JobShopImprovementEnv, JobShopImprovementVectorEnv
from makespan.envs.improvement_batch import ImprovementBatch
from makespan.instances.instance import Instance
from makespan.instances.sets import load
from makespan.solvers.kernels import improvement_features, improvement_rows

ID = "makespan/JobShopImprovement-v0"


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"neighbourhood": "n1", "path": "random", "start": "random"},
        {"neighbourhood": "n6", "observation": "graph", "steps": 7},
        {"neighbourhood": "n7", "reward": "makespan", "limits": (36, 30)},
        {"instances": "uniform,jobs=3..5,machines=3", "limits": (15, 15), "reward": "terminal"},
    ],
    ids=str,
)
def test_gymnasium_accepts_the_environment(arguments: dict[str, Any]) -> None:
    """Gymnasium's own checker, every warning of it an error."""
    env = gymnasium.make(ID, render_mode="ansi", **arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*Box.*(infinity|precision).*")
        check_env(env.unwrapped)


@pytest.mark.parametrize("reward", ["incumbent", "makespan", "terminal"])
def test_rewards_add_up(reward: str) -> None:
    """To what the table of rewards says; truncated, not terminated, when the steps are used up."""
    env = JobShopImprovementEnv("@la16", reward=reward, steps=30, neighbourhood="n6")
    env.reset(seed=1)
    env.action_space.seed(1)
    batch = env.play.batch
    first = int(batch.measure("makespan")[0])
    rewards: list[float] = []
    info: dict[str, Any] = {}
    over = truncated = False
    while not (over or truncated):
        seen, reward_now, over, truncated, info = env.step(env.action_space.sample())
        assert env.observation_space.contains(seen)
        rewards.append(reward_now)
    assert truncated and not over and len(rewards) == 30
    expected = {
        "incumbent": first - info["makespan"],
        "makespan": first - int(batch.measure("makespan")[0]),
        "terminal": -info["makespan"],
    }
    assert sum(rewards) == expected[reward]
    assert reward != "incumbent" or min(rewards) >= 0
    assert batch.schedule(0).end(load("la16")).max() == info["makespan"]


def test_an_episode_without_a_move_ends_with_its_first_step() -> None:
    env = JobShopImprovementEnv(Instance.job_shop([[0], [0]], [[2], [3]]))
    _, info = env.reset(seed=0)
    assert info["action_mask"].sum() == 0
    _, reward, over, truncated, info = env.step(env.action_space.sample())
    assert (reward, over, truncated, info["makespan"]) == (0, True, False, 5)
    with pytest.raises(ValueError, match="expected reset"):
        env.step(0)


def test_an_illegal_action_raises_and_changes_nothing() -> None:
    env = JobShopImprovementEnv("@ft06")
    env.reset(seed=0)
    before = env.play.batch.snapshot()
    with pytest.raises(ValueError, match="action 35 is illegal; legal now"):
        env.step(35)
    assert all(np.array_equal(a, b) for a, b in zip(before, env.play.batch.snapshot(), strict=True))


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_the_vector_truncates_and_begins_again(mode: AutoresetMode) -> None:
    env = gymnasium.make_vec(
        ID, num_envs=3, vectorization_mode="vector_entry_point", instances="@la16", steps=4, autoreset_mode=mode
    )
    env.reset(seed=0)
    for step in range(4):
        seen, reward, over, truncated, info = env.step(env.action_space.sample())
        assert truncated.all() == (step == 3) and not over.any()
    found = info["final_info"] if mode is AutoresetMode.SAME_STEP else info
    assert found["_makespan"].all() and (found["makespan"] > 0).all()
    if mode is AutoresetMode.NEXT_STEP:
        seen, reward, over, truncated, info = env.step(np.zeros(3, np.int64))
        assert not truncated.any() and reward.tolist() == [0, 0, 0]
    assert seen["action_mask"].any(axis=1).all()


def test_environments_of_a_vector_are_those_alone() -> None:
    """Same seeds and actions, same observations, with random starts and paths too."""
    arguments: dict[str, Any] = {
        "instances": "uniform,jobs=3..5,machines=3", "limits": (15, 30), "start": "random", "path": "random",
        "steps": 9, "neighbourhood": "n7", "observation": "graph",
    }  # fmt: skip
    vector = JobShopImprovementVectorEnv(3, **arguments)
    alone = [JobShopImprovementEnv(**arguments) for _ in range(3)]
    seen, _ = vector.reset(seed=7)
    singles = [env.reset(seed=7 + k)[0] for k, env in enumerate(alone)]
    for _ in range(9):
        for k, single in enumerate(singles):
            assert all(np.array_equal(seen[name][k], single[name]) for name in single)
        if vector._ended.any():
            break
        actions = vector.action_space.sample()
        seen, _, _, _, _ = vector.step(actions)
        singles = [env.step(action)[0] for env, action in zip(alone, actions, strict=True)]


def test_each_kernel_compiles_once() -> None:
    """Every call passes arrays of the same types."""
    env = JobShopImprovementEnv(observation="graph", instances="uniform,jobs=3..4,machines=3", limits=(12, 20))
    env.reset(seed=0)
    env.step(0)
    ImprovementBatch([load("ft06")], start="random").makespans_after()
    for module in (improvement_rows, improvement_features):
        for name, each in vars(module).items():
            if name.endswith("_rows"):
                assert len(each.signatures) <= 1, name
