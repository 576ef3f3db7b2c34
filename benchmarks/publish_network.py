"""Put a trained network into the package, with a card that says how it was made and what it reached.

    python benchmarks/publish_network.py training/best.safetensors jsp --summary "..." --command "..." \\
        --core-hours 1.9 --results "..."
"""

from __future__ import annotations

import argparse
from pathlib import Path

from makespan.policies import checkpoint, zoo
from makespan.policies.checkpoint import Card

LARGEST = 5_000_000
"""Bytes of a file that comes along."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("name")
    for flag in ("--summary", "--command", "--core-hours", "--results"):
        parser.add_argument(flag, required=True)
    given = parser.parse_args()
    model, card, _ = checkpoint.load(given.checkpoint)
    notes = {name: getattr(given, name) for name in ("summary", "command", "core_hours", "results")}
    config = card.notes.get("config", {})
    config["labels"] = Path(config.get("labels", "")).name  # where they lay is nobody's business
    path = zoo.FOLDER / f"{given.name}.safetensors"
    path.parent.mkdir(exist_ok=True)
    checkpoint.save(
        path, model, Card(card.problem, card.shape, card.refresh_every, {**card.notes, **notes, "config": config})
    )
    if path.stat().st_size > LARGEST:
        raise SystemExit(f"{path}: found {path.stat().st_size} bytes, expected at most {LARGEST}")
    print(path)


if __name__ == "__main__":
    main()
