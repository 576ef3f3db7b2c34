"""Calls the command line in this process."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from makespan.__main__ import main


class Call(NamedTuple):
    """What a call left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Call]:
    """``call("solve", "@ft06")`` in an empty folder; ``stdin`` is what the command reads."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, stdin: str = "") -> Call:
        monkeypatch.setattr("sys.argv", ["makespan", *map(str, arguments)])
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        try:
            code = main()
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return Call(code, captured.out, captured.err)

    return run
