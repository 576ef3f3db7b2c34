"""The models against exhaustive search, and small cases whose optimum follows by hand."""

from __future__ import annotations

import numpy as np
import pytest

from makespan.instances.check import check
from makespan.instances.instance import Calendar, Instance, Setup
from makespan.instances.schedule import Schedule
from makespan.solvers.cp_sat.search import Outcome, Report, Request, Search, safe_bound
from tests.oracles.brute_force import brute_force
from tests.oracles.random_instances import tiny


def solve(instance: Instance, **options: object) -> tuple[Search, Outcome]:
    """CP-SAT in this process."""

    def ignore(_: object) -> None: ...

    search = Search(Request(instance, **options), Report(ignore, ignore, ignore))  # type: ignore[arg-type]
    return search, search.run()


def optimum(instance: Instance) -> tuple[int, ...] | None:
    """The objective values CP-SAT proves best, None if it proves there is no schedule."""
    search, outcome = solve(instance)
    assert outcome.proof == ("infeasible" if search.values is None else "optimal")
    assert search.best is None or check(instance, search.best) == []
    return search.values


def _calendar(*profiles: tuple[list[tuple[int, int]], int]) -> Calendar:
    """One ((time, capacity) pairs, period) for each resource."""
    ptr = np.concatenate(([0], np.cumsum([len(pairs) for pairs, _ in profiles])))
    flat = [pair for pairs, _ in profiles for pair in pairs]
    return Calendar(
        ptr, np.array([t for t, _ in flat]), np.array([c for _, c in flat]), np.array([p for _, p in profiles])
    )


@pytest.mark.parametrize("block", range(6))
def test_optimum_equals_exhaustive_search_on_mixed_fields(block: int) -> None:
    """Twenty-five tiny instances with three to six fields each; benchmarks/cpsat_brute_force.py plays 2,000."""
    for seed in range(25 * block, 25 * block + 25):
        instance = tiny(seed)
        assert optimum(instance) == brute_force(instance), seed


@pytest.mark.parametrize(
    "fields",
    [
        ("calendar", "pause", "blocking", "cumulative"),
        ("calendar", "pause", "setup", "due"),
        ("blocking", "transport", "multi_mode"),
        ("blocking", "setup", "calendar"),
        ("no_wait", "transport", "multi_mode", "deadline"),
        ("permutation", "blocking", "setup"),
        ("max_lag", "calendar", "pause", "network"),
    ],
    ids="+".join,
)
def test_optimum_equals_exhaustive_search_where_fields_meet(fields: tuple[str, ...]) -> None:
    """Pairs of families that share variables: pauses and holding, travel and leaving, lags and breaks."""
    for seed in range(8):
        instance = tiny(seed, fields, max_tasks=4)
        assert optimum(instance) == brute_force(instance), seed


def test_setup_counts_between_direct_neighbours_only() -> None:
    """Families 0, 1, 2 with 0 -> 2 taking 9 but 0 -> 1 -> 2 free: the order 0, 1, 2 needs no setup at all.

    Reverse orders cost 5; three tasks of length 1 end at 3 although 0 and 2 are less than 9 apart.
    """
    times = np.array([[0, 0, 9], [5, 0, 0], [5, 5, 0]])
    instance = Instance.from_lists([[(1, {0: 1})]] * 3, [1], setup=Setup([0, 1, 2], times, [-1]))  # type: ignore[arg-type]
    assert optimum(instance) == (3,)


def test_first_task_pays_the_setup_from_the_initial_family() -> None:
    """From initial family 1 task 0 needs 4 and task 1 nothing; 1 -> 0 needs 2: 3 + 2 + 3 = 8 beats 4 + 3 + 0 + 3."""
    setup = Setup(np.array([0, 1]), np.array([[0, 0], [2, 0]]), np.array([1]))
    later = Setup(setup.family, np.array([[0, 0], [4, 0]]), setup.initial)
    jobs = [[(3, {0: 1})]] * 2
    assert optimum(Instance.from_lists(jobs, [1], setup=setup)) == (8,)
    assert optimum(Instance.from_lists(jobs, [1], setup=later)) == (10,)


