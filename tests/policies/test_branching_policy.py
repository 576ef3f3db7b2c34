"""The network that branches: what it sees, what it remembers, what it learns, and that the search stays exact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from makespan.instances.instance import Instance
from makespan.instances.shop_view import shop_view
from makespan.policies import checkpoint
from makespan.policies.branching import BranchingImitation, BranchingValidation, decisions_of, joined, judged
from makespan.policies.branching_looks import (
    OPERATION_FEATURES,
    PAIR_FEATURES,
    LearnedChoice,
    look_at,
    root_looks,
)
from makespan.policies.branching_network import BranchingNetwork
from makespan.policies.checkpoint import Card
from makespan.policies.config import Config, read_config
from makespan.policies.labels import Recipe
from makespan.policies.problems import PROBLEMS
from makespan.policies.training import train
from makespan.solvers.api import Status, solve
from makespan.solvers.branching import first_schedule, most_constrained
from makespan.solvers.disjunctive_tree import Node, Search
from tests.policies.shops import permuted, shop

TINY = Config(
    problem="branch",
    method="strong_branching",
    instances=("uniform,jobs=6,machines=5",),
    width=16,
    layers=1,
    blocks=3,
    heads=2,
    batch=4,
    rollouts=4,
    label_count=16,
    updates=30,
    warm_up=2,
    learning_rate=0.01,
    validation_count=8,
    evaluate_every=15,
    threads=1,
)


def scorer(seed: int = 0, **sizes: int) -> BranchingNetwork:
    """A small network with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        shape = PROBLEMS["branch"].shape(**({"width": 16, "layers": 2, "blocks": 3, "heads": 2} | sizes))
        return BranchingNetwork(shape).eval()


def rough(seed: int) -> Instance:
    """A shop in which hardly two slacks are equal."""
    random = np.random.default_rng(seed)
    machine = [random.permutation(4) for _ in range(5)]
    return Instance.job_shop(machine, list(random.integers(1, 10**6, (5, 4))))


def tasks_of(instance: Instance) -> dict[tuple[int, int], int]:
    """The task of each place (job, position)."""
    view = instance.derived(shop_view)
    return {
        (j, i): int(view.task[view.job_ptr[j] + i])
        for j in range(view.num_jobs)
        for i in range(int(view.job_ptr[j + 1] - view.job_ptr[j]))
    }


@torch.inference_mode()
def test_scores_do_not_depend_on_how_jobs_and_machines_are_numbered() -> None:
    """The pair of two operations gets the same score under any numbers of theirs."""
    instance, model = rough(1), scorer()
    other, job, _ = permuted(instance, 3)
    scores = []
    for each in (instance, other):
        (look,) = root_looks([each])
        place = {task: key for key, task in tasks_of(each).items()}
        values = model.remember([model.encode(look.pairs)]).tolist()
        ends = [frozenset(place[int(task)] for task in row) for row in look.pairs.ends]
        scores.append(dict(zip(ends, values, strict=True)))
    back = {frozenset((int(job[j]), i) for j, i in key): value for key, value in scores[1].items()}
    assert back.keys() == scores[0].keys() and len(back) == 40
    assert max(abs(back[key] - scores[0][key]) for key in back) < 1e-5


@torch.inference_mode()
def test_attention_is_that_of_the_definition() -> None:
    """Edge by edge, with plain loops: each operation weighs its pairs, each pair its two operations."""
    model = scorer()
    (look,) = root_looks([shop(3, 2)])
    operation, pair = model.operation(look.pairs.operation), model.pair(look.pairs.pair)
    heads = model.shape.heads

    def meet(layer: Any, own: torch.Tensor, seen: list[tuple[int, torch.Tensor]]) -> torch.Tensor:
        if not seen:
            return layer.norm(own + layer.join(torch.zeros_like(own)))  # type: ignore[no-any-return]
        sent = torch.stack([layer.sent(vector) + layer.role[role] for role, vector in seen]).view(len(seen), heads, -1)
        score = (functional.leaky_relu(sent + layer.asked(own).view(heads, -1), 0.2) * layer.weight).sum(2)
        met = (score.softmax(0).unsqueeze(2) * sent).sum(0).reshape(-1)
        return layer.norm(own + layer.join(met))  # type: ignore[no-any-return]

    ends = look.pairs.ends.tolist()
    for to_operation, to_pair in zip(model.to_operation, model.to_pair, strict=True):
        mine = [[(row.index(o), pair[e]) for e, row in enumerate(ends) if o in row] for o in range(len(operation))]
        operation = torch.stack([meet(to_operation, own, mine[o]) for o, own in enumerate(operation)])
        both = [[(role, operation[o]) for role, o in enumerate(row)] for row in ends]
        pair = torch.stack([meet(to_pair, own, both[e]) for e, own in enumerate(pair)])
    assert torch.allclose(model.encode(look.pairs), pair, atol=1e-5)


def test_features_have_the_names_of_their_tables() -> None:
    """One column per name; all are of the size of 1, whatever the unit of time."""
    (look,), (large,) = (
        root_looks([each]) for each in (shop(4, 3), shop(4, 3).replace(duration=shop(4, 3).duration * 1000))
    )
    assert look.pairs.operation.shape == (12, len(OPERATION_FEATURES))
    assert look.pairs.pair.shape == (18, len(PAIR_FEATURES))
    assert float(look.pairs.pair.abs().max()) <= 1 and float(look.pairs.operation.abs().max()) <= 1
    assert torch.allclose(look.pairs.pair, large.pairs.pair, atol=0.01)


