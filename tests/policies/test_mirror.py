"""Instances backwards in time: schedules there are as good, and come back as they were."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.check import check
from makespan.instances.generators import generate
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.policies.mirror import MIRRORED_FEATURES, mirrored_shop
from makespan.policies.problems import PROBLEMS
from makespan.solvers.api import Budget, solve
from tests.policies.shops import batch_of, project, shop


def drawn(name: str, seed: int) -> tuple[Instance, Schedule]:
    """An instance of a problem, and a schedule that is not the same backwards."""
    if name == "rcpsp":
        instance = project(12, seed)
        result = solve(instance, "sgs:lft", Budget(iterations=1))
    else:
        instance = shop(4, 3, seed) if name == "jsp" else generate("flexible", jobs=4, machines=3, seed=seed)
        result = solve(instance, "rule:spt", Budget(iterations=1))
    assert result.schedule is not None
    return instance, result.schedule


@pytest.mark.parametrize("name", ["jsp", "fjsp", "rcpsp"])
@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_schedules_are_as_good_backwards_and_come_back(name: str, seed: int) -> None:
    """Feasible in the mirror image, equally long, and the same again on the way back."""
    instance, schedule = drawn(name, seed)
    mirrored = PROBLEMS[name].mirror
    assert mirrored is not None
    mirror = mirrored(instance)
    seen = mirror.seen(instance, schedule)
    assert not check(mirror.instance, seen)
    assert seen.end(mirror.instance).max() == schedule.end(instance).max()
    assert mirror.back(seen) == schedule
    assert mirrored(mirror.instance).instance.digest == instance.digest


def test_the_mirror_image_of_a_shop_has_its_loads() -> None:
    """The first bound is one of both."""
    own = shop(5, 4, 2)
    batch = batch_of(own, mirrored_shop(own).instance)
    assert batch.measure("lower_bound")[0] > 0
    np.testing.assert_array_equal(np.sort(batch.views[0].duration), np.sort(batch.views[1].duration))


def test_two_jobs_by_hand() -> None:
    """On one machine, 3 and 2 long; the second goes first when time runs backwards."""
    instance = Instance.job_shop([[0], [0]], [[3], [2]])
    assert mirrored_shop(instance).seen(instance, Schedule([0, 3])).start.tolist() == [2, 0]


def test_what_has_dates_or_lags_has_no_mirror_image() -> None:
    """Time means something there."""
    dated = project(5).replace(release=[1] * project(5).num_tasks)
    assert dated.features - MIRRORED_FEATURES == {"release"}
    assert "time_lag" not in MIRRORED_FEATURES and "objective" not in MIRRORED_FEATURES
