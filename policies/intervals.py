"""Job shops as any constraint model knows them: intervals with bounds, five of each job, and no graph.

A decision of the scheme ``non_delay`` with a wait is between the jobs that can start at the clock and letting the clock
run on. The network sees of each such job its last placed operation and the four after it: whether each is placed, its
least start, its duration, and whether it may start now. It has no critic. Source: Tassel et al. (2023), ICAPS; there
several jobs are drawn at once from one look at the state, here it is looked at again before each, and jobs that cannot
start now have no say in whether to wait.
"""

from __future__ import annotations

from math import log

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from makespan.envs.shop_batch import ShopBatch
from makespan.instances.instance import IntArray
from makespan.policies.network import Choices, Encoded, Graph, Shape
from makespan.policies.views import ShopView
from makespan.solvers.kernels.shop_layout import CHOICE_END, CHOICE_START, END, JOB_SIZE, JOBS, OP, START
from makespan.solvers.kernels.tournament import NEVER

SLOTS = 5
"""Intervals of a job that are shown."""

KIND, PLACED, LEAST_START, DURATION, STARTS_NOW, NUMBERS = range(6)
"""Numbers of a slot; the start and the duration in standard deviations from their means."""

INTERVAL, BEFORE_FIRST, BEHIND_LAST = range(3)
"""Kinds of slots: an operation, or none because none is placed yet, or because the job ends before."""


class IntervalView(ShopView):
    """Of job shops with one mode per operation, in ``non_delay`` with a wait."""

    candidate_features = SLOTS * NUMBERS
    operation_features = 0
    resource_features = 0

    def refresh(self) -> None:
        super().refresh()
        number = self._node.shape[1] - 1
        self._node[:, :number] = np.arange(number)  # no joined graph: every row has nodes of its own
        number = self._resource_node.shape[1] - 1
        self._resource_node[:, :number] = np.arange(number)
        self._tables = _Tables(self.batch)

    def graph(self, rows: IntArray) -> Graph:
        """Nothing."""
        none, pairs = torch.zeros(0, 0), torch.zeros(2, 0, dtype=torch.int64)
        return Graph(none, none, pairs, pairs, torch.zeros(0, 1))

    def fork(self, source: IntArray, target: IntArray) -> None:
        """Nothing depends on the row."""

    def _features(self, rows: IntArray) -> NDArray[np.float32]:
        of_jobs = self._tables.slots(rows)
        job = self.batch.job[rows].astype(np.int64)
        features = np.take_along_axis(of_jobs, np.maximum(job, 0)[:, :, None], 1)
        features[job < 0] = 0
        return features


class _Tables:
    """The shops of a batch, padded: ``first`` and ``last`` operation (shops, jobs); ``job``, ``machine``, ``duration``
    of an operation, and ``scaled``, the same less its mean over its standard deviation (shops, operations)."""

    def __init__(self, batch: ShopBatch) -> None:
        self.batch = batch
        jobs, operations, _, _ = batch.limits
        number = len(batch.views)
        self.first, self.last = np.zeros((2, number, jobs), np.int64)
        self.job, self.machine, self.duration = np.zeros((3, number, operations), np.int64)
        self.scaled = np.zeros((number, operations), np.float32)
        for i, view in enumerate(batch.views):
            here, size = slice(0, view.num_jobs), view.num_operations
            self.first[i, here], self.last[i, here] = view.job_ptr[:-1], view.job_ptr[1:]
            self.job[i, :size] = np.repeat(np.arange(view.num_jobs), np.diff(view.job_ptr))
            self.machine[i, :size], self.duration[i, :size] = view.machine, view.duration
            self.scaled[i, :size] = (view.duration - view.duration.mean()) / max(1e-6, view.duration.std())

    def slots(self, rows: IntArray) -> NDArray[np.float32]:
        """Shape (k, jobs, SLOTS x NUMBERS): the windows of all jobs. O(k x operations)."""
        batch, which, state = self.batch, self.batch.which[rows], self.batch.state[rows]
        jobs, operations, machines, _ = batch.limits
        first, last, job = self.first[which], self.last[which], self.job[which]
        machine, duration = self.machine[which], self.duration[which]
        of_job = state[:, state[0, JOBS] :][:, : JOB_SIZE * jobs].reshape(rows.size, jobs, JOB_SIZE)
        exists = last > first
        following = np.where(exists, of_job[:, :, OP], 0)
        start, end = (state[:, state[0, field] :][:, :operations] for field in (START, END))
        is_placed = np.arange(operations) < np.take_along_axis(following, job, 1)
        free = np.zeros((rows.size, machines), np.int64)
        np.maximum.at(free, (np.arange(rows.size)[:, None], machine), np.where(is_placed, end, 0))
        clock = np.where(batch.count[rows] > 0, batch.candidate_starts(rows).min(1), 0)
        least, now = np.zeros((2, rows.size, jobs, SLOTS), np.int64)
        kind = np.full((rows.size, jobs, SLOTS), BEHIND_LAST)
        scaled = np.zeros((rows.size, jobs, SLOTS), np.float32)
        ready = of_job[:, :, CHOICE_END]
        for slot in range(SLOTS):
            operation = following + slot - 1
            there = exists & (operation >= first) & (operation < last)
            kind[:, :, slot] = np.where(there, INTERVAL, BEFORE_FIRST if slot == 0 else BEHIND_LAST)
            at = np.where(there, operation, 0)
            scaled[:, :, slot] = np.where(there, np.take_along_axis(self.scaled[which], at, 1), 0)
            if slot == 0:
                least[:, :, slot] = np.where(there, np.take_along_axis(start, at, 1), 0)
                continue
            if slot == 1:
                begin = np.where(there, of_job[:, :, CHOICE_START], 0)
                now[:, :, slot] = there & (begin <= clock[:, None])
            else:
                begin = np.maximum(ready, np.take_along_axis(free, np.take_along_axis(machine, at, 1), 1))
                ready = begin + np.take_along_axis(duration, at, 1)
            least[:, :, slot] = np.where(there, np.minimum(begin, NEVER >> 1), 0)
        result = np.zeros((rows.size, jobs, SLOTS, NUMBERS), np.float32)
        result[..., KIND], result[..., STARTS_NOW] = kind, now
        result[..., PLACED][:, :, 0] = kind[:, :, 0] == INTERVAL
        result[..., LEAST_START], result[..., DURATION] = _standardised(least, kind == INTERVAL), scaled
        return result.reshape(rows.size, jobs, SLOTS * NUMBERS)


