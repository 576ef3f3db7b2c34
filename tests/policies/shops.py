"""Small instances, batches and networks that the tests of the policies share."""

from __future__ import annotations

import numpy as np
import torch

from makespan.envs.shop_batch import ShopBatch
from makespan.instances.generators import generate
from makespan.instances.instance import Instance
from makespan.policies.improvement_network import ImprovementNetwork
from makespan.policies.network import Dispatcher
from makespan.policies.problems import PROBLEMS


def shop(jobs: int = 4, machines: int = 3, seed: int = 0) -> Instance:
    """A uniform job shop."""
    return generate("uniform", jobs=jobs, machines=machines, seed=seed)


def project(activities: int = 10, seed: int = 1) -> Instance:
    """A project of the kind of PSPLIB."""
    return generate("rcpsp", activities=activities, seed=seed)


def batch_of(*instances: Instance, rows: int | None = None) -> ShopBatch:
    """A batch in the scheme of the dispatchers."""
    batch = PROBLEMS["jsp"].batch(instances, rows, 1)
    assert isinstance(batch, ShopBatch)
    return batch


def network(problem: str = "jsp", seed: int = 0, **sizes: int) -> Dispatcher:
    """A small network with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Dispatcher(PROBLEMS[problem].shape(**({"width": 16, "layers": 2, "blocks": 1} | sizes))).eval()


def improver(seed: int = 0, **sizes: int) -> ImprovementNetwork:
    """A small network for moves with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        shape = PROBLEMS["improve"].shape(**({"width": 16, "layers": 2, "blocks": 1} | sizes))
        return ImprovementNetwork(shape).eval()


def permuted(instance: Instance, seed: int = 0) -> tuple[Instance, np.ndarray, np.ndarray]:
    """The same shop renumbered: new job i is the old job ``job[i]``, the old machine k is ``machine[k]``."""
    from makespan.instances.shop_view import shop_view

    view = instance.derived(shop_view)
    random = np.random.default_rng(seed)
    job, machine = random.permutation(view.num_jobs), random.permutation(view.num_machines)
    rows = [slice(view.job_ptr[j], view.job_ptr[j + 1]) for j in job]
    other = Instance.job_shop(
        [machine[view.machine[row]] for row in rows], [view.duration[row] for row in rows], view.num_machines
    )
    return other, job, machine
