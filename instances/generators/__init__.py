"""Random instances from a seed, each generator in a file named after its paper; see docs/generators.md."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from makespan.instances.generators import (
    brandimarte,
    cetinkaya,
    da_col,
    demirkol,
    jain_wetter,
    kolisch,
    taillard,
    uniform,
)
from makespan.instances.instance import Instance

GENERATORS: dict[str, Callable[..., Instance]] = {
    "taillard": taillard.taillard,
    "taillard_job_shop": taillard.job_shop,
    "taillard_flow_shop": taillard.flow_shop,
    "taillard_open_shop": taillard.open_shop,
    "uniform": uniform.job_shop,
    "two_set": demirkol.job_shop,
    "flexible": brandimarte.flexible_job_shop,
    "recirculating": da_col.recirculating_job_shop,
    "rcpsp": kolisch.rcpsp,
    "constraint_ramp": jain_wetter.constraint_ramp,
    "tardiness": cetinkaya.tardiness,
}


def generate(spec: str, **params: Any) -> Instance:
    """An instance from a spec such as ``uniform,jobs=10,machines=5,seed=1``; ``params`` add to it or replace values.

    Raises ValueError for an unknown kind or parameter, a missing one, or a value out of range.
    """
    kind, *settings = [part.strip() for part in spec.split(",")]
    if kind not in GENERATORS:
        raise ValueError(f"generator: found {kind!r}, expected one of {', '.join(GENERATORS)}")
    generator = GENERATORS[kind]
    known = inspect.signature(generator).parameters
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ValueError(f"{kind}: found {setting!r}, expected name=value")
        values[name.strip()] = _number(kind, name.strip(), text.strip())
    values.update(params)
    for name in values:
        if name not in known:
            raise ValueError(f"{kind}: unknown parameter {name!r}, expected some of {', '.join(known)}")
    missing = [name for name, p in known.items() if p.default is p.empty and name not in values]
    if missing:
        raise ValueError(f"{kind}: needs {', '.join(missing)}")
    return generator(**values)


def _number(kind: str, name: str, text: str) -> int | float | bool:
    if text in ("true", "false"):
        return text == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    raise ValueError(f"{kind}: found {name}={text!r}, expected a number, true or false")
