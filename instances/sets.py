"""The bundled instances by name: load("ta01"), load_set("ta"); nothing is read before it is asked for."""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import re
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from makespan.instances.formats.source import Source
from makespan.instances.generators import generate
from makespan.instances.instance import Instance
from makespan.instances.read import read, read_text

DATA = Path(__file__).resolve().parent / "data"


GENERATED = "generated"
"""The format of sets whose instances are drawn anew: the table of bounds says by which spec of ``generators``."""


@dataclass(frozen=True)
class InstanceSet:
    """A set of bundled instances.

    ``name`` is ``collection/set``; the files lie in the folder ``data/name``, or ``data/collection`` with ``flat``, or
    in ``data/name.tar.gz`` with ``archive``; ``extension`` is theirs, ``aliases`` are other names of the set. A set of
    the format GENERATED has no files.
    """

    name: str
    format: str
    extension: str
    archive: bool = False
    flat: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def collection(self) -> str:
        return self.name.partition("/")[0]


def _job_shop_sets() -> Iterator[InstanceSet]:
    for name in ("ft", "la", "abz", "orb", "swv", "yn", "ta", "dmu", "tai", "bel"):
        yield InstanceSet(f"jsp/{name}", "standard", ".txt")
    yield InstanceSet("jsp/dct", "da_col_teppan", ".txt")


def _flexible_sets() -> Iterator[InstanceSet]:
    yield InstanceSet("fjsp/brandimarte", "fjs", ".fjs", aliases=("mk",))
    for name in ("hurink/edata", "hurink/rdata", "hurink/vdata", "dauzere", "barnes", "kacem", "behnke"):
        yield InstanceSet(f"fjsp/{name}", "fjs", ".fjs")


def _project_sets() -> Iterator[InstanceSet]:
    for name in ("j30", "j60", "j90", "j120"):
        yield InstanceSet(f"rcpsp/{name}", "psplib", ".sm", archive=True)
    for name in ("patterson", "rg30"):
        yield InstanceSet(f"rcpsp/{name}", "patterson", ".rcp", archive=True)
    yield InstanceSet("mrcpsp/c15", "psplib", ".mm", archive=True)
    yield InstanceSet("mrcpsp/m1", "psplib", ".mm", flat=True)
    for name in ("j10", "j20", "j30", "c", "d", "ubo10", "ubo20", "ubo50", "ubo100"):
        yield InstanceSet(f"rcpsp_max/{name}", "rcpsp_max", ".sch", archive=True)


_SETS: dict[str, InstanceSet] = {
    item.name: item
    for item in (
        *_job_shop_sets(),
        *_flexible_sets(),
        InstanceSet("flowshop/tfs", "flow_shop", ".txt", flat=True),
        InstanceSet("openshop/taillard", "open_shop", ".txt", flat=True),
        *_project_sets(),
        *(InstanceSet(f"validation1/{name}", GENERATED, "") for name in ("uniform", "two_set", "flexible", "rcpsp")),
        InstanceSet("workflows/workflows", "wfformat", ".json", archive=True),
        InstanceSet("examples/examples", "csv", ".csv", flat=True),
    )
}

_UNLISTED = {"mrcpsp/m1": ["m11_1"], "examples/examples": ["small_plant"]}
"""Sets without a table of bounds that would name their instances."""


def load(name: str) -> Instance:
    """A bundled instance.

    Parameters
    ----------
    name
        The instance, such as ``ta01``, ``mk01`` or ``j1201_1``, after as much of its set as makes it unique:
        ``edata/la01``, ``hurink/edata/la01``, ``rcpsp_max/j30/psp1``. Alone, a name that also is a classical job shop
        means that one (``la01``).

    Raises
    ------
    ValueError
        For an unknown name (with the nearest ones) or an ambiguous one (with the candidates).
    """
    return _load(*find(name))


def bundled_source(name: str) -> Source:
    """The text of a bundled instance that lies in an archive. Raises ValueError as ``load``, and for other sets."""
    set_name, instance = find(name)
    if not _SETS[set_name].archive:
        raise ValueError(f"instance {name!r}: found one of {set_name}, expected one that lies in an archive")
    return _archived(_SETS[set_name], instance)


def load_set(name: str) -> list[Instance]:
    """All instances of a set, in the order of ``instance_names``. Raises ValueError for an unknown set."""
    full = _find_set(name)
    return [_load(full, instance) for instance in instance_names(full)]


def set_names() -> list[str]:
    """The full names of all sets, such as ``jsp/ta``."""
    return list(_SETS)


def instance_set(name: str) -> InstanceSet:
    """The set of a full or short name. Raises ValueError for an unknown set."""
    return _SETS[_find_set(name)]


def instance_names(set_name: str) -> list[str]:
    """The names of the instances of a set, numbers in natural order. Raises ValueError for an unknown set."""
    return sorted(_instances_by_set()[_find_set(set_name)], key=natural_order)


