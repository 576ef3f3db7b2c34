"""The mean of the weights of networks that were trained on from the same one: as fast as each, and often better.

    python -m makespan.policies.average rcpsp.safetensors one/best.safetensors two/best.safetensors

Source: Wortsman et al. (2022), ICML, arXiv 2203.05482.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from makespan.policies import zoo
from makespan.policies.checkpoint import Card, CheckpointError, load, save


def average(paths: Sequence[Path]) -> tuple[Any, Card]:
    """A network with the mean weights of some checkpoints, and a card with the notes of all.

    Raises CheckpointError if one does not read, or is not for the same problem with the same shape.
    """
    networks, cards = zip(*((network, card) for network, card, _ in map(load, paths)), strict=True)
    first: Card = cards[0]
    for path, card in zip(paths, cards, strict=True):
        found, expected = ((each.problem, each.refresh_every, each.shape.as_dict()) for each in (card, first))
        if found != expected:
            raise CheckpointError(f"{path}: found {found}, expected {expected} as in {paths[0]}")
    weights = [network.state_dict() for network in networks]
    networks[0].load_state_dict({name: torch.stack([each[name] for each in weights]).mean(0) for name in weights[0]})
    notes = {"average_of": [card.notes for card in cards]}
    return networks[0], Card(first.problem, first.shape, first.refresh_every, notes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("networks", nargs="+", help="names that makespan models lists, or files")
    given = parser.parse_args()
    save(given.output, *average([zoo.path_of(each) for each in given.networks]))


if __name__ == "__main__":
    main()
