"""``solve --plan``: from a result file to the schedule that keeps what has happened."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from makespan.instances.check import check
from makespan.instances.instance import Calendar, Instance, Metadata
from makespan.instances.schedule import Schedule
from makespan.instances.write import write
from makespan.solvers.result_json import read_result

CPSAT = ("--solver", "cpsat", "--threads", "1")


def plan_file(path: str, start: list[int], names: list[str] | None = None) -> None:
    """A plan as another program may write it."""
    stored = {
        "kind": "makespan-result",
        "schema": 1,
        "instance": {"name": "plan"},
        "schedule": {"start": start, "task": names},
    }
    Path(path).write_text(json.dumps(stored))


def calendar(ptr: list[int], time: list[int]) -> Calendar:
    """One of the two machines is down between its second and its third moment."""
    return Calendar(np.array(ptr), np.array(time), np.array([1, 0, 1]), np.array([0, 0]))


@pytest.fixture
def shop(tmp_path: Path) -> Instance:
    """``shop.json``: job 0 visits machines 0, 1 (3, 2), job 1 visits 1, 0 (4, 4), in minutes from Monday 06:00."""
    meta = Metadata(name="shop", task_names=("a", "b", "c", "d"), time_origin="2026-03-02T06:00", time_unit=60.0)
    instance = Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [4, 4]], meta=meta)
    write(instance, tmp_path / "shop.json")
    plan_file(str(tmp_path / "plan.json"), [0, 4, 0, 4], ["a", "b", "c", "d"])
    return instance


def test_an_undisturbed_plan_is_the_hint_and_stays(call: Callable[..., Any], shop: Instance) -> None:
    """It is optimal already (8), so nothing moves; the result belongs to the file that was read."""
    code, _, err = call("solve", "shop.json", *CPSAT, "--plan", "plan.json", "--now", "3", "-o", "r.json")
    stored = json.loads(Path("r.json").read_text())
    assert code == 0 and "shop: all 4 planned tasks stay as they were" in err and stored["hint"] == "accepted"
    assert stored["replan"]["of"] == shop.digest and stored["replan"]["now"] == 3
    assert stored["replan"]["changes"]["started"] == 0 and stored["status"] == "optimal"
    assert call("check", "r.json", "shop.json").out == "ok  shop  makespan 8\n"
    assert check(shop, read_result("r.json").schedule_for(shop)) == []


def test_times_are_dates_or_durations_where_the_instance_knows_its_clock(
    call: Callable[..., Any], shop: Instance
) -> None:
    """The instance counts minutes from 06:00: the same moment in three forms, and a shift of 2."""
    for now in ("2", "2 min", "2026-03-02T06:02", "0:02"):
        arguments = ("--now", now, "--freeze-until", "2026-03-02T06:05", "--max-shift", "2min", "--keep", "order")
        out = call("solve", "shop.json", *CPSAT, "--plan", "plan.json", *arguments, "-f", "json").out
        terms = {"of": shop.digest, "now": 2, "freeze_until": 5, "keep": ["order"], "max_shift": 2, "not_started": []}
        assert {key: json.loads(out)["replan"][key] for key in terms} == terms


def test_a_breakdown_moves_what_has_not_started(call: Callable[..., Any], shop: Instance) -> None:
    """Machine 0 is down from 4 to 6: task d starts at 6 and ends at 10; with it held to its place there is none."""
    down = shop.replace(calendar=calendar([0, 3, 3], [0, 4, 6]))
    write(down, "down.json")
    arguments = ("solve", "down.json", *CPSAT, "--plan", "plan.json", "--now", "3")
    code, out, err = call(*arguments, "-f", "json")
    result = json.loads(out)
    assert code == 0 and result["objective"] == 10 and result["schedule"]["start"][3] == 6
    assert result["hint"].startswith("repaired: d ") and "repaired" in err and result["replan"]["changes"]["mode"] == 0
    code, out, err = call(*arguments, "--max-shift", "1", "-f", "json")
    assert code == 1 and json.loads(out)["status"] == "infeasible" and json.loads(out)["replan"]["changes"] is None


def test_a_running_task_that_the_new_data_stop_is_a_negative_answer_with_the_reason(
    call: Callable[..., Any], shop: Instance
) -> None:
    """Task c runs from 0 to 4 on machine 1, which broke down at 2: exit code 1 and a sentence, no crash."""
    write(shop.replace(calendar=calendar([0, 0, 3], [0, 2, 5])), "down.json")
    code, out, err = call("solve", "down.json", *CPSAT, "--plan", "plan.json", "--now", "3")
    assert code == 1 and "infeasible" in out and "c runs on resource 1 from 0 to 4" in err
    code, _, err = call(
        "solve", "down.json", *CPSAT, "--plan", "plan.json", "--now", "2", "--not-started", "c", "-f", "json"
    )
    assert code == 0 and "start at another time" in err


def test_a_new_job_is_added_to_the_plan(call: Callable[..., Any], shop: Instance) -> None:
    """Tasks are matched by name: the plan knows nothing of e, which takes machine 0 before d or after it."""
    names = Metadata(name="more", task_names=("e", "a", "b", "c", "d"))
    write(Instance.job_shop([[0], [0, 1], [1, 0]], [[1], [3, 2], [4, 4]], meta=names), "more.json")
    code, out, err = call(
        "solve", "more.json", *CPSAT, "--plan", "plan.json", "--now", "2", "--keep", "order", "-f", "json"
    )
    result = json.loads(out)
    assert code == 0 and result["objective"] == 8 and result["schedule"]["start"] == [3, 0, 4, 0, 4]
    assert result["hint"].startswith("repaired") and "all 4 planned tasks stay as they were; 1 new" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--now", "3"], "now: found '3' without --plan"),
        (["--keep", "order"], "keep: found 'order' without --plan"),
        (["--plan", "none.json"], "none.json"),
        (["--plan", "plan.json", "--now", "soon"], "now: found 'soon', expected a duration"),
        (["--plan", "plan.json", "--now", "2026-13-02"], "now: found '2026-13-02', expected an ISO date"),
        (["--plan", "plan.json", "--now", "-1"], "now"),
        (["--plan", "plan.json", "--now", "5", "--freeze-until", "4"], "freeze_until: found 4, expected 5"),
        (["--plan", "plan.json", "--keep", "peace"], "keep: found 'peace', expected modes or order"),
        (["--plan", "plan.json", "--max-shift", "far"], "max shift: found 'far'"),
        (["--plan", "plan.json", "--not-started", "z"], "not started: found 'z', expected the name or number"),
        (["--plan", "short.json"], "plan: found 2 tasks, expected 4"),
        (["--plan", "plan.json", "@ft06"], "plan: found 2 instances"),
    ],
)
def test_mistakes_exit_with_2_and_one_line(
    call: Callable[..., Any], shop: Instance, arguments: list[str], words: str
) -> None:
    """Nothing on stdout, no traceback, and the line says what was expected."""
    plan_file("short.json", [0, 1])
    code, out, err = call("solve", "shop.json", *arguments, *CPSAT, "--quiet")
    assert (code, out) == (2, "") and words in err and len(err.splitlines()) == 1


def test_dates_need_a_clock(call: Callable[..., Any]) -> None:
    """ft06 has no origin and no unit: only numbers mean something."""
    plan_file("plan.json", [0] * 36)
    for now, words in (("2026-03-02", "names no time origin"), ("2h", "names no unit of time")):
        code, _, err = call("solve", "@ft06", *CPSAT, "--plan", "plan.json", "--now", now, "-q")
        assert code == 2 and words in err


def test_the_plan_of_a_plan_can_be_changed_again(call: Callable[..., Any], shop: Instance) -> None:
    """What one replanning wrote is the plan of the next."""
    call("solve", "shop.json", *CPSAT, "--plan", "plan.json", "--now", "2", "-o", "first.json")
    code, _, err = call("solve", "shop.json", *CPSAT, "--plan", "first.json", "--now", "6", "-o", "second.json")
    assert code == 0 and "all 4 planned tasks stay" in err
    assert read_result("second.json").schedule_for(shop) == Schedule([0, 4, 0, 4])
