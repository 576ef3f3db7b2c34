"""``makespan bench import``: results of other programs, checked and put beside our own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from makespan.cli.arguments import Flag, Quiet, Reference
from makespan.cli.exit_codes import NEGATIVE, OK, UsageError
from makespan.cli.output import check_writable, note

_MOST_LINES = 20  # of refusals that are printed


def import_results(
    store: Path,
    /,
    *files: Annotated[str, Parameter(name="FILES")],
    suite: str = "imported",
    solver: str | None = None,
    instance: Reference | None = None,
    ignore: str | None = None,
    skip_refused: Flag = False,
    quiet: Quiet = False,
) -> int:
    """Put results and schedules of other programs into a benchmark store, checked.

    A schedule is checked as ours are. A value without one is stored as claimed, and marked so. Values that contradict a
    proved bound, their own schedule or themselves are refused with file and line; then nothing is stored. Columns, and
    their other names, are in docs/benchmark.md.

    Parameters
    ----------
    store
        SQLite file for the runs; made if there is none.
    files
        CSV tables with solver, instance, objective, lower_bound, seconds, seed; result files of makespan solve (JSON, a
        list, or lines); with --solver and --instance also schedules (CSV, JSON or MS Project XML).
    suite
        Name under which the runs are stored.
    solver
        Solver of files that name none; of result files in any case.
    instance
        Instance of files that name none; of result files in any case.
    ignore
        Columns of tables to pass over, with commas.
    skip_refused
        Store the others when some are refused.
    quiet
        Print refusals only.
    """
    if not files:
        raise UsageError("import: no FILES, expected results or schedules")
    check_writable(str(store))
    from makespan.eval.foreign import import_claims
    from makespan.eval.foreign_files import Defaults, read_claims
    from makespan.eval.store import Store

    ignored = tuple(word.strip().lower().replace(" ", "_") for word in (ignore or "").split(",") if word.strip())
    defaults = Defaults(solver, instance, ignored)
    claims = [claim for path in files for claim in read_claims(path, defaults)]
    try:
        results = Store(store)
    except ValueError as error:
        raise UsageError(str(error)) from None
    with results:
        outcome = import_claims(claims, results, suite, skip_refused=skip_refused)
    for refusal in outcome.refused[:_MOST_LINES]:
        note(str(refusal))
    if len(outcome.refused) > _MOST_LINES:
        note(f"… and {len(outcome.refused) - _MOST_LINES} more")
    for name, value, verified in outcome.better:
        note(f"{name}: {value} is below the best known value, {'verified' if verified else 'not verified'}", quiet)
    if outcome.refused and not skip_refused:
        note(f"{len(outcome.refused)} of {len(claims)} results refused, nothing stored", quiet)
    else:
        counts = f"{outcome.verified} verified, {outcome.claimed} as claimed, {outcome.present} stored before"
        note(f"suite {suite}: {counts}, {len(outcome.refused)} refused", quiet)
    return NEGATIVE if outcome.refused else OK
