"""Capacity profiles and working windows, against a walk through time."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.calendars import capacity_at, open_windows, profile, work_pieces
from makespan.instances.instance import HORIZON_LIMIT, PAUSE_RELEASES, Calendar, Instance
from tests.oracles.grid_checker import profile_at, running_ticks
from tests.oracles.random_instances import tiny


@pytest.fixture
def shift() -> Instance:
    """One machine, open in [1, 3) of every 4; a pausable task of 5 and a plain one of 2."""
    calendar = Calendar(np.array([0, 3]), np.array([0, 1, 3]), np.array([0, 1, 0]), np.array([4]))
    return Instance.from_lists([[(5, {0: 1})], [(2, {0: 1})]], [1], calendar=calendar, pause=[PAUSE_RELEASES, 0])


def test_work_pieces_by_hand(shift: Instance) -> None:
    """Started at 2: one step, then [5, 7) and [9, 11). The plain task runs straight on."""
    assert work_pieces(shift, 0, 0, 2) == [(2, 3), (5, 7), (9, 11)]
    assert work_pieces(shift, 1, 1, 2) == [(2, 4)]


def test_start_in_a_break_begins_after_it(shift: Instance) -> None:
    """The checker compares the first piece with the start."""
    assert work_pieces(shift, 0, 0, 3)[0] == (5, 7)


def test_profile_covers_time_without_gaps(shift: Instance) -> None:
    """Pieces follow each other from the time asked for."""
    pieces = list(islice(profile(shift, 0, 6), 5))
    assert pieces == [(6, 7, 1), (7, 8, 0), (8, 9, 0), (9, 11, 1), (11, 12, 0)]
    assert capacity_at(shift, 0, 4 * 10**12 + 1) == 1


def test_no_calendar_means_the_capacity_for_ever() -> None:
    """One piece to the end of time."""
    plain = Instance.from_lists([[(1, {0: 1})]], [3])
    assert list(profile(plain, 0, 7)) == [(7, HORIZON_LIMIT, 3)]
    assert list(open_windows(plain, 0, 7)) == [(7, HORIZON_LIMIT)]


@given(st.integers(0, 400), st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_capacity_and_running_agree_with_the_time_grid(seed: int, time: int) -> None:
    """Every resource at a moment, and the steps of every task started then."""
    instance = tiny(seed, {"calendar", "pause", "cumulative", "multi_resource"})
    for k in range(instance.num_resources):
        assert capacity_at(instance, k, time) == profile_at(instance, k, time)
    for task in range(instance.num_tasks):
        ticks = running_ticks(instance, task, task, time)
        if ticks is not None:
            pieces = work_pieces(instance, task, task, time)
            assert [t for low, high in pieces for t in range(low, high)] == ticks


def test_a_task_that_pauses_beyond_measure_is_refused() -> None:
    """One step of work in every two, for 2**40 steps: listing the pieces would take for ever."""
    calendar = Calendar(np.array([0, 2]), np.array([0, 1]), np.array([1, 0]), np.array([2]))
    instance = Instance.from_lists([[(2**40, ((0, 1),))]], [1], calendar=calendar, pause=[PAUSE_RELEASES])
    with pytest.raises(ValueError, match="pauses more than"):
        work_pieces(instance, 0, 0, 0)
