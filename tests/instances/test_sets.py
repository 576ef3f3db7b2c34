"""Bundled sets: sizes, names, and one instance of each checked against what its set is known to be."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from makespan.instances import sets
from makespan.instances.sets import instance_names, load, load_set, set_names

SIZES = {
    "jsp/ft": 3, "jsp/la": 40, "jsp/abz": 5, "jsp/orb": 10, "jsp/swv": 20, "jsp/yn": 4, "jsp/ta": 80, "jsp/dmu": 80,
    "jsp/tai": 12, "jsp/bel": 10, "jsp/dct": 3, "fjsp/brandimarte": 10, "fjsp/hurink/edata": 66,
    "fjsp/hurink/rdata": 66, "fjsp/hurink/vdata": 66, "fjsp/dauzere": 18, "fjsp/barnes": 21, "fjsp/kacem": 4,
    "fjsp/behnke": 60, "flowshop/tfs": 120, "openshop/taillard": 60, "rcpsp/j30": 480, "rcpsp/j60": 480,
    "rcpsp/j90": 480, "rcpsp/j120": 600, "rcpsp/patterson": 110, "rcpsp/rg30": 1800, "mrcpsp/c15": 551,
    "mrcpsp/m1": 1, "rcpsp_max/j10": 270, "rcpsp_max/j20": 270, "rcpsp_max/j30": 270, "rcpsp_max/c": 540,
    "rcpsp_max/d": 540, "rcpsp_max/ubo10": 90, "rcpsp_max/ubo20": 90, "rcpsp_max/ubo50": 90, "rcpsp_max/ubo100": 90,
    "workflows/workflows": 34, "examples/examples": 1, "validation1/uniform": 88, "validation1/two_set": 64,
    "validation1/flexible": 40, "validation1/rcpsp": 48,
}  # fmt: skip


def test_every_set_has_its_published_size() -> None:
    """Counts from the papers that data/README.md names."""
    assert {name: len(instance_names(name)) for name in set_names()} == SIZES


@pytest.mark.parametrize("set_name", SIZES)
def test_instances_of_every_set_load(set_name: str) -> None:
    """First, middle and last; each is found again by its own name. The million-operation file is left to a script."""
    names = instance_names(set_name)
    for name in {names[0], names[len(names) // 2], names[-1]} - {"tai_1000_1000_1"}:
        instance = load(f"{set_name}/{name}")
        assert instance.num_tasks > 0 and instance.meta.source == set_name
        assert sets.find(instance.name) == (set_name, name)


@pytest.mark.parametrize(
    ("name", "tasks", "modes", "resources", "jobs"),
    [
        ("ft06", 36, 36, 6, 6),
        ("ta80", 2000, 2000, 20, 100),
        ("mk01", 55, 115, 6, 10),
        ("j1201_1", 122, 122, 4, 0),
        ("tfs001", 100, 100, 5, 20),
        ("tai04x04_01", 16, 16, 8, 4),
        ("c154_3", 18, 50, 4, 0),
        ("ubo10/psp1", 12, 12, 5, 0),
    ],
)
def test_sizes_of_known_instances(name: str, tasks: int, modes: int, resources: int, jobs: int) -> None:
    """Sizes as published; an open shop has one more resource per job, c15 projects two dummies."""
    instance = load(name)
    found = (instance.num_tasks, instance.num_modes, instance.num_resources, instance.num_jobs)
    assert found == (tasks, modes, resources, jobs)


def test_names_may_carry_as_much_of_their_set_as_needed() -> None:
    """la01 alone is Lawrence's job shop; with a set it is Hurink's."""
    assert load("la01").meta.source == "jsp/la"
    for name in ("edata/la01", "hurink/edata/la01", "fjsp/hurink/edata/la01"):
        assert load(name).name == "edata/la01"
    assert load("rcpsp_max/j30/psp1").digest == load("j30/psp1").digest
    assert load("mk/mk01").digest == load("brandimarte/mk01").digest


def test_an_ambiguous_name_lists_the_candidates() -> None:
    """psp1 is in nine sets, none of them a job shop."""
    with pytest.raises(ValueError, match="found 9 of this name, expected one of rcpsp_max/j10/psp1"):
        load("psp1")


def test_an_unknown_name_lists_near_ones() -> None:
    """A missing zero, a slip, and a set that does not exist."""
    with pytest.raises(ValueError, match=r"expected one like ta01$"):
        load("ta1")
    with pytest.raises(ValueError, match="expected one like j1201_1"):
        load("j1201-1")
    with pytest.raises(ValueError, match="expected one like j120"):
        load_set("j12")
    with pytest.raises(ValueError, match="found no bundled instance"):
        load("ta/ft06")


def test_sets_have_short_names() -> None:
    """The last part of a set's name, or an alias; j30 is PSPLIB's."""
    assert len(load_set("ft")) == 3
    assert [instance.name for instance in load_set("mk")][:2] == ["mk01", "mk02"]
    assert instance_names("j30")[:2] == ["j301_1", "j301_2"]
    assert instance_names("rcpsp_max/j30")[0] == "psp1"


def test_flow_shops_are_permutation_flow_shops() -> None:
    """Their text alone would be a job shop."""
    assert load("tfs010").permutation and not load("ta01").permutation


def test_twenty_one_projects_have_a_demand_above_its_capacity() -> None:
    """17 in j10 and 4 in j20 (data/README.md); they are infeasible, and read."""
    found = 0
    for name in ("j10", "rcpsp_max/j20"):
        for instance in load_set(name):
            found += bool((instance.demand_amount > instance.capacity[instance.demand_resource]).any())
    assert found == 21


def test_a_workflow_keeps_its_recorded_times() -> None:
    """index.csv: 43 tasks, 120 edges and 382.913 s in all; every duration is rounded to milliseconds."""
    instance = load("blast-chameleon-small-001")
    assert (instance.num_tasks, instance.num_arcs) == (43, 120)
    assert abs(int(instance.duration.sum()) - 382_913) <= 43


def test_generated_instances_are_those_of_their_release() -> None:
    """A validation set must not change with the generators: one instance of each set, by its hash."""
    released = {
        "val1_uniform_10x10_1": "3af23910bf0d",
        "val1_two_set_20x15_1": "4b20bc82153a",
        "val1_flexible_10x5_1": "0fd5b4f9ffc8",
        "val1_rcpsp_30_1": "0173c0576015",
    }
    assert {name: load(name).digest[:12] for name in released} == released


def test_the_checksums_hold_for_the_files() -> None:
    """SHA256SUMS names every file; the small ones are compared here, all of them by the reading script."""
    lines = (sets.DATA / "SHA256SUMS").read_text().splitlines()
    expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    files = {path.relative_to(sets.DATA).as_posix() for path in sets.DATA.rglob("*") if path.is_file()}
    assert files - {"SHA256SUMS"} == set(expected)
    for name in sorted(expected)[::10]:
        assert hashlib.sha256((sets.DATA / name).read_bytes()).hexdigest() == expected[name], name


def test_importing_reads_nothing() -> None:
    """Neither data nor pydantic nor pandas are touched before an instance is asked for."""
    code = (
        "import sys, makespan.instances.sets as s; "
        "assert not s._instances_by_set.cache_info().currsize; "
        "assert not {'pydantic', 'pandas', 'networkx', 'numba', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_same_archive_member_is_read_twice_alike() -> None:
    """The cache of unpacked archives holds bytes, not instances."""
    first, second = load("j301_1"), load("j301_1")
    assert first is not second and np.array_equal(first.duration, second.duration)
