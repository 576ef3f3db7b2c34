"""``makespan completion``: the script that completes commands, flags, instances and solvers in a shell."""

from __future__ import annotations

from typing import Literal

from makespan.cli.exit_codes import OK
from makespan.cli.output import write_output


def completion(shell: Literal["bash", "zsh", "fish"], /) -> int:
    """Print the completion script of a shell.

    bash: eval "$(makespan completion bash)" in ~/.bashrc. zsh: the same in ~/.zshrc, after compinit. fish: makespan
    completion fish > ~/.config/fish/completions/makespan.fish.

    Parameters
    ----------
    shell
        bash, zsh or fish.
    """
    from makespan.cli import app

    write_output(app.generate_completion(prog_name="makespan", shell=shell), None)
    return OK
