"""Job shop rules: published makespans, an independent reference, and what each scheme promises."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from makespan.instances.check import check
from makespan.instances.features import unsupported
from makespan.instances.instance import Calendar, Instance, Setup
from makespan.instances.schedule import Schedule, objective_values
from makespan.instances.sets import load
from makespan.instances.shop_view import SHOP_FEATURES, shop_view
from makespan.solvers import priority_rules
from makespan.solvers.dispatching import SCHEMES, DispatchingRule, RuleBatch, dispatch_batch, make, rule_arrays
from makespan.solvers.kernels.priority import ATC, COVERT, priority
from makespan.solvers.kernels.tournament import NEVER
from makespan.solvers.priority_rules import RULES, Work
from makespan.solvers.stage import Budget, Context
from tests.oracles.dispatch_reference import Builder, Priority
from tests.oracles.random_instances import FIELDS, tiny

GOLDEN_NON_DELAY = {
    "spt": (1462, 1446, 1495, 1708, 1618, 1522, 1434, 1457, 1622, 1697, 6232),
    "mwkr": (1491, 1440, 1426, 1387, 1494, 1369, 1470, 1491, 1541, 1534, 6036),
    "mopnr": (1438, 1452, 1418, 1457, 1448, 1486, 1456, 1482, 1594, 1582, 5938),
    "fdd_mwkr": (1433, 1413, 1423, 1442, 1431, 1398, 1368, 1450, 1603, 1509, 5852),
}
"""ta01 to ta10, ta71; ties to the lowest machine, then the lowest job."""


def makespan_of(instance: Instance, rule: str, scheme: str = "non_delay") -> int:
    return int(dispatch_batch(instance.derived(shop_view), [rule], [scheme])[0].item())


@pytest.mark.parametrize("rule", GOLDEN_NON_DELAY)
def test_non_delay_makespans_of_taillard(rule: str) -> None:
    """Values on which three other implementations agree."""
    names = [f"ta{i:02d}" for i in (*range(1, 11), 71)]
    assert tuple(makespan_of(load(name), rule) for name in names) == GOLDEN_NON_DELAY[rule]


def test_insertion_makespans_of_ta01() -> None:
    """Any job, left shift into the first gap: the scheme of L2D."""
    rules = ("spt", "mwkr", "mopnr", "fdd_mwkr")
    assert [makespan_of(load("ta01"), rule, "insertion") for rule in rules] == [2099, 1562, 1490, 1573]


# -- against the reference ---------------------------------------------------------------------------


def random_shop(seed: int, fields: set[str]) -> Instance:
    """A shop of 2 to 4 jobs on 2 or 3 machines with positive durations and the optional fields named."""
    rng = np.random.default_rng(seed)
    num_jobs, num_machines = int(rng.integers(2, 5)), int(rng.integers(2, 4))
    jobs: list[list[list[tuple[int, int]]]] = []
    for _ in range(num_jobs):
        operations = []
        for _ in range(int(rng.integers(1, 5))):
            count = int(rng.integers(1, num_machines + 1)) if "multi_mode" in fields else 1
            machines = rng.permutation(num_machines)[:count]
            operations.append([(int(k), int(rng.integers(1, 7))) for k in machines])
        jobs.append(operations)
    num_tasks = sum(len(operations) for operations in jobs)
    num_modes = sum(len(modes) for operations in jobs for modes in operations)
    optional: dict[str, Any] = {}
    if "release" in fields:
        optional["release"] = rng.integers(0, 8, num_tasks)
        optional["job_release"] = rng.integers(0, 8, num_jobs)
    if "due" in fields:
        optional["job_due"] = rng.integers(5, 30, num_jobs)
        optional["job_weight"] = rng.integers(0, 4, num_jobs)
        optional["objective"] = ("weighted_tardiness", "max_lateness", "flow_time", "makespan")
    if "transport" in fields:
        optional["transport"] = rng.integers(0, 5, (num_machines, num_machines))
    if "setup" in fields:
        optional["setup"] = Setup(
            rng.integers(-1, 3, num_modes, np.int32),
            rng.integers(0, 5, (3, 3)),
            rng.integers(-1, 3, num_machines, np.int32),
        )
    if "calendar" in fields:
        optional["calendar"] = random_calendar(rng, num_machines)
        if "pause" in fields:
            optional["pause"] = rng.integers(0, 3, num_tasks)
    if "now" in fields:
        optional["now"] = int(rng.integers(1, 6))
    return Instance.flexible_job_shop(jobs, num_machines, **optional)


def random_calendar(rng: np.random.Generator, num_machines: int) -> Calendar:
    """Per machine: none, one that ends open, or a repeated one with a window of at least 6."""
    ptr, time, capacity, period = [0], list[int](), list[int](), list[int]()
    for _ in range(num_machines):
        kind = int(rng.integers(3))
        if kind == 1:
            points = np.cumsum(rng.integers(1, 6, 4))
            time += [0, *points.tolist()]
            capacity += [*rng.integers(0, 2, 4).tolist(), 1]
        elif kind == 2:
            closed, opened = rng.integers(1, 5, 2).tolist()
            time += [0, opened, opened + closed]
            capacity += [1, 0, 1]
        period.append(opened + closed + 6 if kind == 2 else 0)
        ptr.append(len(time))
    return Calendar(np.array(ptr, np.int32), np.array(time), np.array(capacity), np.array(period))


def reference_priority(instance: Instance, rule: str) -> Priority:
    """Rules by their formulas; p is that of the chosen mode, other work counts at the shortest modes."""
    assert instance.job is not None
    job = instance.job.tolist()
    modes = [
        instance.duration[instance.mode_ptr[t] : instance.mode_ptr[t + 1]].tolist() for t in range(instance.num_tasks)
    ]
    shortest: list[int] = [min(durations) for durations in modes]

    def after(task: int) -> list[int]:
        return [t for t in range(task + 1, instance.num_tasks) if job[t] == job[task]]

    def rest(task: int) -> int:
        return sum(shortest[t] for t in after(task))

    def done(task: int) -> int:
        return sum(shortest[t] for t in range(task + 1) if job[t] == job[task])

    def slack(task: int, mode: int, arrival: int, start: int) -> int:
        assert instance.job_due is not None
        own: int = modes[task][mode]
        return int(instance.job_due[job[task]]) - start - own - rest(task)

    table: dict[str, Any] = {
        "spt": lambda t, m, a, s: modes[t][m],
        "lpt": lambda t, m, a, s: -modes[t][m],
        "mwkr": lambda t, m, a, s: -min(modes[t]) - rest(t),
        "lwkr": lambda t, m, a, s: min(modes[t]) + rest(t),
        "mopnr": lambda t, m, a, s: -len(after(t)),
        "lopnr": lambda t, m, a, s: len(after(t)),
        "fdd_mwkr": lambda t, m, a, s: Fraction(done(t), min(modes[t]) + rest(t)),
        "fifo": lambda t, m, a, s: a,
        "lifo": lambda t, m, a, s: -a,
        "edd": lambda t, m, a, s: int(instance.job_due[job[t]]) if instance.job_due is not None else 0,
        "slack": slack,
        "slack_per_operation": lambda t, m, a, s: Fraction(slack(t, m, a, s), 1 + len(after(t))),
    }
    found: Priority = table[rule]
    return found


FIELD_SETS = st.sets(
    st.sampled_from(("multi_mode", "release", "due", "transport", "setup", "calendar", "pause", "now")), max_size=4
)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    fields=FIELD_SETS,
    scheme=st.sampled_from(sorted(SCHEMES)),
    rule=st.sampled_from(
        (
            "spt",
            "lpt",
            "mwkr",
            "lwkr",
            "mopnr",
            "lopnr",
            "fdd_mwkr",
            "fifo",
            "lifo",
            "edd",
            "slack",
            "slack_per_operation",
        )
    ),
    delta=st.sampled_from((0, 30, 100)),
)
def test_schedules_equal_the_reference(seed: int, fields: set[str], scheme: str, rule: str, delta: int) -> None:
    """Kernels and plain Python follow the same definitions; nothing but the result is shared."""
    if rule in ("edd", "slack", "slack_per_operation"):
        fields = fields | {"due"}
    instance = random_shop(seed, fields)
    expected = Builder(instance, scheme, reference_priority(instance, rule), delta).build()
    _, schedule = dispatch_batch(instance.derived(shop_view), [rule], [scheme], delta=delta)
    if expected is None:
        assert schedule is None
        return
    assert schedule is not None
    assert check(instance, schedule) == []
    assert schedule == Schedule(*expected)


def test_a_setup_can_make_a_machine_better_for_those_that_wait_for_another() -> None:
    """By hand: the flexible operation waits for machine 0, 4 of setup either way; once the short one stands on machine
    1, its setup there is 1 and it ends at 5 instead of 7."""
    family = Setup(np.array([1, 2, 0]), np.array([[0, 1, 4], [0, 0, 0], [0, 4, 0]]), np.array([0, 2]))
    shop = Instance.from_lists([[(3, {1: 1}), (3, {0: 1})], [(1, {1: 1})]], [1, 1], [], [True, True])
    shop = shop.replace(setup=family, job=np.array([0, 1]), num_jobs=2)
    _, schedule = dispatch_batch(shop.derived(shop_view), ["spt"], ["append"])
    assert schedule == Schedule([2, 0], [0, 0])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), rule=st.sampled_from(sorted(set(RULES) - {"random"})))
def test_the_plain_path_equals_the_general_one(seed: int, rule: str) -> None:
    """A calendar that is always open changes nothing, but sends the kernel along the general path."""
    plain = random_shop(seed, {"release", "due", "transport"})
    m = plain.num_resources
    is_open = Calendar(
        np.arange(m + 1, dtype=np.int32), np.zeros(m, np.int64), np.ones(m, np.int64), np.zeros(m, np.int64)
    )
    general = plain.replace(calendar=is_open)
    for scheme in SCHEMES:
        first, second = (dispatch_batch(i.derived(shop_view), [rule], [scheme])[1] for i in (plain, general))
        assert first is not None
        assert first == second


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), fields=FIELD_SETS, fixed=st.booleans())
def test_every_schedule_of_every_rule_passes_the_checker(seed: int, fields: set[str], fixed: bool) -> None:
    """Also with samples, and after half of a first schedule is frozen."""
    instance = random_shop(seed, fields)
    view = instance.derived(shop_view)
    _, schedule = dispatch_batch(view, ["mwkr"])
    if schedule is None:
        return
    if fixed:
        now = int(np.median(schedule.start)) + 1
        begun = schedule.start < now
        instance = instance.replace(
            fixed_start=np.where(begun, schedule.start, -1), fixed_mode=np.where(begun, schedule.mode, -1), now=now
        )
    for rule in RULES:
        for scheme in SCHEMES:
            batch = RuleBatch(instance.derived(shop_view), [rule], [scheme], samples=3, greed=50)
            batch.run(2**62)
            found = batch.schedule()
            assert found is not None
            assert check(instance, found) == []
            assert objective_values(instance, found)[0] == batch.values.min()


def test_mixed_fields_pass_the_checker() -> None:
    """Tiny instances with half of all fields, durations of 0 among them; ``offer`` raises for a broken schedule."""
    fields = sorted(SHOP_FEATURES & set(FIELDS))
    found = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        instance = tiny(seed, [name for name in fields if rng.random() < 0.4])
        if unsupported(instance, DispatchingRule.supports, "rule") is None:
            stage = DispatchingRule("best", sorted(SCHEMES)[seed % 4], samples=2)
            found += run_stage(instance, stage).incumbent is not None
    assert found > 50


# -- what the schemes promise ------------------------------------------------------------------------


def job_shops(seed: int) -> Instance:
    rng = np.random.default_rng(seed)
    jobs, machines = rng.integers(2, 7, 2).tolist()
    route = [rng.permutation(machines) for _ in range(jobs)]
    return Instance.job_shop(route, list(rng.integers(1, 10, (jobs, machines))), machines)


def idle_gaps(instance: Instance, schedule: Schedule) -> list[tuple[int, int, int]]:
    """(task, gap begin, gap end): every gap before a task's start on its machine, cut at when its job was ready."""
    gaps, end = [], schedule.end(instance)
    for task in range(instance.num_tasks):
        ready = 0 if task == 0 or instance.job[task] != instance.job[task - 1] else int(end[task - 1])  # type: ignore[index]
        same = [t for t in range(instance.num_tasks) if instance.machine[t] == instance.machine[task] and t != task]
        blocks = sorted((int(schedule.start[t]), int(end[t])) for t in same if schedule.start[t] < schedule.start[task])
        time = ready
        for begin, stop in [*blocks, (int(schedule.start[task]), 0)]:
            if begin > time:
                gaps.append((task, time, begin))
            time = max(time, stop)
    return gaps


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), rule=st.sampled_from(sorted(RULES)), delta=st.sampled_from((0, 100)))
def test_schedules_are_active_or_non_delay(seed: int, rule: str, delta: int) -> None:
    """Active: no operation fits into an earlier gap. Non-delay: no machine idles while a job waits for it."""
    instance = job_shops(seed)
    view = instance.derived(shop_view)
    for scheme in ("giffler_thompson", "non_delay"):
        _, schedule = dispatch_batch(view, [rule], [scheme], samples=2, greed=60, delta=delta)
        assert schedule is not None
        gaps = idle_gaps(instance, schedule)
        if scheme == "non_delay" or delta == 0:
            assert gaps == []
        else:
            assert all(stop - begin < instance.duration[task] for task, begin, stop in gaps)


