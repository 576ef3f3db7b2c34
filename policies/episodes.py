"""Episodes played by a network, and episodes as a network is trained on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from makespan.envs.rewards import Potential
from makespan.instances.instance import IntArray
from makespan.policies.network import Choices, Dispatcher, Encoded, Graph
from makespan.policies.views import BatchView, Decisions, padded_choices, padded_flags

Choose = Callable[[Tensor, IntArray, int], IntArray]
"""``choose(logits, rows, step)``: positions of candidates, shape (b,), from logits (b, c)."""

Teacher = Callable[[IntArray], IntArray]
"""``teacher(rows)``: positions of candidates for rows of a batch as they are now."""

Alike = Callable[[IntArray], NDArray[np.bool_]]
"""``alike(rows)``: shape (b, most candidates), which of them lead to the same schedule as what a teacher takes."""


def greedy(logits: Tensor, rows: IntArray, step: int) -> IntArray:
    """The candidate with the largest logit, the first of several."""
    best: IntArray = logits.argmax(1).cpu().numpy()
    return best


@torch.inference_mode()
def play(
    model: Dispatcher,
    view: BatchView,
    choose: Choose,
    refresh_every: int,
    expired: Callable[[], bool] = lambda: False,
    stop: IntArray | None = None,
) -> IntArray | None:
    """Play all rows of a batch from where they stand to their ends, or until row r has made ``stop[r]`` decisions.

    ``refresh_every``: the graph is read again after so many decisions; never if 0. Returns the actions (rows,
    decisions), -1 behind the last of a row, as ``batch.replay`` takes them; None if ``expired`` before the end.
    """
    batch, actions, step = view.batch, list[IntArray](), 0
    encoded: Encoded | None = None
    while (rows := np.flatnonzero((batch.count > 0) & (True if stop is None else stop > step))).size:
        if expired():
            return None
        if encoded is None or (refresh_every and step % refresh_every == 0):
            encoded = model.encode(view.graph(rows))
        logits = model.logits(encoded, view.choices(rows))
        chosen = choose(logits, rows, step)
        batch.take(chosen, rows)
        action = np.full(batch.num_rows, -1)
        action[rows] = chosen
        actions.append(action)
        step += 1
    return np.stack(actions, axis=1) if actions else np.zeros((batch.num_rows, 0), np.int64)


class Episodes(NamedTuple):
    """All that a network must see to say again what it thinks of the decisions of some episodes.

    Parameters
    ----------
    graph
        The graphs that were read, joined.
    decisions
        The candidates, with nodes of that graph; decision after decision, in each all rows that were not over.
    taken
        Shape (d,) int64: the position of the candidate that was taken.
    step
        Shape (d,) int64: which decision of its row it was, from 0.
    value
        Shape (d,) float64: the measure before the decision; empty if none was asked for.
    alike
        Shape (t,), as the candidates: which lead to the same schedule as the one that was taken; empty if unknown.
    """

    graph: Graph
    decisions: Decisions
    taken: IntArray
    step: IntArray
    value: NDArray[np.float64]
    alike: NDArray[np.bool_]


def collect(
    view: BatchView,
    teacher: Teacher,
    refresh_every: int,
    measure: Potential | None = None,
    alike: Alike | None = None,
) -> Episodes:
    """Play the batch to the end as a teacher says, and keep what a network would have seen. O(what is kept)."""
    batch, step = view.batch, 0
    graphs, found, same = list[Graph](), list[Decisions](), list[NDArray[np.bool_]]()
    taken, steps, values = list[IntArray](), list[IntArray](), list[NDArray[np.float64]]()
    nodes = np.zeros(2, np.int64)
    while (rows := np.flatnonzero(batch.count > 0)).size:
        if not graphs or (refresh_every and step % refresh_every == 0):
            if graphs:
                nodes += graphs[-1].operation.shape[0], graphs[-1].resource.shape[0]
            graphs.append(view.graph(rows))
        now = view.decisions(rows)
        operation, resource = (
            np.where(own >= 0, own + first, -1) for own, first in zip((now.operation, now.resource), nodes, strict=True)
        )
        found.append(now._replace(operation=operation, resource=resource))
        if measure is not None:
            values.append(np.asarray(measure(batch, rows), np.float64))
        action = teacher(rows)
        if alike is not None:
            accepted = alike(rows)
            accepted[np.arange(rows.size), action] = True
            same.append(accepted[np.arange(accepted.shape[1]) < now.count[:, None]])
        batch.take(action, rows)
        taken.append(action)
        steps.append(np.full(rows.size, step))
        step += 1
    if not graphs:
        raise ValueError("collect: found no decision, expected at least one")
    return Episodes(
        joined(graphs),
        Decisions(*(np.concatenate(column) for column in zip(*found, strict=True))),
        np.concatenate(taken),
        np.concatenate(steps),
        np.concatenate(values) if values else np.zeros(0),
        np.concatenate(same) if same else np.zeros(0, np.bool_),
    )


def joined(graphs: list[Graph]) -> Graph:
    """Graphs one behind the other."""
    sizes = np.array([(graph.operation.shape[0], graph.resource.shape[0]) for graph in graphs])
    first = np.cumsum(sizes, axis=0) - sizes
    return Graph(
        torch.cat([graph.operation for graph in graphs]),
        torch.cat([graph.resource for graph in graphs]),
        torch.cat([graph.arc + int(low) for graph, low in zip(graphs, first[:, 0], strict=True)], 1),
        torch.cat(
            [graph.use + torch.tensor(low.tolist())[:, None] for graph, low in zip(graphs, first, strict=True)], 1
        ),
        torch.cat([graph.weight for graph in graphs]),
    )


class Verdict(NamedTuple):
    """What a network thinks of d decisions, all of shape (d,): the log-probability of the candidate that was taken, or
    of any that is alike, the entropy over the candidates as a part of its maximum, and the value of the state."""

    log_probability: Tensor
    entropy: Tensor
    value: Tensor


def verdict(model: Dispatcher, episodes: Episodes, which: IntArray | None = None) -> Verdict:
    """Judge all decisions, or those at ``which``. Candidates are padded to a power of two at most."""
    chosen = np.arange(episodes.taken.size) if which is None else which
    parts, order = list[Verdict](), list[IntArray]()
    for places, choices, logits, value in considered(model, episodes, chosen):
        log = functional.log_softmax(logits, 1)
        if episodes.alike.size:
            alike = padded_flags(episodes.decisions, episodes.alike, chosen[places], log.shape[1])
            taken = log.masked_fill(~torch.from_numpy(alike).to(log.device), -torch.inf).logsumexp(1)
        else:
            taken = log.gather(1, torch.from_numpy(episodes.taken[chosen[places]]).to(log.device)[:, None]).squeeze(1)
        mask = choices.mask.to(log.device)
        safe, most = log.masked_fill(~mask, 0), mask.sum(1).clamp(min=2).log()
        parts.append(Verdict(taken, -(safe.exp() * safe * mask).sum(1) / most, value))
        order.append(places)
    back = torch.from_numpy(np.argsort(np.concatenate(order), kind="stable")).to(model.device)
    return Verdict(*(torch.cat(column)[back] for column in zip(*parts, strict=True)))


def considered(
    model: Dispatcher, episodes: Episodes, which: IntArray
) -> Iterator[tuple[IntArray, Choices, Tensor, Tensor]]:
    """Parts of the decisions at ``which``, with similar numbers of candidates: places in ``which``, candidates, logits
    (k, c) and values (k,)."""
    encoded = model.encode(episodes.graph)
    for wide, places in _by_width(episodes.decisions.count[which]):
        choices = padded_choices(episodes.decisions, which[places], wide)
        yield places, choices, *model.choose(encoded, choices)


def _by_width(count: IntArray) -> Iterator[tuple[int, IntArray]]:
    """Places of similar counts: at most 2, 4, 8, … candidates, the last the most there are."""
    wide, most = 2, int(count.max(initial=1))
    while True:
        places = np.flatnonzero((count <= wide) & (count > (wide // 2 if wide > 2 else 0)))
        if places.size:
            yield min(wide, int(count[places].max())), places
        if wide >= most:
            return
        wide *= 2


def replaying(view: BatchView, actions: IntArray) -> Teacher:
    """A teacher that repeats ``actions`` (rows, decisions); the batch must stand where they began."""
    step = np.zeros(view.batch.num_rows, np.int64)

    def teacher(rows: IntArray) -> IntArray:
        action: IntArray = actions[rows, step[rows]]
        step[rows] += 1
        return action

    return teacher
