"""Rules written as expressions: what reads, what it means, and that the kernels compute just that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from makespan.instances.check import check
from makespan.instances.instance import Instance
from makespan.instances.sets import load
from makespan.instances.shop_view import shop_view
from makespan.solvers.api import solve
from makespan.solvers.dispatching import SCHEMES, dispatch_batch, make
from makespan.solvers.kernels.expressions import combined
from makespan.solvers.registry import parse_lanes
from makespan.solvers.rule_expressions import (
    BINARY,
    MINUS,
    QUANTITIES,
    Expression,
    found_rules,
    parse_expression,
    read_rule,
    write_rule,
)
from tests.oracles.expression_reference import ExpressionBuilder, combine
from tests.solvers.test_dispatching import random_shop

KNOWN = {
    "spt": "p",
    "lpt": "-p",
    "mwkr": "-(p + R)",
    "lwkr": "p + R",
    "mopnr": "-n",
    "lopnr": "n",
    "fdd_mwkr": "(D + p) / (p + R)",
    "fifo": "a",
    "lifo": "-a",
    "edd": "d",
    "slack": "s",
    "slack_per_operation": "s / n",
}


@njit  # type: ignore[untyped-decorator]
def _combined(code: int, a: int, b: int) -> int:
    return combined(code, a, b)  # type: ignore[no-any-return]


def _grow(parts: st.SearchStrategy[tuple[str, ...]]) -> st.SearchStrategy[tuple[str, ...]]:
    joined = st.builds(lambda a, b, token: (*a, *b, token), parts, parts, st.sampled_from(sorted(BINARY)))
    return joined | parts.map(lambda a: (*a, MINUS))


leaves = st.sampled_from([(each,) for each in (*QUANTITIES, "0", "0.5", "3", "1e3", "7.25")])
expressions = st.recursive(leaves, _grow, max_leaves=8).map(Expression)


@settings(max_examples=150, deadline=None)
@given(expressions)
def test_what_is_printed_reads_back_the_same(expression: Expression) -> None:
    """Parentheses that are left out change nothing, in a text and in the spec of a solver."""
    assert parse_expression(str(expression)) == expression
    argument = f"({str(expression).replace(' ', '')})"
    (((stage,),),) = (parse_lanes(f"rule:{argument},scheme=append"),)
    assert parse_expression(str(stage.argument)) == expression and stage.parameters == (("scheme", "append"),)


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (("p", "R", "n", "-", "-"), "p - (R - n)"),
        (("p", "R", "-", "n", "-"), "p - R - n"),
        (("p", "R", "+", MINUS), "-(p + R)"),
        (("p", MINUS, "R", "*"), "-p * R"),
        (("p", "R", "/", "n", "/"), "p / R / n"),
        (("p", "R", "n", "/", "/"), "p / (R / n)"),
        (("p", "R", "+", "n", "min"), "min(p + R, n)"),
    ],
)
def test_no_parentheses_but_those_that_matter(tokens: tuple[str, ...], text: str) -> None:
    """By the precedence that everyone learned."""
    assert str(Expression(tokens)) == text


numbers = st.one_of(
    st.integers(-(2**60), 2**60), st.integers(-(2**33), 2**33), st.integers(-(2**30), 2**30).map(lambda i: i << 30)
)


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(sorted(BINARY)), numbers, numbers)
def test_arithmetic_is_exact_to_the_last_bit(token: str, a: int, b: int) -> None:
    """64 bits give what integers of any size give: products and quotients are never lost on the way."""
    assert _combined(BINARY[token], a, b) == combine(token, a, b)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["ft06", "la01", "la16"])
def test_known_rules_as_expressions_give_the_same_schedules(name: str, scheme: str) -> None:
    """Both order the candidates alike at every decision, or the makespans would differ somewhere; the starts do not."""
    view = load(name).derived(shop_view)
    for rule, text in KNOWN.items():
        (built_in, one), (written, other) = (dispatch_batch(view, [each], [scheme]) for each in (rule, text))
        assert one == other and (built_in == written).all(), rule


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sets(st.sampled_from(["release", "due", "transport", "multi_mode"]), max_size=2),
    st.sampled_from(list(SCHEMES)),
    expressions,
)
def test_schedules_are_those_of_the_definition(
    seed: int, fields: set[str], scheme: str, expression: Expression
) -> None:
    """Every letter means what the table says, at the moment of the decision: queues too."""
    shop = random_shop(seed, fields).replace(objective=("makespan",))
    expected = ExpressionBuilder(shop, scheme, expression.tokens).build()
    _, schedule = dispatch_batch(shop.derived(shop_view), [str(expression)], [scheme])
    assert expected is not None and schedule is not None
    assert (schedule.start.tolist(), schedule.mode.tolist()) == expected


@pytest.mark.parametrize("fields", [{"setup", "multi_mode"}, {"calendar", "pause"}, {"now", "setup", "transport"}])
def test_expressions_respect_what_rules_respect(fields: set[str]) -> None:
    """They choose among candidates; what is feasible is the schemes' business."""
    for seed in range(5):
        shop = random_shop(seed, fields).replace(objective=("makespan",))
        for scheme in SCHEMES:
            schedule = dispatch_batch(shop.derived(shop_view), ["W - s / n"], [scheme])[1]
            assert schedule is not None and check(shop, schedule) == []


