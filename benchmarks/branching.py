"""Branching rules by their nodes: branch and bound on generated job shops, from the same incumbent.

    python benchmarks/branching.py [--sizes 6x6,8x8] [--count 10] [--rules constrained,strong] [-o FILE.csv]

Every rule begins with the schedule that a short tabu search found, so most trees are proofs; with ``--start rules`` it
is the best of some priority rules. A run ends with a proof or after ``--seconds`` of processor time; rules that proved
different optima end the script with an error. One row per instance and rule; then a table per size: means over the
instances that all rules but random proved, of nodes geometric, of seconds arithmetic (>= where random was cut).
``learned`` is the network that comes along, ``learned=FILE`` another one. ``--agreement`` measures instead, on the
labelled nodes that the network was validated on, how often the rules prefer a pair that strong branching prefers.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from makespan.instances.generators import generate
from makespan.instances.instance import Instance
from makespan.solvers.api import Budget, solve
from makespan.solvers.branching import RULES, Branching, at_random, first_schedule, most_constrained, strong
from makespan.solvers.disjunctive_tree import Choose, Search

FIRST_SEED = 90_000
"""No network is trained on instances with these seeds."""

TABU_STEPS = 50
"""Of the search for the first schedule, per task."""


class Row(NamedTuple):
    """A run: what the tree began with, what it proved, and what that took."""

    size: str
    seed: int
    rule: str
    start_by: str
    start: int
    best: int
    proved: bool
    nodes: int
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="6x6,8x6,8x8,10x8,10x10", help="jobs x machines")
    parser.add_argument("--count", type=int, default=10, help="instances of each size")
    parser.add_argument("--rules", default="constrained,strong,random,learned")
    parser.add_argument("--start", choices=("tabu", "rules"), default="tabu", help="what makes the first schedule")
    parser.add_argument("--seconds", type=float, default=10.0, help="processor time of a run")
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--agreement", metavar="NETWORK", help="a network's name or file")
    given = parser.parse_args()
    Branching().warm()
    if given.agreement:
        print("\n".join(agreement(given.agreement)))
        return
    rows = list[Row]()
    for size in given.sizes.split(","):
        for seed in range(FIRST_SEED, FIRST_SEED + given.count):
            jobs, machines = size.split("x")
            instance = generate(f"uniform,jobs={jobs},machines={machines},seed={seed}")
            start = (given.start, first_makespan(instance, given.start))
            made = [run(instance, size, seed, rule, start, given.seconds) for rule in given.rules.split(",")]
            if len({each.best for each in made if each.proved}) > 1:
                raise SystemExit(f"{size} seed {seed}: found different optima {made}, expected one")
            rows += made
            print(f"{size} {seed}", *(f"{each.rule} {each.nodes}" for each in made), file=sys.stderr, flush=True)
    if given.output:
        with given.output.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([Row._fields, *rows])
    print("\n".join(table(rows)))


def first_makespan(instance: Instance, start: str) -> int:
    """Of the schedule that trees begin with."""
    if start == "rules":
        return first_schedule(instance)[1]
    found = solve(instance, "tabu", Budget(iterations=TABU_STEPS * instance.num_tasks), seed=0).objective
    assert found is not None
    return found


def run(instance: Instance, size: str, seed: int, rule: str, start: tuple[str, int], seconds: float) -> Row:
    """Search a tree to its end, or until the time is up."""
    choose = chooser(rule, seed)
    began = time.process_time()

    def expired() -> bool:
        return time.process_time() - began > seconds

    search = Search(instance, start[1], choose, expired)
    while search.stack and not expired():
        search.step()
    spent = round(time.process_time() - began, 4)
    return Row(size, seed, rule, *start, search.upper, not search.stack, search.nodes, spent)


def chooser(rule: str, seed: int) -> Choose:
    """The branching rule of a name. Raises ValueError for an unknown one."""
    if rule == "random":
        return at_random(np.random.default_rng(seed))
    if rule in RULES:
        return strong if rule == "strong" else most_constrained
    name, _, file = rule.partition("=")
    if name != "learned":
        raise ValueError(f"rules: found {rule!r}, expected some of {', '.join(RULES)}, learned, learned=FILE")
    import torch

    from makespan.policies import checkpoint, zoo
    from makespan.policies.branching_looks import LearnedChoice

    torch.set_num_threads(1)
    return LearnedChoice(checkpoint.load(zoo.path_of(file or "branch"))[0])


def agreement(network: str) -> list[str]:
    """Lines of Markdown: at what share of the labelled nodes each rule takes a pair with the largest score."""
    from makespan.policies import checkpoint, zoo
    from makespan.policies.branching import BranchingValidation
    from makespan.policies.config import config_of
    from makespan.policies.validation import SEED

    model, card, _ = checkpoint.load(zoo.path_of(network))
    validation = BranchingValidation(config_of(card.notes["config"]), SEED)
    least, chance = list[bool](), list[float]()
    for each in validation.decisions:
        tight, roomy = each.looks[-1].pairs.pair[:, 3:5].numpy().T
        least.append(bool(each.right[np.lexsort((tight, roomy))[0]]))
        chance.append(float(each.right.mean()))
    learned = 1 - validation.gap(model) / 100
    shares = {"learned": learned, "constrained": float(np.mean(least)), "random": float(np.mean(chance))}
    lines = [f"| rule | agreement, % of {len(least)} nodes |", "|---|---|"]
    return lines + [f"| {rule} | {100 * share:.1f} |" for rule, share in shares.items()]


def table(rows: list[Row]) -> list[str]:
    """Lines of Markdown."""
    by_size = defaultdict[str, dict[str, list[Row]]](lambda: defaultdict(list))
    for row in rows:
        by_size[row.size][row.rule].append(row)
    lines = ["| size | rule | proved | nodes | seconds | on |", "|---" * 6 + "|"]
    for size, rules in by_size.items():
        proved = [{row.seed for row in each if row.proved} for rule, each in rules.items() if rule != "random"]
        common = set.intersection(*proved) if proved else {row.seed for each in rules.values() for row in each}
        for rule, each in rules.items():
            both = [row for row in each if row.seed in common]
            nodes = np.exp(np.mean(np.log([row.nodes for row in both]))) if both else float("nan")
            spent = np.mean([row.seconds for row in both]) if both else float("nan")
            least = "" if all(row.proved for row in both) else ">= "
            lines.append(
                f"| {size} | {rule} | {sum(row.proved for row in each)} of {len(each)} | {least}{nodes:.1f} "
                f"| {least}{spent:.3f} | {len(common)} |"
            )
    return lines


if __name__ == "__main__":
    main()
