"""Checkpoints: what is saved is loaded, what is wrong is refused with a sentence."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from makespan.policies import zoo
from makespan.policies.checkpoint import Card, CheckpointError, load, save
from tests.policies.shops import network


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A good checkpoint."""
    model = network()
    save(tmp_path / "a.safetensors", model, Card("jsp", model.shape, 8, {"summary": "tiny"}))
    return tmp_path / "a.safetensors"


def rewritten(path: Path, **changes: object) -> Path:
    """The same file with another header."""
    header = zoo.card(path) | changes
    save_file(load_file(path), path, metadata={"makespan": json.dumps(header)})
    return path


def test_what_is_saved_is_loaded(path: Path) -> None:
    """Weights to the bit, the card, and tensors that go with them."""
    model, card, extra = load(path)
    assert card.refresh_every == 8 and card.notes == {"summary": "tiny"} and not extra
    for name, value in network().state_dict().items():
        assert torch.equal(model.state_dict()[name], value)
    assert zoo.card(path)["problem"] == "jsp"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"versions": [1, 1, 1]}, "versions"),
        ({"scheme": "append"}, "scheme"),
        ({"format": 99}, "format"),
        ({"problem": "knapsack"}, "knapsack"),
        ({"golden": [0.0, 0.0]}, "golden state"),
        ({"shape": {"width": 16}}, "header"),
        ({"notes": 3}, "header"),
    ],
)
def test_a_card_of_something_else_is_refused(path: Path, changes: dict[str, object], words: str) -> None:
    """Other features, schemes, formats and problems, and logits that the weights do not give."""
    with pytest.raises(CheckpointError, match=words):
        load(rewritten(path, **changes))


def test_weights_of_another_shape_are_refused(path: Path) -> None:
    """The card says 16, the tensors something else."""
    shape = network().shape.as_dict() | {"width": 32}
    with pytest.raises(CheckpointError, match="other weights"):
        load(rewritten(path, shape=shape))


def test_a_weight_that_is_no_number_is_refused(path: Path) -> None:
    """Its logits are no numbers either."""
    tensors = load_file(path)
    tensors["model.score.0.weight"][0, 0] = float("nan")
    save_file(tensors, path, metadata={"makespan": json.dumps(zoo.card(path))})
    with pytest.raises(CheckpointError, match="golden state"):
        load(path)


@pytest.mark.parametrize("content", [b"", b"\x00" * 4, b"\xff" * 64, b"not a checkpoint at all, only text"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    """Empty, short and hostile ones; never unpickled."""
    (tmp_path / "b.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match="no safetensors file"):
        load(tmp_path / "b.safetensors")
    with pytest.raises(ValueError, match="no card"):
        zoo.card(tmp_path / "b.safetensors")


def test_a_truncated_file_is_refused(path: Path) -> None:
    """A copy that stopped half way."""
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="no safetensors file"):
        load(path)


def test_a_model_that_is_not_there_is_named_with_those_that_are() -> None:
    """The sentence lists what could be meant."""
    with pytest.raises(ValueError, match="found 'nothing', expected a safetensors file or one of"):
        zoo.path_of("nothing")
