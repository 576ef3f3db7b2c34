"""Plans of general shops: after every move they are what a full evaluation gives, and schedules of the instance."""

import numpy as np
import pytest

from makespan.instances.check import check
from makespan.instances.features import unsupported
from makespan.instances.generators import generate
from makespan.instances.instance import HORIZON_LIMIT, Instance
from makespan.instances.schedule import Schedule, objective_values
from makespan.solvers.general_shop import (
    GENERAL_SHOP_FEATURES,
    GeneralShop,
    general_shop,
    modes_of,
    new_plan,
    objectives_of,
    schedule_of,
    set_plan,
)
from makespan.solvers.general_shop_start import list_schedule
from makespan.solvers.kernels.annealing import CONTROLS, HALVINGS, HOT, LENGTH, Search, anneal
from makespan.solvers.kernels.general_shop import Plan
from tests.oracles.random_instances import FIELDS, tiny

FIELDS_OF_SHOPS = [field for field in FIELDS if field in GENERAL_SHOP_FEATURES]
ALL_OBJECTIVES = ("weighted_tardiness", "max_lateness", "total_tardiness", "flow_time", "makespan")


def started(instance: Instance) -> tuple[GeneralShop, Plan] | None:
    """A plan in the order of the list schedule; None where what is fixed cannot be met."""
    general = general_shop(instance)
    plan = new_plan(general)
    first = list_schedule(general, lambda: False)
    assert first is not None
    if not set_plan(general, plan, *first):
        return None
    broken = check(without_deadlines(instance), schedule_of(general, plan.mode, plan.start))
    return None if broken and "fixed" in instance.features else (general, plan)


def hot_search(plan: Plan, seed: int) -> Search:
    """A walk so hot that it takes nearly every move."""
    terms = plan.value.size
    search = Search(
        control=np.zeros(CONTROLS, np.int64),
        heat=np.full(terms, 1 << 20),
        heat_shift=np.zeros(terms, np.int64),
        worse_log=np.zeros(terms, np.int64),
        worse_count=np.zeros(terms, np.int64),
        best_value=plan.value.copy(),
        best_start=plan.start.copy(),
        best_mode=plan.mode.copy(),
        random=np.array([seed], np.uint64),
    )
    search.control[[LENGTH, HOT, HALVINGS]] = 1 << 20, 1, 1
    return search


def without_deadlines(instance: Instance) -> Instance:
    return instance.replace(deadline=None, job_deadline=None)


def penalty(instance: Instance, schedule: Schedule) -> int:
    """By how much jobs and tasks together miss their own deadlines."""
    end = schedule.end(instance)
    total = 0
    if instance.deadline is not None:
        total += int(np.maximum(0, end - instance.deadline).sum())
    if instance.job_deadline is not None and instance.job is not None:
        for j, latest in enumerate(instance.job_deadline.tolist()):
            total += max(0, int(end[instance.job == j].max(initial=0)) - latest)
    return total


def is_sound(instance: Instance, general: GeneralShop, plan: Plan) -> None:
    """The plan is a schedule but for deadlines, its order is topological, and a full evaluation finds the same."""
    schedule = schedule_of(general, plan.mode, plan.start)
    assert check(without_deadlines(instance), schedule) == []
    assert (schedule.end(instance) == plan.end).all()
    assert objectives_of(general, plan.value) == objective_values(instance, schedule)
    if general.has_deadlines:
        assert plan.value[0] == penalty(instance, schedule)
    assert (plan.order[plan.place] == np.arange(plan.place.size)).all()
    assert (plan.place[instance.arc_pred] < plan.place[instance.arc_succ]).all()
    follows = np.flatnonzero(plan.before >= 0)
    assert (plan.place[plan.before[follows]] < plan.place[follows]).all()
    assert (plan.after[plan.before[follows]] == follows).all()
    assert not plan.stale.any() and not plan.goal_stale.any()
    again = new_plan(general)
    assert set_plan(general, again, plan.mode, plan.start)
    for name in ("start", "end", "before", "after", "first", "finish", "value"):
        assert (getattr(again, name) == getattr(plan, name)).all(), name


def is_left_shifted(instance: Instance, general: GeneralShop, plan: Plan) -> None:
    """No task can start earlier behind the task before it on its machine."""
    for task in range(instance.num_tasks):
        before = plan.before[task]
        for start in range(plan.end[before] if before >= 0 else 0, plan.start[task]):
            earlier = plan.start.copy()
            earlier[task] = start
            assert check(without_deadlines(instance), schedule_of(general, plan.mode, earlier)) != []


