"""Suites: what a TOML file may say, and what is refused how."""

from pathlib import Path

import pytest

from makespan.envs.scenario import Scenario
from makespan.eval.suite import SUITES, Limits, read_suite
from makespan.instances.errors import InputError
from makespan.instances.references import expand_references
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
    assert suite.limits == (Limits(Budget(seconds=1.5, iterations=100)),) and suite.folder == tmp_path
    path.write_text(GOOD.replace("seeds = 3", 'seeds = [5, 8]\nname = "other"'))
    assert (read_suite(path).name, read_suite(path).seeds) == ("other", (5, 8))


def test_a_suite_may_have_several_budgets_and_limits_of_memory(tmp_path: Path) -> None:
    """``[[budget]]`` in place of ``[budget]``."""
    path = tmp_path / "mine.toml"
    tables = '[[budget]]\nseconds = 1\nmemory = "4GB"\n[[budget]]\nseconds = 10'
    path.write_text(GOOD.partition("[budget]")[0] + tables)
    assert read_suite(path).limits == (Limits(Budget(seconds=1), 4 * 10**9), Limits(Budget(seconds=10)))
    assert [each.text for each in read_suite(path).limits] == ["memory=4000000000,seconds=1", "seconds=10"]


DYNAMIC = """
solvers = ["rule:fifo", "rule:spt"]
seeds = 2

[scenario.breakdowns]
instance = "@ft06"
breakdown = 0.1

[scenario.arrivals]
instance = "@la01"
measure = "flow_time"
jobs = "templates"
num_jobs = 20
utilisation = 0.8
"""


def test_a_suite_of_simulated_shops_reads(tmp_path: Path) -> None:
    """Each scenario names its instance and what counts; the rest are the fields of a scenario."""
    path = tmp_path / "dynamic.toml"
    path.write_text(DYNAMIC)
    suite = read_suite(path)
    first, second = suite.simulations
    assert (first.name, first.instance, first.measure) == ("breakdowns", "@ft06", "makespan")
    assert first.scenario == Scenario(breakdown=0.1) and second.measure == "flow_time"
    assert second.scenario == Scenario(jobs="templates", num_jobs=20, utilisation=0.8)
    assert suite.instances == () and suite.limits == (Limits(),)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"rule:fifo"', '"rule:best"', "expected one for simulated shops"),
        ('"rule:fifo"', '"cpsat"', "solver: 'cpsat'"),
        ("breakdown = 0.1", "breakdowns = 0.1", "scenario.breakdowns.breakdowns: 0.1, expected another key"),
        ("breakdown = 0.1", "breakdown = 2", "scenario.breakdowns.breakdown: 2"),
        ("breakdown = 0.1", 'breakdown = "often"', "scenario.breakdowns.breakdown: 'often'"),
        ("breakdown = 0.1", "seed = 3", "among the seeds of the suite"),
        ('jobs = "templates"', "jobs = 3", "expected a word"),
        ('measure = "flow_time"', 'measure = "fun"', "scenario.arrivals.measure: 'fun'"),
        ('instance = "@ft06"', "", "scenario.breakdowns.instance: none"),
        ("seeds = 2", "seeds = 2\nthreads = 2", "threads = 2"),
        ("seeds = 2", 'seeds = 2\ninstances = ["@ft06"]', "instances beside [scenario]"),
        ("seeds = 2", "seeds = 2\nbudget = {seconds = 1}", "budget beside [scenario]"),
        ("[scenario.breakdowns]", "[scenarios.breakdowns]", "found scenarios"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    """With the place in the file."""
    path = tmp_path / "s.toml"
    assert old in DYNAMIC
    path.write_text(DYNAMIC.replace(old, new))
    with pytest.raises(InputError) as caught:
        read_suite(path)
    assert words in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("path", sorted(SUITES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_suites_that_come_along_read_by_name(path: Path) -> None:
    """Their solvers and instances exist."""
    suite = read_suite(path.stem)
    assert suite.name == path.stem
    assert suite.simulations or expand_references(suite.instances)


def test_every_suite_that_was_promised_comes_along() -> None:
    """By the names of the manual."""
    names = {"smoke", "jsp-classic", "jsp-large", "fjsp", "rcpsp", "learned", "dynamic"}
    assert {path.stem for path in SUITES.glob("*.toml")} == names


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
        ("[budget]", 'budget = "much"', "budget"),
        ("[budget]", "[[budget]]\nseconds = 1.5\niterations = 100\n[[budget]]", "none twice"),
        ("seconds = 1.5", 'memory = "4XB"', "budget.memory: '4XB'"),
        ("seconds = 1.5\niterations = 100", 'memory = "4GB"', "a budget without limits"),
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
