"""The result file: what ``solve`` writes and ``check``, ``plot``, ``convert`` and ``--hint`` read.

One JSON object with ``"kind": "makespan-result"`` and a schema version; ``docs/command_line.md`` lists the keys.
Readers need ``instance`` and ``schedule`` only, so that a schedule made elsewhere is quickly put into this form.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makespan.instances.errors import InputError, quoted
from makespan.instances.instance import HORIZON_LIMIT, Instance
from makespan.instances.read import file_bytes
from makespan.instances.schedule import Schedule, objective_values

if TYPE_CHECKING:
    from makespan.solvers.api import Result

KIND = "makespan-result"
SCHEMA = 1


class WrongInstance(ValueError):
    """A schedule was made for another instance; the message says how they differ."""


@dataclass(frozen=True)
class StoredInstance:
    """Which instance a result belongs to: its name, its hash and the objective it was solved for."""

    name: str = ""
    hash: str = ""
    objective: tuple[str, ...] = ()


@dataclass(frozen=True)
class StoredReplan:
    """That a plan was changed: ``of`` is the hash of the instance without what the plan fixed in it."""

    of: str = ""


@dataclass(frozen=True)
class StoredSchedule:
    """Start and mode of every task; ``end`` and ``task`` (names) are for people and other programs."""

    start: list[int]
    mode: list[int] | None = None
    end: list[int] | None = None
    task: list[str] | None = None


@dataclass(frozen=True)
class StoredResult:
    """A result file, read. Its claims (objective, bound, status) are those of whoever wrote it."""

    instance: StoredInstance
    schedule: StoredSchedule | None = None
    solver: str = ""
    found_by: str | None = None
    status: str = "feasible"
    objective: int | None = None
    objectives: list[int] | None = None
    lower_bound: int | None = None
    seconds: float | None = None
    compile_seconds: float | None = None
    iterations: int | None = None
    seed: int | None = None
    threads: int | None = None
    versions: dict[str, str] = field(default_factory=dict)
    budget: dict[str, float | None] = field(default_factory=dict)
    trace: list[tuple[float, int | None, int | None]] = field(default_factory=list)
    message: str = ""
    replan: StoredReplan | None = None

    @property
    def _hashes(self) -> tuple[str, ...]:
        """Of the instances that the schedule is for: what a replanned one keeps, the one it was made of keeps too."""
        return (self.instance.hash,) if self.replan is None else (self.instance.hash, self.replan.of)

    def instance_as_solved(self, instance: Instance) -> Instance:
        """The instance with the objective that the result was made for, where that makes it the one that was solved."""
        if "" in self._hashes or instance.digest in self._hashes or not self.instance.objective:
            return instance
        try:
            changed = instance.replace(objective=self.instance.objective)
        except ValueError:
            return instance
        return changed if changed.digest in self._hashes else instance

    def schedule_for(self, instance: Instance, force: bool = False) -> Schedule:
        """The schedule, for this instance.

        Raises
        ------
        WrongInstance
            If there is no schedule, if the numbers of tasks differ, or, without ``force``, if the hashes differ.
        """
        if self.schedule is None:
            raise WrongInstance(f"the result holds no schedule (status {self.status})")
        if len(self.schedule.start) != instance.num_tasks:
            raise WrongInstance(
                f"the schedule has {len(self.schedule.start)} tasks, {instance.name!r} has {instance.num_tasks}"
            )
        if self.instance.hash and instance.digest not in self._hashes and not force:
            raise WrongInstance(
                f"the schedule was made for instance {self.instance.name!r} with hash {self.instance.hash[:12]}…, "
                f"{instance.name!r} has hash {instance.digest[:12]}…; --force takes it all the same"
            )
        return Schedule(self.schedule.start, self.schedule.mode)


def to_dict(result: Result, instance: Instance) -> dict[str, Any]:
    """A result as the JSON-able object of the result file; ``instance`` is the one that was solved."""
    schedule = None if result.schedule is None else schedule_dict(result.schedule, instance)
    return {
        "kind": KIND,
        "schema": SCHEMA,
        "instance": {"name": instance.name, "hash": instance.digest, "objective": list(instance.objective)},
        "solver": result.solver,
        "found_by": result.found_by,
        "status": result.status.value,
        "objective": result.objective,
        "objectives": None if result.objectives is None else list(result.objectives),
        "lower_bound": result.lower_bound,
        "seconds": round(result.seconds, 6),
        "compile_seconds": round(result.compile_seconds, 6),
        "iterations": result.iterations,
        "seed": result.seed,
        "threads": result.threads,
        "versions": result.versions,
        "budget": asdict(result.budget),
        "trace": [[round(seconds, 6), objective, bound] for seconds, objective, bound in result.trace],
        "hint": result.hint,
        "interrupted": result.interrupted,
        "message": result.message,
        "schedule": schedule,
    }


def schedule_dict(schedule: Schedule, instance: Instance) -> dict[str, Any]:
    """The ``schedule`` object of the result file."""
    names = instance.meta.task_names
    return {
        "task": None if names is None else list(names),
        "mode": schedule.mode.tolist(),
        "start": schedule.start.tolist(),
        "end": schedule.end(instance).tolist(),
    }


def stored_schedule(schedule: Schedule, instance: Instance) -> StoredResult:
    """A schedule that came without anything else, as a result that claims nothing."""
    belongs_to = StoredInstance(instance.name, instance.digest, instance.objective)
    return StoredResult(belongs_to, StoredSchedule(schedule.start.tolist(), schedule.mode.tolist()))


def stored_dict(stored: StoredResult, schedule: Schedule, instance: Instance) -> dict[str, Any]:
    """A result file that was read, with a schedule of this instance, as the object of a result file of its own.

    What follows from the schedule is worked out anew; the other claims stay as they were.
    """
    claims = {key: value for key, value in asdict(stored).items() if value not in (None, "", {}, [])}
    values = objective_values(instance, schedule)
    return claims | {
        "kind": KIND,
        "schema": SCHEMA,
        "instance": {"name": instance.name, "hash": instance.digest, "objective": list(instance.objective)},
        "objective": values[0],
        "objectives": list(values),
        "schedule": schedule_dict(schedule, instance),
    }


def to_json(result: Result, instance: Instance) -> str:
    """The text of the result file: one line."""
    return json.dumps(to_dict(result, instance), ensure_ascii=False) + "\n"


def read_result(path: str | Path) -> StoredResult:
    """Read a result file, which may be compressed with gzip. Raises InputError naming the file, what was found and what
    was expected."""
    try:
        text = file_bytes(Path(path)).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(str(path), None, "binary data", "a result of makespan solve") from None
    return parse_result(text, str(path))


def parse_result(text: str, path: str = "<text>") -> StoredResult:
    """The result in a text; ``path`` stands in messages. Raises InputError."""
    data = _json_object(text, path)
    if data.get("kind") != KIND:
        found = f"kind {quoted(data['kind'])}" if "kind" in data else "JSON without a kind"
        raise InputError(path, None, found, f"a result of makespan solve (kind {KIND!r})")
    if data.get("schema") != SCHEMA:
        raise InputError(
            path, None, f"schema {quoted(data.get('schema'))}", f"schema {SCHEMA}, the one this version reads"
        )
    import pydantic  # imported here: solving and writing do without it

    try:
        stored = pydantic.TypeAdapter(StoredResult).validate_json(text.lstrip("\ufeff"), strict=True)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        found = f"no {place}" if first["type"] == "missing" else f"{place} {quoted(first['input'])}"
        expected = f"the field {place}" if first["type"] == "missing" else first["msg"].removeprefix("Input should be ")
        raise InputError(path, None, found, expected) from None
    if stored.schedule is not None:
        _check_columns(stored.schedule, path)
    return stored


def _check_columns(schedule: StoredSchedule, path: str) -> None:
    num_tasks = len(schedule.start)
    for name in ("mode", "end", "task"):
        column = getattr(schedule, name)
        if column is not None and len(column) != num_tasks:
            raise InputError(
                path, None, f"{len(column)} values in schedule.{name}", f"{num_tasks}, as in schedule.start"
            )
    for name, limit in (("start", HORIZON_LIMIT), ("end", HORIZON_LIMIT), ("mode", 2**31 - 1)):
        for value in getattr(schedule, name) or ():
            if not -limit <= value <= limit:
                raise InputError(path, None, f"{value} in schedule.{name}", f"{-limit} to {limit}")


def _json_object(text: str, path: str) -> dict[str, Any]:
    try:
        data = json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise InputError(
            path, error.lineno, f"at column {error.colno}: {error.msg[:1].lower()}{error.msg[1:]}", "JSON"
        ) from None
    except (RecursionError, ValueError):
        raise InputError(
            path, None, "JSON nested too deep or with endless numbers", "a result of makespan solve"
        ) from None
    if isinstance(data, list):
        raise InputError(path, None, f"a list of {len(data)} results", "one result")
    if not isinstance(data, dict):
        raise InputError(path, None, f"JSON {quoted(data)}", "a result of makespan solve")
    return data
