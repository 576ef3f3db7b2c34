"""solve(): limits, failures, interruptions and proofs, played with stages made for the purpose."""

import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from makespan.instances.features import ALL_FEATURES
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.solvers import registry
from makespan.solvers.api import Budget, Event, InternalError, Result, Status, Unsupported, solve
from makespan.solvers.stage import Chooser, Context, Refused


@pytest.fixture
def crossed() -> Instance:
    """Job 0 visits machines 0, 1 (3, 2) and job 1 visits 1, 0 (4, 4): job 1 alone takes 8, which is optimal."""
    return Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [4, 4]], name="crossed")


SERIAL, GOOD, BEST = Schedule([0, 3, 5, 9]), Schedule([0, 4, 0, 6]), Schedule([0, 4, 0, 5])
"""Schedules of ``crossed`` with makespans 13, 10 and 9; none is optimal, so that no bound stops a script."""


@dataclass(frozen=True)
class Scripted:
    """Offers schedules and bounds in turn, then does what ``then`` says."""

    supports: ClassVar[frozenset[str]] = ALL_FEATURES
    steps: tuple[Any, ...] = ()
    then: str = "return"
    kernels: tuple[Any, ...] = ()

    def warm(self) -> None:
        pass

    def run(self, instance: Instance, context: Context) -> None:
        for step in self.steps:
            if isinstance(step, Schedule):
                context.count(1)
                context.offer(step)
            elif isinstance(step, Exception):
                raise step
            else:
                context.offer_bound(step)
        if self.then == "prove":
            context.prove_optimal()
        elif self.then == "sleep":
            time.sleep(30)
        elif self.then == "flood":
            while context.seconds() < 2:
                context.emit("log", message="still here")
        elif self.then == "wait":
            while not context.expired():
                time.sleep(0.001)


