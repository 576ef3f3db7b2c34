"""Activity lists: crossed, repaired, sorted, and decoded on the grid as on lists of breakpoints."""

# mypy: disable-error-code="no-untyped-def"

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.generators import generate
from makespan.instances.instance import Instance
from makespan.instances.project_view import project_view
from makespan.solvers.kernels import kernel
from makespan.solvers.kernels.activity_evolution import new_child
from makespan.solvers.kernels.activity_grid import FULL, Modes, new_grid, schedule_on_grid
from makespan.solvers.kernels.activity_list import (
    ENTRY,
    busiest_positions,
    cross_lists,
    draw_list,
    mark_of,
    new_arcs,
    pull_predecessors,
    shuffle_stretch,
    sort_list,
    swap_neighbours,
)
from makespan.solvers.kernels.project_sampling import BUILD, LEFT, sample_slice
from makespan.solvers.kernels.project_state import NEVER, new_project
from makespan.solvers.kernels.random import below
from makespan.solvers.kernels.serial_sgs import GIVEN


@kernel
def _misplaced(link, arc, child):
    """Arcs of forward time that the list breaks, plus the tasks it lacks."""
    place = np.full(child.size, -1)
    for i in range(child.size):
        place[child[i].task] = i
    wrong = 0
    for task in range(child.size):
        wrong += place[task] < 0
        for i in range(link[task].before, link[task].before_end):
            wrong += place[arc[i].task] > place[task]
    return wrong


@kernel
def cross_at_random(arcs, duration, key, rng, eligible, child, bucket, row, pairs):
    """Lists that ``pairs`` crossings, mutations and repairs leave infeasible."""
    wrong, n = 0, child.size
    for _ in range(pairs):
        for parent in range(2):
            draw_list(arcs.link, arcs.arc, key, rng, eligible, child)
            for i in range(n):
                row[parent, i].task = child[i].task
                row[parent, child[i].task].time = i
                row[parent, i].mode = i
        first, until = busiest_positions(row[0], duration, arcs.load, 25 + below(rng, 51), bucket)
        cross_lists(row[0], row[1], first, until, child)
        wrong += _misplaced(arcs.link, arcs.arc, child) > 0
        swap_neighbours(arcs.link, arcs.arc, 0, 5000, rng, child)
        wrong += _misplaced(arcs.link, arcs.arc, child) > 0
        shuffle_stretch(arcs.link, arcs.arc, 0, below(rng, n), n, rng, child)
        wrong += _misplaced(arcs.link, arcs.arc, child) > 0
        for i in range(n):
            j = below(rng, n)
            child[i].task, child[j].task = child[j].task, child[i].task
        pull_predecessors(arcs.link, arcs.arc, 0, eligible, child)
        wrong += _misplaced(arcs.link, arcs.arc, child) > 0
    return wrong


@kernel
def sort_and_compare(child, turn, last, bucket):
    """Whether the sorted list rises in time and keeps the order of equal ones (of the list turned round)."""
    n = child.size
    before = np.zeros(n, np.int64)
    for i in range(n):
        before[child[i].task] = n - 1 - i if turn else i
    sort_list(child, turn, last, bucket)
    for i in range(1, n):
        one, other = child[i - 1].task, child[i].task
        later = child[one].time > child[other].time
        if later or (child[one].time == child[other].time and before[one] > before[other]):
            return False
    return True


@kernel
def build_on_grid(grid, arcs, side, modes, chooses, mode, spent, child):
    return schedule_on_grid(grid, arcs.link, arcs.arc, side, modes, chooses, mode, spent, child)


@kernel
def mark(child, mode):
    return mark_of(child, mode)


def modes_of(instance: Instance) -> Modes:
    view = project_view(instance)
    return Modes(
        view.mode_ptr, view.usable, view.duration, view.spend_ptr, view.spend_resource, view.spend_amount, view.capacity
    )


def test_children_of_ten_thousand_pairs_respect_precedence() -> None:
    """Crossed, half of the neighbours swapped, a stretch in disorder, then shuffled and repaired: all stay feasible."""
    instance = generate("rcpsp", activities=30, seed=1, network_complexity=1.8)
    view, n = project_view(instance), instance.num_tasks
    child = new_child(n, 2, view.capacity.size)
    wrong = cross_at_random(
        new_arcs(view), view.duration, np.zeros(n, np.int64), np.ones(1, np.uint64), child.eligible, child.list,
        child.bucket, np.zeros((2, n), ENTRY), 10_000,
    )  # fmt: skip
    assert wrong == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2**53), min_size=1, max_size=30), st.booleans())
