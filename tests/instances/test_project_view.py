"""ProjectView: the same data in the order the schemes read it."""

import numpy as np
import pytest

from makespan.instances.instance import HORIZON_LIMIT, SS, Instance
from makespan.instances.project_view import project_view


@pytest.fixture
def mixed() -> Instance:
    """Two tasks, the first with two modes; resource 1 is nonrenewable; the arc runs against the numbering."""
    return Instance.from_lists(
        [[(3, {0: 1, 1: 2}), (5, {0: 2})], [(2, {2: 1})]],
        [2, 4, 1],
        [(1, 0, SS, 1)],
        renewable=[True, False, True],
        job=[0, 0],
        release=[0, 4],
        job_release=[2],
        deadline=[HORIZON_LIMIT, 9],
        job_deadline=[30],
        now=3,
        fixed_mode=[1, -1],
    )


def test_demands_are_split_by_kind_of_resource(mixed: Instance) -> None:
    """Renewable demands and nonrenewable ones, both by mode, in the instance's own numbering."""
    view = project_view(mixed)
    assert view.demand_ptr.tolist() == [0, 1, 2, 3]
    assert view.demand_resource.tolist() == [0, 0, 2]
    assert view.demand_amount.tolist() == [1, 2, 1]
    assert view.spend_ptr.tolist() == [0, 1, 1, 1]
    assert view.spend_resource.tolist() == [1]
    assert view.spend_amount.tolist() == [2]


def test_limits_of_task_job_and_clock_are_joined(mixed: Instance) -> None:
    """The latest release and the earliest deadline count."""
    view = project_view(mixed)
    assert view.release.tolist() == [3, 4]
    assert view.deadline.tolist() == [30, 9]


def test_usable_modes_agree_with_fixed_modes_and_capacities(mixed: Instance) -> None:
    """Task 0 is fixed to its second mode; a mode that needs more than there is never is usable."""
    assert project_view(mixed).usable.tolist() == [False, True, True]
    assert project_view(mixed.replace(fixed_mode=None, capacity=[1, 4, 1])).usable.tolist() == [True, False, True]


def test_order_follows_the_arcs(mixed: Instance) -> None:
    """Task 1 precedes task 0; a cycle leaves tasks out."""
    view = project_view(mixed)
    assert view.order.tolist() == [1, 0]
    assert view.pred_task.tolist() == [1]
    cycle = Instance.from_lists([[(1, {})]] * 3, [], [(0, 1), (1, 2), (2, 1)])
    assert project_view(cycle).order.tolist() == [0]
    assert not project_view(cycle).is_acyclic


def test_order_of_a_random_network_puts_predecessors_first() -> None:
    """With the numbers shuffled, so that they give no order by themselves."""
    generator = np.random.default_rng(3)
    relabel = generator.permutation(60)
    arcs = [(int(relabel[i]), int(relabel[j])) for i in range(60) for j in range(i + 1, 60) if generator.random() < 0.1]
    view = project_view(Instance.from_lists([[(1, {})]] * 60, [], arcs))
    place = np.argsort(view.order)
    assert view.is_acyclic
    assert all(place[i] < place[j] for i, j in arcs)


def test_profiles_have_room_for_the_tasks_that_can_use_a_resource(mixed: Instance) -> None:
    """Two breakpoints per task (not per mode) and two to begin and end the list."""
    assert np.diff(project_view(mixed).point_ptr).tolist() == [4, 4, 4]


def test_a_thousand_machines_cost_no_more_than_their_operations() -> None:
    """100 jobs on 1000 machines: every array is linear in the 100,000 operations."""
    machines = np.arange(100_000) % 1000
    shop = Instance.job_shop_arrays(np.arange(101) * 1000, machines, np.ones(100_000, np.int64))
    assert sum(array.nbytes for array in project_view(shop)) < 100_000 * 150


def test_the_view_is_read_only_and_made_once(mixed: Instance) -> None:
    """A writable array would be another type to the compiler."""
    view = project_view(mixed)
    assert project_view(mixed) is view
    assert not any(array.flags.writeable for array in view)
