"""The Gantt chart as an image, drawn by matplotlib (the extra ``plot``)."""

from __future__ import annotations

import io
from bisect import bisect_right
from pathlib import Path
from typing import Any

import numpy as np

from makespan.instances.gantt.chart import PALETTE, chart_data
from makespan.instances.gantt.clock import clock_of
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule

_MOST_LABELS = 1_500  # bars that carry a word
_MOST_BARS = 300_000  # of one resource; beyond, bars stay where they are when one below ends
_MOST_LANES = 300
_FORMATS = ("png", "svg", "pdf")


def gantt_png(
    instance: Instance,
    schedule: Schedule,
    path: str | Path,
    *,
    by: str = "resource",
    title: str | None = None,
    lower_bound: float | None = None,
    critical: bool = False,
    width: float = 14.0,
    dpi: int = 110,
) -> None:
    """Write a chart as an image; the suffix of the path (png, svg or pdf) chooses the format.

    Parameters
    ----------
    by
        ``"resource"``, with the use of resources of capacity above 1 stacked under a line at the capacity,
        or ``"job"``.
    lower_bound
        Of the makespan: a line.
    critical
        Frame the tasks without slack.
    width, dpi
        Inches and dots per inch; the height follows from the rows.

    The file is complete or not there: it is written beside the path and renamed. Cost about a second per 10 000 tasks.
    Raises ValueError without matplotlib, for another suffix or value of ``by``, or a schedule that does not fit, and
    OSError where the path cannot be written.
    """
    target = Path(path)
    form = target.suffix.lower().lstrip(".")
    if form not in _FORMATS:
        raise ValueError(f"{target}: found suffix {target.suffix!r}, expected .png, .svg or .pdf")
    if by not in ("resource", "job"):
        raise ValueError(f"by: found {by!r}, expected 'resource' or 'job'")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ValueError("an image needs matplotlib, which is not installed: pip install 'makespan[plot]'") from None
    data = chart_data(instance, schedule, title=title, lower_bound=lower_bound, critical=critical)
    rows = _resource_rows(data) if by == "resource" else _job_rows(data)
    height = sum(row.height for row in rows)
    size = (width, min(60.0, 1.3 + 0.34 * max(3.0, height)))
    figure = Figure(figsize=size, dpi=dpi, layout="constrained")
    axes = figure.add_subplot()
    _draw(axes, rows, data, by, critical, size[0] * dpi)
    _finish(axes, rows, data, clock_of(instance, max(data["end"], default=0)))
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form)
    beside = target.with_name(target.name + ".part")
    try:
        beside.write_bytes(buffer.getvalue())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


class _Row:
    """A strip of the image: bars as (task, from, to, low, high, held) in units of use."""

    def __init__(self, name: str, units: float, height: float, capacity: int = 0, resource: int = -1) -> None:
        self.name, self.units, self.height, self.capacity, self.resource = name, units, height, capacity, resource
        self.bars: list[tuple[int, int, int, float, float, bool]] = []
        self.thin: list[tuple[int, int, str]] = []


def _pieces(data: dict[str, Any], task: int) -> list[tuple[int, int, bool]]:
    flat = data.get("pieces", {}).get(str(task))
    if flat is None:
        return [(data["start"][task], data["end"][task], False)]
    return [(flat[k], flat[k + 1], bool(flat[k + 2])) for k in range(0, len(flat), 3)]


def _resource_rows(data: dict[str, Any]) -> list[_Row]:
    rows = []
    for k, resource in enumerate(data["resources"]):
        row = _Row(resource["name"], max(1, resource["capacity"]), 1.0, resource["capacity"], k)
        rows.append(row)
    items: list[list[tuple[int, int, int, int, bool]]] = [[] for _ in rows]
    idle = set(range(len(data["start"])))
    for task, k, amount in zip(*data["use"], strict=True):
        idle.discard(task)
        items[k].extend((begin, until, task, amount, held) for begin, until, held in _pieces(data, task))
    for row, mine in zip(rows, items, strict=True):
        row.bars, most = _stacked(mine)
        row.units = max(row.units, most)
        row.height = 1.0 if row.units <= 1 else min(5.0, 1.4 + 0.5 * row.units)
    for k, _, begin, until in data.get("setups", ()):
        rows[k].thin.append((begin, until, "///"))
    if idle:
        rows.append(_lane_row("no resource", sorted(idle), data))
    return rows


