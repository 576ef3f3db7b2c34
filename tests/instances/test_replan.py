"""Rescheduling as fields of the instance: what each request fixes, allows and refuses."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.check import check
from makespan.instances.instance import ES, HORIZON_LIMIT, PAUSE_RELEASES, SS, Calendar, Instance, Metadata
from makespan.instances.replan import KEEP, NO_PLAN, Changes, changes, plan_by_name, replan
from makespan.instances.schedule import Schedule, objective_values
from tests.oracles.brute_force import best_schedule, brute_force
from tests.oracles.random_instances import tiny


@pytest.fixture
def shop() -> Instance:
    """Job 0 visits machines 0, 1 (3, 2), job 1 visits 1, 0 (4, 4); tasks 0, 1 and 2, 3."""
    return Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [4, 4]])


PLAN = Schedule([0, 4, 0, 4])
"""Machine 0: task 0 at 0, task 3 at 4; machine 1: task 2 at 0, task 1 at 4. Makespan 8, the length of job 1."""


def flexible() -> Instance:
    """Two tasks of one operation each on machine 0 (3) or 1 (5)."""
    return Instance.flexible_job_shop([[[(0, 3), (1, 5)]], [[(0, 3), (1, 5)]]])


def arcs(instance: Instance) -> set[tuple[int, int, int]]:
    return {
        (int(pred), int(succ), int(kind))
        for pred, succ, kind in zip(instance.arc_pred, instance.arc_succ, instance.arc_kind, strict=True)
    }


def test_started_tasks_keep_start_and_mode_and_the_others_wait_for_now(shop: Instance) -> None:
    """At 1 both first tasks run; at 4, a moment that counts as not yet begun, the second ones are free."""
    for now in (1, 4):
        changed = replan(shop, PLAN, now)
        assert changed.now == now
        assert changed.fixed_start is not None and changed.fixed_start.tolist() == [0, -1, 0, -1]
        assert changed.fixed_mode is not None and changed.fixed_mode.tolist() == [0, -1, 0, -1]
        assert check(changed, PLAN) == []
    assert {broken.kind for broken in check(replan(shop, PLAN, 4), Schedule([1, 5, 0, 4]))} == {"fixed_start"}


def test_nothing_is_fixed_before_the_plan_begins(shop: Instance) -> None:
    """At time 0 nothing has started: the instance is the one that was planned."""
    assert replan(shop, PLAN, 0).digest == shop.digest


def test_a_frozen_stretch_keeps_what_starts_in_it(shop: Instance) -> None:
    """From 1 to 5 the plan stays, though its second tasks start at 4 only."""
    changed = replan(shop, PLAN, 1, freeze_until=5)
    assert changed.fixed_start is not None and changed.fixed_start.tolist() == [0, 4, 0, 4]
    assert brute_force(changed) == (8,)


def test_a_longer_duration_pushes_what_has_not_started(shop: Instance) -> None:
    """Task 0 takes 6 instead of 3: on machine 0 task 3 follows at 6 and ends at 10, task 1 needs 6 to 8."""
    late = shop.replace(duration=np.array([6, 2, 4, 4]))
    changed = replan(late, PLAN, 1)
    found = best_schedule(changed)
    assert found is not None and objective_values(changed, found) == (10,)
    assert found.start[[0, 2]].tolist() == [0, 0] and found.start[3] == 6
    assert changes(late, PLAN, Schedule([0, 6, 0, 6])) == Changes(4, 0, 2, 0, 0, 4, 2)


def test_kept_modes_stay_on_their_machines() -> None:
    """Machine 0 breaks down from 0 to 9: free to move, the waiting task takes machine 1 (5); kept there, it waits."""
    broken = flexible().replace(
        calendar=Calendar(np.array([0, 2, 2]), np.array([0, 9]), np.array([0, 1]), np.array([0, 0]))
    )
    plan = Schedule([0, 0], [0, 1])
    assert brute_force(replan(broken, plan, 0)) == (10,)  # both on machine 1
    assert brute_force(replan(broken, plan, 0, keep="modes")) == (12,)  # 9 to 12 on machine 0
    fixed = replan(broken, plan, 0, keep=["modes"])
    assert fixed.fixed_mode is not None and fixed.fixed_mode.tolist() == [0, 1] and fixed.fixed_start is None


def test_kept_order_puts_arcs_between_neighbours_on_a_machine(shop: Instance) -> None:
    """Beside the two arcs of the jobs: 0 before 3 on machine 0, 2 before 1 on machine 1."""
    changed = replan(shop, PLAN, 0, keep="order")
    assert arcs(changed) == {(0, 1, ES), (2, 3, ES), (0, 3, ES), (2, 1, ES)}
    assert check(changed, Schedule([4, 7, 0, 8])) == []  # task 0 late, the order as planned
    assert {broken.kind for broken in check(changed, Schedule([8, 11, 0, 4]))} == {"precedence"}


def test_new_tasks_go_between_tasks_in_kept_order() -> None:
    """Tasks 0 and 1 keep their order on the machine; the new one, due at 3, fits in front of the second."""
    three = Instance.from_lists([[(2, {0: 1})], [(2, {0: 1})], [(1, {0: 1})]], [1], deadline=[9, 9, 3])
    changed = replan(three, Schedule([0, 2, NO_PLAN], [0, 0, NO_PLAN]), 1, keep="order")
    found = best_schedule(changed)
    assert found is not None and found.start.tolist() == [0, 3, 2]


def test_order_in_pauses_and_within_jobs_with_transport_is_kept_by_starts() -> None:
    """Task 1 may run in the pause of task 0, which ends after it; an arc within a job would add a journey."""
    shift = Calendar(np.array([0, 0, 3]), np.array([0, 2, 4]), np.array([1, 0, 1]), np.array([0, 0]))
    pausing = Instance.from_lists(
        [[(4, {0: 1, 1: 1})], [(1, {0: 1})]], [1, 1], calendar=shift, pause=[PAUSE_RELEASES, 0]
    )
    plan = Schedule([0, 2])
    assert check(pausing, plan) == []
    changed = replan(pausing, plan, 0, keep="order")
    assert arcs(changed) == {(0, 1, SS)} and check(changed, plan) == []
    # An open shop job is a resource: its two tasks on machines 0 and 1 follow each other, with no journey between.
    open_job = Instance.from_lists(
        [[(1, {0: 1, 2: 1})], [(1, {1: 1, 2: 1})]], [1, 1, 1], job=[0, 0], transport=np.full((3, 3), 5)
    )
    together = replan(open_job, Schedule([0, 1]), 0, keep="order")
    assert arcs(together) == {(0, 1, SS)} and check(together, Schedule([0, 1])) == []


def test_a_largest_shift_is_a_window_around_the_planned_start(shop: Instance) -> None:
    """Task 3 is planned at 4: with a shift of 2 it starts at 2 to 6 and no later."""
    changed = replan(shop, PLAN, 0, max_shift=2)
    assert check(changed, Schedule([2, 6, 0, 6])) == []
    assert [broken.task for broken in check(changed, Schedule([2, 6, 0, 7]))] == [3]
    assert changed.release is not None and changed.release.tolist() == [0, 2, 0, 2]


def test_a_largest_shift_meets_the_dates_of_the_instance(shop: Instance) -> None:
    """The later release and the earlier deadline count."""
    dated = shop.replace(release=np.array([0, 3, 0, 0]), deadline=np.array([HORIZON_LIMIT, 7, HORIZON_LIMIT, 20]))
    changed = replan(dated, PLAN, 0, max_shift=2)
    assert changed.release is not None and changed.release.tolist() == [0, 3, 0, 2]
    assert changed.deadline is not None and changed.deadline.tolist() == [5, 7, 6, 10]


def test_a_largest_shift_of_a_pausable_task_counts_starts_not_ends() -> None:
    """Open 0-4 and 8 on; of duration 2 at 1: up to 3 with a shift of 2 (ends at 9), with 4 up to the same (5 is in the
    break and 8 too late), with 7 up to 8."""
    shift = Calendar(np.array([0, 3]), np.array([0, 4, 8]), np.array([1, 0, 1]), np.array([0]))
    one = Instance.from_lists([[(2, {0: 1})]], [1], calendar=shift, pause=[PAUSE_RELEASES])
    for most, allowed in ((2, {0, 1, 2, 3}), (4, {0, 1, 2, 3}), (7, {0, 1, 2, 3, 8})):
        changed = replan(one, Schedule([1]), 0, max_shift=most)
        assert {start for start in range(12) if not check(changed, Schedule([start]))} == allowed


def test_a_task_that_may_change_its_mode_ends_as_if_it_kept_it() -> None:
    """Planned at 0 on machine 0 for 3: with a shift of 2 it ends by 5, on machine 1 (5) only at its planned start."""
    changed = replan(flexible(), Schedule([0, 3], [0, 0]), 0, max_shift=2)
    assert check(changed, Schedule([0, 1], [1, 0])) == []
    assert [broken.kind for broken in check(changed, Schedule([1, 1], [1, 0]))] == ["deadline"]


def test_actual_starts_and_tasks_that_did_not_start_count_more_than_the_plan(shop: Instance) -> None:
    """Task 0 really started at 1, and task 2, planned at 0, still waits at 2."""
    told = shop.replace(fixed_start=np.array([1, -1, -1, -1]))
    changed = replan(told, PLAN, 2, not_started=[2])
    assert changed.fixed_start is not None and changed.fixed_start.tolist() == [1, -1, -1, -1]
    assert brute_force(changed) == (10,)  # task 2 at 2 to 6, task 3 to 10
    ordered = replan(shop, Schedule([0, 3, 5, 9]), 6, keep="order", not_started=[2])
    assert (1, 2, ES) in arcs(ordered) and brute_force(ordered) == (14,)
    later = replan(shop, Schedule([0, 5, 0, 4]), 5, freeze_until=6, keep="order", not_started=[2])
    assert (2, 1, ES) in arcs(later), "what did not start comes next, before what starts now"


def test_what_contradicts_itself_has_no_schedule_and_does_not_raise(shop: Instance) -> None:
    """Running tasks that meet on a machine, and a window too small, are negative answers of whoever solves it."""
    met = shop.replace(duration=np.array([3, 2, 6, 4]))
    assert brute_force(replan(met, PLAN, 5), horizon=30) is None  # tasks 2 and 1 both on machine 1 at 4
    assert brute_force(replan(met, PLAN, 1, max_shift=1), horizon=30) is None  # task 1 at 5 at the latest, 2 ends at 6
    assert brute_force(replan(met, PLAN, 1, max_shift=2), horizon=30) == (10,)


@pytest.mark.parametrize(
    ("plan", "options", "words"),
    [
        (Schedule([0, 4, 0]), {}, "found 3 starts, expected 4"),
        (Schedule([0, 4, 0, 4], [0, 1, 0, 0]), {}, "found mode 1 of task 1, expected 0 to 0"),
        (Schedule([0, 4, -3, 4]), {}, "found start -3 of task 2"),
        (PLAN, {"now": -1}, "now: found -1, expected 0"),
        (PLAN, {"freeze_until": 1}, "freeze_until: found 1, expected 2"),
        (PLAN, {"keep": "colour"}, "keep: found 'colour', expected modes or order"),
        (PLAN, {"max_shift": -1}, "max_shift: found -1"),
        (PLAN, {"not_started": [4]}, "not_started: found task 4, expected 0 to 3"),
    ],
)
def test_senseless_requests_are_refused(shop: Instance, plan: Schedule, options: dict[str, Any], words: str) -> None:
    """The sentence names the argument, what it was and what it may be."""
    with pytest.raises(ValueError, match=words):
        replan(shop, plan, **{"now": 2, **options})


def test_requests_that_the_fields_cannot_say_are_refused(shop: Instance) -> None:
    """Arcs between the jobs of a no-wait shop; releases that flow time counts from."""
    with pytest.raises(ValueError, match="which an instance with no_wait does not take"):
        replan(shop.replace(no_wait=True), PLAN, 0, keep="order")
    with pytest.raises(ValueError, match="flow_time counts for tasks without a job"):
        replan(Instance.rcpsp([1], [[1]], [1], [[]], objective=("flow_time",)), Schedule([0]), 0, max_shift=1)
    with pytest.raises(ValueError, match="expected 5 \\(now of the instance\\) or later"):
        replan(shop.replace(now=5), PLAN, 4)


def named(shop: Instance, *names: str) -> Instance:
    return shop.replace(meta=Metadata(task_names=names))


def test_tasks_are_matched_by_name(shop: Instance) -> None:
    """Task c is gone, e is new; a, b and d keep their plan under other numbers."""
    now = named(shop, "d", "e", "b", "a")
    plan = plan_by_name(now, PLAN, ["a", "b", "c", "d"])
    assert plan.start.tolist() == [4, NO_PLAN, 4, 0] and plan.mode.tolist() == [0, NO_PLAN, 0, 0]
    assert plan_by_name(shop, PLAN, ["a", "b", "c", "d"]) is PLAN
    assert changes(now, plan, Schedule([4, 9, 6, 0])) == Changes(3, 1, 1, 0, 0, 2, 2)


def test_plans_that_cannot_be_matched_are_refused(shop: Instance) -> None:
    """Without names the numbers must agree; a name must mean one task; a plan for something else is no plan."""
    with pytest.raises(ValueError, match="found 2 tasks, expected 4"):
        plan_by_name(shop, Schedule([0, 1]), ["a", "b"])
    with pytest.raises(ValueError, match="the plan has two tasks named 'a'"):
        plan_by_name(named(shop, "a", "b", "c", "d"), Schedule([0, 1]), ["a", "a"])
    with pytest.raises(ValueError, match="no task is named as in the instance, whose first is 'a'"):
        plan_by_name(named(shop, "a", "b", "c", "d"), Schedule([0, 1]), ["x", "y"])


def test_changes_count_starts_modes_and_places() -> None:
    """The first task moves to machine 1 at the same time, the second comes first on machine 0, 3 earlier."""
    found = changes(flexible(), Schedule([0, 3], [0, 0]), Schedule([0, 0], [1, 0]))
    assert found == Changes(planned=2, new=0, started=1, mode=1, position=2, total_shift=3, largest_shift=3)
    assert str(found).startswith("of 2 planned tasks 1 start at another time (shift 3 in all, 3 at most), 1 in another")
    assert str(changes(flexible(), Schedule([0, 3]), Schedule([0, 3]))) == "all 2 planned tasks stay as they were"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 8), st.sampled_from([(), ("modes",), ("order",)]))
def test_an_undisturbed_plan_stays_feasible(seed: int, now: int, keep: tuple[str, ...]) -> None:
    """Whatever is frozen, kept or bounded, a best schedule of the same instance satisfies it; with everything kept and
    no shift it is the only one."""
    instance = tiny(seed, max_tasks=4)
    plan = best_schedule(instance)
    if plan is None or now < instance.now:
        return
    if "order" in keep and (instance.blocking or instance.no_wait or instance.permutation):
        keep = ("modes",)
    for shift in (None, 0, 2):
        if shift is not None and "flow_time" in instance.objective:
            continue
        changed = replan(instance, plan, now, freeze_until=now + seed % 4, keep=keep, max_shift=shift)
        assert check(changed, plan) == []
        assert objective_values(changed, plan) == objective_values(instance, plan)
        if keep and shift == 0:
            found = best_schedule(changed)
            assert found is not None and changes(instance, plan, found).started == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 4))
def test_replanning_equals_the_request_by_exhaustive_search(seed: int, now: int) -> None:
    """A schedule of the new instance keeps exactly what was asked: starts, windows and the order on machines."""
    instance = tiny(seed, ("multi_mode", "release"), max_tasks=3)
    plan = best_schedule(instance)
    assert plan is not None
    rng = np.random.default_rng(seed)
    changed = replan(instance, plan, now, keep="order", max_shift=2)
    for _ in range(40):
        other = Schedule(np.maximum(plan.start + rng.integers(-3, 4, plan.start.size), 0), plan.mode)
        if check(instance, other):
            continue
        kept = all(
            start == planned if planned < now else start >= now and abs(start - planned) <= 2
            for start, planned in zip(other.start.tolist(), plan.start.tolist(), strict=True)
        )
        assert (check(changed, other) == []) == (kept and changes(instance, plan, other).position == 0)


def test_every_word_of_keep_is_explained() -> None:
    """The table is what messages and the documentation list."""
    assert set(KEEP) == {"modes", "order"}
