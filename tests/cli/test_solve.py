"""``makespan solve``: what it prints where, and with which code it ends."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from makespan.instances.check import check
from makespan.instances.instance import Instance
from makespan.instances.sets import load
from makespan.instances.write import write
from makespan.solvers import api
from makespan.solvers.result_json import read_result

RULE = ("--solver", "rule:mwkr")


def test_one_instance_gives_one_row(call: Callable[..., Any]) -> None:
    """The table is data and goes to stdout; limits and seed are for people and go to stderr."""
    code, out, err = call("solve", "@ft06", *RULE)
    header, row = out.splitlines()
    assert code == 0 and header.split()[:3] == ["instance", "tasks", "resources"]
    assert row.split()[:5] == ["ft06", "36", "6", "rule:mwkr", "feasible"]
    assert "time limit 30 s" in err and "seed 0" in err


def test_the_result_file_holds_a_feasible_schedule(call: Callable[..., Any], tmp_path: Path) -> None:
    """With --output the data goes to the file and stdout stays empty; the ending chooses the format."""
    code, out, _ = call("solve", "@ft06", *RULE, "-o", "r.json", "--quiet")
    stored, instance = read_result(tmp_path / "r.json"), load("ft06")
    assert (code, out) == (0, "")
    assert check(instance, stored.schedule_for(instance)) == []
    assert stored.objective is not None and 55 <= stored.objective <= 80


def test_json_of_one_instance_is_an_object_and_of_several_a_list(call: Callable[..., Any]) -> None:
    """One instance gives what ``check`` reads; several give one item for each."""
    one = json.loads(call("solve", "@ft06", *RULE, "--format", "json").out)
    two = json.loads(call("solve", "@ft06", "@la01", *RULE, "--format", "json").out)
    assert one["kind"] == "makespan-result" and [each["instance"]["name"] for each in two] == ["ft06", "la01"]
    assert one["schedule"] == two[0]["schedule"]


def test_jsonl_streams_events_and_ends_with_the_result(call: Callable[..., Any]) -> None:
    """Every line is an object with a type and a time, in the order of time."""
    lines = [json.loads(line) for line in call("solve", "@ft06", *RULE, "--format", "jsonl").out.splitlines()]
    kinds = [line["type"] for line in lines]
    assert kinds[-1] == "result" and {"stage", "bound", "solution"} <= set(kinds)
    assert lines[-1]["objective"] == [line["objective"] for line in lines if line["type"] == "solution"][-1]
    times = [line["t"] for line in lines if line["type"] != "compile"]
    assert times == sorted(times)


def test_csv_has_plain_numbers(call: Callable[..., Any]) -> None:
    """Fractions, not percentages with a sign: a spreadsheet reads them."""
    (row,) = csv.DictReader(StringIO(call("solve", "@ft06", *RULE, "-f", "csv").out))
    assert row["best_known"] == "55" and float(row["gap_to_best"]) == pytest.approx(int(row["objective"]) / 55 - 1)


def test_a_file_that_fails_does_not_stop_the_others(call: Callable[..., Any], tmp_path: Path) -> None:
    """It has a row and a line on stderr, and the worst code counts."""
    (tmp_path / "bad.txt").write_text("2 2\n0 1 1\n")
    code, out, err = call("solve", "bad.txt", "@ft06", "@j301_1", *RULE)
    status = {line.split()[0]: line for line in out.splitlines()[1:]}
    assert (
        code == 2 and " error" in status["bad.txt"] and " feasible" in status["ft06"] and " error" in status["@j301_1"]
    )
    assert "bad.txt: found the end" in err and "rule:mwkr does not handle" in err and "Traceback" not in err


def test_sets_globs_and_folders_are_expanded(call: Callable[..., Any], tmp_path: Path) -> None:
    """Each instance once, whatever names it."""
    for name in ("ft06", "la01"):
        write(load(name), tmp_path / f"{name}.txt")
    (tmp_path / "README.md").write_text("not an instance")

    def rows(*files: str) -> list[str]:
        return [line.split()[0] for line in call("solve", *files, *RULE, "-q").out.splitlines()[1:]]

    assert rows(".") == rows("*.txt") == rows("ft06.txt", "la0*.txt", "ft06.txt") == ["ft06", "la01"]
    assert rows("@ft") == ["ft06", "ft10", "ft20"] and rows("@la0[12]") == ["la01", "la02"]


def test_standard_input_is_read(call: Callable[..., Any]) -> None:
    """``-`` reads an instance, its format found from the content."""
    call("convert", "@ft06", "x.fjs")
    code, out, _ = call("solve", "-", *RULE, stdin=Path("x.fjs").read_text())
    assert code == 0 and out.splitlines()[1].split()[:2] == ["stdin", "36"]


def test_infeasible_exits_with_1_and_says_why(call: Callable[..., Any], tmp_path: Path) -> None:
    """A demand of 5 on a capacity of 4: a negative answer, not an error."""
    tight = Instance.rcpsp([0, 2, 0], [[0], [5], [0]], [4], [[1], [2], []], name="tight")
    write(tight, tmp_path / "tight.json")
    code, out, err = call("solve", "tight.json", "--solver", "sgs:lft")
    assert code == 1 and "infeasible" in out and "5" in err and "4" in err


def test_a_weaker_answer_than_required_exits_with_1(call: Callable[..., Any]) -> None:
    """A rule proves nothing on ft06, but it is well within 90 per cent of the bound."""
    assert call("solve", "@ft06", *RULE, "--require", "optimal").code == 1
    assert call("solve", "@ft06", *RULE, "--require", "gap=0").code == 1
    assert call("solve", "@ft06", *RULE, "--require", "gap=90%").code == 0


def test_no_schedule_within_the_limits_exits_with_3(call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither found nor refuted."""
    from makespan.solvers.dispatching import DispatchingRule

    monkeypatch.setattr(DispatchingRule, "run", lambda self, instance, context: None)
    code, out, _ = call("solve", "@ft06", *RULE)
    assert code == 3 and "unknown" in out


