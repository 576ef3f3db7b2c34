"""What must hold between the folders: every solver on every field, bounds, optima and repeated runs."""

from functools import cache

import pytest

from makespan.instances.check import check
from makespan.instances.features import FEATURES
from makespan.instances.instance import Instance
from makespan.instances.sets import load
from makespan.solvers.api import Budget, Result, Status, Unsupported, solve
from makespan.solvers.registry import SOLVERS, make_stage, parse_spec
from tests.oracles.brute_force import best_schedule, objective
from tests.oracles.grid_checker import grid_check
from tests.oracles.random_instances import FIELDS, tiny

QUICK = tuple(
    spec
    for entry in SOLVERS.values()
    for spec in entry.examples
    if entry.name not in ("auto", "cpsat") and not entry.target.startswith("makespan.policies")
)
"""Every example of the table that is no exact method."""


@cache
def instances(field: str) -> tuple[Instance, ...]:
    """Tiny instances that use the field, alone and beside others; feasible or not."""
    return (tiny(7, [field]), *(tiny(seed, [field, *FIELDS[seed::8]]) for seed in range(3)))


@cache
def optimum(instance: Instance) -> tuple[int, ...] | None:
    """By exhaustive search; None if there is no schedule."""
    best = best_schedule(instance)
    return None if best is None else tuple(objective(instance, best))


def verified(instance: Instance, result: Result) -> None:
    """The answer holds, whoever gave it: two checkers that share no code, the bound and the optimum agree with it."""
    best = optimum(instance)
    assert result.status is not Status.ERROR, result.message
    if result.schedule is None:
        assert result.status is not Status.INFEASIBLE or best is None
        assert result.lower_bound is None or best is None or result.lower_bound <= best[0]
        return
    assert best is not None and result.objectives is not None and result.lower_bound is not None
    assert check(instance, result.schedule) == [] and grid_check(instance, result.schedule)
    assert result.lower_bound <= best[0] and best <= result.objectives
    assert result.status is not Status.OPTIMAL or best == result.objectives


@pytest.mark.parametrize("field", FIELDS)
def test_every_solver_gives_a_checked_schedule_or_refuses_the_field(field: str) -> None:
    """No field is ever silently dropped: what a solver does not declare it refuses, by name and before it runs."""
    for instance in instances(field):
        for spec in QUICK:
            missing = instance.features - make_stage(parse_spec(spec)[0]).supports
            try:
                result = solve(instance, spec, Budget(iterations=2000), seed=3)
            except Unsupported as refusal:
                assert missing and all(f"({name})" in str(refusal) for name in missing)
            else:
                assert not missing
                verified(instance, result)


@pytest.mark.parametrize("field", FIELDS)
def test_auto_finds_the_optimum_whatever_the_fields(field: str) -> None:
    """It picks only stages that handle the instance, and CP-SAT, which handles all, proves the rest."""
    for instance in instances(field):
        result = solve(instance, "auto", Budget(seconds=60))
        verified(instance, result)
        assert result.status is (Status.INFEASIBLE if optimum(instance) is None else Status.OPTIMAL)


def test_the_oracle_draws_every_feature() -> None:
    """Otherwise the tests above would leave a feature out and nobody would notice."""
    drawn = set().union(*(instance.features for field in FIELDS for instance in instances(field)))
    assert set(FEATURES) - drawn <= {"no_machine", "recirculation"}


@pytest.mark.parametrize("spec", [spec for spec in QUICK if not spec.startswith(("bounds", "tardiness"))])
def test_the_same_seed_and_iterations_give_the_same_schedule(spec: str) -> None:
    """Byte for byte, whatever else the machine does meanwhile; that is what makes a number worth keeping.

    On instances that no quick proof ends, since how much runs on after a proof depends on the clock. ``tardiness``,
    for one machine alone, has its own test.
    """
    supports = make_stage(parse_spec(spec)[0]).supports
    instance = next(each for each in map(load, ("j301_1", "la16")) if each.features <= supports)
    first, second = (solve(instance, spec, Budget(iterations=300), seed=11) for _ in range(2))
    assert first.schedule is not None and first.schedule == second.schedule
    assert (first.objective, first.iterations) == (second.objective, second.iterations)


@pytest.mark.parametrize(("name", "best"), [("ft06", 55), ("la01", 666), ("mk01", 40), ("j301_1", 43)])
def test_published_optima_are_found_and_proved(name: str, best: int) -> None:
    """Reader, model, checker and bound agree with the literature."""
    result = solve(load(name), "auto", Budget(seconds=60))
    assert (result.status, result.objective, result.lower_bound) == (Status.OPTIMAL, best, best)
