"""Exit codes, the errors behind them, and the worst of several."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable

OK, NEGATIVE, USAGE, NO_SCHEDULE, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 4, 130

_FROM_BEST_TO_WORST = (OK, NEGATIVE, NO_SCHEDULE, USAGE, INTERNAL, INTERRUPTED)

_USERS = (
    ("cyclopts", "CycloptsError"),
    ("makespan.instances.errors", "InputError"),
    ("makespan.solvers.api", "Unsupported"),
)


class UsageError(Exception):
    """What the user typed cannot be done; the message is one line for stderr."""


def worst(codes: Iterable[int]) -> int:
    """The code for several files: 130 before 4 before 2 before 3 before 1 before 0."""
    return max(codes, key=_FROM_BEST_TO_WORST.index, default=OK)


def code_of(error: Exception) -> int:
    """Report an error on stderr and return its exit code; anything but bad input counts as a bug and shows where.

    A closed pipe is nobody's error and no reader is left for the rest: it is raised again."""
    if isinstance(error, BrokenPipeError):
        raise error
    if is_users(error):
        print(f"makespan: {error_line(error)}", file=sys.stderr)
        return USAGE
    traceback.print_exception(error)
    print("makespan: internal error, please report the lines above", file=sys.stderr)
    return INTERNAL


def is_users(error: Exception) -> bool:
    """Whether the error lies in the command, a file or the machine, not in the program."""
    if isinstance(error, UsageError | OSError | MemoryError):
        return True
    # Asked by module name: who has not imported these modules cannot have raised their errors.
    return any(
        module in sys.modules and isinstance(error, getattr(sys.modules[module], name)) for module, name in _USERS
    )


def error_line(error: Exception) -> str:
    """The error on one line."""
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split())
