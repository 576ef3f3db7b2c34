"""``makespan/JobShop-v0``: build a schedule of a job shop, one decision at a time; alone and as a vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gymnasium.vector import AutoresetMode

from makespan.envs.batch import Batch
from makespan.envs.env import Instances, SchedulingEnv, SchedulingVectorEnv
from makespan.envs.observer import CandidateFeature, Observer
from makespan.envs.play import Play
from makespan.envs.rewards import Potential
from makespan.envs.shop_batch import Limits, ShopBatch
from makespan.envs.shop_observer import ShopObserver
from makespan.envs.sources import source
from makespan.instances.instance import Instance
from makespan.instances.shop_view import shop_view


class JobShopEnv(SchedulingEnv):
    """Build a schedule of a job shop or flexible job shop.

    Observation
    -----------
    A dict of fresh arrays, padded with zeros (numbers of nodes: -1) to ``limits``:

    * ``candidates`` (actions, features) float32, the rows of legal actions: ``CANDIDATE_FEATURES`` in
      ``envs/features.py``, then those of ``features``;
    * ``action_mask`` (actions,) int8.

    With ``observation="graph"`` also ``operations`` (operations, features), ``machines`` (machines, features),
    ``candidate_operation`` (actions,): the operation that each legal action places; and the edges ``job_arc`` (2,
    operations), ``mode_operation`` and ``mode_machine`` (operations x modes,).

    With ``observation="disjunctive"`` also ``graph``, a ``GraphInstance`` of Gymnasium: see ``envs/disjunctive.py``.

    Action
    ------
    ``job * limits.modes + mode``: place the next operation of that job in that mode (0 where there is one). With
    ``wait`` the last action lets the clock run on to the next start. ``info["action_mask"]`` marks the legal ones,
    which depend on ``scheme``; ``action_space.sample()`` draws one of them. An illegal action raises ValueError and
    changes nothing.

    Reward
    ------
    ``REWARDS`` in ``envs/rewards.py``, in the instance's unit of time; by default the lower bound before a decision
    less the one after it, which adds up to the first lower bound less the makespan. Or a function, see ``Potential``.

    Episode end
    -----------
    Terminated when nothing is left to decide. ``info`` then has the ``makespan``, and ``complete``: False if a deadline
    or fixed start was missed, or an operation could never start. Never truncated.

    Reset options
    -------------
    ``instance``: an Instance or a reference such as ``@ta01``, for this episode. A half-executed plan is an instance
    with fixed starts, see ``instances/replan.py``.

    Parameters
    ----------
    instances
        See ``sources.source``.
    observation
        ``flat``, ``graph`` or ``disjunctive``.
    reward, features
        Names or functions.
    scheme, delta, wait, modes, forced
        See ``ShopBatch``.
    limits
        (jobs, operations, machines, modes of one operation) at most, which fix the shapes; those of ``instances``, or
        of some that its generator draws, if left out.
    render_mode
        ``ansi`` or ``html``: the schedule so far as a Gantt chart.
    """

    def __init__(
        self,
        instances: Instances = "@ft06",
        *,
        observation: str = "flat",
        reward: str | Potential = "lower_bound",
        features: Sequence[CandidateFeature] = (),
        limits: Sequence[int] | None = None,
        render_mode: str | None = None,
        **scheme: Any,
    ) -> None:
        super().__init__(_play(instances, 1, observation, reward, features, limits, scheme), render_mode)


class JobShopVectorEnv(SchedulingVectorEnv):
    """The same for many episodes at once: ``gymnasium.make_vec("makespan/JobShop-v0", num_envs=64)``.

    See ``SchedulingVectorEnv`` for seeds and resets, ``JobShopEnv`` for the parameters; ``threads`` work on the
    environments side by side.
    """

    def __init__(
        self,
        num_envs: int = 1,
        instances: Instances = "@ft06",
        *,
        observation: str = "flat",
        reward: str | Potential = "lower_bound",
        features: Sequence[CandidateFeature] = (),
        limits: Sequence[int] | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
        **scheme: Any,
    ) -> None:
        play = _play(instances, num_envs, observation, reward, features, limits, scheme)
        super().__init__(play, num_envs, autoreset_mode, render_mode)


def _play(
    instances: Instances,
    rows: int,
    observation: str,
    reward: str | Potential,
    features: Sequence[CandidateFeature],
    limits: Sequence[int] | None,
    scheme: dict[str, Any],
) -> Play:
    def setup(first: Sequence[Instance], largest: Sequence[Instance], number: int) -> tuple[Batch, Observer]:
        room = Limits.of([each.derived(shop_view) for each in largest]) if limits is None else Limits(*limits)
        batch = ShopBatch(first, number, limits=room, **scheme)
        return batch, ShopObserver(batch, observation, features)

    return Play(source(instances), rows, reward, setup)
