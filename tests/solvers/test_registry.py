"""Solver specs: what reads, what is refused and how, and the table behind it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.solvers import registry
from makespan.solvers.registry import StageSpec, from_strings, parse_lanes, parse_spec

names = st.sampled_from(sorted(registry.SOLVERS))
arguments = st.none() | st.from_regex(r"[a-z0-9_/.@=:-]{1,12}", fullmatch=True)
parameters = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(lambda key: key not in ("seconds", "iterations")),
    st.from_regex(r"[A-Za-z0-9_.:/-]{0,8}", fullmatch=True),
    max_size=3,
)
stages = st.builds(
    lambda name, argument, pairs, seconds, iterations: StageSpec(
        name, argument, tuple(sorted(pairs.items())), seconds, iterations
    ),
    names,
    arguments,
    parameters,
    st.none() | st.floats(min_value=1e-9, max_value=1e30, allow_nan=False),
    st.none() | st.integers(1, 10**18),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(stages, min_size=1, max_size=4).map(tuple), min_size=1, max_size=3).map(tuple))
def test_a_written_spec_reads_back_the_same(lanes: tuple[tuple[StageSpec, ...], ...]) -> None:
    """Results store specs as text, and a stored spec must name the same run again: no digit may get lost."""
    assert parse_lanes("~".join("+".join(map(str, lane)) for lane in lanes)) == lanes


def test_limits_of_a_stage_are_not_its_parameters() -> None:
    """Every stage takes seconds and iterations; they belong to the run, not to the method."""
    (stage,) = parse_spec("rule:mwkr,seconds=2.5,scheme=non_delay,iterations=7")
    assert stage == StageSpec("rule", "mwkr", (("scheme", "non_delay"),), 2.5, 7)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("cpsatt", "did you mean 'cpsat'"),
        ("tabuu", "known: anneal, auto, "),
        ("", "expected name[:argument]"),
        ("rule:mwkr+", "expected name[:argument]"),
        ("rule mwkr", "expected name[:argument]"),
        ("rule:mwkr,scheme", "expected name[:argument]"),
        ("rule:mwkr,a=1,a=2", "given twice"),
        ("cpsat,seconds=soon", "expect numbers"),
        ("cpsat,seconds=0", "above 0"),
        ("cpsat,seconds=nan", "above 0"),
        ("cpsat,iterations=-1", "above 0"),
        ("cpsat,iterations=1.5", "expect numbers"),
    ],
)
def test_a_spec_that_does_not_read_says_why(spec: str, words: str) -> None:
    """The message quotes the spec and says what was expected."""
    with pytest.raises(ValueError) as caught:
        parse_spec(spec)
    assert words in str(caught.value) and repr(spec) in str(caught.value)


def test_parameters_are_converted_by_the_types_of_the_fields() -> None:
    """The strings of a spec become ints, floats and booleans; an unknown one is named with the known ones."""
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Sampler:
        rule: str
        samples: int = 1
        alpha: float = 0.0
        justify: bool = False
        limit: int | None = None

    assert from_strings(Sampler, {"samples": "9", "alpha": ".5", "justify": "yes", "limit": "3"}, rule="spt") == (
        Sampler("spt", 9, 0.5, True, 3)
    )
    with pytest.raises(ValueError, match="unknown parameter 'sample', known: alpha, justify, limit, samples"):
        from_strings(Sampler, {"sample": "9"}, rule="spt")
    with pytest.raises(ValueError, match="samples: found 'x', expected int"):
        from_strings(Sampler, {"samples": "x"}, rule="spt")
    with pytest.raises(ValueError, match="justify: found 'maybe', expected true or false"):
        from_strings(Sampler, {"justify": "maybe"}, rule="spt")


def test_every_example_of_the_table_builds() -> None:
    """What ``makespan solvers`` and the completion show can be typed as it stands."""
    for entry in registry.SOLVERS.values():
        for example in entry.examples:
            for spec in parse_spec(example):
                method = registry.make_stage(spec)
                assert isinstance(method.supports, frozenset)


def test_a_chooser_takes_no_limits_of_its_own() -> None:
    """``auto`` stands for several stages; a limit on it would have no clear meaning."""
    with pytest.raises(ValueError, match="auto takes no limits of its own"):
        registry.make_stage(parse_spec("auto,seconds=5")[0])


def test_the_solver_of_the_documentation_works() -> None:
    """Who follows docs/adding_a_solver.md gets a solver: it is run as it stands there."""
    import re
    import sys
    import types
    from pathlib import Path

    from makespan.instances.sets import load
    from makespan.solvers.api import Budget, solve

    page = (Path(__file__).parents[2] / "docs" / "adding_a_solver.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code is not None
    module = types.ModuleType("documented")
    sys.modules["documented"] = module
    exec(code[1], module.__dict__)
    result = solve(load("ft06"), module.make(None, samples="3"), Budget(seconds=60))
    assert result.objective == 197 and result.iterations == 3
