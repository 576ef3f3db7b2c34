"""The batch of job shop episodes: what every other environment, trainer and sampler builds on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.envs.rows import draw
from makespan.envs.rule_policy import RulePolicy
from makespan.envs.shop_batch import MEASURES, Limits, ShopBatch
from makespan.instances.check import check
from makespan.instances.generators import generate
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import makespan, objective_values
from makespan.instances.sets import load
from makespan.instances.shop_view import SHOP_FEATURES
from makespan.solvers.api import Budget, solve
from tests.oracles.random_instances import FIELDS, tiny

SCHEMES: dict[str, dict[str, Any]] = {
    "append": {"scheme": "append"},
    "insertion": {"scheme": "insertion"},
    "active": {"scheme": "giffler_thompson"},
    "half active": {"scheme": "giffler_thompson", "delta": 50},
    "non-delay": {"scheme": "non_delay"},
    "wait": {"scheme": "non_delay", "wait": True},
}
"""Every way to build a schedule."""


def play(batch: ShopBatch, random: np.random.Generator) -> IntArray:
    """Random legal actions until every row is over: shape (rows, steps), -1 where a row was over."""
    actions = []
    while not batch.is_over.all():
        action = draw(random, batch.count)
        actions.append(np.where(batch.is_over, -1, action))
        batch.step(action)
    return np.stack(actions, axis=1) if actions else np.zeros((batch.num_rows, 0), np.int64)


def shops() -> Iterator[Instance]:
    """Small shops of every kind that has a view, alone and mixed."""
    yield load("ft06")
    yield generate("flexible,jobs=4,machines=3,seed=1")
    yield generate("recirculating,jobs=4,machines=3,seed=2,min_operations=1,max_operations=5")
    fields = [field for field in FIELDS if field in SHOP_FEATURES]
    for seed in range(40):
        instance = tiny(seed, [fields[seed % len(fields)], fields[seed // 3 % len(fields)]])
        if instance.features <= SHOP_FEATURES:
            yield instance


SHOPS = tuple(shops())


@pytest.mark.parametrize("way", SCHEMES)
@pytest.mark.parametrize("forced", ["ask", "take"])
def test_any_sequence_of_legal_actions_gives_a_schedule(way: str, forced: str) -> None:
    """Whatever is chosen, a completed row holds a schedule without a broken constraint."""
    batch = ShopBatch(SHOPS, 4 * len(SHOPS), forced=forced, **SCHEMES[way])
    play(batch, np.random.default_rng(0))
    complete = np.flatnonzero(batch.is_complete)
    assert complete.size > batch.num_rows // 2
    for row in complete.tolist():
        instance = batch.instances[batch.which[row]]
        if "fixed" not in instance.features:  # what is fixed may contradict itself
            assert check(instance, batch.schedule(row)) == []


@pytest.mark.parametrize("way", SCHEMES)
def test_replaying_actions_is_the_same_as_stepping(way: str) -> None:
    """Trainers store actions only; the bits of the state must come back, also from the middle and on two threads."""
    batch = ShopBatch(SHOPS, 64, **SCHEMES[way])
    middle = None
    actions = play(batch, np.random.default_rng(1))
    again = ShopBatch(SHOPS, 64, threads=2, **SCHEMES[way])
    again.replay(actions, end=3)
    middle = again.snapshot()
    again.replay(actions, begin=3)
    for stepped, replayed in zip(batch.snapshot(), again.snapshot(), strict=True):
        assert np.array_equal(stepped, replayed)
    again.restore(middle)
    again.replay(actions, begin=3)
    assert np.array_equal(batch.state, again.state)


def test_a_fork_lives_its_own_life() -> None:
    """A beam copies rows: the copy plays on without touching the original."""
    batch = ShopBatch([load("ft06")], 3, scheme="append")
    for _ in range(5):
        batch.step(np.zeros(3, np.int64))
    batch.fork([0, 0], [1, 2])
    before = batch.snapshot([0])
    batch.step([0, 1], [1, 2])
    assert all(np.array_equal(a, b) for a, b in zip(before, batch.snapshot([0]), strict=True))
    assert not np.array_equal(batch.state[1], batch.state[2])
    batch.restore(before, [2])
    assert np.array_equal(batch.state[2], batch.state[0])


def test_an_illegal_action_changes_nothing() -> None:
    """All rows are checked before the first one moves."""
    batch = ShopBatch([load("ft06")], 2, scheme="append")
    before = batch.snapshot()
    with pytest.raises(ValueError, match="row 1: found action 6, expected 0 to 5"):
        batch.step([0, 6])
    with pytest.raises(ValueError, match="expected each row once"):
        batch.step([0, 0], [1, 1])
    with pytest.raises(ValueError, match=r"found shape \(3,\)"):
        batch.step([0, 0, 0])
    assert all(np.array_equal(a, b) for a, b in zip(before, batch.snapshot(), strict=True))


def test_finished_rows_stay_finished() -> None:
    """Rows of different lengths share a batch: what is over ignores its action."""
    short, long = load("ft06"), generate("uniform,jobs=6,machines=8,seed=0")
    batch = ShopBatch([short, long], scheme="append")
    for _ in range(36):
        batch.step([0, 0])
    done = batch.snapshot([0])
    assert batch.is_over.tolist() == [True, False]
    for _ in range(12):
        batch.step([99, 0])
    assert all(np.array_equal(a, b) for a, b in zip(done, batch.snapshot([0]), strict=True))
    assert batch.is_complete.all()


@pytest.mark.parametrize("rule", ["spt", "mwkr", "fifo", "fdd_mwkr"])
@pytest.mark.parametrize("scheme", ["append", "insertion", "giffler_thompson", "non_delay"])
def test_a_rule_played_here_is_the_rule_as_a_solver(rule: str, scheme: str) -> None:
    """One kernel builds both, and both see the same candidates."""
    instances = [load(name) for name in ("ft06", "la16", "ta01", "swv06", "mk01", "abz7")]
    batch = ShopBatch(instances, scheme=scheme, modes="preferred")
    policy = RulePolicy(batch, rule)
    while not batch.is_over.all():
        batch.step(policy.actions())
    for row, instance in enumerate(instances):
        solved = solve(instance, f"rule:{rule},scheme={scheme}")
        assert batch.schedule(row) == solved.schedule, instance.name


@pytest.mark.parametrize("name", ["ft06", "la16", "la21"])
@pytest.mark.parametrize("way", ["append", "insertion", "active", "wait"])
def test_the_order_of_an_optimal_schedule_builds_it_again(name: str, way: str) -> None:
    """These schemes contain an optimum: what comes first in it leads to its makespan.

    An active schedule fills the gap before an operation that is not there yet with what ends first, which delays
    nothing; and where a clock runs, nothing starts before the time it has in the optimum if waiting is allowed.
    """
    instance = load(name)
    optimum = solve(instance, "tabu", Budget(iterations=30_000), seed=0)
    assert optimum.schedule is not None and optimum.objectives is not None
    start, placed = optimum.schedule.start, np.zeros(instance.num_tasks, np.bool_)
    batch = ShopBatch([instance], **SCHEMES[way])
    while not batch.is_over.all():
        found = batch.candidates()
        number = found.count[0]
        task, begin = found.task[0, :number], batch.candidate_starts()[0, :number]
        wanted = np.where(task >= 0, start[task], 2**60)
        choice = int(wanted.argmin())
        if way == "wait" and wanted[choice] > begin.min() and task[-1] < 0:
            choice = number - 1
        if way == "active":
            rivals = ~placed & (instance.machine == instance.machine[task[0]])
            if start[rivals].min() < wanted[choice]:
                choice = int((begin + instance.duration[task]).argmin())
        if task[choice] >= 0:
            placed[task[choice]] = True
        batch.step([choice])
    assert batch.measure("makespan")[0] <= optimum.objectives[0]


@pytest.mark.parametrize("way", SCHEMES)
def test_measures_never_fall_and_end_at_the_value_of_the_schedule(way: str) -> None:
    """Rewards are their differences, so that what an episode adds up to is known."""
    plain = [each for each in SHOPS if "fixed" not in each.features]
    batch = ShopBatch(plain, 2 * len(plain), **SCHEMES[way])
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


def test_waiting_time_is_what_operations_wait_for_machines() -> None:
    """By hand: both jobs need machine 0 first, for 3 and 2; the second one waits 3."""
    shop = Instance.job_shop([[0], [0]], [[3], [2]])
    batch = ShopBatch([shop], scheme="append")
    batch.step([0])
    batch.step([0])
    assert batch.measure("waiting_time").tolist() == [3]


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**31), way=st.sampled_from(sorted(SCHEMES)), jobs=st.integers(1, 6), machines=st.integers(2, 5)
)
def test_twin_rollouts_are_equal(seed: int, way: str, jobs: int, machines: int) -> None:
    """Same actions, same episode, whatever was played in the row before and wherever it stands."""
    instance = generate("recirculating", jobs=jobs, machines=machines, seed=seed, min_operations=1, max_operations=5)
    batch = ShopBatch([SHOPS[1], instance], 2, limits=Limits(6, 30, 5, 3), **SCHEMES[way])
    play(batch, np.random.default_rng(seed))
    batch.reset(instance=1)
    actions = play(batch, np.random.default_rng(seed))
    alone = ShopBatch([instance], 2, limits=Limits(6, 30, 5, 3), **SCHEMES[way])
    alone.replay(actions)
    assert np.array_equal(alone.state, batch.state)
    assert check(instance, batch.schedule(0)) == []


def test_permuting_jobs_and_machines_permutes_the_features() -> None:
    """Nothing in the features depends on a number: those of candidates, operations and machines come along."""
    random = np.random.default_rng(3)
    machine, duration = load_matrix("ft06")
    job_order, machine_order = random.permutation(6), random.permutation(6)
    renamed = np.argsort(machine_order)[machine[job_order]]
    batch = ShopBatch([Instance.job_shop(machine.tolist(), duration.tolist())], scheme="append")
    other = ShopBatch([Instance.job_shop(renamed.tolist(), duration[job_order].tolist())], scheme="append")
    while not batch.is_over.all():
        assert np.allclose(batch.candidate_features()[0, order_of(batch, job_order)], live(other))
        operation, machine_rows = batch.graph_features()
        own, own_machines = other.graph_features()
        assert np.allclose(operation[0].reshape(6, 6, -1)[job_order].reshape(36, -1), own[0])
        assert np.allclose(machine_rows[0][machine_order], own_machines[0])
        choice = int(random.integers(other.count[0]))
        job = job_order[other.job[0, choice]]
        other.step([choice])
        batch.step([int(np.flatnonzero(batch.job[0, : batch.count[0]] == job)[0])])


def load_matrix(name: str) -> tuple[IntArray, IntArray]:
    instance = load(name)
    return instance.machine.reshape(6, 6).astype(np.int64), instance.duration.reshape(6, 6)


def order_of(batch: ShopBatch, job_order: IntArray) -> IntArray:
    """Positions of the candidates of ``batch`` in the order that the renamed jobs give them."""
    place = {int(job): i for i, job in enumerate(batch.job[0, : batch.count[0]])}
    return np.array([place[int(job)] for job in job_order if int(job) in place])


def live(batch: ShopBatch) -> np.ndarray:
    return batch.candidate_features()[0, : batch.count[0]]


def test_wrong_arguments_are_named() -> None:
    shop = load("ft06")
    for arguments, message in (
        ({"scheme": "best"}, "scheme: found 'best'"),
        ({"wait": True, "scheme": "append"}, "wait: found scheme append"),
        ({"delta": 101, "scheme": "giffler_thompson"}, "delta: found 101"),
        ({"rows": 0}, "rows: found 0"),
        ({"threads": 0}, "threads: found 0"),
        ({"limits": Limits(5, 36, 6, 1)}, "6 jobs, expected at most 5"),
    ):
        with pytest.raises(ValueError, match=message):
            ShopBatch([shop], **arguments)
    with pytest.raises(ValueError, match="found no instance"):
        ShopBatch([])
    with pytest.raises(ValueError, match="blocking"):
        ShopBatch([tiny(0, ["blocking"])])
