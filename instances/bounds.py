"""Best known bounds on the makespan of the bundled instances, with their source and date, and the gap to them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from makespan.instances.instance import Instance
from makespan.instances.sets import bound_rows, collections, find, load, matches, set_of, short_name

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_TABLE_DATE = {"kobe": "2025-02-25"}
"""Date of the copy of a table that states none, see data/README.md."""


@dataclass(frozen=True)
class Bound:
    """What is known about an instance.

    Parameters
    ----------
    lower_bound, upper_bound
        Makespans in the instance's own unit, ``None`` where none is known.
    status
        ``optimal`` (both are equal), ``open``, ``infeasible`` or ``unknown`` (no upper bound).
    source
        Where each value comes from; "computed" means for this collection.
    date
        ISO date of the newest of the sources, ``None`` where none is stated.
    """

    lower_bound: int | None
    upper_bound: int | None
    status: str
    source: str
    date: str | None


def best_known(instance: str | Instance) -> Bound | None:
    """The best known bounds of a bundled instance.

    A name is looked up as by ``load``. An Instance is compared with the bundled ones of its name, so that a changed
    copy gets no bound. Returns ``None`` where nothing is known. Raises ValueError for an ambiguous name.
    """
    if isinstance(instance, str):
        return _bounds().get(find(instance)) if matches(instance) else None
    for candidate in matches(instance.name):
        if candidate in _bounds() and load(short_name(*candidate)).digest == instance.digest:
            return _bounds()[candidate]
    return None


def gap(objective: int, bound: Bound | None) -> float | None:
    """(objective - upper bound) / upper bound: how far a makespan lies above the best known one.

    Negative for a new best; ``None`` where no upper bound is known or it is 0.
    """
    if bound is None or not bound.upper_bound:
        return None
    return (objective - bound.upper_bound) / bound.upper_bound


@cache
def _bounds() -> dict[tuple[str, str], Bound]:
    """Bounds by set and instance."""
    return {
        (set_of(collection, row), row["instance"]): _bound(row)
        for collection in collections()
        for row in bound_rows(collection)
    }


def _bound(row: dict[str, str]) -> Bound:
    source = row["source"]
    dates = _DATE.findall(source) + [date for table, date in _TABLE_DATE.items() if table in source]
    lower, upper = (int(row[name]) if row[name] else None for name in ("lower_bound", "upper_bound"))
    return Bound(lower, upper, row["status"], source, max(dates, default=None))
