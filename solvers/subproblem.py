"""A part of a schedule as an instance of its own: what a window leaves free and what surrounds it, nothing else.

Around the free tasks lie those that run at the same time on their resources, and those from which an arc leads to them.
Of everything farther away only bounds remain: releases, deadlines, and *tails* that lead to a last task of no
duration, whose end is the makespan of the whole. There are two ways to treat what is kept:

* *shifting*, where moving a task in time breaks nothing but arcs and capacities: kept tasks of the part keep their
  partial order; what follows the part stands as late as the partial order allows without a worse objective. For the
  makespan it moves to the left, by as much as the makespan falls, and what is minimised is the longest chain through
  the part, also when the makespan of the whole does not fall with it: that makes room for later windows.
* *still*, for everything else: only the free tasks move, between what stands before and after them.

Solutions of the part are schedules of the whole by construction in the first way, unless setups obey no triangle
inequality; in the second the checker decides.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.instances.dates import deadlines, first_starts, tightest
from makespan.instances.instance import EE, ES, HORIZON_LIMIT, SE, Instance, IntArray, Setup
from makespan.instances.project_view import project_view
from makespan.instances.schedule import Schedule, job_end, makespan, max_lateness
from makespan.solvers.cp_sat.tasks import Kept
from makespan.solvers.kernels.heads_tails import raise_along_arcs
from makespan.solvers.neighbourhoods import Layout, csr, layout, rows, spread
from makespan.solvers.partial_order import Mask, Order, order_lag

_SHIFT_BREAKS = {"max_lag", "calendar", "pause", "blocking", "no_wait", "permutation", "fixed"}


class Frame(NamedTuple):
    """An incumbent and what follows from it for every part of it.

    ``first_setup``: when the setup of a task that is the first on its resource is done.
    ``tail``: from the start of each task to the makespan if all start as late as the partial order and the objective
    allow; empty where kept tasks stand still. ``lag``: of each arc of the instance, from start to start.
    """

    schedule: Schedule
    mode: IntArray
    end: IntArray
    order: Order
    lag: IntArray
    first_setup: IntArray
    tail: IntArray


class Part(NamedTuple):
    """A part of an instance: ``task`` names its tasks in the whole (the last task of the part, the one without
    duration, has no counterpart there), ``schedule`` is the incumbent's share; ``later`` are the tasks of the whole
    that move with its makespan, which is at least ``floor`` whatever the part does. ``choice`` leads from the modes of
    the part to those of the whole, counted within their tasks."""

    instance: Instance
    task: IntArray
    kept: Kept
    schedule: Schedule
    later: IntArray
    choice: IntArray
    floor: int


def moves_freely(instance: Instance) -> bool:
    """Whether a schedule stays feasible when tasks move in time within their arcs, dates and partial order."""
    return not _SHIFT_BREAKS & instance.features


def can_shift(instance: Instance) -> bool:
    """Whether tasks outside a part may move together with the makespan."""
    return instance.objective[0] == "makespan" and moves_freely(instance)


def frame(instance: Instance, schedule: Schedule, order: Order) -> Frame:
    """O(n + arcs)."""
    mode, end = schedule.mode_index(instance), schedule.end(instance)
    lag, setup = _start_lags(instance, mode), _first_setups(instance, schedule)
    if not moves_freely(instance):
        return Frame(schedule, mode, end, order, lag, setup, np.zeros(0, np.int64))
    latest = np.minimum(_harmless_ends(instance, end), deadlines(instance)) - instance.duration[mode]
    ptr, target, weight = _graph(instance, order, lag, backward=True)
    value = -latest
    raise_along_arcs(ptr, target, weight, value, np.zeros(value.size, np.int64))
    return Frame(schedule, mode, end, order, lag, setup, makespan(instance, end) + value)


def _harmless_ends(instance: Instance, end: IntArray) -> IntArray:
    """Shape (num_tasks,): how late tasks may all end without any objective becoming worse."""
    latest = np.full(instance.num_tasks, makespan(instance, end))
    done = job_end(instance, end)
    for name in instance.objective:
        if name == "flow_time":
            latest = np.minimum(latest, tightest(instance, np.where(_alone(instance), end, HORIZON_LIMIT), done))
        elif name != "makespan":
            if name == "max_lateness":
                worst = max_lateness(instance, end)
                due, job_due = _moved(instance.due, worst, None), _moved(instance.job_due, worst, None)
            else:
                due, job_due = _moved(instance.due, 0, end), _moved(instance.job_due, 0, done)
            latest = np.minimum(latest, tightest(instance, due, job_due))
    return latest


def _moved(due: IntArray | None, by: int, at_least: IntArray | None) -> IntArray | None:
    """Due dates that are there, moved, or the ends that already miss them."""
    if due is None:
        return None
    moved = due + by if at_least is None else np.maximum(due, at_least)
    return np.where(due < HORIZON_LIMIT, moved, HORIZON_LIMIT)


def _alone(instance: Instance) -> Mask:
    return np.ones(instance.num_tasks, np.bool_) if instance.job is None else np.asarray(instance.job < 0, np.bool_)


def shift_left(instance: Instance, schedule: Schedule, order: Order) -> Schedule:
    """Every task as early as its arcs and the partial order allow, where it ``moves_freely``. O(n + arcs)."""
    ptr, target, weight = _graph(instance, order, _start_lags(instance, schedule.mode_index(instance)), backward=False)
    start = np.maximum(first_starts(instance), _first_setups(instance, schedule))
    raise_along_arcs(ptr, target, weight, start, np.zeros(start.size, np.int64))
    return Schedule(start, schedule.mode)


def _first_setups(instance: Instance, schedule: Schedule) -> IntArray:
    """Shape (num_tasks,): when the setup before each task that is the first on a resource is done; 0 for the others."""
    wait = np.zeros(instance.num_tasks, np.int64)
    if instance.setup is None:
        return wait
    mode = schedule.mode_index(instance)
    count = np.where(instance.duration[mode] > 0, np.diff(instance.demand_ptr)[mode], 0)
    task = np.repeat(np.arange(instance.num_tasks), count)
    resource = instance.demand_resource[rows(instance.demand_ptr, mode[count > 0])]
    order = np.lexsort((schedule.start[task], resource))
    task, resource = task[order], resource[order]
    first = np.append(True, resource[1:] != resource[:-1])[: task.size] & (instance.capacity[resource] == 1)
    task, resource = task[first & instance.renewable[resource]], resource[first & instance.renewable[resource]]
    families = instance.setup.initial[resource], instance.setup.family[mode[task]]
    np.maximum.at(wait, task, np.where(np.minimum(*families) >= 0, instance.setup.time[families], 0))
    return wait


def _start_lags(instance: Instance, mode: IntArray) -> IntArray:
    """Shape (num_arcs,): the arcs from start to start, modes given."""
    length, kind = instance.duration[mode], instance.arc_kind
    lag = instance.arc_lag + np.where(kind >= ES, length[instance.arc_pred], 0)
    lag = lag - np.where(kind % 2 == SE, length[instance.arc_succ], 0)
    if instance.transport is not None:
        machine = instance.machine[mode]
        ends = machine[instance.arc_pred], machine[instance.arc_succ]
        travels = project_view(instance).arc_travels & (np.minimum(*ends) >= 0)
        lag = lag + np.where(travels, instance.transport[ends], 0)
    return lag


def _graph(instance: Instance, order: Order, lag: IntArray, backward: bool) -> tuple[IntArray, IntArray, IntArray]:
    """Arcs of instance and partial order as CSR, ready for the kernel."""
    pred = np.concatenate((instance.arc_pred, order.pred)).astype(np.int64)
    succ = np.concatenate((instance.arc_succ, order.succ)).astype(np.int64)
    if backward:
        pred, succ = succ, pred
    by_pred = np.argsort(pred, kind="stable")
    ptr = np.concatenate(([0], np.cumsum(np.bincount(pred, minlength=instance.num_tasks))))
    return ptr, succ[by_pred], np.concatenate((lag, order.lag))[by_pred]


def cut_out(instance: Instance, whole: Frame, free: IntArray, most: int) -> Part | None:
    """The part around ``free``; None if it would hold more than ``most`` tasks, or can improve nothing.

    O(n + arcs) with small constants, and the size of the part.
    """
    start, end = whole.schedule.start, _leaving(instance, whole)
    low, high = int(start[free].min()), int(end[free].max())
    known = layout(instance)
    shared = np.unique(known.resource[rows(known.resource_ptr, free)])
    users = np.unique(known.user[rows(known.user_ptr, shared)])
    inside = np.zeros(instance.num_tasks, np.bool_)
    inside[free] = True
    inside[users[(start[users] < high) & (end[users] > low)]] = True
    view = project_view(instance)
    inside[view.pred_task[rows(view.pred_ptr, free)]] = True
    if not whole.tail.size:
        inside[instance.arc_succ[rows(instance.arc_ptr, free)]] = True
    if instance.setup is not None:
        inside[_neighbours(known, shared, start, end, low, high, after=not whole.tail.size)] = True
    if instance.blocking:  # when a task leaves depends on the next one of its job
        inside[instance.arc_succ[inside[instance.arc_pred]]] = True
    if inside.sum() > most:
        return None
    is_free = np.zeros(instance.num_tasks, np.bool_)
    is_free[free] = True
    build = _Shifting if whole.tail.size else _Still
    return build(instance, whole, is_free, inside, shared, low, high).part()


def _leaving(instance: Instance, whole: Frame) -> IntArray:
    """When each task leaves its resources, at the latest."""
    if not instance.blocking:
        return whole.end
    leave = whole.end.copy()
    np.maximum.at(leave, instance.arc_pred, whole.schedule.start[instance.arc_succ])
    return leave


def _neighbours(
    known: Layout, shared: IntArray, start: IntArray, end: IntArray, low: int, high: int, after: bool
) -> IntArray:
    """On each shared resource the last task before the window and, if asked for, the first one ``after`` it."""
    found = []
    for k in shared.tolist():
        on = known.user[known.user_ptr[k] : known.user_ptr[k + 1]]
        before, beyond = on[end[on] <= low], on[start[on] >= high]
        found += [before[np.argmax(start[before])]] if before.size else []
        found += [beyond[np.argmin(start[beyond])]] if after and beyond.size else []
    return np.array(found, np.int64)


class _Cut:
    """Common to both ways: the bounds of the part's tasks, and how they become an instance."""

    def __init__(
        self, instance: Instance, whole: Frame, free: Mask, inside: Mask, shared: IntArray, low: int, high: int
    ) -> None:
        self.instance, self.whole, self.free, self.inside, self.shared = instance, whole, free, inside, shared
        self.low, self.high = low, high
        self.start = whole.schedule.start
        self.release = first_starts(instance)
        self.deadline = deadlines(instance)
        self.task = np.flatnonzero(inside)
        self.fixed = np.zeros(instance.num_tasks, np.bool_)
        self.later = np.zeros(instance.num_tasks, np.bool_)  # moves with the makespan
        self.makespan = makespan(instance, whole.end)

    def outside_users(self, resource: int) -> IntArray:
        known = layout(self.instance)
        users = known.user[known.user_ptr[resource] : known.user_ptr[resource + 1]]
        return users[~self.inside[users]]

    def raise_release(self, task: IntArray, value: Any) -> None:
        np.maximum.at(self.release, task, value)

    def lower_deadline(self, task: IntArray, value: Any) -> None:
        np.minimum.at(self.deadline, task, value)

    def free_users(self, resource: int) -> IntArray:
        known = layout(self.instance)
        users = known.user[known.user_ptr[resource] : known.user_ptr[resource + 1]]
        return users[self.free[users]]

    def build(self, kept: Kept, tail: IntArray, floor: int) -> Part | None:
        """``tail`` (num_tasks,): from the end of a task to the makespan; ``floor``: the makespan is at least that."""
        local = self.makespan
        if tail.size:
            moving = self.task[~self.fixed[self.task]]
            local = int((self.whole.end + tail)[moving].max(initial=0))
        elif self.instance.objective[0] == "makespan" and floor >= local:
            return None
        if _needs_due(self.instance) and not self._has_due():
            return None
        if (self.deadline[self.task] < 0).any():
            return None
        fixed = self.fixed & self.inside
        self.release[fixed], self.deadline[fixed] = 0, HORIZON_LIMIT
        small, choice = _subset(self, tail, 0 if tail.size else floor)
        extra = small.num_tasks - self.task.size
        schedule = self.whole.schedule
        start = np.append(self.start[self.task], np.full(extra, local))
        mode = np.where(self.free, schedule.mode, 0)[self.task]
        position = np.cumsum(self.inside) - 1
        mine = Kept(
            np.append(~self.free[self.task], np.ones(extra, np.bool_)),
            position[kept.pred],
            position[kept.succ],
            kept.lag,
        )
        later = np.flatnonzero(self.later)
        return Part(
            small, self.task, mine, Schedule(start, np.append(mode, np.zeros(extra, np.int32))), later, choice, floor
        )

    def _has_due(self) -> bool:
        instance, task = self.instance, self.task
        if instance.due is not None and (instance.due[task] < HORIZON_LIMIT).any():
            return True
        if instance.job_due is None or instance.job is None:
            return False
        return bool((instance.job_due[instance.job[task][instance.job[task] >= 0]] < HORIZON_LIMIT).any())


