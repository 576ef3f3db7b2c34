"""The loop that all trainers share: learning rate, evaluation, logs, checkpoints, and going on after a stop.

A folder holds ``config.json``, ``log.jsonl`` with one line per update, ``last.safetensors`` with all that is needed to
go on, and ``best.safetensors``. What an update does depends on the configuration, the weights, the optimiser and the
number of the update, so that a run that was stopped and went on equals one that was not.
"""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from makespan.policies import checkpoint, zoo
from makespan.policies.branching import BranchingImitation, BranchingValidation
from makespan.policies.checkpoint import Card
from makespan.policies.config import SHARED, Config
from makespan.policies.guided import Guided
from makespan.policies.improvement import Improvement, ImprovementValidation
from makespan.policies.network import Dispatcher
from makespan.policies.parallel import Gradient, Workers, gradient_of, method_of, whole_gradient
from makespan.policies.ppo import PPO
from makespan.policies.problems import problem_named
from makespan.policies.validation import SEED, Validation

LAST, BEST = "last.safetensors", "best.safetensors"
SAVE_SECONDS = 60.0
"""Between checkpoints."""


class Trainer(Protocol):
    """What a method does in one update; returns what to log, ``loss`` and ``decisions`` among it."""

    def update(self, model: Any, optimiser: torch.optim.Optimizer, step: int) -> dict[str, float]: ...


@dataclass
class Progress:
    """Where a run stands."""

    step: int = 0
    best: float = math.inf
    since_best: int = 0
    seconds: float = 0.0
    gap: float = math.nan

    def as_dict(self) -> dict[str, float]:
        return {"step": self.step, "best": self.best, "since_best": self.since_best, "seconds": self.seconds}


class _Losses:
    """A trainer of a method that has one loss and takes one step on it."""

    def __init__(self, gradient: Gradient, clip_norm: float) -> None:
        self.gradient, self.clip_norm = gradient, clip_norm

    def update(self, model: Dispatcher, optimiser: torch.optim.Optimizer, step: int) -> dict[str, float]:
        began = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        loss, log = self.gradient(model, step)
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), self.clip_norm)
        if not (torch.isfinite(norm) and math.isfinite(loss)):
            raise FloatingPointError(f"update {step}: found a loss of {loss}, expected a finite one")
        optimiser.step()
        log |= {"gradient": float(norm), "update_seconds": time.perf_counter() - began}
        return {"loss": loss, **log}


class _Fitting:
    """A trainer that takes smaller and smaller batches as long as a GPU is too small for them, and says so."""

    def __init__(self, of: Callable[[int], Trainer], most: int) -> None:
        self.of, self.most, self.parts = of, most, 1
        self.trainer = of(1)

    def update(self, model: Any, optimiser: torch.optim.Optimizer, step: int) -> dict[str, float]:
        while True:
            try:
                return self.trainer.update(model, optimiser, step)
            except torch.OutOfMemoryError as error:
                if 2 * self.parts > self.most:
                    raise
                self.parts *= 2
                told = str(error).partition(".")[0]
                warnings.warn(f"update {step}: {told}; going on in {self.parts} parts", ResourceWarning, stacklevel=2)
            self.trainer = self.of(self.parts)
            torch.cuda.empty_cache()


def trainer_of(config: Config) -> Trainer:
    """The method of a configuration. Raises ValueError for one that learns from labels or best makespans of a problem
    that has neither."""
    if config.method in ("imitation", "self_labelling") and not problem_named(config.problem).solver:
        raise ValueError(f"method: found {config.method} on {config.problem}, expected ppo")
    if config.method == "improvement":
        return Improvement(config)
    if config.method == "strong_branching":
        return _Losses(whole_gradient(BranchingImitation(config)), config.clip_norm)
    if config.method in SHARED:
        if config.workers > 1:
            return _Losses(Workers(config, new_model(config)), config.clip_norm)
        method = method_of(config)
        return _Fitting(lambda parts: _Losses(gradient_of(method, parts), config.clip_norm), config.batch)
    steps = PPO if config.method == "ppo" else Guided
    most = config.batch * config.rollouts // config.minibatches
    return _Fitting(lambda parts: steps(replace(config, minibatches=config.minibatches * parts)), most)


