"""Contenders: who is compared in the runs of one or several stores, and what to call them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Contender:
    """What is compared: a solver under a budget. ``suite`` and ``store`` are empty unless they tell two apart."""

    solver: str
    budget: str
    threads: int
    suite: str = ""
    store: str = ""


def pool_runs(
    files: tuple[Path, ...],
    store: Sequence[int],
    suite: Sequence[str],
    solver: Sequence[str],
    digest: Sequence[str],
    seed: Sequence[int],
    budget: Sequence[str],
    threads: Sequence[int],
    apart: bool,
) -> tuple[tuple[Contender, ...], NDArray[np.int64]]:
    """Contenders and which one each run belongs to: as few as keep any two runs of one instance and seed apart.

    All columns have one entry per run; ``store`` holds positions in ``files``. ``apart`` always tells stores apart.
    """
    plain = list(zip(solver, budget, threads, strict=True))
    names = store_names(files)
    from_store = [names[k] for k in store]
    none = [""] * len(plain)
    choices = [(none, from_store), (suite, from_store)] if apart else [(none, none), (suite, none), (suite, from_store)]
    for suites, stores in choices:
        whole = [Contender(*p, each, of) for p, each, of in zip(plain, suites, stores, strict=True)]
        if len(set(zip(whole, digest, seed, strict=True))) == len(whole):
            break
    place = {each: k for k, each in enumerate(dict.fromkeys(whole))}
    return tuple(place), np.array([place[each] for each in whole], np.int64)


def store_names(files: Sequence[Path]) -> list[str]:
    """What to call stores, with as much of their folders as tells them apart."""
    stems = [path.stem for path in files]
    return stems if len(set(stems)) == len(files) else [str(path) for path in files]


def labels(contenders: Sequence[Contender]) -> tuple[str, ...]:
    """What to call each contender: the solver, and of the rest what differs."""
    parts = [(c.solver, budget_words(c.budget), f"{c.threads} threads", c.suite, c.store) for c in contenders]
    varies = [len(set(column)) > 1 for column in zip(*parts, strict=True)]
    varies[0] = True
    return tuple(" · ".join(p for p, shown in zip(each, varies, strict=True) if shown and p) for each in parts)


def budget_words(budget: str) -> str:
    """``seconds=60,iterations=1000`` as ``60 s, 1000 iterations``."""
    limits = dict(part.partition("=")[::2] for part in budget.split(",") if "=" in part)
    words = {"seconds": "{} s", "iterations": "{} iterations"}
    return ", ".join(words.get(name, f"{name} {{}}").format(value) for name, value in limits.items()) or budget
