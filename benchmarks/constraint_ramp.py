"""Constraint ramps: which methods find a schedule as constraints of more and more kinds come together.

    python benchmarks/constraint_ramp.py [--tasks 10,20,30,50] [--count 5] [-o rows.csv]

Poses the questions of ``makespan bench pose`` in memory, answers them by the methods below and prints the shares of
feasible answers. Everything runs on one thread.

* ``cpsat``: the exact model until its first schedule, at most ``--seconds``.
* ``greedy``: serial schedule generation by latest finish (LFT), deaf to deadlines.
* ``windows``: the same with deadlines as due dates, which LFT counts back from.
* ``repair``: ``--samples`` schedules drawn around that rule, the one of least maximum lateness.
* ``keys``: as many schedules from random keys.
* ``liar_KIND``: the exact model without the constraints of one kind; what it breaks must be of that kind.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

from makespan.cli.questions import row_of
from makespan.eval.answers import FEASIBLE, KINDS, Verdict, judge, judge_schedule
from makespan.eval.feasibility import cells, curves, interactions
from makespan.eval.questions import axes_of, without
from makespan.instances.generators.jain_wetter import STAGES, ramp
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.solvers.api import Budget, solve

DENSITIES = (0, 0.5, 1, 1.5, 2)

Method = Callable[[Instance], Schedule | None]


def exact(instance: Instance, seconds: float) -> Schedule | None:
    return solve(instance, "cpsat", Budget(seconds=seconds, gap=1.0), threads=1).schedule


def greedy(instance: Instance) -> Schedule | None:
    return solve(instance.replace(deadline=None), "sgs:lft", Budget(iterations=1)).schedule


def sampled(instance: Instance, rule: str, samples: int) -> Schedule | None:
    """The schedule of least maximum lateness among some that keep all else; the first without any."""
    late = instance.replace(deadline=None)
    if instance.deadline is None:
        return solve(late, f"sgs:{rule}", Budget(iterations=1)).schedule
    late = late.replace(due=instance.deadline, objective=("max_lateness",))
    return solve(late, f"sgs:{rule},samples={samples}", Budget(iterations=samples, target=0)).schedule


def liar(instance: Instance, kind: str, seconds: float) -> Schedule | None:
    return exact(without(instance, kind), seconds)


def methods(seconds: float, samples: int) -> dict[str, Method]:
    return {
        "cpsat": partial(exact, seconds=seconds),
        "greedy": greedy,
        "windows": partial(sampled, rule="lft", samples=1),
        "repair": partial(sampled, rule="lft", samples=samples),
        "keys": partial(sampled, rule="random", samples=samples),
        **{f"liar_{kind}": partial(liar, kind=kind, seconds=seconds) for kind in KINDS},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default="10,20,30,50")
    parser.add_argument("--count", type=int, default=5, help="questions for each size, stage and level")
    parser.add_argument("--seed", type=int, default=0, help="of the first question")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each call of the exact model")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--methods", help="default: all")
    parser.add_argument("-o", "--output", type=argparse.FileType("w"), help="rows as CSV")
    given = parser.parse_args()
    chosen = methods(given.seconds, given.samples)
    if given.methods:
        chosen = {name: chosen[name] for name in given.methods.split(",")}
    posed = [
        ramp(tasks, math.ceil(density * tasks), seed, **axes_of(stage))
        for tasks in map(int, given.tasks.split(","))
        for density in DENSITIES
        for seed in range(given.seed, given.seed + given.count)
        for stage in STAGES
    ]
    questions = [each.instance for each in posed]
    kept = sum(judge_schedule(each.instance, each.witness).outcome == FEASIBLE for each in posed)
    print(f"{len(posed)} questions, {kept} hidden schedules feasible.\n")
    verdicts: dict[str, list[Verdict]] = {}
    seconds: dict[str, float] = {}
    for name, method in chosen.items():
        method(questions[0])  # compiles and starts what it needs, off the clock
        begun = time.perf_counter()
        verdicts[name] = [answer(question, method) for question in questions]
        seconds[name] = time.perf_counter() - begun
        print(f"{name}: {seconds[name]:.1f} s", file=sys.stderr)
    if given.output:
        rows = [{"method": name} | row_of(each) for name, found in verdicts.items() for each in found]
        fields = [name for name in rows[0] if name != "message"]
        writer = csv.DictWriter(given.output, fields, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    report(verdicts, seconds, len(questions))


def answer(question: Instance, method: Method) -> Verdict:
    schedule = method(question)
    return judge(question, None) if schedule is None else judge_schedule(question, schedule)


def report(verdicts: dict[str, list[Verdict]], seconds: dict[str, float], questions: int) -> None:
    """Markdown: stages, levels, interaction, kinds, and what the exact model left open."""
    print("Feasible answers in per cent.\n")
    print("| method | " + " | ".join(STAGES) + " | ms each |")
    print("|---" * (len(STAGES) + 2) + "|")
    for name, found in verdicts.items():
        rates = [rate(each for each in found if each.stage == stage) for stage in STAGES]
        print(f"| {name} | {' | '.join(rates)} | {1000 * seconds[name] / questions:.0f} |")
    heuristics = {name: found for name, found in verdicts.items() if not name.startswith("liar")}
    print("\n| method | stage | " + " | ".join(f"{density} n" for density in DENSITIES) + " |")
    print("|---" * (len(DENSITIES) + 2) + "|")
    for name, found in heuristics.items():
        for stage in ("P", "PT", "PDTX"):
            levels = [
                rate(each for each in found if each.stage == stage and each.level == math.ceil(density * each.tasks))
                for density in DENSITIES
            ]
            print(f"| {name} | {stage} | {' | '.join(levels)} |")
    print("\n| method | tasks | PDTX | foretold | interaction | threshold of PDTX | area of PDTX |")
    print("|---" * 7 + "|")
    for name, found in heuristics.items():
        shapes = {each.tasks: each for each in curves(cells(found)) if each.stage == "PDTX"}
        for gap in interactions(cells(found)):
            shape = shapes[gap.tasks]
            threshold = "–" if shape.threshold is None else shape.threshold
            print(
                f"| {name} | {gap.tasks} | {100 * gap.rate:.0f} | {100 * gap.foretold:.0f} | {100 * gap.gap:+.0f} "
                f"| {threshold} | {100 * shape.area:.0f} |"
            )
    print("\n| method | infeasible | unreadable | " + " | ".join(KINDS) + " |")
    print("|---" * (len(KINDS) + 3) + "|")
    for name, found in verdicts.items():
        wrong = [each for each in found if each.broken]
        share = [f"{100 * sum(kind in each.broken for each in wrong) / max(1, len(wrong)):.0f}" for kind in KINDS]
        unreadable = Counter(each.outcome for each in found)["unreadable"]
        print(f"| {name} | {len(wrong)} | {unreadable} | {' | '.join(share)} |")
    open_questions = [each.question for each in verdicts.get("cpsat", []) if each.outcome != FEASIBLE]
    print(f"\nNot solved by cpsat: {', '.join(open_questions) or 'none'}")


def rate(verdicts: Iterable[Verdict]) -> str:
    found = [each.outcome == FEASIBLE for each in verdicts]
    return f"{100 * sum(found) / len(found):.0f}" if found else "–"


if __name__ == "__main__":
    main()
