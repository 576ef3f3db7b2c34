"""Streams of workflows: the simulator against HEFT and its own definition, and the learned order."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from makespan.envs.workflow_stream import DISPATCHERS, FEATURES, Dispatcher, Stream, check_stream, play
from makespan.instances.generators.topcuoglu import layered_workflow
from makespan.instances.workflow import Workflow, workflow_makespan
from makespan.instances.workflow_files import read_workflow
from makespan.solvers.workflows.heft import Placement, list_schedule, upward_rank

TEN_TASKS = read_workflow("@ten_tasks")


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("name", DISPATCHERS)
def test_every_rule_keeps_the_rules(name: str, noise: float) -> None:
    """No overlap, data there before a task starts; latencies count from the entry."""
    stream = Stream(TEN_TASKS, length=800, noise=noise)
    record = play(stream, DISPATCHERS[name], seed=1)
    assert check_stream(stream, record) == []
    for job, latency in record.latency.items():
        assert record.entry[job] + latency == max(each.end for each in record.tasks if each.job == job)
    assert record.mean_latency == pytest.approx(np.mean(list(record.latency.values())))


def test_the_checker_of_streams_finds_a_task_that_starts_too_early() -> None:
    """Otherwise the test above would say nothing."""
    stream = Stream(TEN_TASKS, length=300)
    record = play(stream, DISPATCHERS["eft"], seed=0)
    last = record.tasks[-1]
    record.tasks[-1] = replace(last, start=last.start - 1)
    assert check_stream(stream, record) != []


@pytest.mark.parametrize("seed", range(6))
def test_one_job_at_a_time_is_heft_on_the_ready_tasks_without_insertion(seed: int) -> None:
    """Tasks that become ready together are placed by falling upward rank, each where it ends first at the end of a
    queue."""
    workflow = layered_workflow(12, 3, seed)
    rank = upward_rank(workflow)
    stream = Stream(workflow, mean_gap=1e6, length=10**7, most_jobs=1)
    placed = [each for each in play(stream, DISPATCHERS["heft_rt"]).tasks if each.job == 0]
    placement, free, before = Placement(workflow), [0] * 3, (0, -(10**9))
    assert sorted(each.task for each in placed) == list(range(12))
    for each in placed:
        ready = max((placement.end[pred] for pred, _ in workflow.predecessors[each.task]), default=0)
        assert (ready, -rank[each.task]) >= before
        before = (ready, -rank[each.task])
        ends = [
            max(ready, free[machine], placement.arrival(each.task, machine))
            + int(workflow.duration[each.task, machine])
            for machine in range(3)
        ]
        assert each.end == min(ends) and each.processor == ends.index(min(ends))
        placement.place(each.task, each.processor, each.end)
        free[each.processor] = each.end


def test_a_chain_takes_as_long_as_its_list_schedule() -> None:
    """Without choices the stream and HEFT cannot differ."""
    chain = Workflow.from_lists([[3, 5], [4, 2], [6, 6]], [(0, 1, 6), (1, 2, 1)])
    record = play(Stream(chain, mean_gap=1e6, length=1000, most_jobs=1), DISPATCHERS["heft_rt"])
    schedule = list_schedule(chain, upward_rank(chain), lambda placement, task: 0)
    assert record.latency[0] == 13 == workflow_makespan(chain, schedule)


def test_arrivals_do_not_depend_on_what_is_decided() -> None:
    """Where nobody is held back."""
    stream = Stream(TEN_TASKS, mean_gap=200, length=3000, most_jobs=50, start_full=False)
    entries = [play(stream, DISPATCHERS[name], seed=4).entry for name in ("heft_rt", "met")]
    assert entries[0] == entries[1] and len(entries[0]) > 5


def test_no_more_jobs_than_allowed_are_inside() -> None:
    """Counted from entries and ends."""
    record = play(Stream(TEN_TASKS, mean_gap=5, length=2000, most_jobs=2), DISPATCHERS["etf"])
    changes = [(record.entry[job] + latency, -1) for job, latency in record.latency.items()]
    changes += [(time, 1) for time in record.entry.values()]
    inside = np.cumsum([change for _, change in sorted(changes)])
    assert inside.max() == 2


def test_noise_changes_durations_and_repeats() -> None:
    """The same for the same seed, whoever decides."""
    stream = Stream(TEN_TASKS, length=500, noise=0.5)
    one, two = (play(stream, DISPATCHERS["eft"], seed=3) for _ in range(2))
    assert one == two
    times = {(each.job, each.task, each.processor): each.end - each.start for each in one.tasks}
    other = {
        (each.job, each.task, each.processor): each.end - each.start
        for each in play(stream, DISPATCHERS["heft_rt"], seed=3).tasks
    }
    shared = times.keys() & other.keys()
    assert len(shared) > 20 and all(times[key] == other[key] for key in shared)
    assert any(time != TEN_TASKS.duration[task, processor] for (_, task, processor), time in times.items())


def test_features_are_finite_and_named() -> None:
    """As many columns as names, every task in its row."""
    shapes = []

    def look(features: np.ndarray) -> np.ndarray:
        assert np.isfinite(features).all() and features.min() >= -1e-9
        shapes.append(features.shape[1])
        return features[:, 0]

    play(Stream(TEN_TASKS, length=500), Dispatcher(look))
    assert set(shapes) == {len(FEATURES)}


@pytest.mark.parametrize("broken", [{"mean_gap": 0}, {"length": 0}, {"most_jobs": 0}, {"noise": -1}])
def test_streams_without_meaning_are_refused(broken: dict[str, Any]) -> None:
    """With the numbers that were found."""
    with pytest.raises(ValueError, match="expected numbers above 0"):
        Stream(TEN_TASKS, **broken)
