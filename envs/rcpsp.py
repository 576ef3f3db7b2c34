"""``makespan/RCPSP-v0``: build a schedule of a project, one activity at a time; alone and as a vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gymnasium.vector import AutoresetMode

from makespan.envs.batch import Batch
from makespan.envs.env import Instances, SchedulingEnv, SchedulingVectorEnv
from makespan.envs.observer import CandidateFeature, Observer
from makespan.envs.play import Play
from makespan.envs.project_batch import ProjectBatch, ProjectLimits
from makespan.envs.project_observer import ProjectObserver
from makespan.envs.rewards import Potential
from makespan.envs.sources import source
from makespan.instances.instance import Instance

_EXAMPLE = Instance.rcpsp(
    [3, 5, 2, 4, 6, 1], [[2, 1], [1, 0], [3, 1], [1, 2], [2, 0], [1, 1]], [4, 2], [[], [], [], [], [], []]
)
"""Six activities in any order: every first action is legal, as Gymnasium's checker takes for granted."""


class RCPSPEnv(SchedulingEnv):
    """Build a schedule of a resource-constrained project, also with several modes per activity.

    Observation
    -----------
    A dict of fresh arrays, padded with zeros (numbers of nodes: -1) to ``limits``:

    * ``candidates`` (actions, features) float32, the rows of legal actions: ``ACTIVITY_CANDIDATE_FEATURES`` in
      ``envs/features.py``, then those of ``features``;
    * ``action_mask`` (actions,) int8.

    With ``observation="graph"`` also ``activities`` (activities, features), ``resources`` (resources, features),
    ``candidate_activity`` (actions,): the activity that each legal action places; the edges ``arc`` (2, arcs) from
    predecessor to successor; and one edge for each demand of a mode, ``demand_activity``, ``demand_resource`` and
    ``demand_share`` of the capacity.

    Action
    ------
    ``activity * limits.modes + mode``: place that activity in that mode (0 where there is one), as early as it fits.
    ``info["action_mask"]`` marks the legal ones: in the serial scheme all whose predecessors are placed, in the
    parallel one those that can start at the clock; never a mode that leaves too little of a nonrenewable resource for
    the least spending of the others. ``action_space.sample()`` draws one of them. An illegal action raises ValueError
    and changes nothing.

    Reward
    ------
    ``REWARDS`` in ``envs/rewards.py`` without the waiting time, in the instance's unit of time; by default the lower
    bound before a decision less the one after it, which adds up to the first lower bound less the makespan. Or a
    function, see ``Potential``.

    Episode end
    -----------
    Terminated when nothing is left to decide. ``info`` then has the ``makespan``, and ``complete``: False if a deadline
    or fixed start was missed, or no mode was left. Never truncated.

    Reset options
    -------------
    ``instance``: an Instance or a reference such as ``@j301_1``, for this episode. A half-executed plan is an instance
    with fixed starts, see ``instances/replan.py``.

    Parameters
    ----------
    instances
        See ``sources.source``; an example of six activities if left out.
    observation
        ``flat`` or ``graph``.
    reward, features
        Names or functions.
    scheme, forced
        See ``ProjectBatch``.
    limits
        The fields of ``ProjectLimits`` in order, which fix the shapes; those of ``instances``, or of some that its
        generator draws, if left out.
    render_mode
        ``ansi`` or ``html``: the schedule so far as a Gantt chart.
    """

    def __init__(
        self,
        instances: Instances = _EXAMPLE,
        *,
        observation: str = "flat",
        reward: str | Potential = "lower_bound",
        features: Sequence[CandidateFeature] = (),
        limits: Sequence[int] | None = None,
        render_mode: str | None = None,
        **scheme: Any,
    ) -> None:
        super().__init__(_play(instances, 1, observation, reward, features, limits, scheme), render_mode)


class RCPSPVectorEnv(SchedulingVectorEnv):
    """The same for many episodes at once: ``gymnasium.make_vec("makespan/RCPSP-v0", num_envs=64)``.

    See ``SchedulingVectorEnv`` for seeds and resets, ``RCPSPEnv`` for the parameters; ``threads`` work on the
    environments side by side.
    """

    def __init__(
        self,
        num_envs: int = 1,
        instances: Instances = _EXAMPLE,
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
        room = ProjectLimits.of(largest) if limits is None else ProjectLimits(*limits)
        batch = ProjectBatch(first, number, limits=room, **scheme)
        return batch, ProjectObserver(batch, observation, features)

    return Play(source(instances), rows, reward, setup)