# -- rules -------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 2**50), st.integers(1, 2**50)), min_size=1, max_size=12))
def test_fraction_ranks_are_exact(pairs: list[tuple[int, int]]) -> None:
    """Also between fractions that floating point cannot tell apart, such as k / (k + 1) for large k."""
    pairs += [(2**52 - 1, 2**52), (2**52 - 2, 2**52 - 1), (2**51, 2**52)]
    top, bottom = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    ranks = priority_rules._fraction_ranks(top, bottom)
    exact = [Fraction(a, b) for a, b in pairs]
    levels = sorted(set(exact))
    assert ranks.tolist() == [levels.index(value) for value in exact]


def test_atc_and_covert_follow_their_formulas() -> None:
    """The priorities in the kernel are -log2 of the published index, to 2**-15."""
    instance = Instance.job_shop([[0, 1]], [[4, 6]], job_due=[30], job_weight=[3])
    view = instance.derived(shop_view)
    call = njit(lambda rule, key, kind, op, p, start: priority(rule, key, kind, op, op, p, op, start))
    rule, keys = rule_arrays(view, ["atc", "covert"])
    for start in (0, 5, 18, 25):
        slack = 30 - start - 4 - 6
        atc = 3 / 4 * np.exp(-max(0, slack - 2 * 6) / (3 * 5))
        assert call(rule, keys[0], ATC, 0, 4, start) / 2**20 == pytest.approx(-np.log2(atc), abs=2**-15)
        covert = 3 / 4 * max(0.0, 1 - max(0, slack) / (4 * 10))
        assert call(rule, keys[1], COVERT, 0, 4, start) / 2**20 == pytest.approx(-np.log2(covert), abs=2**-15)


