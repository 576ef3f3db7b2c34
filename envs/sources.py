"""Where the instances of an environment come from: files, sets, generators, and curricula over sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from makespan.instances.generators import generate
from makespan.instances.instance import Instance
from makespan.instances.references import expand_references

Draw = Callable[[np.random.Generator, int], Instance]
"""``draw(random, episode)``: an instance; ``episode`` counts those that this environment has drawn before."""

_LARGEST_SEED = 2**31


@dataclass(frozen=True)
class Source:
    """What episodes draw their instances from.

    Parameters
    ----------
    fixed
        A choice of instances, each as likely as the other; empty if they are generated.
    draw
        Makes one instance from random numbers; None if they are chosen.
    """

    fixed: tuple[Instance, ...] = ()
    draw: Draw | None = None

    def sample(self, random: np.random.Generator, episode: int) -> Instance:
        """The instance of an environment's episode of this number."""
        if self.draw is not None:
            return self.draw(random, episode)
        return self.fixed[int(random.integers(len(self.fixed)))] if len(self.fixed) > 1 else self.fixed[0]


def source(instances: str | Instance | Iterable[str | Instance] | Draw) -> Source:
    """The source that a user means.

    Parameters
    ----------
    instances
        An Instance; ``@ft06``, ``@ta``, a file, folder or glob; a generator such as ``uniform,jobs=10,machines=5``
        without a seed, any number of it drawn anew from a range written ``6..10``; several files or sets; or a
        function, see Draw.

    Raises
    ------
    ValueError
        If there is none, or a generator's seed is given: it would draw the same instance for ever.
    """
    if isinstance(instances, Instance):
        return Source((instances,))
    if callable(instances):
        return Source(draw=instances)
    parts = [instances] if isinstance(instances, str) else list(instances)
    if len(parts) == 1 and isinstance(parts[0], str) and _is_generator(parts[0]):
        return Source(draw=generator(parts[0]))
    fixed: list[Instance] = []
    for part in parts:
        fixed += [part] if isinstance(part, Instance) else [each.load() for each in expand_references([part])]
    if not fixed:
        raise ValueError("instances: found none, expected at least one")
    return Source(tuple(fixed))


def generator(spec: str) -> Draw:
    """A function that draws instances of a generator spec; see ``source`` for ranges."""
    kind, *settings = [part.strip() for part in spec.split(",")]
    pairs = [setting.partition("=")[::2] for setting in settings]
    if "seed" in dict(pairs):
        raise ValueError(f"{kind}: found a seed, expected none: every episode draws its own")

    def draw(random: np.random.Generator, episode: int) -> Instance:
        drawn = [kind]
        for name, text in pairs:
            low, dots, high = text.partition("..")
            value = str(random.integers(int(low), int(high) + 1)) if dots else text
            drawn.append(f"{name}={value}")
        return generate(",".join(drawn), seed=int(random.integers(_LARGEST_SEED)))

    return draw


def curriculum(stages: Sequence[tuple[int, str]]) -> Draw:
    """Instances that change with the number of the episode, which every environment counts for itself.

    ``stages``: from which episode on, and the generator spec from there; the first from 0 on.
    """
    if not stages or stages[0][0] != 0 or any(a[0] >= b[0] for a, b in zip(stages, stages[1:], strict=False)):
        raise ValueError(f"curriculum: found stages from {[first for first, _ in stages]}, expected 0 and rising")
    draws = [(first, generator(spec)) for first, spec in stages]

    def draw(random: np.random.Generator, episode: int) -> Instance:
        current = [each for first, each in draws if first <= episode][-1]
        return current(random, episode)

    return draw


def _is_generator(text: str) -> bool:
    return not text.startswith("@") and "," in text and "=" in text