def test_an_internal_error_is_loud_and_exits_with_4(call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that offers nonsense is an error, never an answer."""
    from makespan.instances.schedule import Schedule
    from makespan.solvers.dispatching import DispatchingRule

    monkeypatch.setattr(
        DispatchingRule, "run", lambda self, instance, context: context.offer(Schedule([0] * instance.num_tasks))
    )
    code, out, err = call("solve", "@ft06", *RULE)
    assert code == 4 and "error" in out and "InternalError" in err and "infeasible schedule" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no FILES"),
        (["@ft66"], "one like"),
        (["nowhere/*.txt"], "no file that fits"),
        (["@ft06", "--solver", "rulee:spt"], "did you mean 'rule'"),
        (["@ft06", "--solver", "rule:spt,x=1"], "unknown parameter 'x'"),
        (["@ft06", "--solvr", "auto"], "Did you mean --solver"),
        (["@ft06", "--time-limit", "5 parsecs"], "expected a duration"),
        (["@ft06", "--time-limit", "0"], "expected a duration"),
        (["@ft06", "--gap", "wide"], "gap: found 'wide'"),
        (["@ft06", "--threads", "0"], "threads"),
        (["@ft06", "--iterations", "-1"], "iterations"),
        (["@ft06", "--seed", "-1"], "seed"),
        (["@ft06", "--require", "luck"], "expected optimal or gap"),
        (["@ft06", "--objective", "beauty"], "beauty"),
        (["@ft06", "--input-format", "xlsx"], "expected one of json"),
        (["@ft06", "--hint", "none.json"], "none.json"),
        (["@ft06", "-o", "nowhere/r.json"], "no folder"),
        (["@ft06", "-o", "."], "is a folder"),
        (["@ft06", "--gantt", "g.doc"], "expected .html"),
        (["@ft", "--gantt", "g.html"], "{name}"),
    ],
)
def test_mistakes_exit_with_2_and_one_line(call: Callable[..., Any], arguments: list[str], words: str) -> None:
    """Nothing on stdout, no traceback, and the line says what was expected."""
    if "--solver" not in arguments:
        arguments = [*arguments, *RULE]
    code, out, err = call("solve", *arguments, "--quiet")
    assert (code, out) == (2, "") and words in err and len(err.splitlines()) == 1 and err.startswith("makespan: ")


def test_limits_read_in_the_usual_forms(call: Callable[..., Any]) -> None:
    """Bare numbers are seconds; the limit that holds is printed."""
    for text, shown in (("90", "90 s"), ("90s", "90 s"), ("1.5m", "90 s"), ("1h", "3600 s"), ("none", "no time limit")):
        assert shown in call("solve", "@ft06", *RULE, "--time-limit", text).err


def test_a_result_is_a_hint_for_the_next_run(call: Callable[..., Any]) -> None:
    """The answer is never worse than the hint; a schedule of another instance is refused."""
    call("solve", "@ft06", "--solver", "rule:best", "-o", "r.json", "-q")
    best = json.loads(Path("r.json").read_text())["objective"]
    found = json.loads(call("solve", "@ft06", "--solver", "rule:spt", "--hint", "r.json", "-f", "json").out)
    assert found["hint"] == "accepted" and found["objective"] <= best
    code, _, err = call("solve", "@la01", *RULE, "--hint", "r.json")
    assert code == 2 and "36 tasks, 'la01' has 50" in err


def test_another_objective_is_solved_and_checked(call: Callable[..., Any]) -> None:
    """The file remembers the objective, so that check compares the right number; best known values no longer count."""
    out = call("solve", "@ft06", *RULE, "--objective", "flow_time,makespan", "-o", "r.json").err
    assert "flow" not in out.splitlines()[-1] and " - " in out.splitlines()[-1]
    assert json.loads(Path("r.json").read_text())["instance"]["objective"] == ["flow_time", "makespan"]
    code, out, _ = call("check", "r.json")
    assert code == 0 and "flow_time" in out and "makespan" in out


def test_each_instance_gets_a_file_of_its_own_where_the_path_says_so(call: Callable[..., Any], tmp_path: Path) -> None:
    """``{name}`` stands for the instance, for results and charts."""
    code, _, _ = call("solve", "@la01", "@la02", *RULE, "-o", "{name}.json", "--gantt", "{name}.txt")
    assert code == 0 and {path.name for path in tmp_path.iterdir()} == {
        "la01.json", "la02.json", "la01.txt", "la02.txt",
    }  # fmt: skip
    assert read_result("la02.json").instance.name == "la02"


def test_an_output_that_fails_leaves_what_was_there(
    call: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk shows when the file is flushed; the old result is still there and nothing else is left over."""
    (tmp_path / "r.json").write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code, _, err = call("solve", "@ft06", *RULE, "-o", "r.json")
    assert code == 2 and "No space left on device" in err
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("r.json", "old")]


