"""The batch of simulated shops: what happens, and that it happens as the scenario says."""

from __future__ import annotations

import numpy as np
import pytest

from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.dynamic_rules import DYNAMIC_RULES, DynamicRule
from makespan.envs.dynamic_schedule import operations
from makespan.envs.rows import draw
from makespan.envs.scenario import Scenario, scenario_of
from makespan.instances.check import check
from makespan.instances.generators import generate
from makespan.instances.instance import Instance
from makespan.instances.schedule import makespan
from makespan.instances.sets import load
from makespan.solvers.api import solve
from makespan.solvers.kernels import dynamic_features, dynamic_measures, dynamic_rules, dynamic_shop
from makespan.solvers.kernels import dynamic_layout as layout
from tests.oracles.dynamic_reference import Reference
from tests.oracles.dynamic_shops import SCENARIOS, SHOPS, breaks_of, play

# -- what happens ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ft06", "la16", "ta01"])
def test_without_disturbance_a_rule_is_the_rule_as_a_solver(name: str) -> None:
    """Serving the lowest idle machine at each event builds the non-delay schedule, ties and all."""
    instance = load(name)
    batch = DynamicBatch([instance])
    for rule in DYNAMIC_RULES:
        if rule not in ("random", "atc", "covert"):  # without due dates those two take one that is common to all
            batch.reset()
            DynamicRule(batch, rule).play()
            solved = solve(instance, f"rule:{rule},scheme=non_delay").schedule
            assert solved is not None and np.array_equal(batch.schedule(0).start, solved.start), rule


@pytest.mark.parametrize("rule", ["spt", "edd", "slack", "atc", "covert"])
def test_rules_see_releases_and_due_dates(rule: str) -> None:
    """Also where jobs come late and are due: the solver's rule again."""
    plain = [each for each in SHOPS if "recirculation" not in each.features and "due" in each.features]
    batch = DynamicBatch(plain)
    DynamicRule(batch, rule).play()
    for row, instance in enumerate(plain):
        solved = solve(instance, f"rule:{rule},scheme=non_delay").schedule
        assert solved is not None and np.array_equal(batch.schedule(row).start, solved.start)


@pytest.mark.parametrize("happens", SCENARIOS)
@pytest.mark.parametrize("rule", ["spt", "mwkr", "fifo"])
def test_a_plain_simulation_goes_the_same_way(happens: str, rule: str) -> None:
    """One unit of time after the other, in Python, without queues or events: the same starts and ends."""
    batch = DynamicBatch(SHOPS, SCENARIOS[happens], 2 * len(SHOPS))
    DynamicRule(batch, rule).play()
    for row in range(batch.num_rows):
        reference = Reference(batch, row)
        reference.play(rule, until=int(batch.clock[row]) + 30)
        jobs, table = operations(batch, row)
        for job in reference.jobs:
            own = table[job.number, : jobs[job.number, layout.LENGTH]]
            assert job.start == [t for t in own[:, layout.OP_START].tolist() if t >= 0]
            assert job.end == [t for t in own[:, layout.OP_END].tolist() if t >= 0]


@pytest.mark.parametrize("happens", SCENARIOS)
@pytest.mark.parametrize("wait", [False, True])
def test_what_was_executed_passes_the_checker(happens: str, wait: bool) -> None:
    """Actual durations, arrivals as releases, times out of order as breaks: no constraint is broken, whatever is
    chosen, at any moment."""
    batch = DynamicBatch(SHOPS, SCENARIOS[happens], 5 * len(SHOPS), wait=wait)
    random = np.random.default_rng(0)
    batch.step(draw(random, batch.count))
    for row in range(0, batch.num_rows, 7):
        assert check(*batch.partial(row)) == []
    play(batch, random)
    for row in range(batch.num_rows):
        instance, schedule = batch.partial(row)
        assert check(instance, schedule) == []
        assert batch.measure("makespan", row)[0] == makespan(instance, schedule.end(instance))
        assert batch.is_complete[row] or not batch.scenario.swap
        if happens == "nothing":
            assert check(batch.instances[batch.which[row]], batch.schedule(row)) == []


