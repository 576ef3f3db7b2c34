"""A learned order of ready tasks for streams of workflows: a small network scores each task, the earliest finish places
it.

The idea is that of DeepSoCS (Sung et al. 2020): learn the order, keep the earliest finish. Ours: ten features of a
task and a network of one hidden layer instead of a graph network; the network first imitates the order of the earliest
finish (min-min), then REINFORCE lowers the mean latency, with the mean of several episodes on the same arrivals as the
baseline.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from makespan.envs.workflow_stream import DISPATCHERS, FEATURES, Dispatcher, Scores, Stream, play

TRAINED = Path(__file__).parent / "workflow_order.safetensors"
"""The network that comes along."""

FEATURE_VERSION = 1


@dataclass(frozen=True)
class OrderTraining:
    """How an order is learned. ``episodes`` are played on the arrivals of one seed in each of ``updates``; the streams
    are taken in turn. All numbers are ours."""

    streams: tuple[Stream, ...]
    hidden: int = 16
    imitation: int = 300
    updates: int = 100
    episodes: int = 12
    learning_rate: float = 0.02
    entropy: float = 1e-3
    evaluate_every: int = 10
    seed: int = 0


class OrderNetwork(nn.Module):
    """From features (..., FEATURES) to scores (...)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(len(FEATURES), hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.layers(features)
        return scores.squeeze(-1)

    def scores(self) -> Scores:
        """The network as it is now, in NumPy, which is quicker for a few tasks."""
        weights = [each.detach().double().numpy().copy() for each in self.layers.parameters()]

        def score(features: NDArray[np.float64]) -> NDArray[np.float64]:
            hidden = np.tanh(features @ weights[0].T + weights[1])
            found: NDArray[np.float64] = (hidden @ weights[2].T + weights[3])[:, 0]
            return found

        return score


@dataclass
class _Episode:
    """The decisions of an episode: features of the ready tasks, which was chosen; and what it led to."""

    seen: list[NDArray[np.float64]]
    chosen: list[int]
    latency: float = 0.0


def _sampled(scores: Scores, rng: np.random.Generator, episode: _Episode) -> Scores:
    """Draws a task by the softmax of the scores and puts it first; remembers what was seen and drawn."""

    def draw(features: NDArray[np.float64]) -> NDArray[np.float64]:
        noisy = scores(features) + rng.gumbel(size=len(features))
        episode.seen.append(features)
        episode.chosen.append(int(noisy.argmax()))
        return noisy

    return draw


def _padded(seen: list[NDArray[np.float64]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (decisions, widest, FEATURES) and which of them are tasks."""
    widest = max(len(each) for each in seen)
    features = np.zeros((len(seen), widest, len(FEATURES)), np.float32)
    mask = np.zeros((len(seen), widest), np.bool_)
    for row, each in enumerate(seen):
        features[row, : len(each)], mask[row, : len(each)] = each, True
    return torch.from_numpy(features), torch.from_numpy(mask)


def _log_chances(network: OrderNetwork, seen: list[NDArray[np.float64]]) -> torch.Tensor:
    """Shape (decisions, widest): logarithm of the chance of each task, -inf where there is none."""
    features, mask = _padded(seen)
    return torch.log_softmax(network(features).masked_fill(~mask, -torch.inf), dim=1)


def train(plan: OrderTraining) -> Iterator[tuple[OrderNetwork, dict[str, float]]]:
    """Yields the network and what was measured after every update, first those of the imitation. The same plan gives
    the same network on the same machine with one thread."""
    torch.manual_seed(plan.seed)
    network = OrderNetwork(plan.hidden)
    optimiser = torch.optim.Adam(network.parameters(), plan.learning_rate)
    yield from _imitate(network, optimiser, plan)
    for update in range(plan.updates):
        stream = plan.streams[update % len(plan.streams)]
        episodes = [_Episode([], []) for _ in range(plan.episodes)]
        for number, episode in enumerate(episodes):
            rng = np.random.default_rng((plan.seed, update, number))
            dispatcher = Dispatcher(_sampled(network.scores(), rng, episode))
            episode.latency = play(stream, dispatcher, seed=1_000_000 + update).mean_latency
        latency = np.array([episode.latency for episode in episodes])
        scaled = (latency.mean() - latency) / max(latency.std(), 1e-9)
        advantage = np.repeat(scaled, [len(episode.chosen) for episode in episodes])
        seen = [each for episode in episodes for each in episode.seen]
        chosen = torch.tensor([each for episode in episodes for each in episode.chosen])
        chances = _log_chances(network, seen)
        taken = chances.gather(1, chosen[:, None])[:, 0]
        entropy = -(chances.exp() * chances.clamp(min=-50)).sum(1).mean()
        loss = -(torch.from_numpy(advantage).float() * taken).mean() - plan.entropy * entropy
        _step(network, optimiser, loss)
        yield network, {"update": update, "latency": float(latency.mean()), "entropy": entropy.item()}


def train_best(
    plan: OrderTraining, watch: Callable[[dict[str, float]], None] = lambda measured: None
) -> tuple[OrderNetwork, float]:
    """Train, and give back the network with the least mean latency on arrivals kept for this purpose, looked at after
    the imitation and after every ``plan.evaluate_every`` updates, with that latency.

    Raises ValueError if the streams are too short for a job to be done.
    """
    shortest = min(plan.streams, key=lambda stream: stream.length)
    if not play(shortest, DISPATCHERS["min_min"], 3_000_000).latency:
        raise ValueError(f"length: found {shortest.length}, in which no job is done, expected longer streams")
    best, least, network = {}, np.inf, OrderNetwork(plan.hidden)
    for count, (trained, measured) in enumerate(train(plan), start=1):
        network = trained
        done = count - plan.imitation
        if (done >= 0 and done % plan.evaluate_every == 0) or done == plan.updates:
            latency = validation_latency(plan, Dispatcher(network.scores()))
            measured = {**measured, "validation": latency}
            if latency < least:
                best, least = copy.deepcopy(network.state_dict()), latency
        watch(measured)
    network.load_state_dict(best)
    return network, float(least)


def validation_latency(plan: OrderTraining, dispatcher: Dispatcher) -> float:
    """Mean over the streams of the plan and three seeds that nothing else uses."""
    seeds = range(3_000_000, 3_000_003)
    return float(np.mean([play(stream, dispatcher, seed).mean_latency for stream in plan.streams for seed in seeds]))


def _imitate(
    network: OrderNetwork, optimiser: torch.optim.Optimizer, plan: OrderTraining
) -> Iterator[tuple[OrderNetwork, dict[str, float]]]:
    episode = _Episode([], [])
    teacher = DISPATCHERS["min_min"].scores

    def watched(features: NDArray[np.float64]) -> NDArray[np.floating]:
        scores = teacher(features)
        episode.seen.append(features)
        episode.chosen.append(int(scores.argmax()))
        return scores

    if plan.imitation:
        for number, stream in enumerate(plan.streams):
            play(stream, Dispatcher(watched), seed=2_000_000 + number)
    chosen = torch.tensor(episode.chosen)
    for update in range(plan.imitation):
        chances = _log_chances(network, episode.seen)
        loss = -chances.gather(1, chosen[:, None]).mean()
        _step(network, optimiser, loss)
        agreed = float((chances.argmax(1) == chosen).float().mean())
        yield network, {"imitation": update, "loss": loss.item(), "agreed": agreed}


def _step(network: OrderNetwork, optimiser: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()


def save(network: OrderNetwork, path: Path, plan: OrderTraining, notes: dict[str, Any]) -> None:
    """Weights with a card: features and their version, plan, notes."""
    streams = [{**asdict(each), "workflow": each.workflow.name} for each in plan.streams]
    settings = {key: value for key, value in vars(plan).items() if key != "streams"}
    card = {"features": list(FEATURES), "feature_version": FEATURE_VERSION, **settings, "streams": streams, **notes}
    tensors = {name: each.detach().clone() for name, each in network.state_dict().items()}
    save_file(tensors, path, {"workflow_order": json.dumps(card)})


def load(path: Path = TRAINED) -> OrderNetwork:
    """The network of a file. Raises ValueError if it is not one of ours or was made for other features."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    card = json.loads(metadata.get("workflow_order", "{}"))
    if card.get("features") != list(FEATURES) or card.get("feature_version") != FEATURE_VERSION:
        raise ValueError(f"{path}: found {card.get('features')}, expected an order for {list(FEATURES)}")
    network = OrderNetwork(int(card["hidden"]))
    network.load_state_dict(tensors)
    return network


def dispatcher(path: Path = TRAINED) -> Dispatcher:
    """The learned order with the earliest finish."""
    return Dispatcher(load(path).scores())
