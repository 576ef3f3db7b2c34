"""Lower bounds: by hand, against published values, and never above the optimum of tiny instances of every kind."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.bounds import best_known
from makespan.instances.instance import EE, SE, SS, Instance
from makespan.instances.schedule import Schedule, objective_values
from makespan.instances.sets import instance_names, load
from makespan.solvers.infeasibility import infeasibility
from makespan.solvers.kernels.one_machine import jackson_preemptive
from makespan.solvers.lower_bounds import heads, lower_bound
from tests.oracles.brute_force import brute_force
from tests.oracles.grid_checker import grid_check
from tests.oracles.random_instances import tiny

SAMPLES = ("jsp/ft", "jsp/la", "jsp/ta", "fjsp/brandimarte", "rcpsp/j30", "rcpsp/j120", "rcpsp_max/ubo10", "mrcpsp/c15")


@pytest.mark.parametrize("set_name", SAMPLES)
def test_no_bound_exceeds_a_best_known_value(set_name: str) -> None:
    """Up to 40 instances of a set: bound <= best known makespan, and a reason only for those without a schedule."""
    names = instance_names(set_name)
    for name in names[:: max(1, len(names) // 40)]:
        instance = load(f"{set_name}/{name}")
        known = best_known(instance)
        assert known is not None
        if known.status == "infeasible":
            continue
        assert infeasibility(instance) is None
        if known.upper_bound is not None:
            assert 0 < lower_bound(instance) <= known.upper_bound, name


def test_no_bound_exceeds_the_optimum_of_tiny_instances() -> None:
    """All fields mixed: bound <= exhaustive search, and a reason only where that finds no schedule."""
    reasons = 0
    for seed in range(2000, 2150):
        instance = tiny(seed, max_tasks=4)
        optimum = brute_force(instance)
        reason = infeasibility(instance)
        reasons += reason is not None
        if optimum is not None:
            assert reason is None, (seed, reason)
            assert lower_bound(instance) <= optimum[0], seed
    assert reasons > 5


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 5), st.integers(-4, 12)), min_size=1, max_size=5),
)
@settings(max_examples=60, deadline=None)
def test_jackson_is_the_preemptive_optimum(jobs: list[tuple[int, int, int]]) -> None:
    """Equal to the best of all fixed priority orders of unit steps, one of which is optimal with preemption."""
    rows = sorted(jobs)
    ptr = np.array([0, len(rows)])
    got = jackson_preemptive(ptr, *(np.array([row[i] for row in rows], np.int64) for i in range(3)))
    assert got == min(_by_priority(rows, order) for order in permutations(range(len(rows))))


def _by_priority(rows: list[tuple[int, int, int]], order: tuple[int, ...]) -> int:
    """Largest end + tail when at every step the first available job of ``order`` runs."""
    left = [body for _, body, _ in rows]
    worst = max((head + tail for head, body, tail in rows if body == 0), default=-(10**9))
    time = 0
    while any(left):
        ready = [i for i in order if rows[i][0] <= time and left[i]]
        time += 1
        if ready:
            left[ready[0]] -= 1
            if left[ready[0]] == 0:
                worst = max(worst, time + rows[ready[0]][2])
    return worst


def test_parts_by_hand() -> None:
    """One machine, heads 0 and 4, bodies 5 and 3, tails 7 and 0: the first, then the second, 12 = 5 + 7."""
    shop = Instance.job_shop([[0, 1], [2, 0]], [[5, 7], [4, 3]])
    assert lower_bound(shop) == 12
    crowd = Instance.from_lists([[(3, {0: 2})] for _ in range(4)], [4], release=[1, 1, 1, 1])
    assert lower_bound(crowd) == 1 + 4 * 3 * 2 // 4
    clique = Instance.from_lists([[(3, {0: 3})] for _ in range(4)], [5])
    assert lower_bound(clique) == 12


def test_longest_paths_follow_arcs_of_all_kinds() -> None:
    """Durations 3, 2, 4, 1: SS 5, then SE 9 (end 14, so start 10), then EE 2 (end 16, so start 15)."""
    arcs = [(0, 1, SS, 5), (1, 2, SE, 9), (2, 3, EE, 2)]
    instance = Instance.from_lists([[(d, {})] for d in (3, 2, 4, 1)], [], arcs)
    assert heads(instance).start.tolist() == [0, 5, 10, 15]
    assert heads(instance).end.tolist() == [3, 7, 14, 16]
    assert grid_check(instance, Schedule(heads(instance).start))


def test_max_lateness_counts_the_load_before_due_dates() -> None:
    """Three tasks of 4 on one machine, all due at 5: the last ends at 12, 7 late. Tardiness is bounded by heads."""
    late = Instance.from_lists([[(4, {0: 1})]] * 3, [1], due=[5, 5, 5], objective=("max_lateness",))
    assert lower_bound(late) == 7
    paths = Instance.from_lists([[(4, {})], [(4, {})]], [], [(0, 1)], due=[3, 6], objective=("total_tardiness",))
    assert lower_bound(paths) == 3
    assert objective_values(paths, Schedule([0, 4])) == (3,)


def test_fixed_modes_raise_the_bound() -> None:
    """Free: 2 in the short mode; fixed to the long one: 9."""
    instance = Instance.from_lists([[(9, {0: 1}), (2, {0: 1})]], [1])
    assert lower_bound(instance) == 2
    assert lower_bound(instance.replace(fixed_mode=[0])) == 9


def test_instance_without_tasks() -> None:
    """Nothing takes no time and is feasible."""
    empty = Instance.from_lists([], [1])
    assert lower_bound(empty) == 0 and infeasibility(empty) is None
