"""Store: one SQLite file with one row per finished run, so that a killed benchmark continues where it stopped.

Rows are committed one by one in write-ahead mode: a process killed at any moment leaves every finished row and no half
row. A run is known by its key; a second row with the same key is refused, so nothing is counted twice.
"""

from __future__ import annotations

import csv
import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from makespan.instances.schedule import Schedule

SCHEMA = 1


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
)
_PACKED = ("trace", "start", "mode", "versions", "hardware")

_CREATE = f"""
CREATE TABLE IF NOT EXISTS runs (
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
    PRIMARY KEY ({", ".join(_KEY)})
) STRICT
"""


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
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA):
            raise ValueError(f"{self.path}: found a store of version {version}, expected {SCHEMA}")
        if version == 0 and self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise ValueError(f"{self.path}: found another program's database, expected a benchmark store")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(_CREATE)
        self._connection.execute(f"PRAGMA user_version = {SCHEMA}")

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

    def runs(self, suite: str | None = None) -> Iterator[Run]:
        """All stored runs, or those of one suite, in the order in which they were stored."""
        names = ", ".join((*_KEY, *_PLAIN, *_PACKED))
        where, given = ("WHERE suite = ?", (suite,)) if suite is not None else ("", ())
        with closing(self._connection.execute(f"SELECT {names} FROM runs {where} ORDER BY rowid", given)) as rows:
            for row in rows:
                key, plain, packed = row[: len(_KEY)], row[len(_KEY) : -len(_PACKED)], row[-len(_PACKED) :]
                trace, start, mode, versions, hardware = map(_unpack, packed)
                named = dict(zip(_PLAIN, plain, strict=True))
                yield Run(
                    key=RunKey(*key),
                    trace=tuple(map(tuple, trace)),
                    start=None if start is None else tuple(start),
                    mode=None if mode is None else tuple(mode),
                    versions=versions,
                    hardware=hardware,
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


def _pack(value: object) -> bytes | None:
    if value is None:
        return None
    data: Sequence[Any] | dict[Any, Any] = dict(value) if isinstance(value, Mapping) else value  # type: ignore[assignment]
    return zlib.compress(json.dumps(data).encode())


def _unpack(data: bytes | None) -> Any:
    return None if data is None else json.loads(zlib.decompress(data))
