"""Shops as intervals: what is shown equals a plain propagation, and the network treats jobs and machines alike."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan import Budget, check, solve
from makespan.envs.rows import draw
from makespan.envs.shop_batch import ShopBatch
from makespan.instances.shop_view import shop_view
from makespan.policies.checkpoint import Card
from makespan.policies.decode import Decoder
from makespan.policies.demonstrations import clock_teacher, semi_active
from makespan.policies.intervals import (
    BEFORE_FIRST,
    BEHIND_LAST,
    DURATION,
    INTERVAL,
    KIND,
    LEAST_START,
    NUMBERS,
    PLACED,
    SLOTS,
    STARTS_NOW,
    IntervalNetwork,
    IntervalView,
)
from makespan.policies.problems import PROBLEMS
from makespan.policies.views import view_of
from tests.policies.shops import permuted, shop

PROBLEM = PROBLEMS["interval"]


def by_the_clock(*instances: object) -> ShopBatch:
    """A batch of these shops in the scheme of the problem."""
    batch = PROBLEM.batch(instances, None, 1)  # type: ignore[arg-type]
    assert isinstance(batch, ShopBatch)
    return batch


def small(seed: int = 0, heads: int = 1) -> IntervalNetwork:
    """A network of the size of the source, with random weights that matter."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = IntervalNetwork(PROBLEM.shape(width=8, heads=heads))
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    return model.eval()


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), steps=st.integers(0, 30))
def test_windows_equal_a_plain_propagation(seed: int, steps: int) -> None:
    """Least starts by hand: what is placed pushes its job and what is left on its machine; the clock pushes all."""
    instance = shop(4, 6, seed)
    batch, random = by_the_clock(instance), np.random.default_rng(seed)
    for _ in range(steps):
        batch.step(draw(random, batch.count))
    if batch.count[0] == 0:
        return
    view, rows = instance.derived(shop_view), np.zeros(1, np.int64)
    start = batch.candidate_starts()[0]
    clock = int(start.min())
    placed = batch.placed(0)
    begun = np.full(view.num_operations, -1)
    begun[view.task.argsort()[np.sort(view.task[placed])]] = batch.partial(0)[1].start
    free = np.zeros(view.num_machines, np.int64)
    for done in np.flatnonzero(placed):
        free[view.machine[done]] = max(free[view.machine[done]], begun[done] + view.duration[done])
    slots, least = dict[tuple[int, int], tuple[int, int, int, float]](), dict[tuple[int, int], int]()
    for job in range(view.num_jobs):
        first, last = int(view.job_ptr[job]), int(view.job_ptr[job + 1])
        following = first + int(placed[first:last].sum())
        ready = int(begun[following - 1] + view.duration[following - 1]) if following > first else 0
        for slot in range(SLOTS):
            op = following - 1 + slot
            if op < first or op >= last:
                slots[job, slot] = (BEFORE_FIRST if slot == 0 else BEHIND_LAST, 0, 0, 0.0)
                continue
            if slot == 0:
                least[job, slot] = int(begun[op])
            else:
                ready = max(ready, int(free[view.machine[op]]), clock)
                least[job, slot] = ready
                ready += int(view.duration[op])
            now = int(slot == 1 and least[job, slot] == clock)
            scaled = (view.duration[op] - view.duration.mean()) / view.duration.std()
            slots[job, slot] = (INTERVAL, int(slot == 0), now, scaled)
    values = np.array(list(least.values()), float)
    candidates = batch.job[0, : batch.count[0]]
    found = view_of(batch)._features(rows)[0].reshape(-1, SLOTS, NUMBERS)
    for place, job in enumerate(candidates.tolist()):
        for slot in range(SLOTS) if job >= 0 else ():
            kind, is_placed, now, scaled = slots[job, slot]
            own = found[place, slot]
            assert (own[KIND], own[PLACED], own[STARTS_NOW]) == (kind, is_placed, now)
            assert own[DURATION] == pytest.approx(scaled, abs=1e-5)
            if kind == INTERVAL:
                expected = (least[job, slot] - values.mean()) / max(values.std(), 1e-6)
                assert own[LEAST_START] == pytest.approx(expected, abs=1e-4)


def test_the_teacher_builds_exactly_the_schedule() -> None:
    """No operation can start earlier on its place, so each starts when the clock says so, or the clock runs on."""
    for seed in range(20):
        instance = shop(5, 4, seed)
        found = solve(instance, "tabu", Budget(iterations=500), seed=seed).schedule
        assert found is not None
        schedule = semi_active(instance, found)
        batch = by_the_clock(instance)
        teacher, rows = clock_teacher(batch, [schedule]), np.zeros(1, np.int64)
        while batch.count[0]:
            batch.step(teacher(rows))
        assert (batch.schedule(0).start == schedule.start).all()


def test_moving_everything_left_keeps_the_orders() -> None:
    """A schedule that begins late, with gaps, becomes the earliest one of its machine orders."""
    instance = shop(3, 3, 1)
    found = solve(instance, "rule:mwkr").schedule
    assert found is not None
    late = type(found)(found.start * 3 + 7)
    assert (semi_active(instance, late).start == semi_active(instance, found).start).all()


def test_numbers_of_jobs_and_machines_do_not_matter() -> None:
    """Logits follow a renumbering of the shop."""
    instance, model = shop(5, 4, 3), small()
    other, job, _ = permuted(instance)
    batches = by_the_clock(instance), by_the_clock(other)
    rows = np.zeros(1, np.int64)
    logits = [PROBLEM.logits(model, batch, rows)[0].detach().numpy() for batch in batches]
    own, renamed = (
        dict(zip(batch.job[0, : batch.count[0]].tolist(), each.tolist(), strict=True))
        for batch, each in zip(batches, logits, strict=True)
    )
    for new, old in enumerate(job.tolist()):
        if new in renamed:
            assert renamed[new] == pytest.approx(own[old], abs=1e-5)


@pytest.mark.parametrize("heads", [1, 2])
def test_rows_do_not_see_each_other_and_padding_is_not_seen(heads: int) -> None:
    """A shop beside a larger one gets the logits that it gets alone."""
    one, other, model = shop(3, 3, 1), shop(6, 5, 2), small(heads=heads)
    together = PROBLEM.logits(model, by_the_clock(one, other), np.arange(2))
    alone = PROBLEM.logits(model, by_the_clock(one), np.zeros(1, np.int64))
    torch.testing.assert_close(together[0, : alone.shape[1]], alone[0], atol=1e-5, rtol=1e-5)
    assert torch.isinf(together[0, alone.shape[1] :]).all()


def test_a_network_is_played_like_any_other() -> None:
    """Greedily, both ways, by samples and along a beam; every schedule passes the check."""
    instance, model = shop(4, 4, 5), small()
    decoder = Decoder(model, Card("interval", model.shape, 0), instance)  # type: ignore[arg-type]
    found = [decoder.greedy(True, lambda: False), decoder.beam(4, lambda: False)]
    found += list(decoder.samples(8, (0.5, 2.0), True, lambda: False))
    for each in found:
        assert each is not None and not check(instance, each.schedule)
    assert isinstance(view_of(by_the_clock(instance)), IntervalView)
