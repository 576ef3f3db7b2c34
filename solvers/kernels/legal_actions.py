"""Whether the actions of a batch are legal, before any of them is taken."""

from __future__ import annotations

from makespan.solvers.kernels import kernel


@kernel
def first_illegal(rows, count, action):
    """The first i for which ``action[i]`` is not the position of one of the ``count[rows[i]]`` candidates of row
    ``rows[i]``, -1 if there is none. A row without candidates takes any action."""
    for i in range(rows.size):
        number = count[rows[i]]
        if number > 0 and (action[i] < 0 or action[i] >= number):
            return i
    return -1
