"""Simulated shops for choices while training, in numbered versions that never change.

The instances of ``@validation1`` serve job shops and projects; these scenarios serve ``DynamicJobShop-v0``. Two
policies that play one with the same seeds meet the same arrivals, durations and breakdowns, whatever they decide.
"""

from __future__ import annotations

from typing import NamedTuple

from makespan.envs.scenario import Scenario


class DynamicCase(NamedTuple):
    """A scenario on the shop of a validation instance, to be played with the seeds 0 to ``seeds`` - 1.

    ``measure``: the measure of ``DynamicBatch`` to compare policies by, the mean over the seeds.
    """

    instance: str
    scenario: Scenario
    measure: str
    seeds: int = 20


def _stream(**more: float | bool) -> Scenario:
    """A hundred jobs like those of the instance, at 90 per cent of what the busiest machine can do."""
    return Scenario(jobs="templates", num_jobs=100, utilisation=0.9, **more)  # type: ignore[arg-type]


DYNAMIC1 = {
    "breakdowns": DynamicCase("val1_uniform_10x10_1", Scenario(breakdown=0.1), "makespan"),
    "interruptions": DynamicCase("val1_uniform_15x10_1", Scenario(breakdown=0.1, interrupt=True), "makespan"),
    "durations": DynamicCase("val1_uniform_15x15_1", Scenario(duration_spread=0.3), "makespan"),
    "blocking": DynamicCase("val1_uniform_10x10_2", Scenario(blocking=True), "makespan", 1),
    "blocking_breakdowns": DynamicCase("val1_uniform_10x10_3", Scenario(blocking=True, breakdown=0.1), "makespan"),
    "arrivals": DynamicCase("val1_uniform_10x10_4", _stream(), "flow_time"),
    "arrivals_due": DynamicCase("val1_uniform_10x10_5", _stream(due_tightness=2.0), "tardiness"),
    "arrivals_durations": DynamicCase("val1_two_set_20x15_1", _stream(duration_spread=0.3), "flow_time"),
    "arrivals_breakdowns": DynamicCase(
        "val1_uniform_20x10_1", _stream(up_time=2000.0, repair=100.0, due_tightness=3.0), "tardiness"
    ),
    "everything": DynamicCase(
        "val1_two_set_20x15_2",
        _stream(breakdown=0.05, interrupt=True, duration_spread=0.2, due_tightness=3.0),
        "tardiness",
    ),
}
"""Version 1, by name."""
