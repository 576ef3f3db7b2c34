"""Readers and writers of every format: round trips, layouts written out by hand, and two other packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fjsplib
import numpy as np
import psplib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.formats import FORMATS
from makespan.instances.instance import EE, ES, HORIZON_LIMIT, SE, SS, Calendar, Instance, Metadata, Setup
from makespan.instances.read import read, read_text
from makespan.instances.write import to_text, write

DATA = Path(__file__).resolve().parents[2] / "instances" / "data"
SAMPLES = Path(__file__).parent / "data"

RNG = np.random.default_rng


# -- random instances -----------------------------------------------------------------------------


@st.composite
def job_shops(draw: st.DrawFn, even: bool = False) -> Instance:
    """Job shops; with ``even`` every job has as many operations as there are machines."""
    machines = draw(st.integers(1, 5))
    jobs = draw(st.integers(1, 5))
    sizes = [machines if even else draw(st.integers(1, 6)) for _ in range(jobs)]
    rng = RNG(draw(st.integers(0, 2**32)))
    route = [rng.integers(0, machines, size) for size in sizes]
    time = [rng.integers(0, 100, size) for size in sizes]
    return Instance.job_shop(route, time, machines, name="random")


@st.composite
def flexible_shops(draw: st.DrawFn) -> Instance:
    machines = draw(st.integers(1, 4))
    rng = RNG(draw(st.integers(0, 2**32)))
    jobs = [
        [
            [(int(k), int(rng.integers(0, 50))) for k in rng.permutation(machines)[: rng.integers(1, machines + 1)]]
            for _ in range(draw(st.integers(1, 4)))
        ]
        for _ in range(draw(st.integers(1, 4)))
    ]
    return Instance.flexible_job_shop(jobs, machines, name="random")


@st.composite
def projects(draw: st.DrawFn, modes: int = 1, lags: bool = False) -> Instance:
    """RCPSP with renewable resources first; with ``modes`` > 1 also nonrenewable ones."""
    tasks, resources = draw(st.integers(2, 7)), draw(st.integers(1, 3))
    rng = RNG(draw(st.integers(0, 2**32)))
    kinds = [True] * resources + [False] * (modes - 1)
    listed: list[list[tuple[int, dict[int, int]]]] = [
        [
            (int(rng.integers(0, 20)), {k: int(rng.integers(0, 5)) for k in range(len(kinds))})
            for _ in range(rng.integers(1, modes + 1))
        ]
        for _ in range(tasks)
    ]
    pairs = {(int(rng.integers(tasks)), int(rng.integers(tasks))) for _ in range(draw(st.integers(0, 8)))}
    arcs: Any = [(i, j) for i, j in sorted(pairs) if i < j]
    if lags:
        arcs = [(i, j, SS, int(rng.integers(-30, 30))) for i, j in sorted(pairs)]
    return Instance.from_lists(listed, rng.integers(0, 9, len(kinds)), arcs, kinds, name="random")


@st.composite
def rich(draw: st.DrawFn, tabular: bool = False) -> Instance:
    """Instances with many optional fields; ``tabular`` leaves out what a CSV table has no place for."""
    base = draw(projects(modes=3, lags=False))
    rng = RNG(draw(st.integers(0, 2**32)))
    n, r = base.num_tasks, base.num_resources
    job = rng.integers(-1, 3, n)
    jobs = 4
    kinds = rng.integers(0, 4, base.num_arcs)
    optional: dict[str, Any] = {
        "job": job,
        "num_jobs": jobs,
        "release": rng.integers(0, 9, n),
        "due": rng.integers(0, 99, n),
        "deadline": np.where(rng.random(n) < 0.5, HORIZON_LIMIT, 500),
        "weight": rng.integers(0, 4, n),
        "job_release": rng.integers(0, 9, jobs),
        "job_due": np.where(rng.random(jobs) < 0.5, HORIZON_LIMIT, 99),
        "job_weight": rng.integers(1, 4, jobs),
        "transport": rng.integers(0, 5, (r, r)),
        "setup": Setup(
            rng.integers(-1, 2, base.num_modes, dtype=np.int32),
            rng.integers(0, 9, (2, 2)),
            rng.integers(-1, 2, r, dtype=np.int32),
        ),
        "fixed_start": rng.integers(-1, 9, n),
        "fixed_mode": np.where(rng.random(n) < 0.7, -1, 0),
        "now": int(rng.integers(0, 5)),
        "objective": ("weighted_tardiness", "makespan"),
        "arc_kind": np.array([SS, SE, ES, EE])[kinds],
        "arc_lag": rng.integers(-5, 9, base.num_arcs),
    }
    if not tabular:
        optional["calendar"] = Calendar(
            np.array([0, 2, *[2] * (r - 1)]),
            np.array([0, 7]),
            np.array([base.capacity[0], 0]),
            np.array([9] + [0] * (r - 1)),
        )
        optional["pause"] = rng.integers(0, 3, n)
    chosen = {
        name: value for name, value in optional.items() if name in ("job", "num_jobs", "due") or draw(st.booleans())
    }
    if any(name.startswith("job_") for name in chosen):
        chosen["job"] = np.arange(n) % jobs  # every job in use, so that a table can carry its fields
        chosen["num_jobs"] = max(jobs if n >= jobs else n, 0)
        chosen = {k: v[: chosen["num_jobs"]] if k.startswith("job_") else v for k, v in chosen.items()}
    return base.replace(**chosen)


ROUND_TRIPS = [
    ("standard", job_shops()),
    ("da_col_teppan", job_shops()),
    ("taillard", job_shops(even=True)),
    ("schedule_opt", job_shops()),
    ("schedule_opt", flexible_shops()),
    ("fjs", flexible_shops()),
    ("fjs", job_shops()),
    ("patterson", projects()),
    ("psplib", projects(modes=3)),
    ("mmlib", projects(modes=3)),
    ("rcpsp_max", projects(lags=True)),
    ("json", rich()),
    ("csv", rich(tabular=True)),
    ("csv", flexible_shops()),
]


@pytest.mark.parametrize(("format", "instances"), ROUND_TRIPS, ids=lambda item: item if isinstance(item, str) else "")
def test_what_is_written_is_read_back_equal(format: str, instances: st.SearchStrategy[Instance]) -> None:
    """Equal digests mean equal arrays in every field; the format is recognised from the text alone."""

    @settings(max_examples=40, deadline=None)
    @given(instances)
    def check(instance: Instance) -> None:
        assert read_text(to_text(instance, format), "random").digest == instance.digest

    check()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**32))
def test_flow_and_open_shops_are_read_back_equal(jobs: int, machines: int, seed: int) -> None:
    """A flow shop's text is that of a job shop, so the writer adds a line that names the format."""
    durations = RNG(seed).integers(0, 99, (jobs, machines))
    flow, open_ = Instance.flow_shop(durations), Instance.open_shop(durations)
    assert read_text(to_text(flow, "flow_shop")).digest == flow.digest
    assert read_text(to_text(open_, "open_shop")).digest == open_.digest


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(0, 2**32))
def test_a_workflow_is_read_back_equal(tasks: int, seed: int) -> None:
    """Milliseconds survive the way through decimal seconds."""
    rng = RNG(seed)
    modes = [[(int(rng.integers(0, 10**7)), {0: int(rng.integers(1, 5))})] for _ in range(tasks)]
    arcs = [(i, j) for i in range(tasks) for j in range(i + 1, tasks) if rng.random() < 0.4]
    instance = Instance.from_lists(modes, [6], arcs)
    assert read_text(to_text(instance, "wfformat")).digest == instance.digest


