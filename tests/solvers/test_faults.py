"""Faults: whatever breaks in one stage, the run goes on with what it has and says what broke."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from makespan.instances.check import check
from makespan.instances.features import ALL_FEATURES
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.solvers import registry
from makespan.solvers.api import Budget, Event, Result, Status, solve
from makespan.solvers.cp_sat import parent
from makespan.solvers.frames import write_frame
from makespan.solvers.registry import SolverEntry, make_stage
from makespan.solvers.stage import Context

SERIAL, GOOD, BEST = Schedule([0, 3, 5, 9]), Schedule([0, 4, 0, 6]), Schedule([0, 4, 0, 5])
"""Schedules of ``crossed`` with makespans 13, 10 and 9; 8 is optimal."""

CLASH = Schedule([0, 0, 0, 0])


@pytest.fixture
def crossed() -> Instance:
    """Job 0 visits machines 0, 1 (3, 2) and job 1 visits 1, 0 (4, 4)."""
    return Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [4, 4]], name="crossed")


def hard_shop() -> Instance:
    """One that CP-SAT does not finish in the seconds of a test."""
    rng = np.random.default_rng(7)
    return Instance.job_shop([rng.permutation(15) for _ in range(30)], [rng.integers(1, 100, 15) for _ in range(30)])


@dataclass(frozen=True)
class Plays:
    """A stage that does what a function says; ``prepare`` is its warm-up."""

    supports: ClassVar[frozenset[str]] = ALL_FEATURES
    act: Callable[[Context], object]
    prepare: Callable[[], None] = lambda: None
    kernels: tuple[Any, ...] = ()

    def warm(self) -> None:
        self.prepare()

    def run(self, instance: Instance, context: Context) -> None:
        self.act(context)


def offers(schedule: Schedule) -> Plays:
    return Plays(lambda context: context.offer(schedule))


def raises(error: BaseException) -> Callable[..., Any]:
    def act(*_: object) -> None:
        raise error

    return act


Run = Callable[..., tuple[Result, list[str]]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """``run(instance, "a+b", a=stage, b=stage)``: the result, and the messages of the events ``failed``."""

    def call(
        instance: Instance, solver: str, budget: Budget | None = None, **stages: Plays
    ) -> tuple[Result, list[str]]:
        rows = {name: SolverEntry(name, "nowhere:nothing", "") for name in stages}
        monkeypatch.setattr(registry, "SOLVERS", registry.SOLVERS | rows)
        monkeypatch.setattr("makespan.solvers.plan.make_stage", lambda spec: stages.get(spec.name) or make_stage(spec))
        failed: list[str] = []

        def listen(event: Event) -> None:
            if event.kind == "failed":
                failed.append(event.data["message"])

        return solve(instance, solver, budget or Budget(seconds=20), on_event=listen), failed

    return call


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("no licence"), "bad: RuntimeError: no licence"),
        (MemoryError(), "bad: MemoryError"),
        (RecursionError("too deep"), "bad: RecursionError: too deep"),
        (KeyError("machine"), "bad: KeyError: 'machine'"),
    ],
)
def test_a_stage_that_raises_is_reported_and_the_chain_goes_on(
    crossed: Instance, run: Run, error: Exception, words: str
) -> None:
    """Before and behind it the other stages count; alone it is an error."""
    result, failed = run(
        crossed, "first+bad+last", Budget(), first=offers(SERIAL), bad=Plays(raises(error)), last=offers(GOOD)
    )
    assert (result.status, result.schedule, result.message) == (Status.FEASIBLE, GOOD, words)
    assert failed == [words]
    result, failed = run(crossed, "bad", Budget(), bad=Plays(raises(error)))
    assert (result.status, result.schedule, result.message, failed) == (Status.ERROR, None, words, [words])


def test_a_proof_stands_although_another_stage_failed(crossed: Instance, run: Run) -> None:
    """What was proved before or after is not put in doubt by a crash; the crash is told all the same."""
    result, failed = run(crossed, "bad+cpsat", bad=Plays(raises(MemoryError())))
    assert (result.status, result.objective, result.message) == (Status.OPTIMAL, 8, "bad: MemoryError")
    assert failed == ["bad: MemoryError"]


def test_a_stage_that_cannot_get_ready_is_left_out(crossed: Instance, run: Run) -> None:
    """Its warm-up fails before the clock starts: it never runs, and the rest of the chain does."""
    unready = Plays(raises(AssertionError("must not run")), raises(OSError("no process left")))
    result, failed = run(crossed, "bad+good", Budget(), bad=unready, good=offers(GOOD))
    assert (result.status, result.schedule) == (Status.FEASIBLE, GOOD)
    assert result.message == "bad: OSError: no process left" and failed == [result.message]
    result, _ = run(crossed, "bad", Budget(), bad=unready)
    assert (result.status, result.message) == (Status.ERROR, "bad: OSError: no process left")


def test_an_infeasible_schedule_is_an_error_though_the_chain_goes_on(crossed: Instance, run: Run) -> None:
    """What the others found is kept, for whoever wants it; the status says that a promise was broken."""
    result, failed = run(
        crossed, "first+bad+last", Budget(), first=offers(SERIAL), bad=offers(CLASH), last=offers(BEST)
    )
    assert result.status is Status.ERROR and result.schedule == BEST
    assert failed == [result.message] and result.message.startswith("bad: InternalError: bad: infeasible schedule: ")


def test_a_wrong_claim_of_infeasibility_is_an_error(crossed: Instance, run: Run) -> None:
    """A checked schedule refutes it."""
    wrong = Plays(lambda context: context.prove_infeasible("no machine"))
    result, _ = run(crossed, "first+wrong", Budget(), first=offers(SERIAL), wrong=wrong)
    assert result.status is Status.ERROR and "yet a checked schedule exists" in result.message


def test_several_failures_are_all_told(crossed: Instance, run: Run) -> None:
    """In the order in which they came."""
    result, failed = run(
        crossed,
        "a+b+good",
        Budget(),
        a=Plays(raises(ValueError("x"))),
        b=Plays(raises(OSError("y"))),
        good=offers(GOOD),
    )
    assert result.message == "a: ValueError: x; b: OSError: y" and failed == ["a: ValueError: x", "b: OSError: y"]


def test_a_stage_that_ignores_the_stop_flag_ends_with_the_run(crossed: Instance, run: Run) -> None:
    """It is left behind at the limit with what it offered before, and a stage after it never starts."""
    begun: list[str] = []

    def stubborn(context: Context) -> None:
        context.offer(SERIAL)
        time.sleep(30)

    result, _ = run(
        crossed,
        "stubborn+late",
        Budget(seconds=0.2),
        stubborn=Plays(stubborn),
        late=Plays(lambda _: begun.append("late")),
    )
    assert (result.status, result.schedule, begun) == (Status.FEASIBLE, SERIAL, [])
    assert result.seconds < 15


def test_a_lane_that_breaks_does_not_break_the_one_beside_it(crossed: Instance, run: Run) -> None:
    """Side by side as one after the other: the failure is told, the other lane's schedule is the answer."""

    def waits(context: Context) -> None:
        while not failed.is_set() and not context.expired():
            time.sleep(0.001)
        context.offer(GOOD)

    def breaks(context: Context) -> None:
        failed.set()
        raise MemoryError

    failed = threading.Event()
    result, told = run(
        crossed, "bad+after~good", Budget(seconds=20), bad=Plays(breaks), after=offers(BEST), good=Plays(waits)
    )
    assert (result.status, result.schedule, result.message) == (Status.FEASIBLE, BEST, "bad: MemoryError")
    assert told == ["bad: MemoryError"] and result.seconds < 15


