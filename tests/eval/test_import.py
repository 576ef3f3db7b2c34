"""Results of other programs: what holds is stored, what contradicts a proof, a schedule or itself is refused."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from makespan.eval.foreign import Imported, import_claims
from makespan.eval.foreign_files import COLUMNS, STATUSES, Defaults, read_claims
from makespan.eval.store import Run, Store
from makespan.instances.bounds import best_known
from makespan.instances.errors import InputError
from makespan.instances.instance import Instance
from makespan.instances.schedule_files.ms_project import ms_project_xml
from makespan.instances.schedule_files.table import schedule_csv
from makespan.instances.sets import load
from makespan.instances.write import write
from makespan.solvers.api import Budget, solve
from makespan.solvers.result_json import to_dict

NONE = Defaults()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def taken(name: str, text: str | None = None, defaults: Defaults = NONE, skip_refused: bool = False) -> Imported:
    """Import a file, written first where a text is given, into the store of the test."""
    if text is not None:
        Path(name).write_text(text, encoding="utf-8")
    with Store("r.sqlite") as store:
        return import_claims(read_claims(name, defaults), store, "others", skip_refused=skip_refused)


def stored() -> list[Run]:
    with Store("r.sqlite") as store:
        return list(store.runs("others"))


# -- what is stored -------------------------------------------------------------------------------


def test_a_value_without_a_schedule_is_stored_as_claimed() -> None:
    """Every column has its place; the gap is taken as for our own runs; nobody calls it verified."""
    text = (
        "solver,instance,objective,lower_bound,seconds,seed,threads,time_limit,status,date,version,hardware,note\n"
        "engine,@ft06,57,55,1.5 s,3,4,60,feasible,2026-01-02,9.1,some cpu,fast\n"
    )
    assert taken("a.csv", text).claimed == 1
    (run,) = stored()
    assert (run.instance, run.instance_set, run.status) == ("ft06", "jsp/ft", "feasible")
    assert (run.objective, run.lower_bound, run.best_known, run.gap) == (57, 55, 55, 2 / 55)
    assert (run.key.solver, run.key.seed, run.key.threads, run.key.budget) == ("engine", 3, 4, "seconds=60")
    assert run.key.instance_hash == load("ft06").digest and run.seconds == 1.5
    assert run.finished_at == "2026-01-02T00:00:00+00:00" and run.versions == {"engine": "9.1"}
    assert run.hardware == {"processor": "some cpu"} and run.source == "a.csv:2"
    assert run.schedule is None and not run.verified


@pytest.mark.parametrize("column", ["objective", "lower_bound", "seconds", "seed", "solver", "instance"])
def test_other_names_of_a_column_mean_the_same(column: str) -> None:
    """Every documented name, whatever its case, with blanks or hyphens."""
    cells = {
        "solver": "engine",
        "instance": "ft06",
        "objective": "57",
        "lower_bound": "50",
        "seconds": "2",
        "seed": "1",
    }
    for name in COLUMNS[column]:
        titles = [name.upper().replace("_", " ") if each == column else each for each in cells]
        text = ";".join(titles) + "\n" + ";".join(cells.values()) + "\n"
        (claim,) = read_claims(_file(text), NONE)
        assert (claim.objective, claim.lower_bound, claim.seconds, claim.seed) == (57, 50, 2.0, 1)
        assert (claim.solver, claim.instance) == ("engine", "ft06")


def _file(text: str, name: str = "x.csv") -> Path:
    Path(name).write_text(text, encoding="utf-8")
    return Path(name)


def test_numbers_are_read_as_programs_print_them() -> None:
    """Whole numbers as floats, bounds between two whole numbers, nothing as a dash; a hair above is no next number."""
    text = "solver,instance,objective,lower_bound,status\n" + "\n".join(
        f"s{k},ft06,{objective},{bound},{status}"
        for k, (objective, bound, status) in enumerate(
            [("57.0", "54.2", ""), ("-", "55.0000000001", "TIMEOUT"), ("NA", "", "memory"), ("55", "", "Optimal")]
        )
    )
    claims = read_claims(_file(text), NONE)
    assert [(each.objective, each.lower_bound) for each in claims] == [(57, 55), (None, 55), (None, None), (55, None)]
    taken("x.csv")
    assert [run.status for run in stored()] == ["feasible", "unknown", "error", "optimal"]
    assert stored()[-1].lower_bound == 55


def test_times_are_read_as_programs_and_people_write_them() -> None:
    """Seconds with all their digits, tiny ones, with a unit, and by the clock; never below 0."""
    texts = ("12.3456789012345", "1.5e-05", "90 s", "1.5 min", "0:30", ".5")
    table = "solver,instance,objective,time (s)\n" + "".join(f"s{k},ft06,57,{each}\n" for k, each in enumerate(texts))
    found = [claim.seconds for claim in read_claims(_file(table), NONE)]
    assert found == [12.3456789012345, 1.5e-05, 90.0, 90.0, 1800.0, 0.5]
    for wrong in ("-1", "soon", "1e999"):
        with pytest.raises(InputError, match=r"x\.csv:2: found"):
            read_claims(_file(f"solver,instance,objective,time\ns,ft06,57,{wrong}\n"), NONE)


def test_equal_bound_and_objective_make_an_optimum() -> None:
    """Where the table states no status."""
    taken("a.csv", "solver,instance,objective,lower_bound\ns,ft06,55,55\nt,ft06,55,\n")
    assert [run.status for run in stored()] == ["optimal", "feasible"]


def test_every_name_of_a_column_is_documented() -> None:
    """A user finds in docs/benchmark.md what a table may say."""
    text = (Path(__file__).parents[2] / "docs/benchmark.md").read_text(encoding="utf-8")
    names = [name for column, others in COLUMNS.items() for name in (column, *others)]
    assert [name for name in names if f"`{name.replace('_(', ' (')}`" not in text] == []


def test_every_status_word_is_known_once() -> None:
    words = [word for listed in STATUSES.values() for word in listed]
    assert len(words) == len(set(words))


def test_schedules_beside_a_table_are_checked(folder: Path) -> None:
    """In any format, relative to the table; such a value is verified."""
    instance = load("ft06")
    result = solve(instance, "rule:mwkr", Budget(iterations=1))
    assert result.schedule is not None
    (folder / "plans").mkdir()
    (folder / "plans/a.csv").write_text(schedule_csv(instance, result.schedule))
    (folder / "plans/b.xml").write_text(ms_project_xml(instance, result.schedule))
    (folder / "plans/c.json").write_text(json.dumps(to_dict(result, instance)))
    (folder / "r").mkdir()
    rows = [f"s{name[0]},ft06,{result.objective},../plans/{name}" for name in ("a.csv", "b.xml", "c.json")]
    outcome = taken("r/all.csv", "solver,instance,objective,schedule\n" + "\n".join(rows))
    assert (outcome.verified, outcome.claimed, outcome.refused) == (3, 0, [])
    assert all(run.verified and run.schedule == result.schedule for run in stored())


def test_result_files_lists_and_streams_bring_all_they_know(folder: Path) -> None:
    """One object, a list as of several instances, and the lines of --format jsonl among other events."""
    instance = load("ft06")
    result = solve(instance, "rule:mwkr", Budget(iterations=1), seed=4)
    record = to_dict(result, instance)
    assert taken("one.json", json.dumps(record)).verified == 1
    (run,) = stored()
    assert (run.key.solver, run.key.seed, run.key.budget) == ("rule:mwkr", 4, "iterations=1")
    assert run.trace == tuple((round(t, 6), o, b) for t, o, b in result.trace) and run.versions == result.versions
    listed = [record | {"solver": "x"}, {"kind": "makespan-error", "instance": "a"}, record | {"solver": "y"}]
    assert taken("two.json", json.dumps(listed)).verified == 2
    lines = [{"type": "bound", "t": 0.1}, {"type": "result", "t": 1, **record, "solver": "z"}]
    assert taken("three.jsonl", "\n".join(map(json.dumps, lines))).verified == 1
    assert stored()[-1].source == "three.jsonl:2"


def test_a_schedule_alone_needs_its_solver_and_instance() -> None:
    """A plan that somebody made by hand, of an instance in a file."""
    shop = Instance.job_shop([[0, 1]], [[3, 2]], name="small")
    write(shop, "small.txt")
    plan = "task,start\n0,0\n1,3\n"
    assert taken("plan.csv", plan, Defaults("planner", "small.txt")).verified == 1
    (run,) = stored()
    assert (run.objective, run.gap, run.instance) == (5, None, "small") and run.key.solver == "planner"
    with pytest.raises(InputError, match="a schedule alone, expected --solver and --instance"):
        taken("plan.csv")


def test_the_same_import_again_changes_nothing() -> None:
    """Nothing is counted twice; another value of the same run is refused."""
    text = "solver,instance,objective\ns,ft06,57\n"
    taken("a.csv", text)
    again = taken("a.csv")
    assert (again.claimed, again.present, again.refused) == (0, 1, [])
    changed = taken("a.csv", text.replace("57", "58"))
    assert "another result of a run that is stored with objective 57" in str(changed.refused[0])
    assert [run.objective for run in stored()] == [57]


def test_a_value_below_the_best_known_one_is_told() -> None:
    """Of an instance whose bounds lie apart: it may be new, or wrong."""
    known = best_known("ta40")
    assert known is not None and known.lower_bound is not None and known.upper_bound is not None
    value = known.upper_bound - 1
    assert known.lower_bound <= value
    outcome = taken("a.csv", f"solver,instance,objective\ns,ta40,{value}\n")
    assert outcome.refused == [] and outcome.better == [("ta40", value, False)]


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("s,ft06,54,,,", "objective 54, expected at least 55, the best known lower bound"),
        ("s,ft06,46,,,", "objective 46, expected at least"),
        ("s,tiny.txt,4,,,", "objective 4, expected at least 5, the bound that follows from the data"),
        ("s,ft06,57,58,,", "lower bound 58, expected at most the objective 57"),
        ("s,ft06,,56,,", "lower bound 56, expected at most 55, the best known objective"),
        ("s,ft06,,,optimal,", "status optimal without an objective"),
        ("s,ft06,57,55,optimal,", "optimal with lower bound 55, expected the objective 57"),
        ("s,ft06,57,,infeasible,", "infeasible with objective 57"),
        ("s,ft06,,,infeasible,", "infeasible, expected a schedule, as one of value 55 is known"),
        ("s,never.json,9,,,", "objective 9, expected none: the instance has no schedule"),
        ("s,ft99,57,,,", "instance 'ft99'"),
        ("s,ft06,57,,,none.csv", "no such file"),
        ("s,ft06,57,,,late.csv", "objective 57, expected 1000"),
        ("s,ft06,,,,wrong.csv", "a schedule that breaks a rule"),
        ("s,ft06,,,,short.csv", "short.csv: found 1 tasks, none of them 'task 1'"),
        ("s,ft06,57.5,,,", "objective '57.5', expected a whole number"),
        ("s,ft06,many,,,", "objective 'many', expected a number"),
        ("s,ft06,57,,great,", "status 'great'"),
        (",ft06,57,,,", "a row without solver"),
    ],
)
def test_a_claim_that_cannot_be_true_is_refused_with_its_line(row: str, words: str) -> None:
    """The refusal names file and line, what was found and what was expected; the good row before it is not stored."""
    write(Instance.job_shop([[0, 1]], [[3, 2]]), "tiny.txt")
    write(Instance.rcpsp([2], [[5]], [4], [[]]), "never.json")
    Path("wrong.csv").write_text("task,start\n" + "".join(f"{k},0\n" for k in range(36)))
    Path("short.csv").write_text("task,start\n0,0\n")
    solved = solve(load("ft06"), "rule:mwkr", Budget(iterations=1))
    assert solved.schedule is not None and solved.objective is not None
    late = replace(solved.schedule, start=solved.schedule.start + 1000 - solved.objective)
    Path("late.csv").write_text(schedule_csv(load("ft06"), late))
    table = f"solver,instance,objective,lower_bound,status,schedule\ngood,ft06,60,,,\n{row}\n"
    try:
        (error,) = taken("a.csv", table).refused
    except InputError as raised:
        error = raised
    assert str(error).startswith("a.csv:3: found ") and words in str(error) and "\n" not in str(error)
    assert not Path("r.sqlite").exists() or stored() == []


def test_a_file_that_is_no_table_of_results_is_refused() -> None:
    for text, words in (
        ("solver,instance\n", ":1: found no column objective"),
        (
            "instance,objective\n",
            ":1: found no column solver, expected solver or method, algorithm, engine, or --solver",
        ),
        ("solver,instance,objective,nodes\n", ":1: found column 'nodes'"),
        ("", "an empty file"),
        ('{"kind": "other"}', "kind 'other'"),
        ("[3]", "JSON '3'"),
    ):
        with pytest.raises(InputError) as caught:
            read_claims(_file(text), NONE)
        assert words in str(caught.value)
    text = "method,instance,objective,Nodes\ns,ft06,57,many\n"
    assert len(read_claims(_file(text), Defaults(ignored=("nodes",)))) == 1


def test_two_rows_of_the_same_run_are_refused() -> None:
    """Without a column of seeds two runs look alike; the second would be lost."""
    (error,) = taken("a.csv", "solver,instance,objective\ns,ft06,57\ns,@ft06,58\n").refused
    assert str(error).startswith("a.csv:3: found the run of a.csv:2 again")


def test_the_others_are_stored_if_asked_to() -> None:
    outcome = taken("a.csv", "solver,instance,objective\ns,ft06,57\nt,ft06,3\n", skip_refused=True)
    assert (outcome.claimed, len(outcome.refused)) == (1, 1) and [run.key.solver for run in stored()] == ["s"]


def test_a_result_file_with_false_claims_is_refused() -> None:
    """Objective and ends have to follow from the schedule, and the hash has to be that of the instance."""
    instance = load("ft06")
    record = to_dict(solve(instance, "rule:mwkr", Budget(iterations=1)), instance)
    for change, words in (
        ({"objective": 55}, "expected"),
        ({"schedule": record["schedule"] | {"end": [0] * 36}}, "ends that do not follow"),
        ({"instance": record["instance"] | {"hash": "ab"}}, "was made for instance"),
        ({"solver": ""}, "no solver"),
    ):
        try:
            (error,) = taken("r.json", json.dumps(record | change)).refused
        except InputError as raised:
            error = raised
        assert str(error).startswith("r.json: found ") and words in str(error)
    assert stored() == []


# -- the store ------------------------------------------------------------------------------------


def test_a_store_made_before_there_were_foreign_results_takes_them() -> None:
    """The column is added when the file is opened; older rows are our own."""
    taken("a.csv", "solver,instance,objective\ns,ft06,57\n")
    with sqlite3.connect("r.sqlite") as old:
        for column in ("source", "measure", "found_by", "wall_seconds", "parameters"):
            old.execute(f"ALTER TABLE runs DROP COLUMN {column}")
        old.execute("PRAGMA user_version = 1")
    old.close()
    assert [(run.objective, run.source, run.verified) for run in stored()] == [(57, None, True)]
    assert taken("b.csv", "solver,instance,objective\nt,ft06,58\n").claimed == 1
    assert stored()[-1].source == "b.csv:2"
