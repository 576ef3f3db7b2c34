"""The other commands: check, info, convert, plot, instances, solvers, models, warm, version, completion, help."""

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from makespan.cli import COMMANDS, exit_codes
from makespan.instances.features import FEATURES
from makespan.instances.instance import Instance, Metadata
from makespan.instances.read import read
from makespan.instances.sets import load, set_names
from makespan.instances.write import write

Call = Callable[..., Any]

LEAVES = [command.name for command in COMMANDS if command.example] + ["instances list", "instances show"]
LEAVES += ["bench run", "bench compare", "bench report", "bench import", "bench pose", "bench score"]
LEAVES += ["workflow schedule", "workflow cost", "workflow stream", "workflow train"]


@pytest.fixture
def solved(call: Call) -> str:
    """A result of ft06 in the current folder."""
    assert call("solve", "@ft06", "--solver", "rule:mwkr", "-o", "r.json", "-q").code == 0
    return "r.json"


def edit(path: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the JSON of a file."""
    data = json.loads(Path(path).read_text())
    change(data)
    Path(path).write_text(json.dumps(data))


# -- help and codes -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LEAVES)
def test_every_help_has_an_example_and_explains_every_option(call: Call, name: str) -> None:
    """Nobody should have to open the manual to type the first command."""
    code, out, _ = call(*name.split(), "--help")
    assert code == 0 and f"Example: {'' if name == 'completion' else 'makespan ' + name}" in out
    assert "[ARGS" not in out or "Arguments" in out


def test_help_lists_every_command(call: Call) -> None:
    """With one line each."""
    out = call("--help").out
    assert all(f" {command.name} " in out and command.summary in out for command in COMMANDS)


def test_an_unknown_command_exits_with_2(call: Call) -> None:
    """And names the nearest."""
    code, out, err = call("sovle")
    assert (code, out) == (2, "") and "solve" in err and len(err.splitlines()) == 1


def test_the_worst_of_several_codes_counts() -> None:
    """Interrupted, bug, bad input, nothing found, negative answer, success."""
    assert [exit_codes.worst(codes) for codes in ([0, 1], [1, 3], [3, 2], [2, 4], [4, 130], [0], [])] == [
        1, 3, 2, 4, 130, 0, 0,
    ]  # fmt: skip


def test_a_bug_shows_where_it_is_and_exits_with_4(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ValueError of the program itself is not the user's mistake."""

    def broken() -> list[str]:
        raise ValueError("list index confused")

    monkeypatch.setattr("makespan.instances.sets.set_names", broken)
    code, _, err = call("instances", "list")
    assert code == 4 and "Traceback" in err and "internal error" in err


# -- check ----------------------------------------------------------------------------------------


def test_a_feasible_schedule_is_ok(call: Call, solved: str) -> None:
    """The instance is found by its name, or given."""
    for arguments in ((solved,), (solved, "@ft06")):
        code, out, _ = call("check", *arguments)
        assert code == 0 and out.startswith("ok  ft06  makespan ")


def test_broken_constraints_are_listed_with_names_and_amounts(call: Call, solved: str) -> None:
    """All tasks at time 0 break precedence and capacity; exit 1, as table and as JSON."""
    edit(solved, lambda data: data["schedule"].update(start=[0] * 36))
    code, out, _ = call("check", solved, "--format", "json")
    report = json.loads(out)
    assert code == 1 and report["ok"] is False
    assert {"precedence", "capacity"} <= {each["kind"] for each in report["violations"]}
    code, out, _ = call("check", solved)
    assert code == 1 and out.splitlines()[0].split() == ["kind", "task", "other", "resource", "amount", "message"]


def test_false_claims_of_a_feasible_schedule_are_found(call: Call, solved: str) -> None:
    """An objective or an end that does not follow from the starts is a broken claim."""
    edit(solved, lambda data: data.update(objective=55))
    code, out, _ = call("check", solved)
    assert code == 1 and "claims objective 55, has " in out
    edit(solved, lambda data: data.update(objective=None))
    edit(solved, lambda data: data["schedule"]["end"].__setitem__(0, 999))
    code, out, _ = call("check", solved)
    assert code == 1 and "claims end 999" in out


def test_a_schedule_of_another_instance_is_refused_unless_forced(call: Call, solved: str) -> None:
    """Same sizes, other durations: --force checks it all the same, and it does not hold."""
    write(load("ft06").replace(duration=load("ft06").duration + 1), "other.json")
    code, _, err = call("check", solved, "other.json")
    assert code == 2 and "hash" in err and "--force" in err
    assert call("check", solved, "other.json", "--force").code == 1
    assert call("check", solved, "@la01", "--force").code == 2


def test_a_mode_that_does_not_exist_is_a_violation_and_cannot_be_converted(call: Call, solved: str) -> None:
    """Check lists it; a table or a chart of it would mean nothing."""
    edit(solved, lambda data: data["schedule"].update(mode=[7] * 36))
    code, out, _ = call("check", solved)
    assert code == 1 and {line.split()[0] for line in out.splitlines()[1:]} == {"mode"}
    for command in ("convert", "plot"):
        code, _, err = call(command, solved)
        assert code == 2 and len(err.splitlines()) == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"kind": "makespan-result", "schema": 1}', "\x00"])
