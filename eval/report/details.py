"""What the page shows of one instance: its runs, the best trace and schedule of each contender, packed.

A block is JSON compressed with zlib, in base64, which a browser unpacks when the instance is opened. The charts of an
instance share most of their data, so each but the first holds only what differs.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from makespan.eval.results import Played, Results
from makespan.instances.gantt import chart_data
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.instances.sets import load, set_names

MOST_TASKS = 200_000
"""A larger instance gets no chart; ``makespan plot`` draws it on a page of its own."""

_SLACK_CHARTS = 1_000  # beyond, charts go without slack, which takes most of the time to make one
_SLACK_TASKS = 20_000
_POINTS = 160  # of a trace
_LEVEL = 4  # of zlib: a third of the time of level 6 for a page 5 % larger


@dataclass(frozen=True)
class Block:
    """The packed details of the instance at a position; ``charts`` is how many Gantt charts are in it."""

    instance: int
    text: str
    charts: int


def blocks(results: Results, own: Mapping[str, Instance], charts: bool = True) -> Iterator[Block]:
    """The details of every instance, in order. ``own`` holds instances that do not come along, by digest."""
    best = best_runs(results)
    slack = charts and sum(map(len, best)) <= _SLACK_CHARTS
    order = np.lexsort((results.seed, results.contender, results.instance))
    ends = np.searchsorted(results.instance[order], np.arange(len(results.instances) + 1))
    chosen = [run for runs in best for run in runs]
    traces = results.values("trace", chosen)
    starts, modes = results.values("start", chosen), results.values("mode", chosen)
    for i, played in enumerate(results.instances):
        details: dict[str, Any] = {
            "runs": [_row(results, r) for r in order[ends[i] : ends[i + 1]].tolist()],
            "traces": [(int(results.contender[r]), _thinned(next(traces))) for r in best[i]],
        }
        schedules = [(r, next(starts), next(modes)) for r in best[i]]
        if charts and schedules:
            details |= _charts(results, played, schedules, own, slack)
        packed = zlib.compress(json.dumps(details, separators=(",", ":")).encode(), _LEVEL)
        yield Block(i, base64.b64encode(packed).decode(), len(details.get("charts", ())))


def best_runs(results: Results) -> list[list[int]]:
    """Per instance the best run of each contender that found a schedule: smallest objective, then least time."""
    with_schedule = np.flatnonzero(~np.isnan(results.objective))
    keys = (results.seconds, results.objective, results.contender, results.instance)
    order = with_schedule[np.lexsort([key[with_schedule] for key in keys])]
    found: list[list[int]] = [[] for _ in results.instances]
    last = (-1, -1)
    for r in order.tolist():
        pair = int(results.instance[r]), int(results.contender[r])
        if pair != last:
            found[pair[0]].append(r)
        last = pair
    return found


def _row(results: Results, r: int) -> list[Any]:
    objective, bound = (None if np.isnan(v[r]) else int(v[r]) for v in (results.objective, results.lower_bound))
    seconds = round(float(results.seconds[r]), 3)
    return [int(results.contender[r]), int(results.seed[r]), results.status[r], objective, bound, seconds]


def _thinned(trace: list[Any]) -> list[Any]:
    """At most ``_POINTS`` points, the first and the last among them, seconds to the millisecond."""
    if len(trace) > _POINTS:
        trace = [trace[k] for k in np.linspace(0, len(trace) - 1, _POINTS).round().astype(int).tolist()]
    return [[round(seconds, 3), *rest] for seconds, *rest in trace]


def _charts(
    results: Results, played: Played, schedules: list[Any], own: Mapping[str, Instance], slack: bool
) -> dict[str, Any]:
    """``base`` and ``charts`` for the page, or ``why`` there are none."""
    instance = _instance(played, own)
    if instance is None:
        return {"why": "The instance is not at hand: name its file with --instances to draw its schedules."}
    if instance.num_tasks > MOST_TASKS:
        return {
            "why": f"{instance.num_tasks:,} tasks are more than this page draws: makespan plot makes a page of its own."
        }
    base: dict[str, Any] = {}
    charts = []
    for r, start, mode in schedules:
        if start is None:
            continue
        label = results.labels[results.contender[r]]
        data = chart_data(
            instance,
            Schedule(start, mode),
            title=f"{played.name} · {label}",
            lower_bound=None if np.isnan(results.lower_bound[r]) else int(results.lower_bound[r]),
            critical=slack and instance.num_tasks <= _SLACK_TASKS,
        )
        base = base or data
        changed = {key: value for key, value in data.items() if base.get(key, ...) != value}
        changed |= {key: None for key in base if key not in data}
        charts.append((int(results.contender[r]), int(results.seed[r]), changed))
    if not charts:
        return {"why": "The runs were stored without their schedules."}
    return {"base": base, "charts": charts}


def _instance(played: Played, own: Mapping[str, Instance]) -> Instance | None:
    """The instance that was played, told by its hash; None if it is not at hand."""
    if played.digest in own:
        return own[played.digest]
    if played.instance_set not in set_names():
        return None
    found = load(played.name)
    return found if found.digest == played.digest else None
