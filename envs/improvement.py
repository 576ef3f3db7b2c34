"""``makespan/JobShopImprovement-v0``: improve a schedule of a job shop, one move at a time; alone and as a vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gymnasium.vector import AutoresetMode

from makespan.envs.batch import Batch
from makespan.envs.env import Instances, SchedulingEnv, SchedulingVectorEnv
from makespan.envs.improvement_batch import ImprovementBatch, ImprovementLimits
from makespan.envs.improvement_observer import ImprovementObserver
from makespan.envs.observer import CandidateFeature, Observer
from makespan.envs.play import Play
from makespan.envs.rewards import Potential
from makespan.envs.sources import source
from makespan.instances.instance import Instance


class JobShopImprovementEnv(SchedulingEnv):
    """Improve a complete schedule of a job shop by moves within its critical blocks.

    Observation
    -----------
    A dict of fresh arrays, padded with zeros (numbers of nodes: -1) to ``limits``:

    * ``candidates`` (actions, features) float32, the rows of legal actions: ``MOVE_FEATURES`` in
      ``envs/improvement_features.py``, then those of ``features``;
    * ``action_mask`` (actions,) int8.

    With ``observation="graph"`` also ``operations`` (operations, features); ``candidate_operation`` (2, actions): the
    operation that each legal action moves, and the one whose place it takes; and the arcs ``job_arc`` and
    ``machine_arc``, both (2, operations): column v leads from operation v to the next one of its job, or on its
    machine. Operations are numbered as the tasks of the instance.

    Action
    ------
    The position of a move in the list of all legal ones, which begins at the start of the critical path; so legal are
    always the first few numbers, and what a number means changes with every step. One scheme for all neighbourhoods: to
    name every move of ``n7`` for good would take operations x jobs numbers. ``info["action_mask"]`` marks the legal
    ones; ``action_space.sample()`` draws one of them. An illegal action raises ValueError and changes nothing.

    Reward
    ------
    ``incumbent``: by how much the move improves on the least makespan so far, in the instance's unit of time; these add
    up to the makespan of the first schedule less that of the best one. Or ``makespan``: the fall of the makespan
    itself; ``terminal``: minus the least makespan, at the end; or a function, see ``Potential``.

    Episode end
    -----------
    Truncated after ``steps`` moves. Terminated when no move is left, which happens at the latest in an optimal schedule
    of a single block; an episode that begins with one ends with its first step, whatever the action. ``info`` then has
    the least ``makespan``, and ``complete``, which is True.

    Reset options
    -------------
    ``instance``: an Instance or a reference such as ``@ta01``, for this episode.

    Parameters
    ----------
    instances
        See ``sources.source``.
    observation
        ``flat`` or ``graph``.
    reward, features
        Names or functions.
    neighbourhood, steps, start, path, tabu
        See ``ImprovementBatch``. A ``start`` of one schedule for each instance serves a fixed choice of these only.
    limits
        (operations, candidates) at most, which fix the shapes; what ``instances``, or some that their generator draws,
        could need at worst if left out, which is far more candidates than there ever are.
    render_mode
        ``ansi`` or ``html``: the best schedule so far as a Gantt chart.
    """

    def __init__(
        self,
        instances: Instances = "@ft06",
        *,
        observation: str = "flat",
        reward: str | Potential = "incumbent",
        features: Sequence[CandidateFeature] = (),
        limits: Sequence[int] | None = None,
        render_mode: str | None = None,
        **moves: Any,
    ) -> None:
        super().__init__(_play(instances, 1, observation, reward, features, limits, moves), render_mode)


class JobShopImprovementVectorEnv(SchedulingVectorEnv):
    """The same for many episodes at once: ``gymnasium.make_vec("makespan/JobShopImprovement-v0", num_envs=64)``.

    See ``SchedulingVectorEnv`` for seeds and resets, ``JobShopImprovementEnv`` for the parameters; ``threads`` work on
    the environments side by side.
    """

    def __init__(
        self,
        num_envs: int = 1,
        instances: Instances = "@ft06",
        *,
        observation: str = "flat",
        reward: str | Potential = "incumbent",
        features: Sequence[CandidateFeature] = (),
        limits: Sequence[int] | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
        **moves: Any,
    ) -> None:
        play = _play(instances, num_envs, observation, reward, features, limits, moves)
        super().__init__(play, num_envs, autoreset_mode, render_mode)


def _play(
    instances: Instances,
    rows: int,
    observation: str,
    reward: str | Potential,
    features: Sequence[CandidateFeature],
    limits: Sequence[int] | None,
    moves: dict[str, Any],
) -> Play:
    def setup(first: Sequence[Instance], largest: Sequence[Instance], number: int) -> tuple[Batch, Observer]:
        neighbourhood = moves.get("neighbourhood", "n5")
        room = ImprovementLimits.of(largest, neighbourhood) if limits is None else ImprovementLimits(*limits)
        batch = ImprovementBatch(first, number, limits=room, **moves)
        return batch, ImprovementObserver(batch, observation, features)

    return Play(source(instances), rows, reward, setup)
