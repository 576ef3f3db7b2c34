"""CSV tables: units, dates, links, shifts and the lines above the header."""

from __future__ import annotations

import numpy as np
import pytest

from makespan.instances.calendars import capacity_at
from makespan.instances.errors import InputError
from makespan.instances.instance import EE, ES, PAUSE_HOLDS, PAUSE_RELEASES, SE, SS, Instance
from makespan.instances.read import read_text
from makespan.instances.sets import load

DAY = 24 * 60


def table(text: str, calendar: str = "") -> Instance:
    companions = {"calendar": ("plant.calendar.csv", calendar)} if calendar else None
    return read_text(text, "plant", "csv", companions=companions)


@pytest.mark.parametrize("cell", ["90", "90 min", "1.5 h", "1h 30min", "1:30", "5400 s", "0.0625 d", "90.0"])
def test_durations_have_units(cell: str) -> None:
    """Every spelling of an hour and a half; a bare number counts minutes."""
    assert table(f"task,duration\na,{cell}\n").duration.tolist() == [90]


def test_the_unit_of_time_can_be_changed() -> None:
    """In quarters of an hour, 90 minutes are six."""
    instance = table("# unit: 15 min\ntask,duration\na,90 min\nb,2\n")
    assert instance.duration.tolist() == [6, 2] and instance.meta.time_unit == 900


def test_a_duration_between_two_units_is_refused() -> None:
    """Rounding would change the plan in silence."""
    with pytest.raises(InputError, match=r"plant:2: found '90 s', expected a whole number of time units of 60 s"):
        table("task,duration\na,90 s\n")


def test_dates_count_from_the_earliest() -> None:
    """The release on Monday at six is time 0; the due date a day later is 1440 minutes."""
    instance = table("task;duration;release;due\na;10;2026-03-02T06:00;2026-03-03 06:00\nb;10;;\n")
    assert instance.release is None and instance.due is not None
    assert instance.due[0] == DAY and instance.meta.time_origin == "2026-03-02T06:00:00"


def test_dates_count_from_a_given_origin() -> None:
    """An origin at midnight moves the release to 360."""
    instance = table("# origin: 2026-03-02\ntask,duration,release\na,10,2026-03-02T06:00\n")
    assert instance.release is not None and instance.release.tolist() == [360]


def test_rows_of_one_task_are_its_modes() -> None:
    """Two machines with their own durations, a crew of two with each."""
    text = "task,duration,machine,resources\na,3,m1,crew:2\na,5,m2,crew:2\nb,1,m1,\n"
    instance = table(text)
    assert instance.mode_ptr.tolist() == [0, 2, 3]
    assert instance.meta.resource_names == ("m1", "crew", "m2")
    assert instance.demand_resource.tolist() == [0, 1, 1, 2, 0]
    assert instance.demand_amount.tolist() == [1, 2, 2, 1, 1]


def test_tasks_of_a_job_follow_each_other_without_predecessors() -> None:
    """The order of the rows; operations are named within their job."""
    instance = table("job,operation,duration\nA,10,1\nB,10,2\nA,20,3\n")
    assert list(zip(instance.arc_pred.tolist(), instance.arc_succ.tolist(), strict=True)) == [(0, 2)]
    assert instance.meta.task_names == ("A/10", "B/10", "A/20") and instance.meta.job_names == ("A", "B")


def test_predecessors_have_kinds_and_lags() -> None:
    """FS is the default; names are looked up in the job first."""
    text = "task,duration,predecessors\na,9,\nb,9,a\nc,9,a SS+2 h; b FF-30 min\nd,9,a|c SF 5\ne,9,a FS +1 h\n"
    with pytest.raises(InputError, match="predecessor 'c SF 5'"):
        table(text)
    instance = table(text.replace("SF 5", "SF+5"))
    columns = (instance.arc_pred, instance.arc_succ, instance.arc_kind, instance.arc_lag)
    assert set(zip(*(column.tolist() for column in columns), strict=True)) == {
        (0, 1, ES, 0), (0, 2, SS, 120), (1, 2, EE, -30), (0, 3, ES, 0), (2, 3, SE, 5), (0, 4, ES, 60),
    }  # fmt: skip


