"""Store: one SQLite file with one row per finished run, so that a killed benchmark continues where it stopped.

Rows are committed one by one in write-ahead mode: a process killed at any moment leaves every finished row and no half
row. A run is known by its key; a second row with the same key is refused, so nothing is counted twice. A store of an
older version is brought up to date when it is opened; its rows have nothing where they knew nothing.
"""

from __future__ import annotations

import csv
import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, fields
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from makespan.instances.schedule import Schedule


@dataclass(frozen=True)
class RunKey:
    """What makes two runs the same run. ``budget`` is the text of ``budget_text``."""

    suite: str
    solver: str
    instance_hash: str
    seed: int
    budget: str
    threads: int


@dataclass(frozen=True)
class Run:
    """One finished run: its key, what came out, and what was needed to get it.

    Parameters
    ----------
    instance, instance_set
        Name of the instance and of the set it was taken from.
    plan
        The stages that ran, which for ``auto`` is more than the spec says.
    best_known
        Best known objective when the run was stored, None where there is none.
    gap
        (objective - best_known) / best_known, None where one is missing.
    trace
        (seconds, objective, bound) at each change.
    start, mode
        The schedule, None where there is none.
    measure
        What ``objective`` counts: the first objective of the instance, or the measure of a simulated shop.
    found_by
        The stage, rule and scheme that made the schedule.
    wall_seconds
        From handing the run to its worker to having its row: what exceeds ``seconds`` and ``compile_seconds`` is the
        cost of the benchmark itself.
    parameters
        All parameters of each stage of the plan, defaults included; the scenario of a simulated shop.
    source
        File and line that a foreign result came from, None for a run of our own.
    """

    key: RunKey
    instance: str
    instance_set: str
    plan: str
    status: str
    objective: int | None
    lower_bound: int | None
    best_known: int | None
    gap: float | None
    seconds: float
    compile_seconds: float
    iterations: int
    finished_at: str
    message: str
    trace: tuple[tuple[float, int | None, int | None], ...]
    start: tuple[int, ...] | None
    mode: tuple[int, ...] | None
    versions: Mapping[str, str]
    hardware: Mapping[str, Any]
    measure: str | None = None
    found_by: str | None = None
    wall_seconds: float | None = None
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    source: str | None = None

    @property
    def verified(self) -> bool:
        """Whether the objective is that of a schedule which passed ``check`` here; foreign ones may lack theirs."""
        return self.source is None or self.start is not None

    @property
    def schedule(self) -> Schedule | None:
        return None if self.start is None else Schedule(self.start, self.mode)


_KEY = tuple(item.name for item in fields(RunKey))
_PLAIN = (
    "instance",
    "instance_set",
    "plan",
    "status",
    "objective",
    "lower_bound",
    "best_known",
    "gap",
    "seconds",
    "compile_seconds",
    "iterations",
    "finished_at",
    "message",
    "measure",
    "found_by",
    "wall_seconds",
    "source",
)
_PACKED = ("trace", "start", "mode", "versions", "hardware", "parameters")

_VERSIONS: tuple[tuple[str, ...], ...] = (
    (
        """
CREATE TABLE runs (
    suite TEXT NOT NULL,
    solver TEXT NOT NULL,
    instance_hash TEXT NOT NULL,
    seed INTEGER NOT NULL,
    budget TEXT NOT NULL,
    threads INTEGER NOT NULL,
    instance TEXT NOT NULL,
    instance_set TEXT NOT NULL,
    plan TEXT NOT NULL,
    status TEXT NOT NULL,
    objective INTEGER,
    lower_bound INTEGER,
    best_known INTEGER,
    gap REAL,
    seconds REAL NOT NULL,
    compile_seconds REAL NOT NULL,
    iterations INTEGER NOT NULL,
    finished_at TEXT NOT NULL,
    message TEXT NOT NULL,
    trace BLOB NOT NULL,
    start BLOB,
    mode BLOB,
    versions BLOB NOT NULL,
    hardware BLOB NOT NULL,
    PRIMARY KEY (suite, solver, instance_hash, seed, budget, threads)
) STRICT
""",
    ),
    (
        "ALTER TABLE runs ADD COLUMN source TEXT",
        "ALTER TABLE runs ADD COLUMN measure TEXT",
        "ALTER TABLE runs ADD COLUMN found_by TEXT",
        "ALTER TABLE runs ADD COLUMN wall_seconds REAL",
        "ALTER TABLE runs ADD COLUMN parameters BLOB",
    ),
)
"""What leads from each version to the next, the first from an empty file. A version that was released never changes."""

