"""``makespan warm``: compile every kernel of the built-in solvers now."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from makespan.cli.arguments import Quiet
from makespan.cli.exit_codes import OK
from makespan.cli.output import note

if TYPE_CHECKING:
    from makespan.solvers.stage import Chooser, Stage


def warm(*, quiet: Quiet = False) -> int:
    """Compile all kernels of the built-in solvers, once; later runs load them from the cache folder.

    Parameters
    ----------
    quiet
        Print errors only.
    """
    from makespan.solvers.kernels import cache_folder, is_cold

    begin = perf_counter()
    stages = _built_in_stages()
    kernels = {id(each): each for _, stage in stages for each in stage.kernels}
    for position, (spec, stage) in enumerate(stages, start=1):
        state = "compiling" if is_cold(stage.kernels) else "cached"
        note(f"[{position}/{len(stages)}] {spec}: {state}", quiet)
        stage.warm()
    print(f"{len(kernels)} kernels ready in {perf_counter() - begin:.1f} s, cached in {cache_folder()}")
    return OK


def _built_in_stages() -> list[tuple[str, Stage | Chooser]]:
    """A stage for every stage named in the examples of the table, each once."""
    from makespan.solvers.registry import SOLVERS, make_stage, parse_spec

    specs = {str(stage): stage for entry in SOLVERS.values() for text in entry.examples for stage in parse_spec(text)}
    return [(text, make_stage(spec)) for text, spec in specs.items()]