def test_large_times_decide_as_small_ones() -> None:
    """A time beyond 2**30 is counted in a larger unit: a shop in nanoseconds is planned as one in seconds."""
    small = load("la01")
    large = small.replace(duration=small.duration << 30)
    rules = ["(D + p) / (p + R)", "max(p, x) / Q - n", "W / (a + P)"]
    for scheme in SCHEMES:
        one, other = (dispatch_batch(each.derived(shop_view), rules, [scheme])[0] for each in (small, large))
        assert (one << 30 == other).all()


def test_samples_around_an_expression_begin_with_it() -> None:
    """Sampling works as for any rule, and one batch holds rules and expressions side by side."""
    view = load("la01").derived(shop_view)
    values, _ = dispatch_batch(view, ["mwkr", "-(p + R)", "random", "p"], ["non_delay"], samples=20, seed=3)
    assert np.array_equal(values[:, 0], values[:, 1]) and np.unique(values[:, 1]).size > 5
    alone, _ = dispatch_batch(view, ["p"], ["non_delay"], samples=20, seed=3)
    assert np.array_equal(values[:, 3], alone[:, 0])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("p +", "expected such as"),
        ("p ** 2", "found 'p ** 2'"),
        ("p + y", "found 'y' in 'p + y', expected numbers, + - * / min max and letters among p D R"),
        ("min(p)", "found min of 1"),
        ("min(p, key=n)", "found min of 1"),
        ("abs(p)", "found 'abs(p)'"),
        ("p.real", "found 'p.real'"),
        ("'p'", "found \"'p'\""),
        ("p if n else R", "found 'p if n else R'"),
        ("0x10 * p", "found the number '0x10'"),
        ("p or n", "found 'p or n'"),
        ("+".join("p" * 40), "found 79 tokens, expected at most 64"),
        ("-(" * 400 + "p" + ")" * 400, "expected at most 900"),
        ("(" * 300 + "p" + ")" * 300, "expected such as"),
        ("p-(" * 32 + "p" + ")" * 32, "expected at most"),
    ],
)
def test_what_is_no_expression_is_refused_with_a_reason(text: str, words: str) -> None:
    """One sentence, whatever was typed; nothing is ever executed."""
    with pytest.raises(ValueError, match="expression: ") as refusal:
        parse_expression(text)
    assert words in str(refusal.value)


@pytest.mark.parametrize("tokens", [(), ("p", "R"), ("+",), ("p", "+"), (MINUS,)])
def test_tokens_that_are_no_expression_are_refused(tokens: tuple[str, ...]) -> None:
    """A stack that runs dry or keeps two values would make the kernels read what is not theirs."""
    with pytest.raises(ValueError, match="expression: found"):
        Expression(tokens)


def test_a_rule_is_read_from_a_file(tmp_path: Path) -> None:
    """What was evolved is kept as text, with comments that say where it came from."""
    path = tmp_path / "mine.rule"
    write_rule(path, parse_expression("-(p+R)"), "most work remaining")
    assert path.read_text() == "# most work remaining\n-(p + R)\n"
    assert str(read_rule(path)) == "-(p + R)"
    result = solve(load("ft06"), f"rule:{path}")
    assert result.found_by == "rule:-(p + R),scheme=non_delay"
    assert result.objective == solve(load("ft06"), "rule:mwkr").objective
    for text, words in (
        ("# none\n", "found 0 lines"),
        ("p\nR\n", "found 2 lines"),
        ("# a\n\np +\n", ":3: expression: "),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"mine\.rule") as refusal:
            make(str(path))
        assert words in str(refusal.value)
    with pytest.raises(ValueError, match="No such file"):
        make("missing.rule")


def test_rules_that_come_along_read() -> None:
    """Each file in the folder holds one expression and can be played by its name."""
    assert found_rules()
    for name in found_rules():
        assert make(name).rule == str(parse_expression(make(name).rule))


@pytest.mark.parametrize("argument", ["mwrk", "pR", ""])
def test_a_name_that_is_no_rule_is_not_taken_for_an_expression(argument: str) -> None:
    """A misspelt rule gets a hint, not a lecture on expressions."""
    with pytest.raises(ValueError, match="unknown rule"):
        make(argument)


def test_a_number_alone_takes_the_lowest_job() -> None:
    """Evolution may find it: all candidates are equal, and ties go to the lower number."""
    view = load("la01").derived(shop_view)
    one, other = (dispatch_batch(view, [text], ["append"])[1] for text in ("5", "n - n"))
    assert one == other


def test_a_shop_without_work_is_scheduled() -> None:
    """Durations of 0 make quotients by 0, which come last and stop nothing."""
    shop = Instance.job_shop([[0, 1], [1, 0]], [[0, 0], [0, 0]])
    values, _ = dispatch_batch(shop.derived(shop_view), ["(D + p) / (p + R)"], list(SCHEMES))
    assert values.max() == 0