def test_files_that_are_no_results_are_refused(call: Call, text: str) -> None:
    """One line, exit 2."""
    Path("x.json").write_text(text)
    code, out, err = call("check", "x.json")
    assert (code, out) == (2, "") and err.startswith("makespan: x.json") and len(err.splitlines()) == 1


# -- info -----------------------------------------------------------------------------------------


def test_info_tells_sizes_features_bounds_and_hash(call: Call) -> None:
    """As lines for people and as JSON for programs."""
    out = call("info", "@mk01", "@ft06").out
    assert "tasks with several modes" in out and "best known        40" in out and "hash" in out
    mk01, ft06 = json.loads(call("info", "@mk01", "@ft06", "--format", "json").out)
    assert mk01["features"]["multi_mode"] == FEATURES["multi_mode"] and ft06["features"] == {}
    assert (ft06["tasks"], ft06["jobs"], ft06["best_known"], ft06["format"]) == (36, 6, 55, "standard")
    assert ft06["hash"] == load("ft06").digest and 0 < ft06["lower_bound"] <= 55


def test_info_goes_on_after_a_file_that_fails(call: Call) -> None:
    """Exit 2, the others are shown."""
    code, out, err = call("info", "none.txt", "@ft06")
    assert code == 2 and "ft06" in out and "none.txt" in err


# -- convert --------------------------------------------------------------------------------------


def test_an_instance_converts_to_another_format_and_back(call: Call) -> None:
    """The ending or --to decides; the instance stays the same."""
    assert call("convert", "@ft06", "x.fjs").code == 0
    assert call("convert", "x.fjs", "y.txt", "--to", "taillard").code == 0
    assert read("y.txt").digest == load("ft06").digest


def test_a_format_that_cannot_hold_the_instance_is_refused(call: Call) -> None:
    """With the field in words, and nothing is written."""
    code, _, err = call("convert", "@mk01", "x.txt")
    assert code == 2 and "several modes" in err and not Path("x.txt").exists()


def test_a_result_converts_to_a_table_with_names_and_dates(call: Call) -> None:
    """One row for each task in the order of starts; minutes after eight in the morning become dates."""
    meta = Metadata(
        name="plant",
        task_names=("cut", "weld"),
        job_names=("order 7",),
        resource_names=("saw", "robot"),
        time_origin="2026-03-02T08:00:00+00:00",
        time_unit=60.0,
    )
    write(Instance.job_shop([[0, 1]], [[30, 45]], meta=meta), "plant.json")
    call("solve", "plant.json", "--solver", "rule:spt", "-o", "r.json", "-q")
    code, out, _ = call("convert", "r.json", "--instance", "plant.json")
    first, second = csv.DictReader(StringIO(out))
    assert code == 0 and (first["task"], first["job"], first["resources"]) == ("cut", "order 7", "saw")
    assert (second["start"], second["end"]) == ("30", "75")
    assert (second["start_date"], second["end_date"]) == ("2026-03-02T08:30:00+00:00", "2026-03-02T09:15:00+00:00")


