"""Following near-optimal schedules: nothing starts later, and the mirror image is as good."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan import Budget, load, solve
from makespan.envs.shop_batch import ShopBatch
from makespan.instances.check import check
from makespan.instances.generators import generate
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.instances.shop_view import shop_view
from makespan.policies.demonstrations import followed, project_alike, project_teacher
from makespan.policies.episodes import collect, verdict
from makespan.policies.problems import PROBLEMS
from makespan.policies.views import view_of
from tests.policies.shops import network, project, shop


def follow(name: str, instance: Instance, schedule: Schedule) -> tuple[int, Schedule]:
    """Makespan and schedule of what the teacher of a problem builds."""
    problem = PROBLEMS[name]
    batch = problem.batch([instance], None, 1)
    assert problem.teacher is not None
    teacher, rows = problem.teacher(batch, [schedule]), np.zeros(1, np.int64)
    while batch.count[0]:
        batch.step(teacher(rows))
    assert not check(instance, batch.schedule(0))
    return int(batch.measure("makespan")[0]), batch.schedule(0)


def semi_active(instance: Instance, seed: int) -> Schedule:
    """The jobs append in a random order, each operation in a random mode."""
    view, random = instance.derived(shop_view), np.random.default_rng(seed)
    order = random.permutation(np.repeat(np.arange(view.num_jobs), np.diff(view.job_ptr)))
    following = view.job_ptr[:-1].copy()
    ready, free = np.zeros(view.num_jobs, np.int64), np.zeros(view.num_machines, np.int64)
    start, chosen = np.zeros((2, instance.num_tasks), np.int64)
    for j in order:
        op = following[j]
        mode = random.integers(view.mode_ptr[op], view.mode_ptr[op + 1])
        begin = max(ready[j], free[view.machine[mode]])
        start[view.task[op]], chosen[view.task[op]] = begin, view.mode_in_task[mode]
        ready[j] = free[view.machine[mode]] = begin + view.duration[mode]
        following[j] += 1
    return Schedule(start, chosen)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), jobs=st.integers(1, 6), machines=st.integers(1, 5))
def test_no_operation_starts_later_than_in_the_schedule_that_is_followed(seed: int, jobs: int, machines: int) -> None:
    """The theorem behind the labels, for any semi-active schedule, good or bad."""
    instance = shop(jobs, machines, seed)
    schedule = semi_active(instance, seed)
    _, built = follow("jsp", instance, schedule)
    assert (built.start <= schedule.start).all()


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    jobs=st.integers(1, 6),
    machines=st.integers(1, 5),
    modes=st.integers(1, 5),
)
def test_no_operation_of_a_flexible_shop_ends_later_than_in_the_schedule_that_is_followed(
    seed: int, jobs: int, machines: int, modes: int
) -> None:
    """The theorem for flexible shops, whatever the modes chosen, good or bad."""
    shape = {"min_operations": 1, "max_alternatives": min(modes, machines)}
    instance = generate("flexible", jobs=jobs, machines=machines, seed=seed, **shape)
    schedule = semi_active(instance, seed)
    makespan, built = follow("fjsp", instance, schedule)
    assert (built.end(instance) <= schedule.end(instance)).all()
    assert makespan <= schedule.end(instance).max()


def test_the_other_ways_to_list_modes_can_lose_a_schedule() -> None:
    """By hand: job 0 ends first on machine 0, at 2, but the best schedule has it on machine 1 until 3, and job 1, which
    would end at 4 there, on machine 0 until 5. Only ``conflict`` offers job 1 while machine 0 is decided."""
    shop = Instance.flexible_job_shop([[[(0, 2), (1, 3)]], [[(0, 5), (1, 4)]]])
    offered = {}
    for modes in ("all", "preferred", "conflict"):
        batch = ShopBatch([shop], scheme="giffler_thompson", modes=modes)
        found = batch.candidates()
        offered[modes] = set(zip(found.task[0, : found.count[0]], found.mode[0, : found.count[0]], strict=True))
    assert offered == {"all": {(0, 0), (0, 1)}, "preferred": {(0, 0)}, "conflict": {(0, 0), (1, 0)}}


def test_schedules_of_the_flexible_search_are_followed_to_their_makespans() -> None:
    """The labels of flexible shops lose nothing."""
    for seed in range(5):
        instance = generate("flexible", jobs=8, machines=5, seed=seed, max_duration=30)
        result = solve(instance, "flexible_tabu", Budget(iterations=5000))
        assert result.schedule is not None and result.objective is not None
        assert follow("fjsp", instance, result.schedule)[0] <= result.objective


def test_an_optimal_schedule_is_followed_to_its_makespan() -> None:
    """55 for ft06, whose optimum is not lost in the scheme of the dispatchers."""
    instance = load("ft06")
    result = solve(instance, "cpsat", Budget(seconds=20), threads=1)
    assert result.schedule is not None
    assert follow("jsp", instance, result.schedule)[0] == 55


def test_schedules_of_projects_are_followed() -> None:
    """The serial scheme in the order of the starts starts nothing later."""
    instance = project(20, 5)
    result = solve(instance, "genetic", Budget(iterations=200))
    assert result.schedule is not None
    makespan, built = follow("rcpsp", instance, result.schedule)
    assert (built.start <= result.schedule.start).all()
    assert makespan == result.objective


@pytest.mark.parametrize("name", ["la01", "ft10"])
def test_benchmark_shops_are_followed(name: str) -> None:
    """A rule's schedule is active already, so that following it changes nothing for the worse."""
    instance = load(name)
    result = solve(instance, "rule:mwkr", Budget(iterations=1))
    assert result.schedule is not None and result.objective is not None
    assert follow("jsp", instance, result.schedule)[0] <= result.objective


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_every_candidate_that_is_alike_leads_to_the_same_schedule(seed: int) -> None:
    """Any of them, taken at random, and none but them."""
    problem, random = PROBLEMS["rcpsp"], np.random.default_rng(seed)
    instances = [project(12, seed), project(8, seed + 1)]
    batch = problem.batch(instances, None, 1)
    drawn = [Schedule(random.permutation(each.num_tasks)) for each in instances]
    schedules = followed(batch, project_teacher(batch, drawn))
    teacher, alike = project_teacher(batch, schedules), project_alike(batch, schedules)
    while (rows := np.flatnonzero(batch.count > 0)).size:
        same = alike(rows)
        assert same[np.arange(rows.size), teacher(rows)].all()
        other = batch.candidate_starts(rows)[:, : same.shape[1]]
        task = batch.task[rows, : same.shape[1]]
        wanted = np.stack([schedules[row].start[task[i]] for i, row in enumerate(rows)])
        assert (same == ((other == wanted) & (np.arange(same.shape[1]) < batch.count[rows, None]))).all()
        batch.take((random.random(same.shape) * same).argmax(1), rows)
    assert [batch.schedule(row) for row in range(2)] == schedules


def test_candidates_that_are_alike_share_their_probability() -> None:
    """By hand: two activities that do not meet; whichever goes first, the schedule is the same."""
    instance = Instance.from_lists([[(3, {0: 1})], [(2, {1: 1})], [(1, {0: 1})]], [1, 1], [(0, 2)])
    problem = PROBLEMS["rcpsp"]
    batch = problem.batch([instance], None, 1)
    schedules = [Schedule([0, 0, 3])]
    alike = project_alike(batch, schedules)
    episodes = collect(view_of(batch), project_teacher(batch, schedules), 0, alike=alike)
    assert episodes.decisions.count[0] == 2 and episodes.alike[:2].all()
    model = network("rcpsp")
    assert verdict(model, episodes).log_probability[0].item() == pytest.approx(0.0, abs=1e-6)
    batch.reset()
    alone = collect(view_of(batch), project_teacher(batch, schedules), 0)
    assert verdict(model, alone).log_probability[0].item() < -0.01
