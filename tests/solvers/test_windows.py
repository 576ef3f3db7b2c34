"""Stages iterated_dispatch and windows, and the kernels under them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.check import check
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import objective_values
from makespan.instances.sets import load as load_instance
from makespan.instances.shop_view import shop_view
from makespan.solvers.iterated_dispatch import IteratedDispatch, order_of, schedule_of
from makespan.solvers.kernels.keyed_dispatch import KeyedShop, begin_pass, keyed_shop, new_passage, pass_along, run_pass
from makespan.solvers.kernels.tabu import BEST, STUCK, VALUE, Search, load, tabu_slice
from makespan.solvers.kernels.window_cut import (
    Plan,
    Window,
    cut_window,
    lay_out,
    new_plan,
    new_window,
    part_of,
    put_back,
    split,
    time_plan,
    with_sinks,
)
from makespan.solvers.stage import Budget, Context, Stage
from makespan.solvers.windows import Windows
from tests.oracles.brute_force import brute_force

STAGES = (IteratedDispatch(), Windows())


@st.composite
def shops(draw: st.DrawFn, max_jobs: int = 6, max_operations: int = 6) -> Instance:
    """Unequal jobs that return to machines, durations from 0, some with releases."""
    num_machines = draw(st.integers(1, 4))
    lengths = draw(st.lists(st.integers(1, max_operations), min_size=1, max_size=max_jobs))
    machines = [[draw(st.integers(0, num_machines - 1)) for _ in range(length)] for length in lengths]
    durations = [[draw(st.integers(0, 9)) for _ in range(length)] for length in lengths]
    release = [draw(st.integers(0, 12)) for _ in lengths] if draw(st.booleans()) else None
    return Instance.job_shop(machines, durations, num_machines, job_release=release)


def shop_of(instance: Instance) -> KeyedShop:
    return instance.derived(shop_view).derived(keyed_shop)


def dispatched(shop: KeyedShop, key: IntArray, forward: bool, delta: int, work: int = 1 << 40) -> IntArray:
    """Topological order of one pass."""
    passage = new_passage(shop)
    begin_pass(passage)
    while not run_pass(shop, key, forward, delta, passage, work):
        pass
    return passage.order.copy() if forward else passage.order[::-1].copy()


def plan_of(shop: KeyedShop, order: IntArray) -> Plan:
    plan = new_plan(shop)
    laid_out(shop, order, plan)
    return plan


def laid_out(shop: KeyedShop, order: IntArray, plan: Plan) -> int:
    """Lay the order out in two slices; returns the makespan."""
    n, last = order.size, np.full(shop.line_ptr.size - 1, -1, np.int32)
    for first, stop in ((0, n // 2), (n // 2, n)):
        lay_out(shop, order, plan, last, first, stop)
    return int(time_plan(shop, plan, 0, n, False))


def longest(shop: KeyedShop, plan: Plan, first: int, stop: int) -> int:
    """Longest path through a part of the plan, timed anew."""
    time_plan(shop, plan, first, stop, True)
    return int(time_plan(shop, plan, first, stop, False))


def cut(shop: KeyedShop, plan: Plan, first: int, stop: int, seed: int, room: int = 0) -> tuple[Window, Search]:
    """A window in memory for ``room`` operations, and its search, loaded."""
    window = part_of(new_window(max(room, stop - first)), stop - first)
    search = with_sinks(window.search, cut_window(shop, plan, first, stop, seed, 0, window))
    assert load(search, search.best)
    return window, search


def searched(
    shop: KeyedShop, plan: Plan, first: int, stop: int, moves: int, seed: int, room: int = 0
) -> tuple[int, Window, int]:
    """Value of a window before the search, the window, put back after it, and the moves made."""
    window, search = cut(shop, plan, first, stop, seed, room)
    value = int(search.setting[VALUE])
    made = int(tabu_slice(search, moves, 1 << 40, -1))
    put_back(shop, plan, first, window.op, search.best, *np.full((2, shop.line_ptr.size - 1), -1, np.int32))
    return value, window, made


def longest_path(shop: KeyedShop, order: IntArray, avoid: set[int]) -> int:
    """Longest path of a schedule that passes no operation of ``avoid``, straight from its definition."""
    end, job_last, machine_last, longest = dict[int, int](), dict[int, int](), dict[int, int](), 0
    for op in order.tolist():
        j, k = int(shop.job[op]), int(shop.machine[op])
        before = [end[p] for p in (job_last.get(j), machine_last.get(k)) if p is not None and p in end]
        job_last[j] = machine_last[k] = op
        if op not in avoid:
            end[op] = max([int(shop.release[op]), *before]) + int(shop.duration[op])
            longest = max(longest, end[op])
    return longest


def run(instance: Instance, stage: Stage, budget: Budget, threads: int = 1) -> Context:
    context = Context(instance, budget, 5, threads)
    stage.run(instance, context)
    return context


@settings(max_examples=60, deadline=None)
@given(shops(), st.booleans(), st.integers(0, 100), st.integers(0, 2**32))
def test_a_pass_makes_a_schedule_and_the_same_in_slices(shop: Instance, forward: bool, delta: int, seed: int) -> None:
    """Whatever the keys: feasible by the checker, and where the slices end makes no difference."""
    arrays = shop_of(shop)
    key = np.random.default_rng(seed).integers(0, 5, arrays.machine.size)
    order = dispatched(arrays, key, forward, delta)
    start = np.empty(order.size, np.int64)
    value = pass_along(arrays, order, True, start)
    schedule = schedule_of(shop.derived(shop_view), start)
    assert check(shop, schedule) == [] and objective_values(shop, schedule) == (value,)
    assert np.array_equal(order, dispatched(arrays, key, forward, delta, work=1))
    assert pass_along(arrays, order, False, start) == value


def test_a_pass_follows_its_keys_and_delta() -> None:
    """One machine, jobs of 4 (key 1) and 2 (key 0), the second released at 1: a non-delay pass starts the long job at
    0, an active one waits for the short one, which can start before the long one would end."""
    shop = shop_of(Instance.job_shop([[0], [0]], [[4], [2]], job_release=[0, 1]))
    key = np.array([1, 0])
    assert dispatched(shop, key, True, 0).tolist() == [0, 1]
    assert dispatched(shop, key, True, 100).tolist() == [1, 0]


@settings(max_examples=60, deadline=None)
@given(shops(), st.integers(0, 2**32))
def test_the_order_of_a_schedule_gives_it_back_or_a_better_one(shop: Instance, seed: int) -> None:
    """Starting in that order moves operations to the left only: no circle, nothing later."""
    view, arrays = shop.derived(shop_view), shop_of(shop)
    key = np.random.default_rng(seed).integers(0, 5, arrays.machine.size)
    start, again = np.empty((2, arrays.machine.size), np.int64)
    pass_along(arrays, dispatched(arrays, key, True, 50), True, start)
    pass_along(arrays, order_of(view, schedule_of(view, start)), True, again)
    assert (again <= start).all()


@settings(max_examples=100, deadline=None)
@given(shops(), st.data())
def test_a_merged_window_is_exact_feasible_and_never_worse(shop: Instance, data: st.DataObject) -> None:
    """makespan = max(value of the window, longest path that avoids it), before and after the search."""
    arrays = shop_of(shop)
    n = arrays.machine.size
    seed = data.draw(st.integers(0, 2**32))
    key = np.random.default_rng(seed).integers(0, 5, n)
    first = data.draw(st.integers(0, n - 1))
    stop = data.draw(st.integers(first + 1, n))
    plan = plan_of(arrays, dispatched(arrays, key, True, 30))
    before, start = plan.order.copy(), np.empty(n, np.int64)
    inside = set(before[first:stop].tolist())
    makespan = pass_along(arrays, before, True, start)
    old, window, _ = searched(arrays, plan, first, stop, 60, seed, n)
    value = pass_along(arrays, plan.order, True, start)
    assert makespan == max(old, longest_path(arrays, before, inside))
    assert value == max(int(window.search.setting[BEST]), longest_path(arrays, plan.order, inside)) <= makespan
    assert sorted(plan.order.tolist()) == list(range(n))
    assert check(shop, schedule_of(shop.derived(shop_view), start)) == []


@settings(max_examples=100, deadline=None)
@given(shops(), st.data())
def test_heads_and_rests_stay_exact_while_moves_are_made(shop: Instance, data: st.DataObject) -> None:
    """What is updated only where it changes equals what is computed anew, and the order stays topological."""
    arrays = shop_of(shop)
    n = arrays.machine.size
    seed = data.draw(st.integers(0, 2**32))
    plan = plan_of(arrays, dispatched(arrays, np.random.default_rng(seed).integers(0, 5, n), True, 60))
    window, search = cut(arrays, plan, 0, n, seed, n + 3)
    tabu_slice(search, data.draw(st.integers(1, 40)), 1 << 40, -1)
    node, order = search.orders.node[:n], window.op[search.orders.order]
    start, rest = np.empty((2, n), np.int64)
    value = search.setting[VALUE]
    assert pass_along(arrays, order, True, start) == value == pass_along(arrays, order, False, rest)
    assert np.array_equal(start[window.op], node["head"])
    assert np.array_equal(rest[window.op], node["duration"] + node["tail"])
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    assert all(place[o] < place[o + 1] for o in range(n - 1) if arrays.job[o] == arrays.job[o + 1])


@settings(max_examples=100, deadline=None)
@given(shops(), st.data())
def test_both_sides_of_a_split_may_change_at_once(shop: Instance, data: st.DataObject) -> None:
    """Each side keeps what it promised the other: the makespan never rises."""
    arrays = shop_of(shop)
    n = arrays.machine.size
    seed, place = data.draw(st.integers(0, 2**32)), data.draw(st.integers(1, max(1, n - 1)))
    plan = new_plan(arrays)
    key = np.random.default_rng(seed).integers(0, 5, n)
    makespan = laid_out(arrays, dispatched(arrays, key, False, 30), plan)
    split(arrays, plan, place, makespan, np.empty(arrays.line_ptr.size - 1, np.int64))
    sides = [side for side in ((0, place), (place, n)) if side[0] < side[1]]
    assert all(longest(arrays, plan, *side) <= makespan for side in sides)
    for side in sides:
        searched(arrays, plan, *side, 40, seed)
    assert pass_along(arrays, plan.order, True, np.empty(n, np.int64)) <= makespan


def test_the_search_ends_where_the_longest_path_runs_along_jobs_alone() -> None:
    """Two jobs on machines of their own: no longest path has a block, so that nothing can be better."""
    shop = shop_of(Instance.job_shop([[0, 1], [2]], [[3, 4], [5]]))
    _, window, made = searched(shop, plan_of(shop, np.array([0, 2, 1])), 0, 3, 100, 0)
    assert made == 0 and window.search.setting[STUCK] == 1 and window.search.setting[BEST] == 7


@settings(max_examples=25, deadline=None)
@given(shops(max_jobs=3, max_operations=2))
def test_tiny_shops_are_solved(shop: Instance) -> None:
    """A few hundred moves reach the optimum of an exhaustive search, or never pass below it."""
    best = brute_force(shop)
    found = run(shop, Windows(), Budget(iterations=400)).objectives
    assert best is not None and found is not None and found >= best
    assert found[0] <= best[0] + 9


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: type(stage).__name__)
class TestStage:
    """What every stage promises."""

    def test_it_never_returns_worse_than_the_incumbent(self, stage: Stage) -> None:
        """It starts there and offers what is better alone."""
        instance = load_instance("la31")
        shop, start = shop_of(instance), np.empty(instance.num_tasks, np.int64)
        pass_along(shop, dispatched(shop, np.zeros(start.size, np.int64), True, 0), True, start)
        hint = schedule_of(instance.derived(shop_view), start)
        context = Context(instance, Budget(iterations=200), 0, 1)
        context.offer(hint)
        before = context.objectives
        stage.run(instance, context)
        assert context.objectives is not None and before is not None and context.objectives <= before

    def test_it_stops_at_once_when_the_time_is_up(self, stage: Stage) -> None:
        """It must leave the rest of the pipeline its time."""
        context = Context(load_instance("ft06"), Budget(), 0, 1)
        context.stop()
        stage.run(context.instance, context)
        assert context.iterations == 0

    def test_it_keeps_to_its_iterations(self, stage: Stage) -> None:
        """With one thread the count is exact."""
        assert run(load_instance("la31"), stage, Budget(iterations=73)).iterations == 73

    @pytest.mark.parametrize("threads", [1, 2])
    def test_it_solves_an_easy_instance(self, stage: Stage, threads: int) -> None:
        """la31 is as long as its heaviest machine, 1784, which rules miss and both stages reach."""
        assert run(load_instance("la31"), stage, Budget(iterations=20_000, target=1784), threads).objectives == (1784,)

    def test_an_instance_without_tasks_is_done(self, stage: Stage) -> None:
        """Nothing to schedule is no reason to go on for ever."""
        context = run(Instance.job_shop([[]], [[]], 1), stage, Budget(iterations=3))
        assert context.objectives == (0,)


def test_windows_go_on_from_a_better_schedule_of_another_stage() -> None:
    """ft06 from a bad start: what is offered meanwhile is adopted, and 55 is reached within few moves."""
    assert run(load_instance("ft06"), Windows(passes=1), Budget(iterations=5000, target=55)).objectives == (55,)


def test_a_window_size_out_of_range_is_refused() -> None:
    """The message names the parameter, what was found and what is expected."""
    with pytest.raises(ValueError, match="size: found -1, expected at least 0"):
        Windows(size=-1)


def test_every_kernel_has_one_signature() -> None:
    """A second one would be compiled while the clock runs."""
    for stage in STAGES:
        stage.warm()
        run(load_instance("ft06"), stage, Budget(iterations=500), threads=2)
        assert {kernel.py_func.__name__: len(kernel.signatures) for kernel in stage.kernels} == {
            kernel.py_func.__name__: 1 for kernel in stage.kernels
        }