@pytest.mark.parametrize("field", FIELDS_OF_SHOPS)
def test_every_move_leaves_what_a_full_evaluation_gives(field: str) -> None:
    """Incremental times, orders and objectives after each of thousands of moves, taken or taken back, in every mix."""
    played = 0
    for seed in range(40):
        rng = np.random.default_rng([seed, FIELDS.index(field)])
        others = [name for name in FIELDS_OF_SHOPS if rng.random() < 0.4]
        instance = tiny(rng, [field, *others], max_tasks=8)
        if unsupported(instance, GENERAL_SHOP_FEATURES, "this") or (found := started(instance)) is None:
            continue
        general, plan = found
        search = hot_search(plan, seed)
        for number in range(12):
            anneal(general.shop, plan, search, 1 + number % 3)
            is_sound(instance, general, plan)
        is_left_shifted(instance, general, plan)
        played += 1
        if played == 10:
            break
    assert played == 10


@pytest.mark.parametrize(
    "spec", ["uniform,jobs=12,machines=5", "flexible,jobs=10,machines=5", "recirculating,jobs=6,machines=4"]
)
def test_long_walks_on_shops_stay_sound(spec: str) -> None:
    """Windows of the order are long here, and moves jump over several tasks or close circles."""
    shop = generate(spec, seed=4)
    rng = np.random.default_rng(0)
    instance = shop.replace(
        job_due=rng.integers(50, 300, shop.num_jobs),
        job_weight=rng.integers(1, 5, shop.num_jobs),
        due=np.where(rng.random(shop.num_tasks) < 0.1, 60, HORIZON_LIMIT),
        deadline=np.where(rng.random(shop.num_tasks) < 0.1, 90, HORIZON_LIMIT),
        objective=ALL_OBJECTIVES,
    )
    found = started(instance)
    assert found is not None
    general, plan = found
    search = hot_search(plan, 9)
    for _ in range(150):
        anneal(general.shop, plan, search, 20)
        is_sound(instance, general, plan)


def test_a_move_that_is_not_taken_changes_nothing() -> None:
    """A descent refuses what makes the plan worse and counts it; of that nothing may remain."""
    instance = generate("uniform", jobs=8, machines=5, seed=4).replace(objective=("flow_time",))
    found = started(instance)
    assert found is not None
    general, plan = found
    search = hot_search(plan, 9)
    search.control[HOT] = 0
    kept = ("mode", "before", "after", "first", "order", "place", "start", "end", "finish", "value")
    same = 0
    for _ in range(3000):
        value, copies = plan.value.copy(), [getattr(plan, name).copy() for name in kept]
        worse = search.worse_count.sum()
        anneal(general.shop, plan, search, 1)
        assert plan.value[0] <= value[0]
        if search.worse_count.sum() > worse:
            assert all((getattr(plan, name) == copy).all() for name, copy in zip(kept, copies, strict=True))
            same += 1
    assert same > 1000


def test_a_schedule_comes_back_as_the_plan_it_came_from() -> None:
    """Modes and starts are all that a plan is; a shop that leaves a mode out says so."""
    instance = generate("flexible", jobs=5, machines=4, seed=1)
    found = started(instance)
    assert found is not None
    general, plan = found
    schedule = schedule_of(general, plan.mode, plan.start)
    mode = modes_of(general, schedule)
    assert mode is not None and (mode == plan.mode).all()
    frozen = general_shop(instance.replace(fixed_mode=schedule.mode))
    other = next(i for i in range(instance.num_tasks) if instance.mode_ptr[i + 1] - instance.mode_ptr[i] > 1)
    changed = schedule.mode.copy()
    changed[other] = (changed[other] + 1) % (instance.mode_ptr[other + 1] - instance.mode_ptr[other])
    assert modes_of(frozen, Schedule(schedule.start, changed)) is None


def test_starts_against_the_precedence_are_no_plan() -> None:
    """Their order would not be topological, which the kernels rely on."""
    general = general_shop(Instance.job_shop([[0, 1]], [[2, 3]]))
    assert not set_plan(general, new_plan(general), np.array([0, 1]), np.array([5, 0]))


def test_a_circle_of_precedence_has_no_rank() -> None:
    """Task 2 stands before a circle, 0 and 1 on it."""
    instance = Instance.from_lists([[(1, {0: 1})]] * 3, [1], [(0, 1), (1, 0), (2, 0)])
    general = general_shop(instance)
    assert not general.is_acyclic and general.rank.tolist() == [-1, -1, 0]
