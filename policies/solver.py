"""The solver ``policy``: a trained network dispatches.

``policy:jsp`` and ``policy:path/to/file.safetensors`` decode greedily, forwards and backwards in time; ``decode=sample,
k=128`` draws samples, ``decode=beam,k=32`` searches along a beam, ``decode=best`` samples until the time is up;
``justify=true`` then moves the activities of a project to and fro.
A network for moves has parameters of its own: see ``policies/improvement_solver.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from makespan.instances.generators import generate
from makespan.instances.instance import Instance
from makespan.instances.project_view import PROJECT_FEATURES
from makespan.instances.schedule import Schedule
from makespan.instances.shop_view import SHOP_FEATURES
from makespan.policies import zoo
from makespan.policies.improvement_solver import ImprovementPolicy
from makespan.solvers.kernels.justification import double_justification
from makespan.solvers.registry import from_strings
from makespan.solvers.sgs import justified
from makespan.solvers.stage import Context

if TYPE_CHECKING:
    from makespan.policies.decode import Decoded, Decoder

DECODES = ("greedy", "both", "sample", "best", "beam")


@dataclass(frozen=True)
class LearnedPolicy:
    """A stage that plays a network.

    Parameters
    ----------
    model
        A name that ``makespan models`` lists, or a file.
    decode
        ``greedy``: one schedule; ``both``: also that of the instance backwards in time, and the better of the two;
        ``sample``: ``k`` samples, one of them greedy; ``best``: rounds of ``k`` samples until the time is up;
        ``beam``: a stochastic beam of width ``k``.
    k
        Samples, or the width of the beam.
    low, high
        Temperatures of the samples rise from the one to the other.
    mirror
        Whether every second sample is of the instance backwards in time, where the problem allows.
    """

    supports: ClassVar[frozenset[str]]
    environment: ClassVar[str]
    tiny: ClassVar[str]
    """An instance of the problem, as a generator spec."""

    model: str
    decode: str = "both"
    k: int = 128
    low: float = 0.05
    high: float = 0.3
    mirror: bool = True

    def __post_init__(self) -> None:
        if self.decode not in DECODES:
            raise ValueError(f"decode: found {self.decode!r}, expected one of {', '.join(DECODES)}")
        if self.k < 1:
            raise ValueError(f"k: found {self.k}, expected 1 or more")
        if not 0 < self.low <= self.high:
            raise ValueError(f"low, high: found {self.low:g} and {self.high:g}, expected 0 < low <= high")
        zoo.path_of(self.model)

    @property
    def kernels(self) -> tuple[Any, ...]:
        from makespan.envs.warm import kernels_of

        return kernels_of(self.environment)

    def warm(self) -> None:
        from makespan.policies.checkpoint import load
        from makespan.policies.decode import Decoder

        model, card, _ = load(zoo.path_of(self.model))
        Decoder(model, card, generate(self.tiny)).greedy(True, lambda: False)

    def run(self, instance: Instance, context: Context) -> None:
        from makespan.policies.checkpoint import load
        from makespan.policies.decode import Decoder

        model, card, _ = load(zoo.path_of(self.model))
        decoder = Decoder(model, card, instance, context.seed, context.threads)
        episodes = 0
        with _suited(self.decode in ("greedy", "both"), context.threads):
            for found in self._found(decoder, context):
                context.count(found.episodes)
                episodes += found.episodes
                context.offer(self._finished(instance, found.schedule), f"{context.solver} ({episodes} episodes)")

    def _finished(self, instance: Instance, schedule: Schedule) -> Schedule:
        """What is made of a decoded schedule."""
        return schedule

    def _found(self, decoder: Decoder, context: Context) -> Iterator[Decoded]:
        heat, first = (self.low, self.high), 0
        if self.decode == "sample":
            yield from decoder.samples(self.k, heat, self.mirror, context.expired)
        elif self.decode == "best":
            while not context.expired():
                yield from decoder.samples(self.k, heat, self.mirror, context.expired, first)
                first += self.k
        else:
            found = (
                decoder.beam(self.k, context.expired)
                if self.decode == "beam"
                else decoder.greedy(self.decode == "both", context.expired)
            )
            if found is not None:
                yield found


@contextmanager
def _suited(alone: bool, threads: int) -> Iterator[None]:
    """PyTorch as it is fastest: the layers of a row ``alone`` are too small for threads and oneDNN to pay."""
    import torch

    kept = torch.get_num_threads(), torch.backends.mkldnn.enabled
    torch.set_num_threads(1 if alone else max(1, threads))
    torch.backends.mkldnn.enabled = kept[1] and not alone  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.set_num_threads(kept[0])
        torch.backends.mkldnn.enabled = kept[1]


class ShopPolicy(LearnedPolicy):
    """Networks for job shops."""

    supports = SHOP_FEATURES - {"multi_mode"}
    environment = "makespan/JobShop-v0"
    tiny = "uniform,jobs=3,machines=2,seed=1"


class FlexibleShopPolicy(ShopPolicy):
    """Networks for flexible job shops."""

    supports = SHOP_FEATURES
    tiny = "flexible,jobs=3,machines=3,seed=1"


@dataclass(frozen=True)
class ProjectPolicy(LearnedPolicy):
    """Networks for projects.

    Parameters
    ----------
    justify
        Apply double justification to each schedule, one pass backwards and one forwards.
    """

    supports = PROJECT_FEATURES
    environment = "makespan/RCPSP-v0"
    tiny = "rcpsp,activities=10,seed=1"

    justify: bool = False

    @property
    def kernels(self) -> tuple[Any, ...]:
        return *super().kernels, double_justification

    def warm(self) -> None:
        super().warm()
        toy = generate(self.tiny)
        justified(toy, Schedule(np.cumsum(toy.duration) - toy.duration))

    def _finished(self, instance: Instance, schedule: Schedule) -> Schedule:
        return justified(instance, schedule) if self.justify else schedule


_CLASSES: dict[str, type[LearnedPolicy | ImprovementPolicy]] = {
    "jsp": ShopPolicy,
    "interval": ShopPolicy,
    "fjsp": FlexibleShopPolicy,
    "rcpsp": ProjectPolicy,
    "improve": ImprovementPolicy,
}


def make(argument: str | None = None, **parameters: str) -> LearnedPolicy | ImprovementPolicy:
    """The stage of a spec ``policy:model,key=value``."""
    if argument is None:
        raise ValueError(
            f"policy: found no model, expected policy:NAME with one of: {', '.join(zoo.names()) or 'none'}"
        )
    if find_spec("torch") is None:
        raise ValueError("policy: found no PyTorch, expected it; pip install 'makespan[rl]'")
    problem = str(zoo.card(zoo.path_of(argument))["problem"])
    if problem not in _CLASSES:
        raise ValueError(f"policy: found a network for {problem!r}, expected one of: {', '.join(_CLASSES)}")
    return from_strings(_CLASSES[problem], parameters, model=argument)