def test_a_pair_is_seen_from_its_tighter_order() -> None:
    """The first operation is the one whose going first leaves less slack, so the numbers of tasks do not show."""
    instance = rough(2)

    def choose(search: Search, node: Node, open_pairs: np.ndarray) -> tuple[int, None]:
        look = look_at(search, node, open_pairs)
        slack = search.slack()[open_pairs]
        assert torch.allclose(look.pairs.pair[:, 3], torch.from_numpy(slack.min(axis=1) / search.upper).float())
        assert torch.allclose(look.pairs.pair[:, 4], torch.from_numpy(slack.max(axis=1) / search.upper).float())
        turned = look.pairs.ends.numpy() != search.pair[open_pairs, :2]
        assert np.array_equal(turned.all(axis=1), slack[:, 1] < slack[:, 0])
        return most_constrained(search, node, open_pairs)

    search = Search(instance, first_schedule(instance)[1] + 1, choose)
    for _ in range(5):
        search.step()


@torch.inference_mode()
def test_graphs_lie_beside_each_other_without_touching() -> None:
    """What the network thinks of a tree does not depend on the others of the batch."""
    model = scorer()
    looks = root_looks([shop(4, 3), shop(5, 4, 1)])
    together = model.encode(joined([look.pairs for look in looks]))
    alone = torch.cat([model.encode(look.pairs) for look in looks])
    assert torch.allclose(together, alone, atol=1e-5)


@torch.inference_mode()
def test_a_dive_remembers_what_training_shows() -> None:
    """The memory that nodes hand down gives the scores that whole dives get in training."""
    model, instance, dives = scorer(), shop(6, 5, 2), list[tuple[int, tuple[Any, ...]]]()
    learned = LearnedChoice(model)

    def choose(search: Search, node: Node, open_pairs: np.ndarray) -> tuple[int, Any]:
        memory, looks = node.memory or ((), ())
        looks = (*looks, look_at(search, node, open_pairs))[-3:]
        node.memory = memory
        position, memory = learned(search, node, open_pairs)
        dives.append((position, looks))
        return position, (memory, looks)

    search = Search(instance, first_schedule(instance)[1] + 20, choose)
    while search.stack and len(dives) < 12:
        search.step()
    assert {len(looks) for _, looks in dives} == {1, 2, 3}
    for position, looks in dives:
        seen = [model.encode(each.pairs)[np.searchsorted(each.number, looks[-1].number)] for each in looks]
        assert int(model.remember(seen).argmax()) == position


def test_labels_are_the_pairs_that_change_most() -> None:
    """And every look of a dive holds the pairs that are still open at its end."""
    found = decisions_of(shop(6, 6, 4), 3, 6, np.random.default_rng(0))
    assert 0 < len(found) <= 6
    for each in found:
        assert each.right.any() and each.right.size == each.looks[-1].number.size and len(each.looks) <= 3
        for look in each.looks:
            assert np.isin(each.looks[-1].number, look.number).all()


def test_it_learns_to_prefer_them() -> None:
    """On a handful of labelled nodes the loss falls, and with it what it gets wrong."""
    model = scorer(blocks=3).train()
    trainer = BranchingImitation(TINY)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01)
    losses = list[float]()
    for _ in range(25):
        loss, log = trainer.loss(model, 0)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0] and log["decisions"] >= 3


def test_a_run_trains_saves_and_solves(tmp_path: Path) -> None:
    """From nothing to a proof; a file of another problem is refused."""
    progress = train(TINY, tmp_path / "run")
    assert progress.step == 30 and 0 <= progress.best < 100
    path = tmp_path / "run" / "best.safetensors"
    model, card, _ = checkpoint.load(path)
    assert card.problem == "branch" and BranchingValidation(TINY, 2**20).gap(model) == pytest.approx(progress.best)
    result = solve(shop(5, 5, 3), f"branch,rule=learned,model={path}")
    assert result.status is Status.OPTIMAL
    assert result.objective == solve(shop(5, 5, 3), "branch").objective
    with pytest.raises(ValueError, match="found a network for 'jsp'"):
        solve(shop(), "branch,rule=learned,model=jsp")
    with pytest.raises(ValueError, match="expected a safetensors file"):
        solve(shop(), "branch,rule=learned,model=nowhere")


def test_any_weights_keep_the_search_exact(tmp_path: Path) -> None:
    """A network only chooses the way through the tree, however badly."""
    for seed in range(3):
        model = scorer(seed)
        checkpoint.save(tmp_path / "any.safetensors", model, Card("branch", model.shape, 1))
        instance = shop(5, 4, seed)
        learned = solve(instance, f"branch,rule=learned,model={tmp_path / 'any.safetensors'}")
        known = solve(instance, "cpsat")
        assert learned.status is known.status is Status.OPTIMAL and learned.objective == known.objective


def test_ties_all_count_as_right() -> None:
    """Where two pairs change as much, preferring either is no mistake, and the loss asks for one of them."""
    found = decisions_of(shop(6, 6, 4), 3, 6, np.random.default_rng(0))
    model = scorer()
    every = [each._replace(right=np.ones_like(each.right)) for each in found]
    loss, agreement = judged(model, every)
    assert float(loss.detach()) == pytest.approx(0, abs=1e-5) and agreement == 1


@pytest.mark.parametrize(
    ("problem", "method"), [("branch", "imitation"), ("jsp", "strong_branching"), ("improve", "strong_branching")]
)
def test_the_method_goes_with_the_problem(problem: str, method: str) -> None:
    """Strong branching teaches where to branch, nothing else."""
    with pytest.raises(ValueError, match="method: found"):
        Config(problem=problem, method=method)


def test_the_recipe_reads() -> None:
    """And its network reads the node and the three above it."""
    config = read_config(Path(__file__).parents[2] / "policies" / "recipes" / "branch.toml")
    assert (config.problem, config.blocks) == ("branch", 4)
    assert Recipe(config.problem, config.instances).instance(3).num_tasks >= 36
