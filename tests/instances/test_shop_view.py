"""The shop view: numbering, merged fields, calendars as windows, and what has no view."""

from __future__ import annotations

import numpy as np
import pytest

from makespan.instances.instance import Calendar, Instance, Setup
from makespan.instances.shop_view import shop_view


def test_operations_are_numbered_job_by_job_along_the_chains() -> None:
    """Tasks 3 -> 0 -> 2 form job 0, task 1 job 1; job 2 has no task; tasks 4 -> 5 belong to no job and come last."""
    modes = [[(t + 1, [(0, 1)])] for t in range(6)]
    instance = Instance.from_lists(
        modes, [1], [(3, 0), (0, 2)], job=[0, 1, 0, 0, -1, -1], num_jobs=3, job_due=[9, 8, 7]
    )
    view = instance.derived(shop_view)
    assert view.job_ptr.tolist() == [0, 3, 4, 4, 5, 6]
    assert view.task.tolist() == [3, 0, 2, 1, 4, 5]
    assert view.duration.tolist() == [4, 1, 3, 2, 5, 6]
    assert view.real_jobs == 3
    assert view.job_due.tolist() == [9, 8, 7, 2**53, 2**53]


def test_chains_without_jobs_become_jobs() -> None:
    """2 -> 0 and 1 -> 3: numbered by their lowest task."""
    instance = Instance.from_lists([[(1, [(0, 1)])]] * 4, [1], [(2, 0), (1, 3)])
    view = instance.derived(shop_view)
    assert view.task.tolist() == [2, 0, 1, 3]
    assert view.job_ptr.tolist() == [0, 2, 4]


def test_fixed_modes_leave_one_mode() -> None:
    """A fixed mode, a fixed start with free modes (its shortest), and a free operation."""
    alternatives = [(0, 5), (1, 3)]
    instance = Instance.flexible_job_shop(
        [[alternatives], [alternatives], [alternatives]], fixed_mode=[0, -1, -1], fixed_start=[-1, 4, -1]
    )
    view = instance.derived(shop_view)
    assert view.mode_ptr.tolist() == [0, 1, 2, 4]
    assert view.mode_in_task.tolist() == [0, 1, 0, 1]
    assert view.machine.tolist() == [0, 1, 0, 1]
    assert view.fixed_end.tolist() == [-1, 7, -1]
    assert view.fixed_order.tolist() == [1]
    assert view.line_ptr.tolist() == [0, 2, 4]


def test_release_is_the_latest_of_task_job_and_now() -> None:
    """Task 5, job 3, now 4."""
    instance = Instance.job_shop([[0, 1], [0]], [[1, 1], [1]], release=[5, 0, 0], job_release=[3, 6], now=4)
    assert instance.derived(shop_view).release.tolist() == [5, 4, 6]


def test_arrays_are_read_only_int64_and_kept() -> None:
    """The kernels compile for one type of array only."""
    instance = Instance.job_shop(
        [[0, 1]], [[1, 1]], setup=Setup(*(np.zeros(2, np.int32), np.ones((1, 1), np.int64), np.zeros(2, np.int32)))
    )
    view = instance.derived(shop_view)
    assert view is instance.derived(shop_view)
    arrays = [value for value in vars(view).values() if isinstance(value, np.ndarray)]
    assert len(arrays) == 29
    assert all(a.dtype == np.int64 and not a.flags.writeable for a in arrays)


@pytest.mark.parametrize(
    ("instance", "word"),
    [
        (Instance.open_shop([[1, 2]]), "multi_resource"),
        (Instance.flow_shop([[1, 2]]), "permutation"),
        (Instance.job_shop([[0, 1]], [[1, 1]], no_wait=True), "no_wait"),
        (Instance.rcpsp([1, 1, 1], [[1], [1], [1]], [1], [[1, 2], [], []]), "network"),
        (Instance.rcpsp([1], [[2]], [2], [[]]), "cumulative"),
    ],
)
def test_what_is_no_job_shop_has_no_view(instance: Instance, word: str) -> None:
    """The sentence names the feature."""
    with pytest.raises(ValueError, match=word):
        shop_view(instance)


def test_windows_join_over_the_end_of_a_period() -> None:
    """Open 0-2 and 6-10 of every 10 is open from 6 to 12; an open machine has no windows."""
    calendar = Calendar(
        np.array([0, 3, 4], np.int32), np.array([0, 2, 6, 0]), np.array([1, 0, 1, 1]), np.array([10, 0])
    )
    view = Instance.job_shop([[0, 1]], [[1, 1]], calendar=calendar).derived(shop_view)
    assert view.window_ptr.tolist() == [0, 1, 1]
    assert (view.window_begin.tolist(), view.window_end.tolist()) == ([6], [12])
    assert view.always_open.tolist() == [0, 1]
