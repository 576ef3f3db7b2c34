"""Shops of unary machines with any acyclic precedence and any objectives, as arrays for kernels that change plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from makespan.instances.dates import deadlines, releases
from makespan.instances.instance import HORIZON_LIMIT, OBJECTIVES, Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.instances.shop_view import SHOP_FEATURES, ShopView, shop_view
from makespan.solvers.kernels.general_shop import NOTES, Plan, Shop
from makespan.solvers.kernels.goals import DEADLINES, time_plan

GENERAL_SHOP_FEATURES = SHOP_FEATURES | {"network"}
"""Features of the instances that have a general shop."""


@dataclass(frozen=True, eq=False)
class GeneralShop:
    """An instance for the kernels of ``kernels.general_shop``; tasks keep their numbers.

    Parameters
    ----------
    shop
        The arrays.
    tasks
        A view without precedence: its operations are the tasks, with the modes they may have.
    rank
        Shape (num_tasks,): the position of each task in an order of the precedence alone.
    has_deadlines
        Whether the first term is DEADLINES; a plan with more than 0 there is no schedule.
    flow_offset
        What the kernels' flow time exceeds the objective by: the releases it counts from.
    """

    shop: Shop
    tasks: ShopView
    rank: IntArray
    has_deadlines: bool
    flow_offset: int

    @property
    def num_tasks(self) -> int:
        return self.rank.size

    @property
    def is_acyclic(self) -> bool:
        """Whether the precedence has no circle."""
        return not (self.rank < 0).any()


def general_shop(instance: Instance) -> GeneralShop:
    """Take it as ``instance.derived(general_shop)``, which builds it once. O(n log n) and, for networks, O(arcs) in
    Python. Raises ValueError naming the features it does not hold."""
    tasks = shop_view(_without_arcs(instance))
    n, fixed = instance.num_tasks, tasks.fixed_start
    on_machine = (tasks.duration > 0) & (tasks.machine >= 0)
    moves = _same_job(instance) if instance.transport is not None else np.zeros(instance.num_arcs, np.int64)
    by_succ = np.argsort(instance.arc_succ, kind="stable")
    pred_ptr = np.concatenate(([0], np.cumsum(np.bincount(instance.arc_succ, minlength=n))))
    goals = _goals(instance)
    has_deadlines = "deadline" in instance.features
    terms = [DEADLINES] * has_deadlines + [OBJECTIVES.index(name) for name in instance.objective]
    shop = Shop(
        mode_ptr=tasks.mode_ptr,
        line=_locked(np.where(on_machine, tasks.machine, -1)),
        machine=tasks.machine,
        duration=tasks.duration,
        family=tasks.family,
        release=_locked(np.where(fixed >= 0, 0, tasks.release) if fixed.size else tasks.release),
        pred_ptr=_locked(pred_ptr),
        pred=_locked(instance.arc_pred[by_succ]),
        pred_moves=_locked(moves[by_succ]),
        succ_ptr=_locked(instance.arc_ptr),
        succ=_locked(instance.arc_succ),
        transport=_locked(np.zeros(0) if instance.transport is None else instance.transport.ravel()),
        setup_time=_locked(tasks.setup_time.ravel()),
        first_family=tasks.first_family,
        num_families=tasks.setup_time.shape[0],
        window_ptr=tasks.window_ptr,
        window_begin=tasks.window_begin,
        window_end=tasks.window_end,
        period=tasks.period,
        always_open=tasks.always_open,
        pausable=tasks.pausable,
        fixed_start=fixed,
        fixed_end=tasks.fixed_end,
        goal_ptr=goals.ptr,
        goal=goals.goal,
        member_ptr=goals.member_ptr,
        member=goals.member,
        due=goals.due,
        weight=goals.weight,
        deadline=goals.deadline,
        flows=goals.flows,
        terms=_locked(np.array(terms)),
    )
    return GeneralShop(shop, tasks, _ranks(instance), has_deadlines, goals.flow_offset)


def new_plan(general: GeneralShop) -> Plan:
    """Room for one plan, to be filled by ``set_plan``."""
    n, goals, terms = general.num_tasks, general.shop.due.size, general.shop.terms.size
    sizes = {
        "first": general.tasks.num_machines,
        **dict.fromkeys(("finish", "goal_trail", "goal_finish", "goal_stale"), goals),
        **dict.fromkeys(("value", "old_value"), terms),
        "note": NOTES,
    }
    return Plan(**{name: np.zeros(sizes.get(name, n), np.int64) for name in Plan._fields})


def set_plan(general: GeneralShop, plan: Plan, mode: IntArray, start: IntArray) -> bool:
    """Put tasks on the machines of their modes (indices into ``shop.line``) by start and compute their times.

    Returns whether these starts keep the precedence and every task can run in this order; if not, the plan has no
    meaning. Where the starts are those of a schedule, nothing starts later in the plan. O(n log n).
    """
    line = general.shop.line[mode]
    plan.mode[:] = mode
    # A predecessor that starts at the same time takes no time, so that the rank tells them apart.
    plan.order[:] = np.lexsort((general.rank, start))
    plan.place[plan.order] = np.arange(mode.size)
    queue = plan.order[line[plan.order] >= 0]
    queue = queue[np.argsort(line[queue], kind="stable")]
    same = line[queue[1:]] == line[queue[:-1]]
    for array in (plan.before, plan.after, plan.first):
        array[:] = -1
    plan.before[queue[1:][same]] = queue[:-1][same]
    plan.after[queue[:-1][same]] = queue[1:][same]
    begins = np.append(True, ~same)[: queue.size]
    plan.first[line[queue[begins]]] = queue[begins]
    pred = np.repeat(np.arange(mode.size), np.diff(general.shop.succ_ptr))
    return bool((plan.place[pred] < plan.place[general.shop.succ]).all() and time_plan(general.shop, plan))


def schedule_of(general: GeneralShop, mode: IntArray, start: IntArray) -> Schedule:
    """The schedule with these starts and modes of the shop."""
    return Schedule(start, general.tasks.mode_in_task[mode])


def modes_of(general: GeneralShop, schedule: Schedule) -> IntArray | None:
    """The shop's modes in a schedule; None if it uses one that the shop leaves out."""
    tasks = general.tasks
    count = np.diff(tasks.mode_ptr)
    owner = np.repeat(np.arange(count.size), count)
    used = np.flatnonzero(tasks.mode_in_task == schedule.mode[owner])
    return used if used.size == count.size else None


