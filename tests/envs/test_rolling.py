"""Plans of what is in a simulated shop: they hold what is known, and following them beats a poor rule."""

import numpy as np
import pytest

from makespan import Budget, check
from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.dynamic_rules import DynamicRule
from makespan.envs.dynamic_schedule import operations
from makespan.envs.rolling import RollingPlan, rest_of
from makespan.instances.generators import generate
from makespan.solvers.kernels import dynamic_layout as layout
from tests.policies.shops import shop

SCENARIO = {"jobs": "templates", "num_jobs": 15, "utilisation": 0.9, "due_tightness": 1.5, "up_time": 300.0}


def test_at_the_beginning_the_rest_is_what_has_come() -> None:
    """Nothing runs, so the jobs that are there come whole, released at the clock."""
    batch = DynamicBatch([shop(4, 3)], {"jobs": "templates", "num_jobs": 6, "utilisation": 0.9, "initial_jobs": 3})
    rest = rest_of(batch, 0, "flow_time")
    assert rest.instance.num_jobs == 3
    assert set(rest.operation[:, 0].tolist()) == set(range(3))


def test_the_rest_holds_what_has_not_begun_and_nothing_else() -> None:
    """After every decision: the operations in the shop without a start, none of which may start before the clock."""
    batch = DynamicBatch([generate("uniform", jobs=4, machines=3, seed=2)], SCENARIO)
    while batch.count[0]:
        rest = rest_of(batch, 0, "weighted_tardiness")
        jobs, table = operations(batch, 0)
        begun = table[:, :, layout.OP_START] >= 0
        there = (jobs[:, layout.SLOT] >= 0)[:, None] & (np.arange(table.shape[1]) < jobs[:, layout.LENGTH, None])
        expected = {(int(job), int(step)) for job, step in zip(*np.nonzero(there & ~begun), strict=True)}
        assert {tuple(pair) for pair in rest.operation.tolist()} == expected
        if expected:
            assert rest.instance.release is not None and rest.instance.release.min() >= 0
        batch.step(np.zeros(1, np.int64))


def test_without_surprises_the_plan_is_what_happens() -> None:
    """All jobs are there from the beginning and nothing breaks: a good plan is better than the worst rule."""
    instance = generate("uniform", jobs=6, machines=4, seed=3)
    ends = {}
    for name in ("plan", "lpt"):
        batch = DynamicBatch([instance], {"due_tightness": 1.2})
        if name == "plan":
            RollingPlan(batch, "anneal", Budget(iterations=20_000)).play()
        else:
            DynamicRule(batch, name).play()
        executed, schedule = batch.partial(0)
        assert not check(executed, schedule)
        ends[name] = batch.measure("tardiness")[0]
    assert ends["plan"] < ends["lpt"]


def test_plans_run_shops_in_which_things_happen() -> None:
    """Arrivals and failures; every job is done, later than due by less than under the longest operation first."""
    total = {}
    for name in ("plan", "lpt"):
        batch = DynamicBatch([shop(5, 3, 1)], SCENARIO, 6)
        if name == "plan":
            RollingPlan(batch, "anneal", Budget(iterations=3000)).play()
        else:
            DynamicRule(batch, name).play()
        assert batch.is_complete.all()
        total[name] = batch.measure("tardiness").sum()
    assert total["plan"] < total["lpt"]


def test_a_shop_without_buffers_is_refused() -> None:
    """Its jobs may block each other for ever when a plan is not kept."""
    with pytest.raises(ValueError, match="rolling plan: found a blocking shop"):
        RollingPlan(DynamicBatch([shop()], {"blocking": True}), "anneal", Budget(iterations=1))
