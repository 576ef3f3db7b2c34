"""An upper bound on the makespan of some optimal schedule."""

from __future__ import annotations

from math import lcm

import numpy as np

from makespan.instances.calendars import open_windows
from makespan.instances.dates import deadlines
from makespan.instances.instance import ES, HORIZON_LIMIT, SS, Instance, IntArray
from makespan.instances.project_view import topological_order

_LISTED_WINDOWS = 20_000


def horizon(instance: Instance) -> int:
    """A time by which some optimal schedule ends, if there is any schedule; at most HORIZON_LIMIT.

    Take, among the optimal schedules, one with the least sum of starts. Call a moment *covered* if a task runs then, or
    a lag, a journey or a setup that follows it is still being waited for. After the last date that does not repeat
    (releases, now, fixed starts, first setups, calendars without period), whatever comes after an uncovered moment can
    move to the left: all objectives are regular, so the schedule stays optimal, which contradicts the choice. What may
    move, and how far, decides how many moments can be uncovered:

    * without calendars all later tasks move by one: no moment is uncovered;
    * with calendars, where nothing but earlier ends ties a task to others, the next task moves alone to its next open
      start: each task adds at most its longest wait for one;
    * otherwise all later tasks move by the common period of the calendars: each task adds at most that period.

    Cost O(size of the instance), plus O(breakpoints) per mode with a calendar.
    """
    if instance.num_tasks == 0:
        return 0
    last_date, span = _last_date(instance), instance.duration
    idle = 0
    if instance.calendar is not None:
        wait, span = _waits_and_spans(instance, last_date)
        if _is_tied(instance):
            idle = instance.num_tasks * (lcm(*(int(p) for p in instance.calendar.period if p > 0)) - 1)
        else:
            span = span + wait
    cover = np.maximum.reduceat(span + _after(instance), instance.mode_ptr[:-1])
    total = last_date + sum(cover.tolist()) + idle
    return int(min(total, int(deadlines(instance).max()), HORIZON_LIMIT))


def _last_date(instance: Instance) -> int:
    """The last moment at which something that does not repeat happens."""
    dates = [instance.now]
    for values in (instance.release, instance.job_release, instance.fixed_start):
        if values is not None:
            dates.append(int(values.max(initial=0)))
    if instance.setup is not None and (instance.setup.initial >= 0).any():
        dates.append(int(instance.setup.time.max()))
    if instance.calendar is not None:
        endless = np.repeat(instance.calendar.period == 0, np.diff(instance.calendar.ptr))
        dates.append(int(instance.calendar.time[endless].max(initial=0)))
    return max(dates)


def _after(instance: Instance) -> IntArray:
    """Shape (num_modes,): how long after the end of a task something of it is still being waited for."""
    lag = np.zeros(instance.num_tasks, np.int64)
    np.maximum.at(lag, instance.arc_pred, np.abs(instance.arc_lag) if instance.no_wait else instance.arc_lag)
    after = np.repeat(lag, np.diff(instance.mode_ptr))
    if instance.transport is not None and instance.job is not None:
        farthest = instance.transport.max(axis=1)[instance.machine]
        after = after + np.where(instance.machine >= 0, farthest, 0)
    if instance.setup is not None:
        family = instance.setup.family
        slowest = np.where(family >= 0, instance.setup.time.max(axis=1)[family], 0)
        wait = np.full(instance.num_modes, instance.setup.time.max()) if instance.blocking else slowest
        # Setups and lags are waited for side by side, but in a blocking shop the one may begin when the other is over.
        after = after + wait if instance.blocking else np.maximum(after, wait)
    return after + 1 if instance.blocking else after


def _is_tied(instance: Instance) -> bool:
    """Whether moving one task to the left alone can break a constraint with a later one."""
    starts_only = ((instance.arc_kind == ES) | (instance.arc_kind == SS)) & (instance.arc_lag >= 0)
    return (
        instance.blocking
        or instance.no_wait
        or not bool(starts_only.all())
        or topological_order(instance).size < instance.num_tasks
    )


