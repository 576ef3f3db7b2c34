"""Answers to feasibility questions: what is read, what is judged, and what the verdicts add up to."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.eval import answers, feasibility
from makespan.eval.answers import KINDS, Unreadable, Verdict, judge, judge_schedule, read_schedule
from makespan.eval.feasibility import cells, curves, interactions, wilson
from makespan.eval.questions import axes_of, pose, without
from makespan.instances.errors import InputError
from makespan.instances.generators.jain_wetter import STAGES, ramp
from makespan.instances.schedule import Schedule
from makespan.instances.write import to_text
from makespan.solvers.api import Budget, solve
from tests.oracles.grid_checker import grid_check
from tests.oracles.question_checker import broken_kinds

RAMP = ramp(8, 8, 5, True, True, True)
ROWS = [{"id": i, "start": s} for i, s in enumerate(RAMP.witness.start.tolist())]


def verdict(outcome: str, stage: str = "P", level: int = 0, tasks: int = 10, **broken: int) -> Verdict:
    return Verdict("q", tasks, stage, level, outcome, broken)


# -- reading ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        "Let me think [step 1] about [2, 3].\n```json\n" + json.dumps(ROWS, indent=2) + "\n```\nAs in [1].",
        json.dumps([{"id": 0, "start": 99}]) + " no, rather " + json.dumps(ROWS),
        json.dumps({"answer": ROWS}),
        json.dumps(ROWS[::-1]),
        "[[[[" + json.dumps(ROWS),
    ],
    ids=["bare", "talk", "second thought", "wrapped", "any order", "brackets"],
)
def test_the_last_array_of_objects_counts(text: str) -> None:
    """Language models talk around their answers; a person may write the tasks in any order."""
    assert read_schedule(RAMP.instance, text) == RAMP.witness
    assert judge(RAMP.instance, text).outcome == "feasible"


def change(task: int, **values: object) -> str:
    return json.dumps([row | values if row["id"] == task else row for row in ROWS])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no JSON array"),
        ("I cannot solve this.", "no JSON array"),
        ("[1, 2, 3]", "no JSON array"),
        ("[" * 5000, "no JSON array"),
        (json.dumps(ROWS)[:-9], "no JSON array"),
        (json.dumps(ROWS[1:]), "no start of task 0, 1 of 8 are missing"),
        (json.dumps([*ROWS, ROWS[3]]), "task 3 twice"),
        (change(2, id=8), "id '8', expected 0 to 7"),
        (change(2, id=True), "id 'True'"),
        (change(2, start=-1), "start '-1' of task 2, expected an integer from 0 on"),
        (change(2, start=1.0), "start '1.0'"),
        (change(2, start="3"), "start '3'"),
        (change(2, start=10**30), "start '1000"),
        (json.dumps([{"task": 0, "time": 1}]), "id 'None'"),
        ("x" * (answers.MAX_CHARACTERS + 1), "characters"),
    ],
)
def test_what_cannot_be_read_is_no_infeasible_answer(text: str, words: str) -> None:
    """The two failures are told apart: one says nothing about scheduling."""
    with pytest.raises(Unreadable, match=words):
        read_schedule(RAMP.instance, text)
    found = judge(RAMP.instance, text)
    assert found.outcome == "unreadable" and words in found.message and not found.broken


def test_no_answer_is_unreadable() -> None:
    """A method does not gain by leaving hard questions out."""
    assert judge(RAMP.instance, None).outcome == "unreadable"


# -- judging ----------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 30), st.sampled_from(STAGES), st.data())
def test_kinds_are_those_of_a_walk_through_time(seed: int, stage: str, data: st.DataObject) -> None:
    """The checker's findings, sorted into kinds, against the rules in words on schedules with moved tasks."""
    drawn = ramp(8, 8, seed, **axes_of(stage))
    start = drawn.witness.start.copy()
    for task in data.draw(st.lists(st.integers(0, 7), max_size=3)):
        start[task] = data.draw(st.integers(0, 30))
    schedule = Schedule(start)
    found = judge_schedule(drawn.instance, schedule)
    assert set(found.broken) == broken_kinds(json.loads(to_text(drawn.instance, "question")), start.tolist())
    assert (found.outcome == "feasible") == grid_check(drawn.instance, schedule) == (not found.broken)
    assert found.broken.keys() == found.amount.keys() and all(found.amount[kind] > 0 for kind in found.amount)


