"""The child process: limits, death, refusal, and what the stage makes of them."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest

from makespan.instances.check import check
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.solvers.cp_sat import memory, parent
from makespan.solvers.cp_sat.stage import ChildFailed, CpSat, TooLargeForMemory, make, text_format
from makespan.solvers.stage import Budget, Context


def hard_shop(jobs: int = 30, machines: int = 15) -> Instance:
    """A job shop that CP-SAT does not solve within the seconds of a test."""
    rng = np.random.default_rng(7)
    return Instance.job_shop(
        [rng.permutation(machines) for _ in range(jobs)], [rng.integers(1, 100, machines) for _ in range(jobs)]
    )


def run(instance: Instance, stage: CpSat | None = None, **limits: float) -> Context:
    """The stage in a context of its own, child ready before the clock."""
    context = Context(instance, Budget(**limits), seed=0, threads=1)  # type: ignore[arg-type]
    stage = stage or CpSat()
    stage.warm()
    context.start_clock()
    context.begin_stage("cpsat", None, None)
    try:
        stage.run(instance, context)
    finally:
        context.close()
    return context


SMALL = Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [2, 4]])


def test_small_shop_is_proved_optimal_and_the_child_serves_again() -> None:
    """Machine 0 is busy for 7: both runs prove 7, in the same process."""
    first = run(SMALL)
    pid = parent._idle[0].pid
    second = run(SMALL)
    assert first.objectives == second.objectives == (7,)
    assert (first.proof, first.lower_bound) == ("optimal", 7)
    assert parent._idle[0].pid == pid


def test_run_ends_at_its_limit_with_a_checked_schedule_and_a_bound() -> None:
    """One second of 450 operations, which no machine here proves in ten; the bound is at least the longest job."""
    shop = hard_shop()
    context = run(shop, seconds=1.0)
    assert context.seconds() < 10
    assert context.incumbent is not None
    assert check(shop, context.incumbent) == []
    assert context.lower_bound is not None
    assert context.lower_bound >= shop.duration.reshape(30, 15).sum(axis=1).max()


def test_incumbent_is_where_the_search_starts() -> None:
    """An optimal incumbent is proved optimal and not replaced."""
    context = Context(SMALL, Budget(), seed=0, threads=1)
    context.offer(Schedule([0, 3, 0, 3]))
    incumbent = context.incumbent
    CpSat().run(SMALL, context)
    assert context.proof == "optimal"
    assert context.incumbent is incumbent


def test_infeasible_instance_is_proved_so() -> None:
    """Two tasks of 4 on one machine cannot both end by 7."""
    context = run(Instance.from_lists([[(4, {0: 1})]] * 2, [1], deadline=np.array([7, 7])))
    assert context.proof == "infeasible"


def test_slices_go_on_from_the_incumbent_until_the_limit() -> None:
    """Two slices of half a second, then the rest: the objective never rises along the trace."""
    context = run(hard_shop(), CpSat(slice=0.5), seconds=1.3)
    values = [objective for _, objective, _ in context.trace if objective is not None]
    assert values == sorted(values, reverse=True)
    assert 1.0 < context.seconds() < 10


def test_killed_child_is_a_failed_stage_that_keeps_what_it_found() -> None:
    """SIGKILL in mid-run: the stage says so, the incumbent stays, and the next run has a new child."""
    shop = hard_shop()
    context = Context(shop, Budget(seconds=20.0), seed=0, threads=1)
    CpSat().warm()
    child = parent._idle[0]

    def kill_after_a_schedule() -> None:
        while context.incumbent is None and not context.expired():
            time.sleep(0.02)
        os.kill(child.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_after_a_schedule)
    killer.start()
    with pytest.raises(ChildFailed, match="SIGKILL"):
        CpSat().run(shop, context)
    killer.join()
    assert context.incumbent is not None
    assert run(SMALL).proof == "optimal"


def test_closing_the_run_kills_the_child() -> None:
    """An abandoned run leaves no process behind."""
    shop = hard_shop()
    context = Context(shop, Budget(), seed=0, threads=1)
    CpSat().warm()
    child = parent._idle[0]

    def work() -> None:
        with pytest.raises(ChildFailed):
            CpSat().run(shop, context)

    worker = threading.Thread(target=work)
    worker.start()
    time.sleep(0.3)
    for cleanup in context._shared.cleanups:
        cleanup()
    worker.join(5.0)
    assert not worker.is_alive()
    assert not child.is_alive()


def test_child_ignores_ctrl_c_and_ends_when_its_pipe_closes() -> None:
    """SIGINT leaves it alive; the end of its input, as at the parent's death, ends it."""
    child = parent.ChildProcess()
    child.wait_ready()
    os.kill(child.pid, signal.SIGINT)
    time.sleep(0.1)
    assert child.is_alive()
    assert child.process.stdin is not None
    child.process.stdin.close()
    assert child.process.wait(5.0) == 0


def test_model_that_cannot_fit_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """With next to no free memory the stage says what it needs, what there is and what to use."""
    monkeypatch.setattr(memory, "free_bytes", lambda: memory.RESERVE_BYTES + 2**20)
    with pytest.raises(TooLargeForMemory, match=r"needs about 0\.2 GB, 0\.0 GB are free; use"):
        CpSat().run(SMALL, Context(SMALL, Budget(), 0, 1))


def test_child_beyond_the_free_memory_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch sees more than was free at the start."""
    CpSat().warm()
    monkeypatch.setattr(memory, "refusal", lambda instance, workers: None)
    monkeypatch.setattr(memory, "free_bytes", lambda: 0)
    with pytest.raises(TooLargeForMemory, match="was ended at"):
        CpSat().run(hard_shop(), Context(hard_shop(), Budget(seconds=10.0), 0, 1))


def test_iterations_are_deterministic_time() -> None:
    """A limit of 30 iterations stops a search that would go on, and they are counted."""
    context = run(hard_shop(10, 10), CpSat(deterministic=True), iterations=30)
    assert context.iterations >= 30
    assert context.incumbent is not None


def test_parameters_of_cp_sat_pass_in_the_grammar_of_specs() -> None:
    """Numbers and true are values, capitals are enumerators, small words are strings."""
    text = text_format("num_workers:1/search_branching:FIXED_SEARCH/use_lns:true/extra_subsolvers:max_lp")
    assert text == 'num_workers: 1 search_branching: FIXED_SEARCH use_lns: true extra_subsolvers: "max_lp"'
    assert make(None, params="linearization_level:2", slice="2.5", seed="3").slice == 2.5


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"params": "bogus:1"}, "CP-SAT does not know"),
        ({"params": "bogus"}, "expected key:value"),
        ({"slice": "0"}, "expected seconds above 0"),
        ({"colour": "red"}, "unknown parameter"),
    ],
)
def test_parameters_that_do_not_read_are_refused(parameters: dict[str, str], message: str) -> None:
    """One sentence each, as ValueError."""
    with pytest.raises(ValueError, match=message):
        make(None, **parameters)
