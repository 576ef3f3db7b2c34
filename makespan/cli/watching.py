"""``--watch``: the live page of a command, printed and, on a terminal, opened in the browser."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING, TypeVar

from makespan.cli.output import note, on_terminal

if TYPE_CHECKING:
    from makespan.eval.live.watch import BenchmarkWatch, SolveWatch

    Watch = TypeVar("Watch", SolveWatch, BenchmarkWatch)


def shown(watch: Watch) -> Watch:
    """Print the address of a live page and open it where somebody sits in front of a screen."""
    note(f"watch at {watch.url}")
    if on_terminal() and _has_screen():
        watch.awaited = True
        address = watch.server.invitation()  # stands in the list of processes, so not the one with the token
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()  # may take seconds
    return watch


def _has_screen() -> bool:
    """Whether a window can open: never a browser of text, which would take the terminal."""
    if os.environ.get("SSH_CONNECTION"):
        return False
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
