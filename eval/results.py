"""Results: the runs of one or several stores as columns, by instance and contender, with gaps to one reference each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makespan.eval.contenders import Contender, labels, pool_runs
from makespan.eval.store import Store
from makespan.instances.bounds import best_known
from makespan.instances.sets import bound_rows, natural_order, set_names, set_of

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int64]

WITHOUT_SCHEDULE = 1.0
"""The gap that a run without a schedule counts as (100 %): a solver that fails must not look better for it (ours)."""

_COLUMNS = (
    "suite",
    "solver",
    "instance_hash",
    "seed",
    "budget",
    "threads",
    "instance",
    "instance_set",
    "status",
    "objective",
    "lower_bound",
    "best_known",
    "seconds",
    "source",
)


@dataclass(frozen=True)
class Reference:
    """What the gaps of an instance are taken against.

    Parameters
    ----------
    value
        Objective; None where no run found a schedule and nothing is known.
    lower_bound
        Best known lower bound, None where none is known.
    source, date
        Where the value comes from. The table of bounds that comes along goes before the value that was stored with the
        runs, and that before the best objective of the runs themselves.
    """

    value: int | None
    lower_bound: int | None
    source: str
    date: str | None


@dataclass(frozen=True)
class Played:
    """An instance that was played. ``size`` is jobs x machines, empty where the table of bounds has none."""

    name: str
    instance_set: str
    digest: str
    size: str
    reference: Reference


@dataclass(frozen=True)
class Group:
    """A class of instances: ``all``, a set, or a set and size; ``members`` are positions in ``Results.instances``."""

    name: str
    level: str
    members: IndexArray


@dataclass(frozen=True, eq=False)
class Results:
    """All runs, one position in each array per run.

    Parameters
    ----------
    contenders, labels
        Who played, in the order of first storage, and what to call them: only what tells them apart.
    instances
        By set, then by name in natural order.
    contender, instance
        Positions in the two.
    objective, lower_bound, seconds
        NaN where there is none.
    gap
        (objective - reference) / reference; ``WITHOUT_SCHEDULE`` without a schedule; NaN for an unsupported instance
        and where the reference is missing or not positive.
    horizon
        Seconds the run was allowed; without a limit of time, the longest run of the instance.
    source
        File and line that a foreign result came from, None for a run of our own.
    stores, store, row
        Files, and where the run lies in them.
    """

    contenders: tuple[Contender, ...]
    labels: tuple[str, ...]
    instances: tuple[Played, ...]
    contender: IndexArray
    instance: IndexArray
    seed: IndexArray
    suite: tuple[str, ...]
    status: tuple[str, ...]
    objective: FloatArray
    lower_bound: FloatArray
    seconds: FloatArray
    gap: FloatArray
    horizon: FloatArray
    source: tuple[str | None, ...]
    stores: tuple[Path, ...]
    store: IndexArray
    row: IndexArray

    @property
    def num_runs(self) -> int:
        return self.row.size

    @cached_property
    def reference(self) -> FloatArray:
        """Reference of each run's instance, NaN without one."""
        values = [np.nan if each.reference.value is None else each.reference.value for each in self.instances]
        return np.array(values, np.float64)[self.instance]

    @cached_property
    def played(self) -> NDArray[np.bool_]:
        """Whether each run was played; one that the solver does not support was not."""
        return np.asarray(np.array(self.status) != "unsupported", np.bool_)

    @cached_property
    def proved(self) -> FloatArray:
        """1 for a run that proved its answer, 0 for another, NaN where the instance is not supported."""
        known = {"optimal": 1.0, "infeasible": 1.0, "unsupported": np.nan}
        return np.array([known.get(status, 0.0) for status in self.status])

    @cached_property
    def claimed(self) -> NDArray[np.bool_]:
        """Where an objective came from elsewhere and without a schedule, so that nobody here has checked it."""
        found = np.zeros(self.num_runs, np.bool_)
        foreign = [r for r in np.flatnonzero(~np.isnan(self.objective)).tolist() if self.source[r] is not None]
        for r, start in zip(foreign, self.values("start", foreign), strict=True):
            found[r] = start is None
        return found

    def by_pair(self, value: FloatArray) -> FloatArray:
        """Mean of a column over the seeds: shape (num_instances, num_contenders), NaN where nothing is known."""
        shape = len(self.instances), len(self.contenders)
        cell = self.instance * shape[1] + self.contender
        known = ~np.isnan(value)
        total = np.bincount(cell[known], value[known], minlength=shape[0] * shape[1])
        count = np.bincount(cell[known], minlength=shape[0] * shape[1])
        with np.errstate(invalid="ignore"):
            return np.asarray((total / count).reshape(shape), np.float64)

    def values(self, name: str, runs: Iterable[int]) -> Iterator[Any]:
        """One stored column (``trace``, ``start``, …) of the runs at these positions, read one by one."""
        with ExitStack() as stack:
            opened = [stack.enter_context(Store(path)) for path in self.stores]
            for k, some in groupby(runs, lambda run: int(self.store[run])):
                yield from opened[k].values(name, (int(self.row[run]) for run in some))

    def groups(self) -> list[Group]:
        """All instances, each set, and each size of the sets that have several sizes of two or more instances."""
        found = [Group("all", "all", np.arange(len(self.instances)))]
        by_set: dict[str, list[int]] = {}
        by_size: dict[str, dict[str, list[int]]] = {}
        for i, each in enumerate(self.instances):
            by_set.setdefault(each.instance_set, []).append(i)
            by_size.setdefault(each.instance_set, {}).setdefault(each.size, []).append(i)
        for name, members in by_set.items():
            found.append(Group(name or "no set", "set", np.array(members)))
            sizes = by_size[name]
            if 1 < len(sizes) <= len(members) / 2 and "" not in sizes:
                found += [Group(f"{name} {size}", "size", np.array(some)) for size, some in sizes.items()]
        return found


