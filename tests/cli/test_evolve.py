"""``makespan evolve``."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
SMALL = ("--count", "4", "--validation-count", "4", "--population", "8", "--generations", "2")


def test_what_evolved_solves(call: Call, tmp_path: Path) -> None:
    """The folder holds the front and the chosen rule, which plays as a solver."""
    code, out, err = call(
        "evolve", "--folder", "found", "--instances", "uniform,jobs=5,machines=4", *SMALL, "--format", "csv"
    )
    assert code == 0 and "generation 2 of 2" in err and "best in validation" in err
    assert out == (tmp_path / "found" / "front.csv").read_text()
    rows = list(csv.DictReader(out.splitlines()))
    assert rows and set(rows[0]) == {"size", "training", "validation", "rule"}
    code, out, _ = call("solve", "@ft06", "--solver", "rule:found/best.rule", "--quiet")
    assert code == 0 and out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--scheme", "fast"), "scheme: found 'fast'"),
        (("--instances", "cubes,size=3"), "found 'cubes'"),
        (("--population", "1"), "population: found 1"),
    ],
)
def test_a_wrong_setting_is_a_usage_error(call: Call, arguments: tuple[str, ...], words: str) -> None:
    """One sentence, code 2."""
    code, out, err = call("evolve", *arguments)
    assert code == 2 and out == "" and words in err
