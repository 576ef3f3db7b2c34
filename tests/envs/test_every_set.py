"""A rule gives the same schedule as a solver, through a batch and through Gymnasium, on every packaged set."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import makespan.envs  # noqa: F401  (registers the ids)
from makespan.envs.job_shop import JobShopEnv
from makespan.envs.project_batch import ProjectBatch
from makespan.envs.rcpsp import RCPSPEnv
from makespan.envs.rule_policy import RulePolicy
from makespan.envs.shop_batch import ShopBatch
from makespan.instances.instance import Instance, IntArray
from makespan.instances.project_view import PROJECT_FEATURES, project_view
from makespan.instances.sets import instance_names, load, set_names
from makespan.instances.shop_view import SHOP_FEATURES
from makespan.solvers.api import solve
from makespan.solvers.kernels.project_state import new_project
from makespan.solvers.project_rules import RULES, Network

SHOP_SETS = [name for name in set_names() if name.startswith(("jsp/", "fjsp/", "validation1/"))]
PROJECT_SETS = [name for name in set_names() if name.startswith(("rcpsp/", "workflows/", "validation1/rcpsp"))]


def smallest(set_name: str) -> Instance:
    """The instance with the fewest tasks among the first, middle and last of a set."""
    names = [name for name in instance_names(set_name) if "1000_" not in name]
    return min((load(f"{set_name}/{names[i]}") for i in (0, len(names) // 2, -1)), key=lambda each: each.num_tasks)


@pytest.mark.parametrize("set_name", SHOP_SETS)
def test_a_rule_builds_the_same_schedule_of_a_shop_everywhere(set_name: str) -> None:
    instance = smallest(set_name)
    if not instance.features <= SHOP_FEATURES:
        pytest.skip("a project")
    expected = solve(instance, "rule:mwkr,scheme=non_delay").schedule
    batch = ShopBatch([instance], scheme="non_delay", modes="preferred")
    policy = RulePolicy(batch, "mwkr")
    while not batch.is_over.all():
        batch.step(policy.actions())
    assert batch.schedule(0) == expected
    if instance.num_tasks > 500:  # a Gymnasium step takes microseconds, not nanoseconds
        return
    env = gymnasium.make("makespan/JobShop-v0", instances=instance, scheme="non_delay", modes="preferred").unwrapped
    assert isinstance(env, JobShopEnv) and isinstance(env.play.batch, ShopBatch)
    env.reset(seed=0)
    policy, over = RulePolicy(env.play.batch, "mwkr"), instance.num_tasks == 0
    while not over:
        _, _, over, _, _ = env.step(env.play.observer.name[0, policy.actions()[0]])
    assert env.play.batch.schedule(0) == expected


@pytest.mark.parametrize("set_name", PROJECT_SETS)
def test_a_rule_builds_the_same_schedule_of_a_project_everywhere(set_name: str) -> None:
    instance = smallest(set_name)
    if not instance.features <= PROJECT_FEATURES or "multi_mode" in instance.features:
        pytest.skip("the rule would choose modes before it begins")
    expected = solve(instance, "sgs:lft,scheme=serial").schedule
    key = latest_finish(instance)
    env = gymnasium.make("makespan/RCPSP-v0", instances=instance).unwrapped
    assert isinstance(env, RCPSPEnv) and isinstance(env.play.batch, ProjectBatch)
    _, info = env.reset(seed=0)
    over = False
    while not over:
        legal = np.flatnonzero(info["action_mask"])
        _, _, over, _, info = env.step(legal[key[legal].argmin()])
    assert env.play.batch.schedule(0) == expected


def latest_finish(instance: Instance) -> IntArray:
    view = project_view(instance)
    key: IntArray = RULES["lft"].key(Network(instance, new_project(view, view.mode_ptr[:-1].copy())))
    return key
