"""Traces: what they say between their points, against readings by hand and a walk in plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makespan.eval.anytime import Trace, improvements, objective_at, primal_integral, time_to_target

# Bound first, 120 after 1 s, 100 after 4 s; nothing; 100 at once.
TRACES: list[Trace] = [
    [(0.5, None, 90), (1.0, 120, 90), (2.0, 120, 95), (4.0, 100, 95)],
    [(0.1, None, 5)],
    [(0.0, 100, 100)],
]
REFERENCE = np.array([100.0, 100.0, 100.0])
HORIZON = np.array([10.0, 10.0, 10.0])


def test_only_falling_objectives_are_improvements() -> None:
    """A change of the bound alone is none."""
    traces = improvements(TRACES)
    assert traces.ptr.tolist() == [0, 2, 2, 3]
    assert traces.seconds.tolist() == [1.0, 4.0, 0.0] and traces.objective.tolist() == [120, 100, 100]


def test_a_run_without_a_trace_counts_from_its_end() -> None:
    """An imported run may come with its objective alone."""
    traces = improvements([[], []], [(7.0, 55.0), (3.0, float("nan"))])
    assert traces.seconds.tolist() == [7.0] and traces.ptr.tolist() == [0, 1, 1]


def test_the_objective_holds_until_the_next_one() -> None:
    """Read off the traces above at 0.5, 1, 3.9 and 100 seconds."""
    found = objective_at(improvements(TRACES), np.array([0.5, 1.0, 3.9, 100.0]))
    assert found[0, 1:].tolist() == [120, 120, 100] and np.isnan(found[0, 0])
    assert np.isnan(found[1]).all() and found[2].tolist() == [100] * 4


def test_time_to_target_is_the_first_time_at_or_below_it() -> None:
    """120 is reached after 1 s, 119 only after 4 s, 99 never."""
    traces = improvements([TRACES[0]] * 4)
    found = time_to_target(traces, np.array([120.0, 119.0, 99.0, np.nan]))
    assert found[:3].tolist() == [1.0, 4.0, np.inf] and np.isnan(found[3])


def test_the_primal_integral_by_hand() -> None:
    """1 for the first second, 20 / 120 for the next three, 0 for the last six; 1 throughout; 0 throughout."""
    assert primal_integral(improvements(TRACES), REFERENCE, HORIZON) == pytest.approx(
        [(1 + 3 * 20 / 120) / 10, 1.0, 0.0]
    )


def test_opposite_signs_are_as_bad_as_no_schedule_and_a_new_best_is_no_gap() -> None:
    """As Berthold defines it for signs; below the reference there is nothing left to wait for."""
    traces = improvements([[(0.0, 5, None)], [(0.0, 90, None)]])
    found = primal_integral(traces, np.array([-5.0, 100.0]), np.array([1.0, 1.0]))
    assert found.tolist() == [1.0, 0.0]


def walked(trace: list[tuple[float, int, None]], reference: float, horizon: float) -> float:
    """The primal integral by walking from point to point."""
    area, gap, last = 0.0, 1.0, 0.0
    for at, value, _ in trace:
        until = min(at, horizon)
        area, last = area + gap * (until - last), until
        gap = 0.0 if value <= reference else (value - reference) / value
    return (area + gap * (horizon - last)) / horizon


@given(st.lists(st.lists(st.tuples(st.floats(0, 20), st.integers(50, 400)), max_size=6), min_size=1, max_size=5))
def test_the_primal_integral_of_many_runs_agrees_with_a_walk(points: list[list[tuple[float, int]]]) -> None:
    """Also where a run is over before its horizon or goes on after it."""
    runs = []
    for some in points:
        times, values = sorted(at for at, _ in some), sorted({value for _, value in some}, reverse=True)
        runs.append([(at, value, None) for at, value in zip(times, values, strict=False)])
    reference, horizon = np.full(len(runs), 100.0), np.full(len(runs), 10.0)
    found = primal_integral(improvements(runs), reference, horizon)
    assert found == pytest.approx([walked(run, 100.0, 10.0) for run in runs])
