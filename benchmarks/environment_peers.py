"""Steps per second of one environment of another project, whole episodes of a random legal policy; prints a number.

    PEER/bin/python benchmarks/environment_peers.py KIND FILE --seconds 5

Run by ``benchmarks/environments.py`` with the Python that has the peer installed; imports nothing of this package.
Kinds: jssenv; dispatcher (job-shop-lib without observation); disjunctive and resource_task (its graph environments);
rl4co. FILE is a job shop in the standard format. Seconds of process time, at least one episode, cut after 20 times as
many seconds; the first episode is a warm-up unless it took as long.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def read_jobs(path: str) -> list[list[tuple[int, int]]]:
    """Machine and duration of each operation, job by job."""
    rows = [[int(word) for word in line.split()] for line in Path(path).read_text().splitlines() if line.strip()]
    return [list(zip(row[::2], row[1::2], strict=True)) for row in rows[1 : 1 + rows[0][0]]]


def jssenv(path: str) -> Callable[[], Iterator[int]]:
    from JSSEnv.envs.jss_env import JssEnv

    env: Any = JssEnv({"instance_path": path})

    def episode() -> Iterator[int]:
        seen, over = env.reset(), False
        while not over:
            legal = seen["action_mask"].nonzero()[0]
            seen, _, over, _, _ = env.step(int(random.choice(legal)))
            yield 1

    return episode


def _job_shop(path: str) -> Any:
    from job_shop_lib import JobShopInstance, Operation

    return JobShopInstance([[Operation(machine, time) for machine, time in job] for job in read_jobs(path)], name="it")


def dispatcher(path: str) -> Callable[[], Iterator[int]]:
    from job_shop_lib.dispatching import Dispatcher

    bare: Any = Dispatcher(_job_shop(path), ready_operations_filter=None)

    def episode() -> Iterator[int]:
        bare.reset()
        while not bare.schedule.is_complete():
            bare.dispatch(random.choice(bare.available_operations()))
            yield 1

    return episode


def _graph_env(path: str, build: str) -> Callable[[], Iterator[int]]:
    from job_shop_lib import graphs
    from job_shop_lib.dispatching.feature_observers import FeatureObserverType as Kind
    from job_shop_lib.reinforcement_learning import SingleJobShopGraphEnv

    features = [Kind.IS_READY, Kind.DURATION, Kind.EARLIEST_START_TIME, Kind.REMAINING_OPERATIONS]
    env: Any = SingleJobShopGraphEnv(getattr(graphs, build)(_job_shop(path)), feature_observer_configs=features)

    def episode() -> Iterator[int]:
        (_, info), over = env.reset(), False
        while not over:
            _, machine, job = random.choice(info["available_operations_with_ids"])
            _, _, over, _, info = env.step((job, machine))
            yield 1

    return episode


def disjunctive(path: str) -> Callable[[], Iterator[int]]:
    return _graph_env(path, "build_disjunctive_graph")


def resource_task(path: str) -> Callable[[], Iterator[int]]:
    return _graph_env(path, "build_resource_task_graph")


def rl4co(path: str, rows: int = 8) -> Callable[[], Iterator[int]]:
    import torch
    from rl4co.envs.scheduling.jssp.env import JSSPEnv

    torch.set_num_threads(1)
    first = torch.cat([JSSPEnv.load_data(path, batch_size=[1])] * rows, 0)
    env: Any = JSSPEnv(generator_params={"file_path": path})

    @torch.no_grad()
    def episode() -> Iterator[int]:
        state = env.reset(first.clone())
        while not bool(state["done"].all()):
            state["action"] = torch.multinomial(state["action_mask"].float(), 1).squeeze(1)
            state = env.step(state)["next"]
            yield rows

    return episode


KINDS = {each.__name__: each for each in (jssenv, dispatcher, disjunctive, resource_task, rl4co)}


def rate(episode: Callable[[], Iterator[int]], seconds: float) -> float:
    """Steps per second of process time."""
    total, spent, limit = 0, 0.0, 20 * seconds
    for number in range(1_000_000):
        begun, steps = time.process_time(), 0
        for step in episode():
            steps += step
            if time.process_time() - begun > limit:
                return steps / (time.process_time() - begun)
        used = time.process_time() - begun
        if number > 0 or used > seconds:
            total, spent = total + steps, spent + used
        if spent > seconds:
            break
    return total / spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("file")
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    random.seed(0)
    print(rate(KINDS[arguments.kind](arguments.file), arguments.seconds))


if __name__ == "__main__":
    main()