def _job_rows(data: dict[str, Any]) -> list[_Row]:
    tasks = range(len(data["start"]))
    if "job" not in data:
        return [_lane_row(_task_name(data, i), [i], data) for i in tasks]
    members: list[list[int]] = [[] for _ in range(data["jobs"] + 1)]
    for i in tasks:
        members[data["job"][i]].append(i)  # -1 is the last, for tasks without a job
    names = data.get("jobNames") or [f"job {j}" for j in range(data["jobs"])]
    rows = [_lane_row(name, members[j], data) for j, name in enumerate(names)]
    if members[-1]:
        rows.append(_lane_row("no job", members[-1], data))
    for _, task, begin, until in data.get("journeys", ()):
        rows[data["job"][task]].thin.append((begin, until, "\\\\\\"))
    return rows


def _task_name(data: dict[str, Any], task: int) -> str:
    names = data.get("taskNames")
    return names[task] if names else f"task {task}"


def _lane_row(name: str, tasks: list[int], data: dict[str, Any]) -> _Row:
    """Tasks side by side where they overlap."""
    free: list[int] = []
    bars: list[tuple[int, int, int, float, float, bool]] = []
    for i in sorted(tasks, key=lambda i: (data["start"][i], data["end"][i])):
        lane = next((k for k, until in enumerate(free) if until <= data["start"][i]), len(free)) % _MOST_LANES
        free[lane : lane + 1] = [data["end"][i]]
        bars.extend((i, begin, until, lane, lane + 1.0, held) for begin, until, held in _pieces(data, i))
    row = _Row(name, max(1, len(free)), max(1.0, min(5.0, 0.7 * len(free))))
    row.bars = bars
    return row


def _stacked(
    items: list[tuple[int, int, int, int, bool]],
) -> tuple[list[tuple[int, int, int, float, float, bool]], int]:
    """Bars on those that started before them, falling when one below ends; and the most in use."""
    events = sorted(
        event for k, (begin, until, *_) in enumerate(items) if until > begin for event in ((begin, 1, k), (until, 0, k))
    )
    bars = [(task, begin, until, 0.0, 0.0, held) for begin, until, task, _, held in items if until <= begin]
    live: list[list[int]] = []  # index, low edge, since
    usage = most = 0
    for now, starts, k in events:
        _, _, task, amount, held = items[k]
        if starts:
            live.append([k, usage, now])
            usage += amount
            most = max(most, usage)
            continue
        at = next(place for place, bar in enumerate(live) if bar[0] == k)
        _, low, since = live.pop(at)
        if now > since:
            bars.append((task, since, now, low, low + amount, held))
        usage -= amount
        for bar in live[at:] if len(bars) < _MOST_BARS else ():
            _, _, upper, size, upper_held = items[bar[0]]
            if now > bar[2]:
                bars.append((upper, bar[2], now, bar[1], bar[1] + size, upper_held))
            bar[1], bar[2] = bar[1] - amount, now
    return bars, most


def _draw(axes: Any, rows: list[_Row], data: dict[str, Any], by: str, critical: bool, pixels: float) -> None:
    from matplotlib.collections import LineCollection, PolyCollection

    horizon = max(1, *data["end"], 1)
    jobs, slack = data.get("job"), data.get("slack")
    shapes: dict[bool, tuple[list[Any], list[str], list[str]]] = {False: ([], [], []), True: ([], [], [])}
    thin: dict[str, list[Any]] = {}
    limits, closed, moments = [], [], []
    words: list[tuple[float, float, str, str]] = []
    top = 0.0
    for row in rows:
        scale = (row.height - 0.16) / row.units
        floor = top + row.height - 0.08
        for task, begin, until, low, high, held in row.bars:
            job = jobs[task] if jobs and jobs[task] >= 0 else task
            colour = PALETTE[job % len(PALETTE)]
            if high <= low or until <= begin:
                moments.append((begin, top + row.height / 2))
                continue
            corners, faces, edges = shapes[held]
            y0, y1 = floor - low * scale, floor - high * scale
            corners.append(((begin, y0), (until, y0), (until, y1), (begin, y1)))
            faces.append(colour)
            edges.append("black" if critical and slack and slack[task] == 0 else "white")
            room = int(((until - begin) / horizon * pixels * 0.85 - 6) / 8)
            if not held and room > 0 and y0 - y1 > 0.45:
                word = _fitting(_word(data, task, by), room)
                words.append(((begin + until) / 2, (y0 + y1) / 2, word, _ink(colour)))
        for begin, until, hatch in row.thin:
            y0, y1 = top + row.height * 0.33, top + row.height * 0.67
            thin.setdefault(hatch, []).append(((begin, y0), (until, y0), (until, y1), (begin, y1)))
        if row.resource >= 0 and row.units > 1:
            y = floor - row.capacity * scale
            limits.append(((0, y), (horizon, y)))
        if row.resource >= 0 and "calendar" in data["resources"][row.resource]:
            for begin, until, capacity in _profile(data["resources"][row.resource]["calendar"], horizon):
                if capacity < row.capacity:
                    y0, y1 = (floor - level * scale for level in (capacity, row.capacity))
                    closed.append(((begin, y0), (until, y0), (until, y1), (begin, y1)))
        top += row.height
    axes.add_collection(PolyCollection(closed, facecolor="#e2e7ee", linewidth=0, zorder=0.5))
    for held, (corners, faces, edges) in shapes.items():
        line = 0.6 if len(corners) < 3_000 else 0.0
        framed = [1.6 if edge == "black" else line for edge in edges]
        style: dict[str, Any] = {"hatch": "////", "alpha": 0.4} if held else {}
        axes.add_collection(PolyCollection(corners, facecolor=faces, edgecolor=edges, linewidth=framed, **style))
    for hatch, corners in thin.items():
        axes.add_collection(PolyCollection(corners, facecolor="none", edgecolor="#5d6778", linewidth=0.5, hatch=hatch))
    axes.add_collection(LineCollection(limits, color="#444444", linewidth=1, linestyle="--", zorder=3))
    if moments:
        axes.plot(*zip(*moments, strict=True), "D", color="black", markersize=4, linestyle="none")
    for x, y, word, ink in words[:_MOST_LABELS]:
        axes.text(x, y, word, ha="center", va="center", fontsize=8, color=ink, parse_math=False, clip_on=True)
    axes.set_ylim(max(top, 1), 0)


