"""Schedules as files of other programs: what is written reads back, and what does not fit is refused with its line."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from makespan.instances.check import check
from makespan.instances.errors import InputError
from makespan.instances.formats.source import Source
from makespan.instances.instance import ES, HORIZON_LIMIT, SS, Instance, Metadata
from makespan.instances.replan import NO_PLAN
from makespan.instances.schedule import Schedule
from makespan.instances.schedule_files.ms_project import NAMESPACE, ms_project_xml
from makespan.instances.schedule_files.read import instance_name_in, is_schedule_file, parse_schedule, read_schedule
from makespan.instances.schedule_files.table import schedule_csv, schedule_rows
from makespan.instances.schedule_files.xlsx import schedule_xlsx
from makespan.instances.sets import load

BERLIN = Metadata(time_origin="2026-10-24T22:00", time_unit=1800.0, time_zone="Europe/Berlin")
CLOCKS = (
    Metadata(),
    BERLIN,  # the clocks go back in the second night: half past two comes twice
    Metadata(time_origin="2026-03-02T06:00", time_unit=60.0),
    Metadata(time_origin="2026-03-02T06:00+05:30", time_unit=0.001),
    Metadata(time_unit=3600.0),
)
NAMES = ("cut", "A-1/turn", "=1+1", 'say "x", <b>&amp;', "Łódź 工場 🏭", "two  blanks", "line\nbreak", "bell\x07")
MSP = {"p": NAMESPACE}


@st.composite
def plans(draw: st.DrawFn) -> tuple[Instance, Schedule]:
    """An instance with alternatives, jobs, names and dates, and starts that need not be feasible."""
    size = draw(st.integers(1, 6))
    modes: list[Any] = []
    for _ in range(size):
        sets = draw(st.lists(st.sets(st.integers(0, 2)), min_size=1, max_size=3, unique_by=frozenset))
        modes.append([(draw(st.integers(0, 9)), {k: draw(st.integers(1, 3)) for k in sorted(used)}) for used in sets])
    pairs = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)).filter(lambda pair: pair[0] != pair[1])
    arcs = [(*pair, draw(st.sampled_from((SS, ES))), draw(st.integers(-5, 5))) for pair in draw(st.lists(pairs))]
    names = draw(st.none() | st.permutations(NAMES).map(lambda listed: tuple(listed[:size])))
    jobs = draw(st.none() | st.lists(st.integers(-1, 1), min_size=size, max_size=size))
    optional: dict[str, Any] = {} if jobs is None else {"job": jobs, "num_jobs": 2, "job_due": [7, HORIZON_LIMIT]}
    meta = replace(draw(st.sampled_from(CLOCKS)), name="plan", task_names=names)
    instance = Instance.from_lists(modes, [4, 4, 4], arcs, meta=meta, **optional)
    start = draw(st.lists(st.integers(0, 5000), min_size=size, max_size=size))
    mode = [draw(st.integers(0, len(alternatives) - 1)) for alternatives in modes]
    return instance, Schedule(start, mode)


def parsed(text: str, instance: Instance) -> Schedule:
    return parse_schedule(Source(text, "plan"), instance)


# -- round trips ----------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(plans())
def test_csv_reads_back(plan: tuple[Instance, Schedule]) -> None:
    """Names with quotes, separators and line breaks included."""
    instance, schedule = plan
    assert parsed(schedule_csv(instance, schedule), instance) == schedule


@settings(max_examples=60, deadline=None)
@given(plans())
@example((Instance.job_shop([[0], [0]], [[1], [1]], meta=BERLIN), Schedule([9, 11])))
def test_ms_project_reads_back(plan: tuple[Instance, Schedule]) -> None:
    """Whatever the unit, and where a date of the wall clock comes twice (9 and 11 half hours after 22:00)."""
    instance, schedule = plan
    assert parsed(ms_project_xml(instance, schedule), instance) == schedule


@settings(max_examples=30, deadline=None)
@given(plans())
def test_json_rows_read_back(plan: tuple[Instance, Schedule]) -> None:
    """A list of objects, alone or as ``schedule``; resources may stand for the mode where they tell it."""
    instance, schedule = plan
    rows = [{key: row[key] for key in ("task", "start", "mode")} for row in schedule_rows(instance, schedule)]
    assert parsed(json.dumps(rows), instance) == schedule
    assert parsed(json.dumps({"instance": "plan", "schedule": rows}, indent=1), instance) == schedule


def test_a_plan_of_a_plant_survives_every_file(tmp_path: Path) -> None:
    """Calendars, pauses, setups and alternatives: the checker sees no difference."""
    instance = load("small_plant")
    schedule = Schedule(np.arange(instance.num_tasks) * 10, np.zeros(instance.num_tasks, np.int32))
    broken = [each.message for each in check(instance, schedule)]
    for name, text in (("p.csv", schedule_csv(instance, schedule)), ("p.xml", ms_project_xml(instance, schedule))):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        assert is_schedule_file(path)
        back = read_schedule(path, instance)
        assert back == schedule and [each.message for each in check(instance, back)] == broken != []
    assert instance_name_in(tmp_path / "p.xml") == "small_plant"


# -- tables ---------------------------------------------------------------------------------------


@pytest.fixture
def dated() -> Instance:
    """Job a: cut (90 min) on a saw, turn on one of two lathes. Time 0 is 6:00 on 2 March 2026; minutes."""
    modes: list[Any] = [[(90, {0: 1})], [(60, {1: 1}), (80, {2: 1})]]
    meta = Metadata(
        name="shop",
        task_names=("a/cut", "a/turn"),
        job_names=("a",),
        resource_names=("saw", "lathe_1", "lathe_2"),
        time_origin="2026-03-02T06:00",
        time_unit=60.0,
    )
    return Instance.from_lists(modes, [1, 1, 1], [(0, 1)], job=[0, 0], num_jobs=1, meta=meta)


@pytest.mark.parametrize(
    "text",
    [
        "task,start,mode\na/cut,0,0\na/turn,90,1\n",
        "Task;Start;Machine\na/turn;1.5 h;lathe_2\na/cut;0;saw\n",
        "task,start,resources\na/cut,2026-03-02T06:00,saw\na/turn,2026-03-02T07:30,lathe_2\n",
        "activity,start_date,mode,note\na/cut,2026-03-02T06:00+00:00,,first\na/turn,2026-03-02 07:30,1,\n",
        "job,operation,begin,finish,mode\na,cut,0,90,\na,1,90,170,1\n",
        '[{"task": "a/cut", "start": 0}, {"task": "a/turn", "start": "1:30", "machine": "lathe_2"}]',
        '{"schedule": [{"job": "a", "op": 0, "start": 0}, {"task": "a/turn", "start": 90, "resources": ["lathe_2"]}]}',
    ],
)
def test_tables_say_tasks_starts_and_modes_in_several_ways(dated: Instance, text: str) -> None:
    """Numbers, durations and dates; the mode by number or by what it uses; a task by name or by job and operation."""
    assert parsed(text, dated) == Schedule([0, 90], [0, 1])


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("task,start\na/cut,0\na/saw,9\n", 3, "task 'a/saw'"),
        ("task,start,mode\na/cut,0,0\na/turn,90,2\n", 3, "mode 2 of a/turn, expected 0 to 1"),
        ("task,start\na/cut,0\na/turn,90\n", 3, "neither mode nor resources of a/turn"),
        ("task,start,machine\na/cut,0,saw\na/turn,90,saw\n", 3, "saw for a/turn"),
        ("task,start,mode\na/cut,0,0\na/cut,90,0\n", 3, "a/cut again"),
        ("task,start,mode\na/cut,0,0\n", None, "none of them 'a/turn'"),
        ("task,start,mode\na/cut,soon,0\n", 2, "'soon'"),
        ("task,start,mode\na/cut,2026-03-02T06:00:30,0\n", 2, "a whole number of time units of 60 s"),
        ("task,start,mode\na/cut,,0\n", 2, "a row without start"),
        ("task,mode\na/cut,0\n", 1, "no column start"),
        ("start,mode\n0,0\n", 1, "no column task"),
        ("task,start,colour\na/cut,0,red\n", 1, "column 'colour'"),
        ("job,operation,start\nb,0,0\n", 2, "job 'b'"),
        ("job,operation,start\na,2,0\n", 2, "operation '2' of job 'a'"),
        ('[{"task": "a/cut", "start": 0},\n {"task": "a/turn", "start": 1.5}]', 2, "start '1.5'"),
        ('{"instance": "shop",\n "schedule": [\n {"task": "a/cut", "end": 3}]}', 1, "no column start"),
        ('[{"task": "a/cut", "start": 0},\n\n {"task": "a/turn", "start": 9, "mode": 5}]', 3, "mode 5"),
        ('{"schedule": 3}', None, "a list of objects"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_with_its_line(
    dated: Instance, text: str, line: int | None, words: str
) -> None:
    """One line: file, line, what was found and what was expected."""
    with pytest.raises(InputError) as caught:
        parsed(text, dated)
    assert caught.value.line == line and words in str(caught.value) and "\n" not in str(caught.value)


def test_dates_need_an_origin() -> None:
    """A shop without dates takes numbers, and says so; names of unnamed tasks are their numbers."""
    shop = Instance.job_shop([[0, 1]], [[3, 2]])
    assert parsed("task,start\n0,0\ntask 1,3\n", shop) == Schedule([0, 3])
    with pytest.raises(InputError, match="names no origin"):
        parsed("task,start\n0,2026-03-02\n1,3\n", shop)


def test_what_a_file_is_follows_from_its_content(tmp_path: Path, dated: Instance) -> None:
    """Instances of every kind are no schedules."""
    schedules = ["task,start\n", "# remark\nid;begin\n", '[{"task": 1, "start": 0}]', f'<Project xmlns="{NAMESPACE}"/>']
    others = ["task,duration,start\n", "resource,shift,start\n", "3 3\n0 1\n", '{"kind": "makespan-instance"}', ""]
    for k, text in enumerate(schedules + others):
        (tmp_path / "file").write_text(text)
        assert is_schedule_file(tmp_path / "file") == (k < len(schedules)), text
    assert not is_schedule_file(tmp_path / "none")


# -- MS Project -----------------------------------------------------------------------------------


def project(instance: Instance, schedule: Schedule) -> ElementTree.Element:
    return ElementTree.fromstring(ms_project_xml(instance, schedule))


def texts(element: ElementTree.Element, path: str) -> list[str | None]:
    return [found.text for found in element.findall(path, MSP)]


def test_ms_project_has_jobs_dates_links_and_assignments(dated: Instance) -> None:
    """The job is a summary over its tasks; the turning is on the second lathe, 80 minutes from 7:30."""
    root = project(dated.replace(job_due=[120]), Schedule([0, 90], [0, 1]))
    assert texts(root, "p:Tasks/p:Task/p:Name") == ["a", "a/cut", "a/turn"]
    assert texts(root, "p:Tasks/p:Task/p:OutlineLevel") == ["1", "2", "2"]
    assert texts(root, "p:Tasks/p:Task/p:Start") == [f"2026-03-02T{time}:00" for time in ("06:00", "06:00", "07:30")]
    assert texts(root, "p:Tasks/p:Task/p:ManualDuration") == ["PT1H30M0S", "PT1H20M0S"]
    assert texts(root, "p:Tasks/p:Task/p:Deadline") == ["2026-03-02T08:00:00"]
    assert texts(root, "p:Tasks/p:Task/p:PredecessorLink/p:PredecessorUID") == ["1"]
    assert texts(root, "p:Resources/p:Resource/p:Name") == ["saw", "lathe_1", "lathe_2"]
    assert texts(root, "p:Assignments/p:Assignment/p:ResourceUID") == ["1", "3"]


def test_elements_stand_in_the_order_of_the_schema(dated: Instance) -> None:
    """Project reads them in sequence: the order is that of the schema (mspdi), with the fields of manual tasks where
    Project 2010 and later write them."""
    orders = {
        "Project": "SaveVersion Name Title ScheduleFromStart StartDate FinishDate CalendarUID MinutesPerDay "
        "MinutesPerWeek DaysPerMonth DefaultTaskType DurationFormat HonorConstraints NewTasksAreManual "
        "ExtendedAttributes Calendars Tasks Resources Assignments",
        "Task": "UID ID Name Active Manual Type IsNull OutlineLevel Priority Start Finish Duration ManualStart "
        "ManualFinish ManualDuration DurationFormat EffortDriven Estimated Milestone Summary ConstraintType "
        "ConstraintDate Deadline IgnoreResourceCalendar PredecessorLink ExtendedAttribute",
        "PredecessorLink": "PredecessorUID Type CrossProject LinkLag LagFormat",
        "Resource": "UID ID Name Type MaxUnits CalendarUID",
        "Assignment": "UID TaskUID ResourceUID Finish Start Units Work",
    }
    root = project(dated.replace(job_due=[120], due=[100, HORIZON_LIMIT]), Schedule([0, 90], [0, 1]))
    seen = set()
    for element in root.iter():
        name = element.tag.partition("}")[2]
        if name in orders:
            seen.add(name)
            places = [orders[name].split().index(child.tag.partition("}")[2]) for child in element]
            assert places == sorted(places), name
    assert seen == set(orders)


def test_ms_project_gets_no_circle_of_links() -> None:
    """A maximal lag is an arc back; Project would refuse the file. Of two arcs between a pair one is kept."""
    arcs = [(0, 1, ES, 2), (1, 0, SS, -9), (0, 1, SS, 1), (1, 2, SS, 3)]
    instance = Instance.from_lists([[(2, [])], [(2, [])], [(2, [])]], [], arcs)
    root = project(instance, Schedule([0, 4, 7]))
    assert texts(root, "p:Tasks/p:Task/p:PredecessorLink/p:PredecessorUID") == ["1", "2"]
    assert texts(root, "p:Tasks/p:Task/p:PredecessorLink/p:Type") == ["1", "3"]
    assert texts(root, "p:Tasks/p:Task/p:PredecessorLink/p:LinkLag") == ["20", "30"]


def moved(instance: Instance, schedule: Schedule, task: int, **fields: str) -> str:
    """The document after someone changed elements of one task."""
    root = project(instance, schedule)
    for row in root.findall("p:Tasks/p:Task", MSP):
        if row.findtext("p:UID", namespaces=MSP) == str(task + 1):
            for name, text in fields.items():
                found = row.find(f"p:{name}", MSP)
                assert found is not None
                found.text = text
    return ElementTree.tostring(root, encoding="unicode")


def test_a_task_that_was_moved_in_the_program_starts_at_its_new_date(dated: Instance) -> None:
    """Half an hour later: 120 minutes after 6:00, although the number beside it still says 90."""
    later = (datetime(2026, 3, 2, 7, 30) + timedelta(minutes=30)).isoformat()
    text = moved(dated, Schedule([0, 90], [0, 1]), 1, ManualStart=later)
    assert parsed(text, dated) == Schedule([0, 120], [0, 1])


def test_a_task_that_was_given_another_machine_changes_its_mode(dated: Instance) -> None:
    """The second lathe is taken from the assignment and the first one put in."""
    text = ms_project_xml(dated, Schedule([0, 90], [0, 1])).replace(
        "<ResourceUID>3</ResourceUID>", "<ResourceUID>2</ResourceUID>"
    )
    assert parsed(text, dated) == Schedule([0, 90], [0, 0])


def test_a_file_of_another_program_is_read_by_names_and_dates(dated: Instance) -> None:
    """Without our numbers: names, starts, and the mode from the assigned resources."""
    root = project(dated, Schedule([0, 90], [0, 1]))
    for row in root.findall("p:Tasks/p:Task", MSP):
        for each in row.findall("p:ExtendedAttribute", MSP):
            row.remove(each)
    assert parsed(ElementTree.tostring(root, encoding="unicode"), dated) == Schedule([0, 90], [0, 1])


def test_numbers_of_an_older_instance_give_way_to_names(dated: Instance) -> None:
    """A task that came in before the others shifts all numbers; the new one has no start in the plan."""
    text = ms_project_xml(dated, Schedule([0, 90], [0, 1]))
    modes: list[Any] = [[(5, {0: 1})], [(90, {0: 1})], [(60, {1: 1}), (80, {2: 1})]]
    meta = replace(dated.meta, task_names=("a/wash", "a/cut", "a/turn"))
    longer = Instance.from_lists(modes, [1, 1, 1], job=[0, 0, 0], num_jobs=1, meta=meta)
    source = Source(text, "plan")
    assert parse_schedule(source, longer, partial=True) == Schedule([NO_PLAN, 0, 90], [NO_PLAN, 0, 1])
    with pytest.raises(InputError, match="none of them 'a/wash'"):
        parse_schedule(source, longer)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("<Project>\n<Tasks>\n", 3, "at column 1: no element found"),
        ("<plan/>", 1, "XML 'plan'"),
        ('<!DOCTYPE p [<!ENTITY a "b">]>\n<Project/>', 1, "a document type declaration"),
        ("<Project><Tasks>\n<Task><Name>a/cut</Name></Task></Tasks></Project>", 2, "start ''"),
        ("<Project><Tasks>\n\n<Task><Name>b</Name></Task></Tasks></Project>", 3, "task 'b'"),
        ("<Project/>", None, "0 tasks"),
    ],
)
def test_other_xml_is_refused_with_its_line(dated: Instance, text: str, line: int | None, words: str) -> None:
    """Also entities, which could fill the memory."""
    with pytest.raises(InputError) as caught:
        parsed(text, dated)
    assert caught.value.line == line and words in str(caught.value)


def test_dates_that_ms_project_does_not_know_are_refused() -> None:
    """It counts the years 1984 to 2149; a sentence says what to do."""
    endless = Instance.job_shop([[0]], [[2**50]])
    with pytest.raises(ValueError, match="1984 to 2149 that MS Project knows; csv and json hold it"):
        ms_project_xml(endless, Schedule([0]))


# -- workbook -------------------------------------------------------------------------------------


def cells(data: bytes, sheet: int) -> list[list[str]]:
    """The texts and numbers of a sheet, read without the library that wrote them."""
    main = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        strings = ElementTree.fromstring(book.read("xl/sharedStrings.xml")).findall("x:si", main)
        shared = ["".join(item.itertext()) for item in strings]
        page = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{sheet}.xml"))
    assert page.find(".//x:f", main) is None, "no name has become a formula"
    found = []
    for row in page.findall(".//x:row", main):
        values = [(cell.get("t"), cell.findtext("x:v", "", main)) for cell in row.findall("x:c", main)]
        found.append([shared[int(text)] if kind == "s" else text for kind, text in values])
    return found


def test_the_workbook_holds_tasks_work_lists_jobs_and_facts(dated: Instance) -> None:
    """Dates are those of Excel: days since 30 December 1899, so 2 March 2026 is day 46083."""
    plan = dated.replace(job_due=[120])
    data = schedule_xlsx(plan, Schedule([0, 90], [0, 1]), {"lower bound": 150, "solver": None})
    titles, first, second = cells(data, 1)
    day = 46083
    assert titles[:7] == ["task", "job", "resources", "mode", "start", "end", "duration"]
    assert first[:7] == ["a/cut", "a", "saw", "0", "0", "90", "90"] and float(first[7]) == day + 0.25
    assert second[2:7] == ["lathe_2", "1", "90", "170", "80"] and float(second[8]) == pytest.approx(day + 530 / 1440)
    assert [row[0] for row in cells(data, 2)] == ["resource", "saw", "lathe_2"]
    assert cells(data, 3)[1][:4] == ["a", "2", "0", "170"] and cells(data, 3)[1][-1] == "50"
    facts = {row[0]: row[1] for row in cells(data, 4)}
    assert (facts["makespan"], facts["lower bound"], facts["use of saw"]) == ("170", "150", str(90 / 170))
    assert "solver" not in facts


def test_names_are_text_in_a_workbook() -> None:
    """A task called like a formula or a link stays what it is called."""
    names = ("=1+1", "https://example.org")
    instance = Instance.job_shop([[0, 0]], [[1, 1]], meta=Metadata(task_names=names))
    assert [row[0] for row in cells(schedule_xlsx(instance, Schedule([0, 1])), 1)[1:]] == list(names)


def test_a_schedule_with_an_unknown_mode_is_not_written(dated: Instance) -> None:
    """It would mean nothing; the sentence sends to the checker."""
    for write in (schedule_csv, schedule_xlsx, ms_project_xml):
        with pytest.raises(ValueError, match="a/turn has no mode 2"):
            write(dated, Schedule([0, 90], [0, 2]))
        with pytest.raises(ValueError, match="the schedule has 1 tasks"):
            write(dated, Schedule([0]))
