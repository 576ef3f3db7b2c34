"""Schedules to and from files of other programs, on the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from makespan.instances.check import check
from makespan.instances.instance import Instance
from makespan.instances.sets import load
from makespan.instances.write import write
from makespan.solvers.result_json import read_result

Call = Callable[..., Any]
RULE = ("--solver", "rule:mwkr", "-q")


def test_export_writes_the_schedule_beside_the_result(call: Call) -> None:
    """The data on stdout stay what they are; every ending gives a file."""
    for ending, begin in (("csv", b"task,job,"), ("xml", b"<?xml"), ("xlsx", b"PK"), ("json", b'{"kind"')):
        code, out, _ = call("solve", "@ft06", *RULE, "--export", f"plan.{ending}")
        assert code == 0 and out.splitlines()[1].startswith("ft06")
        assert Path(f"plan.{ending}").read_bytes().startswith(begin)


def test_output_that_can_only_be_a_schedule_is_one(call: Call) -> None:
    """``-o plan.xml`` needs no further option; the table still goes to stdout."""
    code, out, _ = call("solve", "@ft06", "@la01", *RULE, "-o", "{name}.xml")
    assert code == 0 and len(out.splitlines()) == 3
    assert all("<Project" in Path(f"{name}.xml").read_text() for name in ("ft06", "la01"))


def test_what_was_exported_is_checked_drawn_converted_and_used(call: Call) -> None:
    """Each file stands for the result: same schedule, found feasible, good as a hint and as a plan."""
    assert call("solve", "@ft06", *RULE, "-o", "plan.json").code == 0
    instance = load("ft06")
    schedule = read_result("plan.json").schedule_for(instance)
    for name in ("plan.xml", "plan.csv"):
        assert call("convert", "plan.json", name).code == 0
        given = ("@ft06",) * (name == "plan.csv")
        assert call("check", name, *given).out.startswith("ok  ft06  makespan ")
        assert "ft06" in call("plot", name, *given).out
        assert call("convert", name, "back.json", "--instance", "@ft06").code == 0
        back = read_result("back.json")
        assert back.schedule_for(instance) == schedule and back.objective == read_result("plan.json").objective
        _, out, _ = call("solve", "@ft06", *RULE, "--hint", name, "-f", "json")
        assert json.loads(out)["hint"] == "accepted"
    code, out, _ = call("solve", "@ft06", *RULE, "--plan", "plan.csv", "--now", "10", "-f", "json")
    assert code == 0 and json.loads(out)["replan"]["now"] == 10


def test_converting_a_result_keeps_its_claims(call: Call) -> None:
    """Solver, bound and seed go along into a result file and into the workbook's summary."""
    assert call("solve", "@ft06", *RULE, "--seed", "3", "-o", "plan.json").code == 0
    assert call("convert", "plan.json", "copy.json").code == 0
    first, copy = read_result("plan.json"), read_result("copy.json")
    assert (copy.solver, copy.seed, copy.lower_bound, copy.found_by) == ("rule:mwkr", 3, 52, first.found_by)
    assert check(load("ft06"), copy.schedule_for(load("ft06"))) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("solve", "@ft06", "--export", "plan.pdf"), "found ending '.pdf' for a schedule, expected .csv, .xlsx"),
        (("solve", "@ft06", "@la01", "--export", "plan.csv"), "export: found 'plan.csv' for 2 instances"),
        (("solve", "@ft06", "--export", "none/plan.csv"), "no folder 'none'"),
        (("convert", "plan.csv", "plan.xml"), "plan.csv: names no instance"),
        (("convert", "plan.csv", "plan.txt"), "found ending '.txt'"),
        (("convert", "plan.csv", "x.csv", "--dates", "d.csv"), "is a result, expected an instance"),
        (("check", "plan.csv", "@ft06"), "plan.csv:2: found task 'x'"),
        (("solve", "@ft06", "--hint", "plan.csv"), "plan.csv:2: found task 'x'"),
    ],
)
def test_wrong_use_is_refused_before_anything_is_solved(call: Call, arguments: tuple[str, ...], words: str) -> None:
    """One line on stderr, code 2, nothing on stdout."""
    Path("plan.csv").write_text("task,start\nx,0\n")
    code, out, err = call(*arguments, "-q") if arguments[0] == "solve" else call(*arguments)
    assert (code, out) == (2, "") and words in err
    assert len(err.splitlines()) == 1


def test_a_workbook_needs_its_extra(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told before solving, with the command that installs it."""
    monkeypatch.setitem(__import__("sys").modules, "xlsxwriter", None)
    code, _, err = call("solve", "@ft06", "-o", "plan.xlsx")
    assert code == 2 and "pip install 'makespan[export]'" in err


def test_a_plan_that_the_format_cannot_hold_is_an_error_of_its_own(call: Call) -> None:
    """The result is shown all the same."""
    write(Instance.job_shop([[0]], [[2**50]], name="long"), "long.txt")
    code, out, err = call("solve", "long.txt", *RULE, "-o", "long.xml")
    assert code == 2 and "1125899906842624" in out and "1984 to 2149" in err and not Path("long.xml").exists()
