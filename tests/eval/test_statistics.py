"""Statistics against numbers worked out by hand, by enumeration, or published."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makespan.eval.statistics import (
    bootstrap_interval,
    cliques,
    complete_rows,
    critical_difference,
    friedman,
    holm,
    mean_ranks,
    performance_ratios,
    share_within,
    wilcoxon,
    wins_ties_losses,
)


def enumerated_p(difference: list[float]) -> float:
    """Two-sided p-value of the signed-rank test, from all signs that the differences could have had."""
    ranks = np.argsort(np.argsort(np.abs(difference))) + 1
    total = ranks.sum()
    seen = ranks[np.array(difference) > 0].sum()
    least = min(seen, total - seen)
    sums = [np.dot(signs, ranks) for signs in itertools.product((0, 1), repeat=len(difference))]
    return min(1.0, 2 * float(np.mean([each <= least for each in sums])))


@pytest.mark.parametrize("difference", [[1, 2, 3, 4, 5], [1, -2, 3, 4, -5, 6], [-0.1, 0.3, 0.2, 0.5, 0.4, 0.9, 0.7]])
def test_wilcoxon_counts_the_signs_that_are_as_extreme(difference: list[float]) -> None:
    """Five differences of one sign have p = 2 / 2**5."""
    assert wilcoxon(difference) == pytest.approx(enumerated_p(difference))


def test_wilcoxon_drops_differences_of_zero() -> None:
    """They say nothing about the sign; where only they are left, nothing is shown."""
    assert wilcoxon([0, 1, 2, 0, 3, 4, 5]) == pytest.approx(2 / 2**5)
    assert wilcoxon([0.0, 0.0]) == 1.0 and wilcoxon([]) == 1.0


def test_holm_multiplies_by_the_tests_that_are_left() -> None:
    """0.01 x 4, 0.02 x 3, 0.03 x 2, then never below the one before; above 1 is 1."""
    assert holm([0.01, 0.04, 0.03, 0.02]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert holm([0.9, 0.5]) == pytest.approx([1.0, 1.0])
    assert np.isnan(holm([np.nan, 0.02])[0]) and holm([np.nan, 0.02])[1] == pytest.approx(0.02)


def test_the_interval_of_equal_values_is_the_value() -> None:
    """Nothing varies, so nothing is uncertain."""
    assert bootstrap_interval([0.25] * 7) == (0.25, 0.25)
    assert np.isnan(bootstrap_interval([])).all()


def test_the_interval_covers_the_mean_about_as_often_as_it_says() -> None:
    """Of 120 samples of 25 skewed values, the 95 % interval misses the true mean in about 6 to 12 (exponential values
    are hard for every bootstrap)."""
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(120):
        low, high = bootstrap_interval(rng.exponential(1.0, 25), resamples=999)
        hits += low <= 1.0 <= high
    assert 102 <= hits <= 120


def test_the_interval_agrees_with_the_normal_one_for_many_values() -> None:
    """By the central limit theorem: mean +- 1.96 standard errors."""
    value = np.random.default_rng(0).normal(3.0, 2.0, 400)
    error = value.std(ddof=1) / 20
    assert bootstrap_interval(value) == pytest.approx(
        (value.mean() - 1.96 * error, value.mean() + 1.96 * error), abs=0.04
    )


def test_wins_ties_and_losses_forgive_rounding() -> None:
    """Smaller is better; 1e-12 is no win."""
    assert wins_ties_losses([-0.1, 1e-12, 0.0, 0.2, 0.3]) == (1, 2, 2)


def test_tied_solvers_share_their_ranks() -> None:
    """Row by row 1 2 3, 1.5 1.5 3 and 3 2 1, counted by hand."""
    score = np.array([[0.1, 0.2, 0.3], [0.0, 0.0, 0.5], [3.0, 2.0, 1.0]])
    assert mean_ranks(score) == pytest.approx([5.5 / 3, 5.5 / 3, 7 / 3])


def test_rows_with_a_gap_are_left_out_of_ranks() -> None:
    """A rank among some solvers is no rank among all."""
    assert complete_rows(np.array([[1.0, np.nan], [2.0, 3.0]])).tolist() == [[2.0, 3.0]]


def test_the_critical_difference_is_the_published_one() -> None:
    """Four classifiers on 14 data sets: 1.25 (Demšar 2006, section 3.2.2); two solvers: 1.96 / sqrt(n)."""
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(2, 25) == pytest.approx(1.96 / 5, abs=0.001)
    with pytest.raises(ValueError, match="expected 2 and 1 or more"):
        critical_difference(1, 3)


def test_friedman_agrees_with_the_formula_by_hand() -> None:
    """Without ties chi2 = 12 n / (k (k + 1)) (sum R**2 - k (k + 1)**2 / 4); 2 degrees: p = exp(-chi2 / 2)."""
    score = np.array([[1, 2, 3], [1, 3, 2], [1, 2, 3], [2, 1, 3], [1, 2, 3]], np.float64)
    rank = mean_ranks(score)
    chi2 = 12 * 5 / 12 * (float((rank**2).sum()) - 3 * 16 / 4)
    assert friedman(score) == pytest.approx(np.exp(-chi2 / 2))
    assert np.isnan(friedman(score[:, :2])) and friedman(np.ones((4, 3))) == 1.0


def test_cliques_are_the_longest_runs_within_the_difference() -> None:
    """1.0-1.8 and 1.8-2.6 are within 0.9, and 4.0 stands alone; a clique inside another is not named."""
    rank = np.array([1.0, 1.8, 2.6, 4.0])
    assert cliques(rank, 0.9) == [(0, 1), (1, 2)]
    assert cliques(rank, 2.0) == [(0, 2), (2, 3)]
    assert cliques(rank, 0.5) == []


def test_performance_ratios_are_to_the_best_of_the_row() -> None:
    """Not played stays out, no schedule is infinitely bad, and a row in which nobody found anything says nothing."""
    objective = np.array([[10.0, 12.0, np.nan], [8.0, np.inf, 4.0], [np.inf, np.inf, np.inf], [0.0, 5.0, 1.0]])
    ratio = performance_ratios(objective)
    assert ratio[0, :2].tolist() == [1.0, 1.2] and np.isnan(ratio[0, 2])
    assert ratio[1].tolist() == [2.0, np.inf, 1.0]
    assert np.isnan(ratio[2:]).all()


@given(st.lists(st.floats(0, 10), min_size=1), st.floats(0, 10))
def test_share_within_counts_the_values_up_to_the_limit(value: list[float], limit: float) -> None:
    """One by one, with the same forgiveness for rounding; infinity counts as a value that no limit reaches."""
    wanted = sum(each <= limit * (1 + 1e-9) for each in value) / (len(value) + 1)
    assert share_within([*value, np.inf, np.nan], [limit])[0] == pytest.approx(wanted)
