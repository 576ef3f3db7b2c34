"""Small shops and scenarios to play them in, and what tests ask of the result."""

from __future__ import annotations

from typing import Any

import numpy as np

from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.rows import draw
from makespan.instances.instance import Instance, IntArray

SCENARIOS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "breakdowns": {"breakdown": 0.3},
    "interruptions": {"breakdown": 0.3, "interrupt": True},
    "failures": {"up_time": 12.0, "repair": 4},
    "failures at once": {"up_time": 12.0, "repair": 4, "interrupt": True},
    "other durations": {"duration_spread": 1.0},
    "arrivals": {"utilisation": 0.9, "due_tightness": 1.5},
    "templates": {"jobs": "templates", "num_jobs": 9, "interarrival": 5, "initial_jobs": 3},
    "random routes": {"jobs": "uniform", "num_jobs": 7, "utilisation": 0.8},
    "blocking": {"blocking": True},
    "no swaps": {"blocking": True, "swap": False},
    "all": {"blocking": True, "breakdown": 0.2, "interrupt": True, "duration_spread": 0.5, "utilisation": 1.0},
    "all else": {"blocking": True, "swap": False, "up_time": 15, "repair": 3, "duration_spread": 1, "utilisation": 0.7},
    "all the time": {"blocking": True, "interrupt": True, "up_time": 9, "repair": 3, "jobs": "uniform", "num_jobs": 5},
}


def shops(number: int) -> list[Instance]:
    """Small shops with short durations, some of them 0, some jobs returning to a machine, some with dates."""
    random, found = np.random.default_rng(number), list[Instance]()
    for i in range(number):
        jobs, machines = int(random.integers(2, 6)), int(random.integers(2, 5))
        lengths = random.integers(1, machines + 2, jobs)
        route = [random.integers(0, machines, length) if i % 3 else random.permutation(machines) for length in lengths]
        dates: dict[str, Any] = {}
        if i % 2:
            release = random.integers(0, 12, jobs)
            dates = {"job_release": release, "job_due": release + 20, "job_weight": random.integers(1, 4, jobs)}
        times = [random.integers(0, 8, len(own)) for own in route]
        found.append(Instance.job_shop(route, times, machines, **dates))
    return found


SHOPS = shops(12)


def play(batch: DynamicBatch, random: np.random.Generator) -> IntArray:
    """Random legal actions until every row is over: shape (rows, steps), -1 where a row was over."""
    actions = []
    while not batch.is_over.all():
        action = draw(random, batch.count)
        actions.append(np.where(batch.is_over, -1, action))
        batch.step(action)
    return np.stack(actions, axis=1) if actions else np.zeros((batch.num_rows, 0), np.int64)


def breaks_of(batch: DynamicBatch, row: int) -> list[list[int]]:
    """How long each machine was down, each time."""
    calendar = batch.partial(row)[0].calendar
    assert calendar is not None
    parts = [slice(a, b) for a, b in zip(calendar.ptr[:-1], calendar.ptr[1:], strict=True)]
    return [np.diff(calendar.time[part])[calendar.capacity[part][:-1] == 0].tolist() for part in parts]
