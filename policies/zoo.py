"""The trained networks that come along, as safetensors files in ``policies/zoo/``; their cards without PyTorch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "zoo"

_LONGEST_HEADER = 1 << 24


def names() -> list[str]:
    """Of the networks that come along."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def path_of(model: str) -> Path:
    """The file of a network: a name from ``names()``, or a path. Raises ValueError if there is none."""
    own = FOLDER / f"{model}.safetensors"
    if own.exists():
        return own
    if Path(model).is_file():
        return Path(model)
    known = ", ".join(names()) or "none"
    raise ValueError(f"policy: found {model!r}, expected a safetensors file or one of: {known}")


def card(path: Path) -> dict[str, Any]:
    """The card in the header of a file. Raises ValueError if there is none."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        text = file.read(length) if length <= _LONGEST_HEADER else b""
    try:
        found: dict[str, Any] = json.loads(json.loads(text)["__metadata__"]["makespan"])
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path}: found no card, expected a checkpoint of makespan") from None
    return found
