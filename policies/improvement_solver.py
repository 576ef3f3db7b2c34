"""The solver that a network for moves is: ``policy:improve,moves=500`` improves a schedule move by move."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.policies import zoo
from makespan.solvers.sequencing import SEQUENCING_FEATURES
from makespan.solvers.stage import Context


@dataclass(frozen=True)
class ImprovementPolicy:
    """A stage that makes learned moves, from the incumbent or, if there is none, from FDD/MWKR with insertion.

    Every better schedule is offered as it is found; a line of the log says how many moves a second were made.

    Parameters
    ----------
    model
        A name that ``makespan models`` lists, or a file.
    moves
        Of each walk; a walk ends before where no move is left.
    k
        Walks side by side, from the same schedule.
    temperature
        Of the probabilities that moves are drawn with; 0 takes the most probable one.
    """

    supports: ClassVar[frozenset[str]] = SEQUENCING_FEATURES - {"objective"}

    model: str
    moves: int = 500
    k: int = 1
    temperature: float = 1.0

    def __post_init__(self) -> None:
        for name, value in (("moves", self.moves), ("k", self.k)):
            if value < 1:
                raise ValueError(f"{name}: found {value}, expected 1 or more")
        if not self.temperature >= 0:
            raise ValueError(f"temperature: found {self.temperature:g}, expected 0 or more")
        zoo.path_of(self.model)

    @property
    def kernels(self) -> tuple[Any, ...]:
        from makespan.solvers.kernels import improvement_features as features
        from makespan.solvers.kernels import improvement_rows as rows

        return (
            rows.begin_improvement_rows,
            rows.step_improvement_rows,
            rows.ends_rows,
            features.move_features_rows,
            features.operation_features_rows,
        )

    def warm(self) -> None:
        from makespan.envs.improvement_batch import ImprovementBatch
        from makespan.instances.generators import generate
        from makespan.policies.checkpoint import load
        from makespan.policies.episodes import greedy
        from makespan.policies.improvement_episodes import improve

        model, _, _ = load(zoo.path_of(self.model))
        for _ in improve(model, ImprovementBatch([generate("uniform", jobs=5, machines=4, seed=1)], steps=2), greedy):
            pass

    def run(self, instance: Instance, context: Context) -> None:
        if instance.num_tasks == 0:
            context.offer(Schedule(np.zeros(0, np.int64)))
            return
        import torch

        from makespan.envs.improvement_batch import ImprovementBatch
        from makespan.policies.checkpoint import load
        from makespan.policies.improvement_episodes import improve
        from makespan.policies.sampling import sampler

        torch.set_num_threads(max(1, context.threads))
        model, _, _ = load(zoo.path_of(self.model))
        start = "fdd_mwkr" if context.incumbent is None else [context.incumbent]
        batch = ImprovementBatch([instance], self.k, steps=self.moves, start=start, threads=context.threads)
        context.offer(batch.schedule(0), f"{context.solver} (0 moves)")
        least, made, began = int(batch.measure("incumbent").min()), 0, time.perf_counter()
        choose = sampler(np.arange(self.k), self.temperature, context.seed, 10)
        for moves in improve(model, batch, choose, context.expired):
            made += moves
            context.count(moves)
            value = batch.measure("incumbent")
            row = int(value.argmin())
            if value[row] < least:
                least = int(value[row])
                context.offer(batch.schedule(row), f"{context.solver} ({made} moves)")
        seconds = time.perf_counter() - began
        rate = made / max(seconds, 1e-9)
        context.emit("log", message=f"policy: {made} moves in {seconds:.2f} s, {rate:.0f} a second", rate=rate)
