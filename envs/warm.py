"""Compile the kernels of the environments before they are needed: ``makespan warm`` does so."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np

from makespan.envs import ENVIRONMENTS
from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.dynamic_rules import DynamicRule
from makespan.envs.env import SchedulingEnv
from makespan.envs.improvement_batch import ImprovementBatch
from makespan.envs.rule_policy import RulePolicy
from makespan.envs.shop_batch import ShopBatch
from makespan.instances.instance import Instance
from makespan.solvers.kernels import (
    dynamic_features,
    dynamic_measures,
    dynamic_rules,
    dynamic_shop,
    improvement_features,
    improvement_rows,
    legal_actions,
    project_features,
    project_rows,
    shop_features,
    shop_lookahead,
    shop_measures,
    shop_rows,
)

_MODULES: dict[str, tuple[ModuleType, ...]] = {
    "makespan/JobShop-v0": (shop_rows, shop_features, shop_lookahead, shop_measures, legal_actions),
    "makespan/RCPSP-v0": (project_rows, project_features),
    "makespan/JobShopImprovement-v0": (improvement_rows, improvement_features),
    "makespan/DynamicJobShop-v0": (dynamic_shop, dynamic_features, dynamic_measures, dynamic_rules),
}
"""Where the kernels of each environment are."""


def owners() -> list[tuple[str, tuple[Any, ...], Callable[[], None]]]:
    """Each id with its kernels and what compiles them."""
    return [(name, kernels_of(name), partial(_play, name)) for name in ENVIRONMENTS]


def kernels_of(name: str) -> tuple[Any, ...]:
    """The kernels of an environment id."""
    return tuple(
        each
        for module in _MODULES[name]
        for name, each in vars(module).items()
        if name.endswith("_rows") and hasattr(each, "py_func") and each.py_func.__module__ == module.__name__
    )


def _play(name: str) -> None:
    """One episode of a small instance with graphs, taken again in one call, and what else has a kernel."""
    shop = Instance.job_shop([[0, 1], [1, 0], [0, 1]], [[2, 1], [1, 2], [3, 1]])
    env = gymnasium.make(name, instances=shop, observation="graph").unwrapped
    assert isinstance(env, SchedulingEnv)
    env.reset(seed=0)
    batch = env.play.batch
    actions, ended = list[int](), False
    while not ended:
        action = env.action_space.sample()
        actions.append(int(env.play.observer.positions(np.array([action]), np.zeros(1, np.int64))[0]))
        _, _, over, truncated, _ = env.step(action)
        ended = over or truncated
    batch.replay(np.array([actions]))
    if isinstance(batch, ShopBatch):
        RulePolicy(batch, "spt").actions()
        batch.candidate_starts()
        batch.candidate_features(version=3)
    elif isinstance(batch, ImprovementBatch):
        batch.ends()
        batch.makespans_after()
    elif isinstance(batch, DynamicBatch):
        DynamicRule(batch, "spt").actions()
        batch.candidate_features(version=2)
