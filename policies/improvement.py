"""Learning to choose moves by REINFORCE in windows.

An update plays one whole episode of ``moves`` moves on each of ``batch`` new instances, ``rollouts`` times, from the
schedule of FDD/MWKR with insertion. The reward of a move is the fall of the incumbent. After every ``window`` moves the
network takes a step: the return of a move is what the rest of its window earned, undiscounted, and is compared with the
mean return of all moves of the instance in the window, in units of their standard deviation; with several rollouts,
with the mean of the moves made at the same time.

Source: Zhang et al. (2024), ICLR, arXiv 2211.10936, who have one rollout.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from makespan.envs.improvement_batch import ImprovementBatch
from makespan.instances.instance import IntArray
from makespan.policies.config import Config
from makespan.policies.episodes import Choose
from makespan.policies.improvement_episodes import improve, schedules_of
from makespan.policies.improvement_network import ImprovementNetwork
from makespan.policies.labels import Recipe
from makespan.policies.sampling import sampler
from makespan.policies.validation import SEED


class Improvement:
    """Plays and learns; update ``step`` depends on the weights, the optimiser and ``step`` alone."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.recipe = Recipe(config.problem, config.instances, seed=config.seed)

    def update(self, model: ImprovementNetwork, optimiser: torch.optim.Optimizer, step: int) -> dict[str, float]:
        """One episode of each row; returns what to log. Raises FloatingPointError before a step that is no number."""
        config = self.config
        instances = [self.recipe.instance(step * config.batch + i) for i in range(config.batch)]
        batch = ImprovementBatch(instances, config.batch * config.rollouts, steps=config.moves, threads=config.threads)
        first = batch.measure("incumbent").astype(np.float64)
        choose = sampler(np.arange(batch.num_rows), 1.0, config.seed, 8, step)
        losses, entropies, decisions, norm = list[float](), list[float](), 0, torch.zeros(())
        for begin in range(0, config.moves, config.window):
            window = Window(model, batch, choose, range(begin, min(begin + config.window, config.moves)))
            if not window.made.any():
                break
            advantage = advantages(window.reward, window.made, config.rollouts)
            weight = torch.from_numpy(advantage[window.made]).float()
            loss = -(window.log_probability * weight).mean()
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
            if not torch.isfinite(norm):
                raise FloatingPointError(f"update {step}: found a gradient of norm {norm}, expected a finite one")
            optimiser.step()
            losses.append(float(loss.detach()))
            entropies.append(window.entropy)
            decisions += weight.numel()
        best = batch.measure("incumbent")
        return {
            "loss": float(np.mean(losses)) if losses else 0.0,
            "entropy": float(np.mean(entropies)) if entropies else 0.0,
            "gradient": float(norm),
            "decisions": float(decisions),
            "steps": float(len(losses)),
            "makespan": float(best.mean()),
            "improvement": float(((first - best) / np.maximum(1, first)).mean() * 100),
        }


class Window:
    """Some moves in every row of a batch, made with the probabilities of a network.

    ``made`` and ``reward`` (moves, rows): where a row was not over, and by how much its incumbent fell.
    ``log_probability`` (moves made,): of those moves, in the order of ``made``; it can be differentiated. ``entropy``:
    its mean as a part of its maximum.
    """

    def __init__(self, model: ImprovementNetwork, batch: ImprovementBatch, choose: Choose, steps: range) -> None:
        self.made = np.zeros((len(steps), batch.num_rows), np.bool_)
        self.reward = np.zeros(self.made.shape)
        log_probability, entropy = list[Tensor](), list[Tensor]()
        for at, step in enumerate(steps):
            rows = np.flatnonzero(batch.count > 0)
            if not rows.size:
                break
            schedules = schedules_of(batch, rows)
            logits = model(schedules)
            action = choose(logits.detach(), rows, step)
            log = functional.log_softmax(logits, 1)
            log_probability.append(log.gather(1, torch.from_numpy(action)[:, None]).squeeze(1))
            safe = log.detach().masked_fill(~schedules.mask, 0)
            entropy.append(-(safe.exp() * safe).sum(1) / schedules.mask.sum(1).clamp(min=2).log())
            before = batch.measure("incumbent", rows)
            batch.take(action, rows)
            self.made[at, rows] = True
            self.reward[at, rows] = before - batch.measure("incumbent", rows)
        self.log_probability = torch.cat(log_probability) if log_probability else torch.zeros(0)
        self.entropy = float(torch.cat(entropy).mean()) if entropy else 0.0


def advantages(reward: NDArray[np.float64], made: NDArray[np.bool_], rollouts: int) -> NDArray[np.float64]:
    """How much better the return of each move of a window is than expected, in standard deviations.

    ``reward`` and ``made`` (moves, rows): row r plays instance ``r % (rows // rollouts)``. Where all returns of an
    instance are the same, and where no move was made, it is 0.
    """
    shape = reward.shape[0], rollouts, -1
    here = made.reshape(shape)
    gain = np.where(here, np.cumsum(reward[::-1], axis=0)[::-1].reshape(shape), 0.0)
    each = (0, 1) if rollouts == 1 else (1,)
    error = np.where(here, gain - gain.sum(each, keepdims=True) / np.maximum(1, here.sum(each, keepdims=True)), 0.0)
    square = np.square(error).sum((0, 1), keepdims=True) / np.maximum(1, here.sum((0, 1), keepdims=True))
    result: NDArray[np.float64] = error / np.sqrt(np.where(square > 0, square, 1.0))
    return result.reshape(reward.shape)


class ImprovementValidation:
    """The same generated instances for every evaluation, each improved by ``moves`` sampled moves.

    The gap is the mean over instances of the incumbent over the larger of the longest job and the largest machine load,
    less 1, in per cent.
    """

    def __init__(self, config: Config) -> None:
        recipe = Recipe(config.problem, config.validation or config.instances, seed=SEED)
        instances = [recipe.instance(i) for i in range(config.validation_count)]
        self.batch = ImprovementBatch(instances, steps=config.moves, threads=config.threads)
        self.bound = lower_bound(self.batch)

    def gap(self, model: ImprovementNetwork) -> float:
        """Mean gap to the lower bound, in per cent."""
        self.batch.reset()
        for _ in improve(model, self.batch, sampler(np.arange(self.batch.num_rows), 1.0, SEED, 9)):
            pass
        return float((self.batch.measure("incumbent") / self.bound).mean() * 100 - 100)


def lower_bound(batch: ImprovementBatch) -> IntArray:
    """Of each row: the larger of the longest job and the largest machine load, at least 1."""
    bound: IntArray = batch.arena.scale[batch.which, 0].astype(np.int64)
    return bound
