"""Schedule generation schemes: against plain Python on a time grid, against exhaustive search, and by hand."""

import itertools
from collections import Counter
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.check import check
from makespan.instances.instance import HORIZON_LIMIT, Instance
from makespan.instances.project_view import project_view
from makespan.instances.schedule import Schedule
from makespan.instances.sets import load
from makespan.solvers.kernels.justification import double_justification
from makespan.solvers.kernels.project_sampling import BUILD, LEFT, sample_slice
from makespan.solvers.kernels.project_state import MAKESPAN, NEVER, Project, new_project
from makespan.solvers.kernels.serial_sgs import BEST, DRAW, GIVEN
from makespan.solvers.sgs import Sgs
from tests.oracles.brute_force import brute_force

RNG = np.ones(1, np.uint64)


def project_of(instance: Instance) -> Project:
    view = project_view(instance)
    return new_project(view, view.mode_ptr[:-1].copy())


def build(
    project: Project, pick: int, key: list[int], parallel: bool = False, worst_case: bool = False, steps: int = 1000
) -> list[int]:
    """Starts of one schedule."""
    scratch, control = np.zeros(len(key), np.int64), np.array([BUILD, 0, 1])
    numbers, rng = np.array(key, np.int64), RNG.copy()
    while control[LEFT] > 0:
        sample_slice(
            project.ahead, project.back, project.state, control, parallel, pick, numbers, worst_case, False, scratch,
            rng, NEVER, steps,
        )  # fmt: skip
    start: list[int] = project.state.activity["start"].tolist()
    return start


