"""Suites: what a TOML file may say, and what is refused how."""

from pathlib import Path

import pytest

from makespan.eval.suite import SUITES, read_suite
from makespan.instances.errors import InputError
from makespan.solvers.api import Budget

GOOD = """
solvers = ["rule:spt", "rule:lpt"]
instances = ["@ft06", "*.txt"]
seeds = 3
threads = 2

[budget]
seconds = 1.5
iterations = 100
"""


def test_a_suite_reads(tmp_path: Path) -> None:
    """The name is that of the file; a number of seeds counts from 0; files lie beside the suite."""
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    suite = read_suite(path)
    assert (suite.name, suite.solvers, suite.seeds, suite.threads) == ("mine", ("rule:spt", "rule:lpt"), (0, 1, 2), 2)
    assert suite.budget == Budget(seconds=1.5, iterations=100) and suite.folder == tmp_path
    path.write_text(GOOD.replace("seeds = 3", 'seeds = [5, 8]\nname = "other"'))
    assert (read_suite(path).name, read_suite(path).seeds) == ("other", (5, 8))


@pytest.mark.parametrize("path", sorted(SUITES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_suites_that_come_along_read_by_name(path: Path) -> None:
    """Their solvers exist and build."""
    assert read_suite(path.stem).name == path.stem


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seeds = 3", "seeds = 0", "seeds = []"),
        ("seeds = 3", "seeds = [1, 1]", "none twice"),
        ("seeds = 3", "seeds = [-1]", "seed -1"),
        ("seeds = 3", 'seeds = "many"', "seeds"),
        ("threads = 2", "threads = 0", "threads = 0"),
        ("threads = 2", "workers = 2", "found workers"),
        ('["@ft06", "*.txt"]', "[]", "instances = []"),
        ('["rule:spt", "rule:lpt"]', '["rule:spt", "rule:spt"]', "none twice"),
        ('["rule:spt", "rule:lpt"]', '["ruler:spt"]', "did you mean 'rule'"),
        ('["rule:spt", "rule:lpt"]', '["rule:spt,x=1"]', "unknown parameter 'x'"),
        ('solvers = ["rule:spt", "rule:lpt"]', "", "no solvers"),
        ("seconds = 1.5\niterations = 100", "", "a budget without limits"),
        ("seconds = 1.5", "second = 1.5", "found budget.second"),
        ("seconds = 1.5", "seconds = 0", "seconds"),
        ("seconds = 1.5", 'seconds = "1 min"', "seconds"),
        ("[budget]", "[budget", "TOML"),
    ],
)
def test_a_suite_that_makes_no_sense_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    """On one line with file, found and expected, before anything is played."""
    path = tmp_path / "s.toml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(InputError) as caught:
        read_suite(path)
    assert words in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_an_unknown_suite_names_those_that_come_along() -> None:
    """A mistyped name is as likely as a mistyped path."""
    with pytest.raises(InputError, match="smoke"):
        read_suite("smok")
