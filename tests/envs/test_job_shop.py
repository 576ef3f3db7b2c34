"""``makespan/JobShop-v0`` alone and as a vector, through Gymnasium."""

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
from makespan.envs.compiled import compiled_feature, compiled_potential
from makespan.envs.graph import to_networkx
from makespan.envs.job_shop import JobShopEnv, JobShopVectorEnv
from makespan.envs.shop_batch import ShopBatch
from makespan.envs.sources import curriculum
from makespan.instances.check import check
from makespan.instances.instance import Instance
from makespan.instances.replan import replan
from makespan.instances.sets import load
from makespan.solvers.api import Budget, solve
from makespan.solvers.kernels.shop_layout import DURATION, JOB_SIZE, JOBS, NUM_JOBS, READY

ID = "makespan/JobShop-v0"


def one_queue(jobs: int) -> Instance:
    """A shop whose jobs all begin on the same machine."""
    return Instance.job_shop([[0, 1, 2]] * jobs, [[4 + job, 2, 3] for job in range(jobs)])


def play(env: gymnasium.Env, seed: int, **options: Any) -> tuple[list[Any], float, dict[str, Any]]:
    """A random episode: observations, return, last info."""
    seen, info = env.reset(seed=seed, options=options or None)
    env.action_space.seed(seed)
    observations, total, over = [seen], 0.0, False
    while not over:
        seen, reward, over, truncated, info = env.step(env.action_space.sample())
        assert not truncated and env.observation_space.contains(seen)
        observations.append(seen)
        total += float(reward)
    return observations, total, info


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"observation": "graph"},
        {"observation": "disjunctive"},
        {"instances": "@la16", "scheme": "insertion", "reward": "terminal"},
        {"instances": one_queue(5), "scheme": "giffler_thompson", "delta": 50},
        {"instances": one_queue(4), "scheme": "non_delay", "forced": "take"},
        {"instances": "uniform,jobs=5,machines=3..5", "limits": (5, 25, 5, 1)},
        {"instances": "flexible,jobs=3,machines=3,min_alternatives=3", "observation": "graph", "limits": (3, 21, 3, 3)},
    ],
    ids=str,
)
def test_gymnasium_accepts_the_environment(arguments: dict[str, Any]) -> None:
    """Gymnasium's own checker, every warning of it an error. It takes actions without looking at the mask, so these
    are shops in which every first action is legal."""
    env = gymnasium.make(ID, render_mode="ansi", **arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*Box.*(infinity|precision).*")
        check_env(env.unwrapped)


@pytest.mark.parametrize("reward", ["lower_bound", "makespan", "terminal", "waiting_time", "tardiness", "flow_time"])
def test_rewards_add_up(reward: str) -> None:
    """The return is what the table of rewards says."""
    env = JobShopEnv("@ft06", reward=reward)
    _, total, info = play(env, 0)
    batch = env.play.batch
    row = np.zeros(1, np.int64)
    if reward in ("makespan", "terminal"):
        assert total == -info["makespan"]
    elif reward == "lower_bound":
        assert total == 47 - info["makespan"]  # the longest job of ft06 takes 47, no machine is loaded more
    else:
        final = int(batch.measure(reward, row)[0])
        batch.reset(row)
        assert total == int(batch.measure(reward, row)[0]) - final
    assert info["complete"]


def test_a_schedule_of_an_episode_passes_the_checker() -> None:
    env = JobShopEnv("@la16", scheme="append")
    play(env, 4)
    assert check(load("la16"), env.play.batch.schedule(0)) == []


def test_stored_observations_never_change() -> None:
    """Replay buffers keep them: every array is fresh."""
    env = JobShopEnv("@ft06", observation="graph")
    seen, _ = env.reset(seed=0)
    kept = {name: array.copy() for name, array in seen.items()}
    env.step(env.action_space.sample())
    assert all(np.array_equal(kept[name], seen[name]) for name in kept)


def test_an_illegal_action_raises_and_changes_nothing() -> None:
    env = JobShopEnv("@ft06", scheme="non_delay")
    env.reset(seed=0)
    before = env.play.batch.snapshot()
    with pytest.raises(ValueError, match=r"action 0 is illegal; legal now: \[1, 3, 5\]"):
        env.step(0)
    with pytest.raises(ValueError, match="action 6 is illegal"):
        env.step(6)
    assert all(np.array_equal(a, b) for a, b in zip(before, env.play.batch.snapshot(), strict=True))


def test_an_episode_that_is_over_asks_for_a_reset() -> None:
    env = JobShopEnv("@ft06")
    play(env, 0)
    with pytest.raises(ValueError, match="expected reset"):
        env.step(0)


def test_the_instance_of_an_episode_can_be_given() -> None:
    """Also a half-executed plan: what is fixed stands, the rest is decided."""
    env = JobShopEnv("uniform,jobs=10,machines=10", limits=(10, 100, 10, 1))
    plan = solve(load("la16"), "rule:mwkr", Budget(iterations=1)).schedule
    assert plan is not None
    half = replan(load("la16"), plan, now=400)
    play(env, 0, instance=half)
    schedule = env.play.batch.schedule(0)
    assert check(half, schedule) == []
    frozen = plan.start < 400
    assert np.array_equal(schedule.start[frozen], plan.start[frozen])
    play(env, 0, instance="@ft10")
    assert env.play.instance(0).name == "ft10"
    with pytest.raises(ValueError, match="expected at most 10"):
        env.reset(options={"instance": "@ta01"})


def test_same_seed_same_episode() -> None:
    env = JobShopEnv("uniform,jobs=3..5,machines=3", limits=(5, 15, 3, 1))
    first, again, other = play(env, 1), play(env, 1), play(env, 2)
    assert first[1] == again[1] and len(first[0]) == len(again[0])
    assert all(np.array_equal(a["candidates"], b["candidates"]) for a, b in zip(first[0], again[0], strict=True))
    assert first[1] != other[1]


def test_a_curriculum_grows() -> None:
    env = JobShopEnv(
        curriculum([(0, "uniform,jobs=2,machines=2"), (3, "uniform,jobs=4,machines=2")]), limits=(4, 8, 2, 1)
    )
    sizes = []
    for _ in range(5):
        env.reset()
        sizes.append(env.play.instance(0).num_jobs)
    assert sizes == [2, 2, 2, 4, 4]


def test_features_and_rewards_of_the_user() -> None:
    """In Python, without touching a kernel."""

    def position(batch: Any, rows: Any) -> Any:
        return np.tile(np.arange(batch.width), (rows.size, 1))

    def potential(batch: Any, rows: Any) -> Any:
        return 2 * batch.measure("makespan", rows)

    env = JobShopEnv("@ft06", features=[position], reward=potential, scheme="non_delay")
    seen, _ = env.reset(seed=0)
    assert seen["candidates"].shape == (6, 20)
    assert seen["candidates"][[1, 3, 5], -1].tolist() == [0, 1, 2]
    _, total, info = play(env, 0)
    assert total == -2 * info["makespan"]


def test_compiled_features_and_rewards_of_the_user() -> None:
    """The same, compiled by Numba: the duration of a candidate, and the sum of the ends of the jobs."""

    def duration(shop: Any, state: Any, job: int, mode: int) -> Any:
        return shop[shop[DURATION] + mode]

    def sum_of_ends(shop: Any, state: Any) -> Any:
        total = 0
        for job in range(shop[NUM_JOBS]):
            total += state[state[JOBS] + JOB_SIZE * job + READY]
        return total

    features, reward = [compiled_feature(duration)], compiled_potential(sum_of_ends)
    env = JobShopEnv("@ft06", features=features, reward=reward, scheme="non_delay")
    seen, _ = env.reset(seed=0)
    assert seen["candidates"][[1, 3, 5], -1].tolist() == [8, 5, 3]  # their first operations
    _, total, _ = play(env, 0)
    schedule = env.play.batch.schedule(0)
    instance = load("ft06")
    ends = schedule.end(instance).reshape(6, 6)[:, -1]
    assert total == -ends.sum()


def test_the_chart_shows_what_is_placed() -> None:
    env = gymnasium.make(ID, render_mode="ansi")
    env.reset(seed=0)
    env.step(env.action_space.sample())
    assert "ft06" in str(env.render())
    page = gymnasium.make(ID, render_mode="html")
    page.reset(seed=0)
    assert str(page.render()).startswith("<!")


def test_the_environment_can_be_pickled() -> None:
    """Vector environments of Gymnasium send them to processes."""
    env = JobShopEnv("@ft06")
    env.reset(seed=0)
    twin = pickle.loads(pickle.dumps(env))
    assert np.array_equal(twin.step(1)[0]["candidates"], env.step(1)[0]["candidates"])


# -- vectors ---------------------------------------------------------------------------------------


def make(**arguments: Any) -> JobShopVectorEnv:
    env = gymnasium.make_vec(ID, vectorization_mode="vector_entry_point", **arguments)
    assert isinstance(env.unwrapped, JobShopVectorEnv)
    return env.unwrapped


def test_a_vector_plays_the_episodes_of_single_environments() -> None:
    """Environment r with seed s is the single environment with seed s + r, instances included."""
    arguments: dict[str, Any] = {"instances": "uniform,jobs=3,machines=3", "limits": (3, 9, 3, 1)}
    vector, singles = make(num_envs=3, **arguments), [JobShopEnv(**arguments) for _ in range(3)]
    seen, _ = vector.reset(seed=5)
    alone = [env.reset(seed=5 + r)[0] for r, env in enumerate(singles)]
    vector.action_space.seed(0)
    for _ in range(9):
        for name in seen:
            assert np.array_equal(seen[name], np.stack([each[name] for each in alone]))
        actions = vector.action_space.sample()
        seen, reward, over, _, _ = vector.step(actions)
        results = [env.step(action) for env, action in zip(singles, actions, strict=True)]
        alone = [result[0] for result in results]
        assert reward.tolist() == [result[1] for result in results]
        assert over.tolist() == [result[2] for result in results]
    assert vector.observation_space.contains(seen)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_autoreset_modes(mode: AutoresetMode) -> None:
    """Each as Gymnasium describes it: a filler step, a reset in the last step, or none at all."""
    env = make(num_envs=2, instances=["@ft06"], autoreset_mode=mode)
    env.reset(seed=0)
    for _ in range(36):
        seen, reward, over, truncated, info = env.step(env.action_space.sample())
    assert over.all() and not truncated.any()
    if mode is AutoresetMode.SAME_STEP:
        assert seen["action_mask"].any(axis=1).all()
        assert info["final_obs"][1]["action_mask"].sum() == 0
        assert info["final_info"]["makespan"].min() >= 55
        return
    assert info["makespan"].min() >= 55 and info["_makespan"].all() and info["complete"].all()
    assert seen["action_mask"].sum() == 0
    if mode is AutoresetMode.DISABLED:
        with pytest.raises(ValueError, match="expected a reset first"):
            env.step(np.zeros(2, np.int64))
        seen, _ = env.reset(options={"reset_mask": np.array([True, True])})
    else:
        seen, reward, over, _, _ = env.step(np.zeros(2, np.int64))
        assert reward.tolist() == [0, 0] and not over.any()
    assert seen["action_mask"].any(axis=1).all()


def test_some_environments_can_be_reset_alone() -> None:
    env = make(num_envs=3, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    batch = env.play.batch
    assert isinstance(batch, ShopBatch)
    state = batch.state.copy()
    env.reset(seed=[7, None, None], options={"reset_mask": np.array([True, False, False])})
    assert np.array_equal(state[1:], batch.state[1:])
    assert not np.array_equal(state[0], batch.state[0])


def test_instances_are_drawn_ahead_without_mixing_the_environments() -> None:
    """Long and short episodes beside each other: each row still plays its own sequence of instances."""
    arguments: dict[str, Any] = {"instances": "uniform,jobs=1..4,machines=2", "limits": (4, 8, 2, 1)}
    env = make(num_envs=2, autoreset_mode=AutoresetMode.SAME_STEP, **arguments)
    env.reset(seed=3)
    sizes: list[list[int]] = [[env.play.instance(row).num_jobs] for row in range(2)]
    for _ in range(60):
        _, _, over, _, _ = env.step(env.action_space.sample())
        for row in np.flatnonzero(over).tolist():
            sizes[row].append(env.play.instance(row).num_jobs)
    for row in range(2):
        alone = JobShopEnv(**arguments)
        expected = []
        for episode in range(len(sizes[row])):
            alone.reset(seed=3 + row if episode == 0 else None)
            expected.append(alone.play.instance(0).num_jobs)
        assert sizes[row] == expected


def test_the_disjunctive_graph_is_decided_step_by_step() -> None:
    """By hand, two jobs over two machines: each machine starts open; at the end each has one arc, and none is open."""
    shop = Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [2, 4]])
    env = JobShopEnv(shop, scheme="append", observation="disjunctive")
    seen, _ = env.reset()
    assert arcs(seen["graph"]) == {("job", 0, 1), ("job", 2, 3), *open_arcs(0, 3), *open_arcs(1, 2)}
    seen, *_ = env.step(0)
    assert arcs(seen["graph"]) == {("job", 0, 1), ("job", 2, 3), ("decided", 0, 3), *open_arcs(1, 2)}
    for action in (1, 0, 1):
        seen, *_ = env.step(action)
    assert arcs(seen["graph"]) == {("job", 0, 1), ("job", 2, 3), ("decided", 0, 3), ("decided", 2, 1)}
    with pytest.raises(ValueError, match="graphs have no vectors"):
        JobShopVectorEnv(2, observation="disjunctive")


def arcs(graph: Any) -> set[tuple[str, int, int]]:
    kinds = np.array(["job", "decided", "open"])[graph.edges.argmax(1)]
    return {(str(kind), int(i), int(j)) for kind, (i, j) in zip(kinds, graph.edge_links, strict=True)}


def open_arcs(i: int, j: int) -> set[tuple[str, int, int]]:
    return {("open", i, j), ("open", j, i)}


def test_networkx_gets_the_graph_of_an_instance() -> None:
    graph = to_networkx(load("ft06"))
    assert graph.number_of_nodes() == 36
    kinds = [kind for *_, kind in graph.edges(data="type")]
    assert kinds.count("job") == 30 and kinds.count("machine") == 6 * 30