@st.composite
def projects(draw_: st.DrawFn, max_tasks: int = 8) -> Instance:
    """Projects with up to three resources of capacity 4 and finish-to-start arcs; all have a schedule."""
    n = draw_(st.integers(1, max_tasks))
    resources = draw_(st.integers(1, 3))
    durations = draw_(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    demands = [draw_(st.lists(st.integers(0, 4), min_size=resources, max_size=resources)) for _ in range(n)]
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    arcs = draw_(st.lists(st.sampled_from(pairs), max_size=n, unique=True)) if pairs else []
    successors = [[j for a, j in arcs if a == i] for i in range(n)]
    return Instance.rcpsp(durations, demands, [4] * resources, successors)


def topological_lists(instance: Instance) -> list[tuple[int, ...]]:
    pairs = list(zip(instance.arc_pred.tolist(), instance.arc_succ.tolist(), strict=True))
    return [
        order
        for order in itertools.permutations(range(instance.num_tasks))
        if all(order.index(i) < order.index(j) for i, j in pairs)
    ]


class Grid:
    """The plain reference: usage per resource and unit of time."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.used: Counter[tuple[int, int]] = Counter()
        self.start: dict[int, int] = {}

    def demands(self, task: int) -> list[tuple[int, int]]:
        low, high = self.instance.demand_ptr[task : task + 2]
        pairs = zip(self.instance.demand_resource[low:high], self.instance.demand_amount[low:high], strict=True)
        return [(int(k), int(amount)) for k, amount in pairs]

    def end(self, task: int) -> int:
        return self.start[task] + int(self.instance.duration[task])

    def predecessors(self, task: int) -> list[int]:
        return [int(i) for i in self.instance.arc_pred[self.instance.arc_succ == task]]

    def ready(self, task: int) -> int:
        return max((self.end(i) for i in self.predecessors(task)), default=0)

    def fits(self, task: int, time: int) -> bool:
        return all(
            self.used[k, t] + amount <= int(self.instance.capacity[k])
            for k, amount in self.demands(task)
            for t in range(time, time + int(self.instance.duration[task]))
        )

    def place(self, task: int, time: int) -> None:
        self.start[task] = time
        for k, amount in self.demands(task):
            for t in range(time, self.end(task)):
                self.used[k, t] += amount

    def serial(self, order: tuple[int, ...]) -> list[int]:
        for task in order:
            self.place(task, next(t for t in itertools.count(self.ready(task)) if self.fits(task, t)))
        return [self.start[i] for i in range(len(order))]

    def parallel(self, key: list[int]) -> list[int]:
        time = 0
        while len(self.start) < len(key):
            can = [
                i
                for i in range(len(key))
                if i not in self.start
                and all(j in self.start for j in self.predecessors(i))
                and self.ready(i) <= time
                and self.fits(i, time)
            ]
            if can:
                self.place(min(can, key=lambda i: (key[i], i)), time)
            else:
                time += 1
        return [self.start[i] for i in range(len(key))]


@settings(max_examples=60, deadline=None)
@given(projects(), st.randoms(use_true_random=False))
def test_serial_scheme_equals_a_time_grid_on_any_list(instance: Instance, random: Random) -> None:
    """Each task at the first time of a grid at which all its demands fit."""
    order = list(range(instance.num_tasks))
    key = [random.randrange(100) for _ in order]
    # A list that respects the arcs: repeatedly the smallest key among the tasks whose predecessors are listed.
    listed: list[int] = []
    while len(listed) < len(order):
        free = [
            i
            for i in order
            if i not in listed and all(int(p) in listed for p in instance.arc_pred[instance.arc_succ == i])
        ]
        listed.append(min(free, key=lambda i: (key[i], i)))
    expected = Grid(instance).serial(tuple(listed))
    project = project_of(instance)
    assert build(project, GIVEN, listed) == expected
    assert build(project, BEST, key) == expected  # eligible tasks by key give the same list
    assert check(instance, Schedule(expected)) == []


@settings(max_examples=60, deadline=None)
@given(projects(), st.randoms(use_true_random=False))
def test_parallel_scheme_equals_a_clock_that_ticks(instance: Instance, random: Random) -> None:
    """At each unit of time the best task that can start does, until none can."""
    key = [random.randrange(5) for _ in range(instance.num_tasks)]
    expected = Grid(instance).parallel(key)
    assert build(project_of(instance), BEST, key, parallel=True) == expected
    assert check(instance, Schedule(expected)) == []


@settings(max_examples=40, deadline=None)
@given(projects(max_tasks=6))
def test_some_list_of_the_serial_scheme_is_optimal(instance: Instance) -> None:
    """Active schedules contain an optimum of every regular objective."""
    project = project_of(instance)
    makespans = set()
    for order in topological_lists(instance):
        build(project, GIVEN, list(order))
        makespans.add(int(project.state.progress[MAKESPAN]))
    assert (min(makespans),) == brute_force(instance)


def test_parallel_scheme_excludes_every_optimum() -> None:
    """Two machines: task 0 blocks the long chain 1-2 if it may not wait.

    Resource 0 is needed by task 0 (5) and task 1 (3); task 1 becomes free at 1, after task 3. Then task 2 (5) follows
    task 1 without resources. Waiting one unit: 3 in 0-1, 1 in 1-4, 2 in 4-9, 0 in 4-9: length 9. Without waiting 0
    takes the resource at 0: 1 in 5-8, 2 in 8-13.
    """
    instance = Instance.rcpsp([5, 3, 5, 1], [[1], [1], [0], [0]], [1], [[], [2], [], [1]])
    project = project_of(instance)
    found: dict[bool, set[int]] = {False: set(), True: set()}
    for parallel in found:
        for key in itertools.permutations(range(4)):
            build(project, BEST, list(key), parallel)
            found[parallel].add(int(project.state.progress[MAKESPAN]))
    assert min(found[False]) == 9
    assert found[True] == {13}


def test_slices_of_any_length_build_the_same_schedules() -> None:
    """A slice stops between two tasks; nothing but the state carries over."""
    instance = load("j301_1")
    project, outcomes = project_of(instance), []
    for steps in (1, 7, 10_000):
        scratch, control, rng = np.zeros(32, np.int64), np.array([BUILD, 0, 12]), RNG.copy()
        seen = []
        while control[LEFT] > 0:
            if sample_slice(
                project.ahead, project.back, project.state, control, True, DRAW, np.arange(32), False, True, scratch,
                rng, NEVER, steps,
            ):  # fmt: skip
                seen.append(project.state.activity["start"].tolist())
        outcomes.append(seen)
    assert len(outcomes[0]) == 8  # four schedules, each with a right pass (not reported) and a left pass
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_double_justification_shortens_and_never_lengthens() -> None:
    """Right then left keeps or shortens every schedule (Valls et al. 2005); over random lists it falls on average."""
    before, after = [], []
    generator = np.random.default_rng(0)
    for number in range(1, 49, 3):
        instance = load(f"j30{number}_1")
        project = project_of(instance)
        for _ in range(10):
            build(project, BEST, generator.permutation(instance.num_tasks).tolist(), bool(generator.integers(2)))
            start = project.state.activity["start"].copy()
            before.append(int(project.state.progress[MAKESPAN]))
            scratch = np.zeros(instance.num_tasks, np.int64)
            after.append(double_justification(project.ahead, project.back, project.state, scratch, RNG, start, 100))
            assert check(instance, Schedule(start)) == []
            assert after[-1] == start.max() <= before[-1]  # the last activity has duration 0
    assert np.mean(after) < np.mean(before) - 1


def test_one_round_of_justification_is_never_worse_pass_by_pass() -> None:
    """Even the schedule of a single round, kept or not, is at most as long: it is what sampling reports."""
    instance = load("j301_1")
    project = project_of(instance)
    scratch, control = np.zeros(32, np.int64), np.array([BUILD, 0, 300])
    lengths = []
    while control[LEFT] > 0:
        if sample_slice(
            project.ahead, project.back, project.state, control, False, DRAW, np.zeros(32, np.int64), False, True,
            scratch, RNG.copy() * np.uint64(control[LEFT]), NEVER, 10_000,
        ):  # fmt: skip
            lengths.append(int(project.state.progress[MAKESPAN]))
    assert len(lengths) == 200
    assert all(improved <= built for built, improved in zip(lengths[::2], lengths[1::2], strict=True))


def test_profiles_do_not_care_how_long_the_horizon_is() -> None:
    """Durations near 2**51 cost as little as small ones."""
    unit = 2**51
    instance = Instance.rcpsp([unit, unit, unit - 1, 1], [[2], [1], [1], [3]], [3], [[], [], [], []])
    assert build(project_of(instance), GIVEN, [0, 1, 2, 3]) == [0, 0, unit, 2 * unit - 1]


def test_draws_follow_the_regret() -> None:
    """Keys 3, 5, 9 have regrets 6, 4, 0: chances 7, 5 and 1 of 13."""
    project = project_of(Instance.rcpsp([1, 1, 1], [[1], [1], [1]], [1], [[], [], []]))
    rng, key, scratch = RNG.copy(), np.array([3, 5, 9]), np.zeros(3, np.int64)
    drawn: Counter[int] = Counter()
    for _ in range(13_000):
        sample_slice(
            project.ahead, project.back, project.state, np.array([BUILD, 0, 1]), False, DRAW, key, False, False,
            scratch, rng, NEVER, 10,
        )  # fmt: skip
        drawn[int(np.argmin(project.state.activity["start"]))] += 1
    assert abs(drawn[0] - 7000) < 300
    assert abs(drawn[1] - 5000) < 300
    assert abs(drawn[2] - 1000) < 150


def test_worst_case_slack_starts_first_what_would_wait_longest() -> None:
    """Tasks 0 (2 units) and 1 (9 units) share a resource of one; latest starts 4 and 5.

    Task 0 has the earlier latest start, but if 1 went first 0 would wait until 9: slack 4 - 9 = -5; if 0 went first, 1
    would wait until 2: slack 5 - 2 = 3. So 0 goes first. With latest starts 9 and 1 it is 9 - 9 = 0 against 1 - 2 = -1.
    """
    project = project_of(Instance.rcpsp([2, 9], [[1], [1]], [1], [[], []]))
    assert build(project, BEST, [4, 5], parallel=True, worst_case=True) == [0, 2]
    assert build(project, BEST, [9, 1], parallel=True, worst_case=True) == [9, 0]
    # By latest start alone, 8 comes after 4; by worst-case slack 8 - 9 = -1 comes before 4 - 2 = 2.
    assert build(project, BEST, [8, 4], parallel=True, worst_case=True) == [0, 2]
    assert build(project, BEST, [8, 4], parallel=True) == [9, 0]


def test_each_kernel_compiles_for_one_signature() -> None:
    """Every caller passes the same types, so that nothing compiles twice."""
    stage = Sgs()
    stage.warm()
    build(project_of(load("j301_1")), BEST, [0] * 32, parallel=True)
    assert {each.py_func.__name__: len(each.signatures) for each in stage.kernels} == {
        "longest_paths": 1,
        "total_after": 1,
        "shortest_modes": 1,
        "draw_modes": 1,
        "sample_slice": 1,
    }
    assert HORIZON_LIMIT < NEVER
