"""Answers to feasibility questions: read from whatever text a method wrote, and judged by the checker.

A method of any kind, a person or a language model included, reads a question (``instances/formats/question.py``) and
writes start times. What cannot be read as an answer is a class of its own: it says nothing about scheduling.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from makespan.instances.check import Violation, check
from makespan.instances.errors import InputError, quoted
from makespan.instances.generators.jain_wetter import num_pairs, stage_of
from makespan.instances.instance import HORIZON_LIMIT, Instance
from makespan.instances.read import format_of, read
from makespan.instances.schedule import Schedule
from makespan.solvers.result_json import KIND as RESULT_KIND
from makespan.solvers.result_json import parse_result

KINDS = ("precedence", "resource", "downtime", "window", "pair")
"""Kinds of constraints that an answer can break."""

FEASIBLE, INFEASIBLE, UNREADABLE = "feasible", "infeasible", "unreadable"
OUTCOMES = (FEASIBLE, INFEASIBLE, UNREADABLE)

MAX_CHARACTERS = 2_000_000
"""Longer answers count as unreadable."""

MAX_BRACKETS = 1_000
"""So many opening brackets from the end of a text on are tried as the beginning of the answer."""


class Unreadable(ValueError):
    """A text holds no start time for every task; the message says what it lacks."""


@dataclass(frozen=True)
class Verdict:
    """What became of one question.

    Parameters
    ----------
    tasks, stage, level
        Size, stage and number of precedence arcs of the question.
    outcome
        One of OUTCOMES; a question without an answer counts as unreadable.
    broken
        Kinds of KINDS with the number of broken constraints of each.
    amount
        Kinds of KINDS with the sum of the amounts, in units of time or of the resource.
    message
        The first broken constraint, or why the answer cannot be read.
    """

    question: str
    tasks: int
    stage: str
    level: int
    outcome: str
    broken: Mapping[str, int] = field(default_factory=dict)
    amount: Mapping[str, int] = field(default_factory=dict)
    message: str = ""


# -- one answer -----------------------------------------------------------------------------------


def judge(instance: Instance, answer: str | None) -> Verdict:
    """The verdict on the text of an answer, None for none. O(answer + check)."""
    if answer is None:
        return _verdict(instance, UNREADABLE, message="no answer")
    try:
        schedule = read_schedule(instance, answer)
    except Unreadable as reason:
        return _verdict(instance, UNREADABLE, message=str(reason))
    return judge_schedule(instance, schedule)


def judge_schedule(instance: Instance, schedule: Schedule) -> Verdict:
    """The verdict on a schedule, by kinds of broken constraints."""
    found = list(broken_constraints(instance, schedule))
    count, amount = Counter(kind for kind, _ in found), dict.fromkeys(KINDS, 0)
    for kind, violation in found:
        amount[kind] += violation.amount
    return _verdict(
        instance,
        INFEASIBLE if found else FEASIBLE,
        {kind: count[kind] for kind in KINDS if count[kind]},
        {kind: amount[kind] for kind in KINDS if count[kind]},
        found[0][1].message if found else "",
    )


def broken_constraints(instance: Instance, schedule: Schedule) -> Iterator[tuple[str, Violation]]:
    """What the checker finds, with its kind of KINDS.

    To the checker a downtime is a moment of capacity 0, so that too much use while a resource is open would break its
    calendar too. Here the two are told apart: the capacities are checked without calendar, and the calendar with room
    for everybody while it is open.
    """
    pairs_from = instance.num_resources - num_pairs(instance)
    for violation in check(instance.derived(_always_open), schedule):
        if violation.kind == "capacity":
            assert violation.resource is not None
            yield "pair" if violation.resource >= pairs_from else "resource", violation
        else:
            yield _KIND[violation.kind], violation
    if instance.calendar is not None:
        for violation in check(instance.derived(_roomy), schedule):
            if violation.kind == "calendar":
                yield "downtime", violation


_KIND = {"precedence": "precedence", "release": "window", "deadline": "window"}


def _always_open(instance: Instance) -> Instance:
    return instance.replace(calendar=None)


def _roomy(instance: Instance) -> Instance:
    """The instance with all capacities beyond what all tasks together demand, and the same downtimes."""
    assert instance.calendar is not None
    capacity = instance.capacity + instance.demand_amount.sum()
    resource = np.repeat(np.arange(instance.num_resources), np.diff(instance.calendar.ptr))
    profile = np.where(instance.calendar.capacity > 0, capacity[resource], 0)
    return instance.replace(capacity=capacity, calendar=replace(instance.calendar, capacity=profile))


def read_schedule(instance: Instance, text: str) -> Schedule:
    """The schedule in a text: a result file of ``makespan solve``, or the last JSON array of objects with id and start.

    Raises Unreadable if there is none, a task lacks, comes twice or is unknown, or a start is no integer from 0 on.
    """
    if len(text) > MAX_CHARACTERS:
        raise Unreadable(f"found {len(text)} characters, expected at most {MAX_CHARACTERS}")
    rows = _result_rows(text) if RESULT_KIND in text else None
    if rows is None:
        rows = _last_array(text)
    start = np.full(instance.num_tasks, -1, np.int64)
    for row in rows:
        task, time = row.get("id"), row.get("start")
        if not _is_integer(task) or not 0 <= task < instance.num_tasks:
            raise Unreadable(f"found id {quoted(task)}, expected 0 to {instance.num_tasks - 1}")
        if not _is_integer(time) or not 0 <= time <= HORIZON_LIMIT // 2:
            raise Unreadable(f"found start {quoted(time)} of task {task}, expected an integer from 0 on")
        if start[task] >= 0:
            raise Unreadable(f"found task {task} twice")
        start[task] = time
    missing = np.flatnonzero(start < 0)
    if missing.size:
        raise Unreadable(f"found no start of task {missing[0]}, {missing.size} of {instance.num_tasks} are missing")
    return Schedule(start)


def _is_integer(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _result_rows(text: str) -> list[dict[str, Any]] | None:
    try:
        stored = parse_result(text)
    except InputError:
        return None
    if stored.schedule is None:
        raise Unreadable(f"found a result without a schedule (status {stored.status})")
    return [{"id": task, "start": start} for task, start in enumerate(stored.schedule.start)]


def _last_array(text: str) -> list[dict[str, Any]]:
    """The last JSON array in a text that holds objects and nothing else."""
    decoder, place = json.JSONDecoder(), len(text)
    for _ in range(MAX_BRACKETS):
        place = text.rfind("[", 0, place)
        if place < 0:
            break
        try:
            found, _ = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            continue
        if found and all(isinstance(row, dict) for row in found):
            return list(found)
    raise Unreadable("found no JSON array of objects with id and start")


def _verdict(
    instance: Instance,
    outcome: str,
    broken: Mapping[str, int] | None = None,
    amount: Mapping[str, int] | None = None,
    message: str = "",
) -> Verdict:
    return Verdict(
        instance.name,
        instance.num_tasks,
        stage_of(instance),
        instance.num_arcs,
        outcome,
        broken or {},
        amount or {},
        message,
    )


# -- files ----------------------------------------------------------------------------------------


def read_questions(folder: Path) -> dict[str, Instance]:
    """The questions of a folder by the names of their files, without the ending. Raises InputError."""
    paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if not paths:
        raise InputError(str(folder), None, "no question", "a folder of questions, as bench pose writes it")
    questions = {}
    for path in paths:
        if format_of(path) != "question":
            raise InputError(str(path), None, f"format {format_of(path)}", "a question")
        questions[path.stem] = read(path).named(path.stem)
    return questions


def read_answers(path: Path) -> dict[str, str]:
    """The texts of answers by question.

    From a folder, each file is the answer to the question of its name; from a file that ends in .jsonl, each line is an
    object with ``question`` and ``answer`` (a text, or the array itself); any other file is one answer.

    Raises
    ------
    InputError
        If there is no answer, two files answer one question, or a line does not read.
    """
    answers: dict[str, str] = {}
    for name, text, place in _texts(path):
        if name in answers:
            raise InputError(str(path), place, f"two answers to {quoted(name)}", "one")
        answers[name] = text
    if not answers:
        raise InputError(str(path), None, "no answer", "a folder or a file of answers")
    return answers


def _texts(path: Path) -> Iterator[tuple[str, str, int | None]]:
    """Question, answer and line."""
    if path.is_dir():
        for each in sorted(path.iterdir()):
            if each.is_file() and not each.name.startswith("."):
                yield each.stem, _text_of(each), None
    elif path.suffix.lower() != ".jsonl":
        yield path.stem, _text_of(path), None
    else:
        for number, line in enumerate(_text_of(path).split("\n"), start=1):
            if line.strip():
                yield *_parse_line(str(path), number, line), number


def _parse_line(path: str, number: int, line: str) -> tuple[str, str]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise InputError(path, number, quoted(line), "a JSON object") from None
    if not isinstance(row, dict) or not isinstance(row.get("question"), str) or "answer" not in row:
        raise InputError(path, number, quoted(line), "an object with question and answer")
    answer = row["answer"]
    return row["question"], answer if isinstance(answer, str) else json.dumps(answer)


def _text_of(path: Path) -> str:
    """The text of an answer; bytes that are no UTF-8 are marked, since nobody's answer is to stop the others."""
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(str(path), None, (error.strerror or "no access").lower(), "a readable file") from None


def score(questions: Mapping[str, Instance], answers: Mapping[str, str]) -> list[Verdict]:
    """The verdict on every question, in their order. Raises InputError for an answer to a question that is none."""
    for name in answers:
        if name not in questions:
            raise InputError(name, None, f"an answer to {quoted(name)}", "one of the questions")
    return [judge(instance, answers.get(name)) for name, instance in questions.items()]