def test_swaps_never_gridlock_and_their_absence_does() -> None:
    """A set of blocked jobs without an empty machine or a running one contains a circle, which dissolves at once. Where
    it may not, the episode ends incomplete."""
    random = np.random.default_rng(1)
    tiny = [
        generate("uniform", jobs=int(random.integers(2, 7)), machines=int(random.integers(2, 7)), seed=seed)
        for seed in range(2000)
    ]
    batch = DynamicBatch(tiny, Scenario(blocking=True, breakdown=0.1))
    play(batch, random)
    assert batch.is_complete.all()
    stiff = DynamicBatch(tiny, Scenario(blocking=True, swap=False))
    play(stiff, random)
    assert stiff.is_over.all() and not stiff.is_truncated.any()
    assert 200 < np.count_nonzero(~stiff.is_complete) < 2000


def test_no_blocking_schedule_beats_the_exact_model() -> None:
    """CP-SAT knows the optimum of ft06 with blocking and swaps; random play comes near, rules do not go below."""
    instance = load("ft06").replace(blocking=True, swap_allowed=True)
    optimum = solve(instance, "cpsat").lower_bound
    assert optimum is not None and optimum > 55
    batch = DynamicBatch([load("ft06")], Scenario(blocking=True), 500)
    play(batch, np.random.default_rng(2))
    best = int(batch.measure("makespan").min())
    assert optimum <= best <= 1.2 * optimum
    for row in range(50):
        assert check(instance, batch.schedule(row)) == []


def test_a_pair_of_jobs_swaps_machines() -> None:
    """By hand: each is done at 3 where the other wants to go; both move at 3 and end at 5."""
    shop = Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [2, 2]])
    batch = DynamicBatch([shop, shop], Scenario(blocking=True))
    assert batch.is_over.all() and batch.is_complete.all()
    assert batch.schedule(0).start.tolist() == [0, 3, 0, 3]
    assert batch.measure("waiting_time").tolist() == [1, 1]
    stiff = DynamicBatch([shop], Scenario(blocking=True, swap=False))
    assert stiff.is_over.all() and not stiff.is_complete.any()
    assert stiff.measure("makespan").tolist() == [3]


def test_a_longer_circle_rotates() -> None:
    """Three jobs, each on the machine that the next one wants; the last of them is done at 4."""
    shop = Instance.job_shop([[0, 1], [1, 2], [2, 0]], [[1, 1], [4, 1], [2, 1]])
    batch = DynamicBatch([shop], Scenario(blocking=True))
    assert batch.schedule(0).start.tolist() == [0, 4, 0, 4, 0, 4]


def test_breakdowns_by_hand() -> None:
    """Certain breakdowns of length 1: one machine, two jobs of 3. It goes down when the first is done, from 3 to 4; or
    in the middle of each, and maybe at its end."""
    shop = Instance.job_shop([[0], [0]], [[3], [3]])
    batch = DynamicBatch([shop], Scenario(breakdown=1, repair=0.5), forced="take")
    DynamicRule(batch, "fifo").play()
    assert batch.schedule(0).start.tolist() == [0, 4]
    assert batch.measure("makespan").tolist() == [7]
    batch = DynamicBatch([shop], Scenario(breakdown=1, repair=0.5, interrupt=True), 50)
    DynamicRule(batch, "fifo").play()
    assert np.isin(batch.measure("makespan"), [7, 8]).all()
    assert batch.measure("makespan").max() == 8


def test_the_makespan_grows_with_the_chance_of_breakdowns() -> None:
    """A start that breaks its machine with a small chance also breaks it with a larger one; in the mean that costs."""
    instances = [load("la01"), load("la16"), load("ft10")]
    for rule in ("mwkr", "spt"):
        for blocking in (False, True):
            means = []
            for chance in (0, 0.01, 0.05, 0.1, 0.2, 0.5):
                batch = DynamicBatch(instances, Scenario(blocking=blocking, breakdown=chance), 150)
                DynamicRule(batch, rule).play()
                means.append(batch.measure("makespan").mean())
            assert means == sorted(means)


def test_policies_meet_the_same_random_numbers() -> None:
    """Arrivals, routes and durations are those of the seed; so is whether an operation breaks its machine."""
    scenario = Scenario(jobs="uniform", num_jobs=20, utilisation=0.9, duration_spread=0.5, breakdown=0.5)
    exogenous = [layout.OP_MACHINE, layout.OP_PLANNED, layout.OP_ACTUAL]
    seen = []
    for rule in ("spt", "lpt"):
        batch = DynamicBatch([load("ft06")], scenario)
        DynamicRule(batch, rule).play()
        jobs, table = operations(batch, 0)
        breaks = [sum(own) for own in breaks_of(batch, 0)]
        seen.append((jobs[:, [layout.ARRIVAL, layout.DUE, layout.WORK]], table[:, :, exogenous], breaks))
    assert all(np.array_equal(a, b) for a, b in zip(*seen, strict=True))
    assert min(breaks) > 0