def _waits_and_spans(instance: Instance, origin: int) -> tuple[IntArray, IntArray]:
    """Per mode: the longest wait for a start, and the longest time from start to end, from ``origin`` on."""
    wait, span = np.zeros(instance.num_modes, np.int64), instance.duration.copy()
    known: dict[tuple[bytes, int, bool], tuple[int, int]] = {}
    for task in range(instance.num_tasks):
        pauses = instance.pause is not None and instance.pause[task] > 0
        for mode in range(instance.mode_ptr[task], instance.mode_ptr[task + 1]):
            part = slice(instance.demand_ptr[mode], instance.demand_ptr[mode + 1])
            need = instance.demand_resource[part].tobytes() + instance.demand_amount[part].tobytes()
            key = need, int(instance.duration[mode]), bool(pauses)
            if key not in known:
                longest = _wait_and_span(instance, mode, origin, pauses)
                known[key] = min(longest[0], HORIZON_LIMIT), min(longest[1], HORIZON_LIMIT)
            wait[mode], span[mode] = known[key]
    return wait, span


def _wait_and_span(instance: Instance, mode: int, origin: int, pauses: bool) -> tuple[int, int]:
    calendar, duration = instance.calendar, int(instance.duration[mode])
    assert calendar is not None
    used = instance.demand_resource[instance.demand_ptr[mode] : instance.demand_ptr[mode + 1]]
    periods = [int(p) for p in calendar.period[used] if p > 0]
    if duration == 0 or not periods:
        return 0, duration  # from the origin on its calendars stay as they are
    period = lcm(*periods)
    windows: list[tuple[int, int]] = []
    # Three periods: the windows that begin in the second are whole, and so are the waits between them.
    for begin, until in open_windows(instance, mode, origin, 3 * period):
        if begin >= origin + 3 * period:
            break
        windows.append((begin, min(until, origin + 3 * period)))
        if len(windows) > _LISTED_WINDOWS:
            return _coarse(windows, period, duration, pauses)
    if not windows:
        return 0, duration  # never open again: it has ended by the origin
    gap = max((after[0] - before[1] for before, after in zip(windows, windows[1:], strict=False)), default=0)
    gap = max(gap, windows[0][0] - origin)
    if not pauses:
        wide = [window for window in windows if window[1] - window[0] >= duration]
        if not wide:
            return 0, duration
        starts = [(begin, until - duration) for begin, until in wide]
        wait = max((after[0] - before[1] for before, after in zip(starts, starts[1:], strict=False)), default=0)
        return max(wait, starts[0][0] - origin), duration
    work = sum(min(until, origin + period) - begin for begin, until in windows if begin < origin + period)
    cycles, rest = divmod(duration - 1, work)
    return gap, cycles * period + _longest_run(np.array(windows), rest + 1)


def _longest_run(windows: IntArray, duration: int) -> int:
    """The longest time from start to end of a pausable task, of at most the open time of one period.

    A later start within a window leaves the time as it is, except where the end jumps over a break: so the longest
    one starts with a window, or ends one step into one. O(windows).
    """
    begin, width = windows[:, 0], windows[:, 1] - windows[:, 0]
    worked = np.concatenate(([0], np.cumsum(width)))  # worked[i]: open time before window i

    def moment(work: IntArray) -> IntArray:
        """When the open time reaches ``work``, at the first moment at which it does so from within a window."""
        i = np.searchsorted(worked, work, side="right") - 1
        return begin[i] + work - worked[i]

    starts = np.concatenate((worked[:-1], worked[:-1] + 1 - duration))
    starts = starts[(starts >= 0) & (starts + duration <= worked[-1])]
    return int((moment(starts + duration - 1) + 1 - moment(starts)).max())


def _coarse(windows: list[tuple[int, int]], period: int, duration: int, pauses: bool) -> tuple[int, int]:
    """Bounds that need no list of all windows: every window comes once a period, and opens for at least one step."""
    return period, (duration + 1) * period if pauses else duration