def test_due_dates_of_tasks_reach_back_to_earlier_operations() -> None:
    """The last operation is due at 20 and takes 5, so the one before must end at 15; its own date 18 is later."""
    instance = Instance.job_shop([[0, 1, 0]], [[3, 4, 5]], due=[2**53, 18, 20])
    work = instance.derived(shop_view).derived(Work)
    assert work.due.tolist() == [18, 18, 20]
    assert work.latest_end.tolist() == [11, 15, 20]


def test_a_deadline_that_is_missed_leaves_no_schedule() -> None:
    """Rules do not guarantee deadlines; 5 units of work cannot end at 4, nor can they at a fixed later start."""
    late = Instance.job_shop([[0]], [[5]], deadline=[4])
    assert dispatch_batch(late.derived(shop_view), ["mwkr"])[1] is None
    unready = Instance.job_shop([[0, 1]], [[5, 1]], fixed_start=[-1, 4])
    assert dispatch_batch(unready.derived(shop_view), ["mwkr"])[1] is None


def test_operations_without_time_or_machine_are_placed_at_once() -> None:
    """A start and an end activity of duration 0 without a resource."""
    instance = Instance.from_lists(
        [[(0, [])], [(3, [(0, 1)])], [(0, [])]], [1], [(0, 1), (1, 2)], job=[0, 0, 0], job_release=[2]
    )
    _, schedule = dispatch_batch(instance.derived(shop_view), ["spt"])
    assert schedule == Schedule([2, 2, 5])