@dataclass(frozen=True)
class JobShopOnly(Scripted):
    supports: ClassVar[frozenset[str]] = frozenset()


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A table into which a test puts stages; ``solve(instance, "key+key")`` finds them there."""
    table: dict[str, Any] = {}
    monkeypatch.setattr(registry, "SOLVERS", dict(registry.SOLVERS))

    class Names(dict[str, Any]):
        def __setitem__(self, name: str, stage: Any) -> None:
            registry.SOLVERS[name] = registry.SolverEntry(name, f"{__name__}:_from_table", "")
            _TABLE[name] = stage
            monkeypatch.setattr(registry, "make_stage", lambda spec: _TABLE[spec.name])
            monkeypatch.setattr("makespan.solvers.plan.make_stage", lambda spec: _TABLE[spec.name])

    table = Names()
    return table


_TABLE: dict[str, Any] = {}


def test_the_best_of_what_was_offered_is_the_answer(crossed: Instance) -> None:
    """Worse schedules after a better one change nothing; without a proof the status is feasible."""
    result = solve(crossed, Scripted((SERIAL, BEST, GOOD)), Budget(iterations=10))
    assert (result.status, result.objective, result.schedule) == (Status.FEASIBLE, 9, BEST)
    assert [objective for _, objective, _ in result.trace if objective is not None] == [13, 9]


def test_only_a_proof_says_optimal(crossed: Instance) -> None:
    """A stage that has a proof may say so; the lower bound then equals the objective."""
    result = solve(crossed, Scripted((BEST,), "prove"))
    assert (result.status, result.lower_bound, result.gap) == (Status.OPTIMAL, 9, 0.0)


def test_a_bound_that_meets_the_objective_is_a_proof(crossed: Instance) -> None:
    """With one objective nothing can be better than the bound."""
    result = solve(crossed, Scripted((BEST, 9), "wait"), Budget(seconds=20))
    assert result.status is Status.OPTIMAL and result.seconds < 10


def test_a_bound_of_the_first_of_two_objectives_proves_nothing(crossed: Instance) -> None:
    """Among schedules with the best makespan another may have the better flow time."""
    both = crossed.replace(objective=("makespan", "flow_time"))
    result = solve(both, Scripted((BEST, 9)), Budget(iterations=5))
    assert (result.status, result.lower_bound) == (Status.FEASIBLE, 9)


def test_a_target_and_a_gap_end_the_run(crossed: Instance) -> None:
    """The stage would wait for the time limit; reaching what was asked for ends it long before."""
    for budget in (Budget(seconds=20, target=10), Budget(seconds=20, gap=0.3)):
        result = solve(crossed, Scripted((SERIAL, GOOD), "wait"), budget)
        assert result.objective == 10 and result.seconds < 10


@pytest.mark.parametrize("manner", ["sleep", "flood"])
def test_a_stubborn_stage_does_not_hold_up_the_answer(crossed: Instance, manner: str) -> None:
    """A stage that never looks at the clock, even one that floods the queue, is left behind with what it offered."""
    result = solve(crossed, Scripted((SERIAL,), manner), Budget(seconds=0.2))
    assert result.objective == 13 and 0.2 <= result.seconds < 15


def test_a_stubborn_stage_is_left_behind_after_a_proof_too(crossed: Instance) -> None:
    """Nothing is gained by waiting once the answer is known, whatever the time limit."""
    result = solve(crossed, Scripted((BEST, 9), "sleep"))
    assert result.status is Status.OPTIMAL and result.seconds < 15


def test_a_failing_stage_is_reported_and_the_next_one_goes_on(crossed: Instance, named: dict[str, Any]) -> None:
    """The rest of the chain still gives an answer, and the message tells what failed."""
    named["breaks"], named["works"] = Scripted((RuntimeError("no licence"),)), Scripted((BEST,))
    events: list[Event] = []
    result = solve(crossed, "breaks+works", Budget(iterations=5), on_event=events.append)
    assert (result.status, result.objective) == (Status.FEASIBLE, 9)
    assert result.message == "breaks: RuntimeError: no licence"
    assert [event.data["solver"] for event in events if event.kind == "stage"] == ["breaks", "works"]
    assert [event.data["message"] for event in events if event.kind == "failed"] == [result.message]


def test_a_chain_in_which_all_fail_is_an_error_not_unknown(crossed: Instance) -> None:
    """Unknown means that the limits were too tight; a failure is something else. The bound is kept."""
    result = solve(crossed, Scripted((6, RuntimeError("broken"))))
    assert result.status is Status.ERROR and "RuntimeError: broken" in result.message
    assert result.schedule is None and result.lower_bound is not None and result.lower_bound >= 6


def test_a_stage_that_refuses_has_not_failed(crossed: Instance, named: dict[str, Any]) -> None:
    """Too little memory is a limit like time: the schedule of the stage before stays, alone the status is unknown."""
    named["quick"], named["exact"] = Scripted((GOOD,)), Scripted((Refused("needs 90 GB of memory"),))
    result = solve(crossed, "quick+exact", Budget(iterations=5))
    assert (result.status, result.objective, result.message) == (Status.FEASIBLE, 10, "exact: needs 90 GB of memory")
    result = solve(crossed, "exact", Budget(iterations=5))
    assert (result.status, result.message) == (Status.UNKNOWN, "exact: needs 90 GB of memory")


def test_no_schedule_within_the_limits_is_unknown(crossed: Instance) -> None:
    """No infinity and no -1 stand for a missing schedule, and the bound is kept."""
    result = solve(crossed, Scripted((6,)))
    assert (result.status, result.schedule, result.objective) == (Status.UNKNOWN, None, None)
    assert result.lower_bound is not None and result.message == "no schedule found within the limits"


@pytest.mark.parametrize(
    "steps",
    [(BEST, Schedule([0, 0, 0, 0])), (BEST, 10), (10, BEST)],
    ids=["infeasible schedule", "bound above the objective", "objective below the bound"],
)
def test_a_broken_promise_is_an_error_whatever_else_was_found(crossed: Instance, steps: tuple[Any, ...]) -> None:
    """A solver that offers nonsense must never be hidden by a good schedule from another."""
    result = solve(crossed, Scripted(steps))
    assert result.status is Status.ERROR and "InternalError" in result.message


def test_a_stage_that_does_not_handle_a_field_is_refused_before_anything_runs(crossed: Instance) -> None:
    """The refusal names the field; no field is ever silently dropped."""
    late = crossed.replace(job_release=[0, 5])
    with pytest.raises(Unsupported, match=r"JobShopOnly does not handle release dates \(release\)"):
        solve(late, JobShopOnly((BEST,)))


def test_a_chooser_is_replaced_by_the_stages_it_chose(crossed: Instance, named: dict[str, Any]) -> None:
    """The result names what ran, which can be typed again."""

    class Chooses(Chooser):
        supports = ALL_FEATURES

        def choose(self, instance: Instance, budget: Budget, threads: int) -> str:
            return "first+second"

    named["decide"], named["first"], named["second"] = Chooses(), Scripted((GOOD,)), Scripted((BEST,))
    result = solve(crossed, "decide", Budget(iterations=5))
    assert (result.solver, result.objective, result.iterations) == ("first+second", 9, 2)


def test_lanes_share_what_they_find_and_end_together(crossed: Instance, named: dict[str, Any]) -> None:
    """A waiting lane sees the other's proof, and the result names both."""
    named["searcher"], named["prover"] = Scripted((GOOD,), then="wait"), Scripted((BEST,), then="prove")
    result = solve(crossed, "searcher~prover", Budget(seconds=20), threads=2)
    assert (result.solver, result.objective, result.status) == ("searcher~prover", 9, Status.OPTIMAL)
    assert result.found_by == "prover" and result.iterations == 2 and result.seconds < 10


