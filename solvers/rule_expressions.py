"""Priority rules written as expressions: ``(D + p) / (p + R)``, the least goes first.

An expression is kept in postfix form. It is read with Python's own grammar for ``+ - * /``, ``min``, ``max``,
parentheses, numbers and the letters of QUANTITIES; it is printed with no more parentheses than it takes to read back as
the same; and it is compiled into a program of integers that the dispatching kernels run at each decision.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from makespan.instances.instance import IntArray
from makespan.solvers.kernels.expressions import (
    ADD,
    ARRIVED,
    CONSTANT,
    DIVIDE,
    DUE_DATE,
    EARLIEST,
    EXPRESSION_SIZE,
    JOB_WEIGHT,
    LARGEST,
    LEAST,
    LIMIT,
    MEAN_TIME,
    MOST_DEPTH,
    MOST_TOKENS,
    MULTIPLY,
    NEGATE,
    NEXT_QUEUE,
    NEXT_TIME,
    NUM_LEFT,
    OWN_TIME,
    PLACES,
    PROGRAM,
    QUEUE,
    SPARE,
    SUBTRACT,
    TIME_AFTER,
    TIME_BEFORE,
    VALUE_BITS,
)

QUANTITIES: dict[str, tuple[int, str]] = {
    "p": (OWN_TIME, "duration of the operation"),
    "D": (TIME_BEFORE, "work of the job before the operation"),
    "R": (TIME_AFTER, "work of the job after the operation"),
    "n": (NUM_LEFT, "operations of the job left, with this one"),
    "x": (NEXT_TIME, "duration of the job's next operation, 0 after the last"),
    "a": (ARRIVED, "when the job can be at the machine"),
    "t": (EARLIEST, "when the operation can start"),
    "d": (DUE_DATE, "due date"),
    "s": (SPARE, "slack until the due date"),
    "w": (JOB_WEIGHT, "weight"),
    "P": (MEAN_TIME, "mean duration of all operations"),
    "Q": (QUEUE, "work that waits for the machine, this operation included"),
    "W": (NEXT_QUEUE, "work that waits for the machine of the job's next operation"),
}
"""What the letters stand for; work still to come counts at the shortest modes."""

BINARY = {"+": ADD, "-": SUBTRACT, "*": MULTIPLY, "/": DIVIDE, "min": LEAST, "max": LARGEST}
MINUS = "neg"
"""The token of a minus sign before one operand."""

FOLDER = Path(__file__).parent / "rules"
SUFFIX = ".rule"

_NODES: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_STRENGTH = {"+": 1, "-": 1, "*": 2, "/": 2}
_ATOM, _SIGNED = 4, 3
_LONGEST = 900  # characters: nested less deeply than Python's stack


@dataclass(frozen=True)
class Expression:
    """A rule in postfix form: letters, numbers as decimal text, operators, ``min``, ``max`` and MINUS.

    Raises ValueError where it is no expression, or has more than MOST_TOKENS tokens or needs more than MOST_DEPTH
    places of stack.
    """

    tokens: tuple[str, ...]

    def __post_init__(self) -> None:
        depth, most = 0, 0
        for token in self.tokens:
            taken = arity(token)
            if depth < taken:
                raise ValueError(f"expression: found {token!r} with {depth} operands, expected {taken}")
            depth += 1 - taken
            most = max(most, depth)
        if depth != 1:
            raise ValueError(f"expression: found {depth} values, expected 1")
        if len(self.tokens) > MOST_TOKENS:
            raise ValueError(f"expression: found {len(self.tokens)} tokens, expected at most {MOST_TOKENS}")
        if most > MOST_DEPTH:
            raise ValueError(f"expression: found {most} values at once, expected at most {MOST_DEPTH}")

    def __str__(self) -> str:
        parts = list[tuple[str, int]]()
        for token in self.tokens:
            count = arity(token)
            operands = parts[len(parts) - count :]
            del parts[len(parts) - count :]
            parts.append(_joined(token, operands))
        return parts[0][0]

    @property
    def size(self) -> int:
        """Number of tokens: a measure of how hard it is to read."""
        return len(self.tokens)

    @cached_property
    def program(self) -> IntArray:
        """Shape (EXPRESSION_SIZE,): what the kernels run, with room for its stack."""
        places = list[int]()
        for token in self.tokens:
            if token in QUANTITIES:
                places.append(QUANTITIES[token][0])
            elif token in BINARY:
                places.append(BINARY[token])
            elif token == MINUS:
                places.append(NEGATE)
            else:
                places += [CONSTANT, scaled(token)]
        program = np.zeros(EXPRESSION_SIZE, np.int64)
        program[PLACES] = len(places)
        program[PROGRAM : PROGRAM + len(places)] = places
        program.setflags(write=False)
        return program


def arity(token: str) -> int:
    """How many operands a token takes."""
    return 2 if token in BINARY else int(token == MINUS)


def scaled(number: str) -> int:
    """A decimal number in the kernels' unit, rounded down, held within their limits."""
    return min(LIMIT, int(Fraction(number) * 2**VALUE_BITS // 1))


@lru_cache(maxsize=1 << 16)
def parse_expression(text: str) -> Expression:
    """The expression that ``text`` says. Raises ValueError naming what was not understood."""
    if len(text) > _LONGEST:
        raise ValueError(f"expression: found {len(text)} characters, expected at most {_LONGEST}")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"expression: found {text!r} ({error}), expected such as (D + p) / (p + R)") from None
    tokens = list[str]()
    _append(tree.body, text, tokens)
    return Expression(tuple(tokens))


def looks_like_expression(text: str) -> bool:
    """Whether it is more than a name: one letter of QUANTITIES, or what could not be one."""
    return text in QUANTITIES or (text != "" and not text.isidentifier())


def rule_text(argument: str) -> str:
    """The expression behind what a user typed after ``rule:``: that of a file, of a named file, or the text itself.

    Raises ValueError if a file is missing or holds no expression.
    """
    path = FOLDER / f"{argument}{SUFFIX}" if argument in found_rules() else Path(argument)
    return str(read_rule(path)) if path.suffix == SUFFIX else argument


def found_rules() -> list[str]:
    """Names of the evolved rules that come along."""
    return sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))


