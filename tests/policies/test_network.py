"""The network: blind to numbering, to padding and to its neighbours in a batch, and equal to its reference."""

import numpy as np
import torch

from makespan.policies.network import Choices, Dispatcher
from makespan.policies.pyg import encode, to_hetero_data
from makespan.policies.views import BatchView, view_of
from tests.policies.shops import batch_of, network, permuted, project, shop


def logits_of(model: Dispatcher, view: BatchView, rows: list[int]) -> torch.Tensor:
    """Of the decisions of some rows as they stand; the same with values beside them and without."""
    at = np.array(rows)
    with torch.inference_mode():
        encoded, choices = model.encode(view.graph(at)), view.choices(at)
        logits = model.logits(encoded, choices)
        assert torch.equal(logits, model.choose(encoded, choices)[0])
        return logits


def test_logits_follow_a_renumbering_of_jobs_and_machines() -> None:
    """Names carry no meaning: the candidates of the renumbered shop get the logits of those they are."""
    own = shop(6, 5)
    other, job, _ = permuted(own)
    model, first, second = network(), batch_of(own), batch_of(other)
    for _ in range(10):
        one, two = logits_of(model, view_of(first), [0])[0], logits_of(model, view_of(second), [0])[0]
        jobs = first.job[0, : first.count[0]]
        mirrored = job[second.job[0, : second.count[0]]]
        order = [int(np.flatnonzero(mirrored == j)[0]) for j in jobs]
        torch.testing.assert_close(one, two[order], atol=1e-5, rtol=0)
        first.step([0])
        second.step([order[0]])


def test_a_row_is_judged_alike_alone_and_among_others() -> None:
    """Joining graphs and padding candidates leaves no trace."""
    batch = batch_of(shop(3, 2), shop(7, 4), shop(5, 5), project_free := shop(9, 3))
    assert project_free.num_tasks == 27
    model, view = network(), view_of(batch)
    together = logits_of(model, view, [0, 1, 2, 3])
    for row in range(4):
        alone = logits_of(model, view, [row])[0]
        torch.testing.assert_close(together[row, : alone.numel()], alone, atol=1e-5, rtol=0)
        assert torch.isinf(together[row, alone.numel() :]).all()


def test_the_encoder_agrees_with_pytorch_geometric() -> None:
    """Two ways to pass messages, for shops and for projects, with weights between 0 and 1."""
    from makespan.policies.problems import PROBLEMS

    projects = PROBLEMS["rcpsp"].batch([project(), project(12, 2)], None, 1)
    for name, batch in (("jsp", batch_of(shop(), shop(6, 5))), ("rcpsp", projects)):
        model = network(name, layers=3)
        graph = view_of(batch).graph(np.arange(2))
        expected = encode(model.encoder, to_hetero_data(graph))
        for own, reference in zip(model.encoder(graph), expected, strict=True):
            torch.testing.assert_close(own, reference, atol=1e-5, rtol=0)


def test_gradients_never_reach_places_without_a_candidate() -> None:
    """What lies behind the last candidate is masked before anything else sees it."""
    batch = batch_of(shop(3, 2), shop(7, 4))
    model, view, rows = network(), view_of(batch), np.arange(2)
    choices = view.choices(rows)
    features = choices.features.clone().requires_grad_()
    logits, value = model.choose(model.encode(view.graph(rows)), Choices(features, *choices[1:]))
    torch.autograd.backward(logits[choices.mask].sum() + value.sum())
    assert features.grad is not None
    assert (features.grad[~choices.mask] == 0).all()
    assert (features.grad[choices.mask] != 0).any()
