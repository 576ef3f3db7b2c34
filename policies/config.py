"""What a training run is made of: a TOML file, flags, or both."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

METHODS = ("imitation", "ppo", "self_labelling", "guided", "counterfactual", "improvement", "strong_branching")

METHOD_OF = {"improve": "improvement", "branch": "strong_branching"}
"""Problems that are learned in a way of their own."""

SHARED = ("imitation", "self_labelling", "counterfactual")
"""Methods whose updates several processes can share."""

RESTS = ("jsp", "interval")
"""Problems of which what is left of an episode is an instance of its own."""


_AT_LEAST_ONE = (
    "width", "blocks", "heads", "updates", "batch", "rollouts", "epochs", "minibatches", "moves", "window", "threads",
    "workers",
)  # fmt: skip


@dataclass(frozen=True)
class Config:
    """A training run. Equal configurations on equal machines with equal numbers of threads give equal weights.

    Parameters
    ----------
    problem
        A name in ``policies/problems.py``.
    method
        ``imitation`` of labels, ``ppo``, ``self_labelling``, ``guided`` by a search that finishes what the policy
        begins (job shops), ``counterfactual`` costs of what else could have been done (simulated shops), or the method
        that goes with one problem alone: ``improvement`` with ``improve``, ``strong_branching`` with ``branch``.
    instances
        Generator specs, taken in turn; any number in them may be a range such as ``jobs=8..30``.
    instance_count
        So many instances are drawn and come again and again (all methods but imitation); 0: every one is new.
    scenario
        What happens in simulated shops: a name in DYNAMIC1 of ``envs/validation.py``, or parameters of ``Scenario`` as
        ``jobs=templates,num_jobs=100,utilisation=0.9``, in TOML also as a table.
    labels
        Folder of labels for imitation; those that are missing are made.
    label_count, label_iterations
        How many instances are labelled, and steps of the search per task for each (imitation).
    mirror
        Imitation also sees every instance backwards in time, where its problem allows.
    alike
        Imitation takes the sum of the probabilities of all candidates that lead to the same schedule (projects).
    drift
        Part of the episodes that begin where the network went by itself (imitation of job shops), 0 to 1.
    guide, guide_seconds
        The spec of the search that finishes episodes (guided; the one that makes labels if empty), and for how long;
        if 0, for ``label_iterations`` steps per task, so that a run can be repeated. Of counterfactual: the rule that
        plays on, ``rule:covert`` if empty.
    start
        What training begins with: the name of a network that comes along, or a checkpoint.
    width, layers, blocks, heads
        Of the network, see ``Shape``; of ``branch``, see ``BranchingNetwork``.
    refresh_every
        The graph is read again after so many decisions; 0 for once per episode. Improvement reads it at every move.
    updates
        Steps of the optimiser in all; the learning rate falls to 0 over them along a cosine.
    batch
        Instances per update.
    rollouts
        Episodes per instance (ppo, self_labelling, improvement), labelled nodes of its tree (strong_branching), or
        decisions of its episode for which all candidates are tried (counterfactual).
    moves, window
        Moves of an episode, and how many of them a step of the optimiser looks back on (improvement).
    learning_rate, warm_up, clip_norm, weight_decay
        Of AdamW; ``warm_up`` updates rise to the rate; gradients are cut to ``clip_norm``.
    clip, epochs, minibatches, entropy, value_weight, gae, kl_stop
        Of PPO: see ``policies/ppo.py``.
    reward
        A name in ``envs/rewards.py`` (ppo).
    temperature
        Of sampled episodes (self_labelling).
    seed
        Of weights, instances and samples. Validation instances come from another.
    validation, validation_count
        Generator specs (those of ``instances`` if empty) and how many.
    evaluate_every, patience
        Updates between evaluations; training stops after ``patience`` of them without a better one, never if 0.
    threads
        Of PyTorch and of the batch, in each process.
    device
        ``cpu``, or ``cuda`` for the network.
    workers
        Processes that share the instances of an update (imitation, self_labelling), see ``policies/parallel.py``.
    """

    problem: str = "jsp"
    method: str = "imitation"
    instances: tuple[str, ...] = ("uniform,jobs=10,machines=10",)
    instance_count: int = 0
    scenario: str = ""
    labels: str = "labels"
    label_count: int = 8000
    label_iterations: int = 200
    mirror: bool = True
    alike: bool = True
    drift: float = 0.0
    guide: str = ""
    guide_seconds: float = 0.0
    start: str = ""
    width: int = 64
    layers: int = 3
    blocks: int = 2
    heads: int = 4
    refresh_every: int = 32
    updates: int = 8000
    batch: int = 16
    rollouts: int = 8
    moves: int = 100
    window: int = 10
    learning_rate: float = 1e-3
    warm_up: int = 100
    clip_norm: float = 1.0
    weight_decay: float = 1e-4
    clip: float = 0.2
    epochs: int = 4
    minibatches: int = 8
    entropy: float = 0.01
    value_weight: float = 0.5
    gae: float = 0.95
    kl_stop: float = 0.02
    reward: str = "lower_bound"
    temperature: float = 1.0
    seed: int = 0
    validation: tuple[str, ...] = ()
    validation_count: int = 100
    evaluate_every: int = 250
    patience: int = 0
    threads: int = 2
    device: str = "cpu"
    workers: int = 1

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method: found {self.method!r}, expected one of {', '.join(METHODS)}")
        if self.workers > 1 and self.method not in SHARED:
            raise ValueError(f"workers: found {self.workers} with {self.method}, expected 1, or {' or '.join(SHARED)}")
        expected = METHOD_OF.get(self.problem)
        if self.method != expected and (expected is not None or self.method in METHOD_OF.values()):
            others = [name for name in METHODS if name not in METHOD_OF.values()]
            raise ValueError(f"method: found {self.method} of {self.problem}, expected {expected or ', '.join(others)}")
        if not self.instances:
            raise ValueError("instances: found none, expected at least one generator spec")
        for name in _AT_LEAST_ONE:
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected 1 or more")
        for name in (
            "layers",
            "refresh_every",
            "warm_up",
            "patience",
            "entropy",
            "value_weight",
            "weight_decay",
            "instance_count",
            "guide_seconds",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected 0 or more")
        for name in ("learning_rate", "clip_norm", "clip", "kl_stop", "temperature", "evaluate_every"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected more than 0")
        if not 0 <= self.drift <= 1:
            raise ValueError(f"drift: found {self.drift}, expected 0 to 1")
        for name, wanted in (("drift", self.drift > 0), ("guided", self.method == "guided")):
            if wanted and self.problem not in RESTS:
                raise ValueError(f"{name}: found it for {self.problem}, expected one of {', '.join(RESTS)}")
        if self.method == "counterfactual" and self.problem != "dynamic":
            raise ValueError(f"method: found counterfactual on {self.problem}, expected it on dynamic alone")
        if self.width % self.heads:
            raise ValueError(f"width: found {self.width}, expected a multiple of {self.heads} heads")

    def instance_number(self, place: int) -> int:
        """Which instance of the recipe comes at a place of the endless sequence of them."""
        return place % self.instance_count if self.instance_count else place

    def sizes(self) -> dict[str, int]:
        """Of the network."""
        return {"width": self.width, "layers": self.layers, "blocks": self.blocks, "heads": self.heads}

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def read_config(path: Path, **changes: Any) -> Config:
    """The configuration in a TOML file, with some values replaced. Raises ValueError naming the file and the key."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: {error}") from None
    return config_of({**values, **changes}, str(path))


def config_of(values: dict[str, Any], source: str = "config") -> Config:
    """A configuration from plain values, each checked for its type. Raises ValueError naming the key."""
    known = {field.name: field for field in dataclasses.fields(Config)}
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"{source}: found {name!r}, expected some of {', '.join(known)}")
        checked[name] = _as_type(value, known[name].default, f"{source}: {name}")
    try:
        return Config(**checked)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None


def _as_type(value: Any, default: Any, what: str) -> Any:
    if isinstance(value, dict) and isinstance(default, str):
        return ",".join(f"{name}={part}" for name, part in value.items())
    if isinstance(default, tuple):
        parts = [value] if isinstance(value, str) else list(value)
        if all(isinstance(part, str) for part in parts):
            return tuple(parts)
    elif isinstance(default, float) and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif type(value) is type(default):
        return value
    raise ValueError(f"{what}: found {value!r}, expected a value like {default!r}")