def test_lists_sort_by_time_and_keep_equal_ones_in_order(times: list[int], turn: bool) -> None:
    """Also where times are so long that many share a bucket."""
    child = new_child(len(times), 2, 1)
    child.list["task"] = np.random.default_rng(len(times)).permutation(len(times))
    child.list["time"] = times
    assert sort_and_compare(child.list, turn, max(times), child.bucket)
    assert sorted(child.list["task"].tolist()) == list(range(len(times)))


@st.composite
def projects(draw: st.DrawFn) -> Instance:
    """Up to eight tasks on up to six resources, with lags and capacities that fill one word or several."""
    n, resources = draw(st.integers(1, 8)), draw(st.integers(1, 6))
    capacity = draw(st.sampled_from([3, 100, 2**20]))
    demand = st.integers(0, capacity)
    demands = [draw(st.lists(demand, min_size=resources, max_size=resources)) for _ in range(n)]
    durations = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    arcs = draw(st.lists(st.sampled_from(pairs), max_size=n, unique=True)) if pairs else []
    modes = [[(durations[i], list(enumerate(demands[i])))] for i in range(n)]
    modes = [[(d, [(k, a) for k, a in need if a > 0])] for [(d, need)] in modes]
    return Instance.from_lists(modes, [capacity] * resources, [(i, j, 2, draw(st.integers(0, 2))) for i, j in arcs])


@settings(max_examples=60, deadline=None)
@given(projects(), st.integers(0, 5))
def test_the_grid_builds_the_schedules_of_the_breakpoints(instance: Instance, release: int) -> None:
    """Same list, same starts in both directions of time, as by the serial scheme on lists of breakpoints."""
    instance = instance.replace(release=np.full(instance.num_tasks, release))
    view, n = project_view(instance), instance.num_tasks
    units = int(view.duration.sum()) + int(view.arc_lag.sum()) + release + 1
    project, grid = new_project(view, view.mode_ptr[:-1].copy()), new_grid(view, units)
    for side, direction, order in ((0, project.ahead, view.order), (1, project.back, view.order[::-1])):
        child = new_child(n, 2, view.capacity.size)
        child.list["task"], child.mode[:] = order, np.arange(n)
        child.list["release"] = release if side == 0 else 0
        last = build_on_grid(grid, new_arcs(view), side, modes_of(instance), False, child.mode, child.spent, child.list)
        control = np.array([BUILD, 0, 1])
        sample_slice(
            direction, project.back, project.state, control, False, GIVEN, order.astype(np.int64), False, False,
            np.zeros(n, np.int64), np.ones(1, np.uint64), NEVER, 1000,
        )  # fmt: skip
        assert control[LEFT] == 0
        assert child.list["start"].tolist() == project.state.activity["start"].tolist()
        assert last == (child.list["start"] + view.duration).max()
        assert (grid.free == grid.lane[FULL]).all()


def test_a_task_takes_the_mode_in_which_it_ends_first_if_the_budget_allows() -> None:
    """Modes of 5 and of 2 units; the short one costs 1 of a nonrenewable resource with 1: the first task gets it."""
    task = [(5, {0: 1}), (2, {0: 1, 1: 1})]
    instance = Instance.from_lists([task, task], [1, 1], renewable=[True, False])
    view = project_view(instance)
    child = new_child(2, 2, 2)
    child.list["task"], child.mode[:] = [0, 1], view.mode_ptr[:-1]
    last = build_on_grid(
        new_grid(view, 11), new_arcs(view), 0, modes_of(instance), True, child.mode, child.spent, child.list
    )
    assert (child.mode - view.mode_ptr[:-1]).tolist() == [1, 0]
    assert child.list["start"].tolist() == [0, 2]
    assert last == 7
    assert child.spent.tolist() == [0, 1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 9)), min_size=2, max_size=20), st.data())
def test_marks_tell_times_and_modes_apart(tasks: list[tuple[int, int]], data: st.DataObject) -> None:
    """Equal lists have one mark, whatever scratch holds; another time or mode of one task, or an exchange of the times
    of two, another."""
    child = new_child(len(tasks), 2, 0)
    child.list["time"], child.mode[:] = zip(*tasks, strict=True)
    first = mark(child.list, child.mode)
    child.list["listed"] = 7
    assert mark(child.list, child.mode) == first
    task = data.draw(st.integers(0, len(tasks) - 1))
    child.mode[task] += 1
    assert mark(child.list, child.mode) != first
    child.mode[task] -= 1
    time = child.list["time"]
    if time[task] != time[0]:
        time[[0, task]] = time[[task, 0]]
        assert mark(child.list, child.mode) != first
        time[[0, task]] = time[[task, 0]]
    time[task] += 1
    assert mark(child.list, child.mode) != first
