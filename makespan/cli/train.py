"""``makespan train``: train a dispatcher."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from makespan.cli.arguments import Flag, Quiet
from makespan.cli.exit_codes import INTERNAL, OK, UsageError, error_line
from makespan.cli.output import note, on_terminal

if TYPE_CHECKING:
    from makespan.policies.config import Config
    from makespan.policies.training import Progress

_SMOKE: dict[str, Any] = {
    "instances": ("uniform,jobs=4,machines=3",),
    "width": 16,
    "layers": 1,
    "blocks": 1,
    "updates": 20,
    "batch": 4,
    "rollouts": 4,
    "moves": 20,
    "validation_count": 10,
    "evaluate_every": 10,
    "label_count": 40,
    "warm_up": 5,
}
_SMOKE_OF: dict[str, dict[str, Any]] = {
    "fjsp": {"instances": ("flexible,jobs=4,machines=3",)},
    "rcpsp": {"instances": ("rcpsp,activities=10",)},
    "branch": {"method": "strong_branching", "instances": ("uniform,jobs=8,machines=6",)},
    "dynamic": {
        "method": "ppo",
        "reward": "tardiness",
        "scenario": "jobs=templates,num_jobs=12,utilisation=0.9,due_tightness=1.5",
    },
}


def train(
    config: Path | None = None,
    /,
    *,
    folder: Annotated[Path, Parameter(name=["--folder", "-d"])] = Path("training"),
    problem: str | None = None,
    method: str | None = None,
    instances: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = (),
    updates: int | None = None,
    seed: int | None = None,
    settings: Annotated[tuple[str, ...], Parameter(name="--set", negative=(), show_default=False)] = (),
    smoke: Flag = False,
    quiet: Quiet = False,
) -> int:
    """Train a dispatcher; the same command goes on where a stopped one left off.

    The folder then holds log.jsonl, TensorBoard files, last.safetensors and best.safetensors, which --solver
    policy:FOLDER/best.safetensors plays.

    Parameters
    ----------
    config
        A TOML file with any of the settings, or the name of a recipe that comes along; see docs/training.md.
    folder
        Where the run is kept.
    problem
        jsp, fjsp, interval, rcpsp, dynamic, improve or branch.
    method
        imitation, ppo, self_labelling, guided or counterfactual; improvement for improve, strong_branching for branch.
    instances
        Generator specs to train on, such as uniform,jobs=6..10,machines=6; may be given again.
    updates
        Steps in all.
    seed
        Of weights, instances and samples.
    settings
        Any other setting, as name=value; may be given again.
    smoke
        A tiny run of seconds, to see that everything works.
    quiet
        No progress.
    """
    try:
        from makespan.policies.config import config_of, read_config
        from makespan.policies.training import train as run
    except ImportError as error:
        raise UsageError(f"train: {error}; install makespan[rl]") from None
    flags = {"problem": problem, "method": method, "updates": updates, "seed": seed, "instances": instances or None}
    changes: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
    changes |= dict(_setting(text) for text in settings)
    if smoke:
        tiny = _SMOKE | _SMOKE_OF.get(str(changes.get("problem")), {})
        changes = tiny | {"labels": str(folder / "labels")} | changes
    try:
        made = read_config(_config_path(config), **changes) if config is not None else config_of(changes, "train")
        begun = (folder / "last.safetensors").exists()
        note(
            f"{made.method} on {made.problem}, {made.updates} updates, {'going on' if begun else 'new'}: {folder}",
            quiet,
        )
        with _Bar(made, quiet) as bar:
            progress = run(made, folder, bar.update)
    except ValueError as error:
        raise UsageError(str(error)) from None
    except FloatingPointError as error:
        note(error_line(error))
        return INTERNAL
    note(
        f"best gap in validation {progress.best:.2f} %, {progress.seconds:.0f} s: {folder / 'best.safetensors'}",
        quiet,
    )
    return OK


def _config_path(config: Path) -> Path:
    own = Path(__file__).parents[1] / "policies" / "recipes" / f"{config}.toml"
    return own if own.exists() and not config.exists() else config


def _setting(text: str) -> tuple[str, Any]:
    """A setting ``name=value`` with the type that its default has."""
    from makespan.policies.config import Config

    name, equals, value = text.partition("=")
    defaults: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(Config)}
    if not equals or name not in defaults:
        raise UsageError(f"set: found {text!r}, expected name=value with one of {', '.join(defaults)}")
    default = defaults[name]
    if isinstance(default, tuple):
        return name, (value,)
    try:
        return name, value == "true" if isinstance(default, bool) else type(default)(value)
    except ValueError:
        raise UsageError(f"set: found {text!r}, expected a value like {default!r}") from None


class _Bar:
    """Progress on a terminal; a line per evaluation elsewhere."""

    def __init__(self, config: Config, quiet: bool) -> None:
        self.config, self.quiet = config, quiet
        self._progress: Any = None

    def __enter__(self) -> _Bar:
        if not self.quiet and on_terminal():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._progress.start()
            self._task = self._progress.add_task("training", total=self.config.updates)
        return self

    def __exit__(self, *error: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def update(self, progress: Progress, log: dict[str, float]) -> None:
        """Show where the run stands after an update."""
        text = f"loss {log['loss']:.4f}, gap {progress.gap:.2f} %, best {progress.best:.2f} %"
        if self._progress is not None:
            self._progress.update(self._task, completed=progress.step, description=text)
        elif "gap" in log:
            note(f"update {progress.step} of {self.config.updates}: {text}, {progress.seconds:.0f} s", self.quiet)
