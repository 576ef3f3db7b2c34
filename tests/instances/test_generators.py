"""Generators: published instances number for number, achieved parameters, determinism, refusals."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from makespan.instances.generators import GENERATORS, generate, kolisch, taillard
from makespan.instances.generators.taillard_seeds import FLOW_SHOP_SEEDS, JOB_SHOP_SEEDS, OPEN_SHOP_SEEDS
from makespan.instances.instance import Instance
from makespan.instances.sets import load

EXAMPLES = (
    "taillard,number=1",
    "taillard_job_shop,jobs=4,machines=3,time_seed=5,machine_seed=6",
    "taillard_flow_shop,jobs=4,machines=3,seed=5",
    "taillard_open_shop,jobs=4,machines=3,time_seed=5,machine_seed=6",
    "uniform,jobs=6,machines=5,seed=1",
    "two_set,jobs=6,machines=5,seed=1",
    "flexible,jobs=6,machines=5,seed=1",
    "recirculating,jobs=6,machines=5,seed=1",
    "rcpsp,activities=12,seed=1",
    "constraint_ramp,tasks=12,level=6,seed=1",
    "tardiness,jobs=12,due_range=0.4,tardiness_factor=0.6,seed=1",
)


def routes(instance: Instance) -> np.ndarray:
    """Machines by job and position, where all jobs have the same length."""
    return instance.machine.reshape(instance.num_jobs, -1)


def test_random_numbers_of_bratley_fox_and_schrage() -> None:
    """The first three states after seed 1, and the mean of the published range."""
    stream = taillard.Stream(1)
    states = [(stream.uniform(1, 99), stream.state)[1] for _ in range(3)]
    assert states == [16807, 282475249, 1622650073]
    assert np.mean([stream.uniform(1, 99) for _ in range(100_000)]) == pytest.approx(50, abs=0.3)


@pytest.mark.parametrize("number", range(1, 81))
def test_taillard_job_shops_equal_the_published_files(number: int) -> None:
    """ta01 to ta80, all arrays alike."""
    assert taillard.taillard(number).digest == load(f"ta{number:02d}").digest


def test_taillard_flow_shops_equal_the_published_files() -> None:
    """tfs001 to tfs120, whose seeds are confirmed by this."""
    number = 0
    for (jobs, machines), seeds in FLOW_SHOP_SEEDS.items():
        for seed in seeds:
            number += 1
            published = load(f"tfs{number:03d}")
            assert np.array_equal(taillard.flow_shop(jobs, machines, seed).duration, published.duration)
    assert number == 120


def test_taillard_open_shops_equal_the_published_files() -> None:
    """The ten of 4x4."""
    for number, seeds in enumerate(OPEN_SHOP_SEEDS, 1):
        published = load(f"tai04x04_{number:02d}")
        assert np.array_equal(taillard.open_shop(4, 4, *seeds).duration, published.duration)


def test_first_job_of_ta01() -> None:
    """As printed beside the published seeds."""
    shop = taillard.job_shop(15, 15, *JOB_SHOP_SEEDS[0])
    assert shop.duration[:15].tolist() == [94, 66, 10, 53, 26, 15, 65, 82, 10, 27, 93, 92, 96, 70, 83]
    assert shop.machine[:15].tolist() == [6, 12, 4, 7, 3, 2, 10, 11, 8, 14, 9, 13, 5, 0, 1]
    assert shop.duration.sum() == 11671


@pytest.mark.parametrize("spec", EXAMPLES)
def test_same_spec_same_instance_and_other_seed_another(spec: str) -> None:
    """Digests, not names."""
    assert generate(spec).digest == generate(spec).digest
    if "seed=1" in spec:
        assert generate(spec).digest != generate(spec, seed=2).digest


def test_every_kind_has_an_example() -> None:
    """The table and the examples of this file agree."""
    assert {spec.split(",")[0] for spec in EXAMPLES} == set(GENERATORS)


def test_uniform_routes_are_permutations_with_uniform_durations() -> None:
    """Every machine once per job; mean 50; each machine equally often first (20 +- 6 of 200 jobs on 10 machines)."""
    shop = generate("uniform,jobs=200,machines=10,seed=3")
    assert np.array_equal(np.sort(routes(shop), axis=1), np.tile(np.arange(10), (200, 1)))
    assert shop.duration.mean() == pytest.approx(50, abs=2)
    assert (shop.duration.min(), shop.duration.max()) == (1, 99)
    assert np.bincount(routes(shop)[:, 0], minlength=10).min() > 6


def test_two_set_routing_keeps_the_halves_apart() -> None:
    """Of 5 machines, 0 and 1 come before 2, 3 and 4."""
    shop = generate("two_set,jobs=50,machines=5,seed=3")
    assert (routes(shop)[:, :2] < 2).all() and (routes(shop)[:, 2:] >= 2).all()
    assert shop.duration.max() > 150
    published = load("dmu41")
    half = published.num_resources // 2
    assert (routes(published)[:, :half] < half).all()


def test_flexible_operations_can_last_equally_long_everywhere() -> None:
    """One duration per operation; without the setting they differ somewhere."""
    for equal in (True, False):
        shop = generate("flexible,jobs=10,machines=6,min_alternatives=2,seed=3", equal_durations=equal)
        groups = np.split(shop.duration, shop.mode_ptr[1:-1])
        assert all(np.unique(own).size == 1 for own in groups) == equal
    with pytest.raises(ValueError, match="equal_durations: found 2"):
        generate("flexible,jobs=10,machines=6,seed=3,equal_durations=2")


def test_flexible_operations_keep_their_limits() -> None:
    """Operations per job, alternatives per operation, durations; the alternatives are different machines."""
    shop = generate("flexible,jobs=40,machines=6,seed=3")
    assert shop.job is not None
    lengths, alternatives = np.bincount(shop.job), np.diff(shop.mode_ptr)
    assert set(lengths) == {5, 6, 7} and set(alternatives) == {1, 2, 3}
    assert (shop.duration.min(), shop.duration.max()) == (1, 7)


def test_recirculating_jobs_return_but_never_stay() -> None:
    """Unequal lengths, revisits, no machine twice in a row, every machine in use."""
    shop = generate("recirculating,jobs=60,machines=4,seed=3")
    assert shop.job is not None
    assert "recirculation" in shop.features
    same_job = shop.job[1:] == shop.job[:-1]
    assert not (same_job & (shop.machine[1:] == shop.machine[:-1])).any()
    lengths = np.bincount(shop.job)
    assert (lengths.min(), lengths.max()) == (5, 15)
    assert np.bincount(shop.machine).min() > 0.2 * shop.num_tasks


@pytest.mark.parametrize("complexity", [1.5, 1.8, 2.1])
@pytest.mark.parametrize("factor", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("strength", [0.2, 0.5, 1.0])
def test_projects_achieve_what_was_asked(complexity: float, factor: float, strength: float) -> None:
    """30 activities, the cells of j30: to the nearest arc, the nearest demand and the nearest unit of capacity."""
    project = kolisch.rcpsp(30, 7, complexity, factor, strength)
    assert kolisch.network_complexity(project) == pytest.approx(complexity, abs=0.5 / 32)
    assert kolisch.resource_factor(project) == pytest.approx(factor, abs=0.5 / 120)
    assert np.nanmean(kolisch.resource_strength(project)) == pytest.approx(strength, abs=0.1)
    graph = nx.DiGraph(zip(project.arc_pred.tolist(), project.arc_succ.tolist(), strict=True))
    assert nx.is_directed_acyclic_graph(graph)
    assert nx.transitive_reduction(graph).number_of_edges() == graph.number_of_edges()
    assert {node for node in graph if not graph.in_degree(node)} == {0}
    assert {node for node in graph if not graph.out_degree(node)} == {31}


def test_measures_agree_with_the_design_of_j30() -> None:
    """j301 was drawn with complexity 1.5, factor 0.25 and strength 0.2; j3048 with 2.1, 1 and 1."""
    first, last = load("j301_1"), load("j3048_1")
    assert kolisch.network_complexity(first) == pytest.approx(1.5, abs=0.05)
    assert kolisch.network_complexity(last) == pytest.approx(2.1, abs=0.05)
    assert kolisch.resource_factor(first) == pytest.approx(0.25, abs=0.01)
    assert kolisch.resource_factor(last) == 1
    assert np.nanmean(kolisch.resource_strength(first)) == pytest.approx(0.2, abs=0.1)
    assert kolisch.resource_strength(last) == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("unheard,jobs=1", "generator: found 'unheard', expected one of taillard"),
        ("uniform,jobs=3,machines=3", "uniform: needs seed"),
        ("uniform,jobs=3,machines=3,seed=1,size=4", "unknown parameter 'size'"),
        ("uniform,jobs=0,machines=3,seed=1", "jobs: found 0, expected an integer of at least 1"),
        ("uniform,jobs=2.5,machines=3,seed=1", "jobs: found 2.5, expected an integer of at least 1"),
        ("uniform,jobs=x,machines=3,seed=1", "found jobs='x', expected a number"),
        ("uniform,jobs", "found 'jobs', expected name=value"),
        ("uniform,jobs=2,machines=2,seed=1,min_duration=9,max_duration=3", "max_duration: found 3"),
        ("flexible,jobs=2,machines=2,seed=1", "max_alternatives: found 3, expected at most the 2 machines"),
        ("taillard,number=81", "number: found 81, expected 1 to 80"),
        ("taillard_flow_shop,jobs=2,machines=2,seed=2147483647", "seed: found 2147483647, expected at most"),
        ("rcpsp,activities=5,seed=1,resource_factor=1.5", "resource_factor: found 1.5, expected 0.0 to 1.0"),
        ("rcpsp,activities=6,seed=1,network_complexity=4", "24|32 arcs without redundancy"),
    ],
)
def test_bad_parameters_are_refused_with_a_sentence(spec: str, words: str) -> None:
    """Place, found, expected."""
    with pytest.raises(ValueError, match=words):
        generate(spec)