# -- the child process of CP-SAT ---------------------------------------------------------------------


def test_a_child_killed_in_mid_run_leaves_its_schedule_to_the_next_stage(run: Run) -> None:
    """SIGKILL, as by the kernel when memory runs out: the next stage starts from what CP-SAT had found."""
    shop, seen = hard_shop(), []
    parent.prepare_child()
    child = parent._idle[0]

    def kill(context: Context) -> None:
        """Ahead of CP-SAT in the chain: strikes when its first schedule is in."""

        def strike() -> None:
            while context.incumbent is None and not context.expired():
                time.sleep(0.01)
            os.kill(child.pid, signal.SIGKILL)

        threading.Thread(target=strike, daemon=True).start()

    result, failed = run(
        shop, "kill+cpsat+last", kill=Plays(kill), last=Plays(lambda context: seen.append(context.incumbent))
    )
    assert result.status is Status.FEASIBLE and result.schedule is not None and check(shop, result.schedule) == []
    assert failed == [result.message] and "cpsat: ChildFailed" in result.message and "SIGKILL" in result.message
    assert seen == [result.schedule] and result.seconds < 15


def test_an_idle_child_that_died_is_replaced(crossed: Instance) -> None:
    """Between two runs it may be killed without anybody waiting for it."""
    parent.prepare_child()
    os.kill(parent._idle[0].pid, signal.SIGKILL)
    parent._idle[0].process.wait(5)
    result = solve(crossed, "cpsat", Budget(seconds=20))
    assert (result.status, result.message) == (Status.OPTIMAL, "")