def find(name: str) -> tuple[str, str]:
    """The set and the name within it that ``load`` takes ``name`` for. Raises ValueError as ``load``."""
    candidates = matches(name)
    if len(candidates) > 1:
        preferred = [item for item in candidates if item[0].startswith("jsp/")]
        candidates = preferred if len(preferred) == 1 else candidates
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        shown = ", ".join("/".join(item) for item in candidates[:10])
        raise ValueError(f"instance {name!r}: found {len(candidates)} of this name, expected one of {shown}")
    last = name.rpartition("/")[2]
    same_numbers = [known for known in _sets_by_instance() if natural_order(known) == natural_order(last)]
    near = same_numbers or difflib.get_close_matches(last, _sets_by_instance(), n=5)
    hint = f"one like {', '.join(near)}" if near else "a name from `makespan instances list`"
    raise ValueError(f"instance {name!r}: found no bundled instance of this name, expected {hint}")


def matches(name: str) -> list[tuple[str, str]]:
    """(set, name within it) of every bundled instance whose full name ends in ``name``."""
    prefix, _, last = name.strip("/").rpartition("/")
    return [
        (set_name, last)
        for set_name in _sets_by_instance().get(last, [])
        if not prefix or f"/{set_name}".endswith(f"/{prefix}") or prefix in _SETS[set_name].aliases
    ]


def short_name(set_name: str, instance: str) -> str:
    """The shortest name by which ``load`` finds an instance; it is the instance's own name."""
    parts = set_name.split("/")
    for length in range(len(parts) + 1):
        name = "/".join([*parts[len(parts) - length :], instance])
        candidates = matches(name)
        if len(candidates) == 1 or (length == 0 and set_name.startswith("jsp/")):
            return name
    raise AssertionError(f"{set_name}/{instance} is not unique")


def _find_set(name: str) -> str:
    name = name.strip("/")
    for full, item in _SETS.items():
        if f"/{full}".endswith(f"/{name}") or name in item.aliases:
            return full
    near = difflib.get_close_matches(name, [*_SETS, *(full.rpartition("/")[2] for full in _SETS)], n=5)
    hint = f"one like {', '.join(near)}" if near else f"one of {', '.join(_SETS)}"
    raise ValueError(f"set {name!r}: found no bundled set of this name, expected {hint}")


def _load(set_name: str, instance: str) -> Instance:
    item = _SETS[set_name]
    if item.format == GENERATED:
        found = generate(_specs(item.collection)[set_name, instance])
    elif item.archive:
        source = _archived(item, instance)
        found = read_text(source.text, instance, item.format, path=source.path)
    else:
        path = DATA / (item.collection if item.flat else set_name) / f"{instance}{item.extension}"
        found = read(path if path.exists() else path.with_name(f"{path.name}.gz"), item.format)
    return found.named(short_name(set_name, instance), set_name)


def _archived(item: InstanceSet, instance: str) -> Source:
    member = f"{item.name.rpartition('/')[2]}/{instance}{item.extension}"
    text = _members(DATA / f"{item.name}.tar.gz")[member].decode("utf-8")
    return Source(text, f"{item.name}.tar.gz/{member}", instance)


@cache
def _specs(collection: str) -> dict[tuple[str, str], str]:
    """The specs of the generated instances of a collection, by set and name."""
    return {(set_of(collection, row), row["instance"]): row["spec"] for row in bound_rows(collection)}


@lru_cache(maxsize=4)
def _members(archive: Path) -> dict[str, bytes]:
    """The files of an archive; all of them are unpacked at once, which takes far less time than seeking in gzip."""
    data = gzip.decompress(archive.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        files = [member for member in tar if member.isfile()]
    return {member.name: data[member.offset_data : member.offset_data + member.size] for member in files}


@cache
def _instances_by_set() -> dict[str, list[str]]:
    """The instances of each set, from the tables of bounds."""
    found: dict[str, list[str]] = {name: list(_UNLISTED.get(name, ())) for name in _SETS}
    for collection in collections():
        for row in bound_rows(collection):
            found[set_of(collection, row)].append(row["instance"])
    index = _rows(DATA / "workflows" / "index.csv")
    found["workflows/workflows"] = [row["file"].removesuffix(".json") for row in index]
    return found


@cache
def _sets_by_instance() -> dict[str, list[str]]:
    """The sets that have an instance of a name."""
    found: dict[str, list[str]] = defaultdict(list)
    for set_name, names in _instances_by_set().items():
        for name in names:
            found[name].append(set_name)
    return dict(found)


@cache
def bound_rows(collection: str) -> list[dict[str, str]]:
    """The rows of a collection's ``bounds.csv``; none where there is no such file."""
    path = DATA / collection / "bounds.csv"
    return _rows(path) if path.exists() else []


def _rows(path: Path) -> list[dict[str, str]]:
    header, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
    return [dict(zip(header, row, strict=True)) for row in rows]


def collections() -> list[str]:
    """The folders of the data: ``jsp``, ``fjsp``, …"""
    return list(dict.fromkeys(item.collection for item in _SETS.values()))


def set_of(collection: str, row: dict[str, str]) -> str:
    """The full name of the set of a row of bounds."""
    if "set" in row:
        return f"{collection}/{row['set']}"
    flat = {"flowshop": "flowshop/tfs", "openshop": "openshop/taillard"}
    return flat.get(collection) or f"{collection}/{re.split('[^a-z]', row['instance'], maxsplit=1)[0]}"


def natural_order(name: str) -> list[tuple[int, str]]:
    """Sort key that puts j30_2 before j30_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name)]
