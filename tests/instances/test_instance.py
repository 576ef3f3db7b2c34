"""Instance: constructors, canonical form, hash and refusals."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from makespan.instances.instance import ES, HORIZON_LIMIT, SS, Calendar, Instance, Metadata, Setup


def small(**optional: Any) -> Instance:
    """Two chained tasks on resource 0; resource 1 is idle."""
    return Instance.from_lists([[(3, {0: 1})], [(2, {0: 1})]], [1, 2], [(0, 1)], job=[0, 0], **optional)


def test_job_shop_keeps_unequal_jobs_and_zero_durations() -> None:
    """Jobs of 3, 0 and 1 operations; no padding, zero stays."""
    shop = Instance.job_shop([[0, 1, 0], [], [1]], [[3, 0, 2], [], [4]], num_machines=4)
    assert (shop.num_tasks, shop.num_jobs, shop.num_resources, shop.num_arcs) == (4, 3, 4, 2)
    assert shop.duration.tolist() == [3, 0, 2, 4]
    assert shop.machine.tolist() == [0, 1, 0, 1]
    assert list(zip(shop.arc_pred.tolist(), shop.arc_succ.tolist(), strict=True)) == [(0, 1), (1, 2)]
    assert shop.job is not None and shop.job.tolist() == [0, 0, 0, 2]


def test_every_constructor_gives_the_same_shop() -> None:
    """One shop in the words of job shop, flat arrays, flexible job shop and nested lists."""
    rows, times = [[0, 1], [1, 0]], [[3, 2], [2, 4]]
    shop = Instance.job_shop(rows, times)
    flat = Instance.job_shop_arrays([0, 2, 4], [0, 1, 1, 0], [3, 2, 2, 4])
    flexible = Instance.flexible_job_shop([[[(0, 3)], [(1, 2)]], [[(1, 2)], [(0, 4)]]])
    lists = Instance.from_lists(
        [[(3, {0: 1})], [(2, {1: 1})], [(2, {1: 1})], [(4, {0: 1})]], [1, 1], [(0, 1), (2, 3)], job=[0, 0, 1, 1]
    )
    assert shop.digest == flat.digest == flexible.digest == lists.digest


def test_flow_and_open_shops() -> None:
    """A flow shop visits machines in order; in an open shop each job is a resource of its own."""
    flow = Instance.flow_shop([[1, 2], [3, 4]])
    assert flow.machine.tolist() == [0, 1, 0, 1] and flow.permutation
    open_shop = Instance.open_shop([[1, 2], [3, 4]])
    assert open_shop.num_resources == 4 and open_shop.num_arcs == 0
    assert open_shop.demand_resource.reshape(4, 2).tolist() == [[0, 2], [1, 2], [0, 3], [1, 3]]


def test_rcpsp_with_lags_is_start_to_start() -> None:
    """Lags as in RCPSP/max; without them end to start."""
    plain = Instance.rcpsp([0, 3, 0], [[0], [2], [0]], [4], [[1], [2], []])
    assert plain.arc_kind.tolist() == [ES, ES] and plain.demand_amount.tolist() == [2]
    lagged = Instance.rcpsp([0, 3, 0], [[0], [2], [0]], [4], [[1], [2, 0], []], [[0], [3, -5], []])
    assert lagged.arc_kind.tolist() == [SS] * 3
    assert sorted(lagged.arc_lag.tolist()) == [-5, 0, 3]


def test_arrays_are_locked_and_copied() -> None:
    """Changing the caller's array changes nothing; the instance's own cannot be changed."""
    times = np.array([3, 2])
    shop = Instance.job_shop_arrays([0, 2], [0, 1], times)
    times[0] = 99
    assert shop.duration[0] == 3
    with pytest.raises(ValueError, match="read-only"):
        shop.duration[0] = 1


def test_canonical_form() -> None:
    """Arcs and demands are sorted, zero demands dropped, of two equal arcs the larger lag stays."""
    instance = Instance.from_lists(
        [[(1, [(1, 2), (0, 1)])], [(1, [(0, 0), (1, 1)])]], [2, 2], [(1, 0, SS, 1), (0, 1, ES, 2), (0, 1, ES, 5)]
    )
    assert instance.demand_resource.tolist() == [0, 1, 1]
    assert instance.demand_amount.tolist() == [1, 2, 1]
    assert instance.arc_pred.tolist() == [0, 1] and instance.arc_lag.tolist() == [5, 1]


def test_fields_that_say_nothing_are_dropped() -> None:
    """A zero release, an infinite due date, weight 1, no transport time, free starts: as if not given."""
    padded = small(
        release=[0, 0],
        due=[HORIZON_LIMIT] * 2,
        weight=[1, 1],
        transport=np.zeros((2, 2), np.int64),
        fixed_start=[-1, -1],
        fixed_mode=[-1, -1],
        pause=[0, 0],
        setup=Setup(np.array([-1, -1]), np.zeros((1, 1), np.int64), np.array([-1, -1])),
    )
    assert padded.digest == small().digest


def test_digest_sees_data_and_not_names() -> None:
    """Metadata lie outside the hash; every number lies within."""
    assert small().digest == small(meta=Metadata(name="other", task_names=("a", "b"))).digest
    assert small().digest != small(release=[0, 1]).digest
    assert small().digest != small(now=1).digest
    assert small().named("x").name == "x"


def test_pickle_gives_the_same_locked_instance() -> None:
    """For child processes."""
    copy = pickle.loads(pickle.dumps(small(release=[0, 1])))
    assert copy.digest == small(release=[0, 1]).digest
    assert not copy.duration.flags.writeable


def test_derived_data_are_computed_once() -> None:
    """The same object twice, another one for a changed copy."""
    calls: list[Instance] = []

    def count(instance: Instance) -> int:
        calls.append(instance)
        return len(calls)

    instance = small()
    assert instance.derived(count) == instance.derived(count) == 1
    assert instance.replace(now=1).derived(count) == 2


def test_names_or_numbers() -> None:
    """People's words where given."""
    assert (small().task_name(1), small().job_name(0), small().resource_name(1)) == ("task 1", "job 0", "resource 1")
    named = small(meta=Metadata(task_names=("cut", "weld"), job_names=("door",), resource_names=("saw", "torch")))
    assert (named.task_name(1), named.job_name(0), named.resource_name(1)) == ("weld", "door", "torch")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"duration": [3, -2]}, r"duration\[1\]: found -2, expected 0"),
        ({"duration": [3.5, 2]}, "duration: found float64 values, expected integers"),
        ({"duration": [2**53, 2]}, "add up to more than"),
        ({"demand_resource": [0, 7]}, r"demand_resource\[1\]: found 7, expected 0..1"),
        ({"arc_succ": [5]}, r"arc_succ\[0\]: found 5, expected 0..1"),
        ({"arc_kind": [4]}, r"arc_kind\[0\]: found 4, expected 0..3"),
        ({"mode_ptr": [0, 0, 2]}, "mode_ptr: a task has no mode"),
        ({"mode_ptr": [0, 1, 1, 2]}, "mode_ptr: a task has no mode"),
        ({"capacity": [1, -1]}, r"capacity\[1\]: found -1"),
        ({"job": [0]}, "job: expected one entry per task"),
        ({"release": [1, 2, 3]}, r"release: found shape \(3,\), expected \(2,\)"),
        ({"transport": [[0, 1]]}, r"transport: found shape \(1, 2\), expected \(2, 2\)"),
        ({"pause": [0, 3], "calendar": None}, r"pause\[1\]: found 3, expected 0..2"),
        ({"fixed_mode": [0, 1]}, "fixed_mode: no such mode"),
        ({"objective": ("profit",)}, "objective: found 'profit'"),
        ({"objective": ("max_lateness",)}, "objective max_lateness: needs due dates"),
        ({"job": [0, 1], "blocking": True}, "blocking: every job must be one chain"),
        ({"permutation": True}, "permutation: every job must visit the machines in one common order"),
    ],
)
def test_malformed_data_are_refused_with_a_sentence(change: dict[str, Any], words: str) -> None:
    """Field, what was found, what was expected."""
    with pytest.raises(ValueError, match=words):
        small().replace(**change)


@pytest.mark.parametrize(
    ("ptr", "time", "capacity", "period", "words"),
    [
        ([0, 1, 1], [2], [0], [0, 0], "resource 0 starts at 2, expected 0"),
        ([0, 2, 2], [0, 0], [0, 1], [0, 0], "breakpoints of resource 0 must rise"),
        ([0, 2, 2], [0, 5], [0, 1], [4, 0], "a breakpoint after its period"),
        ([0, 1, 1], [0], [2], [0, 0], "found 2, expected 0..1"),
        ([0, 1, 1], [0], [1], [0, 3], "a period without breakpoints"),
    ],
)
def test_malformed_calendars_are_refused(
    ptr: list[int], time: list[int], capacity: list[int], period: list[int], words: str
) -> None:
    """Profiles start at 0, rise, fit their period and never exceed the capacity."""
    with pytest.raises(ValueError, match=words):
        small(calendar=Calendar(np.array(ptr), np.array(time), np.array(capacity), np.array(period)))


def test_infeasible_data_are_legal() -> None:
    """Demand above capacity and cycles read; only solving says that there is no schedule."""
    instance = Instance.from_lists([[(1, {0: 9})], [(1, {})]], [1], [(0, 1), (1, 0)])
    assert instance.num_arcs == 2
