"""The batch of project episodes: RCPSP, multi-mode, and everything else that schedule generation takes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from makespan.envs.project_batch import MEASURES, ProjectBatch
from makespan.envs.rows import draw
from makespan.instances.check import check
from makespan.instances.generators import generate
from makespan.instances.instance import Instance, IntArray
from makespan.instances.project_view import PROJECT_FEATURES, project_view
from makespan.instances.schedule import makespan, objective_values
from makespan.instances.sets import load
from makespan.solvers.api import Budget, solve
from makespan.solvers.kernels.project_state import new_project
from makespan.solvers.project_rules import RULES, Network
from tests.oracles.random_instances import FIELDS, tiny

SCHEMES = ("serial", "parallel")


def play(batch: ProjectBatch, random: np.random.Generator) -> IntArray:
    """Random legal actions until every row is over: shape (rows, steps), -1 where a row was over."""
    actions = []
    while not batch.is_over.all():
        action = draw(random, batch.count)
        actions.append(np.where(batch.is_over, -1, action))
        batch.step(action)
    return np.stack(actions, axis=1)


def projects() -> Iterator[Instance]:
    """Small projects of every kind, alone and mixed."""
    yield load("j301_1")
    yield load("c154_3")
    yield load("ft06")
    fields = [field for field in FIELDS if field in PROJECT_FEATURES or field in ("multi_resource", "cumulative")]
    for seed in range(60):
        instance = tiny(seed, [fields[seed % len(fields)], fields[seed // 3 % len(fields)]])
        if instance.features <= PROJECT_FEATURES and project_view(instance).is_acyclic:
            yield instance


PROJECTS = tuple(projects())


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("forced", ["ask", "take"])
def test_any_sequence_of_legal_actions_gives_a_schedule(scheme: str, forced: str) -> None:
    """Whatever is chosen, a completed row holds a schedule without a broken constraint."""
    batch = ProjectBatch(PROJECTS, 4 * len(PROJECTS), scheme=scheme, forced=forced)
    play(batch, np.random.default_rng(0))
    complete = np.flatnonzero(batch.is_complete)
    assert complete.size > batch.num_rows // 2
    for row in complete.tolist():
        assert check(batch.instances[batch.which[row]], batch.schedule(row)) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_replaying_actions_is_the_same_as_stepping(scheme: str) -> None:
    """Trainers store actions only; the bits of the state must come back, also from the middle and on two threads."""
    batch = ProjectBatch(PROJECTS, 64, scheme=scheme)
    actions = play(batch, np.random.default_rng(1))
    again = ProjectBatch(PROJECTS, 64, scheme=scheme, threads=2)
    again.replay(actions, end=3)
    again.replay(actions, begin=3)
    for name in ("activity", "progress", "chosen", "budget", "placed"):
        assert np.array_equal(getattr(batch.state, name), getattr(again.state, name))


@pytest.mark.parametrize("rule", ["lft", "mts", "spt", "grpw"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_rule_played_here_is_the_rule_as_a_solver(rule: str, scheme: str) -> None:
    """One kernel places the activities of both: the least key, then the least number."""
    instances = [load(name) for name in ("j301_1", "j3048_10", "j601_1", "j1201_1", "j12060_1")]
    batch = ProjectBatch(instances, scheme=scheme)
    keys = [rule_key(instance, rule) for instance in instances]
    while not batch.is_over.all():
        found, action = batch.candidates(), np.zeros(batch.num_rows, np.int64)
        for row, key in enumerate(keys):
            number = found.count[row]
            if number:
                action[row] = int(np.argmin(key[found.task[row, :number]]))
        batch.step(action)
    for row, instance in enumerate(instances):
        assert batch.schedule(row) == solve(instance, f"sgs:{rule},scheme={scheme}").schedule, instance.name


def rule_key(instance: Instance, rule: str) -> IntArray:
    view = project_view(instance)
    key: IntArray = RULES[rule].key(Network(instance, new_project(view, view.mode_ptr[:-1].copy())))
    return key


@pytest.mark.parametrize("name", ["j301_1", "j309_4", "c154_3"])
def test_the_order_of_an_optimal_schedule_builds_it_again(name: str) -> None:
    """The serial scheme contains an optimum: its activities by start, in its modes."""
    instance = load(name)
    optimum = solve(instance, "cpsat", Budget(seconds=20), seed=0)
    assert optimum.schedule is not None and optimum.objectives is not None
    start, mode = optimum.schedule.start, optimum.schedule.mode
    batch = ProjectBatch([instance])
    while not batch.is_over.all():
        found = batch.candidates()
        number = found.count[0]
        task = found.task[0, :number]
        cost = np.where(found.mode[0, :number] == mode[task], start[task], 2**60)
        batch.step([int(cost.argmin())])
    assert batch.measure("makespan")[0] <= optimum.objectives[0]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_measures_never_fall_and_end_at_the_value_of_the_schedule(scheme: str) -> None:
    """Rewards are their differences, so that what an episode adds up to is known."""
    batch = ProjectBatch(PROJECTS, 2 * len(PROJECTS), scheme=scheme)
    random, before = np.random.default_rng(2), {name: batch.measure(name) for name in MEASURES}
    while not batch.is_over.all():
        batch.step(draw(random, batch.count))
        for name in MEASURES:
            now = batch.measure(name)
            assert (now >= before[name]).all(), name
            before[name] = now
    for row in np.flatnonzero(batch.is_complete).tolist():
        instance, schedule = batch.instances[batch.which[row]], batch.schedule(row)
        assert before["makespan"][row] == before["lower_bound"][row] == makespan(instance, schedule.end(instance))
        flow_time = instance.replace(objective=("flow_time",))
        assert before["flow_time"][row] == objective_values(flow_time, schedule)[0]
        if "due" in instance.features:
            tardiness = instance.replace(objective=("weighted_tardiness",))
            assert before["tardiness"][row] == objective_values(tardiness, schedule)[0]
        else:
            assert before["tardiness"][row] == 0


def test_modes_leave_enough_for_the_others() -> None:
    """By hand: 5 units for two activities that take 1 or 4 each: after a 4, only the 1 is left."""
    slow_or_fast = [(9, {0: 1}), (1, {0: 4})]
    project = Instance.from_lists([slow_or_fast, slow_or_fast], [5], [], [False])
    batch = ProjectBatch([project])
    assert batch.candidates().mode[0, :4].tolist() == [0, 1, 0, 1]
    batch.step([1])
    found = batch.candidates()
    assert found.count[0] == 1 and found.mode[0, 0] == 0
    batch.step([0])
    assert check(project, batch.schedule(0)) == []
    assert batch.measure("makespan")[0] == 9


def test_a_project_without_enough_to_spend_is_over_at_once() -> None:
    """No choice of modes fits: there is nothing to decide, and the row is not complete."""
    task = [(1, {0: 3})]
    batch = ProjectBatch([Instance.from_lists([task, task], [5], [], [False])])
    assert batch.is_over[0] and not batch.is_complete[0]
    with pytest.raises(ValueError, match="2 tasks that are not placed"):
        batch.schedule(0)


def test_permuting_activities_permutes_the_features() -> None:
    """Nothing in the features depends on a number."""
    instance = load("j301_1")
    order = np.random.default_rng(0).permutation(instance.num_tasks)
    other = renumbered(instance, order)
    first, second = ProjectBatch([instance]), ProjectBatch([other])
    random = np.random.default_rng(1)
    while not first.is_over.all():
        ours, theirs = first.candidates(), second.candidates()
        assert ours.count[0] == theirs.count[0]
        match = [
            int(np.flatnonzero(order[theirs.task[0, : theirs.count[0]]] == task)[0])
            for task in ours.task[0][: ours.count[0]]
        ]
        assert np.allclose(first.candidate_features()[0, : ours.count[0]], second.candidate_features()[0, match])
        assert np.allclose(first.graph_features()[0][0, order], second.graph_features()[0][0])
        choice = int(random.integers(ours.count[0]))
        first.step([choice])
        second.step([match[choice]])


def renumbered(instance: Instance, order: IntArray) -> Instance:
    """Task i of the result is task ``order[i]`` of the instance."""
    number = np.argsort(order)
    tasks = [
        [
            (
                int(instance.duration[m]),
                {
                    int(instance.demand_resource[d]): int(instance.demand_amount[d])
                    for d in range(instance.demand_ptr[m], instance.demand_ptr[m + 1])
                },
            )
            for m in range(instance.mode_ptr[task], instance.mode_ptr[task + 1])
        ]
        for task in order
    ]
    arcs = [
        (int(number[pred]), int(number[succ]), int(kind), int(lag))
        for pred, succ, kind, lag in zip(
            instance.arc_pred, instance.arc_succ, instance.arc_kind, instance.arc_lag, strict=True
        )
    ]
    return Instance.from_lists(tasks, instance.capacity.tolist(), arcs, instance.renewable.tolist())


def test_projects_of_different_sizes_share_a_batch() -> None:
    batch = ProjectBatch([generate("rcpsp,activities=10,seed=1"), load("j1201_1")], 4)
    play(batch, np.random.default_rng(0))
    assert batch.is_complete.all()
    with pytest.raises(ValueError, match="arcs that close a cycle"):
        ProjectBatch([Instance.from_lists([[(1, {})], [(1, {})]], [1], [(0, 1, 2, 0), (1, 0, 2, 0)], [True])])
    with pytest.raises(ValueError, match="scheme: found 'append'"):
        ProjectBatch([load("j301_1")], scheme="append")
