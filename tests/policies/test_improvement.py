"""Learning to choose moves, and the solver that makes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from makespan import Budget, load, solve
from makespan.envs.improvement_batch import ImprovementBatch
from makespan.instances.check import check
from makespan.instances.instance import Instance
from makespan.policies import checkpoint
from makespan.policies.checkpoint import Card, CheckpointError
from makespan.policies.config import Config
from makespan.policies.improvement import Improvement, ImprovementValidation, Window, advantages
from makespan.policies.improvement_episodes import schedules_of
from makespan.policies.improvement_network import ImprovementNetwork
from makespan.policies.labels import Recipe
from makespan.policies.sampling import sampler
from makespan.policies.solver import make
from makespan.solvers.stage import Event
from tests.policies.shops import improver, shop

TINY = Config(
    problem="improve",
    method="improvement",
    instances=("uniform,jobs=5,machines=4",),
    batch=3,
    rollouts=2,
    moves=10,
    window=4,
    learning_rate=1e-2,
    validation_count=6,
    threads=1,
)


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A checkpoint with random weights."""
    own = improver()
    checkpoint.save(tmp_path / "moves.safetensors", own, Card("improve", own.shape, 1))
    return str(tmp_path / "moves.safetensors")


def test_returns_are_compared_with_the_mean_of_the_window() -> None:
    """One rollout earns 0, 6, 0: returns 6, 6, 0, mean 4, deviations 2, 2, -4, of which the standard one is √8."""
    reward = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 0.0]])
    found = advantages(reward, np.ones((3, 2), np.bool_), 1)
    np.testing.assert_allclose(found[:, 0], np.array([2, 2, -4]) / np.sqrt(8))
    assert (found[:, 1] == 0).all()  # nothing was earned there


def test_rollouts_are_compared_with_each_other_at_the_same_move() -> None:
    """Returns 4, 1 against 2, 1: deviations 1, 0 and -1, 0, of which the standard one is √(2 / 4)."""
    reward = np.array([[3.0, 1.0], [1.0, 1.0]])
    found = advantages(reward, np.ones((2, 2), np.bool_), 2)
    np.testing.assert_allclose(found, np.array([[1, -1], [0, 0]]) * np.sqrt(2))


def test_moves_that_were_not_made_count_for_nothing() -> None:
    """A row that is over after two moves: returns 5, 5 and 2, mean 4 over three moves."""
    reward = np.array([[0.0], [3.0], [2.0], [9.0]])
    made = np.array([[True], [True], [True], [False]])
    reward[~made] = 0
    found = advantages(reward, made, 1)
    np.testing.assert_allclose(found[:, 0], np.array([1, 1, -2, 0]) / np.sqrt(2))


def test_rewards_add_up_to_the_fall_of_the_incumbent() -> None:
    """Over all windows of an episode, in every row; log-probabilities are those of the moves made."""
    batch = ImprovementBatch([shop(5, 4, seed) for seed in range(4)], steps=12)
    first, earned = batch.measure("incumbent"), np.zeros(4)
    choose = sampler(np.arange(4), 1.0, 3)
    for begin in range(0, 12, 4):
        window = Window(improver(), batch, choose, range(begin, begin + 4))
        earned += window.reward.sum(0)
        assert window.log_probability.shape == (window.made.sum(),)
        assert (window.log_probability <= 0).all() and 0 <= window.entropy <= 1
    assert (earned == first - batch.measure("incumbent")).all() and earned.any()


def test_the_move_that_improves_becomes_more_likely(monkeypatch: pytest.MonkeyPatch) -> None:
    """One shop, episodes of one move: of those it can choose from, only some make the schedule shorter."""
    own = next(
        each
        for each in (shop(5, 4, seed) for seed in range(100))
        if 0 < improving(ImprovementBatch([each])).sum() < ImprovementBatch([each]).count[0]
    )
    monkeypatch.setattr(Recipe, "instance", lambda self, number: own)
    config = Config(**{**TINY.as_dict(), "batch": 1, "rollouts": 16, "moves": 1, "window": 1})
    model, trainer = improver(), Improvement(config)
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate)
    before = chance_of_improving(model, own)
    for step in range(10):
        trainer.update(model, optimiser, step)
    assert chance_of_improving(model, own) > max(0.9, before)


def improving(batch: ImprovementBatch) -> np.ndarray:
    """Which moves of row 0 make the schedule shorter."""
    better: np.ndarray = batch.makespans_after()[0, : batch.count[0]] < batch.measure("makespan")[0]
    return better


def chance_of_improving(model: ImprovementNetwork, own: Instance) -> float:
    """The probability of those moves."""
    batch = ImprovementBatch([own])
    with torch.inference_mode():
        share = model(schedules_of(batch, np.zeros(1, np.int64))).softmax(1)[0].numpy()
    return float(share[: batch.count[0]][improving(batch)].sum())


