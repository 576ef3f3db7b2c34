"""The Gantt chart as text, for terminals and logs."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

import numpy as np

from makespan.instances.gantt.chart import PALETTE
from makespan.instances.gantt.clock import Clock, clock_of
from makespan.instances.gantt.pieces import Plan, plan_of
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule

_LEVELS = " ▁▂▃▄▅▆▇█"
_LEVELS_ASCII = " 123456789"
_FILLS = "█▒"  # bars in turn, so that neighbours can be told apart without colour
_FILLS_ASCII = "#="
_MOST_KEYS = 12  # jobs named in the legend


@dataclass(frozen=True)
class _Style:
    levels: str
    fills: str
    bar: str
    rule: str
    tick: str
    corner: str
    milestone: str
    more: str
    color: bool


def gantt_text(
    instance: Instance,
    schedule: Schedule,
    width: int | None = None,
    color: bool = False,
    *,
    by: str = "resource",
    ascii: bool = False,
    max_rows: int = 40,
) -> str:
    """A chart of one line per row; lines end without blanks and are joined by newlines.

    Parameters
    ----------
    width
        Columns in all, at least 40; that of the terminal by default.
    color
        Paint bars with ANSI colours, by job.
    by
        ``"resource"``: a row per renewable resource; one of capacity 1 shows its tasks under the number of their job
        (of the task where there are no jobs), a larger one how much is in use. ``"job"``: a row per job (per task where
        there are no jobs), its tasks under the number of their resource.
    ascii
        Only characters that every terminal has.
    max_rows
        Rows shown; a note counts the others.

    A row whose bars are too narrow to tell apart shows the share of time in use instead. Cost O(tasks log tasks).
    Raises ValueError if the schedule does not fit the instance or ``by`` is neither.
    """
    if by not in ("resource", "job"):
        raise ValueError(f"by: found {by!r}, expected 'resource' or 'job'")
    style = (
        _Style(_LEVELS_ASCII, _FILLS_ASCII, "|", "-", "+", "+", "*", "...", color)
        if ascii
        else _Style(_LEVELS, _FILLS, "│", "─", "┴", "└", "◆", "…", color)
    )
    width = max(40, width if width is not None else shutil.get_terminal_size().columns)
    plan = plan_of(instance, schedule)
    horizon = max(1, int(plan.end.max(initial=0)))
    rows = _Rows(instance, plan, by)
    shown = min(rows.count, max(1, max_rows))
    names = [_plain(rows.name(k), ascii) for k in range(shown)]
    gutter = min(max((_columns(name) for name in names), default=0), width // 4)
    columns = width - gutter - 2
    lines = [_headline(instance, plan, width, ascii)]
    for k, name in enumerate(names):
        lines.append(f"{_fitted(name, gutter, style.more)} {style.bar}{_row(rows, k, columns, horizon, style)}")
    if rows.count > shown:
        lines.append(f"{style.more} {rows.count - shown} more rows")
    lines.extend(_axis(gutter, columns, horizon, clock_of(instance, horizon), style))
    lines.extend(_legend(instance, by, style, width, ascii))
    return "\n".join(line.rstrip() for line in lines)


class _Rows:
    """The rows of a chart: names, and the pieces of work in each."""

    def __init__(self, instance: Instance, plan: Plan, by: str) -> None:
        self.instance, self.plan = instance, plan
        n = plan.start.size
        in_job = None if by == "resource" else instance.job
        if by == "resource":
            self.resources = np.flatnonzero(instance.renewable)
            place = np.cumsum(instance.renewable) - 1
            task, row = plan.use_task, place[plan.use_resource]
            idle = np.setdiff1d(np.arange(n), plan.use_task)
            task, row = np.concatenate((task, idle)), np.concatenate((row, np.full(idle.size, self.resources.size)))
            self.amount = np.concatenate((plan.use_amount, np.ones(idle.size, np.int64)))
            self.count = self.resources.size + (idle.size > 0)
            machine = np.full(n, -1) if instance.job is None else instance.job.astype(np.int64)
            self.label = np.where(machine >= 0, machine, np.arange(n))
            self.colour = self.label
        else:
            row = np.arange(n) if in_job is None else np.where(in_job >= 0, in_job, instance.num_jobs)
            task, self.amount = np.arange(n), np.ones(n, np.int64)
            self.count = n if in_job is None else instance.num_jobs + bool((in_job < 0).any())
            self.label = instance.machine[plan.mode].astype(np.int64)
            self.colour = row
        self.by = by
        order = np.argsort(row, kind="stable")
        self._task, self.amount = task[order], self.amount[order]
        self._ptr = np.searchsorted(row[order], np.arange(self.count + 1))
        self._piece_ptr = np.searchsorted(plan.piece_task, np.arange(n + 1))

    def name(self, row: int) -> str:
        if self.by == "resource":
            return self.instance.resource_name(int(self.resources[row])) if row < self.resources.size else "no resource"
        if self.instance.job is None:
            return self.instance.task_name(row)
        return self.instance.job_name(row) if row < self.instance.num_jobs else "no job"

    def capacity(self, row: int) -> int:
        """Of the resource; 1 for rows of jobs and tasks."""
        if self.by == "resource" and row < self.resources.size:
            return int(self.instance.capacity[self.resources[row]])
        return 1

    def pieces(self, row: int) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        """Task, from, to and amount of the work in a row, by time."""
        low, high = self._ptr[row : row + 2]
        task, amount = self._task[low:high], self.amount[low:high]
        first, count = self._piece_ptr[task], np.diff(self._piece_ptr)[task]
        piece = np.arange(count.sum()) + np.repeat(first - (np.cumsum(count) - count), count)
        amount = np.repeat(amount, count)
        kept = ~self.plan.piece_held[piece]
        piece, amount = piece[kept], amount[kept]
        order = np.argsort(self.plan.piece_from[piece], kind="stable")
        piece, amount = piece[order], amount[order]
        return self.plan.piece_task[piece], self.plan.piece_from[piece], self.plan.piece_to[piece], amount


def _row(rows: _Rows, row: int, columns: int, horizon: int, style: _Style) -> str:
    task, begin, until, amount = rows.pieces(row)
    left = np.rint(begin / horizon * columns).astype(np.int64)
    right = np.rint(until / horizon * columns).astype(np.int64)
    wide = until > begin
    narrow = wide & (right == left)
    overlaps = bool((begin[1:][wide[1:]] < np.maximum.accumulate(until)[:-1][wide[1:]]).any())
    if rows.capacity(row) != 1 or overlaps or 4 * narrow.sum() > wide.sum():
        return _usage(begin, until, amount, columns, horizon, max(1, rows.capacity(row)), style)
    cells, paints = [" "] * columns, [""] * columns
    turn = 0
    for t, a, b, has_length in zip(task.tolist(), left.tolist(), right.tolist(), wide.tolist(), strict=True):
        if not has_length:
            cells[min(a, columns - 1)] = style.milestone
            continue
        label = str(int(rows.label[t])) if rows.label[t] >= 0 else ""
        a, b = min(a, columns - 1), max(b, a + 1)
        room = min(b, columns) - a
        fill = " " if style.color else style.fills[turn % len(style.fills)]
        text = label.center(room, fill) if len(label) <= room else fill * room
        cells[a : a + room] = text
        paints[a : a + room] = [_ansi(int(rows.colour[t])) if style.color else ""] * room
        turn += 1
    runs = groupby(zip(paints, cells, strict=True), key=lambda pair: pair[0])
    return "".join(_painted(paint, "".join(cell for _, cell in run)) for paint, run in runs)


def _usage(
    begin: IntArray, until: IntArray, amount: IntArray, columns: int, horizon: int, capacity: int, style: _Style
) -> str:
    """The mean use of each column as a share of the capacity, one level each; any use shows at least the lowest."""
    edges = np.linspace(0, horizon, columns + 1)
    busy = np.zeros(columns + 1)
    for times, sign in ((begin, 1.0), (until, -1.0)):
        order = np.argsort(times)
        sorted_times = times[order].astype(np.float64)
        count = np.searchsorted(sorted_times, edges, side="right")
        sums = np.concatenate(([0.0], np.cumsum(amount[order].astype(np.float64))))
        moments = np.concatenate(([0.0], np.cumsum(amount[order] * sorted_times)))
        busy += sign * (sums[count] * edges - moments[count])  # integral of the use up to each edge
    share = np.diff(busy) / (horizon / columns * capacity)
    top = len(style.levels) - 1
    level = np.clip(np.ceil(share * top - 1e-6), 0, top).astype(int)
    return "".join(style.levels[i] for i in level)


def _headline(instance: Instance, plan: Plan, width: int, ascii: bool) -> str:
    name = _plain(instance.name, ascii) or "schedule"
    facts = [name, f"{plan.start.size} tasks", f"makespan {int(plan.end.max(initial=0))}"]
    if instance.job is not None:
        facts.insert(1, f"{instance.num_jobs} jobs")
    return _cut(", ".join(facts), width, "..." if ascii else "…")


def _axis(gutter: int, columns: int, horizon: int, clock: Clock | None, style: _Style) -> Iterator[str]:
    marks = _dated(clock, horizon, columns) if clock else _numbered(horizon, columns)
    rule, labels = [style.rule] * columns, [" "] * (columns + 24)
    free = 0
    for time, label in marks:
        at = min(columns - 1, round(time / horizon * columns))
        if at < free:
            continue
        rule[at] = style.tick
        labels[at : at + len(label)] = label
        free = at + len(label) + 2
    yield " " * (gutter + 1) + style.corner + "".join(rule)
    yield (" " * (gutter + 2) + "".join(labels)).rstrip()[: gutter + 2 + columns]


def _numbered(horizon: int, columns: int) -> Iterable[tuple[int, str]]:
    room = max(1, columns // (len(str(horizon)) + 6))
    step = next(
        base for power in range(17) for base in (10**power, 2 * 10**power, 5 * 10**power) if base * room >= horizon
    )
    return ((time, str(time)) for time in range(0, horizon + 1, step))


def _dated(clock: Clock, horizon: int, columns: int) -> Iterable[tuple[float, str]]:
    seconds = horizon * clock.unit
    steps = (60, 300, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000)
    room = max(1, columns // 14)
    step = next((s for s in steps if s * room >= seconds), 365 * 86400 * max(1, round(seconds / room / 365 / 86400)))
    form = "%d %b %H:%M" if step < 86400 else "%d %b %Y" if step >= 2592000 else "%a %d %b"
    begin = clock.at(0)
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    marks = [(0.0, begin.strftime("%d %b %H:%M"))]
    count = int(seconds // step) + 3 + int(86400 // step)
    for k in range(1, min(count, 10_000)):
        # Wall-clock arithmetic: Python adds to the local time, so ticks stay at midnight over a change of the offset.
        date = midnight + timedelta(seconds=step * k)
        time = (date.timestamp() - clock.origin.timestamp()) / clock.unit
        if 0 < time <= horizon:
            marks.append((time, date.strftime(form)))
    return marks


def _legend(instance: Instance, by: str, style: _Style, width: int, ascii: bool) -> Iterator[str]:
    """What the numbers in the bars stand for, where the instance has names of its own."""
    names = instance.meta.job_names if by == "resource" and instance.job is not None else instance.meta.resource_names
    if by == "resource" and instance.job is None:
        names = instance.meta.task_names
    if names is None:
        return
    entries = [f"{i} {_plain(name, ascii)}" for i, name in enumerate(names[:_MOST_KEYS])]
    if len(names) > _MOST_KEYS:
        entries.append(f"{style.more} {len(names) - _MOST_KEYS} more")
    line = ""
    for entry in entries:
        if line and _columns(line) + _columns(entry) + 3 > width:
            yield line
            line = ""
        line += ("   " if line else "") + _cut(entry, width, style.more)
    yield line


def _painted(paint: str, text: str) -> str:
    return f"{paint}{text}\x1b[0m" if paint else text


def _ansi(index: int) -> str:
    """The escape code for bars of one colour: black or white ink on it."""
    colour = PALETTE[index % len(PALETTE)]
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    ink = 30 if 0.3 * red + 0.59 * green + 0.11 * blue > 110 else 97
    return f"\x1b[{ink};48;2;{red};{green};{blue}m"


def _plain(name: str, ascii: bool) -> str:
    """A name on one line without control characters (a name must not steer the terminal)."""
    text = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in name)
    return text.encode("ascii", "replace").decode() if ascii else text


def _columns(text: str) -> int:
    """Columns a terminal takes for a text: wide characters two, combining ones none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _cut(text: str, width: int, more: str) -> str:
    if _columns(text) <= width:
        return text
    while text and _columns(text) + len(more) > width:
        text = text[:-1]
    return (text + more)[:width]


def _fitted(text: str, width: int, more: str) -> str:
    text = _cut(text, width, more)
    return text + " " * (width - _columns(text))
