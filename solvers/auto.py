"""The solver ``auto``: chooses stages by what the instance holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from makespan.instances.features import ALL_FEATURES, unsupported
from makespan.instances.instance import Instance
from makespan.solvers.registry import make_stage, parse_spec
from makespan.solvers.stage import Chooser, Stage

FIRST = ("rule:best", "sgs:best")
"""Quick methods, shops before projects: the first that handles the instance gives CP-SAT a schedule to start from, and
the answer where CP-SAT finds none."""

LAST = "cpsat"


@dataclass(frozen=True)
class Auto(Chooser):
    """The first quick method of FIRST that handles every field of the instance, then CP-SAT."""

    supports: ClassVar[frozenset[str]] = ALL_FEATURES

    @property
    def kernels(self) -> tuple[Any, ...]:
        return tuple(kernel for spec in FIRST for kernel in _stage(spec).kernels)

    def warm(self) -> None:
        for spec in FIRST:
            _stage(spec).warm()

    def choose(self, instance: Instance) -> str:
        """The spec of the stages that fit the instance. O(1) once its features are known."""
        for spec in FIRST:
            if unsupported(instance, _stage(spec).supports, spec) is None:
                return f"{spec}+{LAST}"
        return LAST


def make(argument: str | None, **parameters: str) -> Auto:
    """Build from a spec; ``auto`` takes neither argument nor parameters. Raises ValueError."""
    if argument is not None or parameters:
        raise ValueError("auto takes no argument and no parameters")
    return Auto()


def _stage(spec: str) -> Stage | Chooser:
    return make_stage(parse_spec(spec)[0])
