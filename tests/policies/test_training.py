"""Training: it goes on where it stopped, stops where it must, and says what is wrong."""

import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from makespan.policies import zoo
from makespan.policies.checkpoint import load
from makespan.policies.config import METHOD_OF, METHODS, Config, config_of, read_config
from makespan.policies.training import BEST, LAST, Progress, new_model, rate, train, trainer_of

TINY = Config(
    instances=("uniform,jobs=4,machines=3",),
    width=16,
    layers=1,
    blocks=1,
    updates=6,
    batch=4,
    rollouts=3,
    minibatches=2,
    moves=8,
    window=3,
    label_count=8,
    label_iterations=20,
    validation_count=5,
    evaluate_every=2,
    threads=1,
)


def with_labels(tmp_path: Path, **changes: Any) -> Config:
    """A tiny run whose labels lie in the folder of the test."""
    return dataclasses.replace(TINY, labels=str(tmp_path / "labels"), **changes)


def problem_for(method: str) -> str:
    """One that the method learns."""
    of_one = {own: problem for problem, own in METHOD_OF.items()} | {"counterfactual": "dynamic"}
    return of_one.get(method, "jsp")


def weights(folder: Path, name: str = LAST) -> dict[str, torch.Tensor]:
    """Of a checkpoint, the optimiser's included."""
    model, _, extra = load(folder / name)
    return {**model.state_dict(), **extra}


def lines(folder: Path) -> list[dict[str, float]]:
    """The log."""
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