@pytest.mark.parametrize("kind", KINDS)
def test_who_ignores_one_kind_breaks_that_kind_alone(kind: str) -> None:
    """A controlled liar: exact on the question without the kind, so that the verdict can only name this one."""
    broken = set()
    for seed in range(4):
        question = ramp(10, 10, seed, True, True, True).instance
        result = solve(without(question, kind), "cpsat", Budget(seconds=60, gap=1.0))
        assert result.schedule is not None
        broken |= set(judge_schedule(question, result.schedule).broken)
    assert broken <= {kind} and (broken or kind in ("window", "pair"))


def test_the_exact_solver_answers_every_small_question() -> None:
    """The hidden schedule is never looked at."""
    for seed in range(3):
        for stage in STAGES:
            question = ramp(10, 10, seed, **axes_of(stage)).instance
            result = solve(question, "cpsat", Budget(seconds=60, gap=1.0))
            assert result.schedule is not None and judge_schedule(question, result.schedule).outcome == "feasible"


def test_too_much_use_of_an_open_resource_is_no_downtime() -> None:
    """To the checker a calendar is a capacity over time; to the question the two are different rules."""
    drawn = ramp(20, 0, 2, downtime=True)
    open_from = int(drawn.instance.calendar.time.max()) if drawn.instance.calendar is not None else 0
    crowd = Schedule(np.full(20, open_from))
    assert set(judge_schedule(drawn.instance, crowd).broken) == {"resource"}


# -- files ------------------------------------------------------------------------------------------


def test_posed_questions_are_answered_by_their_witnesses(tmp_path: Path) -> None:
    """And by nothing else in the folder: the questions say nothing of them."""
    posed = pose(tmp_path, [6, 10], ["P", "PDTX"], [0, 1.5], range(2))
    questions = answers.read_questions(tmp_path / "questions")
    assert len(questions) == posed.questions == 16 and posed.left_out == 0
    assert {each.num_arcs for each in questions.values()} == {0, 9, 15}
    found = answers.score(questions, answers.read_answers(tmp_path / "witnesses"))
    assert {each.outcome for each in found} == {"feasible"} and len(found) == 16


def test_answers_come_as_files_or_as_lines(tmp_path: Path) -> None:
    """A folder, with any endings, and a file of lines as batch interfaces give them, score alike."""
    pose(tmp_path, [6], ["PDT"], [1], range(3))
    questions = answers.read_questions(tmp_path / "questions")
    names, folder, lines = list(questions), tmp_path / "mine", tmp_path / "mine.jsonl"
    starts = [json.loads((tmp_path / "witnesses" / f"{name}.json").read_text())["schedule"]["start"] for name in names]
    rows = [[{"id": i, "start": s} for i, s in enumerate(each)] for each in starts]
    folder.mkdir()
    (folder / f"{names[0]}.txt").write_text("so: " + json.dumps(rows[0]))
    (folder / f"{names[1]}.md").write_bytes(b"\xff no idea")
    as_lines = [{"question": names[0], "answer": rows[0]}, {"question": names[1], "answer": "no idea"}]
    lines.write_text("\n".join(map(json.dumps, as_lines)) + "\n\n")
    outcomes = [
        [each.outcome for each in answers.score(questions, answers.read_answers(path))] for path in (folder, lines)
    ]
    assert outcomes == [["feasible", "unreadable", "unreadable"]] * 2
    assert answers.read_answers(folder / f"{names[0]}.txt") == {names[0]: "so: " + json.dumps(rows[0])}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense", "a.jsonl:2: found 'nonsense', expected a JSON object"),
        ('{"question": "q"}', "expected an object with question and answer"),
        ('{"question": "q", "answer": ""}\n{"question": "q", "answer": ""}', "a.jsonl:3: found two answers to 'q'"),
    ],
)
def test_a_file_of_lines_that_does_not_read_says_where(tmp_path: Path, line: str, words: str) -> None:
    """The method's words may be anything, the frame around them may not."""
    (tmp_path / "a.jsonl").write_text(f"\n{line}\n")
    with pytest.raises(InputError) as caught:
        answers.read_answers(tmp_path / "a.jsonl")
    assert words in str(caught.value)


