"""The results file: what is stored is read back, once, whatever happens in between."""

import io
import json
import sqlite3
import threading
import zlib
from dataclasses import fields, replace
from pathlib import Path

import pytest

from makespan.eval.store import SCHEMA, Run, RunKey, Store, budget_text

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
    measure="makespan",
    found_by="rule:spt,scheme=non_delay",
    wall_seconds=1.875,
    parameters={"rule:spt": {"scheme": "non_delay", "samples": 0}},
)

VERSION_1 = """
CREATE TABLE runs (
    suite TEXT NOT NULL, solver TEXT NOT NULL, instance_hash TEXT NOT NULL, seed INTEGER NOT NULL,
    budget TEXT NOT NULL, threads INTEGER NOT NULL, instance TEXT NOT NULL, instance_set TEXT NOT NULL,
    plan TEXT NOT NULL, status TEXT NOT NULL, objective INTEGER, lower_bound INTEGER, best_known INTEGER, gap REAL,
    seconds REAL NOT NULL, compile_seconds REAL NOT NULL, iterations INTEGER NOT NULL, finished_at TEXT NOT NULL,
    message TEXT NOT NULL, trace BLOB NOT NULL, start BLOB, mode BLOB, versions BLOB NOT NULL, hardware BLOB NOT NULL,
    PRIMARY KEY (suite, solver, instance_hash, seed, budget, threads)
) STRICT
"""
"""The table as the first released version made it."""


def store_of_version_1(path: Path) -> list[Run]:
    """A store as the first version left it, and the runs that are to be read from it."""
    nothing = replace(RUN, key=replace(KEY, seed=1), status="unknown", objective=None, gap=None, start=None, mode=None)
    runs = [replace(each, measure=None, found_by=None, wall_seconds=None, parameters={}) for each in (RUN, nothing)]
    with sqlite3.connect(path) as connection:
        connection.execute(VERSION_1)
        for run in runs:
            row = list(vars(run.key).values())
            for item in list(fields(Run))[1:19]:
                value = getattr(run, item.name)
                packs = value is not None and item.name in ("trace", "start", "mode", "versions", "hardware")
                row.append(zlib.compress(json.dumps(value).encode()) if packs else value)
            connection.execute(f"INSERT INTO runs VALUES ({', '.join('?' * len(row))})", row)
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    return runs


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


def version_of(path: Path) -> int:
    """The version that a file says it has."""
    with sqlite3.connect(path) as connection:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()
    return version


def test_a_store_of_the_first_version_is_brought_up_to_date_with_all_its_rows(tmp_path: Path) -> None:
    """What the rows knew they still know, of the rest they know nothing; then it takes new rows as any other."""
    path = tmp_path / "old.sqlite"
    runs = store_of_version_1(path)
    with Store(path) as store:
        assert list(store.runs()) == runs
        assert store.add(replace(RUN, key=replace(KEY, seed=2)))
    assert version_of(path) == SCHEMA >= 2
    with Store(path) as store:
        assert list(store.runs()) == [*runs, replace(RUN, key=replace(KEY, seed=2))]


def test_a_migrated_store_has_the_columns_of_a_new_one(tmp_path: Path) -> None:
    """Names, types and order: nobody can tell which way it came."""
    store_of_version_1(tmp_path / "old.sqlite")
    columns = []
    for name in ("old.sqlite", "new.sqlite"):
        with Store(tmp_path / name):
            pass
        with sqlite3.connect(tmp_path / name) as connection:
            columns.append(connection.execute("PRAGMA table_info(runs)").fetchall())
        connection.close()
    assert columns[0] == columns[1]


def test_two_that_open_an_old_store_at_once_migrate_it_once(tmp_path: Path) -> None:
    """A report and a benchmark, say: one waits for the other."""
    runs = store_of_version_1(tmp_path / "old.sqlite")
    found = list[list[Run]]()

    def read() -> None:
        with Store(tmp_path / "old.sqlite") as store:
            found.append(list(store.runs()))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert found == [runs] * 4


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All steps are one transaction."""
    path = tmp_path / "old.sqlite"
    runs = store_of_version_1(path)
    broken = ("ALTER TABLE runs ADD COLUMN more TEXT", "ALTER TABLE nothing ADD COLUMN more TEXT")
    with monkeypatch.context() as patch:
        patch.setattr("makespan.eval.store._VERSIONS", (("",), broken))
        with pytest.raises(OSError):
            Store(path)
    assert version_of(path) == 1
    with Store(path) as store:
        assert list(store.runs()) == runs


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


def test_columns_are_read_without_the_rest(tmp_path: Path) -> None:
    """Plain ones as they are, packed ones unpacked; rows are named by their numbers."""
    second = replace(RUN, key=replace(KEY, seed=1), objective=58, hardware={"cores": 8})
    with Store(tmp_path / "r.sqlite") as store:
        store.add(RUN)
        store.add(second)
        assert store.columns("seed", "objective") == [(1, 0, 60), (2, 1, 58)]
        assert store.columns("hardware") == [(1, {"cores": 2}), (2, {"cores": 8})]
        assert store.distinct("suite", "versions") == [("smoke", {"makespan": "0.1.0"})]
        assert list(store.values("start", [2, 1])) == [[0, 2**53]] * 2
        assert list(store.values("objective", [2, 1])) == [58, 60]


def test_a_column_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    """Names go into the statement, so only known ones may."""
    with Store(tmp_path / "r.sqlite") as store, pytest.raises(ValueError, match="found no such column"):
        store.columns("1; DROP TABLE runs")
