"""Train a small dispatcher for 6x6 job shops in a few minutes on one core; docs/environments/tutorial.md explains it.

python examples/first_agent.py
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import gymnasium
import numpy as np
import torch
from torch import nn

import makespan.envs  # noqa: F401  (registers the environments)
from makespan import Budget, solve


@dataclass(frozen=True)
class Args:
    """What can be changed."""

    updates: int = 200
    instances: int = 16
    """Per update, each played by several episodes."""
    episodes: int = 8
    """Of each instance; their mean makespan is what each is compared with."""
    learning_rate: float = 3e-3
    entropy: float = 0.01
    seed: int = 0


class Scorer(nn.Module):
    """One number for each candidate, from its own features and the mean of those of all legal ones."""

    def __init__(self, features: int, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2 * features, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, candidates: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        legal = mask.unsqueeze(-1)
        mean = (candidates * legal).sum(-2, keepdim=True) / legal.sum(-2, keepdim=True).clamp(min=1)
        score = self.layers(torch.cat((candidates, mean.expand_as(candidates)), -1)).squeeze(-1)
        return score.masked_fill(mask == 0, -torch.inf)


def play(env: gymnasium.vector.VectorEnv, policy: Scorer, seeds: list[int], greedy: bool) -> tuple[torch.Tensor, ...]:
    """One episode in every environment: makespans, and per step log-probability and entropy of the choices."""
    seen, _ = env.reset(seed=seeds)  # type: ignore[arg-type]
    chosen, spread = [], []
    while True:
        score = policy(torch.from_numpy(seen["candidates"]), torch.from_numpy(seen["action_mask"]))
        choice = torch.distributions.Categorical(logits=score)
        action = score.argmax(-1) if greedy else choice.sample()
        chosen.append(choice.log_prob(action))
        spread.append(choice.entropy())
        seen, _, over, _, info = env.step(action.numpy())
        if over.all():  # every episode of a 6x6 shop takes 36 decisions
            return torch.from_numpy(info["makespan"]).float(), torch.stack(chosen), torch.stack(spread)


def make(rows: int) -> gymnasium.vector.VectorEnv:
    return gymnasium.make_vec(
        "makespan/JobShop-v0", rows, "vector_entry_point", instances="uniform,jobs=6,machines=6", scheme="append"
    )


def train(args: Args) -> Scorer:
    """REINFORCE; the baseline of an episode is the mean of those that play the same instance."""
    torch.manual_seed(args.seed)
    env = make(args.instances * args.episodes)
    policy = Scorer(env.single_observation_space["candidates"].shape[1])  # type: ignore[index]
    optimiser = torch.optim.Adam(policy.parameters(), args.learning_rate)
    begun = time.perf_counter()
    for update in range(args.updates):
        first = args.seed * 1_000_000 + update * args.instances
        seeds = [first + row // args.episodes for row in range(env.num_envs)]  # same seed, same instance
        makespan, log_probability, entropy = play(env, policy, seeds, greedy=False)
        by_instance = makespan.view(args.instances, args.episodes)
        mean = by_instance.mean(1, keepdim=True)
        advantage = ((mean - by_instance) / by_instance.std(1, keepdim=True).clamp(min=1)).flatten()
        loss = -(advantage * log_probability.sum(0)).mean() - args.entropy * entropy.mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimiser.step()
        if update % 20 == 0 or update == args.updates - 1:
            seconds = time.perf_counter() - begun
            print(f"update {update:4}  mean makespan {makespan.mean():7.1f}  {seconds:5.0f} s")
    return policy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=Args.updates)
    policy = train(Args(updates=parser.parse_args().updates))
    seeds = list(range(900_000_000, 900_000_050))
    env = make(len(seeds))
    with torch.no_grad():
        greedy = play(env, policy, seeds, greedy=True)[0].mean()
    shops = [env.unwrapped.play.instance(row) for row in range(len(seeds))]  # type: ignore[attr-defined]
    best = np.mean([solve(shop, "auto", Budget(seconds=5)).objective for shop in shops])
    print(f"50 unseen shops: optimum {best:.1f}, trained {greedy:.1f}", end="")
    for rule in ("mwkr,scheme=append", "mwkr,scheme=non_delay", "fdd_mwkr,scheme=non_delay"):
        print(f", {rule} {np.mean([solve(shop, f'rule:{rule}').objective for shop in shops]):.1f}", end="")
    print()


if __name__ == "__main__":
    main()
