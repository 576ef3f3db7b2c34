"""Decoding: every way gives a schedule that passes the check, and more search is no worse."""

from pathlib import Path

import numpy as np
import pytest

from makespan import Budget, load, solve
from makespan.envs.batch import Batch, Snapshot
from makespan.instances.check import check
from makespan.instances.instance import Instance
from makespan.instances.schedule import objective_values
from makespan.instances.shop_view import shop_view
from makespan.policies.checkpoint import Card, save
from makespan.policies.decode import Decoder, _below
from makespan.policies.problems import PROBLEMS
from makespan.policies.solver import make
from tests.policies.shops import network, shop


def never() -> bool:
    return False


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A checkpoint with random weights."""
    net = network()
    save(tmp_path / "random.safetensors", net, Card("jsp", net.shape, 4))
    return str(tmp_path / "random.safetensors")


@pytest.mark.parametrize("decode", ["greedy", "both", "sample,k=8", "beam,k=8", "sample,k=8,mirror=false"])
def test_every_decoding_gives_a_checked_schedule(model: str, decode: str) -> None:
    """Through the solver, which checks; the result says how it was decoded and with how many episodes."""
    result = solve(load("ft06"), f"policy:{model},decode={decode}", Budget(seconds=60), threads=1)
    assert result.versions["torch"]
    assert result.schedule is not None and result.objective is not None and result.objective >= 55
    assert decode.split(",")[0] in str(result.found_by) or decode == "both"
    assert "episode" in str(result.found_by)


def test_chains_go_on_from_the_network(model: str) -> None:
    """A search that follows starts from its schedule."""
    result = solve(load("ft06"), f"policy:{model}+tabu,iterations=2000", Budget(seconds=60), threads=1)
    assert result.objective == 55


def test_the_best_of_both_directions_is_no_worse_than_forwards() -> None:
    """And backwards is another schedule in most shops."""
    net = network()
    differ = 0
    for seed in range(5):
        own = shop(6, 5, seed)
        decoder = Decoder(net, Card("jsp", net.shape, 4), own)
        one, both = decoder.greedy(False, never), decoder.greedy(True, never)
        assert one is not None and both is not None
        assert not check(own, both.schedule)
        assert objective_values(own, both.schedule) <= objective_values(own, one.schedule)
        differ += both.schedule.start.tolist() != one.schedule.start.tolist()
    assert differ > 0


def test_a_shop_whose_tasks_are_numbered_anyhow_is_played_backwards_too() -> None:
    """Task i of the mirror image is another task of the shop; the schedule that comes back passes the check."""
    own, net = shop(4, 3, 2), network()
    number = np.random.default_rng(0).permutation(own.num_tasks)  # of each task of ``own``
    view = own.derived(shop_view)
    modes: list[list[tuple[int, list[tuple[int, int]]]]] = [[] for _ in number]
    job = np.zeros(own.num_tasks, np.int64)
    arcs = []
    for j in range(view.num_jobs):
        for op in range(view.job_ptr[j], view.job_ptr[j + 1]):
            task = int(number[op])
            modes[task], job[task] = [(int(view.duration[op]), [(int(view.machine[op]), 1)])], j
            if op > view.job_ptr[j]:
                arcs.append((int(number[op - 1]), task))
    other = Instance.from_lists(modes, [1] * view.num_machines, arcs, job=job)
    decoders = [Decoder(net, Card("jsp", net.shape, 4), each) for each in (own, other)]
    found = [decoder.greedy(True, never) for decoder in decoders]
    assert found[0] is not None and found[1] is not None and found[1].episodes == 2
    assert not check(other, found[1].schedule)
    assert objective_values(own, found[0].schedule) == objective_values(other, found[1].schedule)


def test_samples_are_no_worse_than_greedy_and_repeat() -> None:
    """One of them is greedy; the same seed draws the same."""
    own, net = shop(6, 5, 3), network()
    decoder = Decoder(net, Card("jsp", net.shape, 4), own, seed=4)
    first = decoder.greedy(False, never)
    runs = [
        [objective_values(own, each.schedule) for each in decoder.samples(20, (0.5, 1.5), True, never)] for _ in "ab"
    ]
    assert runs[0] == runs[1]
    assert first is not None and min(runs[0]) <= objective_values(own, first.schedule)


def test_a_beam_as_wide_as_the_tree_finds_the_best_of_all_active_schedules() -> None:
    """Without replacement nothing is missed: compared with a walk through every episode."""
    own, net = shop(3, 2, 5), network()

    def best(batch: Batch, row_snapshot: Snapshot) -> int:
        batch.restore(row_snapshot, [0])
        if batch.count[0] == 0:
            return int(batch.measure("makespan")[0])
        values = []
        for action in range(int(batch.count[0])):
            batch.restore(row_snapshot, [0])
            batch.step([action])
            values.append(best(batch, batch.snapshot([0])))
        return min(values)

    batch = PROBLEMS["jsp"].batch([own], None, 1)
    expected = best(batch, batch.snapshot([0]))
    found = Decoder(net, Card("jsp", net.shape, 1), own).beam(64, never)
    assert found is not None and objective_values(own, found.schedule)[0] == expected


def test_children_of_a_beam_stay_below_their_parent() -> None:
    """The largest perturbed value of a row is the parent's, and what is no candidate stays out."""
    value = np.array([[0.3, -1.0, -np.inf], [5.0, 4.0, 3.0]])
    found = _below(value, np.array([0.1, 2.0]))
    np.testing.assert_allclose(found.max(1), [0.1, 2.0])
    assert found[0, 2] == -np.inf
    assert (np.argsort(found[1]) == np.argsort(value[1])).all()


def test_a_shop_with_release_dates_is_dispatched_forwards_only(model: str) -> None:
    """Time cannot run backwards there; the schedule keeps the dates."""
    own = shop(5, 3, 1)
    dated = own.replace(release=np.arange(own.num_tasks))
    result = solve(dated, f"policy:{model}", Budget(seconds=60), threads=1)
    assert result.schedule is not None and "1 episode" in str(result.found_by)


def test_time_that_is_up_leaves_what_was_found(model: str) -> None:
    """Rounds of samples until the limit."""
    result = solve(load("la01"), f"policy:{model},decode=best,k=16", Budget(seconds=2), threads=1)
    assert result.schedule is not None and result.iterations >= 16


@pytest.mark.parametrize(
    ("argument", "parameters", "words"),
    [
        (None, {}, "policy:NAME"),
        ("nothing", {}, "found 'nothing'"),
        ("", {"decode": "magic"}, "decode: found 'magic'"),
        ("", {"k": "0"}, "k: found 0"),
        ("", {"low": "2", "high": "1"}, "low, high"),
    ],
)
def test_wrong_specs_are_named(model: str, argument: str | None, parameters: dict[str, str], words: str) -> None:
    """What was found, what is expected."""
    with pytest.raises(ValueError, match=words):
        make(model if argument == "" else argument, **parameters)