# -- plot -----------------------------------------------------------------------------------------


def test_a_result_is_drawn_as_text_and_as_a_page(call: Call, solved: str) -> None:
    """Text without an output; a self-contained page for .html."""
    code, out, _ = call("plot", solved, "--width", 60, "--ascii")
    assert code == 0 and len(out.splitlines()) >= 7 and out.isascii()
    assert call("plot", solved, "-o", "g.html").code == 0
    assert "<html" in Path("g.html").read_text()[:200].lower()


def test_a_chart_of_an_unknown_kind_is_refused(call: Call, solved: str) -> None:
    """The endings that are known are named."""
    code, _, err = call("plot", solved, "-o", "g.bmp")
    assert code == 2 and ".html" in err


# -- lists ----------------------------------------------------------------------------------------


def test_instances_are_listed_by_set(call: Call) -> None:
    """All sets on a line each, or the instances of one with bounds."""
    assert len(call("instances", "list").out.splitlines()) == 1 + len(set_names())
    rows = json.loads(call("instances", "list", "ft", "--format", "json").out)
    assert [(row["instance"], row["best_known"]) for row in rows] == [("@ft06", 55), ("@ft10", 930), ("@ft20", 1165)]
    assert call("instances", "list", "nosuchset").code == 2


def test_an_instance_is_shown_in_its_own_format(call: Call) -> None:
    """What is printed reads back the same."""
    out = call("instances", "show", "ft06").out
    Path("x.txt").write_text(out)
    assert read("x.txt").digest == load("ft06").digest


def test_solvers_tell_what_they_handle(call: Call) -> None:
    """Every feature is either handled or refused, and the examples can be typed."""
    records = json.loads(call("solvers", "--format", "json").out)
    assert {"auto", "rule", "sgs", "cpsat"} <= {record["solver"] for record in records}
    for record in records:
        assert sorted(record["handles"] + record["refuses"]) == sorted(FEATURES) and record["examples"]
        assert record["problem"] == ""
    assert "every field" in call("solvers").out


