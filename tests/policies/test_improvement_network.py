"""The network for moves: it reads the graph of a schedule, whatever the numbering and whoever lies beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from makespan.envs.improvement_batch import ImprovementBatch
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.policies.improvement_episodes import improve, schedules_of
from makespan.policies.improvement_network import ImprovementNetwork, Schedules, neighbours
from makespan.policies.sampling import sampler
from tests.policies.shops import improver, permuted, shop

EXACT: dict[str, Any] = {"atol": 1e-5, "rtol": 0.0}


def rough(jobs: int, machines: int, seed: int) -> Instance:
    """A shop with durations so different that hardly two paths are equally long."""
    random = np.random.default_rng(seed)
    machine = [random.permutation(machines) for _ in range(jobs)]
    return Instance.job_shop(machine, list(random.integers(1, 10**6, (jobs, machines))))


def logits_of(model: ImprovementNetwork, batch: ImprovementBatch, rows: list[int]) -> Tensor:
    """Of the moves of some rows as they stand."""
    with torch.inference_mode():
        found: Tensor = model(schedules_of(batch, np.array(rows)))
    return found


def dense(model: Any, seen: Schedules, links: list[tuple[int, int, int]]) -> Tensor:
    """The vectors by matrices over all pairs of operations; ``links``: before, after, 0 in a job or 1 on a machine."""
    n = seen.operation.shape[0]
    before = torch.zeros(2, n, n)  # row: the operation, column: one before it
    for first, second, kind in links:
        before[kind, second, first] = 1
    after = before.transpose(1, 2)
    first = model.operation(seen.operation)
    vector = total = first
    means = [side.sum(0) / side.sum(0).sum(1, keepdim=True).clamp(min=1) for side in (before, after)]
    for update, norm in zip(model.topology.update, model.topology.norm, strict=True):
        vector = norm(update(torch.cat((vector, means[0] @ vector, means[1] @ vector), 1)))
        total = total + vector
    context = first
    for block in model.context:
        met = []
        for kind, own in enumerate(block.project(context).chunk(2, 1)):
            own = own.view(n, block.heads, -1)
            asking, known = ((own * part[kind]).sum(2) for part in (block.asking, block.known))
            score = asking[:, None] + known[None]
            for place, where in enumerate((torch.eye(n), before[kind], after[kind])):
                score = score + where[:, :, None] * block.place[kind, place]
            far = torch.eye(n) + before[kind] + after[kind] == 0
            share = functional.leaky_relu(score, 0.2).masked_fill(far[:, :, None], -torch.inf).softmax(1)
            met.append(functional.elu(torch.einsum("ijh,jhd->ihd", share, own).reshape(n, -1)))
        context = (met[0] + met[1]) / 2
    found: Tensor = model.norm(torch.cat((total, context), 1))
    return found


def test_both_modules_equal_matrices_over_all_pairs() -> None:
    """The arcs come from the batch's own list, the means and the attention from dense products."""
    batch, model = ImprovementBatch([shop(5, 4, 3)]), improver(layers=3, blocks=2)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("place"):
                weight.normal_()
        seen = schedules_of(batch, np.zeros(1, np.int64))
        links = [
            (int(first), int(second), kind)
            for kind, arcs in enumerate(batch.arcs())
            for first, second in arcs[0].T
            if first >= 0
        ]
        assert len(links) == 5 * 3 + 4 * 4
        torch.testing.assert_close(model.vectors(seen), dense(model, seen, links), **EXACT)


def test_gradients_of_neighbours_are_those_of_plain_indexing() -> None:
    """They are gathered from the opposite side, which is the same sum."""
    neighbour = schedules_of(ImprovementBatch([shop(4, 3), shop(3, 3)]), np.arange(2)).neighbour
    own = torch.randn(neighbour.shape[0], 6, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(neighbour.shape[0], 4, 6, dtype=torch.float64)
    plain = functional.pad(own, (0, 0, 0, 1))[neighbour]
    torch.testing.assert_close(neighbours(own, neighbour), plain)
    (expected,) = torch.autograd.grad((plain * weight).sum(), own)
    (found,) = torch.autograd.grad((neighbours(own, neighbour) * weight).sum(), own)
    torch.testing.assert_close(found, expected)


def test_logits_follow_a_renumbering_of_jobs_and_machines() -> None:
    """The same schedule of the renumbered shop has the same moves, with the same logits, for twenty moves."""
    own = rough(6, 5, 1)
    other, job, _ = permuted(own)
    old = (job[:, None] * 5 + np.arange(5)).ravel()  # the old number of each new task
    first = ImprovementBatch([own])
    second = ImprovementBatch([other], start=[Schedule(first.schedule(0).start[old])])
    model, made = improver(), 0
    for number in range(20):
        count = int(first.count[0])
        if not count:
            break
        pairs = [tuple(pair) for pair in first.ends()[0, :, :count].T.tolist()]
        renumbered = old[second.ends()[0, :, :count]]
        order = [pairs.index(tuple(pair)) for pair in renumbered.T.tolist()]
        one, two = logits_of(model, first, [0])[0], logits_of(model, second, [0])[0]
        torch.testing.assert_close(one[order], two, **EXACT)
        action = number % count
        first.step([action])
        second.step([order.index(action)])
        made += 1
    assert made >= 10


def test_a_row_is_judged_alike_alone_and_among_others() -> None:
    """Joining graphs and padding moves leaves no trace; one set of weights runs on all sizes."""
    batch, model = ImprovementBatch([shop(3, 2), shop(7, 4), shop(5, 5), shop(9, 3)]), improver()
    together = logits_of(model, batch, [3, 1, 2])
    for place, row in enumerate([3, 1, 2]):
        alone = logits_of(model, batch, [row])[0]
        torch.testing.assert_close(together[place, : alone.numel()], alone, **EXACT)
        assert torch.isinf(together[place, alone.numel() :]).all()
        assert torch.isfinite(together[place]).sum() == batch.count[row]


def test_every_weight_takes_part() -> None:
    """Each gets a gradient from the logits of one state."""
    model = improver()
    seen = schedules_of(ImprovementBatch([shop(7, 4), shop(6, 5)]), np.arange(2))
    logits = model(seen)
    chance = functional.log_softmax(logits, 1).gather(1, torch.zeros(2, 1, dtype=torch.int64))
    torch.autograd.backward(chance.sum())
    for name, weight in model.named_parameters():
        assert weight.grad is not None and torch.isfinite(weight.grad).all(), name
        if name != "score.2.bias":  # the same for all moves
            assert (weight.grad != 0).any(), name


def test_walks_depend_on_their_own_numbers_alone() -> None:
    """A row plays the same, however many others there are; every step moves all rows that are not over."""
    model, number = improver(), np.array([5, 9, 2])
    batch = ImprovementBatch([shop(6, 4)], 3, steps=15)
    moved = list(improve(model, batch, sampler(number, 1.0, 7)))
    alone = ImprovementBatch([shop(6, 4)], 1, steps=15)
    list(improve(model, alone, sampler(number[1:2], 1.0, 7)))
    assert batch.schedule(1) == alone.schedule(0)
    assert moved[0] == 3 and batch.is_over.all() and len(moved) <= 15