def _needs_due(instance: Instance) -> bool:
    return bool({"total_tardiness", "weighted_tardiness", "max_lateness"} & set(instance.objective))


class _Shifting(_Cut):
    def part(self) -> Part | None:
        instance, whole, inside, start = self.instance, self.whole, self.inside, self.start
        self.fixed = inside & ~self.free & (whole.end <= self.low)
        self.release = np.where(self.free, self.release, np.maximum(self.release, whole.first_setup))
        order = _without(instance, whole, self.free)
        # Among kept tasks, arcs of the instance hold by themselves; to and from the outside they act like the order.
        pred = np.concatenate((order.pred, instance.arc_pred)).astype(np.int64)
        succ = np.concatenate((order.succ, instance.arc_succ)).astype(np.int64)
        lag = np.concatenate((order.lag, whole.lag))
        self.later = ~inside & (start >= self.low) & ~self._leads_inside(pred, succ)
        after = np.concatenate((order.lag - instance.duration[whole.mode[order.pred]], self._after_ends()))
        tail = np.zeros(instance.num_tasks, np.int64)

        enters = ~inside[pred] & inside[succ]
        self.raise_release(succ[enters], (start[pred] + lag)[enters])
        leaves = inside[pred] & ~inside[succ]
        to_still = leaves & ~self.later[succ]
        self.lower_deadline(pred[to_still], (start[succ] - after)[to_still])
        to_later = leaves & self.later[succ]
        np.maximum.at(tail, pred[to_later], (whole.tail[succ] + after)[to_later])
        passes = ~inside[pred] & ~self.later[pred] & self.later[succ]
        later = np.flatnonzero(self.later)
        floor = max(
            int((start[pred] + lag + whole.tail[succ])[passes].max(initial=0)),
            int((self.release + whole.tail)[later].max(initial=0)),
            int(whole.end[~inside & ~self.later].max(initial=0)),
        )
        for k in self.shared.tolist():
            self._bound_free_tasks(k, tail)
        within = inside[order.pred] & inside[order.succ]
        kept = Kept(~self.free, order.pred[within], order.succ[within], order.lag[within])
        if can_shift(instance):
            return self.build(kept, tail, floor)
        self.deadline = np.minimum(self.deadline, self.makespan - tail)
        return self.build(kept, np.zeros(0, np.int64), self.makespan)

    def _after_ends(self) -> IntArray:
        """Shape (num_arcs,): from the end of the first task to the start of the second, whatever mode a free first task
        takes."""
        instance, mode = self.instance, self.whole.mode
        pred, kind = instance.arc_pred, instance.arc_kind
        lag = instance.arc_lag - np.where(kind % 2 == SE, instance.duration[mode[instance.arc_succ]], 0)
        if instance.transport is not None:
            target = instance.machine[mode[instance.arc_succ]]
            travels = project_view(instance).arc_travels & (target >= 0)
            lag = lag + np.where(travels, instance.transport.max(axis=0)[target], 0)
        shortest = np.minimum.reduceat(instance.duration, instance.mode_ptr[:-1])[pred]
        robust: IntArray = lag - np.where(kind >= ES, 0, shortest)
        kept: IntArray = self.whole.lag - instance.duration[mode[pred]]
        return np.where(self.free[pred], robust, kept)

    def _leads_inside(self, pred: IntArray, succ: IntArray) -> Mask:
        """Tasks since the start of the window from which arcs lead into the part: they cannot move with what follows
        it."""
        since = (self.whole.end > self.low) | (self.start >= self.low)
        inner = since[pred] & since[succ]
        ptr, source = csr(succ[inner], pred[inner], self.instance.num_tasks)
        return spread(ptr, source, self.inside, since)

    def _bound_free_tasks(self, resource: int, tail: IntArray) -> None:
        """Between those that stand before the window and those that move after it."""
        users, mine = self.outside_users(resource), self.free_users(resource)
        still, after = users[~self.later[users]], users[self.later[users]]
        before, beyond = still[self.whole.end[still] <= self.low], still[self.start[still] >= self.high]
        if before.size:
            self.raise_release(mine, int(self.whole.end[before].max()))
        if beyond.size:
            self.lower_deadline(mine, int(self.start[beyond].min()))
        if after.size:
            setup = self.instance.setup
            wait = 0 if setup is None else int(setup.time.max(initial=0))
            np.maximum.at(tail, mine, int(self.whole.tail[after].max()) + wait)


