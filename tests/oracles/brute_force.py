"""Exhaustive search over modes and integer starts, for tiny instances.

What is a schedule is decided by ``grid_check`` alone; the search only skips what cannot be one or cannot be better.
All objectives are regular (they never fall when a task ends later), which bounds partial schedules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from math import lcm

import numpy as np

from makespan.instances.instance import HORIZON_LIMIT, Instance
from makespan.instances.schedule import Schedule
from tests.oracles.grid_checker import demands, following, grid_check, profile_at, running_ticks, travel

Objective = tuple[int, ...]


def brute_force(instance: Instance, horizon: int | None = None) -> Objective | None:
    """The least objective, in the order of ``instance.objective``; None if there is no schedule.

    Exact among schedules that end by ``horizon``; the default of ``safe_horizon`` loses none of the best ones.
    Exponential; median a few milliseconds for up to five tasks.
    """
    found = best_schedule(instance, horizon)
    return None if found is None else objective(instance, found)


def best_schedule(instance: Instance, horizon: int | None = None) -> Schedule | None:
    """A schedule with the least objective, or None."""
    end = safe_horizon(instance) if horizon is None else horizon
    ptr = [int(p) for p in instance.mode_ptr]
    choices = [range(ptr[i], ptr[i + 1]) for i in range(instance.num_tasks)]
    if instance.fixed_mode is not None:
        choices = [c if f < 0 else range(c[f], c[f] + 1) for c, f in zip(choices, instance.fixed_mode, strict=True)]
    best = _Best()
    for mode in sorted(product(*choices), key=lambda mode: sum(int(instance.duration[m]) for m in mode)):
        if _affordable(instance, mode):
            _Search(instance, list(mode), end, best).run()
    return best.schedule


def safe_horizon(instance: Instance) -> int:
    """A time by which some best schedule ends, if there is any schedule.

    After the last date that is not periodic, a stretch of time in which nothing runs and no lag, transport or setup
    is being waited for can be cut out: by one step where nothing is periodic, else by the common period.
    """
    longest = [
        int(instance.duration[instance.mode_ptr[i] : instance.mode_ptr[i + 1]].max()) for i in range(instance.num_tasks)
    ]
    dates = [instance.now]
    for values in (instance.release, instance.job_release, instance.fixed_start):
        if values is not None:
            dates.append(int(values.max(initial=0)))
    waits = [max(0, int(lag)) for lag in instance.arc_lag]
    if instance.transport is not None:
        waits.append(len(waits) * int(instance.transport.max()))
    if instance.setup is not None:
        waits.append(instance.num_tasks * int(instance.setup.time.max()))
    total = sum(longest) + sum(waits)
    step = 1
    if instance.calendar is not None:
        step = lcm(*(int(p) for p in instance.calendar.period if p > 0))
        dates.append(int(instance.calendar.time.max()))
        if instance.pause is not None:
            total += sum(d for d, pause in zip(longest, instance.pause, strict=True) if pause) * step
    return max(dates) + total + (instance.num_tasks + instance.num_arcs + 1) * step


def objective(instance: Instance, schedule: Schedule) -> Objective:
    """The objective values of a complete schedule, by the words of ``instance.OBJECTIVES``."""
    mode = [int(instance.mode_ptr[i] + m) for i, m in enumerate(schedule.mode)]
    end = []
    for i, start in enumerate(schedule.start.tolist()):
        ticks = running_ticks(instance, i, mode[i], start)
        assert ticks is not None
        end.append(ticks[-1] + 1 if ticks else start)
    return _values(instance, end)


def _values(instance: Instance, end: list[int]) -> Objective:
    job_end = [0] * instance.num_jobs
    alone = list(range(len(end)))
    if instance.job is not None:
        for i, j in enumerate(instance.job.tolist()):
            if j >= 0:
                job_end[j] = max(job_end[j], end[i])
        alone = [i for i, j in enumerate(instance.job) if j < 0]
    late: list[tuple[int, int]] = []  # lateness, weight
    for ends, due, weight in (
        (end, instance.due, instance.weight),
        (job_end, instance.job_due, instance.job_weight),
    ):
        for i, done in enumerate(ends):
            if due is not None and due[i] < HORIZON_LIMIT:
                late.append((done - int(due[i]), 1 if weight is None else int(weight[i])))
    used = set() if instance.job is None else {int(j) for j in instance.job if j >= 0}
    values = {
        "makespan": lambda: max(end, default=0),
        "total_tardiness": lambda: sum(max(0, lateness) for lateness, _ in late),
        "weighted_tardiness": lambda: sum(max(0, lateness) * weight for lateness, weight in late),
        "max_lateness": lambda: max(lateness for lateness, _ in late),
        "flow_time": lambda: (
            sum(job_end[j] - (0 if instance.job_release is None else int(instance.job_release[j])) for j in used)
            + sum(end[i] - (0 if instance.release is None else int(instance.release[i])) for i in alone)
        ),
    }
    return tuple(values[name]() for name in instance.objective)


def _affordable(instance: Instance, mode: tuple[int, ...]) -> bool:
    """Whether the modes keep the nonrenewable capacities and no demand exceeds its own renewable capacity."""
    used = np.zeros(instance.num_resources, np.int64)
    for m in mode:
        for i in range(instance.demand_ptr[m], instance.demand_ptr[m + 1]):
            k, amount = instance.demand_resource[i], instance.demand_amount[i]
            if instance.renewable[k] and amount > instance.capacity[k] and instance.duration[m]:
                return False
            used[k] += amount
    return bool((instance.renewable | (used <= instance.capacity)).all())


@dataclass
class _Best:
    value: Objective | None = None
    schedule: Schedule | None = None


@dataclass(frozen=True)
class _Place:
    """A start that a task could have by itself, with its end and the steps in which it runs."""

    start: int
    end: int
    ticks: list[int]


@dataclass
class _Search:
    """Depth first over starts, for fixed modes; always the task with the fewest starts left."""

    instance: Instance
    mode: list[int]
    horizon: int
    best: _Best
    need: list[dict[int, int]] = field(init=False)
    gap: list[list[float]] = field(init=False)
    places: list[list[_Place]] = field(init=False)
    room: list[list[int]] = field(init=False)
    running: list[list[int]] = field(init=False)
    held: list[list[int]] = field(init=False)
    next_task: list[tuple[int, int] | None] = field(init=False)
    arcs: list[tuple[int, int, str, int]] = field(init=False)  # pred, succ, kind, lag with transport

    def __post_init__(self) -> None:
        instance = self.instance
        self.need = [demands(instance, m) for m in self.mode]
        self.room = [[profile_at(instance, k, t) for t in range(self.horizon)] for k in range(instance.num_resources)]
        self.running = [[0] * self.horizon for _ in range(instance.num_resources)]
        self.held = [[0] * self.horizon for _ in range(instance.num_resources)]
        self.next_task = [following(instance, i) if instance.blocking else None for i in range(instance.num_tasks)]
        self.places = [self.places_of(i) for i in range(instance.num_tasks)]
        self.arcs = [
            (
                int(instance.arc_pred[arc]),
                int(instance.arc_succ[arc]),
                ("SS", "SE", "ES", "EE")[instance.arc_kind[arc]],
                int(instance.arc_lag[arc]) + travel(instance, arc, self.mode),
            )
            for arc in range(instance.num_arcs)
        ]
        self.gap = self.least_gaps()

    def run(self) -> None:
        n = self.instance.num_tasks
        if all(self.places) and all(self.gap[i][i] <= 0 for i in range(n)):
            low: list[float] = [self.places[i][0].start for i in range(n)]
            high: list[float] = [self.places[i][-1].start for i in range(n)]
            for i in range(n):
                low = [max(low[j], low[i] + self.gap[i][j]) for j in range(n)]
                high = [min(high[j], high[i] - self.gap[j][i]) for j in range(n)]
            self.extend({}, low, high)

    def places_of(self, task: int) -> list[_Place]:
        """Starts that keep the task's own dates and its calendars."""
        instance, mode = self.instance, self.mode[task]
        first, last = instance.now, HORIZON_LIMIT
        starts = range(self.horizon + 1)
        if instance.fixed_start is not None and instance.fixed_start[task] >= 0:
            first = int(instance.fixed_start[task])
            starts = range(first, first + 1)
        if instance.release is not None:
            first = max(first, int(instance.release[task]))
        if instance.deadline is not None:
            last = int(instance.deadline[task])
        if instance.job is not None and (job := int(instance.job[task])) >= 0:
            if instance.job_release is not None:
                first = max(first, int(instance.job_release[job]))
            if instance.job_deadline is not None:
                last = min(last, int(instance.job_deadline[job]))
        places = []
        for start in starts:
            ticks = running_ticks(instance, task, mode, start) if start >= first else None
            if ticks is None:
                continue
            end = ticks[-1] + 1 if ticks else start
            if end > min(last, self.horizon):
                break
            if all(self.room[k][t] >= amount for k, amount in self.need[task].items() for t in ticks):
                places.append(_Place(start, end, ticks))
        return places

    def least_gaps(self) -> list[list[float]]:
        """gap[i][j]: start(j) - start(i) is at least that, by the arcs; longest paths."""
        instance, n = self.instance, self.instance.num_tasks
        duration = [int(instance.duration[m]) for m in self.mode]
        stretches = [instance.pause is not None and instance.pause[i] > 0 for i in range(n)]
        gap = [[0.0 if i == j else -np.inf for j in range(n)] for i in range(n)]
        for i, j, kind, lag in self.arcs:
            if kind[1] == "S" or not stretches[j]:
                least = lag + (duration[i] if kind[0] == "E" else 0) - (duration[j] if kind[1] == "E" else 0)
                gap[i][j] = max(gap[i][j], least)
            within = instance.job is not None and instance.job[i] == instance.job[j] >= 0
            if instance.no_wait and kind == "ES" and within and not stretches[i]:
                gap[j][i] = max(gap[j][i], -lag - duration[i])
        for k in range(n):
            for i in range(n):
                for j in range(n):
                    gap[i][j] = max(gap[i][j], gap[i][k] + gap[k][j])
        return gap

    def extend(self, placed: dict[int, _Place], low: list[float], high: list[float]) -> None:
        n = self.instance.num_tasks
        if len(placed) == n:
            found = Schedule(
                [placed[i].start for i in range(n)],
                [self.mode[i] - int(self.instance.mode_ptr[i]) for i in range(n)],
            )
            if grid_check(self.instance, found):
                self.best.value, self.best.schedule = objective(self.instance, found), found
            return
        options = {
            i: [place for place in self.places[i] if low[i] <= place.start <= high[i]]
            for i in range(n)
            if i not in placed
        }
        for i, j, kind, lag in self.arcs:  # in the order of the tasks, so that a chain is followed in one go
            ends = placed[i].end if i in placed else min((place.end for place in options[i]), default=0)
            if kind == "ES" and j in placed and placed[j].start < ends + lag:
                return
            if kind == "ES" and j in options:
                options[j] = [place for place in options[j] if place.start >= ends + lag]
        if not all(options.values()):
            return
        least = [placed[i].end if i in placed else min(place.end for place in options[i]) for i in range(n)]
        task = min(options, key=lambda i: (len(options[i]), low[i]))
        for place in options[task]:
            least[task] = max(least[task], place.end)
            if self.best.value is not None and _values(self.instance, least) >= self.best.value:
                break
            now_placed = {**placed, task: place}
            if not self.arcs_hold(now_placed, task) or not self.set_up(now_placed):
                continue
            blocked = self.blocked(now_placed, task)
            self.use(task, place.ticks, blocked, 1)
            if self.fits(task, place.ticks, blocked):
                start, gap = place.start, self.gap
                later = [max(low[j], start + gap[task][j]) for j in range(n)]
                for i, j, kind, lag in self.arcs:  # a pause may have delayed the end
                    if i == task and kind == "ES":
                        later = [max(later[x], place.end + lag + gap[j][x]) for x in range(n)]
                self.extend(now_placed, later, [min(high[j], start - gap[j][task]) for j in range(n)])
            self.use(task, place.ticks, blocked, -1)

    def arcs_hold(self, placed: dict[int, _Place], task: int) -> bool:
        """Arcs between placed tasks, as far as ``task`` is one of them."""
        for i, j, kind, lag in self.arcs:
            if task in (i, j) and i in placed and j in placed:
                source = placed[i].start if kind[0] == "S" else placed[i].end
                target = placed[j].start if kind[1] == "S" else placed[j].end
                if target < source + lag:
                    return False
        return True

    def blocked(self, placed: dict[int, _Place], task: int) -> list[tuple[int, range]]:
        """Tasks that block their resources because of ``task``, as far as both ends are placed, and when."""
        found = []
        for i in placed:
            chained = self.next_task[i]
            if chained is not None and task in (i, chained[1]):
                found.append((i, range(placed[i].end, self.leave(placed, i))))
        return found

    def leave(self, placed: dict[int, _Place], task: int) -> int:
        """When a placed task stops occupying its resources, at the earliest."""
        chained = self.next_task[task]
        if chained is None or chained[1] not in placed:
            return placed[task].end
        return max(placed[task].end, placed[chained[1]].start - travel(self.instance, chained[0], self.mode))

    def use(self, task: int, ticks: list[int], blocked: list[tuple[int, range]], sign: int) -> None:
        for k, amount in self.need[task].items():
            for t in ticks:
                self.running[k][t] += sign * amount
                self.held[k][t] += sign * amount
        for i, during in blocked:
            for k, amount in self.need[i].items():
                for t in during:
                    self.held[k][t] += sign * amount

    def fits(self, task: int, ticks: list[int], blocked: list[tuple[int, range]]) -> bool:
        """Necessary for capacities, where ``task`` has just been placed."""
        if any(self.running[k][t] > self.room[k][t] for k in self.need[task] for t in ticks):
            return False
        times = [(k, t) for k in self.need[task] for t in ticks]
        times += [(k, t) for i, during in blocked for k in self.need[i] for t in during]
        return all(self.held[k][t] <= self.instance.capacity[k] for k, t in times)

    def set_up(self, placed: dict[int, _Place]) -> bool:
        """Necessary for setups: neighbours without room for an open task in between leave time to set up."""
        setup = self.instance.setup
        if setup is None:
            return True
        family = [int(setup.family[m]) for m in self.mode]
        open_tasks = [i for i in range(self.instance.num_tasks) if i not in placed]
        for k in range(self.instance.num_resources):
            if self.instance.capacity[k] != 1:
                continue
            before, free = int(setup.initial[k]), 0
            still = [int(self.instance.duration[self.mode[i]]) for i in open_tasks if k in self.need[i]]
            shortest = min((d for d in still if d > 0 or self.instance.blocking), default=None)
            users = (i for i in placed if k in self.need[i] and placed[i].ticks)
            for i in sorted(users, key=lambda i: placed[i].start):
                wait = placed[i].start - free
                late = before >= 0 and family[i] >= 0 and wait < setup.time[before, family[i]]
                if late and (shortest is None or wait < max(1, shortest)):
                    return False
                before, free = family[i], self.leave(placed, i)
        return True