SCHEMA = len(_VERSIONS)

_AT_ONCE = 32
"""Values that one query reads, packed: a schedule of a million tasks takes some megabytes."""


class Store:
    """An open results file; use it in a ``with`` block. One writer at a time, any number of readers."""

    def __init__(self, path: str | Path) -> None:
        """Open or create the file. Raises ValueError if it is no store of this version, OSError if it does not open."""
        self.path = Path(path)
        try:
            self._connection = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        except sqlite3.OperationalError as error:
            raise OSError(None, str(error), str(path)) from None
        try:
            self._prepare()
        except BaseException as error:
            self._connection.close()
            if isinstance(error, sqlite3.OperationalError):
                raise OSError(None, str(error), str(path)) from None
            if isinstance(error, sqlite3.DatabaseError):
                raise ValueError(f"{path}: found a file of another kind, expected a benchmark store") from None
            raise

    def _prepare(self) -> None:
        execute = self._connection.execute
        version = self._version()
        if version == 0 and execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise ValueError(f"{self.path}: found another program's database, expected a benchmark store")
        if version > SCHEMA:
            raise ValueError(f"{self.path}: found a store of version {version}, expected {SCHEMA} or less")
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = NORMAL")
        if version == SCHEMA:
            return
        execute("BEGIN IMMEDIATE")  # a second process that opens the file waits, and finds it up to date
        try:
            for statements in _VERSIONS[self._version() :]:
                for statement in statements:
                    execute(statement)
            execute(f"PRAGMA user_version = {SCHEMA}")
            execute("COMMIT")
        except BaseException:
            self._connection.rollback()
            raise

    def _version(self) -> int:
        version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
        return version

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def add(self, run: Run) -> bool:
        """Store a run and commit; returns False, changing nothing, if its key is there already."""
        values = [getattr(run.key, name) for name in _KEY] + [getattr(run, name) for name in _PLAIN]
        values += [_pack(getattr(run, name)) for name in _PACKED]
        marks = ", ".join("?" * len(values))
        names = ", ".join((*_KEY, *_PLAIN, *_PACKED))
        insert = f"INSERT INTO runs ({names}) VALUES ({marks}) ON CONFLICT ({', '.join(_KEY)}) DO NOTHING"
        return self._connection.execute(insert, values).rowcount == 1

    def forget_errors(self, suite: str) -> int:
        """Delete the runs of a suite that ended in an error, so that they are played again; returns how many."""
        return self._connection.execute("DELETE FROM runs WHERE suite = ? AND status = 'error'", (suite,)).rowcount

    def keys(self, suite: str) -> set[RunKey]:
        """The keys of all stored runs of a suite."""
        rows = self._connection.execute(f"SELECT {', '.join(_KEY)} FROM runs WHERE suite = ?", (suite,))
        return {RunKey(*row) for row in rows}

    def columns(self, *names: str) -> list[tuple[Any, ...]]:
        """The row number and the named columns of all runs, in the order in which they were stored.

        Reads nothing else: without traces and schedules a hundred thousand runs take about half a second.
        """
        rows = self._connection.execute(f"SELECT rowid, {_checked(names)} FROM runs ORDER BY rowid")
        return _unpacked(("rowid", *names), rows.fetchall())

    def distinct(self, *names: str) -> list[tuple[Any, ...]]:
        """Every combination of values that the named columns take, in the order of first storage."""
        listed = _checked(names)
        rows = self._connection.execute(f"SELECT {listed} FROM runs GROUP BY {listed} ORDER BY min(rowid)")
        return _unpacked(names, rows.fetchall())

    def values(self, name: str, rows: Iterable[int]) -> Iterator[Any]:
        """One column of the runs with these row numbers, one after the other."""
        packed = name in _PACKED
        asked = iter(rows)
        while some := tuple(islice(asked, _AT_ONCE)):
            marks = ", ".join("?" * len(some))
            statement = f"SELECT rowid, {_checked((name,))} FROM runs WHERE rowid IN ({marks})"
            found = dict(self._connection.execute(statement, some).fetchall())
            for row in some:
                yield _unpack(found[row]) if packed else found[row]

    def runs(self, suite: str | None = None) -> Iterator[Run]:
        """All stored runs, or those of one suite, in the order in which they were stored."""
        names = ", ".join((*_KEY, *_PLAIN, *_PACKED))
        where, given = ("WHERE suite = ?", (suite,)) if suite is not None else ("", ())
        with closing(self._connection.execute(f"SELECT {names} FROM runs {where} ORDER BY rowid", given)) as rows:
            for row in rows:
                key, plain, packed = row[: len(_KEY)], row[len(_KEY) : -len(_PACKED)], row[-len(_PACKED) :]
                trace, start, mode, versions, hardware, parameters = map(_unpack, packed)
                named = dict(zip(_PLAIN, plain, strict=True))
                yield Run(
                    key=RunKey(*key),
                    trace=tuple(map(tuple, trace)),
                    start=None if start is None else tuple(start),
                    mode=None if mode is None else tuple(mode),
                    versions=versions,
                    hardware=hardware,
                    parameters=parameters or {},
                    **named,
                )

    def export_csv(self, file: IO[str], suite: str | None = None) -> int:
        """Write all runs without traces and schedules as CSV; returns how many."""
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*_KEY, *_PLAIN, "versions", "hardware"))
        count = 0
        for run in self.runs(suite):
            count += 1
            packed = [json.dumps(dict(value), sort_keys=True) for value in (run.versions, run.hardware)]
            writer.writerow([*asdict(run.key).values(), *(getattr(run, name) for name in _PLAIN), *packed])
        return count


