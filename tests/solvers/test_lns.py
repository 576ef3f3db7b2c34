"""Large-neighbourhood search: what windows keep, what they find, and what happens when a child dies."""

from __future__ import annotations

import os
import queue
import signal
import threading
import time

import numpy as np
import pytest

from makespan.instances.check import check
from makespan.instances.generators import generate
from makespan.instances.instance import SS, Instance, Setup
from makespan.instances.schedule import Schedule, objective_values
from makespan.solvers.cp_sat import parent
from makespan.solvers.cp_sat.conversation import ChildFailed
from makespan.solvers.cp_sat.search import Report, Request, Search
from makespan.solvers.cp_sat.tasks import Kept
from makespan.solvers.lns import Lns, make
from makespan.solvers.neighbourhoods import KINDS, Chooser, choose_tasks, picture
from makespan.solvers.partial_order import partial_order
from makespan.solvers.stage import Budget, Context, Event
from makespan.solvers.subproblem import cut_out, put_back
from makespan.solvers.time_shift import can_shift, frame, moves_freely, shift_left
from tests.oracles.brute_force import brute_force
from tests.oracles.random_instances import FIELDS, tiny


def run(
    instance: Instance, stage: Lns | None = None, hint: Schedule | None = None, threads: int = 1, **limits: float
) -> Context:
    """The stage in a context of its own."""
    context = Context(instance, Budget(**limits), seed=0, threads=threads)  # type: ignore[arg-type]
    if hint is not None:
        context.offer(hint)
    context.start_clock()
    context.begin_stage("lns", None, None)
    try:
        (stage or Lns()).run(instance, context)
    finally:
        context.close()
    return context


def some_schedule(instance: Instance, seed: int) -> Schedule | None:
    """Any feasible schedule, in this process."""
    found: list[Schedule] = []
    Search(Request(instance, minimise=False, seed=seed, ticks=300), Report(found.append, id, id)).run()
    return found[0] if found else None


@pytest.mark.parametrize("field", FIELDS)
def test_windows_give_feasible_schedules_that_are_no_worse(field: str) -> None:
    """Whatever is free: the incumbent obeys what is kept, so the window has a schedule no worse than it."""
    rng = np.random.default_rng(FIELDS.index(field))
    for seed in range(6):
        instance = tiny(1000 * FIELDS.index(field) + seed, {field, "cumulative", *rng.choice(FIELDS, 2)}, max_tasks=7)
        start = some_schedule(instance, seed)
        if start is None:
            continue
        free = rng.random(instance.num_tasks) < 0.5
        kept = Kept(~free, *partial_order(instance, start, start.end(instance), ~free, rng)[:3])
        found = [start]
        request = Request(instance, start=start.start, mode=start.mode, kept=kept, workers=1)
        outcome = Search(request, Report(found.append, id, id)).run()
        assert outcome.proof == "optimal"
        values = [objective_values(instance, each) for each in found]
        assert values == sorted(values, reverse=True)
        assert check(instance, found[-1]) == []
        assert (found[-1].mode == start.mode)[~free].all()


