"""What a live page shows: the runs of one call, the newest of them with trace and schedule.

One thread writes, those that serve the page read. A reader asks for what has changed since it last looked and gets the
state of now, however much happened in between: a slow page misses steps, never the end.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from time import monotonic, perf_counter
from typing import Any

from makespan.instances.gantt import chart_data
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule

KEPT_RUNS = 300
"""The newest runs stay in memory and in the page; older ones count in the scores only."""

MOST_TASKS = 100_000
"""Larger schedules get no live chart: one takes seconds to make and to draw."""

_MOST_CRITICAL = 5_000  # tasks; the live chart of a larger schedule shows no slack
_MOST_POINTS = 2_000  # of a trace that the page draws

Trace = list[tuple[float, int | None, int | None]]


@dataclass
class _Run:
    """A run: ``facts`` is what the table of the page shows, ``changed`` the version in which it last did."""

    key: Hashable
    number: int
    instance: Instance | None
    facts: dict[str, Any]
    trace: Trace = field(default_factory=list)
    schedule: Schedule | None = None
    chart: int = 0  # how often schedule or bound have changed
    began: float | None = None  # when its clock started, None before
    finished: bool = False
    changed: int = 0

    def tell(self, facts: dict[str, Any], schedule: Schedule | None) -> None:
        """Take over what is new; whatever the chart shows makes another chart."""
        bound = self.facts.get("lower_bound")
        self.facts |= facts
        if schedule is not None and schedule != self.schedule:
            self.schedule, self.chart = schedule, self.chart + 1
        elif self.schedule is not None and bound != self.facts.get("lower_bound"):
            self.chart += 1

    def row(self) -> dict[str, Any]:
        """What the page is told; the time of a run that goes on is that of now."""
        facts = dict(self.facts)
        if self.began is not None and not self.finished:
            facts["seconds"] = round(perf_counter() - self.began, 3)
        return {"id": self.number, "chart": self.chart, "finished": self.finished, **facts}


@dataclass
class _Score:
    """The finished runs of a solver on a set under a budget; ``gaps`` are to the best known values."""

    runs: int = 0
    solved: int = 0
    optimal: int = 0
    gaps: int = 0
    gap: float = 0.0
    seconds: float = 0.0


class Board:
    """Runs by key, shared between threads.

    Parameters
    ----------
    title
        Heading of the page.
    total
        How many runs there will be.

    ``before`` is how many of the finished runs were played earlier: the forecast leaves them out.
    """

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total = title, total
        self.finished = self.before = 0
        self._news = threading.Condition()
        self._version = 1
        self._runs: dict[Hashable, _Run] = {}  # in the order of their last change, so that news are at its end
        self._by_number: dict[int, _Run] = {}
        self._count = 0
        self._scores: dict[tuple[str, str, str], _Score] = {}
        self._started = perf_counter()
        self._ended: str | None = None

    # -- writing ----------------------------------------------------------------------------------

    def begin(self, key: Hashable, instance: Instance | None, /, **facts: Any) -> None:
        """A run begins: ``facts`` are ``instance, set, solver, seed, budget, best_known``; more may follow."""
        with self._news:
            run = _Run(key, self._count, instance, {"status": "running", **facts})
            self._count += 1
            self._runs[key] = self._by_number[run.number] = run
            self._drop_oldest()
            self._changed(key)

    def update(
        self, key: Hashable, seconds: float, /, *, schedule: Schedule | None = None, traced: bool = False, **facts: Any
    ) -> None:
        """Facts of a run have changed, ``seconds`` after its clock started (0 before that).

        With ``traced`` its objective or bound has, which adds a point to the trace.
        """
        with self._news:
            run = self._runs.get(key)
            if run is None:  # one of the oldest, no longer shown
                return
            run.tell(facts, schedule)
            if seconds > 0.0:
                run.began = perf_counter() - seconds
            if traced:
                run.trace.append((seconds, run.facts.get("objective"), run.facts.get("lower_bound")))
            self._changed(key)

    def finish(self, key: Hashable, /, *, trace: Trace, schedule: Schedule | None, **facts: Any) -> None:
        """A run is over: its last facts, whole trace and schedule. ``gap`` among them counts in the scores."""
        with self._news:
            self.finished += 1
            run = self._runs.get(key) or _Run(key, -1, None, {})
            run.tell(facts, schedule)
            run.finished = True
            run.trace = trace
            self._score(run.facts)
            self._changed(key if run.number >= 0 else None)

    def end(self, reason: str = "finished") -> None:
        """Nothing more will come; the page says why. Later calls change nothing."""
        with self._news:
            self._ended = self._ended or reason
            self._changed(None)

    def _changed(self, key: Hashable | None) -> None:
        self._version += 1
        if key is not None:
            run = self._runs.pop(key)
            run.changed = self._version
            self._runs[key] = run
        self._news.notify_all()

    def _drop_oldest(self) -> None:
        while len(self._runs) > KEPT_RUNS:
            by_age = self._by_number.values()
            oldest = next((run for run in by_age if run.finished), next(iter(by_age)))
            del self._by_number[oldest.number], self._runs[oldest.key]

    def _score(self, facts: dict[str, Any]) -> None:
        group = (facts.get("set") or "", facts.get("budget") or "", facts.get("solver") or "")
        score = self._scores.setdefault(group, _Score())
        score.runs += 1
        score.solved += facts.get("objective") is not None
        score.optimal += facts.get("status") == "optimal"
        score.seconds += facts.get("seconds") or 0.0
        if facts.get("gap") is not None:
            score.gaps += 1
            score.gap += facts["gap"]

    # -- reading ----------------------------------------------------------------------------------

    def news(self, since: int, patience: float) -> dict[str, Any] | None:
        """What has changed after version ``since``, waiting up to ``patience`` seconds; None if nothing has.

        The rows are those of the runs that changed, oldest change first; everything else is there always.
        """
        until = monotonic() + patience
        with self._news:
            while self._version <= since:
                if not self._news.wait(until - monotonic()):
                    return None
            rows: list[dict[str, Any]] = []
            for run in reversed(self._runs.values()):
                if run.changed <= since:
                    break
                rows.append(run.row())
            return {
                "version": self._version,
                "title": self.title,
                "total": self.total,
                "finished": self.finished,
                "left": self._seconds_left(),
                "oldest": next(iter(self._by_number), 0),
                "scores": self._scored(),
                "rows": rows[::-1],
                "ended": self._ended,
            }

    def _seconds_left(self) -> float | None:
        """As long as the runs so far took for each, None before the first."""
        done, left = self.finished - self.before, self.total - self.finished
        return round((perf_counter() - self._started) / done * left, 1) if done > 0 and left > 0 else None

    def _scored(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for (name, budget, solver), score in sorted(self._scores.items()):
            gap = score.gap / score.gaps if score.gaps else None
            row = {"set": name, "budget": budget, "solver": solver, "mean_gap": gap}
            row |= {"runs": score.runs, "solved": score.solved, "optimal": score.optimal}
            rows.append(row | {"mean_seconds": score.seconds / score.runs})
        return rows

    def detail(self, number: int, chart: int = 0) -> dict[str, Any] | None:
        """Trace and chart of a run, None if it is none of the newest.

        The chart is left out if the reader has version ``chart`` already, and if the schedule is too large. It is made
        here, in the reader's thread: without a reader nobody pays for it.
        """
        with self._news:
            run = self._by_number.get(number)
            if run is None:
                return None
            facts, trace, schedule, version = dict(run.facts), list(run.trace), run.schedule, run.chart
        found: dict[str, Any] = {"id": number, "chart": version, "trace": _thinned(trace)}
        instance = run.instance
        if schedule is None or instance is None or version == chart:
            return found
        if instance.num_tasks > MOST_TASKS:
            return found | {
                "refused": f"{instance.num_tasks:,} tasks are too many for a live chart; --gantt draws them"
            }
        found["data"] = chart_data(
            instance,
            schedule,
            lower_bound=facts.get("lower_bound"),
            solver=facts.get("solver"),
            critical=instance.num_tasks <= _MOST_CRITICAL,
        )
        return found


def _thinned(trace: Trace) -> Trace:
    """At most so many points, the last one among them."""
    step = -(-len(trace) // _MOST_POINTS) or 1
    return trace[::-1][::step][::-1]
