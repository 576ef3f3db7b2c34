"""The learned order of ready tasks: training, files, and the network that comes along."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from makespan.envs.workflow_stream import DISPATCHERS, FEATURES, Dispatcher, Stream, check_stream, play
from makespan.instances.workflow_files import read_workflow
from makespan.policies.workflow_order import OrderNetwork, OrderTraining, dispatcher, load, save, train

STREAM = Stream(read_workflow("@ten_tasks"), length=300)
NOISY = Stream(STREAM.workflow, length=300, noise=0.2)


def test_imitation_learns_its_teacher() -> None:
    """The order of the earliest finish is one of the features, so nearly all decisions can be learned."""
    *_, (_, measured) = train(OrderTraining((STREAM, NOISY), imitation=80, updates=0, learning_rate=0.05))
    assert measured["agreed"] > 0.9


def test_training_repeats_and_changes_the_network() -> None:
    """The same plan gives the same weights; REINFORCE moves them."""
    plan = OrderTraining((STREAM,), imitation=5, updates=2, episodes=3)
    (one, _), (two, _) = (list(train(plan))[-1] for _ in range(2))
    before = list(train(OrderTraining((STREAM,), imitation=5, updates=0)))[-1][0]
    for name, weights in one.state_dict().items():
        assert torch.equal(weights, two.state_dict()[name])
    assert any(not torch.equal(weights, before.state_dict()[name]) for name, weights in one.state_dict().items())


def test_scores_in_numpy_are_those_of_the_network() -> None:
    """To single precision."""
    torch.manual_seed(1)
    network = OrderNetwork(8)
    features = np.random.default_rng(0).random((5, len(FEATURES)))
    expected = network(torch.from_numpy(features).float()).detach().numpy()
    assert network.scores()(features) == pytest.approx(expected, abs=1e-5)


def test_a_saved_network_loads_and_a_foreign_file_does_not(tmp_path: Path) -> None:
    """The card names the features."""
    torch.manual_seed(2)
    network, path = OrderNetwork(4), tmp_path / "order.safetensors"
    save(network, path, OrderTraining((STREAM,), hidden=4), {"note": "x"})
    again = load(path)
    assert all(torch.equal(each, again.state_dict()[name]) for name, each in network.state_dict().items())
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="expected an order"):
        load(tmp_path / "other.safetensors")


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_the_network_that_comes_along_beats_heft_rt(noise: float) -> None:
    """Mean latency over six arrival seeds that were not trained on."""
    stream = Stream(STREAM.workflow, length=2000, noise=noise)
    learned = [play(stream, dispatcher(), seed) for seed in range(6)]
    ranked = [play(stream, DISPATCHERS["heft_rt"], seed) for seed in range(6)]
    assert check_stream(stream, learned[0]) == []
    assert np.mean([each.mean_latency for each in learned]) < np.mean([each.mean_latency for each in ranked])


def test_any_scores_make_a_valid_stream() -> None:
    """The order is free; the processor is not."""
    rng = np.random.default_rng(0)
    record = play(STREAM, Dispatcher(lambda features: rng.random(len(features))))
    assert check_stream(STREAM, record) == []