def test_lanes_take_turns_on_one_thread(crossed: Instance, named: dict[str, Any]) -> None:
    """Each gets its share of the time, so that the first cannot starve the second."""
    named["searcher"], named["other"] = Scripted((GOOD,), then="wait"), Scripted((BEST,))
    result = solve(crossed, "searcher~other", Budget(seconds=1))
    assert result.objective == 9 and result.seconds >= 0.5


def test_threads_are_divided_among_lanes(crossed: Instance, named: dict[str, Any]) -> None:
    """The cap holds for everything that runs; each lane draws its own random numbers."""

    @dataclass(frozen=True)
    class Asks(Scripted):
        def run(self, instance: Instance, context: Context) -> None:
            seen.append((context.threads, int(context.rng().integers(1 << 30))))

    seen: list[tuple[int, int]] = []
    for name in ("a", "b"):
        named[name] = Asks()
    solve(crossed, "a~b", Budget(seconds=5), threads=3)
    assert sorted(threads for threads, _ in seen) == [1, 2] and len({drawn for _, drawn in seen}) == 2


def test_a_failing_lane_leaves_the_others(crossed: Instance, named: dict[str, Any]) -> None:
    """As in a chain: what failed is told, and the run goes on with what it has."""
    named["bad"], named["good"] = Scripted((ValueError("no"),)), Scripted((BEST,))
    result = solve(crossed, "bad~good", Budget(seconds=5), threads=2)
    assert (result.status, result.objective) == (Status.FEASIBLE, 9) and "bad: ValueError: no" in result.message


def test_lanes_of_a_chooser_stand_beside_the_stages_before_it(crossed: Instance, named: dict[str, Any]) -> None:
    """So that ``rule:best+auto`` means what it says."""

    class Chooses(Chooser):
        supports = ALL_FEATURES

        def choose(self, instance: Instance, budget: Budget, threads: int) -> str:
            return "second~third"

    named["decide"] = Chooses()
    for name in ("first", "second", "third"):
        named[name] = Scripted((GOOD,))
    assert solve(crossed, "first+decide", Budget(seconds=5), threads=2).solver == "first+second~third"


def test_a_stage_that_follows_the_last_iteration_does_not_start(crossed: Instance, named: dict[str, Any]) -> None:
    """An iteration budget is one budget for the whole chain."""
    named["first"], named["second"] = Scripted((GOOD,)), Scripted((BEST,))
    assert solve(crossed, "first+second", Budget(iterations=1)).objective == 10


def test_hints_are_checked_and_reported(crossed: Instance) -> None:
    """A good hint is an incumbent; one that breaks a rule is followed in its order; one for something else is rejected
    and does no harm."""
    accepted = solve(crossed, Scripted(), Budget(iterations=1), hint=GOOD)
    assert (accepted.hint, accepted.objective) == ("accepted", 10)
    repaired = solve(crossed, Scripted(), Budget(iterations=1), hint=Schedule([0, 2, 5, 6]))
    assert repaired.hint is not None and repaired.hint.startswith("repaired: ") and repaired.schedule == SERIAL
    short = solve(crossed, Scripted((SERIAL,)), Budget(iterations=1), hint=Schedule([0]))
    assert short.hint is not None and short.hint.startswith("rejected: ")


