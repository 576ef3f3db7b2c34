"""Due dates, releases, deadlines and weights from a table of their own."""

from typing import Any

import pytest

from makespan.instances.date_table import with_dates
from makespan.instances.errors import InputError
from makespan.instances.formats.source import Source
from makespan.instances.instance import HORIZON_LIMIT, Instance, IntArray, Metadata

NEVER = HORIZON_LIMIT


def shop(**optional: Any) -> Instance:
    """Two jobs of two operations."""
    return Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [4, 4]], **optional)


def dated(text: str, instance: Instance | None = None) -> Instance:
    return with_dates(instance or shop(), Source(text, "dues.csv"))


def listed(values: IntArray | None) -> list[int] | None:
    return None if values is None else values.tolist()


def test_rows_name_jobs_or_tasks() -> None:
    """Numbers stand for names where there are none; cells left empty say nothing."""
    found = dated("job,task,due,weight,release\n1,,9,3,\n,2,7,,1\n")
    assert listed(found.job_due) == [NEVER, 9] and listed(found.job_weight) == [1, 3]
    assert listed(found.due) == [NEVER, NEVER, 7, NEVER] and listed(found.release) == [0, 0, 1, 0]
    assert found.weight is None and found.job_release is None and found.deadline is None


def test_what_the_table_does_not_mention_stays() -> None:
    """Job 0 keeps its due date, job 1 gets another one; the route is untouched."""
    found = dated("order;due_date\n1;20\n", shop(job_due=[5, 6]))
    assert listed(found.job_due) == [5, 20] and listed(found.duration) == [3, 2, 4, 4]


def test_names_units_and_dates_are_those_of_the_instance() -> None:
    """Minutes from 06:00: two hours are 120, and 08:30 is 150."""
    meta = Metadata(job_names=("A", "B"), time_origin="2026-03-02T06:00", time_unit=60.0)
    found = dated("job,due,deadline\nA,2 h,\nB,2026-03-02T08:30,1000\n", shop(meta=meta))
    assert listed(found.job_due) == [120, 150] and listed(found.job_deadline) == [NEVER, 1000]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("due\n3\n", "dues.csv:1: found no column job or task"),
        ("job,colour\n0,red\n", "dues.csv:1: found column 'colour'"),
        ("job,due\n2,5\n", "dues.csv:2: found job '2', expected one of the 2 jobs of the instance"),
        ("job,due\n0,5\n0,6\n", "dues.csv:3: found job '0' again"),
        ("job,task,due\n0,0,5\n", "dues.csv:2: found both job and task"),
        ("job,due\n,5\n", "dues.csv:2: found a row without job or task"),
        ("job,due\n0,2 h\n", "dues.csv:2: found '2 h', expected a whole number: the instance names no unit of time"),
        ("job,due\n0,2026-03-02\n", "the instance names no time origin"),
        ("job,weight\n0,-1\n", "dues.csv:2: found weight -1"),
        ("", "dues.csv: found an empty file"),
    ],
)
def test_mistakes_are_named_with_their_line(text: str, words: str) -> None:
    """As in every other file."""
    with pytest.raises(InputError, match=words.replace(".", r"\.")):
        dated(text)
