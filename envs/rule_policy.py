"""A priority rule as a policy: what it would choose among the candidates of each row of a batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from makespan.envs.shop_batch import ShopBatch
from makespan.instances.instance import IntArray
from makespan.solvers.dispatching import rule_arrays
from makespan.solvers.kernels.priority import RANDOM
from makespan.solvers.kernels.shop_features import first_by_rule_rows
from makespan.solvers.priority_rules import RULES


class RulePolicy:
    """Plays a rule on a batch, as the solver ``rule`` does where ``modes`` is ``preferred``.

    ``rule``: a name in RULES but ``random``. Raises ValueError for another. After ``batch.replace``, make a new one.
    """

    def __init__(self, batch: ShopBatch, rule: str) -> None:
        if rule not in RULES or RULES[rule].kind == RANDOM:
            known = ", ".join(name for name, each in RULES.items() if each.kind != RANDOM)
            raise ValueError(f"rule: found {rule!r}, expected one of {known}")
        self.batch, self.kind = batch, RULES[rule].kind
        arrays = [rule_arrays(view, [rule]) for view in batch.views]
        self._keys = np.concatenate([keys[0] for _, keys in arrays])
        self._rule = np.concatenate([array for array, _ in arrays])
        self._rule_ptr = np.concatenate((np.zeros(1, np.int64), np.cumsum([array.size for array, _ in arrays])))

    def actions(self, rows: ArrayLike | None = None) -> IntArray:
        """Shape (k,): the rule's candidate in each row, 0 where it is over."""
        return self.batch.choose(first_by_rule_rows, rows, self._rule, self._rule_ptr, self._keys, self.kind)
