"""Provenance: which commands, versions and machines made the runs, and where the references come from."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np

from makespan.eval.results import Results
from makespan.eval.store import Store
from makespan.instances.sets import instance_names, set_names


def suites(results: Results) -> list[dict[str, str]]:
    """For each suite, budget and number of threads, a suite file that plays the runs again, and the command.

    Each has ``name``, ``command`` and ``text`` (TOML).
    """
    found: dict[tuple[str, str, int], list[int]] = {}
    for r, c in enumerate(results.contender.tolist()):
        who = results.contenders[c]
        found.setdefault((results.suite[r], who.budget, who.threads), []).append(r)
    parts = []
    for (suite, budget, threads), runs in found.items():
        seeds = sorted({int(results.seed[r]) for r in runs})
        limits = [part.partition("=")[::2] for part in budget.split(",") if "=" in part]
        lines = [
            f"name = {json.dumps(suite)}",
            f"solvers = {_array([results.contenders[c].solver for c in _unique(results, runs)])}",
            f"instances = {_array(_references(results, runs))}",
            f"seeds = {len(seeds) if seeds == list(range(len(seeds))) else seeds}",
            f"threads = {threads}",
            "",
            "[budget]",
            *(f"{name} = {value}" for name, value in limits),
        ]
        command = f"makespan bench run {suite}.toml --store {suite}.sqlite"
        parts.append({"name": suite, "command": command, "text": "\n".join(lines) + "\n"})
    return parts


def _unique(results: Results, runs: list[int]) -> list[int]:
    return list(dict.fromkeys(results.contender[runs].tolist()))


def _array(values: list[str]) -> str:
    """A TOML array of strings, at most 110 characters a line."""
    texts = [json.dumps(value, ensure_ascii=False) for value in dict.fromkeys(values)]
    lines, line = [], "   "
    for text in texts:
        if len(line) + len(text) > 108:
            lines.append(line)
            line = "   "
        line += f" {text},"
    whole = "[" + ", ".join(texts) + "]"
    return whole if len(whole) <= 90 else "\n".join(["[", *lines, line, "]"])


def _references(results: Results, runs: list[int]) -> list[str]:
    """References to the instances of the runs; a bundled set that was played as a whole by its name."""
    by_set: dict[str, list[str]] = {}
    for i in np.unique(results.instance[runs]).tolist():
        played = results.instances[i]
        by_set.setdefault(played.instance_set, []).append(played.name)
    found = []
    for name, members in by_set.items():
        if name in set_names():
            whole = len(members) == len(instance_names(name))
            found += [f"@{name}"] if whole else [f"@{member}" for member in members]
        else:
            found += members
    return found


def machines(results: Results) -> list[dict[str, Any]]:
    """Each combination of versions and hardware, with its suites and the days on which its runs finished."""
    wanted = set(results.suite)
    found: dict[str, dict[str, Any]] = {}
    for path in results.stores:
        with Store(path) as store:
            rows = store.distinct("suite", "versions", "hardware")
            days: dict[str, tuple[str, str]] = {}
            for _, suite, finished in store.columns("suite", "finished_at"):
                first, last = days.get(suite, (finished, finished))
                days[suite] = min(first, finished), max(last, finished)
        for suite, versions, hardware in rows:
            if suite not in wanted:
                continue
            key = json.dumps([versions, hardware], sort_keys=True)
            entry = found.setdefault(key, {"versions": versions, "hardware": hardware, "suites": [], "days": []})
            entry["suites"].append(f"{suite} ({path.name})")
            entry["days"] += [day[:10] for day in days[suite]]
    for entry in found.values():
        entry["days"] = " to ".join(dict.fromkeys((min(entry["days"]), max(entry["days"]))))
    return list(found.values())


def references(results: Results) -> list[tuple[str, str, int]]:
    """Where the references come from: (source, date, number of instances), the most frequent first."""
    count = Counter((each.reference.source or "none", each.reference.date or "") for each in results.instances)
    return [(source, date, number) for (source, date), number in count.most_common()]


def troubles(results: Results) -> list[tuple[str, str, str, int, str]]:
    """Runs that came to nothing: (contender, status, message, how many, first instance)."""
    bad = [r for r, status in enumerate(results.status) if status in ("error", "unsupported", "unknown")]
    found: dict[tuple[str, str, str], list[int]] = {}
    for r, message in zip(bad, results.values("message", bad), strict=True):
        found.setdefault((results.labels[results.contender[r]], results.status[r], message), []).append(r)
    return [(*key, len(runs), results.instances[results.instance[runs[0]]].name) for key, runs in found.items()]