class _Still(_Cut):
    def part(self) -> Part | None:
        instance, whole = self.instance, self.whole
        self.fixed = self.inside & ~self.free
        leave = _leaving(instance, whole)
        for k in self.shared.tolist():
            users, mine = self.outside_users(k), self.free_users(k)
            before, after = users[leave[users] <= self.low], users[self.start[users] >= self.high]
            if before.size:
                self.raise_release(mine, int(leave[before].max()))
            if after.size:
                self.lower_deadline(mine, int(self.start[after].min()))
        none = np.zeros(0, np.int64)
        floor = int(whole.end[~self.free].max(initial=0))
        return self.build(Kept(~self.free, none, none, none), np.zeros(0, np.int64), floor)


def _without(instance: Instance, whole: Frame, free: Mask) -> Order:
    """The order of all tasks but the free ones: what these received goes straight to those they handed it to.

    Units that come free are passed on in the order of time, to whoever starts next; the flow through the free tasks
    shows that they suffice.
    """
    order = whole.order
    among = ~free[order.pred] & ~free[order.succ]
    given = np.flatnonzero(~free[order.pred] & free[order.succ])
    taken = np.flatnonzero(free[order.pred] & ~free[order.succ])
    given = given[np.lexsort((whole.end[order.pred[given]], order.resource[given]))]
    taken = taken[np.lexsort((whole.schedule.start[order.succ[taken]], order.resource[taken]))]
    supply: dict[int, list[list[int]]] = {}
    for source, k, units in zip(*(a[given].tolist() for a in (order.pred, order.resource, order.units)), strict=True):
        supply.setdefault(k, []).append([source, units])
    found: list[tuple[int, int, int, int]] = []
    for task, k, units in zip(*(a[taken].tolist() for a in (order.succ, order.resource, order.units)), strict=True):
        queue = supply.get(k, [])
        begin, need = int(whole.schedule.start[task]), units
        while queue and need and int(whole.end[queue[0][0]]) <= begin:
            passed = min(need, queue[0][1])
            found.append((queue[0][0], task, k, passed))
            need -= passed
            queue[0][1] -= passed
            if queue[0][1] == 0:
                del queue[0]
    pred, succ, resource, units_passed = np.array(found, np.int64).reshape(-1, 4).T
    lag = order_lag(instance, whole.schedule.start, whole.mode, pred, succ)
    return Order(
        np.concatenate((order.pred[among], pred)),
        np.concatenate((order.succ[among], succ)),
        np.concatenate((order.lag[among], lag)),
        np.concatenate((order.resource[among], resource)),
        np.concatenate((order.units[among], units_passed)),
    )