def test_json_keeps_every_name() -> None:
    """Metadata are outside the digest, so they are compared on their own."""
    meta = Metadata("plant", "made up", ("a", "b"), ("order ü",), ("saw",), "2026-03-02T06:00", 60.0, "Europe/Berlin")
    instance = Instance.job_shop([[0, 0]], [[1, 2]], meta=meta)
    assert read_text(to_text(instance, "json"), "other").meta == meta


def test_json_holds_a_hundred_thousand_tasks_compactly() -> None:
    """Flat arrays: below 60 bytes per task for a job shop."""
    n = 100_000
    instance = Instance.job_shop_arrays([0, n], np.arange(n) % 7, np.arange(n) % 99, 7)
    text = to_text(instance, "json")
    assert len(text) < 60 * n


def test_a_format_refuses_what_it_cannot_hold() -> None:
    """One sentence that names the field; nothing is dropped in silence."""
    late = Instance.job_shop([[0, 1]], [[1, 2]], due=[5, 9])
    for format in ("standard", "da_col_teppan", "taillard", "schedule_opt", "fjs", "flow_shop"):
        with pytest.raises(ValueError, match=r"cannot hold .*due dates"):
            to_text(late, format)
    calendar = Calendar(np.array([0, 2]), np.array([0, 8]), np.array([1, 0]), np.array([24]))
    shifts = Instance.job_shop([[0]], [[1]], calendar=calendar)
    with pytest.raises(ValueError, match="calendars"):
        to_text(shifts, "csv")


