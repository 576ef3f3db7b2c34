"""A schedule as MS Project XML (MSPDI), which MS Project, ProjectLibre and most other planning programs open.

Jobs become summary tasks, resources keep capacities and amounts, relations become links. Tasks are scheduled manually
on a calendar that is open day and night, so that a program shows the plan as it is: shifts and pauses are in the
dates. Three numbers of each task (task, start, mode) make the file read back exactly; a task that was moved since
follows its new date (``read_ms_project``). Element names and their order follow the schema that Microsoft publishes for
Project.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from makespan.instances.dates import deadlines, tightest
from makespan.instances.gantt.clock import Clock, clock_of
from makespan.instances.instance import ES, HORIZON_LIMIT, Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.instances.schedule_files.table import check_fit, demands_of, order_of_starts

NAMESPACE = "http://schemas.microsoft.com/project"
TASK_FIELD, START_FIELD, MODE_FIELD = "188743767", "188743768", "188743769"  # the custom numbers 1, 2 and 3 of a task
FIELDS = {TASK_FIELD: "Makespan task", START_FIELD: "Makespan start", MODE_FIELD: "Makespan mode"}

_DEFAULT_ORIGIN = datetime(2000, 1, 3, tzinfo=UTC)  # a Monday; where the instance names no date of time 0
_DEFAULT_UNIT = 60.0  # seconds
_EARLIEST, _LATEST = datetime(1984, 1, 1), datetime(2149, 12, 31)  # that Project knows
_LINK_TYPE = (3, 2, 1, 0)  # Project's numbers of SS, SF, FS, FF, in the order SS, SE, ES, EE of Instance
_HOURS, _ELAPSED_MINUTES = 5, 4  # how Project shows a duration and a lag
_FIXED_DURATION = 1
_MUST_START_ON = 2


def project_clock(instance: Instance) -> Clock:
    """How times become dates: the instance's own clock or, without origin or unit, minutes from 3 January 2000."""
    clock = clock_of(instance, 0)
    return clock or Clock(_DEFAULT_ORIGIN, instance.meta.time_unit or _DEFAULT_UNIT, UTC, "")


def local_date(clock: Clock, time: int) -> datetime:
    """The date of a time as clocks on the wall show it, without a zone."""
    return clock.at(time).replace(tzinfo=None)


def ms_project_xml(instance: Instance, schedule: Schedule) -> str:
    """The document. O(size of the instance).

    Raises
    ------
    ValueError
        If the schedule does not fit the instance, or its dates lie outside the years that Project knows.
    """
    check_fit(instance, schedule)
    plan = _Plan(instance, schedule)
    root = Element("Project", {"xmlns": NAMESPACE})
    title = plain_text(instance.name or "Schedule")
    _fields(root, SaveVersion=14, Name=f"{title}.xml", Title=title, ScheduleFromStart=1)
    _fields(root, StartDate=plan.date(0), FinishDate=plan.date(plan.last), CalendarUID=1, MinutesPerDay=1440)
    _fields(root, MinutesPerWeek=10080, DaysPerMonth=30, DefaultTaskType=_FIXED_DURATION, DurationFormat=_HOURS)
    _fields(root, HonorConstraints=1, NewTasksAreManual=1)
    attributes = SubElement(root, "ExtendedAttributes")
    for number, (field, alias) in enumerate(FIELDS.items(), start=1):
        _fields(SubElement(attributes, "ExtendedAttribute"), FieldID=field, FieldName=f"Number{number}", Alias=alias)
    _calendar(SubElement(root, "Calendars"))
    plan.add_tasks(SubElement(root, "Tasks"))
    plan.add_resources(SubElement(root, "Resources"))
    plan.add_assignments(SubElement(root, "Assignments"))
    indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + tostring(root, encoding="unicode") + "\n"