def read_results(paths: Sequence[str | Path], suites: Sequence[str] = (), *, apart: bool = False) -> Results:
    """Read the runs of stores, or those of some suites.

    Runs of one solver, budget and number of threads are pooled over suites and stores, unless two of them are the same
    run (instance and seed): then suites, and if need be stores, are told apart. ``apart`` always tells stores apart.

    Raises OSError if a file does not open, ValueError if it is no store or holds no such run.
    """
    files = tuple(map(Path, paths))
    rows: list[tuple[Any, ...]] = []
    for k, path in enumerate(files):
        if not path.is_file():
            raise FileNotFoundError(2, "no such file", str(path))
        with Store(path) as store:
            rows += [(k, *row) for row in store.columns(*_COLUMNS)]
    wanted = set(suites)
    absent = wanted - {row[2] for row in rows}
    if absent:
        held = ", ".join(sorted({row[2] for row in rows})) or "no runs"
        raise ValueError(f"suite {sorted(absent)[0]!r}: found no runs of it, expected one of {held}")
    rows = [row for row in rows if not wanted or row[2] in wanted]
    if not rows:
        raise ValueError(f"{', '.join(map(str, files))}: found a store without runs, expected finished runs")
    return _results(files, rows, apart)


def _results(files: tuple[Path, ...], rows: list[tuple[Any, ...]], apart: bool) -> Results:
    store, row, suite, solver, digest, seed, budget, threads, name, set_name, status, *numbers, source = zip(
        *rows, strict=True
    )
    objective, lower_bound, stored, seconds = (np.array(column, np.float64) for column in numbers)
    contenders, contender = pool_runs(files, store, suite, solver, digest, seed, budget, threads, apart)
    digests = dict.fromkeys(digest)
    best_here: dict[str, float] = {}
    for each, value in zip(digest, objective.tolist(), strict=True):
        if value == value:
            best_here[each] = min(value, best_here.get(each, value))
    about = {d: (n, s) for d, n, s in zip(digest, name, set_name, strict=True)}
    held = {d: v for d, v in zip(digest, stored.tolist(), strict=True) if v == v}
    sizes = _sizes({s for _, s in about.values()})
    played = [_played(d, *about[d], sizes, held.get(d), best_here.get(d)) for d in digests]
    order = {known: k for k, known in enumerate(set_names())}
    played.sort(key=lambda p: (order.get(p.instance_set, len(order)), p.instance_set, natural_order(p.name)))
    place = {each.digest: i for i, each in enumerate(played)}
    instance = np.array([place[each] for each in digest], np.int64)
    values = np.array([np.nan if p.reference.value is None else p.reference.value for p in played], np.float64)
    reference = values[instance]
    reference[~(reference > 0)] = np.nan
    gap = np.where(np.isnan(objective), WITHOUT_SCHEDULE, (objective - reference) / reference)
    gap[np.isnan(reference) | (np.array(status) == "unsupported")] = np.nan
    return Results(
        contenders=contenders,
        labels=labels(contenders),
        instances=tuple(played),
        contender=contender,
        instance=instance,
        seed=np.array(seed, np.int64),
        suite=suite,
        status=status,
        objective=objective,
        lower_bound=lower_bound,
        seconds=seconds,
        gap=gap,
        horizon=_horizon(budget, instance, seconds),
        source=source,
        stores=files,
        store=np.array(store, np.int64),
        row=np.array(row, np.int64),
    )


def _horizon(budget: Sequence[str], instance: IndexArray, seconds: FloatArray) -> FloatArray:
    longest = np.full(int(instance.max()) + 1, 1e-3)  # a millisecond, so that no horizon is empty
    np.maximum.at(longest, instance, np.nan_to_num(seconds))
    limit = {text: re.search(r"(?:^|,)seconds=([0-9.]+)", text) for text in set(budget)}
    allowed = {text: float(match[1]) for text, match in limit.items() if match}
    return np.array([allowed.get(text) or longest[i] for text, i in zip(budget, instance.tolist(), strict=True)])


def _sizes(sets: set[str]) -> dict[tuple[str, str], str]:
    """Jobs x machines by set and last part of the name, for the collections whose table of bounds has them."""
    found = {}
    for collection in {name.partition("/")[0] for name in sets}:
        for line in bound_rows(collection):
            if "jobs" in line and "machines" in line:
                found[set_of(collection, line), line["instance"]] = f"{line['jobs']}x{line['machines']}"
    return found


def _played(
    digest: str,
    name: str,
    set_name: str,
    sizes: dict[tuple[str, str], str],
    stored: float | None,
    best_here: float | None,
) -> Played:
    size = sizes.get((set_name, name.rpartition("/")[2]), "")
    # The runner names the set of a bundled instance only if it came from there unchanged.
    bound = best_known(name) if set_name in set_names() else None
    if bound is not None and bound.upper_bound is not None:
        return Played(
            name,
            set_name,
            digest,
            size,
            Reference(bound.upper_bound, bound.lower_bound, bound.source, bound.date),
        )
    lower = None if bound is None else bound.lower_bound
    if stored is not None:
        reference = Reference(int(stored), lower, "stored with the runs", None)
    elif best_here is not None:
        reference = Reference(int(best_here), lower, "best of these runs", None)
    else:
        reference = Reference(None, lower, "", None)
    return Played(name, set_name, digest, size, reference)