def test_structure_that_a_format_cannot_hold_is_refused() -> None:
    """Tasks numbered across jobs, a job without operations, resources in another order."""
    crossed = Instance.from_lists([[(1, {0: 1})], [(2, {0: 1})]], [1], job=[1, 0])
    empty = Instance.job_shop([[0], []], [[3], []])
    mixed = Instance.from_lists([[(1, {0: 1, 1: 1})]], [2, 2], (), [False, True])
    for instance, format in ((crossed, "standard"), (empty, "standard"), (mixed, "psplib"), (crossed, "fjs")):
        with pytest.raises(ValueError, match=f"format {format} cannot hold"):
            to_text(instance, format)
    assert read_text(to_text(empty, "da_col_teppan")).digest == empty.digest


# -- layouts written out by hand -------------------------------------------------------------------


def test_standard_reads_jobs_of_unequal_length_that_return_to_a_machine() -> None:
    """Two jobs of three and one operations; the first visits machine 0 twice."""
    instance = read_text("2 2\n0 3 1 2 0 4\n1 5\n")
    assert instance.job is not None and instance.job.tolist() == [0, 0, 0, 1]
    assert instance.machine.tolist() == [0, 1, 0, 1] and instance.duration.tolist() == [3, 2, 4, 5]
    assert "recirculation" in instance.features


def test_leading_comments_are_skipped() -> None:
    """JSPLIB puts lines with # above the header."""
    plain = read_text("1 2\n0 3 1 2\n")
    assert read_text("#+++++\n# instance tiny\n\n 1 2 \n0 3 1 2 \n\n").digest == plain.digest


def test_da_col_teppan_ends_each_job_with_minus_one() -> None:
    """The terminator is no operation, and an empty job is one."""
    instance = read_text("3 2\n0 3 1 2 -1 -1\n-1 -1\n1 5 -1 -1\n")
    assert instance.num_tasks == 3 and instance.num_jobs == 3


TAILLARD = "1 2\n3 4\n2 1\n1 2\n"


@pytest.mark.parametrize(
    "text",
    [
        "2 2\n1 2\n3 4\n1 2\n2 1\n",
        "2 2 840612802 398197754 10 9\n1 2\n3 4\n1 2\n2 1\n",
        "Nb of jobs, Nb of Machines, Time seed, Machine seed, Upper bound, Lower bound\n"
        "          2          2   840612802   398197754        10         9\nTimes\n 1 2\n 3 4\nMachines\n 1 2\n 2 1\n",
    ],
    ids=["counts", "counts and seeds", "headings"],
)
def test_taillard_has_times_then_machines_from_one(text: str) -> None:
    """All three dialects hold the same two jobs: machines 0, 1 with 1, 2 and machines 1, 0 with 3, 4."""
    assert read_text(text).digest == Instance.job_shop([[0, 1], [1, 0]], [[1, 2], [3, 4]]).digest


def test_open_shop_has_one_duration_per_machine() -> None:
    """Two rows of two numbers are durations, two rows of four would be pairs."""
    assert read_text("2 2\n3 4\n5 6\n").digest == Instance.open_shop([[3, 4], [5, 6]]).digest


def test_flow_shop_is_a_job_shop_until_named() -> None:
    """The permutation field comes with the name of the format only."""
    text = "2 2\n0 3 1 4\n0 5 1 6\n"
    assert not read_text(text).permutation
    assert read_text(text, format="flow_shop").digest == Instance.flow_shop([[3, 4], [5, 6]]).digest


def test_schedule_opt_flexible_layout() -> None:
    """The example of the library's own page: four operations with two options each, two jobs."""
    instance = read(SAMPLES / "fattahi1.json")
    expected = [[[(0, 25), (1, 37)], [(0, 32), (1, 24)]], [[(0, 45), (1, 65)], [(0, 21), (1, 65)]]]
    assert instance.digest == Instance.flexible_job_shop(expected).digest
    assert instance.name == "fattahi1"


def test_mmlib_has_a_short_header_and_tabs() -> None:
    """Four jobs, one renewable and one nonrenewable resource; job 2 has two modes."""
    instance = read(SAMPLES / "mmlib_sample.mm")
    assert np.diff(instance.mode_ptr).tolist() == [1, 2, 1, 1]
    assert instance.renewable.tolist() == [True, False] and instance.capacity.tolist() == [4, 9]
    assert instance.duration.tolist() == [0, 5, 3, 4, 0]
    assert instance.arc_succ.tolist() == [1, 2, 3, 3]


def test_rcpsp_max_lags_are_start_to_start() -> None:
    """A lag of -3 from 1 back to 0 means start(0) >= start(1) - 3."""
    text = "0 1 0 0\n0 1 1 1 [2]\n1 1 1 0 [-3]\n0 1 4 1\n1 1 5 0\n2\n"
    instance = read_text(text)
    assert instance.arc_kind.tolist() == [SS, SS] and instance.arc_lag.tolist() == [2, -3]
    assert instance.duration.tolist() == [4, 5]


