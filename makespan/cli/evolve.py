"""``makespan evolve``: evolve priority rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from makespan.cli.arguments import OutputFormat, Quiet, thread_count, usage_errors
from makespan.cli.exit_codes import OK, UsageError
from makespan.cli.output import note, render, write_output


def evolve(
    *,
    folder: Annotated[Path, Parameter(name=["--folder", "-d"])] = Path("rules"),
    instances: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = (),
    count: int | None = None,
    validation_count: int | None = None,
    scheme: str | None = None,
    quantities: str | None = None,
    population: int | None = None,
    generations: int | None = None,
    most_tokens: int | None = None,
    seed: int | None = None,
    threads: int | None = None,
    format: OutputFormat = "table",
    quiet: Quiet = False,
) -> int:
    """Evolve priority rules for job shops that are good and short.

    Prints the front, from the shortest to the best rule, with mean makespans relative to FDD/MWKR. The folder then
    holds it as front.csv, and as best.rule the one that is best on instances it did not evolve on, which --solver
    rule:FOLDER/best.rule plays.

    Parameters
    ----------
    folder
        Where the rules are written.
    instances
        Generator specs to evolve on, such as uniform,jobs=10..30,machines=10; may be given again.
    count
        How many of them.
    validation_count
        Instances to choose the best rule on.
    scheme
        non_delay, giffler_thompson, insertion or append.
    quantities
        Letters that rules are made of, see docs/rules.md.
    population
        Rules kept.
    generations
        Rounds in which as many are made anew.
    most_tokens
        Longer rules are not made.
    seed
        Of instances and changes.
    threads
        Instances played at once; default: every core.
    format
        Of the printed front: table, json, jsonl or csv.
    quiet
        No progress.
    """
    from makespan.policies.rule_evolution import Evolution, Generation, chosen
    from makespan.policies.rule_evolution import evolve as run
    from makespan.solvers.rule_expressions import SUFFIX, write_rule

    given = {
        "instances": instances or None,
        "count": count,
        "validation_count": validation_count,
        "scheme": scheme,
        "quantities": quantities,
        "population": population,
        "generations": generations,
        "most_tokens": most_tokens,
        "seed": seed,
    }
    with usage_errors():
        settings = {name: value for name, value in given.items() if value is not None}
        evolution = Evolution(**settings, threads=thread_count(threads))  # type: ignore[arg-type]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}, expected a folder to write to") from None

    def report(generation: Generation) -> None:
        note(
            f"generation {generation.number} of {evolution.generations}: best {100 * generation.best:.2f} % of "
            f"FDD/MWKR, {generation.front} on the front",
            quiet,
        )

    with usage_errors():
        front = run(evolution, report)
    best = chosen(front)
    records = [
        {
            "size": each.expression.size,
            "training": f"{each.training:.4f}",
            "validation": f"{each.validation:.4f}",
            "rule": str(each.expression),
        }
        for each in front
    ]
    write_output(render(records, "csv"), str(folder / "front.csv"))
    write_rule(
        folder / f"best{SUFFIX}",
        best.expression,
        f"scheme {evolution.scheme}; mean makespan {best.validation:.4f} of FDD/MWKR's in validation, "
        f"{best.training:.4f} where it evolved",
        f"{', '.join(evolution.instances)}; seed {evolution.seed}",
    )
    write_output(render(records, format), None)
    note(f"best in validation: {best.expression}: {folder / f'best{SUFFIX}'}", quiet)
    return OK