def objectives_of(general: GeneralShop, value: Sequence[int] | IntArray) -> tuple[int, ...]:
    """The objectives of the instance from the values of the terms, without that of the deadlines."""
    flow = OBJECTIVES.index("flow_time")
    pairs = zip(general.shop.terms.tolist(), value, strict=True)
    return tuple(int(v) - general.flow_offset * (term == flow) for term, v in pairs if term != DEADLINES)


# -- parts of the shop -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Goals:
    ptr: IntArray
    goal: IntArray
    member_ptr: IntArray
    member: IntArray
    due: IntArray
    weight: IntArray
    deadline: IntArray
    flows: IntArray
    flow_offset: int


def _locked(values: np.ndarray) -> IntArray:
    array = np.array(values, dtype=np.int64, order="C")
    array.setflags(write=False)
    return array


def _without_arcs(instance: Instance) -> Instance:
    """The tasks alone, with all their dates."""
    nothing = dict.fromkeys(
        ("job", "job_release", "job_due", "job_deadline", "job_weight", "due", "weight", "transport"), None
    )
    return instance.replace(
        arc_ptr=np.zeros(instance.num_tasks + 1, np.int32),
        arc_succ=np.zeros(0, np.int32),
        arc_kind=np.zeros(0, np.int8),
        arc_lag=np.zeros(0, np.int64),
        num_jobs=0,
        release=releases(instance),
        deadline=deadlines(instance),
        objective=("makespan",),
        **nothing,
    )


def _same_job(instance: Instance) -> IntArray:
    """Per arc, 1 where both tasks belong to one job."""
    if instance.job is None:
        return np.zeros(instance.num_arcs, np.int64)
    job = instance.job[instance.arc_pred]
    same: IntArray = ((job == instance.job[instance.arc_succ]) & (job >= 0)).astype(np.int64)
    return same


def _ranks(instance: Instance) -> IntArray:
    """Positions in a topological order of the arcs; -1 on and behind circles."""
    n = instance.num_tasks
    if (instance.arc_succ > instance.arc_pred).all():
        return np.arange(n)
    entering = np.bincount(instance.arc_succ, minlength=n).tolist()
    ptr, succ = instance.arc_ptr.tolist(), instance.arc_succ.tolist()
    order = [task for task in range(n) if not entering[task]]
    for task in order:  # grows meanwhile
        for x in succ[ptr[task] : ptr[task + 1]]:
            entering[x] -= 1
            if not entering[x]:
                order.append(x)
    rank = np.full(n, -1)
    rank[order] = np.arange(len(order))
    return rank


def _goals(instance: Instance) -> _Goals:
    """Jobs first, all of them; then the tasks that belong to no job or have a date of their own."""
    n, jobs = instance.num_tasks, instance.num_jobs
    job = np.full(n, -1) if instance.job is None else instance.job.astype(np.int64)
    due = _filled(instance.due, n, HORIZON_LIMIT)
    deadline = _filled(instance.deadline, n, HORIZON_LIMIT)
    own = np.flatnonzero((job < 0) | (due < HORIZON_LIMIT) | (deadline < HORIZON_LIMIT))
    # In a job only tasks that no other one of the job follows can end last.
    closes = job >= 0
    closes[instance.arc_pred[_same_job(instance) > 0]] = False
    closing = np.flatnonzero(closes)
    member = np.concatenate((closing[np.argsort(job[closing], kind="stable")], own))
    sizes = np.concatenate((np.bincount(job[closing], minlength=jobs), np.ones(own.size, np.int64)))
    goal_of_member = np.repeat(np.arange(sizes.size), sizes)
    by_task = np.argsort(member, kind="stable")
    used = np.bincount(job[job >= 0], minlength=jobs) > 0
    job_release, release = _filled(instance.job_release, jobs, 0), _filled(instance.release, n, 0)
    return _Goals(
        ptr=_locked(np.concatenate(([0], np.cumsum(np.bincount(member, minlength=n))))),
        goal=_locked(goal_of_member[by_task]),
        member_ptr=_locked(np.concatenate(([0], np.cumsum(sizes)))),
        member=_locked(member),
        due=_locked(np.concatenate((_filled(instance.job_due, jobs, HORIZON_LIMIT), due[own]))),
        weight=_locked(np.concatenate((_filled(instance.job_weight, jobs, 1), _filled(instance.weight, n, 1)[own]))),
        deadline=_locked(np.concatenate((_filled(instance.job_deadline, jobs, HORIZON_LIMIT), deadline[own]))),
        flows=_locked(np.concatenate((used, job[own] < 0))),
        flow_offset=int(job_release[used].sum() + release[job < 0].sum()),
    )


def _filled(values: IntArray | None, size: int, absent: int) -> IntArray:
    return np.full(size, absent, np.int64) if values is None else values