def test_crossed_jobs_deadlock_without_buffers_unless_they_may_swap() -> None:
    """Two jobs visit machines 0, 1 and 1, 0. Side by side they meet and would have to swap at time 2: 4 if allowed.

    Without swapping each must have left both machines before the other begins: 4 + 4 = 8.
    """
    shop = Instance.job_shop([[0, 1], [1, 0]], [[2, 2], [2, 2]], blocking=True)
    assert optimum(shop.replace(swap_allowed=True)) == (4,)
    assert optimum(shop) == (8,)


def test_blocked_machine_is_free_only_when_the_next_one_is() -> None:
    """Times 1, 5 for two jobs on machines 0, 1, and a job of 6 on machine 0.

    With a buffer: machine 0 works 1 + 1 + 6, machine 1 from 1 to 11. Without, job 1 holds machine 0 until 6.
    """
    shop = Instance.job_shop([[0, 1], [0, 1], [0]], [[1, 5], [1, 5], [6]], 2)
    assert optimum(shop) == (11,)
    assert optimum(shop.replace(blocking=True)) == (12,)


def test_work_pauses_over_the_break_and_holds_its_machine() -> None:
    """Open 3, closed 2, again and again: 4 steps of work from 0 end at 6; while it pauses and holds, nobody passes."""
    calendar = _calendar(([(0, 1), (3, 0)], 5))
    one = Instance.from_lists([[(4, {0: 1})]], [1], calendar=calendar, pause=np.array([1]))
    assert optimum(one) == (6,)
    assert optimum(one.replace(pause=None)) is None  # no window is 4 long


def test_released_capacity_serves_another_in_the_pause() -> None:
    """Resource 0 closes from 2 to 6, the tool (resource 1) never does.

    The first task pauses there; the second needs the tool for 4 steps: it fits into the pause only if that releases.
    """
    calendar = _calendar(([(0, 1), (2, 0), (6, 1)], 0), ([], 0))
    modes = [[(4, {0: 1, 1: 1})], [(4, {1: 1})]]
    base = Instance.from_lists(modes, [1, 1], calendar=calendar, pause=np.array([1, 0]))
    assert optimum(base) == (8,)
    assert optimum(base.replace(pause=np.array([2, 0]))) == (10,)


def test_later_objectives_are_settled_among_the_best_in_the_former() -> None:
    """One machine, lengths 1 and 3: the makespan is 4 in any order; short first gives flow times 1 + 4 = 5."""
    instance = Instance.from_lists([[(3, {0: 1})], [(1, {0: 1})]], [1], objective=("makespan", "flow_time"))
    assert optimum(instance) == (4, 5)


def test_a_given_schedule_is_kept_when_nothing_is_better() -> None:
    """The optimum itself as the start, with and without the cut: proved optimal, and no new schedule is reported."""
    shop = Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [2, 4]])
    best = solve(shop)[0].best
    assert best is not None
    for cut in (False, True):
        search, outcome = solve(shop, start=best.start, mode=best.mode, cut=cut)
        assert outcome.proof == "optimal"
        assert search.best == Schedule(best.start, best.mode)


def test_schedule_that_meets_the_known_bound_needs_no_search() -> None:
    """With the optimum as start and as bound nothing is left to do: no deterministic time is used."""
    shop = Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [2, 4]])
    best = solve(shop)[0].best
    assert best is not None
    outcome = solve(shop, start=best.start, mode=best.mode, lower_bound=7)[1]
    assert outcome == Outcome("optimal", 0)


def test_same_ticks_same_schedule() -> None:
    """One worker and a limit in deterministic time: two runs agree in every start."""
    rng = np.random.default_rng(0)
    machines = [rng.permutation(6) for _ in range(8)]
    shop = Instance.job_shop(machines, [rng.integers(1, 50, 6) for _ in range(8)])
    runs = [solve(shop, ticks=40, deterministic=True, workers=4)[0].best for _ in range(2)]
    assert runs[0] is not None
    assert runs[0] == runs[1]


def test_bounds_are_rounded_up_but_never_by_noise() -> None:
    """A bound of 54.2 proves 55; 55.0000000001 is 55 with noise; infinity says nothing."""
    assert safe_bound(54.2) == 55
    assert safe_bound(55.0000000001) == 55
    assert safe_bound(-3.0) == -3
    assert safe_bound(float("-inf")) is None
