"""Labels from the network's own states: what is left is scheduled as well as search can, from where things stand."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan import Budget, solve
from makespan.envs.rows import draw
from makespan.envs.shop_batch import ShopBatch
from makespan.instances.check import check
from makespan.policies.demonstrations import shop_teacher
from makespan.policies.drift import placed_starts, relabelled, rest_of, steps_per_task, wander
from tests.policies.shops import batch_of, network, shop


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), steps=st.integers(0, 10))
def test_prefix_and_search_make_one_schedule_that_is_followed(seed: int, steps: int) -> None:
    """It passes the check, keeps what was placed, and the teacher builds it or better from where the row stands."""
    own = shop(4, 3, seed)
    batch, random = batch_of(own), np.random.default_rng(seed)
    for _ in range(steps):
        batch.step(draw(random, batch.count))
    before = placed_starts(batch, 0)
    schedule = relabelled(batch, 0, "tabu", steps_per_task(20), 0)
    assert not check(own, schedule)
    assert (schedule.start[before >= 0] == before[before >= 0]).all()
    teacher, rows = shop_teacher(batch, [schedule]), np.zeros(1, np.int64)
    while batch.count[0]:
        batch.step(teacher(rows))
    assert (batch.schedule(0).start <= schedule.start).all()


def test_the_rest_of_an_empty_schedule_is_the_shop_itself() -> None:
    """Nothing is placed, so nothing is released later than at the beginning."""
    own = shop(3, 3, 1)
    rest, task = rest_of(ShopBatch([own], scheme="giffler_thompson"), 0)
    assert task.tolist() == list(range(own.num_tasks))
    values = [solve(each, "cpsat", Budget(seconds=20), threads=1).objective for each in (own, rest)]
    assert values[0] == values[1]


def test_every_row_wanders_as_far_as_it_is_told() -> None:
    """Decisions of a row are counted from where it stood; 0 leaves it alone."""
    batch = batch_of(shop(5, 4), shop(6, 3), shop(6, 5))
    first = [int(batch.placed(row).sum()) for row in range(3)]
    wander(network(), batch, np.array([0, 1, 10_000]), 4, np.arange(3), 1, 2)
    after = [int(batch.placed(row).sum()) for row in range(3)]
    assert after[0] == first[0] and after[1] > first[1] and batch.count[2] == 0