def read_rule(path: Path) -> Expression:
    """The expression in a text file: its one line that is neither empty nor a comment (``#``)."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from None
    kept = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip() and line.strip()[0] != "#"]
    if len(kept) != 1:
        raise ValueError(f"{path}: found {len(kept)} lines that are no comments, expected 1 with an expression")
    number, text = kept[0]
    try:
        return parse_expression(text)
    except ValueError as error:
        raise ValueError(f"{path}:{number}: {error}") from None


def write_rule(path: Path, expression: Expression, *comments: str) -> None:
    """Write a file that ``read_rule`` reads."""
    path.write_text("".join(f"# {line}\n" for line in comments) + f"{expression}\n", encoding="utf-8")


def _append(node: ast.expr, text: str, tokens: list[str]) -> None:
    """Append the postfix form of a part of the tree."""
    if isinstance(node, ast.BinOp) and type(node.op) in _NODES:
        operands, token = [node.left, node.right], _NODES[type(node.op)]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        operands, token = [node.operand], MINUS
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("min", "max"):
        if len(node.args) != 2 or node.keywords:
            raise ValueError(f"expression: found {node.func.id} of {len(node.args)} in {text!r}, expected of 2")
        operands, token = node.args, node.func.id
    elif isinstance(node, ast.Name) and node.id in QUANTITIES:
        operands, token = [], node.id
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        operands, token = [], ast.get_source_segment(text.strip(), node) or str(node.value)
        try:
            Fraction(token)
        except ValueError:
            raise ValueError(f"expression: found the number {token!r} in {text!r}, expected a decimal one") from None
    else:
        found = ast.get_source_segment(text.strip(), node)
        raise ValueError(
            f"expression: found {found!r} in {text!r}, expected numbers, + - * / min max and letters among "
            f"{' '.join(QUANTITIES)}"
        )
    for each in operands:
        _append(each, text, tokens)
    tokens.append(token)


def _joined(token: str, operands: list[tuple[str, int]]) -> tuple[str, int]:
    """Text and strength of an operator with its operands; what is weaker than its place needs goes in parentheses."""
    if not operands:
        return token, _ATOM
    if token == MINUS:
        return f"-{_guarded(operands[0], _SIGNED)}", _SIGNED
    (left, right), strength = operands, _STRENGTH.get(token)
    if strength is None:
        return f"{token}({left[0]}, {right[0]})", _ATOM
    return f"{_guarded(left, strength)} {token} {_guarded(right, strength + 1)}", strength


def _guarded(part: tuple[str, int], needed: int) -> str:
    return part[0] if part[1] >= needed else f"({part[0]})"
