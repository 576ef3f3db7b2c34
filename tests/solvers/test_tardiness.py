"""One machine, total tardiness: rules against their formulas, the exact method against exhaustive search and CP-SAT."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.check import check
from makespan.instances.generators import generate
from makespan.instances.generators.cetinkaya import DUE_RANGES, TARDINESS_FACTORS, one_machine
from makespan.instances.instance import HORIZON_LIMIT, Instance
from makespan.solvers.api import Budget, Status, solve
from makespan.solvers.tardiness import one_machine_jobs
from makespan.solvers.tardiness_exact import least_tardiness
from makespan.solvers.tardiness_rules import RULES, Jobs, augment_sequence, augmented, total_tardiness
from tests.oracles.one_machine import best_of_all_orders, best_over_sets, tardiness_of

few = st.integers(1, 4)  # many ties
many = st.integers(0, 30)


def locked(duration: Sequence[int], due: Sequence[int]) -> Jobs:
    arrays = [np.array(values, np.int64) for values in (duration, due)]
    for array in arrays:
        array.setflags(write=False)
    return Jobs(*arrays)


@st.composite
def problems(draw: st.DrawFn, most: int = 7) -> tuple[list[int], list[int]]:
    n = draw(st.integers(1, most))
    duration = draw(st.lists(st.one_of(few, many), min_size=n, max_size=n))
    due = draw(st.lists(st.integers(-10, sum(duration) + 5), min_size=n, max_size=n))
    return duration, due


def drawn(jobs: int, due_range: float, factor: float, seed: int, **others: Any) -> Instance:
    return generate("tardiness", jobs=jobs, due_range=due_range, tardiness_factor=factor, seed=seed, **others)


# -- the published example --------------------------------------------------------------------------

EXAMPLE = locked([10, 11, 10, 10, 11, 10], [15, 11, 13, 11, 12, 11])


@pytest.mark.parametrize(
    ("rule", "order", "value"), [("mddc", [3, 5, 2, 0, 1, 4], 141), ("mdd", [1, 0, 2, 3, 5, 4], 144)]
)
def test_rules_reproduce_the_published_example(rule: str, order: list[int], value: int) -> None:
    """Çetinkaya et al. (2025): six jobs on which MDDC is optimal and MDD is not."""
    found = RULES[rule].order(EXAMPLE)
    assert (found.tolist(), total_tardiness(EXAMPLE, found)) == (order, value)
    assert best_of_all_orders(EXAMPLE.duration.tolist(), EXAMPLE.due.tolist()) == 141


# -- rules ------------------------------------------------------------------------------------------


@given(problems(10), st.sampled_from(list(RULES)))
@settings(max_examples=80, deadline=None)
def test_every_rule_names_every_job_once(problem: tuple[list[int], list[int]], rule: str) -> None:
    """With and without augmentation, which never makes a sequence worse."""
    jobs = locked(*problem)
    order = RULES[rule].order(jobs)
    better = augmented(jobs, order)
    assert sorted(order.tolist()) == sorted(better.tolist()) == list(range(len(problem[0])))
    assert total_tardiness(jobs, order) == tardiness_of(*problem, order.tolist())
    assert total_tardiness(jobs, better) <= total_tardiness(jobs, order)


@given(problems(12))
@settings(max_examples=100, deadline=None)
def test_eddc_as_printed_is_edd(problem: tuple[list[int], list[int]]) -> None:
    """Its loop asks for a due date below that of the job before, which a sorted sequence never has."""
    jobs = locked(*problem)
    assert RULES["eddc"].order(jobs).tolist() == RULES["edd"].order(jobs).tolist()


def mddc_by_fractions(duration: list[int], due: list[int]) -> list[int]:
    """The formula with exact numbers, except for 1.1, which is the double that everybody types."""
    left, time, order = set(range(len(due))), 0, []
    while left:
        longest = max(duration[i] for i in left)
        mean = Fraction(sum(duration[i] for i in left), len(left))

        def index(j: int, longest: int = longest, mean: Fraction = mean, time: int = time) -> Fraction:
            value = max(Fraction(1.1) * duration[j] + time, Fraction(due[j]))
            ratio = min(Fraction(duration[j], time + longest), Fraction(1))
            value *= 1 + ratio**2 / (1 + ratio**2)
            return value + duration[j] / (time + mean)

        chosen = min(left, key=lambda j: (index(j), duration[j], due[j], j))
        order.append(chosen)
        left.remove(chosen)
        time += duration[chosen]
    return order


def test_mddc_follows_its_formula() -> None:
    """Against the formula in exact fractions, on classes where two indices are never a rounding apart."""
    for seed in range(30):
        instance = drawn(15, DUE_RANGES[seed % 5], TARDINESS_FACTORS[seed % 4], seed)
        jobs, _ = one_machine_jobs(instance)
        assert RULES["mddc"].order(jobs).tolist() == mddc_by_fractions(jobs.duration.tolist(), jobs.due.tolist())


def augmented_by_definition(duration: list[int], due: list[int], order: list[int]) -> list[int]:
    """After each job, each other one in turn is tried at the end of the part so far."""
    part: list[int] = []
    for job in order:
        part.append(job)
        for other in part[:-1]:
            tried = [each for each in part if each != other] + [other]
            if tardiness_of(duration, due, tried) < tardiness_of(duration, due, part):
                part = tried
    return part


@given(problems(9), st.sampled_from(list(RULES)))
@settings(max_examples=80, deadline=None)
def test_augmentation_follows_its_definition(problem: tuple[list[int], list[int]], rule: str) -> None:
    """The kernel keeps running sums; the definition computes every tardiness anew."""
    jobs = locked(*problem)
    order = RULES[rule].order(jobs)
    assert augmented(jobs, order).tolist() == augmented_by_definition(*problem, order.tolist())


def psk_by_steps(duration: list[int], due: list[int]) -> list[int]:
    """The eight steps of the rule as a machine with jumps, to be compared with the loop."""
    unscheduled = sorted(range(len(due)), key=lambda j: (duration[j], due[j], j))
    scheduled: list[int] = []
    time = 0
    while unscheduled:
        i = 0
        while True:
            if time + duration[unscheduled[i]] >= due[unscheduled[i]]:
                break
            j = i + 1
            changed = False
            while j < len(unscheduled):
                if due[unscheduled[i]] <= time + duration[unscheduled[j]]:
                    break
                if due[unscheduled[i]] > due[unscheduled[j]]:
                    i, changed = j, True
                    break
                j += 1
            if not changed:
                break
        time += duration[unscheduled[i]]
        scheduled.append(unscheduled.pop(i))
    return scheduled


@given(problems(9))
@settings(max_examples=100, deadline=None)
def test_psk_follows_its_steps(problem: tuple[list[int], list[int]]) -> None:
    """One pass over the candidates does what the jumps of the steps do."""
    assert RULES["psk"].order(locked(*problem)).tolist() == psk_by_steps(*problem)


@given(problems(8))
@settings(max_examples=100, deadline=None)
def test_mdd_takes_the_least_modified_due_date(problem: tuple[list[int], list[int]]) -> None:
    """Job by job: nobody left had a smaller one, and of equals the lowest number goes first."""
    duration, due = problem
    order, time = RULES["mdd"].order(locked(*problem)).tolist(), 0
    for place, job in enumerate(order):
        left = order[place:]
        assert (max(time + duration[job], due[job]), job) == min((max(time + duration[j], due[j]), j) for j in left)
        time += duration[job]


# -- the exact method -------------------------------------------------------------------------------


@given(problems(8))
@settings(max_examples=200, deadline=None)
def test_the_decomposition_finds_the_best_order(problem: tuple[list[int], list[int]]) -> None:
    """Many ties, zero durations and negative due dates: where theorems about positions go wrong first."""
    order = least_tardiness(locked(*problem))
    assert order is not None and sorted(order.tolist()) == list(range(len(problem[0])))
    assert tardiness_of(*problem, order.tolist()) == best_over_sets(*problem)


@given(problems(6))
@settings(max_examples=50, deadline=None)
def test_dynamic_programming_over_sets_finds_the_best_of_all_orders(problem: tuple[list[int], list[int]]) -> None:
    """So that the oracle of the larger tests rests on one that nobody doubts."""
    assert best_over_sets(*problem) == best_of_all_orders(*problem)


@pytest.mark.parametrize("due_range", DUE_RANGES)
def test_the_decomposition_agrees_with_dynamic_programming_over_sets(due_range: float) -> None:
    """Twelve jobs in every class of the paper."""
    for seed, factor in enumerate(TARDINESS_FACTORS):
        jobs, _ = one_machine_jobs(drawn(12, due_range, factor, seed))
        order = least_tardiness(jobs)
        assert order is not None
        assert total_tardiness(jobs, order) == best_over_sets(jobs.duration.tolist(), jobs.due.tolist())


@pytest.mark.parametrize("seed", range(4))
def test_cp_sat_finds_and_proves_the_same_value(seed: int) -> None:
    """A model that knows nothing of one machine, on due dates of which some have passed already."""
    instance = drawn(8, 0.8, (0.4, 0.6, 0.8, 0.8)[seed], seed)
    exact, model = (solve(instance, spec, Budget(seconds=60)) for spec in ("tardiness:exact", "cpsat"))
    assert exact.status is model.status is Status.OPTIMAL
    assert exact.objective == model.objective == exact.lower_bound


def test_the_published_order_of_the_rules_holds() -> None:
    """20 jobs, two of each class: EDD tens of per cent above the optimum, MDD and MDDC near two, less augmented."""
    total = dict.fromkeys((*RULES, "augmented"), 0)
    best = 0
    for due_range in DUE_RANGES:
        for factor in TARDINESS_FACTORS:
            for seed in range(2):
                jobs, _ = one_machine_jobs(drawn(20, due_range, factor, seed))
                exact = least_tardiness(jobs)
                assert exact is not None
                best += total_tardiness(jobs, exact)
                for name, rule in RULES.items():
                    total[name] += total_tardiness(jobs, rule.order(jobs))
                total["augmented"] += total_tardiness(jobs, augmented(jobs, RULES["mddc"].order(jobs)))
    assert best <= total["augmented"] < min(total["mdd"], total["mddc"]) < 1.1 * best < total["edd"]


def test_a_search_that_is_told_to_stop_returns_nothing() -> None:
    """And says how much it did, so that limits of iterations hold."""
    jobs, _ = one_machine_jobs(drawn(100, 0.2, 0.6, 0))
    counted: list[int] = []

    def go_on(solved: int) -> bool:
        counted.append(solved)
        return len(counted) < 3

    assert least_tardiness(jobs, go_on) is None and len(counted) == 3


# -- the stage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["tardiness:mddc", "tardiness:best,augment=true", "tardiness:exact"])
def test_schedules_pass_the_check_and_repeat(spec: str) -> None:
    """Same seed and iterations, same schedule; the objective is that of the due dates as drawn."""
    instance = drawn(12, 1.0, 0.8, 3)
    first, second = (solve(instance, spec, Budget(iterations=5000)) for _ in range(2))
    assert first.schedule is not None and first.schedule == second.schedule and first.iterations == second.iterations
    assert check(instance, first.schedule) == []
    assert first.found_by is not None and first.found_by.startswith("tardiness:")
    assert len(augment_sequence.signatures) <= 1  # a second one would mean that arrays come as another type


def test_negative_due_dates_stand_as_drawn() -> None:
    """All jobs are released and due later by the same time, which changes no tardiness."""
    duration, due = [5, 3, 4], [-7, 2, 0]
    instance = one_machine(duration, due)
    jobs, begin = one_machine_jobs(instance)
    assert begin == 7 and jobs.due.tolist() == due and jobs.duration.tolist() == duration
    assert solve(instance, "tardiness:exact").objective == best_of_all_orders(duration, due)
    clipped = drawn(20, 1.0, 0.8, 0, clip=True)
    assert clipped.job_release is None and drawn(20, 1.0, 0.8, 0).job_release is not None


def test_jobs_without_a_due_date_are_never_late() -> None:
    """They go where they do no harm."""
    instance = one_machine([4, 2, 3], [HORIZON_LIMIT, 3, 4])
    assert solve(instance, "tardiness:exact").objective == 1


def test_without_time_for_the_optimum_there_is_a_schedule() -> None:
    """The modified due date comes first."""
    result = solve(drawn(300, 0.2, 0.6, 0), "tardiness:exact", Budget(iterations=2000))
    assert result.status is Status.FEASIBLE and result.found_by == "tardiness:mdd"


@pytest.mark.parametrize(
    ("instance", "words"),
    [
        (Instance.job_shop([[0, 1]], [[1, 2]]), "found objective makespan, expected total_tardiness"),
        (Instance.job_shop([[0], [1]], [[1], [2]], job_due=[1, 1], objective=("total_tardiness",)), "2 machines"),
        (
            Instance.job_shop(
                [[0], [0]], [[1], [2]], job_due=[1, 1], job_release=[0, 1], objective=("total_tardiness",)
            ),
            "release dates from 0 to 1, expected one for all",
        ),
        (
            Instance.from_lists([[(1, {0: 1})]] * 2, [1], [(0, 1)], due=[1, 1], objective=("total_tardiness",)),
            "found 1 precedence arcs, expected none",
        ),
        (
            Instance.job_shop([[0]], [[1]], job_due=[1], due=[1], objective=("total_tardiness",)),
            "due dates of tasks and of jobs",
        ),
    ],
)
def test_what_is_no_such_problem_is_refused_in_one_sentence(instance: Instance, words: str) -> None:
    """The features cannot tell one machine from two, so the stage itself says what it found."""
    result = solve(instance, "tardiness:exact")
    assert result.status is Status.UNKNOWN and words in result.message


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("tardiness:mdcd", "unknown method 'mdcd'.*did you mean"),
        ("tardiness:exact,augment=true", "expected it with a rule"),
    ],
)
def test_a_method_that_does_not_exist_is_refused(spec: str, words: str) -> None:
    """With the nearest that does."""
    with pytest.raises(ValueError, match=words):
        solve(drawn(5, 0.2, 0.2, 0), spec)


# -- the generator ----------------------------------------------------------------------------------


def test_due_dates_lie_where_the_class_says() -> None:
    """Within P (1 - F -+ R / 2), and wide: the ends are nearly reached by 500 jobs."""
    for due_range in DUE_RANGES:
        for factor in TARDINESS_FACTORS:
            jobs, _ = one_machine_jobs(drawn(500, due_range, factor, 1))
            total = int(jobs.duration.sum())
            low, high = (total * (1 - factor + side * due_range / 2) for side in (-1, 1))
            assert low - 1 <= jobs.due.min() <= low + 0.02 * total and high - 0.02 * total <= jobs.due.max() <= high + 1
            assert (jobs.duration.min(), jobs.duration.max()) == (1, 100)


def test_normal_durations_have_mean_60_and_deviation_20() -> None:
    """The paper's instances out of sample."""
    duration = drawn(5000, 0.4, 0.4, 0, normal=True).duration
    assert duration.min() >= 1
    assert duration.mean() == pytest.approx(60, abs=1) and duration.std() == pytest.approx(20, abs=1)