def _subset(cut: _Cut, tail: IntArray, floor: int) -> tuple[Instance, IntArray]:
    """The instance of a part, and the mode in the whole of each of its modes (counted within its task).

    Kept tasks have their one mode only. With the makespan among the objectives a last task of no duration follows, at
    least ``tail`` after the end of each.
    """
    instance, whole, task = cut.instance, cut.whole, cut.task
    free = cut.free[task]
    first = np.where(free, instance.mode_ptr[task], whole.mode[task])
    count = np.where(free, np.diff(instance.mode_ptr)[task], 1)
    mode_ptr = np.concatenate(([0], np.cumsum(count)))
    mode = np.repeat(first - mode_ptr[:-1], count) + np.arange(mode_ptr[-1])
    choice = mode - np.repeat(instance.mode_ptr[task], count)
    demand = rows(instance.demand_ptr, mode)
    demand_ptr = np.concatenate(([0], np.cumsum(np.diff(instance.demand_ptr)[mode])))
    last = int("makespan" in instance.objective)
    position = np.cumsum(cut.inside) - 1
    arc = np.flatnonzero(cut.inside[instance.arc_pred] & cut.inside[instance.arc_succ])
    if not _chains(instance):  # between two tasks that stand still an arc says nothing
        arc = arc[~(cut.fixed[instance.arc_pred[arc]] & cut.fixed[instance.arc_succ[arc]])]
    ends = np.flatnonzero(~cut.fixed[task] & (last > 0)) if tail.size else np.zeros(0, np.int64)
    pred = np.concatenate((position[instance.arc_pred[arc]], ends))
    succ = np.concatenate((position[instance.arc_succ[arc]], np.full(ends.size, task.size)))
    kind = np.concatenate((instance.arc_kind[arc], np.full(ends.size, EE)))
    lag = np.concatenate((instance.arc_lag[arc], tail[task[ends]])) if ends.size else instance.arc_lag[arc]
    by_pred = np.argsort(pred, kind="stable")

    def per_task(values: NDArray[Any] | None, absent: int) -> NDArray[Any] | None:
        return None if values is None else _append(values[task], absent, last)

    fixed_start = np.where(cut.fixed[task], cut.start[task], -1)
    if instance.fixed_start is not None:
        fixed_start = np.where(free, instance.fixed_start[task], fixed_start)
    fixed_mode = None if instance.fixed_mode is None else np.where(free, instance.fixed_mode[task], -1)
    small = Instance(
        mode_ptr=_append(mode_ptr, mode_ptr[-1] + 1, last),
        duration=_append(instance.duration[mode], 0, last),
        demand_ptr=_append(demand_ptr, demand_ptr[-1], last),
        demand_resource=instance.demand_resource[demand],
        demand_amount=instance.demand_amount[demand],
        capacity=_capacity(cut),
        renewable=instance.renewable,
        arc_ptr=np.concatenate(([0], np.cumsum(np.bincount(pred, minlength=task.size + last)))),
        arc_succ=succ[by_pred],
        arc_kind=kind[by_pred],
        arc_lag=lag[by_pred],
        release=_append(cut.release[task], floor, last),
        deadline=_append(cut.deadline[task], HORIZON_LIMIT, last),
        due=per_task(instance.due, HORIZON_LIMIT),
        weight=per_task(instance.weight, 1),
        pause=per_task(instance.pause, 0),
        fixed_start=_append(fixed_start, -1, last),
        fixed_mode=None if fixed_mode is None else _append(fixed_mode, -1, last),
        transport=instance.transport,
        setup=_setup(cut, mode, last),
        calendar=instance.calendar,
        blocking=instance.blocking,
        no_wait=instance.no_wait,
        swap_allowed=instance.swap_allowed,
        objective=instance.objective,
        **_jobs(cut, last),
    )
    return small, choice