def test_setups_transport_and_rules_stand_above_the_header() -> None:
    """Families by name; times with units."""
    text = (
        "# setup: red > blue = 0:20\n# setup: blue > red = 5\n# first setup: m1 = red\n# transport: m1 > m2 = 3\n"
        "# rules: no_wait\n# objective: flow_time\n# now: 7\n# just a remark: of no meaning\n"
        "job,task,duration,machine,family\nA,a,1,m1,red\nA,b,1,m2,blue\n"
    )
    instance = table(text)
    assert instance.setup is not None and instance.setup.time.tolist() == [[0, 20], [5, 0]]
    assert instance.setup.family.tolist() == [0, 1] and instance.setup.initial.tolist() == [0, -1]
    assert instance.transport is not None and instance.transport.tolist() == [[0, 3], [0, 0]]
    assert instance.no_wait and instance.objective == ("flow_time",) and instance.now == 7


WEEK = "# origin: 2026-03-04T10:00\ntask,duration,machine,pause\na,60,m1,yes\nb,60,m2,holds\n"  # a Wednesday


def test_weekly_shifts_open_and_close_a_resource() -> None:
    """From Wednesday at ten: four hours are left of the day; Saturday is closed; Monday opens at 06:00."""
    instance = table(WEEK, "resource,shift\nm1,Mon-Fri 06:00-14:00\n")
    assert instance.calendar is not None and instance.calendar.period.tolist() == [7 * DAY, 0]
    wednesday = 10 * 60
    for day, hour, capacity in ((0, 10, 1), (0, 13, 1), (0, 14, 0), (1, 5, 0), (1, 6, 1), (3, 8, 0), (5, 7, 1)):
        assert capacity_at(instance, 0, day * DAY + hour * 60 - wednesday) == capacity, (day, hour)
    assert instance.pause is not None and instance.pause.tolist() == [PAUSE_RELEASES, PAUSE_HOLDS]


def test_a_night_shift_runs_into_the_next_day() -> None:
    """Sunday's shift from 22:00 ends on Monday at 06:00, across the turn of the week."""
    instance = table(WEEK, "resource,shift\nm1,Sun 22:00-06:00\n")
    sunday = 4 * DAY - 10 * 60
    values = [capacity_at(instance, 0, sunday + hour * 60) for hour in (21, 22, 25, 29, 30)]
    assert values == [0, 1, 1, 1, 0]


def test_dated_rows_override_shifts_and_later_rows_earlier_ones() -> None:
    """A holiday on Thursday for all, but m1 works that morning."""
    calendar = (
        "resource,shift,start,end,capacity\n*,daily 00:00-24:00,,,\n*,,2026-03-05,2026-03-06,0\n"
        "m1,,2026-03-05T06:00,2026-03-05T12:00,1\n"
    )
    instance = table(WEEK, calendar)
    thursday = 14 * 60
    assert [capacity_at(instance, 0, thursday + 60 * hour) for hour in (-1, 0, 6, 11, 12, 24)] == [1, 0, 1, 1, 0, 1]
    assert [capacity_at(instance, 1, thursday + 60 * hour) for hour in (-1, 0, 6, 23, 24)] == [1, 0, 0, 0, 1]


def test_without_shifts_a_resource_is_open_outside_dated_rows() -> None:
    """A reduced crew for a day; its size is the largest capacity named."""
    text = "# origin: 2026-03-02\n# resource: crew; capacity 3\ntask,duration,resources\na,60,crew\n"
    instance = table(text, "resource,start,end,capacity\ncrew,2026-03-03,2026-03-04,1\n")
    assert instance.calendar is not None and instance.calendar.time.tolist() == [0, DAY, 2 * DAY]
    assert instance.calendar.capacity.tolist() == [3, 1, 3] and instance.capacity.tolist() == [3]


