"""``makespan train`` and ``makespan models``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]


def test_a_smoke_run_leaves_a_network_that_solves(call: Call, tmp_path: Path) -> None:
    """Seconds from nothing to a schedule; the same command has nothing left to do."""
    arguments = ("train", "--smoke", "--method", "ppo", "--folder", "run", "--updates", "2")
    code, _, err = call(*arguments)
    assert code == 0 and "ppo on jsp, 2 updates, new" in err and "best gap" in err
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert len(log) == 2 and {"loss", "environment_seconds", "network_seconds", "kl"} <= log[0].keys()
    code, out, _ = call("solve", "@ft06", "--solver", "policy:run/best.safetensors", "--format", "json")
    assert code == 0 and json.loads(out)["objective"] >= 55
    code, _, err = call(*arguments)
    assert code == 0 and "going on" in err
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "wdith=3"), "found 'wdith=3'"),
        (("--set", "width=x"), "expected a value like 64"),
        (("--method", "magic"), "found 'magic'"),
        (("--problem", "knapsack", "--smoke", "--method", "ppo"), "found 'knapsack'"),
        (("nothing.toml",), "nothing.toml"),
        (("--instances", "cubes,size=3", "--smoke", "--method", "ppo"), "found 'cubes'"),
    ],
)
def test_a_wrong_setting_is_a_usage_error(call: Call, arguments: tuple[str, ...], words: str) -> None:
    """One sentence, code 2."""
    code, out, err = call("train", *arguments)
    assert code == 2 and out == "" and words in err


def test_a_recipe_that_comes_along_is_found_by_name(call: Call, tmp_path: Path) -> None:
    """Its settings are those of the file, changed by flags."""
    code, _, err = call("train", "jsp", "--smoke", "--method", "self_labelling", "--updates", "1", "--set", "threads=1")
    assert code == 0, err
    settings = json.loads((tmp_path / "training" / "config.json").read_text())
    assert settings["updates"] == 1 and settings["learning_rate"] == 0.001 and settings["width"] == 16


def test_models_lists_the_networks_that_come_along(call: Call) -> None:
    """Name, problem, and what their cards say."""
    code, out, _ = call("models", "--format", "json")
    assert code == 0
    records = {record["model"]: record for record in json.loads(out)}
    assert records["jsp"]["problem"] == "jsp" and records["jsp"]["command"].startswith("makespan train")


def test_a_model_shows_its_card(call: Call) -> None:
    """How it was made and what it reached; the table of all has room for the summaries alone."""
    code, out, _ = call("models", "jsp")
    assert code == 0 and "makespan train jsp" in out and "FDD/MWKR" in out and "core_hours" in out
    assert "makespan train" not in call("models").out
    code, _, err = call("models", "none")
    assert code == 2 and "model: found 'none', expected one of" in err
