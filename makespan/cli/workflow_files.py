"""Workflows and machines as ``makespan workflow`` takes them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from makespan.cli.arguments import usage_errors
from makespan.cli.exit_codes import UsageError
from makespan.cli.output import render, write_output

if TYPE_CHECKING:
    from makespan.instances.workflow import Workflow
    from makespan.instances.workflow_files import Machines

_UNITS = {"k": 10**3, "M": 10**6, "G": 10**9}


def read(file: str, machines: Machines) -> Workflow:
    """The workflow of a file or name; unknown names are the user's error."""
    from makespan.instances.workflow_files import read_workflow

    with usage_errors():
        return read_workflow(file, machines)


def machines_of(speeds: str | None, bandwidth: str | None = None, prices: str | None = None) -> Machines:
    """The machines of the options; five kinds without any."""
    from dataclasses import replace

    from makespan.instances.workflow_files import LINEAR, Machines

    with usage_errors():
        machines = LINEAR
        if speeds is not None:
            speed = _fractions(speeds, "speeds")
            machines = Machines(speed, None if prices else tuple(each**2 for each in speed))
        if prices is not None:
            machines = replace(machines, price=_fractions(prices, "prices"))
        if bandwidth is not None:
            factor = _UNITS.get(bandwidth[-1:], 1)
            number = _fractions(bandwidth[:-1] if factor > 1 else bandwidth, "bandwidth")[0]
            machines = replace(machines, bandwidth=int(number * factor))
        return machines


def _fractions(text: str, what: str) -> tuple[Fraction, ...]:
    try:
        return tuple(Fraction(each) for each in text.split(","))
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"{what}: found {text!r}, expected numbers such as 1,1.25,2") from None


def write_records(records: list[dict[str, Any]], format: str, output: str | None) -> None:
    """Tables and CSV leave the schedules out."""
    columns = None
    if format in ("table", "csv"):
        columns = {key: key.replace("_", " ") for key in records[0] if key not in ("start", "machine")}
    write_output(render(records, format, columns), output)
