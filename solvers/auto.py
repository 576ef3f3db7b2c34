"""The solver ``auto``: chooses stages by what the instance holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from makespan.instances.features import ALL_FEATURES, unsupported
from makespan.instances.instance import Instance
from makespan.solvers.registry import make_stage, parse_spec
from makespan.solvers.stage import Budget, Chooser

FIRST = ("rule:best", "sgs:best")
"""Quick methods, shops before projects: the first that handles the instance gives CP-SAT a schedule to start from, and
the answer where CP-SAT finds none."""

LAST = "cpsat"


@dataclass(frozen=True)
class Auto(Chooser):
    """The first quick method of FIRST that handles every field of the instance, then CP-SAT."""

    supports: ClassVar[frozenset[str]] = ALL_FEATURES

    def choose(self, instance: Instance, budget: Budget, threads: int) -> str:
        """The spec of the stages that fit the instance. O(1) once its features are known."""
        for spec in FIRST:
            if unsupported(instance, make_stage(parse_spec(spec)[0]).supports, spec) is None:
                return f"{spec}+{LAST}"
        return LAST


def make(argument: str | None, **parameters: str) -> Auto:
    """Build from a spec; ``auto`` takes neither argument nor parameters. Raises ValueError."""
    if argument is not None or parameters:
        raise ValueError("auto takes no argument and no parameters")
    return Auto()
