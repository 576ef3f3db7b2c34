"""First plans for general shops: what is known already, priority rules where they apply, else a list schedule."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import numpy as np

from makespan.instances.features import unsupported
from makespan.instances.instance import HORIZON_LIMIT, Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.instances.shop_view import SHOP_FEATURES, shop_view
from makespan.solvers.dispatching import RuleBatch
from makespan.solvers.general_shop import GeneralShop
from makespan.solvers.stage import Context

DUE_RULES = ("atc", "covert", "edd", "slack", "slack_per_operation", "mwkr", "spt", "fdd_mwkr")
"""Played first to last while there is time, each in both schemes that suit shops."""


def schedule_by_rules(instance: Instance, context: Context) -> Schedule | None:
    """The best schedule of the rules; None where they do not apply or none keeps the deadlines and fixed starts."""
    if unsupported(instance, SHOP_FEATURES, "rules") is not None:
        return None
    batch = RuleBatch(instance.derived(shop_view), DUE_RULES, ("non_delay", "giffler_thompson"), seed=context.seed)
    counted = 0
    for _ in batch.run_slices(context.remaining_iterations()):
        context.count(batch.num_done - counted)
        counted = batch.num_done
        if context.expired():
            break
    return batch.schedule()


def list_schedule(general: GeneralShop, expired: Callable[[], bool]) -> tuple[IntArray, IntArray] | None:
    """Modes and starts of a schedule that takes tasks by earliest start, then due date; calendars do not count.

    Fixed tasks stand where they are fixed and others go around them, before one only if they end in time. Deadlines may
    be missed. None if the time was up. O(n log n) times the tasks that wait for one machine, in Python.
    """
    return _List(general).run(expired)


class _List:
    """A list schedule in the making, in Python lists."""

    def __init__(self, general: GeneralShop) -> None:
        shop, n = general.shop, general.num_tasks
        self.shop, self.num_machines = shop, general.tasks.num_machines
        self.mode_ptr, self.line, self.duration = shop.mode_ptr.tolist(), shop.line.tolist(), shop.duration.tolist()
        self.family = shop.family.tolist() if shop.setup_time.size else [-1] * shop.line.size
        self.setup = shop.setup_time.reshape(shop.num_families, shop.num_families).tolist()
        self.mode, self.start, self.end = self.mode_ptr[:n], [0] * n, [0] * n
        self.free = [0] * self.num_machines
        self.last_family = shop.first_family.tolist() if shop.setup_time.size else [-1] * self.num_machines
        self.due = _due_of_tasks(general)
        self.fixed = np.flatnonzero(shop.fixed_start >= 0).tolist()
        self.waiting: list[list[int]] = [[] for _ in range(self.num_machines)]
        for task in sorted(self.fixed, key=lambda i: -int(shop.fixed_start[i])):
            self.start[task], self.end[task] = int(shop.fixed_start[task]), int(shop.fixed_end[task])
            if self.line[self.mode[task]] >= 0:
                self.waiting[self.line[self.mode[task]]].append(task)

    def run(self, expired: Callable[[], bool]) -> tuple[IntArray, IntArray] | None:
        shop = self.shop
        missing, succ_ptr, succ = np.diff(shop.pred_ptr).tolist(), shop.succ_ptr.tolist(), shop.succ.tolist()
        release, fixed = shop.release.tolist(), set(self.fixed)
        heap = [(release[i], self.due[i], i) for i in range(len(missing)) if not missing[i]]
        heapq.heapify(heap)
        pops = 0
        while heap:
            time, due, task = heapq.heappop(heap)
            pops += 1
            if pops % 1024 == 0 and expired():
                return None
            if task not in fixed:
                end, start, mode = min(self.slot(task, mode) for mode in self.modes(task))
                if start > time:
                    heapq.heappush(heap, (start, due, task))
                    continue
                self.put(task, mode, start, end)
            for x in succ[succ_ptr[task] : succ_ptr[task + 1]]:
                missing[x] -= 1
                if not missing[x]:
                    heapq.heappush(heap, (max(release[x], self.end[task]), self.due[x], x))
        return np.array(self.mode, np.int64), np.array(self.start, np.int64)

    def modes(self, task: int) -> range:
        return range(self.mode_ptr[task], self.mode_ptr[task + 1])

    def slot(self, task: int, mode: int) -> tuple[int, int, int]:
        """End, start and mode of the task behind what stands on the machine, between fixed tasks if it fits."""
        shop, k = self.shop, self.line[mode]
        ready = int(shop.release[task])
        for i in range(shop.pred_ptr[task], shop.pred_ptr[task + 1]):
            pred = int(shop.pred[i])
            ready = max(ready, self.end[pred] + (self.travel(self.mode[pred], mode) if shop.pred_moves[i] else 0))
        if k < 0:
            return ready + self.duration[mode], ready, mode
        free, family = self.free[k], self.last_family[k]
        for other in reversed(self.waiting[k]):
            start = max(ready, free + self.change(family, mode))
            follows = self.change(self.family[mode], self.mode[other])
            if start + self.duration[mode] + follows <= self.start[other]:
                break
            free, family = self.end[other], self.family[self.mode[other]]
        start = max(ready, free + self.change(family, mode))
        return start + self.duration[mode], start, mode

    def put(self, task: int, mode: int, start: int, end: int) -> None:
        self.mode[task], self.start[task], self.end[task] = mode, start, end
        if (k := self.line[mode]) >= 0:
            while self.waiting[k] and self.start[self.waiting[k][-1]] < end:
                self.waiting[k].pop()
            self.free[k], self.last_family[k] = end, self.family[mode]

    def change(self, family: int, mode: int) -> int:
        after = self.family[mode]
        return 0 if family < 0 or after < 0 else int(self.setup[family][after])

    def travel(self, origin: int, target: int) -> int:
        here, there = int(self.shop.machine[origin]), int(self.shop.machine[target])
        return 0 if here < 0 or there < 0 else int(self.shop.transport[here * self.num_machines + there])


def _due_of_tasks(general: GeneralShop) -> list[int]:
    """The earliest due date or deadline of the goals that a task is in or leads to."""
    shop = general.shop
    due = np.full(general.num_tasks, HORIZON_LIMIT)
    of_goal = np.repeat(np.minimum(shop.due, shop.deadline), np.diff(shop.member_ptr))
    np.minimum.at(due, shop.member, of_goal)
    dates = due.tolist()
    succ_ptr, succ = shop.succ_ptr.tolist(), shop.succ.tolist()
    for task in np.argsort(-general.rank).tolist():
        for x in succ[succ_ptr[task] : succ_ptr[task + 1]]:
            dates[task] = min(dates[task], dates[x])
    return dates
