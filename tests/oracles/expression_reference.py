"""Expressions of priority rules once more: exact integers of Python, facts by their definitions, no program, no stack.

Values are in units of 2**-30, rounded towards zero and held within +-2**60.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import floor

from makespan.instances.instance import Instance
from tests.oracles.dispatch_reference import Builder, Place

UNIT, FAR = 2**30, 2**60


def held(value: int) -> int:
    return max(-FAR, min(FAR, value))


def combine(token: str, a: int, b: int) -> int:
    """One operator on two values."""
    if token in ("min", "max"):
        return min(a, b) if token == "min" else max(a, b)
    if token in "+-":
        return held(a + b if token == "+" else a - b)
    if token == "*":
        size = abs(a) * abs(b) // UNIT
    else:
        size = abs(a) * UNIT // abs(b) if b else FAR
    return held(-size if (a < 0) != (b < 0) else size)


def evaluate(tokens: tuple[str, ...], facts: Mapping[str, int]) -> int:
    """The value of a postfix expression; ``facts``: the whole number behind each letter."""
    last = tokens[-1]
    if last in ("+", "-", "*", "/", "min", "max"):
        cut = next(i for i in range(1, len(tokens) - 1) if _complete(tokens[:i]) and _complete(tokens[i:-1]))
        return combine(last, evaluate(tokens[:cut], facts), evaluate(tokens[cut:-1], facts))
    if last == "neg":
        return -evaluate(tokens[:-1], facts)
    assert len(tokens) == 1
    return facts[last] * UNIT if last in facts else held(floor(Fraction(last) * UNIT))


def _complete(tokens: tuple[str, ...]) -> bool:
    """Whether tokens are one expression."""
    depth = 0
    for token in tokens:
        taken = 2 if token in ("+", "-", "*", "/", "min", "max") else int(token == "neg")
        if depth < taken:
            return False
        depth += 1 - taken
    return depth == 1


class ExpressionBuilder(Builder):
    """A schedule in the making whose priorities are those of an expression."""

    def __init__(self, instance: Instance, scheme: str, tokens: tuple[str, ...]) -> None:
        super().__init__(instance, scheme, lambda task, mode, arrival, start: 0)
        self.tokens, self.waiting = tokens, list[tuple[int, Place]]()

    def _choose(self, waiting: list[tuple[int, Place]]) -> tuple[int, Place]:
        self.waiting = waiting
        return super()._choose(waiting)

    def _key(self, place: Place) -> int:
        return evaluate(self.tokens, self.facts(place))

    def facts(self, place: Place) -> dict[str, int]:
        """What the letters stand for at a place."""
        instance, task = self.instance, place.task
        assert instance.job is not None
        job = int(instance.job[task])
        tasks = [t for t in range(instance.num_tasks) if instance.job[t] == job]
        modes = {
            t: list(range(int(instance.mode_ptr[t]), int(instance.mode_ptr[t + 1]))) for t in range(instance.num_tasks)
        }
        shortest = {t: min(int(instance.duration[m]) for m in modes[t]) for t in modes}
        later = [t for t in tasks if t > task]
        own = int(instance.duration[modes[task][place.mode]])
        if instance.job_due is None:
            load = [0] * instance.num_resources
            for t in modes:
                if len(modes[t]) == 1:
                    load[int(instance.machine[modes[t][0]])] += shortest[t]
            jobs = [sum(shortest[t] for t in shortest if instance.job[t] == j) for j in range(instance.num_jobs)]
            due = max(*jobs, *load, -(-sum(shortest.values()) // instance.num_resources))
        else:
            due = int(instance.job_due[job])
        after = sum(shortest[t] for t in later)
        waits = [0] * instance.num_resources
        for _, each in self.waiting:
            waits[each.machine] += int(instance.duration[modes[each.task][each.mode]])
        return {
            "p": own,
            "D": sum(shortest[t] for t in tasks if t < task),
            "R": after,
            "n": 1 + len(later),
            "x": shortest[later[0]] if later else 0,
            "a": place.arrival,
            "t": place.start,
            "d": due,
            "s": due - after - place.start - own,
            "w": 1 if instance.job_weight is None else int(instance.job_weight[job]),
            "P": max(1, sum(shortest.values()) // instance.num_tasks),
            "Q": waits[place.machine],
            "W": waits[int(instance.machine[modes[later[0]][0]])] if later else 0,
        }