# -- batch, samples, stage ---------------------------------------------------------------------------


def test_slices_do_not_change_the_result() -> None:
    """Every schedule is carried over from one call to the next, wherever it was cut."""
    view = load("ft06").derived(shop_view)
    settings = {"rules": ["mwkr", "random", "atc"], "schemes": list(SCHEMES), "samples": 4, "seed": 7}
    whole, cut = RuleBatch(view, **settings), RuleBatch(view, **settings)  # type: ignore[arg-type]
    whole.run(2**62)
    while not cut.run(7):
        pass
    assert np.array_equal(whole.values, cut.values)
    assert whole.schedule() == cut.schedule()
    assert whole.best == cut.best


def test_a_sample_depends_on_seed_and_number_alone() -> None:
    """More samples begin with the same ones; another seed gives others."""
    view = load("ft10").derived(shop_view)
    few, many, other = (
        dispatch_batch(view, ["mwkr"], samples=n, seed=seed)[0].ravel() for n, seed in ((5, 1), (20, 1), (20, 2))
    )
    assert np.array_equal(few, many[:5])
    assert many[0] == other[0]
    assert not np.array_equal(many, other)
    assert many.min() < many[0]
    later = RuleBatch(view, ["mwkr"], samples=15, first_sample=5, seed=1)
    later.run(2**62)
    assert np.array_equal(later.values.ravel(), many[5:])