def train(
    config: Config, folder: Path, on_update: Callable[[Progress, dict[str, float]], None] = lambda progress, log: None
) -> Progress:
    """Train until all updates are done or patience is over; goes on where ``folder`` stands.

    Raises
    ------
    ValueError
        If the folder holds a run of another configuration.
    FloatingPointError
        At a loss that is no number; the last good checkpoint stays.
    """
    torch.set_num_threads(config.threads)
    folder.mkdir(parents=True, exist_ok=True)
    _same_config(config, folder)
    model, progress, optimiser = begin(config, folder)
    trainer = trainer_of(config)
    validation = validation_of(config)
    began, saved = time.monotonic() - progress.seconds, time.monotonic()
    writer = _board(folder)
    with (folder / "log.jsonl").open("a", encoding="utf-8") as lines:
        while progress.step < config.updates and not (config.patience and progress.since_best >= config.patience):
            for group in optimiser.param_groups:
                group["lr"] = rate(config, progress.step)
            model.train()
            log = trainer.update(model, optimiser, progress.step)
            progress.step += 1
            is_last = progress.step == config.updates
            if progress.step % config.evaluate_every == 0 or is_last:
                model.eval()
                progress.gap = log["gap"] = validation.gap(model)
                progress.since_best += 1
                if progress.gap < progress.best:
                    progress.best, progress.since_best = progress.gap, 0
                    checkpoint.save(folder / BEST, model, _card(config, model, progress))
            progress.seconds = time.monotonic() - began
            log |= {"step": progress.step, "rate": rate(config, progress.step - 1), "seconds": progress.seconds}
            lines.write(json.dumps(log) + "\n")
            lines.flush()
            for name, value in log.items():
                writer(name, value, progress.step)
            on_update(progress, log)
            if is_last or time.monotonic() - saved > SAVE_SECONDS:
                save_run(folder, config, model, optimiser, progress)
                saved = time.monotonic()
    save_run(folder, config, model, optimiser, progress)
    return progress


def validation_of(config: Config) -> Validation | ImprovementValidation | BranchingValidation:
    """How networks of a configuration are judged."""
    if config.method == "improvement":
        return ImprovementValidation(config)
    if config.method == "strong_branching":
        return BranchingValidation(config, SEED)
    return Validation(config)


def rate(config: Config, step: int) -> float:
    """The learning rate of an update: a rise over ``warm_up``, then a cosine to 0."""
    rise = min(1.0, (step + 1) / max(1, config.warm_up))
    return config.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * step / config.updates))


def new_model(config: Config) -> Any:
    """The network of a configuration, of its problem's kind: that of ``start``, or with weights drawn from the seed."""
    if config.start:
        model, card, _ = checkpoint.load(zoo.path_of(config.start))
        if card.problem != config.problem:
            raise ValueError(f"start: found a network for {card.problem}, expected one for {config.problem}")
        return model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        problem = problem_named(config.problem)
        return problem.network(problem.shape(**config.sizes()))


def begin(config: Config, folder: Path) -> tuple[Any, Progress, torch.optim.AdamW]:
    """Model, progress and optimiser as the folder has them, or new."""
    model, progress = new_model(config), Progress()
    extra: dict[str, Tensor] = {}
    if (folder / LAST).exists():
        model, card, extra = checkpoint.load(folder / LAST)
        progress = Progress(**card.notes["progress"])
    model.to(config.device)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, eps=1e-5
    )
    if extra:
        names = [name for name, _ in model.named_parameters()]
        state = {
            i: {key: extra[f"{name}.{key}"] for key in ("step", "exp_avg", "exp_avg_sq")}
            for i, name in enumerate(names)
            if f"{name}.step" in extra  # the rest has had no gradient yet
        }
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    return model, progress, optimiser


def save_run(folder: Path, config: Config, model: nn.Module, optimiser: torch.optim.AdamW, progress: Progress) -> None:
    """Write ``last.safetensors``."""
    state = optimiser.state_dict()["state"]
    extra = {
        f"{name}.{key}": torch.as_tensor(value)
        for i, (name, _) in enumerate(model.named_parameters())
        for key, value in state.get(i, {}).items()
    }
    checkpoint.save(folder / LAST, model, _card(config, model, progress), extra)


def _card(config: Config, model: Any, progress: Progress) -> Card:
    notes: dict[str, Any] = {"config": config.as_dict(), "progress": progress.as_dict()}
    return Card(config.problem, model.shape, config.refresh_every, notes)


def _same_config(config: Config, folder: Path) -> None:
    path = folder / "config.json"
    text = json.dumps(config.as_dict(), indent=2, sort_keys=True)
    if not path.exists():
        path.write_text(text + "\n", encoding="utf-8")
        return
    found, expected = json.loads(path.read_text(encoding="utf-8")), json.loads(text)
    may_change = ("threads", "device", "workers")
    changed = [name for name in expected if found.get(name) != expected[name] and name not in may_change]
    if changed:
        raise ValueError(f"{path}: found another {', '.join(changed)}, expected the same run or a new folder")


def _board(folder: Path) -> Callable[[str, float, int], None]:
    """Writes to TensorBoard if it is installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return lambda name, value, step: None
    writer = SummaryWriter(str(folder / "board"))
    return lambda name, value, step: writer.add_scalar(name, value, step)
