"""Gradients from several processes equal those of one."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from makespan.policies.config import Config, config_of
from makespan.policies.parallel import Share, Workers, gradient_of, method_of
from makespan.policies.training import LAST, new_model, train

TINY = Config(
    instances=("uniform,jobs=2..5,machines=3",),
    width=16,
    layers=1,
    blocks=1,
    updates=3,
    batch=5,
    label_count=10,
    label_iterations=10,
    validation_count=5,
    evaluate_every=2,
    threads=1,
)


def with_labels(tmp_path: Path, **changes: object) -> Config:
    """A tiny run whose labels lie in the folder of the test."""
    return dataclasses.replace(TINY, labels=str(tmp_path / "labels"), **changes)  # type: ignore[arg-type]


class Near:
    """Stands for Ray: the same calls, in this process."""

    def put(self, value: object) -> object:
        return value

    def get(self, values: list[object]) -> list[object]:
        return values


class Remote:
    """A worker of it."""

    def __init__(self, share: Share) -> None:
        self.gradient = self
        self.remote = share.gradient


def same_gradient(config: Config, workers: Workers) -> None:
    """Some updates, against one process."""
    one, several = new_model(config), new_model(config)
    alone = gradient_of(method_of(config), 1)
    for step in range(2):
        one.zero_grad(set_to_none=True)
        expected, found = alone(one, step), workers(several, step)
        assert found[0] == pytest.approx(expected[0], abs=1e-6)
        assert found[1] == pytest.approx({name: expected[1][name] for name in found[1]}, abs=1e-6)
        for own, other in zip(one.parameters(), several.parameters(), strict=True):
            assert (own.grad is None) == (other.grad is None)
            if own.grad is not None and other.grad is not None:
                torch.testing.assert_close(own.grad, other.grad, atol=1e-6, rtol=0)


@pytest.mark.parametrize("method", ["imitation", "self_labelling"])
def test_shares_of_unequal_size_add_up_to_the_whole(tmp_path: Path, method: str) -> None:
    """Five instances among two and among three; instances without a decision do not count."""
    for number in (2, 3):
        config = with_labels(tmp_path, workers=number, method=method, rollouts=3)
        workers = object.__new__(Workers)
        workers.ray = Near()
        workers.workers = [Remote(Share(config, new_model(config), i, number)) for i in range(number)]
        same_gradient(config, workers)


def test_two_processes_give_the_gradient_of_one(tmp_path: Path) -> None:
    """Through Ray; a run that began alone goes on with two."""
    ray = pytest.importorskip("ray")
    config = with_labels(tmp_path, workers=2)
    try:
        workers = Workers(config, new_model(config))
        same_gradient(config, workers)
        train(dataclasses.replace(config, workers=1), tmp_path / "alone")
        train(config, tmp_path / "shared")
        assert (tmp_path / "shared" / LAST).exists()
        losses = [np.array((tmp_path / name / "log.jsonl").read_text().splitlines()) for name in ("alone", "shared")]
        assert losses[0].size == losses[1].size == 3
    finally:
        ray.shutdown()


def test_parts_one_after_the_other_are_the_whole(tmp_path: Path) -> None:
    """What a GPU that is too small does: the same gradient in two parts, and in five."""
    config = with_labels(tmp_path)
    method = method_of(config)
    one, other = new_model(config), new_model(config)
    loss = gradient_of(method, 1)(one, 0)[0]
    for parts in (2, 5):
        assert gradient_of(method, parts)(other, 0)[0] == pytest.approx(loss, abs=1e-6)
        for own, again in zip(one.parameters(), other.parameters(), strict=True):
            if own.grad is not None and again.grad is not None:
                torch.testing.assert_close(own.grad, again.grad, atol=1e-6, rtol=0)


def test_what_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    """More workers than instances, and methods that are not shared yet."""
    with pytest.raises(ValueError, match="workers: found 9, expected at most the batch of 5"):
        Workers(with_labels(tmp_path, workers=9), new_model(TINY))
    with pytest.raises(ValueError, match="workers: found 2 with ppo"):
        config_of({"workers": 2, "method": "ppo"})
