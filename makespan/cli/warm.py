"""``makespan warm``: compile every kernel of the solvers and environments now."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from makespan.cli.arguments import Quiet
from makespan.cli.exit_codes import OK
from makespan.cli.output import note


def warm(*, quiet: Quiet = False) -> int:
    """Compile all kernels of solvers and environments, once; later runs load them from the cache folder.

    Parameters
    ----------
    quiet
        Print errors only.
    """
    from makespan.solvers.kernels import cache_folder, is_cold

    begin = perf_counter()
    owners = _owners()
    names: set[int] = set()
    for position, (name, kernels, compile_now) in enumerate(owners, start=1):
        note(f"[{position}/{len(owners)}] {name}: {'compiling' if is_cold(kernels) else 'cached'}", quiet)
        compile_now()
        names |= {id(each) for each in kernels}
    print(f"{len(names)} kernels ready in {perf_counter() - begin:.1f} s, cached in {cache_folder()}")
    return OK


def _owners() -> list[tuple[str, tuple[Any, ...], Callable[[], None]]]:
    """Name, kernels and warm-up of the lower bounds, of every stage in the examples of the table, each once, and of the
    environments."""
    from makespan.envs.warm import owners
    from makespan.solvers import lower_bounds
    from makespan.solvers.registry import SOLVERS, make_stage, parse_spec
    from makespan.solvers.stage import Chooser

    specs = {str(stage): stage for entry in SOLVERS.values() for text in entry.examples for stage in parse_spec(text)}
    methods = [(text, make_stage(spec)) for text, spec in specs.items()]
    bounds = ("lower bounds", lower_bounds.KERNELS, lower_bounds.warm)
    stages = ((text, each.kernels, each.warm) for text, each in methods if not isinstance(each, Chooser))
    return [bounds, *stages, *owners()]