def test_no_colour_and_no_progress_away_from_a_terminal(call: Callable[..., Any]) -> None:
    """Logs and pipes get plain text."""
    _, out, err = call("solve", "@ft06", *RULE, "--verbose")
    assert "\x1b" not in out + err and "solution" in err


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process")
def test_ctrl_c_prints_the_best_schedule_and_exits_with_130() -> None:
    """Once: stop and print. The file after the one that was interrupted is not begun."""
    command = [
        sys.executable, "-m", "makespan", "solve", "@ta01", "@ft06", "--solver", "rule:random,samples=3000000",
        "--time-limit", "none", "--format", "jsonl",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["type"] == "solution":
                break
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    last = json.loads(rest.splitlines()[-1])
    assert process.returncode == 130
    assert (last["type"], last["instance"]["name"], last["interrupted"]) == ("result", "ta01", True)
    assert last["status"] == "feasible" and last["schedule"] is not None


def test_a_closed_pipe_is_no_error() -> None:
    """``makespan instances list ta | head -1`` ends quietly."""
    command = [sys.executable, "-m", "makespan", "solve", "@ft06", *RULE, "--format", "jsonl"]
    read, write_end = os.pipe()
    os.close(read)
    run = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(write_end)
    assert run.returncode == 141 and "Traceback" not in run.stderr and "Exception" not in run.stderr


def test_every_status_has_a_code() -> None:
    """A new status without a code would end as success."""
    from makespan.cli.solve import _code

    codes = {}
    for status in api.Status:
        result = api.Result(status, None, None, None, None, 0.0, 0.0, 0, (), "", 0, 1, api.Budget(), "", "")
        codes[status.value] = _code(result, None)
    assert codes == {"optimal": 3, "feasible": 3, "infeasible": 1, "unknown": 3, "error": 4}
