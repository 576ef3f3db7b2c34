"""Priority rules by genetic programming: expressions that are good and short.

Every expression is played on the same generated instances. It is judged twice: by its mean makespan, relative to that
of FDD/MWKR on the same instance so that sizes count alike, and by its number of tokens. Survivors are chosen as NSGA-II
does (Deb, Pratap, Agarwal and Meyarivan 2002, IEEE Transactions on Evolutionary Computation 6, 182-197), so what is
left at the end is a front from the shortest to the best. The rule to use is chosen on other instances.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makespan.envs.sources import generator
from makespan.instances.instance import IntArray
from makespan.instances.shop_view import ShopView, shop_view
from makespan.policies.pareto import distances, ranks, survivors
from makespan.solvers.dispatching import SCHEMES, dispatch_batch
from makespan.solvers.kernels.expressions import MOST_TOKENS
from makespan.solvers.rule_expressions import BINARY, MINUS, QUANTITIES, Expression, arity, parse_expression

REFERENCE = "fdd_mwkr"
"""The rule that others are measured by."""

UNIT = 1_000_000
"""A quality of so much is as good as the reference; less is better."""

FIRST_RULES = ("p", "-p", "-(p + R)", "-n", "(D + p) / (p + R)", "a", "p + x", "W")
"""Part of the first population."""

VALIDATION_SEED = 2**20
"""Instances to choose among the front are drawn with this seed, whatever that of the run."""

Tokens = tuple[str, ...]

_NUMBERS = ("0.1", "0.25", "0.5", "1", "2", "3", "5", "10")
_NUMBER_SHARE, _OPERATOR_SHARE, _MINUS_SHARE = 0.1, 0.7, 0.05
_FIRST_DEPTHS = (1, 2, 3)
_NEW_DEPTH = 2
_TRIES = 8


@dataclass(frozen=True)
class Evolution:
    """A run; equal ones give equal fronts on any machine.

    Parameters
    ----------
    instances
        Generator specs, taken in turn; any number in them may be a range such as ``jobs=8..30``.
    count, validation_count
        Instances to evolve on, and to choose on.
    scheme
        A name in SCHEMES.
    quantities
        Letters of QUANTITIES that rules are made of.
    population, generations
        Expressions kept, and rounds in which as many are made anew.
    most_tokens
        Longer ones are not made.
    crossover
        Share of new expressions that two parents have; the rest are changed at one place.
    seed
        Of instances and changes.
    threads
        Instances played at once.
    """

    instances: tuple[str, ...] = (
        "uniform,jobs=10,machines=10",
        "uniform,jobs=15,machines=15",
        "uniform,jobs=20,machines=10",
        "uniform,jobs=30,machines=15",
    )
    count: int = 40
    validation_count: int = 100
    scheme: str = "non_delay"
    quantities: str = "pRDnxtPQW"
    population: int = 100
    generations: int = 50
    most_tokens: int = 25
    crossover: float = 0.6
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("count", "validation_count", "generations", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected 1 or more")
        if self.population < 2:
            raise ValueError(f"population: found {self.population}, expected 2 or more")
        if not self.instances:
            raise ValueError("instances: found none, expected at least one generator spec")
        if self.scheme not in SCHEMES:
            raise ValueError(f"scheme: found {self.scheme!r}, expected one of {', '.join(SCHEMES)}")
        unknown = sorted(set(self.quantities) - set(QUANTITIES))
        if unknown or not self.quantities:
            raise ValueError(f"quantities: found {self.quantities!r}, expected letters among {''.join(QUANTITIES)}")
        if not 1 <= self.most_tokens <= MOST_TOKENS:
            raise ValueError(f"most_tokens: found {self.most_tokens}, expected 1 to {MOST_TOKENS}")
        if not 0 <= self.crossover <= 1:
            raise ValueError(f"crossover: found {self.crossover}, expected 0 to 1")


@dataclass(frozen=True)
class Found:
    """A rule of the front: its mean makespan relative to FDD/MWKR's, where it evolved and where it is chosen."""

    expression: Expression
    training: float
    validation: float


