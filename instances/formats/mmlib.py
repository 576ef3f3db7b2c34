"""MMLIB text (MMLIB50, MMLIB100, MMLIB+): the sections of PSPLIB's ``.mm`` under a header of four lines.

``jobs  (incl. supersource/sink ):  52``, RESOURCES with the three counts, then PRECEDENCE RELATIONS,
REQUESTS/DURATIONS and RESOURCE AVAILABILITIES, separated by tabs. Source: Van Peteghem and Vanhoucke (2014), EJOR
235, 62-72.
"""

from __future__ import annotations

from makespan.instances.formats import psplib
from makespan.instances.formats.source import Source
from makespan.instances.instance import Instance

HOLDS = psplib.HOLDS


def recognises(source: Source) -> bool:
    """A section PRECEDENCE RELATIONS, and a file that opens with the number of jobs."""
    head = source.text[:4000].lower()
    return "precedence relations" in head and not psplib.recognises(source)


def read(source: Source) -> Instance:
    """As PSPLIB: multi-mode RCPSP with arcs end to start. O(size of the file)."""
    return psplib.read(source)


def write(instance: Instance) -> str:
    """The text; renewable resources must come before nonrenewable ones."""
    renewable = int(instance.renewable.sum())
    head = [
        f"jobs  (incl. supersource/sink ):\t{instance.num_tasks}",
        "RESOURCES",
        f"- renewable                 : {renewable} R",
        f"- nonrenewable              : {instance.num_resources - renewable} N",
        "- doubly constrained        : 0 D",
        "*" * 72,
    ]
    return "\n".join([*head, *psplib.body(instance, "RESOURCE AVAILABILITIES:")]) + "\n"
