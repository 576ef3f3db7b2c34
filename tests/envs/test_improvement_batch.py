"""Improvement of many schedules at once: episodes, starts, copies, features and the local searches on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from makespan.envs.improvement_baselines import BASELINES, Chances, best_improvement
from makespan.envs.improvement_batch import NEIGHBOURHOODS, ImprovementBatch, ImprovementLimits
from makespan.envs.improvement_features import IMPROVED_OPERATION_FEATURES, MOVE_FEATURES
from makespan.envs.rows import draw
from makespan.instances.check import check
from makespan.instances.generators import generate
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule
from makespan.instances.schedule import makespan as makespan_of
from makespan.instances.sets import load
from makespan.solvers.api import Budget, solve
from tests.oracles.small_shops import shop


def play(batch: ImprovementBatch, random: np.random.Generator) -> IntArray:
    """Random moves until every row is over: shape (rows, steps), -1 where a row was over."""
    actions = []
    while not batch.is_over.all():
        action = draw(random, batch.count)
        actions.append(np.where(batch.is_over, -1, action))
        batch.step(action)
    return np.stack(actions, axis=1)


def equal(batch: ImprovementBatch, other: ImprovementBatch) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(batch.snapshot(), other.snapshot(), strict=True))


SHOPS = (load("ft06"), shop(1, 6, 3), generate("recirculating,jobs=5,machines=3,seed=2"), shop(2, 5, 5, zeros=True))


@pytest.mark.parametrize("neighbourhood", NEIGHBOURHOODS)
@pytest.mark.parametrize("start", ["fdd_mwkr", "random"])
def test_replaying_moves_is_the_same_as_making_them(neighbourhood: str, start: str) -> None:
    """Bit by bit, also from the middle and on two threads."""
    arguments: dict[str, Any] = {"neighbourhood": neighbourhood, "start": start, "path": "random", "steps": 40}
    batch = ImprovementBatch(SHOPS, 64, **arguments)
    actions = play(batch, np.random.default_rng(1))
    again = ImprovementBatch(SHOPS, 64, threads=2, **arguments)
    again.replay(actions, end=7)
    middle = again.snapshot()
    again.replay(actions, begin=7)
    assert equal(batch, again)
    again.restore(middle)
    again.replay(actions, begin=7)
    assert equal(batch, again)
    with pytest.raises(ValueError, match="no candidate"):
        again.replay(np.full((64, 1), 999))


def test_twin_rollouts_are_equal() -> None:
    """Whatever was played in the row before, wherever it stands, and however many rows there are."""
    limits = ImprovementLimits(44, 40)
    batch = ImprovementBatch(SHOPS, 3, limits=limits, path="random", start="random", steps=30)
    play(batch, np.random.default_rng(0))
    batch.seed[:] = 5
    batch.reset(instance=1)
    actions = play(batch, np.random.default_rng(2))
    alone = ImprovementBatch([SHOPS[1]], 1, limits=limits, path="random", start="random", steps=30)
    alone.seed[:] = 5
    alone.replay(actions[2:])
    assert all(np.array_equal(a[2], b[0]) for a, b in zip(batch.snapshot()[1:], alone.snapshot()[1:], strict=True))
    assert alone.schedule(0) == batch.schedule(2)


def test_a_fork_lives_its_own_life() -> None:
    batch = ImprovementBatch([load("la16")], 3, start="random", neighbourhood="n7")
    batch.step(np.zeros(3, np.int64))
    batch.fork([0, 0], [1, 2])
    before = batch.snapshot([0])
    batch.step([0, 1], [1, 2])
    assert all(np.array_equal(a, b) for a, b in zip(before, batch.snapshot([0]), strict=True))
    assert not np.array_equal(batch.state.line[1], batch.state.line[2])
    batch.restore(before, [2])
    assert np.array_equal(batch.state.node[2], batch.state.node[0])


def test_looking_ahead_changes_nothing() -> None:
    batch = ImprovementBatch([load("la16")], neighbourhood="n7")
    before = batch.snapshot()
    batch.makespans_after()
    batch.candidate_features()
    batch.operation_features()
    assert all(np.array_equal(a, b) for a, b in zip(before, batch.snapshot(), strict=True))


def test_the_first_schedule_is_the_one_asked_for() -> None:
    """A rule with insertion, a schedule, or a function; moved left as far as its machine orders allow."""
    instances = [load("ft06"), load("la16")]
    batch = ImprovementBatch(instances)
    for row, instance in enumerate(instances):
        rule = solve(instance, "rule:fdd_mwkr,scheme=insertion")
        assert batch.measure("makespan")[row] == rule.objective
        assert batch.schedule(row) == batch.current(row) == rule.schedule
    best = [solve(each, "tabu", Budget(iterations=3_000), seed=0).schedule for each in instances]
    given = [each for each in best if each is not None]
    by_name = dict(zip(("ft06", "la16"), given, strict=True))
    for start in (given, lambda instance: by_name[instance.name]):
        batch = ImprovementBatch(instances, start=start)
        for row, instance in enumerate(instances):
            assert batch.schedule(row) == given[row]
            assert batch.measure("makespan")[row] == makespan_of(instance, given[row].end(instance))
    with pytest.raises(ValueError, match="expected a rule or a function"):
        ImprovementBatch(instances, start=given).replace([0], [instances[0]])
    with pytest.raises(ValueError, match="expected one for each of 2"):
        ImprovementBatch(instances, start=given[:1])
    with pytest.raises(ValueError, match="expected a legal one"):
        ImprovementBatch([load("ft06")], start=[Schedule(np.zeros(36, np.int64))])


def test_random_starts_differ_by_seed_alone() -> None:
    batch = ImprovementBatch([load("la16")], 8, start="random")
    first = batch.measure("makespan")
    assert len(set(first.tolist())) > 4
    batch.reset()
    assert batch.measure("makespan").tolist() == first.tolist()
    batch.seed[:] = 3
    batch.reset()
    assert set(batch.measure("makespan").tolist()) == {int(first[3])}


def test_the_last_swap_cannot_be_undone() -> None:
    """With a memory of one move its swap back is no candidate; without a memory it is, being in the last block."""
    undone = 0
    for tabu in (0, 1, 3):
        batch = ImprovementBatch([shop(4, 6, 3)], 32, neighbourhood="n1", start="random", tabu=tabu, steps=12)
        chances, memory = Chances(batch, 0), np.full((32, 3, 2), -1)
        while not batch.is_over.all():
            found, going = batch.ends(), np.flatnonzero(~batch.is_over)
            for row in going:
                swaps = {frozenset(pair) for pair in found[row].T[: batch.count[row]].tolist()}
                remembered = {frozenset(pair) for pair in memory[row, :tabu].tolist()}
                assert not swaps & remembered
                undone += tabu == 0 and frozenset(memory[row, 0].tolist()) in swaps
            action = chances.candidate()
            memory = np.concatenate((found[np.arange(32), :, action][:, None], memory[:, :2]), axis=1)
            batch.step(action)
    assert undone > 0


def test_of_too_many_candidates_those_with_the_least_estimates_stay() -> None:
    whole = ImprovementBatch([load("ta01")], neighbourhood="n7", tabu=0)
    few = ImprovementBatch([load("ta01")], neighbourhood="n7", tabu=0, limits=ImprovementLimits(225, 5))
    assert few.count[0] == 5 < whole.count[0]
    estimates = np.sort(whole.estimates()[0, : whole.count[0]])
    assert np.sort(few.estimates()[0]).tolist() == estimates[:5].tolist()


def test_an_episode_ends_after_its_steps_or_where_no_move_is_left() -> None:
    """ft06 has moves left after 5 steps; jobs on a single machine are one block, which no order shortens."""
    single = Instance.job_shop([[0], [0], [0]], [[2], [3], [4]])
    batch = ImprovementBatch([load("ft06"), single], steps=5)
    for _ in range(5):
        assert batch.is_over.tolist() == [False, True]
        batch.step([0, 7])
    assert batch.is_over.all() and batch.is_truncated.tolist() == [True, False]
    assert batch.measure("makespan")[1] == 9
    batch.step([0, 0])
    assert batch.measure("incumbent")[1] == 9


def test_wrong_arguments_are_named() -> None:
    shops = [load("ft06")]
    cases: list[tuple[dict[str, Any], str]] = [
        ({"neighbourhood": "n4"}, "neighbourhood: found 'n4', expected one of n1, n5"),
        ({"steps": 0}, "steps: found 0"),
        ({"path": "all"}, "path: found 'all'"),
        ({"tabu": -1}, "tabu: found -1"),
        ({"start": "best"}, "start: found 'best', expected random or one of"),
        ({"limits": ImprovementLimits(35, 10)}, "36 operations, expected at most 35"),
        ({"limits": ImprovementLimits(36, 0)}, "expected 1 or more operations and candidates"),
    ]
    for arguments, message in cases:
        with pytest.raises(ValueError, match=message):
            ImprovementBatch(shops, **arguments)
    for instance, message in (
        (Instance.job_shop([[0]], [[1]], objective=("flow_time",)), "objective flow_time, expected makespan"),
        (Instance.flexible_job_shop([[[(0, 1), (1, 2)]]]), "machine sequencing"),
        (Instance.job_shop([], []), "found no operation"),
    ):
        with pytest.raises(ValueError, match=message):
            ImprovementBatch([instance])
    batch = ImprovementBatch(shops)
    with pytest.raises(ValueError, match="nothing was changed"):
        batch.step([int(batch.count[0])])
    with pytest.raises(ValueError, match="measure: found 'lower_bound'"):
        batch.measure("lower_bound")


def test_renaming_jobs_permutes_the_features() -> None:
    """Nothing in the features depends on a number. Long durations leave one critical path."""
    random = np.random.default_rng(3)
    machine = np.stack([random.permutation(4) for _ in range(6)])
    duration, job_order = random.integers(1, 10**6, (6, 4)), random.permutation(6)
    instance, renamed = (
        Instance.job_shop(machine.tolist(), duration.tolist()),
        Instance.job_shop(machine[job_order].tolist(), duration[job_order].tolist()),
    )
    plan = ImprovementBatch([instance], start="random").current(0)
    task = np.arange(24).reshape(6, 4)[job_order].ravel()  # task of the renamed shop -> task of the first one
    batch = ImprovementBatch([instance], start=[plan], neighbourhood="n7")
    other = ImprovementBatch([renamed], start=[Schedule(plan.start[task])], neighbourhood="n7")
    for _ in range(8):
        moves, moved = batch.ends()[0, :, : batch.count[0]].T, other.ends()[0, :, : other.count[0]].T
        rows = {tuple(pair): i for i, pair in enumerate(moves.tolist())}
        order = [rows[tuple(task[pair].tolist())] for pair in moved]
        assert len(order) == len(rows)
        assert np.allclose(batch.candidate_features()[0, order], other.candidate_features()[0, : other.count[0]])
        assert np.allclose(batch.operation_features()[0, task], other.operation_features()[0])
        choice = int(random.integers(other.count[0]))
        batch.step([order[choice]])
        other.step([choice])


def test_features_mean_what_the_table_says() -> None:
    """By hand: jobs 0 and 1, of durations (3, 2) and (4, 5), visit machines 0 and 1, job 0 first. The makespan 12 is
    the path 3 + 4 + 5, of which 3 + 4 are a block whose only move swaps them; it is then 4 + 3 + 2 + 5."""
    instance = Instance.job_shop([[0, 1], [0, 1]], [[3, 2], [4, 5]])
    batch = ImprovementBatch([instance], start=[Schedule([0, 3, 3, 7])], steps=10)
    assert (batch.measure("makespan")[0], batch.count[0]) == (12, 1)
    assert batch.ends()[0, :, 0].tolist() == [0, 2]
    assert batch.estimates()[0, 0] == batch.makespans_after()[0, 0] == 14
    names = [feature.name for feature in MOVE_FEATURES[1]]
    seen = dict(zip(names, batch.candidate_features()[0, 0].tolist(), strict=True))
    expected = {
        "change": 2 / 12, "later": 1, "distance": 1 / 2, "duration": 3 / 3.5, "other_duration": 4 / 3.5,
        "block": 1, "front": 1, "back": 1, "head": 0, "excess": 0, "gap": 3 / 12, "used": 0,
    }  # fmt: skip
    assert seen == pytest.approx(expected)
    names = [feature.name for feature in IMPROVED_OPERATION_FEATURES[1]]
    seen = dict(zip(names, batch.operation_features()[0, 3].tolist(), strict=True))
    expected = {
        "duration": 5 / 3.5, "head": 7 / 12, "tail": 0, "slack": 0, "critical": 1, "place": 1 / 2, "operations": 1,
        "idle": 2 / 3.5, "waited": 0,
    }  # fmt: skip
    assert seen == pytest.approx(expected)
    job_arc, machine_arc = batch.arcs()
    assert job_arc[0].tolist() == [[0, -1, 2, -1], [1, -1, 3, -1]]
    assert machine_arc[0].tolist() == [[0, 1, -1, -1], [2, 3, -1, -1]]


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_does_not_depend_on_the_number_of_rows(name: str) -> None:
    """And ends with a legal schedule that is no worse than the first."""
    instances = [load("la16"), load("ft10"), load("la21")]
    together = ImprovementBatch(instances, steps=60)
    first = together.measure("makespan")
    BASELINES[name](together)
    assert (together.measure("incumbent") <= first).all()
    alone = ImprovementBatch(instances[:1], steps=60)
    BASELINES[name](alone)
    assert alone.schedule(0) == together.schedule(0)
    for row, instance in enumerate(instances):
        assert check(instance, together.schedule(row)) == []


def test_a_restart_keeps_the_incumbent_and_the_moves_made() -> None:
    """Rewards never become negative, and the steps are those of the episode."""
    batch = ImprovementBatch([load("la16")], 2, steps=50)
    start = batch.snapshot()
    for _ in range(20):
        batch.step(batch.makespans_after().argmin(axis=1))
    best, schedule = batch.measure("incumbent"), batch.schedule(1)
    batch.go_back(tuple(array[1:] for array in start), [1])
    assert batch.measure("incumbent").tolist() == best.tolist()
    assert batch.schedule(1) == schedule
    assert np.array_equal(batch.state.line[1], start[2 + batch.state._fields.index("line")][1])
    for _ in range(30):
        assert not batch.is_over.any()
        batch.step([0, 0])
    assert batch.is_truncated.all()
    with pytest.raises(ValueError, match="restart: found 'best'"):
        best_improvement(batch, restart="best")


def test_best_improvement_beats_chance() -> None:
    """On ta01 to ta03 with equal moves, on average."""
    batches = [ImprovementBatch([load(f"ta0{k}") for k in (1, 2, 3)], steps=100, tabu=0) for _ in range(2)]
    best_improvement(batches[0])
    BASELINES["random"](batches[1])
    assert batches[0].measure("incumbent").mean() < batches[1].measure("incumbent").mean()
