"""``makespan version``: versions of the program and of what it stands on."""

from __future__ import annotations

from typing import Literal

from makespan.cli.exit_codes import OK
from makespan.cli.output import write_output

_PACKAGES = ("numpy", "numba", "ortools", "gymnasium", "networkx", "pandas", "pydantic", "torch", "torch-geometric")


def version(*, format: Literal["table", "json"] = "table") -> int:
    """Show the versions of makespan, Python and the packages it uses.

    Parameters
    ----------
    format
        table or json.
    """
    import json
    import platform
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    from makespan import __version__

    found = {"makespan": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = installed(package)
        except PackageNotFoundError:
            continue
    lines = "".join(f"{name:<16}  {number}\n" for name, number in found.items())
    write_output(json.dumps(found) + "\n" if format == "json" else lines, None)
    return OK
