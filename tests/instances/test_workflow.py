"""Workflows: what is refused, what breaks a schedule, and the files they come from."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from makespan.instances.check import check
from makespan.instances.errors import InputError
from makespan.instances.generators.topcuoglu import layered_workflow
from makespan.instances.schedule import Schedule
from makespan.instances.sets import instance_names, load
from makespan.instances.workflow import Workflow, check_workflow, relaxed, workflow_cost, workflow_makespan
from makespan.instances.workflow_files import CLOUD, LINEAR, Machines, read_workflow, write_workflow

PAIR = Workflow.from_lists([[3, 5], [4, 2]], [(0, 1, 6)], price=[2, 1])


@pytest.mark.parametrize(
    ("duration", "arcs", "word"),
    [
        ([[1, 2]], [(0, 1, 0)], "expected tasks in 0..0"),
        ([[1], [1]], [(0, 1, 0), (0, 1, 2)], "twice"),
        ([[1], [1]], [(0, 1, 0), (1, 0, 0)], "circle"),
        ([[-1]], [], "negative"),
        ([[1], [1]], [(0, 1, -1)], "negative"),
    ],
)
def test_malformed_workflows_are_refused(
    duration: list[list[int]], arcs: list[tuple[int, int, int]], word: str
) -> None:
    """One sentence says what is wrong."""
    with pytest.raises(ValueError, match=word):
        Workflow.from_lists(duration, arcs)


@pytest.mark.parametrize(
    ("start", "machine", "kinds"),
    [
        ([0, 3], [0, 0], []),
        ([0, 9], [0, 1], []),
        ([0, 8], [0, 1], ["precedence"]),  # the data need 6 from machine 0 to machine 1
        ([0, 2], [0, 0], ["precedence", "capacity"]),
        ([0, 5], [0, 2], ["mode"]),
        ([-1, 5], [0, 0], ["start"]),
        ([0], [0], ["shape"]),
    ],
)
def test_the_checker_finds_what_is_broken(start: list[int], machine: list[int], kinds: list[str]) -> None:
    """On two tasks every rule can be read off by eye."""
    assert [each.kind for each in check_workflow(PAIR, Schedule(start, machine))] == kinds


def test_machines_in_any_number_never_overlap() -> None:
    """Two tasks without order may run at once on one kind, but not on one machine."""
    twins = Workflow.from_lists([[2], [2]], [])
    together = Schedule([0, 0], [0, 0])
    assert [each.kind for each in check_workflow(twins, together)] == ["capacity"]
    assert check_workflow(twins, together, shared=False) == []


def test_makespan_and_cost_by_hand() -> None:
    """3 + 6 + 2 on two machines, 3 · 2 + 2 · 1 to pay."""
    schedule = Schedule([0, 9], [0, 1])
    assert workflow_makespan(PAIR, schedule) == 11
    assert workflow_cost(PAIR, schedule.mode) == 8


def test_a_schedule_holds_for_the_relaxed_instance() -> None:
    """The Instance without transfers asks for less, so its checker agrees."""
    assert check(relaxed(PAIR), Schedule([0, 9], [0, 1])) == []
    assert check(relaxed(PAIR), Schedule([0, 2], [0, 0])) != []


# -- files -----------------------------------------------------------------------------------------


def test_a_written_workflow_reads_back(tmp_path: Path) -> None:
    """Arrays and names survive."""
    path = tmp_path / "w.json"
    path.write_text(write_workflow(PAIR.named("pair")))
    again = read_workflow(path)
    assert again.name == "pair" and again.price is not None and again.price.tolist() == [2, 1]
    assert again.duration.tolist() == PAIR.duration.tolist() and again.successors == PAIR.successors


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"durations": [[1], [1, 2]]}, "one for each machine"),
        ({"durations": "x"}, "durations"),
        ({"arcs": [[0, 1]]}, r"\[pred, succ, transfer\]"),
        ({"arcs": [[0, 7, 1]]}, "tasks in 0..1"),
        ({"format": "other"}, "makespan-workflow-1"),
    ],
)
def test_malformed_files_name_the_file(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    """An InputError says which file and what was expected."""
    path = tmp_path / "w.json"
    path.write_text(json.dumps(json.loads(write_workflow(PAIR)) | change))
    with pytest.raises(InputError, match=words) as caught:
        read_workflow(path)
    assert str(path) in str(caught.value)


def test_a_trace_keeps_tasks_arcs_and_runtimes() -> None:
    """On a machine of speed 1 the durations are those of the instance that the reader of WfFormat makes."""
    name = "montage-chameleon-2mass-005d-001"
    trace, project = read_workflow(f"@{name}"), load(name)
    assert (trace.num_tasks, trace.num_arcs) == (58, 114)
    assert trace.duration[:, 0].tolist() == project.duration.tolist()
    assert trace.duration[:, 4].tolist() == [-(-each // 2) for each in project.duration.tolist()]
    assert not trace.transfer.any()


def test_transfers_are_the_shared_files_over_the_bandwidth(tmp_path: Path) -> None:
    """Task a writes 1500 bytes that b reads; a kilobyte a second makes 1500 ms; the other file stays at home."""
    tasks = [
        {"id": "a", "children": ["b"], "outputFiles": ["x", "y"]},
        {"id": "b", "parents": ["a"], "inputFiles": ["x", "z"]},
    ]
    files = [{"id": name, "sizeInBytes": 1500} for name in "xyz"]
    runs = [{"id": "a", "runtimeInSeconds": 1.0}, {"id": "b", "runtimeInSeconds": 2.0, "coreCount": 2}]
    trace = {"workflow": {"specification": {"tasks": tasks, "files": files}, "execution": {"tasks": runs}}}
    path = tmp_path / "t.json"
    path.write_text(json.dumps(trace))
    machines = Machines((Fraction(1), Fraction(2)), bandwidth=1000)
    found = read_workflow(path, machines)
    assert found.transfer.tolist() == [1500]
    assert found.duration.tolist() == [[1000, 500], [4000, 2000]]


def test_prices_are_those_of_the_paper() -> None:
    """Squares of the speeds, and the table of the cloud, in ten-thousandths."""
    linear, cloud = (read_workflow("@helloworld-chain-5-chameleon", each) for each in (LINEAR, CLOUD))
    assert linear.price is not None and linear.price.tolist() == [10000, 15625, 22500, 30625, 40000]
    assert cloud.price is not None and cloud.price.tolist() == [18085, 10000, 21213, 40465, 32372]


def test_every_trace_reads() -> None:
    """All 34 are acyclic; the small ones are read here."""
    names = instance_names("workflows")
    assert len(names) == 34
    for name in names[::5]:
        assert read_workflow(f"@{name}").num_arcs == load(name).num_arcs


def test_unknown_names_and_machines_are_refused() -> None:
    """With the nearest names, and with what was expected."""
    with pytest.raises(ValueError, match="no bundled instance"):
        read_workflow("@nothing")
    with pytest.raises(ValueError, match="archive"):
        read_workflow("@ft06")
    for broken in ({"speed": ()}, {"speed": (Fraction(0),)}, {"speed": (Fraction(1),), "bandwidth": 0}):
        with pytest.raises(ValueError, match="expected"):
            Machines(**broken)


def test_generated_workflows_repeat_and_keep_their_ratio() -> None:
    """The same seed gives the same workflow; the mean transfer over the mean duration is near the ratio asked for."""
    one, two = (layered_workflow(400, 3, 7, communication=2.0) for _ in range(2))
    assert np.array_equal(one.duration, two.duration) and np.array_equal(one.transfer, two.transfer)
    assert abs(one.transfer.mean() / one.duration.mean() - 2) < 0.3