@dataclass(frozen=True)
class Generation:
    """Where a run stands: rounds made, the best relative makespan, and how many expressions are on the front."""

    number: int
    best: float
    front: int


class Yardstick:
    """Instances to judge expressions on."""

    def __init__(self, evolution: Evolution, count: int, seed: int) -> None:
        self.scheme, self.threads = evolution.scheme, evolution.threads
        self.views = list[ShopView]()
        for number in range(count):
            draw = generator(evolution.instances[number % len(evolution.instances)])
            self.views.append(draw(np.random.default_rng([seed, number]), number).derived(shop_view))
        self.reference = [self._play(view, [REFERENCE])[0] for view in self.views]

    def quality(self, expressions: Sequence[Expression]) -> IntArray:
        """Shape (k,): the mean over the instances of makespan over the reference's, in parts of UNIT, rounded down."""
        rules = [str(each) for each in expressions]
        with ThreadPoolExecutor(self.threads) as pool:
            values = list(pool.map(lambda view: self._play(view, rules), self.views))
        total = sum(UNIT * each // reference for each, reference in zip(values, self.reference, strict=True))
        mean: IntArray = total // len(self.views)
        return mean

    def _play(self, view: ShopView, rules: Sequence[str]) -> IntArray:
        return dispatch_batch(view, rules, (self.scheme,))[0][0, :, 0]


def evolve(evolution: Evolution, on_generation: Callable[[Generation], None] = lambda generation: None) -> list[Found]:
    """The front, from the shortest to the best rule where it evolved. O(population x generations x schedules)."""
    rng = np.random.default_rng(evolution.seed)
    yardstick = Yardstick(evolution, evolution.count, evolution.seed)
    known = dict[Tokens, int]()
    population = first_population(evolution, rng)
    objectives = _judged(population, yardstick, known)
    for number in range(evolution.generations + 1):
        kept = survivors(objectives, evolution.population)
        population, objectives = [population[i] for i in kept], objectives[kept]
        rank = ranks(objectives)
        on_generation(Generation(number, objectives[:, 0].min() / UNIT, int((rank == 0).sum())))
        if number == evolution.generations:
            break
        crowding = distances(objectives, rank)
        children = [_child(population, rank, crowding, evolution, rng) for _ in range(evolution.population)]
        population = list(dict.fromkeys([*population, *children]))
        objectives = _judged(population, yardstick, known)
    front = [Expression(each) for each in _pruned([population[i] for i in np.flatnonzero(rank == 0)], yardstick, known)]
    front.sort(key=lambda each: each.size)
    validation = Yardstick(evolution, evolution.validation_count, VALIDATION_SEED).quality(front)
    return [
        Found(each, known[each.tokens] / UNIT, int(value) / UNIT) for each, value in zip(front, validation, strict=True)
    ]


def chosen(front: Sequence[Found]) -> Found:
    """The best of a front on the instances to choose on; of equal ones the shortest."""
    return min(front, key=lambda each: (each.validation, each.expression.size))


def _pruned(front: list[Tokens], yardstick: Yardstick, known: dict[Tokens, int]) -> list[Tokens]:
    """The front with what it holds for nothing cut away: parts whose operator and other operand may go."""
    while True:
        tried = [each for tokens in front for each in shorter(tokens)]
        everyone = list(dict.fromkeys([*front, *tried]))
        if all(each in known for each in everyone):
            return front
        objectives = _judged(everyone, yardstick, known)
        rank, (_, first) = ranks(objectives), np.unique(objectives, axis=0, return_index=True)
        front = [everyone[i] for i in first if rank[i] == 0]


def _judged(population: Sequence[Tokens], yardstick: Yardstick, known: dict[Tokens, int]) -> IntArray:
    """Shape (k, 2): quality and size; what is known already is not played again."""
    new = [each for each in population if each not in known]
    if new:
        values = yardstick.quality([Expression(each) for each in new])
        known |= dict(zip(new, values.tolist(), strict=True))
    return np.array([(known[each], len(each)) for each in population], np.int64)


def _child(
    population: Sequence[Tokens],
    rank: IntArray,
    crowding: NDArray[np.float64],
    evolution: Evolution,
    rng: np.random.Generator,
) -> Tokens:
    def parent() -> Tokens:
        one, other = (int(each) for each in rng.integers(len(population), size=2))
        return population[min(one, other, key=lambda i: (rank[i], -crowding[i]))]

    for _ in range(_TRIES):
        first = parent()
        made = crossed(first, parent(), rng) if rng.random() < evolution.crossover else changed(first, evolution, rng)
        if len(made) <= evolution.most_tokens and _fits(made):
            return made
    return first


def _fits(tokens: Tokens) -> bool:
    try:
        Expression(tokens)
    except ValueError:
        return False
    return True


# -- expressions -------------------------------------------------------------------------------------


def first_population(evolution: Evolution, rng: np.random.Generator) -> list[Tokens]:
    """Known rules of the letters at hand, and random trees of several depths; all different where there are enough."""
    rules = [parse_expression(text).tokens for text in FIRST_RULES]
    usable = [each for each in rules if _letters(each) <= set(evolution.quantities)]
    made = dict.fromkeys(each for each in usable if len(each) <= evolution.most_tokens)
    for attempt in range(_TRIES * evolution.population):
        if len(made) >= evolution.population:
            break
        tokens = grown(evolution, _FIRST_DEPTHS[attempt % len(_FIRST_DEPTHS)], rng)
        if len(tokens) <= evolution.most_tokens:
            made[tokens] = None
    return list(made)


def _letters(tokens: Tokens) -> set[str]:
    return {token for token in tokens if token in QUANTITIES}


def grown(evolution: Evolution, depth: int, rng: np.random.Generator) -> Tokens:
    """A random tree of at most this depth."""
    if depth == 0 or rng.random() >= _OPERATOR_SHARE:
        return (_leaf(evolution, rng),)
    if rng.random() < _MINUS_SHARE:
        return (*grown(evolution, depth - 1, rng), MINUS)
    return (*grown(evolution, depth - 1, rng), *grown(evolution, depth - 1, rng), _any(tuple(BINARY), rng))


def crossed(one: Tokens, other: Tokens, rng: np.random.Generator) -> Tokens:
    """One expression with a part of the other in the place of one of its own."""
    begin, end = part(one, int(rng.integers(len(one))))
    source, stop = part(other, int(rng.integers(len(other))))
    return one[:begin] + other[source:stop] + one[end:]


def changed(tokens: Tokens, evolution: Evolution, rng: np.random.Generator) -> Tokens:
    """A new part in the place of an old one, another token of the same kind, or one part alone."""
    at, kind = int(rng.integers(len(tokens))), int(rng.integers(3))
    begin, end = part(tokens, at)
    if kind == 0:
        return tokens[:begin] + grown(evolution, _NEW_DEPTH, rng) + tokens[end:]
    if kind == 1:
        return tokens[begin:end]
    token = tokens[at]
    if token == MINUS:
        return tokens[:at] + tokens[at + 1 :]
    return (*tokens[:at], _any(tuple(BINARY), rng) if token in BINARY else _leaf(evolution, rng), *tokens[at + 1 :])


def shorter(tokens: Tokens) -> list[Tokens]:
    """All expressions in which one of the operands stands for an operator and all it is applied to."""
    made = list[Tokens]()
    for at, token in enumerate(tokens):
        begin, end = part(tokens, at)
        last = at - 1
        for _ in range(arity(token)):
            first, stop = part(tokens, last)
            made.append(tokens[:begin] + tokens[first:stop] + tokens[end:])
            last = first - 1
    return made


def part(tokens: Tokens, last: int) -> tuple[int, int]:
    """Where the part begins whose last token is number ``last``, and where it ends."""
    begin, missing = last, arity(tokens[last])
    while missing:
        begin -= 1
        missing += arity(tokens[begin]) - 1
    return begin, last + 1


def _leaf(evolution: Evolution, rng: np.random.Generator) -> str:
    return _any(_NUMBERS if rng.random() < _NUMBER_SHARE else tuple(evolution.quantities), rng)


def _any(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]
