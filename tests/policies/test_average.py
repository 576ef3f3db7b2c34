"""Mean weights: by hand, played, and refused where networks differ."""

import sys
from pathlib import Path

import pytest
import torch

from makespan.policies import average as module
from makespan.policies.average import average
from makespan.policies.checkpoint import Card, CheckpointError, load, save
from tests.policies.shops import network


def saved(folder: Path, name: str, refresh_every: int = 4, **sizes: int) -> Path:
    """A network with random weights in a file."""
    model = network("rcpsp", len(name), **sizes)
    path = folder / f"{name}.safetensors"
    save(path, model, Card("rcpsp", model.shape, refresh_every, {"summary": name}))
    return path


def test_every_weight_is_the_mean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that the command writes loads, with the logits of its own weights as its golden ones."""
    paths = [saved(tmp_path, name) for name in ("a", "bb", "ccc")]
    output = tmp_path / "mean.safetensors"
    monkeypatch.setattr(sys, "argv", ["average", str(output), *map(str, paths)])
    module.main()
    mean, card, _ = load(output)
    parts = [load(path)[0].state_dict() for path in paths]
    for name, value in mean.state_dict().items():
        torch.testing.assert_close(value, sum(part[name] for part in parts) / 3)
    assert card.refresh_every == 4
    assert card.notes == {"average_of": [{"summary": name} for name in ("a", "bb", "ccc")]}


@pytest.mark.parametrize("other", [{"width": 8}, {"refresh_every": 5}])
def test_networks_that_differ_are_refused(tmp_path: Path, other: dict[str, int]) -> None:
    """Their weights mean different things."""
    with pytest.raises(CheckpointError, match=r"bb\.safetensors: found .* as in .*a\.safetensors"):
        average([saved(tmp_path, "a"), saved(tmp_path, "bb", **other)])
