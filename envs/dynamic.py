"""``makespan/DynamicJobShop-v0``: run a job shop in which things happen; alone and as a vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gymnasium.vector import AutoresetMode

from makespan.envs.batch import Batch
from makespan.envs.dynamic_arena import DynamicLimits
from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.dynamic_observer import DynamicObserver
from makespan.envs.env import Instances, SchedulingEnv, SchedulingVectorEnv
from makespan.envs.observer import CandidateFeature, Observer
from makespan.envs.play import Play
from makespan.envs.rewards import Potential
from makespan.envs.scenario import Scenario, scenario_of
from makespan.envs.sources import source
from makespan.instances.instance import Instance


class DynamicJobShopEnv(SchedulingEnv):
    """Run a job shop in which jobs arrive, machines break down and operations take longer or shorter than planned.

    The clock runs from event to event. Whenever a machine is up and empty and jobs wait for it, one of them is chosen.

    Observation
    -----------
    A dict of fresh arrays, padded with zeros (numbers: -1):

    * ``candidates`` (actions, features) float32, the rows of legal actions: ``DYNAMIC_CANDIDATE_FEATURES`` in
      ``envs/dynamic_features.py``, then those of ``features``;
    * ``action_mask`` (actions,) int8.

    With ``observation="graph"`` also ``operations`` (places x steps, features) of the jobs in the shop that have not
    ended, step s of the job at place p being node ``p x steps + s``; ``machines`` (machines, features);
    ``candidate_operation`` (actions,): the node that each legal action starts; ``job_arc`` (2, nodes): from each
    operation to the next of its job; ``operation_machine`` (nodes,); ``job_machine`` (places,): the machine that the
    job of each place is on, which, if its next operation is ready, means that it is blocked there.

    Action
    ------
    The place of a job: the machine that decides takes it. A job has its place from its arrival until it is done; then
    another one may get it. With ``wait`` the last action leaves the machine empty until the next event.
    ``info["action_mask"]`` marks the legal ones; ``action_space.sample()`` draws one of them. An illegal action raises
    ValueError and changes nothing.

    Reward
    ------
    Minus what a measure grows by until the next decision, in the instance's unit of time: ``flow_time`` (default: jobs
    in the shop x time), ``waiting_time`` (jobs that wait or are blocked x time), ``tardiness`` (weighted),
    ``tardy_jobs``, ``makespan``, or ``terminal``: minus the makespan at the end. Or a function, see ``Potential``.

    Episode end
    -----------
    Terminated when all jobs are done, or when nothing can happen any more because blocked jobs wait for each other and
    may not swap; truncated when more than ``max_jobs`` jobs are in the shop, or at the horizon. ``info`` then has the
    ``makespan`` so far, and ``complete``: whether all jobs are done.

    Reset options
    -------------
    ``instance``: an Instance or a reference such as ``@ta01``, for this episode.

    Parameters
    ----------
    instances
        See ``sources.source``; job shops with releases, due dates and weights of jobs.
    scenario
        What happens: a Scenario or its parameters by name. Each episode draws its own random numbers; the same seed
        of ``reset`` gives the same ones, whatever is decided.
    observation
        ``flat`` or ``graph``.
    reward, features
        Names or functions.
    wait, forced
        See ``DynamicBatch``.
    limits
        (jobs of an episode, operations of a job, machines) at most, which fix the shapes together with ``max_jobs``;
        those of ``instances``, or of some that its generator draws, if left out.
    render_mode
        ``ansi`` or ``html``: what has happened so far as a Gantt chart.
    """

    def __init__(
        self,
        instances: Instances = "@ft06",
        scenario: Scenario | Mapping[str, Any] | None = None,
        *,
        observation: str = "flat",
        reward: str | Potential = "flow_time",
        features: Sequence[CandidateFeature] = (),
        limits: Sequence[int] | None = None,
        render_mode: str | None = None,
        **options: Any,
    ) -> None:
        play = _play(instances, scenario, 1, observation, reward, features, limits, options)
        super().__init__(play, render_mode)


class DynamicJobShopVectorEnv(SchedulingVectorEnv):
    """The same for many episodes at once: ``gymnasium.make_vec("makespan/DynamicJobShop-v0", num_envs=64)``.

    See ``SchedulingVectorEnv`` for seeds and resets, ``DynamicJobShopEnv`` for the parameters; ``threads`` work on the
    environments side by side.
    """

    def __init__(
        self,
        num_envs: int = 1,
        instances: Instances = "@ft06",
        scenario: Scenario | Mapping[str, Any] | None = None,
        *,
        observation: str = "flat",
        reward: str | Potential = "flow_time",
        features: Sequence[CandidateFeature] = (),
        limits: Sequence[int] | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
        **options: Any,
    ) -> None:
        play = _play(instances, scenario, num_envs, observation, reward, features, limits, options)
        super().__init__(play, num_envs, autoreset_mode, render_mode)


def _play(
    instances: Instances,
    scenario: Scenario | Mapping[str, Any] | None,
    rows: int,
    observation: str,
    reward: str | Potential,
    features: Sequence[CandidateFeature],
    limits: Sequence[int] | None,
    options: dict[str, Any],
) -> Play:
    happens = scenario_of(scenario)

    def setup(first: Sequence[Instance], largest: Sequence[Instance], number: int) -> tuple[Batch, Observer]:
        room = DynamicLimits.of(largest, happens) if limits is None else DynamicLimits(*limits)
        batch = DynamicBatch(first, happens, number, limits=room, **options)
        return batch, DynamicObserver(batch, observation, features)

    return Play(source(instances), rows, reward, setup)
