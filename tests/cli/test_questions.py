"""bench pose and bench score, from posing to the table."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]


@pytest.fixture
def posed(call: Call) -> Path:
    """A folder ``ramp`` with a few questions."""
    assert call("bench", "pose", "ramp", "--tasks", "6", "--levels", "1", "--count", "1", "-q").code == 0
    return Path("ramp")


def test_solve_answers_what_bench_pose_asked(call: Call, posed: Path) -> None:
    """A question is an instance file like any other, and a result an answer like any other."""
    (posed / "exact").mkdir()
    options = ("--solver", "cpsat", "--gap", "100%", "--threads", "1", "-o", "ramp/exact/{name}.json", "-q")
    assert call("solve", "ramp/questions", *options).code == 0
    code, out, _ = call("bench", "score", "ramp/exact", "--format", "json", "--export", "rows.csv")
    report = json.loads(out)
    assert code == 0 and report["kind"] == "makespan-score"
    assert len(report["cells"]) == 6 and {cell["rate"] for cell in report["cells"]} == {1.0}
    assert [gap["gap"] for gap in report["interactions"]] == [0.0]
    with Path("rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 and {row["outcome"] for row in rows} == {"feasible"}


def test_the_table_names_the_kinds_that_were_broken(call: Call, posed: Path) -> None:
    """Everything at time 0 breaks precedence and more; a stage without an answer counts all the same."""
    lines = [
        {"question": path.stem, "answer": [{"id": i, "start": 0} for i in range(6)]}
        for path in sorted((posed / "questions").iterdir())[1:]
    ]
    Path("ramp/zero.jsonl").write_text("\n".join(map(json.dumps, lines)))
    out = call("bench", "score", "ramp/zero.jsonl").out
    table = [line.split() for line in out.splitlines()]
    assert table[0][:4] == ["tasks", "stage", "level", "questions"] and "precedence" in table[0]
    assert [row[1] for row in table[1:7]] == ["P", "PD", "PT", "PX", "PDT", "PDTX"]
    assert "threshold" in out and "interaction" not in out  # nothing is foretold where P fails


def test_one_answer_is_scored_alone(call: Call, posed: Path) -> None:
    """The other questions do not count as unanswered."""
    name = sorted((posed / "witnesses").iterdir())[0]
    out = call("bench", "score", name, "--questions", "ramp/questions", "--format", "json").out
    assert sum(cell["questions"] for cell in json.loads(out)["cells"]) == 1


def test_the_method_of_the_documentation_answers(call: Call, posed: Path) -> None:
    """It runs one task after the other: feasible wherever nothing but precedence, capacities and pairs counts."""
    page = (Path(__file__).parents[2] / "docs" / "constraint_ramp.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code is not None
    exec(code[1], {})
    report = json.loads(call("bench", "score", "ramp/one_by_one", "--format", "json").out)
    rate = {cell["stage"]: cell["rate"] for cell in report["cells"]}
    assert rate["P"] == rate["PX"] == 1 and sum(cell["unreadable"] for cell in report["cells"]) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pose", "x", "--stages", "P,PQ"), "stage: found 'PQ', expected P and some of D, T, X"),
        (("pose", "x", "--tasks", "ten"), "tasks: found 'ten', expected numbers"),
        (("pose", "x", "--levels", "3"), "levels: found 3, expected numbers from 0 to 2"),
        (("pose", "x", "--tasks", "5"), "tasks: found 5, expected an integer of at least 6"),
        (("score", "nowhere"), "nowhere"),
        (("score", "ramp/witnesses", "--questions", "ramp"), "found no question, expected a folder of questions"),
    ],
)
def test_wrong_usage_exits_with_2_and_one_line(call: Call, posed: Path, arguments: tuple[str, ...], words: str) -> None:
    """What was found and what was expected."""
    code, out, err = call("bench", *arguments)
    assert (code, out) == (2, "") and words in err and len(err.splitlines()) == 1