def test_an_update_depends_on_its_number_and_the_weights_alone() -> None:
    """Two trainers, of which one has done other updates before, take the same step."""
    logs, weights = [], []
    trainer = Improvement(TINY)
    for _ in range(2):
        model = improver()
        optimiser = torch.optim.AdamW(model.parameters(), lr=TINY.learning_rate)
        logs.append(trainer.update(model, optimiser, 5))
        weights.append(torch.cat([value.flatten() for value in model.state_dict().values()]))
        trainer.update(improver(1), torch.optim.SGD(improver(1).parameters(), lr=0.1), 2)
    assert logs[0] == logs[1] and torch.equal(weights[0], weights[1])
    assert logs[0]["decisions"] > 0 and logs[0]["improvement"] > 0 and logs[0]["steps"] == 3


def test_what_is_no_number_stops_an_update_before_its_step() -> None:
    """The weights stay as they were."""
    model = improver()
    weights = dict(model.named_parameters())
    torch.nn.init.constant_(weights["score.2.weight"], float("nan"))
    before = weights["operation.0.weight"].clone()
    with pytest.raises(FloatingPointError, match="update 0"):
        Improvement(TINY).update(model, torch.optim.SGD(model.parameters(), lr=1.0), 0)
    assert torch.equal(before, weights["operation.0.weight"])


def test_validation_is_the_same_every_time_and_below_its_start() -> None:
    """Sampled with fixed numbers; an episode's incumbent is never above the schedule it begins with."""
    validation, model = ImprovementValidation(TINY), improver()
    start = float((validation.batch.measure("incumbent") / validation.bound).mean() * 100 - 100)
    gap = validation.gap(model)
    assert 0 <= gap < start and validation.gap(model) == gap


def test_a_network_for_moves_is_saved_and_loaded(model: str, tmp_path: Path) -> None:
    """To the bit; that of another shape is refused."""
    found, card, _ = checkpoint.load(Path(model))
    assert card.problem == "improve"
    for name, value in improver().state_dict().items():
        assert torch.equal(found.state_dict()[name], value)
    checkpoint.save(tmp_path / "other.safetensors", improver(layers=1), Card("improve", improver().shape, 1))
    with pytest.raises(CheckpointError, match="other weights"):
        checkpoint.load(tmp_path / "other.safetensors")


def test_the_solver_improves_what_it_begins_with(model: str) -> None:
    """From FDD/MWKR, or from the incumbent of a chain; the result says after how many moves."""
    own = load("la01")
    start = solve(own, "rule:fdd_mwkr,scheme=insertion").objective
    result = solve(own, f"policy:{model},moves=60", Budget(seconds=60), threads=1)
    assert result.schedule is not None and result.objective is not None and start is not None
    assert not check(own, result.schedule) and result.objective < start
    assert "moves)" in str(result.found_by) and 0 < result.iterations <= 60
    rule = solve(own, "rule:spt,scheme=append").objective
    chain = solve(own, f"rule:spt,scheme=append+policy:{model},moves=60", Budget(seconds=60), threads=1)
    assert rule is not None and chain.objective is not None and chain.objective < rule
    assert rule in [objective for _, objective, _ in chain.trace]


def test_the_solver_repeats_itself_and_tells_its_speed(model: str) -> None:
    """The seed decides; several walks are no worse than the first of them."""
    own, events = load("la01"), list[Event]()
    spec = f"policy:{model},moves=30"
    one, again = (solve(own, spec, Budget(seconds=60), seed=3, threads=1, on_event=events.append) for _ in range(2))
    assert one.schedule == again.schedule and one.objective is not None
    assert any("a second" in str(event.data.get("message")) for event in events)
    many = solve(own, f"{spec},k=4", Budget(seconds=60), seed=3, threads=1)
    assert many.objective is not None and many.objective <= one.objective


def test_the_solver_keeps_to_limits(model: str) -> None:
    """Of moves; and release dates are kept."""
    own = shop(5, 4, 1)
    dated = own.replace(release=np.arange(own.num_tasks))
    result = solve(dated, f"policy:{model},moves=40", Budget(iterations=7), threads=1)
    assert result.schedule is not None and not check(dated, result.schedule) and result.iterations <= 7
    greedy = solve(dated, f"policy:{model},moves=5,temperature=0", Budget(seconds=60), threads=1)
    assert greedy.schedule is not None


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"moves": "0"}, "moves: found 0"),
        ({"k": "0"}, "k: found 0"),
        ({"temperature": "-1"}, "temperature: found -1"),
        ({"decode": "beam"}, "unknown parameter 'decode'"),
    ],
)
def test_wrong_specs_are_named(model: str, parameters: dict[str, str], words: str) -> None:
    """What was found, what is expected."""
    with pytest.raises(ValueError, match=words):
        make(model, **parameters)