def test_same_seed_same_episode_wherever_it_is_played() -> None:
    """A row depends on its instance, its seed and its actions alone."""
    scenario = Scenario(jobs="templates", num_jobs=12, utilisation=0.9, breakdown=0.2, duration_spread=0.3)
    batch = DynamicBatch(SHOPS, scenario, 40, threads=2)
    batch.reset(seed=np.arange(40) % 10, instance=np.arange(40) % 5)
    DynamicRule(batch, "spt").play()
    assert all(np.array_equal(batch.state[r], batch.state[r + 10]) for r in range(30))
    assert not np.array_equal(batch.state[0], batch.state[5])
    alone = DynamicBatch(SHOPS, scenario, 1, limits=batch.limits)
    alone.reset(instance=3, seed=8)
    DynamicRule(alone, "spt").play()
    assert np.array_equal(alone.state[0], batch.state[8])


@pytest.mark.parametrize("happens", SCENARIOS)
def test_replaying_actions_is_the_same_as_stepping(happens: str) -> None:
    """Trainers store actions only; the bits of the state must come back, also from the middle and on two threads."""
    batch = DynamicBatch(SHOPS, SCENARIOS[happens], 64, wait=True)
    actions = play(batch, np.random.default_rng(1))
    again = DynamicBatch(SHOPS, SCENARIOS[happens], 64, wait=True, threads=2)
    again.replay(actions, end=3)
    middle = again.snapshot()
    again.replay(actions, begin=3)
    assert all(np.array_equal(a, b) for a, b in zip(batch.snapshot(), again.snapshot(), strict=True))
    again.restore(middle)
    again.replay(actions, begin=3)
    assert np.array_equal(batch.state, again.state)
    again.fork([0, 0], [1, 2])
    assert np.array_equal(again.state[2], batch.state[0])


# -- observations and arguments -----------------------------------------------------------------------


def test_features_do_not_tell_the_future() -> None:
    """What will break or take longer is not in them: at first they are the same for all seeds."""
    scenario = Scenario(duration_spread=0.9, breakdown=0.5, interrupt=True)
    batch = DynamicBatch([load("ft06")], scenario, 8, forced="ask")
    seen = batch.candidate_features()
    assert (seen == seen[0]).all()
    assert all((part == part[0]).all() for part in batch.graph_features())
    batch.step(np.zeros(8, np.int64))
    seen = batch.candidate_features()
    assert (seen == seen[0]).all()


def test_features_by_hand() -> None:
    """Three jobs on two machines with breakdowns of length 1 after the first operations, blocking."""
    shop = Instance.job_shop([[0, 1], [0, 1], [1, 0]], [[2, 4], [3, 3], [5, 1]], job_due=[10, 20, 20])
    batch = DynamicBatch([shop], Scenario(blocking=True, breakdown=1, repair=0.5))
    seen = batch.candidate_features()[0]
    mean, work = 3.0, 6.0
    assert np.allclose(seen[0, :3], [2 / mean, 2 / 6, 1 / 2])
    assert np.allclose(seen[0, [9, 10, 11, 12, 13, 16]], [2 / 3, 4 / mean, 1 / 3, 5 / mean, 0, 4 / work])
    assert seen[1, 16] == 1
    batch.step([0])
    # Job 0 is done at 2 and blocked by job 2, which is done at 5: they swap at 6, when machine 1 is up again.
    # Machine 0 is down again from 7 to 8, machine 1 from 10 to 11, so that job 1 runs from 8 to 11 and from 11 to 14.
    instance, schedule = batch.partial(0)
    assert schedule.start.tolist() == [0, 6, 8, 11, 0, 6]
    assert batch.measure("makespan").tolist() == [14]
    assert check(instance, schedule) == []


