"""A second checker that walks through time step by step, in plain Python, shared with nothing.

It follows the module docstring of ``makespan.instances.instance`` sentence by sentence and is meant for tiny schedules.
"""

from __future__ import annotations

from itertools import pairwise, permutations

from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule

GIVE_UP = 2000
"""Steps after which a paused task counts as one that never ends."""

Ticks = list[int]


def grid_check(instance: Instance, schedule: Schedule) -> bool:
    """Whether the schedule keeps every rule."""
    start, choice = [int(s) for s in schedule.start], [int(m) for m in schedule.mode]
    n = instance.num_tasks
    if len(start) != n or len(choice) != n or any(s < 0 for s in start):
        return False
    if any(not 0 <= choice[i] < instance.mode_ptr[i + 1] - instance.mode_ptr[i] for i in range(n)):
        return False
    mode = [int(instance.mode_ptr[i]) + choice[i] for i in range(n)]
    runs = [running_ticks(instance, i, mode[i], start[i]) for i in range(n)]
    ticks = [run for run in runs if run is not None]
    if len(ticks) < n:
        return False
    end = [ticks[i][-1] + 1 if ticks[i] else start[i] for i in range(n)]
    return (
        _dates(instance, start, end, choice)
        and _arcs(instance, start, end, mode)
        and _nonrenewable(instance, mode)
        and _running(instance, mode, ticks)
        and _occupied(instance, mode, start, end, ticks)
        and _permutation(instance, start)
    )


def profile_at(instance: Instance, resource: int, time: int) -> int:
    """Capacity of a renewable resource in the step from ``time`` to ``time + 1``."""
    calendar = instance.calendar
    if calendar is None or calendar.ptr[resource] == calendar.ptr[resource + 1]:
        return int(instance.capacity[resource])
    if calendar.period[resource] > 0:
        time %= int(calendar.period[resource])
    value = 0
    for i in range(calendar.ptr[resource], calendar.ptr[resource + 1]):
        if calendar.time[i] <= time:
            value = int(calendar.capacity[i])
    return value


def demands(instance: Instance, mode: int) -> dict[int, int]:
    """Renewable demands of a mode."""
    pairs = range(instance.demand_ptr[mode], instance.demand_ptr[mode + 1])
    found = {int(instance.demand_resource[i]): int(instance.demand_amount[i]) for i in pairs}
    return {k: amount for k, amount in found.items() if instance.renewable[k]}


def running_ticks(instance: Instance, task: int, mode: int, start: int) -> Ticks | None:
    """The steps in which a task runs; None if it starts in a break or never ends."""
    duration = int(instance.duration[mode])
    if duration == 0 or instance.pause is None or instance.pause[task] == 0:
        return list(range(start, start + duration))
    need = demands(instance, mode)
    ticks: Ticks = []
    for time in range(start, start + GIVE_UP):
        if all(profile_at(instance, k, time) >= amount for k, amount in need.items()):
            ticks.append(time)
        elif time == start:
            return None
        if len(ticks) == duration:
            return ticks
    return None


def travel(instance: Instance, arc: int, mode: list[int]) -> int:
    """Transport time on an arc; 0 unless it is ES within a job and both modes have a machine."""
    pred, succ = int(instance.arc_pred[arc]), int(instance.arc_succ[arc])
    if instance.transport is None or instance.job is None or instance.arc_kind[arc] != 2:
        return 0
    if instance.job[pred] != instance.job[succ] or instance.job[pred] < 0:
        return 0
    origin, target = demands(instance, mode[pred]), demands(instance, mode[succ])
    return int(instance.transport[min(origin), min(target)]) if origin and target else 0


def _dates(instance: Instance, start: list[int], end: list[int], choice: list[int]) -> bool:
    job = [-1] * len(start) if instance.job is None else [int(j) for j in instance.job]
    for i in range(len(start)):
        fixed = -1 if instance.fixed_start is None else int(instance.fixed_start[i])
        if (fixed >= 0 and start[i] != fixed) or (fixed < 0 and start[i] < instance.now):
            return False
        if instance.fixed_mode is not None and instance.fixed_mode[i] not in (-1, choice[i]):
            return False
        if instance.release is not None and start[i] < instance.release[i]:
            return False
        if instance.deadline is not None and end[i] > instance.deadline[i]:
            return False
        if job[i] >= 0 and instance.job_release is not None and start[i] < instance.job_release[job[i]]:
            return False
        if job[i] >= 0 and instance.job_deadline is not None and end[i] > instance.job_deadline[job[i]]:
            return False
    return True


def _arcs(instance: Instance, start: list[int], end: list[int], mode: list[int]) -> bool:
    for arc in range(instance.num_arcs):
        pred, succ = int(instance.arc_pred[arc]), int(instance.arc_succ[arc])
        lag = int(instance.arc_lag[arc]) + travel(instance, arc, mode)
        kind = ("SS", "SE", "ES", "EE")[instance.arc_kind[arc]]
        source = start[pred] if kind[0] == "S" else end[pred]
        target = start[succ] if kind[1] == "S" else end[succ]
        if target < source + lag:
            return False
        within = instance.job is not None and instance.job[pred] == instance.job[succ] >= 0
        if instance.no_wait and kind == "ES" and within and target != source + lag:
            return False
    return True