def test_an_infeasible_instance_is_refused_with_the_reason_and_no_stage_runs() -> None:
    """A demand above the capacity allows no schedule; the answer is negative, not an error."""
    tight = Instance.rcpsp([0, 2, 0], [[0], [5], [0]], [4], [[1], [2], []])
    result = solve(tight, Scripted((RuntimeError("must not run"),)))
    assert (result.status, result.schedule) == (Status.INFEASIBLE, None)
    assert "5" in result.message and "4" in result.message


def test_an_instance_without_tasks_is_solved(crossed: Instance) -> None:
    """Nothing to do takes no time."""
    empty = Instance.job_shop([], [])
    result = solve(empty, Scripted((Schedule([]),)), Budget(iterations=1))
    assert (result.status, result.objective) == (Status.OPTIMAL, 0)


@pytest.mark.parametrize("values", [{"seconds": 0}, {"iterations": 0}, {"gap": -0.1}, {"seconds": float("nan")}])
def test_senseless_budgets_are_refused(values: dict[str, Any]) -> None:
    """A limit of zero would be a run that never starts."""
    with pytest.raises(ValueError, match="budget"):
        Budget(**values)


INTERRUPTED = """
import sys, time
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.instances.features import ALL_FEATURES
from makespan.solvers.api import solve

class Endless:
    supports, kernels = ALL_FEATURES, ()
    def warm(self): pass
    def run(self, instance, context):
        context.offer(Schedule([0, 3, 5, 9]))
        while not context.expired():
            time.sleep(0.001)
        context.offer(Schedule([0, 4, 0, 5]))

def on_event(event):
    if event.kind == "solution":
        print("ready", flush=True)

crossed = Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [4, 4]])
result = solve(crossed, Endless(), on_event=on_event)
print(result.status, result.objective in (9, 13), result.interrupted)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process")
def test_ctrl_c_returns_the_best_schedule() -> None:
    """The run has no limit; Ctrl-C ends it and the answer is what was found."""
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert output.splitlines()[-1] == "feasible True True"


def test_a_listener_that_fails_ends_the_run_and_releases_what_it_holds(crossed: Instance) -> None:
    """A closed pipe behind ``on_event`` must not leave a child process behind."""
    released = []

    class Holds(Scripted):
        def run(self, instance: Instance, context: Context) -> None:
            context.on_close(lambda: released.append(True))
            super().run(instance, context)

    def fails(event: Event) -> None:
        if event.kind == "solution":
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        solve(crossed, Holds((GOOD,), "wait"), on_event=fails)
    assert released == [True]


LOOK = """
from makespan.instances.sets import load
from makespan.solvers.api import solve
from makespan.solvers.lower_bounds import KERNELS
from makespan.solvers.registry import make_stage, parse_spec
from makespan.solvers.stage import Context

class Looking(Context):
    def start_clock(self):
        kernels = (*KERNELS, *make_stage(parse_spec("rule:spt")[0]).kernels)
        print(all(kernel.signatures for kernel in kernels))
        super().start_clock()

import makespan.solvers.api
makespan.solvers.api.Context = Looking
solve(load("ft06"), "rule:spt")
"""


def test_nothing_is_left_to_compile_when_the_clock_starts() -> None:
    """Stages and bounds have kernels; with a cold cache they would use up a short limit before the first schedule."""
    run = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, timeout=300)
    assert run.stdout == "True\n", run.stderr


def test_results_say_how_they_came_about(crossed: Instance) -> None:
    """Seed, threads, budget, hash and versions are what is needed to run it again."""
    result: Result = solve(crossed, Scripted((BEST,)), Budget(iterations=3), seed=5, threads=2)
    assert (result.seed, result.threads, result.budget.iterations) == (5, 2, 3)
    assert result.instance_hash == crossed.digest and {"makespan", "numpy", "ortools"} <= set(result.versions)
    with pytest.raises(ValueError, match="threads is 0"):
        solve(crossed, Scripted(), threads=0)


def test_offers_from_a_closed_run_are_dropped(crossed: Instance) -> None:
    """A stage that was left behind may still offer; the answer is already out."""
    context = Context(crossed, Budget(), 0, 1)
    context.offer(GOOD)
    context.close()
    assert context.offer(BEST) is False and context.objectives == (10,)
    with pytest.raises(InternalError, match="infeasible schedule"):
        context.offer(Schedule([0, 0, 0, 0]))
