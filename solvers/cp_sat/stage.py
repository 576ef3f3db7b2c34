"""The stage ``cpsat``: hands the instance to a child process and passes on what it finds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from makespan.instances.features import ALL_FEATURES
from makespan.instances.instance import Instance
from makespan.solvers.cp_sat import memory
from makespan.solvers.cp_sat.conversation import ChildFailed, Line, TooLargeForMemory, deadline
from makespan.solvers.cp_sat.parent import prepare_child
from makespan.solvers.cp_sat.search import Report, Request
from makespan.solvers.registry import from_strings
from makespan.solvers.stage import Context

__all__ = ["ChildFailed", "CpSat", "TooLargeForMemory", "make", "text_format"]

_PARAMETER = re.compile(r"(?P<key>[a-z][a-z0-9_]*):(?P<value>[A-Za-z0-9_.\-]+)")


@dataclass(frozen=True)
class CpSat:
    """CP-SAT on as many workers as the run has threads, for every problem class and field.

    Parameters
    ----------
    seed
        Instead of the seed of the run.
    log
        Pass on CP-SAT's own log as events.
    deterministic
        One worker. With a limit of iterations the run is then the same every time: TICKS_PER_SECOND iterations are one
        second of CP-SAT's deterministic time.
    cut
        Ask CP-SAT for better than the incumbent instead of no worse: proves faster, searches worse.
    slice
        Seconds after which the child begins anew with the incumbent of that moment.
    first
        Stop at the first schedule.
    params
        Parameters of CP-SAT: ``linearization_level:2/symmetry_level:0``; a list is filled by naming it repeatedly.
    """

    supports: ClassVar[frozenset[str]] = ALL_FEATURES
    name: ClassVar[str] = "cpsat"

    seed: int | None = None
    log: bool = False
    deterministic: bool = False
    cut: bool = False
    slice: float | None = None
    first: bool = False
    params: str = ""

    def __post_init__(self) -> None:
        if self.slice is not None and not self.slice > 0:
            raise ValueError(f"slice: found {self.slice}, expected seconds above 0")
        if self.params:
            _check_parameters(self.params)

    @property
    def kernels(self) -> tuple[Any, ...]:
        return ()

    def warm(self) -> None:
        """Start a child, so that its imports are done before the clock runs."""
        prepare_child()

    def run(self, instance: Instance, context: Context) -> None:
        """Raises TooLargeForMemory or ChildFailed; what was found before stays."""
        sentence = memory.refusal(instance, self._workers(context))
        if sentence:
            raise TooLargeForMemory(sentence)
        line = Line(context)
        report = Report(context.offer, context.offer_bound, lambda text: context.emit("log", message=text))
        try:
            while not context.expired():
                outcome = line.ask(self._request(instance, context), report)
                if outcome is None:
                    return
                context.count(outcome.ticks)
                if outcome.proof == "optimal":
                    context.prove_optimal()
                elif outcome.proof == "infeasible":
                    context.prove_infeasible("CP-SAT proved that no schedule exists")
                if outcome.proof is not None or self.slice is None:
                    return
        finally:
            line.hang_up()

    def _workers(self, context: Context) -> int:
        return 1 if self.deterministic else context.threads

    def _request(self, instance: Instance, context: Context) -> Request:
        seconds = min(context.remaining(), float("inf") if self.slice is None else self.slice)
        incumbent = context.incumbent
        return Request(
            instance=instance,
            deadline=deadline(seconds),
            ticks=context.remaining_iterations(),
            workers=self._workers(context),
            seed=context.seed if self.seed is None else self.seed,
            log=self.log,
            deterministic=self.deterministic,
            parameters=text_format(self.params),
            start=None if incumbent is None else incumbent.start,
            mode=None if incumbent is None else incumbent.mode,
            lower_bound=context.lower_bound,
            cut=self.cut,
            minimise=not self.first,
        )


def make(argument: str | None, **parameters: str) -> CpSat:
    """The stage of ``cpsat[,key=value…]``."""
    if argument is not None:
        raise ValueError(f"found {argument!r} after the colon, expected nothing")
    return from_strings(CpSat, parameters)


def text_format(params: str) -> str:
    """``key:value/key:value`` in the text format of CP-SAT's parameters: words in small letters are strings."""
    parts = []
    for part in filter(None, params.split("/")):
        match = _PARAMETER.fullmatch(part)
        if match is None:
            raise ValueError(f"params: found {part!r}, expected key:value, several joined by /")
        key, value = match["key"], match["value"]
        is_word = value[0].isalpha() and value not in ("true", "false", "inf") and value != value.upper()
        parts.append(f'{key}: "{value}"' if is_word else f"{key}: {value}")
    return " ".join(parts)


def _check_parameters(params: str) -> None:
    text = text_format(params)
    from ortools.sat.python import cp_model

    if not cp_model.CpSolver().parameters.merge_text_format(text):
        raise ValueError(f"params: CP-SAT does not know {params!r}")
