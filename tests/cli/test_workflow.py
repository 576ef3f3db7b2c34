"""``makespan workflow`` and ``makespan study``."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from makespan.eval.studies import STUDIES, table

Call = Callable[..., Any]


def test_the_example_is_scheduled_and_drawn(call: Call) -> None:
    """HEFT's published 80, the proved 73 as bound, and a chart."""
    code, out, _ = call(
        "workflow", "schedule", "@ten_tasks", "--method", "heft,cpsat", "--format", "json", "--gantt", "g.html"
    )
    found = json.loads(out)
    assert code == 0 and [each["makespan"] for each in found] == [80, 73]
    assert {each["bound"] for each in found} == {73} and len(found[0]["start"]) == 10
    assert "<html" in Path("g.html").read_text()


def test_a_trace_takes_machines_from_the_command(call: Call) -> None:
    """Two machines twice as fast as the one of record halve the chain of five tasks."""
    names = ("workflow", "schedule", "@helloworld-chain-5-chameleon", "--method", "heft", "--format", "json")
    lengths = [json.loads(call(*names, "--speeds", speeds).out)[0]["makespan"] for speeds in ("1", "2,2")]
    assert lengths[1] == pytest.approx(lengths[0] / 2, abs=5)


def test_a_workflow_comes_from_standard_input(call: Call) -> None:
    """As everywhere, ``-`` names it."""
    text = json.dumps({"format": "makespan-workflow-1", "durations": [[3, 5], [4, 2]], "arcs": [[0, 1, 6]]})
    out = call("workflow", "schedule", "-", "--method", "heft", "--format", "json", stdin=text).out
    assert [(each["workflow"], each["makespan"]) for each in json.loads(out)] == [("stdin", 7)]


def test_cost_falls_with_larger_parts_and_later_deadlines(call: Call) -> None:
    """The whole is exact; twice the time costs less."""
    names = ("workflow", "cost", "@srasearch-chameleon-10a-001", "--format", "json")
    parts, whole = (json.loads(call(*names, *extra).out)[0] for extra in (("--part-size", "5"), ()))
    assert whole["cost"] == whole["bound"] <= parts["cost"] and parts["parts"] > 1
    assert max(parts["makespan"], whole["makespan"]) <= whole["deadline"] == parts["deadline"]
    later = json.loads(call(*names, "--deadline", 2 * whole["deadline"]).out)[0]
    assert later["cost"] < whole["cost"]


def test_a_deadline_that_nobody_keeps_exits_with_1(call: Call) -> None:
    """And says how long the fastest machines take."""
    code, out, err = call("workflow", "cost", "@srasearch-chameleon-10a-001", "--deadline", "1")
    assert (code, out) == (1, "") and "fastest machines take" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("workflow", "schedule", "@ten_tasks", "--method", "magic"), "method: found 'magic'"),
        (("workflow", "schedule", "nowhere.json"), "no such file"),
        (("workflow", "schedule", "@ten_tasks", "--speeds", "a"), "speeds: found 'a'"),
        (("workflow", "cost", "@ten_tasks"), "transfers"),
        (("workflow", "stream", "--order", "magic"), "order: found 'magic'"),
        (("workflow", "stream", "--noise", "-1"), "noise"),
        (("workflow", "train", "--updates", "0", "--imitation", "0"), "updates"),
        (("workflow", "train", "--length", "20"), "no job is done"),
        (("study", "magic"), "study: found 'magic'"),
        (("study", "online_means", "--seeds", "0"), "seeds: found 0"),
    ],
)
def test_wrong_arguments_exit_with_2_and_one_line(call: Call, arguments: tuple[str, ...], words: str) -> None:
    """What was found and what was expected."""
    code, out, err = call(*arguments)
    assert (code, out) == (2, "") and words in err and len(err.splitlines()) == 1


def test_an_order_is_trained_and_played(call: Call) -> None:
    """A few updates, then the stream with it beside a rule."""
    assert (
        call("workflow", "train", "--updates", "1", "--imitation", "3", "--length", "400", "-o", "o.safetensors").code
        == 0
    )
    names = ("workflow", "stream", "--order", "learned,etf", "--network", "o.safetensors", "--length", "300")
    code, out, _ = call(*names, "--seeds", "2", "--format", "csv")
    rows = list(csv.reader(out.splitlines()))
    assert code == 0 and [row[0] for row in rows] == ["order", "learned", "etf"]


def test_studies_are_listed(call: Call) -> None:
    """Every one with what it is compared to."""
    out = call("study").out
    assert all(name in out for name in STUDIES)


@pytest.mark.parametrize("name", [name for name in STUDIES if name != "workflow_cost"])
def test_every_study_plays_in_its_small_form(call: Call, name: str) -> None:
    """One seed; the table has a line for each setting, the rows hold every run, no ratio to an optimum is below 1."""
    code, out, _ = call("study", name, "--small", "--seeds", "1", "--format", "json", "--rows", "rows.csv", "-q")
    lines = json.loads(out)
    rows = list(csv.DictReader(Path("rows.csv").read_text().splitlines()))
    assert code == 0 and sum(line["runs"] for line in lines) == len(rows) > 0
    if "optimum" in STUDIES[name].reference or name == "workflow_traces":
        assert all(float(row["value"]) >= float(row["reference"]) * (1 - 1e-9) for row in rows)


def test_the_table_adds_up() -> None:
    """By hand: values 2 and 6 over references 1 and 4."""
    rows = [
        {"x": 1, "seed": seed, "value": value, "reference": ref} for seed, (value, ref) in enumerate([(2, 1), (6, 4)])
    ]
    (line,) = table(rows)
    assert line == {"x": 1, "runs": 2, "mean": 4, "ratio_of_means": 1.6, "mean_ratio": 1.75, "worst_ratio": 2}