def _append(values: NDArray[Any], value: int, count: int) -> NDArray[Any]:
    return np.concatenate((values, np.full(count, value, values.dtype)))


def _chains(instance: Instance) -> bool:
    return instance.blocking or instance.no_wait


def _capacity(cut: _Cut) -> IntArray:
    """Of what is used up, the part has what the tasks outside leave."""
    instance = cut.instance
    capacity = instance.capacity.copy()
    if not instance.renewable.all():
        outside = cut.whole.mode[~cut.inside]
        demand = rows(instance.demand_ptr, outside)
        np.subtract.at(capacity, instance.demand_resource[demand], instance.demand_amount[demand])
        capacity[instance.renewable] = instance.capacity[instance.renewable]
    return capacity


def _setup(cut: _Cut, mode: IntArray, last: int) -> Setup | None:
    """A resource that somebody outside uses before the window has no first setup any more."""
    setup, known = cut.instance.setup, layout(cut.instance)
    if setup is None:
        return None
    resource = np.repeat(np.arange(cut.instance.num_resources), np.diff(known.user_ptr))
    used = resource[~cut.inside[known.user] & (cut.start[known.user] < cut.high)]
    initial = setup.initial.copy()
    initial[used] = -1
    return Setup(_append(setup.family[mode], -1, last), setup.time, initial)


