"""``makespan bench run``: options, progress and summary; what a kill leaves is tested with the runner."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from makespan.cli import bench
from makespan.eval.benchmark import plan
from makespan.eval.forecast import Forecast
from makespan.eval.suite import Limits, Suite
from makespan.solvers.api import Budget

Call = Callable[..., Any]

SUITE = """
solvers = ["rule:spt", "rule:mwkr"]
instances = ["@ft06"]

[[budget]]
iterations = 1

[[budget]]
iterations = 2
"""


@pytest.fixture
def suite(tmp_path: Path) -> str:
    """Four short runs."""
    path = tmp_path / "tiny.toml"
    path.write_text(SUITE)
    return str(path)


def test_each_budget_has_lines_of_its_own_and_nothing_is_played_twice(
    call: Call, suite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a bar on a terminal, which leaves nothing behind; the limit of memory is a part of the budget."""
    monkeypatch.setattr(bench, "on_terminal", lambda: True)
    first = call("bench", "run", suite, "--memory", "8GB", "--format", "json")
    scores = json.loads(first.out)
    assert first.code == 0 and [(each["budget"], each["solver"]) for each in scores] == [
        ("iterations=1,memory=8000000000", "rule:mwkr"),
        ("iterations=1,memory=8000000000", "rule:spt"),
        ("iterations=2,memory=8000000000", "rule:mwkr"),
        ("iterations=2,memory=8000000000", "rule:spt"),
    ]
    assert all(each["runs"] == each["solved"] == 1 for each in scores)
    again = call("bench", "run", suite, "--memory", "8GB")
    assert again.code == 0 and "4 runs, 4 stored" in again.err and "[1/" not in again.err
    titles = "set budget solver runs solved optimal mean gap mean objective mean seconds"
    assert " ".join(again.out.splitlines()[0].split()) == titles


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--memory", "4XB"], "memory: found '4XB', expected a size such as 4GB"),
        (["--workers", "0"], "workers: found 0"),
        (["--engine", "slurm"], "slurm"),
        (["--store", "tiny.toml"], "tiny.toml: found a file of another kind"),
    ],
)
def test_options_that_make_no_sense_are_refused(call: Call, suite: str, options: list[str], words: str) -> None:
    """On one line, before anything is played."""
    code, _, err = call("bench", "run", suite, *options)
    assert code == 2 and words in err and "Traceback" not in err and "[1/" not in err


def test_a_cluster_that_does_not_answer_is_the_users_affair(call: Call, suite: str) -> None:
    """No traceback; what was stored before stays."""
    pytest.importorskip("ray")
    code, _, err = call("bench", "run", suite, "--engine", "ray", "--address", "localhost:1")
    assert code == 2 and "no Ray cluster at 'localhost:1'" in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("seconds", "text"), [(30, "30 s left"), (60, "60 s left"), (600, "10 min left"), (36000, "10.0 h left")]
)
def test_the_time_left_reads_at_a_glance(seconds: float, text: str) -> None:
    """One number in the unit that fits; nothing where nothing is known."""
    limits = (Limits(Budget(seconds=seconds)),)
    tasks = plan(Suite("test", ("tabu",), ("@ft06",), limits))
    assert bench._time_left(Forecast(tasks, 1)) == text
    unknown = plan(Suite("test", ("tabu",), ("@ft06",), (Limits(Budget(iterations=1)),)))
    assert bench._time_left(Forecast(unknown, 1)) == ""