@pytest.fixture
def nothing_idle() -> None:
    """The next run has to start a child."""
    while parent._idle:
        parent._idle.pop().kill()


@pytest.mark.usefixtures("nothing_idle")
@pytest.mark.parametrize("how", ["no process", "no module"])
def test_a_child_that_cannot_start_is_a_failed_stage(
    crossed: Instance, run: Run, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """No process is to be had, or it ends at once: the rule before gives the answer, alone the status is error."""
    real = subprocess.Popen

    def popen(command: list[str], **options: Any) -> Any:
        if how == "no process":
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return real([sys.executable, "-c", "raise SystemExit('no module named ortools')"], **options)

    monkeypatch.setattr(subprocess, "Popen", popen)
    words = "Resource temporarily unavailable" if how == "no process" else "ended with code 1: no module named ortools"
    result, failed = run(crossed, "good+cpsat", good=offers(GOOD))
    assert (result.status, result.schedule) == (Status.FEASIBLE, GOOD)
    assert failed == [result.message] and result.message.startswith("cpsat: ") and words in result.message
    result, _ = run(crossed, "cpsat")
    assert result.status is Status.ERROR and words in result.message


def test_a_child_that_writes_nonsense_is_ended_and_reported(crossed: Instance) -> None:
    """A frame that cannot be unpickled: the conversation ends instead of waiting for ever."""
    script = (
        "import sys; from makespan.solvers.frames import write_frame; out = sys.stdout.buffer;"
        "write_frame(out, ('ready', None)); out.write((3).to_bytes(8, 'little') + b'xyz'); out.flush();"
        "sys.stdin.buffer.read()"
    )
    child = parent.ChildProcess.__new__(parent.ChildProcess)
    with pytest.MonkeyPatch.context() as patch:
        real = subprocess.Popen
        patch.setattr(subprocess, "Popen", lambda _, **options: real([sys.executable, "-c", script], **options))
        child.__init__()  # type: ignore[misc]
    child.wait_ready()
    kind, value = child.next_frame(20)
    assert kind == "gone" and "its answer cannot be read" in value and not child.is_alive()


def test_a_request_that_cannot_be_read_fails_at_once(crossed: Instance) -> None:
    """As when there is no memory for the instance: the child says so and ends, nobody waits for the time limit."""
    child = parent.ChildProcess()
    child.wait_ready()
    assert child.process.stdin is not None

    class Unreadable:
        def __reduce__(self) -> Any:
            return int, ("no number",)

    write_frame(child.process.stdin, Unreadable())  # type: ignore[arg-type]
    assert child.next_frame(20) == (
        "failed",
        "the request cannot be read: ValueError invalid literal for int() with base 10: 'no number'",
    )
    assert child.process.wait(5) == 1