def _word(data: dict[str, Any], task: int, by: str) -> str:
    names, jobs = data.get("jobNames"), data.get("job")
    if by == "resource" and jobs and jobs[task] >= 0:
        return names[jobs[task]] if names else str(jobs[task])
    names = data.get("taskNames")
    return names[task] if names else str(task)


def _fitting(word: str, room: int) -> str:
    """The word, or its last part ("Order 17" -> "17"), or nothing, in so many characters."""
    last = word.rpartition(" ")[2]
    return word if len(word) <= room else last if len(last) <= room else ""


def _ink(colour: str) -> str:
    red, green, blue = ((int(colour[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5))
    return "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.2 else "white"


def _profile(calendar: list[Any], horizon: int) -> list[tuple[int, int, int]]:
    """Pieces (from, to, capacity) up to the horizon; none where they would be too fine to see."""
    times, capacities, period = calendar
    if period and horizon / period > 400:
        return []
    pieces = []
    for cycle in range(horizon // period + 1 if period else 1):
        for k, time in enumerate(times):
            begin = cycle * period + time
            until = cycle * period + times[k + 1] if k + 1 < len(times) else (cycle + 1) * period if period else horizon
            if begin < horizon:
                pieces.append((begin, min(until, horizon), capacities[k]))
    return pieces


def _finish(axes: Any, rows: list[_Row], data: dict[str, Any], clock: Any) -> None:
    horizon = max(1, *data["end"], 1)
    edges = np.concatenate(([0.0], np.cumsum([row.height for row in rows])))
    middles = (edges[:-1] + edges[1:]) / 2
    every = max(1, len(rows) // 120)
    axes.set_yticks(middles[::every], [row.name for row in rows[::every]], parse_math=False)
    axes.hlines(edges, 0, horizon, color="#dde2ea", linewidth=0.6, zorder=0.4)
    axes.set_xlim(0, horizon * 1.01)
    bound, goal = data["lowerBound"], data["objective"]
    if bound is not None and goal["name"] == "makespan":
        axes.axvline(bound, color="#3b6fb6", linestyle="--", linewidth=1.2)
    axes.grid(axis="x", color="#dde2ea", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    heading = f"{data['title']}: {goal['name'].replace('_', ' ')} {goal['value']}"
    axes.set_title(heading if bound is None else f"{heading}, lower bound {bound}", loc="left", parse_math=False)
    if clock is not None:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num

        # Ticks fall on round dates: located as dates, placed as times of the instance.
        locator = AutoDateLocator(tz=clock.zone)
        dates = locator.tick_values(clock.at(0), clock.at(horizon))
        origin = date2num(clock.at(0))
        times = [(date - origin) * 86400 / clock.unit for date in dates]
        shown = slice(bisect_right(times, -1e-9), bisect_right(times, horizon))
        formatter = ConciseDateFormatter(locator, tz=clock.zone)
        axes.set_xticks(times[shown], formatter.format_ticks(dates[shown]))
        axes.set_xlabel(f"{formatter.get_offset()} {clock.label}".strip(), loc="right")
