"""Tardiness, lateness, flow time and lists of them, through every method and against exhaustive search."""

import numpy as np
import pytest

from makespan.instances.check import check
from makespan.instances.features import unsupported
from makespan.instances.instance import OBJECTIVES, Instance
from makespan.instances.schedule import objective_values
from makespan.solvers.api import Budget, Status, solve
from makespan.solvers.registry import make_stage, parse_spec
from tests.oracles.brute_force import brute_force
from tests.oracles.random_instances import tiny

EXTRA = ((), ("weight",), ("release", "weight"), ("multi_mode",), ("calendar", "pause"), ("cumulative", "network"))


def dated(seed: int) -> Instance:
    """A tiny instance with due dates and one to three objectives drawn from all five."""
    instance = tiny(seed, ("due", *EXTRA[seed % len(EXTRA)]), max_tasks=4)
    names = np.random.default_rng(seed).permutation(OBJECTIVES).tolist()
    return instance.replace(objective=tuple(names[: 1 + seed % 3]))


@pytest.mark.parametrize("seed", range(36))
def test_every_method_agrees_with_exhaustive_search(seed: int) -> None:
    """What says optimal has the best values of the whole list, heuristics none better, and no bound is above."""
    instance = dated(seed)
    best = brute_force(instance)
    assert best is not None
    for spec in ("rule:best", "sgs:best,samples=5", "auto"):
        if unsupported(instance, make_stage(parse_spec(spec)[0]).supports, spec):
            continue
        result = solve(instance, spec, Budget(seconds=20))
        assert result.schedule is not None and check(instance, result.schedule) == []
        assert result.objectives == objective_values(instance, result.schedule) >= best
        assert result.lower_bound is not None and result.lower_bound <= best[0]
        if result.status is Status.OPTIMAL or spec == "auto":
            assert (result.status, result.objectives) == (Status.OPTIMAL, best)


def test_objectives_pull_in_different_directions() -> None:
    """One machine, jobs of 1, 3 and 4 due at 8, 7 and 4, weights 1, 1 and 9.

    Flow time: shortest first (1, 4, 8: 13). Max lateness: by due date, 4 at 4, 3 at 7, 1 at 8, nothing late: 0. With
    due dates 3 earlier for all, total tardiness takes the short ones first: ends 1, 4, 8 against 5, 4, 1 is 0 + 0 + 7;
    weighted, the job of weight 9 comes first: 4 is 3 late (27), then 1 at 5 (0), 3 at 8 (4): 31.
    """
    easy = Instance.job_shop([[0]] * 3, [[1], [3], [4]], job_due=[8, 7, 4], job_weight=[1, 1, 9])
    hard = easy.replace(job_due=[5, 4, 1])
    cases = (
        (easy, ("flow_time",), (13,)),
        (easy, ("max_lateness",), (0,)),
        (hard, ("total_tardiness",), (7,)),
        (hard, ("weighted_tardiness",), (31,)),
        (hard, ("makespan", "weighted_tardiness"), (8, 31)),
        (easy, ("max_lateness", "flow_time"), (0, 19)),
        (easy, ("flow_time", "max_lateness"), (13, 4)),
    )
    for instance, objective, best in cases:
        assert solve(instance.replace(objective=objective), "auto", Budget(seconds=20)).objectives == best


def test_sampling_finds_what_the_objective_asks_for() -> None:
    """By flow time a longer schedule may be better: one machine of capacity 2 with a long task that needs both."""
    tasks = [[(5, {0: 2})], *([[(1, {0: 1})]] * 4)]
    short = Instance.from_lists(tasks, [2], objective=("flow_time", "makespan"))
    assert brute_force(short) == (13, 7)  # four short ones first (1, 1, 2, 2), then 7
    assert solve(short, "sgs:best,samples=20", Budget(seconds=20)).objectives == (13, 7)
