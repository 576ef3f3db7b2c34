"""``makespan/DynamicJobShop-v0`` alone and as a vector, through Gymnasium."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import makespan.envs  # noqa: F401  (registers the ids)
from makespan.envs.dynamic import DynamicJobShopEnv, DynamicJobShopVectorEnv
from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.scenario import Scenario
from makespan.instances.check import check
from makespan.instances.instance import Instance

ID = "makespan/DynamicJobShop-v0"

BUSY: dict[str, Any] = {
    "jobs": "uniform",
    "num_jobs": 12,
    "max_jobs": 8,
    "utilisation": 0.9,
    "breakdown": 0.1,
    "duration_spread": 0.2,
    "due_tightness": 2,
}


def play(env: DynamicJobShopEnv, seed: int | None, **options: Any) -> tuple[list[Any], float, dict[str, Any], bool]:
    """A random episode: observations, return, last info, whether it was cut off."""
    seen, info = env.reset(seed=seed, options=options or None)
    env.action_space.seed(seed)
    observations, total, over, cut = [seen], 0.0, False, False
    while not (over or cut):
        seen, reward, over, cut, info = env.step(env.action_space.sample())
        assert env.observation_space.contains(seen)
        observations.append(seen)
        total += float(reward)
    return observations, total, info, cut


FLOW = Instance.job_shop([[0, 1, 2]] * 5, np.arange(1, 16).reshape(5, 3).tolist())
"""All jobs begin on one machine, so that every first action is legal: Gymnasium's checker samples without the mask."""


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"observation": "graph"},
        {"scenario": BUSY | {"jobs": "templates", "initial_jobs": 8}},
        {"scenario": BUSY | {"jobs": "templates", "initial_jobs": 8}, "observation": "graph", "wait": True},
        {"scenario": Scenario(blocking=True, breakdown=0.2, interrupt=True), "reward": "waiting_time"},
        {"scenario": {"horizon": 12}, "reward": "terminal"},
    ],
    ids=range(6),
)
def test_gymnasium_accepts_the_environment(arguments: dict[str, Any]) -> None:
    """Gymnasium's own checker, every warning of it an error."""
    env = gymnasium.make(ID, render_mode="ansi", instances=FLOW, **arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*Box.*(infinity|precision).*")
        check_env(env.unwrapped)


@pytest.mark.parametrize("reward", ["flow_time", "waiting_time", "tardiness", "tardy_jobs", "makespan", "terminal"])
def test_rewards_add_up(reward: str) -> None:
    """The return is the first value of the measure less the last."""
    env = DynamicJobShopEnv("@la01", BUSY | {"max_jobs": None}, reward=reward)
    env.reset(seed=3)
    batch = env.play.batch
    name = "makespan" if reward == "terminal" else reward
    first = 0 if reward == "terminal" else int(batch.measure(name, [0])[0])
    _, total, info, _ = play(env, 3)
    assert total == first - int(batch.measure(name, [0])[0])
    assert info["complete"] and info["makespan"] == int(batch.measure("makespan")[0])


def test_a_full_shop_truncates() -> None:
    """Terminated and truncated are told apart, and the episode is over either way."""
    env = DynamicJobShopEnv("@la01", BUSY | {"max_jobs": 3, "utilisation": 3})
    _, _, info, cut = play(env, 0)
    assert cut and not info["complete"]
    assert check(*env.play.batch.partial(0)) == []
    with pytest.raises(ValueError, match="expected reset"):
        env.step(0)


def test_same_seed_same_episode_and_the_next_one_differs() -> None:
    env = DynamicJobShopEnv("@la01", BUSY)
    first, again, following = play(env, 1), play(env, 1), play(env, None)
    assert first[1] == again[1] and first[2]["makespan"] == again[2]["makespan"]
    assert all(np.array_equal(a["candidates"], b["candidates"]) for a, b in zip(first[0], again[0], strict=True))
    assert first[1] != following[1]


def test_stored_observations_never_change() -> None:
    env = DynamicJobShopEnv("@ft06", BUSY, observation="graph")
    seen, _ = env.reset(seed=0)
    kept = {name: array.copy() for name, array in seen.items()}
    env.step(env.action_space.sample())
    assert all(np.array_equal(kept[name], seen[name]) for name in kept)


def test_the_graph_says_what_can_start() -> None:
    """Candidates are ready operations on the machine that decides; arcs stay within jobs."""
    env = DynamicJobShopEnv("@la01", BUSY | {"blocking": True}, observation="graph")
    seen, _ = env.reset(seed=5)
    batch = env.play.batch
    assert isinstance(batch, DynamicBatch)
    steps, over = batch.limits.steps, False
    while not over:
        node = seen["candidate_operation"]
        legal = np.flatnonzero(seen["action_mask"])
        deciding = np.flatnonzero(seen["machines"][:, 8])
        assert np.array_equal(np.flatnonzero(node >= 0), legal) and (node[legal] // steps == legal).all()
        assert (seen["operations"][node[legal], 2] == 1).all()
        assert (seen["operation_machine"][node[legal]] == deciding).all()
        arc = seen["job_arc"][:, seen["job_arc"][0] >= 0]
        assert (arc[1] == arc[0] + 1).all() and (arc[1] // steps == arc[0] // steps).all()
        assert np.allclose(seen["operations"][node[legal], 6], seen["candidates"][legal, 3])
        blocked = seen["operations"][node[legal], 8] == 1
        assert np.array_equal(blocked, seen["job_machine"][legal] >= 0)
        seen, _, terminated, truncated, _ = env.step(int(legal[-1]))
        over = terminated or truncated


def test_an_illegal_action_raises_and_changes_nothing() -> None:
    env = DynamicJobShopEnv("@ft06")
    env.reset(seed=0)
    before = env.play.batch.snapshot()
    with pytest.raises(ValueError, match="action 6 is illegal"):
        env.step(6)
    assert all(np.array_equal(a, b) for a, b in zip(before, env.play.batch.snapshot(), strict=True))


def test_an_episode_without_a_decision_can_be_stepped_once() -> None:
    """One job never has a rival: the first step reports the end."""
    env = DynamicJobShopEnv("uniform,jobs=1,machines=3")
    _, info = env.reset(seed=0)
    assert info["action_mask"].sum() == 0
    _, reward, terminated, truncated, info = env.step(0)
    assert terminated and not truncated and reward == 0 and info["complete"]


def test_the_instance_of_an_episode_can_be_given() -> None:
    env = DynamicJobShopEnv("uniform,jobs=10,machines=10", {"breakdown": 0.1}, limits=(10, 10, 10))
    play(env, 0, instance="@la16")
    assert env.play.instance(0).name == "la16"


def test_the_chart_shows_what_happened() -> None:
    env = DynamicJobShopEnv("@ft06", {"breakdown": 0.3}, render_mode="ansi")
    play(env, 0)
    assert "ft06" in str(env.render())


def test_the_environment_can_be_pickled() -> None:
    """Vector environments of Gymnasium send them to processes."""
    env = DynamicJobShopEnv("@la01", BUSY)
    env.reset(seed=0)
    action = int(env.play.mask[0].argmax())
    twin = pickle.loads(pickle.dumps(env))
    assert np.array_equal(twin.step(action)[0]["candidates"], env.step(action)[0]["candidates"])


# -- vectors ---------------------------------------------------------------------------------------


def make(**arguments: Any) -> DynamicJobShopVectorEnv:
    env = gymnasium.make_vec(ID, vectorization_mode="vector_entry_point", **arguments)
    assert isinstance(env.unwrapped, DynamicJobShopVectorEnv)
    return env.unwrapped


def test_a_vector_plays_the_episodes_of_single_environments() -> None:
    """Environment r with seed s is the single environment with seed s + r, over several episodes."""
    arguments: dict[str, Any] = {"instances": "@la01", "scenario": BUSY | {"max_jobs": 5}, "observation": "graph"}
    vector = make(num_envs=3, autoreset_mode=AutoresetMode.SAME_STEP, **arguments)
    singles = [DynamicJobShopEnv(**arguments) for _ in range(3)]
    seen, _ = vector.reset(seed=5)
    alone = [env.reset(seed=5 + r)[0] for r, env in enumerate(singles)]
    vector.action_space.seed(0)
    cuts = ends = 0
    for _ in range(150):
        for name in seen:
            assert np.array_equal(seen[name], np.stack([each[name] for each in alone]))
        actions = vector.action_space.sample()
        seen, reward, over, cut, info = vector.step(actions)
        results = [env.step(action) for env, action in zip(singles, actions, strict=True)]
        assert reward.tolist() == [result[1] for result in results]
        assert over.tolist() == [result[2] for result in results]
        assert cut.tolist() == [result[3] for result in results]
        alone = [result[0] for result in results]
        for r in np.flatnonzero(over | cut):
            assert np.array_equal(info["final_obs"][r]["candidates"], alone[r]["candidates"])
            assert info["final_info"]["complete"][r] == over[r]
            alone[r] = singles[r].reset()[0]
        cuts, ends = cuts + int(cut.sum()), ends + int(over.sum())
    assert cuts and ends
    assert vector.observation_space.contains(seen)