def test_wrong_arguments_are_named() -> None:
    for arguments, message in (
        ({"jobs": "some"}, "jobs: found 'some'"),
        ({"jobs": "uniform"}, "num_jobs: found none"),
        ({"num_jobs": 3}, "num_jobs: found a number"),
        ({"utilisation": 0.9, "interarrival": 3}, "interarrival: found it beside utilisation"),
        ({"breakdown": 0.1, "up_time": 3}, "up_time: found it beside breakdown"),
        ({"breakdown": 1.1}, "breakdown: found 1.1, expected 0 to 1"),
        ({"horizon": 0}, "horizon: found 0"),
        ({"speed": 1}, "scenario: found 'speed'"),
    ):
        with pytest.raises(ValueError, match=message):
            scenario_of(arguments)
    with pytest.raises(ValueError, match="blocking"):
        DynamicBatch([load("ft06").replace(blocking=True)])
    with pytest.raises(ValueError, match="forced: found 'no'"):
        DynamicBatch([load("ft06")], forced="no")
    with pytest.raises(ValueError, match="rule: found 'best'"):
        DynamicRule(DynamicBatch([load("ft06")]), "best")
    batch = DynamicBatch([load("ft06")])
    with pytest.raises(ValueError, match="seed: found"):
        batch.reset(seed=-1)
    with pytest.raises(ValueError, match="10 jobs, expected at most 6"):
        batch.replace([0], [load("la16")])


def test_kernels_compile_once() -> None:
    """One signature each, whatever the sizes, threads and scenarios."""
    batch = DynamicBatch(SHOPS, SCENARIOS["all"], 40, threads=2)
    policy = DynamicRule(batch, "spt")
    batch.replay(np.where(batch.is_over, -1, policy.actions())[:, None])
    batch.step(policy.actions())
    batch.candidate_features()
    batch.graph_features()
    batch.measure("tardiness", [3])
    batch.partial(5)
    kernels = {
        name: function
        for module in (dynamic_shop, dynamic_features, dynamic_measures, dynamic_rules)
        for name, function in vars(module).items()
        if name.endswith("_rows") or name == "list_breaks"
    }
    assert len(kernels) == 9
    assert [name for name, function in kernels.items() if len(function.signatures) > 1] == []


def test_urgency_by_hand() -> None:
    """Durations 2, 4 and 8 of jobs that are late, soon due and never due: the late short one is ahead in everything."""
    shop = Instance.job_shop([[0, 1]] * 3, [[2, 2], [4, 4], [8, 4]], job_due=[1, 20, 10**6])
    seen = DynamicBatch([shop]).candidate_features(version=2)[0]
    assert seen.shape[1] == 26 and np.array_equal(seen[:, :20], DynamicBatch([shop]).candidate_features()[0])
    atc, covert, longer, ratio, work, slack = seen[:, 20:].T
    mean = 4.0
    # To log2 of the duration ATC adds log2(e) for every three means of slack beyond twice the work behind.
    assert np.allclose(atc[:2], [0, 1 + (20 - 8 - 2 * 4) / (3 * mean) * np.log2(np.e)], atol=1e-4)
    assert covert[0] == 0 and covert[2] == 8 and atc[2] == 8
    assert np.allclose(longer, np.log2([1, 5 / 3, 9 / 3]))
    assert np.allclose(ratio, [-3 / 4, 12 / 8, 4])
    assert np.allclose(work, np.log2([1 + 4 / mean, 1 + 8 / mean, 1 + 12 / mean]))
    assert np.allclose(slack[:2], [-np.log2(1 + 3 / mean), np.log2(1 + 12 / mean)])
    never = DynamicBatch([shop.replace(job_due=None)]).candidate_features(version=2)[0, :, 23:].T
    assert np.array_equal(never[0], [4] * 3) and np.array_equal(never[2], [8] * 3)


def test_urgency_is_what_the_rules_follow() -> None:
    """In a random shop the candidate with 0 and the lowest number is the one that the rule takes."""
    scenario = Scenario(jobs="templates", num_jobs=30, utilisation=0.95, due_tightness=1.5)
    batch = DynamicBatch([generate("uniform,jobs=6,machines=4,seed=3")], scenario, 4, forced="ask", wait=True)
    for _ in range(60):
        rows = np.flatnonzero(batch.count > 0)
        seen = batch.candidate_features(version=2)
        for column, rule in ((20, "atc"), (21, "covert")):
            action = DynamicRule(batch, rule).actions()
            assert (seen[rows, action[rows], column] == 0).all()
            for row in rows:
                starts = batch.candidates().kind[row, : batch.count[row]] == 0
                assert seen[row, : batch.count[row], column][starts].argmin() == action[row]
        batch.step(DynamicRule(batch, "atc").actions())