@pytest.mark.parametrize("field", [field for field in FIELDS if field != "permutation"])
def test_parts_put_back_give_schedules_of_the_whole(field: str) -> None:
    """Where tasks move freely every solution of a part is one of the whole, and no worse in the makespan."""
    rng = np.random.default_rng(FIELDS.index(field))
    for seed in range(8):
        instance = tiny(2000 * FIELDS.index(field) + seed, {field, *rng.choice(FIELDS[:16], 2)}, max_tasks=9)
        start = some_schedule(instance, seed)
        if start is None or instance.permutation:
            continue
        order = partial_order(instance, start, start.end(instance), np.ones(instance.num_tasks, np.bool_), rng)
        whole = frame(instance, start, order)
        free = np.sort(rng.choice(instance.num_tasks, max(1, instance.num_tasks // 3), replace=False))
        part = cut_out(instance, whole, free, 100)
        found: list[Schedule] = []
        if part is not None:
            hint = part.schedule
            request = Request(part.instance, start=hint.start, mode=hint.mode, kept=part.kept, cut=True, ticks=50)
            Search(request, Report(found.append, id, id)).run()
        if part is None or not found:
            continue
        merged = put_back(instance, whole, part, found[-1])
        if moves_freely(instance):
            assert check(instance, merged) == []
        if can_shift(instance):
            assert objective_values(instance, merged) <= objective_values(instance, start)


@pytest.mark.parametrize(("setup", "parts"), [(2, 1), (9, 0)])
def test_no_part_takes_a_task_away_whose_neighbours_need_its_time(setup: int, parts: int) -> None:
    """Three tasks of 2 in a row on one machine, ``setup`` between the outer two, none next to the one in the middle,
    which could run elsewhere. Without it the last starts at 2 + setup, which must not be after the 4 of now."""
    rows: list[list[tuple[int, dict[int, int]]]]
    rows = [[(2, {0: 1})], [(2, {0: 1}), (2, {1: 1})], [(2, {0: 1})], [(20, {})]]
    family, time = np.array([0, -1, -1, 1, -1]), np.array([[0, setup], [setup, 0]])
    instance = Instance.from_lists(rows, [1, 1], [(2, 3)], setup=Setup(family, time, np.array([-1, -1])))
    start = Schedule([0, 2, 4, 6])
    order = partial_order(instance, start, start.end(instance), np.ones(4, np.bool_), _rng())
    part = cut_out(instance, frame(instance, start, order), np.array([1]), 100)
    assert (part is not None) == parts


@pytest.mark.parametrize("seed", range(60))
def test_parts_with_setups_give_schedules_of_the_whole_that_are_no_worse(seed: int) -> None:
    """Setups of any kind, with and without the triangle inequality: every solution of a part, not only the last."""
    rng = np.random.default_rng(seed)
    instance = tiny(70_000 + seed, {"setup", *rng.choice(["multi_mode", "multi_resource", "due", "transport"], 2)}, 9)
    start = some_schedule(instance, seed)
    if start is None or not moves_freely(instance):
        return
    order = partial_order(instance, start, start.end(instance), np.ones(instance.num_tasks, np.bool_), rng)
    whole = frame(instance, start, order)
    free = np.sort(rng.choice(instance.num_tasks, max(1, instance.num_tasks // 3), replace=False))
    part = cut_out(instance, whole, free, 100)
    if part is None:
        return
    found: list[Schedule] = []
    request = Request(part.instance, start=part.schedule.start, mode=part.schedule.mode, kept=part.kept, cut=True)
    Search(request, Report(found.append, id, id)).run()
    for each in found:
        merged = put_back(instance, whole, part, each)
        assert check(instance, merged) == []
        assert objective_values(instance, merged)[0] <= objective_values(instance, start)[0] or not can_shift(instance)


@pytest.mark.parametrize("seed", range(20))
def test_schedules_pushed_left_stay_feasible(seed: int) -> None:
    """Setups, lags and journeys hold when every task starts as early as its arcs and its place allow."""
    fields = ("setup", "transport", "time_lag", "release", "multi_mode")
    instance = tiny(3000 + seed, {fields[seed % 5], "cumulative", fields[(seed + 1) % 5]}, max_tasks=7)
    start = some_schedule(instance, seed)
    if start is None or not moves_freely(instance):
        return
    order = partial_order(instance, start, start.end(instance), np.ones(instance.num_tasks, np.bool_), _rng())
    left = shift_left(instance, start, order)
    assert check(instance, left) == []
    assert (left.start <= start.start).all()


@pytest.mark.parametrize("name", ["makespan", "weighted_tardiness"])
def test_large_instances_improve_part_by_part(name: str) -> None:
    """A model of 40 tasks at most improves a shop of 150; ``offer`` checks every schedule."""
    instance = generate("uniform,jobs=15,machines=10,seed=4")
    due = np.arange(15) * 20 + 400
    instance = instance.replace(job_due=due, job_weight=np.full(15, 2), objective=(name,))
    context = run(instance, Lns(size=10, model=40, ticks=30), iterations=40)
    values = [objective for _, objective, _ in context.trace if objective is not None]
    assert values[-1] < values[0]
    assert context.iterations == 40


@pytest.mark.parametrize("seed", range(12))
def test_tiny_instances_end_at_a_proved_optimum(seed: int) -> None:
    """Windows grow until they hold every task; the proof agrees with exhaustive search."""
    instance = tiny(seed + 500)
    best = brute_force(instance)
    context = run(instance, Lns(size=2), seconds=20.0)
    assert context.objectives == best
    assert context.proof == ("infeasible" if best is None else "optimal")


def test_kept_tasks_keep_their_modes_and_their_order() -> None:
    """Two tasks of 3 and 2 on one machine, both kept: swapping them would pay, but may not."""
    instance = Instance.from_lists([[(3, {0: 1})], [(2, {0: 1})]], [1], due=[9, 2], objective=("total_tardiness",))
    start = Schedule([0, 3])
    kept = Kept(
        np.ones(2, np.bool_), *partial_order(instance, start, np.array([3, 5]), np.ones(2, np.bool_), _rng())[:3]
    )
    found: list[Schedule] = []
    request = Request(instance, start=start.start, mode=start.mode, kept=kept)
    assert Search(request, Report(found.append, id, id)).run().proof == "optimal"
    assert found == []
    assert Search(Request(instance, start=start.start, mode=start.mode), Report(found.append, id, id)).run()
    assert objective_values(instance, found[-1]) == (0,)


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_flow_passes_every_unit_that_a_cumulative_task_needs() -> None:
    """Capacity 2: tasks of 1, 1, then 2: the last one waits for both, whichever units it gets."""
    instance = Instance.from_lists([[(2, {0: 1})], [(3, {0: 1})], [(1, {0: 2})]], [2])
    order = partial_order(instance, Schedule([0, 0, 3]), np.array([2, 3, 4]), np.ones(3, np.bool_), _rng())
    assert sorted(zip(order.pred.tolist(), order.succ.tolist(), order.lag.tolist(), strict=True)) == [
        (0, 2, 2),
        (1, 2, 3),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_neighbourhoods_choose_distinct_tasks_within_the_size(kind: str) -> None:
    """At least one, at most as many as asked for, in rising order; all of them when that is enough."""
    instance = generate("rcpsp,activities=30,seed=1")
    start = some_schedule(instance, 0)
    assert start is not None
    everyone = np.ones(instance.num_tasks, np.bool_)
    seen = picture(instance, start, partial_order(instance, start, start.end(instance), everyone, _rng()))
    rng = _rng()
    for size in (2, 9, 100):
        tasks = choose_tasks(kind, size, instance, seen, rng)
        assert (np.diff(tasks) > 0).all()
        assert 1 <= tasks.size <= min(size, instance.num_tasks)


def test_critical_tasks_are_those_on_a_longest_chain() -> None:
    """0 (3) before 1 (2) on machine 0 ends at 5; task 2 (1) on machine 1 has room to spare."""
    instance = Instance.from_lists([[(3, {0: 1})], [(2, {0: 1})], [(1, {1: 1})]], [1, 1])
    start = Schedule([0, 3, 1])
    order = partial_order(instance, start, start.end(instance), np.ones(3, np.bool_), _rng())
    assert picture(instance, start, order).critical.tolist() == [True, True, False]


def test_weights_follow_rewards_and_sizes_follow_effort() -> None:
    """What improves is drawn more often; what is solved at once grows, what hits the limit shrinks."""
    chooser = Chooser(40)
    for _ in range(20):
        chooser.learn("time", improved=True, proved=True, effort=10)
        chooser.learn("random", improved=False, proved=False, effort=1000)
    assert chooser.weight["time"] > 10 * chooser.weight["random"]
    assert chooser.sizes["time"] > 100
    assert chooser.sizes["random"] < 20
    drawn = [chooser.draw(rng)[0] for rng in [_rng()] for _ in range(200)]
    assert drawn.count("time") > 100


def test_iterations_make_runs_reproducible() -> None:
    """One thread, same seed, 12 windows: the same schedule twice."""
    instance = generate("rcpsp,activities=30,seed=3,resource_strength=0.2")
    first, second = (run(instance, Lns(size=10, ticks=50), iterations=20) for _ in range(2))
    assert first.iterations <= 20
    assert first.incumbent == second.incumbent


def test_infeasible_project_with_maximal_lags_stays_infeasible() -> None:
    """Two tasks on one machine must start within 1 of each other, yet each runs for 3."""
    instance = Instance.from_lists([[(3, {0: 1})], [(3, {0: 1})]], [1], [(0, 1, SS, -1), (1, 0, SS, -1)])
    context = run(instance, seconds=10.0)
    assert context.proof == "infeasible"


def test_killed_child_is_reported_and_replaced() -> None:
    """SIGKILL in the middle of the search: an event says so, and windows go on to be solved."""
    instance = generate("uniform,jobs=15,machines=10,seed=1")
    context = Context(instance, Budget(seconds=60.0), seed=0, threads=1)
    hint = some_schedule(instance, 0)
    assert hint is not None
    context.offer(hint)
    Lns().warm()
    child = parent._idle[0]
    context.start_clock()

    def kill_then_stop() -> None:
        while context.iterations < 2 and not context.expired():
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGKILL)
        reached = context.iterations + 3
        while context.iterations < reached and not context.expired():
            time.sleep(0.01)
        context.stop()

    killer = threading.Thread(target=kill_then_stop)
    killer.start()
    Lns(ticks=50).run(instance, context)
    killer.join()
    assert context.iterations >= 5
    assert "SIGKILL" in next(event.data["message"] for event in _events(context) if event and event.kind == "failed")


def _events(context: Context) -> list[Event | None]:
    found = []
    while True:
        try:
            found.append(context.events.get_nowait())
        except queue.Empty:
            return found


def test_child_that_always_fails_ends_the_search_and_keeps_the_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bounded number of new children, then the stage fails with the reason."""
    instance = generate("uniform,jobs=3,machines=3,seed=1")

    def broken() -> parent.ChildProcess:
        raise RuntimeError("the CP-SAT process did not start: no room")

    monkeypatch.setattr("makespan.solvers.cp_sat.conversation.take_child", broken)
    context = Context(instance, Budget(seconds=60.0), 0, 1)
    with pytest.raises(ChildFailed, match="no room"):
        Lns().run(instance, context)
    assert context.incumbent is not None
    assert context.seconds() < 40.0


def test_two_threads_share_the_incumbent_and_stop_in_time() -> None:
    """Two children, two seconds: checked by ``offer``, and over soon after the limit."""
    instance = generate("uniform,jobs=15,machines=10,seed=2")
    Lns().warm()
    context = run(instance, threads=2, seconds=2.0)
    assert context.seconds() < 15.0
    assert context.iterations >= 1
    values = [objective for _, objective, _ in context.trace if objective is not None]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"size": "0"}, "expected 1 or more"), ({"params": "x"}, "expected key:value"), ({"a": "1"}, "unknown parameter")],
)
def test_parameters_that_do_not_read_are_refused(parameters: dict[str, str], message: str) -> None:
    """One sentence each, as ValueError."""
    with pytest.raises(ValueError, match=message):
        make(None, **parameters)