def test_every_kernel_has_one_signature() -> None:
    """A second one would double compile times; read-only and writable arrays keep their places.

    The steps inside are compiled with their kernel; other kernels and tests may call them with other types.
    """
    DispatchingRule().warm()
    dispatch_batch(load("mk01").derived(shop_view), list(RULES), list(SCHEMES), samples=2)
    assert [len(each.signatures) for each in DispatchingRule().kernels] == [1, 1]


def run_stage(instance: Instance, stage: DispatchingRule, budget: Budget | None = None) -> Context:
    context = Context(instance, budget or Budget(), 0, 1)
    stage.run(instance, context)
    return context


def test_best_is_at_least_as_good_as_each_rule() -> None:
    """All rules in both schemes; on ft06 the optimum 55 stays out of reach."""
    instance = load("ft06")
    context = run_stage(instance, make("best"))
    each = [makespan_of(instance, rule, scheme) for rule in RULES for scheme in ("non_delay", "giffler_thompson")]
    assert context.objectives == (min(each),)
    assert context.iterations == len(each)


def test_iterations_count_schedules() -> None:
    """The limit holds to the schedule."""
    context = run_stage(load("ft06"), make("mwkr", samples="1000"), Budget(iterations=30))
    assert context.iterations == 30


def test_contradicting_fixed_starts_are_not_offered() -> None:
    """Two fixed operations overlap on one machine; no rule can mend that."""
    instance = Instance.job_shop([[0], [0]], [[5], [5]], fixed_start=[0, 2])
    assert run_stage(instance, make("mwkr")).incumbent is None


@pytest.mark.parametrize(
    ("argument", "parameters", "message"),
    [
        ("mwrk", {}, "did you mean 'mwkr'"),
        ("mwkr", {"scheme": "nondelay"}, "did you mean 'non_delay'"),
        ("mwkr", {"samples": "0"}, "samples: found 0, expected 1"),
        ("mwkr", {"delta": "101"}, "delta: found 101, expected 0 to 100"),
        ("mwkr", {"colour": "red"}, "unknown parameter 'colour'"),
    ],
)
def test_bad_parameters_are_refused(argument: str, parameters: dict[str, str], message: str) -> None:
    """With what was found and what is known."""
    with pytest.raises(ValueError, match=message):
        make(argument, **parameters)


def test_the_result_names_the_rule_and_the_scheme_that_made_the_schedule() -> None:
    """Numbers of one rule differ by 30 points over the scheme, so neither may be left to a default."""
    assert run_stage(load("ft06"), make("spt")).found_by == "rule:spt,scheme=non_delay"
    best = run_stage(load("ft06"), make("best")).found_by
    assert best is not None
    name, _, rest = best.removeprefix("rule:").partition(",")
    again = run_stage(load("ft06"), make(name, **dict([rest.split("=")])))
    assert again.objectives == run_stage(load("ft06"), make("best")).objectives


def test_an_empty_shop_has_an_empty_schedule() -> None:
    """No jobs: makespan 0."""
    values, schedule = dispatch_batch(Instance.job_shop([], [], 2).derived(shop_view), ["spt"], ["append", "non_delay"])
    assert values.tolist() == [[[0, 0]]]
    assert schedule is not None
    assert schedule.start.size == 0


def test_a_machine_that_closes_for_good_leaves_no_schedule() -> None:
    """Open for 3 units only, and the operation takes 4."""
    closing = Calendar(np.array([0, 2], np.int32), np.array([0, 3]), np.array([1, 0]), np.array([0]))
    for pause in ([0], [1]):
        instance = Instance.job_shop([[0]], [[4]], calendar=closing, pause=pause)
        values, schedule = dispatch_batch(instance.derived(shop_view), ["spt"], list(SCHEMES))
        assert schedule is None
        assert (values == NEVER).all()
