"""The time that is left."""

from dataclasses import replace

import pytest

from makespan.eval.benchmark import plan
from makespan.eval.forecast import Forecast
from makespan.eval.play import failed_run
from makespan.eval.suite import Limits, Suite
from makespan.solvers.api import Budget


def test_the_time_left_counts_runs_of_the_same_kind() -> None:
    """A rule that takes one second and a search that takes its ten: a mean over both would be far off."""
    limits = (Limits(Budget(seconds=10)),)
    tasks = plan(Suite("test", ("rule:spt", "tabu"), ("@ft06",), limits, seeds=(0, 1, 2)))
    forecast = Forecast(tasks, workers=1)
    assert forecast.seconds_left() == 60
    for task in tasks[:2]:
        seconds = 1.0 if task.key.solver == "rule:spt" else 12.0
        forecast.finished(replace(failed_run(task, ""), wall_seconds=seconds))
    assert forecast.seconds_left() == pytest.approx(2 * 1 + 2 * 12)
    assert Forecast(tasks, workers=2).seconds_left() == 30
    for task in tasks[2:]:
        forecast.finished(replace(failed_run(task, ""), wall_seconds=1.0))
    assert forecast.seconds_left() == 0


def test_without_limits_nothing_is_known_before_the_first_run() -> None:
    """Then others are expected to take as long; more workers than runs do not help."""
    tasks = plan(Suite("test", ("rule:spt", "tabu"), ("@ft06",), (Limits(Budget(iterations=5)),)))
    forecast = Forecast(tasks, workers=8)
    assert forecast.seconds_left() is None
    forecast.finished(replace(failed_run(tasks[0], ""), wall_seconds=3.0))
    assert forecast.seconds_left() == 3
