"""Simulated shops: distributions of what is drawn, measures, and how episodes end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.envs.dynamic_batch import DYNAMIC_MEASURES, DynamicBatch
from makespan.envs.dynamic_rules import DynamicRule
from makespan.envs.dynamic_schedule import operations
from makespan.envs.rows import draw
from makespan.envs.scenario import Scenario
from makespan.instances.check import check
from makespan.instances.generators import generate
from makespan.instances.instance import Instance
from makespan.instances.schedule import objective_values
from makespan.instances.sets import load
from makespan.solvers.kernels import dynamic_layout as layout
from tests.oracles.dynamic_shops import SCENARIOS, SHOPS, breaks_of, play

# -- the random numbers ------------------------------------------------------------------------------


def test_draws_have_the_distributions_they_should() -> None:
    """Gaps are exponential, durations uniform around the plan, a tenth of the starts break, repairs are uniform."""
    scenario = Scenario(
        jobs="uniform", num_jobs=20_000, interarrival=7.5, duration_spread=0.2, due_tightness=2, max_jobs=20_000
    )
    batch = DynamicBatch([generate("uniform", jobs=1, machines=3, seed=0)], scenario)
    jobs, table = operations(batch, 0)
    gaps = np.diff(jobs[:, layout.ARRIVAL])
    assert abs(gaps.mean() - 7.5) < 0.2 and abs(np.median(gaps) - 7.5 * np.log(2)) < 0.5
    assert abs(gaps.std() - 7.5) < 0.3
    planned, actual = table[:, :, layout.OP_PLANNED], table[:, :, layout.OP_ACTUAL]
    assert planned.min() == 1 and planned.max() == 99 and abs(planned.mean() - 50) < 0.5
    assert abs((actual / planned).mean() - 1) < 0.01
    assert (np.abs(actual - planned) <= 0.2 * planned + 0.5).all()
    work = planned.sum(axis=1)
    assert np.array_equal(jobs[:, layout.WORK], work)
    assert np.array_equal(jobs[:, layout.DUE], jobs[:, layout.ARRIVAL] + 2 * work)
    first = np.bincount(table[:, 0, layout.OP_MACHINE]) / 20_000
    assert np.abs(first - 1 / 3).max() < 0.02


def test_one_start_in_ten_breaks_its_machine() -> None:
    shop = Instance.job_shop([[0]] * 3000, [[2]] * 3000)
    batch = DynamicBatch([shop], Scenario(breakdown=0.1, repair=5), 5)
    DynamicRule(batch, "fifo").play()
    idle = batch.measure("makespan") - 6000
    assert np.abs(idle / 3000 - 0.1 * 5.5).max() < 0.1
    down = breaks_of(batch, 0)[0]
    assert min(down) == 1 and max(down) == 10


def test_the_busiest_machine_works_as_much_as_asked() -> None:
    scenario = Scenario(jobs="templates", num_jobs=4000, utilisation=0.7)
    batch = DynamicBatch([load("la01")], scenario)
    DynamicRule(batch, "fifo").play()
    _, table = operations(batch, 0)
    busy = np.bincount(table[:, :, layout.OP_MACHINE].ravel(), table[:, :, layout.OP_ACTUAL].ravel())
    assert abs(busy.max() / batch.measure("makespan")[0] - 0.7) < 0.04


# -- measures and ends --------------------------------------------------------------------------------


@pytest.mark.parametrize("happens", ["nothing", "breakdowns", "arrivals", "all", "failures at once"])
def test_measures_never_fall_and_end_at_the_value_of_the_schedule(happens: str) -> None:
    """Rewards are their differences."""
    batch = DynamicBatch(SHOPS, SCENARIOS[happens], 24)
    random, before = np.random.default_rng(2), {name: batch.measure(name) for name in DYNAMIC_MEASURES}
    while not batch.is_over.all():
        batch.step(draw(random, batch.count))
        for name in DYNAMIC_MEASURES:
            now = batch.measure(name)
            assert (now >= before[name]).all(), name
            before[name] = now
    for row in range(batch.num_rows):
        instance, schedule = batch.partial(row)
        end = schedule.end(instance)
        assert objective_values(instance.replace(objective=("flow_time",)), schedule)[0] == before["flow_time"][row]
        assert before["waiting_time"][row] == before["flow_time"][row] - (end - schedule.start).sum()
        if instance.job_due is not None and instance.job is not None:
            weighted = instance.replace(objective=("weighted_tardiness",))
            assert objective_values(weighted, schedule)[0] == before["tardiness"][row]
            last = np.zeros(instance.num_jobs, np.int64)
            np.maximum.at(last, instance.job, end)
            assert (last > instance.job_due).sum() == before["tardy_jobs"][row]


def test_a_full_shop_truncates() -> None:
    """Two places, three jobs at once."""
    shop = Instance.job_shop([[0]] * 3, [[5]] * 3, job_release=[0, 1, 2])
    batch = DynamicBatch([shop], Scenario(max_jobs=2))
    assert batch.is_over.all() and batch.is_truncated.all() and not batch.is_complete.any()
    assert batch.clock.tolist() == [2]
    late = Instance.job_shop([[0]] * 3, [[5]] * 3, job_release=[0, 1, 5])
    batch = DynamicBatch([late], Scenario(max_jobs=2))
    DynamicRule(batch, "fifo").play()
    assert not batch.is_truncated.any() and batch.is_complete.all()


def test_the_horizon_truncates() -> None:
    """What ends at the horizon still ends; measures stand as of then."""
    batch = DynamicBatch([load("ft06")], Scenario(horizon=20))
    DynamicRule(batch, "fifo").play()
    assert batch.is_truncated.all() and batch.clock.tolist() == [20]
    assert batch.measure("flow_time").tolist() == [6 * 20]
    instance, schedule = batch.partial(0)
    assert check(instance, schedule) == [] and (schedule.start <= 20).all()
    with pytest.raises(ValueError, match="jobs that are not done"):
        batch.schedule(0)


def test_waiting_is_worth_it_sometimes() -> None:
    """By hand: machine 0 should leave the long job for the short one that comes at 1."""
    shop = Instance.job_shop([[0], [0, 1]], [[10], [1, 10]], job_release=[0, 1])
    hasty = DynamicBatch([shop])
    assert hasty.measure("makespan").tolist() == [21]
    patient = DynamicBatch([shop], wait=True)
    assert patient.candidates().kind[0, :2].tolist() == [0, 1]
    assert patient.candidates().task[0, :2].tolist() == [0, -1]
    patient.step([1])
    assert patient.clock.tolist() == [1] and patient.candidates().task[0, :2].tolist() == [0, 1]
    patient.step([1])
    while not patient.is_over.all():
        patient.step([0])
    assert patient.measure("makespan").tolist() == [12]


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**40),
    number=st.integers(0, 11),
    source=st.sampled_from(["instance", "templates", "uniform"]),
    gap=st.one_of(st.none(), st.floats(0, 60)),
    chance=st.floats(0, 1),
    up_time=st.one_of(st.none(), st.floats(1, 50)),
    interrupt=st.booleans(),
    spread=st.floats(0, 1),
    tightness=st.one_of(st.none(), st.floats(0, 4)),
    blocking=st.booleans(),
    swap=st.booleans(),
    places=st.one_of(st.none(), st.integers(1, 6)),
    horizon=st.one_of(st.none(), st.integers(1, 200)),
    wait=st.booleans(),
)
def test_any_scenario_ends_with_a_checked_schedule(
    seed: int, number: int, source: str, gap: float | None, chance: float, up_time: float | None, interrupt: bool,
    spread: float, tightness: float | None, blocking: bool, swap: bool, places: int | None, horizon: int | None,
    wait: bool,
) -> None:  # fmt: skip
    """Complete, cut off, or stuck for want of swaps; executed without a broken constraint, and again the same."""
    scenario = Scenario(
        jobs=source, num_jobs=None if source == "instance" else 6, max_jobs=places, horizon=horizon, interarrival=gap,
        breakdown=0 if up_time else chance, up_time=up_time, interrupt=interrupt, repair=3, duration_spread=spread,
        due_tightness=tightness, blocking=blocking, swap=swap, seed=seed,
    )  # fmt: skip
    batch = DynamicBatch([SHOPS[number]], scenario, 2, wait=wait)
    actions = play(batch, np.random.default_rng(seed))
    state = batch.state.copy()
    batch.replay(actions)
    assert np.array_equal(state, batch.state)
    for row in range(2):
        assert check(*batch.partial(row)) == []
        stuck = blocking and not swap
        assert batch.is_complete[row] or batch.is_truncated[row] or stuck
