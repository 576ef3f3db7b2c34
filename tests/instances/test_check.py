"""check(): facts by hand for every kind of violation, and agreement with the time-grid checker."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from makespan.instances.check import KINDS, LISTED, Violation, check
from makespan.instances.instance import (
    HORIZON_LIMIT,
    PAUSE_HOLDS,
    PAUSE_RELEASES,
    SE,
    SS,
    Calendar,
    Instance,
    Setup,
)
from makespan.instances.occupation import lowest_capacity
from makespan.instances.schedule import Schedule, objective_values
from tests.oracles.brute_force import best_schedule, objective
from tests.oracles.grid_checker import grid_check
from tests.oracles.random_instances import tiny


def kinds(instance: Instance, start: list[int], mode: list[int] | None = None) -> set[str]:
    """Kinds of the violations; the time-grid checker has to agree that there are any."""
    schedule = Schedule(start, mode)
    found = check(instance, schedule)
    assert {v.kind for v in found} <= set(KINDS)
    assert grid_check(instance, schedule) == (found == [])
    return {v.kind for v in found}


@pytest.fixture
def crossed() -> Instance:
    """Two jobs with crossed routes: job 0 on machine 0 for 3, then 1 for 2; job 1 on machine 1 for 2, then 0 for 4."""
    return Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [2, 4]])


def one_machine(durations: list[int], **optional: Any) -> Instance:
    """Tasks without arcs on one machine, each its own job."""
    return Instance.from_lists([[(d, {0: 1})] for d in durations], [1], job=np.arange(len(durations)), **optional)


def profile(steps: dict[int, int], period: int = 0) -> Calendar:
    """The calendar of an instance with one resource."""
    return Calendar(
        np.array([0, len(steps)]), np.array(list(steps)), np.array(list(steps.values())), np.array([period])
    )


def test_agrees_with_the_time_grid() -> None:
    """Best schedules of tiny instances and random changes of them: no violation if and only if the grid finds none."""
    verdicts: Counter[bool] = Counter()
    for seed in range(80):
        instance = tiny(seed, max_tasks=4)
        rng = np.random.default_rng(seed)
        n = instance.num_tasks
        best = best_schedule(instance)
        if best is None:
            best = Schedule(np.cumsum(rng.integers(0, 5, n)))
        else:
            assert objective(instance, best) == objective_values(instance, best)
        changes = [np.zeros(n, np.int64), np.full(n, 1), np.arange(n), rng.permutation(n)]
        changes += [rng.integers(-1, 3, n) for _ in range(4)]
        changes += [rng.integers(0, 4) * np.eye(n, dtype=np.int64)[rng.integers(n)] for _ in range(8)]
        for change in changes:
            mode = best.mode if rng.random() < 0.9 else rng.integers(0, 2, n)
            schedule = Schedule(best.start + change, mode)
            expected = grid_check(instance, schedule)
            assert (check(instance, schedule) == []) == expected, (seed, schedule)
            verdicts[expected] += 1
    assert min(verdicts.values()) > 300


def test_agrees_on_blocking_exchanges() -> None:
    """Flows through full places, where the order of the moves of one instant decides."""
    rng = np.random.default_rng(5)
    verdicts: Counter[bool] = Counter()
    for _ in range(100):
        capacity = rng.integers(1, 3, 3)
        sizes = rng.integers(2, 4, 3)
        modes = [[(1, {int(rng.integers(3)): 1})] for _ in range(sizes.sum())]
        job = np.repeat(np.arange(3), sizes)
        arcs = [(int(i), int(i) + 1) for i in np.flatnonzero(job[1:] == job[:-1])]
        instance = Instance.from_lists(modes, capacity, arcs, job=job, blocking=True)
        for _ in range(12):
            start = np.concatenate([rng.integers(0, 2) + np.cumsum(rng.integers(1, 3, size)) for size in sizes])
            found = {v.kind for v in check(instance, Schedule(start))}
            assert grid_check(instance, Schedule(start)) == (not found)
            if found <= {"swap"}:
                verdicts[not found] += 1
    assert min(verdicts.values()) > 5


def test_feasible_schedule_has_no_violation(crossed: Instance) -> None:
    """Machine 0: [0, 3), [3, 7); machine 1: [0, 2), [3, 5)."""
    assert kinds(crossed, [0, 3, 0, 3]) == set()


def test_clash_names_both_tasks_and_the_machine(crossed: Instance) -> None:
    """Job 1's second operation takes machine 0 at 2, which job 0 occupies until 3."""
    (found,) = check(crossed, Schedule([0, 3, 0, 2]))
    assert (found.kind, found.task, found.other, found.resource, found.amount) == ("capacity", 3, 0, 0, 1)
    assert found.message == "task 3 takes resource 0 at 2, which task 0 occupies until 3"


