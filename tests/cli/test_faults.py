"""Exit codes and messages when a stage breaks in mid-run."""

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.solvers.cp_sat import parent
from makespan.solvers.dispatching import DispatchingRule
from makespan.solvers.stage import Context

CHAIN = ("--solver", "rule:mwkr+sgs:lft", "--threads", "1")
ALONE = ("--solver", "rule:mwkr", "--threads", "1")


def breaks(monkeypatch: pytest.MonkeyPatch, act: Callable[[Instance, Context], object]) -> None:
    """Every dispatching rule does this instead of its work."""
    monkeypatch.setattr(DispatchingRule, "run", lambda self, instance, context: act(instance, context))


@pytest.mark.parametrize("error", [RuntimeError("no licence"), MemoryError()])
def test_a_broken_stage_with_another_one_behind_it_exits_with_0(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The schedule is verified, so the code is 0; what broke stands on stderr, in the events and in the file."""

    def act(*_: object) -> None:
        raise error

    breaks(monkeypatch, act)
    words = f"rule:mwkr: {type(error).__name__}"
    code, out, err = call("solve", "@ft06", *CHAIN, "--format", "jsonl")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and lines[-1]["status"] == "feasible" and lines[-1]["message"].startswith(words)
    assert [line["message"] for line in lines if line["type"] == "failed"] == [lines[-1]["message"]]
    assert words in err and "Traceback" not in err
    code, out, err = call("solve", "@ft06", *ALONE)
    assert code == 4 and "error" in out and words in err


def test_an_infeasible_schedule_exits_with_4_though_a_good_one_follows(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken promise is never hidden; the file holds the verified schedule of the other stage."""
    breaks(monkeypatch, lambda instance, context: context.offer(Schedule([0] * instance.num_tasks)))
    code, out, err = call("solve", "@ft06", *CHAIN, "--format", "json")
    stored = json.loads(out)
    assert code == 4 and stored["status"] == "error" and stored["schedule"] is not None
    assert "InternalError" in stored["message"] and "infeasible schedule" in err


def test_a_stage_that_ignores_the_limit_does_not_hold_up_the_command(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was found before it: code 3, soon after the limit."""
    breaks(monkeypatch, lambda *_: time.sleep(30))
    begin = time.monotonic()
    code, out, _ = call("solve", "@ft06", *CHAIN, "--time-limit", "0.2")
    assert code == 3 and "unknown" in out and time.monotonic() - begin < 15


def test_a_cp_sat_process_that_cannot_start(call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a rule it costs nothing but its own answer; alone it is an error, told without a traceback."""
    while parent._idle:
        parent._idle.pop().kill()

    def none_left(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", none_left)
    code, out, err = call("solve", "@ft06", "--solver", "rule:mwkr+cpsat", "--threads", "1")
    assert code == 0 and "feasible" in out and "cpsat: BlockingIOError" in err and "Traceback" not in err
    code, out, err = call("solve", "@ft06", "--solver", "cpsat", "--threads", "1")
    assert code == 4 and "error" in out and "Resource temporarily unavailable" in err and "Traceback" not in err
