"""The second version of the candidate features: bounds one step ahead, against a plain computation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.envs.features import CANDIDATE_FEATURES
from makespan.envs.rows import draw
from makespan.envs.shop_batch import ShopBatch
from makespan.instances.generators import generate
from makespan.instances.instance import Instance
from makespan.instances.shop_view import ShopView

NAMES = [feature.name for feature in CANDIDATE_FEATURES[2]]


def outlook(view: ShopView, start: np.ndarray, end: np.ndarray, following: list[int], j: int) -> dict[str, float]:
    """What the features say of the next operation of job ``j``, from the starts and ends of what is placed."""
    ready = [max([0, *end[view.job_ptr[i] : following[i]]]) for i in range(view.num_jobs)]
    free = np.zeros(view.num_machines, np.int64)
    for i in range(view.num_jobs):
        for op in range(view.job_ptr[i], following[i]):
            free[view.machine[op]] = max(free[view.machine[op]], end[op])
    head = {}
    for i in range(view.num_jobs):
        if following[i] == view.job_ptr[i + 1]:
            continue
        time = max(ready[i], free[view.machine[following[i]]])
        for op in range(following[i], view.job_ptr[i + 1]):
            head[op] = time
            time += view.duration[op]
    own = following[j]
    done = head[own] + view.duration[own]
    job = np.repeat(np.arange(view.num_jobs), np.diff(view.job_ptr))
    pushed = 0
    for i in range(view.num_jobs):
        on = [op for op in head if job[op] == i and view.machine[op] == view.machine[own] and i != j]
        if on and done > head[on[0]]:
            delay = done - head[on[0]]
            pushed += delay
            for op in range(on[0], view.job_ptr[i + 1]):
                head[op] += delay
    del head[own]
    tail = {op: int(view.duration[op + 1 : view.job_ptr[job[op] + 1]].sum()) for op in head}
    bounds = []
    for k in range(view.num_machines):
        line = sorted((op for op in head if view.machine[op] == k), key=lambda op: -tail[op])
        values = [
            min(head[op] for op in line[:n]) + sum(view.duration[op] for op in line[:n]) + tail[line[n - 1]]
            for n in range(1, len(line) + 1)
            if n == len(line) or tail[line[n]] < tail[line[n - 1]]
        ]
        values += [head[op] + view.duration[op] + tail[op] for op in line]
        bounds.append(max(values, default=0))
    left = int(view.duration[own + 1 : view.job_ptr[j + 1]].sum())
    after = own + 1 < view.job_ptr[j + 1]
    there = [op for op in head if after and view.machine[op] == view.machine[own + 1] and head[op] <= done]
    return {
        "own": max(bounds[view.machine[own]], done),
        "worst": max(*bounds, done + left),
        "total": sum(bounds),
        "pushed": pushed,
        "next": bounds[view.machine[own + 1]] if after else 0,
        "queue": len(there),
    }


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), jobs=st.integers(1, 5), machines=st.integers(1, 4), steps=st.integers(0, 12))
def test_features_one_step_ahead_equal_a_plain_computation(seed: int, jobs: int, machines: int, steps: int) -> None:
    """In every state that random play comes to, for shops in which each job visits each machine once."""
    instance = generate("uniform", jobs=jobs, machines=machines, seed=seed)
    batch, random = ShopBatch([instance], scheme="giffler_thompson"), np.random.default_rng(seed)
    for _ in range(steps):
        batch.step(draw(random, batch.count))
    if not batch.count[0]:
        return
    view = batch.views[0]
    _, placed = batch.partial(0)
    start, end = np.full((2, view.num_operations), -1)
    from makespan.solvers.kernels.shop_layout import JOB_SIZE, JOBS, OP

    state = batch.state[0]
    following = [int(state[state[JOBS] + JOB_SIZE * j + OP]) for j in range(view.num_jobs)]
    at = np.concatenate([np.arange(view.job_ptr[j], following[j]) for j in range(view.num_jobs)]).astype(int)
    whole = np.full(view.num_operations, -1)
    kept = np.zeros(instance.num_tasks, bool)
    kept[view.task[at]] = True
    of_task = np.full(instance.num_tasks, -1)
    of_task[kept] = placed.start
    whole[at] = of_task[view.task[at]]
    start, end = whole, whole + view.duration
    found = batch.candidate_features(version=2)[0]
    expected = [outlook(view, start, end, following, int(batch.job[0, c])) for c in range(int(batch.count[0]))]
    bound, mean = int(batch.measure("lower_bound")[0]), max(1.0, view.duration.mean())
    largest = batch.arena.scale[0, 0]
    least = {name: min(each[name] for each in expected) for name in ("own", "worst", "total")}
    for row, each in zip(found, expected, strict=False):
        values = {
            "own_bound": each["own"] / bound,
            "own_regret": (each["own"] - least["own"]) / mean,
            "worst_bound": each["worst"] / bound,
            "worst_regret": (each["worst"] - least["worst"]) / mean,
            "mean_regret": (each["total"] - least["total"]) / mean / machines,
            "pushed": each["pushed"] / largest / jobs,
            "next_bound": each["next"] / bound,
            "next_queue": each["queue"] / jobs,
        }
        for name, value in values.items():
            assert row[NAMES.index(name)] == pytest.approx(value, abs=1e-5), name


def test_the_first_version_stays_as_it_is() -> None:
    """Released features never change: the second version begins with the first."""
    batch = ShopBatch([generate("uniform", jobs=6, machines=4, seed=1)], rows=3)
    one, two = batch.candidate_features(), batch.candidate_features(version=2)
    np.testing.assert_array_equal(two[:, :, : one.shape[2]], one)


def test_flexible_and_waiting_candidates_have_numbers_too() -> None:
    """Every mode of an operation has an outlook; a wait has none."""
    flexible = generate("flexible", jobs=5, machines=3, seed=2)
    batch = ShopBatch([flexible], scheme="non_delay", wait=True)
    seen_wait = False
    while batch.count[0]:
        features = batch.candidate_features(version=2)[0, : int(batch.count[0])]
        assert np.isfinite(features).all()
        waits = batch.job[0, : int(batch.count[0])] < 0
        assert (features[waits, 19:] == 0).all()
        seen_wait |= bool(waits.any())
        batch.step([0])
    assert seen_wait


def test_a_job_that_ends_the_shop_has_the_bound_of_its_end() -> None:
    """One job alone: nothing is pushed, and the worst bound is its own length."""
    batch = ShopBatch([Instance.job_shop([[0, 1]], [[3, 4]])])
    row = dict(zip(NAMES, batch.candidate_features(version=2)[0, 0], strict=True))
    assert row["worst_bound"] == 1 and row["pushed"] == 0 and row["own_regret"] == 0


def test_other_modes_are_seen_beside_each_candidate() -> None:
    """By hand: machine 0 decides between job 0 (2 there, 3 on machine 1) and job 1 (5 there, 4 on machine 1); each has
    one other mode on two machines. Job 2 (9 there) has none."""
    shop = Instance.flexible_job_shop([[[(0, 2), (1, 3)]], [[(0, 5), (1, 4)]], [[(0, 9)]]])
    batch = ShopBatch([shop], scheme="giffler_thompson", modes="conflict")
    mean, columns = shop.duration.mean(), [feature.name for feature in CANDIDATE_FEATURES[3]]
    assert columns[-2:] == ["other_end", "others"]
    seen = batch.candidate_features(version=3)[0, : batch.count[0]]
    np.testing.assert_allclose(seen[:, -2:], [[1 / mean, 0.5], [-1 / mean, 0.5], [0, 0]], rtol=1e-6)
    np.testing.assert_array_equal(seen[:, :-2], batch.candidate_features(version=2)[0, : batch.count[0]])


def test_modes_in_conflict_are_for_the_scheme_that_has_conflicts() -> None:
    """The others have no machine in conflict."""
    with pytest.raises(ValueError, match="modes: found conflict with scheme append"):
        ShopBatch([generate("flexible,jobs=2,machines=3,seed=1")], modes="conflict")