def test_every_later_clash_is_listed() -> None:
    """A task of 10 overlaps three short ones that do not overlap each other."""
    found = check(one_machine([10, 1, 1, 1]), Schedule([0, 1, 3, 5]))
    assert [(v.task, v.other) for v in found] == [(1, 0), (2, 0), (3, 0)]


def test_violations_are_capped_per_kind() -> None:
    """LISTED of a kind, then one that counts the rest."""
    found = check(one_machine([1] * (LISTED + 11)), Schedule(np.zeros(LISTED + 11, np.int64)))
    assert len(found) == LISTED + 1
    assert found[-1] == Violation("capacity", "10 more of this kind")


@pytest.mark.parametrize(
    ("start", "mode", "kind"),
    [([0], [0], "shape"), ([0, 0], [0, 1], "mode"), ([0, -1], [0, 0], "start"), ([0, 2**62], [0, 0], "horizon")],
)
def test_meaningless_numbers_are_reported_for_that_alone(start: list[int], mode: list[int], kind: str) -> None:
    """Wrong length, unknown mode, negative time, time beyond the horizon."""
    assert {v.kind for v in check(one_machine([2, 2]), Schedule(start, mode))} == {kind}


def test_start_at_the_horizon_does_not_overflow() -> None:
    """A start of 2**63 - 1 plus a duration does not wrap round to a legal end."""
    assert {v.kind for v in check(one_machine([2, 2]), Schedule([0, 2**63 - 1]))} == {"horizon"}


def test_dates_now_and_fixed_parts() -> None:
    """Each date broken by a known amount."""
    instance = one_machine(
        [2, 2, 2],
        release=[0, 5, 0],
        job_release=[1, 0, 0],
        deadline=[HORIZON_LIMIT, 6, HORIZON_LIMIT],
        job_deadline=[HORIZON_LIMIT, HORIZON_LIMIT, 9],
        fixed_start=[-1, -1, 7],
        now=1,
    )
    assert kinds(instance, [1, 5, 7]) == {"deadline"}
    found = check(instance, Schedule([0, 4, 10]))
    assert {(v.kind, v.task, v.amount) for v in found} == {
        ("now", 0, 1),
        ("fixed_start", 2, 3),
        ("release", 0, 1),
        ("release", 1, 1),
        ("deadline", 2, 3),
    }


def test_fixed_mode_and_nonrenewable_budget() -> None:
    """Both tasks in mode 0 need 4 of a budget of 3; task 0 must use mode 0."""
    modes = [[(1, {0: 2}), (3, {})], [(1, {0: 2}), (3, {})]]
    instance = Instance.from_lists(modes, [3], renewable=[False], fixed_mode=[0, -1])
    assert kinds(instance, [0, 0], [0, 1]) == set()
    assert kinds(instance, [0, 0], [0, 0]) == {"nonrenewable"}
    assert kinds(instance, [0, 0], [1, 1]) == {"fixed_mode"}


@pytest.mark.parametrize(("kind", "earliest"), [(SS, 2), (SE, 0), (2, 5), (3, 2)])
def test_arc_kinds(kind: int, earliest: int) -> None:
    """Durations 3 and 3, lag 2: SS start 2, SE end 2 (start 0), ES start 5, EE end 5 (start 2)."""
    instance = Instance.from_lists([[(3, {})], [(3, {})]], [], [(0, 1, kind, 2)])
    assert kinds(instance, [0, earliest]) == set()
    if earliest:
        assert kinds(instance, [0, earliest - 1]) == {"precedence"}


def test_maximal_lag_is_a_reversed_negative_arc() -> None:
    """Task 1 starts at most 4 after task 0."""
    instance = Instance.from_lists([[(3, {})], [(3, {})]], [], [(0, 1), (1, 0, SS, -4)])
    assert kinds(instance, [0, 4]) == set()
    assert kinds(instance, [0, 5]) == {"precedence"}


def test_transport_and_no_wait(crossed: Instance) -> None:
    """Travel of 2 between the machines, and no waiting: the second operation starts exactly 2 after the first ends."""
    instance = crossed.replace(transport=[[0, 2], [2, 0]], no_wait=True)
    assert kinds(instance, [0, 5, 0, 4]) == set()
    assert kinds(instance, [0, 4, 0, 4]) == {"precedence"}
    assert kinds(instance, [0, 6, 0, 4]) == {"no_wait"}


def test_cumulative_use_is_half_open() -> None:
    """Demands 2, 2, 1 on capacity 3: a task may start when another ends."""
    instance = Instance.from_lists([[(2, {0: 2})], [(2, {0: 2})], [(2, {0: 1})]], [3])
    assert kinds(instance, [0, 2, 0]) == set()
    (found,) = check(instance, Schedule([0, 1, 3]))
    assert (found.kind, found.task, found.amount) == ("capacity", 1, 1)


