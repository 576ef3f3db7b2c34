"""What fixed tasks contradict among themselves, told before anything is solved."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.fixed_part import fixed_conflict, fixed_ends
from makespan.instances.instance import Calendar, Instance, Metadata, Setup
from tests.oracles.brute_force import brute_force
from tests.oracles.random_instances import tiny


def on_one_machine(**optional: Any) -> Instance:
    """Three tasks of 3 on a machine; the second and third are fixed to start at 4 and 7."""
    tasks = [[(3, {0: 1})]] * 3
    fixed: dict[str, Any] = {"fixed_start": [-1, 4, 7], "meta": Metadata(task_names=("a", "b", "c")), "now": 9}
    return Instance.from_lists(tasks, [1], **(fixed | optional))


def test_a_breakdown_under_a_running_task_is_named() -> None:
    """The machine is closed from 5 to 6 and task b runs from 4 to 7 without a pause; with one it fits."""
    closed = Calendar(np.array([0, 3]), np.array([0, 5, 6]), np.array([1, 0, 1]), np.array([0]))
    assert fixed_conflict(on_one_machine(calendar=closed)) == (
        "fixed starts contradict the instance: b runs on resource 0 from 4 to 7: 1 in use, but its calendar falls to 0"
    )
    pausing = on_one_machine(calendar=closed, pause=[1, 1, 1])
    assert fixed_conflict(pausing) == (
        "fixed starts contradict the instance: c takes resource 0 at 7, which b occupies until 8"
    )
    assert fixed_conflict(pausing.replace(fixed_start=[-1, 4, 8])) is None
    assert fixed_ends(pausing).tolist() == [0, 8, 10]


@pytest.mark.parametrize(
    ("optional", "words"),
    [
        ({"release": [0, 5, 0]}, "b starts at 4, before its release at 5"),
        ({"deadline": [9, 9, 9]}, "c ends at 10, after its deadline 9"),
        ({"arcs": [(1, 2, 2, 1)]}, "c comes 1 too early after b"),
        ({"setup": Setup(np.array([0, 0, 1]), np.array([[0, 2], [0, 0]]), np.array([-1]))}, "c starts at 7"),
    ],
)
def test_dates_arcs_and_setups_are_looked_at(optional: dict[str, Any], words: str) -> None:
    """The sentence is the checker's."""
    assert words in (fixed_conflict(on_one_machine(**optional)) or "")


def test_setups_count_only_where_nothing_can_come_between() -> None:
    """Before now (9) the neighbours are certain; with now at 5 a third task may come between b and c."""
    dear = Setup(np.array([0, 0, 1]), np.array([[0, 2], [0, 0]]), np.array([-1]))
    assert fixed_conflict(on_one_machine(setup=dear)) is not None
    assert fixed_conflict(on_one_machine(setup=dear, now=5)) is None


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 6))
def test_a_conflict_is_a_proof(seed: int, latest: int) -> None:
    """Several fixed starts at random in tiny instances with any fields: where a sentence is given, exhaustive search
    finds no schedule."""
    instance, rng = tiny(seed, max_tasks=4), np.random.default_rng(seed)
    fixed = np.where(rng.random(instance.num_tasks) < 0.7, rng.integers(0, latest + 1, instance.num_tasks), -1)
    fixed_mode = np.array([rng.integers(-1, size) for size in np.diff(instance.mode_ptr)])
    instance = instance.replace(fixed_start=fixed, fixed_mode=fixed_mode)
    if fixed_conflict(instance) is not None:
        assert brute_force(instance, horizon=30) is None