def test_an_answer_to_no_question_is_refused() -> None:
    """A misspelt file name would otherwise count as an unanswered question."""
    with pytest.raises(InputError, match="an answer to 'q2'"):
        answers.score({"q1": RAMP.instance}, {"q2": "[]"})


# -- metrics ----------------------------------------------------------------------------------------


def test_wilson_interval_agrees_with_published_values() -> None:
    """8 of 10: 0.4902 to 0.9433; 0 and all stay within 0 and 1. Newcombe (1998) gives 0.7193, 0.9052 for 81 of 263."""
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20)[0] == 0 and wilson(20, 20)[1] == 1
    with pytest.raises(ValueError, match="trials: found 0"):
        wilson(0, 0)


def test_curves_hold_threshold_and_area() -> None:
    """Rates 1, 0.25, 0.75, 0, 0 at levels 0, 10, 20, 30, 40: below one half for good from 30 on; area by hand."""
    rates = {0: 4, 10: 1, 20: 3, 30: 0, 40: 0}
    found = [
        verdict("feasible" if i < hits else "infeasible", level=level, window=1)
        for level, hits in rates.items()
        for i in range(4)
    ]
    (curve,) = curves(cells(found))
    assert (curve.rate, curve.threshold) == (8 / 20, 30)
    assert curve.area == pytest.approx((0.625 + 0.5 + 0.375 + 0) / 4)
    assert curves(cells([verdict("feasible")]))[0].threshold is None


def test_shares_count_infeasible_answers_once_per_kind() -> None:
    """Two of three infeasible answers break a window, however often; the unreadable one is not among them."""
    found = [
        verdict("infeasible", window=3),
        verdict("infeasible", window=1, pair=1),
        verdict("infeasible", resource=1),
        verdict("unreadable"),
        verdict("feasible"),
    ]
    (cell,) = cells(found)
    assert (cell.questions, cell.feasible, cell.infeasible, cell.unreadable, cell.rate) == (5, 1, 3, 1, 0.2)
    never = {"precedence": 0.0, "downtime": 0.0}
    assert cell.share == pytest.approx({"window": 2 / 3, "pair": 1 / 3, "resource": 1 / 3} | never)


def test_interaction_is_what_single_axes_do_not_foretell() -> None:
    """P 1, PD 0.5, PT 0.5, PX 1: 0.25 foretold; PDTX 0: the axes hurt 0.25 more together."""
    hits = {"P": 4, "PD": 2, "PT": 2, "PX": 4, "PDTX": 0}
    found = [verdict("feasible" if i < hits[stage] else "infeasible", stage) for stage in hits for i in range(4)]
    (gap,) = interactions(cells(found))
    assert (gap.rate, gap.foretold, gap.gap) == (0, 0.25, -0.25)
    assert interactions(cells([each for each in found if each.stage != "PX"])) == []
    assert interactions(cells([*found, verdict("feasible", "PX", level=9)])) == []


def test_cells_come_by_size_then_by_number_of_axes_then_by_level() -> None:
    """The order in which a reader climbs the ramp."""
    found = [verdict("feasible", stage, level) for stage in ("PDTX", "P", "PD") for level in (9, 0)]
    order = [(cell.stage, cell.level) for cell in feasibility.cells(found)]
    assert order == [("P", 0), ("P", 9), ("PD", 0), ("PD", 9), ("PDTX", 0), ("PDTX", 9)]
