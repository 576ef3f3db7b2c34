"""Features: one smallest instance for each, and the sentence that refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from makespan.instances.features import ALL_FEATURES, FEATURES, unsupported
from makespan.instances.instance import SS, Calendar, Instance, Setup


def pair(modes: Any = None, arcs: Any = ((0, 1),), **optional: Any) -> Instance:
    """Two tasks of a job, on machines 0 and 1, one after the other."""
    modes = [[(1, {0: 1})], [(1, {1: 1})]] if modes is None else modes
    return Instance.from_lists(modes, optional.pop("capacity", [1, 1]), arcs, job=[0, 0], **optional)


CALENDAR = Calendar(np.array([0, 2, 2]), np.array([0, 1]), np.array([0, 1]), np.array([0, 0]))
SETUP = Setup(np.array([0, 0]), np.array([[1]]), np.array([-1, -1]))

SMALLEST: dict[str, tuple[Instance, set[str]]] = {
    "multi_mode": (pair([[(1, {0: 1}), (2, {1: 1})], [(1, {1: 1})]]), {"recirculation"}),
    "multi_resource": (pair([[(1, {0: 1, 1: 1})], [(1, {1: 1})]]), set()),
    "cumulative": (pair(capacity=[1, 2]), set()),
    "nonrenewable": (pair(capacity=[1, 1, 0], renewable=[True, True, False]), set()),
    "no_machine": (pair([[(1, {0: 1})], [(1, {})]]), set()),
    "network": (pair(arcs=()), set()),
    "time_lag": (pair(arcs=((0, 1, SS, 0),)), set()),
    "max_lag": (pair(arcs=((0, 1, SS, -3),)), {"time_lag"}),
    "recirculation": (pair([[(1, {0: 1})], [(1, {0: 1})]]), set()),
    "release": (pair(job_release=[1]), set()),
    "due": (pair(due=[1, 2]), set()),
    "deadline": (pair(deadline=[1, 2]), set()),
    "weight": (pair(job_weight=[2]), set()),
    "transport": (pair(transport=[[0, 1], [1, 0]]), set()),
    "setup": (pair(setup=SETUP), set()),
    "calendar": (pair(calendar=CALENDAR), set()),
    "pause": (pair(calendar=CALENDAR, pause=[1, 0]), {"calendar"}),
    "blocking": (pair(blocking=True), set()),
    "no_wait": (pair(no_wait=True), set()),
    "permutation": (pair(permutation=True), set()),
    "fixed": (pair(fixed_mode=[0, -1]), set()),
    "now": (pair(now=3), set()),
    "objective": (pair(objective=("flow_time",)), set()),
}


@pytest.mark.parametrize("name", FEATURES)
def test_smallest_instance_of_each_feature(name: str) -> None:
    """It has the feature, and no other but those that come with it."""
    instance, company = SMALLEST[name]
    assert instance.features == {name} | company


def test_plain_shop_has_no_features() -> None:
    """Nothing to refuse."""
    assert pair().features == frozenset()
    assert unsupported(pair(), frozenset(), "rule:spt") is None


def test_refusal_names_method_and_fields() -> None:
    """Words for people and keys for programs."""
    instance = pair(release=[0, 1], now=2)
    sentence = unsupported(instance, frozenset({"now"}), "rule:spt")
    assert sentence is not None
    assert sentence.startswith("rule:spt does not handle release dates (release)") and "now" not in sentence
    assert unsupported(instance, ALL_FEATURES, "cpsat") is None


def test_cycle_within_a_job_is_no_chain() -> None:
    """Each task has one arc in and one out, but the job has no first operation."""
    assert "network" in pair(arcs=((0, 1), (1, 0))).features
