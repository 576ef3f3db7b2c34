"""The result file: what solve writes reads back, and everything else is refused with a sentence."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from makespan.instances.errors import InputError
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.solvers.api import Budget, Result, Status
from makespan.solvers.result_json import WrongInstance, parse_result, read_result, to_dict, to_json

PAIR = Instance.job_shop([[0], [0]], [[3], [2]], name="pair")
RESULT = Result(
    status=Status.FEASIBLE,
    schedule=Schedule([2, 0]),
    objective=5,
    objectives=(5,),
    lower_bound=5,
    seconds=0.5,
    compile_seconds=0.0,
    iterations=3,
    trace=((0.25, None, 5), (0.5, 5, 5)),
    solver="rule:spt",
    seed=7,
    threads=2,
    budget=Budget(seconds=1.5),
    instance_name="pair",
    instance_hash=PAIR.digest,
    versions={"makespan": "0"},
)


def changed(**keys: Any) -> str:
    """The text of a good result file with some keys replaced."""
    return json.dumps(to_dict(RESULT, PAIR) | keys)


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    """Schedule, numbers and circumstances; the file says which kind and version it is."""
    path = tmp_path / "r.json"
    path.write_text(to_json(RESULT, PAIR))
    stored = read_result(path)
    assert stored.schedule_for(PAIR) == RESULT.schedule
    assert (stored.solver, stored.status, stored.objective, stored.lower_bound) == ("rule:spt", "feasible", 5, 5)
    assert (stored.seed, stored.threads, stored.iterations, stored.budget["seconds"]) == (7, 2, 3, 1.5)
    assert tuple(stored.trace) == RESULT.trace and stored.versions == {"makespan": "0"}
    assert stored.schedule is not None and stored.schedule.end == [5, 2]
    packed = tmp_path / "r.json.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_result(packed) == stored
    assert json.loads(path.read_text()).items() >= {"kind": "makespan-result", "schema": 1}.items()


def test_instance_and_starts_are_enough() -> None:
    """A schedule made elsewhere needs no more than that; modes are then the first ones."""
    text = '{"kind": "makespan-result", "schema": 1, "instance": {}, "schedule": {"start": [0, 3]}}'
    assert parse_result(text).schedule_for(PAIR) == Schedule([0, 3])


def test_keys_of_later_versions_are_passed_over() -> None:
    """A key that this version does not know does no harm."""
    assert parse_result(changed(shift="night")).objective == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "r.json:1: found at column 1: expecting value, expected JSON"),
        ("[{}, {}]", "found a list of 2 results, expected one result"),
        ("7", "found JSON '7'"),
        ("{}", "found JSON without a kind"),
        ("[" * 100_000, "nested too deep"),
        (changed(kind="makespan-instance"), "found kind 'makespan-instance'"),
        (changed(schema=2), "found schema '2', expected schema 1"),
        (changed(instance=None), "found instance 'None', expected an object"),
        (changed(schedule={}), "found no schedule.start"),
        (changed(schedule={"start": [0, "1"]}), "found schedule.start.1 '1', expected a valid integer"),
        (changed(schedule={"start": [0, 1.5]}), "found schedule.start.1 '1.5'"),
        (changed(schedule={"start": [0, True]}), "found schedule.start.1 'True'"),
        (changed(schedule={"start": [0, 1], "mode": [0]}), "found 1 values in schedule.mode, expected 2"),
        (changed(schedule={"start": [0, 10**30]}), "in schedule.start, expected -9007199254740992 to"),
        (changed(schedule={"start": [0, 1], "mode": [0, 2**40]}), "in schedule.mode, expected"),
    ],
)
def test_anything_else_is_refused_on_one_line(text: str, words: str) -> None:
    """File, what was found and what was expected; never a traceback of the validator."""
    with pytest.raises(InputError) as caught:
        parse_result(text, "r.json")
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """No such file, a folder, binary data."""
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00")
    for name, words in (("none.json", "no such file"), (".", "directory"), ("b.json", "binary data")):
        with pytest.raises(InputError, match=words):
            read_result(tmp_path / name)


def test_a_schedule_for_another_instance_is_refused() -> None:
    """Equal sizes may be forced; other sizes have no meaning."""
    stored = parse_result(changed())
    other = Instance.job_shop([[0], [0]], [[3], [4]], name="other")
    with pytest.raises(WrongInstance, match="made for instance 'pair' with hash"):
        stored.schedule_for(other)
    assert stored.schedule_for(other, force=True) == RESULT.schedule
    with pytest.raises(WrongInstance, match="has 2 tasks, 'longer' has 3"):
        stored.schedule_for(Instance.job_shop([[0, 0, 0]], [[1, 1, 1]], name="longer"), force=True)
    with pytest.raises(WrongInstance, match="holds no schedule"):
        parse_result(changed(schedule=None)).schedule_for(PAIR)


def test_the_objective_of_the_run_is_taken_over() -> None:
    """``solve --objective flow_time`` changes the hash; reading the result changes the instance alike."""
    solved = PAIR.replace(objective=("flow_time",))
    stored = parse_result(json.dumps(to_dict(RESULT, solved)))
    assert stored.instance_as_solved(PAIR).digest == solved.digest
    other = Instance.job_shop([[0], [0]], [[9], [9]])
    assert stored.instance_as_solved(other) is other
