"""Near-optimal schedules of generated instances, made by our own search, as labels for imitation.

    python -m makespan.policies.labels jsp labels/ --instances "uniform,jobs=8..30,machines=5..20" --count 8000

Label i depends on the recipe and i alone, whatever machine makes it: the search makes a fixed number of its own steps
on one thread. Parts of 100 labels are written one by one, so that a stop loses little and the same command goes on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from makespan.envs.sources import generator
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.policies.problems import problem_named
from makespan.solvers.api import Budget, solve

PART = 100
"""Labels in a file."""


@dataclass(frozen=True)
class Recipe:
    """What instances are drawn and how long each is searched.

    Parameters
    ----------
    problem
        A name in PROBLEMS.
    instances
        Generator specs, taken in turn; a range such as ``jobs=8..30`` is drawn from.
    iterations
        Of the search, per task.
    seed
        Instance i is drawn from (seed, i).
    """

    problem: str
    instances: tuple[str, ...]
    iterations: int = 200
    seed: int = 0

    def instance(self, number: int) -> Instance:
        """Instance ``number``."""
        draw = generator(self.instances[number % len(self.instances)])
        return draw(np.random.default_rng([self.seed, number]), number)


class Label(NamedTuple):
    """Instance ``number`` of a recipe, a schedule of it, its makespan, and what the search proved."""

    number: int
    schedule: Schedule
    makespan: int
    bound: int


def label(recipe: Recipe, number: int) -> Label:
    """Search instance ``number``; the same on every machine."""
    instance = recipe.instance(number)
    budget = Budget(iterations=recipe.iterations * instance.num_tasks)
    result = solve(instance, problem_named(recipe.problem).solver, budget, seed=recipe.seed)
    assert result.schedule is not None and result.objective is not None
    bound = 0 if result.lower_bound is None else result.lower_bound
    return Label(number, result.schedule, result.objective, bound)


def make(recipe: Recipe, count: int, folder: Path, share: tuple[int, int] = (0, 1)) -> Iterator[Path]:
    """Write the parts of ``count`` labels that are not there yet; yields each.

    ``share`` (i, n): only every n-th part from the i-th on, for n processes side by side.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for first in range(share[0] * PART, count, share[1] * PART):
        path = folder / f"{recipe.problem}_{recipe.seed}_{first:06}.npz"
        if path.exists():
            continue
        write(path, [label(recipe, number) for number in range(first, min(first + PART, count))])
        yield path


def write(path: Path, labels: Sequence[Label]) -> None:
    """A part as an ``.npz`` file."""
    new = path.with_suffix(".new.npz")
    np.savez_compressed(
        new,
        first=np.array(labels[0].number),
        start=np.concatenate([each.schedule.start for each in labels]).astype(np.uint16),
        mode=np.concatenate([each.schedule.mode for each in labels]).astype(np.uint8),
        ptr=np.cumsum([0, *(each.schedule.start.size for each in labels)]),
        makespan=np.array([each.makespan for each in labels]),
        bound=np.array([each.bound for each in labels]),
    )
    new.replace(path)


def read(recipe: Recipe, folder: Path) -> list[Label]:
    """All labels of a recipe in a folder, in order; parts without modes choose the first of every task.

    Raises ValueError if there is none.
    """
    labels = list[Label]()
    for path in sorted(folder.glob(f"{recipe.problem}_{recipe.seed}_*.npz")):
        if path.name.endswith(".new.npz"):
            continue
        with np.load(path, allow_pickle=False) as file:
            first, start, ptr = int(file["first"]), file["start"].astype(np.int64), file["ptr"]
            mode = file["mode"].astype(np.int32) if "mode" in file else np.zeros(start.size, np.int32)
            values: list[NDArray[np.int64]] = [file["makespan"], file["bound"]]
        for i in range(ptr.size - 1):
            own = slice(ptr[i], ptr[i + 1])
            labels.append(Label(first + i, Schedule(start[own], mode[own]), int(values[0][i]), int(values[1][i])))
    if not labels:
        raise ValueError(f"{folder}: found no labels of {recipe.problem} with seed {recipe.seed}, expected some")
    return labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problem")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--instances", action="append", required=True, help="generator spec; may be given again")
    parser.add_argument("--count", type=int, default=8000)
    parser.add_argument("--iterations", type=int, default=200, help="of the search, per task")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=int, nargs=2, default=(0, 1), metavar=("I", "N"))
    given = parser.parse_args()
    recipe = Recipe(given.problem, tuple(given.instances), given.iterations, given.seed)
    for path in make(recipe, given.count, given.folder, tuple(given.share)):
        print(path, file=sys.stderr)


if __name__ == "__main__":
    main()
