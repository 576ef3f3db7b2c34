"""Priority rules as policies in simulated shops."""

from __future__ import annotations

from numpy import int64, zeros
from numpy.typing import ArrayLike

from makespan.envs.dynamic_batch import DynamicBatch
from makespan.instances.instance import IntArray
from makespan.solvers.kernels import dynamic_rules as kernels
from makespan.solvers.kernels.dynamic_features import MEAN_DURATION
from makespan.solvers.kernels.dynamic_rules import first_by_rule_rows

DYNAMIC_RULES = {
    "fifo": kernels.FIFO,
    "lifo": kernels.LIFO,
    "spt": kernels.SPT,
    "lpt": kernels.LPT,
    "mwkr": kernels.MWKR,
    "lwkr": kernels.LWKR,
    "mopnr": kernels.MOPNR,
    "lopnr": kernels.LOPNR,
    "edd": kernels.EDD,
    "slack": kernels.SLACK,
    "atc": kernels.ATC,
    "covert": kernels.COVERT,
    "random": kernels.RANDOM,
}
"""The rules of ``solvers/priority_rules.py`` under the same names, by planned durations; ties go to the lower job
number. Jobs without a due date are due after the end of all time. The mean duration of ``atc`` is that of the instance,
or of the jobs drawn in its place."""


class DynamicRule:
    """Plays a rule on a batch of simulated shops; it never waits.

    ``rule``: a name in DYNAMIC_RULES. ``seed``: of ``random``, whose choices depend on it, the seed of the row and the
    number of the decision. Raises ValueError for another rule.
    """

    def __init__(self, batch: DynamicBatch, rule: str, seed: int = 0) -> None:
        if rule not in DYNAMIC_RULES:
            raise ValueError(f"rule: found {rule!r}, expected one of {', '.join(DYNAMIC_RULES)}")
        self.batch, self.kind, self.seed = batch, DYNAMIC_RULES[rule], seed

    def actions(self, rows: ArrayLike | None = None) -> IntArray:
        """Shape (k,): the rule's candidate in each row, 0 where it is over."""
        batch, chosen = self.batch, self.batch.rows(rows)
        action = zeros(chosen.size, int64)
        mean = batch.arena.scale[batch.which, MEAN_DURATION].astype(int64)
        arrays = self.kind, self.seed, mean, batch.seed, batch.state, batch.job, batch.count, action
        batch.run(first_by_rule_rows, chosen, *arrays)
        return action

    def play(self) -> int:
        """Play all rows to their end; returns how many times they were asked."""
        asked = 0
        while self.batch.count.any():
            self.batch.step(self.actions())
            asked += 1
        return asked
