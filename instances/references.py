"""References to instances as people type them, in the shell and in suites: names, sets, globs, folders and files.

``@ta01`` is a bundled instance, ``@ta`` a bundled set, ``@ta0*`` every bundled instance whose name fits; ``-`` is the
standard input; everything else is a file, a folder (its files with the ending of an instance format) or a glob.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from makespan.instances.bounds import Bound, best_known
from makespan.instances.errors import InputError, quoted
from makespan.instances.formats import FORMATS
from makespan.instances.instance import Instance
from makespan.instances.read import format_of, read
from makespan.instances.sets import GENERATED, find, instance_names, instance_set, load, set_names, short_name


@dataclass(frozen=True)
class Reference:
    """One instance, not read yet: bundled as (set, name), or the file ``text``, ``-`` for the standard input."""

    text: str
    bundled: tuple[str, str] | None = None

    def load(self, format: str | None = None) -> Instance:
        """Read the instance; ``format`` is for files only. Raises InputError, or ValueError for an unknown format."""
        return read(self.text, format) if self.bundled is None else load(self.text.removeprefix("@"))

    @property
    def set_name(self) -> str:
        """The set of a bundled instance, or the folder of a file."""
        if self.bundled is not None:
            return self.bundled[0]
        return "stdin" if self.text == "-" else Path(self.text).resolve().parent.name

    @property
    def format(self) -> str | None:
        """The format that would be read; None for the standard input and for generated instances."""
        if self.bundled is not None:
            format = instance_set(self.bundled[0]).format
            return None if format == GENERATED else format
        return None if self.text == "-" else format_of(self.text)

    def best_known(self, instance: Instance) -> Bound | None:
        """The best known bounds of ``instance``, which was loaded from here; None where there are none or where it was
        changed since."""
        if self.bundled is not None and instance.objective == ("makespan",):
            return best_known(self.text.removeprefix("@"))
        return best_known(instance)


def expand_references(texts: Iterable[str], folder: Path | None = None) -> list[Reference]:
    """Every instance that the texts name, each once, in their order; relative paths are taken from ``folder``.

    Raises InputError for an unknown name, a glob that nothing fits and a folder without instances; a file need not
    exist before it is loaded.
    """
    found = [each for text in texts for each in _expand(text, folder or Path())]
    return list(dict.fromkeys(found))


def one_reference(text: str) -> Reference:
    """The one instance that a text names. Raises InputError if there is none or several."""
    found = expand_references([text])
    if len(found) > 1:
        raise InputError(text, None, f"{len(found)} instances", "one")
    return found[0]


def known_names() -> list[str]:
    """``@`` and the short name of every bundled instance, then of every bundled set."""
    instances = [short_name(each, name) for each in set_names() for name in instance_names(each)]
    return [f"@{name}" for name in (*instances, *set_names())]


def _expand(text: str, folder: Path) -> list[Reference]:
    if text == "-":
        return [Reference("-")]
    if text.startswith("@"):
        return _bundled(text[1:])
    path = folder / text
    if path.is_dir():
        return _files(path)
    if not path.exists() and glob.has_magic(text):
        paths = Path(path.anchor).glob(str(path.relative_to(path.anchor)))
        fitting = sorted(str(each) for each in paths if each.is_file())
        if not fitting:
            raise InputError(text, None, "no file that fits", "a pattern that fits some")
        return [Reference(each) for each in fitting]
    return [Reference(str(path))]


def _files(folder: Path) -> list[Reference]:
    endings = {ending for each in FORMATS.values() for ending in each.extensions}
    fitting = [
        str(path)
        for path in folder.iterdir()
        if path.is_file()
        and Path(path.name.lower().removesuffix(".gz")).suffix in endings
        and not path.name.startswith(".")
        and not path.name.lower().endswith(".calendar.csv")
    ]
    if not fitting:
        raise InputError(
            str(folder), None, "a folder without instance files", f"files ending in {' '.join(sorted(endings))}"
        )
    return [Reference(path) for path in sorted(fitting)]


def _bundled(name: str) -> list[Reference]:
    if glob.has_magic(name):
        pairs = [(each, instance) for each in set_names() for instance in instance_names(each)]
        fitting = [pair for pair in pairs if fnmatchcase(short_name(*pair), name) or fnmatchcase("/".join(pair), name)]
        if not fitting:
            raise InputError(f"@{name}", None, "no bundled instance that fits", "a pattern such as @ta0*")
        return [Reference(f"@{short_name(*pair)}", pair) for pair in fitting]
    try:
        pair = find(name)
        return [Reference(f"@{short_name(*pair)}", pair)]
    except ValueError as error:
        problem = str(error)
    try:
        members = instance_names(name)
    except ValueError:
        raise InputError(f"@{name}", None, quoted(name), problem.rpartition("expected ")[2]) from None
    full = instance_set(name).name
    return [Reference(f"@{short_name(full, each)}", (full, each)) for each in members]