def test_no_trained_policies_is_said_plainly(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty list for programs, a sentence for people, no invented entry."""
    monkeypatch.setattr("makespan.policies.zoo.FOLDER", tmp_path)
    code, out, err = call("models")
    assert (code, out) == (0, "") and "no trained policies" in err
    assert json.loads(call("models", "--format", "json").out) == []


def test_version_names_what_can_change_results(call: Call) -> None:
    """Also as JSON; ``--version`` is the short form."""
    found = json.loads(call("version", "--format", "json").out)
    assert {"makespan", "python", "numpy", "numba", "ortools"} <= set(found)
    assert call("--version").out.strip() == found["makespan"]


def test_warm_leaves_no_kernel_cold(call: Call) -> None:
    """After it, no built-in solver has anything left to compile."""
    from makespan.solvers import lower_bounds
    from makespan.solvers.kernels import is_cold
    from makespan.solvers.registry import SOLVERS, make_stage, parse_spec
    from makespan.solvers.stage import Chooser

    code, out, err = call("warm")
    assert code == 0 and "kernels ready" in out and "rule:mwkr" in err
    for entry in SOLVERS.values():
        for example in entry.examples:
            methods = [make_stage(spec) for spec in parse_spec(example)]
            assert not any(is_cold(each.kernels) for each in methods if not isinstance(each, Chooser))
    assert not is_cold(lower_bounds.KERNELS)


# -- completion -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_know_the_commands_and_are_valid(call: Call, shell: str) -> None:
    """Where the shell is installed it parses the script."""
    code, out, _ = call("completion", shell)
    assert code == 0 and all(command.name in out for command in COMMANDS)
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=out, text=True, timeout=30).returncode == 0


def test_instances_and_solvers_are_completed(call: Call) -> None:
    """What the scripts ask for at the tab key."""
    assert {"@ft06", "@ft10", "@ft20"} <= set(call("__complete", "solve", "@ft").out.split())
    assert "rule:mwkr\t" in call("__complete", "solve", "--solver", "ru").out
    Path("mine.txt").write_text("")
    assert "mine.txt" in call("__complete", "solve", "mi").out.split()


# -- generate and explain ---------------------------------------------------------------------------


def test_an_instance_is_generated_from_its_seed(call: Call) -> None:
    """Kind, parameters and seed say everything: the same words, the same instance."""
    for name in ("a.txt", "b.txt"):
        assert call("generate", "uniform", "-p", "jobs=3", "-p", "machines=2", "--seed", 4, "-o", name).code == 0
    assert Path("a.txt").read_text() == Path("b.txt").read_text() and read("a.txt").num_tasks == 6
    out = call("generate", "uniform,jobs=3,machines=2,seed=4", "--name", "mine").out
    assert json.loads(out)["metadata"]["name"] == "mine" and '"duration": [' in out


def test_generators_are_listed_without_a_kind(call: Call) -> None:
    """With the parameters of each."""
    records = json.loads(call("generate", "--format", "json").out)
    assert {"jobs", "machines", "seed"} <= set(next(r for r in records if r["generator"] == "uniform")["parameters"])


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["uniform"], ["uniform", "-p", "jobs"], ["uniform,jobs=0,machines=2,seed=1"]]
)
def test_a_generator_that_cannot_run_is_refused(call: Call, arguments: list[str]) -> None:
    """Unknown kinds, missing and senseless parameters."""
    code, out, err = call("generate", *arguments)
    assert (code, out) == (2, "") and len(err.splitlines()) == 1


def test_a_conflict_is_explained_in_names_and_exits_with_1(call: Call) -> None:
    """A weld of 5 hours that starts after a cut of 4 cannot be done by 8; the paint has no part in it."""
    meta = Metadata(name="shop", task_names=("cut", "weld", "paint"), resource_names=("saw", "robot", "booth"))
    none = 2**53
    shop = Instance.job_shop([[0, 1], [2]], [[4, 5], [3]], deadline=[none, 8, 20], meta=meta)
    write(shop, "shop.json")
    code, out, _ = call("explain", "shop.json")
    assert code == 1 and "weld" in out and "paint" not in out
    report = json.loads(call("explain", "shop.json", "--format", "json").out)
    assert (report["status"], report["minimal"]) == ("infeasible", True)


def test_explaining_a_feasible_instance_exits_with_0(call: Call) -> None:
    """There is nothing to explain."""
    code, out, _ = call("explain", "@ft06")
    assert code == 0 and "feasible" in out


def test_convert_adds_dates_and_an_objective(call: Callable[..., Any]) -> None:
    """ft06 has no due dates: the file with them can be solved, checked and planned like any other."""
    Path("dues.csv").write_text("job,due,weight\n0,40,4\n1,45,2\n")
    arguments = ("--dates", "dues.csv", "--objective", "weighted_tardiness,makespan")
    assert call("convert", "@ft06", "ft06.json", *arguments).code == 0
    code, _, _ = call("solve", "ft06.json", "--solver", "rule:best", "-o", "r.json")
    assert code == 0 and "weighted_tardiness" in call("check", "r.json", "ft06.json").out
    assert call("convert", "r.json", "t.csv", "--instance", "ft06.json", *arguments).code == 2
    code, _, err = call("convert", "@ft06", "ft06.json", "--objective", "max_lateness")
    assert code == 2 and "needs due dates" in err
