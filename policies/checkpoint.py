"""Weights and all that is needed to use them, in one safetensors file: never a pickle.

The header of the file holds a card as JSON: the problem, how schedules are built, the features and their versions, the
shape of the network, how it was trained and what it reached. With it go the logits of a fixed small state; a network
that does not reproduce them was made for other features and is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from makespan.instances.generators import generate
from makespan.policies.network import Shape
from makespan.policies.problems import Problem, problem_named

FORMAT = 1
TOLERANCE = 1e-3
"""Between golden logits and those of another machine."""

_GOLDEN = {
    "jsp": "uniform,jobs=5,machines=4,seed=1",
    "fjsp": "flexible,jobs=5,machines=4,seed=1",
    "interval": "uniform,jobs=5,machines=4,seed=1",
    "dynamic": "uniform,jobs=5,machines=4,seed=1",
    "rcpsp": "rcpsp,activities=10,seed=1",
    "improve": "uniform,jobs=5,machines=4,seed=1",
    "branch": "uniform,jobs=4,machines=3,seed=1",
}


@dataclass(frozen=True)
class Card:
    """What a checkpoint says of itself; ``notes``: data, command, hours, results, whatever JSON can hold."""

    problem: str
    shape: Shape
    refresh_every: int
    notes: dict[str, Any] = field(default_factory=dict)


class CheckpointError(ValueError):
    """A file that is no checkpoint, or none for this version."""


def save(path: Path, model: nn.Module, card: Card, extra: Mapping[str, torch.Tensor] | None = None) -> None:
    """Write weights and card; ``extra`` tensors, of an optimiser say, go with them. The file appears as a whole."""
    problem = problem_named(card.problem)
    header = {
        "format": FORMAT,
        "problem": card.problem,
        "scheme": problem.scheme,
        "features": problem.features,
        "versions": problem.versions,
        "shape": card.shape.as_dict(),
        "refresh_every": card.refresh_every,
        "golden": golden_logits(model, problem),
        "notes": card.notes,
    }
    tensors = {f"model.{name}": value.cpu().contiguous() for name, value in model.state_dict().items()}
    tensors |= {f"extra.{name}": value.cpu().contiguous() for name, value in (extra or {}).items()}
    new = path.with_suffix(".new")
    save_file(tensors, new, metadata={"makespan": json.dumps(header)})
    new.replace(path)


def load(path: Path) -> tuple[Any, Card, dict[str, torch.Tensor]]:
    """Network of the card's problem, card and extra tensors of a file.

    Raises CheckpointError with a sentence if it cannot be used.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path}: found no safetensors file ({error}), expected a checkpoint") from None
    try:
        header = json.loads(metadata["makespan"])
        problem, shape = problem_named(header["problem"]), Shape(**header["shape"])
        card = Card(header["problem"], shape, int(header["refresh_every"]), dict(header["notes"]))
        found = header["format"], header["scheme"], tuple(header["features"]), tuple(header["versions"])
        golden = np.array(header["golden"], np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: found a header that does not read ({error!r}), expected a card") from None
    expected = FORMAT, problem.scheme, problem.features, problem.versions
    if found != expected or (shape.candidate_features, shape.operation_features, shape.resource_features) != found[2]:
        raise CheckpointError(f"{path}: found format, scheme, features and versions {found}, expected {expected}")
    model = problem.network(shape)
    weights = {name.removeprefix("model."): value for name, value in tensors.items() if name.startswith("model.")}
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: found other weights than the card says ({error})") from None
    model.eval()
    again = np.array(golden_logits(model, problem))
    if again.shape != golden.shape or not np.abs(again - golden).max(initial=0) <= TOLERANCE:
        raise CheckpointError(f"{path}: found logits {again.tolist()} on the golden state, expected {golden.tolist()}")
    extra = {name.removeprefix("extra."): value for name, value in tensors.items() if name.startswith("extra.")}
    return model, card, extra


@torch.inference_mode()
def golden_logits(model: nn.Module, problem: Problem) -> list[float]:
    """The logits of the first decision on a fixed small instance."""
    batch = problem.batch([generate(_GOLDEN[problem.name])], None, 1)
    return [float(value) for value in problem.logits(model, batch, np.zeros(1, np.int64))[0].cpu()]