def test_zero_duration_uses_nothing_unless_blocking_holds_it() -> None:
    """A task of duration 0 in the middle of another is fine."""
    assert kinds(one_machine([4, 0]), [0, 2]) == set()
    shop = Instance.job_shop([[0, 1], [0, 1]], [[0, 1], [3, 1]], blocking=True)
    assert kinds(shop, [1, 1, 2, 5]) == set()
    assert kinds(shop, [1, 3, 2, 5]) == {"capacity"}


def test_calendar_closes_the_machine() -> None:
    """Open in [0, 3) of every 5: a task of 2 fits at 1, not at 2, and 6 is as good as 1."""
    instance = one_machine([2], calendar=profile({0: 1, 3: 0}, period=5))
    assert kinds(instance, [1]) == kinds(instance, [6]) == set()
    assert kinds(instance, [2]) == kinds(instance, [4]) == {"calendar"}


def test_pausable_task_starts_in_working_time_and_ends() -> None:
    """Open in [0, 3) of every 5, duration 5: from 1 it runs [1, 3), [5, 8); it may not start at 3."""
    instance = one_machine([5], calendar=profile({0: 1, 3: 0}, period=5), pause=[PAUSE_HOLDS], deadline=[8])
    assert kinds(instance, [1]) == set()
    assert kinds(instance, [3]) == {"pause", "deadline"}
    closed = one_machine([5], calendar=profile({0: 1, 3: 0}), pause=[PAUSE_HOLDS])
    assert kinds(closed, [0]) == {"pause"}


@pytest.mark.parametrize(("pause", "expected"), [(PAUSE_RELEASES, set()), (PAUSE_HOLDS, {"capacity"})])
def test_only_a_releasing_pause_makes_room(pause: int, expected: set[str]) -> None:
    """Machine 0 is closed in [2, 4), where task 0 pauses; machine 1, shared, is free for task 1 if released."""
    calendar = Calendar(np.array([0, 3, 3]), np.array([0, 2, 4]), np.array([1, 0, 1]), np.array([0, 0]))
    instance = Instance.from_lists([[(4, {0: 1, 1: 1})], [(2, {1: 1})]], [1, 1], calendar=calendar, pause=[pause, 0])
    assert kinds(instance, [0, 2]) == expected


def test_setups_follow_the_sequence() -> None:
    """From family 0 to 1 takes 3, back 1; the machine starts in family 1. No family: no setup on either side."""
    setup = Setup(np.array([0, 1, -1]), np.array([[0, 3], [1, 0]]), np.array([1]))
    instance = one_machine([2, 2, 0], setup=setup)
    assert kinds(instance, [1, 6, 0]) == set()
    assert kinds(instance, [0, 6, 0]) == {"setup"}
    assert kinds(instance, [1, 5, 0]) == {"setup"}
    between = instance.replace(duration=[2, 2, 1])
    assert kinds(between, [1, 4, 3]) == set()


def test_swap_needs_permission(crossed: Instance) -> None:
    """Both jobs wait for the other's machine at 3; the exchange works only where swaps are allowed."""
    blocking = crossed.replace(blocking=True)
    assert kinds(blocking, [0, 3, 0, 3]) == {"swap"}
    assert kinds(blocking.replace(swap_allowed=True), [0, 3, 0, 3]) == set()
    assert kinds(blocking.replace(transport=[[0, 1], [1, 0]]), [0, 4, 0, 4]) == set()


def test_permutation_is_one_order_on_all_machines() -> None:
    """Job 1 may not overtake job 0 between the machines."""
    instance = Instance.flow_shop([[1, 5], [2, 1]])
    assert kinds(instance, [0, 1, 1, 6]) == set()
    assert kinds(instance, [0, 4, 1, 3]) == {"permutation"}


def test_lowest_capacity_of_a_periodic_profile() -> None:
    """Compared with walking through the profile step by step, far from time 0 too."""
    rng = np.random.default_rng(0)
    for period in (0, 11):
        points = np.array([0, 2, 3, 6, 10])
        calendar = Calendar(np.array([0, 5]), points, rng.integers(0, 9, 5), np.array([period]))
        begin = rng.integers(0, 40, 200)
        until = begin + rng.integers(1, 25, 200)
        got = lowest_capacity(calendar, 0, begin, until)
        for low, high, value in zip(begin, until, got, strict=True):
            steps = [t % period if period else t for t in range(low, high)]
            assert value == min(calendar.capacity[np.searchsorted(points, t, side="right") - 1] for t in steps)


def test_instance_without_tasks() -> None:
    """Nothing to do is feasible."""
    assert check(Instance.from_lists([], [1]), Schedule([])) == []