class Stop(Exception):
    """What a test stops a run with."""


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "imitation"},
        {"method": "imitation", "threads": 2, "instances": ("uniform,jobs=8,machines=6",)},
        {"method": "imitation", "drift": 0.5},
        {"method": "ppo"},
        {"method": "self_labelling"},
        {"method": "improvement", "problem": "improve"},
    ],
)
def test_a_run_that_was_stopped_and_went_on_equals_one_that_was_not(
    changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the bit, weights and optimiser, wherever it stopped and on however many threads it ran."""
    monkeypatch.setattr("makespan.policies.training.SAVE_SECONDS", -1.0)
    config = with_labels(tmp_path, **changes)
    train(config, tmp_path / "whole")

    def stop(progress: Progress, log: dict[str, float]) -> None:
        if progress.step == 3 and not (tmp_path / "stopped").exists():
            (tmp_path / "stopped").touch()
            raise Stop

    with pytest.raises(Stop):
        train(config, tmp_path / "parts", stop)
    train(config, tmp_path / "parts", stop)
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert [line["loss"] for line in lines(tmp_path / "whole")][3:] == [
        line["loss"] for line in lines(tmp_path / "parts")
    ][-3:]


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    """kill -9 in the middle, then the same command; the end is that of an unbroken run."""
    arguments = [sys.executable, "-m", "makespan", "train", "--smoke", "--method", "self_labelling", "-q"]
    arguments += ["--set", "threads=1", "--set", "evaluate_every=1", "--updates", "8"]
    run = subprocess.Popen([*arguments, "--folder", str(tmp_path / "killed")])
    log = tmp_path / "killed" / "log.jsonl"
    while run.poll() is None and not (log.exists() and len(log.read_bytes().splitlines()) >= 3):
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    subprocess.run([*arguments, "--folder", str(tmp_path / "killed")], check=True)
    subprocess.run([*arguments, "--folder", str(tmp_path / "whole")], check=True)
    one, other = weights(tmp_path / "killed"), weights(tmp_path / "whole")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_what_is_no_number_stops_training_and_keeps_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss of the fourth update is poisoned; the file on disk still loads."""
    monkeypatch.setattr("makespan.policies.training.SAVE_SECONDS", -1.0)
    config = with_labels(tmp_path)
    from makespan.policies.imitation import Imitation

    honest = Imitation.loss

    def poisoned(self: Imitation, model: Any, step: int) -> Any:
        loss, log = honest(self, model, step)
        return (loss * math.nan if step == 3 else loss), log

    monkeypatch.setattr(Imitation, "loss", poisoned)
    with pytest.raises(FloatingPointError, match="update 3"):
        train(config, tmp_path / "run")
    assert load(tmp_path / "run" / LAST)[1].notes["progress"]["step"] == 3
    assert all(torch.isfinite(value).all() for value in weights(tmp_path / "run").values())


@pytest.mark.parametrize("method", ["imitation", "ppo"])
def test_a_gpu_that_is_too_small_gets_smaller_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Half of an update fits at a time: the run says so once and goes on; when not even a part fits, it stops."""
    import makespan.policies.episodes as episodes

    config = with_labels(tmp_path, method=method)
    honest, fits = episodes.verdict, 10_000

    def cramped(model: Any, seen: Any, which: Any = None) -> Any:
        if np.unique(seen.decisions.row).size > fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
        return honest(model, seen, which)

    for module in ("imitation", "ppo"):
        monkeypatch.setattr(f"makespan.policies.{module}.verdict", cramped)
    fits = 2 if method == "imitation" else 3
    with pytest.warns(ResourceWarning, match="update 0: CUDA out of memory; going on in 2 parts"):
        assert train(config, tmp_path / "run").step == config.updates
    fits = 0
    with pytest.raises(torch.OutOfMemoryError), pytest.warns(ResourceWarning):
        train(config, tmp_path / "none")


def test_imitation_lowers_its_loss(tmp_path: Path) -> None:
    """On eight labels, seen again and again."""
    config = with_labels(tmp_path, updates=40, learning_rate=3e-3, warm_up=1)
    train(config, tmp_path / "run")
    losses = [line["loss"] for line in lines(tmp_path / "run")]
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
    assert (tmp_path / "run" / BEST).exists()


def test_labels_depend_on_the_recipe_alone(tmp_path: Path) -> None:
    """Made twice, in other parts, they are the same."""
    from makespan.policies.labels import Recipe, label, make, read

    recipe = Recipe("jsp", ("uniform,jobs=3..5,machines=3", "two_set,jobs=4,machines=2..4"), 20)
    list(make(recipe, 6, tmp_path))
    again = [label(recipe, number) for number in range(6)]
    for one, other in zip(read(recipe, tmp_path), again, strict=True):
        assert one.number == other.number and one.makespan == other.makespan and one.bound == other.bound
        assert one.schedule == other.schedule
    assert {recipe.instance(i).num_jobs for i in range(0, 20, 2)} == {3, 4, 5}


def test_labels_of_flexible_shops_keep_their_modes(tmp_path: Path) -> None:
    """Read again they are the search's schedules; a part from before there were modes reads as well."""
    from makespan.instances.check import check
    from makespan.policies.labels import Recipe, label, make, read

    recipe = Recipe("fjsp", ("flexible,jobs=4,machines=3",), 20)
    path = next(make(recipe, 3, tmp_path))
    found = read(recipe, tmp_path)
    assert any(each.schedule.mode.any() for each in found)
    for number, each in enumerate(found):
        assert each.schedule == label(recipe, number).schedule
        assert not check(recipe.instance(number), each.schedule)
    with np.load(path) as file:
        np.savez_compressed(path, **{name: file[name] for name in file if name != "mode"})
    assert not any(each.schedule.mode.any() for each in read(recipe, tmp_path))


def test_flexible_shops_are_trained_on_by_imitation(tmp_path: Path) -> None:
    """Forwards and backwards; the network is then played by the solver, which checks, and refused by that of others."""
    from makespan import Budget, solve
    from makespan.instances.generators import generate
    from makespan.policies.solver import make

    config = with_labels(tmp_path, problem="fjsp", instances=("flexible,jobs=4,machines=3",), updates=30)
    train(dataclasses.replace(config, learning_rate=3e-3, warm_up=1), tmp_path / "run")
    losses = [line["loss"] for line in lines(tmp_path / "run")]
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
    model, own = str(tmp_path / "run" / BEST), generate("flexible,jobs=6,machines=4,seed=3")
    for decode in ("both", "sample,k=4", "beam,k=4"):
        result = solve(own, f"policy:{model},decode={decode}", Budget(seconds=60))
        assert result.schedule is not None and result.schedule.mode.any()
    assert "multi_mode" in make(model).supports


def test_patience_ends_a_run(tmp_path: Path) -> None:
    """With a rate of almost nothing no evaluation is better than the first."""
    config = with_labels(tmp_path, updates=50, learning_rate=1e-12, patience=2)
    assert train(config, tmp_path / "run").step == 6


def test_another_configuration_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    """It names what differs; the number of threads may."""
    config = with_labels(tmp_path, updates=2)
    train(config, tmp_path / "run")
    with pytest.raises(ValueError, match="another width"):
        train(dataclasses.replace(config, width=32), tmp_path / "run")


def test_the_rate_rises_and_falls() -> None:
    """A line up over the warm-up, then half a cosine."""
    config = Config(updates=100, warm_up=10, learning_rate=1.0)
    assert rate(config, 0) == pytest.approx(0.1)
    assert rate(config, 50) == pytest.approx(0.5)
    assert rate(config, 99) < 0.001


def test_training_can_begin_with_a_network_that_comes_along() -> None:
    """By its name."""
    own, there = new_model(Config(start="jsp")), load(zoo.path_of("jsp"))[0]
    assert all(torch.equal(one, other) for one, other in zip(own.parameters(), there.parameters(), strict=True))


def test_a_network_to_start_from_must_be_for_the_same_problem(tmp_path: Path) -> None:
    """Weights for shops do not schedule projects."""
    config = with_labels(tmp_path, updates=2)
    train(config, tmp_path / "run")
    start = str(tmp_path / "run" / BEST)
    projects = dataclasses.replace(config, problem="rcpsp", instances=("rcpsp,activities=10",), start=start)
    with pytest.raises(ValueError, match="for jsp"):
        train(projects, tmp_path / "other")


@pytest.mark.parametrize("method", ["ppo", "self_labelling"])
def test_projects_are_trained_on_as_well(method: str, tmp_path: Path) -> None:
    """One code for all problems."""
    config = with_labels(tmp_path, problem="rcpsp", method=method, instances=("rcpsp,activities=10",), updates=2)
    assert train(config, tmp_path / "run").step == 2


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"widht": 64}, "widht"),
        ({"width": 1.5}, "width: found 1.5"),
        ({"method": "magic"}, "method: found 'magic'"),
        ({"updates": 0}, "updates: found 0"),
        ({"width": 30}, "multiple of 4 heads"),
        ({"window": 0}, "window: found 0"),
        ({"method": "improvement"}, "found improvement of jsp"),
        ({"problem": "improve"}, "found imitation of improve"),
        ({"instances": [3]}, "instances"),
        ({"mirror": 1}, "mirror: found 1"),
        ({"learning_rate": 0}, "learning_rate"),
    ],
)
def test_wrong_settings_are_named(values: dict[str, Any], words: str) -> None:
    """A key that is unknown, a value of another type or out of range."""
    with pytest.raises(ValueError, match=words):
        config_of(values)


def test_a_file_that_does_not_read_is_named(tmp_path: Path) -> None:
    """TOML errors carry the name of the file, and flags go over what it says."""
    path = tmp_path / "run.toml"
    path.write_text("width = 32\nlearning_rate = 1\n")
    assert read_config(path, updates=5).updates == 5
    assert read_config(path).learning_rate == 1.0
    path.write_text("width = ")
    with pytest.raises(ValueError, match=r"run\.toml"):
        read_config(path)


def test_every_method_has_a_trainer(tmp_path: Path) -> None:
    """The table of methods and the trainers agree."""
    for method in METHODS:
        assert trainer_of(with_labels(tmp_path, method=method, problem=problem_for(method))) is not None
