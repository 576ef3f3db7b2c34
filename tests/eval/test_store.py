"""The results file: what is stored is read back, once, whatever happens in between."""

import io
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from makespan.eval.store import Run, RunKey, Store, budget_text

KEY = RunKey("smoke", "rule:spt", "ab12", 0, "seconds=2", 1)
RUN = Run(
    key=KEY,
    instance="ft06",
    instance_set="jsp/ft",
    plan="rule:spt",
    status="feasible",
    objective=60,
    lower_bound=47,
    best_known=55,
    gap=5 / 55,
    seconds=0.25,
    compile_seconds=1.5,
    iterations=1,
    finished_at="2026-11-22T04:00:00+00:00",
    message="",
    trace=((0.1, None, 47), (0.2, 60, 47)),
    start=(0, 2**53),
    mode=(0, 1),
    versions={"makespan": "0.1.0"},
    hardware={"cores": 2},
)


def test_a_run_reads_back_as_it_was_stored(tmp_path: Path) -> None:
    """Schedule, trace, versions and hardware included; times up to 2**53 keep every digit."""
    with Store(tmp_path / "r.sqlite") as store:
        assert store.add(RUN)
    with Store(tmp_path / "r.sqlite") as store:
        assert list(store.runs()) == [RUN]
        (run,) = store.runs("smoke")
    assert run.schedule is not None and run.schedule.start.tolist() == [0, 2**53]


def test_a_run_without_a_schedule_is_stored_too(tmp_path: Path) -> None:
    """Nothing stands for the missing numbers."""
    nothing = replace(RUN, status="unknown", objective=None, gap=None, start=None, mode=None, best_known=None)
    with Store(tmp_path / "r.sqlite") as store:
        store.add(nothing)
        assert list(store.runs()) == [nothing] and nothing.schedule is None


def test_the_same_run_is_not_stored_twice(tmp_path: Path) -> None:
    """The first one stays, so that no number changes behind a reader's back."""
    with Store(tmp_path / "r.sqlite") as store:
        assert store.add(RUN)
        assert not store.add(replace(RUN, objective=59))
        assert [run.objective for run in store.runs()] == [60]


@pytest.mark.parametrize(
    "change",
    [
        {"suite": "other"},
        {"solver": "rule:lpt"},
        {"instance_hash": "cd"},
        {"seed": 1},
        {"budget": "seconds=3"},
        {"threads": 2},
    ],
)
def test_every_part_of_the_key_makes_another_run(tmp_path: Path, change: dict[str, object]) -> None:
    """Suite, solver, instance, seed, budget and threads say together which run it is."""
    with Store(tmp_path / "r.sqlite") as store:
        store.add(RUN)
        assert store.add(replace(RUN, key=replace(KEY, **change)))  # type: ignore[arg-type]
        assert store.keys("smoke") >= {KEY}


def test_readers_see_finished_runs_while_a_benchmark_writes(tmp_path: Path) -> None:
    """Write-ahead mode: a report may be made at any time."""
    with Store(tmp_path / "r.sqlite") as store:
        store.add(RUN)
        with sqlite3.connect(tmp_path / "r.sqlite") as other:
            assert other.execute("SELECT objective FROM runs").fetchall() == [(60,)]
            assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        other.close()


def test_errors_can_be_forgotten_and_nothing_else(tmp_path: Path) -> None:
    """``--retry-errors`` plays only those again that came to nothing through a failure."""
    with Store(tmp_path / "r.sqlite") as store:
        store.add(RUN)
        store.add(replace(RUN, key=replace(KEY, seed=1), status="error"))
        assert store.forget_errors("other") == 0
        assert store.forget_errors("smoke") == 1
        assert store.keys("smoke") == {KEY}


def test_other_files_are_refused_and_left_as_they_are(tmp_path: Path) -> None:
    """A mistyped path must not turn somebody's database or text into a results file."""
    text = tmp_path / "notes.txt"
    text.write_text("these are notes, long enough to be no empty database\n" * 30)
    foreign = tmp_path / "other.sqlite"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE people (name TEXT)")
    connection.close()
    newer = tmp_path / "newer.sqlite"
    with Store(newer):
        pass
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    for path in (text, foreign, newer):
        before = path.read_bytes()
        with pytest.raises(ValueError, match="found"):
            Store(path)
        assert path.read_bytes() == before
    with pytest.raises(OSError):
        Store(tmp_path / "nowhere" / "r.sqlite")


def test_the_same_limits_make_the_same_text() -> None:
    """30 and 30.0 seconds are one budget; large targets keep every digit."""
    assert budget_text({"seconds": 30.0, "gap": None}) == budget_text({"seconds": 30}) == "seconds=30"
    assert budget_text({"target": 123456789, "seconds": 0.5}) == "seconds=0.5,target=123456789"
    assert budget_text({}) == "none"


def test_the_export_has_a_line_per_run(tmp_path: Path) -> None:
    """Key, outcome, versions and hardware; traces and schedules stay in the store."""
    text = io.StringIO()
    with Store(tmp_path / "r.sqlite") as store:
        store.add(RUN)
        assert store.export_csv(text, "smoke") == 1
    header, line = text.getvalue().splitlines()
    assert header.startswith("suite,solver,instance_hash,seed,budget,threads,instance,")
    assert line.startswith("smoke,rule:spt,ab12,0,seconds=2,1,ft06,jsp/ft,rule:spt,feasible,60,47,55,")
