"""The command line: one file per command, imported when the command is called.

This module and those that a command imports at its top load neither NumPy nor any solver, so that help and completion
are quick; what is heavy is imported inside the functions.
"""

from __future__ import annotations

from typing import NamedTuple

from cyclopts import App

from makespan import __version__


class Command(NamedTuple):
    """A row of the help page; ``target`` is imported when the command is called. One without an example is an App of
    its own with commands in it, and brings its own."""

    name: str
    target: str
    summary: str
    example: str = ""


COMMANDS = (
    Command("solve", "makespan.cli.solve:solve", "Solve instance files.", "makespan solve @ft06 --time-limit 10s"),
    Command(
        "check",
        "makespan.cli.check:check",
        "Check a schedule against its instance.",
        "makespan check ft06.json @ft06",
    ),
    Command(
        "info",
        "makespan.cli.info:info",
        "Show sizes, features, bounds and format of instances.",
        "makespan info @ft06 @j301_1",
    ),
    Command(
        "convert",
        "makespan.cli.convert:convert",
        "Write an instance or a schedule in another format.",
        "makespan convert @ft06 ft06.json",
    ),
    Command(
        "generate",
        "makespan.cli.generate:generate",
        "Generate a random instance.",
        "makespan generate uniform --param jobs=15 --param machines=15 --seed 1 -o my15x15.txt",
    ),
    Command(
        "plot",
        "makespan.cli.plot:plot",
        "Draw a schedule as a Gantt chart.",
        "makespan plot ft06.json -o ft06.html",
    ),
    Command(
        "explain",
        "makespan.cli.explain:explain",
        "Say why an instance has no schedule.",
        "makespan explain plant.json",
    ),
    Command("instances", "makespan.cli.instances:instances", "List and show the instances that come along."),
    Command("solvers", "makespan.cli.solvers:solvers", "List the solvers.", "makespan solvers --format json"),
    Command(
        "train",
        "makespan.cli.train:train",
        "Train a dispatcher.",
        "makespan train --method ppo --instances uniform,jobs=6,machines=6 --folder first",
    ),
    Command(
        "evolve",
        "makespan.cli.evolve:evolve",
        "Evolve priority rules.",
        "makespan evolve --generations 10 --folder rules",
    ),
    Command("models", "makespan.cli.models:models", "List the trained policies.", "makespan models jsp"),
    Command("workflow", "makespan.cli.workflow:workflow", "Schedule workflows on unlike machines."),
    Command("bench", "makespan.cli.bench:bench", "Run benchmarks."),
    Command(
        "study",
        "makespan.cli.study:study",
        "Play small experiments of papers.",
        "makespan study online_means --small",
    ),
    Command("warm", "makespan.cli.warm:warm", "Compile all kernels now, once.", "makespan warm"),
    Command(
        "completion",
        "makespan.cli.completion:completion",
        "Print the completion script of a shell.",
        'eval "$(makespan completion bash)"',
    ),
    Command("version", "makespan.cli.version:version", "Show versions.", "makespan version --format json"),
)


app = App(
    name="makespan",
    help="Solve, check, plot and benchmark job shops and resource-constrained projects.",
    help_epilogue="Start with: makespan solve @ft06",
    help_format="plaintext",
    version=__version__,
    print_error=False,
    exit_on_error=False,
    suppress_keyboard_interrupt=False,
)
for _each in COMMANDS:
    _epilogue = {"help_epilogue": f"Example: {_each.example}"} if _each.example else {}
    app.command(_each.target, name=_each.name, help=_each.summary, **_epilogue)