REFUSED = [
    ("task,duration\na,\n", "2: found no duration"),
    ("task,durations\na,1\n", "1: found column 'durations', expected one of"),
    ("task,duration,task\na,1,b\n", "1: found column 'task' twice"),
    ("task\na\n", "1: found no column duration"),
    ("duration\n5\n", "1: found no column task"),
    ("task,duration\n", "found a table without rows"),
    ("task,duration\na,1,2\n", "2: found 3 cells, expected 2"),
    ("task,duration\na,-1\n", "2: found '-1', expected 0 or more"),
    ("task,duration\na,3 fortnights\n", "2: found '3 fortnights', expected a duration such as"),
    ("task,duration,due\na,1,2026-02-30\n", "2: found '2026-02-30', expected an ISO date"),
    ("# origin: 2026-03-02\ntask,duration,due\na,1,2026-03-01\n", "3: found '2026-03-01', expected 0 or more"),
    ("task,duration,due\na,1,2026-03-01\nb,1,2026-03-01T00:00+01:00\n", "3: found '2026-03-01T00:00\\+01:00'"),
    ("task,duration,weight\na,1,1.5\n", "2: found '1.5', expected an integer"),
    ("task,duration,resources\na,1,m; m\n", "2: found resource 'm' twice"),
    ("task,duration,job\na,1,x\na,2,y\n", "3: found task 'a' in job 'y', expected the job of line 2"),
    ("task,duration,due\na,1,5\na,2,6\n", "3: found due '6', expected '5' as on line 2"),
    ("task,duration,pause\na,1,maybe\n", "2: found 'maybe', expected one of"),
    ("task,duration,predecessors\na,1,z\n", "2: found predecessor 'z'"),
    ('task,duration\n"a,1\n', "found unexpected end of data"),
    ("# unit: parsec\ntask,duration\na,1\n", "1: found 'parsec', expected a duration"),
    ("# rules: fast\ntask,duration\na,1\n", "1: found 'fast', expected one of blocking"),
    ("# resource: m; big\ntask,duration\na,1\n", "1: found 'big', expected `capacity N`"),
    ("# setup: a = 5\ntask,duration\na,1\n", "1: found 'a = 5', expected `FROM > TO = DURATION`"),
    ("# objective: profit\ntask,duration\na,1\n", "objective: found 'profit'"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_faults_are_named_with_their_line(text: str, message: str) -> None:
    """One line each: file, line, what was found, what was expected."""
    with pytest.raises(InputError, match=message):
        table(text)


CALENDAR_REFUSED = [
    ("resource,shift\nm9,Mon 06:00-14:00\n", "2: found resource 'm9'"),
    ("resource,shift\nm1,Mon 6-14\n", "2: found 'Mon 6-14', expected a shift such as"),
    ("resource,shift\nm1,Mon 06:00-25:00\n", "2: found 'Mon 06:00-25:00', expected times"),
    ("resource,shift\nm1,Mon 06:00-14:00\nm1,\n", "3: found a row with both or neither"),
    ("resource,start,capacity\nm1,2026-03-05,\n", "2: found no capacity"),
    ("resource,start,capacity\nm1,2026-03-05,9\nm2,2026-03-05,1\n", None),
    ("resource,start,end,capacity\nm1,2026-03-06,2026-03-05,0\n", "2: found an end before its start"),
    ("resource,shift,start,end,capacity\nm1,Mon 06:00-14:00,,,\nm1,,2076-03-06,2076-03-07,0\n", "decades"),
]


@pytest.mark.parametrize(("calendar", "message"), CALENDAR_REFUSED)
def test_faults_in_the_calendar_name_its_file(calendar: str, message: str | None) -> None:
    """The calendar is a file of its own in messages; a capacity above 1 sizes its resource."""
    if message is None:
        assert table(WEEK, calendar).capacity.tolist() == [9, 1]
        return
    with pytest.raises(InputError, match=message) as caught:
        table(WEEK, calendar)
    assert caught.value.path == "plant.calendar.csv"


def test_shifts_need_a_date_to_start_from() -> None:
    """Without any date nobody knows which weekday time 0 is."""
    with pytest.raises(InputError, match="a weekly shift, expected a date in the table"):
        table("task,duration,machine\na,5,m1\n", "resource,shift\nm1,Mon 06:00-14:00\n")


def test_the_bundled_plant_loads() -> None:
    """Eight orders, 26 operations of which five have two machines, shifts, setups and due dates."""
    plant = load("small_plant")
    assert (plant.num_jobs, plant.num_tasks, plant.num_modes) == (8, 26, 31)
    assert {"calendar", "pause", "setup", "due", "weight", "release", "multi_mode", "cumulative"} <= plant.features
    assert plant.calendar is not None and not plant.calendar.has(4)  # the oven never closes
    assert np.diff(plant.calendar.ptr).tolist()[0] == 10  # five shifts open and close
