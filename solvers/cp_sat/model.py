"""The CP-SAT model of an instance, as a list of constraint families.

Each family lives in a file of its own and follows ``makespan.instances.instance`` word for word. CP-SAT models cannot
be edited well, so a model is built anew for every solve: for each objective of a list, and for each new incumbent.
"""

from __future__ import annotations

from collections.abc import Sequence

from makespan.instances.horizon import horizon
from makespan.instances.instance import Instance
from makespan.solvers.cp_sat.calendars import Calendars
from makespan.solvers.cp_sat.objectives import objective_expression
from makespan.solvers.cp_sat.resources import Uses, add_capacities
from makespan.solvers.cp_sat.setups import add_setups
from makespan.solvers.cp_sat.shops import add_exchanges, add_permutation, set_leaving_times
from makespan.solvers.cp_sat.tasks import Draft, Hint, Kept, add_arcs, add_tasks


def build(
    instance: Instance,
    *,
    level: int = 0,
    fixed: Sequence[int] = (),
    at_most: int | None = None,
    hint: Hint | None = None,
    minimise: bool = True,
    kept: Kept | None = None,
) -> Draft:
    """The model that minimises objective number ``level``.

    Parameters
    ----------
    fixed
        Values that the more important objectives must not exceed.
    at_most
        Upper bound of the objective of this level.
    hint
        A feasible schedule to start from.
    minimise
        Without it any schedule is a solution, and no objective is built.
    kept
        What of ``hint`` must stay as it is.

    Raises
    ------
    TooLarge
        If the calendars change too often to be written out up to the horizon.
    """
    bounds: dict[str, int | None] = dict(zip(instance.objective, fixed, strict=False))
    if minimise:
        bounds[instance.objective[level]] = at_most
    end = instance.derived(horizon)
    limit = bounds.get("makespan")
    draft = Draft(instance, end, Calendars(instance, end), hint=hint, kept=kept)

    add_tasks(draft, latest_makespan=end if limit is None else limit)
    add_arcs(draft)
    set_leaving_times(draft)
    uses = Uses(draft)
    add_capacities(draft, uses)
    add_setups(draft, uses)
    add_exchanges(draft, uses)
    add_permutation(draft)
    for name, bound in bounds.items():
        expression = objective_expression(draft, name)
        if bound is not None:
            draft.model.add(expression <= bound)
        if minimise and name == instance.objective[level]:
            draft.model.minimize(expression)
    return draft
