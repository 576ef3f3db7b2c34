"""Starts dispatched to and fro: legal, different, by the value of the problem."""

from __future__ import annotations

import itertools

import numpy as np

from makespan.instances.check import check
from makespan.instances.generators import generate
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule, objective_values
from makespan.solvers.dispatch_starts import dispatch_starts
from makespan.solvers.sequencing import sequencing_problem
from makespan.solvers.stage import Budget, Context


def _starts(instance: Instance, count: int) -> list[Schedule]:
    problem, rng = instance.derived(sequencing_problem), np.random.default_rng(1)
    found = itertools.islice(dispatch_starts(instance, problem, rng, lambda: False), count)
    return [Schedule(start) for start in found if start is not None]


def test_starts_are_feasible_and_differ() -> None:
    """By the independent checker; a search that begins anew must not come from the same place."""
    shop = generate("uniform", jobs=8, machines=6, seed=11)
    schedules = _starts(shop, 5)
    assert all(check(shop, schedule) == [] for schedule in schedules)
    assert len({schedule.start.tobytes() for schedule in schedules}) == 5


def test_due_dates_decide_where_lateness_is_the_objective() -> None:
    """One machine, long job first by work remaining: the short one ends at 8, 7 late; by due dates it goes first: 0."""
    shop = Instance.job_shop([[0], [0]], [[7], [1]], job_due=[8, 1], objective=("max_lateness",))
    assert [objective_values(shop, schedule) for schedule in _starts(shop, 1)] == [(0,)]


def test_without_time_there_is_no_start() -> None:
    """Asked to stop beforehand, it says so instead of going on."""
    shop = Instance.job_shop([[0]], [[1]])
    context = Context(shop, Budget(), 0, 1)
    context.stop()
    problem = shop.derived(sequencing_problem)
    assert next(dispatch_starts(shop, problem, context.rng(), context.expired)) is None
