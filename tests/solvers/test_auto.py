"""``auto``: which stages it chooses, and what their interplay promises."""

from __future__ import annotations

import numpy as np
import pytest

from makespan.instances.features import ALL_FEATURES
from makespan.instances.generators import generate
from makespan.instances.instance import OBJECTIVES, Instance
from makespan.instances.sets import load
from makespan.solvers.api import Status, solve
from makespan.solvers.auto import ROWS, Auto
from makespan.solvers.registry import parse_lanes, parse_spec
from makespan.solvers.stage import Budget


def choice(instance: Instance, threads: int = 2, **limits: float) -> str:
    return Auto().choose(instance, Budget(**limits), threads)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spec", "search"),
    [
        ("uniform,jobs=20,machines=15,seed=1", "tabu"),
        ("uniform,jobs=100,machines=50,seed=1", "windows"),
        ("flexible,jobs=10,machines=6,seed=1", "flexible_tabu"),
        ("rcpsp,activities=30,seed=1", "genetic"),
    ],
)
def test_each_class_gets_its_search(spec: str, search: str) -> None:
    """A search made for the class leads, whatever the limits and the threads."""
    instance = generate(spec)
    for threads in (1, 2, 8):
        assert parse_spec(choice(instance, threads, seconds=10))[0].name == search
    assert choice(instance, 1, iterations=1000) == search


def test_other_objectives_and_fields_go_to_the_general_searches() -> None:
    """Annealing takes every shop; what has maximal lags is left to large neighbourhoods with CP-SAT."""
    late = load("ft06").replace(job_due=[50] * 6, objective=("total_tardiness", "makespan"))
    assert parse_spec(choice(late))[0].name == "anneal"
    assert parse_spec(choice(load("rcpsp_max/j10/psp1")))[0].name == "lns"


def test_one_machine_gets_its_exact_method() -> None:
    """For the total tardiness of jobs that are all there; whatever else is asked of the machine goes to CP-SAT."""
    instance = generate("tardiness", jobs=60, due_range=0.6, tardiness_factor=0.6, seed=1)
    assert [lane[0].name for lane in parse_lanes(choice(instance, seconds=10))] == ["anneal", "tardiness"]
    assert "tardiness" in [stage.name for stage in parse_spec(choice(instance, 1, seconds=10))]
    others = (
        instance.replace(release=np.arange(60)),
        instance.replace(objective=("total_tardiness", "makespan")),
        instance.replace(now=3),
    )
    for other in others:
        assert "tardiness" not in choice(other, seconds=10)
    result = solve(instance, "auto", Budget(seconds=60))
    exact = solve(instance, "tardiness:exact", Budget(seconds=60))
    assert result.status is Status.OPTIMAL and result.objective == exact.objective


def test_the_last_row_takes_everything() -> None:
    """Otherwise an instance of rare fields would find no row."""
    assert ROWS[-1].lists and set(ROWS[-1].objectives) == set(OBJECTIVES) and ROWS[-1].most_tasks >= 2**31
    assert Auto.supports == ALL_FEATURES


def test_shares_of_the_time_leave_most_of_it_to_the_search() -> None:
    """Whatever the limit, the stages with limits of their own end before it."""
    for seconds in (0.1, 1.0, 60.0, 3600.0):
        for name in ("ft06", "ta21", "mk01", "j301_1"):
            for threads in (1, 2):
                for lane in parse_lanes(choice(load(name), threads, seconds=seconds)):
                    assert sum(stage.seconds or 0 for stage in lane) < 0.8 * seconds


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("name", "best"), [("ft06", 55), ("mk01", 40), ("j301_1", 43), ("rcpsp_max/j10/psp1", 26)])
def test_small_instances_are_proved_optimal(name: str, best: int, threads: int) -> None:
    """Search, bounds and CP-SAT share incumbent and bound, and stop at the proof."""
    result = solve(load(name), "auto", Budget(seconds=30), threads=threads)
    assert (result.status, result.objective) == (Status.OPTIMAL, best)


def test_bounds_get_a_turn_where_the_search_uses_all_threads() -> None:
    """``windows`` shares a schedule among its threads, so no lane is taken from it."""
    names = [stage.name for stage in parse_spec(choice(load("dct-long-100-10000-1"), seconds=60))]
    assert names == ["windows", "bounds", "windows", "cpsat"]
    huge = [stage.name for stage in parse_spec(choice(load("tai_1000_100_1"), seconds=60))]
    assert huge == ["windows", "cpsat"]


def test_a_shop_without_idle_time_is_found_from_its_bound() -> None:
    """CP-SAT sees at once what local search does not: no machine of dct-long ever waits."""
    result = solve(load("dct-long-100-10000-1"), "bounds", Budget(seconds=120))
    assert (result.status, result.objective) == (Status.OPTIMAL, 600_000)


def test_one_thread_and_iterations_give_the_same_run() -> None:
    """The way to reproducible runs holds for the default solver too."""
    first, second = (solve(load("la21"), budget=Budget(iterations=20_000), seed=3) for _ in range(2))
    assert first.schedule == second.schedule and first.iterations == second.iterations