def _nonrenewable(instance: Instance, mode: list[int]) -> bool:
    used = [0] * instance.num_resources
    for m in mode:
        for i in range(instance.demand_ptr[m], instance.demand_ptr[m + 1]):
            used[instance.demand_resource[i]] += int(instance.demand_amount[i])
    return all(instance.renewable[k] or used[k] <= instance.capacity[k] for k in range(instance.num_resources))


def _running(instance: Instance, mode: list[int], ticks: list[Ticks]) -> bool:
    usage: dict[tuple[int, int], int] = {}
    for m, run in zip(mode, ticks, strict=True):
        for k, amount in demands(instance, m).items():
            for time in run:
                usage[k, time] = usage.get((k, time), 0) + amount
    return all(used <= profile_at(instance, k, time) for (k, time), used in usage.items())


def following(instance: Instance, task: int) -> tuple[int, int] | None:
    """Arc and task of the next operation of the job."""
    if instance.job is None:
        return None
    for arc in range(instance.arc_ptr[task], instance.arc_ptr[task + 1]):
        succ = int(instance.arc_succ[arc])
        if instance.arc_kind[arc] == 2 and instance.job[succ] == instance.job[task] >= 0:
            return arc, succ
    return None


def _occupied(instance: Instance, mode: list[int], start: list[int], end: list[int], ticks: list[Ticks]) -> bool:
    """Nominal capacities, setups and exchanges, all on the steps in which tasks occupy."""
    n = len(start)
    leave = list(end)
    moves: dict[int, list[tuple[int, int]]] = {}  # instant -> (task left, task entered)
    for i in range(n):
        chained = following(instance, i) if instance.blocking else None
        if chained is not None:
            arc, succ = chained
            way = travel(instance, arc, mode)
            leave[i] = max(end[i], start[succ] - way)
            if way == 0 and leave[i] == start[succ]:
                moves.setdefault(start[succ], []).append((i, succ))
    holds: list[dict[int, set[int]]] = []  # task -> resource -> steps
    for i in range(n):
        whole = set(range(start[i], leave[i]))
        released = set(ticks[i]) | set(range(end[i], leave[i]))
        on: dict[int, set[int]] = {}
        for k in demands(instance, mode[i]):
            keeps = instance.setup is not None and instance.capacity[k] == 1
            lets_go = instance.pause is not None and instance.pause[i] == 1 and not keeps
            on[k] = released if lets_go else whole
        holds.append(on)
    for time in range(max(leave, default=0)):
        for k in range(instance.num_resources):
            used = sum(demands(instance, mode[i])[k] for i in range(n) if time in holds[i].get(k, ()))
            if instance.renewable[k] and used > instance.capacity[k]:
                return False
    return _setups(instance, mode, start, leave, holds) and (
        instance.swap_allowed or all(_movable(instance, mode, holds, t, group) for t, group in moves.items())
    )


def _setups(
    instance: Instance, mode: list[int], start: list[int], leave: list[int], holds: list[dict[int, set[int]]]
) -> bool:
    setup = instance.setup
    if setup is None:
        return True
    for k in range(instance.num_resources):
        if not instance.renewable[k] or instance.capacity[k] != 1:
            continue
        sequence = sorted((i for i in range(len(start)) if holds[i].get(k)), key=lambda i: start[i])
        family = [int(setup.family[mode[i]]) for i in sequence]
        free = [0] + [leave[i] for i in sequence]
        before = [int(setup.initial[k]), *family]
        for i, task in enumerate(sequence):
            needs = before[i] >= 0 and family[i] >= 0
            if needs and 0 < setup.time[before[i], family[i]] > start[task] - free[i]:
                return False
    return True


def _movable(
    instance: Instance, mode: list[int], holds: list[dict[int, set[int]]], time: int, group: list[tuple[int, int]]
) -> bool:
    """Whether the moves of one instant can be made one after another, in any of their orders."""
    group = [(i, j) for i, j in group if any(holds[i].values()) and any(holds[j].values())]
    for order in permutations(group):
        used = [0] * instance.num_resources
        for i, on in enumerate(holds):
            for k, steps in on.items():
                if (time in steps and time - 1 in steps) or any(i == left for left, _ in group):
                    used[k] += demands(instance, mode[i])[k]
        fits = True
        for left, entered in order:
            for k, amount in demands(instance, mode[left]).items():
                used[k] -= amount
            for k, amount in demands(instance, mode[entered]).items():
                used[k] += amount
            fits &= all(used[k] <= instance.capacity[k] for k in range(instance.num_resources) if instance.renewable[k])
        if fits:
            return True
    return False


def _permutation(instance: Instance, start: list[int]) -> bool:
    if not instance.permutation or instance.job is None:
        return True
    at: dict[int, dict[int, int]] = {}  # machine -> job -> start
    for i, s in enumerate(start):
        on = demands(instance, int(instance.mode_ptr[i]))
        if on:
            at.setdefault(min(on), {})[int(instance.job[i])] = s
    jobs = sorted({int(j) for j in instance.job})
    return any(
        all(times[a] <= times[b] for times in at.values() for a, b in pairwise(order)) for order in permutations(jobs)
    )