def _standardised(value: IntArray, there: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Values of each row less their mean, over their standard deviation; 0 where there is none."""
    number = np.maximum(1, there.sum((1, 2)))[:, None, None]
    mean = np.where(there, value, 0).sum((1, 2), keepdims=True) / number
    spread = np.sqrt((np.where(there, value - mean, 0.0) ** 2).sum((1, 2), keepdims=True) / number)
    return np.where(there, (value - mean) / np.maximum(spread, 1e-6), 0).astype(np.float32)


class IntervalNetwork(nn.Module):
    """Scores of jobs and of waiting; ``width`` and ``heads`` of the shape count, 8 and 1 in the source."""

    place: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.placed, self.starts_now = nn.Embedding(2, 1), nn.Embedding(2, 1)
        self.none = nn.Embedding(2, 4)
        self.interval = nn.Linear(4, width)
        self.register_buffer("place", sinusoids(SLOTS, width), persistent=False)
        self.within, self.across = _attention(width, shape.heads), _attention(width, shape.heads)
        self.score, self.wait = _head(width), _head(width)

    @property
    def device(self) -> torch.device:
        """Where the weights are; choices are brought there."""
        return self.interval.weight.device

    def encode(self, graph: Graph) -> Encoded:
        """Nothing: all that is seen comes with the choices."""
        return graph.operation, graph.resource

    def choose(self, encoded: Encoded, choices: Choices) -> tuple[Tensor, Tensor]:
        """Logits (b, c), minus infinity where there is no candidate, and values (b,), all 0."""
        choices = choices.to(self.device)
        is_job = choices.mask & (choices.operation >= 0)
        seen = self._jobs(choices.features)
        same = (choices.resource[:, :, None] == choices.resource[:, None, :]) & is_job[:, :, None] & is_job[:, None, :]
        same |= torch.eye(same.shape[1], dtype=torch.bool, device=self.device)
        barred = (~same).repeat_interleave(self.shape.heads, 0)
        seen = seen + self.across(seen, src_mask=barred)
        number = is_job.sum(1).clamp(min=1)
        wait = (self.wait(seen).squeeze(2) * is_job).sum(1) / number
        score = torch.where(is_job, self.score(seen).squeeze(2), wait[:, None])
        return score.masked_fill(~choices.mask, -torch.inf), score.new_zeros(score.shape[0])

    def logits(self, encoded: Encoded, choices: Choices) -> Tensor:
        """Those of ``choose``."""
        return self.choose(encoded, choices)[0]

    def _jobs(self, features: Tensor) -> Tensor:
        """Shape (b, c, width): the mean over the slots of each candidate after they have seen each other."""
        b, c, _ = features.shape
        slot = features.view(b * c, SLOTS, NUMBERS)
        kind = slot[..., KIND].long()
        known = torch.cat(
            (
                self.placed(slot[..., PLACED].long()),
                slot[..., LEAST_START : DURATION + 1],
                self.starts_now(slot[..., STARTS_NOW].long()),
            ),
            2,
        )
        is_interval = (kind == INTERVAL)[..., None]
        token = torch.where(is_interval, known, self.none((kind - BEFORE_FIRST).clamp(min=0)))
        seen = self.interval(token) + self.place * is_interval
        result: Tensor = self.within(seen).mean(1).view(b, c, -1)
        return result


def sinusoids(places: int, width: int) -> Tensor:
    """Shape (places, width): sines and cosines of falling frequencies. Source: Vaswani et al. (2017), NeurIPS."""
    angle = torch.arange(places)[:, None] * torch.exp(torch.arange(0, width, 2) * (-log(10_000.0) / width))
    return torch.stack((angle.sin(), angle.cos()), 2).view(places, -1)[:, :width]


def _attention(width: int, heads: int) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True, norm_first=True)


def _head(width: int) -> nn.Sequential:
    first, last = nn.Linear(width, 4 * width), nn.Linear(4 * width, 1)
    nn.init.orthogonal_(last.weight, 0.01)
    nn.init.zeros_(last.bias)
    return nn.Sequential(first, nn.Tanh(), last)
