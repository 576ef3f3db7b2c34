"""What the network is shown: the residual graph of every row, and candidates that point into it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.envs.rows import draw
from makespan.envs.shop_batch import ShopBatch
from makespan.instances.shop_view import shop_view
from makespan.policies.problems import PROBLEMS
from makespan.policies.views import padded_choices, view_of
from makespan.solvers.kernels.shop_layout import JOB_SIZE, JOBS, OP
from tests.policies.shops import batch_of, project, shop


@settings(deadline=None)
@given(seed=st.integers(0, 1000), steps=st.integers(0, 12))
def test_the_graph_holds_what_is_not_placed_and_the_arcs_between(seed: int, steps: int) -> None:
    """Against a plain walk through jobs: nodes for open operations, arcs inside jobs, an edge to each machine."""
    shops = [shop(4, 3, seed), shop(3, 5, seed + 1)]
    batch, random = batch_of(*shops), np.random.default_rng(seed)
    for _ in range(steps):
        batch.step(draw(random, batch.count))
    rows = np.flatnonzero(batch.count > 0)
    if not rows.size:
        return
    graph = view_of(batch).graph(rows)
    nodes, arcs, uses, machines = 0, set(), set(), 0
    for row in rows:
        view = shops[row].derived(shop_view)
        done = batch.partial(int(row))[1].start.size
        left = view.num_operations - done
        placed = np.isin(np.arange(view.num_operations), _placed(batch, int(row)))
        for j in range(view.num_jobs):
            previous = None
            for op in range(view.job_ptr[j], view.job_ptr[j + 1]):
                if placed[op]:
                    continue
                uses.add((nodes, machines + int(view.machine[op])))
                if previous is not None:
                    arcs.add((previous, nodes))
                previous, nodes = nodes, nodes + 1
        assert left == (~placed).sum()
        machines += view.num_machines
    assert graph.operation.shape[0] == nodes
    assert graph.resource.shape[0] == machines
    assert set(zip(*graph.arc.tolist(), strict=True)) == arcs
    assert set(zip(*graph.use.tolist(), strict=True)) == uses


@pytest.mark.parametrize("problem", ["jsp", "fjsp", "rcpsp", "dynamic"])
def test_choices_are_the_decisions_padded(problem: str) -> None:
    """Two ways to the same numbers, one for playing and one for learning."""
    instances = [project(8, 1), project(12, 2)] if problem == "rcpsp" else [shop(4, 3), shop(6, 4, 1)]
    batch, random = PROBLEMS[problem].batch(instances, None, 1), np.random.default_rng(0)
    view = view_of(batch)
    while (rows := np.flatnonzero(batch.count > 0)).size:
        view.graph(rows)
        found = view.decisions(rows)
        padded = padded_choices(found, np.arange(rows.size), int(found.count.max()))
        for one, other in zip(view.choices(rows), padded, strict=True):
            assert torch.equal(one, other)
        batch.take(draw(random, batch.count[rows]), rows)


def _placed(batch: ShopBatch, row: int) -> np.ndarray:
    state, view = batch.state[row], batch.views[batch.which[row]]
    following = state[state[JOBS] + OP :: JOB_SIZE][: view.num_jobs]
    return np.concatenate([np.arange(view.job_ptr[j], following[j]) for j in range(view.num_jobs)])


def test_candidates_point_to_their_operations_and_machines() -> None:
    """Node features tell: a candidate's operation is the next of its job, and its machine the one of the conflict."""
    batch = batch_of(shop(6, 4), shop(5, 5))
    view, rows = view_of(batch), np.arange(2)
    while (batch.count > 0).all():
        graph, found = view.graph(rows), view.decisions(rows)
        assert (graph.operation[found.operation, 1] == 1).all()
        machines = np.split(found.resource, np.cumsum(found.count)[:-1])
        assert all(np.unique(own).size == 1 for own in machines)
        batch.step([0, 0])


def test_activities_of_projects_need_their_resources_by_share() -> None:
    """A use weighs demand over capacity; the dummies need nothing."""
    instance = project(12, 3)
    batch = PROBLEMS["rcpsp"].batch([instance], None, 1)
    graph = view_of(batch).graph(np.zeros(1, np.int64))
    demand = np.zeros((instance.num_tasks, 4))
    first = instance.num_tasks - graph.operation.shape[0]
    for (task, resource), weight in zip(graph.use.T.tolist(), graph.weight[:, 0].tolist(), strict=True):
        demand[task + first, resource] = weight
    expected = np.zeros_like(demand)
    for mode in range(instance.num_tasks):
        for entry in range(instance.demand_ptr[mode], instance.demand_ptr[mode + 1]):
            k = instance.demand_resource[entry]
            expected[mode, k] = instance.demand_amount[entry] / instance.capacity[k]
    np.testing.assert_allclose(demand, expected, rtol=1e-6)
