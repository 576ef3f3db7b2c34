"""Large-neighbourhood search: CP-SAT re-optimises some tasks at a time, the others keep their partial order."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from makespan.instances.check import check
from makespan.instances.features import ALL_FEATURES, unsupported
from makespan.instances.instance import Instance, IntArray
from makespan.instances.schedule import Schedule, objective_values
from makespan.solvers.cp_sat import memory
from makespan.solvers.cp_sat.conversation import POLL_SECONDS, ChildFailed, Line, TooLargeForMemory, deadline
from makespan.solvers.cp_sat.parent import prepare_child
from makespan.solvers.cp_sat.search import Outcome, Report, Request
from makespan.solvers.cp_sat.stage import text_format
from makespan.solvers.cp_sat.tasks import Kept
from makespan.solvers.kernels.heads_tails import raise_along_arcs
from makespan.solvers.neighbourhoods import Chooser, choose_tasks, picture
from makespan.solvers.partial_order import Order, partial_order
from makespan.solvers.registry import from_strings, make_stage, parse_spec
from makespan.solvers.stage import Budget, Context, Stage
from makespan.solvers.subproblem import Part, cut_out, put_back
from makespan.solvers.time_shift import frame, moves_freely, shift_left

FIRST = ("rule:best", "sgs:best")
"""Quick methods for a first schedule; CP-SAT looks for one where none of them handles the instance."""

LAST_SECONDS = 0.3
"""How long after the limit a helping thread is waited for; one whose child is still starting ends by itself later."""

MOST_FAILURES = 3
"""Failed children, one after the other, before a search gives up."""


@dataclass(frozen=True)
class Lns:
    """Windows of tasks are set free one after the other and re-optimised by CP-SAT under a strict cut.

    Starts from the incumbent, else from the quick methods of FIRST, else from a first schedule by CP-SAT (which may
    prove that there is none). One window is one iteration. As many windows at a time as the run has threads, each in a
    child process of one worker; they share the incumbent. With one thread and a limit of iterations (none of seconds)
    the run is the same every time. A window that held all tasks and was solved to its proof proves the whole.

    Parameters
    ----------
    size
        Tasks set free in the first windows; adapts.
    ticks
        CP-SAT's deterministic time for one window, in thousandths of its second.
    model
        Tasks of the largest model. An instance with more is cut into parts, but for permutation shops.
    params
        Parameters of CP-SAT, as for ``cpsat``.
    """

    supports: ClassVar[frozenset[str]] = ALL_FEATURES

    size: int = 40
    ticks: int = 100
    model: int = 400
    params: str = "linearization_level:0"

    def __post_init__(self) -> None:
        for name in ("size", "ticks", "model"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected 1 or more")
        text_format(self.params)

    @property
    def kernels(self) -> tuple[Any, ...]:
        return raise_along_arcs, *(kernel for spec in FIRST for kernel in _stage(spec).kernels)

    def warm(self) -> None:
        """Start a child, and compile what makes a first schedule."""
        prepare_child()
        for spec in FIRST:
            _stage(spec).warm()
        toy = Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [2, 4]])
        Lns(model=1).run(toy, Context(toy, Budget(iterations=2), 0, 1))

    def run(self, instance: Instance, context: Context) -> None:
        """Raises ChildFailed or TooLargeForMemory when no further window can be solved; what was found stays."""
        if context.incumbent is None:
            _find_first(self, instance, context)
        if context.incumbent is None or context.expired():
            return
        searches = [_Windows(self, instance, context, number) for number in range(context.threads)]
        helpers = [threading.Thread(target=each.run, name="makespan-lns", daemon=True) for each in searches[1:]]
        for helper in helpers:
            helper.start()
        searches[0].run()
        for helper in helpers:
            while helper.is_alive() and not context.expired():
                helper.join(POLL_SECONDS)
            helper.join(LAST_SECONDS)
        errors = [each.error for each in searches if each.error is not None]
        if errors:
            raise errors[0]


def make(argument: str | None, **parameters: str) -> Lns:
    """The stage of ``lns[,key=value…]``. Raises ValueError with a sentence."""
    if argument is not None:
        raise ValueError(f"found {argument!r} after the colon, expected nothing")
    return from_strings(Lns, parameters)


def _stage(spec: str) -> Stage:
    stage = make_stage(parse_spec(spec)[0])
    assert isinstance(stage, Stage)
    return stage


def _find_first(stage: Lns, instance: Instance, context: Context) -> None:
    """A first schedule: the best of a quick method, or what CP-SAT finds first; or the proof that there is none."""
    for spec in FIRST:
        if unsupported(instance, _stage(spec).supports, spec) is None:
            _stage(spec).run(instance, context)
        if context.incumbent is not None or context.expired():
            return
    sentence = memory.refusal(instance, 1)
    if sentence:
        raise TooLargeForMemory(sentence)
    line = Line(context)
    report = Report(context.offer, context.offer_bound, lambda text: None)
    # A search for the best comes upon its first one as quickly, and that is a fraction of any schedule's makespan; but
    # where jobs block, it gets lost.
    request = Request(
        instance,
        deadline=deadline(context.remaining()),
        seed=context.seed,
        parameters=text_format("stop_after_first_solution:true"),
        minimise=not instance.blocking,
    )
    try:
        outcome = _ask(line, request, report, context)
    finally:
        line.hang_up()
    if outcome is not None and outcome.proof == "infeasible":
        context.prove_infeasible("CP-SAT proved that no schedule exists")


def _ask(line: Line, request: Request, report: Report, context: Context) -> Outcome | None:
    """Ask a child; one that fails is reported and replaced, MOST_FAILURES times at most."""
    for failures in range(1, MOST_FAILURES + 1):
        try:
            return line.ask(request, report)
        except ChildFailed as error:
            if context.expired():
                return None
            if failures == MOST_FAILURES:
                raise
            context.emit("failed", message=f"lns: {error}")
    return None


class _Window(NamedTuple):
    """A request, and the part of the instance it speaks of; None for the whole."""

    request: Request
    part: Part | None


class _Windows:
    """One window after the other, in one child process."""

    def __init__(self, stage: Lns, instance: Instance, context: Context, number: int) -> None:
        self.stage, self.instance, self.context = stage, instance, context
        self.rng = context.rng(number)
        self.seed = context.seed + 1000 * number
        self.chooser = Chooser(stage.size)
        self.line = Line(context)
        self.error: Exception | None = None
        self.base = Schedule(np.zeros(0, np.int64))
        self.values: tuple[int, ...] | None = None
        self.fits = instance.num_tasks <= stage.model or instance.permutation

    def run(self) -> None:
        try:
            while not self.context.expired():
                self._solve_window()
        except Exception as error:
            self.error = error
        finally:
            self.line.hang_up()

    def _solve_window(self) -> None:
        instance, context = self.instance, self.context
        self._look(context.incumbent)
        kind, size = self.chooser.draw(self.rng)
        window = self._window(choose_tasks(kind, size, instance, self.seen, self.rng))
        if window is None:
            context.count(1)
            self.chooser.learn(kind, improved=False, proved=False, effort=1000)
            return
        found: list[Schedule] = []
        outcome = _ask(self.line, window.request, Report(found.append, _ignore, _ignore), context)
        improved = bool(found) and self._take(window, found[-1])
        context.count(1)
        if outcome is None:
            return
        proved = outcome.proof == "optimal"
        if proved and window.request.kept is None:
            self._settle(found[-1] if found else self.base)
        self.chooser.learn(kind, improved, proved, 1000 * outcome.ticks // self.stage.ticks)

    def _look(self, incumbent: Schedule | None) -> None:
        """Take up an incumbent that is better than the own one."""
        assert incumbent is not None
        values = objective_values(self.instance, incumbent)
        if self.values is None or values < self.values:
            self._go_on_from(incumbent, values)

    def _go_on_from(self, base: Schedule, values: tuple[int, ...]) -> None:
        self.base, self.values = base, values
        order = self._order(base)
        self.seen = picture(self.instance, base, order)
        if not self.fits:
            self.frame = frame(self.instance, base, order)

    def _order(self, schedule: Schedule) -> Order:
        everyone = np.ones(self.instance.num_tasks, np.bool_)
        return partial_order(self.instance, schedule, schedule.end(self.instance), everyone, self.rng)

    def _window(self, free: IntArray) -> _Window | None:
        """The window that sets ``free`` tasks free, or fewer of them if its model would be too large."""
        instance, base = self.instance, self.base
        if self.fits:
            kept = None
            if free.size < instance.num_tasks:
                among = np.ones(instance.num_tasks, np.bool_)
                among[free] = False
                kept = Kept(among, *partial_order(instance, base, self.seen.end, among, self.rng)[:3])
            return _Window(self._request(instance, base, kept), None)
        while free.size:
            part = cut_out(instance, self.frame, free, self.stage.model)
            if part is not None:
                return _Window(self._request(part.instance, part.schedule, part.kept), part)
            middle = self.seen.start[free[self.rng.integers(free.size)]]
            near = np.argsort(np.abs(self.seen.start[free] - middle), kind="stable")
            free = np.sort(free[near[: free.size // 2]])
        return None

    def _request(self, instance: Instance, start: Schedule, kept: Kept | None) -> Request:
        self.seed += 1
        context = self.context
        return Request(
            instance,
            deadline=deadline(context.remaining()),
            ticks=self.stage.ticks,
            seed=self.seed,
            deterministic=True,
            parameters=text_format(self.stage.params),
            start=start.start,
            mode=start.mode,
            lower_bound=context.lower_bound if instance is self.instance else None,
            cut=True,
            kept=kept,
        )

    def _take(self, window: _Window, found: Schedule) -> bool:
        """Go on from the whole schedule that a window's solution makes, if it is no worse; whether it is better."""
        if window.part is not None:
            found = put_back(self.instance, self.frame, window.part, found)
            if check(self.instance, found):
                return False
            if moves_freely(self.instance):
                found = shift_left(self.instance, found, self._order(found))
        values, before = objective_values(self.instance, found), self.values
        if before is not None and values > before:
            return False
        self._go_on_from(found, values)
        return values != before and self.context.offer(found)

    def _settle(self, schedule: Schedule) -> None:
        """All tasks were free and nothing better exists."""
        if objective_values(self.instance, schedule) == self.context.objectives:
            self.context.prove_optimal()


def _ignore(value: object) -> None:
    """What windows report beside schedules speaks of the window alone."""