def test_patterson_records_may_span_lines() -> None:
    """The same two jobs on one line each and broken in the middle."""
    whole = read_text("2 1\n4\n3 2 1 2\n5 1 0\n")
    broken = read_text("2 1\n4\n3 2\n1\n2 5\n1 0\n", format="patterson")
    assert whole.digest == broken.digest and whole.arc_succ.tolist() == [1]


# -- other packages --------------------------------------------------------------------------------


def _same_as_psplib(instance: Instance, other: psplib.ProjectInstance, kind: int) -> None:
    modes = [mode for activity in other.activities for mode in activity.modes]
    assert instance.duration.tolist() == [mode.duration for mode in modes]
    assert np.diff(instance.mode_ptr).tolist() == [len(activity.modes) for activity in other.activities]
    dense = np.zeros((instance.num_modes, instance.num_resources), np.int64)
    dense[np.repeat(np.arange(instance.num_modes), np.diff(instance.demand_ptr)), instance.demand_resource] = (
        instance.demand_amount
    )
    assert dense.tolist() == [mode.demands for mode in modes]
    assert instance.capacity.tolist() == [resource.capacity for resource in other.resources]
    assert instance.renewable.tolist() == [resource.renewable for resource in other.resources]
    arcs = {
        (i, j, activity.delays[at] if activity.delays else 0)
        for i, activity in enumerate(other.activities)
        for at, j in enumerate(activity.successors)
    }
    found = zip(instance.arc_pred.tolist(), instance.arc_succ.tolist(), instance.arc_lag.tolist(), strict=True)
    assert set(found) == arcs and set(instance.arc_kind.tolist()) <= {kind}


@pytest.mark.parametrize(
    ("set_name", "name", "other", "kind"),
    [
        ("rcpsp/j30", "j301_1", "psplib", ES),
        ("rcpsp/j120", "j12060_10", "psplib", ES),
        ("mrcpsp/c15", "c154_3", "psplib", ES),
        ("rcpsp/patterson", "pat103", "patterson", ES),
        ("rcpsp/rg30", "set3_pat7", "patterson", ES),
        ("rcpsp_max/ubo50", "psp7", "rcpsp_max", SS),
        ("rcpsp_max/d", "psp300", "rcpsp_max", SS),
    ],
)
def test_projects_agree_with_the_psplib_package(
    set_name: str, name: str, other: str, kind: int, tmp_path: Path
) -> None:
    """Durations, demands, capacities and arcs as another reader finds them."""
    from makespan.instances import sets

    item = sets._SETS[set_name]
    member = f"{set_name.partition('/')[2]}/{name}{item.extension}"
    path = tmp_path / Path(member).name
    path.write_bytes(sets._members(DATA / f"{set_name}.tar.gz")[member])
    _same_as_psplib(read(path), psplib.parse(path, other), kind)


@pytest.mark.parametrize("name", ["brandimarte/mk01", "hurink/vdata/la40", "behnke/behnke60", "kacem/kacem1"])
def test_flexible_shops_agree_with_the_fjsplib_package(name: str) -> None:
    """Machines and durations of every operation as another reader finds them."""
    path = DATA / "fjsp" / f"{name}.fjs"
    instance, other = read(path), fjsplib.read(path)
    machine, duration = instance.machine.tolist(), instance.duration.tolist()
    found = [
        list(zip(machine[low:high], duration[low:high], strict=True))
        for low, high in zip(instance.mode_ptr[:-1], instance.mode_ptr[1:], strict=True)
    ]
    expected = [[tuple(option) for option in operation] for job in other.jobs for operation in job]
    assert found == expected and instance.num_resources == other.num_machines


def test_a_file_written_by_extension_reads_back(tmp_path: Path) -> None:
    """.txt, .fjs, .rcp, .csv, .json and their .gz forms."""
    shop = Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [2, 4]])
    project = Instance.rcpsp([0, 3, 0], [[0], [2], [0]], [2], [[1], [2], []])
    for instance, name in ((shop, "a.txt"), (shop, "b.fjs"), (project, "c.rcp"), (project, "d.csv"), (shop, "e.json")):
        for path in (tmp_path / name, tmp_path / f"{name}.gz"):
            write(instance, path)
            assert read(path).digest == instance.digest and read(path).name == name[0]


def test_every_format_can_be_loaded() -> None:
    """The table names modules that exist and offer the three functions."""
    for item in FORMATS.values():
        module = item.load()
        assert callable(module.read) and callable(module.write) and callable(module.recognises)
