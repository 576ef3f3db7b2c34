"""The classes of problems that dispatchers are trained for: how each builds schedules, and who teaches it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from makespan.envs.batch import Batch
from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.improvement_batch import ImprovementBatch
from makespan.envs.improvement_features import IMPROVED_OPERATION_FEATURES, MOVE_FEATURES
from makespan.envs.project_batch import ProjectBatch
from makespan.envs.scenario import Scenario
from makespan.envs.shop_batch import ShopBatch
from makespan.envs.validation import DYNAMIC1
from makespan.instances.instance import Instance, IntArray
from makespan.policies.branching_looks import OPERATION_FEATURES, PAIR_FEATURES, root_logits, root_looks
from makespan.policies.branching_network import BranchingNetwork
from makespan.policies.demonstrations import clock_teacher, project_alike, project_teacher, shop_teacher
from makespan.policies.episodes import Alike, Teacher
from makespan.policies.improvement_episodes import schedules_of
from makespan.policies.improvement_network import ImprovementNetwork
from makespan.policies.intervals import IntervalNetwork, IntervalView
from makespan.policies.mirror import Mirror, mirrored_project, mirrored_shop
from makespan.policies.network import Dispatcher, Shape
from makespan.policies.views import DynamicView, FlexibleShopView, ProjectBatchView, ShopView, view_of
from makespan.solvers.kernels.dynamic_features import MEAN_WORK
from makespan.solvers.kernels.dynamic_layout import EPISODE_JOBS
from makespan.solvers.registry import from_strings


def dispatcher_logits(model: Dispatcher, batch: Batch, rows: IntArray) -> Tensor:
    """What a dispatcher thinks of the candidates of these rows; minus infinity behind the last of each."""
    view = view_of(batch)
    return model.logits(model.encode(view.graph(rows)), view.choices(rows))


def first_bound(batch: Batch) -> NDArray[np.float64]:
    """The first lower bound of each row, at least 1."""
    bound: NDArray[np.float64] = np.maximum(1, batch.measure("lower_bound")).astype(np.float64)
    return bound


@dataclass(frozen=True)
class Problem:
    """A class of problems.

    Parameters
    ----------
    name
        As in ``policy:jsp``.
    scheme
        How the batch builds schedules, in words that a checkpoint keeps.
    features
        Numbers of features of candidates, operations and resources, and their versions.
    batch
        ``batch(instances, rows, threads)``: row r plays instance ``r % len(instances)``. Of ``branch``, the roots.
    teacher
        ``teacher(batch, schedules)`` follows near-optimal schedules, one per row.
    alike
        ``alike(batch, schedules)`` tells which candidates lead to these as well; None where one alone does.
    mirror
        An instance that has none but MIRRORED_FEATURES, backwards in time; None where that is another problem.
    solver
        The spec of the search that makes labels, without its limits; empty if there is none.
    network
        Of a shape.
    logits
        ``logits(network, batch, rows)`` of the candidates of rows as they stand.
    scale
        What rewards and values are divided by, for each row, so that they have the same size on all instances.
    """

    name: str
    scheme: str
    features: tuple[int, int, int]
    versions: tuple[int, int, int]
    batch: Callable[[Sequence[Instance], int | None, int], Any]
    teacher: Callable[..., Teacher] | None
    mirror: Callable[[Instance], Mirror] | None
    solver: str
    network: Callable[[Shape], nn.Module] = Dispatcher
    logits: Callable[[Any, Any, IntArray], Tensor] = dispatcher_logits
    scale: Callable[[Batch], NDArray[np.float64]] = first_bound
    alike: Callable[..., Alike] | None = None

    def shape(self, **sizes: int) -> Shape:
        """A network for it; ``sizes`` as in Shape."""
        return Shape(*self.features, **sizes)


def problem_named(name: str, scenario: str = "") -> Problem:
    """A class of problems; of simulated shops, those in which the ``scenario`` happens, see ``scenario_named``.

    Raises ValueError for a name that is not in PROBLEMS, or a scenario where nothing can happen.
    """
    if name not in PROBLEMS:
        raise ValueError(f"problem: found {name!r}, expected one of {', '.join(PROBLEMS)}")
    problem = PROBLEMS[name]
    if not scenario:
        return problem
    if problem.batch is not _simulated:
        raise ValueError(f"scenario: found one for {name}, expected it for dynamic alone")
    return replace(problem, batch=partial(_simulated, scenario=scenario_named(scenario)))


def seeded(batch: Batch, seeds: IntArray) -> Batch:
    """The batch with these seeds of random events in its rows, where there are any."""
    if batch.is_random:
        batch.seed[:] = seeds
        batch.reset()
    return batch


def scenario_named(text: str) -> Scenario:
    """A name in DYNAMIC1 of ``envs/validation.py``, or parameters: ``jobs=templates,num_jobs=100,utilisation=0.9``.

    Raises ValueError for a parameter that is unknown or does not read.
    """
    if text in DYNAMIC1:
        return DYNAMIC1[text].scenario
    pairs = dict(part.strip().partition("=")[::2] for part in text.split(","))
    known = list(Scenario.__dataclass_fields__)
    unknown = [name for name in pairs if name not in known]
    if unknown:
        raise ValueError(
            f"scenario: found {unknown[0]!r}, expected one of {', '.join(DYNAMIC1)}, or some of "
            f"{', '.join(known)} with values"
        )
    return from_strings(Scenario, pairs)


def _shops(instances: Sequence[Instance], rows: int | None, threads: int) -> ShopBatch:
    return ShopBatch(instances, rows, scheme="giffler_thompson", forced="take", threads=threads)


def _flexible_shops(instances: Sequence[Instance], rows: int | None, threads: int) -> ShopBatch:
    """The scheme that keeps every best schedule, see ``demonstrations.py``, in few decisions.

    On 20 shops of 10 jobs, 6 machines and up to 2 or 5 alternatives, followed schedules of ``flexible_tabu`` lost 0 %
    here, 6.6 % where an operation goes to its preferred machine alone, and 2.6 % in ``non_delay`` with a wait (its
    clock skips starts in other modes), which asks 69 decisions instead of 43; ``append`` asks 59 among 15 candidates.
    """
    return ShopBatch(instances, rows, scheme="giffler_thompson", modes="conflict", forced="take", threads=threads)


def _shops_by_the_clock(instances: Sequence[Instance], rows: int | None, threads: int) -> ShopBatch:
    return ShopBatch(instances, rows, scheme="non_delay", wait=True, forced="take", threads=threads)


def _projects(instances: Sequence[Instance], rows: int | None, threads: int) -> ProjectBatch:
    return ProjectBatch(instances, rows, scheme="serial", forced="take", threads=threads)


def _simulated(
    instances: Sequence[Instance], rows: int | None, threads: int, scenario: Scenario | None = None
) -> DynamicBatch:
    return DynamicBatch(instances, scenario, rows, forced="take", threads=threads)


def _expected_work(batch: Batch) -> NDArray[np.float64]:
    """Of all jobs of an episode."""
    assert isinstance(batch, DynamicBatch)
    of_a_job = batch.arena.scale[batch.which, MEAN_WORK]
    result: NDArray[np.float64] = of_a_job * batch.arena.fact[batch.which, EPISODE_JOBS]
    return result


def _improvements(instances: Sequence[Instance], rows: int | None, threads: int) -> ImprovementBatch:
    return ImprovementBatch(instances, rows, threads=threads)


def _move_logits(model: ImprovementNetwork, batch: ImprovementBatch, rows: IntArray) -> Tensor:
    logits: Tensor = model(schedules_of(batch, rows))
    return logits


PROBLEMS = {
    problem.name: problem
    for problem in (
        Problem(
            name="jsp",
            scheme="giffler_thompson, forced decisions taken",
            features=ShopView.sizes(),
            versions=(2, 1, 1),
            batch=_shops,
            teacher=shop_teacher,
            mirror=mirrored_shop,
            solver="tabu",
        ),
        Problem(
            name="fjsp",
            scheme="giffler_thompson, modes on the machine in conflict, forced decisions taken",
            features=FlexibleShopView.sizes(),
            versions=(3, 1, 1),
            batch=_flexible_shops,
            teacher=shop_teacher,
            mirror=mirrored_shop,
            solver="flexible_tabu",
        ),
        Problem(
            name="interval",
            scheme="non_delay with a wait, forced decisions taken",
            features=IntervalView.sizes(),
            versions=(1, 0, 0),
            batch=_shops_by_the_clock,
            teacher=clock_teacher,
            mirror=mirrored_shop,
            solver="tabu",
            network=IntervalNetwork,
        ),
        Problem(
            name="rcpsp",
            scheme="serial, forced decisions taken",
            features=ProjectBatchView.sizes(),
            versions=(1, 1, 1),
            batch=_projects,
            teacher=project_teacher,
            alike=project_alike,
            mirror=mirrored_project,
            solver="genetic",
        ),
        Problem(
            name="dynamic",
            scheme="simulation, forced decisions taken",
            features=DynamicView.sizes(),
            versions=(2, 1, 1),
            batch=_simulated,
            teacher=None,
            mirror=None,
            solver="",
            scale=_expected_work,
        ),
        Problem(
            name="improve",
            scheme="n5 on the first critical path, tabu 1",
            features=(len(MOVE_FEATURES[1]), len(IMPROVED_OPERATION_FEATURES[1]), 0),
            versions=(1, 1, 0),
            batch=_improvements,
            teacher=None,
            mirror=None,
            solver="",
            network=ImprovementNetwork,
            logits=_move_logits,
        ),
        Problem(
            name="branch",
            scheme="disjunctive branch and bound, quick edge finding",
            features=(len(PAIR_FEATURES), len(OPERATION_FEATURES), 0),
            versions=(1, 1, 0),
            batch=root_looks,
            teacher=None,
            mirror=None,
            solver="",
            network=BranchingNetwork,
            logits=root_logits,
        ),
    )
}