def _jobs(cut: _Cut, last: int) -> dict[str, Any]:
    """Jobs of the part. Where jobs must be chains, each connected piece of one is a job; a job that ends outside is due
    by as much earlier as it now ends later outside than in the part."""
    instance, task = cut.instance, cut.task
    if instance.job is None:
        return {}
    job = instance.job[task].astype(np.int64)
    ends, part_ends = job_end(instance, cut.whole.end), np.zeros(instance.num_jobs, np.int64)
    in_job = job >= 0
    np.maximum.at(part_ends, job[in_job], cut.whole.end[task][in_job])
    if _chains(instance):
        follows = np.zeros(instance.num_tasks, np.bool_)
        both = cut.inside[instance.arc_pred] & cut.inside[instance.arc_succ]
        follows[instance.arc_succ[both]] = True
        label = np.full(instance.num_tasks, -1)
        heads = task[~follows[task] & in_job]
        label[heads] = np.arange(heads.size)
        following = np.full(instance.num_tasks, -1)
        following[instance.arc_pred[both]] = instance.arc_succ[both]
        reached = heads
        while reached.size:
            onward = reached[following[reached] >= 0]
            label[following[onward]] = label[onward]
            reached = following[onward]
        new, origin = label[task], job[np.searchsorted(task, heads)]
        last_piece = np.zeros(heads.size, np.bool_)
        at_end = in_job & (cut.whole.end[task] == part_ends[np.maximum(job, 0)])
        last_piece[new[at_end]] = True
    else:
        origin = np.unique(job[in_job])
        new = np.where(in_job, np.searchsorted(origin, job), -1)
        last_piece = np.ones(origin.size, np.bool_)
    found: dict[str, Any] = {"job": _append(new, -1, last), "num_jobs": origin.size}
    if instance.job_due is not None:
        due = instance.job_due[origin] - (ends - part_ends)[origin]
        has_due = last_piece & (instance.job_due[origin] < HORIZON_LIMIT)
        found["job_due"] = np.where(has_due, np.maximum(due, 0), HORIZON_LIMIT)
        if instance.job_weight is not None:
            found["job_weight"] = instance.job_weight[origin]
    return found


def put_back(instance: Instance, whole: Frame, part: Part, found: Schedule) -> Schedule:
    """The whole with a solution of the part in it. O(n)."""
    start, mode = whole.schedule.start.copy(), whole.schedule.mode.copy()
    count = part.task.size
    start[part.task] = found.start[:count]
    mode[part.task] = part.choice[part.instance.mode_ptr[:count] + found.mode[:count]]
    if whole.tail.size:
        span = part.floor
        if can_shift(instance):
            span = max(span, makespan(part.instance, found.end(part.instance)))
        start[part.later] = span - whole.tail[part.later]
    return Schedule(start, mode)
