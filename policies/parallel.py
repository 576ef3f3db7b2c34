"""Gradients of an update from several processes, on one machine or on all of a Ray cluster.

Each worker takes its share of the instances of an update; the gradients are added, each weighed by the number of
instances with a decision that it saw, which is how one process would weigh them. They differ from its gradient by
rounding alone, so that the number of workers may change when a run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from makespan.policies.config import Config
from makespan.policies.counterfactual import Counterfactual
from makespan.policies.imitation import Imitation
from makespan.policies.network import Dispatcher
from makespan.policies.self_labelling import SelfLabelling

Gradient = Callable[[Dispatcher, int], tuple[float, dict[str, float]]]
"""``gradient(model, step)`` fills ``grad`` of the weights for an update; returns the loss and what to log."""

Arrays = list[NDArray[np.float32]]


Found = tuple[list[NDArray[np.float32] | None], float, dict[str, float]]
"""Gradients by weight, None where there is none, the loss, and what to log."""


Method = Imitation | SelfLabelling | Counterfactual
"""Whose updates can be shared."""


def method_of(config: Config) -> Method:
    """The one of a configuration, among ``SHARED`` of ``policies/config.py``."""
    methods: dict[str, Callable[[Config], Method]] = {
        "imitation": Imitation,
        "self_labelling": SelfLabelling,
        "counterfactual": Counterfactual,
    }
    return methods[config.method](config)


class Share:
    """What one worker does: the loss of every ``number``-th instance of an update, from the ``first`` on."""

    def __init__(self, config: Config, model: Dispatcher, first: int, number: int) -> None:
        torch.set_num_threads(config.threads)
        self.method, self.model, self.share = method_of(config), model, (first, number)

    def gradient(self, weights: Arrays, step: int) -> Found:
        """Of the loss of this share of an update."""
        with torch.no_grad():
            for parameter, value in zip(self.model.parameters(), weights, strict=True):
                parameter.copy_(torch.from_numpy(np.array(value)))
        return _gradient(self.method, self.model, step, self.share)


class Workers:
    """A Gradient by ``config.workers`` processes, which Ray starts and ends with this object.

    ``RAY_ADDRESS`` names a cluster; every machine of it makes the labels that its folder lacks. Raises ValueError
    without Ray, or if there are more workers than instances in an update.
    """

    def __init__(self, config: Config, model: Dispatcher) -> None:
        if config.workers > config.batch:
            raise ValueError(f"workers: found {config.workers}, expected at most the batch of {config.batch}")
        try:
            import ray
        except ImportError:
            raise ValueError(f"workers: found {config.workers} without Ray; install makespan[ray]") from None
        method_of(config)  # makes the labels once
        self.ray: Any = ray
        if not ray.is_initialized():
            ray.init(include_dashboard=False, log_to_driver=False)
        remote: Any = ray.remote(num_cpus=0)(Share)  # how many fit on a machine is for the user to say
        self.workers = [remote.remote(config, model, first, config.workers) for first in range(config.workers)]

    def __call__(self, model: Dispatcher, step: int) -> tuple[float, dict[str, float]]:
        weights = self.ray.put([parameter.detach().numpy() for parameter in model.parameters()])
        return _joined(model, self.ray.get([worker.gradient.remote(weights, step) for worker in self.workers]))


class HasLoss(Protocol):
    """A method with one loss for each update."""

    def loss(self, model: Any, step: int, /) -> tuple[Tensor, dict[str, float]]: ...


def whole_gradient(method: HasLoss) -> Gradient:
    """The gradient of a method's loss by this process alone."""

    def gradient(model: Any, step: int) -> tuple[float, dict[str, float]]:
        loss, log = method.loss(model, step)
        loss.backward()
        return float(loss.detach()), log

    return gradient


def gradient_of(method: Method, parts: int) -> Gradient:
    """The same, in so many parts one after the other."""

    def gradient(model: Dispatcher, step: int) -> tuple[float, dict[str, float]]:
        return _joined(model, [_gradient(method, model, step, (first, parts)) for first in range(parts)])

    return whole_gradient(method) if parts == 1 else gradient


def _gradient(method: Method, model: Dispatcher, step: int, share: tuple[int, int]) -> Found:
    model.zero_grad(set_to_none=True)
    loss, log = method.loss(model, step, share)
    loss.backward()
    found = [None if each.grad is None else each.grad.cpu().numpy().copy() for each in model.parameters()]
    return found, float(loss.detach()), log


def _joined(model: Dispatcher, parts: Sequence[Found]) -> tuple[float, dict[str, float]]:
    """Give the model the gradient of all parts together; returns loss and log."""
    seen = np.array([log["instances"] for _, _, log in parts])
    part = (seen / seen.sum()).tolist()
    for i, parameter in enumerate(model.parameters()):
        gradient = _weighed([found[i] for found, _, _ in parts], part)
        parameter.grad = None if gradient is None else gradient.to(parameter.device)
    decisions = np.array([log["decisions"] for _, _, log in parts])
    entropy = float(np.average([log["entropy"] for _, _, log in parts], weights=decisions))
    log = {"instances": float(seen.sum()), "decisions": float(decisions.sum()), "entropy": entropy}
    return sum(weight * loss for weight, (_, loss, _) in zip(part, parts, strict=True)), log


def _weighed(found: list[NDArray[np.float32] | None], part: list[float]) -> Tensor | None:
    """The weighed sum of what there is; None if there is nothing."""
    there = [(weight, each) for weight, each in zip(part, found, strict=True) if each is not None]
    if not there:
        return None
    return torch.from_numpy(np.sum([np.float32(weight) * each for weight, each in there], axis=0, dtype=np.float32))