def budget_text(limits: Mapping[str, float | int | None]) -> str:
    """A budget as one text, the same for the same limits: ``seconds=30,iterations=1000``; ``none`` without a limit."""
    given = [(name, float(value)) for name, value in sorted(limits.items()) if value is not None]
    return ",".join(f"{name}={int(value) if value.is_integer() else value}" for name, value in given) or "none"


def _checked(names: Sequence[str]) -> str:
    """Names of columns for a statement; raises ValueError for one that the table has not."""
    unknown = [name for name in names if name not in (*_KEY, *_PLAIN, *_PACKED)]
    if unknown:
        raise ValueError(
            f"column {unknown[0]!r}: found no such column, expected one of {', '.join((*_KEY, *_PLAIN, *_PACKED))}"
        )
    return ", ".join(names)


def _unpacked(names: Sequence[str], rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    if not set(names) & set(_PACKED):
        return rows
    return [tuple(_unpack(v) if n in _PACKED else v for n, v in zip(names, row, strict=True)) for row in rows]


def _pack(value: object) -> bytes | None:
    if value is None:
        return None
    data: Sequence[Any] | dict[Any, Any] = dict(value) if isinstance(value, Mapping) else value  # type: ignore[assignment]
    return zlib.compress(json.dumps(data, default=str).encode())


def _unpack(data: bytes | None) -> Any:
    return None if data is None else json.loads(zlib.decompress(data))
