"""Scheduling solver suite for job shops and resource-constrained projects.

The code lives in ``instances/``, ``solvers/``, ``envs/``, ``policies/`` and ``eval/`` at the
repository root. A built wheel holds them inside this package as real folders. In a checkout
they are links, kept for editors and type checkers only: at run time the lines below make
Python take the real folders, so tracebacks, breakpoints and coverage name ``solvers/x.py``.
Where git wrote no links (Windows without the permission), only type checking misses them.
"""

from pathlib import Path as _Path
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_here = _Path(__file__).resolve().parent
if (_here / "envs").is_symlink() or not (_here / "envs").is_dir():
    __path__.insert(0, str(_here.parent))

# Names are imported when first used: ``import makespan`` stays quick, and parsing a file
# needs NumPy alone.
_HOME = {
    "load": "makespan.instances.sets",
    "load_set": "makespan.instances.sets",
    "best_known": "makespan.instances.bounds",
    "generate": "makespan.instances.generators",
    "Instance": "makespan.instances.instance",
    "Schedule": "makespan.instances.schedule",
    "check": "makespan.instances.check",
    "solve": "makespan.solvers.api",
    "Budget": "makespan.solvers.api",
    "Result": "makespan.solvers.api",
    "Status": "makespan.solvers.api",
}

__all__ = [
    "Budget",
    "Instance",
    "Result",
    "Schedule",
    "Status",
    "best_known",
    "check",
    "generate",
    "load",
    "load_set",
    "solve",
]

if TYPE_CHECKING:
    from makespan.instances.bounds import best_known
    from makespan.instances.check import check
    from makespan.instances.generators import generate
    from makespan.instances.instance import Instance
    from makespan.instances.schedule import Schedule
    from makespan.instances.sets import load, load_set
    from makespan.solvers.api import Budget, Result, Status, solve


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'makespan' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
