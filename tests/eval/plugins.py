"""Solvers that behave badly, for worker processes: a package with an entry point in a folder of its own."""

from pathlib import Path

SOURCE = """
import ctypes, os, signal, time
from dataclasses import dataclass
from makespan.instances.features import FEATURES


@dataclass(frozen=True)
class Bad:
    how: str
    supports = frozenset(FEATURES)
    kernels = ()

    def warm(self):
        pass

    def run(self, instance, context):
        time.sleep(1.0 if self.how == "hung" else 0.0)  # the event that the stage begins goes out first
        if self.how == "stuck":  # deaf to every limit
            time.sleep(600)
        elif self.how == "hung":  # and the whole process with it: the call keeps the interpreter's lock
            ctypes.PyDLL(None).sleep(600)
        elif self.how == "dead":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.how == "greedy":
            held = []
            while not context.expired():
                held.append(b"x" * 50_000_000)
                time.sleep(0.01)


def make(argument=None, **parameters):
    return Bad(argument)
"""


def install_bad_solvers(folder: Path) -> None:
    """Put the package there; with the folder on ``sys.path``, ``bad:stuck`` and the others are solvers."""
    (folder / "bad_solvers.py").write_text(SOURCE)
    about = folder / "bad_solvers-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-solvers\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[makespan.solvers]\nbad = bad_solvers:make\n")
