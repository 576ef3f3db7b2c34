"""``solve --plan``: the options of rescheduling, and what the schedule changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from makespan.cli.arguments import usage_errors
from makespan.cli.exit_codes import UsageError

if TYPE_CHECKING:
    from makespan.instances.instance import Instance
    from makespan.instances.replan import Changes
    from makespan.instances.schedule import Schedule


@dataclass(frozen=True)
class ReplanOptions:
    """What the user typed; times are read once the unit and origin of the instance are known."""

    plan: str
    now: str | None
    freeze_until: str | None
    keep: tuple[str, ...]
    max_shift: str | None
    not_started: tuple[str, ...]


@dataclass(frozen=True)
class Replanned:
    """The instance to solve, the one it was made of, and the plan in the numbering of both."""

    instance: Instance
    base: Instance
    plan: Schedule
    terms: dict[str, Any]

    @property
    def hint(self) -> Schedule:
        """The plan as a schedule to start from, new tasks after all others."""
        from makespan.instances.schedule import Schedule

        is_new = self.plan.start < 0
        last = int(self.plan.start.max(initial=0)) + 1
        return Schedule(np.where(is_new, last, self.plan.start), np.where(is_new, 0, self.plan.mode))

    def changes(self, schedule: Schedule) -> Changes:
        from makespan.instances.replan import changes

        return changes(self.instance, self.plan, schedule)

    def record(self, schedule: Schedule | None) -> dict[str, Any]:
        """The ``replan`` object of the result file."""
        made = None if schedule is None else asdict(self.changes(schedule))
        return {"of": self.base.digest, **self.terms, "changes": made}


def replan_options(
    plan: str | None,
    now: str | None,
    freeze_until: str | None,
    keep: str | None,
    max_shift: str | None,
    not_started: str | None,
) -> ReplanOptions | None:
    """The options, None where there is no plan. Raises UsageError for options that need one."""
    if plan is None:
        given = {
            "now": now,
            "freeze until": freeze_until,
            "keep": keep,
            "max shift": max_shift,
            "not started": not_started,
        }
        for name, value in given.items():
            if value is not None:
                raise UsageError(f"{name}: found {value!r} without --plan, expected a plan to change")
        return None
    return ReplanOptions(plan, now, freeze_until, _words(keep), max_shift, _words(not_started))


def replanned(instance: Instance, options: ReplanOptions) -> Replanned:
    """Read the plan and apply it. Raises InputError or UsageError."""
    from makespan.instances.replan import plan_by_name, replan
    from makespan.instances.schedule import Schedule
    from makespan.instances.schedule_files.read import is_schedule_file, read_schedule
    from makespan.solvers.result_json import read_result

    if is_schedule_file(options.plan):
        planned, names = read_schedule(options.plan, instance, partial=True), instance.meta.task_names
    else:
        stored = read_result(options.plan).schedule
        if stored is None:
            raise UsageError(f"{options.plan}: found no schedule, expected a plan")
        planned, names = Schedule(stored.start, stored.mode), None if stored.task is None else tuple(stored.task)
    now = instance.now if options.now is None else _moment(options.now, instance, "now")
    until = None if options.freeze_until is None else _moment(options.freeze_until, instance, "freeze until")
    shift = None if options.max_shift is None else _duration(options.max_shift, instance, "max shift")
    waiting = [_task(name, instance) for name in options.not_started]
    with usage_errors():
        plan = plan_by_name(instance, planned, names)
        changed = replan(
            instance, plan, now, freeze_until=until, keep=options.keep, max_shift=shift, not_started=waiting
        )
    terms = {
        "now": now,
        "freeze_until": until,
        "keep": list(options.keep),
        "max_shift": shift,
        "not_started": waiting,
    }
    return Replanned(changed, instance, plan, terms)


def _words(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(word.strip() for word in text.split(",") if word.strip())


def _task(text: str, instance: Instance) -> int:
    """A task by its name or number."""
    names = instance.meta.task_names or ()
    if text in names:
        return names.index(text)
    if text.isdecimal() and text.isascii() and int(text) < instance.num_tasks:
        return int(text)
    raise UsageError(f"not started: found {text!r}, expected the name or number of a task")


def _moment(text: str, instance: Instance, option: str) -> int:
    """A number of time units or, where the instance has an origin and a unit, a date or ``26h`` after the origin."""
    return _read(text, instance, option, is_moment=True)


def _duration(text: str, instance: Instance, option: str) -> int:
    """A number of time units or, where the instance names its unit, ``90 min``."""
    return _read(text, instance, option, is_moment=False)


def _read(text: str, instance: Instance, option: str, is_moment: bool) -> int:
    """A text by the clock of CSV tables, which knows units and dates."""
    from makespan.instances.date_table import clock_for, needs
    from makespan.instances.errors import InputError
    from makespan.instances.formats.csv_values import Cell
    from makespan.instances.formats.source import Source

    cell = Cell(text.strip(), 0)
    if missing := needs(instance, cell):
        raise UsageError(f"{option}: found {text!r}, expected a whole number: the instance names no {missing}")
    clock = clock_for(Source("", option), instance)
    try:
        return clock.moment(cell) if is_moment else clock.duration(cell)
    except InputError as error:
        raise UsageError(f"{option}: found {error.found}, expected {error.expected}") from None