class _Plan:
    """The parts of the document. UIDs: task + 1, then the jobs; resource + 1."""

    def __init__(self, instance: Instance, schedule: Schedule) -> None:
        self.instance, self.schedule = instance, schedule
        self.end: list[int] = schedule.end(instance).tolist()
        self.start: list[int] = schedule.start.tolist()
        self.last = max(self.end, default=0)
        self.clock = project_clock(instance)
        self.due = _due_dates(instance)
        for time in (min(self.start, default=0), self.last):
            self._check_date(time)

    def _check_date(self, time: int) -> None:
        try:
            inside = _EARLIEST <= local_date(self.clock, time) <= _LATEST
        except (OverflowError, ValueError):
            inside = False
        if not inside:
            years = f"{_EARLIEST.year} to {_LATEST.year}"
            raise ValueError(f"time {time} lies outside the years {years} that MS Project knows; csv and json hold it")

    def date(self, time: int) -> str:
        return local_date(self.clock, time).isoformat()

    def span(self, time: int) -> str:
        """A length of time as ISO 8601 writes it in this schema: hours, minutes and seconds."""
        minutes, seconds = divmod(timedelta(seconds=time * self.clock.unit), timedelta(minutes=1))
        rest = f"{seconds.total_seconds():.6f}".rstrip("0").rstrip(".")
        return f"PT{minutes // 60}H{minutes % 60}M{rest}S"

    # -- tasks ------------------------------------------------------------------------------------

    def add_tasks(self, parent: Element) -> None:
        """Job by job in the order of their first starts, each with its tasks in the order of theirs."""
        groups: dict[int, list[int]] = {}
        alone = self.instance.num_jobs  # each task without a job is a group of its own
        for task in order_of_starts(self.schedule, self.end):
            job = -1 if self.instance.job is None else int(self.instance.job[task])
            groups.setdefault(job if job >= 0 else alone + task, []).append(task)
        links = self._links()
        position = 0
        for group, tasks in groups.items():
            in_job = group < alone
            if in_job:
                position += 1
                self._add_job(SubElement(parent, "Task"), group, tasks, position)
            for task in tasks:
                position += 1
                self._add_task(SubElement(parent, "Task"), task, position, 1 + in_job, links[task])

    def _add_job(self, row: Element, job: int, tasks: list[int], position: int) -> None:
        begin, done = min(self.start[i] for i in tasks), max(self.end[i] for i in tasks)
        uid, name = self.instance.num_tasks + 1 + job, plain_text(self.instance.job_name(job))
        _fields(row, UID=uid, ID=position, Name=name, Active=1, Manual=0, Type=_FIXED_DURATION, IsNull=0)
        _fields(row, OutlineLevel=1, Priority=500, Start=self.date(begin), Finish=self.date(done))
        _fields(row, Duration=self.span(done - begin), DurationFormat=_HOURS, Milestone=0, Summary=1)
        if self.instance.job_due is not None:
            self._add_deadline(row, int(self.instance.job_due[job]))

    def _add_task(self, row: Element, task: int, position: int, level: int, links: list[tuple[int, int, int]]) -> None:
        begin, done = self.start[task], self.end[task]
        dates = {"Start": self.date(begin), "Finish": self.date(done), "Duration": self.span(done - begin)}
        name = plain_text(self.instance.task_name(task))
        _fields(row, UID=task + 1, ID=position, Name=name, Active=1, Manual=1, Type=_FIXED_DURATION, IsNull=0)
        _fields(row, OutlineLevel=level, Priority=500, **dates)
        _fields(row, **{f"Manual{name}": text for name, text in dates.items()})
        _fields(row, DurationFormat=_HOURS, EffortDriven=0, Estimated=0, Milestone=int(begin == done), Summary=0)
        _fields(row, ConstraintType=_MUST_START_ON, ConstraintDate=dates["Start"])
        self._add_deadline(row, int(self.due[task]))
        _fields(row, IgnoreResourceCalendar=1)
        for pred, kind, lag in links:
            link = SubElement(row, "PredecessorLink")
            tenths = int(lag * self.clock.unit // 6)  # of a minute
            _fields(link, PredecessorUID=pred + 1, Type=_LINK_TYPE[kind], CrossProject=0, LinkLag=tenths)
            _fields(link, LagFormat=_ELAPSED_MINUTES)
        numbers = {TASK_FIELD: task, START_FIELD: begin, MODE_FIELD: int(self.schedule.mode[task])}
        for field, value in numbers.items():
            _fields(SubElement(row, "ExtendedAttribute"), FieldID=field, Value=value)

    def _add_deadline(self, row: Element, due: int) -> None:
        if due < HORIZON_LIMIT:
            try:
                date = local_date(self.clock, due)
            except (OverflowError, ValueError):
                return
            if _EARLIEST <= date <= _LATEST:
                _fields(row, Deadline=date.isoformat())

    def _links(self) -> list[list[tuple[int, int, int]]]:
        """(pred, kind, lag) by task. Project allows one link between two tasks and no circles: of several one is kept,
        finish to start if there is such a one, and those that run backwards in the plan (maximal lags) are left out."""
        instance = self.instance
        links: list[list[tuple[int, int, int]]] = [[] for _ in range(instance.num_tasks)]
        columns = (instance.arc_pred, instance.arc_succ, instance.arc_kind, instance.arc_lag)
        seen = set()
        arcs = zip(*(column.tolist() for column in columns), strict=True)
        for pred, succ, kind, lag in sorted(arcs, key=lambda arc: arc[2] != ES):
            forward = (self.start[pred], self.end[pred], pred) < (self.start[succ], self.end[succ], succ)
            if forward and (pred, succ) not in seen:
                seen.add((pred, succ))
                links[succ].append((pred, kind, lag))
        return links

    # -- resources --------------------------------------------------------------------------------

    def add_resources(self, parent: Element) -> None:
        instance = self.instance
        for k in range(instance.num_resources):
            row = SubElement(parent, "Resource")
            _fields(
                row, UID=k + 1, ID=k + 1, Name=plain_text(instance.resource_name(k)), Type=int(instance.renewable[k])
            )
            if instance.renewable[k]:
                _fields(row, MaxUnits=int(instance.capacity[k]), CalendarUID=-1)

    def add_assignments(self, parent: Element) -> None:
        instance, number = self.instance, 0
        for task in range(instance.num_tasks):
            duration = int(instance.duration[instance.mode_ptr[task] + self.schedule.mode[task]])
            for k, amount in demands_of(instance, self.schedule, task):
                number += 1
                row = SubElement(parent, "Assignment")
                _fields(row, UID=number, TaskUID=task + 1, ResourceUID=k + 1, Finish=self.date(self.end[task]))
                _fields(row, Start=self.date(self.start[task]), Units=amount)
                if instance.renewable[k]:
                    _fields(row, Work=self.span(duration * amount))


def _calendar(parent: Element) -> None:
    """One calendar, open day and night: durations of the plan are elapsed times."""
    calendar = SubElement(parent, "Calendar")
    _fields(calendar, UID=1, Name="24 Hours", IsBaseCalendar=1, BaseCalendarUID=-1)
    days = SubElement(calendar, "WeekDays")
    for day in range(1, 8):
        row = SubElement(days, "WeekDay")
        _fields(row, DayType=day, DayWorking=1)
        _fields(SubElement(SubElement(row, "WorkingTimes"), "WorkingTime"), FromTime="00:00:00", ToTime="00:00:00")


def _due_dates(instance: Instance) -> IntArray:
    """What Project calls a deadline: the due date of a task, else its hard deadline or that of its job."""
    due = tightest(instance, instance.due, None)
    hard = deadlines(instance)
    due[due >= HORIZON_LIMIT] = hard[due >= HORIZON_LIMIT]
    return due


def _fields(parent: Element, **values: object) -> None:
    for name, value in values.items():
        SubElement(parent, name).text = str(value)


def plain_text(name: str) -> str:
    """A name with the characters that XML allows, on one line, without blanks around it."""
    return "".join(c if c.isprintable() and not "\ud800" <= c <= "\udfff" else " " for c in name).strip()
