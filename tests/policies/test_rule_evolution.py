"""Evolving rules: selection by two objectives, changes that keep expressions whole, and honest measures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.envs.sources import generator
from makespan.instances.instance import Instance
from makespan.instances.shop_view import shop_view
from makespan.policies.pareto import distances, ranks, survivors
from makespan.policies.rule_evolution import (
    UNIT,
    VALIDATION_SEED,
    Evolution,
    Yardstick,
    changed,
    chosen,
    crossed,
    evolve,
    first_population,
    grown,
    part,
    shorter,
)
from makespan.solvers.dispatching import dispatch_batch
from makespan.solvers.rule_expressions import Expression, parse_expression

TINY = Evolution(
    instances=("uniform,jobs=5,machines=4", "uniform,jobs=8,machines=3"),
    count=6,
    validation_count=8,
    population=16,
    generations=4,
    most_tokens=9,
)

objectives = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=14).map(np.array)


@settings(max_examples=80, deadline=None)
@given(objectives)
def test_fronts_are_peeled_off_one_by_one(values: np.ndarray) -> None:
    """A row is on the first front if none is at least as good in both and better in one; then the next ones."""
    rank, rows = ranks(values), [tuple(row) for row in values.tolist()]
    left, front = set(range(len(rows))), 0
    while left:
        first = {
            i
            for i in left
            if not any(rows[j][0] <= rows[i][0] and rows[j][1] <= rows[i][1] and rows[j] != rows[i] for j in left)
        }
        assert {i for i in left if rank[i] == front} == first
        left, front = left - first, front + 1


@settings(max_examples=80, deadline=None)
@given(objectives, st.integers(1, 14))
def test_survivors_keep_the_best_of_each_objective(values: np.ndarray, number: int) -> None:
    """Both ends of the first front stay, and nothing goes for what it dominates, unless its like is there already."""
    kept = survivors(values, number)
    assert kept.size == min(number, len(values)) and np.unique(kept).size == kept.size
    gone = np.setdiff1d(np.arange(len(values)), kept)
    for i in gone:
        again = (values[kept] == values[i]).all(axis=1).any()
        for j in kept:
            assert again or not ((values[i] <= values[j]).all() and (values[i] < values[j]).any())
    if number >= 2:
        assert values[kept].min(axis=0).tolist() == values.min(axis=0).tolist()


def test_distances_by_hand() -> None:
    """The ends of a front are infinitely far; in between the neighbours' gaps count, as parts of the span."""
    values = np.array([[0, 8], [1, 4], [4, 2], [10, 0], [10, 9]])
    assert distances(values, ranks(values)).tolist() == pytest.approx([np.inf, 0.4 + 0.75, 0.9 + 0.5, np.inf, np.inf])


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32))
def test_changes_keep_expressions_whole(seed: int) -> None:
    """Parts are cut where subtrees begin and end, so whatever comes out can be read and played."""
    rng = np.random.default_rng(seed)
    one, other = (grown(TINY, 3, rng) for _ in range(2))
    for last in range(len(one)):
        begin, end = part(one, last)
        Expression(one[begin:end])
        assert end == last + 1
    for made in (crossed(one, other, rng), changed(one, TINY, rng)):
        assert str(Expression(made))


def test_nothing_is_kept_for_nothing() -> None:
    """One operand may stand for an operator, and on the front none of these is as good and shorter."""
    tokens = parse_expression("p + (R - Q)").tokens
    assert {str(Expression(each)) for each in shorter(tokens)} == {"p", "R - Q", "p + R", "p + Q"}
    front = evolve(TINY)
    yardstick = Yardstick(TINY, TINY.count, TINY.seed)
    for each in front:
        smaller = [Expression(tokens) for tokens in shorter(each.expression.tokens)]
        assert not smaller or yardstick.quality(smaller).min() > each.training * UNIT - 0.5


def test_the_first_population_is_made_of_the_letters_given() -> None:
    """Known rules among it, if their letters are."""
    population = first_population(Evolution(quantities="pR", population=30), np.random.default_rng(0))
    assert len(set(population)) == len(population) == 30
    assert parse_expression("-(p + R)").tokens in population and parse_expression("-n").tokens not in population
    assert all(set(tokens).isdisjoint("DnxatdswPQW") for tokens in population)


def test_the_reference_is_one() -> None:
    """FDD/MWKR written as an expression is as good as itself; quality is a mean of ratios, so sizes count alike."""
    yardstick = Yardstick(TINY, 6, 0)
    good, longest = yardstick.quality([parse_expression("(D + p) / (p + R)"), parse_expression("-p")]).tolist()
    assert good == UNIT
    ratios = []
    for number in range(6):
        view = shop_of(number, 0).derived(shop_view)
        values = dispatch_batch(view, ["lpt", "fdd_mwkr"])[0].ravel()
        ratios.append(values[0] / values[1])
    assert longest / UNIT == pytest.approx(np.mean(ratios), abs=1e-5)


def shop_of(number: int, seed: int) -> Instance:
    """Instance ``number`` of a run of TINY."""
    return generator(TINY.instances[number % 2])(np.random.default_rng([seed, number]), number)


def test_a_run_leaves_a_front_and_repeats() -> None:
    """Longer rules are better where they evolved; measures are those of other instances; threads change nothing."""
    front = evolve(TINY)
    assert front == evolve(Evolution(**{**vars(TINY), "threads": 2}))
    sizes, training = [each.expression.size for each in front], [each.training for each in front]
    assert sizes == sorted(set(sizes)) and training == sorted(training, reverse=True) and max(sizes) <= 9
    assert training[-1] <= 1
    assert chosen(front).validation == min(each.validation for each in front)
    yardstick = Yardstick(TINY, TINY.validation_count, VALIDATION_SEED)
    assert [each.validation * UNIT for each in front] == pytest.approx(
        yardstick.quality([each.expression for each in front]).tolist()
    )


def test_no_generation_is_worse_than_the_one_before() -> None:
    """The best stays until a better one comes."""
    best = list[float]()
    evolve(TINY, lambda generation: best.append(generation.best))
    assert len(best) == 5 and best == sorted(best, reverse=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", 0),
        ("population", 1),
        ("instances", ()),
        ("scheme", "fast"),
        ("quantities", "pZ"),
        ("quantities", ""),
        ("most_tokens", 65),
        ("crossover", 1.5),
    ],
)
def test_settings_out_of_range_are_refused(name: str, value: object) -> None:
    """By name, with what was found and what was expected."""
    with pytest.raises(ValueError, match=f"{name}: found"):
        Evolution(**{name: value})  # type: ignore[arg-type]
